"""The lamella as a picture: two views of a slice, and the profiles it was built from."""

from __future__ import annotations

from typing import Any

import numpy as np

from perovsim.atoms.lamella import Lamella

ELEMENT_COLOURS = {
    "Pb": "#000000",
    "Cs": "#CC79A7",
    "Br": "#E69F00",
    "Cl": "#009E73",
    "Al": "#56B4E9",
    "N": "#0072B2",
    "C": "#999999",
    "Li": "#F0E442",
    "F": "#D55E00",
    "In": "#0072B2",
    "Sn": "#56B4E9",
    "O": "#D55E00",
    "S": "#F0E442",
    "P": "#F0E442",
}
"""Okabe-Ito palette, told apart with every common colour blindness."""
CLUSTER_COLOUR = "#D55E00"
PRODUCTS = ("Pb", "AlCl3", "PbX2", "CsPb2X5", "Cs4PbX6", "CsX")
"""Phases that ageing made: a picture cuts through them."""
RADII = {"Pb": 1.1, "Cs": 1.1, "Br": 0.9, "Cl": 0.9, "Al": 0.8, "C": 0.45, "N": 0.45}
"""Drawn radii [angstrom]: small enough that neighbours do not hide each other."""
_WIDTH, _TALLEST = 6.6, 6.6
"""Size of a panel at most [inch]."""
_POINTS_PER_INCH = 72.0
SLICE = 6e-10
"""Depth of the slice of a structure without halide lattice [m], about one cell of one."""


def lamella_figure(lamella: Lamella) -> Any:
    """Draw a slice one cell deep in x-y (beam view) and x-z, through the products, and the true profiles.

    Hydrogen is left out. Metallic lead is drawn in its own colour.
    """
    from matplotlib.figure import Figure

    box = lamella.atoms.cell.lengths()
    figure = Figure()
    beam, side, profile = _panels(figure, box)
    for axes, axis, view in ((beam, 1, "along the beam (z)"), (side, 2, "along the interface (y), beam upwards")):
        draw_slice(axes, lamella, axis)
        axes.set_title(f"seen {view}: a slice of {_slice(lamella) * 1e9:.2f} nm", fontsize=8, loc="left")
        axes.tick_params(labelbottom=False)
    _nanometre_bar(beam, box)
    _profiles(profile, lamella)
    handles, labels = legend_of(lamella)
    figure.legend(handles, labels, loc="upper right", frameon=False, fontsize=8)
    title = f"{lamella.device}, t = {lamella.time:.3g} s, seed {lamella.seed}"
    figure.text(0.02, 0.995, title, fontsize=10, va="top")
    return figure


def _panels(figure: Any, box: np.ndarray) -> list:
    """Lay out three panels of one width, the upper two in true proportion [inch]."""
    left, right, gap, low, top = 0.75, 1.65, 0.45, 0.55, 0.55
    width = min(_WIDTH, _TALLEST * box[0] / box[1:].max())
    heights = [width * length / box[0] for length in box[1:]] + [1.5]
    total = top + sum(heights) + 2 * gap + low
    figure.set_size_inches(left + width + right, total)
    panels, upper = [], total - top
    for height in heights:
        upper -= height
        place = (left / (left + width + right), upper / total, width / (left + width + right), height / total)
        panels.append(figure.add_axes(place))
        upper -= gap
    return panels


def draw_slice(axes: Any, lamella: Lamella, axis: int) -> None:
    """Draw a slice one cell deep, light elements first; axis drawn upwards: 1 (y, beam view) or 2 (z, the beam).

    The width of the axes decides the size of the atoms: place them before.
    """
    atoms, cell = lamella.atoms, _slice(lamella) * 1e10
    box = atoms.cell.lengths()
    depth = atoms.positions[:, 3 - axis]
    low = cell * int(_middle(lamella, depth, box[3 - axis]) / cell)
    shown = (depth >= low) & (depth < low + cell) & (atoms.numbers > 1)
    kinds = _kinds(lamella)
    x = atoms.positions[:, 0] / 10 + lamella.window[0] * 1e9
    scale = axes.get_position().width * axes.figure.get_figwidth() * _POINTS_PER_INCH / box[0]
    for kind in _order(kinds[shown]):
        mask = shown & (kinds == kind)
        radius = RADII.get(kind.split()[0], 0.6) * scale
        axes.scatter(
            x[mask], atoms.positions[mask, axis] / 10, s=4 * radius**2, c=_colour(kind), linewidths=0, rasterized=True
        )
    axes.set(ylabel=f"{'xyz'[axis]} [nm]", ylim=(0, box[axis] / 10))
    axes.set_xlim(lamella.window[0] * 1e9, lamella.window[1] * 1e9)
    axes.axvline(lamella.interface * 1e9, color="0.3", lw=0.6, ls=":")


