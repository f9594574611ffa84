"""Logs and files of rules, as commands are given them."""

from __future__ import annotations

import argparse
import codecs
import io
import itertools
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from wandb_logging._cli.output import PROG
from wandb_logging._errors import SettingsError, WandbLoggingError
from wandb_logging._mining import written
from wandb_logging._mining.suggest import MAX_LINES

_MOST_RULES = 2**24  # bytes of a file of rules
_PIECE = 2**20  # characters of a line that are read at once
_HEAD = 2**26  # characters from which rules are suggested


class Log:
    """A log that is read once, line by line: its size does not matter.

    Args:
        path: the file; `-` is stdin. Bytes that are no text are replaced; carriage returns stay.

    Raises:
        OSError: it cannot be read.
        NotText: it is no text.
    """

    def __init__(self, path: Path) -> None:
        file = _opened(path)
        try:
            begin = file.peek(_LOOK)[:_LOOK]
        except OSError:
            file.close()
            raise
        encoding = next((name for mark, name in _MARKS.items() if begin.startswith(mark)), None)
        if encoding is None and b"\0" in begin:
            file.close()
            raise NotText(f"{path}: is no text. Of a compressed log: zcat FILE | {PROG} mine -")
        self._file = io.TextIOWrapper(file, encoding or "utf-8", "replace", newline="\n")
        self._head: list[tuple[int, str]] = []
        self._rest = self._read()

    @property
    def head(self) -> str:
        """Its beginning, as much as rules are suggested from."""
        size = sum(len(line) for _, line in self._head)
        while len(self._head) < MAX_LINES and size < _HEAD:
            one = next(self._rest, None)
            if one is None:
                break
            self._head.append(one)
            size += len(one[1])
        return "\n".join(line for _, line in self._head)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return itertools.chain(self._head, self._rest)

    def close(self) -> None:
        """Let go of the file; stdin stays."""
        self._file.close()

    def _read(self) -> Iterator[tuple[int, str]]:
        """The lines with their numbers; what follows the last line's end is a line, too."""
        number, last = 1, "\n"
        while line := self._file.readline(_PIECE):
            yield number, line.rstrip("\n")
            number += line.endswith("\n")
            last = line
        if last.endswith("\n"):
            yield number, ""
        self.close()


class NotText(WandbLoggingError):
    """A file is no log."""


_LOOK = 1024
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def rules_of(path: Path) -> list[Any]:
    """The rules of a file: YAML or JSON, a list or a mapping with `text_metrics` or `rules`.

    Raises:
        OSError: it cannot be read.
        SettingsError: it holds no rules.
    """
    with _opened(path) as file:
        text = file.read(_MOST_RULES).decode("utf-8", "replace")
    try:
        rules = written.read(text)
        return _all_of_yaml(text) if rules is None else rules
    except ValueError as exc:
        raise SettingsError(f"{path}: {exc}") from None


def _opened(path: Path) -> BufferedReader:
    """A file, or stdin, which stays open when this is closed."""
    return open(0, "rb", closefd=False) if str(path) == "-" else path.open("rb")


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
