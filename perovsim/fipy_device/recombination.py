"""Recombination of electrons and holes with its slopes, from the physics functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perovsim.fipy_device.stack import Stack
from perovsim.physics.recombination import auger_factor, capture_factor, srh_factor


@dataclass(frozen=True)
class Rate:
    """R [m^-3 s^-1] over the cells, its slopes by relative changes of n and p and by the shift of either band [kT]."""

    net: np.ndarray
    by_n: np.ndarray
    by_p: np.ndarray
    by_shift: np.ndarray


class Recombination:
    """R = (k + k_n n + k_p p + SRH + centres)(n p - n_i^2) where carriers live; n_i^2 = N_c N_v exp(-E_g/kT).

    The centres are lead that stands at the faces of a lattice from the start, where the process lead_traps is on.
    """

    def __init__(self, stack: Stack):
        here, vt = stack.transport, stack.vt
        chi, ionisation = stack.given("electron_affinity"), stack.given("ionisation_energy")
        states = stack.given("N_c") * here, stack.given("N_v") * here
        given = stack.given("trap_energy", np.nan)
        level = np.where(np.isnan(given), 0.5 * (chi + ionisation), given)

        def densities(energy):
            """n_1 and p_1 of a level [m^-3]."""
            return states[0] * np.exp((chi - energy) / vt), states[1] * np.exp((energy - ionisation) / vt)

        self.radiative = stack.given("k_radiative") * here
        self.auger = stack.given("k_auger_electron") * here, stack.given("k_auger_hole") * here
        self.lifetime = stack.given("lifetime_electron", np.inf), stack.given("lifetime_hole", np.inf)
        self.traps = here & np.isfinite(self.lifetime[0]) & np.isfinite(self.lifetime[1])
        self.levels = densities(level)
        self.intrinsic = states[0] * states[1] * np.exp((chi - ionisation) / vt)
        """n_i^2 at the start [m^-6]."""
        traps = next((x for x in stack.device.enabled_processes if x.kind == "lead_traps"), None)
        self.centres = np.zeros(here.size) if traps is None else float(traps.traps_per_atom) * stack.lead * here
        """Density of lead centres [m^-3]."""
        self.capture = (
            None
            if traps is None
            else (float(traps.capture_electron), float(traps.capture_hole), *densities(float(traps.trap_energy)))
        )

    def excess(self, n, p, shift) -> np.ndarray:
        """n p - n_i^2 [m^-6]; shift : sum of the shifts of both bands [kT]."""
        return n * p - self.intrinsic * np.exp(-shift)

    def parts(self, n, p, shift) -> dict[str, np.ndarray]:
        """Rate of each mechanism of a result [m^-3 s^-1] (n + 2,)."""
        excess = self.excess(n, p, shift)
        return {
            "radiative": self.radiative * excess,
            "SRH": self._srh(n, p)[0] * excess,
            "Auger": auger_factor(n, p, *self.auger) * excess,
        }

    def __call__(self, n, p, shift) -> Rate:
        """Rate for densities [m^-3] and the sum of the shifts of both bands [kT], each (n + 2,)."""
        excess = self.excess(n, p, shift)
        terms = (self._srh(n, p), self._centres(n, p), (self.radiative + auger_factor(n, p, *self.auger), *self.auger))
        factor, by_n, by_p = (sum(column) for column in zip(*terms, strict=True))
        return Rate(
            factor * excess,
            (factor * p + by_n * excess) * n,
            (factor * n + by_p * excess) * p,
            factor * (n * p - excess),
        )

    def _srh(self, n, p) -> np.ndarray:
        """Factor of the traps of the layers [m^3/s] and its slopes by n and p (3, n + 2)."""
        out, on = np.zeros((3, self.traps.size)), self.traps
        tau_n, tau_p, *levels = (v[on] for v in (*self.lifetime, *self.levels))
        factor = srh_factor(n[on], p[on], tau_n, tau_p, *levels)
        out[:, on] = factor, -(factor**2) * tau_p, -(factor**2) * tau_n
        return out

    def _centres(self, n, p) -> np.ndarray:
        """Factor of the lead centres [m^3/s] and its slopes by n and p (3, n + 2)."""
        out, on = np.zeros((3, self.centres.size)), self.centres > 0.0
        if on.any():
            c_n, c_p, n_1, p_1 = self.capture
            n, p, n_1, p_1 = n[on], p[on], n_1[on], p_1[on]
            factor = capture_factor(n, p, self.centres[on], c_n, c_p, n_1, p_1)
            rate = c_n * (n + n_1) + c_p * (p + p_1)
            out[:, on] = factor, -factor * c_n / rate, -factor * c_p / rate
        return out
