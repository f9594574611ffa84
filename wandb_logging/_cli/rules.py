"""Logs and files of rules, as commands are given them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from wandb_logging._errors import SettingsError
from wandb_logging._mining import written

MOST_BYTES = 2**28


def text_of(path: Path) -> str:
    """The text of a log; `-` is stdin. Bytes that are no UTF-8 are replaced; carriage returns stay.

    Raises:
        OSError: it cannot be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read(MOST_BYTES).decode("utf-8", "replace")
    with path.open("rb") as file:
        return file.read(MOST_BYTES).decode("utf-8", "replace")


def rules_of(path: Path) -> list[Any]:
    """The rules of a file: YAML or JSON, a list or a mapping with `text_metrics` or `rules`.

    Raises:
        OSError: it cannot be read.
        SettingsError: it holds no rules.
    """
    text = text_of(path)
    try:
        rules = written.read(text)
        return _all_of_yaml(text) if rules is None else rules
    except ValueError as exc:
        raise SettingsError(f"{path}: {exc}") from None


def _all_of_yaml(text: str) -> list[Any]:
    try:
        import yaml  # noqa: PLC0415  of use only for files that people wrote
    except ImportError:
        raise ValueError("is YAML, which needs PyYAML to be read (pip install PyYAML); or write it as JSON") from None
    try:
        return written.rules_in(yaml.safe_load(text))
    except yaml.YAMLError as exc:
        raise ValueError(f"is no YAML: {' '.join(str(exc).split())}") from None


def add_log(parser: argparse.ArgumentParser) -> None:
    """The log to read."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a log; - is stdin")
