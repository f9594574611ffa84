"""A reader that says which segments it has reached: none is removed that it may still read, or has sent."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from wandb_logging._journal.position import Position
from wandb_logging._journal.reader import Chunk, Reader


class GuardedReader(Reader):
    """A reader that holds `guard` while it reads, so that no segment is removed meanwhile.

    Attributes:
        reached: by writer: the latest segment of which something was read, whether it was sent or not.
    """

    def __init__(self, guard: threading.RLock, path: Path, position: Position | None, **options: Any) -> None:
        self.reached: dict[int, int] = {}
        self._guard = guard
        super().__init__(path, position, **options)

    def read(self, max_lines: int = 1000, max_bytes: int = 2**20) -> Chunk:
        """As `Reader.read`."""
        with self._guard:
            chunk = super().read(max_lines, max_bytes)
            for writer, (segment, _) in self._at.moved():
                self.reached[writer] = max(segment, self.reached.get(writer, 0))
            return chunk
