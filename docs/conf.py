"""Sphinx: the documentation of perovsim. Build with ``make docs``; warnings are errors."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]
os.environ.setdefault("MPLBACKEND", "Agg")

from perovsim import __version__  # noqa: E402

project, author, release = "perovsim", "perovsim developers", __version__
project_copyright = "perovsim developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinxcontrib.bibtex", "mathtext", "verification"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
bibtex_bibfiles = ["../models/sources.bib"]
bibtex_default_style = "unsrt"
html_math_renderer = "mathtext"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["perovsim.css"]
html_title = f"perovsim {release}"
exclude_patterns = ["_build"]
autodoc_typehints = "none"
suppress_warnings = ["bibtex.missing_field"]  # an author or year that is not public is not made up


def setup(app):
    """Docstrings are plain text with equations, so they are shown as they stand."""
    app.connect("autodoc-process-docstring", _as_text)


def _as_text(app, what, name, described, options, lines):
    if what != "module":
        lines[:] = [".. code-block:: text", "", *(f"   {line}" for line in lines), ""]
