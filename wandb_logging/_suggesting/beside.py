"""Lines that are wanted because of the lines near them.

Such lines belong to a report, carry the same names as rows, or give the step of the rows below them.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence

from wandb_logging._mining.numbers import PLAIN
from wandb_logging._mining.vocabulary import APART, is_id, is_setting, is_timing, step_rank
from wandb_logging._suggesting.findings import increasing
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.shapes import Shape


def like_rows(groups: list[Group], kept: list[Group]) -> list[Group]:
    """Find lines that carry the names of rows: `| eval | F: 7 | R: 44` where `| train | F: 7 | R: 40` is a row."""
    known = [{name.rpartition("/")[2] for name in group.wanted.values()} for group in kept if len(group.shapes) > 2]
    found = []
    for group in groups:
        names = {i: item.name for i, item in enumerate(group.first.fields) if item.name and item.sep in ":="}
        same = [i for i, name in names.items() if any(name in others for others in known)]
        ends = _ENDS.match(group.first.text, group.first.head)
        if group not in kept and ends and len(group.first.fields) == 1 and any(ends[2] in others for others in known):
            group.wanted, group.step = {0: f"{ends[1]} {ends[2]}"}, None
            found.append(group)
            continue
        apart = APART.search(group.first.text[group.first.head :])
        enough = len(same) * 3 >= len(group.first.fields) * 2 if apart else len(same) == len(group.first.fields)
        if group not in kept and len(same) > 1 and enough:
            group.wanted = {i: names[i] for i in same}
            found.append(group)
        elif group not in kept and (again := _again(group, kept)):
            group.wanted, group.step = again, None
            found.append(group)
    return found


def _again(group: Group, kept: list[Group]) -> dict[int, str]:
    """The names of a line said once or twice that begins with a result of the rows: `Stress: 0.1` where they have it.

    A word may stand before it: `Start: AIC=70.9`. The line comes after the first row, or right before it.
    """
    one = group.first.fields[0]
    if len(group.shapes) >= _ROWS or one.sep not in ":=" or not one.value % 1 or is_setting(one.name):
        return {}
    rows = [
        other
        for other in kept
        if len(other.shapes) >= _ROWS
        and other.first.number < group.shapes[-1].number + _ROWS
        and any(name.lower() == one.name.lower() and _varies(other, i) for i, name in other.wanted.items())
    ]
    return {0: one.name} if rows else {}


_ROWS = 3


def _varies(group: Group, i: int) -> bool:
    values = group.values(i)
    return len(set(values)) > 1 and any(value % 1 for value in values)


def cut_short(groups: list[Group], kept: list[Group]) -> list[Group]:
    """Find the lines that are the beginning of rows: `Iter 9: f 1.5, gap 1e-8` where rows go on with `, 9 of 10`."""
    rows = [group for group in kept if len(group.shapes) >= _ROWS]
    found = []
    for group in groups:
        names = [one.name for one in group.first.fields]
        for row in rows if len(group.shapes) < _ROWS else ():
            begin = [one.name for one in row.first.fields[: len(names)]]
            if names == begin and row.first.key.startswith(group.first.key) and row.first.key != group.first.key:
                group.wanted = {i: name for i, name in row.wanted.items() if i < len(names)}
                group.step = row.step if row.step is not None and row.step < len(names) else None
                found += [] if group in kept or not group.wanted else [group]
                break
    return found


_ENDS = re.compile(rf"((?i:initial|final|best|last|overall)) +([A-Za-z][\w ]*?) *[:= ] *{PLAIN}%?\s*\Z")


def all_names(kept: list[Group]) -> None:
    """Take all numbers of a line said once that has the names of rows: `AVG  Elapsed: 1  MiB: 2` below such rows."""
    rows = [{name.rpartition(" ")[2] for name in group.wanted.values()} for group in kept if len(group.shapes) > 2]
    for group in kept:
        names = {i: item.name for i, item in enumerate(group.first.fields) if item.name and item.sep in ":="}
        if (
            group.step is None
            and len(names) > len(group.wanted) > 1
            and len(group.shapes) < 3
            and any(set(names.values()) <= known for known in rows)
        ):
            group.wanted = names


def longer_names(groups: list[Group], kept: list[Group]) -> list[Group]:
    """Find lines whose name ends with that of other lines, whose rule would take them: `inner loss: 1`, `loss: 2`."""
    known = {f" {name}" for group in kept if len(group.first.fields) == 1 for name in group.wanted.values()}
    found = []
    for group in groups:
        one = group.first.fields[0]
        if group not in kept and one.sep in ":=" and any(map(one.name.endswith, known)):
            group.wanted = {0: one.name}
            found.append(group)
    return found


def neighbours(groups: list[Group], kept: list[Group], begin: int) -> list[Group]:
    """Find lines `name: number` without a gap above or below a result that is said once: all are of one report."""
    taken = {id(group) for group in kept}
    left = {
        group.first.number: group
        for group in groups
        if id(group) not in taken and group.first.number >= begin and _is_of_report(group.first)
    }
    results = [
        group
        for group in kept
        if group.step is None
        and len(group.shapes) < 3
        and any(group.first.fields[i].sep != ">" for i in group.wanted)  # not `20 ms packets, 96 kbit/s`
    ]
    reached = [item.number for group in results for item in group.shapes]
    begins = {item.number for group in results if len(group.wanted) >= _SEVERAL for item in group.shapes}
    found: list[Group] = []
    for number in reached:  # grows by what is found
        if len(found) >= _LONGEST:
            break
        above = None if number in begins else left.pop(number - 1, None)
        for group in (above, left.pop(number + 1, None)):
            if group is not None:
                group.wanted, group.step = {0: group.first.fields[0].name}, None
                found.append(group)
                reached += [item.number for item in group.shapes if len(group.shapes) < 3]
    return found


def whole_reports(groups: list[Group], kept: list[Group], begin: int) -> list[Group]:
    """Find what has the name of a setting amid results: `Peak level dB`, `Crest factor`, in a report without gaps.

    A report is a run of lines `name: number`, most of which are results that are said once; some have decimals.
    """
    results = {id(group) for group in kept if group.step is None and group.wanted and len(group.shapes) <= _ROWS}
    if len(results) * 2 < _REPORT:
        return []
    lines = {
        item.number: (group, item)
        for group in groups
        if len(group.shapes) <= _ROWS and _is_clean(group.first)
        for item in group.shapes
        if item.number >= begin
    }
    found: dict[int, Group] = {}
    for start in sorted(number for number in lines if number - 1 not in lines):
        run = list(itertools.takewhile(lines.__contains__, range(start, start + _LONGEST)))
        told = sum(id(lines[number][0]) in results for number in run)
        measured = sum(bool(lines[number][1].fields[0].value % 1) for number in run)
        if len(run) < _REPORT or told * 2 < len(run) or measured * 4 < len(run):
            continue
        left = [group for group, _ in map(lines.__getitem__, run) if id(group) not in results and group not in kept]
        found.update((id(group), group) for group in left if not is_id(group.first.fields[0].name))
    for group in found.values():
        group.wanted, group.step = {0: group.first.fields[0].name}, None
    return list(found.values())


_REPORT = 8  # lines
_SEVERAL = 3  # results in one line, above which settings can stand
_LONGEST = 60  # lines of reports; a longer run of names and numbers is a list of something


def _is_of_report(item: Shape) -> bool:
    """Whether a line is a name and its number, and the name is not that of a setting, an id or a duration."""
    name = item.fields[0].name
    return _is_clean(item) and not (is_setting(name) or is_id(name) or is_timing(name))


def of_blocks(groups: list[Group], kept: list[Group]) -> list[Group]:
    """Find lines `name: number` that are always right beside a row of this form: `Loss: 1`, `Active features: 24`."""
    rows = {item.number for group in kept if len(group.shapes) > 2 and _is_clean(group.first) for item in group.shapes}
    taken = {id(group) for group in kept}
    left = [
        group
        for group in groups
        if id(group) not in taken and len(group.shapes) > 1 and _is_clean(group.first) and not _counts_on(group)
    ]
    found: list[Group] = []
    for group in [*left, *left] if rows else ():  # twice, for lines beside those found
        name = group.first.fields[0].name
        above = all(item.number - 1 in rows for item in group.shapes)
        ends = above and not any(item.number + 1 in rows for item in group.shapes)
        beside = above or all({item.number - 1, item.number + 1} & rows for item in group.shapes)
        if id(group) not in taken and not is_id(name) and (ends if group.step is not None else beside):
            taken.add(id(group))
            group.wanted, group.step = {0: name}, None
            rows |= {item.number for item in group.shapes}
            found.append(group)
    return found


def _counts_on(group: Group) -> bool:
    """Whether the number of a line is what counts: it is greater each time, more than once."""
    if group.step is None:
        return len(group.shapes) < _ROWS
    values = group.values(group.step)
    return len(group.first.fields) > 1 or (
        len(values) >= _ROWS and all(one < other for one, other in zip(values, values[1:]))
    )


def _is_clean(item: Shape) -> bool:
    """Whether a line is a name, a colon or an equals sign, and its number."""
    one = item.fields[0]
    alone = all(other.sep == " " and not other.value % 1 for other in item.fields[1:])  # `force = 3.5 on atom 262`
    named = alone and one.sep in ":=" and one.name and not _LIST.match(item.text, one.end)
    return bool(named) and _plain(item.text[item.head :]).startswith(_plain(one.name))


_LIST = re.compile(rf"(?:\s+{PLAIN}){{2,}}\s*\Z")  # `Histogram: 1 0 0`


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text))


def steps_alone(groups: list[Group], kept: list[Group], others: Sequence[int]) -> list[Group]:
    """Find lines that only count, such as `Time = 0.5`, if rows without a step come after them."""
    groups = [*groups, *_by_beginning(groups, kept)]
    without = sorted([*others, *(item.number for group in kept if group.step is None for item in group.shapes)])
    found = []
    for group in groups:
        if group in kept or group.step is None:
            continue
        item = group.first.fields[group.step]
        if not _only_goes_back(group.values(group.step)):
            continue
        if (not item.name and item.sep != "#") or (item.sep == "/" and len(set(group.values(group.step))) == 1):
            continue
        follows = sum(_comes_within(without, item.number, 40) for item in group.shapes)
        often = follows * 2 > len(group.shapes) > 1 or (follows and item.sep == "/")
        if often and (len(group.first.key.split()) < 16 or item.sep == "#"):
            group.wanted = {}
            found.append(group)
    found.sort(key=lambda group: (_begins_again(group), -len(group.shapes)))
    return found[:1]


def _begins_again(group: Group) -> bool:
    """Whether the step of lines that only count falls, as that of `batch 11/26` does in each epoch."""
    values = group.values(group.used[0])
    return any(one > other for one, other in zip(values, values[1:]))


def _only_goes_back(values: Sequence[float]) -> bool:
    """Whether numbers never fall but to where they began: `iterations: 3` below each result does not count."""
    return all(other >= one or other <= max(values[0], 1) for one, other in zip(values, values[1:]))


def _comes_within(numbers: Sequence[int], after: int, most: int) -> bool:
    """Whether one of these sorted numbers is greater than `after`, by at most `most`."""
    at = bisect_right(numbers, after)
    return at < len(numbers) and numbers[at] <= after + most


def _by_beginning(groups: list[Group], kept: list[Group]) -> list[Group]:
    """Group lines that begin with the same word and a number, whatever follows in them."""
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


def count_long_bars(groups: list[Group]) -> None:
    """Make a bar's counter the step if it goes on counting from epoch to epoch."""
    for group in groups:
        for i, item in enumerate(group.first.fields):
            values = group.values(i)
            on = len(values) > 2 and all(one < other for one, other in zip(values, values[1:]))
            if on and group.step is None and item.sep == "/" and not item.name:
                group.step = i


def count_bars(groups: list[Group]) -> None:
    """Make a progress bar's counter the step of what the bar shows, if no step is known yet."""
    for group in groups:
        for i, item in enumerate(group.first.fields):
            if group.step is None and item.sep == "/" and increasing(group.values(i)):
                group.step = i
