"""The way in: what a person may type, which command does it, and what is said when that fails."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from wandb_logging._cli.output import (
    INTERRUPTED,
    LEFT,
    PIPE,
    PROG,
    USAGE,
    complain,
    drop_output,
    encode_what_we_can,
    words_of,
)
from wandb_logging._errors import SettingsError
from wandb_logging._keys import keys
from wandb_logging._version import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: arguments without the program's name. Default: those of this process.

    Returns:
        The exit code: 0 all well, 1 something failed or is left, 2 wrong usage, 130 Ctrl-C, 141 nobody reads on.
    """
    encode_what_we_can()
    try:
        args = parser().parse_args(argv)
        code = _run(args)
        sys.stdout.flush()
    except SystemExit as stop:  # argparse, after --help, --version or wrong usage
        return int(stop.code or 0)
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


def _run(args: argparse.Namespace) -> int:
    """Import what the command needs, and no more, then do it."""
    if args.command is None:
        parser().print_help()
        return USAGE
    command = import_module(f"wandb_logging._cli.{args.command}")
    code: int = command.run(args)
    return code


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message} (see `{self.prog} --help`)")
        raise SystemExit(USAGE)


def parser() -> argparse.ArgumentParser:
    """All that may be typed."""
    top = _Parser(
        prog=PROG,
        description="Runs that a program logged through wandb_logging: keys, what waits on disk, and sending it.",
        epilog=f"Settings come from WANDB_* variables. `{PROG} COMMAND --help` has an example of each command.",
    )
    top.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")

    def command(name: str, text: str, *examples: str) -> _Parser:
        added: _Parser = commands.add_parser(
            name,
            help=text.partition("\n")[0],
            description=text,
            epilog="\n".join(["examples:", *(f"  {PROG} {example}" for example in examples)]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        return added

    login = command(
        "login",
        "Save an API key to netrc: the one that is found, or the one you are asked for.",
        "login",
        "login --host http://127.0.0.1:8080 --verify",
        "login --key - < key.txt",
    )
    login.add_argument("--key", help="the key; - reads it from standard input, where other users cannot see it")
    login.add_argument("--relogin", action="store_true", help="ask even though a key is found")
    login.add_argument("--verify", action="store_true", help="ask the server whether it accepts the key")
    logout = command("logout", "Remove the API key from netrc.", "logout")
    command("status", "Show host, key, mode and what waits on disk.", "status")
    runs = command("ls", "List the runs in a folder.", "ls", "ls /data/wandb_cache")
    runs.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="default: the cache folder")
    show = command("show", "Show a run: config, summary, and a chart of each metric.", "show 3kq9x0ab --metric loss")
    show.add_argument("run", metavar="RUN", help="a run directory, or the id of a run in the cache folder")
    show.add_argument(
        "--metric", action="append", default=[], metavar="NAME", help="only this metric; may be given again"
    )
    sync = command(
        "sync",
        "Send runs that wait on disk. Sending again sends nothing twice.\n"
        "Exit code: 0 all is sent, 1 something is left, 2 wrong usage.",
        "sync",
        "sync 3kq9x0ab --follow",
        "sync /data/wandb_cache --timeout 60",
    )
    sync.add_argument(
        "path", nargs="*", metavar="RUN", help="run directories, folders of them, or ids; default: the cache folder"
    )
    sync.add_argument("--follow", action="store_true", help="keep sending until every run has ended")
    sync.add_argument("--timeout", type=_seconds, metavar="S", help="stop after so many seconds")
    for with_host in (login, logout, sync):
        with_host.add_argument(
            "--host", type=_address, metavar="URL", help="address of the W&B API; default: WANDB_BASE_URL"
        )
    verify = command(
        "verify",
        "Check runs on disk: what is whole, torn, damaged, missing, not sent yet. Changes nothing.\n"
        "Exit code: 0 all is whole, 1 something is not, 2 wrong usage.",
        "verify",
        "verify /data/wandb_cache --json",
    )
    verify.add_argument("--json", action="store_true", help="print a list of objects, for programs")
    repair = command(
        "repair",
        "Make damaged runs such that they can be sent. Says what it would do; does it with --yes.\n"
        "Nothing is destroyed: what is replaced is kept in the folder `repaired` of the run.\n"
        "Exit code: 0 there is nothing (more) to do, 1 there is, or a run is in use, 2 wrong usage.",
        "repair wandb_cache/digits/3kq9x0ab",
        "repair wandb_cache/digits/3kq9x0ab --yes",
    )
    repair.add_argument("--yes", action="store_true", help="do it")
    for with_dirs in (verify, repair):
        with_dirs.add_argument(
            "dir",
            nargs="*",
            type=Path,
            metavar="DIR",
            help="run directories, or folders of them; default: the cache folder",
        )
    command("doctor", "Check key, server, clock and disk, and say what to do.", "doctor")
    return top


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
        return keys.resolve_host(text)
    except SettingsError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None
