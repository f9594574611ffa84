"""What the terminal or pipe takes, and the exit codes."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys

from wandb_logging._errors import WandbLoggingError

PROG = "wandb-logging"
DONE, LEFT, USAGE, INTERRUPTED, PIPE = 0, 1, 2, 130, 141


def complain(text: str) -> None:
    """One line on stderr, in the program's name."""
    with contextlib.suppress(OSError):
        print(f"{PROG}: {' '.join(text.split())}", file=sys.stderr, flush=True)


def encode_what_we_can() -> None:
    """A character that the terminal or pipe cannot take becomes `?`, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def drop_output() -> None:
    """Nobody reads our output any more (`| head`): let Python's own flush at exit go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def width() -> int:
    """Columns of the terminal; of COLUMNS, or 100, where there is none."""
    return max(20, shutil.get_terminal_size((100, 24)).columns)


def draws() -> bool:
    """Whether what is printed may hold the characters of charts."""
    try:
        "▚┤⠂".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def words_of(exc: Exception) -> str:
    """What to say of an error, in words without a traceback."""
    if isinstance(exc, WandbLoggingError):
        return str(exc)
    if isinstance(exc, OSError):
        return f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc)
    return f"internal error, please report it: {type(exc).__name__}: {exc}"
