"""``perovsim scan``: the aged device under the microscope."""

from __future__ import annotations

import argparse

from perovsim.cli.files import output_file
from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError
from perovsim.progress import Progress

NAME = "scan"
HELP = "build a lamella of a result and scan it with a 4D-STEM nanobeam"
EXAMPLES = (
    "perovsim scan out/base.nc models/microscopes/stem_300kv.toml --time '30 min' \\",
    "    --around 'emitter|etl' --width '8 nm' --thickness '10 nm' --out out/scan.zarr",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", metavar="RESULT", help="result file (.nc)")
    parser.add_argument("microscope", metavar="MICROSCOPE", help="microscope file or shipped name")
    parser.add_argument("--time", required=True, help="of the result, such as '30 min'")
    parser.add_argument("--around", required=True, metavar="A|B", help="interface at the centre")
    parser.add_argument("--width", default="8 nm", help="of the window across the interface (8 nm)")
    parser.add_argument("--thickness", default="10 nm", help="along the beam (10 nm)")
    parser.add_argument("--height", default="3 nm", help="along the interface (3 nm)")
    parser.add_argument("--step", default="0.5 nm", help="distance of the patterns (0.5 nm)")
    parser.add_argument("--mode", default="nanobeam", help="of the microscope (nanobeam)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--fidelity", help="exact, window or crystal (window)")
    how.add_argument("--error", type=float, help="share of electrons in wrong pixels tolerated; chooses the fidelity")
    parser.add_argument("--audit", type=int, default=0, metavar="N", help="positions computed again exactly (0)")
    parser.add_argument("--seed", type=int, default=1, help="of every random choice (1)")
    parser.add_argument("--out", metavar="FILE.zarr", required=True, help="scan to write")


def run(args: argparse.Namespace, kept: Kept) -> None:
    import perovsim as ps

    if args.seed < 0:
        raise PerovsimError(f"--seed {args.seed} is out of range; give 0 or more")
    out = output_file(args.out, (".zarr",))
    result = ps.load_result(args.result)
    microscope = ps.load_microscope(args.microscope)
    lamella = ps.build_lamella(
        result,
        time=args.time,
        around=args.around,
        width=args.width,
        thickness=args.thickness,
        height=args.height,
        seed=args.seed,
    )
    print(lamella)
    with Progress() as line:
        scan = ps.microscopy.scan_4d(
            lamella,
            microscope,
            step=args.step,
            seed=args.seed,
            mode=args.mode,
            fidelity=args.fidelity,
            error=args.error,
            audit=args.audit,
            progress=lambda share: line("4D-STEM line scan", share),
        )
    scan.save(out)
    kept.add(out)
    print(scan.audit or f"fidelity: {scan.fidelity}, not audited")
    print(f"written: {out}")
