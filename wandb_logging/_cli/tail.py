"""`wandb-logging tail`: makes a run of what other programs write to files."""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from wandb_logging._cli.arguments import seconds
from wandb_logging._cli.output import DONE, LEFT, complain, words_of
from wandb_logging._cli.rules import Log, NotText
from wandb_logging._cli.supervising import add_settings, settings_of
from wandb_logging._errors import WandbLoggingError
from wandb_logging._formats.event_paths import event_files, is_event_file
from wandb_logging._settings.settings import Settings

if TYPE_CHECKING:
    from wandb_logging._run.run import Run
    from wandb_logging._supervise.following import Following

MORE = (
    "Files may come later, be rotated or cut. Ctrl-C, kill (SIGTERM) and --until-idle end the run, with all that is",
    "there by then; --no-follow takes what is there now.",
    "A folder, or a TensorBoard event file, is read as such: its scalars, images and so on are rows.",
    "A file that cannot be read is said, and the others go on.",
    "Exit code: 0 done, 1 a file cannot be read, 2 wrong usage.",
)
EXAMPLES = (
    "tail train.log --rules rules.yaml",
    "tail logs/*.log --until-idle 600",
    "tail old.log --no-follow",
    "tail train.log runs/1",
)
_LOOKS_APART = 0.2
_OURS = {"capture_output": False, "system_metrics": False, "exit_hooks": False, "signals": ()}
_LAST_LOOK = 1.0  # seconds for what was written before we are asked to end, if it is much
_ASK_TO_END = ("SIGINT", "SIGTERM", "SIGHUP")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    add_settings(parser)
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument("--no-follow", action="store_true", help="take what is there, and end")
    ends.add_argument("--until-idle", type=seconds, metavar="S", help="end when nothing was written for S seconds")
    parser.add_argument(
        "file", nargs="+", type=_path, metavar="FILE", help="a log, - for stdin, or a folder of event files"
    )


def _path(text: str) -> Path:
    """Parse the name of a file. An empty one, as of a variable that is not set, would be the working directory."""
    if not text:
        raise argparse.ArgumentTypeError("a name is empty")
    return Path(text)


def run(args: argparse.Namespace) -> int:
    """Make a run, and log what is written to the files."""
    from wandb_logging._supervise.following import Following  # noqa: PLC0415  most commands need none

    with _asked_to_end() as asked_since:
        files = list(filter(_is_log, args.file))
        absent = [path for path in files if str(path) != "-" and not path.exists()]
        for path in absent:  # who mistyped a name would wait for ever
            complain(f"{path}: no such file" + ("" if args.no_follow else " yet: waiting for it"))
        empty = [path for path in files if path.is_dir() and next(event_files(path), None) is None]
        for path in empty:
            complain(
                f"{path}: no event files there{'' if args.no_follow else ' yet'}. Logs in a folder are named: *.log"
            )
        begun = _begun(args) if set(files).difference([*absent, *empty] if args.no_follow else ()) else None
        if begun is None:
            return LEFT
        unread: list[Path] = []

        def failed(path: Path, why: OSError) -> None:
            complain(f"{path}: {why.strerror or why}")
            unread.append(path)

        with contextlib.suppress(KeyboardInterrupt), contextlib.closing(Following(begun, files, failed)) as following:
            _follow(following, 0.0 if args.no_follow else args.until_idle, asked_since)
        missed = unread or len(files) < len(args.file) or ((absent or empty) and args.no_follow)
    code = LEFT if missed else DONE
    begun.finish(code)
    return code


def _begun(args: argparse.Namespace) -> Run | None:
    """Begin the run. Prints why and returns None if that is not possible."""
    from wandb_logging._run.run import Run  # noqa: PLC0415  most commands need none

    try:
        return Run(Settings.of({**_OURS, **settings_of(args)}))
    except (OSError, WandbLoggingError) as exc:
        complain(words_of(exc))
        return None


def _is_log(path: Path) -> bool:
    """Whether a file can be a log, as far as that can be seen now. If it is no text, that is said."""
    if not path.is_file() or is_event_file(path):
        return True
    try:
        Log(path).close()
    except NotText as exc:
        complain(words_of(exc))
        return False
    except OSError:  # it is said when it is read
        pass
    return True


@contextlib.contextmanager
def _asked_to_end() -> Iterator[Callable[[], float | None]]:
    """Inside the `with`, signals that ask us to end are noted: a file is followed until somebody ends that, on purpose.

    Who asks again does not want to wait: the second signal does what it would do without us.

    Yields:
        A function that says when we were asked, by the monotonic clock; None if we were not.
    """
    asked: list[float] = []
    numbers = [getattr(signal, name) for name in _ASK_TO_END if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    def as_before() -> None:
        for number in taken:
            signal.signal(number, before[number])

    def note(_number: int, _frame: object) -> None:
        asked.append(time.monotonic())
        as_before()

    # A shell has its background jobs ignore Ctrl-C, and `nohup` the end of the terminal.
    taken = [number for number in numbers if before[number] not in {signal.SIG_IGN, None}]
    for number in taken:
        signal.signal(number, note)
    try:
        yield lambda: asked[0] if asked else None
    finally:
        as_before()


def _follow(following: Following, until_idle: float | None, asked_since: Callable[[], float | None]) -> None:
    """Take what is written, until nothing was written for `until_idle` seconds, unless None, or we are asked to end."""
    latest = time.monotonic()
    while True:
        asked = asked_since()  # before the look, so that it sees what was written before that
        had_text = following.take()
        if asked is not None and not (had_text and time.monotonic() - asked < _LAST_LOOK):
            return
        if following.events_came() or had_text:
            latest = time.monotonic()
        if had_text:
            continue
        if following.is_over:
            return
        may_end = until_idle != 0 or not following.waits  # what is in a pipe has not been read yet
        if until_idle is not None and may_end and time.monotonic() - latest >= until_idle:
            return
        time.sleep(_LOOKS_APART)
