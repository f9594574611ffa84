"""`wandb-logging login`: finds or asks for an API key, and saves it."""

from __future__ import annotations

import argparse
import sys

from wandb_logging._cli.arguments import add_host
from wandb_logging._cli.output import DONE, LEFT, PROG, complain, say_all
from wandb_logging._keys import keys, netrc
from wandb_logging._keys.keys import KEY_VARIABLE
from wandb_logging._keys.login import Login, log_in
from wandb_logging._settings.settings import from_environment

_TIMEOUT = 10.0

EXAMPLES = ("login", "login --host http://127.0.0.1:8080 --verify", "login --key - < key.txt")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("--key", help="the key; - reads it from standard input, where other users cannot see it")
    parser.add_argument("--relogin", action="store_true", help="ask even though a key is found")
    parser.add_argument("--verify", action="store_true", help="ask the server whether it accepts the key")
    add_host(parser)


def run(args: argparse.Namespace) -> int:
    """Find a key or ask for one, save it, and say what was done."""
    key = sys.stdin.readline() if args.key == "-" else args.key
    done = log_in(args.host, key, relogin=args.relogin, verify=args.verify, timeout=_TIMEOUT)
    say_all(lines_of(done, from_environment("api_key")))
    if done.unsaved:
        complain(f"the key is not saved: {done.unsaved}")
        return LEFT
    return DONE


def lines_of(done: Login, variable: str | None) -> list[str]:
    """The lines to print after a login.

    Args:
        done: the outcome of the login.
        variable: the value of WANDB_API_KEY; None if it is not set.
    """
    host = keys.resolve_host(done.session.host)
    lines = []
    if done.entity is not None:
        lines.append(f"{host} accepts the key" + (f" (entity {done.entity})" if done.entity else ""))
    if done.saved is not None:
        lines.append(f"Key for {host} saved to {netrc.shown(done.saved)}")
        if variable and variable != done.session.api_key:
            lines.append(f"{KEY_VARIABLE} holds another key, which goes before it: unset that variable")
    elif not done.unsaved:
        lines.append(f"Key for {host} found in {done.source}; `{PROG} login --relogin` asks for another")
    return lines
