"""A set of rules at work: lines go in, rows come out. Its memory between lines is plain JSON."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wandb_logging._mining import lines
from wandb_logging._mining.blocks import Block
from wandb_logging._mining.lines import Line
from wandb_logging._mining.quiet import Quiet
from wandb_logging._mining.rules import Rule, parse
from wandb_logging._mining.slowness import Slowness, too_slow
from wandb_logging._mining.template import Found
from wandb_logging._mining.units import Measured


class Row(NamedTuple):
    """What a rule found.

    Attributes:
        step: the step, if the row has one: a whole number, or a position on another x axis.
        metrics: numbers by name.
        line: number of the line that completes the row.
        rule: number of the rule, from 0.
        x: the name of the step in the text.
        held: whether the step is not the line's own, but the one seen last.
    """

    step: float | None
    metrics: dict[str, float]
    line: int
    rule: int
    x: str = "step"
    held: bool = False


class RuleSet:
    """A list of rules. Each line belongs to the first rule that fits it.

    Args:
        rules: mappings, as `text_metrics.rules` has them.
        saved: the memory that `saved` returned before; `{}` at first.
        clock: gives seconds of processor time, to find slow rules.

    Attributes:
        hits: how many lines rules have fitted. A line inside of something longer is one, too.
        left_out: numbers of the rules given to `leave_out`.

    Raises:
        SettingsError: a rule is wrong or does not fit its own sample.
    """

    def __init__(
        self, rules: object, saved: Mapping[str, Any] | None = None, *, clock: Callable[[], float] = time.thread_time
    ) -> None:
        self._rules = _compiled(rules)
        self._tried = [rule for rule in self._rules if not rule.off]
        self._is_quiet = Quiet({needle for rule in self._tried for needle in rule.needles}).has
        saved = saved or {}
        self._streams: dict[str, dict[str, Any]] = dict(saved.get("streams", {}))
        self.hits = 0
        self._gave: list[int] = list(saved.get("hits", ())) or [0] * len(self._rules)
        self._stepped: set[int] = set(saved.get("stepped", ()))
        self.left_out: list[int] = []
        self._slowness = Slowness(dict(saved.get("slow", {})), clock)
        self._open = any(stream.get("open") for stream in self._streams.values())

    @property
    def saved(self) -> dict[str, Any]:
        """The memory between lines, as plain JSON.

        Of each stream it has `step` and `x`, the last step and what the text calls it; `section`, which the last line
        of that kind has begun; `open`, what rules of several lines remember, by their numbers; `under`, the rules whose
        tables were open when the header of another came; `last`, the number of the last line; `units`, the first unit
        of each name; `begun`, a line that is not complete yet; and `drawn`, what rules found in its states. `hits`
        counts for each rule what it gave; `stepped` are those whose `step` was found.
        """
        slow = self._slowness.counts
        return {
            "streams": self._streams,
            "hits": self._gave,
            **({"slow": slow} if slow else {}),
            **({"stepped": sorted(self._stepped)} if self._stepped else {}),
        }

    def described(self, number: int) -> str:
        """Describe a rule by its number, its form and its text."""
        rule = self._rules[number]
        return f"rule {number} ({rule.form}: {rule.given[rule.form]})"

    @property
    def unused(self) -> list[Rule]:
        """The rules that have not given anything yet: no metric, no step, no section."""
        return [rule for rule, gave in zip(self._rules, self._gave) if not gave and not rule.off]

    @property
    def stepless(self) -> list[Rule]:
        """The rules that have given metrics, and have never found what their `step` names."""
        return [
            rule
            for rule, gave in zip(self._rules, self._gave)
            if gave and rule.has_steps and "step" in rule.given and rule.number not in self._stepped and not rule.off
        ]

    def gave(self, number: int) -> int:
        """How many rows a rule has given, with the lines in which it found a section or a step alone."""
        return self._gave[number]

    @property
    def too_slow(self) -> list[int]:
        """Numbers of the rules that were slow again and again and are still in use."""
        return [number for number in too_slow(self._slowness.counts) if self._rules[number] in self._tried]

    def leave_out(self, numbers: Collection[int]) -> None:
        """Stop trying these rules."""
        self._tried = [rule for rule in self._tried if rule.number not in numbers]
        self.left_out += numbers

    def feed(self, raw: str, *, number: int = 0, stream: str = "", logger: str = "", level: int = 0) -> list[Row]:
        """The rows that a line completes: mostly none or one.

        Args:
            raw: the line, as `lines.clean` returns it.
            number: the line's number, to be given to the rows.
            stream: where the line comes from. Each stream has its own steps, tables and sections. Behind the name of
                the stream and `lines.OF` there may be the name of its writer.
            logger: the logger, if the line is a record's.
            level: the level, if the line is a record's.
        """
        if not self._open and self._is_quiet(raw):
            return []
        line = Line(raw, stream, logger, level)
        state = self._streams.get(stream)
        if state is None:
            state = self._streams[stream] = {"open": {}}
        opened = state.setdefault("open", {})
        rows: list[Row] = []
        for rule in self._tried if not state.get("under") else self._newest_first(state["under"]):
            if rule.plain:
                found = self._found(rule, line, state) if rule.needle in raw else None
            else:
                found = self._try(rule, line, state, opened)
            if found is None:
                continue
            self.hits += 1
            if rule.form == "table" and not found and rule.begins(line):
                state["under"] = [key for key in self._tables(opened) if key != str(rule.number)]
            if rule.form == "Regex":
                row = self._row_of_definitions(rule, found, line, state, number)
            else:
                row = self._row(rule, found, state, number if rule.form != "block" else state.get("last", number))
            rows += [] if row is None else [row]
            if not (rule.form == "block" and str(rule.number) not in opened):  # the line after a block is outside it
                break
        self._open = bool(opened) or (self._open and any(one.get("open") for one in self._streams.values()))
        if self._open:
            state["last"] = number
        return rows

    def feed_text(self, text: str, *, number: int = 0, stream: str = "", **record: Any) -> list[Row]:
        """The rows of a text of one or more whole lines, such as a record's message."""
        if text.isprintable():
            return self.feed(lines.clean(text), number=number, stream=stream, **record)
        return [
            row
            for i, line in enumerate(text.split("\n"))
            for shown in lines.redraws(line)
            for row in self.feed(shown, number=number + i, stream=stream, **record)
        ]

    def feed_output(self, text: str, *, stream: str) -> list[Row]:
        """The rows of a piece of a program's output, which may begin and end in the middle of a line."""
        state = self._streams.setdefault(stream, {})
        complete, over, state["begun"] = lines.split(state.get("begun", ""), text)
        drawn: dict[str, list[Any]] = state.pop("drawn", {})
        if not (over or drawn):
            return [row for line in complete for row in self.feed(line, stream=stream)]
        rows: list[Row] = []
        for place, line in enumerate(complete):
            for row in self.feed(line, stream=stream):
                shown = [row.step, row.metrics]
                if drawn.get(str(row.rule)) != shown:  # a bar that is drawn again repeats its values
                    rows.append(row)
                drawn[str(row.rule)] = shown
            if place not in over:
                drawn = {}
        if drawn:
            state["drawn"] = drawn
        return rows

    def finish(self, number: int = 0) -> list[Row]:
        """The rows of everything still unfinished, when no more lines come."""
        return [row for stream in self.streams for row in self.rest(stream, number)]

    @property
    def streams(self) -> list[str]:
        """The names of all streams that lines came from."""
        return list(self._streams)

    def rest(self, stream: str, number: int = 0) -> list[Row]:
        """The rows of what is still unfinished in one stream."""
        state = self._streams[stream]
        begun = state.pop("begun", "")
        rows = self.feed_text(begun, number=number, stream=stream) if begun.strip() else []
        for rule in self._tried:
            found = (
                rule.stateful.rest(state.get("open", {}).get(str(rule.number), {}))
                if isinstance(rule.stateful, Block)
                else None
            )
            row = self._row(rule, found, state, number) if found else None
            rows += [] if row is None else [row]
        return rows

    def _tables(self, opened: Mapping[str, Any]) -> list[str]:
        return [str(rule.number) for rule in self._tried if rule.form == "table" and str(rule.number) in opened]

    def _newest_first(self, under: Sequence[str]) -> list[Rule]:
        """The rules, those last whose tables were open when the header of another came: they take what is left."""
        return sorted(self._tried, key=lambda rule: str(rule.number) in under)

    def _try(self, rule: Rule, line: Line, state: dict[str, Any], opened: dict[str, Any]) -> Found | None:
        if rule.filtered and not rule.is_for(line):
            return None
        if rule.stateful is None:
            return self._found(rule, line, state) if rule.needle in line.raw else None
        key = str(rule.number)
        if key not in opened and not any(needle in line.raw for needle in rule.needles):
            return None
        own = opened.setdefault(key, {})
        found = rule.find(line, own)
        if not own:
            del opened[key]
        return found

    def _found(self, rule: Rule, line: Line, state: dict[str, Any]) -> Found | None:
        """What a rule finds in a line that it may fit. If the rule could take long, its time is measured."""
        if rule.timed and (not rule.has or rule.has in line.raw):
            return self._slowness.timed(rule.number, lambda: rule.find(line, state))
        return rule.find(line, state)

    def _row_of_definitions(
        self, first: Rule, found: Found, line: Line, state: dict[str, Any], number: int
    ) -> Row | None:
        """The row of all of SageMaker's definitions that find something: it searches each line for all of them.

        Args:
            first: the first of these.
            found: what it finds.
            line, state, number: the line, what is known of its stream, and its number.
        """
        by = [(first, found)]
        for rule in self._tried:
            if rule.form == "Regex" and rule.number > first.number:
                more = self._try(rule, line, state, {})
                if more is not None:
                    self.hits += 1
                    by.append((rule, more))
        by.sort(key=lambda one: one[0].step(one[1]) is None)  # what finds the step of all comes first
        rows = [row for rule, more in by if (row := self._row(rule, more, state, number)) is not None]
        metrics = {name: value for row in reversed(rows) for name, value in row.metrics.items()}
        return rows[0]._replace(metrics=metrics) if rows else None

    def _row(self, rule: Rule, found: Found, state: dict[str, Any], number: int) -> Row | None:
        if type(found) is Measured:
            found = found.in_first(state.setdefault("units", {}))
        section = state.get("section", "")
        if rule.section is not None:
            section = state["section"] = rule.section_of(found, section) or ""
        step, metrics = rule.step(found), rule.metrics(found, section)
        if step is not None and not math.isfinite(step):
            step = None  # `step nan`: what it is at, nobody knows
        if metrics or step is not None or (rule.section is not None and (found or rule.stateful is None)):
            self._gave[rule.number] += 1
        held = step is None and rule.has_steps
        if step is not None:
            state["step"], state["x"] = step, rule.x
            if "step" in rule.given:
                self._stepped.add(rule.number)
        elif held:
            step = state.get("step")
        return Row(step, metrics, number, rule.number, state.get("x", "step"), held) if metrics else None


