"""From journal events to what the server gets: rows, text lines, summary, config. Pure: no I/O, no clock.

`fold(rules, state, bodies)` gives the next state and what came out. The same journal always folds to the same lines
at the same offsets, however it is cut into pieces; that is why sending a batch again is harmless. The rules of
steps, summary and text are those of the official SDK (protocol 4.6, 5.1 to 5.5) with one difference: a row whose
step is lower than the current one is not dropped (issue 3; `late_steps`).

Events, as `_records` and `_run` write them; all have `t`, seconds since 1970:

    {"metrics": {...}, "step": n?, "aside": {...}?}    a row, or part of one
    {"text": "...", "level": "INFO", "logger": "x"?}   text; both may stand in one event
    {"config": {...}}  {"summary": {...}}  {"run": {...}}  {"file": {...}}  {"exit": code}
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from wandb_logging._values import dumps, loads

MAX_ROW_BYTES = 10_383_360  # 10 MiB - 100 KiB, "imposed by the back-end" (protocol 4.4)
MAX_LINE_CHARS = 4096  # protocol 4.4
TASKS = ("file",)  # events that are work beside the streams
ERROR_LEVELS = frozenset({"ERROR", "CRITICAL", "FATAL"})
_OWN_KEYS = ("_step", "_runtime", "_wandb")  # set by us; as metrics they cannot be logged (protocol 5.1)


@dataclass(frozen=True)
class Rules:
    """What folding depends on besides the events.

    Attributes:
        start: start of the run, seconds since 1970.
        late_steps: "shift", "error" or "drop".
        late_step_metric: metric that carries the step a shifted row was logged with.
        structured: whether text lines are JSON (protocol 4.6), as the server asked for.
        base_runtime: seconds the run had run before it was resumed.
    """

    start: float
    late_steps: str = "shift"
    late_step_metric: str = "step"
    structured: bool = False
    base_runtime: float = 0.0


@dataclass
class State:
    """Where folding stands. Plain JSON values only: it is kept in cursor.json.

    Attributes:
        step: step of the row under construction, or of the next one.
        open: metrics of the row under construction, or None.
        open_time: time of its last part.
        open_events: how many events are in it.
        shifted: whether a late row is part of it.
        events: events folded so far.
        rows, lines: history and output.log lines folded so far: the offsets of the next ones.
        summary, config: as they stand, without `_wandb`.
        run: changed name, notes, tags, group, job_type.
        runtime: seconds from the start to the last event.
        exit: exit code of the run; None while it has not ended.
        late: rows whose step was lower than the current one.
        set_aside: values and rows that cannot be sent.
        told: those of them that the logging program knows of, because it made the event without them.
    """

    step: int = 0
    open: dict[str, Any] | None = None
    open_time: float = 0.0
    open_events: int = 0
    shifted: bool = False
    events: int = 0
    rows: int = 0
    lines: int = 0
    summary: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    runtime: float = 0.0
    exit: int | None = None
    late: int = 0
    set_aside: int = 0
    told: int = 0


@dataclass
class Delta:
    """What some events came to.

    Attributes:
        rows: new history lines.
        lines: new output.log lines.
        summary_changed, config_changed, run_changed: whether that part of the state changed.
        tasks: what is to be done beside the streams, in order: `{"kind": "file", ...}` and so on (`_tasks`).
        aside: what cannot be sent: (reason, value).
    """

    rows: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    summary_changed: bool = False
    config_changed: bool = False
    run_changed: bool = False
    tasks: list[dict[str, Any]] = field(default_factory=list)
    aside: list[tuple[str, object]] = field(default_factory=list)


def first_state(info: Mapping[str, Any]) -> State:
    """The state before the first event of a run, from its run.json."""
    return State(config=dict(info.get("config") or {}))


def fold(rules: Rules, state: State, bodies: Iterable[bytes]) -> tuple[State, Delta]:
    """The state after some events, and what they came to. Changes neither argument."""
    folder = _Folder(rules, copy.deepcopy(state))
    for body in bodies:
        folder.take(body)
    return folder.state, folder.delta


def finish(rules: Rules, state: State) -> tuple[State, Delta]:
    """The state and delta of ending: the row under construction is closed. Changes neither argument."""
    folder = _Folder(rules, copy.deepcopy(state))
    folder.close_row()
    return folder.state, folder.delta


def summary_line(state: State) -> str:
    """The summary as the server keeps it: one line, complete (protocol 5.5)."""
    return dumps({**state.summary, "_wandb": {"runtime": int(state.runtime)}}).decode()


class _Folder:
    """Folds one event after the other into its state and delta."""

    def __init__(self, rules: Rules, state: State) -> None:
        self.rules = rules
        self.state = state
        self.delta = Delta()

    def take(self, body: bytes) -> None:
        try:
            event = loads(body)
        except ValueError:
            event = None
        self.state.events += 1
        if not isinstance(event, dict) or not isinstance(event.get("t"), (int, float)):
            self._aside("not an event", body.decode("utf-8", "replace"))
            return
        self.state.runtime = max(0.0, event["t"] - self.rules.start) + self.rules.base_runtime
        if isinstance(event.get("metrics"), dict):
            self._row(event["metrics"], event.get("step"), event["t"])
        if isinstance(event.get("text"), str):
            self._text(event)
        self._changes(event)
        if isinstance(event.get("exit"), int):
            self.close_row()
            self.state.exit = event["exit"]
            self.delta.summary_changed = True

    # --- rows (protocol 5.2) ---

    def _row(self, metrics: dict[str, Any], step: object, time: float) -> None:
        state = self.state
        for key in _OWN_KEYS:
            if key in metrics:
                self._aside(f"{key} is set by the client", {key: metrics.pop(key)})
        if type(step) is int and step < state.step:
            self._late_row(metrics, step, time)
            return
        if type(step) is int and step > state.step:
            self.close_row()
            state.step = step
        elif state.shifted and state.open and not state.open.keys().isdisjoint(metrics):
            self._next_row()
        self._join(metrics, time)
        if type(step) is not int:
            self._next_row()

    def _late_row(self, metrics: dict[str, Any], step: int, time: float) -> None:
        self.state.late += 1
        if self.rules.late_steps != "shift":
            how = f"late_steps: {self.rules.late_steps}"
            reason = f"step {step} is lower than the current step {self.state.step} ({how})"
            self._aside(reason, {"metrics": metrics, "step": step})
            return
        late = {**metrics, self.rules.late_step_metric: step}
        # It may share a row with what is there only where it overwrites nothing.
        if self.state.open and not self.state.open.keys().isdisjoint(late):
            self._next_row()
        self._join(late, time)
        self.state.shifted = True

    def _join(self, metrics: dict[str, Any], time: float) -> None:
        state = self.state
        if state.open is None:
            state.open = metrics
        else:
            _merge(state.open, metrics)
        state.open_time = time
        state.open_events += 1

    def _next_row(self) -> None:
        self.close_row()
        self.state.step += 1

    def close_row(self) -> None:
        """Give out the row under construction, if there is one. The step stays."""
        state = self.state
        if state.open is None:
            return
        metrics, state.open = state.open, None
        state.open_events = 0
        state.shifted = False
        metrics["_step"] = state.step
        metrics.setdefault("_timestamp", state.open_time)
        metrics["_runtime"] = round(max(0.0, state.open_time - self.rules.start) + self.rules.base_runtime, 6)
        line = dumps(metrics)
        if len(line) > MAX_ROW_BYTES:
            metrics, line = self._shrink(metrics)
        self.delta.rows.append(line.decode())
        state.rows += 1
        _merge(state.summary, metrics, skip_null=True)
        self.delta.summary_changed = True

    def _shrink(self, metrics: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The row without its largest values, so many that the server takes it (protocol 4.4)."""
        sizes = {key: len(dumps(value)) for key, value in metrics.items()}
        for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
            value = metrics.pop(key)
            self._aside(f"{key}: {sizes[key]} bytes make the row too large for the server", {key: value})
            line = dumps(metrics)
            if len(line) <= MAX_ROW_BYTES:
                break
        return metrics, line

    # --- text (protocol 4.6) ---

    def _text(self, event: dict[str, Any]) -> None:
        for line in text_lines(event, structured=self.rules.structured):
            self.delta.lines.append(line)
            self.state.lines += 1

    # --- everything else ---

    def _changes(self, event: dict[str, Any]) -> None:
        state, delta = self.state, self.delta
        if isinstance(event.get("config"), dict):
            state.config.update(event["config"])
            delta.config_changed = True
        if isinstance(event.get("summary"), dict):
            state.summary.update(event["summary"])
            delta.summary_changed = True
        if isinstance(event.get("run"), dict):
            state.run.update(event["run"])
            delta.run_changed = True
        for kind in TASKS:
            if isinstance(event.get(kind), dict):
                delta.tasks.append({"kind": kind, **event[kind]})
        if isinstance(event.get("aside"), dict):
            for name, reason in event["aside"].items():
                self._aside(f"{name}: {reason}", None)
                state.told += 1

    def _aside(self, reason: str, what: object) -> None:
        self.delta.aside.append((reason, what))
        self.state.set_aside += 1


