"""`wandb-logging sync`."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wandb_logging._cli.arguments import add_host, jobs, seconds
from wandb_logging._cli.event_folders import made_of_events
from wandb_logging._cli.found import run_named, runs_in
from wandb_logging._cli.interrupting import interruptible
from wandb_logging._cli.output import DONE, INTERRUPTED, LEFT, PROG, USAGE, complain, draws, say, words_of
from wandb_logging._cli.rules import rules_of
from wandb_logging._cli.text import counted
from wandb_logging._errors import JournalError, SettingsError, WandbLoggingError
from wandb_logging._journal.rundir import RunDir
from wandb_logging._report import Report
from wandb_logging._sending.ranks import RANKS, split
from wandb_logging._sending.rules import change_rules
from wandb_logging._sending.sync import sync
from wandb_logging._settings.settings import Settings

_JOBS = 8  # where answers take long, one run after the other waits for most of the time
_TOUCH = 5.0  # seconds between two plain progress lines of one run

MORE = (
    "Folders of TensorBoard event files are made runs first. Again, what is new in them is added, and nothing twice.",
    "Exit code: 0 all is sent, 1 something is left, 2 wrong usage.",
)
EXAMPLES = (
    "sync",
    "sync 3kq9x0ab --follow",
    "sync --follow --until-idle 600",
    "sync --jobs 32",
    "sync --ranks all",
    "sync /data/wandb_cache --timeout 60",
    "sync lightning_logs --project digits",
    "sync 3kq9x0ab --rules rules.yaml",
    "sync 3kq9x0ab --entity my-team",
    "sync 3kq9x0ab --as-new",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed behind it."""
    parser.add_argument(
        "path",
        nargs="*",
        metavar="RUN",
        help="run directories, folders of them or of event files, or ids; default: the cache folder",
    )
    parser.add_argument(
        "--follow", action="store_true", help="keep sending until every run has ended; wait for the first"
    )
    parser.add_argument(
        "--until-idle",
        type=seconds,
        metavar="S",
        help="with --follow: go on until for S seconds every run has ended and none has begun",
    )
    parser.add_argument("--timeout", type=seconds, metavar="S", help="stop after so many seconds")
    parser.add_argument("--jobs", type=jobs, default=_JOBS, metavar="N", help=f"runs sent at once; default: {_JOBS}")
    parser.add_argument(
        "--ranks",
        choices=RANKS,
        default="zero",
        help="of a launch with several ranks send the run of rank 0 (zero), what all of them logged in that run (all), "
        "each rank in a run of one group (group), or in a run (each); default: zero",
    )
    parser.add_argument(
        "--rules", type=Path, metavar="RULES", help="find metrics in the text that is not sent yet by these rules"
    )
    add_host(parser)
    other = parser.add_argument_group("elsewhere", "What differs from what the run was made with. It is remembered.")
    other.add_argument("--entity", metavar="NAME", help="team or user to send to")
    other.add_argument("--project", metavar="NAME", help="project to send to")
    other.add_argument("--name", metavar="NAME", help="name of the run, also of one that is sent")
    other.add_argument("--id", metavar="ID", help="id of the run on the server")
    other.add_argument("--as-new", action="store_true", help="send all of it as a new run, with an id of its own")


