"""Finds out that two files make one curve: both have a metric at the same steps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandb_logging._mining.ruleset import Row


class Origins:
    """Remembers which file each metric came from last, and up to which step.

    A file that goes on with the steps of another is no matter: logs are often written in parts.

    Args:
        saved: the memory that `saved` returned before; `{}` at first.
    """

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self._latest: dict[str, list[Any]] = dict(saved.get("latest", {}))
        self._said: bool = saved.get("said", False)

    @property
    def saved(self) -> dict[str, Any]:
        """The memory, as plain JSON."""
        return {"said": True} if self._said else {"latest": self._latest} if self._latest else {}

    def take(self, file: str, rows: Iterable[Row]) -> str | None:
        """Take the rows of a file. Returns, once in a run, what a person should know of them."""
        for row in rows if not self._said else ():
            if row.step is None:
                continue
            for name in row.metrics:
                other, step = self._latest.get(name, (file, row.step))
                if other != file and row.step <= step:
                    self._said = True
                    return _words(name, row.step, other, file)
                self._latest[name] = [file, row.step if other != file else max(step, row.step)]
        return None


def _words(name: str, step: float, first: str, second: str) -> str:
    return (
        f"{name!r} at step {step:g} is in {first} and again in {second}: one curve of both. To keep them apart, "
        f"make a run of each, or give each its own rule, with stream: {second} and a prefix"
    )
