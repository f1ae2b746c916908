"""Serve the lessons on this computer: an index, the marimo pages, and the theory."""

from __future__ import annotations

import re
import webbrowser
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from perovsim.errors import PerovsimError
from perovsim.teach import LESSONS, load_lesson

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST = "127.0.0.1"
"""Only this computer sees the lessons."""
OPEN_AFTER = 1.0
"""The browser opens this long [s] after the server begins to start."""
FOLDER = Path(__file__).parent
ASSETS = "/page"
"""Address of the scripts of marimo: one for all lessons, so that a browser reads them once, not for each lesson."""
HEAD = """<style title="marimo-custom">
:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
</style>"""
"""Where the keyboard is must be seen; marimo copies styles of this title to its controls."""
UNCHANGED = {"Cache-Control": "public, max-age=31536000, immutable"}
"""Names of marimo's scripts hold a hash of their content: a browser need not ask again."""


def serve(port: int, browser: bool = True, say: Callable[[str], None] = print) -> None:
    """Serve the lessons until Ctrl-C; the first view of each is computed before the browser opens."""
    import uvicorn

    check_port(port)
    say("the first start on a machine compiles the model, which takes some minutes; later ones take seconds")
    for key in LESSONS:
        say(f"preparing lesson: {load_lesson(key).title}")
        load_lesson(key).view(load_lesson(key).start)
    app = make_app()
    say(f"lessons at http://{HOST}:{port}/ (Ctrl-C ends)")
    if browser:
        Timer(OPEN_AFTER, webbrowser.open, (f"http://{HOST}:{port}/",)).start()
    uvicorn.run(app, host=HOST, port=port, log_level="warning")


def check_port(port: int) -> None:
    """Raise PerovsimError for a port that cannot be served on."""
    import socket

    if not 1024 <= port <= 65535:
        raise PerovsimError(f"port {port} cannot be used; allowed: 1024 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, port))
        except OSError:
            raise PerovsimError(f"port {port} is taken by another program; name another with --port") from None


def make_app() -> Starlette:
    """The web application: / lists the lessons, /lesson/KEY/ is a lesson, /theory/NAME its theory."""
    import marimo
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Mount, Route

    builder = marimo.create_asgi_app(quiet=True, include_code=False, asset_url=ASSETS, html_head=HEAD)
    for key in LESSONS:
        builder = builder.with_app(path=f"/{key}", root=str(FOLDER / "lessons" / f"{key}.py"))

    async def index(request: Any) -> HTMLResponse:
        return HTMLResponse(index_html(more=_ahead()))

    async def theory(request: Any) -> HTMLResponse:
        return _theory(request.path_params["name"])

    return Starlette(
        routes=[
            Route("/", index),
            Route("/theory/{name}", theory),
            Mount("/lesson", builder.build()),
            Mount(ASSETS, _scripts()),
        ]
    )


def _scripts() -> Any:
    """The scripts, styles and letters of marimo, with leave to keep them."""
    from starlette.staticfiles import StaticFiles

    class Kept(StaticFiles):
        def file_response(self, *args: Any, **words: Any) -> Any:
            reply = super().file_response(*args, **words)
            if Path(args[0]).parent.name == "assets":
                reply.headers.update(UNCHANGED)
            return reply

    return Kept(directory=_marimo_scripts())


@lru_cache
def _ahead() -> str:
    """Links by which a browser fetches the scripts of the lessons while the reader chooses one."""
    page = (_marimo_scripts() / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r'(?:href|src)="\./(assets/[^"]+\.js)"', page)
    return "".join(f'<link rel="prefetch" as="script" crossorigin href="{ASSETS}/{name}">' for name in scripts)


def _marimo_scripts() -> Path:
    import marimo

    return Path(marimo.__file__).parent / "_static"


def _theory(name: str) -> Any:
    from starlette.responses import HTMLResponse

    from perovsim.teach.theory import page_names, theory_html, theory_title
    from perovsim.teach.web import fill

    if name not in page_names():
        return HTMLResponse(fill("plain.html", title="No such page", body="<p>There is no such page.</p>"), 404)
    return HTMLResponse(fill("plain.html", title=theory_title(name), body=theory_html(name)))


def index_html(address: str = "/lesson/{key}/", more: str = "") -> str:
    """A page with a link to each lesson; `address` makes the link of a key, `more` is HTML below."""
    from html import escape

    from perovsim.teach.web import fill

    lessons = [load_lesson(key) for key in LESSONS]
    items = "".join(
        f'<li><a href="{address.format(key=one.key)}">{escape(one.title)}</a><br>{escape(one.question)}</li>'
        for one in lessons
    )
    body = (
        f'<h1>perovsim: lessons</h1><p>How a halide-perovskite LED degrades.</p><ul class="lessons">{items}</ul>{more}'
    )
    return fill("plain.html", title="perovsim: lessons", body=body)
