"""Metrics from the arguments of a logging call: their names are in its template, their values are exact.

`log.info("epoch %d loss %.4f", 3, 0.1234)` holds its numbers before they become text. Each template is read once.
"""

from __future__ import annotations

import contextlib
import logging
import re
import string
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Union

from wandb_logging._dataclass import dataclass
from wandb_logging._mining.call_mappings import Announced, announced, numbers_in
from wandb_logging._mining.call_names import (
    BRACES,
    DOLLARS,
    PERCENT,
    Name,
    Names,
    Place,
    filled,
    may_be_texts,
    names_nothing,
    names_of,
    without_values,
)
from wandb_logging._mining.vocabulary import is_id, is_metric, is_setting, step_rank

MOST_TEMPLATES = 2000  # templates remembered; messages made by f-strings are new each time
_MOST_NAMES = 200  # with values in them; others go without the values


class _Known(NamedTuple):
    """What is known of a template.

    Attributes:
        open: the places whose values may be numbers or texts.
        names: the names of its numbers, for each answer to which of these are texts.
        mappings: what may be mappings of metrics.
    """

    open: tuple[Place, ...]
    names: dict[tuple[bool, ...], Names | None]
    mappings: Announced


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
        templates: the templates with `%` seen lately; None for a template that gives no metrics.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.templates: dict[str, _Known | None] = {}
        self._braces: dict[str, _Known | None] = {}
        self._filled: set[str] = set()

    def metrics(self, record: Any) -> dict[str, Any] | None:
        """The numbers of a log record by name, as the program gave them; None if the record gives no metrics."""
        message, args = record.msg, record.args
        if not isinstance(message, str):
            found = self._of_object(message)
        else:
            # Of most calls with arguments the template is known to give no metrics.
            may = args and self.templates.get(message, args) is not None
            found = self._of_template(message, args, self.templates, _of_percent(message)) if may else None
            if len(record.__dict__) > _ATTRIBUTES:
                fields = self._of_fields(_fields_of(record), message)
                found = {**fields, **(found or {})} if fields else found
        return found if found and self._wanted.takes(record.name, record.levelno) else None

    def _of_template(
        self, template: str, args: Any, seen: dict[str, _Known | None], places: re.Pattern[str]
    ) -> dict[str, Any] | None:
        try:
            known = seen[template]
        except KeyError:
            if len(seen) >= MOST_TEMPLATES:
                seen.clear()
            known = seen[template] = self._known(template, places) if self._is_for(template) else None
        if known is None:
            return None
        values = args if type(args) is tuple and places is PERCENT else _values(args, places, known.mappings)
        try:
            texts = tuple([isinstance(values[place], str) for place in known.open])  # type: ignore[index]
            if texts not in known.names:
                told = {place for place, is_text in zip(known.open, texts) if is_text}
                known.names[texts] = self._names(template, places, told)
            names = known.names[texts] or {}
            numbers = [(name, values[place]) for place, name in names.items()]  # type: ignore[index]
        except (IndexError, KeyError, TypeError):
            return None
        found: dict[str, Any] = {}
        for parts, value in numbers:
            if is_number(value):
                name = (
                    parts[0] if len(parts) == 1 and isinstance(parts[0], str) else self._name(parts, values, template)
                )
                if name:
                    found[name if name not in found else _another(name, found)] = _usual(value)
        return {**self._of_mappings(known.mappings, values, template), **found} if known.mappings.prefixes else found

    def _of_mappings(self, mappings: Announced, values: Any, template: str) -> dict[str, Any]:
        """The numbers in mappings among the values of a call, and the steps before them."""
        found: dict[str, Any] = {}
        for place, prefix in mappings.prefixes.items():
            with contextlib.suppress(IndexError, KeyError):
                if isinstance(values[place], Mapping):
                    inside = numbers_in(values[place], prefix, every=template in self._wanted.templates)
                    found.update((name, _usual(value)) for name, value in inside.items() if is_number(value))
        steps = {name: values[place] for place, name in mappings.steps.items()} if found else {}
        return {**{name: _usual(value) for name, value in steps.items() if is_number(value)}, **found}

    def _known(self, template: str, places: re.Pattern[str]) -> _Known | None:
        """What a template gives, whichever of its values are texts; None if it gives no metrics."""
        some = frozenset(may_be_texts(template, places))
        tried = {frozenset(), some, *(frozenset({one}) for one in some), *(some - {one} for one in some)}
        mappings = announced(template, places, every=template in self._wanted.templates)
        known = mappings.prefixes or any(self._names(template, places, texts) for texts in tried)
        return _Known(tuple(some), {}, mappings) if known else None

    def _names(self, template: str, places: re.Pattern[str], texts: Collection[Place]) -> Names | None:
        return names_of(template, places, texts, every=template in self._wanted.templates)

    def _name(self, parts: Name, values: Any, template: str) -> str:
        """A name that has values in it; "" if it is none. There are not too many of them, whatever the values are."""
        rest, name = without_values(parts), filled(parts, values)
        if name not in self._filled and len(self._filled) >= _MOST_NAMES:
            return rest
        if names_nothing(rest) and template not in self._wanted.templates and (not is_metric(name) or is_setting(name)):
            return ""
        self._filled.add(name)
        return name

    def _is_for(self, template: str) -> bool:
        return not self._wanted.templates or template in self._wanted.templates

    def _of_object(self, message: Any) -> dict[str, Any] | None:
        """The metrics of a message that is no text: structlog's mapping, or an object that fills braces itself."""
        if isinstance(message, Mapping):
            event, given = message.get("event"), message.get("positional_args")
            if not isinstance(event, str):
                return None
            of_template = self._of_template(event, given, self.templates, _of_percent(event)) if given else None
            return {**(self._of_fields(message, event) or {}), **(of_template or {})}
        template = next((text for name in _TEMPLATES if type(text := getattr(message, name, None)) is str), None)
        args, given = getattr(message, "args", None), getattr(message, "kwargs", None)
        named = given if isinstance(given, Mapping) else {}
        if template is None or not (isinstance(args, tuple) or (args is None and named)):
            return None
        places = DOLLARS if args is None else BRACES  # as in the logging cookbook
        return self._of_template(template, _Fields(args or (), named), self._braces, places)

    def _of_fields(self, values: Mapping[Any, Any], message: str) -> dict[str, Any] | None:
        """The numbers among the fields of a record, if one is called like a result, or the message is listed."""
        if not values or not self._is_for(message):
            return None
        own = numbers_of(values)
        results = message in self._wanted.templates or any(is_metric(name) and not is_setting(name) for name in own)
        return own if results or (len(own) > 1 and any(step_rank(name) is not None for name in own)) else None


