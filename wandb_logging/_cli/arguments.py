"""Arguments that several commands take, and what their values may be."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from wandb_logging._errors import SettingsError
from wandb_logging._keys import keys


def add_host(parser: argparse.ArgumentParser) -> None:
    """The server to talk to."""
    parser.add_argument("--host", type=address, metavar="URL", help="address of the W&B API; default: WANDB_BASE_URL")


def add_dirs(parser: argparse.ArgumentParser) -> None:
    """Runs by their folders."""
    parser.add_argument(
        "dir",
        nargs="*",
        type=Path,
        metavar="DIR",
        help="run directories, or folders of them; default: the cache folder",
    )


def seconds(text: str) -> float:
    """A number of seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def address(text: str) -> str:
    """The address of a W&B API."""
    try:
        return keys.resolve_host(text)
    except SettingsError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None
