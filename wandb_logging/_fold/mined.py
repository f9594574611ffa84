"""Finds metrics in text lines (`_mining`), and adds them as rows to those that the program logs itself."""

from __future__ import annotations

import json
import logging
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wandb_logging._fold.labelled import Labelled, with_label
from wandb_logging._fold.origins import Origins
from wandb_logging._fold.rows import Rows
from wandb_logging._fold.state import RESERVED, Rules, State, Work
from wandb_logging._fold.summary import merged
from wandb_logging._mining import slowness
from wandb_logging._mining.lines import OF

if TYPE_CHECKING:
    from wandb_logging._mining.ruleset import Row, RuleSet


_NOTHING: frozenset[str] = frozenset()
_CAPTURED = ("stdout", "stderr")  # streams that are no files
_MOST_REPLACED = 0.8  # of the rows of a rule: a solver that is asked twice in each step is no reason to say so
_STAYS = ("begun", "step", "x")  # what of a stream does not depend on the rules: a line that is begun, the last step


def _on(rules: Sequence[Any]) -> list[Any]:
    """Rules, with none switched off."""
    return [{key: value for key, value in rule.items() if key != "off"} for rule in rules]


def _off(rules: Sequence[Any]) -> set[int]:
    return {number for number, rule in enumerate(rules) if rule.get("off")}


def import_rules() -> None:
    """Import what finds metrics in text: most runs have no rules, and its regular expressions take 30 ms.

    A thread beside the program has it imported before it folds a run with rules (`_run.prepare`, `_sending.recover`).
    It takes no lock of logging's.
    """
    from wandb_logging._mining import ruleset  # noqa: F401, PLC0415


def _plan(rules: Rules) -> list[tuple[int, Any]]:
    """The rules, each set with the number of the event from which on it holds."""
    return [(0, rules.text_rules), *rules.later_rules]


def _holding(plan: Sequence[tuple[int, Any]], since: int) -> Any:
    """The rules that hold since an event."""
    return next(rules for begin, rules in reversed(plan) if begin <= since)


def without_slow(rules: Rules, state: State) -> list[Any] | None:
    """The rules that hold now, with those switched off that the state says are slow; None if nothing changes."""
    counts = (state.mining.get("rules") or {}).get("slow")
    if not counts:
        return None
    given = _holding(_plan(rules), state.mining.get("since", 0))
    slow = set(slowness.too_slow(counts)) - _off(given)
    return slowness.without(given, slow) if slow else None


