"""Equations of the pages by matplotlib, as the lessons set them: readable without a network."""

from __future__ import annotations

from typing import Any

from docutils import nodes


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer."""
    app.add_html_math_renderer("mathtext", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer: Any, node: Any) -> None:
    from perovsim.teach.equations import equation

    writer.body.append(equation(node.astext()))
    raise nodes.SkipNode


def _block(writer: Any, node: Any) -> None:
    from perovsim.teach.theory import display

    writer.body.append(f'<div class="math">{display(node.astext())}</div>')
    raise nodes.SkipNode
