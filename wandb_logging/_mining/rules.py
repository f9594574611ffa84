"""A rule: a mapping as `dictConfig` and YAML give it, checked and made ready to be tried on lines."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from wandb_logging._errors import SettingsError
from wandb_logging._mining import objects, steps
from wandb_logging._mining.blocks import Block, Box
from wandb_logging._mining.lines import OF
from wandb_logging._mining.numbers import factor
from wandb_logging._mining.pairs import Pair, pairs
from wandb_logging._mining.regexes import Regex
from wandb_logging._mining.spread import Spread
from wandb_logging._mining.stacked import Stacked
from wandb_logging._mining.tables import Table
from wandb_logging._mining.template import Found, Template
from wandb_logging._mining.two_lines import TwoLines

MAX_RULES = 200

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_NAMES: dict[str, Any] = {"type": "array", "items": {"type": "string"}}

# For each key of a rule: what values it takes, and its purpose. The first six are the forms; a rule has exactly one.
KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "line": (_TEXT, "A line of the log with its numbers replaced by {names}."),
    "pairs": (
        {"enum": [":", "=", " ", True]},
        "Takes all numbers that have their names in front and this between the two; true: any separator.",
    ),
    "table": (_TEXT, "The header of a table, some of it, or two lines. Its rows give a metric for each column."),
    "box": ({"type": ["boolean", "string"]}, "Boxes of | name | value | lines; a text: those that have it in them."),
    "block": (_TEXT, "The first line of indented name: value lines."),
    "json": (
        {"enum": [True, "many"]},
        "Lines that hold a JSON object, or a dict as Python prints it; `many`: objects that take several lines.",
    ),
    "regex": (_TEXT, "A regular expression with named groups. Needs has."),
    "starts": (_TEXT, "With pairs: text before the pairs, as in line. Other lines are not looked at."),
    "has": (_TEXT, "Text that a line must have."),
    "sample": (_TEXT, "A line of the log. The rule has to find something in it when logging is configured."),
    "step": (
        {"type": ["string", "null"]},
        (
            "What is the step: a name, or such as 'epoch * 100 + i'; null: the rows have none. "
            "Default: what is called step; where there is none, the step seen last in the same stream."
        ),
    ),
    "prefix": ({"type": "string"}, "Goes before the names. {name} in it is a word of the line, {section} the section."),
    "section": (_TEXT, "What the lines after this one belong to, for the prefix of other rules."),
    "only": (_NAMES, "The names that are metrics; others are left out."),
    "drop": (_NAMES, "Names that are no metrics."),
    "names": (_TEXT, "With table: the column whose text goes before the names of its row."),
    "ends": (_TEXT, "With table: text of the line that ends it."),
    "decimal": ({"enum": [".", ","]}, "What separates the fraction of a number."),
    "off": ({"type": "boolean"}, "Whether the rule is left out."),
    "logger": (_TEXT, "The logger whose records, and those of the loggers below it, the rule is for."),
    "level": ({"type": ["string", "integer"]}, "The lowest level of records that the rule is for."),
    "stream": (_TEXT, "What the rule is for: stdout, stderr, log (records), or the name of a file."),
    "Name": (_TEXT, "With Regex: what the number is called, as in SageMaker's metric definitions."),
    "Regex": (_TEXT, "SageMaker's form of a regular expression: its first group is the number."),
}  # fmt: skip
_OF_FORM = {"starts": "pairs", "names": "table", "ends": "table", "Name": "Regex"}
"""Keys that mean something with one form alone."""
FORMS = ("line", "pairs", "table", "box", "block", "json", "regex", "Regex")


def schema() -> dict[str, Any]:
    """The JSON Schema of a list of rules."""
    properties = {key: {**kind, "description": text} for key, (kind, text) in KEYS.items()}
    return {
        "type": "array",
        "maxItems": MAX_RULES,
        "items": {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "oneOf": [{"required": [form]} for form in FORMS],
        },
    }


class Line:
    """A line that rules are tried on.

    Attributes:
        raw: the line as it is written, for columns and indentation.
        text: the line with single blanks.
        stream: where the line comes from.
        logger: the record's logger; "" if the line is not a record's.
        level: the record's level.
    """

    __slots__ = ("level", "logger", "raw", "stream", "text")

    def __init__(self, raw: str, stream: str = "", logger: str = "", level: int = 0) -> None:
        self.raw = raw
        self.text = raw if "  " not in raw and raw.isprintable() and raw[:1] != " " else " ".join(raw.split())
        self.stream = stream
        self.logger = logger
        self.level = level


class Row(NamedTuple):
    """What a rule found.

    Attributes:
        step: the step, if the row has one: a whole number, or a position on another x axis.
        metrics: numbers by name.
        line: number of the line that completes the row.
        rule: number of the rule, from 0.
        x: the name of the step in the text.
    """

    step: float | None
    metrics: dict[str, float]
    line: int
    rule: int
    x: str = "step"


class Rule:
    """One rule, ready for use.

    Args:
        number: its place in the list, from 0.
        given: the mapping.

    Raises:
        SettingsError: the rule is wrong; the message names its number, its key and what would be right.
    """

    def __init__(self, number: int, given: object) -> None:
        self.number = number
        if not isinstance(given, Mapping):
            raise SettingsError(
                f"{self._at()} must be a mapping such as {{line: 'iter {{step}}: loss {{loss}}'}}, not {given!r}"
            )
        self.given = dict(given)
        _check_keys(self.given, self._at)
        self.form = next(form for form in FORMS if form in self.given)
        self.needle = ""
        self.stateful: Table | Stacked | Box | Block | TwoLines | Spread | None = None
        self._template: Template | None = None
        self._known: tuple[str, ...] | None = None  # all names that its numbers and words can have
        self._find = self._made()
        self.has = self.given.get("has", "")
        self._step_of, self._step_names = self._step()
        self._prefix = self.given.get("prefix", "")
        self.section = self.given.get("section")
        self._only = self._names("only")
        alone = self._step_names if len(self._step_names) == 1 else ()
        self.x = alone[0] if alone else "step"  # the name of the step in the text
        self._left = (self._names("drop") or frozenset()) | frozenset(alone)
        self._logger = self.given.get("logger", "")
        self._level = self._least()
        self._stream = self.given.get("stream", "")
        self.filtered = bool(self._logger or self._level or self._stream)
        self.off = bool(self.given.get("off", False))
        self.timed = self.form in {"regex", "Regex"}
        self._check_names()
        self.plain = not self.filtered and self.stateful is None  # ignores streams and earlier lines

    def _at(self, key: str = "") -> str:
        return f"text_metrics.rules[{self.number}]" + (f".{key}" if key else "")

    def _made(self) -> Callable[[Line, dict[str, Any]], Found | None]:
        try:
            return self._MAKERS[self.form](self)
        except SettingsError:  # the message already says where
            raise
        except ValueError as exc:
            raise SettingsError(f"{self._at(self.form)} {exc} (got {self.given[self.form]!r})") from None

    @property
    def _decimal(self) -> str:
        return str(self.given.get("decimal", "."))

    def _make_line(self) -> Callable[[Line, dict[str, Any]], Found | None]:
        if "\n" in self.given["line"].strip():
            return self._keep(TwoLines(self.given["line"].strip(), self._decimal))
        template = self._template = Template(self.given["line"], self._decimal)
        self.needle = template.needle
        self._known = template.names
        if not template.names and "section" not in self.given:
            raise ValueError("has no {name} in it")

        def find(line: Line, _: dict[str, Any]) -> Found | None:
            found = template.find(line.text)
            return None if found is None else found[0]

        return find

    def _make_pairs(self) -> Callable[[Line, dict[str, Any]], Found | None]:
        wanted = {":", "=", " ", "<", ">"} if self.given["pairs"] is True else {self.given["pairs"]}
        starts = self.given.get("starts")
        template = None if starts is None else _starting(starts, self._at("starts"), self._decimal)
        separator = "" if True in {self.given["pairs"], " " in wanted} else next(iter(wanted))
        self.needle = template.needle if template is not None else separator

        def find(line: Line, state: dict[str, Any]) -> Found | None:
            found: Found = {}
            begin = 0
            if template is not None:
                begun = template.find(line.text)
                if begun is None:
                    return None
                found, begin = begun
                begin = _same_place(line, begin)
            for pair in pairs(line.raw, self._decimal, begin):
                if pair.sep in wanted and pair.name:
                    found.setdefault(pair.name, _in_first_unit(pair, state))
            for name, word in _WORDS.findall(line.raw[begin:]) if "{" in self.given.get("prefix", "") else ():
                found.setdefault(name, word)
            return found if template is not None or found else None

        return find

    def _make_table(self) -> Callable[[Line, dict[str, Any]], Found | None]:
        given = self.given
        if given["table"].count("\n") > 1:
            return self._keep(Stacked(given["table"], step=given.get("step"), decimal=self._decimal))
        table = Table(
            given["table"],
            ends=given.get("ends"),
            step=given.get("step"),
            names=given.get("names"),
            decimal=self._decimal,
        )
        return self._keep(table)

    def _make_box(self) -> Callable[[Line, dict[str, Any]], Found | None]:
        if self.given["box"] is False:
            raise ValueError("must be true, or a text that the boxes have in them")
        return self._keep(Box(None if self.given["box"] is True else self.given["box"], self._decimal))

    def _make_block(self) -> Callable[[Line, dict[str, Any]], Found | None]:
        return self._keep(Block(self.given["block"], self._decimal))

    def _keep(
        self, form: Table | Stacked | Box | Block | TwoLines | Spread
    ) -> Callable[[Line, dict[str, Any]], Found | None]:
        self.stateful = form
        self.needle = form.needle
        return lambda line, state: form.find(line.raw, state)

    def _make_json(self) -> Callable[[Line, dict[str, Any]], Found | None]:
        if self.given["json"] == "many":
            return self._keep(Spread(self.given.get("has", ""), self._decimal))
        self.needle = "{"

        def find(line: Line, _: dict[str, Any]) -> Found | None:
            start = line.raw.find(self.has) if self.has.endswith("{") else 0
            return objects.numbers_of(line.raw, start, self._decimal)

        return find

    def _make_regex(self) -> Callable[[Line, dict[str, Any]], Found | None]:
        if "has" not in self.given:
            raise ValueError("needs has: with a text that its lines have, so that other lines cost nothing")
        regex = Regex(self.given["regex"], self.given["has"], decimal=self._decimal)
        self._known = None if {"name", "value"} <= {*regex.names} else regex.names
        return lambda line, _: regex.find(line.raw)

    def _make_regex_of_sagemaker(self) -> Callable[[Line, dict[str, Any]], Found | None]:
        if "Name" not in self.given:
            raise ValueError("needs Name: beside it")
        regex = Regex(self.given["Regex"], self.given.get("has"), self.given["Name"], decimal=self._decimal)
        self.needle = regex.needle
        return lambda line, _: regex.find(line.raw)

    _MAKERS: ClassVar = {
        "line": _make_line,
        "pairs": _make_pairs,
        "table": _make_table,
        "box": _make_box,
        "block": _make_block,
        "json": _make_json,
        "regex": _make_regex,
        "Regex": _make_regex_of_sagemaker,
    }

    def _step(self) -> tuple[steps.Step | None, tuple[str, ...]]:
        if self.given.get("step", "") is None or self.given.get("step") == "none":
            return None, ()
        try:
            return steps.parse(self.given.get("step", "step"))
        except ValueError as exc:
            raise SettingsError(f"{self._at('step')} {exc}") from None

    def _check_names(self) -> None:
        """Make sure that what other keys call a number is one, where all names are known."""
        known = self._known
        if known is None or any("$" in name for name in known):
            return
        used = {
            "step": self._step_names if "step" in self.given else (),
            "only": self.given.get("only", ()),
            "prefix": [name for name in _FIELDS.findall(self._prefix) if name != "section"],
        }
        for key, names in used.items():
            missing = [name for name in names if name not in known]
            if missing:
                there = ", ".join(repr(name) for name in known if name != "_")
                raise SettingsError(f"{self._at(key)}: there is no {missing[0]!r} in its {self.form}; there is {there}")

    def _names(self, key: str) -> frozenset[str] | None:
        return frozenset(self.given[key]) if key in self.given else None

    def _least(self) -> int:
        level = self.given.get("level", 0)
        number = logging.getLevelName(level.upper()) if isinstance(level, str) else level
        if not isinstance(number, int):
            raise SettingsError(f"{self._at('level')} must be the name of a level, not {level!r}")
        return number

    def is_for(self, line: Line) -> bool:
        """Whether the rule accepts lines of this logger, level and stream."""
        return (
            (not self._logger or line.logger == self._logger or line.logger.startswith(self._logger + "."))
            and line.level >= self._level
            and (not self._stream or _is_stream(line.stream.partition(OF)[0], self._stream))
        )

    def find(self, line: Line, state: dict[str, Any]) -> Found | None:
        """The numbers and words of a line; `{}` inside something longer; None if the rule does not fit the line."""
        if self.has and self.has not in line.raw:
            return None
        return self._find(line, state)

    def row(self, found: Found, section: str) -> tuple[float | None, bool, dict[str, float]]:
        """From what was found: the step, whether rows of this rule have steps at all, and the metrics."""
        step = None if self._step_of is None else self._step_of(found)
        prefix = self._prefix and _filled(self._prefix, found, section)
        left, only = self._left, self._only
        metrics = {
            prefix + name: value
            for name, value in found.items()
            if name not in left and name[:1] != "_" and type(value) is not str and (only is None or name in only)
        }
        return step, self._step_of is not None, metrics  # type: ignore[return-value]

    def stops_at(self, sample: str) -> str:
        """Say at which place a `line` rule no longer fits the sample."""
        return "" if self._template is None else self._template.stops_at(" ".join(sample.split()))

    def begins(self, line: Line) -> bool:
        """Whether a line is the header of the rule's table."""
        return isinstance(self.stateful, (Table, Stacked)) and self.stateful.is_header(line.raw)

    def section_of(self, found: Found, section: str) -> str | None:
        """The section that begins with this line; None if none begins."""
        return None if self.section is None else _filled(self.section, found, section)


