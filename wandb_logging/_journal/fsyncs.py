"""Forces files to the disk (fsync): which of a writer's segments have yet to be, and many files at once.

A thread that logs does not wait for that.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from wandb_logging._journal import safe_files
from wandb_logging._journal.counts import reason_of
from wandb_logging._journal.locks import close_quietly
from wandb_logging._journal.segments import sync_directory

_AT_ONCE = 8  # files that are forced to the disk at the same time
MANY = 2 * _AT_ONCE  # files from which on that is done
_RETIRED = 8  # full segments may wait for their fsync; beyond that the thread that logs does it

Place = tuple[int, int, int]
"""A byte of a journal: number of the writer, segment, byte."""


class Fsyncs:
    """The fsyncs of one writer.

    Args:
        path: the run directory.

    Attributes:
        dirty: whether the open segment was written to since its latest fsync.
        retired: descriptors of full segments that have yet to be forced to the disk, oldest first.
        trouble: why the latest fsync failed; "" if it did not fail.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.trouble = ""
        self.retired: deque[int] = deque()
        self._forced: Place = (0, 0, 0)  # up to where the segment was forced that was then the open one
        self._cut = 0, 0  # writer and segment of the latest one that was cut off
        self.forget()

    def forget(self) -> None:
        """Forget all segments, without closing them."""
        self.dirty = False
        if self.retired:
            self.retired = deque()
        self._is_name_new = False

    def begin(self) -> None:
        """Note that a segment was made: its name has yet to be forced to the disk."""
        self._is_name_new = True

    def cut(self, place: Place) -> None:
        """Note that the open segment was cut off at its end: what is forced of it is not known any more."""
        self._cut = place[:2]

    def has(self, place: Place) -> bool:
        """Whether a segment is surely on the disk up to a byte; the open one, or the one before it, may be."""
        forced = self._forced
        return forced[:2] == place[:2] != self._cut and forced[2] >= place[2]

    def retire(self, descriptor: int) -> bool:
        """Take over the descriptor of a full segment. Returns whether too many wait by now."""
        self.retired.append(descriptor)
        return len(self.retired) > _RETIRED

    def now(self, current: Callable[[], int], end: Callable[[], Place], *, at_last: bool = False) -> None:
        """Force all segments to the disk.

        Args:
            current: gives the descriptor of the open segment, which other threads may close meanwhile; -1: none open.
            end: gives where that segment ends just now.
            at_last: whether nothing is written any more. Then what another thread has begun to force is forced here,
                too: it may not have come to its fsync.
        """
        with contextlib.suppress(IndexError):  # another thread took the last one
            while self.retired:
                retired = self.retired.popleft()
                self._fsync(retired)
                close_quietly(retired)
        self.name()
        place, descriptor = end(), current()  # in this order: what is behind that end may not be forced
        if (self.dirty or (at_last and not self.has(place))) and descriptor != -1:
            self.dirty = False
            if self._fsync(descriptor):
                if end()[:2] == place[:2]:  # else the next segment was begun meanwhile, and perhaps that one forced
                    self._forced = place
            elif descriptor == current():
                self.dirty = True  # else it was closed meanwhile, and synced just before

    def name(self) -> None:
        """Force the name of the newest segment to the disk."""
        if self._is_name_new:
            self._is_name_new = False
            sync_directory(self._path)

    def _fsync(self, descriptor: int) -> bool:
        try:
            os.fsync(descriptor)
        except OSError as exc:
            self.trouble = reason_of(exc)
            return False
        self.trouble = ""
        return True


class Forcing:
    """Files that are being forced to the disk, while the one who began that does something else.

    Many are forced at once: a disk takes what comes together in one go, and a run may have a thousand writers. Those
    that are not there are left out.

    Args:
        folder: the folder of the files.
        names: their names there; the first are forced first.
    """

    def __init__(self, folder: Path, names: Iterable[str] = ()) -> None:
        self._folder = folder
        self._waiting = deque(names)
        self._forced: set[str] = set()
        self._helpers: list[threading.Thread] = []
        with contextlib.suppress(RuntimeError):  # the interpreter ends, or is one that has no such threads
            while len(self._helpers) < _AT_ONCE - 1 and len(self._waiting) >= MANY:
                helper = threading.Thread(target=self._force_each, daemon=True)
                helper.start()
                self._helpers.append(helper)

    def wait_for(self, names: Iterable[str]) -> None:
        """Wait until some of the files are forced to the disk, and take part in it."""
        wanted = set(names)
        while not self._forced.issuperset(wanted):
            if not self._force_next():  # the others force the last ones
                for helper in self._helpers:
                    helper.join()
                return

    def give_up(self) -> None:
        """Leave out the files that nobody has begun with."""
        self._waiting.clear()

    def _force_each(self) -> None:
        while self._force_next():
            pass

    def _force_next(self) -> bool:
        try:
            name = self._waiting.popleft()
        except IndexError:
            return False
        # Windows does not sync a file that is open for reading alone.
        with contextlib.suppress(OSError), safe_files.open_to_read(self._folder, name) as file:
            os.fsync(file.fileno())
        self._forced.add(name)
        return True


def force_all(folder: Path, names: Iterable[str]) -> None:
    """Force files of a folder to the disk, and wait for it."""
    names = list(names)
    Forcing(folder, names).wait_for(names)
