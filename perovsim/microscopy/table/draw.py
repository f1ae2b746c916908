"""Drawing disks on a camera: edge times intensity inside each disk, with all derivatives, compiled.

I(q) = sum_g E(|q - c_g|) v_g(u) + psf^2 grad E . grad v_g,  u = R^T (q - c_g + tilt)

The second term is what a Gaussian blur adds to an edge over a linear intensity.
"""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
from numba import njit

MARGIN = 4.0
"""Disks end this many standard deviations beyond their radius (E < 4e-5)."""
RAMP = 0.5
"""Half width of a scan's own edge [pixel]."""
PARAMETERS = (
    "exx",
    "eyy",
    "exy",
    "rotation",
    "composition",
    "thickness",
    "tilt_x",
    "tilt_y",
    "centre_x",
    "centre_y",
    "radius",
    "edge",
)
"""Order of the derivatives in `draw`, after the value; lengths on the camera in pixels."""

SINGLE = np.float32
HALF, ONE, TWO, THREE = SINGLE(0.5), SINGLE(1), SINGLE(2), SINGLE(3)
ERFC = 0.3275911, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429
"""Rational approximation of erfc(x) exp(x^2), x >= 0; |error| of erfc < 1.5e-7.
References: Abramowitz and Stegun, Handbook of Mathematical Functions, eq. 7.1.26"""

fast = njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
"""How kernels over the pixels of a pattern are compiled: free of Python's lock, sums in any order."""


@fast
def _spline(t):
    """Return cubic B-spline weights and their first two derivatives at t in [0, 1) after the second node."""
    s, half, third = ONE - t, HALF, ONE / SINGLE(3)
    first, last = s * s * s * half * third, t * t * t * half * third
    weights = (first, TWO * third - t * t * (ONE - half * t), TWO * third - s * s * (ONE - half * s), last)
    slopes = (-half * s * s, t * (THREE * half * t - TWO), s * (TWO - THREE * half * s), half * t * t)
    return weights, slopes, (s, THREE * t - TWO, THREE * s - TWO, t)


@fast
def _line(node, iy, ix, k, w):
    return w[0] * node[iy, ix - 1, k] + w[1] * node[iy, ix, k] + w[2] * node[iy, ix + 1, k] + w[3] * node[iy, ix + 2, k]


@fast
def _patch(node, iy, ix, k, wy, wx):
    """Return the sum of the k-th coefficients of 4 x 4 nodes, with weights along y and x."""
    upper = wy[0] * _line(node, iy - 1, ix, k, wx) + wy[1] * _line(node, iy, ix, k, wx)
    return upper + wy[2] * _line(node, iy + 1, ix, k, wx) + wy[3] * _line(node, iy + 2, ix, k, wx)


@fast
def _edge(r, radius, edge, out):
    """Set out to E, dE/dr and dE/dedge."""
    if edge > 0:
        s = (r - radius) / edge
        gauss, x = exp(-0.5 * s * s), abs(s) / sqrt(2.0)
        t = 1 / (1 + ERFC[0] * x)
        half = 0.5 * gauss * t * (ERFC[1] + t * (ERFC[2] + t * (ERFC[3] + t * (ERFC[4] + t * ERFC[5]))))
        out[0] = half if s > 0 else 1 - half
        out[1] = -gauss / (sqrt(2 * np.pi) * edge)
        out[2] = -out[1] * s
    else:
        a = min(max(radius - r + RAMP, 0.0), 1.0)
        out[0], out[1], out[2] = a * a, (-2 * a if 0 < a < 1 else 0.0), 0.0


