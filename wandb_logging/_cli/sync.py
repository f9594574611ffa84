"""`wandb-logging sync`: sends runs that are on disk."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Container, Sequence
from pathlib import Path

from wandb_logging._cli.arguments import add_host, add_rules, add_runs, jobs, seconds
from wandb_logging._cli.event_folders import made_of_events
from wandb_logging._cli.found import paths_of, runs_in
from wandb_logging._cli.interrupting import interruptible
from wandb_logging._cli.output import DONE, INTERRUPTED, LEFT, PROG, USAGE, complain, say, words_of
from wandb_logging._cli.progress import Progress
from wandb_logging._cli.reports import error_lines, news, report_line
from wandb_logging._cli.rules import rules_of
from wandb_logging._errors import JournalError, SettingsError, WandbLoggingError
from wandb_logging._journal.rundir import RunDir
from wandb_logging._report import Report
from wandb_logging._sending.ranks import RANKS, split
from wandb_logging._sending.rules import change_rules
from wandb_logging._sending.sync import sync
from wandb_logging._settings.settings import Settings
from wandb_logging._wording import counted

_JOBS = 8  # runs sent at once: if answers take long, sending them one by one is mostly waiting

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
    """Add the arguments of this command to its parser."""
    add_runs(parser, or_events=True)
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
        metavar="HOW",
        default="zero",
        help="of a launch with several ranks send the run of rank 0 (zero), what all of them logged in that run (all), "
        "each rank in a run of one group (group), or in a run (each); default: zero",
    )
    add_rules(parser, "that find metrics in the text that is not sent yet")
    add_host(parser)
    other = parser.add_argument_group("elsewhere", "What differs from what the run was made with. It is remembered.")
    other.add_argument("--entity", metavar="NAME", help="team or user to send to")
    other.add_argument("--project", metavar="NAME", help="project to send to")
    other.add_argument("--name", metavar="NAME", help="name of the run, also of one that is sent")
    other.add_argument("--id", metavar="ID", help="id of the run on the server")
    other.add_argument("--as-new", action="store_true", help="send all of it as a new run, with an id of its own")


def run(args: argparse.Namespace) -> int:
    """Send the runs, show the progress, and say of each run whether it was sent."""
    try:
        _check(args)
        paths, whole = made_of_events(paths_of(args.runs, Settings().cache_dir))
    except (JournalError, SettingsError) as exc:
        complain(str(exc))
        return USAGE
    found, all_read = runs_in(paths, lost=True)
    all_read = all_read and whole
    try:
        runs, held = split(found, args.ranks, paths)
    except (JournalError, OSError) as exc:
        complain(str(exc))
        return LEFT
    if not found and not args.follow:
        if all_read and paths:  # of a folder of event files without any, that has been said
            say(f"no runs in {', '.join(map(str, paths))}")
        return DONE if all_read else LEFT
    _say_held(held, paths)
    if args.follow:
        _say_how_long(found, paths)
    progress = Progress({run.path: _unsent(run) for run in runs})
    try:
        _change_rules(runs, args.rules)
        reports = _send(args, paths, [run.path for run in runs], progress)
    except ValueError as exc:  # raised for wrong arguments: what goes wrong with a run is in its report
        complain(str(exc))
        return USAGE
    except KeyboardInterrupt:
        _print_reports(progress.reports)
        how = f"`{PROG} sync` with their folders" if args.as_new else "The same command"
        complain(f"stopped; {counted(progress.left, 'line')} left. {how} goes on from here")
        return INTERRUPTED
    _say_what_came(reports, {report.path for report in progress.reports})
    return DONE if all_read and all(report.ok or report.sender for report in reports) else LEFT


def _send(args: argparse.Namespace, paths: list[Path], runs: list[Path], progress: Progress) -> list[Report]:
    """Send these runs, and with --follow also those that begin meanwhile.

    Raises:
        ValueError: the arguments exclude each other.
        KeyboardInterrupt: Ctrl-C came.
    """
    with progress:
        return interruptible(
            lambda stop: sync(
                paths if args.follow else runs,
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
                ask=bool(args.runs) and set(runs) <= set(paths),
                on_progress=progress.show,
                stop=stop,
            )
        )


def _say_how_long(found: Sequence[RunDir], paths: Sequence[Path]) -> None:
    if not found:
        complain(f"no runs in {', '.join(map(str, paths))} yet: waiting; Ctrl-C stops")
    elif sys.stderr.isatty():
        complain("sending until every run has ended; Ctrl-C stops, and loses nothing")


def _say_what_came(reports: Sequence[Report], changed: Container[Path | None]) -> None:
    new, known = news(reports, changed)
    _print_reports(new, changed)
    if known:
        say(f"{counted(known, 'run')}: already sent")


def _print_reports(reports: Sequence[Report], changed: Container[Path | None] | None = None) -> None:
    for report in reports:
        if report.error is None:
            say(report_line(report, before=changed is not None and report.path not in changed))
    for line in error_lines(reports):
        complain(line)


def _check(args: argparse.Namespace) -> None:
    """Check that the arguments do not exclude each other.

    Raises:
        SettingsError: two of them exclude each other.
    """
    if args.until_idle is not None and not args.follow:
        raise SettingsError("--until-idle goes with --follow")
    for option in ("as_new", "id", "name", "rules"):
        if getattr(args, option) and not args.runs:
            typed = f"--{option.replace('_', '-')}"
            raise SettingsError(f"{typed}: say of which run, as in `{PROG} sync RUN {typed}`; `{PROG} ls` lists them")


def _change_rules(runs: Sequence[RunDir], path: Path | None) -> None:
    """Give the runs other rules, if a file of rules was given.

    Raises:
        ValueError: the rules are wrong, or a run cannot be given rules now.
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
        return 0  # when the run is sent, its report will say what is wrong
