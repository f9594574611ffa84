"""The command line `wandb-logging`: reads what a person typed, prints at the edges, decides in small functions.

Each command imports what it needs when it runs: `wandb-logging --help` waits for neither `requests` nor `plotext`.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from wandb_logging import _auth
from wandb_logging._auth import KEY_VARIABLE, Key, Session
from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    JournalError,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
    SettingsError,
    TLSError,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._report import Report
from wandb_logging._settings import DEFAULT_HOST, Settings
from wandb_logging._version import __version__

if TYPE_CHECKING:
    from wandb_logging._client import Client
    from wandb_logging._login import Login
    from wandb_logging._read import RunData

PROG = "wandb-logging"
_SENT, _LEFT, _USAGE, _INTERRUPTED, _PIPE = 0, 1, 2, 130, 141
_NUMBERS = frozenset({"ROWS", "UNSENT", "AGE", "POINTS", "FIRST", "LOWEST", "HIGHEST", "LAST"})
_CHARTS = 8  # more would scroll the first ones away
_CHART_LINES = 14
_TOUCH = 5.0  # seconds between two plain progress lines of one run
_CLOCK_SECONDS = 60.0
_DISK_WARN, _DISK_FAIL = 10**9, 10**8
_DOCTOR_TIMEOUT = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: arguments without the program's name. Default: those of this process.

    Returns:
        The exit code: 0 all well, 1 something failed or is left, 2 wrong usage, 130 Ctrl-C, 141 nobody reads on.
    """
    _encode_what_we_can()
    try:
        args = _parser().parse_args(argv)
        code: int = args.command(args)
        sys.stdout.flush()
    except SystemExit as stop:  # argparse, after --help, --version or wrong usage
        return int(stop.code or 0)
    except BrokenPipeError:
        _drop_output()
        return _PIPE
    except (Exception, KeyboardInterrupt) as exc:
        text, code = failure(exc)
        _complain(text)
    return code


def failure(exc: BaseException) -> tuple[str, int]:
    """What to say of an error, in words without a traceback, and the exit code."""
    if isinstance(exc, KeyboardInterrupt):
        return "stopped", _INTERRUPTED
    if isinstance(exc, WandbLoggingError):
        return str(exc), _LEFT
    if isinstance(exc, OSError):
        return (f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc)), _LEFT
    return f"internal error, please report it: {type(exc).__name__}: {exc}", _LEFT


# --- usage ----------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{message} (see `{self.prog} --help`)")
        raise SystemExit(_USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROG,
        description="Runs that a program logged through wandb_logging: keys, what waits on disk, and sending it.",
        epilog=f"Settings come from WANDB_* variables. `{PROG} COMMAND --help` has an example of each command.",
    )
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    parser.set_defaults(command=lambda _args: _help(parser))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str, *examples: str) -> _Parser:
        added: _Parser = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog="\n".join(["examples:", *(f"  {PROG} {example}" for example in examples)]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(command=run)
        return added

    login = command(
        "login",
        _login,
        "Save an API key to netrc: the one that is found, or the one you are asked for.",
        "login",
        "login --host http://127.0.0.1:8080 --verify",
        "login --key - < key.txt",
    )
    login.add_argument("--key", help="the key; - reads it from standard input, where other users cannot see it")
    login.add_argument("--relogin", action="store_true", help="ask even though a key is found")
    login.add_argument("--verify", action="store_true", help="ask the server whether it accepts the key")
    logout = command("logout", _logout, "Remove the API key from netrc.", "logout")
    command("status", _status, "Show host, key, mode and what waits on disk.", "status")
    runs = command("ls", _ls, "List the runs in a folder.", "ls", "ls /data/wandb_cache")
    runs.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="default: the cache folder")
    show = command(
        "show", _show, "Show a run: config, summary, and a chart of each metric.", "show 3kq9x0ab --metric loss"
    )
    show.add_argument("run", metavar="RUN", help="a run directory, or the id of a run in the cache folder")
    show.add_argument(
        "--metric", action="append", default=[], metavar="NAME", help="only this metric; may be given again"
    )
    sync = command(
        "sync",
        _sync,
        "Send runs that wait on disk. Sending again sends nothing twice.\n"
        "Exit code: 0 all is sent, 1 something is left, 2 wrong usage.",
        "sync",
        "sync wandb_cache/digits/3kq9x0ab --follow",
    )
    sync.add_argument("path", nargs="*", type=Path, metavar="PATH", help="runs or folders; default: the cache folder")
    sync.add_argument("--follow", action="store_true", help="keep sending until every run has ended")
    sync.add_argument("--timeout", type=_seconds, metavar="S", help="stop after so many seconds")
    for parser_with_host in (login, logout, sync):
        parser_with_host.add_argument(
            "--host", type=_address, metavar="URL", help="address of the W&B API; default: WANDB_BASE_URL"
        )
    command("doctor", _doctor, "Check key, server, clock and disk, and say what to do.", "doctor")
    return parser


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return _USAGE


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _address(text: str) -> str:
    try:
        return _auth.resolve_host(text)
    except SettingsError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


