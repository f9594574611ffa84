"""`wandb-logging show`: prints what a run holds."""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from wandb_logging._cli.arguments import seconds
from wandb_logging._cli.charts import Curves, charts
from wandb_logging._cli.found import run_named
from wandb_logging._cli.output import DONE, PROG, Line, Styled, say_all, styled, width
from wandb_logging._cli.states import state_of
from wandb_logging._cli.text import age, as_json, brief, labelled
from wandb_logging._cli.watching import watch
from wandb_logging._errors import JournalError
from wandb_logging._journal.metadata import captured_environment, git_of
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.read import Overview, read_overview
from wandb_logging._reading.replay import rows_of
from wandb_logging._settings.settings import Settings
from wandb_logging._values.nested import leaves
from wandb_logging._values.plain import loads
from wandb_logging._wording import counted

_PERIOD = 2.0
_CHARTS = 8  # most charts: more would scroll the first ones away

MORE = ("A run is named by its path, id or name, or how one of these begins.",)
EXAMPLES = ("show", "show 3kq9x0ab --metric loss --metric 'val/*'", "show 3kq9 --watch", "show 3kq9 --json")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="a run directory, or a run in the cache folder; default: the newest there"
    )
    parser.add_argument(
        "--metric", action="append", default=[], metavar="GLOB", help="only metrics like this; may be given again"
    )
    parser.add_argument(
        "--watch",
        nargs="?",
        type=_period,
        const=_PERIOD,
        metavar="S",
        help="draw its charts anew every S seconds (default 2) until it ends",
    )
    parser.add_argument("--json", action="store_true", help="print an object, for programs; --metric adds its rows")


def _period(text: str) -> float | str:
    """Parse the seconds of `--watch`; what is no number is the run, which somebody wrote behind it."""
    try:
        float(text)
    except ValueError:
        return text
    return seconds(text)