def _merge(into: dict[str, Any], new: Mapping[str, Any], *, skip_null: bool = False) -> None:
    """Nested dicts merge, anything else replaces; a null is left out of a summary (protocol 5.2, 5.4)."""
    for key, value in new.items():
        if value is None and skip_null:
            continue
        if isinstance(value, dict):
            old = into.get(key)
            if not isinstance(old, dict) or "_type" in value:
                old = into[key] = {}
            _merge(old, value, skip_null=skip_null)
        else:
            into[key] = value


# --- text lines -------------------------------------------------------------------------------------

_LINE = JsonFormatter("%(ts)s %(content)s")


def text_lines(event: Mapping[str, Any], *, structured: bool) -> list[str]:
    """The output.log lines of a text event: plain, or JSON as the server asked for (protocol 4.6).

    Without a formatter of the user's the text reads like `logging.basicConfig`'s: LEVEL:logger:message.
    """
    level = event.get("level")
    text = event["text"]
    if event.get("logger") is not None:
        text = f"{level}:{event['logger']}:{text}"
    error = level in ERROR_LEVELS or event.get("error") is True
    stamp = datetime.fromtimestamp(event["t"], timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
    make = _structured_line if structured else _plain_line
    # splitlines() would also split at form feeds and Unicode separators, which the page shows inside a line.
    return [make(stamp, part[:MAX_LINE_CHARS], error=error) for part in text.replace("\r\n", "\n").split("\n")]


def _plain_line(stamp: str, content: str, *, error: bool) -> str:
    line = f"{stamp} {content}"
    return f"ERROR {line}" if error else line


def _structured_line(stamp: str, content: str, *, error: bool) -> str:
    fields = {"ts": stamp, "content": content}
    if error:
        fields["level"] = "error"  # the official client gives a level for stderr only
    return _LINE.format(logging.makeLogRecord(fields))
