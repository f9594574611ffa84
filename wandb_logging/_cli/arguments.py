"""Arguments that several commands take, and what their values may be."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from wandb_logging._errors import SettingsError
from wandb_logging._keys import keys


def add_host(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the server to talk to."""
    parser.add_argument("--host", type=address, metavar="URL", help="address of the W&B API; default: WANDB_BASE_URL")


def add_runs(parser: argparse.ArgumentParser, *, or_events: bool = False) -> None:
    """Add the argument for any number of runs, which `found.paths_of` makes paths of.

    Args:
        parser: the parser of the command.
        or_events: whether the command also takes folders of event files.
    """
    folders = "folders of them or of event files" if or_events else "folders of them"
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help=f"run directories, {folders}, or ids; default: the cache folder"
    )


def add_rules(parser: argparse.ArgumentParser, use: str) -> None:
    """Add the option for a file of rules, with what they are used for."""
    parser.add_argument("--rules", type=Path, metavar="FILE", help=f"rules {use}, YAML or JSON; `suggest` prints some")


def seconds(text: str) -> float:
    """Parse a number of seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def address(text: str) -> str:
    """Parse the address of a W&B API."""
    try:
        return keys.resolve_host(text)
    except SettingsError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def count(text: str) -> int:
    """Parse a whole number, 0 or more."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def jobs(text: str) -> int:
    """Parse how many things are done at once: 1 or more."""
    if count(text) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def duration(text: str) -> float:
    """Parse a duration such as 30d. Returns seconds."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(number) :].strip()
    try:
        return seconds(number) * _UNITS[unit]
    except (KeyError, argparse.ArgumentTypeError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: expected 30d, 12h, 90min or 2w") from None
