"""Result of one run: fields, terminals, interfaces, balance and events with units, one NetCDF-4 file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from perovsim.conservation import FLOOR
from perovsim.errors import PerovsimError

FORMAT = "perovsim-result/1"
GROUPS = ("fields", "terminals", "interfaces", "balance", "events")
IMPEDANCE = "impedance"
"""The group of results whose protocol measures an impedance."""
REFERENCE_DELAY = 1.0
"""T50 and dV refer to this time [s] after the first current rise: vacancy screening is over by then. In trains of
shorter pulses they refer to the end of the next pulse, and follow the ends of the later ones."""
HALF_ROUNDING = 1e-5
"""A run that was stopped at half of its light has it to this accuracy."""
REST_SHARE, SMALLEST_CURRENT = 1e-6, 1e-2
"""At rest is |J| <= REST_SHARE times the largest |J|, of at least SMALLEST_CURRENT [A/m^2]: the
solver holds zero current to rounding only, and that rounding is not a current rise."""


class Result:
    """What a run gave, and everything needed to repeat it.

    fields, terminals, interfaces, balance, events : xarray.Dataset, units on every variable
    impedance : xarray.Dataset (spectrum, frequency); empty where none was measured
    device, protocol : the models that were run
    attrs : format, versions, tolerances, solver statistics
    """

    def __init__(self, *, fields, terminals, interfaces, balance, events, device, protocol, attrs, impedance=None):
        self.fields, self.terminals, self.interfaces = fields, terminals, interfaces
        self.balance, self.events = balance, events
        self.impedance = xr.Dataset() if impedance is None else impedance
        self.device, self.protocol = device, protocol
        self.attrs = {"format": FORMAT, **attrs}

    def __repr__(self) -> str:
        t = self.times
        return f"<Result of '{self.device.name}': {t.size} times to {t[-1]:.3g} s>"

    @property
    def times(self) -> np.ndarray:
        """Stored times [s]."""
        return self.terminals["time"].values

    @property
    def hypotheses(self) -> tuple[str, ...]:
        """Hypotheses whose processes were on."""
        found = {p.hypothesis for p in self.device.enabled_processes if p.kind == "reaction"}
        return tuple(sorted(found)) or ("field_drift",)

    def at(self, time: float | str) -> xr.Dataset:
        """Fields at `time` [s or text], linear between stored times."""
        seconds, times = self.seconds(time), self.times
        low = int(np.searchsorted(times, seconds, "right")) - 1
        high = min(low + 1, times.size - 1)
        span = times[high] - times[low]
        share = (seconds - times[low]) / span if span > 0.0 else 0.0

        def between(stored: xr.DataArray) -> xr.Variable:
            dims, values = stored.dims[1:], stored.values
            return xr.Variable(dims, (1.0 - share) * values[low] + share * values[high], stored.attrs)

        coords = {name: one.variable for name, one in self.fields.coords.items() if name != "time"}
        now = xr.Variable((), seconds, self.fields["time"].attrs)
        return xr.Dataset({name: between(one) for name, one in self.fields.data_vars.items()}, coords | {"time": now})

    def seconds(self, time: float | str) -> float:
        """`time` in s, checked against the stored range."""
        from perovsim.units import parse

        seconds = parse(time, "s") if isinstance(time, str) else float(time)
        first, last = float(self.times[0]), float(self.times[-1])
        if not first <= seconds <= last * (1 + 1e-12):
            raise PerovsimError(
                f"time {seconds:g} s is outside the result of '{self.device.name}'; allowed: {first:g} to {last:g} s"
            )
        return min(seconds, last)

    @property
    def driven(self) -> np.ndarray:
        """True at the times under forward current, False at rest and under reverse current."""
        current = self.terminals["J"].values
        return current > REST_SHARE * max(float(np.max(np.abs(current))), SMALLEST_CURRENT)

    @property
    def settled(self) -> np.ndarray:
        """True from `REFERENCE_DELAY` after each current rise on: what T50 and dV are read from."""
        last_rest = np.maximum.accumulate(np.where(self.driven, -np.inf, self.times))
        return self.driven & (self.times - last_rest >= REFERENCE_DELAY)

    @property
    def pulse_ends(self) -> np.ndarray:
        """Numbers of the stored times at which a pulse of a train ends: the last one at `high` before each fall.

        Light and voltage there, from pulse to pulse, are the envelope from which T50 and dV are read where no pulse
        lasts a second.
        """
        ends: set[int] = set()
        for step in self.protocol.steps if self.protocol is not None else ():
            if step.kind == "pulse_train":
                ends.update(self._ends_at_high(step))
        return np.array(sorted(ends), int)

    def _ends_at_high(self, step: Any) -> np.ndarray:
        if step.is_voltage:
            value, low, high = self.terminals["V"].values, float(step.low), float(step.high)
        else:
            value = self.terminals["J"].values
            low, high = (self.device.circuit.density(drive) for drive in (step.low, step.high))
        is_high = (value - high) * np.sign(high - low) >= -REST_SHARE * abs(high - low)
        return np.nonzero(is_high[:-1] & ~is_high[1:])[0]

    @property
    def reference_time(self) -> float | None:
        """1 s after the first current rise [s], or the end of the next pulse where a train has no current for as long.

        None where no current flows so long and no pulse ends later.
        """
        on = np.nonzero(self.driven)[0]
        if on.size == 0:
            return None
        start = self.times[max(on[0] - 1, 0)]
        at = start + REFERENCE_DELAY
        without_pause = self.driven[(self.times > start) & (self.times <= at)].all()
        if without_pause:
            return float(at) if at <= self.times[-1] else None
        later = self.pulse_ends[self.times[self.pulse_ends] >= at]
        return float(self.times[later[0]]) if later.size else None

    @property
    def faradaic_share(self) -> float | None:
        """Faradaic charge over charge passed at the end; None (undefined) where no current flowed."""
        if not self.driven.any() or "faradaic_charge" not in self.interfaces:
            return None
        passed = float(self.terminals["charge_passed"].values[-1])
        return float(self.interfaces["faradaic_charge"].values[-1]) / passed if passed > 0.0 else None

    def _from_reference(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Times and values from the reference on; rests and restarts are left out: a dark pause is no loss."""
        at = self.reference_time
        if at is None:
            return None
        later = (self.times >= at) & self.settled
        if not later.any() and self.pulse_ends.size:
            later = np.isin(np.arange(self.times.size), self.pulse_ends) & (self.times > at)
        first = np.interp(at, self.times, self.terminals[name].values)
        return (
            np.concatenate(([at], self.times[later])),
            np.concatenate(([first], self.terminals[name].values[later])),
        )

    @property
    def T50(self) -> float | None:
        """Time from the reference to half of its light [s]; None when not reached or no reference exists."""
        found = self._from_reference("photon_flux")
        if found is None or found[1][0] <= 0.0:
            return None
        t, light = found
        below = np.nonzero(light <= 0.5 * light[0] * (1.0 + HALF_ROUNDING))[0]
        if below.size == 0:
            return None
        k = below[0]
        share = (light[k - 1] - 0.5 * light[0]) / (light[k - 1] - light[k])
        return float(t[k - 1] + share * (t[k] - t[k - 1]) - t[0])

    @property
    def light_left(self) -> float | None:
        """Light at the last settled time, at the end of the last pulse of a train, over that of the reference."""
        found = self._from_reference("photon_flux")
        return None if found is None or found[1][0] <= 0.0 else float(found[1][-1] / found[1][0])

    @property
    def delta_V(self) -> float | None:
        """Voltage at the last settled time minus that at the reference [V]."""
        found = self._from_reference("V")
        return None if found is None else float(found[1][-1] - found[1][0])

    @property
    def worst_balances(self) -> dict[str, float]:
        """Largest imbalance of the run by name; that of the current as far as it exceeds its rounding floor."""
        found = {name: float(np.nanmax(data.values)) for name, data in self.balance.items() if name != FLOOR}
        if "current_uniformity" in found:
            found["current_uniformity"] = float(
                np.nanmax(np.maximum(self.balance["current_uniformity"].values - self.balance[FLOOR].values, 0.0))
            )
        return found

    def summary(self) -> str:
        """A page of text: light, voltage, films, lead, charge, balances."""
        last = {k: float(v[-1]) for k, v in self.interfaces.items() if v.dims == ("time",)}
        v, light = self.terminals["V"].values, self.terminals["luminance"].values
        charge = float(self.terminals["charge_passed"].values[-1])
        share = "undefined at rest" if self.faradaic_share is None else f"{self.faradaic_share:.2e}"
        t50 = (
            "no reference 1 s after the current rise"
            if self.reference_time is None
            else (f"{self.T50:.4g} s" if self.T50 is not None else "not reached")
        )
        dv = "-" if self.delta_V is None else f"{self.delta_V:+.4f} V"
        heat = []
        if "temperature" in self.terminals:
            kelvin = self.terminals["temperature"].values
            heat = [f"  temperature       {kelvin[-1]:.2f} K at the end, maximum {kelvin.max():.2f}"]
        spectra = [f"  impedance         {line}" for line in self._spectra()]
        lines = [
            f"{self.device.name}: {self.times[-1]:.4g} s, {self.attrs.get('steps', '?')} steps, "
            f"{self.attrs.get('wall_seconds', float('nan')):.2f} s of computing; "
            f"hypotheses: {', '.join(self.hypotheses)}",
            f"  voltage           {v[-1]:.4f} V at the end; dV from the reference {dv}",
            f"  light             {light[-1]:.4g} cd/m^2 at the end, maximum {light.max():.4g}; T50 {t50}",
            f"  AlCl3, AlBr3      {last.get('thickness_AlCl3', 0) * 1e9:.4g} nm, "
            f"{last.get('thickness_AlBr3', 0) * 1e9:.4g} nm; blocked {last.get('blocked_fraction', 0):.3g}",
            f"  Pb0               {last.get('Pb0_total', 0):.4g} mol/m^2",
            f"  charge passed     {charge:.4g} C/m^2; faradaic share {share}",
            *self._mechanics(last),
            *heat,
            *spectra,
            *self._warnings(),
            "  conservation      " + ", ".join(f"{name} {value:.1e}" for name, value in self.worst_balances.items()),
        ]
        return "\n".join(lines)

    def _warnings(self) -> list[str]:
        """What the run says about its mesh."""
        if "detail" not in self.events:
            return []
        said = zip(*(self.events[name].values for name in ("event_time", "kind", "detail")), strict=True)
        return [f"  mesh              from {time:.3g} s on {text}" for time, kind, text in said if kind == "resolution"]

    def _mechanics(self, last: dict[str, float]) -> list[str]:
        """Largest strain and energy release of each halide lattice beside what the device file says is critical."""
        lines = []
        for layer in self.device.layers:
            if f"largest_strain_{layer.name}" in last:
                strain = 100.0 * last[f"largest_strain_{layer.name}"]
                lines.append(f"  strain            {layer.name}: at most {strain:.3g} % elastic in plane")
                lines[-1] += _beside(strain, layer.lattice.critical_strain, 100.0, "%")
            if f"energy_release_{layer.name}" in last:
                energy = last[f"energy_release_{layer.name}"]
                lines[-1] += f"; Griffith G {energy:.3g} J/m^2"
                lines[-1] += _beside(energy, layer.lattice.fracture_energy, 1.0, "J/m^2")
        return lines

    def _spectra(self) -> list[str]:
        """A line for each impedance spectrum: ends of the frequency, resistance and capacitance there."""
        found, held = [], "" if self.device.thermal_resistance is None else ", temperature held: no thermal feedback"
        for k in range(self.impedance.sizes.get("spectrum", 0)):
            one = self.impedance.isel(spectrum=k).dropna("frequency")
            f, z, c = one["frequency"].values, one["Z_real"].values, one["C"].values
            found.append(
                f"{f[0]:.3g} to {f[-1]:.3g} Hz at {float(one['V']):.4g} V, {float(one['time']):.3g} s: Re Z "
                f"{z[0]:.3g} to {z[-1]:.3g} ohm m^2, C {c[0]:.3g} to {c[-1]:.3g} F/m^2{held}"
            )
        return found

    def save(self, path: str | Path) -> Path:
        """Write NetCDF-4 (groups as in the class); the device and protocol texts go along."""
        path = Path(path)
        attrs = {name: _storable(value) for name, value in self.attrs.items()}
        attrs |= {"device_text": self.device.source_text, "protocol_text": self.protocol.source_text}
        groups = {g: getattr(self, g) for g in (*GROUPS, *([IMPEDANCE] if self.impedance.sizes else []))}
        tree = xr.DataTree.from_dict({"/": xr.Dataset(attrs=attrs), **groups})
        partial = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            tree.to_netcdf(partial, engine="h5netcdf")
            partial.replace(path)
        except OSError as cause:
            raise PerovsimError(
                f"{path}: cannot be written ({cause.strerror or cause}); choose another path"
            ) from cause
        return path


