"""What an electron beam does to a layer that it crosses: pairs, radiolysis, loss of order."""

from __future__ import annotations

import numpy as np

from perovsim import simulation
from perovsim.constants import Q
from perovsim.model import Collapse, Protocol, Reaction, Species, load_device, rest
from perovsim.model.quantity import Dimension
from perovsim.validate.analytic.check import Curve, Outcome, Panel, worst
from perovsim.validate.analytic.stacks import halide_lattice, layer, stack

CURRENT = 10.0
"""Of the beam [A/m^2], 62 electrons per nm^2 and second."""
CROSS_SECTION = 1e-24
"""Of radiolysis [m^2]."""
STOPPING = 0.8e9
"""[eV/m]."""
FADING_DOSE = 3e22
"""Electrons per area [m^-2] in which the order falls to 1/e, 300 per square angstrom."""
CLOSED = 1e-30
"""Recombination velocity [m/s] of a contact that takes no carrier."""
GAP = 2.6


def radiolysis(halide: str, where: str = "emitter", cross_section: float = CROSS_SECTION) -> Reaction:
    """The beam frees a halide as neutral atoms and leaves lead behind; cross section [m^2]."""
    return Reaction(
        kind="reaction", name=f"radiolysis_{halide}", reaction=f"Pb2+ + 2 {halide}- -> Pb + 2 {halide}",
        site=f"layer:{where}", drive="beam", rate=Dimension(("m^2",)).read(cross_section), elementary_steps=2,
    )  # fmt: skip


def salt(*processes, hold_atoms: bool = True, **values):
    """PbCl2 between two metals in which nothing moves, with neutral chlorine in it if asked, and these processes."""
    atoms = Species(
        name="Cl_neutral", formula="Cl", reference_density=1e28,
        layers={"salt": {"diffusivity": 0.0, "solvation_energy": 0.0}},
    )  # fmt: skip
    still = {"layer.salt.D_vacancy": 0.0, **{f"layer.salt.{name}": value for name, value in values.items()}}
    couple = load_device("corrosion_couple").with_values(still)
    return couple.replace(species=(atoms,) if hold_atoms else (), processes=processes)


def irradiated(device, duration: float, rtol: float = 1e-8):
    """A device after a rest under the beam [s]."""
    return simulation.simulate(device, Protocol([rest(duration, beam=CURRENT)]), rtol=rtol)


def isolated_crystal():
    """One layer whose contacts take no carrier and in which none recombines, under a beam."""
    beam = {"kind": "beam", "name": "beam", "stopping_power": STOPPING}
    own = layer("crystal", 50e-9, 12, lattice=halide_lattice(1.5e28, 1.5e25, x_cl=0.3, diffusivity=0.0))
    closed = {"cathode": (CLOSED, CLOSED), "anode": (CLOSED, CLOSED)}
    return stack([own], 4.0, 5.0, closed, process=[beam])


def pairs(gap: float) -> float:
    """G = (j_b/q) S/(3 E_g) [m^-3 s^-1] in a material of this gap [eV]."""
    return CURRENT / Q * STOPPING / (3.0 * gap)


def electron_beam() -> Outcome:
    """A24: G = (j_b/q) S/(3 E_g), theta_X = theta_X(0) exp(-sigma D), C = exp(-D/D_e)."""
    rate = CROSS_SECTION * CURRENT / Q
    freed = irradiated(salt(radiolysis("Cl", "salt")), 2.0 / rate)
    theta, dose = freed.fields["theta_Cl"].values, CURRENT / Q * freed.times
    left = theta[0] * np.exp(-CROSS_SECTION * dose)[:, None]
    usual = dict(kind="collapse", name="collapse", rate=1e-2, critical_vacancies=0.05, beam_dose=FADING_DOSE)
    faded = irradiated(salt(Collapse(**usual), hold_atoms=False), 1e3, rtol=1e-9)
    order, own_dose = faded.fields["crystallinity"].values, CURRENT / Q * faded.times
    faint = np.exp(-own_dose / FADING_DOSE)
    made = irradiated(isolated_crystal(), 1e-3)
    width, late = made.fields["cell_width"].values, made.times > 1e-5
    checks = [
        worst("halide left by radiolysis", theta.ravel(), left.ravel(), 1e-6),
        worst("order of the lattice", order.ravel(), np.repeat(faint, order.shape[1]), 1e-6),
        worst("dose", freed.terminals["beam_dose"].values[1:], dose[1:], 1e-12, "1/m^2"),
    ]
    exact = pairs(GAP) * width.sum() * made.times
    for name in ("n", "p"):
        total = (made.fields[name].values * width).sum(axis=1)
        checks.append(worst(f"{name} of an isolated crystal", (total - total[0])[late], exact[late], 1e-6, "1/m^2"))
    curves = (
        Curve("θ_X, exp(−σD)", dose * CROSS_SECTION, left[:, 0] / theta[0, 0], exact=True),
        Curve("C, exp(−D/D_e)", own_dose / FADING_DOSE, faint, exact=True),
        Curve("halide left by radiolysis", dose * CROSS_SECTION, theta[:, 0] / theta[0, 0]),
        Curve("order of the lattice", own_dose / FADING_DOSE, order[:, 0]),
    )
    carriers = (
        Curve("(j_b/q) S/(3 E_g) L t", made.times[late], exact[late], exact=True),
        Curve("electrons made", made.times[late], (total - total[0])[late]),
    )
    panels = (
        Panel("radiolysis and order", "dose [1/σ, D_e]", "left", curves, yscale="log"),
        Panel("pairs in an isolated crystal", "time [s]", "carriers [1/m²]", carriers, "log", "log"),
    )
    return Outcome(tuple(checks), panels)
