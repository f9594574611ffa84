"""`sync_tensorboard=True` and `wandb.tensorboard.patch`: log what TensorBoard writers write to the run as well.

The folder of a writer becomes known when the writer is made. This works for `tensorboard` (which PyTorch's writer uses)
and for `tensorboardX`. TensorFlow's own writers are made outside Python; for them call
`run.watch_tensorboard(folder)` of `wandb_logging.Run`.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging.compat._active import active
from wandb_logging.compat._refused import say_once

if TYPE_CHECKING:
    from wandb_logging.compat._run import Run

_WRITERS = ("tensorboard.summary.writer.event_file_writer", "tensorboardX.event_file_writer")

_writers: weakref.WeakSet[Any] = weakref.WeakSet()
_folders: dict[int, list[Path]] = {}  # id of a run that takes part -> the folders it watches
_patched: set[str] = set()
_for_all: list[bool] = []


def patch(*_: Any, **__: Any) -> None:
    """Let all runs that begin from now on log what writers write."""
    _for_all[:] = [True]
    _patch_writers()


def wanted() -> bool:
    """Whether all runs are to log what writers write."""
    return bool(_for_all)


def sync(run: Run) -> None:
    """Let a run log, until its end, what writers made from now on write."""
    _patch_writers()
    if not _patched:
        say_once("sync_tensorboard: neither tensorboard nor tensorboardX is installed: nothing will be found")
    _folders[id(run)] = []


def end(run: Run) -> None:
    """Flush all writers before a run ends, and add their files to the run, for its TensorBoard tab."""
    folders = _folders.pop(id(run), None)
    if folders is not None:
        for writer in list(_writers):
            with contextlib.suppress(Exception):  # the writer is closed
                _write_out(writer)
        for file in [file for folder in folders for file in sorted(folder.rglob("*.tfevents.*"))]:
            with contextlib.suppress(OSError):  # the file is gone
                run._run.upload_file(file, _name_of(file))  # noqa: SLF001  the run beneath


def _name_of(file: Path) -> str:
    """The name of an event file in the run: its path below the working directory, or else its folder and name."""
    here = Path.cwd()
    return (file.relative_to(here) if here in file.parents else Path(file.parent.name, file.name)).as_posix()


def _write_out(writer: Any) -> None:
    """Make a writer write everything it holds.

    A writer of tensorboardX has a thread that takes events from a queue, and `flush` does not wait for this queue. So
    the thread is told to end, which it does when the queue is empty, and another one takes its place.
    """
    thread = getattr(writer, "_worker", None)
    if thread is None:
        writer.flush()
    elif not writer._closed:  # noqa: SLF001  tensorboardX has no public way
        thread.stop()
        writer.flush()
        parts = (writer._event_queue, writer._ev_writer, writer._flush_secs)  # noqa: SLF001
        writer._worker = type(thread)(*parts)  # noqa: SLF001
        writer._worker.start()  # noqa: SLF001


def _patch_writers() -> None:
    for name in _WRITERS:
        if name not in _patched and importlib.util.find_spec(name.partition(".")[0]) is not None:
            _patched.add(name)
            _patch(importlib.import_module(name).EventFileWriter)


def _patch(kind: Any) -> None:
    make = kind.__init__

    @functools.wraps(make)
    def made(self: Any, logdir: Any, *args: Any, **kwargs: Any) -> None:
        make(self, logdir, *args, **kwargs)
        _writers.add(self)
        _begun(Path(os.path.abspath(os.fspath(logdir))))  # noqa: PTH100  resolved now, since the working directory may change

    kind.__init__ = made


def _begun(folder: Path) -> None:
    for run in active:
        watched = _folders.get(id(run))
        if watched is not None and not any(folder == known or known in folder.parents for known in watched):
            watched.append(folder)
            run._run.watch_tensorboard(folder)  # noqa: SLF001  the run beneath
