"""Find the number that counts the lines of one shape."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wandb_logging._mining.vocabulary import APART, EPOCHS, TRAIN, is_left, is_metric, step_rank
from wandb_logging._suggesting.findings import increasing
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.said_once import is_measured
from wandb_logging._suggesting.shapes import BAR, Field, Shape


def find_step(group: Group) -> None:
    """Find the field that counts, and whether several fields have to be combined into the step."""
    _take_leading(group)
    fields = enumerate(group.first.fields)
    ranked = [
        (len(group.shapes) > 1 and len(set(group.values(i))) == 1, rank + 15 * _may_stand(item, group.values(i)), i)
        for i, item in fields
        if (rank := _rank(item)) is not None and _may_count(group, i, rank) and not _is_told_before(group, i)
    ]
    if ranked:
        group.step = min(ranked)[2]
        _restarts(group)
    else:
        group.step = next(
            (
                i
                for i, item in enumerate(group.first.fields)
                if _goes_by_one(item, group.values(i), first=i == 0, many=len(group.first.fields) > 3)
                or (i == 0 and _is_index(group.first) and _by_one(group.values(i)))
            ),
            None,
        )


def _is_told_before(group: Group, i: int) -> bool:
    """Whether a counter without a name repeats the step before it: `Epoch 3 (3/200)`."""
    fields = group.first.fields
    before = fields[i - 1] if i and fields[i].sep == "/" and not fields[i].name else None
    return before is not None and step_rank(before.name) is not None and group.values(i - 1) == group.values(i)


def swap_counters(group: Group) -> None:
    """Take `Batch 0/100`, `Batch 0/200`, `Batch 1/0` as epoch and batch: the second number counts, not the first."""
    for i, item in enumerate(group.first.fields if not _are_halves(group.first) else ()):
        totals = [shape.upto(i) for shape in group.shapes]
        if item.total is None or len(set(totals)) < 2 or not increasing(totals):
            continue
        values = group.values(i)
        if len(set(values)) * 2 <= len(values) and all(one <= other for one, other in zip(values, values[1:])):
            for shape in group.shapes:
                _swap(shape.fields[i], shape.upto(i))


def _swap(item: Field, value: float) -> None:
    assert item.total is not None
    (item.start, item.end), item.first = item.total, (item.start, item.end)
    item.value, item.total, item.sep = value, None, "-"


_LEADING = re.compile(r"\s*(\d{1,12})(?=[\s,;])")
_SECOND = re.compile(
    r"\s*(?:\[ {0,8}\d{1,9}\]|\d{1,9}[,;:/]?)\s+(\d{1,12})(?=[\s,;:]+[A-Za-z|])"
)  # 0 100 loss; [0] 100 || loss


def _take_leading(group: Group) -> None:
    """Find a number without a name that begins the lines and grows: the first, or the second behind the epoch."""
    for form in (_LEADING, _SECOND):
        found = [form.match(shape.text, shape.head) for shape in group.shapes]
        values = [int(match[1]) for match in found if match]
        if len(values) >= max(3, len(found)) and all(
            one < other or (one == other and group.word is not None and one < values[-1])
            for one, other in zip(values, values[1:])
        ):
            break
    else:
        return
    for shape, match in zip(group.shapes, found):
        assert match is not None
        at = next(i for i, one in enumerate(shape.fields) if one.start >= match.start(1))
        if shape.fields[at].start > match.start(1):
            shape.fields.insert(at, Field("", int(match[1]), "#", *match.span(1)))
        elif not shape.fields[at].name:
            shape.fields[at].sep = "#"
        if at and not shape.fields[at - 1].name:
            shape.fields[at - 1].name, shape.fields[at - 1].sep = "epoch", "["


def _goes_by_one(item: Field, values: Sequence[float], *, first: bool, many: bool) -> bool:
    """Whether a number grows by one from line to line, whatever its name is: `request=1`, `request=2`.

    The first of many numbers may grow by any amount that stays the same: `trees=10`, `trees=20`. The first number needs
    no sign after its name: `Function eval 1 at x has f = 3`, `Function eval 2 at x has f = 2`.
    """
    if not item.name or item.unit or is_metric(item.name) or is_left(item.name):
        return False
    if first and item.sep == " " and len(values) >= _SURELY:
        return values[0] in {0, 1} and _by_one(values)
    if item.name[0] == "#" or item.sep not in ":=" or item.is_counted or len(values) < _SEVERAL:
        return False
    by_one = 0 <= values[0] < 10 and not values[0] % 1 and _by_one(values)
    return by_one or (first and many and _by_the_same(values) and not any(value % 1 for value in values))


_SEVERAL = 4  # lines


def _is_index(item: Shape) -> bool:
    """Whether a line begins with a word and its index: `Inference[0]: Time 1.5`."""
    return bool(_INDEX.match(item.text, item.head))


_INDEX = re.compile(r"[A-Z]\w{2,20}\[\d{1,6}\](?=[: ])")
_SURELY = 5  # numbers that grow by one and hardly do so by chance


def _by_the_same(values: Sequence[float]) -> bool:
    return values[1] > values[0] and len({other - one for one, other in zip(values, values[1:])}) == 1


def _by_one(values: Sequence[float]) -> bool:
    return len(values) > 2 and all(other == one + 1 for one, other in zip(values, values[1:]))


def is_constant(values: Sequence[float]) -> bool:
    """Whether a number stays the same, so it cannot count: for example the number of steps in each epoch."""
    return len(values) > 2 and len(set(values)) == 1


def _may_stand(item: Field, values: Sequence[float]) -> bool:
    """Whether a counter such as `Checks 0/6`, whose name is not a step's, keeps its value in some lines."""
    return item.sep == "/" and item.name != "" and step_rank(item.name) is None and len(set(values)) < len(values)


