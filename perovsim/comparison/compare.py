"""`compare(a, b)`: finds what two things have in common and compares it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perovsim.comparison.images import IMAGE_OBSERVABLES, image_name
from perovsim.comparison.results import RESULT_OBSERVABLES, result_name
from perovsim.comparison.scans import SCAN_OBSERVABLES, scan_name
from perovsim.comparison.table import Comparison, Row
from perovsim.errors import MeasurementError
from perovsim.microscopy.records.image import Image
from perovsim.microscopy.records.scan import Scan4D
from perovsim.model.names import did_you_mean
from perovsim.result import Result

KINDS = (
    (Scan4D, "a scan", SCAN_OBSERVABLES, scan_name),
    (Image, "an image", IMAGE_OBSERVABLES, image_name),
    (Result, "a result", RESULT_OBSERVABLES, result_name),
)
"""What can be compared: type, word, observables by name, and how to name one side."""


def compare(a: Any, b: Any, observables: Sequence[str] | None = None, **options: Any) -> Comparison:
    """Compare two scans, two images or two results, simulated or measured.

    observables : names; all that both sides allow when None. Scans: "haadf", "bf", "pacbed", "pattern", "strain";
    images: "mean", "pixels", "registered"; results: "voltage", "light", "AlCl3", "AlBr3", "Pb0"
    options : `reference` of the strain, as in `strain_profile`; `rotations` [rad] from which a registration starts;
    `series`, more simulations of other thickness or defocus: "registered" and "pattern" fit these as nuisance values
    Every row has two numbers with errors and chi²/n against its expected value for the noise.
    Raises MeasurementError for unlike things, unknown observables, or nothing in common.
    """
    table, name = _kind(a, b)
    chosen = list(table) if observables is None else list(observables)
    for wanted in chosen:
        if wanted not in table:
            raise MeasurementError(f"no observable '{wanted}'; {did_you_mean(wanted, table)}")
    rows: list[Row] = []
    left_out: list[str] = []
    for wanted in chosen:
        try:
            rows.append(table[wanted](a, b, **options))
        except MeasurementError as cause:
            if observables is not None:
                raise
            left_out.append(f"{wanted} left out: {cause}")
    if not rows:
        raise MeasurementError("nothing in common to compare: " + "; ".join(left_out or ["no observables"]))
    return Comparison(name(a), name(b), tuple(rows), tuple(left_out))


def _kind(a: Any, b: Any) -> tuple[dict, Any]:
    words = [next((word for kind, word, *_ in KINDS if isinstance(side, kind)), None) for side in (a, b)]
    for side, word in zip((a, b), words, strict=True):
        if word is None:
            raise MeasurementError(
                f"a {type(side).__name__} cannot be compared; give two scans, two images or two results"
            )
    if words[0] != words[1]:
        raise MeasurementError(f"{words[0]} cannot be compared with {words[1]}; give two of one kind")
    return next((table, name) for _, word, table, name in KINDS if word == words[0])