# --- output ---------------------------------------------------------------------------------------------


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        print(f"{PROG}: {' '.join(text.split())}", file=sys.stderr, flush=True)


def _encode_what_we_can() -> None:
    """A character that the terminal or pipe cannot take becomes `?`, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _drop_output() -> None:
    """Nobody reads our output any more (`| head`): let Python's own flush at exit go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _width() -> int:
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def _draws() -> bool:
    """Whether what is printed may hold the characters of charts."""
    try:
        "▚┤⠂".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def clean(text: object) -> str:
    """Text from a run as it may be printed: a name must not steer the terminal."""
    return "".join(char if char.isprintable() else "?" for char in str(text))


def brief(value: object, width: int) -> str:
    """A value of a config or summary in at most `width` characters."""
    if isinstance(value, float):
        text = f"{value:.6g}"
    else:
        text = clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table; the first row is its head. Columns of numbers are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    marks = [">" if head in _NUMBERS else "<" for head in rows[0]]
    forms = [f"{mark}{width}" for mark, width in zip(marks, widths)]
    return ["  ".join(map(format, row, forms)).rstrip() for row in rows]


def labelled(pairs: Iterable[tuple[str, str]], indent: str = "") -> list[str]:
    """Lines of names and values, the values aligned."""
    items = list(pairs)
    width = max((len(name) for name, _ in items), default=0)
    return [f"{indent}{name.ljust(width)}  {value}".rstrip() for name, value in items]


