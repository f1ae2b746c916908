"""Lesson 1: a voltage on a diode whose ions move. How long does the field in the emitter live?"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.constants import EPS_0, K_B, Q
from perovsim.plot.drawing import BLUE, GREY, VERMILLION, time_text
from perovsim.teach.chart import Axis, Line, Panel, Rule, chart, layers
from perovsim.teach.lesson import Check, Control, Lesson, Option, Reading, Settings, View, short

if TYPE_CHECKING:
    from perovsim.result import Result

DURATION = 1e4
"""The run ends at this time [s]: long after the slowest ions of the sliders have settled."""
MIDDLE = (0.4, 0.6)
"""The field is read over this part of the emitter, where both interfaces are far."""
MEGAVOLT, NM, DENSITY_UNIT = 1e6, 1e-9, 1e24


def _view(settings: Settings) -> View:
    result, at = _run(settings), float(settings["time"])
    times, field = middle_field(result)
    now = float(np.interp(np.log(at), np.log(times), field)) / MEGAVOLT
    peak, half = float(np.max(field)) / MEGAVOLT, half_time(times, field)
    debye = debye_length(result)
    tau = debye * float(result.device.emitter.thickness) / (2.0 * _diffusivity(result))
    current = float(np.interp(at, result.times, result.terminals["J"].values)) * 0.1
    readings = (
        Reading("field", "field in the middle of the emitter now", now, "MV/m", "> 0 pushes vacancies to the cathode"),
        Reading("peak", "its largest value", peak, "MV/m", "electrons are there, ions have not moved yet"),
        Reading("screened", "screened by ions so far", 100.0 * _screened(times, field, at), "%"),
        Reading(
            "half_time",
            "time at which half of the field is gone",
            half,
            "s",
            "midway from largest to last value",
        ),
        Reading("tau", "rule of thumb λ_D L / 2D", tau, "s", f"λ_D = {short(debye / NM)} nm"),
        Reading("current", "current density now", current, "mA/cm²"),
    )
    sentence = (
        f"At {time_text(at)} the field in the middle is {short(now)} MV/m of at most {short(peak)} MV/m. "
        f"Half of it is gone after {short(half)} s."
    )
    alt = f"Left: potential across the device. Right: field in the emitter against time. {sentence}"
    return View(readings, sentence, _figure(result, times, field, at, half, alt))


def _run(settings: Settings) -> Result:
    return _step_run(float(settings["voltage"]), float(settings["density"]), float(settings["diffusivity"]))


@lru_cache
def _step_run(voltage: float, density: float, diffusivity: float) -> Result:
    """A voltage step from equilibrium; density [1e18 cm^-3], diffusivity [cm^2/s]."""
    from perovsim.model import constant_voltage
    from perovsim.teach.runs import run

    values = {
        "layer.emitter.vacancy_density": DENSITY_UNIT * density,
        "layer.emitter.D_vacancy": f"{diffusivity:g} cm^2/s",
    }
    return run(("field_drift",), values, [constant_voltage(voltage, DURATION)], ions="equilibrated")


def middle_field(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Times [s] after the start and the field -d(phi)/dx [V/m] over the middle of the emitter."""
    cells = result.fields.isel(x=result.fields["layer"].values == result.device.emitter.name)
    x, potential = cells["x"].values, cells["potential"].values
    low, high = (int(share * x.size) for share in MIDDLE)
    field = -(potential[:, high] - potential[:, low]) / (x[high] - x[low])
    return result.times[1:], field[1:]


def half_time(times: np.ndarray, field: np.ndarray) -> float:
    """Time [s] at which the field is halfway from its largest to its last value, linear in log t."""
    peak = int(np.argmax(field))
    goal = 0.5 * (field[peak] + field[-1])
    after = peak + int(np.argmax(field[peak:] <= goal))
    span = np.log(times[after - 1 : after + 1])
    share = (field[after - 1] - goal) / (field[after - 1] - field[after])
    return float(np.exp(span[0] + share * (span[1] - span[0])))


def debye_length(result: Result) -> float:
    """sqrt(eps kT/(q^2 N)) [m] of the vacancies, with the static permittivity of the emitter."""
    emitter = result.device.emitter
    energy = K_B * float(result.device.temperature)
    density = float(emitter.lattice.vacancy_density)
    return float(np.sqrt(float(emitter.permittivity) * EPS_0 * energy / (Q**2 * density)))


def _diffusivity(result: Result) -> float:
    return float(result.device.emitter.lattice.D_vacancy)


