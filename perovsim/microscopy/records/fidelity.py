"""Ways to the same patterns, by name or by the error that the user tolerates."""

from __future__ import annotations

from perovsim.errors import PerovsimError
from perovsim.model.names import did_you_mean

PROMISED = {"crystal": 0.15, "window": 0.03, "exact": 0.0}
"""Promised deviation, sum |I - I_exact| / sum I_exact, from the cheapest way to the dearest; of the crystal table
against one configuration of an alloy with thermal motion, 10 nm thick (benchmark `film`)."""
DEFAULT = "window"


def choose(fidelity: str | None, error: float | None, crystal: bool = True) -> str:
    """Return the name of the way: as given, or the cheapest one that promises `error`.

    crystal : whether the crystal table can stand for every position
    """
    if fidelity is not None and error is not None:
        raise PerovsimError("give either fidelity or error, not both")
    if fidelity is not None and fidelity not in PROMISED:
        raise PerovsimError(f"there is no fidelity '{fidelity}'; {did_you_mean(fidelity, PROMISED)}")
    if error is None:
        return DEFAULT if fidelity is None else fidelity
    if not error >= 0:
        raise PerovsimError(
            f"error = {error:g} must be 0 or more: the tolerated share of the electrons in wrong pixels, such as 0.03"
        )
    usable = {name: promised for name, promised in PROMISED.items() if crystal or name != "crystal"}
    return next(name for name, promised in usable.items() if promised <= error)
