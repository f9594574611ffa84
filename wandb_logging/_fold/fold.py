"""From journal events to what the server gets: rows, text lines, summary, config. Pure: no I/O, no clock.

`fold(rules, state, bodies)` gives the next state and what came out. The same journal always folds to the same lines
at the same offsets, however it is cut into pieces; that is why sending a batch again is harmless. The rules of
steps, summary and text are those of the official SDK (protocol 4.6, 5.1 to 5.6) with one difference: a row whose
step is lower than the current one is not dropped (issue 3; `late_steps`).

Events, as `_records.snapshot` and `_run.run` write them; all have `t`, seconds since 1970:

    {"metrics": {...}, "step": n?, "commit": b?, "aside": {...}?}    a row, or part of one; "media" if it has some
    {"text": "...", "level": "INFO", "logger": "x"?}   text; both may stand in one event
    {"output": "...", "error": b?}                     what the program wrote to stdout or stderr (`_process.capture`)
    {"system": {...}}                                  a sample of system metrics (`_process.sampling`)
    {"artifact": {...}}  {"use_artifact": {...}}  {"alert": {...}}
    {"config": {...}}  {"summary": {...}}  {"define": {...}}  {"run": {...}}  {"file": {...}}  {"exit": code}
    {"resume": true}                                   the run goes on in its own directory

What is in a state is never changed but replaced, so that a copy of it need not be a deep one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from wandb_logging._events import metrics as _metrics
from wandb_logging._events.alerts import due, waits_after
from wandb_logging._events.media_names import fill_steps
from wandb_logging._fold.terminal import MAX_LINE_CHARS, Line, Screen
from wandb_logging._values.plain import dumps, dumps_without_null, fast_dumps, fast_loads, loads

if TYPE_CHECKING:
    from pythonjsonlogger.json import JsonFormatter

MAX_ROW_BYTES = 10_383_360  # 10 MiB - 100 KiB, "imposed by the back-end" (protocol 4.4)
TASKS = ("file", "artifact", "use_artifact", "alert")  # events that are work beside the streams
ERROR_LEVELS = frozenset({"ERROR", "CRITICAL", "FATAL"})
_RESERVED = frozenset({"_step", "_runtime", "_wandb", "_timestamp", ""})  # cannot be logged as metrics (protocol 5.1)
_PLAIN = frozenset({"metrics", "t", "text", "level", "logger", "error"})  # members of an event that depend on nothing
_ROW_AND_TEXT = _PLAIN | {"step", "commit"}
_OF_A_STEP = frozenset({"step", "commit", "media"})  # what makes a row depend on others, or on its step
_NUMBERS = frozenset({int, float})
_YEAR_10000 = 253_402_300_800  # seconds since 1970; from there on a time has no date


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
        shifted: its metrics that came from rows of lower steps.
        events: events folded so far.
        rows, lines, samples: history, output.log and events lines folded so far: the offsets of the next ones.
        summary: last value of each metric, and what was set by hand; `summary` gives it with aggregates.
        metrics: definitions of metrics, by name or glob.
        aggregates: what is kept of a metric's values by path; None for one whose summary was set by hand.
        steps: last number logged of each step metric.
        config: as it stands, without `_wandb`.
        run: changed name, notes, tags, group, job_type.
        runtime: seconds from the start to the last event.
        paused: seconds of them between an end and its resumption, which do not count.
        exit: exit code of the run; None while it has not ended.
        late: rows whose step was lower than the current one.
        set_aside: values and rows that cannot be sent.
        told: those of them that the logging program knows of, because it made the event without them.
        alerts: titles of alerts that went, and until when no other of that title goes.
        screen: what the program's terminal shows, as far as it can still change (`_fold.terminal`).
    """

    step: int = 0
    open: dict[str, Any] | None = None
    open_time: float = 0.0
    open_events: int = 0
    shifted: list[str] = field(default_factory=list)
    events: int = 0
    rows: int = 0
    lines: int = 0
    samples: int = 0
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: _metrics.Definitions = field(default_factory=dict)
    aggregates: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    runtime: float = 0.0
    paused: float = 0.0
    exit: int | None = None
    late: int = 0
    set_aside: int = 0
    told: int = 0
    alerts: dict[str, float] = field(default_factory=dict)
    screen: dict[str, Any] = field(default_factory=dict)


