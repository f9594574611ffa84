"""Lines that are said once, or a few times, and tell a result: after the rows, or in a log without rows."""

from __future__ import annotations

import re

from wandb_logging._mining.numbers import PLAIN
from wandb_logging._mining.pairs import STATISTICS
from wandb_logging._mining.vocabulary import (
    APART,
    is_id,
    is_metric,
    is_result,
    is_setting,
    is_timing,
    is_total_time,
    words,
)
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.shapes import Field, Shape

_FEW, _ROWS = 3, 5  # so many lines of one shape are told once, or are rows


def is_said_once(group: Group, begin: int) -> bool:
    """Whether a line that occurs only a few times tells a result."""
    if not group.wanted and _find_below(group, begin):
        return True
    _find_alone(group, begin)
    wanted, item = group.wanted, group.first
    first = item.fields[min(wanted, default=0)]
    if not _tells(group) or (len(wanted) == 1 and LIST.match(item.text, first.end)):
        return False
    if item.number < begin and not all(is_result(name) and group.values(i)[0] % 1 for i, name in wanted.items()):
        return False
    apart = len(wanted) > 1 and item.number >= begin and APART.search(item.text)
    if not apart and (len(group.shapes) > _FEW + 1 or not _is_plain(group, begin)):
        return False
    loose = len(item.key.split()) - 3 * len(wanted)
    begins = first.sep in ":=" and is_metric(first.name) and bool(first.value % 1)
    if loose < _LOOSE:
        _of_one_report(group)
    return loose < (_LOOSER if begins and leads(item, first) else _LOOSE)


_LOOSE, _LOOSER = 9, 16  # words beside three a number; if a result begins the line


def _tells(group: Group) -> bool:
    """Whether a number of a line is a result, and not all of them are durations."""
    fields = group.first.fields
    results = _tells_counts(group) or any(
        (is_metric(name) and not is_setting(name)) or is_measured(group, i) or is_result_unit(fields[i].unit)
        for i, name in group.wanted.items()
    )
    return results and not all(is_timing(name) or is_total_time(name) for name in group.wanted.values())


def _is_plain(group: Group, begin: int) -> bool:
    """Whether a sign ties a number to its name, or there is little in the line but names and numbers."""
    wanted, item = group.wanted, group.first
    first = item.fields[min(wanted)]
    if any(_is_tied(item.fields[i], name) for i, name in wanted.items()):
        return True
    if item.number >= begin > 0 and any(_is_clause(item, item.fields[i]) for i in wanted):
        return True
    if len(wanted) > 1 and _are_clauses(item):
        wanted.update((i, one.name) for i, one in enumerate(item.fields) if one.sep == " ")
        return True
    several = len(wanted) > 1 or (APART.search(wanted[min(wanted)]) and item.number >= begin)
    bare = several and len(item.key.split()) <= 3 * len(wanted) + bool(first.section)
    if len(wanted) == 1 and _is_alone(group) and (begin > 0 or is_result(first.name)):
        return True
    return bool(bare) and all(map(is_metric, wanted.values()))


def _is_tied(one: Field, name: str) -> bool:
    """Whether a sign is between a number and its name, or its name is a rate behind it."""
    return (
        one.sep in (":", "=", "is")
        or (one.sep == "<" and len(name.split()) < _PROSE)
        or (one.sep == ">" and bool(_RATE.search(name)))
    )


def _is_clause(item: Shape, one: Field) -> bool:
    """Whether a result's name and its number stand alone between commas and the like: `10 epochs; best loss 0.5`."""
    before, _, rest = item.text[item.head : one.start].rpartition(one.name)
    ends = _END.match(item.text, one.end + len(one.unit))
    result = is_metric(one.name) and not STATISTICS.issuperset(words(one.name))  # but `200 rows, mean 0.5` is of data
    return bool(one.value % 1 and result and ends and not rest.strip() and _STARTS.search(before))


