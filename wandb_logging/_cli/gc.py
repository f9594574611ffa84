"""`wandb-logging gc`: removes runs from the disk that are on the server."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from wandb_logging._cli.arguments import duration
from wandb_logging._cli.found import runs_in
from wandb_logging._cli.output import DONE, LEFT, PROG, USAGE, complain, say, words_of
from wandb_logging._cli.removing import last_change, only_here
from wandb_logging._errors import JournalError
from wandb_logging._journal.cache_folder import remove_run
from wandb_logging._journal.quota import usage
from wandb_logging._journal.rundir import RunDir
from wandb_logging._run.ranks import forget_launches
from wandb_logging._settings.settings import Settings
from wandb_logging._wording import counted

EXAMPLES = ("gc --sent --older-than 30d --dry-run", "gc --sent", "gc --sent /data/wandb_cache")
MORE = (
    "A run is removed if all of it is on the server, where it stays. What is not sent wholly, what was set aside, and",
    "what a process is writing is never removed.",
    "Exit code: 0 done, 1 something could not be read or removed, 2 wrong usage.",
)

_OVER = 86400.0  # a launch older than so many seconds, with no run alive, has begun all the runs it will begin


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("dir", nargs="*", type=Path, metavar="DIR", help="folders of runs; default: the cache folder")
    parser.add_argument("--sent", action="store_true", help="runs that are wholly on the server; has to be given")
    parser.add_argument(
        "--older-than", type=duration, default=0.0, metavar="AGE", help="only those unchanged for so long: 30d, 12h, 2w"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")


def run(args: argparse.Namespace) -> int:
    """Remove the runs, and say how many bytes that freed."""
    if not args.sent:
        complain(f"gc removes runs that are on the server, if you say so: `{PROG} gc --sent` (see `{PROG} gc --help`)")
        return USAGE
    missing = [path for path in args.dir if not path.exists()]
    if missing:
        raise JournalError(f"{missing[0]}: no such folder")
    run_dirs, all_well = runs_in(args.dir or [Settings().cache_dir])
    freed: list[int] = []
    for run_dir in run_dirs:
        try:
            freed += _collect(run_dir, time.time() - args.older_than, dry_run=args.dry_run)
        except (JournalError, OSError) as exc:
            complain(words_of(exc))
            all_well = False
    if not args.dry_run and all(run_dir.dead() for run_dir in run_dirs):  # else a launch may still be going on
        for folder in {run_dir.path.parent.parent for run_dir in run_dirs}:
            forget_launches(folder, time.time() - max(args.older_than, _OVER))
    say(_summary(freed, len(run_dirs), dry_run=args.dry_run))
    return DONE if all_well else LEFT


def _collect(run_dir: RunDir, before: float, *, dry_run: bool) -> Iterator[int]:
    """Remove a run if that is allowed. Yields the number of its bytes, or nothing if it stays."""
    if not run_dir.dead() or only_here(run_dir) or last_change(run_dir) > before:
        return
    size = usage(run_dir.path)
    if not dry_run:
        remove_run(run_dir)
    say(f"{'would remove' if dry_run else 'removed'} {run_dir.path}")
    yield size


def _summary(freed: Sequence[int], number: int, *, dry_run: bool) -> str:
    said = "would be removed" if dry_run else "removed"
    return f"{len(freed)} of {counted(number, 'run')} {said}, {sum(freed) / 1e6:.1f} MB"
