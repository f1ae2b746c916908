"""``perovsim validate``: the numbers behind the model against measurements, the solver against limits and peers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from perovsim.cli.files import output_file
from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError

NAME = "validate"
HELP = (
    "compare the model with measurements, the running solver with exact limits (analytic) or programs (peers), or the "
    "reduction of measured micrographs with what is known of their samples (microscopy)"
)
EXAMPLES = (
    "perovsim validate",
    "perovsim validate out/field_drift.nc out/oxidised_halogen.nc out/corrosion_couple.nc",
    "perovsim validate analytic --out out/limits",
    "perovsim validate analytic sand A12",
    "perovsim validate peers 05 07 --out out/peers",
    "perovsim validate microscopy cdte_boundary --out out/microscopy",
)
ANALYTIC, PEERS, MICROSCOPY = "analytic", "peers", "microscopy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "results",
        metavar="RESULT",
        nargs="*",
        help="result file (.nc) of one hypothesis each, for the polarity of the halides; or the word analytic, then "
        "names or numbers of limits; or the word peers or microscopy, then cases of that folder of validation "
        "(none: all)",
    )
    parser.add_argument("--out", metavar="DIR", help="of analytic, peers, microscopy: a folder for a figure of each")

    parser.add_argument("--download", action="store_true", help="of microscopy: fetch measured files that are missing")


def run(args: argparse.Namespace, kept: Kept) -> None:
    """Compare and print."""
    what, *names = args.results or [""]
    if what == ANALYTIC:
        _limits(names, args.out, kept)
    elif what == PEERS:
        _peers(names, args.out, kept)
    elif what == MICROSCOPY:
        _microscopy(names, args.download, args.out, kept)
    elif args.out is not None:
        raise PerovsimError(f"--out {args.out} belongs to: perovsim validate analytic, perovsim validate peers")
    else:
        _measured(args.results)


def _measured(files: list[str]) -> None:
    from perovsim.result import load_result
    from perovsim.validate import measured_table

    names = [Path(file).stem for file in files]
    for name in names:
        if names.count(name) > 1:
            raise PerovsimError(f"two results are called '{name}'; rename one of the files")
    print(measured_table({name: load_result(file) for name, file in zip(names, files, strict=True)}))


def _limits(words: list[str], out: str | None, kept: Kept) -> None:
    from perovsim.progress import Progress
    from perovsim.validate.analytic import analytic_table

    with Progress() as line:
        table = analytic_table(words, line)
    print(table)
    if out is not None:
        from perovsim import plot

        for result in table.results:
            _draw(plot.limit(result), out, result.case.name, kept)
        (Path(out) / "checks.json").write_text(json.dumps(table.to_dict(), indent=2) + "\n", encoding="utf-8")
    if table.failed:
        named = ", ".join(dict.fromkeys(result.case.name for result, _ in table.failed))
        raise PerovsimError(f"{len(table.failed)} checks are beyond their tolerance ({named}); do not trust this build")


def _peers(names: list[str], out: str | None, kept: Kept) -> None:
    from perovsim.progress import Progress
    from perovsim.validate.peers import peer_names, peer_table

    with Progress() as line:
        table = peer_table(names or peer_names(), line)
    print(table)
    for run in table.runs if out is not None else ():
        from perovsim.plot import peer_profiles, peers

        _draw(peers(run), out, run.loaded.case.name, kept)
        _draw(peer_profiles(run), out, f"{run.loaded.case.name}_profiles", kept)


def _microscopy(names: list[str], download: bool, out: str | None, kept: Kept) -> None:
    from perovsim.progress import Progress
    from perovsim.validate.microscopy import fetch_cases, microscopy_table

    if download:
        fetch_cases(names)
    with Progress() as line:
        table = microscopy_table(names, line)
    print(table)
    if out is not None:
        for result in table.results:
            _draw(result.findings.figure(), out, result.case.name, kept)
        (Path(out) / "findings.json").write_text(json.dumps(table.to_dict(), indent=2) + "\n", encoding="utf-8")
    if table.failed:
        named = ", ".join(dict.fromkeys(result.case.name for result, _ in table.failed))
        raise PerovsimError(f"{len(table.failed)} values are outside their range ({named}); see the table above")


def _draw(figure, folder: str, name: str, kept: Kept) -> None:
    if figure is None:
        return
    file = output_file(f"{folder}/{name}.png", (".png",))
    figure.savefig(file, dpi=150)
    kept.add(file)
    print(f"drawn: {file}")
