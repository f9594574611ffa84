"""`wandb-logging repair`: mends damaged runs."""

from __future__ import annotations

import argparse
import shlex

from wandb_logging._cli.arguments import add_runs
from wandb_logging._cli.output import DONE, LEFT, PROG, complain, say, words_of
from wandb_logging._cli.verify import runs_of
from wandb_logging._journal.repair import KEPT, in_use, repairs
from wandb_logging._journal.rundir import RunDir

MORE = (
    "Nothing is destroyed: what is replaced is kept in the folder `repaired` of the run.",
    "Exit code: 0 there is nothing (more) to do, 1 there is, or a run is in use, 2 wrong usage.",
)
EXAMPLES = ("repair", "repair 3kq9x0ab --yes")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("--yes", action="store_true", help="do it; without, only say what")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    """Say of each run what can be repaired, and with --yes repair it."""
    codes = [_repair(run_dir, yes=args.yes) for run_dir in runs_of(args.runs)]
    return max(codes, default=DONE)


def _repair(run_dir: RunDir, *, yes: bool) -> int:
    path = run_dir.path
    try:
        busy = in_use(run_dir)
        if busy:
            complain(f"{path}: left alone: {busy}")
            return LEFT
        wanted = repairs(run_dir)
        for repair in wanted:
            if yes:
                repair.do()
            say(f"{path}: {'done' if yes else 'would'}: {repair.what}")
    except OSError as exc:
        complain(words_of(exc))
        return LEFT
    if not wanted:
        say(f"{path}: nothing to repair")
    elif yes:
        say(f"{path}: what was replaced is kept in {KEPT}")
    else:
        say(f"{path}: `{PROG} repair --yes {shlex.quote(str(path))}` does it")
    return LEFT if wanted and not yes else DONE
