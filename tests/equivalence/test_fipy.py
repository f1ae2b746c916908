"""The FiPy backend against the compiled solver on the same cell-centred mesh.

The two share physics functions, model and mesh; assembly, unknowns, linear algebra and time integration stand twice.
Bars: issue 3 (steady points 1e-6 kT/q and 1e-6 relative; transients first order in FiPy's time step, to 1e-3).
"""

from __future__ import annotations

import subprocess
import sys

import fipy
import numpy as np
import pytest

import perovsim as ps
from perovsim.constants import K_B, Q
from perovsim.errors import SimulationError
from perovsim.fipy_device.equations import Circuit, Equations, State
from perovsim.fipy_device.stack import Stack
from perovsim.model.stack import Interface
from perovsim.steps import output_times

LEVEL_BAR = 1e-6
"""Potential and quasi-Fermi levels [kT/q]."""
DENSITY_BAR, VISIBLE = 1e-6, 1e-12
"""Relative, where a density is above this share of its maximum."""
STEPS = (2, 4, 8, 16)
"""FiPy's time steps per stored time: three halvings."""


def coarse(name: str, cells: int):
    """A shipped device without reactions, on few cells."""
    device = ps.load_device(name)
    device = device.with_hypotheses("field_drift") if device.hypotheses else device
    return device.replace(layers=tuple(layer.replace(cells=cells) for layer in device.layers))


def with_lattice(device, **values):
    """A copy whose halide lattice has other values; None takes the lattice away."""
    return device.replace(
        layers=tuple(
            layer
            if layer.lattice is None
            else layer.replace(lattice=layer.lattice.replace(**values) if values else None)
            for layer in device.layers
        )
    )


@pytest.fixture(scope="module")
def led():
    """HTL | CsPb(Br,Cl)3 | ETL, three materials; V_bi = 2.15 V."""
    return coarse("nanoled_like", 12)


@pytest.fixture(scope="module")
def ion_device():
    """Doped ETL | iodide perovskite with mobile vacancies | doped HTL, with light; V_bi = 0.9 V."""
    return coarse("ion_benchmark", 12).with_values({"layer.perovskite.generation": "1e27 1/m^3/s"})


def holds(*points, each="1e6 s", **fields):
    """Constant voltages (V, light) one after the other, few stored times."""
    steps = [ps.constant_voltage(f"{volt} V", duration=each, light=light) for volt, light in points]
    return ps.Protocol(steps, points_per_decade=1, **({"first_output": "1 s"} | fields))


def thermal_voltage(device) -> float:
    return K_B * float(device.temperature) / Q


def ends(protocol) -> np.ndarray:
    """Indices of the last stored time of every step; 0 is the start."""
    return np.cumsum([output_times(float(step.duration), protocol).size for step in protocol.steps])


def assert_same_states(main, other, at) -> None:
    """Levels and densities of both results at the stored times `at`, to the bars."""
    np.testing.assert_allclose(other.times[at], main.times[at], rtol=1e-9)
    vt = thermal_voltage(main.device)
    for name in ("potential", "E_c", "E_v", "E_Fn", "E_Fp"):
        np.testing.assert_allclose(
            other.fields[name].values[at], main.fields[name].values[at], rtol=0.0, atol=LEVEL_BAR * vt, err_msg=name
        )
    for name in main.fields:
        if name in ("n", "p") or name.startswith(("c_", "theta_")):
            a, b = main.fields[name].values[at], other.fields[name].values[at]
            visible = a > VISIBLE * np.nanmax(a, axis=1, keepdims=True)
            np.testing.assert_allclose(b[visible], a[visible], rtol=DENSITY_BAR, err_msg=name)


# -- steady points of a J-V curve -----------------------------------------------------------------


def test_steady_led_with_frozen_ions(led):
    frozen = led.with_values({"layer.emitter.D_vacancy": "1e-40 m^2/s"})
    protocol = holds((1.0, 0), (1.8, 0), (2.4, 0), (3.0, 0), (4.0, 0), each="1e4 s")
    main = ps.simulate(frozen, protocol)
    other = ps.simulate(frozen, protocol, solver="fipy", steps_per_output=1)
    at = ends(protocol)
    assert at.size == 5 and main.terminals["J"].values[at[-1]] > 100.0
    assert_same_states(main, other, at)
    np.testing.assert_allclose(other.terminals["J"].values[at[1:]], main.terminals["J"].values[at[1:]], rtol=1e-6)
    np.testing.assert_allclose(
        other.terminals["luminance"].values[at[1:]], main.terminals["luminance"].values[at[1:]], rtol=1e-6
    )


