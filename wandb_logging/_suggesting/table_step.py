"""Which column of a table counts its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wandb_logging._mining.template import Found
from wandb_logging._suggesting.findings import best_step, increasing


def step_of(rows: Sequence[Found], names: Sequence[str], *, led: bool) -> str | None:
    """The column that counts: found by name, else the first column if it counts.

    Args:
        rows: the numbers of the rows, by their columns.
        names: the columns.
        led: whether something is before the first column, such as a text; then that column, or a time, is no step.
    """
    step = best_step(rows, [name for name in names if not (led and name.lower() == "time")], least=1, exact=True)
    if step is not None:
        return step
    if not led and _first_counts(rows, names[0]):
        return names[0]
    return next((name for name in names if _AMOUNT.match(name) and _counts_up([row.get(name) for row in rows])), None)


def _first_counts(rows: Sequence[Found], name: str) -> bool:
    """Whether a first column, whose name says nothing of it, has whole numbers that grow from row to row."""
    values = [row[name] for row in rows if name in row]
    whole = [value for value in values if isinstance(value, int)]
    begins = len(values) > _SURE and all(name in row for row in rows[: len(values)])  # then comes another table
    mostly = begins or (len(values) > 2 and len(values) * 5 >= len(rows) * 4)
    often = sum(one != other for one, other in zip(values, values[1:])) * 4 >= len(values)
    return mostly and often and len(whole) == len(values) and _goes_up(whole, named=len(name) > _LETTERS)


_AMOUNT = re.compile(r"(?i)n(?:umber)?_(?:of_)?(?:trees|iterations|rounds|steps|epochs|samples)\Z")


def _counts_up(values: Sequence[object]) -> bool:
    """Whether whole numbers grow from row to row: `number_of_trees` is how far a model has come."""
    whole = [value for value in values if isinstance(value, (int, float)) and not value % 1]
    return len(whole) == len(values) > 2 and all(one < other for one, other in zip(whole, whole[1:]))


def _goes_up(values: Sequence[float], *, named: bool) -> bool:
    """Whether numbers grow from row to row; in the next table of the kind, by one, they may begin anew.

    In a few rows they may grow unevenly only if a word says what they are: a `Complexity`, but no `r`.
    """
    again = [i for i, (one, other) in enumerate(zip(values, values[1:])) if other < one]  # the last before it
    begins = [0, *(i + 1 for i in again), len(values)]
    blocks = {tuple(values[one:other]) for one, other in zip(begins, begins[1:])}
    if len(blocks) == 1 and again and len(values) > len(begins):
        return True  # the same numbers in each table
    steps = {other - one for i, (one, other) in enumerate(zip(values, values[1:])) if i not in again}
    if min(steps, default=0) <= 0 or (len(steps) > 1 and len(values) < (_SURE if named else _BY_CHANCE)):
        return False  # a load such as `1 3 3 4`: rows with the same step would be one
    return increasing(values) and (
        not again
        or (len(again) * 4 <= len(values) and steps == {1} and all(values[i + 1] < _ANEW < values[i] for i in again))
    )


_SURE = 4  # rows from the first on whose first number surely is what counts them
_ANEW = 3
_LETTERS = 2  # of a name that says nothing
_BY_CHANCE = 6  # so few different numbers may each be higher than the one before and yet count nothing
