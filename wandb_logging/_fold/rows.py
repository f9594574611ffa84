"""Makes history rows out of metrics: decides which belong to one row, and its step (protocol 4.4, 5.1 to 5.4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from wandb_logging._events.media_names import fill_steps
from wandb_logging._fold.state import MAX_STEP, RESERVED, Work
from wandb_logging._fold.summary import MAX_ROW_BYTES, Definitions, merged
from wandb_logging._values.plain import dumps, dumps_without_null

_NUMBERS = frozenset({int, float})


class Rows:
    """Takes the metrics of events into the rows of a run."""

    def __init__(self, work: Work, definitions: Definitions) -> None:
        self._work = work
        self._definitions = definitions
        self.has_long_text = False  # whether an event of the row may have one that orjson should not write
        self._media: object = None  # of the event being taken, until its step is known

    def take(self, event: Mapping[str, Any], metrics: dict[str, Any], time: float) -> None:
        """Take the metrics of an event, which are a row or a part of one."""
        step = event.get("step")
        self._media = event.get("media")
        state = self._work.state
        if not RESERVED.isdisjoint(metrics):
            self._without_reserved(metrics)
        if type(step) is not int or step > MAX_STEP:
            if not metrics.keys().isdisjoint(state.shifted):
                self._next_row()
            self._join(metrics, time)
            if event.get("commit") is not False:
                self._next_row()
            return
        if step > state.step:
            self.close()
            state.step = step
        # Lower than the current step, or where a lower one has taken its place.
        if step < state.step or (state.shifted and not metrics.keys().isdisjoint(state.shifted)):
            if not self._late_row(metrics, step, time):
                return
        else:
            self._join(metrics, time)
        if event.get("commit") is True:
            self._next_row()

    def complete(self, event: Mapping[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
        """The metrics of an event for a row by itself, at none of the run's own steps."""
        self._media = event.get("media")
        if not RESERVED.isdisjoint(metrics):
            self._without_reserved(metrics)
        return self._with_media(metrics)

    def refuses(self, metrics: Mapping[str, Any], step: int, current: int) -> bool:
        """Whether a row of a lower step is set aside, as `late_steps` says."""
        self._work.state.late += 1
        if self._work.rules.late_steps == "shift":
            return False
        how = f"late_steps: {self._work.rules.late_steps}"
        reason = f"step {step} is lower than the current step {current} ({how})"
        self._work.set_aside(reason, {"metrics": metrics, "step": step})
        return True

    def _without_reserved(self, metrics: dict[str, Any]) -> None:
        for key in sorted(RESERVED & metrics.keys()):
            if key != "_timestamp" or type(metrics[key]) not in _NUMBERS or not math.isfinite(metrics[key]):
                reason = f"{key} is set by the client" if key else "a metric needs a name"
                self._work.set_aside(reason, {key: metrics.pop(key)})

    def _late_row(self, metrics: dict[str, Any], step: int, time: float) -> bool:
        """Take a row of a lower step as `late_steps` says. Returns whether it is taken."""
        state = self._work.state
        if self.refuses(metrics, step, state.step):
            return False
        late = {self._work.rules.late_step_metric: step, **metrics}
        # It is added to the open row only if it overwrites nothing there.
        if state.open and not state.open.keys().isdisjoint(late):
            self._next_row()
        self._join(late, time)
        state.shifted = [*state.shifted, *late]
        return True

    def _join(self, metrics: dict[str, Any], time: float) -> None:
        state = self._work.state
        if self._media:
            metrics = self._with_media(metrics)
        state.open = metrics if state.open is None else merged(state.open, metrics)
        state.open_time = time
        state.open_events += 1

    def _with_media(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """The metrics with the step in the names of their media files. The files become tasks."""
        if self._media:
            metrics, tasks = fill_steps(metrics, self._media, self._work.state.step)
            self._work.delta.tasks += tasks
        return metrics

    def end(self) -> None:
        """Close the open row, if there is one, and go on to the next step."""
        if self._work.state.open is not None:
            self._next_row()

    def _next_row(self) -> None:
        self.close()
        self._work.state.step += 1

    def close(self) -> None:
        """Close the open row, if there is one. The step stays."""
        state = self._work.state
        if state.open is not None:
            metrics, state.open = state.open, None
            state.open_events = 0
            state.shifted = []
            self.put(dict(metrics), state.open_time, self._work.runtime(state.open_time))

    def put(self, row: dict[str, Any], time: float, runtime: float) -> None:
        """Add a row of these metrics at the current step."""
        if self._work.state.step > MAX_STEP:
            self._work.set_aside(f"no step is left after {MAX_STEP}", {"metrics": row})
            return
        state = self._work.state
        defined = self._definitions.found(row) if state.metrics else None
        row["_step"] = state.step
        if "_timestamp" not in row:
            row["_timestamp"] = time
        row["_runtime"] = runtime
        line = None if self.has_long_text else dumps_without_null(row)
        flat = line is not None and line.rfind(b"{") == 0
        if line is None:
            line = dumps(row)
        if len(line) > MAX_ROW_BYTES:
            row, line = self._shrink(row, len(line))
        self._work.delta.rows.append(line.decode())
        state.rows += 1
        if defined:
            self._definitions.aggregate(defined)
        if flat:
            state.summary.update(row)
        else:
            state.summary = merged(state.summary, row, skip_null=True)
        self._work.delta.summary_changed = True

    def _shrink(self, row: dict[str, Any], size: int) -> tuple[dict[str, Any], bytes]:
        """The row without its largest values, so many that the server takes it (protocol 4.4)."""
        sizes = {key: len(dumps(value)) for key, value in row.items() if key not in RESERVED}
        for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
            if size <= MAX_ROW_BYTES:
                break
            size -= sizes[key] + len(dumps(key)) + 2
            self._work.set_aside(
                f"{key}: {sizes[key]} bytes make the row too large for the server", {key: row.pop(key)}
            )
        return row, dumps(row)
