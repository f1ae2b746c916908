"""Model layer: plain frozen data that says what is simulated, read from TOML files."""

from __future__ import annotations

from perovsim.model.check import CheckReport, check_file
from perovsim.model.chemistry import Beam, Electrochemistry, LeadTraps, Reaction, Species
from perovsim.model.device import Device
from perovsim.model.failure import Collapse, Transformation
from perovsim.model.films import FilmBlocking, Hydrolysis, Sublimation
from perovsim.model.lamella import LamellaSpec
from perovsim.model.loader import device_from_text, load_device, load_material
from perovsim.model.material import DiluteIon, HalideLattice, Material
from perovsim.model.microscope import ImagingMode, Microscope, load_microscope
from perovsim.model.protocol import (
    ConstantCurrent,
    ConstantVoltage,
    Protocol,
    Rest,
    StopCondition,
    Sweep,
    constant_current,
    constant_voltage,
    load_protocol,
    protocol_from_text,
    rest,
    short_circuit,
    sweep,
    voltage_above,
    voltage_below,
)
from perovsim.model.quantity import Quantity
from perovsim.model.stack import Contact, Emission, Interface, Layer

__all__ = [
    "Beam",
    "CheckReport",
    "Collapse",
    "ConstantCurrent",
    "ConstantVoltage",
    "Contact",
    "Device",
    "DiluteIon",
    "Electrochemistry",
    "Emission",
    "FilmBlocking",
    "HalideLattice",
    "Hydrolysis",
    "ImagingMode",
    "Interface",
    "LamellaSpec",
    "Layer",
    "LeadTraps",
    "Material",
    "Microscope",
    "Protocol",
    "Quantity",
    "Reaction",
    "Rest",
    "Species",
    "StopCondition",
    "Sublimation",
    "Sweep",
    "Transformation",
    "check_file",
    "constant_current",
    "constant_voltage",
    "device_from_text",
    "load_device",
    "load_material",
    "load_microscope",
    "load_protocol",
    "protocol_from_text",
    "rest",
    "short_circuit",
    "sweep",
    "voltage_above",
    "voltage_below",
]
