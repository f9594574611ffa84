"""What run.json and server.json say: a run's identity, and what the server answered about it. Pure.

Both are checked before anybody relies on them, because another version or a person with an editor may have written
them. Members that are not named here are left alone, because a format may gain new members.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, NamedTuple

from wandb_logging._dataclass import dataclass
from wandb_logging._events import send_options
from wandb_logging._events.event import YEAR_10000
from wandb_logging._events.metrics import is_definition
from wandb_logging._events.send_options import SendOptions

FORMAT = 1


@dataclass(frozen=True)
class Remote:
    """What the server answered about a run when it was created or resumed. It is kept in server.json.

    Attributes:
        storage_id: the server's own id for the run.
        host: address of the server that answered.
        entity, project, name, display_name: where the run is, and what it is called.
        history, events, output: number of lines that each stream had before: our offsets begin there.
        step, runtime: step and runtime (seconds) at which a resumed run goes on.
        config, summary, tags, notes: those that a resumed run had.
        structured: whether the server takes text lines as JSON.
        gzip: whether the server takes compressed requests.
        artifact_tags: whether artifacts can have tags on this server.
        instead: values that a person chose for the server in place of members of run.json.
    """

    storage_id: str
    entity: str
    project: str
    name: str
    display_name: str
    host: str = ""
    history: int = 0
    events: int = 0
    output: int = 0
    step: int = 0
    runtime: float = 0.0
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    structured: bool = False
    gzip: bool = False
    artifact_tags: bool = False
    instead: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Remote:
        """Read server.json. Members that another version put there are left out."""
        return cls(**{name: value for name, value in kept.items() if name in _REMOTE})

    def to_json(self) -> dict[str, Any]:
        """The form in which it is kept."""
        return {name: getattr(self, name) for name in _REMOTE}


_REMOTE = tuple(member.name for member in dataclasses.fields(Remote))


@dataclass(frozen=True)
class RunInfo:
    """The identity of a run: what run.json says, with what the server answered about the run.

    Attributes:
        id, project, entity, name, notes, tags, group, job_type: as the settings of these names.
        config: the config at the run's start.
        resume, host, app_url, late_steps, late_step_metric, text_metrics: as the settings of these names.
        standard_files, ignore_globs: as the settings of these names.
        rewind: whether the existing run on the server is taken back to `branch_point`.
        branch_point: `{"run_id", "step"}`: the run that this one branches from, and the step.
        mode: online, offline or disabled.
        start: when the run began, seconds since 1970.
        writer_id: identifies the process that made the directory, in the config of the run.
        host_name: name of the machine.
        program: path of the program.
        cache_policy: what happens when max_cache_bytes is reached; None without a limit.
        send: how the run is sent; None if the version that made it did not keep that.
        define_metrics: metric definitions, as `Metric.event` writes them.
        ranks: which rank of which launch the run belongs to; None outside of a launch.
        client_label: names the process whose part of the run this is, in W&B's shared mode, where each process sends
            its own part; "" for the primary process. None in all other modes.
        imported: the file of another program that the run was made from.
        server: the run as the server knows it; None until it does.
        other: members that another version put there.
    """

    id: str
    project: str
    entity: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: list[str] = field(default_factory=list)
    group: str | None = None
    job_type: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    resume: str | None = None
    rewind: bool = False
    branch_point: dict[str, Any] | None = None
    host: str | None = None
    app_url: str | None = None
    mode: str | None = None
    start: float = 0.0
    writer_id: str | None = None
    host_name: str | None = None
    program: str | None = None
    late_steps: str = "shift"
    late_step_metric: str = "step"
    text_metrics: dict[str, Any] | None = None
    standard_files: list[str] = field(default_factory=list)
    ignore_globs: list[str] = field(default_factory=list)
    cache_policy: str | None = None
    send: SendOptions | None = None
    define_metrics: list[dict[str, Any]] = field(default_factory=list)
    ranks: dict[str, Any] | None = None
    client_label: str | None = None
    imported: dict[str, Any] | None = None
    server: Remote | None = None
    other: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> RunInfo:
        """Read a run.json in which `problem` finds nothing wrong, with server.json as its member `server`."""
        given = {name: kept[name] for name in _MEMBERS if kept.get(name) is not None}
        if "send" in given:
            given["send"] = SendOptions.from_json(given["send"])
        server = kept.get("server")
        if server:  # if it does not name its server, it is the server for which the run was made
            server = {"host": kept.get("host") or "", **server}
        other = {name: value for name, value in kept.items() if name not in _OURS}
        return cls(**given, server=Remote.from_json(server) if server else None, other=other)

    def to_json(self) -> dict[str, Any]:
        """The form in which run.json keeps it, without what the server answered."""
        members = {name: getattr(self, name) for name in _MEMBERS}
        if self.send is not None:
            members["send"] = self.send.to_json()
        kept = {name: value for name, value in members.items() if value is not None or name not in _RARE}
        return {"format": FORMAT, **kept, **self.other}

    def but(self, **changes: Any) -> RunInfo:
        """A copy with other values for some attributes."""
        return dataclasses.replace(self, **changes)

    def changed(self, members: Mapping[str, Any]) -> RunInfo:
        """A copy with other members of run.json, which need not be known to this version."""
        return RunInfo.from_json({**self.to_json(), **members}).but(server=self.server)

    @property
    def text_rules(self) -> list[tuple[int, Any]]:
        """The rules that find metrics in the text, each with the number of the event from which it applies."""
        kept = self.text_metrics or {}
        return [(0, kept.get("rules", ())), *((one["events"], one["rules"]) for one in kept.get("then", ()))]

    def with_text_rules(self, rules: list[Any], events: int) -> RunInfo:
        """A copy with other rules for the text, which apply from an event on."""
        kept, new = self.text_metrics or {}, {"events": events, "rules": rules}
        if not events:
            return self.but(text_metrics={**kept, "then": [], "rules": rules})
        then = [one for one in kept.get("then", ()) if one["events"] < events]
        return self.but(text_metrics={**kept, "then": [*then, new]})

    @property
    def client_id(self) -> str | None:
        """The id by which the server distinguishes the clients of one run in its shared mode; None in other modes."""
        return None if self.client_label is None else self.writer_id or self.id

    @property
    def is_secondary(self) -> bool:
        """Whether another client, the primary one, tells the server how the run ends and on what machine it runs."""
        return bool(self.client_label)

    @property
    def is_held(self) -> bool:
        """Whether it is that of a rank other than 0 whose rows wait on the disk, because rank 0 is the run."""
        return (self.ranks or {}).get("held") is True

    @property
    def is_told_by_another(self) -> bool:
        """Whether a person is told about the run by another client, as both belong to one launch."""
        return self.is_secondary and self.ranks is not None

    def is_same_run(self, kept: Mapping[str, Any]) -> bool:
        """Whether a run.json, not yet checked, names the same run on the server and the same client's part of it."""
        return all(kept.get(name) == getattr(self, name) for name in ("id", "project", "host", "client_label"))


