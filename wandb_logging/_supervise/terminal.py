"""Our terminal, while another program runs in a terminal that we made for it. POSIX only."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import struct
import termios
import tty
from typing import Any

_STDIN = 0
_SIZE = struct.Struct("HHHH")
_KEYS = ((signal.SIGINT, termios.VINTR), (signal.SIGQUIT, termios.VQUIT))
_LONGEST_LINE = 2**12
_NO_KEY = b"\0"


class Terminal:
    """The terminal behind stdin. It is raw while a program has it, so that input reaches the program unchanged."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None

    def give(self) -> bytes:
        """Make the terminal raw, if it is ours. Returns the lines that were typed before, for whoever gets what comes.

        They are read before, because what a key meant by then is lost: of Ctrl-D only a NUL would be left.
        """
        with contextlib.suppress(termios.error):
            if not is_ours(_STDIN):
                return b""
            modes = termios.tcgetattr(_STDIN)
            typed = _lines_typed(modes[6][termios.VEOF]) if modes[3] & termios.ICANON else b""
            self._before = self._before or modes
            tty.setraw(_STDIN, termios.TCSADRAIN)
            return typed
        return b""

    def take_back(self) -> None:
        """Restore the terminal."""
        if self._before is not None and is_ours(_STDIN):
            with contextlib.suppress(termios.error):
                termios.tcsetattr(_STDIN, termios.TCSADRAIN, self._before)


def _lines_typed(end: bytes) -> bytes:
    """Read the lines that wait in our terminal, which is not raw. What has no newline was ended by the key `end`."""
    found, line = b"", end
    # No more after an end: a terminal that has gone has only ends.
    while line and select.select([_STDIN], [], [], 0)[0]:
        line = os.read(_STDIN, _LONGEST_LINE)
        found += line if line.endswith(b"\n") else line + end
    return found


def copy_size(source: int, target: int) -> None:
    """Give a terminal the size of another."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, bytes(_SIZE.size)))


def copy_modes(source: int, target: int) -> None:
    """Give a terminal the modes for input and output of another."""
    with contextlib.suppress(termios.error):
        termios.tcsetattr(target, termios.TCSANOW, termios.tcgetattr(source))


def write_as_it_is(fd: int) -> None:
    """Make a terminal pass output on unchanged: the terminal that shows the output adds the carriage returns."""
    with contextlib.suppress(termios.error):
        modes = termios.tcgetattr(fd)
        modes[1] &= ~termios.OPOST
        termios.tcsetattr(fd, termios.TCSANOW, modes)


def is_ours(fd: int) -> bool:
    """Whether we may read and change a terminal. A background job that does so is stopped."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError as exc:
        return exc.errno == errno.ENOTTY  # the terminal does not control any job


def signals_us(fd: int) -> bool:
    """Whether a Ctrl-C at this very terminal would reach our process group by itself, were the terminal not raw."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False


def signals_at(fd: int, typed: bytes) -> set[signal.Signals]:
    """The signals that keys among what was typed at a terminal make there: SIGINT and SIGQUIT."""
    try:
        _, _, _, modes, _, _, characters = termios.tcgetattr(fd)
    except termios.error:
        return set()
    if not modes & termios.ISIG:
        return set()
    return {number for number, key in _KEYS if characters[key] != _NO_KEY and characters[key] in typed}


def is_in_foreground() -> bool:
    """Whether a Ctrl-C at our terminal reaches our whole process group by itself."""
    with contextlib.suppress(OSError):
        fd = os.open("/dev/tty", os.O_RDWR)
        try:
            return os.tcgetpgrp(fd) == os.getpgrp()
        finally:
            os.close(fd)
    return False
