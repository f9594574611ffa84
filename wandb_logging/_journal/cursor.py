"""The content of cursor.json and base.json: how much of a run the server has acknowledged. Pure.

The content is checked before it is used: another version of this package may have written it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._events.metrics import is_definition
from wandb_logging._events.task import Task
from wandb_logging._journal.position import At, Position, is_position, places
from wandb_logging._journal.seal import seal, unseal
from wandb_logging._values.plain import dumps, loads

_Check = Callable[[Any], bool]


@dataclass(frozen=True)
class Cursor:
    """How much of a run the server has acknowledged. `Cursor()` means nothing.

    Attributes:
        position: where reading the journal goes on; None: at its start.
        state: the folded state at that position, as JSON (`_fold.fold.State`); None at the start.
        tasks: work that is yet to be done: files, alerts, artifacts.
        uploaded: names of uploaded files that the next request announces to the server.
        file_count: number of files uploaded so far, without the standard files that each run has.
        uploads: MD5 of the uploaded files, by their names in the run.
        output_size: bytes of the copy of output.log that belong to acknowledged lines.
        complete: whether the server has been told how the run ended.
        carried: number of lines before the position that another process has taken (`_carrying`).
        handed: what the sender that left the run to others had told the server (`_sending.handover`); None if the
            cursor is of a sender that went on, or was killed.
    """

    position: Position | None = None
    state: Mapping[str, Any] | None = None
    tasks: tuple[Task, ...] = ()
    uploaded: tuple[str, ...] = ()
    file_count: int = 0
    uploads: Mapping[str, str] = field(default_factory=dict)
    output_size: int = 0
    complete: bool = False
    carried: int = 0
    handed: Mapping[str, Any] | None = None

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Cursor:
        """From the content of a cursor.json, which `is_cursor` has accepted. Members of later versions are left out."""
        return cls(
            position=kept.get("position"),
            state=kept.get("state"),
            tasks=tuple(map(Task.from_json, kept.get("tasks", ()))),
            uploaded=tuple(kept.get("uploaded", ())),
            file_count=kept.get("file_count", 0),
            uploads=dict(kept.get("uploads", {})),
            output_size=kept.get("output_size", 0),
            complete=kept.get("complete") is True,
            carried=kept.get("carried", 0),
            handed=kept.get("handed"),
        )

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "position": self.position,
            "state": self.state,
            "tasks": [task.to_json() for task in self.tasks],
            "uploaded": list(self.uploaded),
            "file_count": self.file_count,
            "uploads": dict(self.uploads),
            "output_size": self.output_size,
            "complete": self.complete,
            **({"carried": self.carried} if self.carried else {}),
            **({"handed": self.handed} if self.handed else {}),
        }

    @classmethod
    def unsealed(cls, content: bytes) -> Cursor:
        """From the content of a file; the beginning if that is damaged, or another version wrote what is of no use."""
        try:
            kept = loads(unseal(content.rstrip(b"\n")) or b"{}")
        except ValueError:
            return cls()
        return cls.from_json(kept) if is_cursor(kept) else cls()

    def sealed(self) -> bytes:
        """The content of a file. Sealed as a journal line is: a wrong count in it would put lines at wrong offsets."""
        return seal(dumps(self.to_json()))

    @property
    def events(self) -> int:
        """Number of events that were folded into the state; -1 if there is no state."""
        events = (self.state or {}).get("events")
        return events if isinstance(events, int) else -1

    @property
    def exit(self) -> Any:
        """The exit code in the state; None if no acknowledged event has one."""
        return (self.state or {}).get("exit")

    @property
    def run_changes(self) -> Any:
        """What the program changed of the run's name, notes, tags and the like, up to the position."""
        return (self.state or {}).get("run")

    @property
    def places(self) -> Mapping[int, At]:
        """By writer: segment and byte up to which its journal is acknowledged."""
        return places(self.position)


