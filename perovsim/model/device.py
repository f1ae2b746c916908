"""The device: contacts, layers, junctions and processes, frozen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from perovsim.model import dimensions as dim
from perovsim.model.base import ModelData, PlacedError
from perovsim.model.chemistry import Electrochemistry, Process, Reaction, Species
from perovsim.model.circuit import ExternalCircuit, external_circuit
from perovsim.model.failure import Transformation
from perovsim.model.material import DiluteIon
from perovsim.model.names import did_you_mean
from perovsim.model.process import ALWAYS
from perovsim.model.quantity import Dimension, Quantity
from perovsim.model.stack import Contact, Emission, Interface, Layer

Place = tuple[Path | None, int | None]
Key = tuple[str | int, ...]


def _no_resistance() -> Quantity:
    return Dimension(("ohm m^2",), low=0).read(0.0)


WHOLE_DEVICE = ("ohm", "F")
"""Units of the whole device, which need its area."""


class Device(ModelData):
    """A stack between two contacts, with everything a simulation needs.

    Layers stand from the first contact to the last; x = 0 at the first.
    x_reference : composition whose pseudo-cubic cell is the zero of strain; None = the initial one
    area : of the device [m^2]; lets currents be given in A, resistances in ohm, capacitances in F
    series_resistance : [ohm m^2]; shunt_resistance, parallel_capacitance : beside the stack [ohm m^2], [F/m^2]
    thermal_resistance : to the surroundings, which have `temperature` [K m^2/W], with heat_capacity [J/m^2/K]: the
        device heats itself; not given: it keeps its temperature
    """

    name: str
    description: str = ""
    temperature: dim.Temperature
    contacts: tuple[Contact, Contact] = Field(alias="contact")
    layers: tuple[Layer, ...] = Field(alias="layer", min_length=1)
    interfaces: tuple[Interface, ...] = Field(default=(), alias="interface")
    species: tuple[Species, ...] = ()
    processes: tuple[Process, ...] = Field(default=(), alias="process")
    electrochemistry: Electrochemistry | None = None
    emission: Emission = Field(default_factory=Emission)
    x_reference: dim.Fraction | None = None
    area: dim.Area | None = None
    series_resistance: dim.Resistance = Field(default_factory=_no_resistance)
    shunt_resistance: dim.ShuntResistance | None = None
    parallel_capacitance: dim.Capacitance | None = None
    thermal_resistance: dim.ThermalResistance | None = None
    heat_capacity: dim.HeatCapacity | None = None

    _source_path: Path | None = PrivateAttr(default=None)
    _source_text: str | None = PrivateAttr(default=None)
    _place: Callable[[tuple[str | int, ...]], Place] | None = PrivateAttr(default=None)

    # -- where it came from -------------------------------------------------------------------

    @property
    def source_path(self) -> Path | None:
        """The device file, or None for a device made in Python."""
        return self._source_path

    @property
    def source_text(self) -> str:
        """A device file that loads by itself: the one read if it names no material."""
        return self.to_toml() if self._source_text is None else self._source_text

    def to_toml(self) -> str:
        """Return a self-contained device file: every value resolved, no material file needed."""
        from perovsim.model.write import device_toml

        return device_toml(self)

    def place(self, path: str) -> Place:
        """Return (file, line) where the parameter at `path` is set; (None, None) if unknown."""
        from perovsim.model.paths import file_key

        return self._place(file_key(self, path)) if self._place else (self._source_path, None)

    # -- parts by name ------------------------------------------------------------------------

    def layer(self, name: str) -> Layer:
        """Return the layer called `name`."""
        return _named(self.layers, name, "layer")

    def contact(self, name: str) -> Contact:
        """Return the contact called `name`; "anode" and "cathode" always work."""
        for contact in self.contacts:
            if name in (contact.name, contact.which):
                return contact
        return _named(self.contacts, name, "contact")

    def process(self, name: str) -> Any:
        """Return the process called `name`."""
        return _named(self.processes, name, "process")

    @property
    def anode(self) -> Contact:
        """The contact through which current enters in the forward direction."""
        return self.contact("anode")

    @property
    def cathode(self) -> Contact:
        """The contact that supplies electrons in the forward direction."""
        return self.contact("cathode")

    @property
    def emitter(self) -> Layer | None:
        """The layer with role "emitter", or None."""
        return next((layer for layer in self.layers if layer.role == "emitter"), None)

    @property
    def thickness(self) -> float:
        """Sum of the layer thicknesses [m]."""
        return sum(layer.thickness.si for layer in self.layers)

    @property
    def circuit(self) -> ExternalCircuit:
        """What stands around the stack, per area."""
        return external_circuit(self.series_resistance, self.shunt_resistance, self.parallel_capacitance, self.area)

    def interface(self, first: str, second: str) -> Interface | None:
        """Return what the file says about the junction of two layers, in either order."""
        pair = {first, second}
        return next((item for item in self.interfaces if set(item.layers) == pair), None)

    # -- switches -----------------------------------------------------------------------------

    @property
    def enabled_processes(self) -> tuple[Any, ...]:
        """The processes that are switched on."""
        return tuple(process for process in self.processes if process.enabled)

    @property
    def reactions(self) -> tuple[Reaction, ...]:
        """The enabled processes that are reactions."""
        return tuple(item for item in self.enabled_processes if isinstance(item, Reaction))

    @property
    def transformations(self) -> tuple[Transformation, ...]:
        """The enabled processes that turn a lattice into another solid."""
        return tuple(item for item in self.enabled_processes if isinstance(item, Transformation))

    @property
    def hypotheses(self) -> tuple[str, ...]:
        """Hypothesis keys of the file, in order, without "always"."""
        keys = dict.fromkeys(process.hypothesis for process in self.processes)
        return tuple(key for key in keys if key != ALWAYS)

    def with_processes(self, switches: Mapping[str, bool]) -> Self:
        """Return a copy with processes switched by name."""
        return self.with_values({f"process.{name}.enabled": on for name, on in switches.items()})

    def with_hypotheses(self, *keys: str) -> Self:
        """Return a copy with exactly the reactions of these hypotheses on.

        Processes marked "always" stay as they are; "field_drift" is the hypothesis without
        reactions.
        """
        from perovsim.errors import ModelFileError

        for key in keys:
            if key not in (*self.hypotheses, "field_drift"):
                hint = did_you_mean(key, (*self.hypotheses, "field_drift"))
                raise ModelFileError(self._source_path, None, f"no hypothesis '{key}'; {hint}")
        chosen = (item for item in self.processes if item.hypothesis != ALWAYS)
        return self.with_processes({item.name: item.hypothesis in keys for item in chosen})

    # -- values -------------------------------------------------------------------------------

    def parameters(self) -> Iterator[tuple[str, Quantity]]:
        """Yield (path, Quantity) of every number of the device."""
        from perovsim.model.paths import parameters

        return parameters(self)

    def value(self, path: str) -> Any:
        """Return what stands at a path such as "layer.emitter.D_vacancy"."""
        from perovsim.model.paths import get_value

        return get_value(self, path)

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """Return a copy with some values changed; text carries units, numbers are SI."""
        from perovsim.model.paths import set_value

        device = self
        for path, value in values.items():
            device = set_value(device, path, value)
        return device

    def mirrored(self) -> Self:
        """Return the same device listed from the other end."""
        return self.replace(layers=self.layers[::-1], contacts=self.contacts[::-1])

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy that remembers its file, for messages."""
        copy = super().replace(**changes)
        copy._source_text = None
        return copy

    # -- checks -------------------------------------------------------------------------------

    @field_validator("contacts", mode="before")
    @classmethod
    def _check_two_contacts(cls, contacts: Any) -> Any:
        if isinstance(contacts, list | tuple) and len(contacts) != 2:
            raise ValueError(f"a device has two contacts, got {len(contacts)}; the first is at x = 0")
        return contacts

    @model_validator(mode="after")
    def _check_area(self) -> Self:
        for name in ("series_resistance", "shunt_resistance", "parallel_capacitance"):
            item = getattr(self, name)
            if self.area is None and item is not None and item.si_unit in WHOLE_DEVICE:
                raise PlacedError(f"{item} is of the whole device; add its area, or give it per area", name)
        return self

    @model_validator(mode="after")
    def _check_heat(self) -> Self:
        pair = ("thermal_resistance", "heat_capacity")
        missing = [name for name in pair if getattr(self, name) is None]
        if len(missing) == 1:
            raise PlacedError(f"heating needs {missing[0]} too; add it", next(iter(set(pair) - set(missing))))
        return self

    @model_validator(mode="after")
    def _check_contacts(self) -> Self:
        if {contact.which for contact in self.contacts} != {"anode", "cathode"}:
            message = "one contact must be the anode and the other the cathode"
            raise PlacedError(message, "contact", 1, "which")
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        contacts = {contact.name for contact in self.contacts}
        for index, layer in enumerate(self.layers):
            if layer.name in contacts:
                message = f"layer '{layer.name}' has the name of a contact; give it its own"
                raise PlacedError(message, "layer", index, "name")
        _check_unique("contact", "name", [item.name for item in self.contacts])
        _check_unique("layer", "name", [item.name for item in self.layers])
        _check_unique("process", "name", [item.name for item in self.processes])
        _check_unique("species", "name", [item.name for item in self.species])
        pairs = ["|".join(sorted(item.layers)) for item in self.interfaces]
        _check_unique("interface", "between", pairs)
        return self

    @model_validator(mode="after")
    def _check_interfaces(self) -> Self:
        order = [layer.name for layer in self.layers]
        for index, interface in enumerate(self.interfaces):
            self._check_neighbours(interface.between, order, ("interface", index, "between"))
            if interface.halides == "open":
                self._check_open(interface, ("interface", index, "halides"))
        return self

    def _check_open(self, interface: Interface, key: Key) -> None:
        first, second = (self.layer(name).lattice for name in interface.layers)
        if first is None or second is None:
            message = f"halides = \"open\" at '{interface.between}', but not both layers hold a halide lattice"
            raise PlacedError(f'{message}; use "blocked"', *key)
        for name in ("halides", "moving_lattice"):
            if getattr(first, name) != getattr(second, name):
                message = f"halides = \"open\" at '{interface.between}' between lattices that differ in {name}"
                raise PlacedError(f'{message}; make them the same, or use "blocked"', *key)

    @model_validator(mode="after")
    def _check_species(self) -> Self:
        for index, species in enumerate(self.species):
            for layer in species.layers:
                self._check_known("layer", layer, ("species", index, "layers", layer))
        return self

    @model_validator(mode="after")
    def _check_shared_sites(self) -> Self:
        groups: dict[tuple[str, str], list[tuple[Any, Key]]] = {}
        for layer, own, key in self._ions():
            if own.sites is not None:
                groups.setdefault((layer, own.sites), []).append((own, key))
        for (layer, name), members in groups.items():
            given = [own.site_density.si for own, _ in members if own.site_density is not None]
            if len(given) != 1:
                message = f"sites '{name}' of layer '{layer}' have {len(given)} site_density, and need one"
                raise PlacedError(f"{message}; give it with one of those that share them", *members[-1][1], "sites")
            filled = sum(own.density.si for own, _ in members if isinstance(own, DiluteIon))
            if filled >= given[0]:
                message = f"ions of {filled:g} m^-3 in all on the {given[0]:g} m^-3 sites '{name}' of layer '{layer}'"
                raise PlacedError(f"{message}; lower a density, or raise site_density", *members[-1][1], "sites")
        return self

    def _ions(self) -> Iterator[tuple[str, Any, Key]]:
        """Ions of the layers, then species in each of theirs: name of the layer, the ion, its key in the file."""
        for k, layer in enumerate(self.layers):
            yield from ((layer.name, ion, ("layer", k, "ion", j)) for j, ion in enumerate(layer.ions))
        for k, species in enumerate(self.species):
            yield from ((name, own, ("species", k, "layers", name)) for name, own in species.layers.items())

    def sites(self, layer: str, ion: Any) -> float:
        """Sites [m^-3] that an ion or a species can fill in a layer, alone or with others; inf where not limited."""
        own = [ion] if ion.sites is None else [x for at, x, _ in self._ions() if (at, x.sites) == (layer, ion.sites)]
        return next((x.site_density.si for x in own if x.site_density is not None), math.inf)

    @model_validator(mode="after")
    def _check_sites(self) -> Self:
        for index, process in enumerate(self.processes):
            if hasattr(process, "contact"):
                self._check_known("contact", process.contact, ("process", index, "contact"))
            elif process.kind == "transformation":
                self._check_known("layer", process.layer, ("process", index, "layer"))
                if self.layer(process.layer).lattice is None:
                    message = f"layer '{process.layer}' has no halide lattice that could transform"
                    raise PlacedError(message, "process", index, "layer")
            elif process.kind == "reaction":
                self._check_site(process.site, ("process", index, "site"))
                if self.electrochemistry is None:
                    message = "a reaction needs potentials; add [electrochemistry] redox_level"
                    raise PlacedError(message, "process", index)
        return self

    def _check_site(self, site: str, key: Key) -> None:
        what, _, rest = site.partition(":")
        if what == "interface":
            names = [part.name for part in (self.contacts[0], *self.layers, self.contacts[1])]
            self._check_neighbours(rest, names, key)
            return
        first, _, second = rest.partition("|layer:")
        self._check_known(what, first, key)
        if second:
            self._check_known("layer", second, key)

    def _check_known(self, what: str, name: str, key: Key) -> None:
        parts = self.layers if what == "layer" else self.contacts
        known = [part.name for part in parts]
        if what == "contact":
            known += ["anode", "cathode"]
        if name not in known:
            hint = did_you_mean(name, known)
            raise PlacedError(f"there is no {what} '{name}'; {hint}", *key)

    def _check_neighbours(self, between: str, order: list[str], key: Key) -> None:
        pairs = ["|".join(pair) for pair in zip(order, order[1:], strict=False)]
        if between not in pairs and "|".join(between.split("|")[::-1]) not in pairs:
            hint = did_you_mean(between, pairs)
            raise PlacedError(f"'{between}' is not a junction; {hint}", *key)


def _check_unique(table: str, field: str, names: list[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f"'{name}' is used twice; give each {table} its own"
            raise PlacedError(message, table, index, field)


def _named(parts: Iterable[Any], name: str, what: str) -> Any:
    from perovsim.errors import ModelFileError

    known = {part.name: part for part in parts}
    if name not in known:
        raise ModelFileError(f"there is no {what} '{name}'; {did_you_mean(name, known)}")
    return known[name]