class Mined:
    """Takes the texts of events into rows, as the run's rules say. Without rules it does nothing.

    What the texts of a process with a label hold is as what it logs itself: under names with the label, and with steps
    of its own.
    """

    def __init__(self, work: Work, rows: Rows, labelled: Labelled) -> None:
        self._work = work
        self._rows = rows
        self._labelled = labelled
        self.wanted = bool(work.rules.text_rules or work.rules.later_rules)
        self._plan = _plan(work.rules)
        self._since: int = work.state.mining.get("since", 0)
        self._given = _holding(self._plan, self._since)
        self._set: RuleSet | None = None
        self._origins: Origins | None = None
        self.told: list[str] = []  # what is to be said in the run's text

    @property
    def _rules(self) -> RuleSet:
        if self._set is None:
            from wandb_logging._mining.ruleset import RuleSet  # noqa: PLC0415  see `import_rules`

            saved = json.loads(json.dumps(self._work.state.mining.get("rules") or {}))  # a copy, of all of it
            self._set = RuleSet(self._given, saved)
        return self._set

    def _follow_plan(self) -> None:
        """Go on with other rules, from the event on that they are for."""
        since, rules = max((one for one in self._plan if one[0] < self._work.state.events), key=lambda one: one[0])
        if since <= self._since:
            return
        self.save()
        before = self._work.state.mining.get("rules") or {}
        if _on(rules) == _on(self._given):  # only more of them are off: what the others remember stays
            kept: dict[str, Any] = before
            for number in sorted(_off(rules) - _off(self._given)):
                self.told.append(f"{self._rules.described(number)} took long again and again, and is off from here on")
        else:
            streams = before.get("streams", {})
            kept = {
                "streams": {name: {key: seen[key] for key in _STAYS if key in seen} for name, seen in streams.items()}
            }
        self._since, self._given, self._set = since, rules, None
        self._work.state.mining = {**self._work.state.mining, "since": since, "rules": kept}
        if "hits" not in kept:
            self._work.state.mining.pop("replaced", None)

    def take(self, event: Mapping[str, Any], time: float, label: str | None = None) -> None:
        """Mine the text of a record. One that came with metrics has said what there is."""
        self._follow_plan()
        metrics = event.get("metrics")
        if type(metrics) is dict:
            self.leave(metrics, label or "")
        if not self._given or "metrics" in event:
            return
        text = event.get("text")
        if type(text) is str:
            level = logging.getLevelName(str(event.get("level", "")))
            self._put(
                self._rules.feed_text(
                    text,
                    stream=_stream("log", label),
                    logger=str(event.get("logger") or event.get("from") or ""),
                    level=level if isinstance(level, int) else logging.ERROR if event.get("error") else 0,
                ),
                time,
                label,
            )

    def take_output(self, text: str, time: float, *, stream: str, label: str | None = None) -> None:
        """Mine what the program wrote to a stream: stdout, stderr or a file."""
        self._follow_plan()
        if self._given:
            found = self._rules.feed_output(text, stream=_stream(stream, label))
            if stream not in _CAPTURED:
                self._origins = self._origins or Origins(self._work.state.mining.get("origins", {}))
                told = self._origins.take(stream, found)
                self.told += [] if told is None else [told]
            self._put(found, time, label)

    def finish(self, time: float) -> None:
        """Mine what is not complete: no more of it comes."""
        if self._given and (self._set is not None or self._work.state.mining):  # else there was no text
            for stream in self._rules.streams:
                _, of_one, label = stream.partition(OF)
                self._put(self._rules.rest(stream), time, label if of_one else None)

    @property
    def complaints(self) -> list[str]:
        """What is to be said of rules at the end of the run: they found nothing, not their step, or too few steps."""
        if not self._given:
            return []
        rules = self._rules
        replaced = {int(number): rows for number, rows in self._work.state.mining.get("replaced", {}).items()}
        return [
            *(f"{rules.described(rule.number)} found nothing in this run" for rule in rules.unused),
            *(
                f"{rules.described(rule.number)} never found its step, {rule.given['step']!r}"
                for rule in rules.stepless
            ),
            *(
                f"{rules.described(number)} has no step of its own, and gave {rules.gave(number)} rows at "
                f"{rules.gave(number) - rows} steps of others: each step has the last"
                for number, rows in replaced.items()
                if rows > _MOST_REPLACED * rules.gave(number)
            ),
        ]

    def save(self) -> None:
        """Have the state say what the rules remember."""
        if self._set is not None:
            self._work.state.mining = {**self._work.state.mining, "rules": self._set.saved}
        if self._origins is not None:
            self._work.state.mining = {**self._work.state.mining, "origins": self._origins.saved}

    def _put(self, rows: Iterable[Row], time: float, label: str | None) -> None:
        for row in rows:
            metrics: dict[str, Any] = dict(row.metrics)
            event: dict[str, Any] = {}
            if self._is_axis(row):
                metrics.setdefault(row.x, row.step)
            elif row.step is not None and row.step >= 0:
                event["step"] = row.step
            metrics = self._without_logged(metrics, label or "")
            if row.held and "step" in event and label is None:
                self._note_replaced(row, metrics)
            if metrics and label is not None:
                self._labelled.take(event, metrics, time, label)
            elif metrics:
                self._rows.take(event, metrics, time)

    def _note_replaced(self, row: Row, metrics: Mapping[str, Any]) -> None:
        """Note that a row without a step of its own has a value that the step seen last has already."""
        state = self._work.state
        if state.open and row.step == state.step and not state.open.keys().isdisjoint(metrics):
            replaced = state.mining.get("replaced", {})
            key = str(row.rule)
            state.mining = {**state.mining, "replaced": {**replaced, key: replaced.get(key, 0) + 1}}

    def _is_axis(self, row: Row) -> bool:
        """Whether its step is a place on another x axis, as a simulation's time: then it is a metric like others."""
        state = self._work.state
        axes = state.mining.get("axes", [])
        if type(row.step) is float and row.x not in axes:
            axes = [*axes, row.x]
            state.mining = {**state.mining, "axes": axes}
        return row.step is not None and row.x in axes

    @property
    def names(self) -> frozenset[str]:
        """The names of metrics that were found in text and are nobody else's, with those that no row may have."""
        names = self._work.state.mining.get("names") if self.wanted else None
        return RESERVED.union(names) if names else _NOTHING

    def leave(self, metrics: Mapping[str, Any], label: str = "") -> None:
        """Leave the names of a row that the program logs to it from now on: its values are exact."""
        state = self._work.state
        ours = state.mining.get("names")
        if ours:
            theirs = {with_label(name, label) for name, value in metrics.items() if _stays(value)}
            if not theirs.isdisjoint(ours):
                state.mining = {**state.mining, "names": [name for name in ours if name not in theirs]}

    def _without_logged(self, metrics: dict[str, Any], label: str) -> dict[str, Any]:
        """What the program does not log itself: that is exact, and stays."""
        state = self._work.state
        ours, kept = set(state.mining.get("names", ())), {}
        for name, value in metrics.items():
            shown = with_label(name, label)
            if shown in ours or not any(shown in logged for logged in self._logged):
                kept[name] = value
        names = {with_label(name, label) for name in kept}
        if not ours.issuperset(names):
            state.mining = {**state.mining, "names": sorted(ours | names)}
        return kept

    @property
    def _logged(self) -> Iterable[Container[str]]:
        """The names that the program logs itself."""
        state = self._work.state
        return state.summary, state.open or (), state.mining.get("logged", ())


def note_logged(work: Work, rows: Iterable[Mapping[str, Any]]) -> None:
    """Note the names in rows, for a fold whose summary does not hold them."""
    if work.rules.text_rules or work.rules.later_rules:
        names = {name for row in rows for name, value in row.items() if _stays(value)}
        known = work.state.mining.get("logged", ())
        if not names.issubset(known):
            work.state.mining = {**work.state.mining, "logged": sorted(names.union(known))}


def _stays(value: object) -> bool:
    """Whether a summary keeps a value: no null, and no mapping that holds nothing else."""
    return bool(merged({}, value, skip_null=True)) if isinstance(value, dict) else value is not None


def _stream(name: str, label: str | None) -> str:
    """The stream of one process: steps and tables of each are its own."""
    return name if label is None else f"{name}{OF}{label}"
