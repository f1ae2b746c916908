"""Whatever the state, a lamella that is returned holds its atoms to the device's amounts."""

import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from atoms_synthetic import result  # noqa: E402

from perovsim.atoms import build_lamella  # noqa: E402


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    x_cl=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
    theta_v=st.floats(0.0, 0.2),
    strain=st.floats(-0.02, 0.02),
    lead=st.floats(0.0, 5e26),
    seed=st.integers(0, 2**31),
)
def test_every_emitter_window_meets_its_device_state(x_cl, theta_v, strain, lead, seed):
    run = result(x_cl=x_cl, theta_v=theta_v, strain=strain, lead=lead)
    lamella = build_lamella(run, time=3600, window=("15 nm", "35 nm"), thickness="3 nm", height="3 nm", seed=seed)
    assert all(check.passed for check in lamella.checks)
    numbers = lamella.atoms.numbers
    lattice = lamella.atoms.arrays["phase"] == "perovskite"
    chlorine, bromine = ((numbers[lattice] == n).sum() for n in (17, 35))
    x = float(lamella.truth.x_Cl.mean())
    sigma = np.sqrt(max(x * (1 - x), 1e-4) / (chlorine + bromine))
    assert abs(chlorine / (chlorine + bromine) - x) < 5 * sigma + 0.01


@settings(max_examples=8, deadline=None, derandomize=True)
@given(film=st.floats(0.0, 2.5e-9), blocked=st.floats(0.0, 1.0), seed=st.integers(0, 2**31))
def test_every_film_holds_its_amount_and_overlaps_nothing(film, blocked, seed):
    run = result(film=film, blocked=blocked)
    lamella = build_lamella(
        run, time=3600, around="etl|cathode", width="10 nm", thickness="3 nm", height="3 nm", seed=seed
    )
    assert all(check.passed for check in lamella.checks)
