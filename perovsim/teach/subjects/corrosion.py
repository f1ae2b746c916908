"""Lesson 3: the cathode corrodes. What limits the film: time, current, or the chlorine that there is?"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.constants import N_A
from perovsim.plot.drawing import BLACK, BLUE, VERMILLION, time_text
from perovsim.teach.chart import Axis, Line, Panel, Rule, chart
from perovsim.teach.lesson import Check, Control, Lesson, Option, Reading, Settings, View, short

if TYPE_CHECKING:
    from perovsim.model import Device
    from perovsim.result import Result

HOUR = 3600.0
TIMES = (60.0, HOUR, 10 * HOUR, 100 * HOUR, 1000 * HOUR)
COMPLIANCE = 12.0
"""Voltage limit of the source [V], as in the shipped protocol."""
CURRENT = "10 mA/cm^2"
NM = 1e-9
HALIDES_PER_FILM = 3
"""Cl atoms in AlCl3."""
FIRST = 10.0
"""The figure begins at this time [s]."""


def _view(settings: Settings) -> View:
    result = _run(
        float(settings["chloride"]),
        float(settings["thickness"]),
        float(settings["contact"]),
        bool(settings["current"]),
    )
    at, times = float(settings["time"]), result.times
    film = result.interfaces["thickness_AlCl3"].values / NM
    blocked = 100.0 * result.interfaces["blocked_fraction"].values
    ceiling = inventory_ceiling(result.device) / NM
    now, bromide = (
        float(np.interp(at, times, values)) for values in (film, result.interfaces["thickness_AlBr3"].values / NM)
    )
    readings = (
        Reading("film", "AlCl₃, mean thickness now", now, "nm"),
        Reading("ceiling", "the most that all chlorine can make", ceiling, "nm", "inventory ceiling"),
        Reading("share", "share of the ceiling", 100.0 * now / ceiling, "%"),
        Reading("film_br", "AlBr₃, mean thickness now", bromide, "nm"),
        Reading("blocked", "cathode blocked", float(np.interp(at, times, blocked)), "%"),
        Reading("voltage", "voltage", float(np.interp(at, times, result.terminals["V"].values)), "V"),
    )
    sentence = (
        f"After {time_text(at)} there is {short(now)} nm of AlCl₃, {short(100 * now / ceiling)} % of what the chlorine "
        f"of the emitter can make."
    )
    alt = f"Left: film thickness in time below its ceiling. Right: blocked share of the cathode. {sentence}"
    return View(readings, sentence, _figure(times, film, blocked, ceiling, at, alt))


@lru_cache
def _run(chloride: float, thickness: float, contact: float, current: bool) -> Result:
    """1000 h with the corrosion couple; thickness [nm], contact: share of the cathode that touches the emitter [%]."""
    from perovsim.model import constant_current, rest
    from perovsim.teach.runs import lesson_device, run

    steps: list[Any] = [constant_current(CURRENT, TIMES[-1], compliance=COMPLIANCE) if current else rest(TIMES[-1])]
    values: dict[str, Any] = composition(lesson_device(), chloride) | {"layer.emitter.thickness": f"{thickness:g} nm"}
    for process in ("displacement_Cl", "displacement_Br", "exchange"):
        values[f"process.{process}.area_fraction"] = 0.01 * contact
    return run(("corrosion_couple",), values, steps, first_output=FIRST)


def composition(device: Device, x_cl: float) -> dict[str, float]:
    """Values of the emitter at another chloride share: levels follow the slopes of the material, traps stay mid-gap."""
    emitter = device.emitter
    step = x_cl - float(emitter.lattice.x_Cl)
    affinity = float(emitter.electron_affinity) + step * float(emitter.affinity_slope)
    ionisation = float(emitter.ionisation_energy) + step * float(emitter.ionisation_slope)
    return {
        "layer.emitter.x_Cl": x_cl,
        "layer.emitter.electron_affinity": affinity,
        "layer.emitter.ionisation_energy": ionisation,
        "layer.emitter.trap_energy": 0.5 * (affinity + ionisation),
    }


def inventory_ceiling(device: Device) -> float:
    """V_m x N_X d/(3 N_A) [m]: AlCl3 from all chlorine of the emitter, mean over the area."""
    from perovsim.physics.thermochemistry import load_table

    lattice = device.emitter.lattice
    chlorine = float(lattice.x_Cl) * float(lattice.site_density) * float(device.emitter.thickness) / N_A
    return load_table().molar_volume("AlCl3") * chlorine / HALIDES_PER_FILM


def _figure(times: np.ndarray, film: np.ndarray, blocked: np.ndarray, ceiling: float, at: float, alt: str) -> str:
    seen = times >= FIRST
    axis = Axis("time [s]", FIRST, TIMES[-1], log=True)
    now = Rule(x=at, label="now", colour=VERMILLION, dash="1 0")
    growth = Panel(
        "AlCl₃ at the cathode",
        axis,
        Axis("mean thickness [nm]", 0.0, TALLEST),
        (
            Rule(y=ceiling, label=f"inventory ceiling {short(ceiling)} nm", colour=BLACK, dash="7 4"),
            Line(times[seen], film[seen], "film", BLUE),
            now,
        ),
    )
    area = Panel(
        "Blocked share of the cathode",
        axis,
        Axis("share [%]", 0.0, 100.0),
        (Line(times[seen], blocked[seen], colour=BLUE), now),
    )
    return chart((growth, area), alt)


TALLEST = 12.0
"""Top of the thickness axis [nm]: above the ceiling of the thickest and most chlorine-rich emitter."""
LESSON = Lesson(
    key="corrosion",
    title="3. Corrosion of the cathode, and the inventory ceiling",
    question="How thick can the insulating AlCl₃ film become, and does it need a current to grow?",
    story=(
        "Aluminium and lead chloride react on their own: 2 Al + 3 PbCl₂ → 2 AlCl₃ + 3 Pb sets free 318 kJ per 2 mol "
        "of Al, a voltage of 0.549 V. AlCl₃ insulates: where it covers the cathode, no electrons enter. Every "
        "chlorine atom of the film comes from the emitter, so the emitter sets a **ceiling**: all its chlorine as "
        "AlCl₃ is h = V<sub>m</sub>·x·N<sub>X</sub>·d / 3N<sub>A</sub>. A film thicker than that cannot come from "
        "this emitter, whatever the rate. Bromide corrodes aluminium as well, with less gain; AlBr₃ then exchanges "
        "with PbCl₂ to AlCl₃."
    ),
    tries=(
        "Let time run to 1000 h. Where does the film stop? Change the chloride share and look at the ceiling.",
        "Switch the current off. Does the film need it?",
        "Ten times more contact area: is there more film at the end, or is it only there earlier?",
    ),
    controls=(
        Control("chloride", "chloride share of the emitter", "", (0.2, 0.3, 0.4), 0.3),
        Control("thickness", "emitter thickness", "nm", (40.0, 50.0), 50.0),
        Control("contact", "cathode that touches the emitter", "%", (0.1, 1.0, 10.0), 1.0),
        Control("current", "current of 10 mA/cm²", "", (False, True), True),
        Control("time", "time", "s", TIMES, HOUR, {value: time_text(value) for value in TIMES}),
    ),
    view=_view,
    check=Check(
        "A 50 nm emitter with 30 % chloride makes at most 7 nm of AlCl₃. What is the most for 25 nm with 30 %?",
        (
            Option("7 nm: the rate constant is the same", False, "No. The rate says how fast, not how much."),
            Option(
                "3.5 nm: half the chlorine",
                True,
                "Right. The film is made of the chlorine of the emitter, and half the thickness holds half of it. If "
                "a microscope shows more, the chlorine came from somewhere else, or the film is not AlCl₃ alone.",
            ),
            Option("14 nm: the field is twice as high", False, "No. The reaction needs no field; atoms are counted."),
        ),
    ),
    theory="corrosion",
    limits=(
        "The rate constant, the contact area and what 2 nm of film block are **assumed**; free energies and molar "
        "volumes are tabulated. Losses of the film (it sublimes and takes up water) are switched off here. The mean "
        "thickness is an average over the area, patches are thicker."
    ),
)
