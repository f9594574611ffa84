"""`Run.save`: which files a glob means, and files that are looked after until the run ends."""

from __future__ import annotations

import glob
import os
import threading
from collections.abc import Callable
from pathlib import Path

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import LogError

POLICIES = ("live", "now", "end")


def default_name(source: Path) -> str:
    """The name of a file in the run, if none is given: its path, if that is relative and stays below the folder."""
    return source.name if source.is_absolute() or ".." in source.parts else source.as_posix()


def matches(pattern: str | os.PathLike[str], base_path: str | os.PathLike[str] | None) -> list[tuple[Path, str]]:
    """The files a glob finds now, with their names in the run, sorted. The rules are the official SDK's.

    Args:
        pattern: glob as of the module `glob`; a relative one starts at the working directory.
        base_path: folder below which the names begin. Default: the working directory for a relative pattern; for an
            absolute one the folder above that of the files.

    Raises:
        LogError: the pattern is not below `base_path`, or has a `..`.
    """
    text = os.fspath(pattern)
    if ".." in Path(text).parts:
        raise LogError(f"{text}: expected a path without '..'")
    # abspath, not resolve: a link below the base counts as being there, wherever it points.
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
    """A file that is looked after, and what it looked like when it was last kept."""

    source: Path
    live: bool
    mark: tuple[int, int] | None = None


class SavedFiles:
    """The files of a run that may still change. Safe from any thread.

    Args:
        keep: copies a file into the run directory under its name in the run, and has it sent.
        report: told of a file that cannot be kept at the end: (name, why).
    """

    def __init__(self, keep: Callable[[Path, str], object], report: Callable[[str, str], object]) -> None:
        self._keep = keep
        self._report = report
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.RLock()

    def save(self, source: Path, name: str, policy: str) -> None:
        """Keep a file now, and look after it as the policy says.

        Raises:
            OSError: it cannot be copied.
        """
        with self._lock:
            watched = _Watched(source, live=policy == "live")
            if policy != "now":
                self._watched[name] = watched
            if policy != "end":
                self._take(name, watched)

    def look(self, *, last: bool = False) -> None:
        """Keep the live files that have changed; for the last time all that were not kept as they are now."""
        # The rows do not wait while the program has a large file copied.
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
        except OSError as exc:  # gone, or just being replaced: the next time
            if last:
                self._report(name, str(exc))

    def _take(self, name: str, watched: _Watched) -> None:
        # Looked at before it is copied: what is written meanwhile makes another mark, and is copied again.
        status = watched.source.stat()
        mark = (status.st_size, status.st_mtime_ns)
        if mark != watched.mark:
            self._keep(watched.source, name)
            watched.mark = mark
