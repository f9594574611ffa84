"""Processes that read long runs into the cache, so that the server can answer meanwhile and stays small.

Such a process runs this module. Each line of its input is a JSON list of a run directory and an axis. It prints the
line again when that run is read, and ends when its input does.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from wandb_logging._errors import WandbLoggingError
from wandb_logging._journal.rundir import RunDir
from wandb_logging._page.cache import Cache
from wandb_logging._page.exact import begin, read_on
from wandb_logging._page.scan import sample

_KEPT_EVERY = 10.0  # seconds of reading that are lost at most when the process is ended
_EXPECT = 8  # number of rows that are looked at first to choose the width of bins
_NICE = 10  # how far behind others the processes stand that want the processor

Task = tuple[Path, str]
"""A run directory and an axis."""


class Readers:
    """The queue of runs to read, and the processes, started when there is something to read and ended when idle.

    Args:
        cache: folder to which the processes write.
        done: called with key and axis of each task that was done or has failed.
        most: most processes at once.
    """

    _IDLE = 20.0  # seconds without a task until a process is ended

    def __init__(self, cache: Path, done: Callable[[int, str], object], most: int) -> None:
        self._cache = cache
        self._done = done
        self._most = most
        self._queue: queue.Queue[tuple[Task, int]] = queue.Queue()
        self._finished: queue.Queue[tuple[Task, int] | None] = queue.Queue()
        self._asked: set[Task] = set()
        self._threads = 0
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._finishes = False  # whether there is a thread for what is finished

    def ask(self, task: Task, key: int) -> None:
        """Queue a run to be read, unless it is queued already."""
        with self._lock:
            if task in self._asked or self._closed:
                return
            self._asked.add(task)
            self._queue.put((task, key))
            if not self._finishes:
                self._finishes = True
                self._begin(self._finish)
            if self._threads < min(self._most, len(self._asked)):
                self._threads += 1
                self._begin(self._work)

    @property
    def left(self) -> int:
        """Number of tasks that are not done yet."""
        return len(self._asked)

    def close(self) -> None:
        """End the processes. Tasks that are not done are dropped."""
        with self._lock:
            self._closed = True
            for process in self._processes:
                process.kill()
        self._finished.put(None)

    def _begin(self, target: Callable[[], None]) -> None:
        threading.Thread(target=target, name="wandb-logging page reader", daemon=True).start()

    def _finish(self) -> None:
        """Say of each task that it is done, while the processes go on with the next ones."""
        while (item := self._finished.get()) is not None:
            task, key = item
            with self._lock:
                self._asked.discard(task)
            if not self._closed:
                self._done(key, task[1])

    def _work(self) -> None:
        process = None
        try:
            while (item := self._next()) is not None:
                process = process or self._begun()
                with contextlib.suppress(OSError, ValueError):
                    _have_read(process, item[0])
                self._finished.put(item)
                if process is not None and process.poll() is not None:
                    self._end(process)
                    process = None
        finally:
            self._end(process)

    def _next(self) -> tuple[Task, int] | None:
        """The next task. Returns None if there was none for a while: then the thread ends."""
        try:
            return self._queue.get(timeout=self._IDLE)
        except queue.Empty:
            with self._lock:
                if self._queue.empty():
                    self._threads -= 1
                    return None
            return self._queue.get()

    def _begun(self) -> subprocess.Popen[str] | None:
        """Start a process. Returns None if that is not possible: then the server reads runs by itself."""
        with self._lock, contextlib.suppress(OSError):
            if not self._closed:
                process = subprocess.Popen(  # noqa: S603  our own module
                    [sys.executable, "-m", "wandb_logging._page.readers", str(self._cache)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                    start_new_session=True,  # Ctrl-C goes to the server alone, which ends the processes
                )
                with contextlib.suppress(AttributeError, OSError):  # Windows has no such priority
                    os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)  # answers for the page are more urgent
                with contextlib.suppress(OSError):  # where each session has an equal share, that counts
                    Path(f"/proc/{process.pid}/autogroup").write_text(str(_NICE), "ascii")
                self._processes.add(process)
                return process
        return None

    def _end(self, process: subprocess.Popen[str] | None) -> None:
        if process is not None:
            with self._lock:
                self._processes.discard(process)
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait()


def _have_read(process: subprocess.Popen[str] | None, task: Task) -> None:
    """Have a process read a run, and wait until it says that it has, or until it is gone."""
    if process is None or process.stdin is None or process.stdout is None:
        return
    process.stdin.write(json.dumps([str(task[0]), task[1]]) + "\n")
    process.stdin.flush()
    process.stdout.readline()


def main(folder: str) -> None:
    """Read the runs that the input names, until it ends."""
    gc.disable()  # reading makes no reference cycles, and looking for them would take a fifth of the time
    cache = Cache(Path(folder))
    for line in sys.stdin:
        path, axis = json.loads(line)
        with contextlib.suppress(OSError, ValueError, WandbLoggingError):  # the server will report it
            read_into(cache, RunDir(Path(path)), axis)
        try:
            os.write(1, line.encode())
        except OSError:  # the server is gone
            return


def read_into(cache: Cache, run_dir: RunDir, axis: str, seconds: float = _KEPT_EVERY) -> None:
    """Read a run on from where its reading in the cache ends, and put the result there: now and then, and at the end.

    Args:
        seconds: how often what was read so far is kept.

    Raises:
        JournalError: there is no run directory, or its format is a newer one.
        OSError: its journal cannot be read.
    """
    exact = cache.load(run_dir, axis)
    if exact is None:
        exact = begin(run_dir, axis)
        seen = sample(run_dir, _EXPECT)
        if axis == "_step" and seen.rows:
            first, last = seen.rows[0]["_step"], seen.rows[-1]["_step"]
            exact.bins.expect(first, max(last, first + seen.rows_expected))
    while not read_on(run_dir, exact, seconds):
        cache.save(run_dir, exact)
    cache.save(run_dir, exact)


if __name__ == "__main__":
    main(sys.argv[1])