def run(args: argparse.Namespace) -> int:
    """Send, show how it goes on, and say of each run what came of it."""
    try:
        _check(args)
        paths, whole = made_of_events(_paths(args.path, Settings().cache_dir))
    except (JournalError, SettingsError) as exc:
        complain(str(exc))
        return USAGE
    found, all_read = runs_in(paths)
    all_read = all_read and whole
    try:
        runs, held = split(found, args.ranks, paths)
    except (JournalError, OSError) as exc:
        complain(str(exc))
        return LEFT
    if not found and not args.follow:
        if all_read:
            say(f"no runs in {', '.join(map(str, paths))}")
        return DONE if all_read else LEFT
    _say_held(held, paths)
    if args.follow and not found:
        complain(f"no runs in {', '.join(map(str, paths))} yet: waiting; Ctrl-C stops")
    elif args.follow and sys.stderr.isatty():
        complain("sending until every run has ended; Ctrl-C stops, and loses nothing")
    progress = Progress({run.path: _unsent(run) for run in runs})
    try:
        _change_rules(runs, args.rules)
        with progress:
            reports = interruptible(
                lambda stop: sync(
                    paths if args.follow else [run.path for run in runs],
                    host=args.host,
                    entity=args.entity,
                    project=args.project,
                    name=args.name,
                    run_id=args.id,
                    as_new=args.as_new,
                    timeout=args.timeout,
                    follow=args.follow,
                    until_idle=args.until_idle,
                    ranks=args.ranks if args.follow else "zero",
                    jobs=args.jobs,
                    ask=bool(args.path) and {run.path for run in runs} <= set(paths),
                    on_progress=progress.show,
                    stop=stop,
                )
            )
    except ValueError as exc:  # of the wishes: what goes wrong with a run is in its report
        complain(str(exc))
        return USAGE
    except KeyboardInterrupt:
        _print_reports(progress.reports)
        how = f"`{PROG} sync` with their folders" if args.as_new else "The same command"
        complain(f"stopped; {counted(progress.left, 'line')} left. {how} goes on from here")
        return INTERRUPTED
    changed = {report.path for report in progress.reports}
    new, known = news(reports, changed)
    _print_reports(new, changed)
    if known:
        say(f"{known} runs: already sent")
    return DONE if all_read and all(report.ok or report.sender for report in reports) else LEFT


def _check(args: argparse.Namespace) -> None:
    """Whether what was typed goes together.

    Raises:
        SettingsError: it does not.
    """
    if args.until_idle is not None and not args.follow:
        raise SettingsError("--until-idle goes with --follow")
    for option in ("as_new", "id", "name", "rules"):
        if getattr(args, option) and not args.path:
            typed = f"--{option.replace('_', '-')}"
            raise SettingsError(f"{typed}: say of which run, as in `{PROG} sync RUN {typed}`; `{PROG} ls` lists them")


def _paths(wanted: Sequence[str], cache_dir: Path) -> list[Path]:
    """What was asked for as paths: it may be a path, or a run in the cache folder.

    Raises:
        JournalError: it is neither.
    """
    return [Path(name) if Path(name).exists() else run_named(name, cache_dir) for name in wanted] or [cache_dir]


def _change_rules(runs: Sequence[RunDir], path: Path | None) -> None:
    """Give the runs other rules, if some were named.

    Raises:
        ValueError: they are wrong, or a run cannot have them now.
    """
    try:
        rules = None if path is None else rules_of(path)
        for run_dir in runs if rules is not None else ():
            change_rules(run_dir, rules or ())
    except (OSError, WandbLoggingError) as exc:
        raise ValueError(words_of(exc)) from None


def _say_held(held: Sequence[RunDir], paths: Sequence[Path]) -> None:
    lines = sum(map(_unsent, held))
    if lines:
        runs, stay = counted(len(held), "run"), "stays" if len(held) == 1 else "stay"
        where = " ".join(map(shlex.quote, map(str, paths)))
        say(f"{runs} of other ranks ({counted(lines, 'line')}) {stay} here: `{PROG} sync --ranks all {where}` sends")


def _unsent(run_dir: RunDir) -> int:
    try:
        return run_dir.lines_after(run_dir.cursor.position)
    except OSError:
        return 0  # sending it will say what is wrong