def age(seconds: float) -> str:
    """A duration in its largest unit: "40 s", "3 min", "5 h", "12 d"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 row", "2 rows"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# --- login, logout, status ------------------------------------------------------------------------------


def _login(args: argparse.Namespace) -> int:
    from wandb_logging._login import log_in  # noqa: PLC0415  only this command asks anybody

    key = sys.stdin.readline() if args.key == "-" else args.key
    done = log_in(args.host, key, relogin=args.relogin, verify=args.verify, timeout=_DOCTOR_TIMEOUT)
    print("\n".join(login_lines(done, _auth.from_settings("api_key"))))
    if done.unsaved:
        _complain(f"the key is not saved: {done.unsaved}")
        return _LEFT
    return _SENT


def login_lines(done: Login, variable: str | None) -> list[str]:
    """What to say after a login.

    Args:
        done: what came of it.
        variable: what WANDB_API_KEY holds.
    """
    host = _auth.resolve_host(done.session.host)
    lines = []
    if done.entity is not None:
        lines.append(f"{host} accepts the key" + (f" (entity {clean(done.entity)})" if done.entity else ""))
    if done.saved is not None:
        lines.append(f"Key for {host} saved to {_auth.shown(done.saved)}")
        if variable and variable != done.session.api_key:
            lines.append(f"{KEY_VARIABLE} holds another key, which goes before it: unset that variable")
    elif not done.unsaved:
        lines.append(f"Key for {host} found in {done.source}; `{PROG} login --relogin` asks for another")
    return lines


def _logout(args: argparse.Namespace) -> int:
    from wandb_logging._login import logout  # noqa: PLC0415  as _login

    host, path = _auth.resolve_host(args.host), _auth.shown(_auth.netrc_path())
    print(f"Key for {host} removed from {path}" if logout(host) else f"No key for {host} in {path}")
    if _auth.from_settings("api_key"):
        print(f"{KEY_VARIABLE} is still set")
    return _SENT


def _status(_args: argparse.Namespace) -> int:
    settings = Settings()
    problems: list[str] = []
    key = _auth.find_key(settings.host, settings.api_key, on_problem=problems.append)
    print("\n".join(labelled(status_pairs(settings, key, problems, _waiting(settings.cache_dir)))))
    return _SENT


def status_pairs(
    settings: Settings, key: Key | None, problems: Sequence[str], waiting: Sequence[int]
) -> list[tuple[str, str]]:
    """What `status` shows, by name.

    Args:
        problems: with reading netrc.
        waiting: unsent lines of each run on disk.
    """
    late = [lines for lines in waiting if lines]
    runs = counted(len(waiting), "run")
    if late:
        runs += f", {len(late)} with {counted(sum(late), 'line')} to send: `{PROG} sync`"
    pairs = [
        ("version", __version__),
        ("host", settings.host + (" (WANDB_BASE_URL)" if settings.host != DEFAULT_HOST else "")),
        ("key", key_words(key, problems)),
        ("mode", mode_words(settings.mode, key)),
        ("cache", str(settings.cache_dir.absolute())),
        ("runs", runs if waiting else "none"),
    ]
    return [(name, clean(value)) for name, value in pairs]


def key_words(key: Key | None, problems: Sequence[str]) -> str:
    """Where the key is, without the key: at most its last four characters."""
    if key is None:
        return "; ".join([*problems, f"none found: `{PROG} login` saves one, or set {KEY_VARIABLE}"])
    if key.problem:
        return f"{key.source}: malformed. {key.problem}"
    return f"{key.source}, ends in {key.key[-4:]}"


def mode_words(mode: str, key: Key | None) -> str:
    """The mode, and what `auto` comes to."""
    if mode != "auto":
        return f"{mode} (WANDB_MODE)"
    return "auto: online, for there is a key" if key else "auto: offline, for there is no key"


def _waiting(cache_dir: Path) -> list[int]:
    from wandb_logging._rundir import find_runs  # noqa: PLC0415  only where runs are looked at

    return [run.lines_after(run.cursor.get("position")) for run in find_runs(cache_dir)]


# --- ls, show -------------------------------------------------------------------------------------------


def _ls(args: argparse.Namespace) -> int:
    from wandb_logging._read import read_run  # noqa: PLC0415  only where runs are looked at
    from wandb_logging._rundir import find_runs  # noqa: PLC0415  only where runs are looked at

    folder = args.dir or Settings().cache_dir
    if args.dir is not None and not folder.exists():
        raise JournalError(f"{folder}: no such folder")
    rows, code = [], _SENT
    for run_dir in find_runs(folder):
        try:
            rows.append(ls_row(read_run(run_dir.path), time.time()))
        except JournalError as exc:
            _complain(str(exc))
            code = _LEFT
    if rows:
        print("\n".join(table([["ID", "PROJECT", "NAME", "STATE", "ROWS", "UNSENT", "AGE"], *rows])))
    elif code == _SENT:
        print(f"no runs in {folder}")
    return code


def ls_row(run: RunData, now: float) -> list[str]:
    """What `ls` shows of a run."""
    info = run.info
    names = [clean(info.get(name) or "-") for name in ("id", "project", "name")]
    return [*names, state_of(run), str(len(run.rows)), str(run.unsent), age(now - float(info.get("start") or now))]


def state_of(run: RunData) -> str:
    """How it stands with a run: running, finished, crashed or offline.

    `crashed` ended with an error or without a word; `offline` ended well, which the server does not know yet.
    """
    if run.alive and run.exit_code is None:
        return "running"
    if run.exit_code != 0:
        return "crashed"
    return "finished" if run.finished and not run.unsent else "offline"


def _show(args: argparse.Namespace) -> int:
    from wandb_logging._read import read_run  # noqa: PLC0415  only where runs are looked at

    run = read_run(_find_run(args.run, Settings().cache_dir))
    metrics = series(run.rows)
    chosen = {name: metrics[name] for name in _known(args.metric, metrics)}
    if not args.metric:
        width = _width()
        print("\n".join(labelled(head_pairs(run, time.time()))))
        for title, values in (("config", run.config), ("summary", run.summary)):
            pairs = [(clean(name), brief(value, width // 2)) for name, value in flat(values) if name[0] != "_"]
            if pairs:
                print("\n".join(["", title, *labelled(pairs, "  ")]))
        chosen = dict(list(metrics.items())[:_CHARTS])
    if chosen:
        print()
        print("\n".join(_charts(chosen)))
    if not args.metric and len(metrics) > _CHARTS:
        others = ", ".join(map(clean, list(metrics)[_CHARTS:]))
        print(f"\n{len(metrics) - _CHARTS} more, with --metric NAME: {others}")
    return _SENT


def _find_run(wanted: str, cache_dir: Path) -> Path:
    """The directory of a run that is given by its path or its id.

    Raises:
        JournalError: there is none, or more than one.
    """
    from wandb_logging._rundir import find_runs  # noqa: PLC0415  only where runs are looked at

    if (Path(wanted) / "run.json").is_file():
        return Path(wanted)
    found = [run.path for run in find_runs(cache_dir) if wanted in {run.path.name, run.path.name.partition(".")[0]}]
    exact = [path for path in found if path.name == wanted]
    if not found:
        raise JournalError(f"{wanted} is no run directory, and no run in {cache_dir} has this id: see `{PROG} ls`")
    if len(exact or found) > 1:
        raise JournalError(f"{wanted} is the id of several runs: give one of {', '.join(map(str, exact or found))}")
    return (exact or found)[0]


def _known(wanted: Sequence[str], metrics: Mapping[str, object]) -> Sequence[str]:
    for name in wanted:
        if name not in metrics:
            near = difflib.get_close_matches(name, metrics, 3) or list(metrics)[:_CHARTS]
            raise JournalError(f"no numbers under the metric {name!r}; there are: {', '.join(near) or 'none'}")
    return wanted


def head_pairs(run: RunData, now: float) -> list[tuple[str, str]]:
    """Who a run is, by name; what is not known is left out."""
    info = run.info
    start = float(info.get("start") or now)
    ended = "" if run.exit_code is None else f", exit code {run.exit_code}"
    facts = [
        ("run", info.get("id")),
        ("name", info.get("name")),
        ("project", "/".join(str(part) for part in (info.get("entity"), info.get("project")) if part)),
        ("group", info.get("group")),
        ("job type", info.get("job_type")),
        ("tags", ", ".join(map(str, info.get("tags") or []))),
        ("notes", info.get("notes")),
        ("url", run.url),
        ("path", run.path),
        ("started", f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(start))}, {age(now - start)} ago"),
        ("state", state_of(run) + ended),
        ("logged", f"{counted(len(run.rows), 'row')}, {counted(len(run.lines), 'text line')}"),
        ("unsent", f"{counted(run.unsent, 'line')}: `{PROG} sync {run.path}`" if run.unsent else None),
        ("damaged", f"{counted(run.damaged, 'line')} of the journal cannot be read" if run.damaged else None),
    ]
    return [(name, clean(value)) for name, value in facts if value]


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Names with dots and their values, out of nested mappings. Media and histograms (`_type`) stay whole."""
    for name, value in values.items():
        if isinstance(value, dict) and value and "_type" not in value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


