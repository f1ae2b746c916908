"""Random devices and protocols for `robustness`: every number is drawn from one seeded generator.

Layers, levels, ions, currents and temperatures span what such stacks may hold; reactions are those of the shipped LED
with rates drawn over the ranges that its file states.
"""

from __future__ import annotations

from typing import Any

import numpy as np

GAP, OFFSET, THICKNESS = (1.0, 3.5), 0.8, (5e-9, 1e-6)
MOBILITY, STATES, PERMITTIVITY = (1e-11, 1e-2), (1e24, 1e26), (2.5, 30.0)
ION_DENSITY, DIFFUSIVITY = (1e20, 1e26), (1e-20, 1e-10)
CURRENT, DURATION, TEMPERATURE = (1e-3, 1e4), (1e-3, 1e5), (250.0, 400.0)
CELLS = (30, 100)
ABOVE_VALENCE, REDOX = 1.5, 0.3
"""Redox level above the valence band of the emitter as in the shipped LED [eV], within its stated uncertainty."""
LATTICE = {"site_density": 1.57e28, "lead_density": 5.2e27, "E_migration": 0.26}
GROUPS = ("oxidised_halogen", "corrosion_couple", "electrochemical_corrosion")


class Draw:
    """One random device and protocol; `seed` and `number` name it for good."""

    def __init__(self, seed: int, number: int) -> None:
        self.random = np.random.default_rng([seed, number])
        self.name = f"random_{seed}_{number}"
        self.count = int(self.random.integers(1, 7))
        self.react = self.chance(0.4)
        self.emitter = int(self.random.integers(self.count)) if self.react or self.chance(0.2) else -1
        self.cathode_first = self.chance(0.5)

    def chance(self, share: float) -> bool:
        """Whether something that happens in this share of the draws happens now."""
        return bool(self.random.random() < share)

    def even(self, low: float, high: float) -> float:
        """A number between two others."""
        return float(self.random.uniform(low, high))

    def decades(self, low: float, high: float) -> float:
        """A number between two others, even in its logarithm."""
        return float(10 ** self.random.uniform(np.log10(low), np.log10(high)))

    def device(self) -> Any:
        """A Device."""
        from perovsim.model import Device

        layers = [self.layer(k, *levels) for k, levels in enumerate(self.levels())]
        ends = layers if self.cathode_first else layers[::-1]
        work = {
            "cathode": ends[0]["electron_affinity"] + self.even(-0.1, OFFSET),
            "anode": ends[-1]["ionisation_energy"] - self.even(-0.1, OFFSET),
        }
        order = ("cathode", "anode") if self.cathode_first else ("anode", "cathode")
        return Device(
            name=self.name,
            temperature=self.even(*TEMPERATURE),
            contact=[self.contact(which, work[which]) for which in order],
            layer=layers,
            series_resistance=self.decades(1e-6, 1e-2) if self.chance(0.5) else 0.0,
            interface=self.junctions(),
            **(self.chemistry(layers[self.emitter]["ionisation_energy"]) if self.react else {}),
        )

    def levels(self) -> list[tuple[float, float]]:
        """Electron affinity and ionisation energy of each layer [eV]."""
        chi = self.even(2.5, 4.0)
        found = [(chi, chi + self.even(*GAP))]
        while len(found) < self.count:
            new = tuple(level + self.even(-OFFSET, OFFSET) for level in found[-1])
            if GAP[0] <= new[1] - new[0] <= GAP[1] and new[0] > 1.0:
                found.append(new)
        return found

    def layer(self, k: int, chi: float, ionisation: float) -> dict[str, Any]:
        """One layer."""
        layer: dict[str, Any] = {
            "name": f"layer_{k}", "thickness": self.decades(*THICKNESS), "cells": int(self.random.integers(*CELLS)),
            "electron_affinity": chi, "ionisation_energy": ionisation, "permittivity": self.even(*PERMITTIVITY),
            "N_c": self.decades(*STATES), "N_v": self.decades(*STATES),
            "mobility_electron": self.decades(*MOBILITY), "mobility_hole": self.decades(*MOBILITY),
        }  # fmt: skip
        if self.chance(0.6):
            layer["k_radiative"] = self.decades(1e-18, 1e-15)
        if self.chance(0.5):
            layer["lifetime_electron"], layer["lifetime_hole"] = self.decades(1e-10, 1e-5), self.decades(1e-10, 1e-5)
        if self.chance(0.2):
            layer["k_auger_electron"] = layer["k_auger_hole"] = self.decades(1e-42, 1e-40)
        if self.chance(0.5):
            layer["generation"] = self.decades(1e24, 1e28)
        if self.chance(0.3):
            layer["donor_density" if self.chance(0.5) else "acceptor_density"] = self.decades(1e20, 1e24)
        if k == self.emitter:
            layer |= {"role": "emitter", "lattice": self.lattice()}
        elif self.chance(0.6):
            layer["ion"] = [self.ion(f"ion_{number}") for number in range(int(self.random.integers(1, 3)))]
        return layer

    def ion(self, name: str) -> dict[str, Any]:
        """A mobile ion on its neutralising background."""
        return {
            "name": name,
            "charge": int(self.random.choice([-1, 1])),
            "D": self.decades(*DIFFUSIVITY),
            "density": 0.0 if self.chance(0.1) else self.decades(*ION_DENSITY),
        }

    def lattice(self) -> dict[str, Any]:
        """A mixed halide lattice with vacancies."""
        return LATTICE | {
            "halides": ["Cl", "Br"],
            "x_Cl": self.even(0.02, 0.98),
            "vacancy_density": self.decades(*ION_DENSITY),
            "D_vacancy": self.decades(*DIFFUSIVITY),
            "D_ratio_Cl": self.decades(0.1, 10.0),
            "affinity_slope": self.even(-0.3, 0.0) if self.chance(0.5) else 0.0,
            "ionisation_slope": self.even(0.0, 0.5) if self.chance(0.5) else 0.0,
        }

    def contact(self, which: str, work_function: float) -> dict[str, Any]:
        """One metal, ohmic or with finite surface velocities."""
        contact = {"which": which, "name": which, "work_function": work_function, "material": "Al"}
        if self.chance(0.3):
            contact["recombination_velocity_electron"] = self.decades(1e-4, 1e5)
            contact["recombination_velocity_hole"] = self.decades(1e-4, 1e5)
        return contact

    def junctions(self) -> list[dict[str, Any]]:
        """Thermionic emission over some of the junctions."""
        return [
            {"between": f"layer_{k}|layer_{k + 1}", "thermionic": self.decades(1e-1, 1e5)}
            for k in range(self.count - 1)
            if self.chance(0.15)
        ]

    def chemistry(self, ionisation: float) -> dict[str, Any]:
        """Species and reactions of the shipped LED, put on this stack; ionisation energy of the emitter [eV]."""
        from perovsim import load_device

        shipped, emitter = load_device("nanoled_like"), f"layer_{self.emitter}"
        last = "layer_0" if self.cathode_first else f"layer_{self.count - 1}"
        chosen = [group for group in GROUPS if self.chance(0.6)] or [GROUPS[0]]
        if last == emitter:
            chosen = [group for group in chosen if group != "electrochemical_corrosion"] or [GROUPS[0]]
        if "electrochemical_corrosion" in chosen and "oxidised_halogen" not in chosen:
            chosen.append("oxidised_halogen")
        beside = f"layer_{self.emitter + (-1 if self.cathode_first else 1)}"
        places = {
            "interface:emitter|etl": f"interface:{emitter}|{beside}",
            "layer:emitter": f"layer:{emitter}",
            "layer:etl": f"layer:{last}",
        }
        reactions = [self.process(p, places) for p in shipped.processes if p.hypothesis in (*chosen, "always")]
        return {
            "process": reactions,
            "species": [self.species(s, emitter) for s in shipped.species if s.charge == 0 or last != emitter],
            "electrochemistry": {"redox_level": ABOVE_VALENCE - ionisation + self.even(-REDOX, REDOX)},
        }

    def process(self, shipped: Any, places: dict[str, str]) -> dict[str, Any]:
        """A shipped process with its rate drawn, its layers renamed."""
        data = {key: value for key, value in shipped.model_dump().items() if value is not None}
        data |= {key: getattr(shipped, key) for key in data}
        data["enabled"] = True
        if shipped.kind == "reaction":
            for old, new in places.items():
                data["site"] = data["site"].replace(old, new)
            data["rate"] = {"value": self.decades(*self.span(shipped.rate)), "unit": shipped.rate.si_unit}
        return data

    def span(self, rate: Any) -> tuple[float, float]:
        """The range that the file states for a rate."""
        low, high = rate.range
        return float(low), float(high)

    def species(self, shipped: Any, emitter: str) -> dict[str, Any]:
        """A dissolved species in every layer, an ion in every one but the emitter."""
        names, known = [f"layer_{k}" for k in range(self.count)], next(iter(shipped.layers.values()))
        return {
            "name": shipped.name,
            "formula": shipped.formula,
            "charge": shipped.charge,
            "reference_density": shipped.reference_density,
            "layers": {
                name: {
                    "diffusivity": self.decades(*DIFFUSIVITY),
                    "solvation_energy": self.even(0.3, 1.0) if shipped.charge else self.even(-0.5, 1.0),
                    "site_density": known.site_density,
                    "sites": known.sites,
                }
                for name in names
                if name != emitter or shipped.charge == 0
            },
        }

    def protocol(self, built_in: float) -> Any:
        """A Protocol; built_in : difference of the work functions [V]."""
        import perovsim as ps

        light = self.decades(1e-3, 10.0) if self.chance(0.4) else 0.0
        kinds = [self.random.choice(["current", "current", "sweep", "voltage", "rest"]) for _ in range(2)]
        steps = [step for kind in kinds[: 1 + self.chance(0.3)] for step in self.steps(kind, built_in, light)]
        return ps.Protocol(steps, ions="equilibrated" if self.chance(0.3) else "uniform", points_per_decade=4)

    def steps(self, kind: str, built_in: float, light: float) -> list[Any]:
        """Steps of one kind."""
        import perovsim as ps

        duration = self.decades(*DURATION)
        if kind == "current":
            current, limit = self.decades(*CURRENT), self.even(2.0, 20.0)
            if self.chance(0.15):
                return [ps.constant_current(-current, duration, stop=ps.voltage_below(-limit), light=light)]
            return [ps.constant_current(current, duration, stop=ps.voltage_above(limit), light=light)]
        if kind == "sweep":
            low, high, rate = self.even(-1.0, 0.0), built_in + self.even(-0.5, 1.0), self.decades(1e-3, 1e3)
            if high - low < 0.1:
                high = low + 0.1
            there = ps.sweep(low, high, rate, light=light, points=41)
            return [there, ps.sweep(high, low, rate, light=light, points=41)] if self.chance(0.5) else [there]
        if kind == "voltage":
            return [ps.constant_voltage(self.even(-2.0, built_in + 1.0), duration, light=light)]
        return [ps.rest(duration, light=light)]