_TEMPLATES = ("fmt", "message", "msg", "template")  # what classes such as the cookbook's call it


class _Fields(dict[Union[int, str], Any]):
    """The values of a call by position and name; and what is within them, as `{meter.avg}` and `{scores[loss]}` say.

    Args:
        args: the positional values.
        named: the others.
    """

    def __init__(self, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        super().__init__(enumerate(args))
        self.update(named.items())
        self._given = args, named

    def __missing__(self, place: int | str) -> Any:
        if isinstance(place, str):
            with contextlib.suppress(Exception):  # a property may raise anything
                return string.Formatter().get_field(place, *self._given)[0]
        raise KeyError(place)


def _values(args: Any, places: re.Pattern[str], mappings: Announced) -> Any:
    """The arguments of a call by their places."""
    if type(args) is dict and 0 in mappings.prefixes:
        return (args,)  # logging takes a mapping that is the only argument for all of them
    values = args if isinstance(args, (Mapping, tuple)) else (args,)
    return _Fields(values, {}) if places is BRACES and isinstance(values, tuple) else values


def _of_percent(template: str) -> re.Pattern[str]:
    """The placeholders of the message of a record: with %, unless it has none and braces, which a subclass may fill."""
    return BRACES if "{" in template and PERCENT.search(template) is None else PERCENT


def _another(name: str, found: Collection[str]) -> str:
    """A name that is not among those found, for a second number, or a third, of one name."""
    return next(f"{name} {i}" for i in range(2, len(found) + 3) if f"{name} {i}" not in found)


def may_give(template: str) -> bool:
    """Whether a message that is listed can give a metric, in any of the styles of templates, or by its fields."""
    calls = Calls(Wanted(frozenset({template})))
    if not any(places.search(template) for places in (PERCENT, BRACES, DOLLARS)):
        return True  # a message whose fields are metrics
    return any(calls._known(template, places) is not None for places in (PERCENT, BRACES, DOLLARS))  # noqa: SLF001  ours


def _fields_of(record: Any) -> Mapping[Any, Any]:
    """The keyword values of a call: loguru stores them under the name `extra`, others as attributes of the record."""
    held = record.__dict__
    given = held.get("extra")
    if isinstance(given, Mapping):
        return given
    return {name: value for name, value in held.items() if name not in _USUAL}


_OWN = vars(logging.LogRecord("", 0, "", 0, "", (), None))
_ATTRIBUTES = len(_OWN)  # of a record without any of the program's
_USUAL = {*_OWN, "message", "asctime", "taskName"}


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
