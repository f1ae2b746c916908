"""Measured scans and images in any format of RosettaSciIO, with units; nothing is guessed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovsim import units
from perovsim.errors import MeasurementError, UnitError
from perovsim.memory import require_memory
from perovsim.microscopy.measured.calibration import Calibration, load_calibration
from perovsim.microscopy.patterns.lattice import central_disk
from perovsim.microscopy.records.image import FORMAT as IMAGE_FORMAT
from perovsim.microscopy.records.image import Image, check_image, load_image
from perovsim.microscopy.records.scan import FORMAT as SCAN_FORMAT
from perovsim.microscopy.records.scan import Scan4D, check_scan, load_scan
from perovsim.microscopy.waves.optics import wavelength

NO_UNIT = {"", "none", "<undefined>", "px", "pixel", "pixels", "1"}
"""What files write where they know no unit."""
DAMAGED = ("truncat", "larger than file", "incomplete", "corrupt", "zero padding")
"""Words of a reader's warning that mean a damaged file."""
SQUARE = 1e-3
"""Pixels count as square when their edges differ by less than this."""
COPIES = 2.5
"""Memory that reading takes, in file sizes: the data, a copy in counts, and the checks."""


@dataclass(frozen=True)
class Axis:
    """One axis of a measured file as its reader gives it; unit "" where the file has none."""

    name: str
    scale: float
    unit: str


def read_scan(path: str | Path, calibration: str | Path | Calibration | None = None) -> Scan4D:
    """Read a 4D-STEM scan: our own .zarr, or any format of RosettaSciIO.

    calibration : a Calibration or its file, for units and instrument that the file does not know
    Raises MeasurementError, in one line, for a file that cannot be read or holds no patterns, for
    units that are missing (it names them and says what to write), and for impossible counts.
    """
    path = Path(path)
    if path.suffix == ".zarr":
        return load_scan(path)
    return _scan(path, _signal(path, least=3), _calibration(calibration))


def _scan(path: Path, signal: dict[str, Any], known: Calibration) -> Scan4D:
    data = np.asarray(signal["data"])
    axes = [_axis(axis) for axis in signal["axes"]]
    if data.ndim not in (3, 4):
        raise MeasurementError(
            f"{path}: has {data.ndim} axes; a scan has one or two of positions and two of the detector"
        )
    energy, semiangle = _instrument(signal["metadata"], known)
    step = [_length(path, axis, known, "pixel", known.pixel) for axis in axes[:-2]]
    pixel = [_angle(path, axis, known, energy) for axis in axes[-2:]]
    if abs(pixel[0] / pixel[1] - 1) > SQUARE:
        raise MeasurementError(
            f"{path}: detector pixels are not square ({pixel[0]:.4g} and {pixel[1]:.4g} "
            "rad); give detector_pixel in the calibration file if they are"
        )
    shape = data.shape[:-2]
    grid = np.meshgrid(*[np.arange(n) * s for n, s in zip(shape, step, strict=True)], indexing="ij")
    y, x = (np.zeros_like(grid[0]), grid[0]) if len(grid) == 1 else grid
    attrs = {
        "format": SCAN_FORMAT,
        "kind": "measured",
        "source": path.name,
        "scan_shape": [int(n) for n in shape],
        **_attrs(signal, known, energy, semiangle),
    }
    if known.electrons_per_pattern is not None:
        attrs["electrons_per_pattern"] = float(known.electrons_per_pattern)
    if known.ellipse is not None or known.detector_rotation is not None:
        attrs["detector_matrix"] = [float(value) for value in known.detector.ravel()]
    counts = _counts(data, known).reshape(-1, *data.shape[-2:])
    attrs["saturated_pixels"] = _saturated(data)
    q = _detector_axes(counts, pixel[1])
    dataset = xr.Dataset(
        {"counts": (("position", "qy", "qx"), counts, {"units": "electron" if known.electrons_per_count else "count"})},
        {
            "x": ("position", x.ravel(), {"units": "m"}),
            "y": ("position", y.ravel(), {"units": "m"}),
            "qx": ("qx", q[0], {"units": "rad"}),
            "qy": ("qy", q[1], {"units": "rad"}),
        },
        attrs,
    )
    return check_scan(Scan4D(dataset), path)


def read_image(path: str | Path, calibration: str | Path | Calibration | None = None) -> Image:
    """Read a STEM image: our own .nc, or any format of RosettaSciIO; errors as in `read_scan`."""
    path = Path(path)
    if path.suffix == ".nc":
        return load_image(path)
    return _image(path, _signal(path, least=2), _calibration(calibration))


