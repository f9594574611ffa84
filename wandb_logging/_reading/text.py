"""Reads the text lines of a run as they come, for `logs -f`. Changes nothing."""

from __future__ import annotations

from wandb_logging._fold import fold
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.replay import beginning


class TextReader:
    """Reads the text lines of a run. Each call of `read` goes on where the last one stopped.

    Raises:
        JournalError: there is no run directory, or its format is a newer one.
        OSError: the journal cannot be read.
    """

    def __init__(self, run_dir: RunDir) -> None:
        info = run_dir.info
        self._rules = fold.rules_of(info)
        self._state, position = beginning(run_dir, info)
        self._reader = run_dir.reader(position, record_order=False)

    def read(self) -> list[str]:
        """The lines that came since the last call. A changed line, such as a progress bar's, comes again."""
        first = self._state.lines
        lines: list[str] = []
        again: dict[int, str] = {}
        while (chunk := self._reader.read()).bodies or chunk.damaged:
            self._state, delta = fold.fold(self._rules, self._state, chunk.bodies)
            for number, line in delta.edits.items():
                if number >= first:
                    lines[number - first] = line
                else:
                    again[number] = line
            lines += delta.lines
        return [*(again[number] for number in sorted(again)), *lines]

    def close(self) -> None:
        """Close the files."""
        self._reader.close()