_STARTS, _END = re.compile(r"(?:\A|[;,:.|#\t])\s*\Z"), re.compile(r"\s*(?:[;,|\t)]|\.?\Z)|\s(?:at|in|after|found|@)\s")


def _are_clauses(item: Shape) -> bool:
    """Whether a line is a list of names with their numbers: `1 contigs, total 19991 bp, min 300 bp, max 900 bp`."""
    parts = item.text[item.head :].strip(" .").split(", ")
    named = sum(bool(_CLAUSE.fullmatch(part)) for part in parts)
    return named > _FEW - 1 and named >= len(parts) - 1 == len(item.fields) - 1


_CLAUSE = re.compile(rf"[A-Za-z]\w*(?: [A-Za-z]+)? {PLAIN}(?: ?[A-Za-z%]{{1,5}})?")


def without_lists(kept: list[Group]) -> list[Group]:
    """Leave out lines of counts that are said once, if they are so many that they are a list of something."""
    counts = {id(group) for group in kept if len(group.shapes) < _ROWS and (_tells_counts(group) or _is_unknown(group))}
    return kept if len(counts) <= _REPORT else [group for group in kept if id(group) not in counts]


def _is_unknown(group: Group) -> bool:
    """Whether no name of a line is that of a result."""
    return group.step is None and not any(map(is_metric, group.wanted.values()))


_REPORT = 40  # lines of counts that can be a report


def _tells_counts(group: Group) -> bool:
    """Whether a line tells counts, most of which nobody chose: not `Model: 12 layers, 8 heads`."""
    counts = [is_setting(one.name) for one in group.first.fields if one.is_counted]
    return sum(counts) * 2 < len(counts)


_RATE = re.compile(r"[a-z]{3}/s(?:ec)?\Z|[a-z]/op\Z| per second\Z|\Afps\Z")
_PROSE = 4  # words before `<` that are no name: `reached the requested precision Fmax < 10`


def _is_alone(group: Group) -> bool:
    """Whether a line holds a name and its number, and nothing else."""
    item = group.first
    words = item.fields[0].name.split()
    before = item.text[item.head : item.fields[0].start]
    marked = item.text.lstrip().startswith("*")  # `* MAE 0.5`, as PyTorch's example for ImageNet marks its results
    return (
        len(item.fields) == 1
        and before.lstrip("* ").split() == words
        and (len(words) > 1 or marked or is_result(words[0]))
    )


def _find_alone(group: Group, begin: int) -> None:
    """Take a result such as `Final energy  -76.41` that is alone in its line: below the rows, or if there are none."""
    one = group.first.fields[0]
    told = group.first.number > begin if begin else is_result(one.name)
    if told and not group.wanted and is_metric(one.name) and one.value % 1 and _is_alone(group):
        group.wanted[0] = one.name


def _find_below(group: Group, begin: int) -> bool:
    """Take what is surely a result where it stands: below the rows, or behind a label that is a result's name.

    That is a name, a colon and a number with decimals alone in a line; the first number of a sentence with `is`, behind
    the name of a result; or nothing but pairs, most of them with decimals.
    """
    item, one = group.first, group.first.fields[0]
    below = begin > 0 and item.number > begin
    names = [other.name for other in item.fields]
    pairs = [other for other in item.fields if other.sep in ":=" and "." in item.text[other.start : other.end]]
    if below and one.sep == "is":
        if is_metric(one.name) and one.value % 1 and item.text.startswith(one.name, item.head):
            group.wanted = {0: one.name}
    elif one.sep not in ":=" or not _is_all_results(group, names):
        return False
    elif len(names) == 1:
        if below and one.value % 1 and _DURATIONS.isdisjoint(words(one.name)):
            group.wanted = {0: one.name}
    elif len(names) > 2 and len(pairs) * 2 > len(names):
        labelled = is_metric(one.section) and _DURATIONS.isdisjoint(words(one.section))
        if labelled or (below and _E_NOTATION.search(item.text)):
            group.wanted = dict(enumerate(names))
    return bool(group.wanted)


