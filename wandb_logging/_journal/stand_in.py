"""Takes the place of a run directory that cannot be read or made again, so that its writer's lines in memory are sent.

Only where the server has all lines before those. Copies of files are lost with the directory.
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

_ROOM = 2**20  # bytes for the events that the end of the run adds


class StandIn(MemoryRunDir):
    """The lines that a writer has in memory now, as the journal of a run directory.

    Args:
        run_dir: the directory that is away.
        writer: who writes there.
        lines: the lines, with their checksums.
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
        """Remember what the server said of the run, for the directory that may come back."""
        super().save_server(server)
        self._run_dir.keep_in_mind(server=server)

    def save_cursor(self, cursor: Cursor) -> None:
        """Have the writer forget the lines that the server has. If the disk took them meanwhile they go again."""
        before, now = (line_of(each.position) for each in (self._cursor, cursor))
        super().save_cursor(cursor)
        self._writer.forget_sent(now - before, lambda place: self._run_dir.keep_in_mind(cursor=cursor, place=place))


class _WhatIsLeft(ProgramsFiles):
    """The files of a directory that is away: some may still be there."""

    def __init__(self, run_dir: RunDir) -> None:
        super().__init__(run_dir.path)
        self._files = run_dir.files

    def open(self, kept: str) -> BinaryIO:
        return self._files.open(kept)

    def status(self, kept: str) -> os.stat_result | None:
        return self._files.status(kept)


def stand_in_for(run_dir: RunDir, writer: Writer) -> StandIn | None:
    """What is sent in place of a directory that cannot be read; None if the server would lack lines before that."""
    lines = writer.only_in_memory()
    return None if lines is None else StandIn(run_dir, writer, lines)
