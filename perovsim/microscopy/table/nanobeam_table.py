"""The crystal table: nanobeam patterns of one phase from plane waves on one cell.

Where disks do not overlap, each point of each disk is one plane wave on one unit cell. The table
holds I_g(u; composition, strain, thickness) on a grid of directions u around one tilt, as cubic
splines in u and thickness and polynomials in composition and strain; a pattern places the disks by the
local lattice. Thermal motion and alloy disorder enter as the mean transmission (Debye-Waller factor and
absorption of the coherent wave); what they scatter out of the beams comes back as a smooth halo.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.microscopy.table import table_cache
from perovsim.microscopy.table.camera import Camera
from perovsim.microscopy.table.draw import MARGIN, PARAMETERS, draw
from perovsim.microscopy.table.expansion import Expansion
from perovsim.microscopy.table.geometry import Geometry, own_strain, turned
from perovsim.microscopy.table.halo import halo_rings, spread_rings
from perovsim.microscopy.table.phase import Phase
from perovsim.microscopy.table.table_build import compute_table
from perovsim.microscopy.table.table_settings import SPARE, TableSettings, beams_of, nodes_of, settings_of
from perovsim.microscopy.waves.optics import wavelength
from perovsim.microscopy.waves.work import Workers

FORMAT = "perovsim-table/5"
TOLERANCE = 1e-9
BEYOND = 0.02
"""Compositions may lie this far beyond the computed ones: noise of a fit at the end of the range."""
STATE = PARAMETERS[:10]
"""Columns of a state: strain (3), rotation [rad], composition, thickness [m], tilt (2) and centre (2) [rad]."""


def state(**values: float) -> np.ndarray:
    """Return one state; what is not given is zero.

    exx, eyy, exy : relative to the cell of the phase, detector axes; rotation [rad] (F = V R)
    composition; thickness [m]; tilt_x, tilt_y : direction of the beam relative to the zone axis [rad]
    centre_x, centre_y : of the undiffracted disk, from the middle of the camera [rad]
    """
    unknown = set(values) - set(STATE)
    if unknown:
        raise PerovsimError(f"no entry '{unknown.pop()}' in a crystal's state; known: {', '.join(STATE)}")
    return np.array([float(values.get(name, 0.0)) for name in STATE])


def nanobeam_table(
    phase: Phase,
    microscope: Any,
    mode: str = "nanobeam",
    *,
    progress: Callable[[float], None] | None = None,
    workers: int | None = None,
    **settings: Any,
) -> NanobeamTable:
    """Return the table of a phase, from disk where it was made before.

    settings : thicknesses and what else `settings_of` takes; progress : called with the share done
    """
    chosen = settings_of(phase, microscope, mode, **settings)
    name = table_cache.key(FORMAT, chosen)
    arrays = table_cache.load(name)
    if arrays is None:
        arrays = compute_table(chosen, progress, workers)
        table_cache.store(name, arrays)
    return NanobeamTable(chosen, **arrays)


class NanobeamTable:
    """Patterns of one phase; made by `nanobeam_table`.

    data : spline coefficients (y, x, thickness, mode, beam): what one direction needs lies together
    halo : diffuse electrons per solid angle, (composition at the ends, thickness, ring) [1/rad^2]
    """

    def __init__(self, settings: TableSettings, data: np.ndarray, halo: np.ndarray) -> None:
        self.settings, self.data, self.halo = settings, data, halo
        self.expansion = Expansion(settings.compositions, settings.strained)
        self.beams, self.nodes = beams_of(settings), nodes_of(settings)
        self.lam = wavelength(settings.energy)
        self._reciprocal = self.lam / np.array(settings.phase.edges[:2])

    @property
    def phase(self) -> Phase:
        """The phase of the table."""
        return self.settings.phase

    @property
    def thicknesses(self) -> tuple[float, float]:
        """Least and largest thickness [m]; from no thickness on, intensities are even and the spline's end is right."""
        first, last = self.settings.repeats
        depth = self.phase.edges[2]
        return (first + SPARE if first else 1) * depth, (last - SPARE) * depth

    def pattern(self, state: np.ndarray, camera: Camera) -> np.ndarray:
        """Return one pattern, (rows, columns) [fraction of the beam per pixel]; state : see `state`."""
        state = np.asarray(state, float)
        drawn = np.zeros((camera.pixels, 1), np.float32)
        self._draw(state, camera, drawn)
        shares = camera.norm * drawn[:, 0]
        if self.warm:
            shares += self._diffuse(state, camera, np.empty((camera.pixels, 1), np.float32))[:, 0]
        return camera.placed(np.maximum(shares, 0.0))  # splines overshoot near zero, by some 1e-8

    def patterns(self, states: np.ndarray, camera: Camera, workers: int | None = None) -> np.ndarray:
        """Return the patterns of many states (n, 10), (n, rows, columns) float32."""
        states = np.atleast_2d(np.asarray(states, float))
        found = np.empty((len(states), *camera.shape), np.float32)

        def make(number: int) -> None:
            found[number] = self.pattern(states[number], camera)

        with Workers(workers) as pool:
            pool.each(make, len(states))
        return found

    def derivatives(self, state: np.ndarray, camera: Camera) -> np.ndarray:
        """Return the disks and their derivatives by PARAMETERS, as drawn, ones, and the halo with its derivatives.

        (pixel of the field, 14 or 17) float32. The product of the first 13 with `camera.chain` is in shares of the
        beam and SI; the last three are there where `warm`: halo, d/dcomposition, d/dthickness [1/pixel]
        """
        state, drawn = np.asarray(state, float), len(PARAMETERS) + 1
        found = np.zeros((camera.pixels, drawn + (4 if self.warm else 1)), np.float32)
        self._draw(state, camera, found)
        found[:, drawn] = 1
        if self.warm:
            self._diffuse(state, camera, found[:, drawn + 1 :])
        return found

    @property
    def warm(self) -> bool:
        """Whether the crystal scatters electrons out of its beams, into a halo."""
        return bool(self.halo.any())

    def clipped(self, state: np.ndarray) -> np.ndarray:
        """Return a state whose composition and thickness lie in the table."""
        found, compositions = state.copy(), self.settings.compositions
        found[4] = np.clip(found[4], compositions[0] - BEYOND, compositions[-1] + BEYOND)
        found[5] = np.clip(found[5], *self.thicknesses)
        return found

    def intensities(self, state: np.ndarray) -> np.ndarray:
        """Return the intensities of the beams (share of the incident wave) for the wave along the tilt, (beam,)."""
        self.require(state)
        own = own_strain(state)[0]
        place = (turned(state[6:8], -state[3]) - self.settings.tilt - self.nodes[0]) / self.settings.angle_step
        low = np.floor(place).astype(int)
        wx, wy = (_bspline(t)[0] for t in place - low)
        rows, columns = slice(low[1] - 1, low[1] + 3), slice(low[0] - 1, low[0] + 3)
        part = self.data[rows, columns, self._thickness(state[5])[0]]
        weights = self._weights(state[5], state[4], own, False)[0].reshape(part.shape[2:4])
        return np.einsum("tm,yxtmb,y,x->b", weights, part, wy, wx)

    def centres(self, state: np.ndarray, camera: Camera) -> np.ndarray:
        """Return where the disks of all beams lie, (beam, 2) (x, y) [pixel]."""
        return Geometry(state, self.beams, self._reciprocal, camera).centres

    def holds(self, state: np.ndarray) -> bool:
        """Whether the tilt of a state lies in the table."""
        off = np.abs(turned(state[6:8], -state[3]) - self.settings.tilt).max()
        return bool(off <= self.settings.tilt_range + 0.5 * self.settings.angle_step)

    def require(self, state: np.ndarray) -> None:
        """Raise PerovsimError for a state outside the table."""
        thin, thick = self.thicknesses
        composition, thickness = state[4:6]
        low, high = self.settings.compositions[0], self.settings.compositions[-1]
        if not thin * (1 - TOLERANCE) <= thickness <= thick * (1 + TOLERANCE):
            raise PerovsimError(
                f"thickness {thickness * 1e9:.2f} nm is outside the table of {self.phase.name}, "
                f"{thin * 1e9:.2f} to {thick * 1e9:.2f} nm; make a table with other thicknesses"
            )
        if high > low and not low - BEYOND - TOLERANCE <= composition <= high + BEYOND + TOLERANCE:
            raise PerovsimError(
                f"composition {composition:.3f} is outside the table of {self.phase.name}, {low:g} to {high:g}; "
                "make a table with other compositions"
            )
        if not self.holds(state):
            x, y = np.array(self.settings.tilt) * 1e3
            raise PerovsimError(
                f"tilt ({state[6] * 1e3:.2f}, {state[7] * 1e3:.2f}) mrad is further than "
                f"{self.settings.tilt_range * 1e3:g} mrad from the table's ({x:.2f}, {y:.2f}) mrad; "
                "make a table with this tilt"
            )

    def _draw(self, state: np.ndarray, camera: Camera, out: np.ndarray) -> None:
        """Add the disks, and their derivatives where there is room, to out (pixel of the field, 1 or more)."""
        self.require(state)
        full = out.shape[1] > 1
        rotation, tilt = state[3], state[6:8]
        geometry = Geometry(state, self.beams, self._reciprocal, camera)
        weights = self._weights(state[5], state[4], geometry.own, full)
        (rows, columns), origin = self._window(turned(tilt, -rotation), camera)
        part = self.data[rows, columns, self._thickness(state[5])[0]]
        part = part.reshape(*part.shape[:2], -1, part.shape[-1])
        seen = geometry.seen
        nodes = np.matmul(weights, part).transpose(3, 0, 1, 2)[seen]
        draw(
            np.ascontiguousarray(nodes),
            origin,
            self.settings.angle_step,
            (np.cos(rotation), np.sin(rotation)),
            tuple(tilt),
            geometry.centres[seen],
            geometry.moves[seen] if full else None,
            geometry.strains,
            camera.pixel,
            camera.profile,
            camera.index,
            out,
        )

    def diffuse(self, state: np.ndarray, camera: Camera) -> np.ndarray:
        """Return the halo of diffuse electrons on a camera, zero where the crystal has none, (rows, columns)."""
        found = np.zeros((camera.pixels, 1), np.float32)
        if self.warm:
            self._diffuse(np.asarray(state, float), camera, found)
        return camera.placed(found[:, 0])

    def _diffuse(self, state: np.ndarray, camera: Camera, out: np.ndarray) -> np.ndarray:
        """Set out (pixel of the field, 1 or 3) to the halo and its changes with composition and thickness."""
        low, high = self.settings.compositions[0], self.settings.compositions[-1]
        span, depth = max(high - low, TOLERANCE), self.phase.edges[2]
        place = state[5] / depth - self.settings.repeats[0]
        rings = halo_rings(self.halo, (state[4] - low) / span, place) / np.array([[1], [span], [depth]])
        spread_rings(rings[: out.shape[1]], state[8:10], camera, out)
        return out

    def _thickness(self, thickness: float) -> tuple[slice, float]:
        """Return the four nodes around a thickness, and the place after the second."""
        place = thickness / self.phase.edges[2] - self.settings.repeats[0]
        low = min(max(int(np.floor(place)), 1), self.data.shape[2] - 3)
        return slice(low - 1, low + 3), place - low

    def _weights(self, thickness: float, composition: float, strain: np.ndarray, full: bool) -> np.ndarray:
        """Return the weights of (thickness, mode) for value and derivatives, (1 or 6, 4 modes)."""
        rows = self.expansion.weights(composition, strain)
        along, slope = _bspline(self._thickness(thickness)[1])
        value = along[None, :, None] * rows[:, None, :]
        if not full:
            return value[:1].reshape(1, -1).astype(np.float32)
        change = slope[None, :, None] * rows[:1, None, :] / self.phase.edges[2]
        return np.concatenate([value, change]).reshape(6, -1).astype(np.float32)

    def _window(self, tilt: np.ndarray, camera: Camera) -> tuple[tuple[slice, slice], tuple[float, float]]:
        """Return the nodes (y, x) under the aperture at a tilt in the axes of the cell, and the first of them."""
        radius, edge, _ = camera.profile
        reach = (radius + (MARGIN * edge if edge else 1)) * camera.pixel
        step, first = self.settings.angle_step, self.nodes[0]
        spans, origin = [], []
        for own, here in zip(self.settings.tilt, tilt, strict=True):
            low = max(int(np.floor((here - own - reach - first) / step)) - 1, 0)
            high = min(int(np.floor((here - own + reach - first) / step)) + 3, len(self.nodes))
            spans.append(slice(low, high))
            origin.append(own + first + low * step)
        return (spans[1], spans[0]), (origin[0], origin[1])


def _bspline(t: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of four cubic B-spline coefficients, and their derivatives."""
    s = 1 - t
    value = np.array([s**3 / 6, 2 / 3 - t**2 * (1 - t / 2), 2 / 3 - s**2 * (1 - s / 2), t**3 / 6])
    slope = np.array([-(s**2) / 2, t * (1.5 * t - 2), s * (2 - 1.5 * s), t**2 / 2])
    return value, slope
