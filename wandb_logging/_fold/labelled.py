"""Events of a run that several processes write, each with steps of its own (`ranks: all`). Pure.

Such an event has a label: `{"metrics": {"loss": 0.5}, "label": "3"}`. Its metrics become a row of their own, at the
next step of the run. The label is put behind their names, `loss/l:3`, as W&B does it, and the process's own step
becomes the metric `step/l:3`, which is defined as their x axis. With an empty label the names stay, and the step is
the metric `step`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandb_logging._events import metrics as _metrics
from wandb_logging._fold.rows import Rows
from wandb_logging._fold.state import MAX_STEP, RESERVED, Work
from wandb_logging._fold.summary import Definitions


def with_label(name: str, label: str) -> str:
    """A metric's name with the label of the process that logs it."""
    return f"{name}/l:{label}" if label else name


def mark_of(label: str) -> str:
    """The mark at the beginning of a text line of the process with this label."""
    return f"[rank {label}] " if label.isdigit() else f"[{label}] " if label else ""


def renamed(tree: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Metrics with the label behind their names; behind the last key of nested ones."""
    return {
        (name if name in RESERVED or _is_nested(value) else with_label(name, label)): (
            renamed(value, label) if _is_nested(value) else value
        )
        for name, value in tree.items()
    }


def _is_nested(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and "_type" not in value


def marked(event: Mapping[str, Any], label: str) -> dict[str, Any]:
    """An event with the label in its text, and in the names of its system metrics and summary."""
    changed = dict(event)
    if isinstance(event.get("text"), str):
        changed["text"] = "\n".join(mark_of(label) + line for line in event["text"].split("\n"))
    for kind in ("system", "summary"):
        if isinstance(event.get(kind), dict):
            changed[kind] = {with_label(name, label): value for name, value in event[kind].items()}
    return changed


class Labelled:
    """Takes the metrics of events that have a label."""

    def __init__(self, work: Work, rows: Rows, definitions: Definitions) -> None:
        self._work = work
        self._rows = rows
        self._definitions = definitions
        self._known: set[str] = set()  # paths that have an x axis

    def take(self, event: Mapping[str, Any], metrics: dict[str, Any], time: float, label: str) -> None:
        """Take a row, or a part of one, which is a row of the same step."""
        state = self._work.state
        step, known = event.get("step"), state.labels.get(label, 0)
        explicit = type(step) is int and step <= MAX_STEP
        own: int = step if explicit and step is not None else known
        if own < known and self._rows.refuses(metrics, own, known):
            return
        is_over = event.get("commit") is True if explicit else event.get("commit") is not False
        state.labels = {**state.labels, label: own + is_over}
        axis = with_label(self._work.rules.late_step_metric, label)
        row = self._rows.complete(event, metrics)
        self._rows.end()
        self._rows.put(self.named({}, row, label, axis, own), time, self._work.runtime(time))
        state.step += 1

    def named(
        self, own: Mapping[str, Any], others: Mapping[str, Any], label: str, axis: str, step: int
    ) -> dict[str, Any]:
        """A row under the names that it has in the run, with its own step as a metric.

        Args:
            own: metrics that keep their names.
            others: those that get the label.
            axis: name of the step.
        """
        row = {**own, **renamed(others, label)}
        row.setdefault(axis, step)
        for path, _ in _metrics.leaves(row):
            name = path.replace("\\.", ".")
            if name not in self._known:
                self._known.add(name)
                if name != axis and not name.startswith("_"):
                    self._define(name, label, axis)
        return row

    def _define(self, name: str, label: str, axis: str) -> None:
        """Define the x axis of a metric: its process's step, or the labelled form of the axis that it has otherwise."""
        definitions = self._work.state.metrics
        plain = name.removesuffix(with_label("", label))
        like = _metrics.axis_of(definitions, plain) or {}
        wanted = with_label(like["step_metric"], label) if like.get("step_metric") else axis
        if definitions.get(name, {}).get("step_metric") == wanted:
            return
        own: dict[str, Any] = {"name": name, "step_metric": wanted, "summary": like.get("summary", [])}
        flags = {flag: True for flag in ("step_sync", "hidden") if like.get(flag)}
        self._definitions.define({**own, **flags})