Points = list[tuple[float, float]]


def series(rows: Iterable[Mapping[str, Any]]) -> dict[str, Points]:
    """The numbers of each metric with their steps. NaN and infinities cannot be drawn and are left out."""
    found: dict[str, Points] = {}
    for row in rows:
        for name, value in flat(row):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if number and not name.startswith("_") and math.isfinite(value):
                found.setdefault(name, []).append((float(row["_step"]), float(value)))
    return found


def thinned(points: Points, most: int) -> Points:
    """At most about `most` points that look the same from afar: of each group the lowest and the highest."""
    size = math.ceil(2 * len(points) / most)
    if size <= 2:
        return points
    groups = (points[at : at + size] for at in range(0, len(points), size))
    picked = ({min(group, key=lambda point: point[1]), max(group, key=lambda point: point[1])} for group in groups)
    return [point for group in picked for point in sorted(group)]


def _charts(metrics: Mapping[str, Points]) -> list[str]:
    """A chart of each metric; where there is nothing to draw with, a table of all."""
    if not _draws():
        return metric_table(metrics)
    try:
        import plotext  # noqa: PLC0415  an extra, and slow to import
    except ImportError:
        return [*metric_table(metrics), "", "For charts: pip install 'wandb-logging[cli]'"]
    width = min(_width(), 120)
    charts = [_chart(plotext, clean(name), thinned(points, 4 * width), width) for name, points in metrics.items()]
    return "\n\n".join(charts).splitlines()


