"""What a picture was made from, as attributes that a file can hold."""

from __future__ import annotations

from typing import Any

from perovsim import __version__

METHOD = (
    "multislice; potentials of Lobato and Van Dyck (2014) from the table of abTEM (Madsen and Susi "
    "2021), operators as in abTEM, potentials summed at exact positions"
)


def provenance(lamella: Any, microscope: Any, beam: Any) -> dict[str, Any]:
    """Return device, time, hypotheses, seeds, sizes, microscope and citation as plain values.

    mode_values : the numbers of the mode as used, which a script may have changed after reading the file
    """
    return {
        "perovsim_version": __version__,
        "method": METHOD,
        "device": lamella.device,
        "time": float(lamella.time),
        "hypotheses": ", ".join(lamella.hypotheses),
        "lamella_seed": int(lamella.seed),
        "interface": float(lamella.interface),
        "window_start": float(lamella.window[0]),
        "window_end": float(lamella.window[1]),
        "thickness": float(lamella.thickness),
        "height": float(lamella.height),
        "reference_cell": float(lamella.reference_cell),
        "limits": "\n".join(lamella.limits),
        "microscope": microscope.name,
        "microscope_text": microscope.source_text,
        "mode_values": "; ".join(f"{name} = {quantity}" for name, quantity in beam.quantities()),
        "displacements": "; ".join(f"{name} = {value}" for name, value in microscope.displacements.items()),
        "citation": lamella.citation,
    }
