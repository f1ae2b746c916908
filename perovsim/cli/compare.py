"""``perovsim compare``: two scans, images or results by the same observables."""

from __future__ import annotations

import argparse

from perovsim.cli.kept import Kept

NAME = "compare"
HELP = "compare two scans, images or results, simulated or measured, observable by observable"
EXAMPLES = (
    "perovsim compare out/scan.zarr measured.mib --calibration calibration.toml",
    "perovsim compare out/scan_emitter_etl_aged.zarr out/scan_emitter_etl_pristine.zarr --observables haadf strain",
    "perovsim compare out/corrosion_couple.nc out/field_drift.nc",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="scan (.zarr), image or result (.nc), or measured file")
    parser.add_argument("second", metavar="B", help="what it is compared with")
    parser.add_argument("--calibration", metavar="FILE", help="of the measured files (.toml)")
    parser.add_argument("--observables", nargs="+", metavar="NAME", help="all that both allow")


def run(args: argparse.Namespace, kept: Kept) -> None:
    from perovsim.comparison import compare, open_side

    first, second = (open_side(path, args.calibration) for path in (args.first, args.second))
    print(compare(first, second, observables=args.observables).table())
