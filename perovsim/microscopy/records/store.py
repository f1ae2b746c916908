"""Scans on disk: zarr stores, version 3, chunked by position, written whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import xarray as xr

from perovsim.errors import MeasurementError, PerovsimError

CHUNK = 8
"""Positions per chunk of the file."""


def write_store(dataset: xr.Dataset, path: str | Path, chunked: tuple[str, ...]) -> Path:
    """Write a dataset with dimension `position`; `chunked` names the variables that are large."""
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    count = dataset.sizes["position"]
    encoding = {name: {"chunks": (min(CHUNK, count), *dataset[name].shape[1:])} for name in chunked if name in dataset}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        dataset.to_zarr(partial, mode="w", zarr_format=3, consolidated=False, encoding=encoding)
        _remove(path)
        partial.rename(path)
    except OSError as cause:
        raise PerovsimError(f"{path}: cannot be written ({cause.strerror or cause}); choose another path") from None
    return path


def read_store(path: str | Path, form: str) -> xr.Dataset:
    """Read a store of format `form`; MeasurementError where it is none or damaged."""
    path = Path(path)
    if not path.is_dir():
        raise MeasurementError(f"{path}: no such scan; make one with 'perovsim scan … --out {path}'")
    try:
        dataset = xr.open_zarr(path, consolidated=False, chunks=None).load()
    except Exception as cause:  # zarr, numcodecs and xarray raise many kinds on a damaged store
        raise MeasurementError(
            f"{path}: not a readable zarr scan ({type(cause).__name__}: {cause}); repeat the run that wrote it"
        ) from None
    if dataset.attrs.get("format") != form:
        raise MeasurementError(
            f"{path}: format is {dataset.attrs.get('format')!r}, expected '{form}'; "
            "this zarr store holds something else"
        )
    return dataset


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
