"""The fold with Python values in place of lines, for readers: rows as mappings, text with level and step. Pure.

The fold makes lines, because the server takes lines. Leaving rows as values takes half the time. Steps, merging and
everything else are done by the fold itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._events.event import ALONE, YEAR_10000
from wandb_logging._fold.fold import _Folding, _slowly
from wandb_logging._fold.labelled import mark_of
from wandb_logging._fold.rows import Rows
from wandb_logging._fold.state import RESERVED, Rules, State
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
class Told:
    """The values that some events give.

    Attributes:
        rows: new rows in order, each with `_step`, `_timestamp`, `_runtime`.
        texts: by number: new lines of text, and older ones that have changed.
        samples: new samples of the system, named `system.cpu` and so on, with `_timestamp`, `_runtime`.
        tasks: files, artifacts and alerts.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[int, Text] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)


def tell(rules: Rules, state: State, bodies: Iterable[bytes]) -> tuple[State, Told]:
    """The state after some events, and the values that they give. Changes neither argument.

    The summary of the state holds only what was set by hand.
    """
    teller = _Teller(rules, state)
    teller.take(bodies)
    teller.texts.save()
    teller.mined.save()
    return teller.state, teller.told()


def end(rules: Rules, state: State) -> tuple[State, Told]:
    """As `tell`, for the end: the open row is closed."""
    teller = _Teller(rules, state)
    teller.apart.flush()
    teller.rows.close()
    return teller.state, teller.told()


def mark(state: State) -> State:
    """A state from which to read on, without its growing parts, for an index with many of them."""
    return replace(state, summary={}, aggregates={}, config={}, run={}, alerts={})


class _Rows(Rows):
    """Rows as values."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.values: list[dict[str, Any]] = []

    def put(self, row: dict[str, Any], time: float, runtime: float) -> None:
        state = self._work.state
        if state.metrics:
            self._definitions.found(row)
        row["_step"] = state.step
        row.setdefault("_timestamp", time)
        row["_runtime"] = runtime
        self.values.append(row)
        state.rows += 1


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


class _Teller(_Folding):
    """A fold whose rows and text stay values."""

    rows: _Rows
    texts: _Texts
    rows_kind = _Rows
    texts_kind = _Texts

    def told(self) -> Told:
        return Told(self.rows.values, self.texts.values, [*map(_sample, self.delta.samples)], self.delta.tasks)

    def take(self, bodies: Iterable[bytes]) -> None:
        """Take events, in order. As in the fold, nearly all are rows that depend on nothing else."""
        state, add, base = self.state, self.rows.values.append, self.rules.base_runtime
        alone, begin, step, runtime = self._alone, self.rules.start + state.paused, state.step, state.runtime
        for body in bodies:
            try:
                event = fast_loads(body)
            except (TypeError, ValueError):
                event = _slowly(body)
            if (
                alone
                and type(event) is dict
                and type(row := event.get("metrics")) is dict
                and type(time := event.get("t")) is float
                and begin < time < YEAR_10000
                and (len(event) == 2 or ALONE.issuperset(event))
                and row.keys().isdisjoint(RESERVED)
            ):
                row["_step"], row["_timestamp"] = step, time
                row["_runtime"] = runtime = int((time - begin) * 1e6 + 0.5) / 1e6 + base
                add(row)
                step += 1
                if len(event) > 2:
                    self._taken(step, runtime)
                    self.texts.take(event)
            else:
                self._taken(step, runtime)
                self._take(event, body)
                alone, begin, step, runtime = self._alone, self.rules.start + state.paused, state.step, state.runtime
        self._taken(step, runtime)

    @property
    def _alone(self) -> bool:
        return self.state.open is None and not self.state.metrics

    def _taken(self, step: int, runtime: float) -> None:
        """Have the state say what was taken: a row for each step."""
        state = self.state
        taken = step - state.step
        state.step = step
        state.rows += taken
        state.events += taken
        state.runtime = runtime


def _sample(line: str) -> dict[str, Any]:
    return {key: value for key, value in loads(line).items() if key != "_wandb"}
