"""Prints everything that commands print, in a form that the terminal or pipe accepts; also holds the exit codes.

Texts come from runs, folders and servers, and may hold control characters: these are made harmless here, so that no
text controls the terminal. No other module of this folder prints by itself.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Union, cast

from wandb_logging._errors import WandbLoggingError
from wandb_logging._settings.variables import takes_colour
from wandb_logging._values.terminal_text import clean, one_line

PROG = "wandb-logging"
DONE, LEFT, USAGE, INTERRUPTED, PIPE = 0, 1, 2, 130, 141

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Styled(str):
    """A text with a style for terminals with colours: bold, dim, red, green, yellow or cyan."""

    __slots__ = ("style",)
    style: str


def styled(text: object, style: str) -> Styled:
    """Give a text a style."""
    given = Styled(text)
    given.style = style
    return given


Line = Union[str, Sequence[str]]  # a line as one text, or as parts of which some may be Styled


def say(line: Line = "", *, flush: bool = False) -> None:
    """Print one line on stdout."""
    parts = [line] if isinstance(line, str) else line
    colours = coloured()
    print("".join(_shown(part, colours=colours) for part in parts), flush=flush)


def say_all(lines: Iterable[Line], *, flush: bool = False) -> None:
    """Print lines on stdout."""
    for line in lines:
        say(line, flush=flush)


def _shown(part: str, *, colours: bool) -> str:
    text = clean(part)
    return f"\x1b[{_CODES[part.style]}m{text}\x1b[0m" if colours and isinstance(part, Styled) and text else text


def raw() -> BinaryIO:
    """Stdout as a binary file, for programs that read it. On a terminal, control characters are made harmless."""
    sys.stdout.flush()
    pipe = None if sys.stdout.isatty() else getattr(sys.stdout, "buffer", None)
    return cast("BinaryIO", pipe or _Cleaned())


class _Cleaned(io.RawIOBase):
    """A binary file that prints the UTF-8 text written to it for a person. Each write holds whole characters."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        text = bytes(data).decode("utf-8", "replace")
        print("\n".join(map(clean, text.split("\n"))), end="")
        return len(data)


def begin_screen() -> None:
    """Clear the screen and go to its top, if stdout is a terminal."""
    if sys.stdout.isatty():
        print("\x1b[H\x1b[2J", end="")


def complain(text: object) -> None:
    """Print one line on stderr, with the program's name before it."""
    with contextlib.suppress(OSError):
        print(f"{PROG}: {one_line(text)}", file=sys.stderr, flush=True)


def coloured() -> bool:
    """Whether stdout shows colours."""
    return sys.stdout.isatty() and takes_colour()


def open_streams() -> None:
    """Open whichever of stdin, stdout and stderr was closed (`>&-`): else the next opened file would take its place."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for as long as we are
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def encode_what_we_can() -> None:
    """Print `?` for a character that the terminal or pipe cannot take, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def drop_output() -> None:
    """Discard what Python flushes at exit, because nobody reads our output any more (`| head`)."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def width() -> int:
    """Number of columns of the terminal. Without a terminal: the value of COLUMNS, or 100."""
    return max(20, _size().columns)


def height() -> int:
    """Number of lines of the terminal. Without a terminal: the value of LINES, or 24."""
    return _size().lines


def _size() -> os.terminal_size:
    import shutil  # noqa: PLC0415  it imports what compresses; a program that `run` starts waits for no such thing

    return shutil.get_terminal_size((100, 24))


def draws() -> bool:
    """Whether stdout can take the characters of which charts are made."""
    try:
        "▚┤⠂".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def words_of(exc: Exception) -> str:
    """A message for a person about an error, without a traceback."""
    if isinstance(exc, WandbLoggingError):
        return str(exc)
    if isinstance(exc, OSError):
        return f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc)
    return f"internal error, please report it: {type(exc).__name__}: {exc}"
