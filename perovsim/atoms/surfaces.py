"""The faces of the lamella: thickness profile, relaxed surfaces, amorphous skins of ion milling."""

from __future__ import annotations

import numpy as np

from perovsim.atoms.amorphous import push_apart, recipes
from perovsim.atoms.piece import Piece, near, wrap
from perovsim.atoms.preparation import Preparation
from perovsim.errors import PerovsimError

SCATTER = 2.5
"""Atoms of a skin leave their sites by this [angstrom], in each direction."""
SHORTEST = 2.2
"""Shortest distance in a skin [angstrom]; Al-Cl is 2.3, Al-Al 2.9, Pb-Cl 2.8 in crystals."""
ORGANIC_GAP = 2.5
"""A site from which an atom would scatter this close to an organic layer keeps its atom [angstrom]."""
RELAXED_DEPTH = 5.8
"""Surface relaxation falls off over one cell [angstrom]; assumed."""
LEAST = 10.0
"""The thin end of a wedge is at least this thick [angstrom]."""


def local_thickness(x: np.ndarray, box: np.ndarray, made: Preparation) -> np.ndarray:
    """Return the thickness at x in the box [angstrom]: the box at the thick end, falling as tan(wedge)."""
    slope = np.tan(made.wedge)
    return box[2] - slope * (x if slope >= 0 else x - box[0])


def cut_faces(pieces: list[Piece], box: np.ndarray, made: Preparation) -> list[Piece]:
    """Leave out atoms beyond the faces of a wedge, and relax the outermost planes.

    Raises PerovsimError where the wedge ends within the window.
    """
    thin = float(local_thickness(np.array([0.0, box[0]]), box, made).min())
    if thin < max(LEAST, 3 * made.skin * 1e10):
        raise PerovsimError(
            f"a wedge of {np.degrees(made.wedge):.3g} degrees leaves {thin / 10:.2f} nm at its thin end; give at least "
            f"{max(LEAST / 10, 3 * made.skin * 1e9):.2g} nm: less wedge, a thinner skin or a larger thickness"
        )
    found = []
    for piece in pieces:
        depth, side = _depth(piece.positions, box, made)
        positions = piece.positions.copy()
        fade = np.exp(-np.maximum(depth, 0.0) / RELAXED_DEPTH)
        positions[:, 2] += side * made.surface_relaxation * 1e10 * fade
        found.append(Piece(piece.numbers, positions, piece.phase, piece.residue).keep(depth >= 0))
    return found


def damage_skins(pieces: list[Piece], box: np.ndarray, made: Preparation, rng: np.random.Generator) -> list[Piece]:
    """Make the crystals within a skin of both faces amorphous, atom for atom."""
    organic = [piece for piece in pieces if _is_packed(piece)]
    kept, moved = [], []
    for piece in pieces:
        depth, _ = _depth(piece.positions, box, made)
        hit = depth < made.skin * 1e10
        if _is_packed(piece) or not hit.any():
            kept.append(piece)
            continue
        kept.append(piece.keep(~hit))
        moved.append(piece.keep(hit))
    if not moved:
        return pieces
    soft = np.concatenate([np.zeros((0, 3)), *(piece.positions for piece in organic)])
    start = np.concatenate([_scattered(piece.positions, soft, box, made, rng) for piece in moved])
    fixed = np.concatenate([piece.positions for piece in kept if not _is_packed(piece)])
    low, high = (float(edge) for edge in (start[:, 0].min(), start[:, 0].max()))
    settled = push_apart(start, low, high, box, SHORTEST, "skin", fixed, rng)
    ends = np.cumsum([len(piece) for piece in moved])[:-1]
    for piece, positions in zip(moved, np.split(settled, ends), strict=True):
        kept.append(
            Piece(piece.numbers, positions, f"amorphous {piece.phase.removeprefix('amorphous ')}", piece.residue)
        )
    return kept


def _scattered(
    positions: np.ndarray, soft: np.ndarray, box: np.ndarray, made: Preparation, rng: np.random.Generator
) -> np.ndarray:
    """Return positions scattered about their sites, within the skin of their face and outside organic layers."""
    found = positions + SCATTER * rng.standard_normal(positions.shape)
    low, high = positions[:, 0].min(), positions[:, 0].max()
    found[:, 0] = low + np.abs(found[:, 0] - low)
    found[:, 0] = np.clip(high - np.abs(high - found[:, 0]), low, high)
    half = 0.5 * local_thickness(found[:, 0], box, made)
    side = np.sign(positions[:, 2] - 0.5 * box[2])
    depth = np.abs(half - side * (found[:, 2] - 0.5 * box[2]))
    skin = made.skin * 1e10
    depth = np.clip(skin - np.abs(skin - depth), 0.0, skin)
    found[:, 2] = 0.5 * box[2] + side * (half - depth)
    found = wrap(found, box)
    back = near(found, soft, ORGANIC_GAP, box)
    return np.where(back[:, None], positions, found)


def _depth(positions: np.ndarray, box: np.ndarray, made: Preparation) -> tuple[np.ndarray, np.ndarray]:
    """Return the depth below the nearer face [angstrom] and the way inwards along z, +1 or -1."""
    offset = positions[:, 2] - 0.5 * box[2]
    half = 0.5 * local_thickness(positions[:, 0], box, made)
    return half - np.abs(offset), np.where(offset < 0, 1.0, -1.0)


def _is_packed(piece: Piece) -> bool:
    """Tell a packed amorphous layer, which a skin leaves as it is."""
    return piece.phase in {found.name for found in recipes().values()}
