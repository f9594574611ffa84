"""The runs that the page shows, and what is known of each. A run is read only when somebody looks at it."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError, WandbLoggingError
from wandb_logging._journal.access_errors import words_of
from wandb_logging._journal.cache_folder import is_being_made
from wandb_logging._journal.rundir import RunDir
from wandb_logging._page.bins import Bins
from wandb_logging._page.cache import Cache
from wandb_logging._page.exact import Exact, begin, read_on, still_true
from wandb_logging._page.readers import Readers
from wandb_logging._page.scan import MOST_RUNS, Card, card, first_card, run_folders, sample, size_of

_AT_ONCE = 2**19  # most bytes of a journal that is read while the browser waits; a longer one is sampled
_PATIENCE = 0.2  # most seconds that one request reads runs
_SLOW = 0.2  # most seconds that an answer waits for a run that is being read, or that runs are looked at one by one
_LOOKS = 2000  # number of rows that are sampled from all runs together
_CELLS = 1_500_000  # most bins in memory for all runs together, 40 bytes each
_THREADS = 16  # most at once: they wait for the disk, a processor has little to do
_AXES = 4  # most readings of one run

T = TypeVar("T")


@dataclass
class Run:
    """A run that the page shows.

    Attributes:
        key: the run's number in this server.
        run_dir: its run directory.
        card: the result of the latest scan.
        readings: by axis, the readings to the journal's end; that of a run that goes on is read on.
        samples: by axis, the bins of a sample, until there is a reading.
        version: counts the changes.
        error: why the run cannot be read; empty if it can.
        used: when somebody last looked at it, by the monotonic clock.
        lock: is held while a reading changes.
        sampling: is held while a sample is taken.
    """

    key: int
    run_dir: RunDir
    card: Card
    readings: dict[str, Exact] = field(default_factory=dict)
    samples: dict[str, Bins] = field(default_factory=dict)
    version: int = 0
    error: str = ""
    used: float = 0.0
    lock: Any = field(default_factory=threading.RLock)
    sampling: Any = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def held(self) -> Iterator[bool]:
        """Keep the readings unchanged inside the `with`. Gives False if they are being changed, from a slow disk."""
        held = self.lock.acquire(timeout=_SLOW)
        try:
            yield held
        finally:
            if held:
                self.lock.release()

    def bins(self, axis: str) -> tuple[Bins | None, bool]:
        """The bins to draw, and whether they are of the whole run and not of a sample."""
        exact = self.readings.get(axis)
        return (exact.drawn, True) if exact else (self.samples.get(axis), False)


class Runs:
    """All runs at or below a folder.

    Args:
        root: the folder.
        cache: where readings are kept.
        changed: called with the keys of runs that have changed.
        others: number of processes that read long runs.
    """

    def __init__(self, root: Path, cache: Cache, changed: Callable[[set[int]], object], others: int = 2) -> None:
        self.root = root
        self.by_key: dict[int, Run] = {}
        self.names: list[str] = []
        self._ids: dict[str, int] = {}
        self._cache = cache
        self._changed = changed
        self._keys = itertools.count(1)
        self._begun = False
        self._lock = threading.RLock()
        self._readers = Readers(cache.folder, self._read, others)

    def close(self) -> None:
        """End the processes that read."""
        self._readers.close()

    def begin(self) -> None:
        """Look for runs for the first time. Harmless if that was done; waits while another thread does it."""
        if not self._begun:
            with self._lock:
                if not self._begun:
                    self.scan()

    def scan(self) -> set[int]:
        """Look for runs. Returns the keys of those that are new or gone."""
        with self._lock:
            known = {str(run.run_dir.path): run for run in self.by_key.values()}  # to look up a Path takes long
            readable = {path for path, run in known.items() if not run.card.error}
            found = set(run_folders(self.root, readable))
            news = set()
            for path in known.keys() - found:
                news.add(known[path].key)
                del self.by_key[known[path].key]
            new: list[tuple[Card, RunDir]] = []
            for_each(lambda path: new.extend(_first(RunDir(Path(path)))), found - known.keys())
            for about, run_dir in sorted(new, key=lambda item: (item[0].info.get("start", 0.0), item[0].path)):
                if len(self.by_key) < MOST_RUNS:
                    key = next(self._keys)
                    self.by_key[key] = Run(key, run_dir, about)
                    news.add(key)
            self._begun = True
            return news

    def know(self, runs: Iterable[Run], most: int = MOST_RUNS) -> None:
        """Find out the state of those runs of which only run.json was read; of so many at most, the latest of them."""
        for_each(_know, [run for run in runs if not run.card.looked][-most:])

    @property
    def left(self) -> int:
        """Number of runs that are being read to their end, or wait for it."""
        return self._readers.left

    def look(self, run: Run, *, news: bool = True) -> None:
        """Look at one run again: find out its state, and if there are `news`, read on what was read of it before."""
        run.card = card(run.run_dir)
        if news:
            run.error = ""
            for axis in list(run.readings):
                self.read_on(run, axis)
            run.samples.clear()
            run.version += 1

    def id_of(self, name: str) -> int:
        """The number that stands for a metric's name."""
        if name in self._ids:
            return self._ids[name]
        with self._lock:
            if name not in self._ids:
                self._ids[name] = len(self.names)
                self.names.append(name)
            return self._ids[name]

    def some(self, keys: Iterable[int]) -> list[Run]:
        """The runs with these keys that still exist."""
        return [self.by_key[key] for key in keys if key in self.by_key]

    def want(self, runs: Iterable[Run], axis: str) -> bool:
        """Get something to draw for some runs, and have the rest read. Returns whether all of it is there already."""
        until = time.monotonic() + _PATIENCE
        wanted = list(runs)
        looks = max(32, min(1000, _LOOKS // max(1, len(wanted))))
        later: set[int] = set()

        def begin_with(run: Run) -> None:
            with run.sampling:  # another request may just do it
                if axis not in run.readings and not self._at_hand(run, axis, until):
                    later.add(run.key)
                    if axis not in run.samples:
                        self._sample(run, axis, looks)

        for run in wanted:
            run.used = time.monotonic()
        for_each(begin_with, [run for run in wanted if not (axis in run.readings or run.error or run.card.error)])
        for run in wanted:  # only after all runs have something to draw: the reading processes would slow that down
            if run.key in later:
                self._readers.ask((run.run_dir.path, axis), run.key)
        self._forget(wanted)
        return not later

    def _at_hand(self, run: Run, axis: str, until: float) -> bool:
        exact = self._cache.load(run.run_dir, axis)
        try:
            if size_of(run.run_dir, exact.position if exact else None) > _AT_ONCE:
                return False
            if time.monotonic() > until and exact is None:
                return False
            self._take(run, axis, exact)
        except (WandbLoggingError, OSError, ValueError) as exc:
            run.error = words_of(exc)
        return True

    def _take(self, run: Run, axis: str, exact: Exact | None) -> None:
        """Make a reading of a run, to the end of its journal.

        Raises:
            JournalError: the run directory is gone, or its format is a newer one.
            OSError: the journal cannot be read.
        """
        exact = exact or begin(run.run_dir, axis)
        read_on(run.run_dir, exact)
        with run.lock:
            run.readings[axis] = exact
            run.samples.pop(axis, None)
            for other in [other for other in run.readings if other not in {"_step", axis}][: -_AXES + 1]:
                del run.readings[other]
            run.version += 1

    def _sample(self, run: Run, axis: str, looks: int) -> None:
        bins = Bins(axis, most=256)
        try:
            bins.add(sample(run.run_dir, looks).rows)
        except (JournalError, OSError, ValueError) as exc:
            run.error = words_of(exc)
        run.samples[axis] = bins

    def _read(self, key: int, axis: str) -> None:
        """Take from the cache what a process has read. Called on the threads of `Readers`."""
        for run in self.some([key]):
            self.read(run, axis)
            self._changed({key})

    def read(self, run: Run, axis: str) -> None:
        """Read a run to its end now. If that fails, the reason is in its `error`."""
        try:
            self._take(run, axis, self._cache.load(run.run_dir, axis))
        except (WandbLoggingError, OSError, ValueError) as exc:
            run.error = words_of(exc)

    def read_on(self, run: Run, axis: str) -> None:
        """Read what was added to a run. If its journal is not any more the one that was read, forget the reading."""
        with run.lock:
            exact = run.readings.get(axis)
            try:
                if exact is not None and still_true(run.run_dir, exact):
                    read_on(run.run_dir, exact)
                else:
                    run.readings.pop(axis, None)
                run.error = ""
            except (WandbLoggingError, OSError, ValueError) as exc:
                run.readings.pop(axis, None)  # segments may have been removed to make room: reading begins anew
                run.error = "" if run.run_dir.path.exists() else words_of(exc)

    def _forget(self, wanted: list[Run]) -> None:
        """If all readings take too much memory, drop those at which nobody has looked for longest."""
        loaded = sorted((run for run in self.by_key.values() if run.readings), key=lambda run: run.used)
        left = sum(exact.bins.cells for run in loaded for exact in run.readings.values())
        for run in loaded:
            if left <= _CELLS:
                return
            if run not in wanted and not run.card.alive:
                left -= sum(exact.bins.cells for exact in run.readings.values())
                run.readings.clear()


def _first(run_dir: RunDir) -> list[tuple[Card, RunDir]]:
    about = first_card(run_dir)
    with contextlib.suppress(OSError):  # then its card says why it cannot be read
        if about.error and is_being_made(run_dir):
            return []
    return [(about, run_dir)]


def _know(run: Run) -> None:
    run.card = card(run.run_dir)


def for_each(do: Callable[[T], object], items: Iterable[T], patience: float = _SLOW) -> None:
    """Call a function with each item, and return when all calls have: at first one by one, then several at once.

    Args:
        do: the function. It is called on several threads at once if the calls take long.
        items: what it is called with.
        patience: seconds for which it is called on this thread alone.
    """
    left = deque(items)
    until = time.monotonic() + patience
    while left and time.monotonic() < until:
        do(left.popleft())
    threads = [threading.Thread(target=_work, args=(do, left), daemon=True) for _ in range(min(_THREADS, len(left)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(do: Callable[[T], object], left: deque[T]) -> None:
    while True:
        try:
            item = left.popleft()
        except IndexError:
            return
        do(item)
