"""`sync_tensorboard=True` and `wandb.tensorboard.patch`: what TensorBoard writers write goes into the run, too.

Where a writer writes is learnt when it is made: of `tensorboard` (which PyTorch's writer uses) and of `tensorboardX`.
TensorFlow's own writers are made outside Python: for them say `run.watch_tensorboard(folder)` of `wandb_logging.Run`.
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
_folders: dict[int, list[Path]] = {}  # id of a run that takes part -> what it watches
_patched: set[str] = set()
_for_all: list[bool] = []


def patch(*_: Any, **__: Any) -> None:
    """Have the runs that begin from now on take what writers write."""
    _for_all[:] = [True]
    _patch_writers()


def wanted() -> bool:
    """Whether all runs are to."""
    return bool(_for_all)


def sync(run: Run) -> None:
    """Have a run take what writers write that are made from now on, until it ends."""
    _patch_writers()
    if not _patched:
        say_once("sync_tensorboard: neither tensorboard nor tensorboardX is installed: nothing will be found")
    _folders[id(run)] = []


def end(run: Run) -> None:
    """Have what writers still hold written, before a run ends; their files are the run's, too, for its TensorBoard."""
    folders = _folders.pop(id(run), None)
    if folders is not None:
        for writer in list(_writers):
            with contextlib.suppress(Exception):  # it is closed
                _write_out(writer)
        for file in [file for folder in folders for file in sorted(folder.rglob("*.tfevents.*"))]:
            with contextlib.suppress(OSError):  # it is gone
                run._run.upload_file(file, _name_of(file))  # noqa: SLF001  the run beneath


def _name_of(file: Path) -> str:
    """The name of an event file in the run: below the working directory its path there, else with its folder."""
    here = Path.cwd()
    return (file.relative_to(here) if here in file.parents else Path(file.parent.name, file.name)).as_posix()


def _write_out(writer: Any) -> None:
    """Have a writer write what it holds.

    tensorboardX's has a thread that takes events from a queue, and its `flush` does not wait for that: the thread is
    ended, which it does when the queue is empty, and another takes its place.
    """
    thread = getattr(writer, "_worker", None)
    if thread is None:
        writer.flush()
    elif not writer._closed:  # noqa: SLF001  there is no other way
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
        _begun(Path(os.path.abspath(os.fspath(logdir))))  # noqa: PTH100  the folder as it is meant now

    kind.__init__ = made


def _begun(folder: Path) -> None:
    for run in active:
        watched = _folders.get(id(run))
        if watched is not None and not any(folder == known or known in folder.parents for known in watched):
            watched.append(folder)
            run._run.watch_tensorboard(folder)  # noqa: SLF001  the run beneath
