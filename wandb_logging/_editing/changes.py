"""What is to be different in a copy of a run: metrics renamed, and points dropped. Pure.

A metric is named as W&B names it: `val.acc` is `{"val": {"acc": ...}}`. With a `*` at the end it is all that begin so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import LogError
from wandb_logging._events.metrics import find, keys_of, leaves, put
from wandb_logging._fold.state import CLOCK, RESERVED

_RANGE = re.compile(r"(\d*):(\d*)|(\d+)")
_END = 2**63


@dataclass(frozen=True)
class Name:
    """A name, or what names begin with."""

    text: str

    def __post_init__(self) -> None:
        if not self.text or "*" in self.text[:-1]:
            raise ValueError(f"the name of a metric, with at most one * at its end, not {self.text!r}")

    @property
    def is_glob(self) -> bool:
        return self.text.endswith("*")

    def fits(self, name: str) -> bool:
        """Whether a metric is meant."""
        return name.startswith(self.text[:-1]) if self.is_glob else name == self.text


@dataclass(frozen=True)
class Rename:
    """A metric, or all that begin alike, under another name."""

    old: Name
    new: Name

    @classmethod
    def of(cls, text: str) -> Rename:
        """From `OLD=NEW`.

        Raises:
            ValueError: it is no such thing.
        """
        old, sign, new = text.rpartition("=")
        found = cls(Name(old), Name(new)) if sign else None
        if found is None or found.old.is_glob != found.new.is_glob or new in RESERVED:
            raise ValueError(f"OLD=NEW, or BEGINNING*=OTHER*, not {text!r}")
        return found

    def applied(self, name: str) -> str:
        """The new name of a metric that fits."""
        return self.new.text[:-1] + name[len(self.old.text) - 1 :] if self.old.is_glob else self.new.text


@dataclass(frozen=True)
class Drop:
    """Points that are left out.

    Attributes:
        name: of which metrics; None: of all.
        first, last: steps, both included.
    """

    name: Name | None
    first: int = 0
    last: int = _END

    @classmethod
    def of(cls, text: str) -> Drop:
        """From `METRIC`, `METRIC@STEP`, `METRIC@FROM:TO`, or a range alone: `@FROM:TO`.

        Raises:
            ValueError: it is no such thing.
        """
        name, sign, steps = text.rpartition("@")
        found = _RANGE.fullmatch(steps) if sign else None
        if found is None:
            return cls(Name(text))
        first, last = int(found[1] or found[3] or 0), int(found[2] or found[3] or _END)
        if first > last:
            raise ValueError(f"{steps}: the first step comes after the last")
        return cls(Name(name) if name else None, first, last)

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the metric is left."""
        return self.name is not None and (self.first, self.last) == (0, _END)

    def fits(self, name: str, step: int) -> bool:
        """Whether a point is meant."""
        return self.first <= step <= self.last and (self.name is None or self.name.fits(name))


class Editor:
    """Applies changes, and counts what they met.

    Args:
        renames: the first that fits a metric counts.
        drops: of metrics as they are named before.
        run: members of a change of the run that are given for good, such as its name.

    Attributes:
        renamed, dropped: points so far.
    """

    def __init__(self, renames: Sequence[Rename] = (), drops: Sequence[Drop] = (), run: Sequence[str] = ()) -> None:
        self._renames = renames
        self._drops = drops
        self._run = frozenset(run)
        self._used: set[Rename | Drop] = set()
        self._names: dict[str, tuple[Rename | None, tuple[Drop, ...]]] = {}
        self.renamed = self.dropped = 0

    @property
    def unused(self) -> list[Rename | Drop]:
        """The changes that nothing fitted."""
        given: list[Rename | Drop] = [*self._renames, *self._drops]
        return [each for each in given if each not in self._used]

    @cached_property
    def changes_rows(self) -> bool:
        """Whether a row can become another."""
        return bool(self._renames or self._drops)

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as it is in the copy, without `_step`, `_timestamp`, `_runtime`; empty if nothing is left of it.

        Raises:
            LogError: two metrics get the same name.
        """
        found = {key: value for key, value in row.items() if key not in CLOCK}
        if not self.changes_rows:
            return found
        moved: list[tuple[str, Any]] = []
        for path, value in list(leaves(found)):
            name = path.replace("\\.", ".")
            rename, drops = self._of(name)
            drop = next((drop for drop in drops if drop.fits(name, row["_step"])), None)
            if drop is not None:
                self._used.add(drop)
                self.dropped += 1
            elif rename is not None:
                moved.append((rename.applied(name), value))
            if drop is not None or rename is not None:
                found = put(found, keys_of(path), ...)
        for name, value in moved:
            if find(found, name) is not None:
                raise LogError(f"step {row['_step']} has two metrics that would both be {name}")
            found = put(found, keys_of(name), value)
        self.renamed += len(moved)
        return found

    def _of(self, name: str) -> tuple[Rename | None, tuple[Drop, ...]]:
        """What may become of a metric, looked up once."""
        if name not in self._names:
            rename = next((each for each in self._renames if each.old.fits(name)), None)
            drops = tuple(each for each in self._drops if each.name is None or each.name.fits(name))
            self._names[name] = rename, drops
            self._used.update([rename] if rename else [])
        return self._names[name]

    def _renamed(self, name: str) -> str:
        rename = self._of(name)[0]
        return name if rename is None else rename.applied(name)

    def _is_gone(self, name: str) -> bool:
        return any(drop.is_whole for drop in self._of(name)[1])

    def rest(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """An event without its row, as it is in the copy; empty if nothing is left of it."""
        left = {key: value for key, value in event.items() if key not in _OF_ROWS}
        if isinstance(left.get("define"), dict):
            left["define"] = self.definition(left["define"])
        if isinstance(left.get("summary"), dict):
            kept = {name: value for name, value in left["summary"].items() if not self._is_gone(name)}
            left["summary"] = {self._renamed(name): value for name, value in kept.items()}
        if isinstance(left.get("run"), dict):
            left["run"] = {name: value for name, value in left["run"].items() if name not in self._run}
        left = {key: value for key, value in left.items() if key not in _OBJECTS or value}
        return left if left.keys() - _OF_TEXT else {}

    def definition(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A definition under the name its metric has now; empty if that is gone."""
        name = given.get("name")
        if not isinstance(name, str) or self._is_gone(name):
            return {}
        glob = next((each for each in self._renames if each.old.text == name), None)
        now = {**given, "name": glob.new.text if glob else self._renamed(name)}
        if isinstance(given.get("step_metric"), str):
            now["step_metric"] = self._renamed(given["step_metric"])
        return now


_OF_ROWS = frozenset({"metrics", "step", "commit", "media", "tensorboard"})
_OF_TEXT = frozenset({"t", "level", "logger", "from", "error", "by"})  # which say nothing without a text
_OBJECTS = frozenset({"define", "summary", "run"})
