"""The movie of a film: voltage and light over time, dark field, strain and a pattern of each scan, side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from perovsim.errors import PerovsimError
from perovsim.plot.drawing import BLUE, GREY, NM, STYLE, VERMILLION, time_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (11.2, 6.4)
"""Of a frame [inch]."""
DPI = 100
SECONDS_PER_FRAME = 0.8
CODECS = (".mp4", ".gif")
PERCENT = 1e2
MRAD = 1e3
GAMMA = 0.35
"""Patterns are shown as intensity^GAMMA: disks and rings show together."""


def save_movie(store: Any, strain: Any, path: str | Path, progress: Callable[[float], None] | None = None) -> Path:
    """Write one frame per scan of a film as .mp4 or .gif.

    store : open film; strain : Dataset of `strain_maps`
    """
    path = Path(path)
    if path.suffix.lower() not in CODECS:
        raise PerovsimError(f"{path}: a movie ends in {' or '.join(CODECS)}")
    count = len(store["time"][:])
    pictures = []
    for number in range(count):
        pictures.append(_pixels(frame_figure(store, strain, number)))
        if progress is not None:
            progress((number + 1) / count)
    path.parent.mkdir(parents=True, exist_ok=True)
    (_write_mp4 if path.suffix.lower() == ".mp4" else _write_gif)(path, pictures)
    return path


def frame_figure(store: Any, strain: Any, number: int) -> Figure:
    """Draw one frame."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
        grid = figure.add_gridspec(3, 3, width_ratios=(1.0, 1.25, 1.25))
        now = float(store["time"][number])
        _traces(figure.add_subplot(grid[0, 0]), store, now)
        _map(figure, grid[0, 1:], store, "haadf", number, "HAADF", "electrons")
        _map(figure, grid[1, 1:], store, "dark_field", number, "dark field of the camera", "electrons")
        _strain(figure, grid[2, 1:], store, strain, number)
        panel = figure.add_subplot(grid[1:, 0])
        _pattern(panel, store, number)
        figure.suptitle(f"{store.attrs['device']}: {time_text(now)}", fontsize=11)
    return figure


def _traces(panel: Any, store: Any, now: float) -> None:
    """Draw voltage and light over time, and where the frame stands."""
    known = store.attrs
    times = np.array(known["trace_time"])
    shown = times > 0
    panel.plot(times[shown], np.array(known["trace_V"])[shown], color=BLUE)
    panel.set_xscale("log")
    panel.set_xlabel("time [s]")
    panel.set_ylabel("V [V]", color=BLUE)
    light = panel.twinx()
    light.plot(times[shown], np.array(known["trace_luminance"])[shown], color=VERMILLION)
    light.set_ylabel("light [cd/m²]", color=VERMILLION)
    panel.axvline(max(now, times[shown][0]), color=GREY, lw=1.2)


def _map(figure: Any, place: Any, store: Any, name: str, number: int, title: str, unit: str) -> None:
    values = np.asarray(store[name][:], float)
    panel = figure.add_subplot(place)
    low, high = np.percentile(values, [1, 99])
    drawn = panel.imshow(values[number], extent=_extent(store), origin="lower", cmap="gray", vmin=low, vmax=high)
    panel.set_title(title, loc="left")
    panel.set_ylabel("y [nm]")
    panel.set_xticklabels([])
    figure.colorbar(drawn, ax=panel, label=unit, shrink=0.9)


def _strain(figure: Any, place: Any, store: Any, strain: Any, number: int) -> None:
    panel = figure.add_subplot(place)
    values = PERCENT * strain["strain"].values
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [2, 98]) if known.size else (0.0, 1.0)
    drawn = panel.imshow(
        values[number], extent=_extent(store), origin="lower", cmap="viridis", vmin=low, vmax=high, aspect="equal"
    )
    panel.set_facecolor("#EEEEEE")
    panel.set_title("strain exx from the patterns (grey: no crystal table)", loc="left")
    panel.set(xlabel="depth x [nm]", ylabel="y [nm]")
    figure.colorbar(drawn, ax=panel, label="%", shrink=0.9)


def _pattern(panel: Any, store: Any, number: int) -> None:
    """Draw the mean pattern of the crystal's columns."""
    way = np.asarray(store["way"][number])
    patterns = np.asarray(store["expectation"][number])[way == way[len(way) // 4]]
    q = MRAD * np.asarray(store["qx"][:])
    panel.imshow(patterns.mean(axis=0) ** GAMMA, extent=(q[0], q[-1], q[0], q[-1]), origin="lower", cmap="magma")
    panel.set(title="mean pattern of the crystal", xlabel="qx [mrad]", ylabel="qy [mrad]")


def _extent(store: Any) -> tuple[float, float, float, float]:
    x, y = NM * np.asarray(store["x"][:]), NM * np.asarray(store["y"][:])
    half = 0.5 * (x[1] - x[0])
    return x[0] - half, x[-1] + half, y[0] - half, y[-1] + half


def _pixels(figure: Figure) -> np.ndarray:
    """Return a figure as (rows, columns, 3) bytes, both even, as codecs want them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    return np.ascontiguousarray(pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2])


def _write_gif(path: Path, pictures: list[np.ndarray]) -> None:
    from PIL import Image

    images = [Image.fromarray(picture) for picture in pictures]
    milliseconds = int(1e3 * SECONDS_PER_FRAME)
    images[0].save(path, save_all=True, append_images=images[1:], duration=milliseconds, loop=0)


def _write_mp4(path: Path, pictures: list[np.ndarray]) -> None:
    import imageio_ffmpeg

    size = pictures[0].shape[1], pictures[0].shape[0]
    writer = imageio_ffmpeg.write_frames(str(path), size, fps=1 / SECONDS_PER_FRAME, macro_block_size=2)
    writer.send(None)
    for picture in pictures:
        writer.send(picture)
    writer.close()
