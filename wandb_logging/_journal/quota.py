"""How many bytes a run directory may hold (max_cache_bytes), and what is removed when it is full.

First, whole segments are removed that the server has acknowledged; base.json says where reading begins after that. If
that is not enough, rows are lost as `cache_policy` says, and counted by reason. Only rows, texts and samples are ever
lost, never what changes the run itself: config, summary, its end.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from wandb_logging._events.event import BULK, Event
from wandb_logging._journal import safe_files
from wandb_logging._journal.copies import Copies
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.position import START
from wandb_logging._journal.reader import MOST_LINE
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import seal, unseal
from wandb_logging._journal.segments import segment_name, segment_path, segments
from wandb_logging._journal.writer import Writer
from wandb_logging._values.plain import loads
from wandb_logging._values.reentrant import is_mine, lockless, new_lock

SEGMENTS = 16  # segments that fill the directory: room is made by whole segments
_OUTPUT_SHARE = 4  # the copy of output.log may take one part of so many
_MEASURE_AGAIN = 0.05  # seconds between two measurements of a full directory
_SEAL_BYTES = len(seal(b"{}")) - len(b"{}")

NEWEST, OLDEST, THINNED = "cache full, newest dropped", "cache full, oldest dropped", "cache filling, downsampled"


class BoundedWriter(Writer):
    """A writer that keeps the size of its run directory, with all files in it, below a bound.

    It measures the directory each time it has written a sixteenth of the bound. So several processes that write into
    one directory may exceed the bound by a sixteenth each; and so may events that are never lost.

    Args:
        run_dir: the run.
        most: bytes the directory may hold.
        policy: block, drop_newest, drop_oldest or downsample.
        patience: most seconds that the policy block waits for room, each time that the directory is full.
        hurry: asks for acknowledgements, and returns whether this thread may wait for them.
        segment_bytes, options: as of `Writer`; a segment is at most a sixteenth of `most`.
    """

    def __init__(
        self,
        run_dir: RunDir,
        *,
        most: int,
        policy: str,
        patience: float,
        segment_bytes: int,
        hurry: Callable[[], bool] = lambda: False,
        **options: Any,
    ) -> None:
        self._hurry = hurry
        self._run_dir = run_dir
        self._most = most
        self._policy = policy
        self._patience = patience
        self._sample = Thinning()
        self._forget_room()
        segment_bytes = min(segment_bytes, most // SEGMENTS)
        super().__init__(run_dir.path, home=run_dir, segment_bytes=segment_bytes, **options)
        self.most_output = most // _OUTPUT_SHARE

    def _forget_room(self) -> None:
        self._free = 0  # bytes that may be written before the directory is measured again
        self._every = 1  # one row of so many is kept
        self._full_since: float | None = None
        self._lacked = (0.0, 0)  # when there was no room, and for how many bytes
        self._stripped: set[tuple[int, int]] = set()
        self._lost: deque[tuple[int, bool]] = deque()  # lost lines yet to be counted; whether this writer wrote them
        self._crowded = False  # whether the directory is more than half full
        self._room = new_lock()
        self._making_room = False

    @property
    def trouble(self) -> str | None:
        """What is wrong with the disk or the room there, and what that means, or None."""
        if self._full_since is not None:
            lost = "the oldest rows" if self._policy == "drop_oldest" else "new rows"
            return f"max_cache_bytes ({self._most}) is reached: {lost} are lost"
        if self._every > 1:
            return f"max_cache_bytes ({self._most}) is near: one row of {self._every} is kept"
        return super().trouble

    @lockless
    def offer(self, body: bytes) -> bool:
        """Add one event if there is room, or else do as the policy says. Never raises. False if this is closed."""
        size = len(body) + len(self.mark) + _SEAL_BYTES
        if (size > self._free or self._every > 1) and not self._admits(body, size):
            return True
        self._free -= size
        return super().offer(body)

    def _admits(self, body: bytes, size: int) -> bool:
        """Whether an event may be written; it is counted as dropped if not."""
        if self.closed or self._within_making_room() or is_mine(self._lock):
            return True
        event = loads(body)
        if not is_bulk(event):
            return True
        if size > self._free and not (self._make_room(size) or self._wait_for_room(size)):
            self.counts.drop(NEWEST)
            return False
        if self._every > 1 and not self._sample.takes(event, self._every):
            self.counts.drop(THINNED)
            return False
        return True

    def make_way(self, size: int) -> None:
        """Make room for a copy of `size` bytes.

        Raises:
            OSError: there is no room.
        """
        if not (self._make_room(size) or self._wait_for_room(size)):
            raise OSError(errno.ENOSPC, f"max_cache_bytes ({self._most}) is reached")
        self._free -= size

    def _within_making_room(self) -> bool:
        """Whether a signal's handler logs while this very thread makes room."""
        if not (self._making_room and self._room.acquire(blocking=False)):
            return False
        self._room.release()
        return True

    def _wait_for_room(self, size: int) -> bool:
        """Under the policy block, wait for acknowledgements; only once for each time that the directory is full."""
        since = self._full_since
        if self._policy != "block" or since is None or is_mine(self._run_dir.guard):
            return False
        while self._hurry() and time.monotonic() < since + self._patience:
            time.sleep(_MEASURE_AGAIN)
            if self._make_room(size):
                return True
        return False

    def _make_room(self, size: int) -> bool:
        """Measure the directory, and make room in it for `size` bytes. Returns whether there is room."""
        # A finaliser may log while its thread holds any lock of ours. So locks are taken in the same order everywhere:
        # the listener's, the run directory's, this one's, the writer's; and never an earlier one inside a later one.
        guard = self._run_dir.guard
        within = is_mine(guard)
        with guard, self._room:
            made = self._look_and_clear(size)
            crowded, self._crowded = self._crowded, False
        if crowded and not within:
            self._hurry()
        self._count_lost()
        return made

    def _look_and_clear(self, size: int) -> bool:
        at, lacked = self._lacked
        if lacked and size >= lacked and time.monotonic() - at < _MEASURE_AGAIN:
            return False
        self._making_room = True
        try:
            left = self._most - self._after_clearing(size)
        finally:
            self._making_room = False
        if left < size:
            self._lacked = (time.monotonic(), size)
            self._full_since = self._full_since or time.monotonic()
            return False
        self._lacked = (0.0, 0)
        self._full_since = None
        self._free = max(size, min(left, self._most // SEGMENTS))
        self._every = every(left, self._most) if self._policy == "downsample" else 1
        return True

    def _after_clearing(self, size: int) -> int:
        """Bytes in the directory, after what may be removed has been."""
        used = usage(self.path)
        if used + size > self._most // 2:
            self._crowded = True
            used = self._cleared(forget_acknowledged)
        if used + size > self._most and self._policy == "drop_oldest":
            used = self._cleared(self._drop_oldest)
        return used

    def _cleared(self, clear: Callable[[RunDir], object]) -> int:
        with contextlib.suppress(OSError):  # a disk that refuses even that: then there is no more room
            clear(self._run_dir)
        return usage(self.path)

    def _drop_oldest(self, run_dir: RunDir) -> None:
        """Take rows and texts out of the oldest segments of which nothing was sent, until an eighth of it is free."""
        enough = self._most - self._most // 8
        with run_dir.alone() as alone:
            for place in unread(run_dir) if alone else []:
                if place not in self._stripped:
                    self._lost.append((strip(run_dir.path, *place), place[0] == self.number))
                    self._stripped.add(place)
                    run_dir.generation += 1
                    if usage(self.path) <= enough:
                        break

    def _count_lost(self) -> None:
        while self._lost:
            with self._lock, contextlib.suppress(IndexError):  # another thread took the last one
                lost, own = self._lost.popleft()
                if own:
                    self.counts.journalled -= lost
                self.counts.dropped[OLDEST] = self.counts.dropped.get(OLDEST, 0) + lost

    def after_fork_in_child(self) -> None:
        """As that of `Writer`; the child measures the directory by itself."""
        self._forget_room()
        super().after_fork_in_child()


def usage(path: Path) -> int:
    """Bytes of all files in a run directory."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):  # the file has just been moved
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118  many files, and a Path is slow
    return total


def is_bulk(event: Mapping[str, Any]) -> bool:
    """Whether an event is only a row, text or sample, and changes nothing else of the run."""
    return BULK.issuperset(event)


def every(left: int, most: int) -> int:
    """One row of how many is kept: of 2 when half of the room is left, of 4 when a quarter is left, and so on."""
    return 1 << max(0, (most // max(1, left)).bit_length() - 1)


class Thinning:
    """Decides which rows stay where there is room for one of so many: the first. Parts of a row stay together."""

    def __init__(self) -> None:
        self._rows = 0
        self._others = 0
        self._step: object = None
        self._open = False
        self._kept = True

    def takes(self, event: Mapping[str, Any], one_of: int) -> bool:
        """Whether the next event stays, if there is room for one of so many."""
        if "metrics" not in event:
            self._others += 1
            return self._others % one_of == 0
        step = event.get("step")
        if not self._open and (step is None or step != self._step):
            self._kept = self._rows % one_of == 0
            self._rows += 1
        self._step, self._open = step, event.get("commit") is False
        return self._kept


# --- what goes --------------------------------------------------------------------------------------


def forget_acknowledged(run_dir: RunDir) -> None:
    """Remove the segments of which the server has acknowledged every line.

    base.json is written and forced to the disk before that: reading begins there if cursor.json is lost or older.

    Raises:
        OSError: the disk refuses it.
    """
    with run_dir.alone() as alone:
        cursor = run_dir.cursor if alone else Cursor()
        at = cursor.places
        gone = [place for place in segments(run_dir.path) if place[1] < at.get(place[0], START)[0]]
        if not gone:
            return
        run_dir.save_base(cursor)
        for writer, segment in gone:
            safe_files.remove(run_dir.path, segment_name(writer, segment))
        run_dir.generation += 1


def unread(run_dir: RunDir) -> list[tuple[int, int]]:
    """The full segments of which nothing can have been sent, oldest first. Only to be called while nobody uploads."""
    places = segments(run_dir.path)
    newest = dict(places)
    reached = run_dir.reached()
    free = [(writer, number) for writer, number in places if reached[writer] < number < newest[writer]]
    return sorted(free, key=lambda place: (segment_path(run_dir.path, *place).lstat().st_mtime_ns, place))


def strip(path: Path, writer: int, segment: int) -> int:
    """Take rows, texts and samples out of a full segment; if nothing else is in it, remove it. Returns how many.

    Raises:
        OSError: the disk refuses it; then the segment is as it was.
    """
    name = segment_name(writer, segment)
    temporary = f"{name}.{os.getpid()}.tmp"
    try:
        with io.BufferedReader(safe_files.open_to_read(path, name)) as lines:  # type: ignore[type-var]  # it is a FileIO
            with contextlib.suppress(FileNotFoundError):
                safe_files.remove(path, temporary)
            with os.fdopen(safe_files.create(path, temporary), "wb") as kept:
                lost, media = _copy_without_bulk(lines, kept)
                kept.flush()
                os.fsync(kept.fileno())
                size = kept.tell()
        if size:
            safe_files.move(path, temporary, name)
        else:
            safe_files.remove(path, name)
    finally:
        with contextlib.suppress(OSError):
            safe_files.remove(path, temporary)
    for file in media:
        Copies(path).let_go(file)
    return lost


def _copy_without_bulk(lines: BinaryIO, kept: BinaryIO) -> tuple[int, list[str]]:
    """Copy all lines but rows, texts and samples. Returns how many were left out, and the files of their media."""
    lost = 0
    media: list[str] = []
    for line in iter(partial(lines.readline, MOST_LINE), b""):
        body = unseal(line.rstrip(b"\n"))
        event = loads(body) if body is not None else None
        if isinstance(event, dict) and is_bulk(event):
            lost += 1
            media += Event.from_json(event).paths
        else:
            kept.write(line)
    return lost, media
