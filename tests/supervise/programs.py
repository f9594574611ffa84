"""Programs under `wandb-logging run`, in a pipe or in a terminal."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import wandb_logging
from tests.patience import PATIENCE

PACKAGE = str(Path(wandb_logging.__file__).parent.parent)


def command(*options: str) -> list[str]:
    """The command line up to the program, offline."""
    return [sys.executable, "-m", "wandb_logging", "run", "--mode", "offline", "--project", "p", *options, "--"]


def python(code: str) -> list[str]:
    """A Python program."""
    return [sys.executable, "-c", code]


def environment() -> dict[str, str]:
    """Where this checkout is found."""
    return {**os.environ, "PYTHONPATH": PACKAGE}


def ran(*program: str, options: tuple[str, ...] = (), data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a program in pipes to its end."""
    return subprocess.run(
        [*command(*options), *program],
        env=environment(),
        input=data,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


def started(*program: str) -> subprocess.Popen[bytes]:
    """A program that runs, its streams in pipes, in a session of its own."""
    return subprocess.Popen(
        [*command(), *program],
        env=environment(),
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


class InTerminal:
    """A program that runs in a terminal of its own.

    Args:
        *program: it and its arguments.
        options: of `run`.
        bare: whether it is not run by `run`.
    """

    def __init__(self, *program: str, options: tuple[str, ...] = (), bare: bool = False) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            line = list(program) if bare else [*command(*options), *program]
            os.execvpe(line[0], line, environment())
        self.resize(columns=80, lines=24)
        self.seen = b""
        self.left: list[Any] = []

    def type(self, data: bytes) -> None:
        """What a person types."""
        os.write(self.fd, data)

    def paste(self, data: bytes) -> None:
        """Type as fast as the terminal takes it."""
        while data:
            data = data[os.write(self.fd, data) :]

    def read_until(self, text: bytes) -> None:
        """Read until a text has been shown."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if not self._read():
                raise AssertionError(f"the program ended: {self.seen!r}")

    def resize(self, *, columns: int, lines: int) -> None:
        """Have the window be of another size."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def modes(self) -> list[Any]:
        """What the terminal does with what is typed and written."""
        return termios.tcgetattr(self.fd)

    def wait_until_stopped(self) -> None:
        """Until the command is stopped, as by Ctrl-Z."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WUNTRACED | os.WNOHANG)
            if pid:
                assert os.WIFSTOPPED(status), status
                return
            if select.select([self.fd], [], [], 0.01)[0]:
                self._read()
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError(f"it is not stopped: {self.seen!r}")

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        self.left = self.modes()
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        if not select.select([self.fd], [], [], PATIENCE)[0]:
            os.kill(self.pid, signal.SIGKILL)
            raise AssertionError(f"nothing comes: {self.seen!r}")
        try:
            data = os.read(self.fd, 65536)
        except OSError as exc:
            if exc.errno != errno.EIO:
                raise
            data = b""
        self.seen += data
        return bool(data)