def read_measured(path: str | Path, calibration: str | Path | Calibration | None = None) -> Scan4D | Image:
    """Read a measured file of any format of RosettaSciIO: an image where it has two axes, else a scan."""
    path = Path(path)
    signal, known = _signal(path, least=2), _calibration(calibration)
    longer = [axis for axis in signal["axes"] if int(axis["size"]) > 1]
    return (_image if len(longer) == 2 else _scan)(path, signal, known)


def _image(path: Path, signal: dict[str, Any], known: Calibration) -> Image:
    data = np.squeeze(np.asarray(signal["data"]))
    axes = [_axis(axis) for axis in signal["axes"] if int(axis["size"]) > 1]
    if data.ndim != 2 or len(axes) != 2:
        raise MeasurementError(f"{path}: has {data.ndim} axes of more than one pixel; an image has two")
    pixel = [_length(path, axis, known, "pixel", known.pixel) for axis in axes]
    if abs(pixel[0] / pixel[1] - 1) > SQUARE:
        raise MeasurementError(
            f"{path}: pixels are not square ({pixel[0]:.4g} and {pixel[1]:.4g} m); give "
            "pixel in the calibration file if they are"
        )
    energy, semiangle = _instrument(signal["metadata"], known)
    rows, columns = data.shape
    attrs = {
        "format": IMAGE_FORMAT,
        "kind": "measured",
        "source": path.name,
        "saturated_pixels": _saturated(data),
        **_attrs(signal, known, energy, semiangle),
    }
    dataset = xr.Dataset(
        {"counts": (("y", "x"), _counts(data, known), {"units": "electron" if known.electrons_per_count else "count"})},
        {
            "x": ("x", np.arange(columns) * pixel[1], {"units": "m"}),
            "y": ("y", np.arange(rows) * pixel[0], {"units": "m"}),
        },
        attrs,
    )
    return check_image(Image(dataset), path)


def _calibration(given: str | Path | Calibration | None) -> Calibration:
    if given is None:
        return Calibration()
    return given if isinstance(given, Calibration) else load_calibration(given)


def _signal(path: Path, least: int) -> dict[str, Any]:
    """Return the first signal of a file with at least `least` axes."""
    if not path.exists():
        raise MeasurementError(f"{path}: no such file")
    plugins = _plugins(path)
    if path.is_file():
        if path.stat().st_size == 0:
            raise MeasurementError(f"{path}: is empty (0 bytes); copy it again")
        require_memory(
            COPIES * path.stat().st_size,
            f"reading {path.name}",
            "read a part of it, cropped by the microscope's software, or use a larger machine",
        )
    failures = []
    for plugin in plugins:
        try:
            signals = _read(plugin, path)
        except MeasurementError:
            raise
        except Exception as cause:  # every reader raises its own kinds on a damaged file
            failures.append(f"as {plugin['name']}: {type(cause).__name__} {cause}".strip())
            continue
        for signal in signals:
            if np.ndim(signal["data"]) >= least:
                return signal
        failures.append(f"as {plugin['name']}: no data with {least} axes")
    reasons = " ".join("; ".join(failures).split())
    raise MeasurementError(f"{path}: cannot be read ({reasons}); it may be truncated or of another format")


def _plugins(path: Path) -> list[dict[str, Any]]:
    """Return the readers of RosettaSciIO for this ending."""
    import rsciio

    ending = path.suffix.lstrip(".").lower()
    found = [plugin for plugin in rsciio.IO_PLUGINS if ending in {known.lower() for known in plugin["file_extensions"]}]
    if not found:
        known = sorted({e.lower() for plugin in rsciio.IO_PLUGINS for e in plugin["file_extensions"]})
        raise MeasurementError(
            f"{path}: the ending '.{ending}' belongs to no format of RosettaSciIO; known: " + ", ".join(known)
        )
    return found


