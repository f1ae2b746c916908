"""Numbers of the whole device that kernels read: circuit, films on a contact, lead as traps, collapse, phases."""

from __future__ import annotations

import numpy as np

from perovsim.constants import EPS_0, Q
from perovsim.device.kernels.tables import (
    BUILT_IN,
    CENTRE,
    CENTRE_CAPTURE,
    CENTRES_PER_ATOM,
    COLLAPSE,
    CONDUCTIVITY,
    COVER,
    CRYSTAL,
    DECAY,
    DISPLACED,
    EXPONENT,
    FADE,
    FIELD_SCALE,
    FILM_FIELD,
    FRENKEL,
    LEAD_SHARE,
    LEAD_SPECIES,
    NUMBERS,
    PACE,
    PARALLEL,
    PATCHES,
    PER_VACANCY,
    PER_VOLT,
    SIGN,
    TAKEN,
    THETA_CRITICAL,
    ZETA,
)
from perovsim.device.problem import species
from perovsim.device.problem.films import LEAD, ContactProducts
from perovsim.device.problem.participants import Context
from perovsim.device.problem.species import CRYSTALLINITY, SpeciesPlan


def device_numbers(device, plans: list[SpeciesPlan], products: ContactProducts, band: int, vt: float) -> np.ndarray:
    first, last = device.contacts
    number = np.zeros(NUMBERS)
    number[SIGN] = 1.0 if first.which == "anode" else -1.0
    number[BUILT_IN] = (float(last.work_function) - float(first.work_function)) / vt
    number[PARALLEL] = number[SIGN] * device.circuit.capacitance * vt / Q
    number[CENTRE] = -1
    _enter_film(number, products, band, vt)
    _enter_collapse(number, device, plans)
    traps = lead_traps(device)
    if traps is not None:
        number[CENTRE] = next((s for s, plan in enumerate(plans) if plan.formula == LEAD), -1)
        number[CENTRES_PER_ATOM] = float(traps.traps_per_atom)
        number[CENTRE_CAPTURE : CENTRE_CAPTURE + 2] = float(traps.capture_electron), float(traps.capture_hole)
    return number


def _enter_film(number: np.ndarray, products: ContactProducts, band: int, vt: float) -> None:
    """How the films act on their contact: patches that are tunnelled through, or a closed film that conducts."""
    number[FILM_FIELD], number[COVER], own = -1, products.cover, products.blocking
    if products.cover > 0.0:
        number[PATCHES], number[DECAY] = float(own.avrami_exponent), float(own.tunnel_decay)
    if products.conducts:
        permittivity = float(own.permittivity) * EPS_0
        number[FILM_FIELD], number[PER_VOLT] = band + 1 + len(products.keys), FIELD_SCALE / vt
        number[DISPLACED], number[CONDUCTIVITY] = (
            permittivity * FIELD_SCALE / Q,
            float(own.conductivity) * FIELD_SCALE / Q,
        )
        if own.conduction == "poole_frenkel":
            number[FRENKEL] = np.sqrt(Q * FIELD_SCALE / (np.pi * permittivity)) / vt


def _enter_collapse(number: np.ndarray, device, plans: list[SpeciesPlan]) -> None:
    """How the crystallinity of the lattices falls."""
    number[CRYSTAL] = next((s for s, plan in enumerate(plans) if plan.name == CRYSTALLINITY), -1)
    own = next((process for process in device.enabled_processes if process.kind == "collapse"), None)
    if own is not None:
        number[COLLAPSE], number[THETA_CRITICAL] = own.rate_at(float(device.temperature)), float(own.critical_vacancies)
        number[FADE] = 0.0 if own.beam_dose is None else 1.0 / float(own.beam_dose)


def phase_rows(context: Context) -> np.ndarray:
    """The transformations of the lattices, one row each."""
    names = [plan.name for plan in context.plans]
    lead = next((s for s, plan in enumerate(context.plans) if plan.formula == LEAD), -1)
    rows = np.zeros((len(context.device.transformations), LEAD_SHARE + 1))
    for row, own in zip(rows, context.device.transformations, strict=True):
        cell = context.mesh.cells_of(context.device, own.layer)[0]
        row[[ZETA, TAKEN]] = names.index(species.ZETA + own.name), names.index(species.TAKEN + own.name)
        row[PACE], row[EXPONENT] = own.pace(float(context.device.temperature)), float(own.avrami_exponent)
        row[PER_VACANCY] = 0.0 if own.vacancies is None else 1.0 / float(own.vacancies)
        row[LEAD_SPECIES], row[LEAD_SHARE] = lead, context.lead(cell)[1]
    return rows


def lead_traps(device):
    return next((process for process in device.enabled_processes if process.kind == "lead_traps"), None)
