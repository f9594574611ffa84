"""A line of the journal: all members that it can have, how it is read and written as JSON, and how it is checked. Pure.

Logging calls and the fold handle each row as a plain mapping with the names given here, because that is faster.
Everything else uses `Event`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from wandb_logging._dataclass import dataclass
from wandb_logging._events.metrics import is_definition
from wandb_logging._values.plain import loads

YEAR_10000 = 253_402_300_800  # seconds since 1970; Python has no date for this time and later ones

TASKS = ("file", "artifact", "use_artifact", "link_artifact", "alert")
"""Members that ask for work besides the lines of the streams."""

ALONE = frozenset({"metrics", "t", "text", "level", "logger", "error", "by", "carried"})
"""Members of events that depend on no other event."""

ROW_AND_TEXT = ALONE | {"step", "commit", "from"}

OF_A_STEP = frozenset({"step", "commit", "media"})
"""Members that make a row depend on others, or on its step."""

BULK = frozenset({*ROW_AND_TEXT, "media", "aside", "output", "system", "label"})
"""Members for rows, text and samples. If room is scarce, they can be dropped, and the run stays what it is."""


@dataclass(frozen=True)
class Event:
    """A line of the journal. A member that the line does not have is None, or False.

    Attributes:
        t: when the event happened, seconds since 1970.
        metrics: a row, or a part of one: values by name, nested as they were logged.
        step: the step of the row.
        commit: whether the row is complete; None: it is if it gives no step.
        media: the kept copies of the row's media (`_events.media_names`).
        tensorboard: `[file, byte]`: the file that the row was read from, and the byte up to which it was read.
        aside: name -> why the value that was logged under that name is missing.
        text: the text of a log record, or text that was given to be shown.
        level, logger: level and logger of the record. With a logger, the text is the bare message.
        source: the logger, if a formatter of the user's made the text; of output, the file that it was read from. This
            member is called `from`.
        error: whether the text or output reports an error.
        output: what the program wrote to stdout, or stderr (`_process.capture`).
        system: a sample of system metrics (`_process.sampling`).
        config, summary, run: changes of them.
        define: a metric definition, as `Metric.event` makes it.
        file: `{"name", "path"}` of a file of the run; the path of the kept copy is relative to the run directory.
        artifact, use_artifact, link_artifact: an artifact that is to be made, was used, or is to be linked.
        alert: an alert, as `alerts.alert` makes it.
        exit: the exit code with which the run ends.
        resume: whether the run goes on in its own directory.
        by: number of the writer, if others had written before it (`_fold.apart`).
        label: label of a process that has steps of its own (`_fold.labelled`).
        carried: number of the line in the journal of the worker elsewhere that it was carried from (`_carrying`).
        gathered: in the journal of the run of rank 0: the run of another rank, whose events follow
            (`_sending.gathering`).
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
    carried: int | None = None
    gathered: str | None = None

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Event:
        """Read a line. Unknown members are left out, and so are those with a wrong kind of value (see `problems`)."""
        good = {name: value for name, value in kept.items() if name in _SAID and _KINDS[name](value)}
        time = kept["t"] if is_time(kept.get("t")) else 0.0
        return cls(time, **{_SAID[name].attribute: value for name, value in good.items()})

    def to_json(self) -> dict[str, Any]:
        """The form in which the event is kept, without members that are not set."""
        values = ((name, getattr(self, attribute), unsaid) for name, (attribute, unsaid) in _SAID.items())
        return {**{name: value for name, value, unsaid in values if value is not unsaid}, "t": self.t}

    @property
    def tasks(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The work that the event asks for besides the lines of the streams: pairs (kind, what)."""
        for kind in TASKS:
            what = getattr(self, kind)
            if what is not None:
                yield kind, what

    @property
    def paths(self) -> Iterator[str]:
        """The paths of the kept copies that the event names, relative to the run directory."""
        for file in (self.file, *(self.media or ())):
            if isinstance(file, dict) and file.get("path"):
                yield str(file["path"])


def event_of(body: bytes) -> Event | None:
    """Read a line of the journal. Returns None if it is no event."""
    try:
        event = loads(body)
    except ValueError:
        return None
    return Event.from_json(event) if isinstance(event, dict) and is_time(event.get("t")) else None


def problems(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a line whose value is of a wrong kind. Unknown members, as of a later version, are ignored."""
    return {name: kept[name] for name in kept if name in _KINDS and not _KINDS[name](kept[name])}


def is_time(value: object) -> bool:
    """Whether a value is a time in seconds since 1970 that has a date."""
    return type(value) in _NUMBERS and 0 <= value < YEAR_10000  # type: ignore[operator]


def exit_code_after(code: int | None, events: Iterable[Event]) -> int | None:
    """The exit code of a run after some events, which are ordered by time here, if it was `code` before."""
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


def _is_alert(value: object) -> bool:
    """Whether an alert has what sending it needs, as far as it says it."""
    if not isinstance(value, dict) or not all(_is_text(value.get(name, "")) for name in ("title", "text", "level")):
        return False
    wait = value.get("wait", 0)
    return type(wait) in _NUMBERS and 0 <= wait < YEAR_10000


class _Said(NamedTuple):
    """A member besides `t`: the attribute for it, and the attribute's value if the line does not have the member."""

    attribute: str
    default: Any


_OBJECTS = ("metrics", "aside", "system", "config", "summary", "run", *TASKS)
_KINDS: dict[str, Callable[[object], bool]] = {
    "t": is_time,
    **dict.fromkeys(_OBJECTS, _is_object),
    "alert": _is_alert,
    **dict.fromkeys(("text", "level", "logger", "from", "output", "label", "gathered"), _is_text),
    **dict.fromkeys(("commit", "error", "resume"), _is_flag),
    **dict.fromkeys(("step", "exit", "by", "carried"), _is_whole),
    "media": lambda value: isinstance(value, list),
    "tensorboard": lambda value: isinstance(value, list) and [*map(type, value)] == [str, int],
    "define": is_definition,
}
_NAMES = {"source": "from"}  # attributes whose members have names that are Python keywords
_SAID = {_NAMES.get(item.name, item.name): _Said(item.name, item.default) for item in dataclasses.fields(Event)[1:]}
