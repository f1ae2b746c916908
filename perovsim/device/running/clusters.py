"""Size distribution of the clusters of metallic lead in each cell: nucleation over a barrier, growth by one amount.

Every cluster is a sphere and grows as fast as the next, dr/dt = g, so three moments of the distribution, M_k = sum r^k
per volume, and the lead that the reactions account for, M_3 = 3 v c/(4 pi), say all that is used of it. In a step that
makes dM_3, J dt nuclei of the critical radius r* = 2 gamma v/d(mu) are born and the others take the rest: all radii
move by the delta of M_0 d^3 + 3 M_1 d^2 + 3 M_2 d = dM_3 - J dt r*^3. Lead that dissolves leaves all radii in
proportion and their number as it is. Nuclei per volume and time are J = J_0 exp[-(B/A)^2], with the very barrier and
affinity that gate the reaction; nothing acts back on it.

References: Becker & Doering, Ann. Phys. 416, 719 (1935); Hulburt & Katz, Chem. Eng. Sci. 19, 555 (1964) for moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.constants import N_A, Q
from perovsim.device.kernels.tables import (
    BARRIER,
    DROP,
    ENERGY,
    LINK,
    PROCESS,
    SPECIES,
    STEPS,
    VALUE,
)
from perovsim.device.problem.films import LEAD
from perovsim.errors import ModelFileError
from perovsim.physics.thermochemistry import load_table

SPHERE = 4.0 * np.pi / 3.0
TRIES = 60
"""Newton's corrections of the cubic, which converge from above: few are needed."""
GONE = 1e-250
"""Activities below this have no logarithm."""


