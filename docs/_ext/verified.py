"""Verification figures of the theory pages that are no limit of `perovsim validate analytic`.

Each function runs the package's own code when the documentation is built: lines are exact or independent, marks are
perovsim. Its docstring is the caption; an AssertionError stops the build.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perovsim.constants import EPS_0, K_B, Q
from perovsim.plot.drawing import BLACK, COLOURS, GREY, panels

MARKS = {"ls": "none", "marker": "o", "ms": 4.0, "mfc": "none"}
WIDE, NARROW = (10.4, 3.9), (5.2, 3.9)
"""Size of a figure of two panels and of one [inch], as those of limits."""


def statistics() -> Any:
    """Left: density over density of states against the Fermi level. Lines: integrals by scipy's adaptive quadrature and
    closed forms; marks: the tables that the solver reads. Right: what the generalised Einstein relation makes of them.
    The width of the Gaussian is 4 kT. Checked: 1e-6 in D/μ and 1e-6 kT in the Fermi level.
    """
    from perovsim.physics.statistics import Statistics, excess

    figure, (left, right) = panels(1, 2, WIDE)
    for colour, (name, exact) in zip(COLOURS, _densities().items(), strict=False):
        eta = np.linspace(-8.0, 10.0 if name != "boltzmann" else 4.0, 37)
        u, slope = np.array([exact(x) for x in eta]).T
        table, number = Statistics(name, width=GAUSSIAN_WIDTH).table() if name != "boltzmann" else (None, None)
        nu, by_u = np.array([excess(table, number, one) if name != "boltzmann" else (0.0, 0.0) for one in u]).T
        assert np.abs(np.log(u) + nu - eta).max() < 1e-6 and np.abs(1.0 + u * by_u - u / slope).max() < 1e-6, name
        left.plot(eta, u, color=colour, label=name)
        left.plot(np.log(u) + nu, u, color=colour, **MARKS)
        right.plot(u, u / slope, color=colour, label=name)
        right.plot(u, 1.0 + u * by_u, color=colour, **MARKS)
    left.set(title="density", xlabel="Fermi level above the band edge [kT]", ylabel="n / N", yscale="log")
    right.set(title="Einstein relation", xlabel="n / N", ylabel="D / μ  [kT/q]", xscale="log", ylim=(0.0, 12.0))
    left.legend(frameon=False)
    return figure


GAUSSIAN_WIDTH = 4.0


def _densities() -> dict[str, Any]:
    """Name -> function of eta that gives u and du/deta without the package."""
    from scipy.integrate import quad
    from scipy.special import expit

    def fermi(eta: float) -> tuple[float, float]:
        def term(x: float) -> float:
            return expit(eta - x * x) * 4.0 / np.sqrt(np.pi)

        ends = {"points": [np.sqrt(max(eta, 1.0))], "epsabs": 0.0, "epsrel": 1e-11, "limit": 200}
        value = quad(lambda x: x * x * term(x), 0.0, 12.0, **ends)[0]
        slope = quad(lambda x: x * x * term(x) * expit(x * x - eta), 0.0, 12.0, **ends)[0]
        return value, slope

    def gauss(eta: float) -> tuple[float, float]:
        def term(x: float) -> float:
            return np.exp(-0.5 * (x / GAUSSIAN_WIDTH) ** 2) / (GAUSSIAN_WIDTH * np.sqrt(2.0 * np.pi)) * expit(eta - x)

        ends = {"points": [eta, -(GAUSSIAN_WIDTH**2)], "epsabs": 0.0, "epsrel": 1e-11, "limit": 200}
        value = quad(term, -60.0, 60.0, **ends)[0]
        return value, quad(lambda x: term(x) * expit(x - eta), -60.0, 60.0, **ends)[0]

    def blakemore(eta: float) -> tuple[float, float]:
        value = 1.0 / (np.exp(-eta) + 0.27)
        return value, value**2 * np.exp(-eta)

    return {
        "boltzmann": lambda eta: (np.exp(eta), np.exp(eta)),
        "fermi_dirac": fermi,
        "blakemore": blakemore,
        "gauss_fermi": gauss,
    }


def inventory() -> Any:
    """AlCl₃ after 1000 h at 10 mA/cm² of runs of the corrosion couple, against all the chlorine of their emitters
    (x = 0.2, 0.3, 0.4; 40 and 50 nm; a cathode that touches the emitter on 1 % and on 10 % of its area). No run
    crosses the line.
    """
    from perovsim.teach import load_lesson

    lesson = load_lesson("corrosion")
    figure, axis = panels(1, 1, NARROW)
    for colour, contact in zip(COLOURS, (1.0, 10.0), strict=False):
        found = []
        for chloride in (0.2, 0.3, 0.4):
            for thickness in (40.0, 50.0):
                chosen = {"chloride": chloride, "thickness": thickness, "contact": contact, "time": 3.6e6}
                view = lesson.view(lesson.settings(**chosen))
                found.append((view.value("ceiling"), view.value("film")))
        ceiling, film = np.array(found).T
        assert (film <= ceiling).all(), (film, ceiling)
        axis.plot(ceiling, film, color=colour, label=f"{contact:g} % in contact", **MARKS)
    axis.axline((0.0, 0.0), slope=1.0, color=BLACK, lw=1.0, label="all chlorine as AlCl₃")
    axis.set(xlabel="inventory ceiling [nm]", ylabel="film after 1000 h [nm]", xlim=(0.0, 11.0), ylim=(0.0, 11.0))
    axis.legend(frameon=False)
    return figure


def film_conduction() -> Any:
    """Voltage across a growing film at 10 mA/cm² in an LED. Lines: J h/σ, and F h with F from J = σ F exp(b √F) by
    bisection; marks: the running solver. Checked: 1e-5 once the film is charged (after 100 s).
    """
    from scipy.optimize import brentq

    import perovsim as ps
    from perovsim.teach.runs import lesson_device

    current, permittivity, beta = 100.0, 4.0, np.sqrt(Q**3 / (np.pi * 4.0 * EPS_0)) / (K_B * 298.15)
    plain = lesson_device().with_hypotheses("corrosion_couple")
    steps = ps.Protocol([ps.constant_current("10 mA/cm^2", "1 h")], points_per_decade=8)
    figure, axis = panels(1, 1, NARROW)
    for colour, (law, sigma) in zip(COLOURS, (("ohmic", 1e-7), ("poole_frenkel", 1e-10)), strict=False):
        film = {"conduction": law, "conductivity": sigma, "permittivity": permittivity}
        device = plain.replace(
            processes=tuple(one.replace(**film) if one.name == "blocking" else one for one in plain.processes)
        )
        run = ps.simulate(device, steps, rtol=1e-6)
        h = sum(run.interfaces[f"thickness_{name}"].values for name in ("AlCl3", "AlBr3"))
        drop, late = run.interfaces["film_drop"].values, run.times > 100.0
        power = beta if law == "poole_frenkel" else 0.0
        field = brentq(lambda f, s=sigma, b=power: s * f * np.exp(b * np.sqrt(f)) - current, 1e3, 1e10, xtol=1e-3)
        assert np.abs(drop[late] / (field * h[late]) - 1.0).max() < 1e-5, law
        axis.plot(1e9 * h[late], field * h[late], color=colour, label=law.replace("_", "–"))
        axis.plot(1e9 * h[late], drop[late], color=colour, **MARKS)
    axis.set(xlabel="mean thickness of the film [nm]", ylabel="voltage across it [V]")
    axis.legend(frameon=False)
    return figure


def exciton() -> Any:
    """Exciton energy of CsPb(Br,Cl)₃ at 298 K. The line was fitted to the filled marks, which are thus no evidence;
    the open ones are other laboratories' tables, found by the same search of a peak, and were not used.
    """
    from perovsim.model import load_material
    from perovsim.physics.emission import exciton_energy
    from perovsim.validate import measured_table

    lattice = load_material("cspbbrcl3").lattice
    known = [float(getattr(lattice, f"exciton_{name}")) for name in ("energy_Br", "energy_Cl", "bowing")]
    figure, axis = panels(1, 1, NARROW)
    x = np.linspace(0.0, 1.0, 101)
    axis.plot(x, exciton_energy(x, *known), color=BLACK, lw=1.2)
    axis.plot(x, exciton_energy(x, *known[:2], 0.0), color=GREY, lw=0.8, ls="--", label="without bowing")
    rows = [row for row in measured_table().sections[0].rows if row.quantity.startswith("exciton peak")]
    for colour, source in zip(COLOURS, dict.fromkeys(row.source for row in rows), strict=False):
        own = [row for row in rows if row.source == source]
        place = [float(row.quantity.rsplit("=", 1)[1]) for row in own]
        style = {"mfc": colour if own[0].standing == "calibrated" else "none", "color": colour, "fmt": "o", "ms": 5.0}
        values, spread = ([getattr(row, f"measured_{name}") for row in own] for name in ("value", "uncertainty"))
        axis.errorbar(place, values, spread, label=f"{', '.join(source)}, {own[0].standing}", **style)
    axis.set(xlabel="chloride share x", ylabel="exciton energy [eV]")
    axis.legend(frameon=False)
    return figure


def pattern_strain() -> Any:
    """Left: strain along x that the fit of a nanobeam pattern (10 nm of CsPb(Br,Cl)₃, 300 keV, 1.5 mrad) finds at
    3000 electrons/Å² and 1 nm² per pattern, against what was put in: chloride and stress together. Right, for 24 draws
    at each dose: rms distance from what was put in (marks) beside the error that the fit states (lines); draws in
    which no lattice stands out are left out. The scatter falls as one over the root of the dose (checked: power
    −0.5 ± 0.1); what stays at high dose is the scale of the camera and the structure inside the disks, which counting
    does not remove.
    """
    from perovsim.teach.subjects.microscope import (
        lattice_strain,
        measured_strain,
        pattern_counts,
        pattern_expectation,
    )

    figure, (left, right) = panels(1, 2, WIDE)
    for colour, x_cl in zip(COLOURS, (0.0, 0.2, 0.4, 0.6), strict=False):
        put_in, found, errors = [], [], []
        for elastic in (-0.02, -0.01, 0.0, 0.01, 0.02):
            strain, error = measured_strain(pattern_counts(x_cl, elastic, 3000.0))
            put_in.append(100.0 * lattice_strain(x_cl, elastic))
            found.append(100.0 * strain)
            errors.append(100.0 * error)
        left.errorbar(put_in, found, errors, fmt="o", ms=4.0, mfc="none", color=colour, label=f"x = {x_cl:g}")
    left.axline((0.0, 0.0), slope=1.0, color=BLACK, lw=1.0)
    left.set(xlabel="strain put in [%]", ylabel="strain found [%]")
    left.legend(frameon=False)
    doses, random = np.array([300.0, 1000.0, 3000.0, 10000.0]), np.random.default_rng(1)
    for colour, state in zip(COLOURS, ((0.2, 0.0), (0.4, 0.01)), strict=False):
        mean, truth = pattern_expectation(*state), lattice_strain(*state)
        draws = np.array([[measured_strain(random.poisson(100.0 * dose * mean)) for _ in range(24)] for dose in doses])
        found, stated = 100.0 * (draws[..., 0] - truth), 100.0 * np.nanmedian(draws[..., 1], axis=1)
        power = np.polyfit(np.log(doses), np.log(np.nanstd(found, axis=1)), 1)[0]
        assert abs(power + 0.5) < 0.1, power
        words = f"x = {state[0]:g}, elastic {100.0 * state[1]:g} %"
        right.plot(doses, np.sqrt(np.nanmean(found**2, axis=1)), color=colour, label=f"{words}: distance", **MARKS)
        right.plot(doses, stated, color=colour, lw=1.0, label=f"{words}: stated")
    right.set(xlabel="dose [electrons/Å²]", ylabel="error of strain [%]", xscale="log", yscale="log")
    right.legend(frameon=False)
    return figure


def crystal_pattern() -> Any:
    """A row of pixels through the centre of a pattern of 9.4 nm of static CsPbBr₃ with strains of 0.8, −0.4 and 0.3 %,
    turned by 6 mrad under a beam tilted by 0.2 mrad. Line: a full multislice of a window of 16 × 16 cells, which knows
    nothing of the table; marks: the table. Checked: differences sum to less than 1 % of the total.
    """
    from benchmarks._nanobeam import CELL, Window, affine, patterns
    from perovsim.microscopy import crystal_phase
    from perovsim.microscopy.table.nanobeam_table import nanobeam_table, state
    from perovsim.model import load_microscope

    window, repeats, tilt = Window(cells=16, points=24), 16, (1, -1)
    settings = {"sampling": window.grid.step[0], "static": True, "tilt_range": 0.5e-3}
    thick = repeats * CELL
    table = nanobeam_table(
        crystal_phase("CsPbBr3", cell=CELL), load_microscope("stem_300kv"), thicknesses=(0.5 * thick, thick), **settings
    )
    known = {"exx": 0.008, "eyy": -0.004, "exy": 0.003, "rotation": 0.006}
    truth = patterns("documentation", affine(*known.values()), [repeats], tilt, window=window)[0]
    tilts = {"tilt_x": tilt[0] * window.step, "tilt_y": tilt[1] * window.step}
    found = table.pattern(state(thickness=thick, **known, **tilts), window.camera)
    assert np.abs(found - truth).sum() < 0.01 * truth.sum()
    middle = truth.shape[0] // 2
    angle = 1e3 * window.camera.pixel * (np.arange(truth.shape[1]) - middle)
    figure, axis = panels(1, 1, WIDE)
    axis.plot(angle, truth[middle], color=BLACK, lw=1.0, label="full multislice")
    axis.plot(angle, found[middle], color=COLOURS[0], label="table", **MARKS)
    axis.set(
        xlabel="scattering angle along x [mrad]", ylabel="share of the beam per pixel", yscale="log", ylim=(1e-7, 3e-2)
    )
    axis.legend(frameon=False)
    return figure
