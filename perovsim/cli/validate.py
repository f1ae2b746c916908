"""``perovsim validate``: the numbers behind the model against measurements, the solver against other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from perovsim.cli.files import output_file
from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError

NAME = "validate"
HELP = "compare the model with measurements, or (peers) the solver with other programs on the same problems"
EXAMPLES = (
    "perovsim validate",
    "perovsim validate out/field_drift.nc out/oxidised_halogen.nc out/corrosion_couple.nc",
    "perovsim validate peers",
    "perovsim validate peers 05 07 --figures out/peers",
)
PEERS = "peers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results",
        metavar="RESULT",
        nargs="*",
        help="result file (.nc) of one hypothesis each, for the polarity of the halides; or the word peers, then "
        "cases of validation/peers (all when none is named)",
    )
    parser.add_argument("--figures", metavar="DIR", help="with peers: draw each case into this folder")


def run(args: argparse.Namespace, kept: Kept) -> None:
    if args.results[:1] == [PEERS]:
        _peers(args.results[1:], args.figures, kept)
    elif args.figures is not None:
        raise PerovsimError(f"--figures {args.figures}: measurements have none; write: perovsim validate peers")
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


def _peers(names: list[str], figures: str | None, kept: Kept) -> None:
    from perovsim.progress import Progress
    from perovsim.validate.peers import peer_names, peer_table

    with Progress() as line:
        table = peer_table(names or peer_names(), line)
    print(table)
    for run in table.runs if figures is not None else ():
        from perovsim.plot import peers

        file = output_file(f"{figures}/{run.loaded.case.name}.png", (".png",))
        peers(run).savefig(file, dpi=150)
        kept.add(file)
        print(f"drawn: {file}")
