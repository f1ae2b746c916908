"""Directive `verification`: figures of exact limits and of `verified`, drawn when a page is read.

Arguments are names of limits (`perovsim validate analytic`) or of functions of `verified`. A check that fails is an
error of the build. Figures lie beside the cache of the build, never in the source.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

RESOLUTION = 110
"""Of the pictures [1/inch]: 1150 pixels for two panels."""


class Verification(SphinxDirective):
    """One figure with caption for each name."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Draw the figures."""
        return [self._figure(name) for name in self.arguments[0].split()]

    def _figure(self, name: str) -> nodes.figure:
        import verified

        drawn, caption = _own(verified, name) if hasattr(verified, name) else self._limit(name)
        file = Path(self.env.doctreedir).resolve() / "verification" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(file, dpi=RESOLUTION)
        page = Path(self.env.doc2path(self.env.docname)).resolve().parent
        image = nodes.image(uri=os.path.relpath(file, page).replace(os.sep, "/"), alt=caption)
        return nodes.figure("", image, nodes.caption("", caption))

    def _limit(self, name: str) -> tuple[Any, str]:
        from perovsim.errors import PerovsimError
        from perovsim.plot import limit
        from perovsim.validate.analytic import analytic_table

        try:
            (result,) = analytic_table([name]).results
        except PerovsimError as cause:
            raise self.error(str(cause)) from None
        failed = [str(check) for check in result.checks if not check.passes]
        if failed:
            raise self.error(f"{name}: {'; '.join(failed)}")
        case = result.case
        return limit(result), (
            f"{case.what[0].upper()}{case.what[1:]}. Exact: {case.exact}. All {len(result.checks)} numbers agree "
            f"within their tolerances; perovsim validate analytic {name} shows them."
        )


def _own(verified: Any, name: str) -> tuple[Any, str]:
    function = getattr(verified, name)
    return function(), " ".join(inspect.getdoc(function).split())


def setup(app: Any) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("verification", Verification)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