_WORDS = re.compile(r"(?:^|(?<=[\s,;{]))[\"']?([A-Za-z_]\w{0,40})[\"']?(?:=|: ?)[\"']?([A-Za-z_][\w-]{0,60})")
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
    return (
        "/".join(part for part in filled.split("/")[:-1] if part) + "/" + filled.split("/")[-1]
        if "/" in filled
        else filled
    )


def _in_first_unit(pair: Pair, state: dict[str, Any]) -> float:
    """Convert a number to the unit its name had first: 177ms and later 1.2s give 177 and 1200."""
    if not pair.unit:
        return pair.value
    first = state.setdefault("units", {}).setdefault(pair.name, pair.unit)
    return pair.value if first == pair.unit else pair.value * factor(pair.unit, first)


def _starting(text: object, at: str, decimal: str) -> Template:
    try:
        return Template(str(text), decimal)
    except ValueError as exc:
        raise SettingsError(f"{at} {exc} (got {text!r})") from None


def _same_place(line: Line, at: int) -> int:
    """Convert a position in the line with single blanks to the position in the line as written."""
    if line.raw == line.text or at == 0:
        return at
    wanted = len(line.text[:at].replace(" ", ""))
    for i, char in enumerate(line.raw):
        if wanted <= 0:
            return i
        wanted -= not char.isspace()
    return len(line.raw)


