"""The fold with Python values in place of lines, for readers: rows as mappings, text with level and step. Pure.

The fold makes lines, because the server takes lines. Leaving rows as values, their clock beside them, takes a third
of the time. Steps, merging and everything else are done by the fold itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from itertools import repeat
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._events.event import ALONE, YEAR_10000
from wandb_logging._fold.fold import Folding, value_of
from wandb_logging._fold.labelled import mark_of
from wandb_logging._fold.mined import note_logged
from wandb_logging._fold.rows import Rows
from wandb_logging._fold.state import RESERVED, Rules, State, without_ours
from wandb_logging._fold.text import Texts, is_error
from wandb_logging._values.plain import fast_loads, loads


@dataclass(frozen=True)
class Text:
    """A line of text of a run.

    Attributes:
        time: seconds since 1970.
        step: of the row under construction then.
        level: "INFO" and so on; "stdout" or "stderr" of what was captured there.
        logger: its name, or "".
        error: whether it is an error's, or stderr's.
        text: without level and logger.
    """

    time: float
    step: int
    level: str
    logger: str
    error: bool
    text: str


@dataclass
class History:
    """Rows in order. The clock of each stands beside it: to put it into the row would take as long as to read the row.

    Attributes:
        metrics: of each row. One that was logged with a `_timestamp` of its own has it here, too.
        steps, times, runtimes: of each row, its `_step`, `_timestamp` and `_runtime`.
    """

    metrics: list[dict[str, Any]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    runtimes: list[float] = field(default_factory=list)

    @property
    def clock(self) -> dict[str, list[Any]]:
        """The columns that are no metrics."""
        return {"_step": self.steps, "_timestamp": self.times, "_runtime": self.runtimes}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The whole rows: metrics and clock."""
        return [
            {**row, "_step": step, "_timestamp": time, "_runtime": runtime}
            for row, step, time, runtime in zip(self.metrics, self.steps, self.times, self.runtimes)
        ]


@dataclass
class Told:
    """The values that some events give.

    Attributes:
        history: new rows.
        texts: by number: new lines of text, and older ones that have changed.
        samples: new samples of the system, named `system.cpu` and so on, with `_timestamp`, `_runtime`.
        tasks: files, artifacts and alerts.
    """

    history: History = field(default_factory=History)
    texts: dict[int, Text] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The new rows, each with `_step`, `_timestamp`, `_runtime`."""
        return self.history.rows


def tell(rules: Rules, state: State, bodies: Iterable[bytes]) -> tuple[State, Told]:
    """The state after some events, and the values that they give. Changes neither argument.

    The summary of the state holds only what was set by hand.
    """
    teller = _Teller(rules, state)
    teller.take(bodies)
    teller.texts.save()
    teller.mined.save()
    return teller.state, teller.told()


def so_far(rules: Rules, state: State) -> Told:
    """The rows that are not complete, as they would be if the run ended now."""
    teller = _Teller(rules, state)
    teller.apart.flush()
    teller.rows.close()
    return teller.told()


def finish(rules: Rules, state: State) -> Told:
    """The values that come last, at the end of the run: the open row is closed."""
    teller = _Teller(rules, state)
    teller.finish()
    return teller.told()


def mark(state: State) -> State:
    """A state from which to read on, without its growing parts, for an index with many of them."""
    return replace(state, summary={}, aggregates={}, config={}, run={}, alerts={})


class _Rows(Rows):
    """Rows as values."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.history = History()

    def put(self, row: dict[str, Any], time: float, runtime: float) -> None:
        state = self._work.state
        if state.metrics:
            self._definitions.found(row)
        history = self.history
        history.metrics.append(row)
        history.steps.append(state.step)
        history.times.append(row.get("_timestamp", time))
        history.runtimes.append(runtime)
        state.rows += 1
        note_logged(self._work, [row])


