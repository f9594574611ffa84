"""Whether lines of one shape are rows: they recur or count, and tell what changes or what comes of it."""

from __future__ import annotations

import re

from wandb_logging._mining.vocabulary import EPOCHS, ends_as_result, is_measure, is_metric, is_setting
from wandb_logging._suggesting import step_search
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.said_once import leads
from wandb_logging._suggesting.shapes import Field
from wandb_logging._suggesting.worth import has_unit, is_lasting


def is_regular(group: Group) -> bool:
    """Whether lines of this shape recur or count, so that they are rows."""
    if not group.wanted or is_record(group):
        return False
    if group.step is not None:
        return not _only_settings(group) and not _says_nothing(group) and _counts(group, group.first.fields[group.step])
    names = group.wanted.values()
    if len(group.shapes) == 2 and len(names) > 1 and not any(map(is_setting, names)):
        return _are_two_results(group)
    if _only_numbers_lines(group) or all(_NUMBER_OF.match(name.rpartition("/")[2]) for name in names):
        return False
    return len(group.shapes) > 2 and _tells_metrics(group)


_NUMBER_OF = re.compile(r"#|n_|num_")


def _only_settings(group: Group) -> bool:
    """Whether all that lines tell is what somebody chose, and stays so."""
    once = len(group.shapes) == 1
    return all(
        is_setting(name) and not ends_as_result(name) and (once or step_search.is_constant(group.values(i)))
        for i, name in group.wanted.items()
    )


def _are_two_results(group: Group) -> bool:
    """Whether two lines that count nothing tell results, which differ: all of them, or one if they are assigned."""
    pairs = [group.values(i) for i in group.wanted]
    assigned = all(group.first.fields[i].sep in ":=" for i in group.wanted)
    results = sum(map(is_metric, group.wanted.values())) * 2 > len(pairs)
    if assigned and results and any(one != other and one % 1 for one, other in pairs):
        return True
    return all(one != other and (one % 1 or other % 1) for one, other in pairs)


def _only_numbers_lines(group: Group) -> bool:
    """Whether the only number with a name grows by one from line to line, and the others have no names."""
    if len(group.wanted) != 1 or len(group.first.fields) == 1 or any(map(is_metric, group.wanted.values())):
        return False
    values = group.values(next(iter(group.wanted)))
    return all(isinstance(other, int) and other == one + 1 for one, other in zip(values, values[1:]))


def _tells_metrics(group: Group) -> bool:
    """Whether lines without a step tell a result; or what varies and has a name by its sign, its unit or its values."""
    fields = group.first.fields
    if sum(fields[i].unit == "%" for i in group.wanted) > 1 or any(map(is_metric, group.wanted.values())):
        return True
    varying = [values for values in map(group.values, group.wanted) if len(set(values)) > 1]
    strong = [i for i in group.wanted if fields[i].sep in _SIGNS or is_lasting(fields[i]) or has_unit(fields[i].name)]
    measured = sum(any(value % 1 for value in values) for values in varying)
    named = strong != [] or (len(group.shapes) >= _ROWS and measured > 1)
    begins = min(group.wanted) == 0 and 0 in strong and leads(group.first, fields[0])
    return varying != [] and named and (begins or not _is_prose(group))


_SIGNS = (":", "=", "<", "is")


def is_record(group: Group) -> bool:
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


def are_rows(group: Group) -> bool:
    metrics = [i for i, name in group.wanted.items() if is_metric(name)]
    many = _ROWS if not all(value % 1 for i in metrics for value in group.values(i)) else _FEW_ROWS
    return len(group.shapes) >= many and goes_on(group) and metrics != []


def goes_on(group: Group) -> bool:
    """Whether lines that count are rows, and not three below one another within a report."""
    numbers = [item.number for item in group.shapes]
    return len(numbers) > _FEW_ROWS or (len(numbers) > 1 and numbers[-1] - numbers[0] >= len(numbers))


_FEW_ROWS = 3  # if all their numbers have decimals
_ROWS = 5  # lines of one shape that are rows though none of their numbers counts
