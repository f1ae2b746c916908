"""A small study that tests run: the shipped LED on a coarse mesh under a short protocol."""

from __future__ import annotations

from pathlib import Path

from perovsim.model import load_device

HEAD = """format = "perovsim-study/1"
name = "small"
device = "device.toml"
protocol = "protocol.toml"
microscope = "stem_300kv"
shown = "{}"
"""
RIVAL = """[[hypothesis]]
name = "{}"
processes = ["{}"]
"""
PROTOCOL = """format = "perovsim-protocol/1"
points_per_decade = {}
[[step]]
kind = "constant_current"
current_density = "1 mA/cm^2"
duration = "{}"
"""


def study_text(**hypotheses: str) -> str:
    """A study file: name of a hypothesis = its process; the first one is shown."""
    return HEAD.format(next(iter(hypotheses))) + "".join(RIVAL.format(*pair) for pair in hypotheses.items())


def small_study(folder: Path, duration: str, points_per_decade: int, **hypotheses: str) -> Path:
    """Write study, device and protocol; return the study file."""
    device = load_device("nanoled_like")
    coarse = [layer.replace(cells=20) for layer in device.layers]
    (folder / "device.toml").write_text(device.replace(layers=coarse).to_toml())
    (folder / "protocol.toml").write_text(PROTOCOL.format(points_per_decade, duration))
    file = folder / "small.toml"
    file.write_text(study_text(**hypotheses))
    return file
