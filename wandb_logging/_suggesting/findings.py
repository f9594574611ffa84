"""What was found in a log by its form: rules and the lines they take. Also decides which number is the step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._mining.template import Found
from wandb_logging._mining.vocabulary import step_rank

Text = tuple[int, str]


@dataclass
class Finding:
    """Rules for one thing in a log, and the lines that these rules take.

    Attributes:
        rules: the rules, as `text_metrics.rules` has them.
        comment: what the rules are for.
        lines: numbers of the lines.
        first: number of the first row's line; 0 if that does not matter.
        follows: whether the rows can take their step from a line above them.
    """

    rules: list[dict[str, Any]]
    comment: str
    lines: set[int] = field(default_factory=set)
    first: int = 0
    follows: bool = False


def increasing(values: Sequence[float]) -> bool:
    """Whether numbers count up; they may start again from the beginning now and then."""
    ups = sum(one < other for one, other in zip(values, values[1:]))
    downs = [other for one, other in zip(values, values[1:]) if one > other]
    again = all(value <= values[0] for value in downs) and len(set(downs)) <= max(1, len(downs) // 2)
    return ups > 0 and (again or len(downs) <= max(1, len(values) // 4)) and len(downs) <= ups


def is_clock(value: object) -> bool:
    """Whether a number is a time of day: seconds or milliseconds since 1970."""
    return isinstance(value, (int, float)) and (1.2e9 < value < 3e9 or 1.2e12 < value < 3e12)


def _whole(values: Iterable[object]) -> list[float]:
    """The whole numbers among values; none beyond 1e15, which would count nothing."""
    numbers = [value for value in values if isinstance(value, (int, float))]
    return [value for value in numbers if abs(value) < 1e15 and value == int(value)]


def best_step(rows: Iterable[Found], names: Iterable[str], *, least: int = 2, exact: bool = False) -> str | None:
    """The name of the number that counts the rows; the finest one if several do.

    Args:
        rows: the numbers of each row.
        names: the names that may be a step's, in their order.
        least: how many thirds of the rows have to have it.
        exact: whether names that surely are a step's come first, and among them those that more rows have; a time that
            is not the first column is none then.
    """
    rows = list(rows)
    ranked: list[tuple[tuple[bool, int, float], int, str | None]] = []
    for place, name in enumerate(names):
        rank = 1 if name == "#" else step_rank(name.rpartition("/")[2] or name)
        values = [row[name] for row in rows if name in row]
        if rank is None or all(map(is_clock, values)) or (exact and place > 0 and name.lower() in {"time", "t", "n"}):
            continue
        counts = _whole(values)
        constant = len(set(counts)) == 1 < len(counts)  # as a step, it would make all rows one
        goes_on = constant or len(counts) == 1 or increasing(counts)
        if goes_on and len(counts) == len(values) >= least * len(rows) / 3:
            missing = len(rows) - len(values)
            order = (bool(rank % 1), missing, rank) if exact else (False, missing, rank)
            ranked.append((order, place, None if constant else name))
    best = min(ranked, key=lambda item: item[:2], default=None)
    # Of Outer_Iter and Inner_Iter, take the one that is not constant.
    alike = [item for item in ranked if best and item[0] == best[0] and item[2] is not None]
    return min(alike, key=lambda item: item[:2])[2] if alike else None
