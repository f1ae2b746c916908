"""``perovsim compare``: two scans, images or results by the same observables."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from perovsim.cli.files import output_file
from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError

NAME = "compare"
HELP = "compare two scans, images or results, simulated or measured, observable by observable"
EXAMPLES = (
    "perovsim compare out/scan.zarr measured.mib --calibration calibration.toml",
    "perovsim compare out/scan_emitter_etl_aged.zarr out/scan_emitter_etl_pristine.zarr --observables haadf strain",
    "perovsim compare out/corrosion_couple.nc out/field_drift.nc --out out/beside.png",
)

PICTURES = (".png", ".svg", ".pdf")
RESOLUTION = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="scan (.zarr), image or result (.nc), or measured file")
    parser.add_argument("second", metavar="B", help="what it is compared with")
    parser.add_argument("--calibration", metavar="FILE", help="of the measured files (.toml)")
    parser.add_argument("--observables", nargs="+", metavar="NAME", help="all that both allow")
    parser.add_argument("--out", metavar="FILE.png", help="draw two results side by side (.png, .svg or .pdf)")


def run(args: argparse.Namespace, kept: Kept) -> None:
    from perovsim.comparison import compare, open_side

    out = None if args.out is None else output_file(args.out, PICTURES)
    first, second = (open_side(path, args.calibration) for path in (args.first, args.second))
    print(compare(first, second, observables=args.observables).table())
    if out is not None:
        _draw(first, second, (args.first, args.second), out)
        kept.add(out)
        print(f"written: {out}")


def _draw(first: Any, second: Any, names: tuple[str, str], out: Path) -> None:
    """Draw two results side by side, each named by its file."""
    from perovsim.plot import beside
    from perovsim.result import Result

    if not isinstance(first, Result) or not isinstance(second, Result):
        raise PerovsimError(f"--out {out}: only two results (.nc) are drawn side by side; leave it out for others")
    stems = [Path(name).stem for name in names]
    labels = stems if stems[0] != stems[1] else [str(Path(name).with_suffix("")) for name in names]
    beside(first, second, labels=labels).savefig(out, dpi=RESOLUTION)
