"""A line of the journal: every member that one can have, from JSON, to JSON, and what is wrong with it. Pure.

What calls and the fold do for each row goes over plain mappings, for its speed, with the names that stand here. All
else goes over `Event`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from wandb_logging._dataclass import dataclass
from wandb_logging._events.metrics import is_definition
from wandb_logging._values.plain import loads

YEAR_10000 = 253_402_300_800  # seconds since 1970; from there on a time has no date

TASKS = ("file", "artifact", "use_artifact", "link_artifact", "alert")
"""Members that are work beside the streams."""

ALONE = frozenset({"metrics", "t", "text", "level", "logger", "error", "by"})
"""Members of an event that depends on no other."""

ROW_AND_TEXT = ALONE | {"step", "commit", "from"}

OF_A_STEP = frozenset({"step", "commit", "media"})
"""What makes a row depend on others, or on its step."""

BULK = frozenset({*ROW_AND_TEXT, "media", "aside", "output", "system", "label"})
"""Rows, text and samples: what can be left out where room is scarce, and the run still is what it is."""


@dataclass(frozen=True)
class Event:
    """What a line of the journal says. What it does not say is None, or False.

    Attributes:
        t: when it was, seconds since 1970.
        metrics: a row, or a part of one: values by name, nested as they were logged.
        step: of the row.
        commit: whether the row is complete; None: a row is that says no step.
        media: kept copies of the row's media (`_events.media_names`).
        tensorboard: `[file, byte]` that the row was read from, and through which byte.
        aside: why values are missing that were logged, by name.
        text: of a log record, or what a person had shown.
        level, logger: of the record; where there is a logger, the text is its message alone.
        source: the logger where a formatter of the user's made the text. Its member is called `from`.
        error: whether the text, or output, is an error's.
        output: what the program wrote to stdout, or stderr (`_process.capture`).
        system: a sample of system metrics (`_process.sampling`).
        config, summary, run: what changed of them.
        define: a definition, as `Metric.event` makes it.
        file: `{"name", "path"}` of a file of the run, which is kept below its directory at that path.
        artifact, use_artifact, link_artifact: an artifact that is to be made, was used, or is linked.
        alert: as `alerts.alert` makes it.
        exit: exit code: the run ends.
        resume: the run goes on in its own directory.
        by: number of the writer, where others had written before it (`_fold.apart`).
        label: of a process that has steps of its own (`_fold.labelled`).
        gathered: begins what the run of a rank had, in that of its rank 0: who that run was (`_sending.gathering`).
    """

    t: float
    metrics: Mapping[str, Any] | None = None
    step: int | None = None
    commit: bool | None = None
    media: list[Any] | None = None
    tensorboard: list[Any] | None = None
    aside: Mapping[str, Any] | None = None
    text: str | None = None
    level: str | None = None
    logger: str | None = None
    source: str | None = None
    error: bool = False
    output: str | None = None
    system: Mapping[str, Any] | None = None
    config: Mapping[str, Any] | None = None
    summary: Mapping[str, Any] | None = None
    run: Mapping[str, Any] | None = None
    define: Mapping[str, Any] | None = None
    file: Mapping[str, Any] | None = None
    artifact: Mapping[str, Any] | None = None
    use_artifact: Mapping[str, Any] | None = None
    link_artifact: Mapping[str, Any] | None = None
    alert: Mapping[str, Any] | None = None
    exit: int | None = None
    resume: bool = False
    by: int | None = None
    label: str | None = None
    gathered: str | None = None

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Event:
        """What a line holds. What is not of its kind is left out (`problems` names it), and so are later members."""
        good = {name: value for name, value in kept.items() if name in _SAID and _KINDS[name](value)}
        time = kept["t"] if is_time(kept.get("t")) else 0.0
        return cls(time, **{_SAID[name].attribute: value for name, value in good.items()})

    def to_json(self) -> dict[str, Any]:
        """As it is kept: without what it does not say."""
        values = ((name, getattr(self, attribute), unsaid) for name, (attribute, unsaid) in _SAID.items())
        return {**{name: value for name, value, unsaid in values if value is not unsaid}, "t": self.t}

    @property
    def tasks(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The work beside the streams that it asks for: (kind, what)."""
        for kind in TASKS:
            what = getattr(self, kind)
            if what is not None:
                yield kind, what

    @property
    def paths(self) -> Iterator[str]:
        """The kept copies that it names, relative to the run directory."""
        for file in (self.file, *(self.media or ())):
            if isinstance(file, dict) and file.get("path"):
                yield str(file["path"])


def event_of(body: bytes) -> Event | None:
    """What a line says; None if it is no event."""
    try:
        event = loads(body)
    except ValueError:
        return None
    return Event.from_json(event) if isinstance(event, dict) and is_time(event.get("t")) else None


def problems(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Members of a line that are not of their kind. Those that a later version may have put there are left alone."""
    return {name: kept[name] for name in kept if name in _KINDS and not _KINDS[name](kept[name])}


def is_time(value: object) -> bool:
    """Whether a value is seconds since 1970, of a time that has a date."""
    return type(value) in _NUMBERS and 0 <= value < YEAR_10000  # type: ignore[operator]


def exit_code_after(code: int | None, events: Iterable[Event]) -> int | None:
    """How a run stands after some events in the order of their time, if it stood at `code` before."""
    for event in events:
        if event.resume:
            code = None
        if event.exit is not None:
            code = event.exit
    return code


_NUMBERS = frozenset({int, float})


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int)


class _Said(NamedTuple):
    """A member besides `t`: its attribute, and what that is where the line does not have it."""

    attribute: str
    default: Any


_OBJECTS = ("metrics", "aside", "system", "config", "summary", "run", *TASKS)
_KINDS: dict[str, Callable[[object], bool]] = {
    "t": is_time,
    **dict.fromkeys(_OBJECTS, _is_object),
    **dict.fromkeys(("text", "level", "logger", "from", "output", "label", "gathered"), _is_text),
    **dict.fromkeys(("commit", "error", "resume"), _is_flag),
    **dict.fromkeys(("step", "exit", "by"), _is_whole),
    "media": lambda value: isinstance(value, list),
    "tensorboard": lambda value: isinstance(value, list) and [*map(type, value)] == [str, int],
    "define": is_definition,
}
_NAMES = {"source": "from"}  # members that cannot be called so in Python
_SAID = {_NAMES.get(item.name, item.name): _Said(item.name, item.default) for item in dataclasses.fields(Event)[1:]}