_MEMBERS = tuple(member.name for member in dataclasses.fields(RunInfo) if member.name not in {"server", "other"})
_OURS = frozenset(("format", "server", *_MEMBERS))
_RARE = frozenset(("send", "ranks", "client_label", "imported"))  # left out of run.json instead of being null


class _Kind(NamedTuple):
    """A kind of value: its name, and a function that says whether a value is of that kind."""

    name: str
    fits: Callable[[Any], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value  # no lone surrogates


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_point(value: object) -> bool:
    return isinstance(value, dict) and _is_text(value.get("run_id")) and _is_count(value.get("step"))


_NAME = _Kind("a text that is not empty", lambda value: value != "" and _is_text(value))
_TEXT = _Kind("a text", _is_text)
_TEXT_OR_NULL = _Kind("a text", lambda value: value is None or _is_text(value))
_TEXTS = _Kind("a list of texts", _is_texts)
_FLAG = _Kind("true or false", lambda value: isinstance(value, bool))
_OBJECT = _Kind("an object", lambda value: isinstance(value, dict))
_TIME = _Kind("seconds since 1970", lambda value: _is_number(value) and 0 <= value < YEAR_10000)
_SECONDS = _Kind("a number of seconds", lambda value: _is_number(value) and abs(value) < YEAR_10000)
_COUNT = _Kind("a whole number from 0 on", _is_count)
_POLICY = _Kind("shift, error or drop", lambda value: value in ("shift", "error", "drop"))
_POINT = _Kind("an object with run_id and step", _is_point)
_DEFINITIONS = _Kind("a list of definitions", lambda value: isinstance(value, list) and all(map(is_definition, value)))

_NEEDED = {"id": _NAME, "project": _NAME, "start": _TIME}
_MAY_BE_NULL = {
    **dict.fromkeys(("entity", "name", "notes", "group", "job_type", "resume", "host", "app_url"), _TEXT),
    **dict.fromkeys(("mode", "writer_id", "host_name", "program", "cache_policy", "client_label"), _TEXT),
    **dict.fromkeys(("tags", "standard_files", "ignore_globs"), _TEXTS),
    **dict.fromkeys(("config", "server", "send", "text_metrics", "ranks", "imported"), _OBJECT),
    "rewind": _FLAG,
    "branch_point": _POINT,
    "define_metrics": _DEFINITIONS,
}
_MAY_BE_LEFT_OUT = {"late_steps": _POLICY, "late_step_metric": _TEXT}
_NEEDED_OF_SERVER = dict.fromkeys(("storage_id", "entity", "project", "name", "display_name"), _TEXT)
_OF_SERVER = {
    "host": _TEXT,
    **dict.fromkeys(("history", "events", "output", "step"), _COUNT),
    "runtime": _SECONDS,
    **dict.fromkeys(("config", "summary", "instead"), _OBJECT),
    **dict.fromkeys(("structured", "gzip", "artifact_tags"), _FLAG),
    "tags": _TEXTS,
    "notes": _TEXT_OR_NULL,
}


def problem(info: Mapping[str, Any]) -> str | None:
    """Say in words for a person what is wrong with the content of a run.json. Returns None if nothing is."""
    if info.get("format") != FORMAT:
        return f"has format {_shown(info.get('format'))}; this version reads {FORMAT}"
    present = {key: value for key, value in info.items() if value is not None}
    server = present.get("server") or {}
    return (
        _wrong(info, _NEEDED, missing=True)
        or _wrong(present, _MAY_BE_NULL)
        or _wrong(info, _MAY_BE_LEFT_OUT)
        or _wrong(server, _NEEDED_OF_SERVER, "server.", missing=bool(server))
        or _wrong(server, _OF_SERVER, "server.")
        or _wrong_options(present.get("send"))
    )


def _wrong_options(kept: Mapping[str, Any] | None) -> str | None:
    """What is wrong with the send options. Earlier versions kept none: the sending process then uses its own."""
    wrong = send_options.problem(kept) if kept is not None else None
    if kept is None or wrong is None:
        return None
    name, expected = wrong
    return f"has send.{name} {_shown(kept.get(name))}, expected {expected}"


def _wrong(
    values: Mapping[str, Any], kinds: Mapping[str, _Kind], prefix: str = "", *, missing: bool = False
) -> str | None:
    for name, kind in kinds.items():
        if name not in values:
            if missing:
                return f"has no {prefix}{name}"
        elif not kind.fits(values[name]):
            return f"has {prefix}{name} {_shown(values[name])}, expected {kind.name}"
    return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
