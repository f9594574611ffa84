"""Metrics from the arguments of a logging call: their names are in its template, their values are exact.

`log.info("epoch %d loss %.4f", 3, 0.1234)` holds its numbers before they become text. Each template is read once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._mining.findings import is_id
from wandb_logging._mining.pairs import Pair, pairs
from wandb_logging._mining.vocabulary import is_left, is_metric, is_setting, noun, step_rank

MOST_TEMPLATES = 2000  # templates remembered; messages made by f-strings are new each time

_PERCENT = re.compile(
    r"%(?:\((?P<key>[^)]*)\))?[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[hlL]?(?P<kind>[diouxXeEfFgGcrsa%])"
)
_BRACES = re.compile(r"\{\{|\}\}|\{(?P<key>[^{}:!]*)(?:![rsa])?(?::[^{}]*)?\}")
_DOLLARS = re.compile(r"\$(?:\$|\{(?P<key>[A-Za-z_]\w*)\}|(?P<bare>[A-Za-z_]\w*))")
_ESCAPED = frozenset({"%%", "{{", "}}", "$$"})
_OF = re.compile(r"(?<![\w.])(70\d{5}) ?/ ?70\d{5}(?![\w.])")  # %d/%d: how many of how many
_FIRST = 7_000_001  # stands for the first value in a template; nobody writes this number there

Names = Mapping["int | str", str]


@dataclass(frozen=True)
class Wanted:
    """Which calls metrics are taken from.

    Attributes:
        templates: the templates to take metrics from; if empty, any template that looks like metrics.
        loggers: the loggers to take metrics from, with those below them; if empty, any logger.
        level: the lowest level.
    """

    templates: frozenset[str] = frozenset()
    loggers: tuple[str, ...] = ()
    level: int = 0

    def takes(self, logger: str, level: int) -> bool:
        """Whether metrics are taken from a record of this logger and level."""
        if level < self.level:
            return False
        return not self.loggers or any(logger == name or logger.startswith(f"{name}.") for name in self.loggers)


class Calls:
    """Takes metrics from calls, and remembers for each template which values are metrics.

    Args:
        wanted: which calls to take metrics from.

    Attributes:
        templates: the templates with `%` seen lately, with their names; None for a template that gives no metrics.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.templates: dict[str, Names | None] = {}
        self._braces: dict[str, Names | None] = {}

    def metrics(self, record: Any) -> dict[str, Any] | None:
        """The numbers of a log record by name, as the program gave them; None if the record gives no metrics."""
        message, args = record.msg, record.args
        if type(message) is str:
            if not args:
                found = _given(record)
            elif self.templates.get(message, args) is None:  # most calls: the template is known to give no metrics
                return None
            else:
                found = self._of_template(message, args, self.templates, _PERCENT)
        else:
            found = self._of_object(message)
        return found if found and self._wanted.takes(record.name, record.levelno) else None

    def _of_template(
        self, template: str, args: Any, known: dict[str, Names | None], places: re.Pattern[str]
    ) -> dict[str, Any] | None:
        try:
            names = known[template]
        except KeyError:
            if len(known) >= MOST_TEMPLATES:
                known.clear()
            listed = template in self._wanted.templates
            names = known[template] = names_of(template, places, every=listed) if self._is_for(template) else None
        if names is None:
            return None
        values = args if isinstance(args, (Mapping, tuple)) else (args,)
        found = {}
        for place, name in names.items():
            try:
                value = values[place]  # type: ignore[index]
            except (IndexError, KeyError, TypeError):
                return None
            if is_number(value):
                found[name] = _usual(value)
        return found

    def _is_for(self, template: str) -> bool:
        return not self._wanted.templates or template in self._wanted.templates

    def _of_object(self, message: Any) -> dict[str, Any] | None:
        """The metrics of a message that is no text: structlog's mapping, or an object that fills braces itself."""
        if isinstance(message, Mapping):
            return numbers_of(message) if isinstance(message.get("event"), str) else None
        template, args = getattr(message, "fmt", None), getattr(message, "args", None)
        given = getattr(message, "kwargs", None)
        named = given if isinstance(given, Mapping) else {}
        if type(template) is not str or not (isinstance(args, tuple) or (args is None and named)):
            return None
        values = {**dict(enumerate(args or ())), **named}
        places = _DOLLARS if args is None else _BRACES  # as in the logging cookbook
        return self._of_template(template, values, self._braces, places)