def _chart(plotext: Any, name: str, points: Points, width: int) -> str:
    steps, values = [point[0] for point in points], [point[1] for point in points]
    plotext.clear_figure()
    plotext.limit_size(False, False)  # noqa: FBT003  width and height, of a terminal it would ask for itself
    plotext.plot_size(width, _CHART_LINES)
    plotext.theme("clear")
    # One point, or a flat line of points, is no line.
    (plotext.plot if len(points) > 1 else plotext.scatter)(steps, values, marker="hd")
    plotext.title(f"{name}  last {brief(values[-1], 12)}")
    ticks = sorted({round(min(steps) + part * (max(steps) - min(steps)) / 4) for part in range(5)})
    plotext.xticks(ticks, [str(tick) for tick in ticks])
    lines = plotext.uncolorize(plotext.build()).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def metric_table(metrics: Mapping[str, Points]) -> list[str]:
    """What can be said of metrics without drawing."""
    rows = []
    for name, points in metrics.items():
        values = [value for _, value in points]
        numbers = (values[0], min(values), max(values), values[-1])
        rows.append([clean(name), str(len(values)), *(brief(number, 12) for number in numbers)])
    return table([["METRIC", "POINTS", "FIRST", "LOWEST", "HIGHEST", "LAST"], *rows])


# --- sync -----------------------------------------------------------------------------------------------


def _sync(args: argparse.Namespace) -> int:
    from wandb_logging._rundir import find_runs  # noqa: PLC0415  only where runs are looked at
    from wandb_logging._sync import sync  # noqa: PLC0415  requests: most of the import time

    paths: list[Path] = args.path or [Settings().cache_dir]
    missing = [path for path in args.path if not path.exists()]
    if missing:
        _complain(f"{missing[0]}: no such file or directory")
        return _USAGE
    runs = [run for path in paths for run in find_runs(path)]
    if not runs:
        print(f"no runs in {', '.join(map(str, paths))}")
        return _SENT
    progress = _Progress({run.path: run.lines_after(run.cursor.get("position")) for run in runs})
    try:
        with progress:
            reports = sync(
                [run.path for run in runs],
                host=args.host,
                timeout=args.timeout,
                follow=args.follow,
                on_progress=progress.show,
            )
    except KeyboardInterrupt:
        _print_reports(progress.reports)
        _complain(f"stopped; {counted(progress.left, 'line')} left. The same command goes on from here")
        return _INTERRUPTED
    _print_reports(reports)
    return _SENT if all(report.ok for report in reports) else _LEFT


class _Progress:
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

                self._bar = tqdm.tqdm(total=self.left, unit=" lines", desc="sync", ascii=not _draws(), leave=False)

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
            print(f"{report_name(report)}: {sent} sent, {left} left", flush=True)


