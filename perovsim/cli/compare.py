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
    "perovsim compare out/scan.zarr measured.mib --calibration calibration.toml --out out/compared.png",
    "perovsim compare out/scan_emitter_etl_aged.zarr out/scan_emitter_etl_pristine.zarr --observables haadf strain",
    "perovsim compare image_10nm.nc measured.emd --series image_8nm.nc image_12nm.nc --observables registered",
    "perovsim compare out/corrosion_couple.nc out/field_drift.nc --out out/beside.png",
)

PICTURES = (".png", ".svg", ".pdf")
RESOLUTION = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="scan (.zarr), image or result (.nc), or measured file")
    parser.add_argument("second", metavar="B", help="what it is compared with")
    parser.add_argument("--calibration", metavar="FILE", help="of the measured files (.toml)")
    parser.add_argument("--observables", nargs="+", metavar="NAME", help="all that both allow")
    parser.add_argument("--reference", metavar="CELL", help="of the strain: edge of the cell, such as '5.87 angstrom'")
    parser.add_argument(
        "--series",
        nargs="+",
        default=(),
        metavar="FILE",
        help="more simulations, of other thickness or defocus, which are fitted",
    )
    parser.add_argument("--out", metavar="FILE.png", help="draw the comparison (.png, .svg or .pdf)")


def run(args: argparse.Namespace, kept: Kept) -> None:
    from perovsim.comparison import compare, open_side

    out = None if args.out is None else output_file(args.out, PICTURES)
    first, second = (open_side(path, args.calibration) for path in (args.first, args.second))
    options: dict[str, Any] = {} if args.reference is None else {"reference": args.reference}
    if args.series:
        options["series"] = [_simulation(path, first) for path in args.series]
    found = compare(first, second, observables=args.observables, **options)
    print(found.table())
    if out is not None:
        _figure(found, first, second, (args.first, args.second)).savefig(out, dpi=RESOLUTION)
        kept.add(out)
        print(f"written: {out}")


def _simulation(path: str, first: Any) -> Any:
    """Return one file of a series: a simulation of the kind that is compared."""
    from perovsim.comparison import open_side

    found = open_side(path)
    if type(found) is not type(first) or not hasattr(found, "simulated"):
        raise PerovsimError(f"--series {path}: holds a {type(found).__name__}, not what is compared; give simulations")
    return found


def _figure(found: Any, first: Any, second: Any, names: tuple[str, str]) -> Any:
    """Draw two results side by side, each named by its file; of scans and images what was compared."""
    from perovsim import plot
    from perovsim.result import Result

    if not isinstance(first, Result):
        return plot.compared(found)
    stems = [Path(name).stem for name in names]
    labels = stems if stems[0] != stems[1] else [str(Path(name).with_suffix("")) for name in names]
    return plot.beside(first, second, labels=labels)