_DURATIONS = frozenset("total seconds runtime time times duration".split())
_E_NOTATION = re.compile(r"\d[eE][-+]\d")


def _is_all_results(group: Group, names: list[str]) -> bool:
    """Whether a line holds only numbers that have names, none of them of what somebody chose."""
    item = group.first
    told = len(group.shapes) <= _FEW and all(names) and not any(map(_is_chosen, names))
    return told and _is_all(item) and not LIST.match(item.text, item.fields[0].end)


def _is_chosen(name: str) -> bool:
    return is_setting(name) or is_id(name) or is_timing(name) or is_total_time(name)


def _is_all(item: Shape) -> bool:
    """Whether a line holds only names and numbers, with a label before them and a unit behind them at most."""
    names = [one.section for one in item.fields[:1]] + [one.name for one in item.fields]
    known = sum(len(_WORD.findall(text)) for text in names) + sum(bool(one.unit) for one in item.fields)
    unit = len(item.fields) == 1 and not item.fields[0].unit
    return known + unit >= len(_WORD.findall(item.blotted[item.head :]))


_WORD = re.compile(r"(?<![\w.])[A-Za-z]\w*")  # but not what is in 1.5E-03


def _of_one_report(group: Group) -> None:
    """Take the numbers that are named like the metrics beside them: `test loss: 1, test PER: 2`, `avg=1 med=2`."""
    known = [name for name in group.wanted.values() if is_metric(name)]
    whole = _is_all_pairs(group.first)
    for i, item in enumerate(group.first.fields):
        name = item.name
        if i in group.wanted or i == group.step or not name or item.sep not in ":=" or is_setting(name) or is_id(name):
            continue
        apart = APART.match(name)
        if (apart and any(one.startswith(apart[0]) for one in known)) or len(known) > 1 or whole:
            group.wanted[i] = name


def _is_all_pairs(item: Shape) -> bool:
    """Whether a line holds only names and numbers: `eval loss: 0.4, accu: 0.8`."""
    words = sum(len(re.findall(r"[A-Za-z]\w*", one.name)) for one in item.fields)
    rest = (
        len(re.findall(r"[A-Za-z]\w*", item.blotted[item.head :])) - words - sum(bool(one.unit) for one in item.fields)
    )
    text = item.text[item.head :]
    for one in item.fields:
        text = text.replace(one.name, "", 1)  # `delay (least slack): 4.8 ns, Fmax: 207 MHz`
    bare = not re.search(r"(?<!\S)[(\[]", text)
    return len(item.fields) > 1 and rest < 1 and bare and all(one.name and one.sep in ":=" for one in item.fields)


def is_measured(group: Group, i: int) -> bool:
    """Whether a number has its uncertainty behind it, as results do, or its rate: `1.178 +/- 0.004`, `84 8.4/s`."""
    one, text = group.first.fields[i], group.first.text
    return bool((one.value % 1 and _UNCERTAIN.match(text, one.end)) or _RATED.match(text, one.end))


_UNCERTAIN = re.compile(r"\s?\(?(?:\+/?-|±)\s?\d|\(\d{1,3}\)(?!\w)")
_RATED = re.compile(r"(?:\s?[kMGT]?i?B|[kMGT])?(?: at)?\s{1,20}\(?\d[\d,.]{0,20}\s?(?:[kMGT]?i?B)?(?:/s| per second)\b")


def leads(item: Shape, one: Field) -> bool:
    """Whether a number and its name begin the line; a word and a colon may come before them."""
    before = _SAID_BY.sub("", item.text[item.head : one.start])
    return before.strip(" :=.").rpartition(":")[2].strip() == one.name


_SAID_BY = re.compile(r"\[[A-Za-z]\w{0,20}\] ")
LIST = re.compile(rf"\s*,\s*[-+.\d]|(?:\s+{PLAIN}){{2,}}\s*\Z")


def is_result_unit(unit: str) -> bool:
    """Whether numbers with this unit are measured, not chosen: rates, and what is said in decibels."""
    return unit.endswith("/s") or unit == "dB"
