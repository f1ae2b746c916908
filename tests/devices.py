"""Small devices that tests build in Python, SI numbers throughout."""

from __future__ import annotations

from perovsim.model import Device, load_device

EV = {"electron_affinity": 3.2, "ionisation_energy": 5.8}


def layer(name: str, nanometres: float, cells: int, **values):
    """A layer of a medium-gap semiconductor, its values changed by keywords."""
    usual = {
        "permittivity": 10.0, "N_c": 2e24, "N_v": 2e24, "mobility_electron": 1e-4, "mobility_hole": 1e-4, **EV,
    }  # fmt: skip
    return {"name": name, "thickness": nanometres * 1e-9, "cells": cells, **usual, **values}


def device(layers, cathode: float = 3.4, anode: float = 5.6, temperature: float = 300.0, **more) -> Device:
    """Layers between a cathode at x = 0 and an anode, work functions in eV."""
    contacts = [
        {"which": "cathode", "name": "cathode", "work_function": cathode},
        {"which": "anode", "name": "anode", "work_function": anode},
    ]
    return Device(name="test", temperature=temperature, contact=contacts, layer=layers, **more)


def heterojunction(ions: bool = False) -> Device:
    """ETL | emitter | HTL of three materials, with mobile vacancies in the emitter if asked."""
    ion = {"ion": [{"name": "V", "charge": 1, "D": 1e-16, "density": 1e24}]} if ions else {}
    return device([
        layer("etl", 40, 24, permittivity=3.5, electron_affinity=3.0, ionisation_energy=6.4, N_c=1e26, N_v=1e26,
              mobility_electron=2e-9, mobility_hole=1e-10),
        layer("emitter", 50, 40, permittivity=16, k_radiative=1e-16, lifetime_electron=1e-7, lifetime_hole=1e-7, **ion),
        layer("htl", 40, 24, permittivity=3, electron_affinity=2.2, ionisation_energy=5.6, N_c=1e26, N_v=1e26,
              mobility_electron=1e-10, mobility_hole=2e-9),
    ], cathode=3.15, anode=5.45)  # fmt: skip


def coarse_led(cells=(20, 30, 20), hypotheses=("oxidised_halogen", "corrosion_couple"), **values) -> Device:
    """The shipped LED on a coarse mesh with the reactions of some hypotheses on."""
    led = load_device("nanoled_like").with_values({k.replace("__", "."): v for k, v in values.items()})
    layers = tuple(part.replace(cells=n) for part, n in zip(led.layers, cells, strict=True))
    return led.replace(layers=layers).with_hypotheses(*hypotheses)


def perovskite(name: str, nanometres: float, cells: int, x: float = 0.5, vacancies: float = 1e26, **lattice):
    """A layer of mixed halides without electrons and holes; numbers of its lattice by keywords."""
    return layer(name, nanometres, cells, transport=False, lattice={
        "halides": ("Cl", "Br"), "x_Cl": x, "site_density": 1.57e28, "vacancy_density": vacancies, "D_vacancy": 1e-14,
        "lead_density": 5.2e27, "lattice_parameter_Br": 5.84e-10, "lattice_parameter_Cl": 5.605e-10,
        "youngs_modulus": 15.8e9, "poisson_ratio": 0.3, **lattice,
    })  # fmt: skip


def stressed_led(cells=(4, 6, 5), **more) -> Device:
    """The shipped LED with mixing energy, stress and its feedbacks on barriers and bands."""
    values = {"mixing_energy": 0.03, "stress_coupling": True, "vacancy_strain": 0.1, "activation_volume": 5e-30,
              "affinity_strain_slope": 2.0, "ionisation_strain_slope": -3.0, "D_ratio_Cl": 3.0, **more}  # fmt: skip
    everything = ("oxidised_halogen", "corrosion_couple", "electrochemical_corrosion")
    return coarse_led(cells, everything, **{f"layer__emitter__{name}": value for name, value in values.items()})


def bilayer(cathode: float = 3.4, anode: float = 5.6, **more) -> Device:
    """Two halide lattices that are open to one another."""
    parts = [perovskite("first", 20, 5, 0.3, **more), perovskite("second", 20, 5, 0.6, D_ratio_Cl=4.0, **more)]
    return device(parts, cathode, anode, interface=[{"between": "first|second", "halides": "open"}])
