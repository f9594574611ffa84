"""Checks the steps of rows as they are logged, for `late_steps: error`."""

from __future__ import annotations

from collections.abc import Callable

from wandb_logging._records.encoding import whole_step
from wandb_logging._values.reentrant import new_lock, of_child


class Steps:
    """Checks steps as rows are logged, for `late_steps: error`, where a step below the current one is an error.

    Only rows of this process are known here. The fold later knows all rows and makes the final decision.

    Args:
        say: called with (kind, text) for late rows from log records.
        begin: returns the step at which a resumed run continues, as far as that is known yet.
    """

    def __init__(self, say: Callable[[str, str], object], begin: Callable[[], int] = lambda: 0) -> None:
        self._say = say
        self._begin = begin
        self._now = 0
        self._lock = new_lock()  # reentrant, because a signal handler may log meanwhile

    def after_fork_in_child(self) -> None:
        """Free the lock, which another thread of the parent may have held."""
        self._lock = of_child(self._lock)

    def check(self, step: object, *, commit: bool | None = None) -> str | None:
        """Note the step of a row; None is the next step. Returns what is wrong with the step, or None.

        Args:
            step: the step as the caller gave it.
            commit: as for `encoding.row_event`.
        """
        number = None if step is None else whole_step(step)
        with self._lock:
            self._now = max(self._now, self._begin())
            if number is None:
                self._now += commit is not False
            elif number < self._now:
                return f"step {number} is lower than the current step {self._now} (late_steps: error)"
            else:
                self._now = number + (commit is True)
        return None

    def warn(self, step: object) -> None:
        """Note the step of a log record's row, and report the row if it is late."""
        late = self.check(step)
        if late is not None:
            # The uploader will give a notice of the same kind about this row; of each kind only one is shown.
            self._say("set aside", f"{late}: the row is set aside")
