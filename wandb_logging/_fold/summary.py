"""The summary: last values, what definitions make of them, and what was set by hand (protocol 5.4 to 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandb_logging._events import metrics as _metrics
from wandb_logging._fold.state import RESERVED, State, Work
from wandb_logging._values.plain import dumps

MAX_ROW_BYTES = 10_383_360  # 10 MiB - 100 KiB, "imposed by the back-end" (protocol 4.4)
_NUMBERS = frozenset({int, float})

Defined = list[tuple[str, Any, dict[str, Any]]]
"""Path, value and definition of metrics that have one."""


def summary(state: State) -> dict[str, Any]:
    """The summary as it stands: the last value of each metric, or its aggregates if some are defined (protocol 5.5)."""
    tree = state.summary
    for path, kept in state.aggregates.items():
        last = _metrics.find(tree, path)
        definition = _metrics.definition_of(state.metrics, path)
        # Not what was set by hand, nor what a mapping of metrics has replaced.
        if kept is None or definition is None or last is None or (isinstance(last, dict) and "_type" not in last):
            continue
        wanted = definition["summary"]
        shown = {} if "none" in wanted else _metrics.shown(kept, wanted)
        tree = _metrics.put(tree, _metrics.keys_of(path), shown or ...)
    return tree


def summary_line(state: State) -> str:
    """The summary as the server keeps it: one line, complete (protocol 5.5); too large a one without what is largest.

    What is left out is in the rows all the same, and in `summary`.
    """
    tree = {**summary(state), "_wandb": {"runtime": int(state.runtime)}}
    line = dumps(tree)
    if len(line) > MAX_ROW_BYTES:
        sizes = {key: len(dumps(value)) for key, value in tree.items()}
        for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
            del tree[key]
            line = dumps(tree)
            if len(line) <= MAX_ROW_BYTES:
                break
    return line.decode()


class Definitions:
    """Applies the definitions of metrics to rows and summary."""

    def __init__(self, work: Work) -> None:
        self._work = work
        # By path, looked up once: what the summary shows of it, and its x axis.
        self._known: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {}

    def define(self, given: Mapping[str, Any]) -> None:
        """Take a definition."""
        self._work.state.metrics = _metrics.defined(self._work.state.metrics, given)
        self._known.clear()
        self._work.delta.summary_changed = True

    def found(self, row: dict[str, Any]) -> Defined:
        """The row's metrics that have a definition, after the row got its step metrics."""
        present = dict(_metrics.leaves(row))
        todo = list(present)
        for path in todo:
            axis = self._definitions(path)[1]
            step = axis["step_metric"] if axis and axis["step_sync"] else None
            if step and step not in present and step not in RESERVED:
                present[step] = self._work.state.steps.get(step, 0)
                row.update(_metrics.put(row, _metrics.keys_of(step), present[step]))
                todo.append(step)  # which may have an x axis of its own
        self._note_steps(present)
        found = ((path, value, self._definitions(path)[0]) for path, value in present.items())
        return [(path, value, definition) for path, value, definition in found if definition]

    def _definitions(self, path: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        if path not in self._known:
            defined = self._work.state.metrics
            self._known[path] = (_metrics.definition_of(defined, path), _metrics.axis_of(defined, path))
        return self._known[path]

    def _note_steps(self, present: Mapping[str, Any]) -> None:
        state = self._work.state
        names = present.keys() & {definition["step_metric"] for definition in state.metrics.values()}
        numbers = {name: present[name] for name in names if type(present[name]) in _NUMBERS}
        if numbers:
            state.steps = {**state.steps, **numbers}

    def aggregate(self, found: Defined) -> None:
        """Take the values of a row into the aggregates; before its last values are in the summary."""
        state = self._work.state
        aggregates = dict(state.aggregates)
        for path, value, definition in found:
            if not definition["summary"]:
                continue
            if path not in aggregates:
                # What was logged before the definition counts with its last value.
                last = _metrics.find(state.summary, path)
                aggregates[path] = None if last is None or isinstance(last, dict) else _metrics.aggregate(None, last)
            elif aggregates[path] is None:
                continue
            aggregates[path] = _metrics.aggregate(aggregates[path], value)
        state.aggregates = aggregates

    def set_by_hand(self, given: Mapping[str, Any]) -> None:
        """What is set by hand replaces the value and drops its aggregates; null takes it away (protocol 5.5)."""
        state = self._work.state
        aggregates = dict(state.aggregates)
        for key, value in given.items():
            path = key.replace(".", "\\.")
            for known in [path, *(known for known in aggregates if known.startswith(f"{path}."))]:
                aggregates[known] = None
            if value is None:
                state.summary.pop(key, None)
                del aggregates[path]
            else:
                state.summary[key] = value
        state.aggregates = aggregates
        self._work.delta.summary_changed = True


def merged(old: Mapping[str, Any], new: Mapping[str, Any], *, skip_null: bool = False) -> dict[str, Any]:
    """Nested dicts merge, anything else replaces; a null is left out of a summary (protocol 5.2, 5.4)."""
    result = dict(old)
    for key, value in new.items():
        if isinstance(value, dict):
            before = result.get(key)
            # A media value is one value, though it is written as an object.
            into = before if isinstance(before, dict) and "_type" not in value else {}
            both = merged(into, value, skip_null=skip_null)
            if both or not skip_null:
                result[key] = both
        elif value is not None or not skip_null:
            result[key] = value
    return result
