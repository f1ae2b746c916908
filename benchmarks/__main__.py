"""Run one benchmark and print its JSON object as the last line."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import pkgutil
import platform
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")


def names() -> list[str]:
    """Return the names of the benchmarks: the modules beside this one."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in found if not module.name.startswith("_"))


def options(module: Any, words: list[str]) -> dict[str, Any]:
    """Read the arguments of `run` of a benchmark, each an option with its default."""
    parser = argparse.ArgumentParser(prog=f"python -m {module.__name__}", description=module.__doc__)
    for name, parameter in inspect.signature(module.run).parameters.items():
        parser.add_argument(f"--{name}", type=type(parameter.default), default=parameter.default)
    return vars(parser.parse_args(words))


def main() -> int:
    """Run the benchmark named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", metavar="NAME", choices=names(), help=", ".join(names()))
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    args, rest = parser.parse_known_args()
    module = import_module(f"benchmarks.{args.name}")
    measured: dict[str, Any] = module.run(**options(module, rest))
    if not args.json:
        print(module.__doc__.strip().splitlines()[0])
        for key, value in measured.items():
            print(f"  {key:<28} {value}")
    machine = {"python": platform.python_version(), "cpus": os.cpu_count()}
    print(json.dumps({"benchmark": args.name, **measured, **machine}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
