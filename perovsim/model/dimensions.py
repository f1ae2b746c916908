"""The dimensions of model parameters: one annotated type each, with its physical bounds.

Bounds only keep out what cannot be (a negative thickness, a metre-thick layer); what is
plausible is said by the `range` of each number.
"""

from __future__ import annotations

from typing import Annotated

from perovsim.model.quantity import Dimension, Quantity

Ratio = Annotated[Quantity, Dimension(("",))]
Fraction = Annotated[Quantity, Dimension(("",), low=0, high=1)]
RatioOrZero = Annotated[Quantity, Dimension(("",), low=0, high=1e6)]
PositiveRatio = Annotated[Quantity, Dimension(("",), low=0, above=True)]
Permittivity = Annotated[Quantity, Dimension(("",), low=1, high=1e5)]
PoissonRatio = Annotated[Quantity, Dimension(("",), low=-1, high=0.5, above=True)]
Strain = Annotated[Quantity, Dimension(("",), low=-0.5, high=0.5)]

Length = Annotated[Quantity, Dimension(("m",), low=0, high=1e-2, above=True)]
SignedLength = Annotated[Quantity, Dimension(("m",), low=-1, high=1)]
LengthOrZero = Annotated[Quantity, Dimension(("m",), low=0, high=1)]
InverseLength = Annotated[Quantity, Dimension(("1/m",), low=0, high=1e12)]
Field = Annotated[Quantity, Dimension(("V/m",), low=0, high=1e12, above=True)]
Temperature = Annotated[Quantity, Dimension(("K",), low=50, high=1500)]
Energy = Annotated[Quantity, Dimension(("eV",), low=-20, high=20)]
Level = Annotated[Quantity, Dimension(("eV",), low=0, high=20, above=True)]
Barrier = Annotated[Quantity, Dimension(("eV",), low=0, high=10)]
CubedEnergy = Annotated[Quantity, Dimension(("eV^3",), low=0, high=1e3)]

Density = Annotated[Quantity, Dimension(("m^-3",), low=0, high=1e31)]
PositiveDensity = Annotated[Quantity, Dimension(("m^-3",), low=0, high=1e31, above=True)]
ArealDensity = Annotated[Quantity, Dimension(("m^-2",), low=0, high=1e22, above=True)]
Diffusivity = Annotated[Quantity, Dimension(("m^2/s",), low=0, high=1)]
Mobility = Annotated[Quantity, Dimension(("m^2/V/s",), low=0, high=1e3, above=True)]
FieldFactor = Annotated[Quantity, Dimension(("m^0.5/V^0.5",), low=0, high=1e-2)]
Capture = Annotated[Quantity, Dimension(("m^3/s",), low=0, high=1e-6)]
AugerCoefficient = Annotated[Quantity, Dimension(("m^6/s",), low=0, high=1e-30)]
GenerationRate = Annotated[Quantity, Dimension(("m^-3/s",), low=0, high=1e35)]
RateConstant = Annotated[Quantity, Dimension(("1/s",), low=0, high=1e15)]
Lifetime = Annotated[Quantity, Dimension(("s",), low=0, above=True, infinite=True)]
Velocity = Annotated[Quantity, Dimension(("m/s",), low=0, infinite=True)]
ExchangeVelocity = Annotated[Quantity, Dimension(("m/s",), low=0, infinite=True, above=True)]
"""Of carriers over a contact or a junction: a tiny one blocks them, with none their equations have no end there."""
ActivationVolume = Annotated[Quantity, Dimension(("m^3",), low=-1e-27, high=1e-27)]
FractureEnergy = Annotated[Quantity, Dimension(("J/m^2",), low=0, high=1e4, above=True)]
Modulus = Annotated[Quantity, Dimension(("Pa",), low=0, high=1e13, above=True)]