def mine(text: str, rules: RuleSet) -> Iterator[Row]:
    """The rows of a whole log, in order. Lines are counted from 1."""
    return mine_lines(enumerate(text.split("\n"), 1), rules)


def mine_lines(numbered: Iterable[tuple[int, str]], rules: RuleSet, stream: str = "") -> Iterator[Row]:
    """The rows of numbered lines, in order. A very long line may come in pieces that share one number.

    Args:
        numbered: the lines with their numbers.
        rules: the rules.
        stream: the file that the lines are from.
    """
    number = 0
    for number, line in numbered:
        before: dict[int, tuple[float | None, dict[str, float]]] = {}
        for shown in lines.redraws(line):
            for row in rules.feed(shown, number=number, stream=stream):
                if before.get(row.rule) != (row.step, row.metrics):  # a bar that is drawn again repeats its values
                    yield row
                before[row.rule] = row.step, row.metrics
        if rules.too_slow:
            rules.leave_out(rules.too_slow)
    yield from rules.finish(number)


def _compiled(rules: object) -> Sequence[Rule]:
    """Check and make rules. The same rules are made only once, because the fold asks for them with each batch."""
    try:
        key = json.dumps(rules)
    except (TypeError, ValueError):
        return parse(rules)
    if key not in _KNOWN:
        made = parse(rules)
        if len(_KNOWN) > _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[key] = made
    return _KNOWN[key]


_KNOWN: dict[str, Sequence[Rule]] = {}
_MOST_KNOWN = 50


def check(rules: Sequence[Any]) -> None:
    """Check rules without keeping them.

    Raises:
        SettingsError: a rule is wrong or does not fit its sample.
    """
    RuleSet(rules)
