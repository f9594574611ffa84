"""Takes the place of a run directory that cannot be read or made again, so that its writer's lines in memory are sent.

Only where the server has all lines before those. Copies of files are lost with the directory.
"""

# ruff: noqa: SLF001  the same room
from __future__ import annotations

import dataclasses
import itertools
import os
from typing import BinaryIO

from wandb_logging._events.run_info import Remote
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.memory import MemoryRunDir, ProgramsFiles, line_of
from wandb_logging._journal.position import position
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.writer import Writer

_ROOM = 2**20  # bytes for the events that the end of the run adds


class StandIn(MemoryRunDir):
    """The lines that a writer has in memory now, as the journal of a run directory.

    Args:
        run_dir: the directory that is away.
        writer: who writes there.
    """

    def __init__(self, run_dir: RunDir, writer: Writer) -> None:
        self._place = writer.place
        lines = _lines_of(writer) or []
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
        with self._writer._lock:
            if self._writer.place == self._place and now - before <= self._writer.waiting:
                self._forget_sent(now - before, cursor)
                self._place = self._writer.place

    def _forget_sent(self, count: int, cursor: Cursor) -> None:
        """Have the writer forget its first lines, and note where a reader goes on once there are segments again."""
        writer, run_dir = self._writer, self._run_dir
        number, segment, size = self._place
        if not number:
            run_dir.keep_in_mind(cursor=cursor, place=position())
            writer._let_go(count)
            run_dir.leaves_out_lines()
            return
        end = size + sum(map(len, itertools.islice(writer._kept.lines, count)))
        run_dir.keep_in_mind(cursor=cursor, place=position({number: (segment, end)}))
        writer._leave_gap()


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
    if isinstance(run_dir, MemoryRunDir) or _lines_of(writer) is None:
        return None
    return StandIn(run_dir, writer)


def _lines_of(writer: Writer) -> list[bytes] | None:
    """The lines that are in memory alone, if no segment has to be read before them; else None."""
    with writer._lock:
        home, (number, segment, size) = writer._home, writer.place
        if writer.closed or home is None or writer._kept.part:
            return None
        if number and home.acknowledged(number) != (segment, size):
            return None
        return list(writer._kept.lines) if writer._fd == -1 or number else None
