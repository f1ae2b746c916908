"""Parser, exit codes and messages of the command line.

Exit codes: 0 done, 1 a fault of perovsim itself, 2 bad input (one line says what and what to do),
130 interrupted (one line says what was kept).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from perovsim import __version__
from perovsim.cli import check, cite, compare, film, fit, new, run, scan, show, simulate, teach, validate
from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError

VERBS: tuple[ModuleType, ...] = (
    run, check, show, simulate, scan, film, compare, fit, validate, cite, teach, new,
)  # fmt: skip
OK, FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}; see {self.prog} --help\n")


def entry() -> NoReturn:
    """Run the command line of this process.

    The arguments leave sys.argv: FiPy reads it when imported and would take ours for its own.
    """
    arguments = sys.argv[1:]
    del sys.argv[1:]
    sys.exit(main(arguments))


def main(arguments: Sequence[str]) -> int:
    """Run one verb and return the exit code."""
    args = build_parser().parse_args(arguments)
    kept = Kept()
    try:
        args.verb.run(args, kept)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        if args.debug:
            raise
        return _explain(error, args.prog, kept)
    return OK


def build_parser() -> Parser:
    """Return the parser of all verbs."""
    parser = Parser(
        prog="perovsim",
        description="Degradation of halide perovskite LEDs, from device physics to 4D-STEM.",
        epilog="Start with:  perovsim run models/studies/nanoled_like.toml --out out/",
    )
    parser.add_argument("--version", action="version", version=f"perovsim {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for module in VERBS:
        verb = verbs.add_parser(
            module.NAME,
            help=module.HELP,
            description=module.HELP[0].upper() + module.HELP[1:] + ".",
            epilog="Example:\n" + "".join(f"  {line}\n" for line in module.EXAMPLES),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_argument("--debug", action="store_true", help="show the traceback of an error")
        module.add_arguments(verb)
        verb.set_defaults(verb=module, prog=verb.prog)
    return parser


def _explain(error: BaseException, prog: str, kept: Kept) -> int:
    if isinstance(error, BrokenPipeError):  # the reader of a pipe, such as head, has left
        sys.stderr.close()
        return OK
    if isinstance(error, KeyboardInterrupt):
        return _say(f"{prog}: interrupted; {kept}", INTERRUPTED)
    if isinstance(error, PerovsimError):
        return _say(f"{prog}: {error}{kept.after_error()}", BAD_INPUT)
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return _say(f"{prog}: {place}{error.strerror}{kept.after_error()}", BAD_INPUT)
    text = f"{type(error).__name__}: {error}"
    return _say(f"{prog}: fault in perovsim: {text}; repeat with --debug and report it", FAULT)


def _say(message: str, code: int) -> int:
    print(" ".join(message.split()), file=sys.stderr)
    return code