def _print_reports(reports: Iterable[Report]) -> None:
    for report in reports:
        if report.error is None:
            print(report_line(report))
        else:
            _complain(f"{report_name(report)}: {counted(report.remaining, 'line')} left: {report.error}")


def report_name(report: Report) -> str:
    """Project and id of the run a report is of."""
    return clean(f"{report.project}/{report.run_id}")


def report_line(report: Report) -> str:
    """What a report without an error says, in one line."""
    counts = [(report.rows, "row"), (report.lines, "text line"), (report.files, "file")]
    sent = ", ".join(counted(number, noun) for number, noun in counts if number) or "nothing logged, nothing"
    parts = [f"{report_name(report)}: {sent} on the server"]
    if report.remaining:
        parts.append(f"{counted(report.remaining, 'line')} left")
    if report.set_aside:
        parts.append(f"{report.set_aside} set aside (aside.jsonl in {report.path})")
    if not report.remaining:
        parts.append("finished" if report.finished else "the run goes on")
    return ", ".join(parts) + (f": {report.url}" if report.url else "")


# --- doctor ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One line of `doctor`.

    Attributes:
        level: "ok", "warn" or "fail".
        what: what was checked.
        text: what was found, and what to do about it.
    """

    level: str
    what: str
    text: str


def _doctor(_args: argparse.Namespace) -> int:
    settings = Settings()
    worst = _SENT
    for check in _checks(settings):
        print(f"{check.level:4}  {check.what:8}  {clean(check.text)}", flush=True)
        if check.level == "fail":
            worst = _LEFT
    return worst


def _checks(settings: Settings) -> Iterable[Check]:
    """One check after the other: each is shown before the next is made, for one of them may take its time."""
    problems: list[str] = []
    key = _auth.find_key(settings.host, settings.api_key, on_problem=problems.append)
    yield check_of_key(settings.mode, key, problems)
    path = _auth.netrc_path()
    if _auth.exposed(path):
        yield Check("warn", "netrc", f"other users may read {_auth.shown(path)}: chmod 600 {_auth.shown(path)}")
    yield from _server_checks(settings, key)
    yield _disk_check(settings.cache_dir.absolute())


def check_of_key(mode: str, key: Key | None, problems: Sequence[str]) -> Check:
    """Whether there is a key of the right form."""
    words = key_words(key, problems)
    if key is None:
        if mode in {"offline", "disabled"}:
            return Check("ok", "key", f"none needed: mode is {mode}")
        return Check("fail" if mode == "online" else "warn", "key", words)
    return Check("fail" if key.problem else "ok", "key", words)


def _server_checks(settings: Settings, key: Key | None) -> Iterable[Check]:
    from wandb_logging import _protocol  # noqa: PLC0415  only where a server is asked
    from wandb_logging._client import Client  # noqa: PLC0415  requests: most of the import time

    good = key if key is not None and key.problem is None else None
    client = Client(settings.host, good.key if good else None, timeout=min(_DOCTOR_TIMEOUT, settings.request_timeout))
    dates = _dates_of(client)
    features: set[str] = set()
    error: WandbLoggingError | None = None
    try:
        features = _protocol.features(client.graphql(_protocol.FEATURES, {}))
    except WandbLoggingError as exc:
        error = exc
    finally:
        client.close()
    reached = check_of_server(settings.host, error)
    yield reached
    if dates:
        yield check_of_clock(dates[-1], time.time())
    if reached.level == "fail":
        return
    if good is not None:
        yield _key_accepted(Session(good.key, settings.host))
    yield check_of_limits(features)


def _dates_of(client: Client) -> list[str]:
    """Filled with the Date header of each answer: the one thing about an answer that `Client` has no use for."""
    dates: list[str] = []

    def note(answer: Any, *_: object, **__: object) -> None:
        dates.append(answer.headers.get("Date", ""))

    client._session.hooks["response"].append(note)  # noqa: SLF001  see above
    return dates


# The first that fits counts; no error, or one about the key only, is a server that answers.
_SERVER_ERRORS: tuple[tuple[type[WandbLoggingError], str, str], ...] = (
    (TLSError, "fail", "{host}: {error}; set REQUESTS_CA_BUNDLE to the file of your CA"),
    (TransportError, "fail", "{host} cannot be reached ({error}); check network, proxy and WANDB_BASE_URL"),
    (ServerUnavailable, "warn", "{host} is there but not well ({error}); try again later"),
    (RunNotFound, "fail", "{host} answers, but not as a W&B API ({error}); check WANDB_BASE_URL"),
    (RequestRejected, "fail", "{host} answers, but not as a W&B API ({error}); check WANDB_BASE_URL"),
    (GraphQLError, "fail", "{host} answers, but not as a W&B API ({error}); check WANDB_BASE_URL"),
)


def check_of_server(host: str, error: WandbLoggingError | None) -> Check:
    """Whether a W&B API answers, from how a first request ended."""
    for kind, level, text in _SERVER_ERRORS:
        if isinstance(error, kind):
            return Check(level, "server", text.format(host=host, error=error))
    if host.startswith("https:"):
        return Check("ok", "server", f"{host} answers, its certificate is good")
    if _is_loopback(host):
        return Check("ok", "server", f"{host} answers")
    return Check("warn", "server", f"{host} answers, but http sends the key unencrypted; use https")


def _is_loopback(host: str) -> bool:
    name = _auth.machine_of(host)
    return name.startswith(("127.", "localhost", "[::1]"))


def _key_accepted(session: Session) -> Check:
    from wandb_logging._login import check_key  # noqa: PLC0415  as _login

    try:
        entity = check_key(session, _DOCTOR_TIMEOUT)
    except AuthError as exc:
        return Check("fail", "account", str(exc))
    except WandbLoggingError as exc:
        return Check("warn", "account", f"the server could not be asked whose key this is ({exc})")
    return Check("ok", "account", f"the key is accepted; runs go to {entity or 'its own entity'} by default")


def check_of_clock(date: str, now: float) -> Check:
    """How far the clock is off, by the server's Date header."""
    try:
        ahead = now - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return Check("ok", "clock", "the server does not tell its time")
    if abs(ahead) < _CLOCK_SECONDS:
        return Check("ok", "clock", f"within {max(1, math.ceil(abs(ahead)))} s of the server's")
    side = "ahead of" if ahead > 0 else "behind"
    return Check("warn", "clock", f"{age(abs(ahead))} {side} the server's: uploads may be refused; set the clock (NTP)")


