"""The equations that a run of a device will solve, in words and symbols, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perovsim.model import Device, Layer, Quantity

STATISTICS = {
    "boltzmann": "F = exp",
    "fermi_dirac": "F = F_1/2",
    "blakemore": "F(eta) = 1/(exp(-eta) + 0.27)",
    "gauss_fermi": "F of a Gaussian density of states",
}


def equations(device: Device) -> str:
    """Return what is solved: balances with their fluxes, recombination and halides of each layer, films, circuit."""
    lines = ["Equations (one dimension, x from the first contact; each balance on the same mesh)"]
    lines += [f"  {left:<12} {right}" for left, right in (*_common(device), *_layers(device), *_rest(device))]
    return "\n".join(lines)


def _common(device: Device) -> Iterator[tuple[str, str]]:
    lattices = any(layer.lattice is not None for layer in device.layers)
    charge = "p - n + N_D - N_A" + (" + theta_V N_X - theta_V(0) N_X" if lattices else "") + _ions(device)
    charge += " + traps" if _charged_traps(device) else ""
    yield "potential", f"d/dx(eps dphi/dx) = -q ({charge})"
    yield "electrons", "dn/dt = (1/q) dJ_n/dx + G - R,  J_n = mu_n n dE_Fn/dx,  n = N_c F((E_Fn - E_c)/kT)"
    yield "holes", "dp/dt = -(1/q) dJ_p/dx + G - R,  J_p = mu_p p dE_Fp/dx,  p = N_v F((E_v - E_Fp)/kT)"
    if any(layer.ions for layer in device.layers):
        yield "ions", "dc/dt = -dJ/dx,  J = -D (dc/dx + z c d(phi/V_t)/dx), no flux through the faces of their layers"
    if any(ion.site_density is not None for ion in (*_dilute(device), *_dissolved(device))):
        yield "", "on limited sites J = -D c f d[ln(c/f) + z phi/V_t]/dx,  f = 1 - sum c/N over all that share them"
    if lattices:
        yield "halides", "N_X dtheta_X/dt = -dJ_X/dx + S_X,  J_X = -(N_X D_X/kT) theta_X theta_V dM_X/dx"
        yield "", "M_X = kT ln(theta_X/theta_V) - q phi" + _excess(device) + ",  sum of the theta = 1"
    if _charged_traps(device):
        yield "traps", "dN_t-/dt = c_n [n (N_t - N_t-) - n_1 N_t-] - c_p [p N_t- - p_1 (N_t - N_t-)]"


def _given(quantity: Quantity | None) -> bool:
    """Whether a number is given and not zero."""
    return quantity is not None and float(quantity) != 0.0


def _dilute(device: Device) -> Iterator[Any]:
    return (ion for layer in device.layers for ion in layer.ions)


def _dissolved(device: Device) -> Iterator[Any]:
    return (own for species in device.species for own in species.layers.values())


def _ions(device: Device) -> str:
    names = dict.fromkeys(ion.name for ion in _dilute(device))
    return "".join(f" + z [{name}]" for name in names)


def _charged_traps(device: Device) -> bool:
    traps = [*(t for x in device.layers for t in x.traps), *(t for x in device.interfaces for t in x.traps)]
    return any(trap.charge != "neutral" for trap in traps)


def _excess(device: Device) -> str:
    lattices = [layer.lattice for layer in device.layers if layer.lattice is not None]
    mixing = " + dg_ex/dtheta_X" if any(_given(x.mixing_energy) for x in lattices) else ""
    return mixing + (" - Omega_X sigma_h" if any(x.stress_coupling for x in lattices) else "")


def _layers(device: Device) -> Iterator[tuple[str, str]]:
    for layer in device.layers:
        if not layer.transport:
            yield layer.name, "no electrons and holes"
            continue
        yield layer.name, "; ".join((STATISTICS[layer.statistics], f"R = {_recombination(layer)}", *_mobility(layer)))


def _recombination(layer: Layer) -> str:
    terms = []
    if _given(layer.k_radiative):
        terms.append("k (n p - n_i^2)")
    if _given(layer.langevin_prefactor):
        terms.append("gamma q (mu_n + mu_p)/eps (n p - n_i^2)")
    if _given(layer.k_auger_electron) or _given(layer.k_auger_hole):
        terms.append("(C_n n + C_p p)(n p - n_i^2)")
    if layer.lifetime_electron is not None and layer.lifetime_hole is not None:
        terms.append("(n p - n_i^2)/(tau_p (n + n_1) + tau_n (p + p_1))")
    terms += [f"SRH of {trap.charge} traps '{trap.name}'" for trap in layer.traps]
    return " + ".join(terms) or "0"


def _mobility(layer: Layer) -> Iterator[str]:
    if _given(layer.field_factor_electron) or _given(layer.field_factor_hole):
        yield "mu exp(beta sqrt|F|)"


def _rest(device: Device) -> Iterator[tuple[str, str]]:
    for item in device.interfaces:
        yield item.between, ", ".join(_junction(item))
    if device.reactions:
        yield "reactions", "r = r_0 [exp(alpha A/kT) - exp(-(1 - alpha) A/kT)], A = -sum nu mu of each reaction below"
        yield "films", "dN/dt = sum of nu r on the contact; the current passes what the film leaves open"
    circuit = ["J_n + J_p + J_ion - d(eps dphi/dx)/dt = J at every x", "V = phi_anode - phi_cathode + J R_s"]
    if device.shunt_resistance is not None:
        circuit.append("J of the terminals = J + V_stack/R_shunt")
    if device.parallel_capacitance is not None:
        circuit.append("+ C dV_stack/dt")
    yield "circuit", "; ".join(circuit)
    if device.thermal_resistance is not None:
        yield "heat", "C dT/dt = J V - light - (T - T_0)/R_th"


def _junction(item: Any) -> Iterator[str]:
    if item.thermionic is None:
        yield "one quasi-Fermi level on both sides"
    else:
        yield f"emission over the band step, v = {item.thermionic}"
    for trap in item.traps:
        yield f"{trap.charge} traps '{trap.name}' that both sides reach"
    if item.permeability is not None:
        yield f"permeability {item.permeability} for dissolved species"
    if item.halides == "open":
        yield "open to halides"
