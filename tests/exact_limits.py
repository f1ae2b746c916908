"""Hold one limit against the tolerances that are demanded of it."""

from __future__ import annotations

from perovsim.validate.analytic import analytic_table


def hold(name: str, demanded: dict[str, float]) -> None:
    """Every check of the limit passes, and no tolerance is wider than demanded.

    demanded : words of a quantity -> the largest tolerance of the checks that hold these words; each must be found
    """
    checks = analytic_table([name]).results[0].checks
    for check in checks:
        assert check.passes, f"{name}: {check}"
    for words, tolerance in demanded.items():
        found = [check for check in checks if words in check.quantity]
        assert found, f"{name}: nothing is checked about '{words}'"
        for check in found:
            assert check.tolerance <= tolerance, f"{name}: {check}"


def misses(name: str, words: str, not_of: str | None = None) -> bool:
    """Whether a check of the limit whose quantity holds these words is beyond its tolerance, and none of others."""
    beyond = [check.quantity for check in analytic_table([name]).results[0].checks if not check.passes]
    return any(words in one for one in beyond) and not any(not_of is not None and not_of in one for one in beyond)
