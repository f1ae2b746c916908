"""Measured files that perovsim knows: address, SHA-256, licence and citation; none is shipped.

A file is looked for in the folder that the environment variable PEROVSIM_DATA names, else in the cache of pooch. It
is downloaded by `fetch_dataset` alone, never without being asked for, and never used when its hash differs.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perovsim.errors import MeasurementError, MissingDataError
from perovsim.microscopy.measured.calibration import Calibration
from perovsim.microscopy.records.image import Image
from perovsim.microscopy.records.scan import Scan4D
from perovsim.model.names import did_you_mean

VARIABLE = "PEROVSIM_DATA"
_GITHUB = "https://raw.githubusercontent.com/"


@dataclass(frozen=True)
class Dataset:
    """A measured file.

    file : its name in the data folder; address : where it can be had; sha256, size [bytes]
    what, citation, licence : in words; calibration : what the file does not say
    """

    name: str
    file: str
    address: str
    sha256: str
    size: int
    what: str
    citation: str
    licence: str
    calibration: dict[str, str]


DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="srtio3_abf",
            file="srtio3_abf.hspy",
            address=_GITHUB + "hyperspy/hyperspy-demos/main/image_data/datasets/stem_abf_data.hspy",
            sha256="d86aadefdbade1c14736dae3f90c2be44faa7c20bfc4b88d51cd4f3cfdc8392a",
            size=513_738,
            what="annular bright-field STEM image of SrTiO3 along <110>, 512 x 512",
            citation="M. Nord, hyperspy-demos (2017), image_data/datasets/stem_abf_data.hspy",
            licence="shared for teaching without a licence file: use it, do not redistribute it",
            calibration={"length_unit": "nm"},
        ),
        Dataset(
            name="cdte_tilt_boundary_haadf",
            file="cdte_tilt_boundary_haadf.dm3",
            address=_GITHUB + "MaterialEyes/ingrained/main/examples/clean_templates/gb/CdTe_110_CdTe_110_tilt/"
            "HAADF149.dm3",
            sha256="bfd8880d187a9407f1df4f83ab858b23c24741ea03911c4a91ee1f67915b644a",
            size=1_651_486,
            what="HAADF image, 200 kV, of a CdTe <110> tilt grain boundary, 512 x 512, filtered",
            citation="Guo et al., Appl. Phys. Lett. 115, 153901 (2019); file of MaterialEyes/ingrained",
            licence="GPL-3.0",
            calibration={"energy": "200 keV"},
        ),
        Dataset(
            name="precession_patterns",
            file="precession_patterns.blo",
            address=_GITHUB + "hyperspy/rosettasciio/main/rsciio/tests/data/blockfile/test1.blo",
            sha256="df2c77ba0957f186a7681b6af07493a5cee01d08662db39200112909fefe745e",
            size=128_564,
            what="3 x 2 precession electron diffraction patterns, 144 x 144, detector pixel in cm",
            citation="RosettaSciIO developers, rsciio/tests/data/blockfile/test1.blo",
            licence="GPL-3.0",
            calibration={},
        ),
    )
}


def dataset_path(name: str) -> Path:
    """Return the path of a known file after its SHA-256 was checked.

    Raises MissingDataError, with address and place, where it is not there, MeasurementError where it is another file.
    """
    dataset = _known(name)
    path = data_folder() / dataset.file
    if not path.is_file():
        raise MissingDataError(
            f"{path}: the measured file '{name}' ({dataset.what}) is not here: download {dataset.address} and save it "
            f"so, or set {VARIABLE} to the folder that holds it ({dataset.size} bytes, {dataset.licence}); "
            f'ps.microscopy.fetch_dataset("{name}") does it'
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != dataset.sha256:
        raise MeasurementError(
            f"{path}: is not the file that is meant: its SHA-256 is {digest[:12]}…, expected "
            f"{dataset.sha256[:12]}…; get it again from {dataset.address}"
        )
    return path


def data_folder() -> Path:
    """Return the folder of the measured files: PEROVSIM_DATA, or the cache of pooch."""
    folder = os.environ.get(VARIABLE, "")
    if folder:
        return Path(folder)
    import pooch

    return Path(pooch.os_cache("perovsim"))


def registry() -> Any:
    """Return the known files as a pooch.Pooch: addresses, SHA-256, folder."""
    import pooch

    return pooch.create(
        path=data_folder(),
        base_url="",
        registry={dataset.file: f"sha256:{dataset.sha256}" for dataset in DATASETS.values()},
        urls={dataset.file: dataset.address for dataset in DATASETS.values()},
    )


def fetch_dataset(name: str) -> Path:
    """Return the path of a known file; download it where it is not there.

    Raises MissingDataError, with address and cause, where it cannot be had.
    """
    dataset = _known(name)
    try:
        return Path(registry().fetch(dataset.file))
    except (OSError, ValueError) as cause:  # no network, no such page, another hash
        raise MissingDataError(
            f"{dataset.address}: could not be downloaded ({' '.join(str(cause).split())}); save it by hand as "
            f"{data_folder() / dataset.file}"
        ) from None


def dataset_image(name: str) -> Image:
    """Read a known image with its calibration; provenance in the attributes."""
    from perovsim.microscopy.measured.reading import read_image

    return read_image(dataset_path(name), _calibration(_known(name)))


def dataset_scan(name: str, **calibration: str) -> Scan4D:
    """Read a known scan; calibration : entries that the file does not know, as in `Calibration`."""
    from perovsim.microscopy.measured.reading import read_scan

    return read_scan(dataset_path(name), _calibration(_known(name), **calibration))


def _calibration(dataset: Dataset, **more: str) -> Calibration:
    return Calibration(description=dataset.what, citation=dataset.citation, **{**dataset.calibration, **more})


def _known(name: str) -> Dataset:
    if name not in DATASETS:
        raise MeasurementError(f"no measured file '{name}'; {did_you_mean(name, DATASETS)}")
    return DATASETS[name]
