"""Find the lines with changing numbers that no rule takes, and write a rule for each shape of them to be finished."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._mining import lines, numbers
from wandb_logging._mining.rules import valid
from wandb_logging._mining.ruleset import RuleSet
from wandb_logging._mining.template import escaped, with_places
from wandb_logging._mining.vocabulary import is_id, is_metric
from wandb_logging._suggesting import step_search
from wandb_logging._suggesting.code_lines import may_hold_metrics
from wandb_logging._suggesting.decimals import with_commas
from wandb_logging._suggesting.findings import is_clock
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.left_out import left_out
from wandb_logging._suggesting.shapes import Field, Shape, shape

MOST = 5  # shapes that are told
_LEAST = 3  # lines of a shape
_LONGEST = 200  # characters of a sample
_MOST_NUMBERS = 12  # in a line; more are a matrix

_NUMBER = re.compile(rf"{numbers.LOOSE}|\x01+")


@dataclass(frozen=True)
class Untaken:
    """Lines of one shape that no rule takes.

    Attributes:
        count: how many lines there are.
        sample: one of them, without its time, level and logger.
        rule: a rule that takes them. Numbers whose names the line does not tell are called `number 1`, `number 2`.
    """

    count: int
    sample: str
    rule: dict[str, Any]


def untaken(text: str, rules: Sequence[Mapping[str, Any]]) -> list[Untaken]:
    """The shapes of the lines of a log that rules leave, the most frequent first, at most `MOST`.

    Lines of code, of tracebacks and of settings are left out, shapes of fewer than three lines, and those in which no
    number that changes can be a result.
    """
    by_key: dict[str, list[Shape]] = defaultdict(list)
    left = _left(text, rules)
    commas = with_commas(left)
    for number, shown in left:
        item = shape(number, shown, "," if number in commas else ".")
        by_key[_NUMBER.sub("#", " ".join(item.blotted[item.head :].split()))].append(item)
    found = [_told(items) for items in by_key.values() if len(items) >= _LEAST]
    return sorted((one for one in found if one is not None), key=lambda one: -one.count)[:MOST]


def _left(text: str, rules: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """The lines that no rule fits, and that could hold results, with their numbers."""
    used = RuleSet(list(rules))
    texts = lines.of_log(text)
    others = left_out(texts)
    left, before = [], 0
    for number, shown in texts:
        used.feed(shown, number=number)
        if used.hits == before and number not in others and len(shown) <= _LONGEST and may_hold_metrics(shown):
            left.append((number, shown))
        before = used.hits
    return left


def _told(items: Sequence[Shape]) -> Untaken | None:
    """Lines of one shape with the rule that takes them; None if they are of no interest, or no rule takes them."""
    first = items[0]
    matches = [list(_NUMBER.finditer(item.blotted, item.head)) for item in items]
    changing = [
        len({item.text[match.start() : match.end()] for item, match in zip(items, at)}) > 1 for at in zip(*matches)
    ]
    if sum(changing) > _MOST_NUMBERS or not _may_be_results(items):
        return None
    names = _names(items)
    places, nameless = [], 0
    for match, changes in zip(matches[0], changing):
        place = "*" if match[0][0] == "\x01" else names.get(match.start()) if changes else "_"
        if place is None:
            nameless += 1
            place = f"number {nameless}"
        places.append((*match.span(), f"{{{place}}}"))
    written, end = with_places(first.text, places, first.head)
    rule = {"line": " ".join((written + escaped(first.text[end:])).split())}
    rule.update({"decimal": first.decimal} if first.decimal != "." else {})
    return Untaken(len(items), " ".join(first.text[first.head :].split()), rule) if _takes(rule, items) else None


def _names(items: Sequence[Shape]) -> dict[int, str]:
    """The names of the numbers of the first line, by their places in it: those that the line tells, each once."""
    first = items[0]
    names: dict[int, str] = {}
    step = _step(items)
    for i, one in enumerate(first.fields):
        name = "step" if i == step else re.sub(r"[{}:$]|\A_+", " ", one.name).strip()
        if name and name not in names.values():
            names[one.start] = name
    return names


def _step(items: Sequence[Shape]) -> int | None:
    """Which field counts the lines, if all of them have the same fields."""
    if len({len(item.fields) for item in items}) > 1:
        return None
    group = Group(list(items))
    step_search.find_step(group)
    return group.step


def _may_be_results(items: Sequence[Shape]) -> bool:
    """Whether at least one number that changes looks like a result: not like an id, a clock, a duration or a size."""
    if _PROSE.search(items[0].text[items[0].head :]):
        return False
    return any(_is_result(items[0], at) for at in zip(*(item.fields for item in items)))


def _is_result(first: Shape, values: Sequence[Field]) -> bool:
    one = values[0]
    if len({item.value for item in values}) == 1 or is_id(one.name) or all(is_clock(item.value) for item in values):
        return False
    if is_metric(one.name):
        return True
    before, after = first.text[first.head : one.start].strip(), first.text[one.end : one.end + 1]
    version = after in {"-", "~"}  # 252.30-1~deb12u1
    spent = before.endswith("<") and after == ">"  # close(3) = 0 <0.000011>
    if version or spent or _MEASURES.fullmatch(one.unit or one.name):
        return False
    if one.name:
        return one.sep in ":=" or any(item.value % 1 for item in values)
    return any(item.value % 1 for item in values) and before != "[" and after != "/"


_MEASURES = re.compile(r"(?i)[nmuµ]?s(?:ecs?|econds?)?|min(?:utes?)?|hours?|[kmgt]?i?b(?:ytes?)?(?:/s)?")
_PROSE = re.compile(
    r"[a-z]{2}\. [A-Z][a-z]+ [a-z]"  # a sentence, and another one
    r"|(?i:\btests? pass\b)|^[\w.-]+ (?:[\w.()@-]+\[\d+\]:|kernel: \[)"  # of a system's journal
    r"|\[cached since |\bago\b"
)


def _takes(rule: Mapping[str, Any], items: Sequence[Shape]) -> bool:
    """Whether a rule is valid, and gives metrics for its sample and for nearly all lines of its shape."""
    made = valid(rule)
    if made is None:
        return False
    right = [bool(made.metrics_in(item.text)) for item in items[:50]]
    return right[0] and sum(right) * 10 >= len(right) * 9
