"""A process that reads long runs into the cache, so that the server can answer meanwhile and stays small.

Each line of its input is a JSON list of a run directory and an axis. The process prints the line again when that run
is read, and ends when its input does.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from pathlib import Path

from wandb_logging._errors import WandbLoggingError
from wandb_logging._journal.rundir import RunDir
from wandb_logging._page.cache import Cache
from wandb_logging._page.exact import begin, read_on
from wandb_logging._page.sample import sample

_KEPT_EVERY = 10.0  # seconds of reading that are lost at most when the process is ended
_EXPECT = 8  # number of rows that are looked at first to choose the width of bins


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
