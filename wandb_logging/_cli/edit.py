"""`wandb-logging edit`: makes a changed copy of a run."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wandb_logging._cli.found import run_named
from wandb_logging._cli.output import DONE, LEFT, PROG, USAGE, complain, say, words_of
from wandb_logging._editing.changes import Drop, Editor, Rename
from wandb_logging._editing.copying import Copied, copied
from wandb_logging._errors import JournalError, SettingsError
from wandb_logging._journal.rundir import RunDir
from wandb_logging._settings.settings import Settings
from wandb_logging._wording import counted

MORE = (
    "The runs that are given stay as they are. Several become one: rows of the same step are joined, where both have a",
    "metric the later run counts. The copy goes into another folder, from where it is shown and sent as any run.",
    "A metric is named as on W&B's page (val.acc is nested), with a * at the end for all that begin so. Steps are from",
    "the first to the last, both included. Each change names a metric as the original does: of a metric that is also",
    "renamed, --drop takes the old name.",
    "Exit code: 0 done, 1 a run cannot be read or a change fits nothing, 2 wrong usage.",
)
EXAMPLES = (
    "edit 3kq9x0ab --rename lss=loss --rename 'train/*=fit/*'",
    "edit 3kq9x0ab --drop debug --drop loss@0:10 --drop @5000:",
    "edit 3kq9x0ab 7hw2m1cd --append --id joined --name 'both halves'",
    "edit 3kq9x0ab --project other --entity team --into moved",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("run", nargs="+", metavar="RUN", help="a run directory, id or name; several become one")
    parser.add_argument(
        "--rename", type=_kind(Rename.of), action="append", default=[], metavar="OLD=NEW", help="give a metric a name"
    )
    parser.add_argument(
        "--drop",
        type=_kind(Drop.of),
        action="append",
        default=[],
        metavar="METRIC[@FROM:TO]",
        help="leave out a metric (by its old name), some steps of it, or with @FROM:TO alone some steps of all",
    )
    parser.add_argument(
        "--append", action="store_true", help="of several runs count the steps of each on from the one before"
    )
    parser.add_argument(
        "--into", type=Path, metavar="DIR", help="folder for the copy; default: the run's, with -edited"
    )
    other = parser.add_argument_group("who the copy is", "What differs from the run, or from the first of several.")
    other.add_argument("--id", metavar="ID", help="id of the copy")
    other.add_argument("--name", metavar="NAME", help="name of the copy")
    other.add_argument("--project", metavar="NAME", help="project to send it to")
    other.add_argument("--entity", metavar="NAME", help="team or user to send it to")


def _kind(made: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return made(text)
        except ValueError as exc:
            raise argparse.ArgumentTypeError(str(exc)) from None

    return read


def run(args: argparse.Namespace) -> int:
    """Make the copy, and say how it differs from the run."""
    who = {name: value for name in ("id", "name", "project", "entity") if (value := getattr(args, name)) is not None}
    empty = [name for name, value in who.items() if not value.strip()]  # to Settings as if it were not given
    if empty:
        complain(f"--{empty[0]}: expected a text that is not empty")
        return USAGE
    try:
        Settings(**{"run_id" if name == "id" else name: value for name, value in who.items()})
    except SettingsError as exc:
        complain(str(exc))
        return USAGE
    try:
        paths = _named(args.run)
        if (twice := _twice(paths)) is not None:
            complain(f"{twice} is given twice: a run becomes one with others, not with itself")
            return USAGE
        sources = [RunDir(path) for path in paths]
        into = args.into or _beside(sources[0])
        done = copied(sources, Editor(args.rename, args.drop, tuple(who)), who, into, append=args.append)
    except (JournalError, OSError) as exc:
        complain(words_of(exc))
        return LEFT
    say(_said(done))
    _warn(done, sources)
    typed = shlex.quote(str(done.path))
    say(f"`{PROG} show {typed}` shows it, `{PROG} sync {typed}` sends it.")
    return DONE


def _named(wanted: list[str]) -> list[Path]:
    cache_dir = Settings().cache_dir
    return [run_named(each, cache_dir) for each in wanted]


def _twice(paths: list[Path]) -> Path | None:
    """A run that is there more than once, however it was named."""
    places = [path.resolve() for path in paths]
    return next((path for at, path in enumerate(paths) if places[at] in places[:at]), None)


def _beside(run_dir: RunDir) -> Path:
    """The folder for copies. It is beside the folder of all runs, so that syncing that one does not send the copies."""
    cache_dir = run_dir.path.absolute().parent.parent
    return cache_dir.with_name(f"{cache_dir.name}-edited")


def _said(done: Copied) -> str:
    parts = [counted(done.rows, "row")]
    parts += [f"{counted(done.renamed, 'point')} renamed"] if done.renamed else []
    parts += [f"{counted(done.dropped, 'point')} left out"] if done.dropped else []
    return f"{done.path} ({', '.join(parts)})"


def _warn(done: Copied, sources: list[RunDir]) -> None:
    """Say what the copy lacks although nobody asked to leave it out."""
    if done.damaged:
        complain(f"{counted(done.damaged, 'damaged line')} could not be read")
    if done.missing:
        complain(f"what is on the server alone is not in the copy: {counted(done.missing, 'row')}")
    for each in sources:
        if each.alive():
            complain(f"{each.path} goes on: the copy has what was logged by now")