AvramiExponent = Annotated[Quantity, Dimension(("",), low=0, high=10, above=True)]
GrowthExponent = Annotated[Quantity, Dimension(("",), low=1, high=4)]
Conductivity = Annotated[Quantity, Dimension(("S/m",), low=0, high=1e9, above=True)]
Pressure = Annotated[Quantity, Dimension(("Pa",), low=0, high=1e9)]
PositivePressure = Annotated[Quantity, Dimension(("Pa",), low=0, high=1e9, above=True)]
MolarMass = Annotated[Quantity, Dimension(("kg/mol",), low=0, high=10, above=True)]
ArealAmount = Annotated[Quantity, Dimension(("mol/m^2",), low=0, high=1e3, above=True)]
ReactionRate = Annotated[Quantity, Dimension(("mol/m^2/s", "mol/m^3/s", "m^3/s", "m^2"), low=0, high=1e12)]
Resistance = Annotated[Quantity, Dimension(("ohm m^2", "ohm"), low=0, high=1e18)]
"""Of a unit area, or of the whole device, which then needs its area."""
ShuntResistance = Annotated[Quantity, Dimension(("ohm m^2", "ohm"), low=0, high=1e18, above=True)]
Capacitance = Annotated[Quantity, Dimension(("F/m^2", "F"), low=0, high=1e6)]
ThermalResistance = Annotated[Quantity, Dimension(("K m^2/W",), low=0, high=1e9, above=True)]
HeatCapacity = Annotated[Quantity, Dimension(("J/m^2/K",), low=0, high=1e9, above=True)]
Area = Annotated[Quantity, Dimension(("m^2",), low=0, high=1e4, above=True)]
ArealRate = Annotated[Quantity, Dimension(("mol/m^2/s",), low=0, high=1e12)]

Voltage = Annotated[Quantity, Dimension(("V",), low=-1e3, high=1e3)]
PositiveVoltage = Annotated[Quantity, Dimension(("V",), low=0, high=1e3, above=True)]
CurrentDensity = Annotated[Quantity, Dimension(("A/m^2",), low=-1e9, high=1e9)]
BeamCurrent = Annotated[Quantity, Dimension(("A/m^2",), low=0, high=1e12)]
StoppingPower = Annotated[Quantity, Dimension(("eV/m",), low=0, high=1e13)]
Current = Annotated[Quantity, Dimension(("A",), low=-1e6, high=1e6)]
Drive = Annotated[Quantity, Dimension(("A/m^2", "A", "V"), low=-1e9, high=1e9)]
"""What a pulse sets: a current density, a current or a voltage."""
CurrentLevel = Annotated[Quantity, Dimension(("A/m^2", "A"), low=0, high=1e9)]
LightLevel = Annotated[Quantity, Dimension(("", "m^-2/s"), low=0, above=True)]
"""A share of the light at the reference, or a photon flux."""
PhotonFlux = Annotated[Quantity, Dimension(("m^-2/s",), low=0, high=1e30)]
Frequency = Annotated[Quantity, Dimension(("Hz",), low=0, high=1e18, above=True)]
Duty = Annotated[Quantity, Dimension(("",), low=1e-9, high=1 - 1e-9)]
Duration = Annotated[Quantity, Dimension(("s",), low=0, high=1e10, above=True)]
Time = Annotated[Quantity, Dimension(("s",), low=0, high=1e10)]
Light = Annotated[Quantity, Dimension(("",), low=0, high=1e6)]
SweepRate = Annotated[Quantity, Dimension(("V/s",), low=0, high=1e12, above=True)]

Angle = Annotated[Quantity, Dimension(("rad",), low=0, high=1)]
PositiveAngle = Annotated[Quantity, Dimension(("rad",), low=0, high=1, above=True)]
Turn = Annotated[Quantity, Dimension(("rad",), low=-6.3, high=6.3)]
"""Angles between directions, one turn to either side."""
CameraLength = Annotated[Quantity, Dimension(("m",), low=0, high=1e3, above=True)]
BeamEnergy = Annotated[Quantity, Dimension(("eV",), low=1e3, high=3e6)]
Dose = Annotated[Quantity, Dimension(("m^-2",), low=0, above=True)]
SolidAngle = Annotated[Quantity, Dimension(("sr",), low=0, high=12.566, above=True)]
"""At most the whole sphere, 4 pi."""
PhotonEnergy = Annotated[Quantity, Dimension(("eV",), low=0, high=1e6, above=True)]
