"""Reactions written as chemistry, and losses of films -> rows of the kernel's reaction table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.device.kernels.tables import (
    ALPHA,
    AT_CONTACT,
    BARRIER,
    DEPENDS,
    DRIVEN,
    DROP,
    ENERGY,
    FADING,
    JUMPS,
    LINK,
    OFFSET_GROWTH,
    POTENTIALS,
    PROCESS,
    RATE,
    RATE_COLUMNS,
    SEED,
    SLOWING,
    STEPS,
    VACANCY,
)
from perovsim.device.problem.films import LEAD, losses
from perovsim.device.problem.participants import NO_RETURN, Context, Participants, Row
from perovsim.device.problem.sites import Spot, spots

LEAST_FACTOR = 1e-12
"""Factors of a potential smaller than this have cancelled."""


@dataclass
class Entry:
    """One row of the table: its process, amounts and activities, numbers of its law (RATE_COLUMNS,)."""

    process: int
    row: Row
    law: np.ndarray
    link: list[int]

    def moved(self, context: Context, spot: Spot, to: Spot) -> Entry:
        """The same reaction in another cell of the same layer."""
        own, cell = self.row, to.lattice
        unknown = dict(zip(context.slots[:, spot.lattice].tolist(), context.slots[:, cell].tolist(), strict=True))
        row = Row(
            forward=[context.moved(k, cell, unknown) for k in own.forward],
            backward=[context.moved(k, cell, unknown) for k in own.backward],
            change={unknown.get(k, k): amount for k, amount in own.change.items()},
            seed=context.moved(own.seed, cell, unknown) if own.seed >= 0 else -1,
        )
        law = self.law.copy()
        law[RATE] *= to.weight / spot.weight
        return Entry(self.process, row, law, [unknown.get(k, k) for k in self.link])


def compile_reactions(context: Context) -> dict[str, np.ndarray]:
    """All reactions of a device, then the losses of its films, as arrays of Tables."""
    entries = _reactions(context) + _losses(context)
    width = max([1, *(max(len(x.row.forward), len(x.row.backward)) for x in entries)])
    changes = max([1, *(len(x.row.change) for x in entries)])
    count = len(entries)
    table = dict(
        rate=np.zeros((count, RATE_COLUMNS)),
        link=np.full((count, LINK + POTENTIALS), -1),
        side=np.full((2, count, width), -1),
        row=np.full((count, changes), -1),
        change=np.zeros((count, changes)),
    )
    for r, entry in enumerate(entries):
        table["rate"][r], table["link"][r, PROCESS] = entry.law, entry.process
        table["link"][r, SEED] = entry.row.seed
        table["link"][r, LINK : LINK + len(entry.link)] = entry.link
        table["side"][0, r, : len(entry.row.forward)] = entry.row.forward
        table["side"][1, r, : len(entry.row.backward)] = entry.row.backward
        table["row"][r, : len(entry.row.change)] = list(entry.row.change)
        table["change"][r, : len(entry.row.change)] = list(entry.row.change.values())
    keys = [(kind, *depends, *carrier) for kind, depends, carrier, _, _ in context.keys]
    return table | dict(
        activity=np.array(keys, np.int64).reshape(-1, 1 + DEPENDS + 2),
        activity_number=np.array([key[3:] for key in context.keys], float).reshape(-1, 2),
    )


def _reactions(context: Context) -> list[Entry]:
    entries = []
    for number, reaction in enumerate(context.device.reactions):
        participants, first = Participants(context, reaction), None
        for spot in spots(context.device, context.mesh, context.slots[VACANCY] >= 0, reaction):
            if first is None:
                first = spot, _entry(context, number, reaction, participants, spot)
                entries.append(first[1])
            else:  # more than one place: the cells of one layer
                entries.append(first[1].moved(context, first[0], spot))
    return entries


def _entry(context: Context, number: int, reaction, participants: Participants, spot: Spot) -> Entry:
    row, rate = participants.row(spot)
    law = np.zeros(RATE_COLUMNS)
    _enter_law(law, reaction, row, rate, context.vt)
    _enter_growth(law, participants)
    return Entry(number, row, law, _enter_links(law, participants, row))


def _losses(context: Context) -> list[Entry]:
    """A film that leaves, at a rate proportional to its mole fraction, and comes back at a constant one."""
    entries, temperature = [], float(context.device.temperature)
    for number, loss in enumerate(losses(context.device, context.products), len(context.device.reactions)):
        away, back = loss.rates(temperature)
        law = np.zeros(RATE_COLUMNS)
        law[RATE], law[STEPS], law[OFFSET_GROWTH] = away, 1.0, 1.0
        law[ENERGY] = np.log(away / back) if back > 0.0 else NO_RETURN
        unknown = context.product(loss.film, context.products.side)
        entries.append(Entry(number, Row(forward=[context.film_share(loss.film)], change={unknown: -1.0}), law, []))
    return entries


def _enter_law(law: np.ndarray, reaction, row: Row, rate: float, vt: float) -> None:
    law[RATE], law[ALPHA] = rate, 0.0 if reaction.drive == "beam" else float(reaction.alpha)
    law[ENERGY], law[STEPS] = row.energy, reaction.elementary_steps
    law[DRIVEN] = reaction.drive == "beam"
    law[AT_CONTACT : AT_CONTACT + 2] = row.face
    if reaction.nucleation_barrier is not None:
        per_atom = reaction.elementary_steps / reaction.equation.stoichiometry.get(LEAD, 1)
        law[BARRIER] = np.sqrt(float(reaction.nucleation_barrier) / vt**3) / per_atom


def _enter_growth(law: np.ndarray, participants: Participants) -> None:
    """Coefficients of the growth law of the film that the reaction makes."""
    own = participants.growth
    law[[OFFSET_GROWTH, SLOWING, FADING, JUMPS]] = own.offset, own.slowing, own.fading, own.jumps


def _enter_links(law: np.ndarray, participants: Participants, row: Row) -> list[int]:
    """Unknowns of the potentials that enter the affinity; their factors go into the law."""
    links = [(unknown, factor) for unknown, factor in row.links.items() if abs(factor) > LEAST_FACTOR]
    if len(links) > POTENTIALS:
        participants.fail("more than three potentials enter its affinity")
    law[DROP : DROP + len(links)] = [factor for _, factor in links]
    return [unknown for unknown, _ in links]
