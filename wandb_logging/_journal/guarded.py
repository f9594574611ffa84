"""A reader that tells how far it has come, so that nothing is removed that it may still read, or has sent."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from wandb_logging._journal.position import Position
from wandb_logging._journal.reader import Chunk, Reader


class GuardedReader(Reader):
    """A reader beside which nothing is removed, and that tells how far it has come.

    Attributes:
        reached: the latest segment of each writer of which something was read, even if that was not sent.
    """

    def __init__(self, guard: threading.RLock, path: Path, position: Position | None, **options: Any) -> None:
        self.reached: dict[int, int] = {}
        self._guard = guard
        super().__init__(path, position, **options)

    def read(self, max_lines: int = 1000, max_bytes: int = 2**20) -> Chunk:
        """As `Reader.read`."""
        with self._guard:
            chunk = super().read(max_lines, max_bytes)
            for writer, (segment, _) in self._at.items():
                self.reached[writer] = max(segment, self.reached.get(writer, 0))
            return chunk
