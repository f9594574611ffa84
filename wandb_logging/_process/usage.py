"""What processes use of the machine: this one alone, or a program together with all that it has started.

Needs the extra `system` (psutil).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class Usage(NamedTuple):
    """What one or several processes use.

    Attributes:
        rss: bytes of memory. Pages that several processes share count for each of them.
        threads: number of threads.
        percent: processor time since the look before, in percent of one processor; None at the first look.
        pids: numbers of the processes.
    """

    rss: int
    threads: int
    percent: float | None
    pids: frozenset[int]


class User(Protocol):
    """One or several processes."""

    def look(self) -> Usage:
        """What they use now."""


class OwnProcess:
    """This process.

    Raises:
        ImportError: psutil is not installed.
    """

    def __init__(self) -> None:
        import psutil  # noqa: PLC0415  an extra

        self._process: Any = psutil.Process()
        self._process.cpu_percent()  # psutil measures from this call on
        self._first = True

    def look(self) -> Usage:
        """What this process uses now."""
        percent = self._process.cpu_percent()
        first, self._first = self._first, False
        rss, threads = self._process.memory_info().rss, self._process.num_threads()
        return Usage(rss, threads, None if first else percent, frozenset({self._process.pid}))


class Reading(NamedTuple):
    """What was read of one process.

    Attributes:
        parent: number of its parent.
        own: seconds of processor time that it has taken.
        reaped: seconds that those of its children had taken, with theirs, that have ended and that it has waited for.
        rss: bytes of memory.
        threads: number of its threads.
    """

    parent: int
    own: float
    reaped: float
    rss: int = 0
    threads: int = 0


class ProcessTree:
    """A program, and all processes that it has started, directly or not. POSIX only.

    A process that was seen once belongs to it until it ends, whoever is its parent by then. One whose parent ended
    before it was seen is found if the program has a session of its own, as it has in a terminal.

    Args:
        pid: number of the program's process. It may have ended.

    Raises:
        ImportError: psutil is not installed.
    """

    def __init__(self, pid: int) -> None:
        import psutil  # noqa: PLC0415  an extra

        self._psutil: Any = psutil
        self._roots: list[Any] = []
        with contextlib.suppress(psutil.Error):
            self._roots.append(psutil.Process(pid))
        session = _session(pid)
        self._session = None if session == _session(0) else session
        self._before: dict[Any, Reading] = {}
        self._looked: float | None = None  # when, on the monotonic clock

    def look(self) -> Usage:
        """The sums of what its processes use now. One that ends meanwhile is left out."""
        found = {process: self._read(process, parent) for process, parent in self._find().items()}
        readings = {process: reading for process, reading in found.items() if reading is not None}
        now = time.monotonic()
        percent = None
        if self._looked is not None:
            percent = spent(self._before, readings) / max(now - self._looked, 1e-3) * 100
        self._before, self._looked = readings, now
        return Usage(
            sum(reading.rss for reading in readings.values()),
            sum(reading.threads for reading in readings.values()),
            percent,
            frozenset(process.pid for process in readings),
        )

    def _find(self) -> dict[Any, int]:
        """Its living processes, each with the number of its parent. Looks once at each process of the machine."""
        parents: dict[Any, int] = {}
        children: dict[int, list[Any]] = defaultdict(list)
        for process in self._psutil.process_iter():
            with contextlib.suppress(self._psutil.Error):  # it has just ended
                parents[process] = process.ppid()
                children[parents[process]].append(process)
        found: dict[Any, int] = {}
        ahead = [*self._roots, *self._before, *self._in_session(parents)]
        while ahead:
            process = ahead.pop()
            if process in parents and process not in found:
                found[process] = parents[process]
                ahead += children[process.pid]
        return found

    def _in_session(self, processes: Mapping[Any, int]) -> list[Any]:
        """Those in the program's session, but for the process that has begun it, which only reports on the program."""
        if self._session is None:
            return []
        return [each for each in processes if each.pid != self._session == _session(each.pid)]

    def _read(self, process: Any, parent: int) -> Reading | None:
        with contextlib.suppress(self._psutil.Error), process.oneshot():
            times = process.cpu_times()
            own, reaped = times.user + times.system, times.children_user + times.children_system
            if process.status() == self._psutil.STATUS_ZOMBIE:  # it has ended, and its parent has not yet waited for it
                return Reading(parent, own, reaped)
            return Reading(parent, own, reaped, process.memory_info().rss, process.num_threads())
        return None


def spent(before: Mapping[Any, Reading], now: Mapping[Any, Reading]) -> float:
    """Seconds of processor time that processes took between two readings, those included that came and went meanwhile.

    When a process has ended, its time is with what its parent has waited for: all of it, also the part that was read
    before. That part is not counted again. The time of a process that nobody of these waits for is lost.

    Args:
        before: the readings of the processes that were there, by process, which has a number `pid`.
        now: the same of those that are there now.
    """
    parents = {process.pid: reading.parent for process, reading in before.items()}
    living = {process.pid for process in now}
    known: dict[int, float] = defaultdict(float)  # what was read before of those that have ended, by living ancestor
    for process, reading in before.items():
        if process not in now:
            ancestor = reading.parent
            while ancestor in parents and ancestor not in living:
                ancestor = parents[ancestor]
            known[ancestor] += reading.own + reading.reaped
    total = 0.0
    for process, reading in now.items():
        earlier = before.get(process, Reading(0, 0.0, 0.0))
        total += max(0.0, reading.own - earlier.own)
        total += max(0.0, reading.reaped - earlier.reaped - known[process.pid])
    return total


def _session(pid: int) -> int | None:
    """The session of a process, 0 for this one; None if the process has ended, or there are no sessions."""
    with contextlib.suppress(OSError, AttributeError):
        return os.getsid(pid)
    return None
