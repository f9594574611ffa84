"""Logs a table by increments: each time only the new rows, which the server appends to the others.

Each increment is a file of its own in one artifact, `<number>-<ms since 1970>.<key>.table.json`; the names give their
order. The row in the history says where the earlier increments are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import LogError
from wandb_logging._media.base import Place
from wandb_logging._values.reentrant import new_lock

INCREMENTAL = "INCREMENTAL"
_KIND = "incremental-table-file"


@dataclass(frozen=True)
class Increment:
    """The rows added since the last increment.

    Attributes:
        rows: which rows of the table these are.
        number: how many increments came before.
        before: where the earlier increments are.
    """

    rows: slice
    number: int = 0
    before: tuple[str, ...] = ()

    def name(self, key: str) -> str:
        """The name of the increment in the artifact, without the ending."""
        return f"{self.number}-{time.time_ns() // 1_000_000}.{key}"

    @property
    def json(self) -> dict[str, Any]:
        """What the row and the file say about the increment."""
        return {"increment_num": self.number, "previous_increments_paths": list(self.before)}


class Increments:
    """Remembers how far a growing table has been logged."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._run_id: str | None = None
        self._last: Increment | None = None
        self._said: Any = None

    def next(
        self,
        rows: int,
        key: str,
        place: Place,
        file: Callable[[Increment], dict[str, Any]],
        log: Callable[[Increment], dict[str, Any]],
    ) -> dict[str, Any]:
        """The JSON object of a table that now has `rows` rows. If no row is new, that of the last increment.

        Args:
            rows: how many rows the table has.
            key: key in the row. The run may already have rows of an earlier table under this key.
            place: where the table is logged.
            file: keeps the rows of an increment in a file, and returns which.
            log: logs the rows as an artifact, and returns which.

        Raises:
            LogError: the table was logged to another run before.
        """
        with self._lock:
            if self._run_id is None:
                self._said = place.earlier(key)
            elif self._run_id != place.run_id:
                raise LogError(f"Table: log_mode={INCREMENTAL!r} is for one run, and it was logged to {self._run_id}")
            self._run_id = place.run_id
            there = 0 if self._last is None else self._last.rows.stop
            if self._last is None or rows > there:
                last = after(self._said, slice(there, rows))
                self._said = {"_type": _KIND, "nrows": rows, **last.json, **log(last)}
                self._last = last
            return {**file(self._last), **self._said}


def after(said: Any, rows: slice) -> Increment:
    """The increment with these rows, after the one that `said` describes; the first one if `said` describes none."""
    if not isinstance(said, Mapping) or said.get("_type") != _KIND:
        return Increment(rows)
    paths = [*said.get("previous_increments_paths", ()), said.get("artifact_path")]
    return Increment(rows, said.get("increment_num", 0) + 1, tuple(path for path in paths if path))


def in_order(names: Iterable[str]) -> list[str]:
    """The files of such an artifact in the order in which they were logged."""
    return sorted((name for name in names if name.endswith(".table.json")), key=_place_of)


def _place_of(name: str) -> tuple[int, int]:
    number, _, moment = name.partition(".")[0].partition("-")  # the official SDK numbers the first one None
    return (int(number) if number.isdigit() else 0, int(moment) if moment.isdigit() else 0)