def _may_count(group: Group, i: int, rank: float) -> bool:
    """Whether a field with the name of a step is one, judged by its place and by how its values go on."""
    item, values = group.first.fields[i], group.values(i)
    if _is_about_something_else(group, i) or (item.sep == "/" and _is_no_counter(group, i)):
        return False
    loose = item.sep in " >" and rank % 1 and (i > 0 or len(item.name.split()) > _WORDS)
    if loose and not _by_one(values):
        return False
    name = item.name.lower()
    simulated = name in {"time", "t"} and item.sep in "=:" and (len(group.first.fields) == 1 or i == 0)
    if not simulated and (item.unit not in {"", "s"} or not (name == "progress" or _are_whole(values))):
        return False
    if name in _MUST_GROW:
        return len(values) > 1 and increasing(values)
    turns = _without_best(values) if item.sep == "#" else values
    return len(values) < 3 or increasing(turns) or (len(set(values)) == 1 and bool(name))


_WORDS = 5  # of a name; with more of them it is a sentence
_MUST_GROW = frozenset({"time", "t", "progress", "n"})  # `n = 200` is how much data there was


def _is_about_something_else(group: Group, i: int) -> bool:
    """Whether a line says by its words that a number does not count: it is what is left, or how many there were."""
    item, name = group.first.fields[i], group.first.fields[i].name.lower()
    return bool(
        is_left(name)
        or (i > 0 and name == "t")
        or (i > 0 and item.sep == ">" and not _is_after(group.first, i))
        or group.first.is_place(i)
        or _IN_ALL.match(group.first.text, item.end)
        or (item.sep in ":=" and len(group.shapes) == 1 and is_measured(group, i))  # iterations: 84  8.4/s
    )


def _are_whole(values: Sequence[float]) -> bool:
    return all(value == int(value) for value in values if abs(value) < 1e15)


_IN_ALL = re.compile(r" (?:[a-z]+ ){0,2}[a-z]+s\)? in \d[\d.]* ?s")  # `118 simplex iterations in 0.02 seconds`: the end


def _without_best(values: Sequence[float]) -> Sequence[float]:
    """What counts without the last of each turn, if that goes back to the best: `1000 2000 3000 2500 1000 2000 ...`."""
    after = [*values[1:], float("-inf")]
    kept = [value for before, value, then in zip([values[0], *values], values, after) if not then < value < before]
    return kept if len(kept) * 4 >= 3 * len(values) else values


def _is_after(item: Shape, i: int) -> bool:
    """Whether a line says after how many steps it is written: `solution 890 after 284 iter`."""
    return item.text[: item.fields[i].start].rstrip().endswith(" after")


def _are_halves(item: Shape) -> bool:
    """Whether each name has two numbers: of what was read and written, `ios=0/1417, merge=0/2, ticks=0/2549`."""
    names = [one.name for one in item.fields if one.total is not None]
    return len(names) > _PAIRS and all(names) and all(step_rank(name) is None for name in names)


_PAIRS = 2


def _is_no_counter(group: Group, i: int) -> bool:
    """Whether `20/30` is no step: it is a progress bar's, or it goes beyond its total, as in `wins: 20 / 14`."""
    if _are_halves(group.first):
        return True
    beyond = any(one.fields[i].value > one.upto(i) for one in group.shapes)
    name = group.first.fields[i].name
    once = len(group.shapes) < 3
    complete = once and not name and all(one.fields[i].value == one.upto(i) for one in group.shapes)
    aside = once and i > 0 and name and step_rank(name) is None  # `0.3 seconds Unique: 24/24`
    return beyond or complete or bool(aside) or (not name and bool(BAR.search(group.first.text)))


def _rank(item: Field) -> float | None:
    if item.sep == "#":
        return 40
    if item.sep == "/" and len(item.name) > 1 and item.name[0] == "#" and step_rank(item.name) is None:
        return None  # `#finite = 30 of 120`: a number of something
    if item.sep == "/" and (not item.name or (step_rank(item.name) is None and not is_metric(item.name))):
        return 41
    if item.sep in "/-+[" or item.name:
        rank = step_rank(item.name)
        if rank is None and item.name.lower() == "progress":
            return 70
        return rank
    return None


def _restarts(group: Group) -> None:
    """Combine epoch and iteration into one step, where iterations restart each epoch and the line gives their total."""
    step = group.step
    assert step is not None
    values, total = group.values(step), group.first.fields[step].total
    epoch = epoch_of(group)
    if epoch is None or total is None or all(a <= b for a, b in zip(values, values[1:])):
        return
    group.expression = "epoch * _n + i"
    group.parts = {step: "i", epoch: "epoch"}


def epoch_of(group: Group) -> int | None:
    """The field that is the epoch, if another field is the step."""
    fields = [(i, item) for i, item in enumerate(group.first.fields) if i != group.step and item.sep not in "-#"]
    named = (i for i, item in fields if is_epoch(item.name) and not any(value % 1 for value in group.values(i)))
    sections = (
        i
        for i, item in fields
        if i == 0 and item.sep != "/" and (TRAIN.fullmatch(item.name) or APART.fullmatch(item.name))
    )
    return next(named, next(sections, None))


def is_epoch(name: str) -> bool:
    """Whether a name is that of an epoch; a letter alone is, but not behind other words."""
    last = name.lower().split(" ")[-1].strip(".")
    return last in EPOCHS and (len(last) > 1 or " " not in name)
