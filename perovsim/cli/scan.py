"""``perovsim scan``: the aged device under the microscope."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from perovsim.cli.files import output_file
from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError
from perovsim.progress import Progress

NAME = "scan"
SIGNALS = ("4d-stem", "edx")
PER_SQUARE_ANGSTROM = 1e-20
DPI = 150
"""Of figures [dots per inch]."""
HELP = "build a lamella of a result and scan it: 4D-STEM patterns or X-ray spectra"
EXAMPLES = (
    "perovsim scan out/base.nc models/microscopes/stem_300kv.toml --time '30 min' \\",
    "    --around 'emitter|etl' --width '8 nm' --thickness '10 nm' --out out/scan.zarr",
    "perovsim scan out/base.nc stem_300kv --time '30 min' --around 'etl|cathode' --width '40 nm' \\",
    "    --thickness '40 nm' --signal edx --step '1 nm' --out out/edx.zarr",
)
PATTERNS = ("mode", "fidelity", "error", "audit")
"""Options of patterns alone."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", metavar="RESULT", help="result file (.nc)")
    parser.add_argument("microscope", metavar="MICROSCOPE", help="microscope file or shipped name")
    parser.add_argument("--time", required=True, help="of the result, such as '30 min'")
    parser.add_argument("--around", required=True, metavar="A|B", help="interface at the centre")
    parser.add_argument("--width", default="8 nm", help="of the window across the interface (8 nm)")
    parser.add_argument("--thickness", default="10 nm", help="along the beam (10 nm)")
    parser.add_argument("--height", default="3 nm", help="along the interface (3 nm)")
    parser.add_argument("--step", default="0.5 nm", help="distance of the positions (0.5 nm)")
    parser.add_argument("--signal", choices=SIGNALS, default=SIGNALS[0], help=f"what is recorded ({SIGNALS[0]})")
    parser.add_argument("--mode", help="of the microscope, of patterns (nanobeam)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--fidelity", help="of patterns: exact, window or crystal (window)")
    how.add_argument("--error", type=float, help="share of electrons in wrong pixels tolerated; chooses the fidelity")
    parser.add_argument("--audit", type=int, metavar="N", help="patterns computed again exactly (0)")
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
    scan = _record(lamella, microscope, args)
    scan.save(out)
    kept.add(out)
    if args.signal == "edx":
        kept.add(_report(scan, out))
    else:
        print(scan.audit or f"fidelity: {scan.fidelity}, not audited")
    print(f"written: {out}")


def _record(lamella: Any, microscope: Any, args: argparse.Namespace) -> Any:
    import perovsim as ps

    simulate, text = {
        "4d-stem": (ps.microscopy.scan_4d, "4D-STEM line scan"),
        "edx": (ps.microscopy.edx_map, "X-ray spectra"),
    }[args.signal]
    asked = {name: getattr(args, name) for name in PATTERNS if getattr(args, name) is not None}
    if asked and args.signal != "4d-stem":
        raise PerovsimError(f"--{next(iter(asked))} is of patterns; leave it out, or give --signal 4d-stem")
    with Progress() as line:
        return simulate(
            lamella,
            microscope,
            step=args.step,
            seed=args.seed,
            progress=lambda share: line(text, share),
            **asked,
        )


def _report(spectra: Any, out: Path) -> Path:
    """Print the elements with both errors and the dose, and draw spectrum and profiles beside the store."""
    import perovsim as ps

    found = spectra.quantify()
    print(found.table())
    print(f"dose: {spectra.attrs['dose'] * PER_SQUARE_ANGSTROM:.3g} electrons per square angstrom of the lamella drawn")
    path = out.with_suffix(".png")
    ps.plot.spectra(spectra, found).savefig(path, dpi=DPI)
    print(f"written: {path}")
    return path