def affinities(tables, activity: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A [kT] per elementary step of every row of reactions: its energy, potentials and activities (rows,)."""
    energy = tables.rate[:, ENERGY].copy()
    for k in range(tables.link.shape[1] - LINK):
        unknown = tables.link[:, LINK + k]
        energy += np.where(unknown >= 0, tables.rate[:, DROP + k] * y[unknown], 0.0)
    log = np.log(np.maximum(activity[:, VALUE], GONE))
    for side, sign in enumerate((1.0, -1.0)):
        ids = tables.side[side]
        energy += sign * np.where(ids >= 0, log[ids], 0.0).sum(axis=1)
    return energy


def moved(moments: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Moments M_0, M_1, M_2 (3, n) after every radius has moved so that M_3 grew by `rest` >= 0 (n,)."""
    m_0, m_1, m_2 = moments
    delta = np.cbrt(rest / m_0)
    with np.errstate(divide="ignore", invalid="ignore"):
        delta = np.fmin(delta, np.where(m_2 > 0.0, rest / (3.0 * m_2), np.inf))
    for _ in range(TRIES):
        slope = 3.0 * (m_0 * delta**2 + 2.0 * m_1 * delta + m_2)
        excess = ((m_0 * delta + 3.0 * m_1) * delta + 3.0 * m_2) * delta - rest
        step = np.divide(excess, slope, out=np.zeros_like(delta), where=slope > 0.0)
        delta = np.maximum(delta - step, 0.0)
        if np.all(np.abs(step) <= np.finfo(float).eps * delta):
            break
    return np.array([m_0, m_1 + m_0 * delta, m_2 + (2.0 * m_1 + m_0 * delta) * delta])


def advanced(moments, before, after, nuclei, radius) -> np.ndarray:
    """Moments (3, n) after a step in which M_3 went from `before` to `after` [1] and some nuclei were born.

    nuclei : as many per volume as the barrier lets through [m^-3], no more than the new lead is enough for
    radius : of a nucleus [m]; all (n,)
    """
    made = np.maximum(after - before, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        born = np.where(radius > 0.0, np.fmin(nuclei, made / radius**3), 0.0)
        left = np.where(after < before, np.cbrt(after / before), 1.0)
    grown = moved(moments * left ** np.arange(3)[:, None], made - born * np.where(born > 0.0, radius, 0.0) ** 3)
    return grown + born * radius ** np.arange(3)[:, None]


@dataclass(frozen=True)
class _Step:
    """Begin of the last step: its length [s], moments, M_3, nucleation [m^-3 s^-1] then and at its end."""

    duration: float
    moments: np.ndarray
    third: np.ndarray
    first: np.ndarray
    last: np.ndarray


class Clusters:
    """Moments of the clusters along a run; `process` is the LeadClusters of the device, None where there is none."""

    def __init__(self, runner):
        self.runner, device = runner, runner.device
        self.process = next((x for x in device.enabled_processes if x.kind == "lead_clusters"), None)
        if self.process is None:
            return
        self._find(device)
        slot = runner.tables.slot[SPECIES + self.lead]
        self.inside = slot >= 0
        self.slot, self.unit = slot[self.inside], runner.tables.species[1, self.lead]
        self.volume = load_table(device.electrochemistry.thermochemistry_path).molar_volume(LEAD) / N_A
        self.moments = self._start()
        self.rate, self.radius = np.zeros(self.slot.size), np.zeros(self.slot.size)
        self._step: _Step | None = None

    def _find(self, device) -> None:
        """The reaction whose affinity drives the nucleation; ModelFileError where it cannot."""
        name, names = self.process.reaction, [reaction.name for reaction in device.reactions]
        plans = self.runner.problem.plans
        leads = [s for s, plan in enumerate(plans) if plan.formula == LEAD]
        if name not in names or not leads:
            raise ModelFileError(f"lead_clusters: no enabled reaction '{name}' makes lead; allowed: {', '.join(names)}")
        own = device.reactions[names.index(name)]
        made = own.equation.stoichiometry.get(LEAD, 0)
        if made <= 0 or own.nucleation_barrier is None:
            raise ModelFileError(f"lead_clusters: reaction '{name}' needs {LEAD} as a product and a nucleation_barrier")
        self.lead, self.number, self.per_atom = leads[0], names.index(name), 1.0 / made

    def _start(self) -> np.ndarray:
        """Moments of what stands at the start: the density of the process, lognormal with its spread."""
        third = self.third(self.runner.state.y)
        count = np.full(third.size, float(self.process.initial_density))
        square = np.log1p(float(self.process.initial_spread) ** 2)
        mean = np.cbrt(third / count) * np.exp(-square)
        return np.array([count, count * mean, count * mean**2 * np.exp(square)])

    def third(self, y: np.ndarray) -> np.ndarray:
        """M_3 = 3 v c/(4 pi) of the lead in the cells [1] (n,)."""
        return np.maximum(self.unit * y[self.slot], 0.0) * self.volume / SPHERE

    def nucleation(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nuclei per volume and time [m^-3 s^-1] and the radius of one [m] in a state (n,); both 0 without a drive."""
        runner, rate, radius = self.runner, np.zeros(self.slot.size), np.zeros(self.slot.size)
        tables = runner.equations.tables
        own = np.nonzero(tables.link[:, PROCESS] == self.number)[0]
        if own.size == 0:
            return rate, radius
        equations = runner.equations
        equations.evaluate(0.0, y)
        drive = affinities(tables, equations.state.activity, y)[own]
        rows = (tables.row[own][:, :, None] == self.slot).any(axis=1)
        number, cell = np.nonzero(rows & (drive > 0.0)[:, None])
        steps = tables.rate[own[number], STEPS] * self.per_atom
        rate[cell] = float(self.process.rate) * np.exp(-((tables.rate[own[number], BARRIER] / drive[number]) ** 2))
        energy = drive[number] * steps * runner.problem.vt * Q
        radius[cell] = 2.0 * float(self.process.surface_energy) * self.volume / energy
        return rate, radius

    def begin(self) -> None:
        """Begin a segment: the drive may have jumped."""
        if self.process is not None:
            self.rate, self.radius = self.nucleation(self.runner.state.y)
            self._third = self.third(self.runner.state.y)

    def follow(self) -> None:
        """Move on by the last step of the integrator."""
        if self.process is None:
            return
        run = self.runner.integrator
        y, first = run.interpolated(run.time)[0], self.rate
        self.rate, self.radius = self.nucleation(y)
        self._step = _Step(run.last_step, self.moments, self._third, first, self.rate)
        self.moments, self._third = self.within(run.last_step, y), self.third(y)

    def within(self, elapsed: float, y: np.ndarray) -> np.ndarray:
        """Moments at a time since the begin of the last step [s], the state then being y (3, n)."""
        own = self._step
        mean = own.first + 0.5 * (own.last - own.first) * elapsed / own.duration
        return advanced(own.moments, own.third, self.third(y), mean * elapsed, self.radius)

    def stop(self, elapsed: float, y: np.ndarray) -> None:
        """Go back to a time inside the last step."""
        if self.process is not None:
            self.moments, self._step = self.within(elapsed, y), None

    def stored(self, elapsed: float | None, y: np.ndarray) -> np.ndarray | None:
        """Moments over all cells at a time inside the last step, None: the present ones; NaN where there is no lead."""
        if self.process is None:
            return None
        found = np.full((3, self.inside.size), np.nan)
        found[:, self.inside] = self.moments if elapsed is None or self._step is None else self.within(elapsed, y)
        return found
