"""Small devices that tests build in Python, SI numbers throughout."""

from __future__ import annotations

from perovsim.model import Device, Reaction, load_device
from perovsim.model.quantity import Dimension

EV = {"electron_affinity": 3.2, "ionisation_energy": 5.8}


def layer(name: str, nanometres: float, cells: int, **values):
    """A layer of a medium-gap semiconductor, its values changed by keywords."""
    usual = {
        "permittivity": 10.0, "N_c": 2e24, "N_v": 2e24, "mobility_electron": 1e-4, "mobility_hole": 1e-4, **EV,
    }  # fmt: skip
    return {"name": name, "thickness": nanometres * 1e-9, "cells": cells, **usual, **values}


def device(layers, cathode: float = 3.4, anode: float = 5.6, temperature: float = 300.0, **more) -> Device:
    """Layers between a cathode at x = 0 and an anode, work functions in eV."""
    contacts = [
        {"which": "cathode", "name": "cathode", "work_function": cathode},
        {"which": "anode", "name": "anode", "work_function": anode},
    ]
    return Device(name="test", temperature=temperature, contact=contacts, layer=layers, **more)


def heterojunction(ions: bool = False) -> Device:
    """ETL | emitter | HTL of three materials, with mobile vacancies in the emitter if asked."""
    ion = {"ion": [{"name": "V", "charge": 1, "D": 1e-16, "density": 1e24}]} if ions else {}
    return device([
        layer("etl", 40, 24, permittivity=3.5, electron_affinity=3.0, ionisation_energy=6.4, N_c=1e26, N_v=1e26,
              mobility_electron=2e-9, mobility_hole=1e-10),
        layer("emitter", 50, 40, permittivity=16, k_radiative=1e-16, lifetime_electron=1e-7, lifetime_hole=1e-7, **ion),
        layer("htl", 40, 24, permittivity=3, electron_affinity=2.2, ionisation_energy=5.6, N_c=1e26, N_v=1e26,
              mobility_electron=1e-10, mobility_hole=2e-9),
    ], cathode=3.15, anode=5.45)  # fmt: skip


def radiolysis(halide: str, layer: str = "emitter", cross_section: float = 1e-24) -> Reaction:
    """The beam frees a halide as neutral atoms and leaves lead behind; cross section [m^2]."""
    return Reaction(
        kind="reaction", name=f"radiolysis_{halide}", reaction=f"Pb2+ + 2 {halide}- -> Pb + 2 {halide}",
        site=f"layer:{layer}", drive="beam", rate=Dimension(("m^2",)).read(cross_section), elementary_steps=2,
    )  # fmt: skip


def coarse_led(cells=(20, 30, 20), hypotheses=("oxidised_halogen", "corrosion_couple"), **values) -> Device:
    """The shipped LED on a coarse mesh with the reactions of some hypotheses on."""
    led = load_device("nanoled_like").with_values({k.replace("__", "."): v for k, v in values.items()})
    layers = tuple(part.replace(cells=n) for part, n in zip(led.layers, cells, strict=True))
    return led.replace(layers=layers).with_hypotheses(*hypotheses)
