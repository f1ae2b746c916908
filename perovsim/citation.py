"""What to cite for a result: the program, and the sources of the numbers it used."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from perovsim.model.library import USER, models_directory

if TYPE_CHECKING:
    from perovsim.model import Device
    from perovsim.result import Result

_START = re.compile(r"^@\w+\s*\{\s*([^,\s]+)\s*,", re.MULTILINE)
OWN = "perovsim"
"""Sources whose key begins so are choices of this project: named, not to be cited."""


def cite(result: Result) -> str:
    """Return text: what to cite for the program and for the numbers used, then BibTeX."""
    used, entries = sources_used(result.device), bibliography(result.device.source_path)
    public = [key for key in used if key in entries and not _own(key)]
    choices = sum(count for key, count in used.items() if key not in public)
    lines = [
        f"perovsim {result.attrs.get('perovsim_version', '')}".rstrip()
        + f": run of '{result.device.name}' under "
        + " + ".join(result.hypotheses)
        + ".",
        "Cite the program, the sources of the numbers used, and the libraries below.",
        "",
    ]
    lines += [f"  {key}: {_count(used[key])}" for key in public]
    lines += [
        f"  {_count(choices)} of this run are choices of the user or of perovsim: say so, they have no source to cite.",
        "",
        PROGRAM,
        *(entries[key] for key in public),
        *LIBRARIES,
    ]
    return "\n".join(lines)


def sources_used(device: Device) -> dict[str, int]:
    """Source key -> number of parameters of the device that rest on it, most used first."""
    counts = Counter(quantity.source for _, quantity in device.parameters())
    return dict(counts.most_common())


def bibliography(beside: Path | None = None) -> dict[str, str]:
    """Source key -> BibTeX entry, of the shipped file and of those beside a model file."""
    files = [models_directory() / "sources.bib"]
    if beside is not None:
        folder = Path(beside).resolve().parent
        files += [folder / "sources.bib", folder.parent / "sources.bib"]
    entries: dict[str, str] = {}
    for file in files:
        if file.is_file():
            entries |= _entries(file.read_text(encoding="utf-8"))
    return entries


def _entries(text: str) -> dict[str, str]:
    starts = list(_START.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return {
        match.group(1): _without_comments(text[match.start() : end]) for match, end in zip(starts, ends, strict=True)
    }


def _without_comments(entry: str) -> str:
    lines = [line for line in entry.splitlines() if not line.lstrip().startswith("%")]
    return "\n".join(lines).strip()


def _own(key: str) -> bool:
    return key == USER or key.startswith(OWN) or key == "literature_range"


def _count(number: int) -> str:
    return f"{number} number" + ("" if number == 1 else "s")


PROGRAM = """@software{perovsim,
  title = {perovsim: degradation of halide perovskite light-emitting diodes, from device physics \
to 4D-STEM},
  author = {{perovsim developers}},
  license = {GPL-3.0-or-later},
}"""
LIBRARIES = (
    """@article{abtem2021,
  author = {Madsen, J. and Susi, T.},
  title = {The {abTEM} code: transmission electron microscopy from first principles},
  journal = {Open Research Europe}, volume = {1}, pages = {24}, year = {2021},
  note = {Simulated scans and images},
}""",
    """@article{ase2017,
  author = {Larsen, A. H. and others},
  title = {The atomic simulation environment: a {Python} library for working with atoms},
  journal = {Journal of Physics: Condensed Matter}, volume = {29}, pages = {273002}, year = {2017},
  note = {Lamellae},
}""",
)
"""Entries of the libraries whose work the pictures rest on."""
