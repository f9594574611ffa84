"""A rule: a mapping as `dictConfig` and YAML give it, checked and made ready to be tried on lines."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from wandb_logging._errors import SettingsError
from wandb_logging._mining import lines, steps
from wandb_logging._mining.blocks import Block
from wandb_logging._mining.finders import Finder, WrongValueError, finder
from wandb_logging._mining.lines import OF, Line
from wandb_logging._mining.pairs import pairs
from wandb_logging._mining.rule_keys import MAX_RULES, form_of
from wandb_logging._mining.spread import Spread
from wandb_logging._mining.stacked import Stacked
from wandb_logging._mining.tables import Table
from wandb_logging._mining.template import Found
from wandb_logging._mining.two_lines import TwoLines


class Rule:
    """One rule, ready for use.

    Args:
        number: its place in the list, from 0.
        given: the mapping.

    Attributes:
        form: the key that says how it looks for numbers.
        has: text that each of its lines has; "" if not given.
        needle: text without which no line fits it.
        needles: that text, and those that may stand in its place; with `has` that alone.
        stateful: what needs several lines, if its form does.
        plain: whether streams and earlier lines make no difference to it.
        has_steps: whether its rows have steps, their own or the last one seen.
        x: what the text calls the step.

    Raises:
        SettingsError: the rule is wrong; the message names its number, its key and what would be right.
    """

    def __init__(self, number: int, given: object) -> None:
        self.number = number
        if not isinstance(given, Mapping):
            raise SettingsError(
                f"{self._at()} must be a mapping such as {{line: 'iter {{step}}: loss {{loss}}'}}, not {given!r}"
            )
        # YAML's `line: |` has an end of line that nobody meant.
        self.given = {key: value.strip("\n") if isinstance(value, str) else value for key, value in given.items()}
        self.form = form_of(self.given, self._at)
        self._finder = self._made()
        self._find, self.needle, self.stateful = self._finder.find, self._finder.needle, self._finder.stateful
        self.has = self.given.get("has", "")
        self.needles = (self.has,) if self.has else (self.needle, *self._finder.others)
        self._has_first = isinstance(self.stateful, (Block, Spread, TwoLines))
        self._step_of, step_names = self._step()
        self.has_steps = self._step_of is not None
        alone = step_names if len(step_names) == 1 else ()
        self.x = alone[0] if alone else "step"
        self._prefix = self.given.get("prefix", "")
        self.section = self.given.get("section")
        self._only = frozenset(self.given["only"]) if "only" in self.given else None
        self._left = frozenset({*self.given.get("drop", ()), *alone})
        self._check_braces()
        self._check_names(step_names)
        self._logger = self.given.get("logger", "")
        self._level = self._least()
        self._stream = self._of_stream()
        self.filtered = bool(self._logger or self._level or self._stream)
        self.off = bool(self.given.get("off", False))
        self.timed = self.form in {"regex", "Regex"}
        self.plain = not self.filtered and self.stateful is None

    def _at(self, key: str = "") -> str:
        return f"text_metrics.rules[{self.number}]" + (f".{key}" if key else "")

    def _made(self) -> Finder:
        try:
            return finder(self.form, self.given)
        except ValueError as exc:
            key = exc.key if isinstance(exc, WrongValueError) else self.form
            raise SettingsError(f"{self._at(key)} {exc} (got {_short(self.given[key])})") from None

    def _step(self) -> tuple[steps.Step | None, tuple[str, ...]]:
        if self.given.get("step", "") is None or self.given.get("step") == "none":
            return None, ()
        try:
            return steps.parse(self.given.get("step", "step"))
        except ValueError as exc:
            raise SettingsError(f"{self._at('step')} {exc}") from None

    def _check_braces(self) -> None:
        for key in ("prefix", "section"):
            if not {"{", "}"}.isdisjoint(_FIELDS.sub("", self.given.get(key, ""))):
                raise SettingsError(
                    f"{self._at(key)} has a brace that belongs to no {{name}} (got {_short(self.given[key])})"
                )

    def _check_names(self, step_names: Sequence[str]) -> None:
        """Make sure that what other keys call a number is one, where all names are known."""
        known = self._finder.names
        if known is None or any("$" in name for name in known):
            return
        used = {
            "step": step_names if "step" in self.given else (),
            "only": self.given.get("only", ()),
            "drop": self.given.get("drop", ()),
            "prefix": [name for name in _FIELDS.findall(self._prefix) if name != "section"],
            "section": [name for name in _FIELDS.findall(self.section or "") if name != "section"],
        }
        for key, names in used.items():
            missing = [name for name in names if name not in known]
            if missing:
                there = ", ".join(repr(name) for name in known if name != "_")
                raise SettingsError(f"{self._at(key)}: there is no {missing[0]!r} in its {self.form}; there is {there}")

    def _least(self) -> int:
        level = self.given.get("level", 0)
        number = logging.getLevelName(level.upper()) if isinstance(level, str) else level
        if not isinstance(number, int):
            raise SettingsError(f"{self._at('level')} must be the name of a level, not {level!r}")
        return number

    def _of_stream(self) -> str:
        stream = str(self.given.get("stream", ""))
        if stream not in _STREAMS and not {"/", "."} & {*stream}:  # a file could be called anything else
            import difflib  # noqa: PLC0415  only for what may be wrong

            meant = difflib.get_close_matches(stream.lower(), _STREAMS, 1, 0.8)
            if meant:
                raise SettingsError(f"{self._at('stream')}: {stream!r} is none, did you mean {meant[0]!r}?")
        return stream

    def check_sample(self) -> None:
        """Make sure that the rule finds something in its own sample.

        Raises:
            SettingsError: it finds nothing; the message says what is in the sample.
        """
        sample = self.given.get("sample")
        if sample is None:
            return
        state: dict[str, Any] = {}
        for raw in map(lines.clean, [*sample.split("\n"), ""]):
            found = self.find(Line(raw), state)
            if found and (self.section or self.metrics(found) or self._is_only_step(found)):
                return
        decimal = self.given.get("decimal", ".")
        seen = ", ".join(f"{pair.name or '?'} {pair.value:g}" for pair in pairs(sample, decimal)[:8]) or "no number"
        template = self._finder.template
        hint = "" if template is None else template.stops_at(" ".join(sample.split()))
        raise SettingsError(
            f"{self._at('sample')}: {self.form} {_short(self.given[self.form])} finds nothing in {_short(sample)}. "
            f"{hint and f'{hint} '}In it are: {seen}"
        )

    def _is_only_step(self, found: Found) -> bool:
        """Whether the rule is there for the step alone, which holds for the rows after it, and it is found."""
        return self.form in {"line", "regex", "Regex"} and self.step(found) is not None

    def is_for(self, line: Line) -> bool:
        """Whether the rule accepts lines of this logger, level and stream."""
        return (
            (not self._logger or line.logger == self._logger or line.logger.startswith(self._logger + "."))
            and line.level >= self._level
            and (not self._stream or _is_stream(line.stream.partition(OF)[0], self._stream))
        )

    def find(self, line: Line, state: dict[str, Any]) -> Found | None:
        """The numbers and words of a line; `{}` inside something longer; None if the rule does not fit the line."""
        if self.has and self.has not in line.raw and not (self._has_first and state):
            return None
        return self._find(line, state)

    def step(self, found: Found) -> float | None:
        """The step among what was found; None if it has none."""
        return None if self._step_of is None else self._step_of(found)

    def metrics(self, found: Found, section: str = "") -> dict[str, float]:
        """The metrics among what was found in a line of a section."""
        prefix = self._prefix and _filled(self._prefix, found, section)
        left, only = self._left, self._only
        return {
            prefix + name: value
            for name, value in found.items()
            if name not in left and name[:1] != "_" and not isinstance(value, str) and (only is None or name in only)
        }

    def metrics_in(self, raw: str) -> dict[str, float] | None:
        """The metrics in a line that stands alone; None if the rule does not fit it."""
        found = self.find(Line(raw), {})
        return None if found is None else self.metrics(found)

    def section_of(self, found: Found, section: str) -> str | None:
        """The section that begins with this line; None if none begins."""
        return None if self.section is None else _filled(self.section, found, section)

    def begins(self, line: Line) -> bool:
        """Whether a line is the header of the rule's table."""
        return isinstance(self.stateful, (Table, Stacked)) and self.stateful.is_header(line.raw)


