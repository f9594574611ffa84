"""The entry point of the command line: parses what was typed, runs the command, and says what went wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from typing import NoReturn

from wandb_logging._cli.commands import COMMANDS, fill, room_of
from wandb_logging._cli.help import HelpFormatter
from wandb_logging._cli.leaving import leave
from wandb_logging._cli.output import (
    INTERRUPTED,
    LEFT,
    PIPE,
    PROG,
    USAGE,
    complain,
    drop_output,
    encode_what_we_can,
    open_streams,
    words_of,
)
from wandb_logging._collecting import importing, over
from wandb_logging._version import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: arguments without the program's name. Default: those of this process.

    Returns:
        The exit code: 0 all well, 1 something failed or is left to do, 2 wrong usage, 130 Ctrl-C, 141 the reader of
        our output has gone.
    """
    code = _code(argv)
    if argv is None:  # the process runs this command and nothing else
        leave(code)
        over()
    return code


def _code(argv: Sequence[str] | None) -> int:
    open_streams()
    encode_what_we_can()
    try:
        code = _run(argv)
        sys.stdout.flush()  # not only at exit: there Python itself would complain about a reader that has gone
    except BrokenPipeError:
        drop_output()
        return PIPE
    except KeyboardInterrupt:
        complain("stopped")
        return INTERRUPTED
    except Exception as exc:
        complain(words_of(exc))
        return LEFT
    return code


def _run(argv: Sequence[str] | None) -> int:
    try:
        with importing():
            args, unknown = parser(sys.argv[1:] if argv is None else argv).parse_known_args(argv)
    except SystemExit as stop:  # argparse, after --help, --version or wrong usage
        return int(stop.code or 0)
    if unknown:
        of_command = f" {args.command}" if args.command else ""
        complain(f"unrecognized arguments: {' '.join(unknown)} (see `{PROG}{of_command} --help`)")
        return USAGE
    if args.command is None:
        parser(()).print_help()
        return USAGE
    code: int = room_of(args.command).run(args)
    return code


class _Parser(argparse.ArgumentParser):
    """A parser that reports wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message} (see `{self.prog} --help`)")
        raise SystemExit(USAGE)


def parser(typed: Collection[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of all commands.

    Args:
        typed: the words that were typed. Only commands among them get their arguments, because that imports the
            command's module. If the first word is a command, the parser has no other commands.
    """
    top = _Parser(
        prog=PROG,
        description="Shows, sends and keeps in order the runs that programs log; makes runs of programs and files.",
        formatter_class=HelpFormatter,
        epilog=f"`{PROG} COMMAND --help` says more of a command, with examples. Settings come from WANDB_* variables.",
    )
    top.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    commands = top.add_subparsers(title="commands", prog=PROG, metavar="COMMAND", dest="command")
    first = next(iter(typed), "-")
    if not (first in COMMANDS or first.startswith("-")):
        import difflib  # noqa: PLC0415  only for a word that is wrong

        near = difflib.get_close_matches(first, COMMANDS, 1)
        top.error(f"there is no command {first!r}{f', did you mean {near[0]!r}?' if near else ''}")
    for name in [first] if first in COMMANDS and typed is not COMMANDS else COMMANDS:
        command = commands.add_parser(name, help=COMMANDS[name], formatter_class=HelpFormatter)
        if name in typed:
            fill(command, name, PROG)
    return top