class Progress:
    """Shows how sending goes on: a bar on a terminal, a line now and then elsewhere.

    Args:
        left: unsent lines by run directory.
    """

    def __init__(self, left: Mapping[Path | None, int]) -> None:
        self._left = dict(left)
        self._latest: dict[Path | None, Report] = {}
        self._said: dict[Path | None, float] = {}
        self._done = 0
        self._bar: Any = None

    @property
    def left(self) -> int:
        """Unsent lines of all runs."""
        return sum(self._left.values())

    @property
    def reports(self) -> list[Report]:
        """The latest report of each run that has one."""
        return list(self._latest.values())

    def __enter__(self) -> None:
        if self.left and sys.stderr.isatty():
            with contextlib.suppress(ImportError):
                import tqdm  # noqa: PLC0415  an extra

                self._bar = tqdm.tqdm(total=self.left, unit=" lines", desc="sync", ascii=not draws(), leave=False)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, report: Report) -> None:
        """Take a report: the uploader's `on_progress`."""
        self._done += max(0, self._left.get(report.path, 0) - report.remaining)
        self._left[report.path] = report.remaining
        self._latest[report.path] = report
        if self._bar is not None:
            self._bar.total = self._done + self.left
            self._bar.n = self._done
            self._bar.refresh()
        elif report.remaining and time.monotonic() - self._said.get(report.path, -_TOUCH) >= _TOUCH:
            self._said[report.path] = time.monotonic()
            sent, left = counted(report.rows, "row"), counted(report.remaining, "line")
            say(f"{report_name(report)}: {sent} sent, {left} left", flush=True)


def _print_reports(reports: Sequence[Report], changed: Container[Path | None] | None = None) -> None:
    for report in reports:
        if report.error is None:
            say(report_line(report, before=changed is not None and report.path not in changed))
    for line in error_lines(reports):
        complain(line)


def error_lines(reports: Iterable[Report]) -> list[str]:
    """What went wrong, each reason once: a key that is missing is missing for every run."""
    by_reason: dict[str, list[Report]] = {}
    for report in reports:
        if report.error is not None:
            without_path = report.error.replace(str(report.path), "")  # which a hint in it may name
            by_reason.setdefault(without_path, []).append(report)
    lines = []
    for same in by_reason.values():
        reason = same[0].error
        more = f" and {counted(len(same) - 1, 'more run')}" if len(same) > 1 else ""
        remaining = sum(report.remaining for report in same)
        left = f"{counted(remaining, 'line')} left: " if remaining else ""
        lines.append(f"{report_name(same[0])}{more}: {left}{reason}")
    return lines


def news(reports: Sequence[Report], changed: Container[Path | None]) -> tuple[list[Report], int]:
    """The reports to print one by one, and how many runs were on the server before and only need counting.

    Args:
        reports: of all runs.
        changed: directories of which something was sent now.
    """
    known = [report for report in reports if report.ok and report.finished and report.path not in changed]
    if len(known) < 2:
        return list(reports), 0
    return [report for report in reports if report not in known], len(known)


def report_name(report: Report) -> str:
    """Project and id of the run a report is of, as its directory has them: that tells two runs of one id apart."""
    if report.path is None:
        return f"{report.project}/{report.run_id}"
    return f"{report.path.absolute().parent.name}/{report.path.absolute().name}"


def report_line(report: Report, *, before: bool = False) -> str:
    """What a report without an error says, in one line.

    Args:
        before: whether all of it was sent before.
    """
    name = report_name(report)
    if report.sender:
        return f"{name}: is being sent by {report.sender}, and left to it"
    counts = [(report.rows, "row"), (report.lines, "text line"), (report.files, "file")]
    logged = ", ".join(counted(number, noun) for number, noun in counts if number)
    said = f"{logged} sent" if logged and not before else logged or "nothing logged"
    parts = [f"already sent: {said}" if before else said]
    if report.remaining:
        parts.append(f"{counted(report.remaining, 'line')} left")
    if report.set_aside:
        parts.append(f"{report.set_aside} set aside (aside.jsonl in {report.path})")
    if not report.remaining:
        parts.append(_end(report))
    return f"{name}: {', '.join(parts)}" + (f": {report.url}" if report.url else "")


def _end(report: Report) -> str:
    if not report.finished:
        return "the run goes on"
    return f"marked as failed (exit code {report.exit_code})" if report.exit_code else "finished"