@fast
def draw(nodes, origin, step, turn, tilt, centres, moves, strains, pixel, profile, index, out):
    """Add disks to out (pixel, 1 or at least 13): value, and derivatives in the order of PARAMETERS.

    nodes : spline coefficients (beam, y, x, 1 or 6) float32 of the value and its derivatives by three strains,
    composition and thickness; origin, step : of the nodes [rad]
    turn : (cos, sin) of the rotation; tilt [rad]; centres : (beam, 2) [pixel]
    moves : derivative of the centres by (exx, eyy, exy, rotation), (beam, 4, 2) [pixel]; None for the value alone
    strains : derivative of the crystal's own strains by the same, (3, 4)
    profile : radius, edge, point spread [pixel]
    index : row of `out` for each pixel of the camera, (rows, columns); -1 for pixels that are left out
    """
    radius, edge, psf = profile
    margin = MARGIN * edge if edge > 0 else RAMP
    reach, inner = radius + margin, max(radius - margin, 0.0)
    e = np.empty(3)
    cos, sin = turn
    scale = pixel / step
    first_x = (cos * tilt[0] + sin * tilt[1] - origin[0]) / step
    first_y = (cos * tilt[1] - sin * tilt[0] - origin[1]) / step
    for beam in range(len(centres)):
        cx, cy = centres[beam]
        node = nodes[beam]
        for row in range(max(int(np.ceil(cy - reach)), 0), min(int(np.floor(cy + reach)) + 1, index.shape[0])):
            qy = row - cy
            half = sqrt(max(reach * reach - qy * qy, 0.0))
            for column in range(max(int(np.ceil(cx - half)), 0), min(int(np.floor(cx + half)) + 1, index.shape[1])):
                place = index[row, column]
                if place < 0:
                    continue
                qx = column - cx
                px = first_x + scale * (cos * qx + sin * qy)
                py = first_y + scale * (cos * qy - sin * qx)
                ix = min(max(int(np.floor(px)), 1), nodes.shape[2] - 3)
                iy = min(max(int(np.floor(py)), 1), nodes.shape[1] - 3)
                wx, dx, bx = _spline(SINGLE(px - ix))
                wy, dy, by = _spline(SINGLE(py - iy))
                r = sqrt(qx * qx + qy * qy)
                rim = r > inner
                v0 = _patch(node, iy, ix, 0, wy, wx)
                vx, vy = 0.0, 0.0
                if rim or moves is not None:
                    gx, gy = _patch(node, iy, ix, 0, wy, dx), _patch(node, iy, ix, 0, dy, wx)
                    vx, vy = (cos * gx - sin * gy) / step, (sin * gx + cos * gy) / step
                e[0], e[1], e[2] = 1.0, 0.0, 0.0
                ex, ey = 0.0, 0.0
                if rim:
                    _edge(r, radius, edge, e)
                    ex, ey = e[1] * qx / r, e[1] * qy / r
                pixel_out = out[place]
                pixel_out[0] += e[0] * v0 + psf * psf * pixel * (ex * vx + ey * vy)
                if moves is not None:
                    v1, v2 = _patch(node, iy, ix, 1, wy, wx), _patch(node, iy, ix, 2, wy, wx)
                    v3, v4 = _patch(node, iy, ix, 3, wy, wx), _patch(node, iy, ix, 4, wy, wx)
                    mx = -(ex * v0 + e[0] * vx * pixel)
                    my = -(ey * v0 + e[0] * vy * pixel)
                    for p in range(4):
                        own = strains[0, p] * v1 + strains[1, p] * v2 + strains[2, p] * v3
                        pixel_out[1 + p] += mx * moves[beam, p, 0] + my * moves[beam, p, 1] + e[0] * own
                    pixel_out[4] += e[0] * (vx * (qy * pixel + tilt[1]) - vy * (qx * pixel + tilt[0]))
                    pixel_out[5] += e[0] * v4
                    pixel_out[6] += e[0] * _patch(node, iy, ix, 5, wy, wx)
                    pixel_out[7] += e[0] * vx
                    pixel_out[8] += e[0] * vy
                    pixel_out[9] += mx
                    pixel_out[10] += my
                    pixel_out[11] -= e[1] * v0
                    pixel_out[12] += e[2] * v0
                    if rim:
                        # the blur's own term changes with tilt by grad E . hessian(v), in the axes of the cell
                        ax, ay = cos * ex + sin * ey, -sin * ex + cos * ey
                        hxy = _patch(node, iy, ix, 0, dy, dx)
                        kx = _patch(node, iy, ix, 0, wy, bx) * ax + hxy * ay
                        ky = hxy * ax + _patch(node, iy, ix, 0, by, wx) * ay
                        blur = psf * psf * pixel / (step * step)
                        pixel_out[7] += blur * (cos * kx - sin * ky)
                        pixel_out[8] += blur * (sin * kx + cos * ky)
