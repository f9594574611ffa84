"""What events come to, as Python values: rows as mappings, text with level and step. For who looks; pure.

The fold writes rows as lines, for the server takes lines. Here they stay values, which takes half the time. Steps,
merging and everything else are the fold's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from wandb_logging._fold.fold import (
    _PLAIN,
    _RESERVED,
    _YEAR_10000,
    ERROR_LEVELS,
    Rules,
    State,
    _Folder,
    _slowly,
)
from wandb_logging._fold.terminal import Screen
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
    """What some events came to.

    Attributes:
        rows: new rows in order, each with `_step`, `_timestamp`, `_runtime`.
        texts: new lines of text by number, and older ones that are another now.
        samples: new samples of the system, named `system.cpu` and so on, with `_timestamp`, `_runtime`.
        tasks: files, artifacts and alerts.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[int, Text] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)


def tell(rules: Rules, state: State, bodies: Iterable[bytes]) -> tuple[State, Told]:
    """The state after some events, and what they came to. Changes neither argument.

    The summary of the state holds only what was set by hand.
    """
    teller = _Teller(rules, state)
    teller.take(bodies)
    teller.save_screen()
    return teller.state, teller.told()


def end(rules: Rules, state: State) -> tuple[State, Told]:
    """As `tell`, of ending: the row under construction is closed."""
    teller = _Teller(rules, state)
    teller.close_row()
    return teller.state, teller.told()


def mark(state: State) -> State:
    """A state to read on from, without what only grows: for an index with many of them."""
    return replace(state, summary={}, aggregates={}, config={}, run={}, alerts={}, screen={})


class _Teller(_Folder):
    """A fold whose rows stay values."""

    def __init__(self, rules: Rules, state: State) -> None:
        super().__init__(rules, state)
        self._rows: list[dict[str, Any]] = []
        self._texts: dict[int, Text] = {}

    def told(self) -> Told:
        return Told(self._rows, self._texts, [*map(_sample, self.delta.samples)], self.delta.tasks)

    def take(self, bodies: Iterable[bytes]) -> None:
        """Take events, in order. As in the fold, nearly all are rows that depend on nothing else."""
        state, add, start = self.state, self._rows.append, self.rules.start
        for body in bodies:
            try:
                event = fast_loads(body)
            except (TypeError, ValueError):
                event = _slowly(body)
            if (
                type(event) is dict
                and type(row := event.get("metrics")) is dict
                and type(time := event.get("t")) is float
                and state.open is None
                and not state.metrics
                and start + state.paused < time < _YEAR_10000
                and (len(event) == 2 or _PLAIN.issuperset(event))
                and row.keys().isdisjoint(_RESERVED)
            ):
                state.runtime = self._runtime(time)
                row["_step"], row["_timestamp"], row["_runtime"] = state.step, time, state.runtime
                add(row)
                state.step += 1
                state.rows += 1
                state.events += 1
                if len(event) > 2:
                    self._text(event)
            else:
                self._take(event, body)

    def _put_row(self, row: dict[str, Any], time: float, runtime: float) -> None:
        if self.state.metrics:
            self._defined(row)
        row["_step"] = self.state.step
        row.setdefault("_timestamp", time)
        row["_runtime"] = runtime
        self._rows.append(row)
        self.state.rows += 1

    def _text(self, event: dict[str, Any]) -> None:
        text, state = event.get("text"), self.state
        if type(text) is not str:
            return
        level, logger = str(event.get("level") or ""), str(event.get("logger") or "")
        error = event.get("error") is True or level in ERROR_LEVELS
        for part in text.replace("\r\n", "\n").split("\n"):
            self._texts[state.lines] = Text(event["t"], state.step, level, logger, error, part)
            state.lines += 1

    def _output(self, text: str, time: float, *, error: bool) -> None:
        state = self.state
        if self._screen is None:
            self._screen = Screen(state.screen)
        for number, line in self._screen.write(text, state.lines, time, error=error).items():
            level = "stderr" if line.error else "stdout"
            self._texts[number] = Text(line.time, state.step, level, "", line.error, line.text)
            state.lines = max(state.lines, number + 1)


def _sample(line: str) -> dict[str, Any]:
    return {key: value for key, value in loads(line).items() if key != "_wandb"}
