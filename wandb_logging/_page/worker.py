"""A process that reads long runs into the cache, so that the server answers meanwhile and stays small.

It is told on its input which: one JSON list a line, run directory and axis. It says each of them again when it is done.
It ends when its input does.
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

_EXPECT = 8  # rows that are looked at to know how wide bins have to be


def main(folder: str) -> None:
    """Read what the input says, until it ends."""
    with contextlib.suppress(OSError, AttributeError):  # not on Windows
        os.nice(10)  # who looks at the page goes first
    gc.disable()  # a run is read without circles, and looking for some would take a fifth of the time
    cache = Cache(Path(folder))
    for line in sys.stdin:
        path, axis = json.loads(line)
        with contextlib.suppress(OSError, ValueError, WandbLoggingError):  # the server reads it then, and tells
            read_into(cache, RunDir(Path(path)), axis)
        sys.stdout.write(line)
        sys.stdout.flush()


def read_into(cache: Cache, run_dir: RunDir, axis: str) -> None:
    """Read a run on from what is in the cache of it, and put it there.

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
    read_on(run_dir, exact)
    cache.save(run_dir, exact)


if __name__ == "__main__":
    main(sys.argv[1])
