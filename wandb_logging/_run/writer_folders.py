"""The event files that the writers of a program make, one folder after the other, and how the names of values begin.

This is as the official SDK has it: what is made in the folder of a writer from then on is read, and what the folders do
not have in common goes before the names.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from wandb_logging._formats.event_folder import EventFolder, Row
from wandb_logging._formats.event_paths import files_in

_WAIT = 10.0  # seconds that the first folder waits for a second one; the official SDK's


class How(NamedTuple):
    """What a program asks for.

    Attributes:
        save: whether the run gets the event files as well.
        root: the folder from which on folders go before the names; empty: what the folders have in common.
    """

    save: bool = True
    root: str = ""


class WriterFolders(EventFolder):
    """The event files that are written for a run.

    Their names depend on the folders: what these have in common is left out. So the first folder is read when there is
    a second one, or after 10 seconds, or at the end; one that begins later is named without regard to it.

    Args:
        how: what the program asks for.
        end: called before the files are read for the last time, so that writers can write out what they hold.
    """

    def __init__(self, how: How, end: Callable[[], object]) -> None:
        super().__init__(None)
        self._how = how
        self._end = end
        self._lock = threading.Lock()
        self._since = 0.0
        self._given: dict[Path, str] = {}  # folder -> the root that was given for it; empty if none was
        self._waiting: dict[Path, Mapping[str, int]] = {}  # folder -> file that was there before, and its size
        self._roots: dict[Path, str] = {}  # folder -> the root that files in it have in the run

    def begin(self, folder: Path) -> None:
        """Read what is written into a folder from now on."""
        with self._lock:
            if folder not in self._given:
                self._decide()
                self._since = self._since or time.monotonic()
                self._given[folder] = _root_given(folder, self._how.root)
                self._waiting[folder] = {file.name: _size(file) for file in files_in(folder)}

    def look(self, *, last: bool = False) -> Iterator[Row]:
        """As in `EventFolder`."""
        if last:
            self._end()
        with self._lock:
            self._decide(last=last)
        yield from super().look(last=last)

    def saved(self) -> Iterator[tuple[Path, str]]:
        """The event files that the run gets, and their names in it."""
        with self._lock:
            self._decide(last=True)
        for folder, root in self._roots.items() if self._how.save else ():
            before = self._alone[folder][1]
            for file in files_in(folder):
                if file.name not in before:
                    yield file, _below(root, file) or f"{folder.name}/{file.name}"

    def _decide(self, *, last: bool = False) -> None:
        """Give the folders their names, if that is due. Called with the lock."""
        are_several = len(self._given) > 1
        due = last or are_several or time.monotonic() - self._since >= _WAIT
        for folder in [folder for folder in self._waiting if due or self._given[folder]]:
            root = self._given[folder] or self._common()
            below = _below(root, folder)
            self.add(folder, f"{below}/" if below else "", self._waiting.pop(folder))
            self._roots[folder] = root if are_several or self._given[folder] else Path.cwd().as_posix()

    def _common(self) -> str:
        try:
            return Path(os.path.commonpath(self._given)).as_posix()
        except ValueError:  # on Windows, on several drives
            return ""


def _root_given(folder: Path, root: str) -> str:
    """The root that goes for a folder; empty if it is to be found."""
    path = folder.as_posix()
    by_writer = re.search(rf"-\d+_{re.escape(socket.gethostname())}", path)
    if by_writer:  # the writer has made the name itself; what follows was given as a comment, and is not in common
        return path[: by_writer.end()]
    root = Path(os.path.abspath(root)).as_posix() if root else ""  # noqa: PTH100  links stay links
    if not path.startswith(root):
        return ""
    return root


def _below(root: str, path: Path) -> str:
    """What is left of a path without its root, of which a part of a name may be the end; empty if it is not below."""
    whole = path.as_posix()
    return whole[len(root) :].lstrip("/") if whole.startswith(root) else ""


def _size(file: Path) -> int:
    with contextlib.suppress(OSError):
        return file.stat().st_size
    return 0