def _short(value: object) -> str:
    """A value as an error message shows it: the beginning of one that is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST = 500


def valid(given: Mapping[str, Any]) -> Rule | None:
    """A rule by itself; None if it is wrong. One made from a log may be, because a log's text can be anything."""
    try:
        return Rule(0, given)
    except SettingsError:
        return None


def parse(given: object) -> list[Rule]:
    """Make all rules of a list, and check their samples.

    Raises:
        SettingsError: a rule is wrong, or finds nothing in its sample.
    """
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise SettingsError(f"text_metrics.rules must be a list of rules, not {given!r}")
    if len(given) > MAX_RULES:
        raise SettingsError(f"text_metrics.rules has {len(given)} rules; at most {MAX_RULES} are taken")
    made = [Rule(number, rule) for number, rule in enumerate(given)]
    for rule in made:
        rule.check_sample()
    return made


_STREAMS = ("log", "stdout", "stderr")
_FIELDS = re.compile(r"\{([^{}]+)\}")


def _is_stream(name: str, wanted: str) -> bool:
    """Whether a stream is the wanted one. A file may be named without its folders, and is what it has of stdout."""
    return f"/{name}".endswith(f"/{wanted}") or (wanted == "stdout" and name not in {"log", "stderr"})


def _filled(text: str, found: Found, section: str) -> str:
    """Fill in the words a prefix names. If one is missing, it is removed with the text up to the next slash."""
    if "{" not in text:
        return text
    known = {"section": section, **{name: str(value) for name, value in found.items()}}
    filled = _FIELDS.sub(lambda match: known.get(match[1], ""), text)
    above, slash, last = filled.rpartition("/")
    return "".join(f"{part}/" for part in above.split("/") if part) + last if slash else filled
