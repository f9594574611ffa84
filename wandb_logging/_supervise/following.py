"""Follows logs and event files that other programs write, and gives what is new in them to a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wandb_logging._formats.event_paths import event_bytes, is_event_file
from wandb_logging._supervise.tail import Tail

if TYPE_CHECKING:
    from wandb_logging._run.run import Run


class Following:
    """Logs and event files on their way into a run.

    Args:
        run: the run.
        paths: logs, `-` for stdin, event files, and folders of event files. They may come later.
        failed: told of a log that cannot be read, once: the others go on, and it may be read again later.
    """

    def __init__(self, run: Run, paths: Sequence[Path], failed: Callable[[Path, OSError], object]) -> None:
        self._run = run
        self._failed = failed
        self._failing: set[Tail] = set()
        self._readable: set[Tail] = set()  # those that could be read once, or were not there
        folders = [path for path in paths if path.is_dir() or is_event_file(path)]
        logs = [path for path in paths if path not in folders]
        self._tails = [Tail(path, whole=len(logs) > 1) for path in logs]
        self._folders: list[Path] = []
        for folder in folders:
            self._watch(folder)
        self._event_bytes: int | None = None  # at the last look

    def take(self) -> bool:
        """Give the run the text that was written since the last call. Returns whether there was any."""
        came = [tail for tail in self._tails if os.path.isdir(tail.path)]  # noqa: PTH112  a Path would raise
        for tail in came:
            self._tails.remove(tail)
            self._watch(tail.path)
        return self._log([self._read(tail) for tail in self._tails])

    def events_came(self) -> bool:
        """Whether the event files, which the run reads by itself, have changed since the last call."""
        before, self._event_bytes = self._event_bytes, sum(map(event_bytes, self._folders))
        return before is not None and before != self._event_bytes

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come: nobody can write to any of the pipes, and no log could ever be read."""
        never_read = self._failing - self._readable
        return not self._folders and all(tail.is_over or tail in never_read for tail in self._tails)

    @property
    def waits(self) -> bool:
        """Whether one is a pipe that has not been read to its end."""
        return any(tail.waits for tail in self._tails)

    def close(self) -> None:
        """Give the run what is left of the text, such as a line without an end, and close the files."""
        self._log([tail.rest() for tail in self._tails])
        for tail in self._tails:
            tail.close()

    def _read(self, tail: Tail) -> str:
        try:
            text = tail.read()
        except OSError as exc:
            if tail not in self._failing:
                self._failing.add(tail)
                self._failed(tail.path, exc)
            return ""
        self._failing.discard(tail)
        self._readable.add(tail)
        return text

    def _watch(self, folder: Path) -> None:
        self._folders.append(folder)
        self._run.watch_tensorboard(folder, earlier=True)

    def _log(self, texts: Sequence[str]) -> bool:
        for tail, text in zip(self._tails, texts):
            if text:
                self._run.log_output(text, file=tail.path.as_posix())
        return any(texts)
