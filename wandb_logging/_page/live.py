"""What is behind the page's server: the runs, the answers about them, and who is told which runs changed.

The server begins without it: importing this takes longer than to send the page itself.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import field
from pathlib import Path

from wandb_logging._dataclass import dataclass
from wandb_logging._journal.segments import segment_path, segments
from wandb_logging._page.answers import Answers
from wandb_logging._page.cache import Cache
from wandb_logging._page.runs import Run, Runs

_TICK = 0.05  # seconds between two looks while a run goes on
_COLD = 12  # number of ended runs that are looked at in each tick, in turns
_IDLE_COLD = 250  # the same while no run goes on: there are fewer looks, and to wake up for one costs more than it
_CARD = 1.0  # seconds between two looks whether the process of a run is alive
_FILES = 1.0  # seconds between two looks at run.json, which rarely changes without its directory
_ENDED_FILES = 10.0  # the same of a run that has ended, and between two looks at its other files
_EXPECTED = 100  # most runs that are got ready before the page asks for any: of more, its list would come later
_SCAN = 3.0  # least seconds between two looks for new runs; while no run goes on, between two looks at all

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


@dataclass
class _Look:
    """How a run was when it was looked at.

    Attributes:
        seen: a value that changes when the run does; None if nobody looked.
        changed: when its directory changed.
        newest: the paths of the newest segments.
        identity: a value that changes when run.json does.
        due: when its files are looked at again, though nothing changed in the directory.
        carded: when its state was found out.
    """

    seen: Signature | None = None
    changed: int = 0
    newest: list[str] = field(default_factory=list)
    identity: Signature = ()
    due: float = 0.0
    carded: float = 0.0


class Poller:
    """Looks for changed runs while there are subscribers, has the new lines read, and tells which runs changed."""

    def __init__(self, runs: Runs, tell: Callable[[set[int]], object]) -> None:
        self._runs = runs
        self._tell = tell
        self._looks: dict[int, _Look] = {}
        self._goes_on = False  # whether any run does
        self._turn = 0
        self._scan_at = 0.0

    def know(self, runs: Iterable[Run]) -> None:
        """Note how runs are before they are read: what comes later is news."""
        for run in runs:
            look = self._look(run)
            if look.seen is None:
                look.seen = _signature(run, look, time.monotonic())

    def run(self, some: threading.Event, stop: threading.Event) -> None:
        """Look again and again until `stop` is set, as long as `some` is set."""
        while not stop.is_set():
            if some.wait(1.0):
                self.tick(time.monotonic())
                stop.wait(_TICK if self._goes_on else _SCAN)

    def tick(self, now: float) -> None:
        """Look once: at runs that go on, at some of the others, and now and then for new ones."""
        changed = self._scanned(now)
        for run in self._due():
            look = self._look(run)
            seen, known = _signature(run, look, now), look.seen
            look.seen = seen
            late = run.card.alive and now - look.carded > _CARD
            if (seen != known or late) and (known is not None or run.readings or run.samples):
                look.carded = now
                changed |= self._looked(run, news=seen != known)
        if changed:
            self._tell(changed)

    def _look(self, run: Run) -> _Look:
        return self._looks.setdefault(run.key, _Look())

    def _looked(self, run: Run, *, news: bool) -> set[int]:
        before = run.card
        self._runs.look(run, news=news)
        return {run.key} if news or before != run.card else set()

    def _due(self) -> list[Run]:
        hot: list[Run] = []
        cold: list[Run] = []
        for run in list(self._runs.by_key.values()):
            (hot if run.card.alive else cold).append(run)
        self._goes_on = bool(hot)
        count = _COLD if hot else _IDLE_COLD
        self._turn = self._turn + count if self._turn + count < len(cold) else 0
        return hot + cold[self._turn : self._turn + count]

    def _scanned(self, now: float) -> set[int]:
        if now < self._scan_at:
            return set()
        news = self._runs.scan()
        self._scan_at = now + max(_SCAN, 300 * (time.monotonic() - now))
        for key in news:
            self._looks.pop(key, None)
        return {*news, 0} if news else set()


def _signature(run: Run, look: _Look, now: float) -> Signature:
    """A value that changes when a run does: of its directory, run.json, and its newest segments' sizes."""
    path = run.run_dir.path
    try:
        changed = os.stat(path).st_mtime_ns  # noqa: PTH116  a third faster than a path's own, all day long
        if changed != look.changed:  # only then can there be new segments
            look.newest = [str(segment_path(path, *item)) for item in dict(segments(path)).items()]
            look.changed, look.due = changed, 0.0
        if now >= look.due:
            about = os.stat(f"{path}/run.json")  # noqa: PTH116
            look.identity = about.st_mtime_ns, about.st_size, about.st_ino
            look.due = now + (_FILES if run.card.alive else _ENDED_FILES)
        elif not run.card.alive and look.seen is not None:
            return look.seen
        return (changed, look.identity, *(os.stat(name).st_size for name in look.newest))  # noqa: PTH116
    except OSError:
        look.due = 0.0
        return ()


class Content:
    """What the page shows.

    Args:
        root: folder that holds the runs.
        cache: folder where readings are kept.
    """

    def __init__(self, root: Path, cache: Path) -> None:
        self.hub = Hub()
        kept = Cache(cache)
        kept.prune()
        self.runs = Runs(root, kept, self.hub.tell)
        self.answers = Answers(self.runs)
        self.poller = Poller(self.runs, self.hub.tell)

    def watch(self, stop: threading.Event) -> None:
        """Look for runs, then for changes while somebody waits for news, until `stop` is set."""
        self.runs.begin()
        self.poller.run(self.hub.some, stop)

    def expect(self) -> None:
        """Get ready for a browser that just came: have something to draw of the runs that it will show."""
        self.runs.begin()
        runs = list(self.runs.by_key.values())
        if len(runs) <= _EXPECTED:
            self.poller.know(runs)
            self.runs.want(runs, "_step")

    def close(self) -> None:
        """End the processes that read, and have those look around who wait for news."""
        self.runs.close()
        self.hub.tell(set())
