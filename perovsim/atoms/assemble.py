"""Putting the phases of a lamella together: fill, clear clashes, leave slice borders, check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from perovsim.atoms import checks as check
from perovsim.atoms.amorphous import pack, recipe
from perovsim.atoms.clusters import build_clusters
from perovsim.atoms.crystals import crystal
from perovsim.atoms.film import Film, build_film, build_metal
from perovsim.atoms.grains import leave_boundaries, turn_grains
from perovsim.atoms.perovskite import Frame, Lattice, fill_lattice, halide_chances
from perovsim.atoms.piece import Piece
from perovsim.atoms.preparation import Microstructure, Preparation
from perovsim.atoms.stack import Region
from perovsim.atoms.state import DeviceState, Displacement, displacement, lattice_strain
from perovsim.atoms.surfaces import cut_faces, damage_skins
from perovsim.atoms.transform import PRODUCTS, crystallinity, transform

FACE_GAP = 0.8
"""Amorphous atoms stay this far from a face of their layer [angstrom]."""
THINNEST = 2.0
"""A sliver of an amorphous layer thinner than this stays empty [angstrom]."""
_LIMITS = (
    "one-dimensional model of the device; grains, tilt, faces and skins are those asked for, not predicted",
    "in-plane strain is the misfit strain",
    "amorphous layers and disordered halides are random packings, not molecules or glasses relaxed by forces",
    "Cs and halides displaced by Pb clusters are left out; Cs that lead leaves behind by reduction stays on its sites",
    "sizes of lumps and grains of new phases are assumed",
)


@dataclass(frozen=True)
class Parts:
    """What a lamella consists of."""

    pieces: list[Piece]
    truth: Any
    checks: list[check.Check]
    sources: list[str]
    limits: tuple[str, ...]
    potential: Any


def assemble(
    inside: list[Region],
    state: DeviceState,
    frame: Frame,
    anchor: float,
    relaxation: float,
    radius: float | None,
    made: Microstructure,
    cut: Preparation,
    rng: np.random.Generator,
) -> Parts:
    """Build every region of the window, later phases giving way to earlier ones."""
    spans = [(part.x0, part.x1) for part in inside if part.kind == "lattice"]
    move = displacement(state, spans, anchor, relaxation)
    hard: list[Piece] = []
    rows: list[check.Check] = []
    truths = []
    for region in (part for part in inside if part.kind == "lattice"):
        lattice = fill_lattice(region, state, frame, move, anchor, rng, made.octahedra)
        if len(lattice.numbers) == 0:
            continue
        clusters, left = build_clusters(lattice, state, frame, move, radius, rng, made.cluster_spread)
        changed = transform(region.name, lattice, left, state, frame, move, [clusters.piece, *hard], rng)
        rows += changed.rows
        crystal_piece = changed.lattice.piece()
        if made.turned:
            crystal_piece, row = leave_boundaries(turn_grains(crystal_piece, made, frame.box, rng), frame.box)
            rows.append(row)
        hard = [clusters.piece, *hard, crystal_piece, *changed.pieces]
        truths.append(_truth(region, state, frame, move, lattice, relaxation))
        rows += _lattice_checks(region, state, frame, lattice, left, truths[-1])
        rows += check.check_lead(region.name, clusters, left, int((lattice.site == 1).sum()))
    film, soft = None, []
    for region in (part for part in inside if part.kind == "metal"):
        film, metal = _contact(region, state, frame, move, rng)
        hard += [film.piece, metal]
    for region in (part for part in inside if part.kind == "amorphous"):
        soft.append((region, *_amorphous(region, frame, move, rng)))
    pieces = hard + [piece for _, piece, _ in soft]
    before = [len(piece) for piece in pieces]
    pieces = _without_clashes(pieces, frame)
    volumes = {id_: volume for id_, (_, _, volume) in enumerate(soft, start=len(hard))}
    rows += _piece_checks(inside, pieces, before, volumes, film, frame, move)
    if not cut.as_grown:
        pieces = damage_skins(cut_faces(pieces, frame.box, cut), frame.box, cut, rng)
    pieces = [_off_borders(piece, frame) for piece in pieces]
    rows += check.check_distances([piece for piece in pieces if len(piece)], frame.box)
    rows.append(check.check_borders(np.concatenate([p.positions[:, 2] for p in pieces]), 0.5e10 * frame.in_plane))
    check.raise_failures(tuple(rows))
    return Parts(pieces, _join(truths), rows, _sources(inside, pieces), _LIMITS, _potential(state, move))


def _contact(
    region: Region, state: DeviceState, frame: Frame, move: Displacement, rng: np.random.Generator
) -> tuple[Film, Piece]:
    """Return the film and the metal of a contact, cut at the border of the window."""
    sign = region.contact
    edge = float(frame.to_box(move(region.x0 if sign > 0 else region.x1)))
    film = build_film(state.film(), edge, sign, frame.box, rng)
    far = frame.box[0] if sign > 0 else 0.0
    metal = build_metal(region.material, edge, sign, far, film, frame.box, rng)
    return film, metal


def _amorphous(region: Region, frame: Frame, move: Displacement, rng: np.random.Generator) -> tuple[Piece, float]:
    """Return the packed atoms of an amorphous layer and the volume of its part in the window."""
    ends = frame.to_box(move(np.array([region.x0, region.x1])))
    low, high = max(ends[0], 0.0), min(ends[1], frame.box[0])
    gaps = [FACE_GAP if 0.0 < end < frame.box[0] else 0.0 for end in ends]
    found = recipe(region.material)
    if high - low < THINNEST:
        return Piece(np.zeros(0, int), np.zeros((0, 3)), found.name, np.zeros(0, int)), 0.0
    volume = float((high - low) * frame.box[1] * frame.box[2])
    return pack(found, low + gaps[0], high - gaps[1], frame.box, volume, rng), volume


def _without_clashes(pieces: list[Piece], frame: Frame) -> list[Piece]:
    """Drop atoms outside the window and atoms that clash with a phase listed before theirs."""
    pieces = [piece.keep((piece.positions[:, 0] >= 0) & (piece.positions[:, 0] <= frame.box[0])) for piece in pieces]
    bad = check.clashes(pieces, frame.box)
    return [piece.keep(~mask) for piece, mask in zip(pieces, bad, strict=True)]


def _off_borders(piece: Piece, frame: Frame) -> Piece:
    """Move atoms that lie on a slice border off it."""
    positions = piece.positions.copy()
    positions[:, 2] = check.leave_borders(positions[:, 2], 0.5e10 * frame.in_plane, frame.box[2])
    return Piece(piece.numbers, positions, piece.phase, piece.residue)


def _lattice_checks(
    region: Region, state: DeviceState, frame: Frame, lattice: Lattice, left: Lattice, truth: Any
) -> list[check.Check]:
    rows = check.check_composition(region.name, left)
    x = lattice.material_x
    ends = x.min() - 0.25 * frame.cell, x.max() + 0.25 * frame.cell
    grid = np.linspace(*ends, 400)
    theta = halide_chances(state, region, grid)
    density = getattr(region.layer.lattice, "site_density", None)
    density = 3 / frame.cell**3 if density is None else float(density)
    fields = {name: float(np.trapezoid(theta[:, k], grid)) for k, name in enumerate(("Cl", "Br"))}
    rows += check.check_fields(region.name, lattice, fields, density, frame)
    mean = float(truth.strain_xx.mean())
    return [*rows, check.check_lattice_density(region.name, lattice, frame, mean)]


def _piece_checks(
    inside: list[Region],
    pieces: list[Piece],
    before: list[int],
    volumes: dict[int, float],
    film: Film | None,
    frame: Frame,
    move: Displacement,
) -> list[check.Check]:
    rows: list[check.Check] = []
    for piece, count in zip(pieces, before, strict=True):
        if piece.phase == "AlCl3" and film is not None:
            rows += check.check_film(film, cut=len(piece) < count)
    amorphous = [part for part in inside if part.kind == "amorphous"]
    for region, (index, volume) in zip(amorphous, volumes.items(), strict=True):
        if volume > 0:
            rows.append(check.check_density(region, len(pieces[index]), volume, frame.box))
    for region in (part for part in inside if part.kind == "metal"):
        count = sum(len(piece) for piece in pieces if piece.phase == region.material)
        edge = float(frame.to_box(move(region.x0 if region.contact > 0 else region.x1)))
        length = frame.box[0] - edge if region.contact > 0 else edge
        area = frame.box[1] * frame.box[2]
        used = film.mean_height(length)
        if length > used + 8.0:
            rows.append(check.check_density(region, count, length * area, frame.box, used * area))
    return rows


def _truth(
    region: Region,
    state: DeviceState,
    frame: Frame,
    move: Displacement,
    lattice: Lattice,
    relaxation: float,
) -> Any:
    """Return what the lamella was built from, per lattice plane."""
    import xarray as xr

    x = np.unique(lattice.material_x)
    theta = halide_chances(state, region, x)
    strain = lattice_strain(state, [(region.x0, region.x1)], x, relaxation)
    halides = theta[:, 0] + theta[:, 1]
    columns = {
        "strain_xx": (strain, "1", "out-of-plane lattice strain"),
        "strain_in_plane": (np.full(len(x), frame.in_plane / frame.cell - 1), "1", "y and z"),
        "theta_Cl": (theta[:, 0], "1", "site fraction"),
        "theta_Br": (theta[:, 1], "1", "site fraction"),
        "theta_V": (theta[:, 2], "1", "site fraction"),
        "x_Cl": (theta[:, 0] / np.where(halides > 0, halides, 1), "1", "Cl / (Cl + Br)"),
        "Pb0": (state.profile("Pb0", x, region.x0, region.x1), "m^-3", "metallic lead"),
        "crystallinity": (crystallinity(state, x, (region.x0, region.x1)), "1", "order parameter"),
    }
    data = {k: ("x", v, {"units": u, "long_name": n}) for k, (v, u, n) in columns.items()}
    coords = {
        "x": ("x", np.asarray(move(x)), {"units": "m"}),
        "x_material": ("x", x, {"units": "m"}),
        "layer": ("x", [region.name] * len(x)),
    }
    return xr.Dataset(data, coords, {"reference_cell": frame.cell, "time": state.time})


def _potential(state: DeviceState, move: Displacement) -> Any:
    """Return the inner potential of the device over the places where its cells now lie; None where there is none."""
    import xarray as xr

    values = state.profiles.get("potential")
    if values is None or not np.isfinite(values).any():
        return None
    known = np.isfinite(values)
    x = np.asarray(move(state.x[known]))
    return xr.DataArray(values[known], {"x": ("x", x, {"units": "m"})}, ("x",), attrs={"units": "V"})


def _join(truths: list) -> Any:
    import xarray as xr

    return xr.concat(truths, "x") if truths else xr.Dataset(coords={"x": np.zeros(0)})


def _sources(inside: list[Region], pieces: list[Piece]) -> list[str]:
    names: list[str] = []
    if any(part.kind == "lattice" for part in inside):
        names += ["CsPbBr3", "CsPbCl3"]
    phases = {piece.phase for piece in pieces if len(piece)}
    names += [name for name in ("Pb", "Al", "AlCl3", "ITO") if name in phases]
    names += [name for phase, (*pair, _, _) in PRODUCTS.items() if phase in phases for name in pair]
    lines = [crystal(name).cite() for name in names]
    lines += [line for part in inside if part.kind == "lattice" for line in _cells_used(part)]
    soft = dict.fromkeys(part.material for part in inside if part.kind == "amorphous")
    return lines + [recipe(material).cite() for material in soft]


def _cells_used(region: Region) -> list[str]:
    """Return the lattice parameters that the device file gives, with their standing."""
    found = []
    for halide in ("Br", "Cl"):
        given = getattr(region.layer.lattice, f"lattice_parameter_{halide}", None)
        if given is not None:
            source = getattr(given, "source", "user")
            status = getattr(given, "status", "assumed")
            size = float(given) * 1e10
            found.append(f"CsPb{halide}3 cell used: {size:.4g} angstrom, {source} [{status}]")
    return found
