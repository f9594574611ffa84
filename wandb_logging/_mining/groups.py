"""Lines of one shape: which of their numbers counts, which are metrics, and whether they are worth a rule."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from wandb_logging._mining.findings import Finding, increasing, is_id
from wandb_logging._mining.shapes import BAR, Field, Shape
from wandb_logging._mining.vocabulary import APART, EPOCHS, TRAIN, is_left, is_metric, is_result, is_setting, step_rank

_BYTES = re.compile(r"(?:^|\s)[KMGT]?i?(?:Bytes|bits)(?:/s(?:ec)?)?$")
_UNIT_NAMES = frozenset("s sec secs second seconds minutes hours days ms msec bytes".split())


@dataclass
class Group:
    """Lines of one shape, and what of them is wanted.

    Attributes:
        step: index of the field that is the step, None if there is none.
        wanted: names by index of field.
        label: what goes before the names.
        expression: the step, if it is made of several fields.
        parts: names of fields that only the expression needs.
    """

    shapes: list[Shape]
    step: int | None = None
    wanted: dict[int, str] = field(default_factory=dict)
    label: str = ""
    expression: str = ""
    parts: dict[int, str] = field(default_factory=dict)
    word: tuple[int, str] | None = None

    @property
    def first(self) -> Shape:
        return self.shapes[0]

    def values(self, index: int) -> list[float]:
        return [item.fields[index].value for item in self.shapes]


def find_groups(shapes: Sequence[Shape], findings: Sequence[Finding]) -> list[Group]:
    by_key: dict[str, list[Shape]] = defaultdict(list)
    for item in shapes:
        if item.fields:
            by_key[f"{len(item.fields)} {item.key}"].append(item)
    groups = _merged([Group(items) for items in by_key.values()])
    for group in groups:
        _find_step(group)
        _find_wanted(group)
    regular = [group for group in groups if _is_regular(group)]
    starts = [group.first.number for group in regular if group.step is not None] + [
        item.first for item in findings if item.first
    ]
    begin = min(starts, default=0)
    kept = [*regular, *(group for group in groups if group not in regular and _is_said_once(group, begin))]
    kept += _neighbours(groups, kept, begin)
    if not findings and len(kept) == 1 and _TIMES.issuperset(" ".join(kept[0].wanted.values()).lower().split()):
        return []  # how long it took is no metric where there is no other
    _count_long_bars(kept)
    alone = _steps_alone(groups, kept)
    if not alone:
        _count_bars(kept)
    kept += alone
    return [group for group in kept if group.wanted or group.step is not None]


_TIMES = frozenset("total time elapsed duration real run took cpu wall".split())


def _merged(groups: list[Group]) -> list[Group]:
    """Groups that differ in one word, `Solving for Ux` and `Solving for Uy`, as one."""
    places: dict[tuple[int, str], list[Group]] = defaultdict(list)
    for group in groups:
        parts = group.first.key.split()
        for i, part in enumerate(parts[:12]):
            if i and re.fullmatch(r"[A-Za-z][\w.]{0,20},?", part) and len(parts) > 4:
                places[i, " ".join([*parts[:i], "~", *parts[i + 1 :]])].append(group)
    gone: set[int] = set()
    merged: list[Group] = []
    for (i, _), alike in sorted(places.items(), key=lambda item: -len(item[1])):
        left = [group for group in alike if id(group) not in gone]
        lengths = {len(group.first.fields) for group in left}
        if len(left) < 2 or sum(len(group.shapes) for group in left) < 4 or len(lengths) > 1:
            continue
        if not all(any(item.sep in ":=" and item.name for item in group.first.fields) for group in left):
            continue
        gone.update(map(id, left))
        every = sorted((item for group in left for item in group.shapes), key=lambda item: item.number)
        merged.append(Group(every, word=(i, "name")))
    return [*(group for group in groups if id(group) not in gone), *merged]


def _find_step(group: Group) -> None:
    """Which field counts, and whether several have to be put together."""
    fields = enumerate(group.first.fields)
    ranked = [
        (_is_constant(group.values(i)), rank, i)
        for i, item in fields
        if (rank := _rank(item)) is not None and _may_count(group, i, rank)
    ]
    if ranked:
        group.step = min(ranked)[2]
        _restarts(group)


def _is_constant(values: Sequence[float]) -> bool:
    """Whether a number counts nothing, where another does: how many steps each epoch had."""
    return len(values) > 2 and len(set(values)) == 1


def _may_count(group: Group, i: int, rank: float) -> bool:
    """Whether a field that is called as a step is one, by its place and by how it goes on."""
    item, values = group.first.fields[i], group.values(i)
    name = item.name.lower()
    timed = name in {"time", "t"}
    simulated = timed and item.sep in "=:" and (len(group.first.fields) == 1 or i == 0)
    if is_left(name) or (i > 0 and (item.sep == ">" or name == "t")):
        return False
    if (item.unit and item.unit != "s" and not simulated) or (
        item.sep in " >" and rank % 1 and (i > 0 or len(name.split()) > 5)
    ):
        return False
    if item.sep == "/" and not name and BAR.search(group.first.text):
        return False  # a progress bar: what it counts is within an epoch
    whole = all(value == int(value) for value in values if abs(value) < 1e15)
    if not whole and not simulated and name != "progress":
        return False
    if timed or name == "progress":
        return len(values) > 1 and increasing(values)
    return len(values) < 3 or increasing(values) or (len(set(values)) == 1 and bool(name))


def _rank(item: Field) -> float | None:
    if item.sep == "#":
        return 40
    if item.sep == "/" and (not item.name or (step_rank(item.name) is None and not is_metric(item.name))):
        return 41
    if item.sep in "/-+[" or item.name:
        rank = step_rank(item.name)
        if rank is None and item.name.lower() == "progress":
            return 70
        return rank
    return None


def _restarts(group: Group) -> None:
    """Iterations that begin again in each epoch are counted on, where the line says how many there are."""
    step = group.step
    assert step is not None
    values, total = group.values(step), group.first.fields[step].total
    epoch = _epoch(group)
    if epoch is None or total is None or all(a <= b for a, b in zip(values, values[1:])):
        return
    group.expression = "epoch * _n + i"
    group.parts = {step: "i", epoch: "epoch"}


def _epoch(group: Group) -> int | None:
    """The field that is the epoch, where another is the step."""
    fields = [(i, item) for i, item in enumerate(group.first.fields) if i != group.step and item.sep not in "-#"]
    named = (i for i, item in fields if is_epoch(item.name))
    sections = (
        i
        for i, item in fields
        if i == 0 and item.sep != "/" and (TRAIN.fullmatch(item.name) or APART.fullmatch(item.name))
    )
    return next(named, next(sections, None))


def is_epoch(name: str) -> bool:
    last = name.lower().split(" ")[-1].strip(".")
    return last in EPOCHS and (len(last) > 1 or " " not in name)


def _find_wanted(group: Group) -> None:
    counted = group.step is not None
    many = len(group.shapes)
    fields = group.first.fields
    for i, item in enumerate(fields):
        if i == group.step or not item.name or item.sep in "/-+#[" or is_id(item.name) or is_left(item.name):
            continue
        values = group.values(i)
        varies = len(set(map(str, values))) > 1
        if _wanted(item, counted=counted, many=many, varies=varies, fields=len(fields)):
            article, _, rest = item.name.partition(" ")
            name = rest if rest and article.lower() in _ARTICLES else item.name
            group.wanted[i] = name if group.word is None else f"$name {name}"
    epoch = _epoch(group)
    if epoch is not None and group.wanted and counted:
        group.wanted[epoch] = "epoch"


def _wanted(item: Field, *, counted: bool, many: int, varies: bool, fields: int) -> bool:
    """Whether a named number is a metric, by how it is named and how it goes on."""
    name = item.name
    if len(re.findall(r"\S*\w\S*", name)) > 6 or (
        item.sep in " >" and (name.lower() in _UNIT_NAMES or _BYTES.search(name))
    ):
        return False
    metric = is_metric(name)
    if item.sep == "is":
        return counted or (metric and name.partition(" ")[0].lower() not in _ARTICLES)
    if item.sep in ":=<":
        return counted or metric or (many > 2 and fields > 2) or (many > 1 and varies)
    if item.sep == " ":
        if step_rank(name) is not None and not metric and not is_epoch(name) and not counted:
            return False
        short = len(name.split()) < 4
        plain = counted and many > 2 and (varies or fields > 2)
        return (
            short and (metric or plain) and (counted or (many > 2 and varies) or fields > 1 or bool(APART.search(name)))
        )
    return metric or (counted and many > 1 and fields > 2) or (many > 2 and varies and fields > 2)


_ARTICLES = frozenset("a an the our my your".split())


def _is_regular(group: Group) -> bool:
    """Whether lines of this shape come again and again, or count."""
    if not group.wanted:
        return False
    many = len(group.shapes)
    if group.step is not None:
        return _counts(group, group.first.fields[group.step])
    if many == 2 and len(group.wanted) > 1 and not any(map(is_setting, group.wanted.values())):
        pairs = [group.values(i) for i in group.wanted]
        return all(a != b and (a % 1 or b % 1) for a, b in pairs)
    if len(group.wanted) == 1 and len(group.first.fields) > 1 and group.step is None:
        values = group.values(next(iter(group.wanted)))
        if all(other == one + 1 for one, other in zip(values, values[1:])) and not any(
            map(is_metric, group.wanted.values())
        ):
            return False  # the number of the line, and other numbers without names
    strong = [i for i in group.wanted if group.first.fields[i].sep in (":", "=", "<", "is")]
    varies = any(len(set(group.values(i))) > 1 for i in group.wanted)
    metric = any(map(is_metric, group.wanted.values()))
    return many > 2 and (varies or metric) and (bool(strong) or metric) and (metric or not _is_prose(group))


def _is_prose(group: Group) -> bool:
    """Whether lines have many words for their numbers."""
    return len(group.first.key.split()) > 6 * len(group.wanted) + 6


def _counts(group: Group, step: Field) -> bool:
    """Whether lines that count are worth a rule."""
    many, metric = len(group.shapes), any(map(is_metric, group.wanted.values()))
    if (_is_prose(group) and not metric) or (
        many == 1 and not any(group.first.fields[i].sep in ":=<" for i in group.wanted)
    ):
        return False
    return many > 2 or ((step.name != "" or step.sep == "/") and (many > 1 or metric))


def _is_said_once(group: Group, begin: int) -> bool:
    """Whether a line that comes once or twice tells a result: after the rows, or where there are none."""
    if not group.wanted:
        _find_alone(group, begin)
    wanted = group.wanted
    if len(wanted) == 1 and _LIST.match(group.first.text, group.first.fields[min(wanted)].end):
        return False
    if not any(is_metric(name) and not is_setting(name) for name in wanted.values()):
        return False
    strong = [i for i in wanted if group.first.fields[i].sep in (":", "=", "<", "is")]
    if group.first.number < begin and not all(is_result(wanted[i]) and group.values(i)[0] % 1 for i in wanted):
        return False
    bare = (
        (len(wanted) > 1 or (APART.search(wanted[min(wanted)]) and group.first.number >= begin))
        and all(map(is_metric, wanted.values()))
        and len(group.first.key.split()) <= 3 * len(wanted)
    )
    apart = len(wanted) > 1 and group.first.number >= begin and APART.search(group.first.text)
    alone = len(wanted) == 1 and begin and _is_alone(group)
    if not apart and ((not strong and not bare and not alone) or len(group.shapes) > 4):
        return False
    loose = len(group.first.key.split()) - 3 * len(wanted)
    if loose < 9:
        _of_one_report(group)
    return loose < 9


_LIST = re.compile(r"\s*,\s*[-+.\d]")


def _is_alone(group: Group) -> bool:
    """Whether a line is a name and its number, and nothing else."""
    item = group.first
    words = item.fields[0].name.split()
    return len(item.fields) == 1 and item.text[item.head : item.fields[0].start].split() == words and len(words) > 1


def _find_alone(group: Group, begin: int) -> None:
    """`Final energy  -76.41` below the rows."""
    name = group.first.fields[0].name
    if begin and group.first.number > begin and is_metric(name) and _is_alone(group) and group.values(0)[0] % 1:
        group.wanted[0] = name


def _of_one_report(group: Group) -> None:
    """`test loss: 1, test PER: 2` and `avg=1 med=2 p(90)=3`: what is named like the metrics in a line is one, too."""
    known = [name for name in group.wanted.values() if is_metric(name)]
    for i, item in enumerate(group.first.fields):
        name = item.name
        if i in group.wanted or i == group.step or not name or item.sep not in ":=" or is_setting(name) or is_id(name):
            continue
        apart = APART.match(name)
        if (apart and any(one.startswith(apart[0]) for one in known)) or (len(known) > 1 and item.sep == "="):
            group.wanted[i] = name


def _neighbours(groups: list[Group], kept: list[Group], begin: int) -> list[Group]:
    """Lines `name: number` right beside results that are said once: they are of the same report."""
    near = {
        item.number + by
        for group in kept
        if group.step is None and len(group.shapes) < 3
        for item in group.shapes
        for by in (-1, 1)
    }
    found = []
    for group in groups:
        item = group.first
        one = item.fields[0]
        clean = (
            len(item.fields) == 1
            and one.sep in ":="
            and one.name
            and item.text[item.head :].strip().startswith(one.name)
        )
        if (
            group in kept
            or not clean
            or item.number not in near
            or item.number < begin
            or is_setting(one.name)
            or is_id(one.name)
        ):
            continue
        group.wanted, group.step = {0: one.name}, None
        found.append(group)
    return found


def _steps_alone(groups: list[Group], kept: list[Group]) -> list[Group]:
    """Lines that only count, `Time = 0.5`, if rows without a step come after them."""
    groups = [*groups, *_by_beginning(groups, kept)]
    without = sorted(item.number for group in kept if group.step is None for item in group.shapes)
    found = []
    for group in groups:
        if group in kept or group.step is None:
            continue
        item = group.first.fields[group.step]
        if not item.name and item.sep != "#":
            continue
        follows = sum(_comes_within(without, item.number, 40) for item in group.shapes)
        often = follows * 2 > len(group.shapes) > 1 or (follows and item.sep == "/")
        if often and (len(group.first.key.split()) < 16 or item.sep == "#"):
            group.wanted = {}
            found.append(group)
    found.sort(key=lambda group: -len(group.shapes))
    return found[:1]


def _comes_within(numbers: Sequence[int], after: int, most: int) -> bool:
    """Whether one of these sorted numbers is at most so much greater."""
    at = bisect_right(numbers, after)
    return at < len(numbers) and numbers[at] <= after + most


def _count_long_bars(groups: list[Group]) -> None:
    """A bar that goes on from epoch to epoch counts what it shows, whatever counts around it."""
    for group in groups:
        for i, item in enumerate(group.first.fields):
            values = group.values(i)
            on = len(values) > 2 and all(one < other for one, other in zip(values, values[1:]))
            if on and group.step is None and item.sep == "/" and not item.name:
                group.step = i


def _count_bars(groups: list[Group]) -> None:
    """Progress bars count what they show, where no epoch around them does."""
    for group in groups:
        for i, item in enumerate(group.first.fields):
            if group.step is None and item.sep == "/" and increasing(group.values(i)):
                group.step = i


def _by_beginning(groups: list[Group], kept: list[Group]) -> list[Group]:
    """Lines that begin alike with a number, whatever follows."""
    begins: dict[str, list[Shape]] = defaultdict(list)
    for group in groups:
        if group in kept or len(group.shapes) > 3:
            continue
        for item in group.shapes:
            if item.fields and (item.fields[0].sep == "#" or step_rank(item.fields[0].name) is not None):
                begins[" ".join(item.key.split()[:2])].append(item)
    found = [Group(sorted(items, key=lambda item: item.number)) for items in begins.values() if len(items) > 2]
    for group in found:
        if increasing(group.values(0)):
            group.step = 0
    return found
