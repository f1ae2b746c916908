"""The steady discretisation of the peer program behind cases 05 and 06, written from its description.

Vertex-centred, without a node on the inner interfaces: the last node of the left layer and the first of the right one
are a small interval apart, whose permittivity is that of the left layer and in which carriers pass with a transfer
velocity. Cells reach half way to the neighbours, so a layer is off by a part of that interval: an O(h) error.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from perovsim.constants import EPS_0, K_B, Q
from perovsim.device.problem.mesh import Mesh

TRANSFER = 1e6
"""Velocity across an inner interface [m/s]: quasi-Fermi levels are continuous."""
LARGEST_STEP, CONVERGED, TRIES = 2.0, 1e-9, 200
VOLTAGE_STEP = 0.1
LIGHTS = (0.0, 1e-9, 1e-7, 1e-5, 1e-3, 1e-2, 0.1, 0.3)
TINY = 1e-30
"""Complex step: derivatives without cancellation."""


def peer_nodes(device, points: int, grading: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes [m] of the peer and the layer of each.

    Spacings exp(-grading/(k + 1)), k counted from the nearer end of the layer; at an inner interface the two nodes
    before its right neighbour are moved, so that three intervals are equal; the last node of the stack is left out.
    """
    thickness = [float(one.thickness) for one in device.layers]
    x, ends = np.zeros(1), []
    for length in thickness:
        count = int(points * length / sum(thickness)) + 1
        k = np.arange(count)
        h = np.exp(-grading / (np.minimum(k, count - 1 - k) + 1.0))
        x = np.append(x, x[-1] + np.cumsum(h * length / h.sum()))
        ends.append(x.size - 1)
    layer = np.zeros(x.size, int)
    for end in ends[:-1]:
        x[end - 1 : end + 1] = np.linspace(x[end - 2], x[end + 1], 4)[1:3]
        layer[end:] += 1
    return x[:-1], layer[:-1]


