"""What the rows of the equations hold: electrons, holes, ionic charge and elements, as sums of the stored amounts."""

from __future__ import annotations

import numpy as np

from perovsim.device.kernels.assemble import stored
from perovsim.device.kernels.tables import ELECTRON, HALIDE, HOLE, PROCESS, SPECIES, STEPS, VACANCY, WIDTH
from perovsim.device.problem.build import Problem
from perovsim.device.problem.films import LEAD, LEAD_HALIDE
from perovsim.device.problem.participants import CAESIUM
from perovsim.model.equation import composition

LEDGERS = ("electron", "hole", "ion", "trapped")
"""Sums that are no elements."""


class Contents:
    """Weights of every row (particles per area) in each conserved sum, and the sum of the sites that are not unknowns.

    held : amount that one unit of each unknown is [m^-2] (size,)
    weights : name -> (size,); names are "electron", "hole", "ion" (charge number of everything ionic), "trapped" (the
    electrons on traps) and the elements
    """

    def __init__(self, problem: Problem):
        self.problem = problem
        self.weights: dict[str, np.ndarray] = {}
        self.constants: dict[str, float] = {}
        slot, plans = problem.tables.slot, problem.plans
        self.held = np.empty(problem.size)
        stored(problem.tables, 0.0, 1, np.ones(problem.size), self.held)
        self._count("electron", slot[SPECIES + ELECTRON], 1.0)
        self._count("hole", slot[SPECIES + HOLE], 1.0)
        self._count("ion", slot[VACANCY], 1.0)
        self._count("trapped", np.zeros(0, int), 1.0)
        for s, plan in enumerate(plans[HOLE + 1 :], HOLE + 1):
            if plan.traps is not None:
                self._count("trapped", slot[SPECIES + s], 1.0)
                continue
            self._count("ion", slot[SPECIES + s], plan.charge)
            for element, number in composition(plan.formula)[0].items() if plan.formula else ():
                self._count(element, slot[SPECIES + s], number)
        for k, (formula, _) in enumerate(problem.products.keys):
            for element, number in composition(formula)[0].items():
                self._count(element, np.array([problem.band + 1 + k]), number)
                if formula in LEAD_HALIDE:  # a salt is counted with its lattice already
                    start = number * problem.products.start[k]
                    self.constants[element] = self.constants.get(element, 0.0) - start
        self._count_lattices()

    def inventory(self, name: str, y: np.ndarray) -> float:
        """Amount of an element in a state [m^-2], the lead and as much caesium of the lattices included."""
        lead = [self._cells(k) * float(x.lattice.lead_density) for k, x in self._lattices() if x.lattice.lead_density]
        return abs(self.amount(name, y)) + (sum(lead) if name in (LEAD, CAESIUM) else 0.0)

    @property
    def elements(self) -> list[str]:
        """Elements that the run keeps account of."""
        return [name for name in self.weights if name not in LEDGERS]

    def amount(self, name: str, y: np.ndarray) -> np.ndarray:
        """Amount of one sum in states y (..., size) [m^-2]."""
        return y @ (self.weights[name] * self.held) + self.constants.get(name, 0.0)

    def made(self, name: str) -> np.ndarray:
        """Amount of one sum that each reaction makes per extent as written, and each loss of a film (processes,)."""
        t, count = self.problem.tables, self.problem.extents
        found = np.zeros(count)
        for number in range(count):
            r = int(np.argmax(t.link[:, PROCESS] == number))
            there = t.row[r] >= 0
            found[number] = t.rate[r, STEPS] * (t.change[r, there] * self.weights[name][t.row[r, there]]).sum()
        return found

    def _count(self, name: str, rows: np.ndarray, number: float) -> None:
        weight = self.weights.setdefault(name, np.zeros(self.problem.size))
        weight[rows[rows >= 0]] += number

    def _lattices(self) -> list[tuple[int, object]]:
        return [(k, x) for k, x in enumerate(self.problem.device.layers) if x.lattice is not None]

    def _cells(self, k: int) -> float:
        """Thickness of layer k on the mesh [m]."""
        return float(self.problem.tables.cell[WIDTH, self.problem.mesh.layer == k].sum())

    def _count_lattices(self) -> None:
        """Halides on their sites: the first has its unknown, the last fills what it and the vacancies leave."""
        slot, mesh = self.problem.tables.slot, self.problem.mesh
        for k, layer in self._lattices():
            own, halides = mesh.layer == k, layer.lattice.halides
            self._count(halides[-1], slot[VACANCY, own], -1.0)
            if len(halides) == 2:
                self._count(halides[0], slot[HALIDE, own], 1.0)
                self._count(halides[-1], slot[HALIDE, own], -1.0)
            sites = self._cells(k) * float(layer.lattice.site_density)
            self.constants[halides[-1]] = self.constants.get(halides[-1], 0.0) + sites