def is_cursor(value: object) -> bool:
    """Whether a value has the form of a cursor. Members that are not known are not looked at."""
    if not isinstance(value, dict) or not is_position(value.get("position")):
        return False
    state = value.get("state")
    # A position without a state is refused: the counts in the state say at which offsets the next lines go.
    counted = value.get("position") is None if state is None else isinstance(state, dict) and _fit(state, _STATE)
    return counted and _fit(value, _CURSOR)


def _fit(values: Mapping[str, Any], checks: Mapping[str, _Check]) -> bool:
    return all(check(values[name]) for name, check in checks.items() if name in values)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**65  # a step may have 64 bits


def _is_number(value: object) -> bool:
    return type(value) in {int, float}


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _or_none(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _each(check: _Check) -> _Check:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _is_aggregate(kept: object) -> bool:
    return isinstance(kept, dict) and _fit(kept, dict.fromkeys(("count", "sum", "min", "max"), _is_number))


def _is_definitions(value: object) -> bool:
    if not (isinstance(value, dict) and all(isinstance(item, dict) for item in value.values())):
        return False
    return all(
        {"step_metric", "step_sync", "hidden", "summary"} <= item.keys()
        and is_definition({**{key: kept for key, kept in item.items() if kept is not None}, "name": name})
        for name, item in value.items()
    )


def _is_screen(value: object) -> bool:
    """Whether a value has the form that `_fold.terminal.Screen` saves."""
    if not isinstance(value, dict):
        return False
    lines = value.get("lines", [])
    if not isinstance(lines, list) or not all(map(_is_line, lines)):
        return False
    numbers = {line[0] for line in lines}
    return all(_is_terminal(value.get(name, {}), numbers) for name in ("out", "err"))


def _is_apart(value: object) -> bool:
    """Whether a value has the form that `_fold.apart` saves."""
    if not (isinstance(value, dict) and _fit(value, {"stepper": _is_count, "names": _each(_is_count)})):
        return False
    return _are_rows(value.get("waiting", []), 3) and _are_rows(value.get("early", []), 5)


def _are_rows(value: object, size: int) -> bool:
    """Whether a value is a list of lists of `size` items: a writer's number, a row, and a time as the last."""
    return isinstance(value, list) and all(
        isinstance(row, list) and len(row) == size and _is_count(row[0]) and _is_object(row[1]) and _is_number(row[-1])
        for row in value
    )


def _is_line(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 4):
        return False
    number, time, error, text = value
    return _is_count(number) and isinstance(text, str) and _is_number(time) and isinstance(error, bool)


def _is_terminal(value: object, numbers: set[int]) -> bool:
    if not (isinstance(value, dict) and _fit(value, {"x": _is_count, "y": _is_count})):
        return False
    view = value.get("view", [])
    known = isinstance(view, list) and all(_is_count(number) and number in numbers for number in view)
    return known and isinstance(value.get("begun", ""), str)


_CURSOR: dict[str, _Check] = {
    "tasks": lambda value: isinstance(value, list) and all(map(_is_object, value)),
    "uploaded": _is_texts,
    "uploads": _is_object,
    "file_count": _is_count,
    "output_size": _is_count,
    "carried": _is_count,
    "handed": _is_object,
}
_STATE: dict[str, _Check] = {
    **dict.fromkeys(
        ("step", "open_events", "events", "rows", "lines", "samples", "late", "set_aside", "told"), _is_count
    ),
    **dict.fromkeys(("open_time", "runtime", "paused"), _is_number),
    **dict.fromkeys(("summary", "config", "run"), _is_object),
    "open": _or_none(_is_object),
    "shifted": _is_texts,
    "metrics": _is_definitions,
    "aggregates": _each(_or_none(_is_aggregate)),
    **dict.fromkeys(("steps", "alerts", "labels"), _each(_is_number)),
    "exit": _or_none(lambda value: type(value) is int),
    "screen": _is_screen,
    "mining": _is_object,
    "apart": _is_apart,
}
