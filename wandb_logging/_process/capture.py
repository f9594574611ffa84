"""Captures stdout and stderr as text of the run: what the program writes there also goes to `take`.

The stream objects stay the same; only their `write` is wrapped, as the official SDK does. So `isatty`, `fileno`,
`encoding`, `buffer` and `flush` work as before. Code that already holds a stream, such as a log handler or a progress
bar, is captured, too. Output that bypasses `write` (a child process, C code, `sys.stdout.buffer`) is not captured.
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
    """Gives a program's output, from any thread, to `take` until `stop` is called.

    What a listener's thread writes is left out, because it is about the sending of the captured output.
    """

    def __init__(self, take: Take) -> None:
        self._taken: list[tuple[_Tap, Callable[[str], object]]] = []
        self._take = take

    def start(self) -> None:
        """Begin to capture the streams that `sys.stdout` and `sys.stderr` are now.

        Raises:
            ValueError: the write method of a stream cannot be wrapped; the other stream is captured nevertheless.
        """
        streams = [("stdout", sys.stdout), ("stderr", sys.stderr)]
        if sys.stdout is sys.stderr:
            streams.pop()
        problems = []
        for name, stream in streams:
            if stream is None:  # the program has no console
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
        """Restore the streams. Calling this again does nothing."""
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
        # This tuple is replaced, never changed, because a thread that is just writing iterates over the old one.
        self.takers: tuple[Callable[[str], object], ...] = ()
        self._before = stream.write
        self._of_its_own = "write" in getattr(stream, "__dict__", {})
        stream.write = self._write

    def _write(self, text: Any, /) -> Any:
        written = self._before(text)
        if text and self.takers and not on_own_thread():  # print(end="") writes an empty text twice
            for taker in self.takers:
                with contextlib.suppress(Exception):  # printing must not fail because of us
                    taker(text if isinstance(text, str) else bytes(text).decode("utf-8", "replace"))
        return written

    def remove_if_idle(self) -> None:
        """Remove the wrapper if nobody listens. If somebody has wrapped it since, it stays and only passes text on."""
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
