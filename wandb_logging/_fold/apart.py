"""Rows with explicit steps from other processes of a run: forked children, workers, further programs. Pure.

The steps of a run are those of the process that began it; if that one gives no steps, those of the first process that
does. Rows of other processes wait until that is decided. If another process, writer 2, logs at step 5, its row is not
late, and its metrics do not belong into row 5 of the first process, where they could overwrite something. Its step
becomes the metric `step/l:w2`, which is the x axis of its metrics; a name that another process has becomes `loss/l:w2`.
Such rows are put at steps that the first process leaves out, or into its rows, so that its own rows keep their steps. A
row that waits too long for that gets the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandb_logging._fold.labelled import Labelled, with_label
from wandb_logging._fold.rows import Rows
from wandb_logging._fold.state import MAX_STEP, Work

MOST_WAITING = 300  # rows that may wait: they are in cursor.json
MOST_SECONDS = 30.0  # that a row waits, by the time of the latest row

_OWN = 0  # the process that began the run


class Apart:
    """Decides which process's steps are the run's, and keeps the rows of others until there is a place for them."""

    def __init__(self, work: Work, rows: Rows, labelled: Labelled) -> None:
        self._work = work
        self._rows = rows
        self._labelled = labelled
        self._noted: list[str] = []  # names of the latest row of the run's own, which most have

    def takes(self, event: Mapping[str, Any], metrics: dict[str, Any], time: float) -> bool:
        """Take a row of another process, and return True. False for a row of the run's own, which can be added now."""
        step, by = event.get("step"), event.get("by", _OWN)
        if type(step) is not int or type(by) is not int or step > MAX_STEP:
            return False
        stepper = self._work.state.apart.get("stepper")
        if by == _OWN != stepper:
            self._note_names(metrics, _OWN)
            self._decide(stepper := _OWN)
        if by == stepper:
            if list(metrics) != self._noted:
                self._note_names(metrics, by)
                self._noted = list(metrics)
            if self._work.state.apart.get("waiting"):
                self._make_way(step)
            return False
        self._wait([by, self._rows.complete(event, metrics), step, event.get("commit"), time])
        if self._work.state.exit is not None:  # of one who is read after the end: nobody comes for whom to wait
            self.flush()
        return True

    def flush(self) -> None:
        """Give out all rows that wait: the run ends, or goes on after its end."""
        early = self._work.state.apart.get("early")
        if early:
            self._decide(early[0][0])
        if self._work.state.apart.get("waiting"):
            self._rows.end()
            while self._work.state.apart["waiting"]:
                self._put_first()

    def _keep(self, **changes: Any) -> None:
        self._work.state.apart = {**self._work.state.apart, **changes}

    def _wait(self, early: list[Any]) -> None:
        """Keep a row; unchanged until it is decided whose steps are the run's."""
        by, row, step, _, time = early
        kept = self._work.state.apart
        if kept.get("stepper") is not None:
            self._keep(waiting=[*kept.get("waiting", ()), [by, self._named(row, by, step), time]])
            self._hurry(time)
            return
        self._keep(early=[*kept.get("early", ()), early])
        first = self._work.state.apart["early"][0]
        if len(self._work.state.apart["early"]) > MOST_WAITING or time - first[-1] > MOST_SECONDS:
            self._decide(first[0])

    def _decide(self, stepper: int) -> None:
        """Decide that the steps of the run are those of this process."""
        early = self._work.state.apart.get("early", ())
        if early or self._work.state.apart.get("stepper") is not None:
            self._rows.end()  # what another began is not to be overwritten
        self._keep(stepper=stepper, early=[])
        for by, row, step, commit, time in early:
            if by == stepper:
                self._note_names(row, by)
                if self._work.state.apart.get("waiting"):
                    self._make_way(step)
                self._rows.take({"step": step, "commit": commit}, row, time)
            else:
                self._wait([by, row, step, commit, time])

    def _named(self, row: dict[str, Any], by: int, step: int) -> dict[str, Any]:
        """A row under the names that it has in the run: its own names, except those that another process has."""
        names, label = self._note_names(row, by), f"w{by}"
        own = {name: value for name, value in row.items() if names[name] == by}
        others = {name: value for name, value in row.items() if name not in own}
        axis = with_label(self._work.rules.late_step_metric, label)
        return self._labelled.named(own, others, label, axis, step)

    def _note_names(self, row: Mapping[str, Any], by: int) -> dict[str, int]:
        """Note which process each name belongs to: the first that logged it in a row with a step."""
        names: dict[str, int] = self._work.state.apart.get("names", {})
        if not names.keys() >= row.keys():
            names = {**dict.fromkeys(row, by), **names}
            self._keep(names=names)
        return names

    def _hurry(self, now: float) -> None:
        """Add the rows that have waited too long, at the next steps."""
        waiting = self._work.state.apart["waiting"]
        if len(waiting) > MOST_WAITING or now - waiting[0][2] > MOST_SECONDS:
            self._rows.end()
            self._put_first()

    def _make_way(self, step: int) -> None:
        """Before the run goes on to a step: put waiting rows into the row that it closes, or at steps in between."""
        state = self._work.state
        if step <= state.step:
            return
        if state.open is not None:
            self._ride()
            self._rows.end()
        while state.step < step and state.apart["waiting"]:
            self._put_first()

    def _ride(self) -> None:
        """Put a row of each of the others into the open one."""
        state = self._work.state
        left, done = [], set()
        for by, row, time in state.apart["waiting"]:
            assert state.open is not None
            if by in done or not state.open.keys().isdisjoint(row):
                left.append([by, row, time])
            else:
                state.open = {**state.open, **row}
            done.add(by)
        self._keep(waiting=left)

    def _put_first(self) -> None:
        (_, row, time), *left = self._work.state.apart["waiting"]
        self._keep(waiting=left)
        self._rows.put(dict(row), time, self._work.runtime(time))
        self._work.state.step += 1
