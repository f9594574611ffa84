"""`wandb-logging logs`: prints the text lines of a run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

from wandb_logging._cli.arguments import count
from wandb_logging._cli.found import run_named
from wandb_logging._cli.output import DONE, complain, say
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.text import TextReader
from wandb_logging._settings.settings import Settings
from wandb_logging._values.json_lines import fits, readable
from wandb_logging._values.terminal_text import without_sequences

EXAMPLES = ("logs", "logs 3kq9x0ab --lines 20", "logs 3kq9x0ab -f", "logs --field user=bo --field fold=3")
_LOOK_AGAIN = 0.3  # seconds between two looks for new lines

MORE = (
    "Each line has its time in front. Colours that the program printed are left out.",
    "Lines that are JSON objects (text_format: json) are shown as text and their fields; --raw leaves them.",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="a run directory, or a run in the cache folder; default: the newest there"
    )
    parser.add_argument("-n", "--lines", type=count, metavar="N", help="only the last N lines")
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        type=field,
        metavar="NAME=VALUE",
        help="only JSON lines with this field; more than once: with all of them",
    )
    parser.add_argument("--raw", action="store_true", help="show JSON lines as they are")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as lines come, until the run ends")


def run(args: argparse.Namespace) -> int:
    """Print the lines there are, and with `-f` those that come."""
    run_dir = RunDir(Path(run_named(args.run, Settings().cache_dir)))
    reader = TextReader(run_dir)
    try:
        lines = [line for line in reader.read() if fits(line, args.field)]
        _print(lines if args.lines is None else lines[max(0, len(lines) - args.lines) :], args)
        if args.field and not lines:
            named = ", ".join("=".join(one) for one in args.field)
            complain(f"no line with {named}" + (" yet" if args.follow else "") + "; only JSON lines have fields")
        while args.follow and run_dir.alive():
            time.sleep(_LOOK_AGAIN)
            _print(reader.read(), args)
        if args.follow:
            _print(reader.read(), args)  # lines that came between the last look and the run's end
    finally:
        reader.close()
    return DONE


def field(text: str) -> tuple[str, str]:
    """Parse `name=value` into name and value."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _print(lines: Iterable[str], args: argparse.Namespace) -> None:
    for line in lines:
        if fits(line, args.field):
            for shown in [line] if args.raw else readable(line):
                say(without_sequences(shown), flush=True)
