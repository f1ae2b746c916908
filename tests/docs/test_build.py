"""The documentation is written without a warning, its figures of verification among it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_documentation_builds_without_a_warning(root: Path, tmp_path: Path) -> None:
    """As `make docs` does; a figure whose check fails is an error of the build."""
    words = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(tmp_path / "cache"), "docs", str(tmp_path / "html")]
    done = subprocess.run([sys.executable, "-m", "sphinx", *words], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "index.html").is_file()
