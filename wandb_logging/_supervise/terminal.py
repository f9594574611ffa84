"""The terminal we stand in, while another program stands in one of ours. POSIX."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import termios
import tty
from typing import Any

_SIZE = struct.Struct("HHHH")


class Terminal:
    """The terminal behind stdin, raw while a program has it: what is typed goes to that program as it is.

    Args:
        fd: of the terminal.
    """

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._before: list[Any] | None = None

    def give(self) -> None:
        """Make it raw, where it is ours."""
        with contextlib.suppress(termios.error):
            if not is_ours(self._fd):
                return
            self._before = self._before or termios.tcgetattr(self._fd)
            tty.setraw(self._fd, termios.TCSADRAIN)

    def take_back(self) -> None:
        """Make it as it was."""
        if self._before is not None and is_ours(self._fd):
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)


def copy_size(source: int, target: int) -> None:
    """Give one terminal the size of another."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, bytes(_SIZE.size)))


def copy_modes(source: int, target: int) -> None:
    """Give one terminal what another does with what is typed and written."""
    with contextlib.suppress(termios.error):
        termios.tcsetattr(target, termios.TCSANOW, termios.tcgetattr(source))


def write_as_it_is(fd: int) -> None:
    """Have a terminal pass on what is written to it: the one that shows it adds its carriage returns."""
    with contextlib.suppress(termios.error):
        modes = termios.tcgetattr(fd)
        modes[1] &= ~termios.OPOST
        termios.tcsetattr(fd, termios.TCSANOW, modes)


def is_ours(fd: int) -> bool:
    """Whether we may read a terminal and change it: a job in the background that does is stopped."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError as exc:
        return exc.errno == errno.ENOTTY  # no job's terminal


def is_in_foreground() -> bool:
    """Whether a Ctrl-C at our terminal reaches our whole process group by itself."""
    with contextlib.suppress(OSError):
        fd = os.open("/dev/tty", os.O_RDWR)
        try:
            return os.tcgetpgrp(fd) == os.getpgrp()
        finally:
            os.close(fd)
    return False
