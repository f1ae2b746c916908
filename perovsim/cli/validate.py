"""``perovsim validate``: the numbers behind the model against published measurements."""

from __future__ import annotations

import argparse
from pathlib import Path

from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError

NAME = "validate"
HELP = "compare the numbers behind the model, and where runs send the halides, with measurements"
EXAMPLES = (
    "perovsim validate",
    "perovsim validate out/field_drift.nc out/oxidised_halogen.nc out/corrosion_couple.nc",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results",
        metavar="RESULT",
        nargs="*",
        help="result file (.nc) of one hypothesis each, for the polarity of the halides",
    )


def run(args: argparse.Namespace, kept: Kept) -> None:
    from perovsim.result import load_result
    from perovsim.validate import measured_table

    names = [Path(file).stem for file in args.results]
    for name in names:
        if names.count(name) > 1:
            raise PerovsimError(f"two results are called '{name}'; give each hypothesis its own file name")
    runs = {name: load_result(file) for name, file in zip(names, args.results, strict=True)}
    print(measured_table(runs))