def check_of_limits(features: Iterable[str]) -> Check:
    """What one row and line may be, and what the server offers."""
    from wandb_logging._fold import MAX_ROW_BYTES  # noqa: PLC0415  its formatter takes time to import
    from wandb_logging._terminal import MAX_LINE_CHARS  # noqa: PLC0415  as above

    offered = sorted({"FILESTREAM_GZIP": "gzip", "STRUCTURED_CONSOLE_LOGS": "log levels"}.items())
    names = [words for name, words in offered if name in set(features)]
    limits = f"a row up to {MAX_ROW_BYTES / 2**20:.1f} MiB, a text line up to {MAX_LINE_CHARS} characters"
    return Check("ok", "limits", f"{limits}; the server offers {' and '.join(names) or 'neither gzip nor log levels'}")


def _disk_check(cache_dir: Path) -> Check:
    place = next(path for path in (cache_dir, *cache_dir.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
        free = shutil.disk_usage(place).free
    except OSError as exc:
        advice = "set WANDB_DIR to a folder that can be written"
        return Check("fail", "disk", f"{cache_dir} cannot be written ({exc.strerror}); {advice}")
    return check_of_disk(cache_dir, free)


def check_of_disk(cache_dir: Path, free: int) -> Check:
    """Whether there is room for runs, from the free bytes."""
    text = f"{cache_dir} can be written, {free / 1e9:.1f} GB free"
    if free >= _DISK_WARN:
        return Check("ok", "disk", text)
    advice = f"`{PROG} sync` what waits and make room, or set WANDB_DIR to another disk"
    return Check("warn" if free >= _DISK_FAIL else "fail", "disk", f"{text}: {advice}")
