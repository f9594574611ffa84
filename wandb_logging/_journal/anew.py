"""What a run directory needs to begin anew where it was, when it went away while its run goes on.

What identifies the run and what the server has acknowledged is kept in memory, a few kilobytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.position import START, position
from wandb_logging._values.plain import loads

_KEPT = frozenset(("run.json", "server.json"))


class Keepsake:
    """What a run directory held, for as long as its process lives."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self.cursor = Cursor()

    def take(self, name: str, data: bytes) -> None:
        """Remember a file that was written."""
        if name in _KEPT:
            self._files[name] = data

    def forget(self, name: str) -> None:
        """Leave out a file that is not to come again."""
        self._files.pop(name, None)

    @property
    def identity(self) -> bytes | None:
        """What was in run.json."""
        return self._files.get("run.json")

    @property
    def server(self) -> Any:
        """What the server said of the run, as JSON; None if it has not."""
        return loads(self._files["server.json"]) if "server.json" in self._files else None

    def files(self) -> Iterator[tuple[str, bytes]]:
        """What to write into a directory that is made anew, but for the cursor. Nothing of a run that has no name."""
        if "run.json" in self._files:
            yield from sorted(self._files.items(), reverse=True)

    def cursor_anew(self) -> Cursor:
        """The cursor of a journal that begins with what the server does not have."""
        return dataclasses.replace(self.cursor, position=position())

    def acknowledged(self, writer: int) -> tuple[int, int]:
        """As `Home.acknowledged`."""
        return self.cursor.places.get(writer, START)
