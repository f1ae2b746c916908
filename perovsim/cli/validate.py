"""``perovsim validate``: the numbers behind the model against measurements, the solver against exact limits."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError

NAME = "validate"
HELP = "compare the numbers behind the model with measurements, or the running solver with exact limits"
EXAMPLES = (
    "perovsim validate",
    "perovsim validate out/field_drift.nc out/oxidised_halogen.nc out/corrosion_couple.nc",
    "perovsim validate analytic --out out/limits",
    "perovsim validate analytic sand A12",
)
ANALYTIC = "analytic"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results",
        metavar="RESULT",
        nargs="*",
        help="result file (.nc) of one hypothesis each, for the polarity of the halides; or the word analytic, then "
        "names or numbers of limits (none: all)",
    )
    parser.add_argument("--out", metavar="DIR", help="of analytic: folder for a figure of each limit and checks.json")


def run(args: argparse.Namespace, kept: Kept) -> None:
    if args.results and args.results[0] == ANALYTIC:
        _limits(args.results[1:], args.out)
    elif args.out is not None:
        raise PerovsimError("--out belongs to: perovsim validate analytic --out DIR")
    else:
        _measured(args.results)


def _measured(files: list[str]) -> None:
    from perovsim.result import load_result
    from perovsim.validate import measured_table

    names = [Path(file).stem for file in files]
    for name in names:
        if names.count(name) > 1:
            raise PerovsimError(f"two results are called '{name}'; give each hypothesis its own file name")
    runs = {name: load_result(file) for name, file in zip(names, files, strict=True)}
    print(measured_table(runs))


def _limits(words: list[str], out: str | None) -> None:
    from perovsim.validate.analytic import analytic_table

    table = analytic_table(words, _say if sys.stderr.isatty() else None)
    print(table)
    if out is not None:
        _draw(table, Path(out))
    if table.failed:
        named = ", ".join(dict.fromkeys(result.case.name for result, _ in table.failed))
        raise PerovsimError(f"{len(table.failed)} checks are beyond their tolerance ({named}); do not trust this build")


def _draw(table, folder: Path) -> None:
    from perovsim import plot

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checks.json").write_text(json.dumps(table.to_dict(), indent=2) + "\n", encoding="utf-8")
    for result in table.results:
        figure = plot.limit(result)
        if figure is not None:
            figure.savefig(folder / f"{result.case.name}.png", dpi=150)


def _say(name: str) -> None:
    print(f"{name} …", file=sys.stderr)
