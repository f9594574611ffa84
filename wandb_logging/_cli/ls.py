"""`wandb-logging ls`: one line a run, which costs no more than counting what is not sent yet."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from wandb_logging._cli.found import runs_in
from wandb_logging._cli.output import DONE, LEFT, complain, width, words_of
from wandb_logging._cli.text import age, clean, table
from wandb_logging._errors import JournalError
from wandb_logging._reading.read import Outline, RunData, outline
from wandb_logging._settings.settings import Settings

_HEAD = ["ID", "PROJECT", "NAME", "STATE", "LINES", "UNSENT", "AGE"]

EXAMPLES = ("ls", "ls /data/wandb_cache")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed behind it."""
    parser.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="default: the cache folder")


def run(args: argparse.Namespace) -> int:
    """List the runs, those that cannot be read on stderr."""
    folder = args.dir or Settings().cache_dir
    if args.dir is not None and not folder.exists():
        raise JournalError(f"{folder}: no such folder")
    runs, all_read = runs_in([folder])
    rows = []
    for run_dir in runs:
        try:
            rows.append(row_of(outline(run_dir), time.time()))
        except (JournalError, OSError) as exc:
            complain(words_of(exc))
            all_read = False
    if rows:
        print("\n".join(table([_HEAD, *rows], width() if sys.stdout.isatty() else None)))
    elif all_read:
        print(f"no runs in {folder}")
    return DONE if all_read else LEFT


def row_of(run: Outline, now: float) -> list[str]:
    """What is shown of a run. Its id as its directory has it: that tells two runs of one id apart."""
    names = [run.path.name, run.info["project"], run.info.get("name") or "-"]
    numbers = [str(run.logged), str(run.unsent), age(now - run.info["start"])]
    return [*map(clean, names), state_of(run), *numbers]


def state_of(run: Outline | RunData) -> str:
    """How it stands with a run: running, finished, crashed or offline.

    `crashed` ended with an error or without a word; `offline` ended well, which the server does not know yet.
    """
    if run.alive and run.exit_code is None:
        return "running"
    if run.exit_code != 0:
        return "crashed"
    return "finished" if run.finished and not run.unsent else "offline"
