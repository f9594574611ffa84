"""`wandb-logging ls`: prints a line for each run. That costs no more than counting its unsent lines."""

from __future__ import annotations

import argparse
import fnmatch
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wandb_logging._cli.arguments import count
from wandb_logging._cli.found import runs_in
from wandb_logging._cli.output import DONE, LEFT, PROG, USAGE, complain, say, say_all, styled, width, words_of
from wandb_logging._cli.states import STATES, state_of
from wandb_logging._cli.text import age, as_json, brief, table
from wandb_logging._errors import JournalError
from wandb_logging._reading.outline import Outline, outline
from wandb_logging._reading.read import read_overview
from wandb_logging._settings.settings import Settings
from wandb_logging._values.nested import leaves
from wandb_logging._wording import counted

EXAMPLES = (
    "ls",
    "ls /data/wandb_cache --state crashed --limit 10",
    "ls --columns id,config.lr,summary.loss --sort summary.loss",
    "ls --project 'digits*' --limit 5",
    "ls --json",
)


class Column(NamedTuple):
    """A column of the list.

    Attributes:
        value: gives the column's value for a run, for programs and for sorting.
        shown: turns that value into what a person sees.
    """

    value: Callable[[Outline], Any]
    shown: Callable[[Any], str] = lambda value: "-" if value is None else str(value)


def _age(run: Outline) -> float:
    return max(0.0, time.time() - float(run.info["start"]))


