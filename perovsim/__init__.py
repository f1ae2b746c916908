"""perovsim: degradation of halide perovskite light-emitting diodes, from physics to 4D-STEM.

Every name below is imported on first use, so that ``import perovsim`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "perovsim.model": (
        "Device",
        "Protocol",
        "beer_lambert",
        "constant_current",
        "constant_voltage",
        "current_below",
        "film_thickness_above",
        "generation_profile",
        "light_below",
        "load_device",
        "load_microscope",
        "load_protocol",
        "measure_impedance",
        "pulse_train",
        "rest",
        "short_circuit",
        "staircase",
        "sweep",
        "voltage_above",
        "voltage_below",
    ),
    "perovsim.errors": ("PerovsimError",),
    "perovsim.simulation": ("simulate",),
    "perovsim.small_signal": ("impedance",),
    "perovsim.result": ("Result", "load_result"),
    "perovsim.citation": ("cite",),
    "perovsim.atoms": ("Irradiation", "Microstructure", "Preparation", "build_lamella", "lamella_from_ase"),
    "perovsim.comparison": ("compare",),
    "perovsim.study": ("run_study",),
    "perovsim.show": ("draw_device", "show_device"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = ("fit", "microscopy", "plot")

__all__ = ["__version__", *sorted(_HOME), *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"perovsim.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'perovsim' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
