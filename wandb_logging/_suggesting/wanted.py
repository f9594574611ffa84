"""Decide which numbers in lines of one shape are metrics, and whether these lines are worth a rule."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence, Set as AbstractSet

from wandb_logging._mining import units
from wandb_logging._mining.numbers import PLAIN
from wandb_logging._mining.pairs import STATISTICS
from wandb_logging._mining.vocabulary import (
    EPOCHS,
    ends_as_result,
    is_id,
    is_left,
    is_measure,
    is_metric,
    is_setting,
    words,
)
from wandb_logging._suggesting import beside, reports, step_search
from wandb_logging._suggesting.findings import Finding
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.said_once import is_measured, is_said_once, leads, without_lists
from wandb_logging._suggesting.shapes import Field, Shape
from wandb_logging._suggesting.worth import ARTICLES, Seen, has_unit, is_lasting, is_worth


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
    kept += [group for group in groups if group not in kept and is_said_once(group, begin) and not _is_record(group)]
    kept = without_lists(kept)
    _add_others(kept, groups, headed, begin)
    if not findings and len(kept) == 1 and _is_how_long_it_took(kept[0]):
        return []
    _add_steps(kept, groups, findings)
    if not findings and not any(group.step is not None or _measures(group) for group in kept):
        kept = [group for group in kept if not _is_bare_count(group)]
    for group in kept:
        group.wanted = {i: name for i, name in group.wanted.items() if not _is_vector(group, i)}
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
        if _is_regular(group):
            regular.append(group)
    return regular


def _begin(regular: Sequence[Group], findings: Sequence[Finding]) -> int:
    """The number of the line with which the rows begin; 0 if there are none."""
    starts = [group.first.number for group in regular if group.step is not None and _goes_on(group)]
    starts += [one.first for one in findings if one.first]
    return min(starts or [group.first.number for group in regular if _are_rows(group)], default=0)


def _add_others(kept: list[Group], groups: list[Group], headed: AbstractSet[int], begin: int) -> None:
    """Add the groups that are wanted because of those that are kept, of headings, or of the lines beside them."""
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
    """Whether lines tell again and again how many there are of something: `Number of electrons: 2` before each step."""
    values = [value for i in group.wanted for value in set(group.values(i))]
    same = group.step is None and len(group.shapes) >= _OFTEN and len(values) == len(group.wanted) > 0
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
_FEW_ROWS = 3  # if all their numbers have decimals
_ROWS = 5  # lines of one shape that are rows though none of their numbers counts


def _are_rows(group: Group) -> bool:
    metrics = [i for i, name in group.wanted.items() if is_metric(name)]
    many = _ROWS if not all(value % 1 for i in metrics for value in group.values(i)) else _FEW_ROWS
    return len(group.shapes) >= many and _goes_on(group) and metrics != []


def _goes_on(group: Group) -> bool:
    """Whether lines that count are rows, and not three below one another within a report."""
    numbers = [item.number for item in group.shapes]
    return len(numbers) > _FEW_ROWS or (len(numbers) > 1 and numbers[-1] - numbers[0] >= len(numbers))


_TIMES = frozenset(["total", "time", "elapsed", "duration", "real", "run", "took", "cpu", "wall"])


def _merged(groups: list[Group]) -> list[Group]:
    """Merge groups that differ in one word, such as `Solving for Ux` and `Solving for Uy`."""
    places: dict[tuple[int, str], list[Group]] = defaultdict(list)
    for group in groups:
        parts = group.first.key.split()
        for i, part in enumerate(parts[:12]):
            first = i == 0 and re.fullmatch(r"#?_?[A-Z]\w{2,30}", part)
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
        if i == group.step or any(against(group, i) for against in _AGAINST):
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


def _has_no_name(group: Group, i: int) -> bool:
    return not group.first.fields[i].name


def _is_counter(group: Group, i: int) -> bool:
    return group.first.fields[i].sep in "/-+#[" and not _is_share(group, i)


def _is_of_the_writer(group: Group, i: int) -> bool:
    """Whether a number is the same in all lines, in brackets: `[proc 0]`."""
    bracketed = len(group.shapes) > 1 and _is_in_brackets(group.first, group.first.fields[i])
    return bracketed and len(set(map(str, group.values(i)))) == 1


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
    repeated = i + 1 < len(group.first.fields) and group.first.fields[i + 1].name.endswith(
        "/op"
    )  # Copy-2  4278  51 ns/op
    return item.sep == " " and (
        (repeated and _is_beside(group.first, i + 1)) or (not known and _is_followed(group.first, i))
    )


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


def _is_of_no_interest(group: Group, i: int) -> bool:
    """Whether a number identifies something, or says what is left; `1.2 us, 98.5 id` are times."""
    item = group.first.fields[i]
    return not item.is_counted and (is_id(item.name) or is_left(item.name))


def _is_term(group: Group, i: int) -> bool:
    """Whether a number is a term of an expression: `cost = 20 * products + 10 * sums`."""
    return bool(_TERM.match(group.first.text, group.first.fields[i].end))


_TERM = re.compile(r" ?[*] ?[A-Za-z(]")


def _is_share(group: Group, i: int) -> bool:
    """Whether a line says only how many of all are right: `Accuracy on training data: 40900 / 50000`."""
    item = group.first.fields[i]
    alone = (
        item.total is not None
        and len(group.first.fields) == 1
        and not {"accuracy", "correct"}.isdisjoint(words(item.name))
    )
    return alone and leads(group.first, item)


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


def _is_vector(group: Group, i: int) -> bool:
    """Whether a number is the first of several in brackets, different ones if commas part them: it is no metric."""
    return any(_is_point(item.text, item.fields[i].start) for item in (group.first, group.shapes[-1]))


def _is_point(text: str, start: int) -> bool:
    match = _VECTOR.match(text, max(len(text[:start].rstrip()) - 1, 0))
    return match is not None and ("," not in match[1] or len(set(re.findall(r"[^\s,]+", match[1]))) > 1)


_VECTOR = re.compile(rf"\[(\s?{PLAIN}(?:(?:,\s{{0,3}}|\s{{1,9}}){PLAIN})+)\s?\]")


def _drop_repeated(group: Group) -> None:
    """Drop a number that is there twice under one name: `step=3 loss=0.5 step=3`."""
    taken = {} if group.step is None else {group.first.fields[group.step].name: group.values(group.step)}
    for i, name in sorted(group.wanted.items()):
        if taken.get(name) == group.values(i):
            del group.wanted[i]
        taken.setdefault(name, group.values(i))


def _is_in_brackets(item: Shape, one: Field) -> bool:
    """Whether a name and its number are in brackets, alone as in `[proc 0]` or before what the line says."""
    if item.text.startswith("[") and one.end < item.text.find("]: "):
        return True  # `[Parallel(n_jobs=2)]: Done`
    before, after = item.text[: one.start].rstrip(), item.text[one.end : one.end + 1]
    return one.sep == " " and after in {"]", ")"} and before.endswith(("[" + one.name, "(" + one.name))


def _is_followed(item: Shape, i: int) -> bool:
    """Whether a number without a name comes right after a number."""
    return i + 1 < len(item.fields) and not item.fields[i + 1].name and _is_beside(item, i + 1)


def _is_beside(item: Shape, i: int) -> bool:
    """Whether there are only blanks between a number and the one before it."""
    return not item.text[item.fields[i - 1].end : item.fields[i].start].strip()


def _is_announced(group: Group, i: int) -> bool:
    """Whether a count says what is begun, and not what came of it: `dispatching hogs: 2 cpu, 1 vm`."""
    item = group.first.fields[i]
    return item.is_counted and bool(_BEGUN.match(item.section))


_BEGUN = re.compile(r"(?i)(?:dispatching|starting|launching|spawning|creating|allocating)\b")


_AGAINST = (
    _has_no_name,
    _is_counter,
    _is_of_no_interest,
    _is_vector,
    _is_progress,
    _is_of_the_writer,
    _is_place,
    _is_remark,
    _is_first_of_row,
    _is_term,
    _is_announced,
)  # what a number must not be to be a metric


def _is_regular(group: Group) -> bool:
    """Whether lines of this shape recur or count, so that they are rows."""
    if not group.wanted or _is_record(group):
        return False
    many = len(group.shapes)
    if group.step is not None:
        once = many == 1
        chosen = all(
            is_setting(name) and not ends_as_result(name) and (once or step_search.is_constant(group.values(i)))
            for i, name in group.wanted.items()
        )
        return not chosen and not _says_nothing(group) and _counts(group, group.first.fields[group.step])
    if many == 2 and len(group.wanted) > 1 and not any(map(is_setting, group.wanted.values())):
        pairs = [group.values(i) for i in group.wanted]
        results = sum(map(is_metric, group.wanted.values())) * 2 > len(pairs) and all(
            group.first.fields[i].sep in ":=" for i in group.wanted
        )
        return (results and any(a != b and a % 1 for a, b in pairs)) or all(
            a != b and (a % 1 or b % 1) for a, b in pairs
        )
    if len(group.wanted) == 1 and len(group.first.fields) > 1 and group.step is None:
        values = group.values(next(iter(group.wanted)))
        if all(isinstance(other, int) and other == one + 1 for one, other in zip(values, values[1:])) and not any(
            map(is_metric, group.wanted.values())
        ):
            return False  # the line number, and other numbers without names
    if all(re.match(r"#|n_|num_", name.rpartition("/")[2]) for name in group.wanted.values()):
        return False
    signs, one = (":", "=", "<", "is"), group.first.fields
    strong = [i for i in group.wanted if one[i].sep in signs or is_lasting(one[i]) or has_unit(one[i].name)]
    varies = any(len(set(group.values(i))) > 1 for i in group.wanted)
    percents = sum(group.first.fields[i].unit == "%" for i in group.wanted)
    metric = percents > 1 or any(map(is_metric, group.wanted.values()))
    measured = sum(
        len(set(values)) > 1 and any(value % 1 for value in values) for values in map(group.values, group.wanted)
    )
    named = bool(strong) or (many >= _ROWS and measured > 1)
    begins = min(group.wanted) == 0 and 0 in strong and leads(group.first, group.first.fields[0])
    return many > 2 and (varies or metric) and (named or metric) and (metric or begins or not _is_prose(group))


def _is_record(group: Group) -> bool:
    """Whether lines are records of a service or of the system, which count nothing and tell no result."""
    counts = group.step is not None and len(set(group.values(group.step))) > 1
    return not counts and bool(_RECORD.search(group.first.text)) and not any(map(is_measure, group.wanted.values()))


_RECORD = re.compile(
    r"\blevel=[a-z]+\b.{0,80} msg=|\"(?:level|severity|caller)\": ?\""  # of an application's logger
    r"|\A[IWEF]\d{4} \d\d:|\A(?:\S+ ){0,5}\[ {0,6}\d+\.\d{6}\] "  # I0304 05:06:07, [    0.123456]
)


def _says_nothing(group: Group) -> bool:
    """Whether the only number beside the counter is the same in all lines and no result: `Step 3: ran 100 steps`."""
    same = len(group.shapes) > 2 and all(map(step_search.is_constant, map(group.values, group.wanted)))
    loose = all(group.first.fields[i].sep in " >" and not is_metric(name) for i, name in group.wanted.items())
    return (same and loose) or EPOCHS.issuperset(group.wanted.values())


def _is_prose(group: Group) -> bool:
    """Whether lines have many words compared with their numbers."""
    return len(group.first.key.split()) > 6 * len(group.wanted) + 6


def _counts(group: Group, step: Field) -> bool:
    """Whether lines that count are worth a rule."""
    many, metric = len(group.shapes), any(map(is_metric, group.wanted.values()))
    if (_is_prose(group) and not metric) or (
        many == 1 and not any(group.first.fields[i].sep in ":=<" for i in group.wanted)
    ):
        return False
    signed = metric and many > 1 and all(group.first.fields[i].sep in ":=" for i in group.wanted)
    return many > 2 or (step.sep == "#" and signed) or ((step.name != "" or step.sep == "/") and (many > 1 or metric))