@dataclass
class Delta:
    """What some events came to.

    Attributes:
        rows: new history lines.
        lines: new output.log lines.
        samples: new lines of system metrics.
        edits: output.log lines from before that have another text now, by number.
        summary_changed, config_changed, run_changed: whether that part of the state changed.
        tasks: what is to be done beside the streams, in order: `{"kind": "file", "step": n, ...}` and so on
            (`_sending.tasks`).
        aside: what cannot be sent: (reason, value).
    """

    rows: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    edits: dict[int, str] = field(default_factory=dict)
    summary_changed: bool = False
    config_changed: bool = False
    run_changed: bool = False
    tasks: list[dict[str, Any]] = field(default_factory=list)
    aside: list[tuple[str, object]] = field(default_factory=list)


def first_state(info: Mapping[str, Any]) -> State:
    """The state before the first event of a run, from its run.json: its own settings, and what it took over."""
    metrics: _metrics.Definitions = {}
    for given in info.get("define_metrics") or ():
        metrics = _metrics.defined(metrics, given)
    before = info.get("server") or {}
    config = {**before.get("config", {}), **(info.get("config") or {})}
    step = before.get("step", 0)
    branch = info.get("branch_point")
    if branch is not None:  # forked or taken back (protocol 3.6)
        config["_wandb"] = {**config.get("_wandb", {}), "branch_point": branch}
        step = step or branch["step"] + 1
    return State(
        step=step,
        summary={key: value for key, value in before.get("summary", {}).items() if key != "_wandb"},
        config=config,
        metrics=metrics,
        runtime=before.get("runtime", 0.0),
    )


def rules_of(info: Mapping[str, Any], *, structured: bool = False) -> Rules:
    """The rules for a run's events, from its run.json."""
    return Rules(
        start=float(info["start"]),
        late_steps=info.get("late_steps", "shift"),
        late_step_metric=info.get("late_step_metric", "step"),
        structured=structured,
        base_runtime=(info.get("server") or {}).get("runtime", 0.0),
    )


def fold(rules: Rules, state: State, bodies: Iterable[bytes]) -> tuple[State, Delta]:
    """The state after some events, and what they came to. Changes neither argument."""
    folder = _Folder(rules, state)
    folder.take(bodies)
    folder.save_screen()
    return folder.state, folder.delta


def finish(rules: Rules, state: State) -> tuple[State, Delta]:
    """The state and delta of ending: the row under construction is closed. Changes neither argument."""
    folder = _Folder(rules, state)
    folder.close_row()
    return folder.state, folder.delta


def summary(state: State) -> dict[str, Any]:
    """The summary as it stands: the last value of each metric, or its aggregates if some are defined (protocol 5.5)."""
    tree = state.summary
    for path, kept in state.aggregates.items():
        last = _metrics.find(tree, path)
        definition = _metrics.definition_of(state.metrics, path)
        # Not what was set by hand, nor what a mapping of metrics has replaced.
        if kept is None or definition is None or last is None or (isinstance(last, dict) and "_type" not in last):
            continue
        wanted = definition["summary"]
        shown = {} if "none" in wanted else _metrics.shown(kept, wanted)
        tree = _metrics.put(tree, _metrics.keys_of(path), shown or ...)
    return tree


def summary_line(state: State) -> str:
    """The summary as the server keeps it: one line, complete (protocol 5.5); too large a one without what is largest.

    What is left out is in the rows all the same, and in `summary`.
    """
    tree = {**summary(state), "_wandb": {"runtime": int(state.runtime)}}
    line = dumps(tree)
    if len(line) > MAX_ROW_BYTES:
        sizes = {key: len(dumps(value)) for key, value in tree.items()}
        for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
            del tree[key]
            line = dumps(tree)
            if len(line) <= MAX_ROW_BYTES:
                break
    return line.decode()


