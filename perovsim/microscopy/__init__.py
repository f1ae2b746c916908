"""The microscope: 4D-STEM scans, dark-field images, X-ray spectra, their reduction, and measured files.

Every name is imported on first use; abTEM is loaded only where a simulation starts.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "perovsim.microscopy.signals.nanobeam": ("scan_4d",),
    "perovsim.microscopy.film": ("audit_film", "open_film", "record_film", "strain_maps"),
    "perovsim.microscopy.signals.haadf": ("haadf_image",),
    "perovsim.microscopy.xray.edx": ("edx_map",),
    "perovsim.microscopy.xray.spectra": ("Spectra", "load_spectra"),
    "perovsim.microscopy.xray.quantify": ("quantify",),
    "perovsim.microscopy.records.scan": ("Scan4D", "load_scan"),
    "perovsim.microscopy.records.image": ("Image", "load_image"),
    "perovsim.microscopy.records.detectors": (
        "bright_field",
        "dark_field",
        "pacbed",
        "virtual_detector",
    ),
    "perovsim.microscopy.records.segments": ("Segments", "segmented", "segments_of"),
    "perovsim.microscopy.patterns.differential_phase": ("deflection", "dpc"),
    "perovsim.microscopy.patterns.strain": ("strain_map", "strain_profile"),
    "perovsim.microscopy.patterns.phases": ("phase_map",),
    "perovsim.microscopy.patterns.shares": ("crystallinity",),
    "perovsim.microscopy.patterns.pattern_calibration": (
        "beam_positions",
        "calibrate_on_crystal",
        "calibrate_on_halo",
        "scan_rotation",
    ),
    "perovsim.microscopy.patterns.pacbed_thickness": ("PacbedTable", "pacbed_table", "thickness_from_pacbed"),
    "perovsim.microscopy.table.phase": ("crystal_phase",),
    "perovsim.microscopy.table.camera": ("Camera",),
    "perovsim.microscopy.forward.forward_fit": ("CrystalTables", "forward_profile"),
    "perovsim.microscopy.images.image_lattice": ("fit_image_lattice", "scan_distortion"),
    "perovsim.microscopy.images.image_strain": ("local_lattice", "strain_against"),
    "perovsim.microscopy.images.grains": ("find_grains", "misorientation"),
    "perovsim.microscopy.images.atom_columns": ("find_columns", "fit_columns"),
    "perovsim.microscopy.measured.reading": ("read_image", "read_measured", "read_scan"),
    "perovsim.microscopy.measured.calibration": ("Calibration", "load_calibration"),
    "perovsim.microscopy.measured.datasets": (
        "DATASETS",
        "dataset_image",
        "dataset_path",
        "dataset_scan",
        "fetch_dataset",
    ),
    "perovsim.microscopy.measured.srtio3": ("srtio3_comparison",),
    "perovsim.microscopy.measured.cdte": ("cdte_boundary",),
    "perovsim.microscopy.measured.precession": ("precession_findings",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = {"datasets": "measured", "nanobeam_table": "table", "strain": "patterns"}

__all__ = [*sorted(_HOME), *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"perovsim.microscopy.{_MODULES[name]}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'perovsim.microscopy' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
