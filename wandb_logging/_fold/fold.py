"""Turns journal events into what the server gets: rows, text lines, summary, config. Pure: no I/O, no clock.

`fold(rules, state, bodies)` gives the next state and the new lines. The same journal always folds to the same lines
at the same offsets, however it is cut into pieces; that is why sending a batch again is harmless. The rules of
steps, summary and text are those of the official SDK (protocol 4.6, 5.1 to 5.6) with one difference: a row whose
step is lower than the current one is not dropped (`late_steps`).

What an event can say stands in `_events.event`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from wandb_logging._events.alerts import due, waits_after
from wandb_logging._events.event import ALONE, BULK, OF_A_STEP, ROW_AND_TEXT, YEAR_10000, Event, is_time, problems
from wandb_logging._fold.apart import Apart
from wandb_logging._fold.labelled import Labelled, marked
from wandb_logging._fold.mined import Mined, without_slow
from wandb_logging._fold.rows import Rows
from wandb_logging._fold.state import MAX_STEP, MAX_TEXT, RESERVED, Delta, Rules, State, Work, first_state, rules_of
from wandb_logging._fold.summary import Definitions, merged, summary, summary_line
from wandb_logging._fold.text import Texts
from wandb_logging._values.plain import dumps, fast_dumps, fast_loads, loads

# What callers of the fold need, from one place.
__all__ = [
    "Delta",
    "Rules",
    "State",
    "finish",
    "first_state",
    "fold",
    "rules_of",
    "summary",
    "summary_line",
    "without_slow",
]

_FAR_FROM_THE_END = MAX_STEP - 2**32  # more rows than are folded at once


def fold(rules: Rules, state: State, bodies: Iterable[bytes]) -> tuple[State, Delta]:
    """The state after some events, and the lines that they give. Changes neither argument."""
    folding = Folding(rules, state)
    folding.take(bodies)
    folding.texts.save()
    folding.mined.save()
    return folding.state, folding.delta


def finish(rules: Rules, state: State) -> tuple[State, Delta]:
    """The state after the end of the run, and the last lines: the open row is closed. Changes neither argument."""
    folding = Folding(rules, state)
    folding.finish()
    return folding.state, folding.delta


class Folding:
    """Folds one event after the other into its state and delta."""

    rows_kind: type[Rows] = Rows
    texts_kind: type[Texts] = Texts

    def __init__(self, rules: Rules, state: State) -> None:
        self.rules = rules
        self.state = copy.copy(state)
        # The only dict that is changed in place, once a row: its values are not.
        self.state.summary = dict(state.summary)
        self.work = Work(rules, self.state)
        self.delta = self.work.delta
        self.texts = self.texts_kind(self.work)
        self.definitions = Definitions(self.work)
        self.rows = self.rows_kind(self.work, self.definitions)
        self.labelled = Labelled(self.work, self.rows, self.definitions)
        self.mined = Mined(self.work, self.rows, self.labelled)
        self.apart = Apart(self.work, self.rows, self.labelled)

    def take(self, bodies: Iterable[bytes]) -> None:
        """Take events, in order.

        Nearly all are rows that depend on nothing else. Most of the time that sending takes goes into the loop for
        them, so it is over local names, and tells the state only where something else comes.
        """
        state, add = self.state, self.delta.rows.append
        start, base = self.rules.start, self.rules.base_runtime
        taken, runtime = 0, state.runtime
        last: dict[str, Any] = {}
        names: list[str] | None = None  # those of `last`
        take_text = self.texts.take
        step, paused, alone = state.step, state.paused, self._rows_stand_alone
        not_alone = self.mined.names or RESERVED
        for body in bodies:
            try:
                event = fast_loads(body)
            except (TypeError, ValueError):  # there is no orjson, or NaN is in it, or it is no JSON
                event = value_of(body)
            if (
                alone
                and type(event) is dict
                and type(row := event.get("metrics")) is dict
                and type(time := event.get("t")) is float
                and start + paused < time < YEAR_10000
                and len(body) <= MAX_TEXT
                and (len(event) == 2 or ALONE.issuperset(event))
                and ((same := (own := list(row)) == names) or row.keys().isdisjoint(not_alone))
            ):
                row["_step"] = step + taken
                row["_timestamp"] = time
                row["_runtime"] = ran = int((time - start - paused) * 1e6 + 0.5) / 1e6 + base
                try:
                    line = fast_dumps(row)
                except TypeError:
                    line = b"null"
                if line.rfind(b"null") < 0:  # which may stand for NaN
                    add(line.decode())
                    if line.rfind(b"{") > 0:  # not flat
                        state.summary = merged({**state.summary, **last}, row, skip_null=True)
                        last, names = {}, None
                    else:
                        if not same:  # else the last one's values stand for all before it
                            state.summary.update(last)
                            names = own
                        last = row
                    runtime = ran
                    taken += 1
                    if len(event) > 2:
                        take_text(event)
                    continue
                del row["_step"], row["_timestamp"], row["_runtime"]
            if taken:
                self._settle(taken, runtime, last)
                taken, last, names = 0, {}, None
            self._take(event, body)
            runtime, step, paused = state.runtime, state.step, state.paused
            not_alone = self.mined.names or RESERVED
            alone = state.open is None and self._rows_stand_alone
        self._settle(taken, runtime, last)

    def finish(self) -> None:
        """Close the open row, and what else was not complete: no more of it comes."""
        self.mined.finish(self.rules.start + self.state.paused + self.state.runtime - self.rules.base_runtime)
        self.mined.save()
        self.apart.flush()
        self.rows.close()

    @property
    def _rows_stand_alone(self) -> bool:
        return self.state.open is None and not self.state.metrics and self.state.step < _FAR_FROM_THE_END

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
        self.rows.has_long_text |= len(body) > MAX_TEXT
        if type(event) is not dict:
            self.work.set_aside("not an event", body.decode("utf-8", "replace"))
            return
        time: Any = event.get("t")
        if not is_time(time):
            self.work.set_aside("t is no time", {"t": time})
            time = event["t"] = self.rules.start + state.paused + max(0.0, state.runtime - self.rules.base_runtime)
        if "resume" in event:
            self._resume(time)
        state.runtime = self.work.runtime(time)
        metrics, label, said = event.get("metrics"), event.get("label"), event
        label = label if type(label) is str else None
        if label is not None:
            event = marked(event, label) if label else event
            if type(metrics) is dict:
                self.labelled.take(event, metrics, time, label)
        elif type(metrics) is dict and not ("step" in event and self.apart.takes(event, metrics, time)):
            if state.open is None and OF_A_STEP.isdisjoint(event) and RESERVED.isdisjoint(metrics):
                self.rows.put(metrics, time, state.runtime)  # complete, and of the current step
                state.step += 1
            else:
                self.rows.take(event, metrics, time)
        self.texts.take(event)
        if self.mined.wanted:
            self.mined.take(said, time, label)
            self._tell_of_mining(time)
        if not ROW_AND_TEXT.issuperset(event):
            self._rest(event, time, label)

    def _rest(self, event: dict[str, Any], time: float, label: str | None) -> None:
        if type(event.get("output")) is str:
            error = event.get("error") is True
            self.texts.take_output(event["output"], time, error=error, label=label or "")
            file = event.get("from")
            name = file if type(file) is str and file else "stderr" if error else "stdout"
            self.mined.take_output(event["output"], time, stream=name, label=label)
            self._tell_of_mining(time)
        if type(event.get("system")) is dict:
            self._sample(event["system"], time)
        if "aside" in event or not BULK.issuperset(event):
            for name, value in problems(event).items():
                self.work.set_aside(f"{name} cannot be this", value)
            self._changes(Event.from_json(event))

    def _sample(self, metrics: dict[str, Any], time: float) -> None:
        named = {f"system.{name}": value for name, value in metrics.items()}
        line = dumps({"_wandb": True, **named, "_timestamp": time, "_runtime": self.work.runtime(time)})
        self.delta.samples.append(line.decode())
        self.state.samples += 1

    def _resume(self, time: float) -> None:
        """Go on with a run that had ended: how it ended does not hold any more, and the time between does not count."""
        state = self.state
        self.apart.flush()
        self.rows.end()
        state.exit = None
        elapsed = state.runtime - self.rules.base_runtime
        state.paused = max(0.0, time - self.rules.start - max(0.0, elapsed))

    def _changes(self, event: Event) -> None:
        state, delta = self.state, self.delta
        if event.config is not None:
            self._set_config(event.config)
        if event.summary is not None:
            self.definitions.set_by_hand(dict(event.summary))
        if event.define is not None:
            self.definitions.define(event.define)
        if event.run is not None:
            self._set_run(event.run)
        for kind, what in event.tasks:
            self._task(kind, what, event.t)
        for name, reason in (event.aside or {}).items():
            self.work.set_aside(f"{name}: {reason}", None)
            state.told += 1
        if event.exit is not None:
            self._finish_mining(event.t)
            self.apart.flush()
            state.summary["_runtime"] = int(state.runtime)  # whole seconds, as the official SDK; an open row has more
            self.rows.end()
            state.exit = event.exit
            delta.summary_changed = True

    def _set_config(self, given: Mapping[str, Any]) -> None:
        if isinstance(given.get("_wandb"), dict):  # names of classes: ours, beside others of ours
            given = {**given, "_wandb": merged(self.state.config.get("_wandb", {}), given["_wandb"])}
        self.state.config = {**self.state.config, **given}

    def _finish_mining(self, time: float) -> None:
        """The rows of what was not complete; and a line for each rule that found nothing in the whole run."""
        self.mined.finish(time)
        self.mined.told += self.mined.complaints
        self._tell_of_mining(time)

    def _tell_of_mining(self, time: float) -> None:
        for told in self.mined.told:
            text = f"text_metrics: {told}"
            self.texts.take({"text": text, "level": "WARNING", "logger": "wandb_logging", "t": time})
            self.delta.told.append(text)
        self.mined.told.clear()

    def _set_run(self, given: Mapping[str, Any]) -> None:
        for key, value in given.items():
            texts = value if key == "tags" else [value or ""]
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                self.work.set_aside(f"{key} of the run cannot be this", value)
            else:
                self.state.run = {**self.state.run, key: value}

    def _task(self, kind: str, what: Mapping[str, Any], time: float) -> None:
        state = self.state
        if kind == "alert":
            if not due(state.alerts, what, time):
                return
            state.alerts = waits_after(state.alerts, what, time)
        self.delta.tasks.append({"step": state.step, **what, "kind": kind})


def value_of(body: bytes) -> Any:
    """The value of an event's bytes; None if they are no JSON."""
    try:
        return loads(body)
    except ValueError:
        return None