def run(args: argparse.Namespace) -> int:
    """Print the parts of the run that are not empty."""
    if isinstance(args.watch, str):
        if args.run is not None:
            raise JournalError(f"--watch takes a number of seconds, and {args.watch!r} is none")
        args.run, args.watch = args.watch, _PERIOD
    path = run_named(args.run, Settings().cache_dir)
    if args.watch is not None:
        watch(path, lambda known: named(args.metric, known) if args.metric else known[:_CHARTS], args.watch)
        return DONE
    if args.json:
        say_all(json_lines(path, args.metric))
        return DONE
    chosen = _chosen(args.metric) if args.metric else lambda _name, drawn: drawn < _CHARTS
    curves = Curves(chosen)
    data = read_overview(path, lambda delta: curves.add(map(loads, delta.rows)))
    if args.metric:
        say_all(charts({name: curves.found[name] for name in named(args.metric, curves.names)}))
        return DONE
    say_all(labelled_lines(head_pairs(data, time.time())))
    for title, values in (("config", data.config), ("summary", data.summary)):
        pairs = [(name, brief(value, width() // 2 - 4)) for name, value in leaves(values) if name[:1] != "_"]
        if pairs:
            say_all(["", styled(title, "bold"), *labelled(pairs, "  ", width())])
    if curves.found:
        say_all(["", *charts(curves.found)])
    more = [name for name in curves.names if name not in curves.found]
    if more:
        say_all(["", f"{len(more)} more, with --metric NAME: {', '.join(more)}"])
    return DONE


def _chosen(wanted: Sequence[str]) -> Callable[[str, int], bool]:
    """A function that says whether a metric is wanted, or fits one of the wanted patterns."""
    return lambda name, _drawn: any(name == text or fnmatch.fnmatchcase(name, text) for text in wanted)


def named(wanted: Sequence[str], metrics: Iterable[str]) -> list[str]:
    """The wanted metrics, each once.

    Args:
        wanted: names, or patterns with `*`, `?` and `[...]`.
        metrics: the names of all metrics.

    Raises:
        JournalError: a name or pattern fits no metric.
    """
    known = list(metrics)
    found: dict[str, None] = {}
    for name in wanted:
        fitting = [name] if name in known else [other for other in known if fnmatch.fnmatchcase(other, name)]
        if not fitting:
            near = difflib.get_close_matches(name, known, 3) or known[:_CHARTS]
            raise JournalError(f"no numbers under the metric {name!r}; there are: {', '.join(near) or 'none'}")
        found.update(dict.fromkeys(fitting))
    return list(found)


def json_lines(path: Path, wanted: Sequence[str]) -> Iterator[str]:
    """A run as one JSON object for programs, line by line.

    Args:
        path: the run directory.
        wanted: metrics whose rows are included, as names or patterns. Each row is read when its line is due.

    Raises:
        JournalError: the run cannot be read, or there is no such metric.
        OSError: the journal cannot be read.
    """
    known: dict[str, None] = {}
    data = read_overview(path, lambda delta: known.update(_names(map(loads, delta.rows))) if wanted else None)
    names = set(named(wanted, known))
    *lines, end = as_json(_object_of(data))
    if not wanted:
        yield from (*lines, end)
        return
    yield from (*lines[:-1], f"{lines[-1]},", ' "history": [')
    before: list[str] = []
    for row in rows_of(RunDir(path)):
        values = {name: value for name, value in leaves(row) if name in names}
        if values:
            yield from (*before[:-1], *(f"{line}," for line in before[-1:]))
            before = [f"  {line}" for line in as_json({"_step": row["_step"], **values})]
    yield from (*before, " ]", end)


def _names(rows: Iterable[Mapping[str, object]]) -> dict[str, None]:
    return dict.fromkeys(name for row in rows for name, _ in leaves(row))


def _object_of(data: Overview) -> dict[str, object]:
    info = data.info
    about = {key: info.get(key) for key in ("id", "project", "entity", "notes", "group", "job_type", "tags", "mode")}
    return {
        **about,
        "name": data.name,
        "url": data.url,
        "path": str(data.path),
        "start": info["start"],
        "state": state_of(data),
        "exit_code": data.exit_code,
        "rows": data.row_count,
        "text_lines": data.line_count,
        "unsent": data.unsent,
        "damaged": data.damaged,
        "git": git_of(captured_environment(RunDir(data.path))),
        "config": data.config,
        "summary": data.summary,
    }


def labelled_lines(pairs: Sequence[tuple[str, str]]) -> list[Line]:
    """The lines of `labelled`, with the styles of the values kept."""
    lines: list[Line] = []
    for line, (_, value) in zip(labelled(pairs), pairs):
        styled = isinstance(value, Styled) and line.endswith(value)
        lines.append([line[: -len(value)], value] if styled else line)
    return lines


def head_pairs(run: Overview, now: float) -> list[tuple[str, str]]:
    """The facts that identify a run, as pairs of name and value. What is not known is left out."""
    info = run.info
    start = float(info["start"])
    state = state_of(run)
    ended = "" if run.exit_code is None else f", exit code {run.exit_code:d}"
    typed = shlex.quote(str(run.path))
    git = git_of(captured_environment(RunDir(run.path)))
    facts = [
        ("run", info.get("id")),
        ("name", run.name),
        ("project", "/".join(str(part) for part in (info.get("entity"), info.get("project")) if part)),
        ("group", info.get("group")),
        ("job type", info.get("job_type")),
        ("tags", ", ".join(map(str, info.get("tags") or []))),
        ("notes", info.get("notes")),
        ("url", run.url),
        ("path", run.path),
        ("started", f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(start))}, {age(now - start)} ago"),
        ("git", " of ".join(filter(None, map(git.get, ("commit", "remote"))))),
        ("state", styled(state + ended, state.style)),
        ("logged", f"{counted(run.row_count, 'row')}, {counted(run.line_count, 'text line')}"),
        (
            "unsent",
            f"{counted(run.unsent, 'line')}: `{PROG} sync {typed}`" if run.unsent else None,
        ),
        ("damaged", f"{counted(run.damaged, 'line')} of the journal cannot be read" if run.damaged else None),
    ]
    return [(name, value if isinstance(value, Styled) else str(value)) for name, value in facts if value]
