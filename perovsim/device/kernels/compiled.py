"""How kernels are compiled: IEEE division, cached on disk under a hash of their sources."""

import hashlib
import os
import sys
from pathlib import Path

from numba import config, njit

from perovsim.device.kernels.cache import claim, prune

PACKAGE = Path(__file__).resolve().parents[2]
MARKS = (b"@compiled", b"@part", b"@inlined", b"inlined(", b"class Tables(")
"""What the sources of kernels hold beside the physics that they call: kernels, and the constants that they read."""


def _folder() -> str:
    """Cache folder of this version of the kernels: a change of any of them can never meet an old one."""
    digest = hashlib.sha256()
    for file in sorted((*PACKAGE.glob("device/**/*.py"), *PACKAGE.glob("physics/*.py"))):
        text = file.read_bytes()
        if file.parent.name == "physics" or any(mark in text for mark in MARKS):
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
IEEE = "numpy"
"""Numba's name for division as the standard of floating-point numbers has it."""


def compiled(function):
    """Compile a function that Python calls with numba; its machine code is kept on disk."""
    chosen = config.CACHE_DIR
    config.CACHE_DIR = _FOLDER
    try:
        return njit(cache=True, error_model=IEEE)(function)
    finally:
        config.CACHE_DIR = chosen


def part(function):
    """Compile a function that only compiled ones call, which keep it on disk as part of them.

    Python must not call it, but its `py_func`: what would unpack the arguments is not made, which is a third of the
    work of compiling.
    """
    return njit(error_model=IEEE, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def inlined(function):
    """The same of a short one in a hot loop, which those that call it take in whole.

    Arrays and numbers are then handed over for nothing. A field of a tuple of arrays costs at every use: hot loops
    read the fields before they begin.
    """
    return njit(error_model=IEEE, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)(function)


COMPILING = "perovsim: compiling the solver for this version, once; it takes minutes"


def announce(function) -> None:
    """Say on stderr that the kernels are about to be compiled, unless a compiled function is on disk or in memory."""
    kept = Path(function.stats.cache_path).glob(f"*.{function.__qualname__}-*.nbi")
    if not function.overloads and not any(kept):
        print(COMPILING, file=sys.stderr, flush=True)
