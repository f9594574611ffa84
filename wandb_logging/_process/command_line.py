"""The command line of this program. Where Python is embedded, there may be none."""

from __future__ import annotations

import sys


def command_line() -> list[str]:
    """The name of the program and its arguments; empty if there is none, as in a program that has Python within it."""
    return [str(part) for part in getattr(sys, "argv", None) or ()]


def program_name() -> str:
    """The program as it was called; empty if that is unknown."""
    return next(iter(command_line()), "")
