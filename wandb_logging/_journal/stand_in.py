"""What stands in for a run directory that cannot be read or made anew: what its writer keeps in memory is sent.

Only where the server has all that comes before that. Copies of files went with the directory.
"""

from __future__ import annotations

import dataclasses
import os
from typing import BinaryIO

from wandb_logging._events.run_info import Remote
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.memory import MemoryRunDir, ProgramsFiles, line_of
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.writer import Writer

_ROOM = 2**20  # bytes for what the end adds


class StandIn(MemoryRunDir):
    """The lines that a writer has in memory now, as the journal of a run directory.

    Args:
        run_dir: the directory that is away.
        writer: who writes there.
        lines: sealed, as it has them.
    """

    def __init__(self, run_dir: RunDir, writer: Writer, lines: list[bytes]) -> None:
        super().__init__(run_dir.known_info, sum(map(len, lines)) + _ROOM)
        self.path = run_dir.path
        self.files = _WhatIsLeft(run_dir)
        self._run_dir = run_dir
        self._writer = writer
        self._cursor = dataclasses.replace(run_dir.latest_cursor, position=None)
        for body in filter(None, (unseal(line.rstrip(b"\n")) for line in lines)):
            self.queue.append(body)

    def save_server(self, server: Remote) -> None:
        """Keep what the server said of the run for the directory that may come."""
        super().save_server(server)
        self._run_dir.keep_in_mind(server=server)

    def save_cursor(self, cursor: Cursor) -> None:
        """Have the writer forget what the server has now, unless the disk took it meanwhile: then it goes again."""
        before, now = (line_of(each.position) for each in (self._cursor, cursor))
        super().save_cursor(cursor)
        self._writer.forget_sent(now - before, lambda place: self._run_dir.keep_in_mind(cursor=cursor, place=place))


class _WhatIsLeft(ProgramsFiles):
    """Files as of a directory that is away: there may be something left of it."""

    def __init__(self, run_dir: RunDir) -> None:
        super().__init__(run_dir.path)
        self._files = run_dir.files

    def open(self, kept: str) -> BinaryIO:
        return self._files.open(kept)

    def status(self, kept: str) -> os.stat_result | None:
        return self._files.status(kept)


def stand_in_for(run_dir: RunDir, writer: Writer) -> StandIn | None:
    """What can be sent in place of a directory that cannot be read; None if that would leave a gap."""
    lines = writer.only_in_memory()
    return None if lines is None else StandIn(run_dir, writer, lines)
