"""Lesson 2: constant current, and where the halides go. The polarity question, with hypotheses as switches."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.emitter import emitter_cells, mean_distance
from perovsim.plot.drawing import BLUE, ORANGE, VERMILLION, time_text
from perovsim.teach.chart import Axis, Line, Panel, Rule, Word, chart
from perovsim.teach.lesson import Check, Control, Lesson, Option, Reading, Settings, View, short

if TYPE_CHECKING:
    from perovsim.result import Result

DURATION = 3600.0
"""The run ends at this time [s], the hour of the shipped protocol."""
COMPLIANCE = 12.0
"""Voltage limit of the source [V], as in the shipped protocol."""
PM, NM, MILLI = 1e-12, 1e-9, 1e-3
ROUNDING = 1e-5
"""Shifts below this [pm] are rounding of the solver and have no direction."""
HALIDES = (("Cl", BLUE, ""), ("Br", ORANGE, "6 4"))
CURRENTS = (0.0, 0.1, 1.0, 10.0, 100.0)
TIMES = (1e-3, 1.0, 60.0, 600.0, 3600.0)


def _view(settings: Settings) -> View:
    result = _run(float(settings["current"]), bool(settings["oxidised"]), bool(settings["couple"]))
    at = float(settings["time"])
    moved = {name: shift(result, name) for name, _, _ in HALIDES}
    now = {name: float(np.interp(at, result.times, values)) for name, values in moved.items()}
    volts = float(np.interp(at, result.times, result.terminals["V"].values))
    readings = (
        Reading("voltage", "voltage at the terminals", volts, "V"),
        Reading("built_in", "difference of the work functions", built_in(result), "V", "reversal is near it"),
        Reading("chloride", "mean shift of all chloride", now["Cl"], "pm", "> 0 is towards the cathode"),
        Reading("bromide", "mean shift of all bromide", now["Br"], "pm", "films at the cathode are counted"),
        Reading("film", "AlCl₃ at the cathode", _film(result, "AlCl3", at), "nm"),
        Reading("film_br", "AlBr₃ at the cathode", _film(result, "AlBr3", at), "nm"),
    )
    sentence = f"After {time_text(at)} chloride {_goes(now['Cl'])}, bromide {_goes(now['Br'])}."
    alt = f"Left: change of the chloride profile in the emitter. Right: mean shift of Cl and Br in time. {sentence}"
    return View(readings, sentence, _figure(result, moved, at, alt))


@lru_cache
def _run(current: float, oxidised: bool, couple: bool) -> Result:
    """One hour at a current density [mA/cm^2]; 0 is a short circuit in the dark."""
    from perovsim.model import constant_current, short_circuit
    from perovsim.teach.runs import run

    steps: list[Any] = [short_circuit(DURATION)]
    if current > 0.0:
        steps = [constant_current(f"{current:g} mA/cm^2", DURATION, compliance=COMPLIANCE)]
    chosen = [name for name, on in (("oxidised_halogen", oxidised), ("corrosion_couple", couple)) if on]
    return run(tuple(chosen) or ("field_drift",), {}, steps, first_output=TIMES[0])


def shift(result: Result, halide: str) -> np.ndarray:
    """Mean distance of all atoms of a halide from the anode minus that at the start [pm], films included."""
    place = mean_distance(result, halide)
    return (place - place[0]) / PM


def built_in(result: Result) -> float:
    """Difference of the work functions of the contacts [V]; V_bi of a stack without interface dipoles."""
    return float(result.device.anode.work_function) - float(result.device.cathode.work_function)


def _film(result: Result, name: str, at: float) -> float:
    key = f"thickness_{name}"
    if key not in result.interfaces:
        return 0.0
    return float(np.interp(at, result.times, result.interfaces[key].values)) / NM


def _goes(picometres: float) -> str:
    if abs(picometres) < ROUNDING:
        return "stays"
    return f"has moved {short(abs(picometres))} pm to the {'cathode' if picometres > 0 else 'anode'}"


def _figure(result: Result, moved: dict[str, np.ndarray], at: float, alt: str) -> str:
    cells, centre, thickness = emitter_cells(result)
    depth = (cells["x"].values - centre + 0.5 * thickness) / NM
    change = (result.at(at)["theta_Cl"].values - result.at(0.0)["theta_Cl"].values) / MILLI
    change = change[result.fields["layer"].values == result.device.emitter.name]
    profile = Panel(
        "Change of chloride in the emitter",
        Axis("depth in the emitter [nm]", 0.0, thickness / NM),
        Axis("change of the Cl share of sites [10⁻³]", *_span(change)),
        (
            Rule(y=0.0, dash="1 0"),
            Line(depth, change, colour=BLUE),
            Word(0.02, 0.03, "← anode"),
            Word(0.98, 0.03, "cathode →", "end"),
        ),
    )
    seen = result.times >= TIMES[0]
    both = np.concatenate([values[seen] for values in moved.values()])
    over_time = Panel(
        "Mean shift of all atoms of a halide",
        Axis("time [s]", TIMES[0], DURATION, log=True),
        Axis("towards the cathode [pm]", *_span(both)),
        (
            Rule(y=0.0, dash="1 0"),
            *(Line(result.times[seen], moved[name][seen], name, colour, dash) for name, colour, dash in HALIDES),
            Rule(x=at, label="now", colour=VERMILLION, dash="1 0"),
            Word(0.02, 0.92, "up: towards the cathode"),
        ),
    )
    return chart((profile, over_time), alt)


def _span(values: np.ndarray) -> tuple[float, float]:
    """A range that holds all values and zero, with room, and that is never empty."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    room = 0.15 * max(high - low, ROUNDING)
    return low - room, high + room


