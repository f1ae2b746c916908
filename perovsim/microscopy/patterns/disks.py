"""Joint fit of all disks of a nanobeam pattern: one lattice, one radius, one edge width.

I(q) = b_g + S(|q - c - B h_g|; R, w) P_g(u) around each disk g: S is an error-function edge, P_g a
polynomial for the dynamical structure inside the disk, b_g the diffuse background. Only c, B, R and w
are shared; b_g and P_g are linear and projected out (variable projection, Golub and Pereyra 1973),
each pixel weighted by its Poisson variance.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import erfc

LEAST_DISKS = 5
"""Disks beside the central one that a lattice must have: fewer fit any two vectors."""
ORDERS = ((60.0, 2), (0.0, 1))
"""Order of the polynomial by the counts in a disk: some ten counts per coefficient. A disk drawn even (order 0) is
pulled to its bright side, opposite disks against each other: with it faint disks stretched the lattice of CsPbBr3 by
0.2 to 0.9 % at 1e4 and 3e4 electrons (10 and 20 nm, 1.5 mrad), at the same scatter; now within 0.1 % at 1e3 to 1e5."""
SIGNIFICANT = 3.0
"""A disk takes part when its counts stand out of its background by this many standard deviations."""
MARGIN = 3.0
"""Pixels around a disk that show its background."""
FLOOR = 0.02
"""Least expected counts of a pixel in its weight; keeps empty pixels finite."""
REWEIGHTED = 3
"""Weights follow the model this many steps and then stay, so that the last steps converge."""
RUNAWAY = "the lattice runs away from its start"
LONGEST = 0.5
"""Longest step of any parameter [pixel]."""
ITERATIONS = 30
"""A probe at the end of a crystal, many disks of few counts, took 26. A start from the lattice of another grain wanders
for 40 to a wrong lattice of a few disks: it must not get there, for then the grain's own is not looked for."""
CONVERGED = 0.02
"""Steps are small enough below this share of the standard error."""
RIDGE = 1e-9
"""Keeps normal equations regular where a polynomial term is switched off [of their trace]."""
LEAST_EDGE = 0.2
"""Narrowest edge [pixel]: below it the error function is a step between pixels."""
_TERMS = np.array([(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)])
_COUNT = {1: 3, 2: 6}


@dataclass(frozen=True)
class DiskFit:
    """Lattice of one pattern.

    centre : (x, y) [pixel]; basis : columns are the two reciprocal vectors [pixel], (2, 2)
    radius, edge : [pixel]; covariance : of (cx, cy, b00, b01, b10, b11, R, w), (8, 8) [pixel^2],
    the larger of the Poisson bound and the disk-to-disk scatter (sandwich)
    bragg : share of the counts in the fitted disks beside the central one, above their background
    dispersion : chi^2 per degree of freedom; disks : how many took part; reason : "" or why it failed
    """

    centre: np.ndarray
    basis: np.ndarray
    radius: float
    edge: float
    covariance: np.ndarray = field(repr=False)
    bragg: float = 0.0
    dispersion: float = np.nan
    disks: int = 0
    reason: str = ""

    @property
    def theta(self) -> np.ndarray:
        """Parameters (cx, cy, b00, b01, b10, b11, R, w) [pixel]."""
        return np.array([*self.centre, *self.basis.ravel(), self.radius, self.edge])


def fit_disks(pattern: np.ndarray, centre: np.ndarray, basis: np.ndarray, radius: float, edge: float = 0.4) -> DiskFit:
    """Fit one pattern (counts, (qy, qx)) from starting values in pixels.

    Fewer than LEAST_DISKS significant disks, or no convergence, give a DiskFit with a `reason`.
    """
    theta = np.array([*centre, *np.ravel(basis), radius, edge], float)
    fit = _fit(pattern, theta, np.arange(8))
    if fit.reason == RUNAWAY:  # a spot too small to tell its radius from its edge
        theta[7] = max(0.5 * radius, LEAST_EDGE)
        fit = _fit(pattern, theta, np.arange(6))
    return fit


def _fit(pattern: np.ndarray, theta: np.ndarray, free: np.ndarray) -> DiskFit:
    """Take Gauss-Newton steps in the free parameters until they are small against their errors."""
    tools = _Patches(np.asarray(pattern, float), theta)
    if tools.count < LEAST_DISKS + 1:
        return no_lattice(f"{max(tools.count - 1, 0)} disks stand out of the background, a lattice needs {LEAST_DISKS}")
    for _ in range(ITERATIONS):
        state = tools.evaluate(theta)
        bound = np.zeros((8, 8))
        bound[np.ix_(free, free)] = np.linalg.inv(state.hessian[np.ix_(free, free)])
        move = bound @ state.gradient
        theta = theta + move * min(1.0, LONGEST / max(np.abs(move).max(), 1e-30))
        theta[7] = max(theta[7], LEAST_EDGE)
        if np.all(np.abs(move[:6]) < CONVERGED * np.sqrt(np.diag(bound)[:6])):
            return tools.result(theta, state, bound)
        if not tools.stays(theta):
            return no_lattice(RUNAWAY)
    return no_lattice(f"no convergence in {ITERATIONS} steps")


