"""Checks a run directory: which lines are whole, torn, damaged, missing or not sent yet. Changes nothing."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError
from wandb_logging._events.event import Event
from wandb_logging._journal import safe_files
from wandb_logging._journal.cache_folder import walk_runs
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.members import is_writing
from wandb_logging._journal.order import damaged_in_order
from wandb_logging._journal.position import START
from wandb_logging._journal.reader import MOST_LINE
from wandb_logging._journal.rundir import ASIDE, RunDir
from wandb_logging._journal.seal import salvage, unseal
from wandb_logging._journal.segments import segment_name, segments
from wandb_logging._values.plain import loads
from wandb_logging._wording import counted


@dataclass(frozen=True)
class Verdict:
    """What was found in a run directory.

    Attributes:
        path: the directory.
        lines: number of whole journal lines.
        damaged: number of journal lines that cannot be read; `sync` sets them aside.
        torn: number of journals that end in half a line, whose writer is gone.
        unsent: number of journal lines that the server has not acknowledged.
        set_aside: number of lines in aside.jsonl: what could not be sent.
        alive: whether a process may still add to it.
        problems: what is wrong, in words for a person.
    """

    path: Path
    lines: int
    damaged: int
    torn: int
    unsent: int
    set_aside: int
    alive: bool
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong. Lines that are not sent yet are not wrong."""
        return not self.problems


@dataclass
class _Tally:
    """How many lines of some segments are whole, damaged and torn."""

    whole: int = 0
    damaged: int = 0
    torn: int = 0


def find_directories(path: Path) -> list[RunDir]:
    """All run directories at or below a path, also those that have lost their run.json."""
    return sorted(walk_runs(path, lost=True), key=lambda run_dir: run_dir.path)


def verify(run_dir: RunDir) -> Verdict:
    """Check a run directory, every line of it.

    Raises:
        OSError: a file in it cannot be read.
    """
    lines = _count(run_dir.path)
    problems = list(itertools.chain(_of_files(run_dir), _of_journal(run_dir, lines), _of_what_waits(run_dir)))
    return Verdict(
        path=run_dir.path,
        lines=lines.whole,
        damaged=lines.damaged,
        torn=lines.torn,
        unsent=run_dir.lines_after(run_dir.cursor.position),
        set_aside=lines_in(run_dir.path, ASIDE),
        alive=run_dir.alive(),
        problems=tuple(problems),
    )


def _count(path: Path) -> _Tally:
    counts = _Tally()
    newest = dict(segments(path))
    for writer, segment in segments(path):
        name = segment_name(writer, segment)
        with io.BufferedReader(safe_files.open_to_read(path, name)) as file:  # type: ignore[type-var]  # it is a FileIO
            for line in iter(partial(file.readline, MOST_LINE), b""):
                _count_line(line, counts, last=segment == newest[writer] and not is_writing(path, writer))
    return counts


def _count_line(line: bytes, counts: _Tally, *, last: bool) -> None:
    body = line.rstrip(b"\n")
    if unseal(body) is not None:
        counts.whole += 1
        return
    whole, _ = salvage(body)
    counts.whole += len(whole)
    if line.endswith(b"\n"):
        counts.damaged += 1
    elif last:
        counts.torn += not whole


def _of_files(run_dir: RunDir) -> Iterator[str]:
    path = run_dir.path
    try:
        drops = run_dir.info.cache_policy == "drop_oldest"
    except JournalError as exc:
        yield str(exc)
        drops = False
    for name in ("cursor.json", "base.json"):
        if safe_files.is_there(path, name) and run_dir.load_cursor(name) == Cursor():
            yield f"{name} is damaged: " + ("lines go to the server again" if name == "cursor.json" else "see repair")
    damaged, entries = damaged_in_order(path)
    if damaged:
        yield f"order.jsonl: {damaged} of {entries} entries are damaged"
    if not drops:
        yield from _gaps(run_dir)


def _gaps(run_dir: RunDir) -> Iterator[str]:
    """Sentences about segments that are missing, other than those removed after the server had acknowledged them."""
    at = run_dir.base.places
    for writer, of_writer in itertools.groupby(segments(run_dir.path), key=lambda place: place[0]):
        before = at.get(writer, START)[0] - 1
        for _, segment in of_writer:
            missing = [segment_name(writer, number) for number in (before + 1, segment - 1)]
            if segment == before + 2:
                yield f"{missing[0]} is missing"
            elif segment > before + 2:
                yield f"{missing[0]} to {missing[1]} are missing"
            before = max(before, segment)


def _of_journal(run_dir: RunDir, lines: _Tally) -> Iterator[str]:
    if lines.damaged:
        yield counted(
            lines.damaged,
            "journal line is damaged: sync sets it aside, and sends the rest",
            "journal lines are damaged: sync sets them aside, and sends the rest",
        )
    if lines.torn:
        which = counted(lines.torn, "journal ends", "journals end")
        yield f"{which} in half a line: what was being written when power or room ran out"
    for writer, (segment, offset) in run_dir.cursor.places.items():
        name = segment_name(writer, segment)
        found = safe_files.status(run_dir.path, name)
        if found is not None and found.st_size < offset:
            yield f"{name} is shorter than what the server has of it"


def _of_what_waits(run_dir: RunDir) -> Iterator[str]:
    """Sentences about copies of files that are to be sent and are not there."""
    cursor = run_dir.cursor
    names: set[str] = set()

    def take(body: bytes) -> None:
        names.update(Event.from_json(loads(body)).paths)

    run_dir.scan_after(cursor.position, (b'"path":',), take)
    names.update(task.path for task in cursor.tasks if task.what.get("path"))
    for name in sorted(names):
        if not safe_files.is_there(run_dir.path, name):
            yield f"{name}, which is to be sent, is missing"


def lines_in(run_dir: Path, name: str) -> int:
    """The lines of a file in a run directory; 0 if there is none.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    if not safe_files.is_there(run_dir, name):
        return 0
    with safe_files.open_to_read(run_dir, name) as file:
        return sum(block.count(b"\n") for block in iter(partial(file.read, 2**20), b""))


def as_json(verdicts: Iterable[Verdict]) -> str:
    """Verdicts for a program: a list of objects with their attributes, and `whole`."""
    return json.dumps(
        [{**vars(verdict), "path": str(verdict.path), "whole": verdict.whole} for verdict in verdicts], indent=1
    )
