"""Select and sort runs, with filters as the official `Api` sends them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wandb_logging.testing._store import Refusal

if TYPE_CHECKING:
    from wandb_logging.testing._stored import StoredRun

ABOUT: dict[str, Callable[[StoredRun], Any]] = {
    "name": lambda run: run.id,
    "displayName": lambda run: run.display_name,
    "display_name": lambda run: run.display_name,
    "state": lambda run: run.state,
    "group": lambda run: run.group,
    "jobType": lambda run: run.job_type,
    "job_type": lambda run: run.job_type,
    "tags": lambda run: list(run.tags),
}
COMPARED = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(run: StoredRun, wanted: Mapping[str, Any]) -> bool:
    """Whether a run matches a filter.

    Raises:
        Refusal: the filter has a name or an operator that is not supported here.
    """
    found = [_holds(run, name, value) for name, value in wanted.items()]  # each, so that a wrong one is refused
    return all(found)


def _holds(run: StoredRun, name: str, wanted: Any) -> bool:
    if name in ("$and", "$or"):
        found = [matches(run, each) for each in wanted]
        return all(found) if name == "$and" else any(found)
    value = value_of(run, name)
    asked = isinstance(wanted, dict) and any(word.startswith("$") for word in wanted)
    found = [_compares(word, value, to) for word, to in (wanted if asked else {"$eq": wanted}).items()]
    return all(found)


def value_of(run: StoredRun, name: str) -> Any:
    """A value of a run by name: an attribute, `config.a.b` or `summary_metrics.a`; None if the run has none."""
    first, _, rest = name.partition(".")
    if first in ("config", "summary_metrics", "summaryMetrics") and rest:
        return _within(run.config if first == "config" else run.summary, rest)
    if name not in ABOUT:
        raise Refusal(f"LocalServer cannot filter runs by {name!r}")
    return ABOUT[name](run)


def _within(tree: Any, path: str) -> Any:
    """The value at a path. A config value can be requested as `lr`, or as `lr.value`, as it is stored."""
    if not isinstance(tree, Mapping):
        return tree if path == "value" else None
    if path in tree:  # a metric's name may have dots
        return tree[path]
    first, _, rest = path.partition(".")
    return _within(tree[first], rest) if first in tree and rest else None


def _compares(word: str, value: Any, wanted: Any) -> bool:
    if word == "$exists":
        return (value is not None) == bool(wanted)
    if word == "$ne":
        return not _equals(value, wanted)
    if word in ("$in", "$nin"):
        return any(_equals(value, each) for each in wanted) == (word == "$in")
    if word == "$eq":
        return _equals(value, wanted)
    if word == "$regex":
        return isinstance(value, str) and re.search(wanted, value) is not None
    if word in COMPARED:
        return _of_a_kind(value, wanted) and bool(COMPARED[word](value, wanted))
    raise Refusal(f"LocalServer cannot filter runs with {word!r}")


def _equals(value: Any, wanted: Any) -> bool:
    """Whether values are equal. A list also equals each of its items, so that tags can be searched for."""
    return bool(value == wanted) or (isinstance(value, list) and wanted in value)


def _of_a_kind(value: Any, wanted: Any) -> bool:
    """Whether two values can be compared by size."""
    numbers = isinstance(value, (int, float)) and isinstance(wanted, (int, float))
    return numbers or (isinstance(value, str) and isinstance(wanted, str))


def in_order(runs: Sequence[StoredRun], order: str | None) -> list[StoredRun]:
    """Sort runs, given in the order of their creation, by a name with `+` or `-` before it.

    Runs without a value come last.

    Raises:
        Refusal: the name is not supported here.
    """
    name = (order or "created_at").lstrip("+-")
    backwards = (order or "").startswith("-")
    if name in ("created_at", "createdAt"):
        return list(runs[::-1] if backwards else runs)
    values = {run.id: value_of(run, name) for run in runs}
    having = [run for run in runs if isinstance(values[run.id], (int, float, str))]
    having.sort(key=lambda run: _sortable(values[run.id]), reverse=backwards)
    return [*having, *(run for run in runs if run not in having)]


def _sortable(value: float | str) -> tuple[bool, float, str]:
    text = isinstance(value, str)
    return (text, 0.0 if text else float(value), value if isinstance(value, str) else "")
