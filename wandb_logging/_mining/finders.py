"""What a rule finds in a line: for each form of a rule, the function that looks for its numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Union

from wandb_logging._mining import objects
from wandb_logging._mining.blocks import Block, Box
from wandb_logging._mining.lines import Line
from wandb_logging._mining.pairs import Pair, pairs
from wandb_logging._mining.regexes import Regex
from wandb_logging._mining.spread import Spread
from wandb_logging._mining.stacked import Stacked
from wandb_logging._mining.tables import Table
from wandb_logging._mining.template import Found, Template
from wandb_logging._mining.two_lines import TwoLines
from wandb_logging._mining.units import Measured, behind

Find = Callable[[Line, dict[str, Any]], "Found | None"]
Stateful = Union[Table, Stacked, Box, Block, TwoLines, Spread]


class Finder(NamedTuple):
    """How a rule looks for numbers.

    Attributes:
        find: gives the numbers and words of a line; `{}` inside something longer; None if the rule does not fit.
            Where numbers have units that may change, they are `Measured`.
        needle: text without which no line fits.
        names: all names that the numbers and words can have; None if only the lines tell them.
        template: the template of a `line` rule.
        stateful: what needs several lines.
        others: texts that may stand in place of the needle.
    """

    find: Find
    needle: str = ""
    names: tuple[str, ...] | None = None
    template: Template | None = None
    stateful: Stateful | None = None
    others: tuple[str, ...] = ()


class WrongValueError(ValueError):
    """A key beside the form of a rule has a value that it cannot have.

    Attributes:
        key: the key.
    """

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key


def finder(form: str, given: Mapping[str, Any]) -> Finder:
    """The finder of a rule.

    Args:
        form: the key that is the rule's form.
        given: the rule, whose keys have been checked.

    Raises:
        WrongValueError: another key than the form is wrong.
        ValueError: what the form says is wrong.
    """
    return _MAKERS[form](given, given.get("decimal", "."))


def _line(given: Mapping[str, Any], decimal: str) -> Finder:
    if "\n" in given["line"].strip():
        return _kept(TwoLines(given["line"].strip(), decimal))
    template = Template(given["line"], decimal)
    if not template.names and "section" not in given:
        raise ValueError("has no {name} in it")

    def find(line: Line, _: dict[str, Any]) -> Found | None:
        found = template.find(line.text)
        return None if found is None else found[0]

    return Finder(find, template.needle, template.names, template)


def _pairs(given: Mapping[str, Any], decimal: str) -> Finder:
    wanted = {":", "=", " ", "<", ">"} if given["pairs"] is True else {given["pairs"]}
    template = _starting(given["starts"], decimal) if "starts" in given else None
    words = "{" in given.get("prefix", "")

    def find(line: Line, _: dict[str, Any]) -> Found | None:
        begun = ({}, 0) if template is None else template.find(line.text)
        if begun is None:
            return None
        found, begin = begun[0], _same_place(line, begun[1])
        units = dict(found.units) if isinstance(found, Measured) else {}
        for pair in pairs(line.raw, decimal, begin):
            if pair.sep in wanted and pair.name and pair.name not in found:
                found[pair.name] = pair.value
                unit = _unit_of(pair, line.raw)
                if unit != "K":  # which is kelvin: the k of 12.3k is part of the number
                    units[pair.name] = unit
        for name, word in _WORDS.findall(line.raw[begin:]) if words else ():
            found.setdefault(name, word)
        if template is None and not found:
            return None
        return Measured(found, units) if units else found

    separator = "" if " " in wanted else given["pairs"]
    return Finder(find, separator if template is None else template.needle)


def _unit_of(pair: Pair, raw: str) -> str:
    """The unit of a number: the one that belongs to the pair, or another that stands right behind it."""
    follows = pair.sep != ">" and raw[pair.end : pair.end + 2].strip()[:1].isalpha()
    return behind(raw, pair.end) if follows and not pair.unit else pair.unit


def _starting(text: str, decimal: str) -> Template:
    try:
        return Template(text, decimal)
    except ValueError as exc:
        raise WrongValueError("starts", str(exc)) from None


def _table(given: Mapping[str, Any], decimal: str) -> Finder:
    header, step = given["table"], given.get("step")
    if header.count("\n") > 1:
        return _kept(Stacked(header, step=step, decimal=decimal))
    names, drop = given.get("names"), given.get("drop", ())
    return _kept(Table(header, ends=given.get("ends"), step=step, names=names, drop=drop, decimal=decimal))


def _box(given: Mapping[str, Any], decimal: str) -> Finder:
    if given["box"] is False:
        raise ValueError("must be true, or a text that the boxes have in them")
    return _kept(Box(None if given["box"] is True else given["box"], decimal))._replace(others=Box.others)


def _block(given: Mapping[str, Any], decimal: str) -> Finder:
    return _kept(Block(given["block"], decimal))


def _json(given: Mapping[str, Any], decimal: str) -> Finder:
    has = given.get("has", "")
    if given["json"] == "many":
        return _kept(Spread(has, decimal))

    def find(line: Line, _: dict[str, Any]) -> Found | None:
        start = line.raw.find(has) if has.endswith("{") else 0
        return objects.numbers_of(line.raw, start, decimal)

    return Finder(find, "{")


def _regex(given: Mapping[str, Any], decimal: str) -> Finder:
    if "has" not in given:
        raise ValueError("needs has: with a text that its lines have, so that other lines cost nothing")
    regex = Regex(given["regex"], given["has"], decimal=decimal)
    names = None if {"name", "value"} <= {*regex.names} else regex.names
    return Finder(lambda line, _: regex.find(line.raw), names=names)


def _regex_of_sagemaker(given: Mapping[str, Any], decimal: str) -> Finder:
    if "Name" not in given:
        raise ValueError("needs Name: beside it")
    regex = Regex(given["Regex"], given.get("has"), given["Name"], decimal=decimal)
    return Finder(lambda line, _: regex.find(line.raw), regex.needle)


def _kept(form: Stateful) -> Finder:
    return Finder(lambda line, state: form.find(line.raw, state), form.needle, stateful=form)


_MAKERS: dict[str, Callable[[Mapping[str, Any], str], Finder]] = {
    "line": _line,
    "pairs": _pairs,
    "table": _table,
    "box": _box,
    "block": _block,
    "json": _json,
    "regex": _regex,
    "Regex": _regex_of_sagemaker,
}
_WORDS = re.compile(r"(?:^|(?<=[\s,;{]))[\"']?([A-Za-z_]\w{0,40})[\"']?(?:=|: ?)[\"']?([A-Za-z_][\w-]{0,60})")


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
