"""The command line: one verb per job; what a verb needs is imported when it is called."""

from perovsim.cli.program import entry, main

__all__ = ["entry", "main"]
