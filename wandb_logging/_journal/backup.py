"""A backup in memory of a run directory's small files, to make it again if it is removed while its run goes on.

They say what identifies the run, and what the server has acknowledged; a few kilobytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.position import START, position
from wandb_logging._values.plain import loads

_KEPT = frozenset(("run.json", "server.json"))


class Backup:
    """The content of run.json, server.json and the cursor, kept for as long as the process lives."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self.cursor = Cursor()

    def take(self, name: str, data: bytes) -> None:
        """Remember a file that was written."""
        if name in _KEPT:
            self._files[name] = data

    def forget(self, name: str) -> None:
        """Forget a file: it is not to be written again."""
        self._files.pop(name, None)

    @property
    def identity(self) -> bytes | None:
        """The content of run.json; None if it is not known."""
        return self._files.get("run.json")

    @property
    def server(self) -> Any:
        """What the server said of the run, as JSON; None if it has not."""
        return loads(self._files["server.json"]) if "server.json" in self._files else None

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the files to write again, without the cursor; none if run.json is not known."""
        if "run.json" in self._files:
            yield from sorted(self._files.items(), reverse=True)

    def cursor_anew(self) -> Cursor:
        """The cursor of a journal that begins with what the server does not have."""
        return dataclasses.replace(self.cursor, position=position())

    def acknowledged(self, writer: int) -> tuple[int, int]:
        """As `Home.acknowledged`."""
        return self.cursor.places.get(writer, START)