def _check_keys(given: Mapping[Any, Any], at: Callable[[str], str]) -> None:
    for key, value in given.items():
        if key not in KEYS:
            import difflib  # noqa: PLC0415  only for a key that is wrong

            near = difflib.get_close_matches(str(key), KEYS, 1)
            meant = f", did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{at('')} has no key {key!r}{meant}; keys are {', '.join(KEYS)}")
        _check_kind(value, KEYS[key][0], at(str(key)))
    forms = [form for form in FORMS if form in given]
    if not forms:
        raise SettingsError(f"{at('')} needs one of {', '.join(FORMS[:-1])}")
    if len(forms) > 1:
        raise SettingsError(f"{at(forms[1])}: a rule has one form, and this one has {forms[0]} already")
    for key, form in _OF_FORM.items():
        if key in given and forms[0] != form:
            raise SettingsError(f"{at(key)} goes with {form}, and this rule has {forms[0]}")


_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "boolean": (bool,), "null": (type(None),)}


def _check_kind(value: object, kind: Mapping[str, Any], at: str) -> None:
    if "enum" in kind and not any(value is one or (value == one and type(value) is type(one)) for one in kind["enum"]):
        raise SettingsError(f"{at} must be one of {kind['enum']}, not {value!r}")
    if kind.get("type") == "array":
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise SettingsError(f"{at} must be a list of names, not {value!r}")
        return
    kinds = kind.get("type", [])
    wanted = [kinds] if isinstance(kinds, str) else kinds
    is_flag = isinstance(value, bool) and "boolean" not in wanted  # which Python takes for a whole number
    if wanted and (is_flag or not isinstance(value, tuple(item for name in wanted for item in _TYPES[name]))):
        raise SettingsError(f"{at} must be a {' or '.join(wanted)}, not {value!r}")
    if kind.get("minLength") and value == "":
        raise SettingsError(f"{at} must not be empty")


def parse(given: object) -> list[Rule]:
    """Make all rules of a list.

    Raises:
        SettingsError: a rule is wrong.
    """
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise SettingsError(f"text_metrics.rules must be a list of rules, not {given!r}")
    if len(given) > MAX_RULES:
        raise SettingsError(f"text_metrics.rules has {len(given)} rules; at most {MAX_RULES} are taken")
    return [Rule(number, rule) for number, rule in enumerate(given)]
