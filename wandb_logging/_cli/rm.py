"""`wandb-logging rm`: removes runs from the disk."""

from __future__ import annotations

import argparse
from pathlib import Path

from wandb_logging._cli.found import run_named
from wandb_logging._cli.output import DONE, LEFT, PROG, complain, say, words_of
from wandb_logging._cli.removing import only_here
from wandb_logging._errors import JournalError
from wandb_logging._journal.cache_folder import remove_run
from wandb_logging._journal.rundir import RunDir
from wandb_logging._settings.settings import Settings

EXAMPLES = ("rm 3kq9x0ab", "rm digits/3kq9x0ab wandb_cache/digits/first --unsent")
MORE = (
    "What is on the server stays there. A run that is not wholly sent is left alone, unless --unsent is given.",
    "Exit code: 0 all of them are removed, 1 one is not, 2 wrong usage.",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("run", nargs="+", metavar="RUN", help="run directories, or runs in the cache folder")
    parser.add_argument("--unsent", action="store_true", help="also what is nowhere else, and is lost then")


def run(args: argparse.Namespace) -> int:
    """Remove the runs that may be removed, and say why the others may not."""
    cache_dir = Settings().cache_dir
    codes = [_remove(name, cache_dir, unsent=args.unsent) for name in args.run]
    return max(codes)


def _remove(name: str, cache_dir: Path, *, unsent: bool) -> int:
    try:
        run_dir = RunDir(run_named(name, cache_dir))
        lost = None if unsent else only_here(run_dir)
        if lost:
            complain(f"{run_dir.path}: left alone: {lost}. `{PROG} sync` sends it, `{PROG} rm --unsent` removes it")
            return LEFT
        remove_run(run_dir)
    except (JournalError, OSError) as exc:
        complain(words_of(exc))
        return LEFT
    say(f"removed {run_dir.path}")
    return DONE
