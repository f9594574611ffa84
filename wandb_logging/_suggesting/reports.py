"""Find reports: consecutive lines that each hold a name and its number, where enough of the names are results."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set as AbstractSet

from wandb_logging._mining.numbers import PLAIN
from wandb_logging._mining.vocabulary import is_id, is_metric, is_setting, is_timing, words
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.shapes import Shape


def report(groups: list[Group], kept: list[Group], begin: int) -> list[Group]:
    """Find consecutive lines of a name and a number, where at least a third of the names are results.

    Wide blanks are between the two, or a colon; with a colon, there can be headings between the lines, and the report
    comes after the rows, as settings come before them. Two such entries can be side by side.
    """
    return [
        *_reported(groups, kept, _WIDE_LINE, 1),
        *_reported(groups, kept, _ENTRY_LINE, 2, begin),
        *_reported(groups, kept, _WIDE_PAIRS, 1, begin),
        *_aligned(groups, kept, begin),
    ]


def _reported(groups: list[Group], kept: list[Group], form: re.Pattern[str], apart: int, begin: int = 0) -> list[Group]:
    lines = {
        item.number: group
        for group in groups
        if len(group.shapes) <= _REPORTS
        for item in group.shapes
        if item.number >= begin and form.match(item.text[item.head :])
    }
    found: list[Group] = []
    for run in _runs(sorted(lines), apart):
        names = [item.name for number in run for item in lines[number].first.fields]
        results = sum(is_metric(name) and not is_setting(name) for name in names)
        if len(run) > 3 and results * 3 >= len(names):
            for group in (lines[number] for number in run if lines[number] not in [*kept, *found]):
                fields = group.first.fields if form is _WIDE_PAIRS else group.first.fields[:1]
                wanted = {i: one.name for i, one in enumerate(fields) if _is_reported(one.name)}
                if wanted:
                    group.wanted, group.step = wanted, None
                    found.append(group)
    return found


def _aligned(groups: list[Group], kept: list[Group], begin: int) -> list[Group]:
    """Find reports at the end whose numbers or colons stand below one another, whatever the names: all are counts.

    In a log without rows such a report is in its second half, and one of its names is a result.
    """
    lines = {
        item.number: (group, item)
        for group in groups
        if len(group.shapes) <= _REPORTS
        for item in group.shapes
        if item.number >= begin and _is_entry(item)
    }
    half = max((group.shapes[-1].number for group in groups), default=0) // 2
    found: list[Group] = []
    wide = [number for number in lines if _WIDE_COUNT.match(lines[number][1].text[lines[number][1].head :])]
    for run in [*_runs(sorted(wide), _SECTIONS), *_runs(sorted(lines), 2)]:
        if not _are_counts([lines[number][1] for number in run], begin, half):
            continue
        for number in run:
            group = lines[number][0]
            if group not in [*kept, *found]:
                group.wanted, group.step = {0: group.first.fields[0].name}, None
                found.append(group)
            elif group.step is None:
                group.wanted.setdefault(0, group.first.fields[0].name)
    return found


def _are_counts(run: Sequence[Shape], begin: int, half: int) -> bool:
    """Whether lines below one another are a report of counts, and no list of things or of settings."""
    fields = [item.fields[0] for item in run]
    results = sum(is_metric(one.name) and not is_setting(one.name) for one in fields)
    chosen = sum(is_setting(one.name) for one in fields)
    told = begin > 0 or results * 3 >= len(run) or (run[len(run) // 2].number > half and results > 0)
    return told and _COUNTS <= len(run) <= _LIST and chosen * 3 <= len(run) and _is_below(run)


def _is_entry(item: Shape) -> bool:
    text = item.text[item.head :]
    return bool((item.fields[0].sep in ":=" and _COUNT_LINE.match(text)) or _WIDE_COUNT.match(text))


_WIDE_COUNT = re.compile(r"\s*[(:]{0,2}[A-Za-z](?:\S| (?! )){2,60} {2,}[-+]?\d[\d.]*(?:e[-+]?\d+)?\)?\s*\Z")
_SECTIONS = 5  # lines from one number of a report to the next, with a heading between them
_COUNTS, _LIST = 6, 200  # lines of counts that are surely a report; a longer run is a list of something
_COUNT_LINE = re.compile(
    r"\s*[A-Za-z](?:\S| (?! )){2,100}?\s*[:=]\s*[-+]?\d[\d.]*(?:e[-+]?\d+)?[KMG]?"
    r"\s?(?:%|[A-Za-zµ]{1,12}(?:/s)?)?\s*(?:\(.*)?\Z"
)


def _is_below(run: Sequence[Shape]) -> bool:
    """Whether the numbers of most lines, or their colons, begin or end in one column."""
    places = (
        [item.fields[0].start for item in run],
        [item.fields[0].end for item in run],
        [len(item.text[: item.fields[0].start].rstrip()) for item in run],
    )
    return any(max(map(column.count, column)) * 4 >= 3 * len(run) for column in places)


_REPORTS = 3  # reports of a program


def _is_reported(name: str) -> bool:
    return name != "" and not (is_setting(name) or is_id(name) or is_timing(name))


def under(headed: AbstractSet[int], groups: list[Group], kept: list[Group]) -> list[Group]:
    """Find the lines of reports that have a heading, whatever the names in them; of each its first number."""
    taken = {id(group) for group in kept}
    found: list[Group] = []
    for group in groups:
        first = group.first.fields[0]
        entry = all(item.number in headed for item in group.shapes) and first.sep in ":= " and first.name
        if id(group) in taken or not entry or is_id(first.name) or words(first.name)[-1:] in _OF_DATA:
            continue
        metrics = {i: one.name for i, one in enumerate(group.first.fields) if one.sep in ":=" and is_metric(one.name)}
        group.wanted = {i: group.with_word(name) for i, name in {0: first.name, **metrics}.items()}
        group.step = None
        found.append(group)
    return found


_OF_DATA = (["classes"], ["features"], ["parameters"], ["params"])  # what was there to learn from, and to learn


def percents(groups: list[Group], kept: list[Group]) -> list[Group]:
    """Find three or more consecutive lines `name: 12.3%`, and nothing else: `Rank-1 : 85.2%`, `Rank-5 : 94.1%`."""
    lines = {
        group.first.number: group
        for group in groups
        if group not in kept and len(group.shapes) == 1 and _PERCENT_LINE.match(group.first.text[group.first.head :])
    }
    found = [lines[number] for run in _runs(sorted(lines)) if len(run) > 2 for number in run]
    for group in found:
        group.wanted, group.step = {0: group.first.fields[0].name}, None
    return [group for group in found if group.wanted[0]]


_PERCENT_LINE = re.compile(r"\s*[A-Za-z][\w @/-]{0,40}?\s*[:=]\s*\d{1,3}(?:\.\d+)?\s?%\s*\Z")
_WIDE_LINE = re.compile(
    r"\s*[A-Za-z](?:\S| (?! )){2,40}(?: {2,}|:\s {2,})[-+]?\d[\d.]*(?:e[-+]?\d+)?\s*"
    r"(?:%|$| {2,}[\d.]+ *%|\(?(?:\+/?-|\u00b1) ?\d[\d.]*\)?\s*\Z)"
)

_WIDE_PAIRS = re.compile(
    rf"(?!.*\(\d)\s*(?:[A-Za-z](?:\S| (?! )){{2,30}}(?: {{2,}}|: +){PLAIN}"
    r"(?: {2,}|\s*\|\s*|\s*\Z)){2,4}\Z"
)
_ENTRY_LINE = re.compile(
    r"\s*[A-Za-z](?:[\w/%-]| (?! )){2,40}\s*:\s*[-+]?\d[\d.]*(?:e[-+]?\d+)?"
    r"\s?(?:%|[a-zµ]{1,12}(?:/s)?)?\s*(?:\([^()]*\))?\s*\Z"
)


def _runs(numbers: Sequence[int], apart: int = 1) -> list[list[int]]:
    """Group the numbers that follow one another."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number <= runs[-1][-1] + apart:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