def _given(record: Any) -> dict[str, Any] | None:
    """The keyword values of a call to loguru, which stores them under the name `extra`."""
    given = record.__dict__.get("extra")
    return numbers_of(given) if isinstance(given, Mapping) else None


def numbers_of(values: Mapping[Any, Any]) -> dict[str, Any]:
    """The numbers among keyword values, without those that only identify something."""
    return {
        name: _usual(value)
        for name, value in values.items()
        if isinstance(name, str) and is_number(value) and not is_id(name)
    }


def is_number(value: object) -> bool:
    """Whether a value is a number: one of Python's own, or an array or tensor with one element."""
    if isinstance(value, (int, float)):
        return not isinstance(value, bool)
    return hasattr(value, "__float__") and not isinstance(value, (str, bytes)) and getattr(value, "size", 1) == 1


def _usual(number: Any) -> Any:
    """A decimal number or a fraction as a float: in a row it would else be a text. Other numbers stay as they are."""
    if isinstance(number, (int, float)) or not hasattr(number, "as_integer_ratio"):
        return number
    try:
        return float(number)
    except (OverflowError, ValueError):  # a fraction that is too large, a signalling NaN
        return number


def names_of(template: str, places: re.Pattern[str], *, every: bool = False) -> Names | None:
    """The names that a template gives its values, by position or key; None if the template does not look like metrics.

    Args:
        template: the text with its placeholders.
        places: the pattern of a placeholder.
        every: whether each named value is a metric.
    """
    keys: list[int | str] = []
    taken = 0  # values that have no key

    def numbered(match: re.Match[str]) -> str:
        nonlocal taken
        if match[0] in _ESCAPED:
            return match[0][0]
        key = match["key"] or match.groupdict().get("bare")
        if not key:
            taken += match[0].count("*")  # a width or precision is a value, too, and no metric
            key, taken = str(taken), taken + 1
        keys.append(int(key) if key.isdigit() else key)
        return str(_FIRST + len(keys) - 1)

    try:
        text = _OF.sub(r"\1", places.sub(numbered, template))
    except (TypeError, ValueError):
        return None
    found = [pair for pair in pairs(text) if _FIRST <= pair.value < _FIRST + len(keys)]
    for pair in found:
        key = keys[int(pair.value) - _FIRST]
        if not pair.name and isinstance(key, str):
            pair.name, pair.sep = key, "="
    names: dict[int | str, str] = {}
    for pair, name in _metrics(found, every=every):
        names.setdefault(keys[int(pair.value) - _FIRST], name)
    return names or None


def _metrics(found: Sequence[Pair], *, every: bool) -> list[tuple[Pair, str]]:
    names = [noun(pair.name) if pair.sep == " " else pair.name for pair in found]
    named = [(pair, name) for pair, name in zip(found, names) if name and not is_id(name) and not is_left(name)]
    counted = any(step_rank(name) is not None for _, name in named)
    results = any(is_metric(name) and not is_setting(name) for _, name in named)
    if not every and not results and not (counted and len(named) > 1):
        return []
    return [
        (pair, _plain(name))
        for pair, name in named
        if every or is_metric(name) or pair.sep in ":=" or (counted and pair.sep == " ")
    ]


def _plain(name: str) -> str:
    """Shorten `Train Epoch: 1` to `Epoch`; other names stay as they are."""
    last = name.rpartition(" ")[2]
    return last if last.lower() in {"epoch", "step", "iter", "iteration"} else name