def no_lattice(reason: str) -> DiskFit:
    nan = np.full(8, np.nan)
    return DiskFit(nan[:2], nan[:4].reshape(2, 2), np.nan, np.nan, np.full((8, 8), np.nan), reason=reason)


@dataclass
class _State:
    hessian: np.ndarray
    gradient: np.ndarray
    chi2: float
    scatter: np.ndarray


class _Patches:
    """Square patches of pixels around the disks, all disks at once: arrays (disk, pixel)."""

    def __init__(self, pattern: np.ndarray, theta: np.ndarray) -> None:
        self.pattern, self.start, self.count = pattern, theta.copy(), 0
        self.reach = theta[6] + MARGIN
        self.indices = lattice_points(pattern.shape, theta, self.reach)
        if len(self.indices) == 0:
            return
        half = int(np.ceil(self.reach)) + 1
        middle = np.rint(theta[:2] + self.indices @ theta[2:6].reshape(2, 2).T).astype(int)
        steps = np.arange(-half, half + 1)
        dy, dx = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing="ij"))
        self.x, self.y = middle[:, :1] + dx, middle[:, 1:] + dy
        inside = (self.x >= 0) & (self.x < pattern.shape[1]) & (self.y >= 0) & (self.y < pattern.shape[0])
        self.counts = pattern[self.y.clip(0, pattern.shape[0] - 1), self.x.clip(0, pattern.shape[1] - 1)]
        self.used = inside & self._nearest(theta)
        self.rounds = 0
        self._choose(theta)
        self._pack()
        self.weight = self.used / np.maximum(self.counts, 1.0)

    def _nearest(self, theta: np.ndarray) -> np.ndarray:
        """Mask pixels within reach that belong to no neighbouring disk."""
        basis = theta[2:6].reshape(2, 2)
        dx, dy = self._offsets(theta)
        own = np.hypot(dx, dy)
        mask = own <= self.reach
        for h in (-1, 0, 1):
            for k in (-1, 0, 1):
                if h or k:
                    gx, gy = basis @ (h, k)
                    mask &= own <= np.hypot(dx - gx, dy - gy)
        return mask

    def _offsets(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        centres = theta[:2] + self.indices @ theta[2:6].reshape(2, 2).T
        return self.x - centres[:, :1], self.y - centres[:, 1:]

    def _choose(self, theta: np.ndarray) -> None:
        """Keep significant disks, each with the polynomial that its counts can bear."""
        dx, dy = self._offsets(theta)
        r = np.hypot(dx, dy)
        disk, ring = self.used & (r < theta[6]), self.used & (r > theta[6] + 1)
        level = (self.counts * ring).sum(1) / np.maximum(ring.sum(1), 1)
        total = (self.counts * disk).sum(1)
        net = total - level * disk.sum(1)
        noise = np.sqrt(np.maximum(total, 1) + level * disk.sum(1) ** 2 / np.maximum(ring.sum(1), 1))
        keep = (net > SIGNIFICANT * noise) & (ring.sum(1) > MARGIN)
        for name in ("indices", "x", "y", "counts", "used"):
            setattr(self, name, getattr(self, name)[keep])
        self.net = net[keep]
        order = np.select([self.net >= least for least, _ in ORDERS], [o for _, o in ORDERS])
        allowed = np.array([_COUNT[int(o)] for o in order])
        self.terms = np.arange(len(_TERMS)) < allowed[:, None]
        self.count = int(keep.sum())

    def _pack(self) -> None:
        """Move the used pixels of each disk to the front and drop columns that nobody uses."""
        if self.count == 0:
            return
        order = np.argsort(~self.used, axis=1, kind="stable")[:, : int(self.used.sum(1).max())]
        for name in ("x", "y", "counts", "used"):
            setattr(self, name, np.take_along_axis(getattr(self, name), order, axis=1))

    def stays(self, theta: np.ndarray) -> bool:
        """Whether every disk is still on its patch, and the radius is one."""
        here = self.start[:2] + self.indices @ self.start[2:6].reshape(2, 2).T
        there = theta[:2] + self.indices @ theta[2:6].reshape(2, 2).T
        return bool(np.abs(there - here).max() < MARGIN and 1 < theta[6] < 1.5 * self.start[6])

    def evaluate(self, theta: np.ndarray) -> _State:
        """Return normal equations of the shared parameters with the linear ones projected out."""
        dx, dy = self._offsets(theta)
        r, radius, width = np.hypot(dx, dy), theta[6], theta[7]
        edge = 0.5 * erfc((r - radius) / (np.sqrt(2) * width))
        slope = np.exp(-0.5 * ((r - radius) / width) ** 2) / (np.sqrt(2 * np.pi) * width)
        powers = (dx[..., None] / radius) ** _TERMS[:, 0] * (dy[..., None] / radius) ** _TERMS[:, 1]
        powers = powers * self.terms[:, None, :]
        design = np.concatenate([np.ones_like(r)[..., None], edge[..., None] * powers], axis=-1)
        linear, weight = self._linear(design)
        inside = np.matmul(powers, linear[:, 1:, None])[..., 0]
        unit = slope * inside
        safe = np.maximum(r, 1e-9)
        local = np.stack([unit * dx / safe, unit * dy / safe, unit, unit * (r - radius) / width], -1)
        residual = self.counts - np.matmul(design, linear[..., None])[..., 0]
        return self._assemble(design, weight, local, residual)

    def _linear(self, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return linear coefficients and Poisson weights, which follow the model at first."""
        rounds = 2 if self.rounds < REWEIGHTED else 1
        self.rounds += 1
        for _ in range(rounds):
            normal, weighted = _normal(design, self.weight)
            right = np.matmul(weighted, self.counts[..., None])
            linear = np.linalg.solve(normal, right)[..., 0]
            if rounds > 1:
                model = np.matmul(design, linear[..., None])[..., 0]
                self.weight = self.used / np.maximum(model, FLOOR)
        return linear, self.weight

    def _assemble(
        self,
        design: np.ndarray,
        weight: np.ndarray,
        local: np.ndarray,
        residual: np.ndarray,
    ) -> _State:
        normal, weighted = _normal(design, weight)
        free = local - np.matmul(design, np.linalg.solve(normal, np.matmul(weighted, local)))
        turned = np.swapaxes(free * weight[..., None], 1, 2)
        inner, score = np.matmul(turned, free), np.matmul(turned, residual[..., None])[..., 0]
        chain = np.zeros((self.count, 4, 8))
        h, k = self.indices[:, 0], self.indices[:, 1]
        for axis in (0, 1):
            chain[:, axis, axis] = 1
            chain[:, axis, 2 + 2 * axis], chain[:, axis, 3 + 2 * axis] = h, k
        chain[:, 2, 6] = chain[:, 3, 7] = 1
        parts = np.einsum("gki,gk->gi", chain, score)
        hessian = np.matmul(np.swapaxes(chain, 1, 2), np.matmul(inner, chain)).sum(0)
        chi2 = float((weight * residual**2).sum())
        return _State(hessian, parts.sum(0), chi2, parts.T @ parts)

    def result(self, theta: np.ndarray, state: _State, bound: np.ndarray) -> DiskFit:
        """Return the fit with the larger of the Poisson bound and the scatter between disks."""
        robust = bound @ state.scatter @ bound * self.count / max(self.count - 4, 1)
        larger = np.sqrt(np.maximum(np.diag(robust) / np.maximum(np.diag(bound), 1e-300), 1.0))
        covariance = bound * np.outer(larger, larger)
        others = np.any(self.indices != 0, axis=1)
        free = self.used.sum() - (1 + self.terms.sum(1)).sum() - 8
        return DiskFit(
            theta[:2],
            theta[2:6].reshape(2, 2),
            theta[6],
            theta[7],
            covariance,
            bragg=float(self.net[others].sum() / max(self.pattern.sum(), 1e-300)),
            dispersion=state.chi2 / max(free, 1),
            disks=self.count,
        )


def _normal(design: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return X^T W X of every disk, held regular where a term is switched off, and X^T W."""
    weighted = np.swapaxes(design * weight[..., None], 1, 2)
    normal = np.matmul(weighted, design)
    scale = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    return normal + RIDGE * scale * np.eye(normal.shape[-1]), weighted


def lattice_points(shape: tuple[int, int], theta: np.ndarray, reach: float) -> np.ndarray:
    """Return (h, k) of the disks that lie whole on the detector, (n, 2)."""
    basis = theta[2:6].reshape(2, 2)
    most = int(np.ceil(2 * np.hypot(*shape) / np.linalg.svd(basis, compute_uv=False).min())) + 1
    span = np.arange(-most, most + 1)
    found = np.stack(np.meshgrid(span, span, indexing="ij"), -1).reshape(-1, 2)
    centres = theta[:2] + found @ basis.T
    high = np.array([shape[1] - 1, shape[0] - 1])
    return found[np.all((centres >= reach) & (centres <= high - reach), axis=1)]
