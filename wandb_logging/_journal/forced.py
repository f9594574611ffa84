"""What of a writer's segments has yet to be forced to the disk (fsync). Whoever logs does not wait for that."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from wandb_logging._journal.counts import reason_of
from wandb_logging._journal.locks import close_quietly
from wandb_logging._journal.segments import sync_directory

_RETIRED = 8  # full segments that wait for their fsync before whoever logs has to see to it


class Forced:
    """The fsyncs of one writer.

    Args:
        path: the run directory.

    Attributes:
        dirty: whether something was written to the open segment since it was forced to the disk.
        retired: descriptors of full segments that have yet to be, oldest first.
        trouble: why the latest fsync failed; "" if it did not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.trouble = ""
        self.forget()

    def forget(self) -> None:
        """Have no files any more."""
        self.dirty = False
        self.retired: deque[int] = deque()
        self._is_name_new = False

    def begin(self) -> None:
        """Take note that a segment was made: its name has yet to be forced to the disk."""
        self._is_name_new = True

    def retire(self, descriptor: int) -> bool:
        """Take a full segment; whether too many wait by now."""
        self.retired.append(descriptor)
        return len(self.retired) > _RETIRED

    def now(self, current: Callable[[], int]) -> None:
        """Force all of it to the disk.

        Args:
            current: descriptor of the open segment, which other threads may close; -1 is none.
        """
        with contextlib.suppress(IndexError):  # another thread took the last one
            while self.retired:
                retired = self.retired.popleft()
                self._fsync(retired)
                close_quietly(retired)
        self.name()
        descriptor = current()
        if self.dirty and descriptor != -1:
            self.dirty = False
            if not self._fsync(descriptor) and descriptor == current():
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
