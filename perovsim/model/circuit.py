"""What stands around the stack: series and shunt resistance, a parallel capacitance, the area of the device."""

from __future__ import annotations

from dataclasses import dataclass

from perovsim.errors import ModelFileError
from perovsim.model.quantity import Quantity


@dataclass(frozen=True)
class ExternalCircuit:
    """Elements per area: J = J_stack + v G_shunt + C dv/dt, V = v + J R_series; v the voltage of the stack.

    series : [ohm m^2]; shunt : conductance [S/m^2]; capacitance : parallel to the stack [F/m^2]; area : [m^2] or None
    """

    series: float = 0.0
    shunt: float = 0.0
    capacitance: float = 0.0
    area: float | None = None

    def density(self, current: Quantity) -> float:
        """Current density [A/m^2] of a density or of a current in A, which needs the area."""
        if current.si_unit == "A/m^2":
            return current.si
        if self.area is None:
            raise ModelFileError(
                None, None, f'{current} needs the area of the device; add area = "4 mm^2" to it, or give A/m^2'
            )
        return current.si / self.area


def external_circuit(
    series: Quantity, shunt: Quantity | None, capacitance: Quantity | None, area: Quantity | None
) -> ExternalCircuit:
    """Elements as a device gives them, those of the whole device (ohm, F) referred to its area."""
    own = 1.0 if area is None else area.si

    def resistance(given: Quantity) -> float:
        return given.si * (own if given.si_unit == "ohm" else 1.0)

    return ExternalCircuit(
        resistance(series),
        0.0 if shunt is None else 1.0 / resistance(shunt),
        0.0 if capacitance is None else capacitance.si / (own if capacitance.si_unit == "F" else 1.0),
        None if area is None else own,
    )
