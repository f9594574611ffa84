"""Reads logs and files of rules that are given to commands."""

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
from wandb_logging._mining import as_yaml, lines
from wandb_logging._settings.loaded import why_no_yaml
from wandb_logging._wording import counted

_MOST_RULES = 2**24  # most bytes of a file of rules
_PIECE = 2**20  # most characters of a line that are read at once
_HEAD = 2**26  # characters at a log's beginning from which rules are suggested


class Log:
    """A log that is read once, line by line. Memory does not grow with its size.

    Args:
        path: the file; `-` is stdin. Bytes that are no text are replaced; carriage returns stay. NULs at the beginning
            are left out: a file that was cut has them if its writer went on at its old place.

    Raises:
        OSError: the file cannot be read.
        NotText: the file holds no text.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = "in it"
        file = _opened(path)
        try:
            begin = _past_nuls(file)
        except OSError:
            file.close()
            raise
        encoding = _marked(begin)
        if encoding is None and not _is_text(begin):
            file.close()
            raise NotText(f"{path}: is no text. Of a compressed log: zcat FILE | {PROG} mine -, or tail -")
        self._file = io.TextIOWrapper(file, encoding or "utf-8", "replace", newline="\n")
        self._head: list[tuple[int, str]] = []
        self._rest = self._read()

    @property
    def head(self) -> str:
        """The beginning of the log: the part from which rules are suggested."""
        size = sum(len(line) for _, line in self._head)
        while len(self._head) < lines.MAX_LINES and size < _HEAD:
            one = next(self._rest, None)
            if one is None:
                break
            self._head.append(one)
            size += len(one[1])
        else:
            self._part = f"in its first {counted(len(self._head), 'line')}"
        return "\n".join(line for _, line in self._head)

    def says_nothing(self, then: str = "") -> str:
        """Say that nothing in the log is sure to be metrics, and what to do then; by default to write a rule."""
        if not any(line.strip() for _, line in self._head):
            return f"{self._path}: is empty"
        if 2 * sum(len(line) > lines.MAX_CHARS for _, line in self._head) > len(self._head):
            then = f"of its lines, which are longer, the first {lines.MAX_CHARS} characters are looked at"
        then = then or f"a rule of your own is a line of it with names for its numbers, as in {_EXAMPLE}"
        return f"{self._path}: nothing {self._part} is sure to be metrics; {then}"

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return itertools.chain(self._head, self._rest)

    def close(self) -> None:
        """Close the file; stdin stays open."""
        self._file.close()

    def _read(self) -> Iterator[tuple[int, str]]:
        """The lines with their numbers. Text after the last newline is a line, too.

        A line that is too long comes in pieces of one number, each of them what is drawn between carriage returns.
        """
        number, begun = 1, ""
        while piece := self._file.readline(_PIECE):
            line = begun + piece
            if piece.endswith("\n"):
                yield number, line.rstrip("\n")
                number, begun = number + 1, ""
                continue
            drawn, carriage_return, last = line.rpartition("\r")
            if carriage_return:
                yield number, drawn
            begun = last[: lines.MAX_RAW]
        yield number, begun
        self.close()


def _past_nuls(file: BufferedReader) -> bytes:
    """Read what NULs a file begins with. Returns the first bytes behind them, which are not read."""
    while begin := file.peek(_LOOK)[:_LOOK]:
        text = begin.lstrip(b"\0")
        if text:
            file.read(len(begin) - len(text))
            return text
        file.read(len(begin))
    return b""


def _marked(begin: bytes) -> str | None:
    """The encoding that the first bytes of a file tell, as PowerShell writes it; None if they tell none."""
    return next((name for mark, name in _MARKS.items() if begin.startswith(mark)), None)


def _is_text(begin: bytes) -> bool:
    """Whether a file that begins so is text. Some programs write a NUL now and then."""
    nuls = begin.count(b"\0")
    return not nuls or (8 * nuls < len(begin) and begin == begin.translate(None, _IN_NO_TEXT))


class NotText(WandbLoggingError):
    """A file that should be a log holds no text."""


_EXAMPLE = '- line: "iter {step}: loss {loss}"'
_LOOK = 1024
_IN_NO_TEXT = bytes([*range(1, 7), *range(14, 27)])  # control characters that no terminal is sent
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def rules_of(path: Path) -> list[Any]:
    """Read the rules of a file, as `text_metrics_of` does."""
    return list(text_metrics_of(path)["rules"])


def text_metrics_of(path: Path) -> dict[str, Any]:
    """Read a file of rules in YAML or JSON: a list, or a mapping with the key `text_metrics` or `rules`.

    Raises:
        OSError: the file cannot be read.
        SettingsError: the file holds no rules.
    """
    with _opened(path) as file:
        written = file.read(_MOST_RULES)
    text = written.decode(_marked(written) or "utf-8", "replace")
    try:
        found = as_yaml.read(text)
        return _all_of_yaml(text) if found is None else _meant(found, text)
    except ValueError as exc:
        raise SettingsError(f"{path}: {exc}") from None


def _opened(path: Path) -> BufferedReader:
    """Open a file, or stdin, which stays open when the result is closed."""
    return open(0, "rb", closefd=False) if str(path) == "-" else path.open("rb")


def _meant(found: dict[str, Any], text: str) -> dict[str, Any]:
    if not found["rules"] and not text.rstrip().endswith("]"):  # an empty list can be meant
        raise ValueError("holds no rule: it is empty, or all its lines are comments")
    return found


def _all_of_yaml(text: str) -> dict[str, Any]:
    try:
        import yaml  # noqa: PLC0415  of use only for files that people wrote
    except ImportError:
        raise ValueError(
            "is not written as `suggest` writes rules; other YAML needs PyYAML to be read (pip install PyYAML)"
        ) from None
    try:
        return as_yaml.text_metrics_in(yaml.safe_load(text))
    except yaml.YAMLError as exc:
        raise ValueError(why_no_yaml(exc)) from None


def add_log(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the log to read."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a log; - is stdin")
