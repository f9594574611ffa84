"""Decide which numbers in lines of one shape are metrics, and which of these lines are worth a rule."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence, Set as AbstractSet

from wandb_logging._mining import units
from wandb_logging._mining.pairs import STATISTICS
from wandb_logging._mining.vocabulary import is_id, is_metric, is_setting
from wandb_logging._suggesting import beside, reports, step_search
from wandb_logging._suggesting.findings import Finding
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.no_metric import is_no_metric, is_vector
from wandb_logging._suggesting.regular import are_rows, goes_on, is_record, is_regular
from wandb_logging._suggesting.said_once import is_measured, is_said_once, leads, without_lists
from wandb_logging._suggesting.shapes import Shape
from wandb_logging._suggesting.worth import ARTICLES, Seen, is_worth


def find_groups(shapes: Sequence[Shape], findings: Sequence[Finding], headed: AbstractSet[int]) -> list[Group]:
    """The groups of lines that are worth a rule, with what is wanted from each.

    Args:
        shapes: all lines of the log, taken apart.
        findings: what was found before in other forms, such as tables.
        headed: numbers of the lines below headings such as `Results`.
    """
    groups = _alike(shapes)
    regular = _regular(groups)
    begin = _begin(regular, findings)
    kept = [group for group in regular if not _prepares(group, begin)]
    kept += [group for group in groups if group not in kept and is_said_once(group, begin) and not is_record(group)]
    kept = without_lists(kept)
    _add_others(kept, groups, headed, begin)
    if not findings and len(kept) == 1 and _is_how_long_it_took(kept[0]):
        return []
    _add_steps(kept, groups, findings)
    if not findings and not any(group.step is not None or _measures(group) for group in kept):
        kept = [group for group in kept if not _is_bare_count(group)]
    for group in kept:
        group.wanted = {i: name for i, name in group.wanted.items() if not is_vector(group, i)}
    return [group for group in kept if (group.wanted or group.step is not None) and not _stays(group)]


def _measures(group: Group) -> bool:
    """Whether a number of these lines is a result that is measured: it has decimals."""
    results = [i for i, name in group.wanted.items() if is_metric(_EXTREME.sub("", name))]
    return any(value % 1 for i in results for value in group.values(i))


_EXTREME = re.compile(r"(?i)\b(?:max|min)\b")  # also of what somebody chose, such as versions


def _is_bare_count(group: Group) -> bool:
    """Whether lines hold one whole number that nothing says to be a result: a member of each entry of a list."""
    place = next(iter(group.wanted), None)
    return (
        place is not None
        and len(group.shapes) >= _OFTEN
        and len(group.wanted) == 1
        and not is_metric(group.wanted[place])
        and all(isinstance(value, int) for value in group.values(place))
    )


def _is_how_long_it_took(group: Group) -> bool:
    """Whether the only number is a duration: no metric then, unless it is assigned, as in `request=2 time=317 us`."""
    assigned = any(group.first.fields[i].sep == "=" for i in group.wanted)
    return not assigned and _TIMES.issuperset(" ".join(group.wanted.values()).lower().split())


def _alike(shapes: Sequence[Shape]) -> list[Group]:
    """Group the lines of one shape, without those that only hold settings or say how long something took."""
    by_key: dict[str, list[Shape]] = defaultdict(list)
    for item in shapes:
        if item.fields:
            by_key[f"{len(item.fields)} {_but_for_units(item.key)}"].append(item)
    groups = _merged([Group(items) for alike in by_key.values() for items in _by_names(alike)])
    return [group for group in groups if not _are_switches(group) and not _is_aside(group)]


def _but_for_units(key: str) -> str:
    """The text of a shape without what differs where units change: `178ms` and `1.1s`, `0 B` and `3 kB`."""
    return _UNIT.sub(lambda match: f"#<{units.kind(match[1])}{'/' * ('/' in match[1])}>", key)


_UNIT = re.compile(rf"# ?({units.FORM})")


def _regular(groups: Sequence[Group]) -> list[Group]:
    """Find step and metrics of all groups by names and values. Returns those that surely tell metrics."""
    regular = []
    for group in groups:
        step_search.swap_counters(group)
        step_search.find_step(group)
        _find_wanted(group)
        if is_regular(group):
            regular.append(group)
    return regular


def _begin(regular: Sequence[Group], findings: Sequence[Finding]) -> int:
    """The number of the line with which the rows begin; 0 if there are none."""
    starts = [group.first.number for group in regular if group.step is not None and goes_on(group)]
    starts += [one.first for one in findings if one.first]
    return min(starts or [group.first.number for group in regular if are_rows(group)], default=0)


def _add_others(kept: list[Group], groups: list[Group], headed: AbstractSet[int], begin: int) -> None:
    """Add the groups that are wanted because of those that are kept, of headings, or of the lines beside them."""
    kept += beside.cut_short(groups, kept)
    kept += beside.like_rows(groups, kept)
    kept += reports.report(groups, kept, begin)
    kept += reports.under(headed, groups, kept)
    kept += reports.percents(groups, kept)
    kept += beside.longer_names(groups, kept)
    beside.all_names(kept)
    kept += beside.neighbours(groups, kept, begin)
    kept += beside.whole_reports(groups, kept, begin)
    kept += beside.of_blocks(groups, kept)


def _add_steps(kept: list[Group], groups: list[Group], findings: Sequence[Finding]) -> None:
    """Add the lines that only say the step; where there are none, the counter of a progress bar is the step."""
    beside.count_long_bars(kept)
    alone = beside.steps_alone(groups, kept, [number for one in findings if one.follows for number in one.lines])
    if not alone:
        beside.count_bars(kept)
    kept += alone


def _stays(group: Group) -> bool:
    """Whether lines tell again and again how many there are of something: `Number of electrons: 2` before each step.

    There may be a few such numbers that come again, as the sizes of two sets of data.
    """
    values = [value for i in group.wanted for value in set(group.values(i))]
    same = group.step is None and 0 < len(values) * _OFTEN <= len(group.shapes) * len(group.wanted)
    whole = all(isinstance(value, int) and value > 0 for value in values)
    return same and whole and all(map(_NUMBER_OF.match, group.wanted.values()))


_OFTEN = 3  # lines
_NUMBER_OF = re.compile(r"(?i)(?:max(?:imum)? |total )?(?:number|no\.?) of ")


def _are_switches(group: Group) -> bool:
    """Whether a line said once holds settings, some of them no numbers: `batch=16, amp=True, resume=None`."""
    return len(group.shapes) == 1 and len(_SWITCH.findall(group.first.text)) > 1


_SWITCH = re.compile(r"(?<![\w=])[A-Za-z]\w{0,40}=(?:True|False|None)\b")


def _is_aside(group: Group) -> bool:
    """Whether lines only say in brackets how long something took: `DONE (t=0.41s)`."""
    one = group.first.fields[0]
    return len(group.first.fields) == 1 and one.name == "t" and group.first.text[: one.start].endswith("(t=")


def _by_names(shapes: list[Shape]) -> list[list[Shape]]:
    """Separate lines whose names differ in digits, such as `p50: 1` and `p99: 3`, but not `a1: 1` and `a2: 1`."""
    kinds: dict[tuple[str, ...], list[Shape]] = defaultdict(list)
    for item in shapes:
        kinds[tuple(one.name for one in item.fields)].append(item)
    digits = [int("".join(re.findall(r"\d", "".join(names)))[:15] or 0) for names in kinds]
    counts = min(digits) < 2 and any(other == one + 1 for one, other in zip(digits, digits[1:]))
    again = min(map(len, kinds.values())) > 1
    return list(kinds.values()) if again or (len(kinds) < _FEW and not counts) else [shapes]


_FEW = 9
_TIMES = frozenset(["total", "time", "elapsed", "duration", "real", "run", "took", "cpu", "wall"])


def _merged(groups: list[Group]) -> list[Group]:
    """Merge groups that differ in one word, such as `Solving for Ux` and `Solving for Uy`."""
    places: dict[tuple[int, str], list[Group]] = defaultdict(list)
    for group in groups:
        parts = group.first.key.split()
        for i, part in enumerate(parts[:12]):
            first = i == 0 and (_NAME if _are_named_behind(group) else _CAPITAL).fullmatch(part)
            if i and _UNIT_WORD.fullmatch(part):
                continue
            if (first or (i and re.fullmatch(r"[A-Za-z][\w.]{0,20},?", part))) and len(parts) > 4:
                places[i, " ".join([*parts[:i], "~", *parts[i + 1 :]])].append(group)
    gone: set[int] = set()
    merged: list[Group] = []
    for (i, _), alike in sorted(places.items(), key=lambda item: -len(item[1])):
        left = [group for group in alike if id(group) not in gone]
        lengths = {len(group.first.fields) for group in left}
        if len(left) < 2 or sum(len(group.shapes) for group in left) < 3 or len(lengths) > 1:
            continue
        if not all(map(_has_name, left)) or _is_within_name(left[0].first, i) or _is_last(left[0].first, i):
            continue
        gone.update(map(id, left))
        every = sorted((item for group in left for item in group.shapes), key=lambda item: item.number)
        merged.append(Group(every, word=(i, "name")))
    return [*(group for group in groups if id(group) not in gone), *merged]


_CAPITAL, _NAME = re.compile(r"#?_?[A-Z]\w{2,30}"), re.compile(r"#?\w{3,31}")


def _are_named_behind(group: Group) -> bool:
    """Whether all names are behind their numbers, so that a word before them is none: `fsync  167 ops/sec  5974 us`."""
    return all(one.sep == ">" for one in group.first.fields)


def _is_last(item: Shape, i: int) -> bool:
    """Whether a word of a line is in a name behind the last number with one: `1.86s user time`, `0.66s system time`."""
    named = [one for one in item.fields if one.name]
    return bool(named) and named[-1].sep == ">" and item.key.split()[i] in named[-1].name.split()


_UNIT_WORD = re.compile(r"[kKMGT]?i?B(?:ytes)?(?:/s)?,?")


def _is_within_name(item: Shape, place: int) -> bool:
    """Whether the word at this place is in the middle of a name, as in `Number of memory bits: 0`, or one: `4 new`."""
    words = item.text[item.head :].split()
    word = words[place] if place < len(words) else ""
    return any(
        word in one.name.split()[1:-1] or (one.sep == ">" and one.name == word.strip(",.")) for one in item.fields
    )


def _has_name(group: Group) -> bool:
    """Whether a number of these lines has a name that does not depend on the words around it."""
    return any(item.name and (item.sep in ":=" or is_metric(item.name)) for item in group.first.fields)


_SPREAD = STATISTICS | {"largest", "smallest", "l2_norm"}  # of what was read, as well as of results


def _prepares(group: Group, begin: int) -> bool:
    """Whether lines tell of preparations: all are before the rows begin, and none of their names is a result."""
    counts = group.step is not None and len(group.shapes) > 1
    results = counts or any(is_metric(name) and name.lower() not in _SPREAD for name in group.wanted.values())
    return not results and group.shapes[-1].number < begin


def _find_wanted(group: Group) -> None:
    counted, many, fields = group.step is not None, len(group.shapes), group.first.fields
    for i, item in enumerate(fields):
        if i == group.step or is_no_metric(group, i):
            continue
        varies = len(set(map(str, group.values(i)))) > 1
        measured = item.sep in ":=" and many == 1 and is_measured(group, i) and leads(group.first, item)
        if measured or item.is_counted or is_worth(Seen(item, counted, many, varies, len(fields))):
            article, _, rest = item.name.partition(" ")
            name = rest if rest and article.lower() in ARTICLES else item.name
            group.wanted[i] = group.with_word(name)
    _take_beside_results(group)
    _drop_repeated(group)
    epoch = step_search.epoch_of(group)
    if epoch is not None and group.wanted and counted:
        group.wanted[epoch] = "epoch"


def _take_beside_results(group: Group) -> None:
    """Take numbers named by one word beside results.

    In lines that count, what is between results: `round 1: loss = 0.5 swaps 0 max delta 0.1`; in others, what varies as
    results do: `P 0.84  R 0.81  F1 0.82`.
    """
    many, results = len(group.shapes), sum(map(is_metric, group.wanted.values()))
    between = group.step is not None and many > 1 and results > 1
    if not between and (many < _FEWEST or (not results and len(group.wanted) < _FEWEST)):
        return
    first, last = min(group.wanted), max(group.wanted)
    for i, item in enumerate(group.first.fields):
        free = i not in group.wanted and i != group.step and item.sep == " " and len(item.name.split()) == 1
        values = group.values(i)
        measured = len(set(values)) > 1 and all(value % 1 for value in values) and not item.unit
        taken = first <= i < last if between else measured
        if free and taken and not (is_setting(item.name) or is_id(item.name)):
            group.wanted[i] = item.name


_FEWEST = 3  # lines that recur


def _drop_repeated(group: Group) -> None:
    """Drop a number that is there twice under one name: `step=3 loss=0.5 step=3`."""
    taken = {} if group.step is None else {group.first.fields[group.step].name: group.values(group.step)}
    for i, name in sorted(group.wanted.items()):
        if taken.get(name) == group.values(i):
            del group.wanted[i]
        taken.setdefault(name, group.values(i))
