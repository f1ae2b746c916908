"""A stack in devsim: its own Scharfetter-Gummel fluxes on the nodes that are the faces of perovsim's mesh.

One region per layer, in SI units. At a junction the potential and both quasi-Fermi levels are continuous; contacts are
ohmic. Recombination: radiative and SRH, as in perovsim.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from perovsim.constants import EPS_0, K_B, Q
from perovsim.device.problem.mesh import Mesh

DEVICE = "stack"
CONTINUITY = {"Electrons": "ElectronContinuityEquation", "Holes": "HoleContinuityEquation"}
SOLVE = dict(type="dc", absolute_error=1e30, relative_error=1e-9, maximum_iterations=60)


def load() -> Any:
    """Import devsim; where no LAPACK is named for it, it takes the one inside scipy. ImportError if not installed."""
    import scipy

    if "DEVSIM_MATH_LIBS" not in os.environ:
        folder = Path(scipy.__file__).parent.with_name("scipy.libs")
        library = next(folder.glob("libscipy_openblas*.so"), None)
        if library is not None:
            names = {"DEVSIM_BLAS_PREFIX": "scipy_", "DEVSIM_BLAS_SUFFIX": "_"}
            os.environ |= {"DEVSIM_MATH_LIBS": str(library), **names}
    import devsim

    return devsim


class DevsimStack:
    """A device of perovsim in devsim, at rest at zero voltage; `current` takes it to a voltage."""

    def __init__(self, device: Any):
        self.ds = ds = load()
        ds.reset_devsim()
        self.device, self.vt = device, K_B * float(device.temperature) / Q
        self.regions = [layer.name for layer in device.layers]
        self._mesh()
        for layer in device.layers:
            self._parameters(layer)
            self._equilibrium(layer.name)
        for side, contact in enumerate(device.contacts):
            self._wall(side, contact)
        self._junctions("Potential", "PotentialEquation", lambda a, b: "1")
        ds.solve(**SOLVE)
        for name in self.regions:
            self._carriers(name)
        for side in range(2):
            self._ohmic(side)
        self._junctions("Electrons", CONTINUITY["Electrons"], self._ratio_of_electrons)
        self._junctions("Holes", CONTINUITY["Holes"], self._ratio_of_holes)
        ds.solve(**SOLVE)

    def current(self, voltage: float) -> float:
        """J [A/m^2] at a voltage [V], > 0 forward; the step from the last voltage must be small."""
        anode = [contact.which for contact in self.device.contacts].index("anode")
        self.ds.set_parameter(device=DEVICE, name=f"bias{anode}", value=voltage)
        self.ds.solve(**SOLVE)
        return sum(
            self.ds.get_contact_current(device=DEVICE, contact=f"contact{anode}", equation=equation)
            for equation in CONTINUITY.values()
        )

    # -- mesh -----------------------------------------------------------------------------------

    def _mesh(self) -> None:
        ds, layers = self.ds, self.device.layers
        mesh = Mesh([float(layer.thickness) for layer in layers], [layer.cells for layer in layers])
        faces, layer = mesh.faces, mesh.layer
        points = np.zeros((faces.size, 3))
        points[:, 0] = faces
        joints = np.nonzero(np.diff(layer))[0] + 1
        junctions = [f"{a}_{b}" for a, b in zip(self.regions, self.regions[1:], strict=False)]
        names = [*self.regions, "contact0", "contact1", *junctions]
        elements = [word for cell in range(mesh.n) for word in (1, int(layer[cell]), cell, cell + 1)]
        ends = [(len(layers), 0), (len(layers) + 1, mesh.n), *((len(layers) + 2 + k, j) for k, j in enumerate(joints))]
        elements += [word for name, node in ends for word in (0, name, int(node))]
        ds.create_gmsh_mesh(mesh="mesh", coordinates=points.ravel().tolist(), physical_names=names, elements=elements)
        for name in self.regions:
            ds.add_gmsh_region(mesh="mesh", gmsh_name=name, region=name, material="semiconductor")
        for side, name in enumerate((self.regions[0], self.regions[-1])):
            contact = f"contact{side}"
            ds.add_gmsh_contact(mesh="mesh", gmsh_name=contact, region=name, material="metal", name=contact)
        for name, a, b in zip(junctions, self.regions, self.regions[1:], strict=False):
            ds.add_gmsh_interface(mesh="mesh", gmsh_name=name, region0=a, region1=b, name=name)
        ds.finalize_mesh(mesh="mesh")
        ds.create_device(mesh="mesh", device=DEVICE)

    # -- materials ------------------------------------------------------------------------------

    def _parameters(self, layer: Any) -> None:
        def value(name: str, default: float = 0.0) -> float:
            quantity = getattr(layer, name)
            return default if quantity is None else float(quantity)

        chi, ionisation = value("electron_affinity"), value("ionisation_energy")
        trap = value("trap_energy", 0.5 * (chi + ionisation))
        tau = value("lifetime_electron", 1e30), value("lifetime_hole", 1e30)
        states = value("N_c"), value("N_v")
        values = {
            "V_t": self.vt,
            "ElectronCharge": Q,
            "Permittivity": value("permittivity") * EPS_0,
            "mu_n": value("mobility_electron"),
            "mu_p": value("mobility_hole"),
            "chi": chi,
            "ionisation": ionisation,
            "N_c": states[0],
            "N_v": states[1],
            "NetDoping": value("donor_density") - value("acceptor_density"),
            "intrinsic": states[0] * states[1] * np.exp((chi - ionisation) / self.vt),
            "k_rad": value("k_radiative"),
            "tau_n": tau[0],
            "tau_p": tau[1],
            "n_1": states[0] * np.exp((chi - trap) / self.vt),
            "p_1": states[1] * np.exp((trap - ionisation) / self.vt),
        }
        for name, number in values.items():
            self.ds.set_parameter(device=DEVICE, region=layer.name, name=name, value=float(number))

    def _ratio_of_electrons(self, a: Any, b: Any) -> str:
        """n_a/n_b of two layers where their quasi-Fermi level and potential are the same."""
        shift = float(a.electron_affinity) - float(b.electron_affinity)
        return repr(float(float(a.N_c) / float(b.N_c) * np.exp(shift / self.vt)))

    def _ratio_of_holes(self, a: Any, b: Any) -> str:
        shift = float(b.ionisation_energy) - float(a.ionisation_energy)
        return repr(float(float(a.N_v) / float(b.N_v) * np.exp(shift / self.vt)))

    # -- equations ------------------------------------------------------------------------------

    def _node(self, region: str, name: str, formula: str, *variables: str) -> None:
        self.ds.node_model(device=DEVICE, region=region, name=name, equation=formula)
        for variable in variables:
            slope = f"simplify(diff({formula},{variable}))"
            self.ds.node_model(device=DEVICE, region=region, name=f"{name}:{variable}", equation=slope)

    def _equilibrium(self, region: str) -> None:
        """Poisson's equation with both carriers at the Fermi level of the metals, which is the zero."""
        from devsim.python_packages.model_create import CreateEdgeModel, CreateEdgeModelDerivatives, CreateSolution

        CreateSolution(DEVICE, region, "Potential")
        layer = self.device.layer(region)
        doping = self.ds.get_parameter(device=DEVICE, region=region, name="NetDoping")
        guess = -0.5 * (float(layer.electron_affinity) + float(layer.ionisation_energy))
        if doping > 0.0:
            guess = self.vt * np.log(doping / float(layer.N_c)) - float(layer.electron_affinity)
        elif doping < 0.0:
            guess = self.vt * np.log(float(layer.N_v) / -doping) - float(layer.ionisation_energy)
        nodes = len(self.ds.get_node_model_values(device=DEVICE, region=region, name="x"))
        self.ds.set_node_values(device=DEVICE, region=region, name="Potential", values=[float(guess)] * nodes)
        self._node(region, "RestingElectrons", "N_c*exp((Potential+chi)/V_t)", "Potential")
        self._node(region, "RestingHoles", "N_v*exp(-(Potential+ionisation)/V_t)", "Potential")
        self._node(region, "RestingCharge", "-ElectronCharge*(RestingHoles-RestingElectrons+NetDoping)", "Potential")
        CreateEdgeModel(DEVICE, region, "PotentialFlux", "Permittivity*(Potential@n0-Potential@n1)*EdgeInverseLength")
        formula = "Permittivity*(Potential@n0-Potential@n1)*EdgeInverseLength"
        CreateEdgeModelDerivatives(DEVICE, region, "PotentialFlux", formula, "Potential")
        self._poisson(region, "RestingCharge")

    def _poisson(self, region: str, charge: str) -> None:
        self.ds.equation(
            device=DEVICE,
            region=region,
            name="PotentialEquation",
            variable_name="Potential",
            node_model=charge,
            edge_model="PotentialFlux",
            variable_update="log_damp",
        )

    def _carriers(self, region: str) -> None:
        """Add electrons and holes with devsim's currents, and recombination."""
        from devsim.python_packages.model_create import CreateSolution
        from devsim.python_packages.simple_dd import CreateBernoulli, CreateElectronCurrent, CreateHoleCurrent

        for name in CONTINUITY:
            CreateSolution(DEVICE, region, name)
            self.ds.set_node_values(device=DEVICE, region=region, name=name, init_from=f"Resting{name}")
        both = ("Electrons", "Holes")
        self._node(region, "Charge", "-ElectronCharge*kahan3(Holes,-Electrons,NetDoping)", *both)
        self._poisson(region, "Charge")
        CreateBernoulli(DEVICE, region)
        CreateElectronCurrent(DEVICE, region, "mu_n")
        CreateHoleCurrent(DEVICE, region, "mu_p")
        excess = "(Electrons*Holes-intrinsic)"
        rate = f"ElectronCharge*{excess}*(k_rad+1/(tau_p*(Electrons+n_1)+tau_n*(Holes+p_1)))"
        self._node(region, "ElectronSource", f"-{rate}", *both)
        self._node(region, "HoleSource", rate, *both)
        for name, current, source in zip(
            both, ("ElectronCurrent", "HoleCurrent"), ("ElectronSource", "HoleSource"), strict=True
        ):
            self.ds.equation(
                device=DEVICE,
                region=region,
                name=CONTINUITY[name],
                variable_name=name,
                node_model=source,
                edge_model=current,
                variable_update="positive",
            )

    # -- contacts and junctions -----------------------------------------------------------------

    def _at_contact(self, side: int, equation: str, name: str, formula: str, variable: str, **more: str) -> None:
        contact = f"contact{side}"
        self.ds.contact_node_model(device=DEVICE, contact=contact, name=name, equation=formula)
        self.ds.contact_node_model(device=DEVICE, contact=contact, name=f"{name}:{variable}", equation="1")
        self.ds.contact_equation(device=DEVICE, contact=contact, name=equation, node_model=name, **more)

    def _wall(self, side: int, contact: Any) -> None:
        self.ds.set_parameter(device=DEVICE, name=f"bias{side}", value=0.0)
        formula = f"Potential-bias{side}+{float(contact.work_function)!r}"
        self._at_contact(
            side, "PotentialEquation", f"wall{side}", formula, "Potential", edge_charge_model="PotentialFlux"
        )

    def _ohmic(self, side: int) -> None:
        work, layer = float(self.device.contacts[side].work_function), self.device.layers[-side]
        densities = {
            "Electrons": float(layer.N_c) * np.exp((float(layer.electron_affinity) - work) / self.vt),
            "Holes": float(layer.N_v) * np.exp((work - float(layer.ionisation_energy)) / self.vt),
        }
        for name, density in densities.items():
            current = name.removesuffix("s") + "Current"
            formula = f"{name}-{float(density)!r}"
            self._at_contact(side, CONTINUITY[name], f"{name}{side}", formula, name, edge_current_model=current)

    def _junctions(self, variable: str, equation: str, ratio: Any) -> None:
        """variable_a = ratio variable_b at every junction a|b; the flux goes through."""
        layers = self.device.layers
        for a, b in zip(layers, layers[1:], strict=False):
            name, model, factor = f"{a.name}_{b.name}", f"continuous{variable}", ratio(a, b)
            for end, formula in (
                ("", f"{variable}@r0-{factor}*{variable}@r1"),
                (f":{variable}@r0", "1"),
                (f":{variable}@r1", f"-{factor}"),
            ):
                self.ds.interface_model(device=DEVICE, interface=name, name=model + end, equation=formula)
            self.ds.interface_equation(
                device=DEVICE, interface=name, name=equation, interface_model=model, type="continuous"
            )
