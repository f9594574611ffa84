"""Which numbers of a line are surely no metrics: counters, ids, places, vectors, terms of expressions, remarks."""

from __future__ import annotations

import re

from wandb_logging._mining.numbers import PLAIN
from wandb_logging._mining.vocabulary import is_id, is_left, is_metric, words
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.said_once import leads
from wandb_logging._suggesting.shapes import Field, Shape
from wandb_logging._suggesting.worth import has_unit


def is_no_metric(group: Group, i: int) -> bool:
    """Whether a number of lines of one shape is none, whatever its name is."""
    return any(against(group, i) for against in _AGAINST)


def _has_no_name(group: Group, i: int) -> bool:
    return not group.first.fields[i].name


def _is_counter(group: Group, i: int) -> bool:
    return group.first.fields[i].sep in "/-+#[" and not _is_share(group, i)


def _is_share(group: Group, i: int) -> bool:
    """Whether a line says only how many of all are right: `Accuracy on training data: 40900 / 50000`."""
    item = group.first.fields[i]
    alone = (
        item.total is not None
        and len(group.first.fields) == 1
        and not {"accuracy", "correct"}.isdisjoint(words(item.name))
    )
    return alone and leads(group.first, item)


def _is_of_no_interest(group: Group, i: int) -> bool:
    """Whether a number identifies something, or says what is left; `1.2 us, 98.5 id` are times."""
    item = group.first.fields[i]
    return not item.is_counted and (is_id(item.name) or is_left(item.name))


def is_vector(group: Group, i: int) -> bool:
    """Whether a number is the first of several in brackets, different ones if commas part them: it is no metric."""
    return any(_is_point(item.text, item.fields[i].start) for item in (group.first, group.shapes[-1]))


def _is_point(text: str, start: int) -> bool:
    begin = max(len(text[:start].rstrip()) - 1, 0)
    match = _VECTOR.match(text, begin)
    several = match is not None and ("," not in match[1] or len(set(re.findall(r"[^\s,]+", match[1]))) > 1)
    return several or _SIZES.match(text, begin) is not None


_VECTOR = re.compile(rf"\[(\s?{PLAIN}(?:(?:,\s{{0,3}}|\s{{1,9}}){PLAIN})+)\s?\]")
_SIZES = re.compile(r"\(\d{1,9}(?:, ?\d{1,9})+\)")  # of an array: (89, 32, 24)


def _is_progress(group: Group, i: int) -> bool:
    """Whether a number is how many percent a counter beside it has done: `Receiving objects:  94% (51/54)`."""
    if group.first.fields[i].unit != "%" or is_metric(group.first.fields[i].name):
        return False
    beside = [j for j in (i - 1, i + 1) if 0 <= j < len(group.first.fields) and group.first.fields[j].total]
    return any(
        all(
            abs(100 * item.fields[j].value - item.fields[i].value * item.upto(j)) <= item.upto(j)
            for item in group.shapes
        )
        for j in beside
    )


def _is_of_the_writer(group: Group, i: int) -> bool:
    """Whether a number is the same in all lines, in brackets: `[proc 0]`."""
    bracketed = len(group.shapes) > 1 and _is_in_brackets(group.first, group.first.fields[i])
    return bracketed and len(set(map(str, group.values(i)))) == 1


def _is_in_brackets(item: Shape, one: Field) -> bool:
    """Whether a name and its number are in brackets, alone as in `[proc 0]` or before what the line says."""
    if item.text.startswith("[") and one.end < item.text.find("]: "):
        return True  # `[Parallel(n_jobs=2)]: Done`
    before, after = item.text[: one.start].rstrip(), item.text[one.end : one.end + 1]
    return one.sep == " " and after in {"]", ")"} and before.endswith(("[" + one.name, "(" + one.name))


def _is_place(group: Group, i: int) -> bool:
    return group.first.is_place(i)


def _is_remark(group: Group, i: int) -> bool:
    """`1.2 3.4 done`: a remark after a row of numbers."""
    item = group.first.fields[i]
    behind = item.sep == ">" and i > 0 and not group.first.fields[i - 1].name and _is_beside(group.first, i)
    return behind and not is_metric(item.name)


def _is_first_of_row(group: Group, i: int) -> bool:
    """`Field 3 0.1 0.2`: a row of numbers."""
    item = group.first.fields[i]
    known = is_metric(item.name) or has_unit(item.name)
    following = group.first.fields[i + 1 : i + 2]
    repeated = any(one.name.endswith("/op") for one in following) and _is_beside(group.first, i + 1)
    return item.sep == " " and (repeated or (not known and _is_followed(group.first, i)))  # Copy-2  4278  51 ns/op


def _is_followed(item: Shape, i: int) -> bool:
    """Whether a number without a name comes right after a number."""
    return i + 1 < len(item.fields) and not item.fields[i + 1].name and _is_beside(item, i + 1)


def _is_beside(item: Shape, i: int) -> bool:
    """Whether there are only blanks between a number and the one before it."""
    return not item.text[item.fields[i - 1].end : item.fields[i].start].strip()


def _is_term(group: Group, i: int) -> bool:
    """Whether a number is a term of an expression: `cost = 20 * products + 10 * sums`."""
    return bool(_TERM.match(group.first.text, group.first.fields[i].end))


_TERM = re.compile(r" ?[*] ?[A-Za-z(]")


def _is_announced(group: Group, i: int) -> bool:
    """Whether a count says what is begun, and not what came of it: `dispatching hogs: 2 cpu, 1 vm`."""
    item = group.first.fields[i]
    return item.is_counted and bool(_BEGUN.match(item.section))


_BEGUN = re.compile(r"(?i)(?:dispatching|starting|launching|spawning|creating|allocating)\b")


_AGAINST = (
    _has_no_name,
    _is_counter,
    _is_of_no_interest,
    is_vector,
    _is_progress,
    _is_of_the_writer,
    _is_place,
    _is_remark,
    _is_first_of_row,
    _is_term,
    _is_announced,
)
