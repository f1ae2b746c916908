"""The device in FiPy's own terms: the readable reference of the compiled solver (`simulate(..., solver="fipy")`).

It shares the physics functions, the model and the mesh with the compiled solver, and nothing of its tables, assembly,
kernels or integrator. FiPy is imported here and nowhere else, with its reading of the command line switched off.
"""

import os
import sys

_words, sys.argv = sys.argv, sys.argv[:1]
os.environ.setdefault("FIPY_SOLVERS", "scipy")
try:
    import fipy as fipy
finally:
    sys.argv = _words
