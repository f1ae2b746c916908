"""One side of a comparison from its file: a scan, an image or a result, simulated or measured."""

from __future__ import annotations

from pathlib import Path

from perovsim.errors import PerovsimError
from perovsim.microscopy.measured.calibration import Calibration
from perovsim.microscopy.records.image import FORMAT, Image, load_image
from perovsim.microscopy.records.scan import Scan4D, load_scan
from perovsim.result import Result, load_result


def open_side(path: str | Path, calibration: str | Path | Calibration | None = None) -> Scan4D | Image | Result:
    """Read a scan (.zarr), an image or a result (.nc), or a measured file of any other ending.

    calibration : of a measured file
    Raises PerovsimError, with file and remedy, where it cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise PerovsimError(f"{path}: no such file")
    if path.suffix == ".zarr":
        return load_scan(path)
    if path.suffix == ".nc":
        return load_image(path) if _format(path) == FORMAT else load_result(path)
    from perovsim.microscopy.measured.reading import read_measured

    return read_measured(path, calibration)


def _format(path: Path) -> str:
    import h5py

    try:
        with h5py.File(path) as file:
            return str(file.attrs.get("format", ""))
    except OSError:
        return ""