def _slice(lamella: Lamella) -> float:
    """Return the depth of what is drawn [m]: one cell of the halide lattice where there is one."""
    return lamella.reference_cell if np.isfinite(lamella.reference_cell) else SLICE


def _middle(lamella: Lamella, depth: np.ndarray, length: float) -> float:
    """Return where to cut: through most of the products where there are any, else in the middle [angstrom]."""
    products = depth[np.isin(lamella.atoms.arrays["phase"], PRODUCTS)]
    if products.size == 0:
        return 0.5 * length
    cells = max(int(length / (_slice(lamella) * 1e10)), 1)
    counts, _ = np.histogram(products, bins=cells, range=(0, length))
    return (np.argmax(counts) + 0.5) * length / cells


def _kinds(lamella: Lamella) -> np.ndarray:
    symbols = np.array(lamella.atoms.get_chemical_symbols(), dtype="<U8")
    symbols[lamella.atoms.arrays["phase"] == "Pb"] = "Pb metal"
    return symbols


def _order(kinds: np.ndarray) -> list[str]:
    from ase.data import atomic_numbers

    def rank(kind: str) -> tuple[bool, int]:
        return kind == "Pb metal", atomic_numbers[kind.split()[0]]

    return sorted(set(kinds), key=rank)


def _colour(kind: str) -> str:
    return CLUSTER_COLOUR if kind == "Pb metal" else ELEMENT_COLOURS.get(kind, "#777777")


def _nanometre_bar(axes: Any, box: np.ndarray) -> None:
    """Draw a scale bar over a white ground; box [angstrom]."""
    length = float(next(n for n in (5, 2, 1, 0.5, 0.2) if n <= 0.3 * box[0] / 10 or n == 0.2))
    place = (axes.get_xlim()[0] + 0.03 * box[0] / 10, 0.08 * box[1] / 10)
    scale_bar(axes, place, length, f"{length:g} nm", "black", bbox={"fc": "white", "ec": "none", "pad": 1})


def scale_bar(
    axes: Any, place: tuple[float, float], length: float, text: str, colour: str = "white", **words: Any
) -> None:
    """Draw a scale bar with its text above; place and length in units of the axes, words: of the text."""
    left, base = place
    axes.plot([left, left + length], [base, base], color=colour, lw=3, solid_capstyle="butt")
    axes.annotate(
        text, place, xytext=(0, 4), textcoords="offset points", color=colour, fontsize=9, weight="bold", **words
    )


def _profiles(axes: Any, lamella: Lamella) -> None:
    """Draw composition and strain of the halide lattice on two axes."""
    truth = lamella.truth
    axes.set(xlabel="x on the device axis [nm]", ylabel="x_Cl", ylim=(0, 1))
    axes.set_xlim(lamella.window[0] * 1e9, lamella.window[1] * 1e9)
    if truth.sizes["x"] == 0:
        axes.text(0.5, 0.5, "no halide lattice in this window", transform=axes.transAxes, ha="center")
        return
    x = truth.x.values * 1e9
    axes.plot(x, truth.x_Cl, color="#009E73", label="x_Cl")
    other = axes.twinx()
    other.plot(x, 100 * truth.strain_xx, color="#D55E00", ls="--", label="strain out of plane")
    other.set_ylabel("lattice strain [%]")
    other.margins(y=0.3)
    lines = [*axes.get_lines(), *other.get_lines()]
    axes.legend(lines, [line.get_label() for line in lines], fontsize=8, frameon=False)


def legend_of(lamella: Lamella) -> tuple[list, list[str]]:
    """Marks and names of the kinds of atoms that are drawn."""
    from matplotlib.lines import Line2D

    kinds = [kind for kind in _order(np.unique(_kinds(lamella))) if kind != "H"]
    handles = [Line2D([], [], marker="o", ls="", color=_colour(kind)) for kind in kinds]
    return handles, kinds
