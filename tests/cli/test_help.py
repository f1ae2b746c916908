"""The command line starts fast, explains itself, and every verb shows an example."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from perovsim.cli.program import VERBS, build_parser

HEAVY = (
    "abtem", "ase", "dask", "emcee", "fipy", "h5py", "marimo", "markdown", "matplotlib", "numba", "numpy", "pint",
    "pydantic", "rsciio", "scipy", "skimage", "xarray", "zarr",
)  # fmt: skip


def test_help_lists_every_verb(perovsim) -> None:
    shown = perovsim("--help")
    assert shown.code == 0
    for verb in VERBS:
        assert f"    {verb.NAME} " in shown.out


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.NAME)
def test_each_verb_has_examples_that_parse(verb, perovsim) -> None:
    shown = perovsim(verb.NAME, "--help")
    assert shown.code == 0
    assert "Example:" in shown.out
    for line in verb.EXAMPLES:
        assert line in shown.out
    for command in "\n".join(verb.EXAMPLES).replace("\\\n", " ").splitlines():
        program, *words = shlex.split(command)
        assert (program, build_parser().parse_args(words).verb) == ("perovsim", verb)


def test_version(perovsim) -> None:
    import perovsim as ps

    assert perovsim("--version").out.strip() == f"perovsim {ps.__version__}"


def test_start_loads_nothing_heavy() -> None:
    code = (
        "import sys, perovsim\nfrom perovsim.cli.program import build_parser\nbuild_parser()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_resolve() -> None:
    import perovsim as ps

    for name in ps.__all__:
        assert getattr(ps, name) is not None
    assert callable(ps.simulate) and callable(ps.compare) and callable(ps.cite)
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        _ = ps.simulat


def test_fipy_never_sees_our_arguments() -> None:
    code = (
        "import sys\nfrom perovsim.cli.program import entry\n"
        "sys.argv = ['perovsim', '--version']\n"
        "try:\n    entry()\nexcept SystemExit:\n    print(sys.argv)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['perovsim']"
