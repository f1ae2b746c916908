"""``perovsim teach``: lessons in the browser, or as HTML files for a class without Python."""

from __future__ import annotations

import argparse

from perovsim.cli.kept import Kept

NAME = "teach"
HELP = "open lessons in the browser whose sliders run the model, or write them as offline HTML files"
EXAMPLES = (
    "perovsim teach",
    "perovsim teach --no-browser --port 8080",
    "perovsim teach --export lessons/",
    "perovsim teach --export lessons/ --lesson microscope",
)
PORT = 2718


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=PORT, help=f"port on this computer (default {PORT})")
    parser.add_argument("--no-browser", action="store_true", help="serve without opening the browser")
    parser.add_argument("--export", metavar="DIR", help="write one HTML file per lesson instead")
    parser.add_argument("--lesson", metavar="KEY", action="append", help="export only this lesson; can be repeated")


def run(args: argparse.Namespace, kept: Kept) -> None:
    from perovsim.errors import PerovsimError

    if args.export is not None:
        _export(args, kept)
        return
    if args.lesson:
        raise PerovsimError("--lesson chooses what --export writes; add --export DIR, or leave it out")
    from perovsim.teach.server import serve

    serve(args.port, browser=not args.no_browser, say=_say)


def _export(args: argparse.Namespace, kept: Kept) -> None:
    from perovsim.progress import Progress
    from perovsim.teach import LESSONS
    from perovsim.teach.export import export

    with Progress() as line:
        for path in export(args.export, args.lesson or LESSONS, line):
            kept.add(path)
    print("written: " + ", ".join(kept.files))


def _say(text: str) -> None:
    print(text, flush=True)
