"""Model layer: plain frozen data that says what is simulated, read from TOML files."""

from __future__ import annotations

from perovsim.model.check import CheckReport, check_file
from perovsim.model.chemistry import Beam, Electrochemistry, LeadClusters, LeadTraps, Reaction, Species
from perovsim.model.device import Device
from perovsim.model.failure import Collapse, Transformation
from perovsim.model.films import FilmBlocking, Hydrolysis, Sublimation
from perovsim.model.illumination import Illumination, beer_lambert, generation_profile
from perovsim.model.lamella import LamellaSpec
from perovsim.model.loader import device_from_text, load_device, load_material
from perovsim.model.material import DiluteIon, HalideLattice, Material
from perovsim.model.microscope import ImagingMode, Microscope, load_microscope
from perovsim.model.protocol import (
    Protocol,
    constant_current,
    constant_voltage,
    load_protocol,
    measure_impedance,
    protocol_from_text,
    pulse_train,
    rest,
    short_circuit,
    staircase,
    sweep,
)
from perovsim.model.quantity import Quantity
from perovsim.model.stack import Contact, Emission, Interface, Layer
from perovsim.model.steps import ConstantCurrent, ConstantVoltage, Impedance, PulseTrain, Rest, Staircase, Sweep
from perovsim.model.stop import (
    StopCondition,
    current_below,
    film_thickness_above,
    light_below,
    voltage_above,
    voltage_below,
)

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
    "Illumination",
    "ImagingMode",
    "Impedance",
    "Interface",
    "LamellaSpec",
    "Layer",
    "LeadClusters",
    "LeadTraps",
    "Material",
    "Microscope",
    "Protocol",
    "PulseTrain",
    "Quantity",
    "Reaction",
    "Rest",
    "Species",
    "Staircase",
    "StopCondition",
    "Sublimation",
    "Sweep",
    "Transformation",
    "beer_lambert",
    "check_file",
    "constant_current",
    "constant_voltage",
    "current_below",
    "device_from_text",
    "film_thickness_above",
    "generation_profile",
    "light_below",
    "load_device",
    "load_material",
    "load_microscope",
    "load_protocol",
    "measure_impedance",
    "protocol_from_text",
    "pulse_train",
    "rest",
    "short_circuit",
    "staircase",
    "sweep",
    "voltage_above",
    "voltage_below",
]
