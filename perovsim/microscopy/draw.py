"""Drawing disks on a camera: edge times intensity inside each disk, with all derivatives, compiled.

I(q) = sum_g E(|q - c_g|) v_g(u) + psf^2 grad E . grad v_g,  u = R^T (q - c_g + tilt)

The second term is what a Gaussian blur adds to an edge over a linear intensity.
"""

from __future__ import annotations

from math import erfc, exp, hypot, sqrt

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

_fast = njit(cache=True, nogil=True, fastmath=True, error_model="numpy")


@_fast
def _spline(t, w, dw, ddw):
    """Cubic B-spline weights and their first two derivatives at t in [0, 1) after the second node."""
    s = 1.0 - t
    w[0], w[3] = s * s * s / 6, t * t * t / 6
    w[1], w[2] = 2.0 / 3 - t * t * (1 - 0.5 * t), 2.0 / 3 - s * s * (1 - 0.5 * s)
    dw[0], dw[3] = -0.5 * s * s, 0.5 * t * t
    dw[1], dw[2] = t * (1.5 * t - 2), s * (2 - 1.5 * s)
    ddw[0], ddw[1], ddw[2], ddw[3] = s, 3 * t - 2, 3 * s - 2, t


@_fast
def _edge(r, radius, edge, out):
    """Set out to E, dE/dr and dE/dedge."""
    if edge > 0:
        s = (r - radius) / edge
        out[0] = 0.5 * erfc(s / sqrt(2.0))
        out[1] = -exp(-0.5 * s * s) / (sqrt(2 * np.pi) * edge)
        out[2] = -out[1] * s
    else:
        a = min(max(radius - r + RAMP, 0.0), 1.0)
        out[0], out[1], out[2] = a * a, (-2 * a if 0 < a < 1 else 0.0), 0.0


@_fast
def draw(nodes, origin, step, turn, tilt, centres, moves, strains, pixel, profile, index, out):
    """Add disks to out (pixel, 1 or 13): value, and derivatives in the order of PARAMETERS.

    nodes : spline coefficients (beam, y, x, 1 or 6) of the value and its derivatives by three strains,
    composition and thickness; origin, step : of the nodes [rad]
    turn : (cos, sin) of the rotation; tilt [rad]; centres : (beam, 2) [pixel]
    moves : derivative of the centres by (exx, eyy, exy, rotation), (beam, 4, 2) [pixel]
    strains : derivative of the crystal's own strains by the same, (3, 4)
    profile : radius, edge, point spread [pixel]
    index : row of `out` for each pixel of the camera, (rows, columns); -1 for pixels that are left out
    """
    radius, edge, psf = profile
    margin = MARGIN * edge if edge > 0 else RAMP
    reach, inner = radius + margin, max(radius - margin, 0.0)
    full = out.shape[1] > 1
    wx, wy, dx, dy, bx, by = np.empty(4), np.empty(4), np.empty(4), np.empty(4), np.empty(4), np.empty(4)
    e = np.empty(3)
    cos, sin = turn
    for beam in range(len(centres)):
        cx, cy = centres[beam]
        node = nodes[beam]
        for row in range(max(int(np.ceil(cy - reach)), 0), min(int(np.floor(cy + reach)) + 1, index.shape[0])):
            half = reach * reach - (row - cy) ** 2
            half = sqrt(half) if half > 0 else 0.0
            for column in range(max(int(np.ceil(cx - half)), 0), min(int(np.floor(cx + half)) + 1, index.shape[1])):
                place = index[row, column]
                if place < 0:
                    continue
                qx, qy = column - cx, row - cy
                ux, uy = qx * pixel + tilt[0], qy * pixel + tilt[1]
                px = (cos * ux + sin * uy - origin[0]) / step
                py = (-sin * ux + cos * uy - origin[1]) / step
                ix = min(max(int(np.floor(px)), 1), nodes.shape[2] - 3)
                iy = min(max(int(np.floor(py)), 1), nodes.shape[1] - 3)
                _spline(px - ix, wx, dx, bx)
                _spline(py - iy, wy, dy, by)
                v0, v1, v2, v3, v4, v5, gx, gy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
                hxx, hxy, hyy = 0.0, 0.0, 0.0
                for j in range(4):
                    for i in range(4):
                        w = wy[j] * wx[i]
                        at = node[iy - 1 + j, ix - 1 + i]
                        v0 += w * at[0]
                        gx += wy[j] * dx[i] * at[0]
                        gy += dy[j] * wx[i] * at[0]
                        if full:
                            v1 += w * at[1]
                            v2 += w * at[2]
                            v3 += w * at[3]
                            v4 += w * at[4]
                            v5 += w * at[5]
                            hxx += wy[j] * bx[i] * at[0]
                            hxy += dy[j] * dx[i] * at[0]
                            hyy += by[j] * wx[i] * at[0]
                vx, vy = (cos * gx - sin * gy) / step, (sin * gx + cos * gy) / step
                r = hypot(qx, qy)
                e[0], e[1], e[2] = 1.0, 0.0, 0.0
                ex, ey = 0.0, 0.0
                if r > inner:
                    _edge(r, radius, edge, e)
                    ex, ey = e[1] * qx / r, e[1] * qy / r
                pixel_out = out[place]
                pixel_out[0] += e[0] * v0 + psf * psf * pixel * (ex * vx + ey * vy)
                if full:
                    mx = -(ex * v0 + e[0] * vx * pixel)
                    my = -(ey * v0 + e[0] * vy * pixel)
                    for p in range(4):
                        own = strains[0, p] * v1 + strains[1, p] * v2 + strains[2, p] * v3
                        pixel_out[1 + p] += mx * moves[beam, p, 0] + my * moves[beam, p, 1] + e[0] * own
                    pixel_out[4] += e[0] * (vx * uy - vy * ux)
                    pixel_out[5] += e[0] * v4
                    pixel_out[6] += e[0] * v5
                    # the blur's own term changes with tilt by grad E . hessian(v), in the axes of the cell
                    ax, ay = cos * ex + sin * ey, -sin * ex + cos * ey
                    kx, ky = hxx * ax + hxy * ay, hxy * ax + hyy * ay
                    blur = psf * psf * pixel / (step * step)
                    pixel_out[7] += e[0] * vx + blur * (cos * kx - sin * ky)
                    pixel_out[8] += e[0] * vy + blur * (sin * kx + cos * ky)
                    pixel_out[9] += mx
                    pixel_out[10] += my
                    pixel_out[11] -= e[1] * v0
                    pixel_out[12] += e[2] * v0
