"""``perovsim film``: the whole stack under the nanobeam at a list of times, and the movie."""

from __future__ import annotations

import argparse
from pathlib import Path

from perovsim.cli.files import output_file
from perovsim.cli.kept import Kept
from perovsim.errors import PerovsimError
from perovsim.progress import Progress

NAME = "film"
HELP = "record 4D-STEM scans of the whole stack at many times, and a movie; continues where it stopped"
EXAMPLES = (
    "perovsim film out/base.nc stem_300kv --times '0 s, 1 s, 1 min, 10 min, 1 h' --out out/film.zarr",
    "perovsim film out/base.nc stem_300kv --dose '20 electron/angstrom^2' --step '2 nm' \\",
    "    --out out/film.zarr --movie out/film.mp4 --audit 50",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("result", metavar="RESULT", help="result file (.nc)")
    parser.add_argument("microscope", metavar="MICROSCOPE", help="microscope file or shipped name")
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--times", metavar="T, T, ...", help="of the scans, such as '0 s, 1 min, 1 h'")
    when.add_argument("--dose", help="of the whole film, such as '20 electron/angstrom^2': as many scans as it allows")
    parser.add_argument("--region", metavar="X0, X1", help="across the stack (the lattice to 10 nm of the contact)")
    parser.add_argument("--rows", default="40 nm", help="extent along the interface (40 nm)")
    parser.add_argument("--step", default="1 nm", help="distance of the patterns (1 nm)")
    parser.add_argument("--thickness", default="10 nm", help="along the beam (10 nm)")
    parser.add_argument("--error", type=float, default=0.15, help="mean deviation of patterns tolerated (0.15)")
    parser.add_argument("--mode", default="nanobeam", help="of the microscope (nanobeam)")
    parser.add_argument("--audit", type=int, default=0, metavar="N", help="points computed again by abTEM (0)")
    parser.add_argument("--seed", type=int, default=1, help="of every random choice (1)")
    parser.add_argument("--movie", metavar="FILE", help=".mp4 or .gif (beside --out, .mp4)")
    parser.add_argument("--out", metavar="FILE.zarr", required=True, help="film to write or continue")


def run(args: argparse.Namespace, kept: Kept) -> None:
    import perovsim as ps
    from perovsim.microscopy.film import audit_film, record_film, strain_maps
    from perovsim.plot.movie import CODECS, save_movie

    if args.seed < 0 or args.audit < 0:
        raise PerovsimError(f"--seed {args.seed} and --audit {args.audit} must be 0 or more")
    out = _store_path(args.out)
    movie = output_file(args.movie or str(out.with_suffix(".mp4")), CODECS)
    result, microscope = ps.load_result(args.result), ps.load_microscope(args.microscope)
    kept.remedy = f"every finished row lies in {out}; the same command continues there"
    with Progress() as line:
        film = record_film(
            result,
            microscope,
            out,
            times=None if args.times is None else _words(args.times),
            dose=args.dose,
            region=None if args.region is None else _pair(args.region),
            rows=args.rows,
            step=args.step,
            thickness=args.thickness,
            error=args.error,
            mode=args.mode,
            seed=args.seed,
            tell=line,
        )
        kept.add(out)
        strain = strain_maps(film, result, lambda share: line("strain maps", share))
        save_movie(film, strain, movie, lambda share: line("movie", share))
        kept.add(movie)
        audit = audit_film(film, result, microscope, args.audit, args.seed, tell=line) if args.audit else None
    print(film.shares())
    if audit is not None:
        print(audit)
    print(f"written: {out}, {movie}")


def _store_path(text: str) -> Path:
    """Return the path of the film; an existing store is continued."""
    path = Path(text)
    if path.suffix.lower() != ".zarr":
        raise PerovsimError(f"--out {path}: the ending must be .zarr")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pair(text: str) -> tuple[str, str]:
    parts = _words(text)
    if len(parts) != 2:
        raise PerovsimError(f"--region {text}: give two positions, such as '20 nm, 120 nm'")
    return parts[0], parts[1]
