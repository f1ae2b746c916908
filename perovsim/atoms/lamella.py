"""The lamella: atoms of a window of an aged device, drawn from its fields at one time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perovsim import units
from perovsim.atoms.assemble import Parts, assemble
from perovsim.atoms.checks import Check
from perovsim.atoms.irradiation import Irradiation, irradiated
from perovsim.atoms.perovskite import Frame, in_plane_strain, reference_cell
from perovsim.atoms.preparation import CUBIC, Microstructure, Preparation
from perovsim.atoms.stack import check_window, interface_position, needs, regions
from perovsim.atoms.state import DeviceState, state_at
from perovsim.errors import PerovsimError
from perovsim.memory import require_memory

BYTES_PER_VOLUME = 4e31
"""Memory that building takes [bytes/m^3]: at most 75 atoms/nm^3, 400 bytes each at the peak, and a third more."""


@dataclass(frozen=True)
class Lamella:
    """Atoms of a window of the device; x is the growth direction, z the beam.

    atoms : ASE Atoms [angstrom], periodic in y and z; arrays `phase` (name) and `residue`
    (cluster, formula unit or cell); x = 0 is window[0]
    window : (x0, x1) [m] on the device axis; thickness, height : box along z and y [m]
    slice_thickness : slices along z that no atom borders on [m]
    truth : xarray Dataset over x [m]: strain_xx, strain_in_plane, theta_Cl, theta_Br, theta_V,
    x_Cl, Pb0, crystallinity; strain against the cell `reference_cell` [m]
    potential : xarray DataArray over x [m], inner potential of the device [V]; None where its state has none
    checks : what was verified; citation, seed, device, time [s], hypotheses : provenance
    """

    atoms: Any
    window: tuple[float, float]
    interface: float
    thickness: float
    height: float
    slice_thickness: float
    reference_cell: float
    truth: Any
    checks: tuple[Check, ...]
    citation: str
    seed: int
    device: str
    time: float
    hypotheses: tuple[str, ...]
    limits: tuple[str, ...] = field(default=())
    potential: Any = None

    @property
    def composition(self) -> dict[str, int]:
        """Return the number of atoms per element."""
        symbols, counts = np.unique(self.atoms.get_chemical_symbols(), return_counts=True)
        return {str(symbol): int(count) for symbol, count in zip(symbols, counts, strict=True)}

    @property
    def phases(self) -> dict[str, int]:
        """Return the number of atoms per phase."""
        names, counts = np.unique(self.atoms.arrays["phase"], return_counts=True)
        return {str(name): int(count) for name, count in zip(names, counts, strict=True)}

    def report(self) -> str:
        """Return the checks as text, one line each."""
        return "\n".join(str(check) for check in self.checks)

    def __repr__(self) -> str:
        x0, x1 = (edge * 1e9 for edge in self.window)
        return (
            f"Lamella({self.device}, t = {self.time:g} s, x = {x0:.2f} to {x1:.2f} nm, "
            f"{self.height * 1e9:.2f} x {self.thickness * 1e9:.2f} nm, "
            f"{len(self.atoms)} atoms)"
        )


def build_lamella(
    result: Any,
    *,
    time: float | str,
    around: str | None = None,
    window: tuple[float | str, float | str] | None = None,
    width: float | str = "20 nm",
    thickness: float | str = "20 nm",
    height: float | str = "5 nm",
    cluster_radius: float | str | None = None,
    relaxation: float = 0.0,
    microstructure: Microstructure | None = None,
    preparation: Preparation | None = None,
    irradiation: Irradiation | None = None,
    seed: int = 1,
) -> Lamella:
    """Build the atoms of a window of the device at a time.

    time : [s] or text, within the result; around : interface "a|b" at the centre of the window, or
    window : (x0, x1) [m] or text instead; width, thickness (along the beam), height : [m] or text;
    thickness and height become whole cells
    cluster_radius : nominal radius of Pb clusters; None for number and sizes of the device's own (process
    "lead_clusters"), 1 nm where it has none; relaxation : 0 to 1, share of the elastic
    strain that the free lamella has lost
    microstructure : octahedra, grains, tilt, spread of cluster sizes; preparation : wedge, relaxed faces, skins
    irradiation : dose of the microscope's beam that has acted on the state before it is built
    Disorder (field `crystallinity`) and phases (fields f_PbX2, f_CsPb2X5, f_Cs4PbX6) are those of the state.
    Raises PerovsimError for a window outside the stack, a time outside the result, a size below one
    cell, more atoms than the memory holds, a material without structure, or a check that fails.
    """
    device = result.device
    state = state_at(result, units.parse(time, "s"))
    stack = regions(device)
    centre, span = _window(stack, device, around, window, units.parse(width, "m"))
    check_window(stack, span, device)
    if irradiation is not None:
        state = irradiated(state, stack, irradiation)
    inside = [part for part in stack if part.x1 > span[0] and part.x0 < span[1]]
    for part in inside:
        needs(part)
    if not 0.0 <= relaxation <= 1.0:
        raise PerovsimError(f"relaxation = {relaxation:g} must lie between 0 and 1")
    made, cut = microstructure or Microstructure(), preparation or Preparation()
    even = made.octahedra != CUBIC
    frame = _frame(stack, inside, device, span, units.parse(height, "m"), units.parse(thickness, "m"), even)
    radius = None if cluster_radius is None else units.parse(cluster_radius, "m") * 1e10
    rng = np.random.default_rng(seed)
    parts = assemble(inside, state, frame, centre, relaxation, radius, made, cut, rng)
    return _lamella(parts, state, frame, centre, seed)


def _window(
    stack: list, device: Any, around: str | None, window: Any, width: float
) -> tuple[float, tuple[float, float]]:
    """Return the anchor [m] and the window (x0, x1) [m]."""
    if (around is None) == (window is None):
        raise PerovsimError('give either around="layer|layer" or window=(x0, x1), not both')
    if window is not None:
        x0, x1 = (units.parse(edge, "m") for edge in window)
        edges = [part.x1 for part in stack[:-1]]
        return min(edges, key=lambda edge: abs(edge - 0.5 * (x0 + x1))), (x0, x1)
    if width <= 0:
        raise PerovsimError(f"width = {width * 1e9:g} nm must be positive")
    centre = interface_position(stack, device, around)
    return centre, (centre - 0.5 * width, centre + 0.5 * width)


def _frame(
    stack: list,
    inside: list,
    device: Any,
    span: tuple[float, float],
    height: float,
    thickness: float,
    even: bool,
) -> Frame:
    """Return the box: whole cells of the halide lattice in the window, or of the device; even : in pairs."""
    lattices = [part for part in (*inside, *stack) if part.kind == "lattice"]
    if not lattices:
        raise PerovsimError(f"device '{device.name}' has no halide lattice of Cl and Br; a lamella needs one")
    cell = reference_cell(device, lattices[0].layer)
    in_plane = cell * (1 + in_plane_strain(lattices[0].layer))
    for name, size in (("thickness", thickness), ("height", height), ("width", span[1] - span[0])):
        if size < in_plane:
            raise PerovsimError(
                f"{name} = {size * 1e9:.3g} nm is less than one cell; give at least {in_plane * 1e9:.3g} nm"
            )
    needed = BYTES_PER_VOLUME * (span[1] - span[0]) * height * thickness
    require_memory(needed, "the lamella", "give a smaller width, height or thickness")
    step = 2 if even else 1
    repeats = tuple(step * max(1, round(size / in_plane / step)) for size in (height, thickness))
    return Frame(cell, in_plane, repeats, span)


def _lamella(parts: Parts, state: DeviceState, frame: Frame, centre: float, seed: int) -> Lamella:
    from ase import Atoms

    pieces = [piece for piece in parts.pieces if len(piece)]
    atoms = Atoms(
        numbers=np.concatenate([piece.numbers for piece in pieces]),
        positions=np.concatenate([piece.positions for piece in pieces]),
        cell=frame.box,
        pbc=(False, True, True),
    )
    phases = np.repeat([piece.phase for piece in pieces], [len(piece) for piece in pieces])
    atoms.set_array("phase", phases)
    atoms.set_array("residue", np.concatenate([piece.residue for piece in pieces]))
    processes = getattr(state.device, "enabled_processes", ())
    return Lamella(
        atoms=atoms,
        window=frame.window,
        interface=centre,
        thickness=float(frame.box[2]) * 1e-10,
        height=float(frame.box[1]) * 1e-10,
        slice_thickness=0.5 * frame.in_plane,
        reference_cell=frame.cell,
        truth=parts.truth,
        checks=tuple(parts.checks),
        citation="\n".join(parts.sources),
        seed=seed,
        device=state.device.name,
        time=state.time,
        hypotheses=tuple(dict.fromkeys(str(p.hypothesis) for p in processes)),
        limits=parts.limits,
        potential=parts.potential,
    )