def even_nodes(device, cells: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Nodes at the cell centres of a mesh of perovsim and at both contacts: every spacing halves with the cells."""
    mesh = Mesh([float(one.thickness) for one in device.layers], list(cells))
    layer = np.concatenate((mesh.layer[:1], mesh.layer, mesh.layer[-1:]))
    return np.concatenate(([0.0], mesh.centres, mesh.faces[-1:])), layer


def bernoulli(x):
    """x/(exp x - 1), also of complex x."""
    small = np.abs(x) < 1e-5
    safe = np.where(small, 1.0, x)
    return np.where(small, 1.0 - x / 2.0 + x * x / 12.0, safe / np.expm1(safe))


class VertexScheme:
    """A device on nodes x (m,) [m] that belong to its layers `layer` (m,); unknowns psi/V_t, n, p of every node, then
    ln of the prefactor of every ion."""

    def __init__(self, device, x: np.ndarray, layer: np.ndarray):
        self.x, self.layer, self.h = x, layer, np.diff(x)
        self.vt = K_B * float(device.temperature) / Q
        self.width = np.concatenate(([0.0], 0.5 * (self.h[1:] + self.h[:-1]), [0.0]))
        for name in ("permittivity", "electron_affinity", "ionisation_energy", "N_c", "N_v", "mobility_electron",
                     "mobility_hole", "k_radiative", "generation", "trap_energy"):  # fmt: skip
            setattr(self, name, self._nodes(device, name, 0.0))
        tau = [self._nodes(device, f"lifetime_{carrier}", np.inf) for carrier in ("electron", "hole")]
        self.traps = np.isfinite(tau[0] + tau[1])
        self.tau = np.where(self.traps, tau, 1.0)
        self.work = [float(device.cathode.work_function), float(device.anode.work_function)]
        self.levels = (
            (self.electron_affinity / self.vt + np.log(self.N_c)),
            (self.ionisation_energy / self.vt - np.log(self.N_v)),
        )
        self.intrinsic = self.N_c * self.N_v * np.exp((self.electron_affinity - self.ionisation_energy) / self.vt)
        self._place_ions(device)

    def _nodes(self, device, name: str, default: float) -> np.ndarray:
        values = [getattr(one, name) for one in device.layers]
        return np.array([default if value is None else float(value) for value in values])[self.layer]

    def _place_ions(self, device) -> None:
        """Totals are those of the nominal layer, by the trapezoidal rule between its first and its last node."""
        self.ions, self.fixed = [], np.zeros(self.x.size)
        for k, one in enumerate(device.layers):
            inside = np.nonzero(self.layer == k)[0]
            share = np.zeros(self.x.size)
            steps = self.h[inside[:-1]]
            share[inside[:-1]] += 0.5 * steps
            share[inside[1:]] += 0.5 * steps
            for ion in one.ions:
                self.ions.append((ion.charge, float(ion.density) * float(one.thickness), self.layer == k, share))
                self.fixed[inside] -= ion.charge * float(ion.density) * ion.compensated

    def ion_density(self, ion: int, u):
        """Boltzmann density of an ion [m^-3]."""
        charge, _, inside, _ = self.ions[ion]
        psi = u[0 : 3 * self.x.size : 3]
        return np.where(inside, np.exp(u[3 * self.x.size + ion] - charge * psi), 0.0)

    def currents(self, u):
        """Scharfetter-Gummel particle fluxes of electrons and holes between the nodes [m^-2 s^-1]."""
        psi, n, p = (u[k : 3 * self.x.size : 3] for k in range(3))
        across = np.diff(self.layer) != 0
        g_n, g_p = (
            np.where(across, TRANSFER, mobility[:-1] * self.vt / self.h)
            for mobility in (self.mobility_electron, self.mobility_hole)
        )
        d_n, d_p = np.diff(psi + self.levels[0]), np.diff(psi + self.levels[1])
        return (
            -g_n * (n[1:] * bernoulli(d_n) - n[:-1] * bernoulli(-d_n)),
            -g_p * (p[1:] * bernoulli(-d_p) - p[:-1] * bernoulli(d_p)),
        )

    def net_recombination(self, n, p, light: float):
        """Radiative and SRH recombination less generation [m^-3 s^-1]."""
        levels = (
            self.N_c * np.exp((self.electron_affinity - self.trap_energy) / self.vt),
            self.N_v * np.exp((self.trap_energy - self.ionisation_energy) / self.vt),
        )
        excess = n * p - self.intrinsic
        trapped = excess / (self.tau[1] * (n + levels[0]) + self.tau[0] * (p + levels[1]))
        return self.k_radiative * excess + self.traps * trapped - light * self.generation

    def residual(self, u, voltage: float, light: float):
        """Poisson's equation, the two continuity equations at every node, contacts, and the totals of the ions."""
        m, out = self.x.size, np.zeros(u.size, u.dtype)
        psi, n, p = (u[k : 3 * m : 3] for k in range(3))
        charge = p - n + self.fixed + sum(one[0] * self.ion_density(k, u) for k, one in enumerate(self.ions))
        field = self.permittivity[:-1] * EPS_0 * self.vt / Q * np.diff(psi) / self.h
        electrons, holes = self.currents(u)
        lost = self.net_recombination(n, p, light) * self.width
        out[0 : 3 * m : 3][1:-1] = np.diff(field) + (charge * self.width)[1:-1]
        out[1 : 3 * m : 3][1:-1] = -np.diff(electrons) - lost[1:-1]
        out[2 : 3 * m : 3][1:-1] = -np.diff(holes) - lost[1:-1]
        for node, wall, work in ((0, self._built_in - voltage / self.vt, self.work[0]), (m - 1, 0.0, self.work[1])):
            out[3 * node] = psi[node] - wall
            out[3 * node + 1] = n[node] - np.exp(self.levels[0][node] - work / self.vt)
            out[3 * node + 2] = p[node] - np.exp(work / self.vt - self.levels[1][node])
        for k, (_, total, _, share) in enumerate(self.ions):
            out[3 * m + k] = (share * self.ion_density(k, u)).sum() - total
        return out

    @property
    def _built_in(self) -> float:
        return (self.work[1] - self.work[0]) / self.vt

    def jacobian(self, u, voltage: float, light: float):
        """Its derivative by complex steps: every third node at once, since a node touches its two neighbours only."""
        m = self.x.size
        node, kind = np.minimum(np.arange(u.size) // 3, m - 1), np.arange(u.size) % 3
        of_ion = np.arange(u.size) >= 3 * m
        columns = [
            ((kind == k) & (node % 3 == colour) & ~of_ion, 3 * (node + (colour - node + 1) % 3 - 1) + k, ~of_ion)
            for k in range(3)
            for colour in range(3)
        ]
        columns += [(np.arange(u.size) == k, np.full(u.size, k), node >= 0) for k in np.nonzero(of_ion)[0]]
        rows, cols, values = [], [], []
        for moved, column, seen in columns:
            slope = self.residual(u + 1j * TINY * moved, voltage, light).imag / TINY
            found = np.nonzero(slope * seen)[0]
            rows.append(found)
            cols.append(column[found])
            values.append(slope[found])
        for k, (charge, _, _, share) in enumerate(self.ions):
            rows.append(np.full(m, 3 * m + k))
            cols.append(3 * np.arange(m))
            values.append(-charge * share * self.ion_density(k, u))
        triplets = (np.concatenate(values), (np.concatenate(rows), np.concatenate(cols)))
        return coo_matrix(triplets, shape=(u.size, u.size)).tocsc()

    def solve(self, u, voltage: float, light: float):
        """Damped Newton iteration from u."""
        m = self.x.size
        for _ in range(TRIES):
            matrix = self.jacobian(u, voltage, light)
            scale = 1.0 / np.abs(matrix).max(axis=1).toarray().ravel()
            step = splu((diags(scale) @ matrix).tocsc()).solve(-scale * self.residual(u, voltage, light))
            largest = np.abs(step[0 : 3 * m : 3]).max()
            new = u + step * min(1.0, LARGEST_STEP / max(largest, LARGEST_STEP))
            for k in (1, 2):
                carriers = slice(k, 3 * m, 3)
                new[carriers] = np.where(new[carriers] > 0.0, new[carriers], 0.1 * u[carriers])
            u = new
            if largest < CONVERGED:
                return u
        raise AssertionError(f"no convergence at {voltage} V, light {light}: last step {largest:.1e} V_t")

    def start(self):
        """A guess: carriers at the Fermi level of the contacts in a linear potential, ions uniform."""
        psi = self._built_in * (1.0 - self.x / self.x[-1])
        u = np.zeros(3 * self.x.size + len(self.ions))
        u[0 : 3 * self.x.size : 3] = psi
        fermi = self._built_in + self.work[0] / self.vt
        u[1 : 3 * self.x.size : 3] = np.exp(psi + self.levels[0] - fermi)
        u[2 : 3 * self.x.size : 3] = np.exp(fermi - psi - self.levels[1])
        for k, (charge, total, inside, share) in enumerate(self.ions):
            u[3 * self.x.size + k] = np.log(total / (share * np.exp(-charge * psi))[inside].sum())
        return u


def steady_states(device, x: np.ndarray, layer: np.ndarray, voltages, light: float) -> tuple[VertexScheme, list]:
    """The scheme and its unknowns at rising voltages [V] with everything at rest, ions included."""
    scheme, now, found = VertexScheme(device, x, layer), 0.0, []
    u = scheme.start()
    for share in (*LIGHTS, 1.0):
        u = scheme.solve(u, 0.0, share * light)
    for voltage in voltages:
        while now < voltage - 1e-9:
            now = min(now + VOLTAGE_STEP, voltage)
            u = scheme.solve(u, now, light)
        found.append(u)
    return scheme, found


def steady_curve(device, x: np.ndarray, layer: np.ndarray, voltages, light: float) -> np.ndarray:
    """J [A/m^2], > 0 forward, at rising voltages [V] with everything at rest, ions included."""
    scheme, states = steady_states(device, x, layer, voltages, light)
    return np.array([Q * float(np.mean(np.subtract(*scheme.currents(u)))) for u in states])
