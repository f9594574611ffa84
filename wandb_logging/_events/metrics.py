r"""Metric definitions: x axis, summary aggregates and visibility by name (protocol 5.6). Pure: no I/O.

A definition is a JSON object, kept under its name: `{"step_metric": "epoch", "step_sync": true, "hidden": false,
"summary": ["max"]}`. A name that ends in `*` is a glob. A metric is named by its path in the row: `val.acc` is
`{"val": {"acc": ...}}`, and a dot that belongs to a key is written `\.` (protocol 5.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wandb_logging._dataclass import dataclass

AGGREGATES = ("min", "max", "mean", "first", "last", "none")

Definitions = dict[str, dict[str, Any]]
"""Maps names and globs to definitions, in the order in which they were defined."""

_PLAIN: dict[str, Any] = {"step_metric": None, "step_sync": False, "hidden": False, "summary": []}
_SUMMARY_FLAGS = {"min": 1, "max": 2, "mean": 3, "last": 5, "none": 6, "first": 8}


@dataclass(frozen=True)
class Metric:
    """The checked arguments of `define_metric`. None means: as an earlier definition of that name says.

    Attributes:
        name: name of the metric. With a `*` at its end it means all metrics that begin so and have no own definition.
        step_metric: the metric that is the x axis of this one.
        step_sync: whether a row without the step metric gets that one's last value. True if a step metric is given.
        hidden: whether the web page leaves it out of automatic charts.
        summary: what the summary shows of the metric: any of min, max, mean, first, last; or none.
        overwrite: whether an earlier definition is replaced instead of added to.
    """

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] | None = None
    overwrite: bool = False

    @classmethod
    def of(
        cls,
        name: object,
        step_metric: object = None,
        *,
        step_sync: object = None,
        hidden: object = None,
        summary: object = None,
        overwrite: object = None,
    ) -> Metric:
        """Make a definition of the arguments that a person gives.

        Args:
            step_metric: a name or a Metric.
            summary: names separated by commas, or a list of them.

        Raises:
            ValueError: an argument is wrong; the message says which, and what is expected.
        """
        return cls(
            _name(name),
            None if step_metric is None else _step_name(step_metric),
            _flag("step_sync", step_sync) if step_sync is not None else (True if step_metric is not None else None),
            _flag("hidden", hidden),
            None if summary is None else _aggregates(summary),
            bool(_flag("overwrite", overwrite)),
        )

    def event(self) -> dict[str, Any]:
        """The definition in the journal's form, which holds only what was given."""
        parts = {
            "name": self.name,
            "step_metric": self.step_metric,
            "step_sync": self.step_sync,
            "hidden": self.hidden,
            "summary": None if self.summary is None else list(self.summary),
            "overwrite": self.overwrite or None,
        }
        return {key: value for key, value in parts.items() if value is not None}


def _name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError(f"name: the name of a metric, not {name!r}")
    if "*" in name[:-1]:
        raise ValueError(f"name: at most one *, at its end, not {name!r}")
    return name


def _step_name(step: object) -> str:
    name = step.name if isinstance(step, Metric) else step
    if not isinstance(name, str) or not name:
        raise ValueError(f"step_metric: the name of a metric, not {step!r}")
    return name