class _Texts(Texts):
    """Text as values."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.values: dict[int, Text] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        text, state = event.get("text"), self._work.state
        if type(text) is not str:
            return
        level, logger = str(event.get("level") or ""), str(event.get("logger") or "")
        for part in text.replace("\r\n", "\n").split("\n"):
            self.values[state.lines] = Text(event["t"], state.step, level, logger, is_error(event), part)
            state.lines += 1

    def take_output(self, text: str, time: float, *, error: bool, label: str = "") -> None:
        state, mark = self._work.state, mark_of(label)
        for number, line in self._screen(label).write(text, state.lines, time, error=error).items():
            level = "stderr" if line.error else "stdout"
            self.values[number] = Text(line.time, state.step, level, "", line.error, mark + line.text)
            state.lines = max(state.lines, number + 1)


class _Teller(Folding):
    """A fold whose rows and text stay values."""

    rows: _Rows
    texts: _Texts
    rows_kind = _Rows
    texts_kind = _Texts

    def told(self) -> Told:
        return Told(self.rows.history, self.texts.values, [*map(sample_of, self.delta.samples)], self.delta.tasks)

    def take(self, bodies: Iterable[bytes]) -> None:
        """Take events, in order. As in the fold, nearly all are rows that depend on nothing else."""
        given, state, history = list(bodies), self.state, self.rows.history
        alone, begin, zero = self._alone, self.rules.start + state.paused, state.step - len(history.steps)
        events = _events(given)
        columns = _columns(events, begin) if alone else None
        if columns is not None:
            history.metrics += columns[0]
            history.times += columns[1]
            return self._settle_rows(zero)
        add, add_time = history.metrics.append, history.times.append
        for event, body in zip(events, given):
            if (
                alone
                and type(event) is dict
                and type(row := event.get("metrics")) is dict
                and type(time := event.get("t")) is float
                and begin < time < YEAR_10000
                and (len(event) == 2 or ALONE.issuperset(event))
                and row.keys().isdisjoint(RESERVED)
            ):
                add(row)
                add_time(time)
                if len(event) > 2:
                    state.step = zero + len(history.times)
                    self.texts.take(event)
            else:
                self._settle_rows(zero)
                self._take(event, body)
                alone, begin, zero = self._alone, self.rules.start + state.paused, state.step - len(history.steps)
        return self._settle_rows(zero)

    @property
    def _alone(self) -> bool:
        return self.state.open is None and not self.state.metrics

    def _settle_rows(self, zero: int) -> None:
        """Give the rows that were taken as they are their steps and runtimes, and have the state say so.

        Args:
            zero: the step that a row at the beginning of the history would have.
        """
        state, history, base = self.state, self.rows.history, self.rules.base_runtime
        first, begin = len(history.steps), self.rules.start + state.paused
        taken = len(history.times) - first
        if taken:
            state.step = zero + len(history.times)
            history.steps += range(zero + first, state.step)
            history.runtimes += [int((time - begin) * 1e6 + 0.5) / 1e6 + base for time in history.times[first:]]
            state.rows += taken
            state.events += taken
            state.runtime = history.runtimes[-1]
            if self.mined.names:
                for row in history.metrics[first:]:
                    self.mined.leave(row)
            note_logged(self.work, history.metrics[first:])


def _events(bodies: Sequence[bytes]) -> list[Any]:
    """The values of events' bytes; None for those that are no JSON."""
    try:
        return [*map(fast_loads, bodies)]
    except (TypeError, ValueError):  # one is none, or there is no such function
        return [*map(_event, bodies)]


def _event(body: bytes) -> Any:
    try:
        return fast_loads(body)
    except (TypeError, ValueError):
        return value_of(body)


def _columns(events: Sequence[Any], begin: float) -> tuple[list[Any], list[Any]] | None:
    """Rows and times of events that hold nothing else, in half the time of a look at each; None if one is different."""
    try:
        rows, times = [event["metrics"] for event in events], [event["t"] for event in events]
    except (KeyError, TypeError, IndexError):
        return None
    alike = (
        {2}.issuperset(map(len, events))
        and {dict}.issuperset(map(type, rows))
        and {float}.issuperset(map(type, times))
        and begin < min(times, default=YEAR_10000)
        and max(times, default=0.0) < YEAR_10000
        and all(map(_names_disjoint, map(dict.keys, rows), repeat(RESERVED)))
    )
    return (rows, times) if alike else None


_names_disjoint: Any = type({}.keys()).isdisjoint


def sample_of(line: str) -> dict[str, Any]:
    """The sample of a line of system metrics."""
    return without_ours(loads(line))
