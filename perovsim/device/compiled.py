"""The one way in which kernels are compiled: IEEE division, cached on disk under a hash of their sources."""

import hashlib
import os
from pathlib import Path

from numba import config, njit

from perovsim.device.cache import claim, prune

PACKAGE = Path(__file__).resolve().parents[1]
MARKS = (b"@compiled", b"@jitable", b"compiled(", b"class Tables(")
"""What the sources of kernels hold: the kernels, what they call, and the constants that they read."""


def _folder() -> str:
    """Cache folder of this version of the kernels: a change of any of them can never meet an old one."""
    digest = hashlib.sha256()
    for file in sorted((*PACKAGE.glob("device/*.py"), *PACKAGE.glob("physics/*.py"))):
        text = file.read_bytes()
        if any(mark in text for mark in MARKS):
            digest.update(text)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perovsim"
    folder = home / f"kernels-{digest.hexdigest()[:16]}"
    try:
        claim(folder)
    except OSError:
        return config.CACHE_DIR  # no home to write to: numba's own choice
    prune(home, "kernels-*")
    return str(folder)


_FOLDER = _folder()


def compiled(function):
    """Compile a function with numba; its machine code is kept on disk.

    Kernels that call it take it in whole: handing a tuple of arrays to a function costs more than most of them do.
    """
    chosen = config.CACHE_DIR
    config.CACHE_DIR = _FOLDER
    try:
        return njit(cache=True, error_model="numpy", forceinline=True)(function)
    finally:
        config.CACHE_DIR = chosen
