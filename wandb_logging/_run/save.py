"""`Run.save`: finds the files that a glob means, and watches files until the run ends."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from pathlib import Path

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import LogError
from wandb_logging._values.reentrant import new_lock, of_child

POLICIES = ("live", "now", "end")


def default_name(source: Path) -> str:
    """The default name of a file in the run: the path if it is relative and leads below the folder, else the name."""
    return source.name if source.is_absolute() or ".." in source.parts else source.as_posix()


def matches(pattern: str | os.PathLike[str], base_path: str | os.PathLike[str] | None) -> list[tuple[Path, str]]:
    """The files that a glob finds now, with their names in the run, sorted. The rules are the official SDK's.

    Args:
        pattern: a glob as in the module `glob`. A relative one starts at the working directory.
        base_path: names are relative to this folder. Default: for a relative pattern the working directory; for an
            absolute one the parent of the folder that holds the files.

    Raises:
        LogError: the pattern is not below `base_path`, or has a `..`.
    """
    text = os.fspath(pattern)
    if ".." in Path(text).parts:
        raise LogError(f"{text}: expected a path without '..'")
    # `abspath` instead of `resolve`: a link below the base counts as a file there, wherever it points.
    absolute = os.path.abspath(text)  # noqa: PTH100
    if base_path is not None:
        base = os.path.abspath(base_path)  # noqa: PTH100
    else:
        base = str(Path(absolute).parent.parent) if Path(text).is_absolute() else str(Path.cwd())
    try:
        below = Path(absolute).relative_to(base)
    except ValueError:
        raise LogError(f"{text}: expected a path below base_path, {base}") from None
    if below == Path():
        raise LogError(f"{text}: expected files below base_path, not base_path itself")
    found = (Path(file) for file in glob.glob(os.path.join(glob.escape(base), below)))  # noqa: PTH118, PTH207
    return sorted((file, file.relative_to(base).as_posix()) for file in found if file.is_file())


@dataclass
class _Watched:
    """A file that is watched, and its size and time when it was last kept."""

    source: Path
    live: bool
    mark: tuple[int, int] | None = None


class SavedFiles:
    """The files of a run that may still change. Safe from any thread.

    Args:
        keep: copies a file into the run directory under its name in the run, and has it sent.
        report: called with (name, why) for a file that cannot be kept at the end.
    """

    def __init__(self, keep: Callable[[Path, str], object], report: Callable[[str, str], object]) -> None:
        self._keep = keep
        self._report = report
        self._watched: dict[str, _Watched] = {}
        self._lock = new_lock()

    def after_fork_in_child(self) -> None:
        """Leave the watched files to the parent, whose thread may have held the lock."""
        if self._watched:
            self._watched = {}
        self._lock = of_child(self._lock)

    def save(self, source: Path, name: str, policy: str) -> None:
        """Keep a file now, and watch it, as the policy says.

        Raises:
            OSError: the file cannot be copied.
        """
        with self._lock:
            watched = _Watched(source, live=policy == "live")
            if policy != "now":
                self._watched[name] = watched
            if policy != "end":
                self._take(name, watched)

    def look(self, *, last: bool = False) -> None:
        """Keep the live files that have changed. The last time, keep all that have changed since they were kept."""
        # Rows need not wait while the program has a large file copied.
        if not self._lock.acquire(blocking=last):
            return
        try:
            for name, watched in self._watched.items():
                if watched.live or last:
                    self._look_at(name, watched, last=last)
        finally:
            self._lock.release()

    def _look_at(self, name: str, watched: _Watched, *, last: bool) -> None:
        try:
            self._take(name, watched)
        except OSError as exc:  # gone, or just being replaced: the next look may succeed
            if last:
                self._report(name, str(exc))

    def _take(self, name: str, watched: _Watched) -> None:
        # The mark is taken before copying: if the file is written meanwhile, its mark differs, and it is copied again.
        status = watched.source.stat()
        mark = (status.st_size, status.st_mtime_ns)
        if mark != watched.mark:
            self._keep(watched.source, name)
            watched.mark = mark
