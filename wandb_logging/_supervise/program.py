"""A program started with our streams. Each piece of its output is also given to a function of ours. POSIX only.

The program's process is forked before this process has threads. It waits behind a gate until it is told its
environment; only then does it become the program. Where we have a terminal, the program gets a terminal of its own, so
that it behaves as it would without us. Where we write to a pipe or a file, the program does, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from wandb_logging._process.switch_interval import short_turns
from wandb_logging._supervise import terminal
from wandb_logging._supervise.becoming import Waiting, begin_as_programs_do
from wandb_logging._supervise.keyboard import Keyboard
from wandb_logging._supervise.streams import Gathered, Pipe, leave_to_others, read, widen, write

_AHEAD = 2**24  # bytes that are read before anybody takes them
_AFTERWARDS = 0.5  # seconds of silence after which we stop waiting for processes that the program left running
_KEPT = (  # not passed on: they cannot be caught, say that this process itself did wrong, or are about its children
    *("SIGKILL", "SIGSTOP", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS", "SIGABRT", "SIGEMT"),
    *("SIGPIPE", "SIGXFSZ", "SIGCHLD", "SIGTTIN", "SIGTTOU", "SIGWINCH"),
)
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_AT_A_KEY = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)

Take = Callable[[str, bool], object]
"""Given a piece of output, and whether it was written to stderr."""


class Program:
    """A program that waits behind its gate; `begun` opens the gate.

    Args:
        command: the program and its arguments.

    Attributes:
        command: the same.
        pid: number of the program's process.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self._streams: list[Pipe] = []
        self._ahead: list[tuple[Pipe, bytes]] = []
        self._keyboard: Keyboard | None = None  # if the program has a terminal of its own for its input
        self._exit: int | None = None
        self._asked_to_stop = False  # by SIGTSTP, as by Ctrl-Z where the program has our terminal
        self._was_continued = False  # since we stopped
        self._own: set[int] = set()  # signals that we have sent to our own job, of which we are a part
        self._is_enough = False  # whether we were asked to end when the program had ended
        self._interrupted = False  # whether a Ctrl-C was typed
        self._ended_by: int | None = None  # the signal that ended the program
        gate, self._gate = os.pipe()
        self._answer, answer = os.pipe()
        self._number, self._tell = os.pipe()  # number of the process to signal, if it is not the one that we wait for
        ends = self._make_ends()
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        held_back = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        # Who started us may ignore it, and then the system tells nobody how a process ended.
        was_ignored = signal.signal(signal.SIGCHLD, signal.SIG_DFL) == signal.SIG_IGN
        self._pid = os.fork()
        if self._pid == 0:
            begin_as_programs_do(held_back)
            ours = [self._gate, self._answer, self._number, *(stream.source for stream in self._streams)]
            children = signal.SIG_IGN if was_ignored else signal.SIG_DFL
            if self._keyboard is None:
                Waiting(gate, answer, ends, children=children).become(self.command, [*ours, self._tell])
            Waiting(gate, answer, ends, self._tell, children).become(self.command, ours)
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
        for fd in {gate, answer, self._tell, *(fd for fd in ends if fd > 2)}:
            os.close(fd)
        with os.fdopen(self._number, "rb") as number:
            self.pid = int(number.read() or self._pid)

    def give_up(self) -> None:
        """End the waiting process: the program is not to run after all."""
        os.close(self._gate)
        os.close(self._answer)
        self._close()
        os.waitpid(self._pid, 0)

    @contextlib.contextmanager
    def begun(self, environment: Mapping[str, str]) -> Iterator[None]:
        """Let the program run. Inside this block call `run`, which reports how the program fared.

        Until the block ends, signals and keyboard input go to the program.

        Args:
            environment: variables for the program, in addition to ours.
        """
        with self._signals():
            with contextlib.suppress(BrokenPipeError), os.fdopen(self._gate, "w") as gate:  # it may have been ended
                json.dump(dict(environment), gate)
            if self._keyboard is not None:
                self._keyboard.give()
            try:
                yield
            finally:
                if self._keyboard is not None:
                    self._keyboard.take_back()
                self._close()

    @property
    def unwritten(self) -> dict[str, OSError]:
        """Why output could not be passed on. Keys are `stdout` and `stderr`; that a terminal was closed is no error."""
        failed = ((stream, stream.unwritten) for stream in self._streams if not os.isatty(stream.target))
        return {"stderr" if stream.target == 2 else "stdout": why for stream, why in failed if why is not None}

    @property
    def was_interrupted(self) -> bool:
        """Whether a Ctrl-C at our terminal has ended the program: then it is to end all that was started with it."""
        return self._interrupted and self._ended_by == signal.SIGINT

    @property
    def _has_keyboard(self) -> bool:
        """Whether what is typed at our terminal goes to the program by way of us."""
        return self._keyboard is not None and not self._keyboard.is_over

    @contextlib.contextmanager
    def read_ahead(self) -> Iterator[None]:
        """Read the program's output meanwhile, so that the program need not wait for us; `run` passes the output on.

        Nothing is shown before it is taken, so that all output shown is kept even if we are killed.
        """
        stop, enough = os.pipe()
        reader = threading.Thread(target=self._read_until, args=(stop,), daemon=True)
        try:
            with short_turns():
                reader.start()
                try:
                    yield
                finally:
                    os.close(enough)
                    reader.join()
        finally:
            os.close(stop)

    def run(self, take: Take) -> int:
        """Pass on the program's output until it ends. Returns its exit code as a shell does: 128 + n after signal n.

        Args:
            take: called before a piece of its output is passed on.

        Raises:
            OSError: there is no such program, or it cannot be run.
        """
        with os.fdopen(self._answer, "rb") as answer:
            failed = answer.read()
        if failed:
            os.waitpid(self._pid, 0)
            raise OSError(int(failed), os.strerror(int(failed)), self.command[0])
        return self._pass_on(take)

    def _make_ends(self) -> tuple[int, int, int]:
        """Make the program's ends of stdin, stdout and stderr."""
        on_terminal = [os.isatty(fd) for fd in (0, 1, 2)]
        terminals: tuple[int, int] | None = os.openpty() if any(on_terminal[1:]) else None
        ends = [0, 1, 2]
        if terminals is not None:
            ours, theirs = terminals
            shown = 1 if on_terminal[1] else 2
            terminal.copy_size(shown, theirs)
            # In the background, input is for other jobs; before a pager that reads our stdout, it is for that.
            if on_terminal[0] and on_terminal[1] and terminal.is_ours(0):
                terminal.copy_modes(0, theirs)
                os.set_blocking(ours, False)
                ends[0], self._keyboard = theirs, Keyboard(ours)
            else:
                terminal.write_as_it_is(theirs)
            self._streams.append(Pipe(ours, shown, error=not on_terminal[1]))
            ends[1:] = [theirs if on else -1 for on in on_terminal[1:]]
        for fd in (1, 2):
            if fd == 2 and _go_to_one_file():  # as after `2>&1`: through two pipes the order would be lost
                ends[2] = ends[1]
            elif not on_terminal[fd]:
                source, ends[fd] = os.pipe()
                self._streams.append(Pipe(source, fd, error=fd == 2, wide=widen(source)))
        return ends[0], ends[1], ends[2]

    def _read_until(self, stop: int) -> None:
        """Read ahead until the other end of the pipe `stop` is closed, or enough has been read."""
        gathered = Gathered(wide=all(stream.wide for stream in self._streams), after=0)
        with selectors.DefaultSelector() as selector:
            selector.register(stop, selectors.EVENT_READ)
            for stream in self._streams:
                selector.register(stream.source, selectors.EVENT_READ, stream)
            room = _AHEAD
            while room > 0:
                for key, _ in gathered.wait(selector):
                    if key.fd == stop:
                        return
                    room -= self._keep(key, selector)

    def _keep(self, key: selectors.SelectorKey, selector: selectors.BaseSelector) -> int:
        """Read one piece ahead. Returns its size in bytes."""
        data = read(key.data.source)
        if data:
            self._ahead.append((key.data, data))
        else:
            selector.unregister(key.fileobj)
        return len(data)

    def _pass_on(self, take: Take) -> int:
        ahead, self._ahead = self._ahead, []
        for stream, data in ahead:
            self._show(stream, data, take)
        with selectors.DefaultSelector() as selector:
            for stream in self._streams:
                selector.register(stream.source, selectors.EVENT_READ, stream)
            code = self._until_the_end(selector, take)
            for key in selector.get_map().values():
                if isinstance(key.data, Pipe):  # else it is our stdin
                    leave_to_others(key.data)
            return code

    def _until_the_end(self, selector: selectors.BaseSelector, take: Take) -> int:
        open_streams, silent_since = len(self._streams), time.monotonic()
        gathered = Gathered(wide=all(stream.wide for stream in self._streams))
        while open_streams and not self._is_enough:
            self._look_after_program(selector)
            if self._keyboard is not None and self._keyboard.look(selector):
                self._resize()
            ready = gathered.wait(selector)
            for key, events in ready:
                if not self._serve(key, events, selector, take):
                    open_streams -= 1
                    self._leave(selector, key.data)
            if ready:
                silent_since = time.monotonic()
            elif self._exit is not None and time.monotonic() - silent_since > _AFTERWARDS:
                break  # a process that the program left running holds the stream open
        for stream in self._streams:
            rest = stream.decoder.decode(b"", final=True)
            if rest:
                take(rest, stream.error)
        while self._exit is None:
            self._look_after_program(selector, wait=True)
        return self._exit

    def _serve(self, key: selectors.SelectorKey, events: int, selector: selectors.BaseSelector, take: Take) -> bool:
        """Do what a keyboard or a stream is ready for. Returns False at the end of the stream."""
        if self._keyboard is not None and key.data is None:
            for number in self._keyboard.read(selector):
                self._interrupted = self._interrupted or number == signal.SIGINT
                self._signal_job(number)
            return True
        if self._keyboard is not None and events & selectors.EVENT_WRITE:
            self._keyboard.hand_on(selector)
        return not events & selectors.EVENT_READ or self._move(key.data, take)

    def _move(self, stream: Pipe, take: Take) -> bool:
        """Pass on output that has been written. Returns False at the end of the stream."""
        data = read(stream.source)
        return bool(data) and self._show(stream, data, take)

    def _show(self, stream: Pipe, data: bytes, take: Take) -> bool:
        """Have the output taken, then write it to our own stream. Returns False if nobody reads that any more."""
        text = stream.decoder.decode(data)
        if text:
            take(text, stream.error)
        try:
            write(stream.target, data)
        except BrokenPipeError:
            stream.unread = not os.isatty(stream.source)
        except OSError as exc:  # it does not disturb the program, whose output is in the run
            stream.unwritten = stream.unwritten or exc
        return not stream.unread

    def _leave(self, selector: selectors.BaseSelector, stream: Pipe) -> None:
        """Stop listening to a stream."""
        selector.unregister(stream.source)
        if stream.unread:  # the program's next write there ends it, as it would without us
            os.close(stream.source)
            stream.source = -1

    def _look_after_program(self, selector: selectors.BaseSelector, *, wait: bool = False) -> None:
        """Notice the program's end. If the program was stopped as a job, stop as well, and go on together with it."""
        if self._exit is not None:
            return
        pid, status = os.waitpid(self._pid, os.WUNTRACED | (0 if wait else os.WNOHANG))
        if not pid:
            return
        if os.WIFSTOPPED(status):
            if self._has_keyboard or self._asked_to_stop:
                self._stop()
                if self._keyboard is not None:
                    self._keyboard.leave(selector)  # we may be in the background now
                os.kill(self._pid, signal.SIGCONT)
            return
        self._ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        self._exit = os.WEXITSTATUS(status) if self._ended_by is None else 128 + self._ended_by

    def _stop(self) -> None:
        """Stop, with all of our job, until it is continued."""
        self._asked_to_stop = self._was_continued = False
        if self._keyboard is not None:
            self._keyboard.take_back()
        if self._has_keyboard and terminal.signals_us(0):
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.killpg(os.getpgrp(), signal.SIGTSTP)  # with the others: a shell may continue them as soon as they stop
            signal.signal(signal.SIGTSTP, self._forward)
        if not self._was_continued:  # so the system stops nobody whom no shell could continue
            os.kill(os.getpid(), signal.SIGSTOP)

    @contextlib.contextmanager
    def _signals(self) -> Any:
        """Pass the signals that we get on to the program."""
        kept = {getattr(signal, name) for name in _KEPT if hasattr(signal, name)}
        before = {number: signal.signal(number, self._forward) for number in signal.valid_signals() - kept}
        before[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, lambda *_: self._resize())
        try:
            yield
        finally:
            for number, handler in before.items():
                if handler is not None:  # else it was none of Python's
                    signal.signal(number, handler)

    def _signal_job(self, number: int) -> None:
        """Signal all that a shell has started with us, as the terminal would if the program had not one of its own."""
        if self._has_keyboard and terminal.signals_us(0):
            self._own.add(number)
            os.killpg(os.getpgrp(), number)

    def _forward(self, number: int, _frame: object) -> None:
        if number in self._own:
            self._own.remove(number)
            return
        self._was_continued = self._was_continued or number == signal.SIGCONT
        if number == signal.SIGCONT and self._keyboard is not None and self._keyboard.listens:
            self._keyboard.give()  # the shell has had the terminal meanwhile
        # A program that shares our terminal has already received signals typed there.
        typed = number in _AT_A_KEY and not self._has_keyboard and terminal.is_in_foreground()
        self._asked_to_stop = self._asked_to_stop or number == signal.SIGTSTP
        self._interrupted = self._interrupted or (typed and number == signal.SIGINT)
        if self._exit is not None:  # what the program left running writes on and on
            self._is_enough = self._is_enough or number in _ENDING
        elif not typed:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if self._has_keyboard else os.kill)(self.pid, number)

    def _resize(self) -> None:
        for stream in self._streams:
            if os.isatty(stream.target):
                terminal.copy_size(stream.target, stream.source)
        if not self._has_keyboard and self._exit is None:  # it was told before its terminal had the new size
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGWINCH)

    def _close(self) -> None:
        for stream in self._streams:
            with contextlib.suppress(OSError):
                os.close(stream.source)


def _go_to_one_file() -> bool:
    """Whether our stdout and stderr are the same pipe or file."""
    try:
        out, error = os.fstat(1), os.fstat(2)
    except OSError:  # closed
        return False
    return os.path.samestat(out, error) and not stat.S_ISCHR(out.st_mode)
