"""Rows that other processes of a run log at steps they say: forked children, workers, further programs. Pure.

The steps of a run are those of the process that began it; if that one says none, those of the first that does. What
others log waits until that is known. What another logs at step 5 is no row
that came late, and does not belong into the row 5 of the first, where it could overwrite something: its step is the
metric `step/l:w2`, of the writer with the number 2, and the x axis of its metrics. Names that another has are
`loss/l:w2`. Such rows take the steps that the first leaves out, or ride in its rows, so that its own stay where they
are; what waits too long for that gets the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandb_logging._fold.labelled import Labelled, with_label
from wandb_logging._fold.rows import Rows
from wandb_logging._fold.state import MAX_STEP, Work

MOST_WAITING = 300  # rows: they are in cursor.json
MOST_SECONDS = 30.0  # between a row that waits and the latest one

_OWN = 0  # the process that began the run


class Apart:
    """Decides whose steps are the run's, and keeps the rows of others until there is room for them."""

    def __init__(self, work: Work, rows: Rows, labelled: Labelled) -> None:
        self._work = work
        self._rows = rows
        self._labelled = labelled
        self._noted: list[str] = []  # names of the latest row of the run's own, which most have

    def takes(self, event: Mapping[str, Any], metrics: dict[str, Any], time: float) -> bool:
        """Whether a row is taken here; otherwise it is one of the run's own, for which there is room now."""
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
        """Keep a row: as it came, as long as nobody knows whose the steps are."""
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
        """The steps of the run are those of this process."""
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
        """A row under the names it has in the run: its own, as far as nobody else has them."""
        names, label = self._note_names(row, by), f"w{by}"
        own = {name: value for name, value in row.items() if names[name] == by}
        others = {name: value for name, value in row.items() if name not in own}
        axis = with_label(self._work.rules.late_step_metric, label)
        return self._labelled.named(own, others, label, axis, step)

    def _note_names(self, row: Mapping[str, Any], by: int) -> dict[str, int]:
        """Whose each name is: of who had it first in a row of a step."""
        names: dict[str, int] = self._work.state.apart.get("names", {})
        if not names.keys() >= row.keys():
            names = {**dict.fromkeys(row, by), **names}
            self._keep(names=names)
        return names

    def _hurry(self, now: float) -> None:
        """Give out what waits for too long, at the next steps."""
        waiting = self._work.state.apart["waiting"]
        if len(waiting) > MOST_WAITING or now - waiting[0][2] > MOST_SECONDS:
            self._rows.end()
            self._put_first()

    def _make_way(self, step: int) -> None:
        """The run goes on to a step: rows that wait ride in the one that it closes, or take those in between."""
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
