"""Watches run directories while somebody looks at the page, and tells the waiting requests which runs changed."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable

from wandb_logging._journal.segments import segment_path, segments
from wandb_logging._page.runs import Run, Runs

_TICK = 0.05  # seconds between two looks while a run goes on
_IDLE_TICK = 0.15  # seconds between two looks while none does
_COLD = 12  # number of ended runs that are looked at in each tick, in turns
_CARD = 1.0  # seconds between two looks whether the process of a run is alive
_IDENTITY = 1.0  # seconds between two looks whether somebody wrote into a run.json
_SCAN = 3.0  # least seconds between two looks for new runs

Signature = tuple[object, ...]


class Subscriber:
    """A request that waits to be told of changed runs."""

    def __init__(self) -> None:
        self._keys: set[int] = set()
        self._ready = threading.Condition()

    def tell(self, keys: set[int]) -> None:
        """Say that these runs changed; key 0 stands for the list of runs."""
        with self._ready:
            self._keys |= keys
            self._ready.notify_all()

    def wait(self, seconds: float) -> set[int]:
        """The keys of runs that changed since the last call. Waits for a change, but at most so many seconds."""
        with self._ready:
            if not self._keys:
                self._ready.wait(seconds)
            keys, self._keys = self._keys, set()
            return keys


class Hub:
    """All subscribers. The event `some` is set while there is one."""

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()
        self._lock = threading.Lock()
        self.some = threading.Event()

    def add(self) -> Subscriber:
        """A new subscriber."""
        subscriber = Subscriber()
        with self._lock:
            self._subscribers.add(subscriber)
            self.some.set()
        return subscriber

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        with self._lock:
            self._subscribers.discard(subscriber)
            if not self._subscribers:
                self.some.clear()

    def tell(self, keys: set[int]) -> None:
        """Tell all subscribers."""
        with self._lock:
            for subscriber in self._subscribers:
                subscriber.tell(keys)


class Poller:
    """Looks for changed runs while there are subscribers, has the new lines read, and tells which runs changed."""

    def __init__(self, runs: Runs, tell: Callable[[set[int]], object]) -> None:
        self._runs = runs
        self._tell = tell
        self._seen: dict[int, Signature] = {}
        self._carded: dict[int, float] = {}
        self._newest: dict[int, tuple[int, list[str]]] = {}
        self._identities: dict[int, tuple[float, Signature]] = {}
        self._turn = 0
        self._scan_at = 0.0

    def know(self, runs: Iterable[Run]) -> None:
        """Note how runs are before they are read: what comes later is news."""
        for run in runs:
            if run.key not in self._seen:
                self._seen[run.key] = self._signature(run, time.monotonic())

    def run(self, some: threading.Event, stop: threading.Event) -> None:
        """Look again and again until `stop` is set, as long as `some` is set."""
        while not stop.is_set():
            if some.wait(1.0):
                self.tick(time.monotonic())
                stop.wait(_TICK if any(run.card.alive for run in list(self._runs.by_key.values())) else _IDLE_TICK)

    def tick(self, now: float) -> None:
        """Look once: at runs that go on, at some of the others, and now and then for new ones."""
        changed = self._scanned(now)
        for run in self._due():
            seen = self._signature(run, now)
            known = self._seen.get(run.key)
            late = run.card.alive and now - self._carded.get(run.key, 0.0) > _CARD
            if known is None and not run.readings and not run.samples:
                self._seen[run.key] = seen
            elif seen != known or late:
                self._seen[run.key] = seen
                self._carded[run.key] = now
                changed |= self._looked(run, news=seen != known)
        if changed:
            self._tell(changed)

    def _looked(self, run: Run, *, news: bool) -> set[int]:
        before = run.card
        self._runs.look(run, news=news)
        return {run.key} if news or before != run.card else set()

    def _due(self) -> list[Run]:
        runs = list(self._runs.by_key.values())
        hot = [run for run in runs if run.card.alive]
        cold = [run for run in runs if not run.card.alive]
        self._turn = self._turn + _COLD if self._turn + _COLD < len(cold) else 0
        return hot + cold[self._turn : self._turn + _COLD]

    def _signature(self, run: Run, now: float) -> Signature:
        """A value that changes when a run does: of its directory, its newest segments' sizes, and its run.json."""
        path = run.run_dir.path
        with contextlib.suppress(OSError):
            changed = os.stat(path).st_mtime_ns  # noqa: PTH116  a third faster than a path's own, all day long
            known = self._newest.get(run.key)
            if known is None or known[0] != changed:  # only then can there be new segments
                newest = dict(segments(path)).items()
                known = self._newest[run.key] = changed, [str(segment_path(path, *item)) for item in newest]
            return (changed, self._identity(run, now), *(os.stat(name).st_size for name in known[1]))  # noqa: PTH116
        return ()

    def _identity(self, run: Run, now: float) -> Signature:
        """A value that changes when run.json does. It is written once and for all, so it is looked at now and then."""
        looked, seen = self._identities.get(run.key, (0.0, ()))
        if not seen or now - looked > _IDENTITY:
            about = os.stat(f"{run.run_dir.path}/run.json")  # noqa: PTH116
            seen = (about.st_mtime_ns, about.st_size, about.st_ino)
            self._identities[run.key] = now, seen
        return seen

    def _scanned(self, now: float) -> set[int]:
        if now < self._scan_at:
            return set()
        news = self._runs.scan()
        self._scan_at = now + max(_SCAN, 300 * (time.monotonic() - now))
        for key in news:
            self._seen.pop(key, None)
            self._carded.pop(key, None)
            self._newest.pop(key, None)
            self._identities.pop(key, None)
        return {*news, 0} if news else set()
