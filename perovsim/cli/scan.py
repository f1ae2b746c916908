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
SIGNALS = ("4d-stem", "dpc", "haadf", "edx")
PER_SQUARE_ANGSTROM = 1e-20
STEP = "0.5 nm"
DPI = 150
"""Of figures [dots per inch]."""
HELP = "build a lamella of a result and scan it: 4D-STEM patterns, phase contrast, HAADF image or X-ray spectra"
EXAMPLES = (
    "perovsim scan out/base.nc models/microscopes/stem_300kv.toml --time '30 min' \\",
    "    --around 'emitter|etl' --width '8 nm' --thickness '10 nm' --out out/scan.zarr",
    "perovsim scan out/base.nc stem_300kv --time '30 min' --around 'etl|cathode' --width '40 nm' \\",
    "    --thickness '40 nm' --signal edx --step '1 nm' --out out/edx.zarr",
    "perovsim scan out/base.nc stem_300kv --time '30 min' --around 'emitter|etl' --width '5 nm' \\",
    "    --signal haadf --audit 4 --out out/haadf.nc",
)
BEAM = ("mode", "fidelity", "error", "audit")
"""Options of what multislice computes."""
CENTRAL_DISK = 1.2
"""Deflections are those of the electrons to this multiple of the semiangle: the central disk, clear of its edge."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", metavar="RESULT", help="result file (.nc)")
    parser.add_argument("microscope", metavar="MICROSCOPE", help="microscope file or shipped name")
    parser.add_argument("--time", required=True, help="of the result, such as '30 min'")
    parser.add_argument("--around", required=True, metavar="A|B", help="interface at the centre")
    parser.add_argument("--width", default="8 nm", help="of the window across the interface (8 nm)")
    parser.add_argument("--thickness", default="10 nm", help="along the beam (10 nm)")
    parser.add_argument("--height", default="3 nm", help="along the interface (3 nm)")
    parser.add_argument("--step", help="distance of the positions (0.5 nm); of an image the mode's")
    parser.add_argument("--signal", choices=SIGNALS, default=SIGNALS[0], help=f"what is recorded ({SIGNALS[0]})")
    parser.add_argument("--mode", help="of the microscope (nanobeam; haadf for an image)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--fidelity", help="exact, window, or crystal for patterns (window)")
    how.add_argument("--error", type=float, help="share of electrons in wrong pixels tolerated; chooses the fidelity")
    parser.add_argument("--audit", type=int, metavar="N", help="patterns or pixels computed again exactly (0)")
    parser.add_argument("--seed", type=int, default=1, help="of every random choice (1)")
    parser.add_argument("--out", metavar="FILE.zarr", required=True, help="scan to write, FILE.nc for an image")


def run(args: argparse.Namespace, kept: Kept) -> None:
    import perovsim as ps

    if args.seed < 0:
        raise PerovsimError(f"--seed {args.seed} is out of range; give 0 or more")
    out = output_file(args.out, (".nc",) if args.signal == "haadf" else (".zarr",))
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
        if args.signal == "dpc":
            kept.add(_phase(scan, out))
        print(scan.audit or f"fidelity: {scan.fidelity}, not audited")
    print(f"written: {out}")


def _record(lamella: Any, microscope: Any, args: argparse.Namespace) -> Any:
    import perovsim as ps

    simulate, text = {
        "4d-stem": (ps.microscopy.scan_4d, "4D-STEM line scan"),
        "dpc": (ps.microscopy.scan_4d, "phase contrast, line scan"),
        "haadf": (ps.microscopy.haadf_image, "HAADF image"),
        "edx": (ps.microscopy.edx_map, "X-ray spectra"),
    }[args.signal]
    asked = {name: getattr(args, name) for name in BEAM if getattr(args, name) is not None}
    if asked and args.signal == "edx":
        raise PerovsimError(f"--{next(iter(asked))} is not of X-rays; leave it out, or give --signal 4d-stem")
    if args.signal == "haadf":
        asked |= _whole_field(lamella, args.step)
    else:
        asked["step"] = STEP if args.step is None else args.step
    if args.signal == "dpc":
        asked["device_potential"] = True
    with Progress() as line:
        return simulate(lamella, microscope, seed=args.seed, progress=lambda share: line(text, share), **asked)


def _whole_field(lamella: Any, step: str | None) -> dict[str, Any]:
    """Return field and centre of an image of the whole window."""
    if step is not None:
        raise PerovsimError("--step: pixels of an image are the step of the mode; change it in the microscope file")
    x0, x1 = lamella.window
    return {"field": (x1 - x0, lamella.height), "centre": (0.5 * (x0 + x1), 0.5 * lamella.height)}


def _phase(scan: Any, out: Path) -> Path:
    """Print deflection and field along x beside the device's own, and draw them beside the store."""
    import perovsim as ps

    found = ps.microscopy.dpc(scan, within=CENTRAL_DISK * scan.semiangle)
    thickness, truth = float(scan.attrs["thickness"]), scan.dataset["device_deflection"].values
    print("x from interface   deflection          of the device   mean field")
    for at, one, own in zip(
        scan.positions[:, 0] - float(scan.attrs["interface"]), range(len(scan)), truth, strict=True
    ):
        here = found.isel(position=one)
        field, error = (float(here[name]) / thickness * 1e-6 for name in ("field_x", "field_x_error"))
        print(
            f"{at * 1e9:10.2f} nm   {float(here.qx) * 1e6:+7.2f} ± {float(here.qx_error) * 1e6:.2f} µrad   "
            f"{own * 1e6:+7.2f} µrad   {field:+9.1f} ± {error:.1f} MV/m"
        )
    print("what exceeds the errors is the specimen's own: atoms and interfaces deflect electrons, too")
    path = out.with_suffix(".png")
    ps.plot.differential_phase(scan, found).savefig(path, dpi=DPI)
    print(f"written: {path}")
    return path


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
