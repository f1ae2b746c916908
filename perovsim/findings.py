"""The centre table: findings of the target study against hypotheses, each cell a number.

The findings are those of the published summary of the target study; no number of it is public, so
the table holds what each hypothesis gives and what measurement would decide, not an agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perovsim.emitter import emitter_cells, first_moment, mean_distance
from perovsim.errors import PerovsimError

if TYPE_CHECKING:
    import xarray as xr

    from perovsim.result import Result

EDGE_SHARE = 0.1
"""The two interface zones are this share of the emitter each; the bulk is the rest."""
ROUNDING = 1e-9
"""Numbers below this, in the unit of their row, are rounding of the solver; shown as ≈ 0."""
SMALL = 1e-15
"""Amounts [mol/m^2] below this are noise of the integrator, 1e-9 of a monolayer; shown as 0."""


@dataclass(frozen=True)
class Finding:
    """One row: what was seen, how the number is computed, its unit, what would decide.

    number : function of a Result that returns the number in `unit`; NaN where undefined
    """

    key: str
    name: str
    quantity: str
    unit: str
    number: Callable[[Result], float]
    definition: str
    decides: str


@dataclass(frozen=True)
class FindingsTable:
    """Findings (rows) against hypotheses (columns); values[row][column] in the row's unit."""

    rows: tuple[Finding, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]

    def value(self, key: str, column: str) -> float:
        """Number of one cell, by the key of its row and the name of its column."""
        keys = [row.key for row in self.rows]
        return self.values[keys.index(key)][self.columns.index(column)]

    def text(self) -> str:
        """The table as plain text with footnotes."""
        head = f"{'finding: quantity [unit]':62s}" + "".join(f"{c:>20s}" for c in self.columns)
        lines = [head]
        for note, (row, values) in enumerate(zip(self.rows, self.values, strict=True), 1):
            label = f"{row.name}: {row.quantity} [{row.unit}] ({note})"
            lines.append(f"{label:62s}" + "".join(f"{shown(value):>20s}" for value in values))
        lines += [f"({n}) {row.definition}; decides: {row.decides}" for n, row in enumerate(self.rows, 1)]
        return "\n".join(lines)

    def to_dict(self) -> dict:
        """Plain data for a JSON file; NaN becomes None."""
        rows = [
            {
                "key": r.key,
                "finding": r.name,
                "quantity": r.quantity,
                "unit": r.unit,
                "definition": r.definition,
                "decides": r.decides,
                "values": [v if np.isfinite(v) else None for v in values],
            }
            for r, values in zip(self.rows, self.values, strict=True)
        ]
        return {"columns": list(self.columns), "rows": rows}


def findings_table(results: Mapping[str, Result]) -> FindingsTable:
    """Compute every cell; `results` maps the name of a hypothesis to its run."""
    if not results:
        raise PerovsimError("the findings table needs at least one result; none was given")
    values = tuple(tuple(float(row.number(result)) for result in results.values()) for row in FINDINGS)
    return FindingsTable(FINDINGS, tuple(results), values)


def shown(value: float) -> str:
    """Write a number with three digits; a dash where undefined, ≈ 0 where it is rounding."""
    if not np.isfinite(value):
        return "–"
    if value == 0.0:
        return "0"
    if abs(value) < ROUNDING:
        return "≈ 0"
    if 1e3 <= abs(value) < 1e5:
        return f"{value:.0f}"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e3 else f"{value:.2e}"


# -- numbers ------------------------------------------------------------------------------------