def _flag(key: str, value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{key}: true or false, not {value!r}")
    return value


def _aggregates(summary: object) -> tuple[str, ...]:
    names = summary.split(",") if isinstance(summary, str) else summary
    wrong = ValueError(f"summary: any of {', '.join(AGGREGATES)}, not {summary!r}")
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise wrong
    known = tuple(dict.fromkeys(name.strip().lower() for name in names))
    if not set(known) <= set(AGGREGATES):
        raise wrong
    return known


# --- definitions ------------------------------------------------------------------------------------


def is_definition(given: object) -> bool:
    """Whether a JSON value is a definition, as `Metric.event` writes it."""
    return (
        isinstance(given, dict)
        and _is_name(given.get("name"))
        and _is_name(given.get("step_metric", "a"))
        and isinstance(given.get("summary", []), list)
        and all(isinstance(name, str) and name in AGGREGATES for name in given.get("summary", ()))
    )


def _is_name(value: object) -> bool:
    # A name has no lone surrogates, because no request can carry them.
    return isinstance(value, str) and bool(value) and value.encode("utf-8", "replace").decode() == value


def defined(definitions: Definitions, given: Mapping[str, Any]) -> Definitions:
    """The definitions with one more. Without `overwrite` it is merged into an earlier one of the same name.

    Args:
        given: the new definition, as `Metric.event` writes it.
    """
    name = given["name"]
    before = _PLAIN if given.get("overwrite") else definitions.get(name, _PLAIN)
    now = {**before, **{key: given[key] for key in ("step_metric", "hidden") if key in given}}
    # Flags that are set, and what the summary shows, add up, as in the official SDK.
    now["step_sync"] = before["step_sync"] or bool(given.get("step_sync"))
    now["summary"] = list(dict.fromkeys([*before["summary"], *given.get("summary", ())]))
    return {**definitions, name: now}


def definition_of(definitions: Definitions, path: str) -> dict[str, Any] | None:
    r"""The definition that says what the summary shows of a metric: its own, or that of the first matching glob.

    For the row `{"val.acc": 1}` only the definition of `val\.acc` counts, as in the official SDK.
    """
    return definitions.get(path) if "\\." in path else _definition_of(definitions, path)


def axis_of(definitions: Definitions, path: str) -> dict[str, Any] | None:
    """The definition that gives a metric's step metric. Here `{"val.acc": 1}` and `{"val": {"acc": 1}}` are alike."""
    return _definition_of(definitions, path.replace("\\.", "."))


def _definition_of(definitions: Definitions, name: str) -> dict[str, Any] | None:
    own = definitions.get(name)
    if own is not None or name.startswith("_"):
        return own
    globs = (known for known in definitions if known.endswith("*") and name.startswith(known[:-1]))
    glob = next(globs, None)
    return None if glob is None else definitions[glob]


def config_list(definitions: Definitions) -> list[dict[str, Any]]:
    """The definitions in the form that the run's config has in `_wandb.m` (protocol 5.6).

    Names come before globs. A step metric that nobody defined is added as a bare element after the first definition
    that needs it, because references are indexes into this list, counted from 1.
    """
    order: list[str] = []
    for name in sorted(definitions, key=lambda name: name.endswith("*")):
        step = definitions[name]["step_metric"]
        order.append(name)
        if step and step not in definitions and step not in order:
            order.append(step)
    return [_config_item(name, definitions.get(name), order) for name in order]


def _config_item(name: str, definition: Mapping[str, Any] | None, order: list[str]) -> dict[str, Any]:
    glob = definition is not None and name.endswith("*")
    item: dict[str, Any] = {"2" if glob else "1": name}
    if definition is None:
        return {**item, "6": [], "7": []}
    if definition["step_metric"]:
        item["5"] = order.index(definition["step_metric"]) + 1
    flags = {1: definition["step_sync"], 2: definition["hidden"], 3: not glob}
    item["6"] = [number for number, is_set in flags.items() if is_set]
    item["7"] = sorted(_SUMMARY_FLAGS[name] for name in definition["summary"])
    return item


# --- paths ------------------------------------------------------------------------------------------


def leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """All pairs (path, value) of a row. A media value, which has a `_type`, counts as one value."""
    for key, value in tree.items():
        name = key.replace(".", "\\.") if "." in key else key
        path = f"{above}.{name}" if above else name
        if isinstance(value, dict) and "_type" not in value:
            yield from leaves(value, path)
        else:
            yield path, value


def keys_of(path: str) -> list[str]:
    r"""The keys that lead to a metric: `val.a\.b` is `["val", "a.b"]`."""
    return [part.replace("\0", ".") for part in path.replace("\\.", "\0").split(".")]


def find(tree: Mapping[str, Any], path: str) -> Any:
    """The value at a path; None if there is none."""
    value: Any = tree
    for key in keys_of(path):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def put(tree: Mapping[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    """A copy of the tree with a value at the nested keys. The value `...` removes what is there."""
    key, *below = keys
    old = tree.get(key)
    if below:
        value = put(old if isinstance(old, dict) else {}, below, value) or ...
    rest = {**tree, key: value}
    if value is ...:
        del rest[key]
    return rest


# --- aggregates -------------------------------------------------------------------------------------


def aggregate(before: Mapping[str, Any] | None, value: object) -> dict[str, Any]:
    """What is kept of a metric's values to compute each aggregate. Only numbers have min, max and mean."""
    kept: dict[str, Any] = dict(before) if before else {"first": value}
    kept["last"] = value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        count = kept.get("count", 0)
        kept["count"] = count + 1
        kept["sum"] = kept["sum"] + value if count else value
        # NaN stays: as soon as one value is NaN, so are min, max and mean, as in the official SDK.
        kept["min"] = value if not count or value < kept["min"] or value != value else kept["min"]
        kept["max"] = value if not count or value > kept["max"] or value != value else kept["max"]
    return kept


def shown(kept: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The aggregates of a metric as the summary shows them: `{"min": 0.2, "last": 0.3}`."""
    known = dict(kept)
    if "count" in known:
        known["mean"] = known["sum"] / known["count"]
    return {name: known[name] for name in names if name in known}