def test_steady_ion_device_under_light_and_in_the_dark(ion_device):
    protocol = holds((0.0, 1.0), (0.6, 1.0), (1.0, 1.0), (1.2, 0.0))
    main = ps.simulate(ion_device, protocol)
    other = ps.simulate(ion_device, protocol, solver="fipy", steps_per_output=1)
    at = ends(protocol)
    assert main.terminals["J"].values[at[0]] < -10.0 < 10.0 < main.terminals["J"].values[at[-1]]
    assert_same_states(main, other, at)
    np.testing.assert_allclose(other.terminals["J"].values[at], main.terminals["J"].values[at], rtol=1e-6)


VARIANTS = {
    "two halides": lambda d: d,
    "listed from the cathode": lambda d: d.mirrored(),
    "one halide": lambda d: with_lattice(d, halides=("Br",), x_Cl=0.0),
    "thermionic emission": lambda d: d.replace(interfaces=(Interface(between="emitter|etl", thermionic="1e3 m/s"),)),
    "finite surface velocities, shunt": lambda d: d.replace(
        contacts=tuple(
            c.replace(recombination_velocity_electron="100 m/s", recombination_velocity_hole="0.1 m/s")
            for c in d.contacts
        ),
        shunt_resistance="1 ohm m^2",
    ),
    "no carriers in the emitter": lambda d: d.replace(
        layers=tuple(x.replace(transport=x.lattice is None) for x in d.layers)
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_steady_variants_of_the_led(led, variant):
    device, protocol = (
        VARIANTS[variant](led),
        holds((2.6, 0.0), ions="equilibrated" if variant == "two halides" else "uniform"),
    )
    main = ps.simulate(device, protocol)
    other = ps.simulate(device, protocol, solver="fipy", steps_per_output=1)
    assert_same_states(main, other, [0, -1])
    np.testing.assert_allclose(other.terminals["J"].values[-1], main.terminals["J"].values[-1], rtol=1e-6, atol=1e-4)


# -- transients -----------------------------------------------------------------------------------

TRANSIENTS = {
    "mobile vacancies": ("ion_benchmark", lambda d: d, "c_V_I"),
    # many vacancies and a faster chloride, so that the composition and with it the bands move
    "two halides": (
        "nanoled_like",
        lambda d: with_lattice(d, D_ratio_Cl=5.0, vacancy_density="1e27 1/m^3").with_values(
            {"layer.emitter.D_vacancy": "1e-12 cm^2/s"}
        ),
        "theta_V",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", TRANSIENTS)
def test_ionic_transient_converges_in_proportion_to_the_time_step(case):
    name, change, ions = TRANSIENTS[case]
    device = change(coarse(name, 10))
    protocol = ps.Protocol(
        [ps.constant_current("100 A/m^2", duration="10 s")], points_per_decade=2, first_output="10 ms"
    )
    main = ps.simulate(device, protocol, rtol=1e-7)
    runs = [ps.simulate(device, protocol, solver="fipy", steps_per_output=steps) for steps in STEPS]
    moved = np.nanmax(np.abs(main.fields[ions].values - main.fields[ions].values[0]))
    assert moved > 0.05 * np.nanmax(main.fields[ions].values[0])

    for group, key in (("fields", ions), ("terminals", "V")):
        exact = getattr(main, group)[key].values[1:]
        found = [getattr(run, group)[key].values[1:] for run in runs]
        gaps = np.array([np.nanmax(np.abs(one - exact)) for one in found])
        orders = np.log2(gaps[:-1] / gaps[1:])
        np.testing.assert_allclose(orders, 1.0, atol=0.2, err_msg=key)
        assert gaps[-1] <= 1e-3 * np.nanmax(np.abs(exact)), key
    # the limit of FiPy's steps is the solution of the compiled solver: to 1e-3 of what moved
    limit = 2.0 * runs[-1].fields[ions].values - runs[-2].fields[ions].values
    assert np.nanmax(np.abs(limit - main.fields[ions].values)) <= 1e-3 * moved


def test_stop_compliance_and_rest(led):
    protocol = ps.Protocol(
        [
            ps.constant_current("100 A/m^2", duration="1 s", compliance="2.6 V"),
            ps.rest("1 ms"),
            ps.constant_current("100 A/m^2", duration="1 s", stop=ps.voltage_above("2.45 V")),
        ],
        points_per_decade=1,
        first_output="1 us",
    )
    main = ps.simulate(led, protocol)
    other = ps.simulate(led, protocol, solver="fipy", steps_per_output=4)
    np.testing.assert_array_equal(other.events["kind"], main.events["kind"])
    np.testing.assert_array_equal(other.events["detail"], main.events["detail"])
    assert list(other.events["kind"].values) == ["compliance", "stop"]
    np.testing.assert_allclose(other.events["event_time"], main.events["event_time"], rtol=0.05)
    np.testing.assert_allclose(other.terminals["V"].values[-1], 2.45, rtol=1e-10)
    held = np.searchsorted(main.times, 1.0)
    np.testing.assert_allclose(other.terminals["J"].values[held], main.terminals["J"].values[held], rtol=1e-3)


# -- residual of FiPy's equations in the solution of the compiled solver -----------------------------


def as_state(stack: Stack, result, k: int) -> State:
    """The k-th stored state of a result with the metals at its ends."""
    e = Equations(stack)
    j = result.terminals["J"].values[k]
    volts = result.terminals["V"].values[k] - float(stack.device.series_resistance) * j
    psi = np.zeros(stack.n + 2)
    psi[0] = stack.sign * volts / stack.vt + stack.built_in
    psi[stack.inside] = result.fields["potential"].values[k] / stack.vt
    density = np.array([s.start for s in e.species])
    names = ["n", "p", *(f"c_{ion.name}" for ion in stack.ions)]
    density[:, stack.inside] = [np.nan_to_num(result.fields[name].values[k]) for name in names]
    theta = np.zeros((3, stack.n + 2))
    if "theta_V" in result.fields:
        theta[:, stack.inside] = [np.nan_to_num(result.fields[f"theta_{x}"].values[k]) for x in ("V", "Cl", "Br")]
    return State(psi, density, theta, np.zeros(stack.n + 2), np.zeros(stack.n + 2))


@pytest.mark.parametrize("name, volt", [("nanoled_like", 2.8), ("ion_benchmark", 1.1)])
def test_residual_of_the_backend_in_the_solution_of_the_compiled_solver(name, volt):
    device, protocol = coarse(name, 40), holds((volt, 0.0))
    stack = Stack(device)
    state = as_state(stack, ps.simulate(device, protocol), -1)
    e = Equations(stack)
    at = e.evaluate(state)
    flux, rest = e.imbalance(state, state, at, np.inf, Circuit(0.0, 1.0, 0.0))
    missing = np.abs(np.diff(flux, axis=1) + rest * stack.width)[:, stack.inside]
    for row, species in zip(e.density, at.species, strict=True):
        assert missing[row].max() <= 1e-10 * max(species.right.max(), species.left.max())
    assert missing[e.psi].max() <= 1e-10 * np.abs(flux[e.psi]).max()
    for row in e.theta[:2]:
        assert missing[row].max() <= 1e-10 * max(halide.right.max() for halide in at.halides)


def test_residual_of_plain_fipy_terms_in_the_solution_of_the_compiled_solver(ion_device):
    """div(u n) - div(D grad n) + R with FiPy's own exponential scheme, away from the faces where materials meet."""
    device, protocol = ion_device, holds((1.1, 0.0))
    main = ps.simulate(device, protocol)
    fields, vt = main.fields.isel(time=-1), thermal_voltage(device)
    grid = fipy.Grid1D(dx=main.fields["cell_width"].values)
    psi = fipy.CellVariable(mesh=grid, value=fields["potential"].values / vt)
    layers = [next(x for x in device.layers if x.name == name) for name in main.fields["layer"].values]
    names = main.fields["layer"].values
    inner = np.ones(names.size, bool)
    inner[[0, -1]] = False
    meet = np.nonzero(names[:-1] != names[1:])[0]
    inner[meet], inner[meet + 1] = False, False
    recombined = sum(fields[f"R_{kind}"].values for kind in ("radiative", "SRH", "Auger"))
    ion = np.array([float(x.ions[0].D) if x.ions else 0.0 for x in layers])
    cases = {
        "n": (-1.0, vt * np.array([float(x.mobility_electron) for x in layers]), recombined),
        "p": (1.0, vt * np.array([float(x.mobility_hole) for x in layers]), recombined),
        "c_V_I": (1.0, ion, 0.0),
    }
    for name, (charge, diffusivity, source) in cases.items():
        d = fipy.CellVariable(mesh=grid, value=diffusivity).arithmeticFaceValue
        density = fipy.CellVariable(mesh=grid, value=np.nan_to_num(fields[name].values))
        equation = (
            fipy.ExponentialConvectionTerm(coeff=-charge * d * psi.faceGrad)
            - fipy.DiffusionTerm(coeff=d)
            + fipy.CellVariable(mesh=grid, value=source)
        )
        missing = equation.justResidualVector(var=density, solver=fipy.LinearLUSolver())
        there = inner & (diffusivity > 0.0)
        terms = diffusivity * density.value / main.fields["cell_width"].values
        # FiPy takes 1e-3 for every smaller Peclet number, an error of 1e-7 of the largest flow
        assert np.abs(missing[there]).max() <= 2e-7 * terms[there].max(), name


# -- how it behaves -------------------------------------------------------------------------------


def transport_only(columns) -> set[str]:
    """Names without the mechanics, which the reference solver does not have."""
    return {name for name in columns if not name.startswith(("strain", "stress", "largest_strain", "energy_release"))}


def test_balances_are_held_and_named_as_in_the_compiled_solver(led):
    protocol = ps.Protocol([ps.constant_current("100 A/m^2", duration="1 s")], points_per_decade=1)
    other, main = ps.simulate(led, protocol, solver="fipy", steps_per_output=1), ps.simulate(led, protocol)
    for group in ("terminals", "interfaces", "events"):
        assert set(getattr(other, group)) == transport_only(getattr(main, group)), group
    assert transport_only(main.fields) <= set(other.fields)
    assert {"current_uniformity", "current_rounding_floor", "charge", "element_Cl", "element_Br"} <= set(other.balance)
    assert float(other.balance["element_Cl"].max()) <= 1e-13
    assert float(other.balance["charge"].max()) <= 1e-10
    np.testing.assert_allclose(other.terminals["J"].values[1:], 100.0, rtol=1e-12)
    np.testing.assert_allclose(other.terminals["charge_passed"].values[-1], 100.0, rtol=1e-12)
    assert other.attrs["solver"] == "fipy" and "luminance" in other.terminals
    assert "field_drift" in other.summary()


def test_simulate_calls_the_backend_and_the_result_is_stored(ion_device, tmp_path):
    protocol = ps.Protocol([ps.constant_voltage("0.1 V", duration="1 us")], points_per_decade=1)
    result = ps.simulate(ion_device, protocol, solver="fipy")
    again = ps.load_result(result.save(tmp_path / "fipy.nc"))
    assert again.attrs["solver"] == "fipy"
    np.testing.assert_array_equal(again.fields["n"].values, result.fields["n"].values)


def test_reactions_are_refused():
    device = ps.load_device("nanoled_like")
    with pytest.raises(SimulationError, match=r'no reactions.*oxidation_Cl.*with_hypotheses\("field_drift"\)'):
        ps.simulate(device, holds((1.0, 0.0)), solver="fipy")


@pytest.mark.parametrize("name", ["stress_coupling", "mixing_energy"])
def test_interactions_of_halides_are_refused(name):
    value = True if name == "stress_coupling" else "0.02 eV"
    device = ps.load_device("nanoled_like").with_hypotheses("field_drift").with_values({f"layer.emitter.{name}": value})
    with pytest.raises(SimulationError, match=f"no {name} of layer 'emitter'"):
        ps.simulate(device, holds((1.0, 0.0)), solver="fipy")


def test_steps_per_output_must_be_positive(led):
    with pytest.raises(SimulationError, match="steps_per_output = 0; allowed: 1 and more"):
        ps.simulate(led, holds((1.0, 0.0)), solver="fipy", steps_per_output=0)


def test_current_beyond_the_compliance_is_an_error_with_a_remedy(led):
    protocol = ps.Protocol([ps.constant_current("100 A/m^2", duration="1 s", compliance="1 mV")], first_output="1 us")
    with pytest.raises(SimulationError, match="needs more than the compliance of 0.001 V"):
        ps.simulate(led, protocol, solver="fipy", steps_per_output=1)


def test_progress_is_called_and_an_interrupt_keeps_what_was_computed(ion_device):
    seen = []

    def progress(seconds: float, label: str) -> None:
        seen.append((seconds, label))
        if len(seen) == 4:
            raise KeyboardInterrupt

    protocol = ps.Protocol([ps.rest("1 s")], points_per_decade=1)
    with pytest.raises(KeyboardInterrupt) as stop:
        ps.simulate(ion_device, protocol, progress=progress, solver="fipy", steps_per_output=1)
    assert [label for _, label in seen] == ["step 1 (rest)"] * 4
    assert np.all(np.diff([seconds for seconds, _ in seen]) > 0.0)
    np.testing.assert_allclose(stop.value.checkpoint.times, [0.0, *(seconds for seconds, _ in seen[:3])])


def test_fipy_is_imported_only_by_its_backend_and_does_not_read_our_arguments():
    code = (
        "import sys; sys.argv = ['perovsim', '--trilinos', '--no-cache']; import perovsim, perovsim.simulation\n"
        "assert 'fipy' not in sys.modules; import perovsim.fipy_device, fipy\n"
        "assert fipy.solvers.solver_suite == 'scipy', fipy.solvers.solver_suite\n"
        "assert sys.argv == ['perovsim', '--trilinos', '--no-cache']"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