def strain_before(result: Result) -> float:
    """Largest minus mid-emitter lattice strain before operation [%]."""
    cells = _emitter(result)
    if "strain_lattice" not in cells:
        return float("nan")
    strain = cells["strain_lattice"].values[0]
    return 100.0 * float(strain[np.argmax(np.abs(strain))] - strain[strain.size // 2])


def lead_before(result: Result) -> float:
    """Reduced lead before operation [umol/m^2]."""
    return 1e6 * _floor(float(result.interfaces["Pb0_total"].values[0]))


def chloride_moment(result: Result) -> float:
    """Change of the first moment of the Cl left in the emitter [1e-3 thickness], + to cathode."""
    moment = first_moment(result, "theta_Cl")
    return 1e3 * float(moment[-1] - moment[0])


def total_chloride_shift(result: Result) -> float:
    """Mean shift of all Cl, films included, towards the cathode [nm]."""
    place = mean_distance(result, "Cl")
    return 1e9 * float(place[-1] - place[0])


def segregation(result: Result) -> float:
    """Largest minus smallest x_Cl across the emitter at the end [1e-3]."""
    x_cl = _emitter(result)["x_Cl"].values[-1]
    return 1e3 * float(x_cl.max() - x_cl.min())


def lead_at_interfaces(result: Result) -> float:
    """Reduced lead made during operation [umol/m^2]."""
    lead = result.interfaces["Pb0_total"].values
    return 1e6 * _floor(float(lead[-1] - lead[0]))


def film_thickness(result: Result) -> float:
    """Mean thickness of AlCl3 at the end [nm]."""
    amount = float(result.interfaces["film_AlCl3"].values[-1])
    return 1e9 * float(result.interfaces["thickness_AlCl3"].values[-1]) if _floor(amount) else 0.0


def film_selectivity(result: Result) -> float:
    """Moles of Cl per mole of Br in the films; NaN without a film."""
    films = [_floor(float(result.interfaces[f"film_{name}"].values[-1])) for name in ("AlCl3", "AlBr3")]
    return films[0] / films[1] if films[1] > 0 else float("nan")


def light_left(result: Result) -> float:
    """Light at the last lit time as a share of that at the reference time [%]."""
    return float("nan") if result.light_left is None else 100.0 * result.light_left


def peak_shift(result: Result) -> float:
    """Shift of the emission peak since the reference time [nm]."""
    peak, at = result.terminals["peak_wavelength"].values, result.reference_time
    seen = np.isfinite(peak)
    if at is None or not seen.any():
        return float("nan")
    start = np.interp(at, result.times[seen], peak[seen])
    return 1e9 * float(peak[seen][-1] - start)


def voltage_rise(result: Result) -> float:
    """Voltage at the end minus that at the reference time [V]."""
    return float("nan") if result.delta_V is None else result.delta_V


def interface_share(result: Result) -> float:
    """Share of the new lead within the two interface zones of the emitter [%]; NaN without lead."""
    if lead_at_interfaces(result) == 0.0:
        return float("nan")
    cells = _emitter(result)
    made = cells["Pb0"].values[-1] - cells["Pb0"].values[0]
    x, width = cells["x"].values, cells["cell_width"].values
    zone = EDGE_SHARE * width.sum()
    edge = np.minimum(x - x[0] + 0.5 * width[0], x[-1] + 0.5 * width[-1] - x) < zone
    total = float((made * width).sum())
    return 100.0 * float((made * width)[edge].sum()) / total


def _emitter(result: Result) -> xr.Dataset:
    return emitter_cells(result)[0]


def _floor(amount: float) -> float:
    return amount if abs(amount) > SMALL else 0.0


FINDINGS = (
    Finding(
        "strain_before",
        "Interfacial strain before operation",
        "strain, interface − middle",
        "%",
        strain_before,
        "strain_lattice at the start: the largest value minus that of the "
        "middle of the emitter. It is an input, the same for every hypothesis",
        "strain profile by nanobeam 4D-STEM on a lamella that was never biased",
    ),
    Finding(
        "lead_before",
        "Pb clusters before operation",
        "Pb⁰ at the start",
        "µmol/m²",
        lead_before,
        "Pb0_total at the first time. The runs begin with the Pb0 of the device "
        "file; 0 means that no hypothesis here explains clusters before operation",
        "HAADF of fresh lamellae against storage time and temperature",
    ),
    Finding(
        "chloride_moment",
        "Cl migration, Cl left in the emitter",
        "first moment",
        "10⁻³ thickness",
        chloride_moment,
        "change of ∫(x − centre)θ_Cl dx/(d∫θ_Cl dx) from the start to the end; > 0 is towards the cathode",
        "STEM-EDX Cl profile; the sign against bias above and below V_bi",
    ),
    Finding(
        "chloride_total",
        "Cl migration, all Cl",
        "mean shift to the cathode",
        "nm",
        total_chloride_shift,
        "mean distance of all Cl from the anode, emitter and AlCl3 film "
        "(placed at the cathode), end minus start; dissolved Cl is not counted",
        "STEM-EDX Cl map over the whole stack, cathode included",
    ),
    Finding(
        "segregation",
        "Phase segregation",
        "spread of x_Cl",
        "10⁻³",
        segregation,
        "largest minus smallest x_Cl across the emitter at the end; a 1-D model cannot hold lateral domains",
        "lateral EDX maps; splitting of the emission spectrum",
    ),
    Finding(
        "lead_made",
        "Pb-rich products",
        "Pb⁰ made",
        "µmol/m²",
        lead_at_interfaces,
        "Pb0_total at the end minus that at the start, over the emitter",
        "HAADF cluster count; ratio Pb⁰ : lost halogen, 1 : 2 if they are one reaction",
    ),
    Finding(
        "alcl3",
        "AlCl₃ at the cathode",
        "mean thickness",
        "nm",
        film_thickness,
        "thickness_AlCl3 at the end, amount times molar volume, averaged over the area",
        "EDX Al–Cl overlap; a biased and a stored device of the same age",
    ),
    Finding(
        "selectivity",
        "AlCl₃ and not AlBr₃",
        "Cl : Br in the films",
        "mol/mol",
        film_selectivity,
        "film_AlCl3 / film_AlBr3 at the end; – without an AlBr3 film",
        "EDX Cl : Br within 2 nm of Al: Br-rich means oxidised halogen, Cl-rich the couple",
    ),
    Finding(
        "light",
        "Fall of light",
        "light left",
        "%",
        light_left,
        "photon flux at the last lit time over that at the reference, 1 s after the first current rise; in trains both "
        "at the ends of pulses",
        "photoluminescence of the aged device: low if traps (Pb⁰), high if injection fails",
    ),
    Finding(
        "peak",
        "Shift of the emission",
        "peak, end − reference",
        "nm",
        peak_shift,
        "emission maximum at the last lit time minus that at the reference; > 0 is red",
        "EL spectrum: blue shift for oxidised halogen, red shift for the couple",
    ),
    Finding(
        "voltage",
        "Rise of resistance",
        "ΔV at constant current",
        "V",
        voltage_rise,
        "terminal voltage at the end minus that at the reference time",
        "impedance: a series capacitance of the film, or a blocked area",
    ),
    Finding(
        "interface",
        "Failure at interfaces, not in the bulk",
        "new Pb⁰ in the interface zones",
        "%",
        interface_share,
        "share of the new Pb0 within the outer 10 % of the emitter at each side; 20 % is uniform; – without new lead",
        "depth profile of Pb⁰ (HAADF) at several ages",
    ),
)
"""Rows of the table, in the order in which the summary of the target study names them."""
