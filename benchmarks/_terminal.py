"""A program on a terminal of its own, of which we hold the other end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks._measure import environment_of


@contextmanager
def on_terminal(arguments: Sequence[str], folder: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Run Python with these arguments in a folder, with some more variables. Gives our end of its terminal.

    Raises:
        CalledProcessError: it did not end with 0, for which the end of the block waits.
    """
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", 0):
        with subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment_of(environment),
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as program:
            os.close(theirs)
            yield ours
        if program.returncode:
            raise subprocess.CalledProcessError(program.returncode, program.args)
