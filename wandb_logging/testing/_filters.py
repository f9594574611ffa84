"""Selects and sorts runs and collections, with filters as the official `Api` sends them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

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
    "createdAt": lambda run: run.created_at,
    "created_at": lambda run: run.created_at,
}
About = Callable[[Any, str], Any]
_Thing = TypeVar("_Thing")
COMPARED = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def value_of(run: StoredRun, name: str) -> Any:
    """A value of a run by name: an attribute, `config.a.b` or `summary_metrics.a`; None if the run has none."""
    first, _, rest = name.partition(".")
    if first in ("config", "summary_metrics", "summaryMetrics") and rest:
        return _within(run.config if first == "config" else run.summary, rest)
    if name not in ABOUT:
        raise Refusal(f"LocalServer cannot filter runs by {name!r}")
    return ABOUT[name](run)


def matches(thing: Any, wanted: Mapping[str, Any], about: About = value_of) -> bool:
    """Whether a run, or another thing, matches a filter.

    Args:
        thing: the run.
        wanted: the filter.
        about: gives a value of it by name.

    Raises:
        Refusal: the filter has a name or an operator that is not supported here.
    """
    # Each is looked at, so that a wrong one is refused.
    found = [_holds(thing, name, value, about) for name, value in wanted.items()]
    return all(found)


def _holds(thing: Any, name: str, wanted: Any, about: About) -> bool:
    if name in ("$and", "$or"):
        found = [matches(thing, each, about) for each in wanted]
        return all(found) if name == "$and" else any(found)
    value = about(thing, name)
    asked = isinstance(wanted, dict) and any(word.startswith("$") for word in wanted)
    found = [_compares(word, value, to) for word, to in (wanted if asked else {"$eq": wanted}).items()]
    return all(found)


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


def in_order(things: Sequence[_Thing], order: str | None, about: About = value_of) -> list[_Thing]:
    """Sort runs, or other things, given in the order of their creation, by a name with `+` or `-` before it.

    Those without a value come last.

    Args:
        things: the runs.
        order: the name, with its sign. Default: as they were created.
        about: gives a value of one by name.

    Raises:
        Refusal: the name is not supported here.
    """
    name = (order or "created_at").lstrip("+-")
    backwards = (order or "").startswith("-")
    if name in ("created_at", "createdAt"):
        return list(things[::-1] if backwards else things)
    values = [(about(each, name), each) for each in things]
    having = [pair for pair in values if isinstance(pair[0], (int, float, str))]
    having.sort(key=lambda pair: _sortable(pair[0]), reverse=backwards)
    return [each for _, each in having] + [each for value, each in values if not isinstance(value, (int, float, str))]


def _sortable(value: float | str) -> tuple[bool, float, str]:
    text = isinstance(value, str)
    return (text, 0.0 if text else float(value), value if isinstance(value, str) else "")
