"""stdout and stderr as text of the run: what the program writes there is also given to whoever captures it.

A stream stays the object it is: only its `write` is wrapped, as the official SDK does. So `isatty`, `fileno`,
`encoding`, `buffer` and `flush` are its own, and whoever holds it already, such as a log handler or a progress bar,
is heard, too. What goes past `write` (a child process, C code, `sys.stdout.buffer`) is not.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from wandb_logging._process.listener import on_own_thread

Take = Callable[[str, bool], object]
"""Given what was written, in the pieces in which it was, and whether to stderr. What it raises is ignored."""

_taps: list[_Tap] = []


class Capture:
    """Gives a program's output to `take`, from any thread, until `stop`.

    What is written on a listener's thread is left out: it is about the sending of what is captured here.
    """

    def __init__(self, take: Take) -> None:
        self._taken: list[tuple[_Tap, Callable[[str], object]]] = []
        self._take = take

    def start(self) -> None:
        """Begin with what `sys.stdout` and `sys.stderr` are now.

        Raises:
            ValueError: the write method of one of them cannot be wrapped; the other is captured.
        """
        streams = [("stdout", sys.stdout), ("stderr", sys.stderr)]
        if sys.stdout is sys.stderr:
            streams.pop()
        problems = []
        for name, stream in streams:
            if stream is None:  # a program without a console
                continue
            try:
                tap = _tap_of(stream)
            except (AttributeError, TypeError) as exc:
                problems.append(f"{name}: {exc}")
                continue
            taker = partial(self._give, error=name == "stderr")
            tap.takers = (*tap.takers, taker)
            self._taken.append((tap, taker))
        if problems:
            raise ValueError("; ".join(problems))

    def stop(self) -> None:
        """Leave the streams as they were. Calling it again does nothing."""
        for tap, taker in self._taken:
            tap.takers = tuple(each for each in tap.takers if each is not taker)
            tap.remove_if_idle()
        self._taken.clear()

    def _give(self, text: str, *, error: bool) -> None:
        self._take(text, error)


class _Tap:
    """A stream whose `write` is wrapped."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        # Replaced, never changed: a thread that is just writing goes through those it found.
        self.takers: tuple[Callable[[str], object], ...] = ()
        self._before = stream.write
        self._of_its_own = "write" in getattr(stream, "__dict__", {})
        stream.write = self._write

    def _write(self, text: Any, /) -> Any:
        written = self._before(text)
        if text and self.takers and not on_own_thread():  # print(end="") writes nothing, twice
            for taker in self.takers:
                with contextlib.suppress(Exception):  # printing is not to fail because of us
                    taker(text if isinstance(text, str) else bytes(text).decode("utf-8", "replace"))
        return written

    def remove_if_idle(self) -> None:
        """Take the wrapper off if nobody listens, unless somebody has wrapped it since: then it only passes on."""
        if self.takers or self.stream.__dict__.get("write") != self._write:
            return
        if self._of_its_own:
            self.stream.write = self._before
        else:
            del self.stream.write
        _taps.remove(self)


def _tap_of(stream: Any) -> _Tap:
    for tap in _taps:
        if tap.stream is stream:
            return tap
    tap = _Tap(stream)
    _taps.append(tap)
    return tap
