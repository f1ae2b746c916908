"""The dimensions of model parameters: one annotated type each, with its physical bounds.

Bounds only keep out what cannot be (a negative thickness, a metre-thick layer); what is
plausible is said by the `range` of each number.
"""

from __future__ import annotations

from typing import Annotated

from perovsim.model.quantity import Dimension, Quantity

Ratio = Annotated[Quantity, Dimension(("",))]
Fraction = Annotated[Quantity, Dimension(("",), low=0, high=1)]
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
Diffusivity = Annotated[Quantity, Dimension(("m^2/s",), low=0, high=1)]
Mobility = Annotated[Quantity, Dimension(("m^2/V/s",), low=0, high=1e3, above=True)]
Capture = Annotated[Quantity, Dimension(("m^3/s",), low=0, high=1e-6)]
AugerCoefficient = Annotated[Quantity, Dimension(("m^6/s",), low=0, high=1e-30)]
GenerationRate = Annotated[Quantity, Dimension(("m^-3/s",), low=0, high=1e35)]
RateConstant = Annotated[Quantity, Dimension(("1/s",), low=0, high=1e15)]
Lifetime = Annotated[Quantity, Dimension(("s",), low=0, above=True, infinite=True)]
Velocity = Annotated[Quantity, Dimension(("m/s",), low=0, infinite=True)]
Modulus = Annotated[Quantity, Dimension(("Pa",), low=0, high=1e13, above=True)]

AvramiExponent = Annotated[Quantity, Dimension(("",), low=0, high=10, above=True)]
GrowthExponent = Annotated[Quantity, Dimension(("",), low=1, high=4)]
Conductivity = Annotated[Quantity, Dimension(("S/m",), low=0, high=1e9, above=True)]
Pressure = Annotated[Quantity, Dimension(("Pa",), low=0, high=1e9)]
PositivePressure = Annotated[Quantity, Dimension(("Pa",), low=0, high=1e9, above=True)]
MolarMass = Annotated[Quantity, Dimension(("kg/mol",), low=0, high=10, above=True)]
ArealAmount = Annotated[Quantity, Dimension(("mol/m^2",), low=0, high=1e3, above=True)]
ReactionRate = Annotated[Quantity, Dimension(("mol/m^2/s", "mol/m^3/s", "m^3/s", "m^2"), low=0, high=1e12)]
ArealRate = Annotated[Quantity, Dimension(("mol/m^2/s",), low=0, high=1e12)]
ArealResistance = Annotated[Quantity, Dimension(("ohm m^2",), low=0, high=1e12)]

Voltage = Annotated[Quantity, Dimension(("V",), low=-1e3, high=1e3)]
PositiveVoltage = Annotated[Quantity, Dimension(("V",), low=0, high=1e3, above=True)]
CurrentDensity = Annotated[Quantity, Dimension(("A/m^2",), low=-1e9, high=1e9)]
BeamCurrent = Annotated[Quantity, Dimension(("A/m^2",), low=0, high=1e12)]
StoppingPower = Annotated[Quantity, Dimension(("eV/m",), low=0, high=1e13)]
Duration = Annotated[Quantity, Dimension(("s",), low=0, high=1e10, above=True)]
Time = Annotated[Quantity, Dimension(("s",), low=0, high=1e10)]
Light = Annotated[Quantity, Dimension(("",), low=0, high=1e6)]
SweepRate = Annotated[Quantity, Dimension(("V/s",), low=0, high=1e12, above=True)]

Angle = Annotated[Quantity, Dimension(("rad",), low=0, high=1)]
BeamEnergy = Annotated[Quantity, Dimension(("eV",), low=1e3, high=3e6)]
Dose = Annotated[Quantity, Dimension(("m^-2",), low=0, above=True)]