def _screened(times: np.ndarray, field: np.ndarray, at: float) -> float:
    """Share of the way from the largest field to zero that has been gone by then; 0 before the maximum."""
    if at < times[int(np.argmax(field))]:
        return 0.0
    return 1.0 - float(np.interp(np.log(at), np.log(times), field)) / float(np.max(field))


def _figure(result: Result, times: np.ndarray, field: np.ndarray, at: float, half: float, alt: str) -> str:
    depth = result.fields["x"].values / NM
    edge = float(result.device.thickness) / NM
    before, now = (result.at(moment)["potential"].values for moment in (0.0, at))
    potential = Panel(
        "Potential across the device",
        Axis("depth [nm], anode at the left", 0.0, edge),
        Axis("inner potential [V]", *_limits(result)),
        (
            *layers(result),
            Line(depth, before, "before the step", GREY, "6 4"),
            Line(depth, now, f"at {time_text(at)}", BLUE),
        ),
    )
    over_time = Panel(
        "Field in the middle of the emitter",
        Axis("time after the step [s]", times[0], DURATION, log=True),
        Axis("field [MV/m]", *_span(field / MEGAVOLT)),
        (
            Rule(y=0.0, dash="1 0"),
            Line(times, field / MEGAVOLT, colour=BLUE),
            Rule(x=half, label="half of it gone", colour=GREY),
            Rule(x=at, label="now", colour=VERMILLION, dash="1 0"),
        ),
    )
    return chart((potential, over_time), alt)


def _limits(result: Result) -> tuple[float, float]:
    """A range of the potential that holds every time."""
    return _span(result.fields["potential"].values)


def _span(values: np.ndarray) -> tuple[float, float]:
    """Least and largest value with a tenth of room on each side."""
    low, high = float(values.min()), float(values.max())
    return low - 0.1 * (high - low), high + 0.1 * (high - low)


def _times(*seconds: float) -> dict[Any, str]:
    return {value: time_text(value) for value in seconds}


DENSITIES = (0.1, 1.0, 10.0)
TIMES = (1e-6, 1e-3, 1e-1, 1.0, 60.0, 3600.0)
LESSON = Lesson(
    key="moving_ions",
    title="1. A diode with moving ions",
    question="You switch a voltage on. How long does the electric field inside the perovskite live?",
    story=(
        "In silicon the dopants stand still, so a field stays where they and the voltage put it. A halide perovskite"
        " also holds **halide vacancies**, empty places of the halide lattice with charge +1, and they move. Under a"
        " field they pile up at one interface and leave the other, until their own charge cancels the field between."
        " Electrons and holes follow within microseconds; vacancies need milliseconds to hours. So the same diode is"
        " one device in the first microsecond and another one a minute later."
    ),
    tries=(
        "Move the time from 1 µs to 1 h and watch the slope of the potential inside the emitter.",
        "Make the vacancies ten times slower. What happens to the time, what to the shape of the curve?",
        "Take fewer vacancies (10¹⁷ cm⁻³). Is the field still screened completely?",
    ),
    controls=(
        Control("voltage", "voltage", "V", (1.0, 2.0, 2.5, 3.0), 2.5),
        Control(
            "density",
            "mobile vacancies",
            "10¹⁸ cm⁻³",
            DENSITIES,
            1.0,
            {n: f"{short(1e18 * n)} cm⁻³" for n in DENSITIES},
        ),
        Control("diffusivity", "diffusivity of a vacancy", "cm²/s", (1e-12, 1e-11, 1e-10, 1e-9), 1e-10),
        Control("time", "time after the step", "s", TIMES, 1e-6, _times(*TIMES)),
    ),
    view=_view,
    check=Check(
        "All vacancies become ten times slower (D is divided by ten). When has half of the field gone?",
        (
            Option("at the same time", False, "No: ions do the screening, and they now need longer for every step."),
            Option(
                "ten times later",
                True,
                "Right. Electrons are in balance at every moment, so the ions alone set the clock, and each of their "
                "fluxes is proportional to D. Only the product D·t enters: divide D by ten, and everything happens "
                "ten times later. Check it with the slider.",
            ),
            Option(
                "about three times later",
                False,
                "No: a square root belongs to the density (λ_D ∝ 1/√N), not to the diffusivity.",
            ),
        ),
    ),
    theory="drift_diffusion",
    limits=(
        "The device is the shipped *nanoLED-like* stack with every reaction off; its numbers are mostly assumed, the "
        "vacancy density and diffusivity are known within decades only. λ<sub>D</sub> L/2D is the charging time of an "
        "ideal layer between two blocking electrodes at small voltage; here voltages are large and part of them "
        "falls over the transport layers, so expect its order of magnitude and its scaling with D, not its digits."
    ),
)