# The id shown is the directory's name, which tells two runs with the same id apart.
COLUMNS = {
    "id": Column(lambda run: run.path.name),
    "project": Column(lambda run: run.info["project"]),
    "name": Column(lambda run: run.name),
    "state": Column(state_of, lambda state: styled(state, state.style)),
    "lines": Column(lambda run: run.logged),
    "unsent": Column(lambda run: run.unsent),
    "age": Column(_age, age),
    "exit_code": Column(lambda run: run.exit_code),
    "group": Column(lambda run: run.info.get("group")),
    "job_type": Column(lambda run: run.info.get("job_type")),
    "tags": Column(lambda run: run.info.get("tags") or [], ", ".join),
    "mode": Column(lambda run: run.info.get("mode")),
    "start": Column(
        lambda run: run.info["start"], lambda start: time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(start))
    ),
    "path": Column(lambda run: str(run.path)),
    "url": Column(lambda run: run.url),
}
_USUAL = ("id", "project", "name", "state", "lines", "unsent", "age")
_NARROW = ("id", "name", "state", "unsent")  # the columns for a terminal that is too narrow for the usual ones
_ROOM = 60  # a terminal at least so many characters wide shows all the usual columns
_INSIDE = ("config.", "summary.")  # a column that begins so needs the whole run to be read
_COUNTED = ("rows", "texts")  # so do these: a line of the journal is not a row, and rows come of text, too


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="default: the cache folder")
    parser.add_argument("--project", metavar="GLOB", help="only runs of this project")
    parser.add_argument("--name", metavar="GLOB", help="only runs whose name or id is like this")
    parser.add_argument(
        "--state",
        action="append",
        choices=STATES,
        metavar="STATE",
        help=f"only runs that are {', '.join(STATES[:-1])} or {STATES[-1]}; may be given again",
    )
    parser.add_argument("--sort", default="start", metavar="COLUMN", help="from low to high; default: start")
    parser.add_argument("--reverse", action="store_true", help="from high to low")
    parser.add_argument("--limit", type=count, metavar="N", help="only the last N lines of the list")
    parser.add_argument(
        "--columns",
        type=lambda text: text.split(","),
        metavar="A,B",
        help=(
            f"of {', '.join(COLUMNS)}; and, which read the whole run: rows (of its history, those found in text among "
            f"them), texts (lines of text), config.KEY, summary.KEY; default: {','.join(_USUAL)}. "
            "lines and unsent count lines of the journal"
        ),
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects, for programs")


def run(args: argparse.Namespace) -> int:
    """List the runs on stdout, and on stderr those that cannot be read."""
    terminal = sys.stdout.isatty() and not args.json
    args.columns = args.columns or (_NARROW if terminal and width() < _ROOM else _USUAL)
    unknown = [name for name in (*args.columns, args.sort) if not _is_column(name)]
    if unknown:
        known = f"{', '.join((*COLUMNS, *_COUNTED))}, config.KEY, summary.KEY"
        complain(f"no column {unknown[0]!r}; there are: {known} (see `{PROG} ls --help`)")
        return USAGE
    folder = args.dir or Settings().cache_dir
    if args.dir is not None and not folder.exists():
        raise JournalError(f"{folder}: no such folder")
    found, all_read = _outlines(folder)
    runs = chosen(found, args.project, args.name, args.state)
    rows, listed = _listed(runs, args)
    all_read = all_read and listed
    if args.json:
        say_all(as_json(rows))
    elif rows:
        shown = [[_cell(name, row[name]) for name in args.columns] for row in rows]
        head = [name.upper() if name in {*COLUMNS, *_COUNTED} else name for name in args.columns]
        say_all(table([head, *shown], width() if terminal else None))
    elif all_read:
        say(f"no runs in {folder}" if not found else f"none of {counted(len(found), 'run')} in {folder} fits")
    return DONE if all_read else LEFT


def _is_column(name: str) -> bool:
    return name in {*COLUMNS, *_COUNTED} or (name.startswith(_INSIDE) and not name.endswith("."))


def _outlines(folder: Path) -> tuple[list[Outline], bool]:
    """The outlines of the runs in a folder, and whether all could be read."""
    run_dirs, all_read = runs_in([folder], lost=True)
    found = []
    for run_dir in run_dirs:
        try:
            found.append(outline(run_dir))
        except (JournalError, OSError) as exc:
            complain(words_of(exc))
            all_read = False
    return found, all_read


def chosen(
    runs: Sequence[Outline], project: str | None = None, name: str | None = None, states: Sequence[str] | None = None
) -> list[Outline]:
    """The runs that meet all the given conditions."""

    def fits(run: Outline) -> bool:
        return (
            (project is None or fnmatch.fnmatchcase(str(run.info["project"]), project))
            and (name is None or any(fnmatch.fnmatchcase(text, name) for text in (run.path.name, run.name or "")))
            and (not states or state_of(run) in states)
        )

    return [run for run in runs if fits(run)]


def _listed(runs: Sequence[Outline], args: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    """The rows of the list in their order, and whether all runs could be read."""
    key = args.sort
    wanted = list(dict.fromkeys([*args.columns, key]))
    rows = []
    all_read = True
    for run in runs:
        try:
            rows.append(row_of(run, wanted))
        except (JournalError, OSError) as exc:
            complain(words_of(exc))
            all_read = False
    rows = in_order(rows, key, high_first=args.reverse)
    rows = rows if args.limit is None else rows[max(0, len(rows) - args.limit) :]
    return [{name: row[name] for name in args.columns} for row in rows], all_read


def row_of(run: Outline, columns: Sequence[str]) -> dict[str, Any]:
    """The values of a run, by column.

    Raises:
        JournalError, OSError: a column needs the run to be read, and it cannot be.
    """
    inside: dict[str, Any] = {}
    if any(name not in COLUMNS for name in columns):
        data = read_overview(run.path)
        inside = dict(leaves({"config": data.config, "summary": data.summary}))
        inside.update(rows=data.row_count, texts=data.line_count)
    return {name: COLUMNS[name].value(run) if name in COLUMNS else inside.get(name) for name in columns}


def in_order(rows: list[dict[str, Any]], key: str, *, high_first: bool) -> list[dict[str, Any]]:
    """Sort rows by one of their values: numbers before texts. Rows without a value are last in either direction."""
    with_value = [row for row in rows if row[key] is not None]

    def rank(row: dict[str, Any]) -> tuple[bool, Any]:
        value = row[key]
        number = isinstance(value, (int, float))
        return not number, value if number else str(value)

    ordered = sorted(with_value, key=rank, reverse=high_first)
    return ordered + [row for row in rows if row[key] is None]


def _cell(name: str, value: Any) -> str:
    if name in COLUMNS:
        return COLUMNS[name].shown(value)
    return "-" if value is None else brief(value, 40)