class _Folder:
    """Folds one event after the other into its state and delta."""

    def __init__(self, rules: Rules, state: State) -> None:
        self.rules = rules
        self.state = copy.copy(state)
        # The only dict that is changed in place, once a row: its values are not.
        self.state.summary = dict(state.summary)
        self.delta = Delta()
        self._screen: Screen | None = None
        self._media: object = None  # of the event being taken, until its step is known
        self._definitions: dict[str, dict[str, Any] | None] = {}  # by path, looked up once

    def take(self, bodies: Iterable[bytes]) -> None:
        """Take events, in order.

        Nearly all are rows that depend on nothing else. Most of the time that sending takes goes into the loop for
        them, so it is over local names, and tells the state only where something else comes.
        """
        state, add = self.state, self.delta.rows.append
        start, base = self.rules.start, self.rules.base_runtime
        taken, runtime = 0, state.runtime
        last: dict[str, Any] = {}
        names: list[str] = []
        step, paused, alone = state.step, state.paused, self._rows_stand_alone
        for body in bodies:
            try:
                event = fast_loads(body)
            except (TypeError, ValueError):  # there is no orjson, or NaN is in it, or it is no JSON
                event = _slowly(body)
            if (
                alone
                and type(event) is dict
                and type(row := event.get("metrics")) is dict
                and type(time := event.get("t")) is float
                and start + paused < time < _YEAR_10000
                and (len(event) == 2 or _PLAIN.issuperset(event))
                and row.keys().isdisjoint(_RESERVED)
            ):
                row["_step"] = step + taken
                row["_timestamp"] = time
                row["_runtime"] = ran = int((time - start - paused) * 1e6 + 0.5) / 1e6 + base
                try:
                    line = fast_dumps(row)
                except TypeError:
                    line = b""
                if 0 < len(line) <= MAX_ROW_BYTES and line.rfind(b"null") < 0:  # which may stand for NaN
                    add(line.decode())
                    if line.rfind(b"{") > 0:  # not flat
                        state.summary = _merged({**state.summary, **last}, row, skip_null=True)
                        last, names = {}, []
                    else:
                        if list(row) != names:  # else the last one's values stand for all before it
                            state.summary.update(last)
                            names = list(row)
                        last = row
                    runtime = ran
                    taken += 1
                    if len(event) > 2:
                        self._text(event)
                    continue
                del row["_step"], row["_timestamp"], row["_runtime"]
            self._settle(taken, runtime, last)
            self._take(event, body)
            taken, runtime, last, names = 0, state.runtime, {}, []
            step, paused, alone = state.step, state.paused, self._rows_stand_alone
        self._settle(taken, runtime, last)

    @property
    def _rows_stand_alone(self) -> bool:
        return self.state.open is None and not self.state.metrics

    def _settle(self, taken: int, runtime: float, last: dict[str, Any]) -> None:
        """Have the state say what was taken: so many rows, and the last of them."""
        state = self.state
        state.step += taken
        state.rows += taken
        state.events += taken
        state.runtime = runtime
        state.summary.update(last)
        self.delta.summary_changed |= taken > 0

    def _take(self, event: Any, body: bytes) -> None:
        state = self.state
        state.events += 1
        if type(event) is not dict:
            self._aside("not an event", body.decode("utf-8", "replace"))
            return
        time: Any = event.get("t")
        if type(time) not in _NUMBERS or not 0 <= time < _YEAR_10000:
            self._aside("t is no time", {"t": time})
            time = event["t"] = self.rules.start + state.paused + max(0.0, state.runtime - self.rules.base_runtime)
        if "resume" in event:
            self._resume(time)
        state.runtime = self._runtime(time)
        metrics = event.get("metrics")
        if type(metrics) is dict:
            if state.open is None and _OF_A_STEP.isdisjoint(event) and _RESERVED.isdisjoint(metrics):
                self._put_row(metrics, time, state.runtime)  # complete, and of the current step
                state.step += 1
            else:
                self._media = event.get("media")
                self._row(metrics, event.get("step"), event.get("commit"), time)
        self._text(event)
        if not _ROW_AND_TEXT.issuperset(event):
            self._rest(event, time)

    def _text(self, event: dict[str, Any]) -> None:
        if type(event.get("text")) is str:
            lines = text_lines(event, structured=self.rules.structured)
            self.delta.lines += lines
            self.state.lines += len(lines)

    def _rest(self, event: dict[str, Any], time: float) -> None:
        if type(event.get("output")) is str:
            self._output(event["output"], time, error=event.get("error") is True)
        if type(event.get("system")) is dict:
            self._sample(event["system"], time)
        self._changes(event)

    # --- text (protocol 4.6) ---

    def _output(self, text: str, time: float, *, error: bool) -> None:
        state = self.state
        if self._screen is None:
            self._screen = Screen(state.screen)
        for number, line in self._screen.write(text, state.lines, time, error=error).items():
            shown = output_line(line, structured=self.rules.structured)
            at = number - state.lines + len(self.delta.lines)  # place among the new lines
            if at < 0:
                self.delta.edits[number] = shown
            elif number < state.lines:
                self.delta.lines[at] = shown
            else:
                self.delta.lines.append(shown)
                state.lines += 1

    # --- system metrics (protocol 11) ---

    def _sample(self, metrics: dict[str, Any], time: float) -> None:
        named = {f"system.{name}": value for name, value in metrics.items()}
        line = dumps({"_wandb": True, **named, "_timestamp": time, "_runtime": self._runtime(time)})
        self.delta.samples.append(line.decode())
        self.state.samples += 1

    def save_screen(self) -> None:
        if self._screen is not None:
            self.state.screen = self._screen.saved

    def _runtime(self, time: float) -> float:
        """Seconds since the start, in microseconds: more digits would only make longer rows."""
        elapsed = time - self.rules.start - self.state.paused
        return (int(elapsed * 1e6 + 0.5) / 1e6 if elapsed > 0 else 0.0) + self.rules.base_runtime

    def _resume(self, time: float) -> None:
        """Go on with a run that had ended: how it ended does not hold any more, and the time between does not count."""
        state = self.state
        self._end_row()
        state.exit = None
        elapsed = state.runtime - self.rules.base_runtime
        state.paused = max(0.0, time - self.rules.start - max(0.0, elapsed))

    # --- rows (protocol 5.2) ---

    def _row(self, metrics: dict[str, Any], step: object, commit: object, time: float) -> None:
        state = self.state
        if not _RESERVED.isdisjoint(metrics):
            self._without_reserved(metrics)
        if type(step) is not int:
            if not metrics.keys().isdisjoint(state.shifted):
                self._next_row()
            self._join(metrics, time)
            if commit is not False:
                self._next_row()
            return
        if step > state.step:
            self.close_row()
            state.step = step
        # Lower than the current step, or where a lower one has taken its place.
        if step < state.step or not metrics.keys().isdisjoint(state.shifted):
            if not self._late_row(metrics, step, time):
                return
        else:
            self._join(metrics, time)
        if commit is True:
            self._next_row()

    def _without_reserved(self, metrics: dict[str, Any]) -> None:
        for key in sorted(_RESERVED & metrics.keys()):
            if key != "_timestamp" or type(metrics[key]) not in _NUMBERS:
                reason = f"{key} is set by the client" if key else "a metric needs a name"
                self._aside(reason, {key: metrics.pop(key)})

    def _late_row(self, metrics: dict[str, Any], step: int, time: float) -> bool:
        """Take a row of a lower step as `late_steps` says; whether it is in."""
        state = self.state
        state.late += 1
        if self.rules.late_steps != "shift":
            how = f"late_steps: {self.rules.late_steps}"
            reason = f"step {step} is lower than the current step {state.step} ({how})"
            self._aside(reason, {"metrics": metrics, "step": step})
            return False
        late = {self.rules.late_step_metric: step, **metrics}
        # It may share a row with what is there only where it overwrites nothing.
        if state.open and not state.open.keys().isdisjoint(late):
            self._next_row()
        self._join(late, time)
        state.shifted = [*state.shifted, *late]
        return True

    def _join(self, metrics: dict[str, Any], time: float) -> None:
        state = self.state
        metrics = self._with_media(metrics)
        state.open = metrics if state.open is None else _merged(state.open, metrics)
        state.open_time = time
        state.open_events += 1

    def _with_media(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """The metrics with the step in the names of their media files, which are to be uploaded under them."""
        if self._media:
            metrics, tasks = fill_steps(metrics, self._media, self.state.step)
            self.delta.tasks += tasks
        return metrics

    def _end_row(self) -> None:
        """Give out the row under construction: nothing is added to it any more, whatever comes later."""
        if self.state.open is not None:
            self._next_row()

    def _next_row(self) -> None:
        self.close_row()
        self.state.step += 1

    def close_row(self) -> None:
        """Give out the row under construction, if there is one. The step stays."""
        state = self.state
        if state.open is not None:
            metrics, state.open = state.open, None
            state.open_events = 0
            state.shifted = []
            self._put_row(dict(metrics), state.open_time, self._runtime(state.open_time))

    def _put_row(self, row: dict[str, Any], time: float, runtime: float) -> None:
        """Give out a row of these metrics at the current step."""
        state = self.state
        defined = self._defined(row) if state.metrics else None
        row["_step"] = state.step
        if "_timestamp" not in row:
            row["_timestamp"] = time
        row["_runtime"] = runtime
        line = dumps_without_null(row)
        flat = line is not None and line.rfind(b"{") == 0
        if line is None:
            line = dumps(row)
        if len(line) > MAX_ROW_BYTES:
            row, line = self._shrink(row, len(line))
        self.delta.rows.append(line.decode())
        state.rows += 1
        if defined:
            self._aggregate(defined)
        if flat:
            state.summary.update(row)
        else:
            state.summary = _merged(state.summary, row, skip_null=True)
        self.delta.summary_changed = True

    def _shrink(self, row: dict[str, Any], size: int) -> tuple[dict[str, Any], bytes]:
        """The row without its largest values, so many that the server takes it (protocol 4.4)."""
        sizes = {key: len(dumps(value)) for key, value in row.items() if key not in _RESERVED}
        for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
            if size <= MAX_ROW_BYTES:
                break
            size -= sizes[key] + len(dumps(key)) + 2
            self._aside(f"{key}: {sizes[key]} bytes make the row too large for the server", {key: row.pop(key)})
        return row, dumps(row)

    # --- definitions of metrics (protocol 5.5, 5.6) ---

    def _defined(self, row: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
        """Path, value and definition of the row's metrics that have one, after the row got its step metrics."""
        found = [(path, value, self._definition(path)) for path, value in _metrics.leaves(row)]
        present = {path: value for path, value, _ in found}
        for step in {definition["step_metric"] for _, _, definition in found if definition and definition["step_sync"]}:
            if step and step not in present and step not in _RESERVED:
                present[step] = self.state.steps.get(step, 0)
                row.update(_metrics.put(row, _metrics.keys_of(step), present[step]))
                found.append((step, present[step], self._definition(step)))
        self._note_steps(present)
        return [(path, value, definition) for path, value, definition in found if definition]

    def _definition(self, path: str) -> dict[str, Any] | None:
        if path not in self._definitions:
            self._definitions[path] = _metrics.definition_of(self.state.metrics, path)
        return self._definitions[path]

    def _note_steps(self, present: Mapping[str, Any]) -> None:
        state = self.state
        names = present.keys() & {definition["step_metric"] for definition in state.metrics.values()}
        numbers = {name: present[name] for name in names if type(present[name]) in _NUMBERS}
        if numbers:
            state.steps = {**state.steps, **numbers}

    def _aggregate(self, defined: list[tuple[str, Any, dict[str, Any]]]) -> None:
        state = self.state
        aggregates = dict(state.aggregates)
        for path, value, definition in defined:
            if not definition["summary"]:
                continue
            if path not in aggregates:
                # What was logged before the definition counts with its last value.
                last = _metrics.find(state.summary, path)
                aggregates[path] = None if last is None or isinstance(last, dict) else _metrics.aggregate(None, last)
            elif aggregates[path] is None:
                continue
            aggregates[path] = _metrics.aggregate(aggregates[path], value)
        state.aggregates = aggregates

    # --- everything else ---

    def _changes(self, event: dict[str, Any]) -> None:
        state, delta = self.state, self.delta
        if isinstance(event.get("config"), dict):
            given = event["config"]
            if isinstance(given.get("_wandb"), dict):  # names of classes: ours, beside others of ours
                given = {**given, "_wandb": _merged(state.config.get("_wandb", {}), given["_wandb"])}
            state.config = {**state.config, **given}
            delta.config_changed = True
        if isinstance(event.get("summary"), dict):
            self._set_summary(event["summary"])
        if "define" in event:
            self._define(event["define"])
        self._set_run(event.get("run"))
        for kind in TASKS:
            if isinstance(event.get(kind), dict):
                self._task(kind, event[kind], event["t"])
        if isinstance(event.get("aside"), dict):
            for name, reason in event["aside"].items():
                self._aside(f"{name}: {reason}", None)
                state.told += 1
        if isinstance(event.get("exit"), int):
            state.summary["_runtime"] = int(state.runtime)  # whole seconds, as the official SDK; an open row has more
            self._end_row()
            state.exit = event["exit"]
            delta.summary_changed = True

    def _define(self, given: Any) -> None:
        if not _metrics.is_definition(given):
            self._aside("not a definition of a metric", given)
            return
        self.state.metrics = _metrics.defined(self.state.metrics, given)
        self._definitions.clear()
        self.delta.config_changed = self.delta.summary_changed = True

    def _set_run(self, given: object) -> None:
        if not isinstance(given, dict):
            return
        for key, value in given.items():
            texts = value if key == "tags" else [value or ""]
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                self._aside(f"{key} of the run cannot be this", value)
            else:
                self.state.run = {**self.state.run, key: value}
        self.delta.run_changed = True

    def _set_summary(self, given: Mapping[str, Any]) -> None:
        """What is set by hand replaces the value and drops its aggregates; null takes it away (protocol 5.5)."""
        state = self.state
        aggregates = dict(state.aggregates)
        for key, value in given.items():
            path = key.replace(".", "\\.")
            for known in [path, *(known for known in aggregates if known.startswith(f"{path}."))]:
                aggregates[known] = None
            if value is None:
                state.summary.pop(key, None)
                del aggregates[path]
            else:
                state.summary[key] = value
        state.aggregates = aggregates
        self.delta.summary_changed = True

    def _task(self, kind: str, what: dict[str, Any], time: float) -> None:
        state = self.state
        if kind == "alert":
            if not due(state.alerts, what, time):
                return
            state.alerts = waits_after(state.alerts, what, time)
        self.delta.tasks.append({"kind": kind, "step": state.step, **what})

    def _aside(self, reason: str, what: object) -> None:
        self.delta.aside.append((reason, what))
        self.state.set_aside += 1


def _slowly(body: bytes) -> Any:
    """The value of an event's bytes; None if they are no JSON."""
    try:
        return loads(body)
    except ValueError:
        return None


def _merged(old: Mapping[str, Any], new: Mapping[str, Any], *, skip_null: bool = False) -> dict[str, Any]:
    """Nested dicts merge, anything else replaces; a null is left out of a summary (protocol 5.2, 5.4)."""
    result = dict(old)
    for key, value in new.items():
        if isinstance(value, dict):
            before = result.get(key)
            # A media value is one value, though it is written as an object.
            into = before if isinstance(before, dict) and "_type" not in value else {}
            merged = _merged(into, value, skip_null=skip_null)
            if merged or not skip_null:
                result[key] = merged
        elif value is not None or not skip_null:
            result[key] = value
    return result


# --- text lines -------------------------------------------------------------------------------------


def _json_line(fields: Mapping[str, Any], **_: object) -> str:
    return dumps(fields).decode()


@cache
def _line_formatter() -> JsonFormatter:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415  of use only where the server takes such lines

    return JsonFormatter("%(ts)s %(content)s", json_serializer=_json_line)


def text_lines(event: Mapping[str, Any], *, structured: bool) -> list[str]:
    """The output.log lines of a text event: plain, or JSON as the server asked for (protocol 4.6).

    Without a formatter of the user's the text reads like `logging.basicConfig`'s: LEVEL:logger:message.
    """
    level = event.get("level")
    text = event["text"]
    if event.get("logger") is not None:
        text = f"{level}:{event['logger']}:{text}"
    error = event.get("error") is True or (type(level) is str and level in ERROR_LEVELS)
    stamp = _stamp(event["t"])
    make = _structured_line if structured else _plain_line
    # splitlines() would also split at form feeds and Unicode separators, which the page shows inside a line.
    return [make(stamp, part[:MAX_LINE_CHARS], error=error) for part in text.replace("\r\n", "\n").split("\n")]


def output_line(line: Line, *, structured: bool) -> str:
    """The output.log line that shows a terminal's."""
    make = _structured_line if structured else _plain_line
    return make(_stamp(line.time), line.text, error=line.error)


def _stamp(time: float) -> str:
    """The UTC time of a line: 2026-01-02T03:04:05.123456."""
    seconds, micros = divmod(round(time * 1e6), 1_000_000)
    return f"{_second(seconds)}.{micros:06d}"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    # Lines come many a second, and this is most of the work of one.
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def _plain_line(stamp: str, content: str, *, error: bool) -> str:
    return f"ERROR {stamp} {content}" if error else f"{stamp} {content}"


def _structured_line(stamp: str, content: str, *, error: bool) -> str:
    fields = {"ts": stamp, "content": content}
    if error:
        fields["level"] = "error"  # the official client gives a level for stderr only
    return _line_formatter().serialize_log_record(fields)
