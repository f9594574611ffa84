"""Makes a run directory in a temporary folder and moves it to its place as a whole: an interruption leaves no part."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wandb_logging._errors import JournalError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import BEING_MADE, create_run, find_runs
from wandb_logging._journal.names import safe_name
from wandb_logging._journal.writer import Writer

_JUST_NOW = 60.0  # seconds in which a run directory gets the journal that says it is being filled


class NewRun:
    """A run directory that is being filled in a temporary folder.

    Args:
        cache_dir: the folder of run directories to which it is moved in the end.
        aside: a temporary folder on the same file system.
        info: identity of the run. It gets a writer_id of its own, by which the server's lines of one directory are told
            from those of another with the same run id.

    Attributes:
        run_dir: the directory in the temporary folder.
    """

    def __init__(self, cache_dir: Path, aside: Path, info: RunInfo) -> None:
        self._cache_dir = cache_dir
        self.run_dir = create_run(aside, info.but(writer_id=str(uuid.uuid4())))
        self._writer: Writer = self.run_dir.writer()

    def append(self, events: Iterable[bytes]) -> None:
        """Add events to its journal."""
        for event in events:
            self._writer.append(event)

    def settle(self) -> Path:
        """Move the directory to its place; an id that is taken gets a number behind it.

        Raises:
            JournalError: the disk did not take all of it.
            OSError: it cannot be moved.
        """
        self._writer.sync()
        self._writer.close()
        dropped = self._writer.counts.dropped
        if dropped:
            raise JournalError(f"the run directory cannot be written: {', '.join(dropped)}")
        parent = self._cache_dir / self.run_dir.path.parent.name
        parent.mkdir(exist_ok=True)
        number, target = 1, parent / self.run_dir.path.name
        while target.exists():
            number += 1
            target = parent / safe_name(f"{self.run_dir.path.name}.{number}")
        shutil.move(str(self.run_dir.path), str(target))
        return target


@contextmanager
def folder_aside(cache_dir: Path) -> Iterator[Path]:
    """A temporary folder in `cache_dir`, which is made if it is missing. It is removed at the end with its content.

    One that a killed process has left is removed as well.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    for left in cache_dir.glob(f"{BEING_MADE}*"):
        if _is_left(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=BEING_MADE, dir=cache_dir) as aside:
        yield Path(aside)


def _is_left(folder: Path) -> bool:
    """Whether nobody fills it any more: its run has been there for a while, and no process has it open."""
    try:
        runs = find_runs(folder)
        return bool(runs) and time.time() - folder.stat().st_mtime > _JUST_NOW and not any(run.alive() for run in runs)
    except OSError:
        return False
