"""``perovsim simulate``: one device through one protocol."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from perovsim.cli.files import assignments, output_file
from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError, SimulationError

NAME = "simulate"
HELP = "run a device through a protocol and write the result file"
EXAMPLES = (
    "perovsim simulate models/devices/nanoled_like.toml \\",
    "    models/protocols/constant_current_1h.toml --out out/base.nc",
    "perovsim simulate nanoled_like constant_current_1h --out out/slow.nc \\",
    "    --set layer.emitter.D_vacancy='1e-13 cm^2/s' --set process.displacement_Cl.enabled=false",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", metavar="DEVICE", help="device file or shipped name")
    parser.add_argument("protocol", metavar="PROTOCOL", help="protocol file or shipped name")
    parser.add_argument("--out", metavar="FILE.nc", required=True, help="result file to write")
    parser.add_argument(
        "--set",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="change a number of the device, with its unit; may be repeated",
    )
    parser.add_argument("--rtol", type=float, default=1e-5, help="relative tolerance (1e-5)")
    parser.add_argument("--solver", choices=("bdf", "fipy"), default="bdf", help="(bdf)")


def run(args: argparse.Namespace, kept: Kept) -> None:
    import perovsim as ps

    if not 1e-12 <= args.rtol <= 1e-2:
        raise PerovsimError(f"--rtol {args.rtol:g} is out of range; allowed: 1e-12 to 1e-2")
    device = ps.load_device(args.device).with_values(assignments(args.set))
    protocol = ps.load_protocol(args.protocol)
    out = output_file(args.out, (".nc",))
    try:
        result = ps.simulate(device, protocol, rtol=args.rtol, solver=args.solver)
    except (SimulationError, KeyboardInterrupt) as error:
        _keep_checkpoint(getattr(error, "checkpoint", None), out, kept)
        raise
    result.save(out)
    kept.add(out)
    print(result.summary())
    print(f"written: {out}")


def _keep_checkpoint(checkpoint: Any, out: Path, kept: Kept) -> None:
    """Save what was computed before the error beside the wanted file."""
    if hasattr(checkpoint, "save"):
        partial = out.with_suffix(".partial.nc")
        checkpoint.save(partial)
        kept.add(partial)