def _read(plugin: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """Read all signals; a warning that tells of a damaged file is an error."""
    reader = import_module(plugin["api"]).file_reader
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        signals = reader(str(path))
    for warning in said:
        words = str(warning.message)
        if any(sign in words.lower() for sign in DAMAGED):
            raise MeasurementError(f"{path}: is damaged: {' '.join(words.split())} Copy the file again")
    return signals


def _axis(axis: dict[str, Any]) -> Axis:
    unit = str(axis.get("units", "") or "").strip()
    return Axis(
        str(axis.get("name", "") or ""), abs(float(axis.get("scale", 1.0))), "" if unit.lower() in NO_UNIT else unit
    )


def _length(path: Path, axis: Axis, known: Calibration, key: str, given: Any) -> float:
    """Return the step of an axis of positions [m]."""
    if given is not None:
        return float(given)
    unit = axis.unit or (known.length_unit or "")
    if not unit:
        raise MeasurementError(
            f"{path}: the axis '{axis.name or 'position'}' has a scale of {axis.scale:.6g} but no unit; write "
            f'length_unit = "nm" (or {key} = "{axis.scale:.6g} nm") in a calibration file that begins with '
            'format = "perovsim-calibration/1", and give it as calibration'
        )
    try:
        return units.convert(axis.scale, unit, "m")
    except UnitError as cause:
        raise MeasurementError(
            f"{path}: the axis '{axis.name or 'position'}' has the unit '{unit}': {cause}; "
            f"give {key} in the calibration file"
        ) from None


def _angle(path: Path, axis: Axis, known: Calibration, energy: float | None) -> float:
    """Return the pixel of a detector axis [rad]."""
    if known.detector_pixel is not None:
        return float(known.detector_pixel)
    unit = axis.unit or (known.angle_unit or "")
    name = axis.name or "detector"
    if not unit:
        raise MeasurementError(
            f"{path}: the detector axis '{name}' has a scale of {axis.scale:.6g} but no unit; write "
            f'angle_unit = "mrad" (or detector_pixel = "{axis.scale:.6g} mrad") in a calibration file that '
            'begins with format = "perovsim-calibration/1", and give it as calibration'
        )
    for si_unit in ("rad", "1/m", "m"):
        try:
            value = units.convert(axis.scale, unit, si_unit)
        except UnitError:
            continue
        return _to_angle(path, name, unit, value, si_unit, known, energy)
    raise MeasurementError(
        f"{path}: the detector axis '{name}' has the unit '{unit}', which is no angle, "
        "inverse length or length; give detector_pixel in the calibration file"
    )


def _to_angle(
    path: Path,
    name: str,
    unit: str,
    value: float,
    si_unit: str,
    known: Calibration,
    energy: float | None,
) -> float:
    if si_unit == "rad":
        return value
    if si_unit == "1/m":
        if energy is None:
            raise MeasurementError(
                f"{path}: the detector axis '{name}' is in {unit}, which needs the energy "
                'of the electrons; write energy = "300 keV" in a calibration file'
            )
        return value * wavelength(energy)
    if known.camera_length is None:
        raise MeasurementError(
            f"{path}: the detector axis '{name}' is in {unit}, which needs the camera "
            'length; write camera_length = "20 cm" (or detector_pixel = "0.5 mrad") in a '
            'calibration file that begins with format = "perovsim-calibration/1"'
        )
    return value / float(known.camera_length)


def _instrument(metadata: dict[str, Any], known: Calibration) -> tuple[float | None, float | None]:
    """Return energy [eV] and semiangle [rad] from the calibration or the file's metadata."""
    column = metadata.get("Acquisition_instrument", {}).get("TEM", {})
    energy = float(known.energy) if known.energy is not None else None
    if energy is None and column.get("beam_energy"):
        energy = 1e3 * float(column["beam_energy"])
    semiangle = float(known.semiangle) if known.semiangle is not None else None
    if semiangle is None and column.get("convergence_angle"):
        semiangle = 1e-3 * float(column["convergence_angle"])
    return energy, semiangle


def _attrs(signal: dict[str, Any], known: Calibration, energy: float | None, semiangle: float | None) -> dict[str, Any]:
    found = {
        "title": str(signal["metadata"].get("General", {}).get("title", "")),
        "citation": known.citation,
        "description": known.description,
    }
    if energy is not None:
        found["energy"] = energy
    if semiangle is not None:
        found["semiangle"] = semiangle
    return found


def _counts(data: np.ndarray, known: Calibration) -> np.ndarray:
    """Return (data - dark level) x gain; the file's own numbers where neither is given."""
    if known.dark_level is None and known.electrons_per_count is None:
        return data
    dark = 0.0 if known.dark_level is None else float(known.dark_level)
    gain = 1.0 if known.electrons_per_count is None else float(known.electrons_per_count)
    return (data.astype(np.float32) - np.float32(dark)) * np.float32(gain)


def _saturated(data: np.ndarray) -> int:
    """Return how many pixels of whole-number data stand at the largest number of their type."""
    return int((data == np.iinfo(data.dtype).max).sum()) if data.dtype.kind in "ui" else 0


def _detector_axes(counts: np.ndarray, pixel: float) -> tuple[np.ndarray, np.ndarray]:
    """Return qx, qy [rad] from the centre of the central disk of the summed patterns."""
    total = counts.sum(axis=0, dtype=float)
    centre, _ = central_disk(total)
    return tuple((np.arange(n) - middle) * pixel for n, middle in zip(total.shape[::-1], centre, strict=True))