LESSON = Lesson(
    key="halides",
    title="2. Constant current, and where the halides go",
    question="An LED is driven forwards and chlorine is found at the aluminium cathode. How did it get there?",
    story=(
        "Chloride and electrons carry the same sign of charge. A field that brings electrons from the cathode into "
        "the emitter therefore pushes Cl⁻ **away** from the cathode. Forward bias above the built-in voltage gives "
        "such a field; below it, or at short circuit, the built-in field points the other way. So plain drift alone "
        "does not bring chlorine to aluminium during operation. Here are two mechanisms that can. **Oxidised "
        "halogen**: a hole turns Cl⁻ into a neutral atom, which no field holds back and which diffuses to the metal. "
        "**Corrosion couple**: where aluminium touches the perovskite, 2 Al + 3 PbCl₂ → 2 AlCl₃ + 3 Pb gains "
        "energy and needs no current at all. Nothing in the program says where halides go: the sign comes out."
    ),
    tries=(
        "Both switches off: compare short circuit (0) with 1 mA/cm². Which way do the halides go?",
        "Switch the oxidised halogen on at 10 mA/cm². Then lower the current to 0.1. Does the sign hold?",
        "Only the corrosion couple, at short circuit. Is a current needed? Does Cl or Br go to aluminium?",
    ),
    controls=(
        Control("current", "current density, 0 is a short circuit", "mA/cm²", CURRENTS, 10.0, {0.0: "short circuit"}),
        Control("oxidised", "hypothesis: oxidised halogen", "", (False, True), False),
        Control("couple", "hypothesis: corrosion couple", "", (False, True), False),
        Control("time", "time", "s", TIMES, 600.0, {value: time_text(value) for value in TIMES}),
    ),
    view=_view,
    check=Check(
        "With field drift alone, at 10 mA/cm², chloride moves …",
        (
            Option(
                "to the cathode, because ions follow the current",
                False,
                "No. The current enters at the anode, and positive charge follows it to the cathode; Cl⁻ is negative.",
            ),
            Option(
                "to the anode, as electrons do",
                True,
                "Right. The voltage is above the built-in one, the field in the emitter points from anode to cathode, "
                "and negative charge moves against it. Chlorine at the cathode needs another explanation: a neutral "
                "carrier, a chemical reaction, or a field of the other sign (rest, low bias, the electron beam).",
            ),
            Option(
                "nowhere, because the lattice is full",
                False,
                "Almost: only a few sites in 100 000 are empty, so the shift is small. But the curve is not flat, and "
                "it has a sign.",
            ),
        ),
    ),
    theory="halides",
    limits=(
        "All rate constants of the two mechanisms are **assumed**; they set how much happens, not which way. One "
        "dimension, no grain boundaries. Drift alone moves the mean by less than a picometre, since vacancies are rare "
        "and the layers at both sides hold ions back; look at the sign. A third hypothesis of the program "
        "(electrochemical corrosion through the transport layer) is left out here."
    ),
)
