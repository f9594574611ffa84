"""Folds a journal from its beginning, piece by piece. All code that reads a run back uses this."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold import fold
from wandb_logging._fold.state import Delta, State
from wandb_logging._fold.told import Told, finish, tell
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.position import Position
from wandb_logging._journal.reader import Chunk
from wandb_logging._journal.rundir import RunDir

_MOST_LINES, _MOST_BYTES = 50_000, 2**18

Damaged = Callable[[int], object]
"""Is told again and again how many lines of a piece of the journal cannot be read."""


def _untold(_number: int) -> None:
    pass


def replay(
    run_dir: RunDir, info: RunInfo, state: State, position: Position | None
) -> Iterator[tuple[State, Delta, int]]:
    """Fold the journal from a position on. Gives after each piece: the state, the output, the number of damaged lines.

    A row that is still open at the end stays in the last state; `fold.finish` closes it.

    Raises:
        OSError: the journal cannot be read.
    """
    rules = fold.rules_of(info)
    for chunk in chunks_of(run_dir, position):
        state, delta = fold.fold(rules, state, chunk.bodies)
        yield state, delta, len(chunk.damaged)


def chunks_of(run_dir: RunDir, position: Position | None) -> Iterator[Chunk]:
    """What the journal holds from a position on, some lines at a time: as many as the processor's cache holds.

    Raises:
        OSError: the journal cannot be read.
    """
    reader = run_dir.reader(position, record_order=False)
    try:
        while (chunk := reader.read(_MOST_LINES, _MOST_BYTES)).bodies or chunk.damaged:
            yield chunk
    finally:
        reader.close()


def rows_of(run_dir: RunDir) -> Iterator[dict[str, Any]]:
    """The history rows of a run, one after the other. Memory does not grow with their number.

    Raises:
        JournalError: there is no run directory, or its format is a newer one.
        OSError: its journal cannot be read.
    """
    for told in told_of(run_dir, run_dir.info):
        yield from told.rows


def told_of(run_dir: RunDir, info: RunInfo, damaged: Damaged = _untold) -> Iterator[Told]:
    """The values of a run from where its journal begins to its last row, of some events at a time.

    Raises:
        OSError: its journal cannot be read.
    """
    rules = fold.rules_of(info)
    state, position = beginning(run_dir, info)
    for chunk in chunks_of(run_dir, position):
        damaged(len(chunk.damaged))
        state, told = tell(rules, state, chunk.bodies)
        yield told
    yield finish(rules, state)


def parts_of(run_dir: RunDir, info: RunInfo, damaged: Damaged = _untold) -> Iterator[tuple[State, Delta]]:
    """Fold a run from where its journal begins to its last row. Gives the state and the output after each piece.

    Raises:
        OSError: its journal cannot be read.
    """
    state, position = beginning(run_dir, info)
    for state_then, delta, unreadable in replay(run_dir, info, state, position):
        state = state_then
        damaged(unreadable)
        yield state, delta
    yield fold.finish(fold.rules_of(info), state)


def beginning(run_dir: RunDir, info: RunInfo) -> tuple[State, Position | None]:
    """State and position at which the journal begins: the run's start, or the end of what was removed to make room."""
    return state_at(run_dir.base, info)


def state_at(cursor: Cursor, info: RunInfo) -> tuple[State, Position | None]:
    """State and position of the fold that a cursor holds; those at the run's start if it holds none."""
    try:
        return (State(**cursor.state), cursor.position) if cursor.state else (fold.first_state(info), None)
    except TypeError:
        return fold.first_state(info), None
