"""Reactions written as chemistry -> rows of the kernel's reaction table."""

from __future__ import annotations

import numpy as np

from perovsim.device.participants import Context, Participants, Row
from perovsim.device.sites import spots
from perovsim.device.tables import (
    ALPHA,
    AT_CONTACT,
    BARRIER,
    DEPENDS,
    DROP,
    ENERGY,
    FADING,
    JUMPS,
    LINK,
    OFFSET_GROWTH,
    PROCESS,
    RATE,
    RATE_COLUMNS,
    SLOWING,
    STEPS,
    VACANCY,
)

LEAST_FACTOR = 1e-12
"""Factors of a potential smaller than this have cancelled."""


def compile_reactions(context: Context) -> dict[str, np.ndarray]:
    """All reactions of a device as arrays of Tables."""
    rows: list[tuple[int, Participants, Row, float]] = []
    for number, reaction in enumerate(context.device.reactions):
        participants = Participants(context, reaction)
        for spot in spots(context.device, context.mesh, context.slots[VACANCY] >= 0, reaction):
            rows.append((number, participants, *participants.row(spot)))
    width = max([1, *(len(x.forward) for *_, x, _ in rows), *(len(x.backward) for *_, x, _ in rows)])
    changes = max([1, *(len(x.change) for *_, x, _ in rows)])
    count = len(rows)
    table = dict(
        rate=np.zeros((count, RATE_COLUMNS)),
        link=np.full((count, 3), -1),
        side=np.full((2, count, width), -1),
        row=np.full((count, changes), -1),
        change=np.zeros((count, changes)),
    )
    for r, (number, participants, row, rate) in enumerate(rows):
        table["link"][r, PROCESS] = number
        _enter_law(table["rate"][r], participants.reaction, row, rate, context.vt)
        _enter_growth(table["rate"][r], participants)
        _enter_links(table["rate"][r], table["link"][r], participants, row)
        table["side"][0, r, : len(row.forward)] = row.forward
        table["side"][1, r, : len(row.backward)] = row.backward
        table["row"][r, : len(row.change)] = list(row.change)
        table["change"][r, : len(row.change)] = list(row.change.values())
    keys = np.array(list(context.activities), float).reshape(-1, 1 + DEPENDS + 2 + 2)
    return table | dict(activity=keys[:, :-2].astype(np.int64), activity_number=keys[:, -2:].copy())


def _enter_law(law: np.ndarray, reaction, row: Row, rate: float, vt: float) -> None:
    law[RATE], law[ALPHA] = rate, float(reaction.alpha)
    law[ENERGY], law[STEPS] = row.energy, reaction.elementary_steps
    law[AT_CONTACT : AT_CONTACT + 2] = row.face
    if reaction.nucleation_barrier is not None:
        law[BARRIER] = np.sqrt(float(reaction.nucleation_barrier) / vt**3)


def _enter_growth(law: np.ndarray, participants: Participants) -> None:
    """Coefficients of the growth law of the film that the reaction makes."""
    own = participants.growth
    law[[OFFSET_GROWTH, SLOWING, FADING, JUMPS]] = own.offset, own.slowing, own.fading, own.jumps


def _enter_links(law: np.ndarray, link: np.ndarray, participants: Participants, row: Row) -> None:
    """Potentials that enter the affinity, with their factors."""
    links = [(unknown, factor) for unknown, factor in row.links.items() if abs(factor) > LEAST_FACTOR]
    if len(links) > 2:
        participants.fail("more than two potentials enter its affinity")
    for k, (unknown, factor) in enumerate(links):
        link[LINK + k], law[DROP + k] = unknown, factor