def _beside(value: float, critical: Any, factor: float, unit: str) -> str:
    """A criterion in words: its critical value, how that stands, and whether it is passed."""
    if critical is None:
        return " (no critical value given)"
    limit = factor * float(critical)
    verdict = "fails" if value >= limit else "holds"
    return f" of {limit:.3g} {unit} ({critical.status}): {verdict}"


def _storable(value: Any) -> str | int | float:
    """An attribute that NetCDF holds: numbers and text as they are, the rest as JSON text."""
    plain = value.item() if isinstance(value, np.generic) else value
    is_native = isinstance(plain, str | int | float) and not isinstance(plain, bool)
    return plain if is_native else json.dumps(plain)


def load_result(path: str | Path) -> Result:
    """Read a result file written by `Result.save`; PerovsimError where it is none."""
    from perovsim.model import device_from_text, protocol_from_text

    path = Path(path)
    if not path.is_file():
        raise PerovsimError(
            f"{path}: no such result file; make one with 'perovsim simulate DEVICE PROTOCOL --out {path}'"
        )
    try:
        tree = xr.open_datatree(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as cause:
        raise PerovsimError(f"{path}: not a readable NetCDF-4 file ({cause}); repeat the run that wrote it") from cause
    with tree:
        tree.load()
        attrs: dict[str, Any] = dict(tree.attrs)
        if attrs.get("format") != FORMAT:
            raise PerovsimError(f"{path}: format is {attrs.get('format')!r}, expected '{FORMAT}'")
        wanted = [
            *(g for g in GROUPS if g not in tree.children),
            *(a for a in ("device_text", "protocol_text") if a not in attrs),
        ]
        if wanted:
            raise PerovsimError(f"{path}: incomplete, without {', '.join(wanted)}; repeat the run that wrote it")
        groups = {g: tree[g].to_dataset() for g in (*GROUPS, IMPEDANCE) if g in tree.children}
    device = device_from_text(attrs.pop("device_text"))
    protocol = protocol_from_text(attrs.pop("protocol_text"))
    return Result(**groups, device=device, protocol=protocol, attrs=attrs)
