"""`sync_tensorboard=True` and `wandb.tensorboard.patch`: log what TensorBoard writers write to the run as well.

The folder of a writer becomes known when the writer is made: by `tensorboard`, which PyTorch's writer uses, by
`tensorboardX`, or by TensorFlow, which Keras uses.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
import weakref
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from wandb_logging.compat._active import active
from wandb_logging.compat._refused import say_once

if TYPE_CHECKING:
    from wandb_logging._run.writer_folders import WriterFolders
    from wandb_logging.compat._run import Run

_WRITERS = ("tensorboard.summary.writer.event_file_writer", "tensorboardX.event_file_writer")
_TENSORFLOW_1 = "tensorflow.python.summary.writer.event_file_writer"
_TENSORFLOW_2 = "tensorflow.python.ops.gen_summary_ops"

_writers: weakref.WeakSet[Any] = weakref.WeakSet()
_written: dict[int, WriterFolders] = {}  # id of a run that takes part -> what is written for it
_patched: set[str] = set()
_for_all: list[tuple[bool, str]] = []  # the arguments `save` and `root_logdir` of `patch`


def patch(
    save: bool = True,
    tensorboard_x: bool | None = None,
    pytorch: bool | None = None,
    root_logdir: str = "",
    *,
    tensorboardX: bool | None = None,  # noqa: N803  its older name
) -> None:
    """Let all runs that begin from now on log what writers write.

    Args:
        save: whether the run gets the event files as well.
        tensorboard_x, tensorboardX, pytorch: accepted, and not needed: all writers are known.
        root_logdir: the folder from which on the folders of writers go before the names of values. Default: what the
            folders of all writers have in common.
    """
    del tensorboard_x, tensorboardX, pytorch
    _for_all[:] = [(save, root_logdir or "")]
    _patch_writers()


def unpatch() -> None:
    """Let the runs that begin from now on log nothing of what writers write, unless they ask for it."""
    _for_all.clear()


def wanted() -> bool:
    """Whether all runs are to log what writers write."""
    return bool(_for_all)


def sync(run: Run) -> None:
    """Let a run log, until its end, what writers made from now on write."""
    _patch_writers()
    if not _patched:
        say_once("sync_tensorboard: no tensorboard, tensorboardX or tensorflow is installed: nothing will be found")
    from wandb_logging._run.writer_folders import How, WriterFolders  # noqa: PLC0415  it takes 3 ms, most need none

    known = weakref.ref(run)
    written = WriterFolders(How(*_for_all[0]) if _for_all else How(), lambda: _end_of(known()))
    _written[id(run)] = written
    run._run._take_events(written)  # noqa: SLF001  the run beneath


def keeps_count(run: Run) -> bool:
    """Whether steps that the program gives to a run are left out, with a warning: rows of event files count them."""
    if id(run) in _written:
        say_once("a step cannot be given where sync_tensorboard is used: log it as a metric, and see define_metric")
        return True
    return False


def _end_of(run: Run | None) -> None:
    if run is not None:  # nobody has called its `finish`
        end(run)


def end(run: Run) -> None:
    """Flush all writers before a run ends, and add their files to the run, for its TensorBoard tab."""
    written = _written.pop(id(run), None)
    if written is not None:
        for writer in list(_writers):
            with contextlib.suppress(Exception):  # the writer is closed
                _write_out(writer)
        for file, name in written.saved():
            with contextlib.suppress(OSError):  # the file is gone
                run._run.upload_file(file, name)  # noqa: SLF001  the run beneath


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
    changes = {**dict.fromkeys((*_WRITERS, _TENSORFLOW_1), _patch), _TENSORFLOW_2: _patch_tensorflow_2}
    for name in changes.keys() - _patched:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            _patched.add(name)
            _when_imported(name, changes[name])


def _patch(module: ModuleType) -> None:
    kind: Any = module.EventFileWriter
    make = kind.__init__

    @functools.wraps(make)
    def made(self: Any, logdir: Any, *args: Any, **kwargs: Any) -> None:
        _begin(os.fspath(logdir))
        make(self, logdir, *args, **kwargs)
        _writers.add(self)

    kind.__init__ = made


def _patch_tensorflow_2(module: Any) -> None:
    make = module.create_summary_file_writer

    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Any:
        logdir = kwargs["logdir"] if "logdir" in kwargs else args[1]
        if hasattr(logdir, "numpy"):  # a tensor outside of a graph
            logdir = logdir.numpy()
        if isinstance(logdir, (str, bytes, os.PathLike)):
            _begin(os.fsdecode(logdir))
        return make(*args, **kwargs)

    module.create_summary_file_writer = made


def _begin(logdir: str) -> None:
    folder = Path(os.path.abspath(logdir))  # noqa: PTH100  resolved now, since the working directory may change
    for run in active:
        if id(run) in _written:
            _written[id(run)].begin(folder)


def _when_imported(name: str, change: Callable[[Any], None]) -> None:
    """Change a module now, or once it is imported: TensorFlow takes seconds, and may be there for something else."""
    if name in sys.modules:
        change(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Awaited(name, change))


class _Awaited:
    """Waits for a module and changes it."""

    def __init__(self, name: str, change: Callable[[Any], None]) -> None:
        self._name = name
        self._change = change

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec that others find for the module, whose loader changes it."""
        del path, target
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        run_module = spec.loader.exec_module

        def executed(module: ModuleType) -> None:
            run_module(module)
            self._change(module)

        spec.loader.exec_module = executed  # type: ignore[method-assign]
        return spec
