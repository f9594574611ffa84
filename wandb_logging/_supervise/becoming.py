"""The process that waits behind a gate, and then becomes the program. POSIX only."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import termios
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

NOT_FOUND, NOT_RUN, GIVEN_UP = 127, 126, 125  # exit codes that shells and `env` use
_IGNORED = ("SIGPIPE", "SIGXFSZ")  # by Python itself, and a program would inherit that


class Waiting(NamedTuple):
    """What a process has that is to become the program.

    Attributes:
        gate: where the environment is read from, as JSON; nothing to read: there is to be no program.
        answer: where the number of an error is written to, if there is no program after all.
        ends: the program's stdin, stdout and stderr.
        tell: where the number of the program's process is written to, if it is to have the terminal behind its stdin;
            this process then only reports how the program fares.
        children: what SIGCHLD does in the program, if not the default.
    """

    gate: int
    answer: int
    ends: tuple[int, int, int]
    tell: int | None = None
    children: signal.Handlers = signal.SIG_DFL

    def become(self, command: list[str], others: Iterable[int]) -> NoReturn:
        """Wait for the gate to open, then become the program.

        Args:
            command: the program and its arguments.
            others: file descriptors that are to be closed.
        """
        try:
            for fd in others:
                os.close(fd)
            if self.tell is not None:
                os.setsid()
                fcntl.ioctl(self.ends[0], termios.TIOCSCTTY, 0)
                self._go_to_the_front(self.tell)
            for fd, end in enumerate(self.ends):
                if end != fd:
                    os.dup2(end, fd)
            with os.fdopen(self.gate) as opened:
                told = opened.read()
            if not told:
                os._exit(GIVEN_UP)
            signal.signal(signal.SIGCHLD, self.children)
            become(command, json.loads(told))
        except OSError as exc:
            os.write(self.answer, str(exc.errno or errno.EIO).encode())
        finally:
            os._exit(NOT_RUN)

    def _go_to_the_front(self, tell: int) -> None:
        """Continue in a child that has the terminal. This process began the session and only reports on the child.

        Ctrl-Z cannot stop a program that began its session itself, because the system takes it for orphaned.
        """
        terminal = self.ends[0]
        program = os.fork()
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        if program == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(terminal, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            os.write(tell, str(os.getpid()).encode())
            os.close(tell)
            return
        for fd in (tell, self.gate, self.answer):
            os.close(fd)
        while True:
            _, status = os.waitpid(program, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                # The session ends with this process, and whoever is in front is hung up on: not what was left running.
                with contextlib.suppress(OSError):
                    os.tcsetpgrp(terminal, os.getpgrp())
                end_as(status)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.killpg(program, signal.SIGCONT)


def become(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Have a program take the place of this process, as a shell would start it.

    Args:
        command: the program and its arguments.
        environment: variables for the program, in addition to ours.

    Raises:
        OSError: there is no such program, or it cannot be run.
    """
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    everything = {**_as_we_got_them(), **environment}
    name, *arguments = command
    folders = [""] if os.sep in name else os.get_exec_path(everything)
    failed: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    for file in (str(Path(folder, name)) for folder in folders):
        try:
            os.execve(file, command, everything)  # noqa: S606  as asked
        except OSError as exc:
            if exc.errno == errno.ENOEXEC:  # a script that does not name its interpreter
                os.execve("/bin/sh", ["/bin/sh", file, *arguments], everything)  # noqa: S606
            if not isinstance(exc, (FileNotFoundError, NotADirectoryError)):
                failed = exc
    raise failed


def _as_we_got_them() -> dict[str, str]:
    """Our environment variables, without what Python adds to them where there is no locale: LC_CTYPE (PEP 538).

    With it a program would write other letters than without us.
    """
    ours = dict(os.environ)
    with contextlib.suppress(OSError):  # elsewhere than on Linux it stays
        given = Path("/proc/self/environ").read_bytes().split(b"\0")
        before = next((one for one in given if one.startswith(b"LC_CTYPE=")), None)
        ours.pop("LC_CTYPE", None)
        if before is not None:
            ours["LC_CTYPE"] = os.fsdecode(before.partition(b"=")[2])
    return ours


def begin_as_programs_do(mask: Iterable[int]) -> None:
    """In a new process that is to become a program: have a Ctrl-C end it already now, as it will then.

    Python would raise KeyboardInterrupt instead, of which only an exit code would be left.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it was ignored when we began
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def end_as(status: int) -> NoReturn:
    """End this process in the same way as a child has ended, whose status is that of `os.waitpid`."""
    if os.WIFSIGNALED(status):
        import resource  # noqa: PLC0415  of POSIX

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if os.WTERMSIG(status) != signal.SIGKILL:
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
