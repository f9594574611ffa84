"""Copies the rows of ranks whose rows wait on disk into the run of their rank 0 (`sync --ranks all`).

Each rank gets a writer of its own in that run; the writer's first event names the rank. So another `sync` continues
where the last one stopped, for whatever reason: no row is copied twice, and rows logged since are added.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalError, JournalLocked
from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold.labelled import mark_of, marked
from wandb_logging._journal import safe_files
from wandb_logging._journal.members import HELPER
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.segments import segment_name, segments
from wandb_logging._values.plain import dumps, loads

_NOT_THEIRS = ("exit", "resume", "config", "run")  # only rank 0 may say these
_TOLD = ("text", "alert")  # what was written into the run of rank 0 when it was logged


def gather(run_dirs: Sequence[RunDir]) -> None:
    """Copy waiting rows into the run of their rank 0, for each launch whose rank 0 is among these runs.

    Raises:
        JournalError: the rows cannot be written.
    """
    known = _known(run_dirs)
    for held, info in known:
        zero = zero_of(info, known) if info.is_held else None
        if zero is not None:
            _write(held, info, zero)


def group_with_zero(run_dirs: Sequence[RunDir]) -> None:
    """Put the run of rank 0 into the group of the other ranks of its launch.

    Raises:
        JournalError: the change cannot be written.
    """
    known = _known(run_dirs)
    for _, info in known:
        zero = zero_of(info, known) if info.is_held else None
        if zero is not None and not _says_group(zero, info.group):
            _append(zero, [{"run": {"group": info.group}, "t": info.start}])


def is_gathered(held: RunDir, run_dirs: Sequence[RunDir]) -> bool:
    """Whether everything that a rank logged is in the run of its rank 0."""
    known = _known(run_dirs)
    info = next((info for run_dir, info in known if run_dir.path == held.path), None)
    zero = zero_of(info, known) if info is not None else None
    if zero is None or info is None:
        return False
    return _done(zero, info) >= sum(
        _lines(held.path, writer) for writer in {writer for writer, _ in segments(held.path)}
    )


def zero_of(info: RunInfo, known: Sequence[tuple[RunDir, RunInfo]]) -> RunDir | None:
    """The run of rank 0 in the same launch as this run.

    If several launches have the same id, it is the run of rank 0 that began at the nearest time.
    """
    same = [
        (abs(other.start - info.start), str(run_dir.path), run_dir)
        for run_dir, other in known
        if _ranks(other).get("rank") == 0
        and _ranks(other).get("launch") == _ranks(info).get("launch")
        and (other.project, other.host) == (info.project, info.host)
    ]
    return min(same)[2] if same else None


def _known(run_dirs: Sequence[RunDir]) -> list[tuple[RunDir, RunInfo]]:
    """The runs that belong to a launch, with what is known of each."""
    found = []
    for run_dir in run_dirs:
        with contextlib.suppress(JournalError):  # sending the run reports the problem
            info = run_dir.info
            if info.ranks:
                found.append((run_dir, info))
    return found


def _ranks(info: RunInfo) -> Mapping[str, Any]:
    return info.ranks or {}


def _write(held: RunDir, info: RunInfo, zero: RunDir) -> None:
    rank = _ranks(info).get("rank")
    try:
        with held.uploading():
            told = _told(zero, rank)
            events = [_theirs(loads(body), held, zero, rank, told) for body in _bodies(held, _done(zero, info))]
    except JournalLocked:
        return  # another process is doing this now
    if events:
        _copy_media(held.path, zero.path)
        _append(zero, [{"gathered": _key(info), "t": events[0]["t"]}, *events], label=str(rank))


def _key(info: RunInfo) -> str:
    return str(info.writer_id or info.id)


def _done(zero: RunDir, info: RunInfo) -> int:
    """How many events of a rank are already in the run of rank 0."""
    return sum(_lines(zero.path, writer) - 1 for writer in _writers_for(zero.path, _key(info)))


def _append(run_dir: RunDir, events: Sequence[Mapping[str, Any]], label: str | None = None) -> None:
    writer = run_dir.writer(HELPER, mark=b"" if label is None else b',"label":' + dumps(label))
    for event in events:
        writer.append(dumps(event))
    writer.close()
    if writer.counts.dropped:
        raise JournalError(f"{run_dir.path}: {', '.join(writer.counts.dropped)}")


def _bodies(held: RunDir, skip: int) -> Iterator[bytes]:
    """The events of a run in the order in which they are always read, without the first `skip` of them."""
    reader = held.reader(None)
    with contextlib.closing(reader):
        while (chunk := reader.read()).bodies or chunk.damaged:
            yield from chunk.bodies[skip:]
            skip = max(0, skip - len(chunk.bodies))


def _told(zero: RunDir, rank: object) -> set[bytes]:
    """The warnings and errors of a rank that it wrote into the run of rank 0 as they came: times and texts.

    None of them if the run has rules that find metrics in text: under the rank's names they are found in its own text.
    """
    if any(rules for _, rules in zero.info.text_rules):
        return set()
    found: list[bytes] = []
    zero.scan_after(None, (dumps(mark_of(str(rank)))[:-1],), found.append)
    return {_time_and_text(event) for body in found if isinstance(event := loads(body), dict)}


def _time_and_text(event: Mapping[str, Any]) -> bytes:
    return dumps([event.get("t"), event.get("text")])


def _theirs(event: Any, held: RunDir, zero: RunDir, rank: object, told: Container[bytes]) -> dict[str, Any]:
    """Adapt an event to the run of rank 0: files get the rank's name; what it has, or concerns only the rank, goes."""
    if not isinstance(event, dict):
        return {"t": 0.0}
    is_told = "text" in event and _time_and_text(marked(event, str(rank))) in told
    kept = {name: value for name, value in event.items() if name not in (_NOT_THEIRS + _TOLD * is_told)}
    file = kept.get("file")
    if isinstance(file, dict):
        name = f"rank-{rank}/{file.get('name')}"
        with contextlib.suppress(OSError):
            kept["file"] = {**file, "name": name, "path": zero.files.keep(held.path / str(file.get("path")), name)}
    return {"t": 0.0, **kept}


def _copy_media(source: Path, target: Path) -> None:
    """Copy media files. Their names depend on their content."""
    for folder in ("files/media", "files/once"):
        names = [item.name for item in (source / folder).iterdir()] if (source / folder).is_dir() else []
        for name in names:
            if not safe_files.is_file(target, f"{folder}/{name}"):
                safe_files.make_folder(target, folder)
                with contextlib.suppress(OSError), safe_files.open_to_read(source, f"{folder}/{name}") as file:
                    safe_files.replace(target, f"{folder}/{name}", file.read(), durable=False)


def _writers_for(path: Path, key: str) -> Iterator[int]:
    """The writers that hold what this rank logged."""
    for writer, segment in segments(path):
        if segment == 1:
            first = _first_event(path, writer)
            if isinstance(first, dict) and first.get("gathered") == key:
                yield writer


def _first_event(path: Path, writer: int) -> Any:
    with safe_files.open_to_read(path, segment_name(writer, 1)) as file:
        body = unseal(file.read(4096).partition(b"\n")[0])
    return loads(body) if body is not None else None


def _lines(path: Path, writer: int) -> int:
    """How many whole lines a writer has written."""
    count = 0
    for of, segment in segments(path):
        if of == writer:
            with safe_files.open_to_read(path, segment_name(writer, segment)) as file:
                while block := file.read(2**20):
                    count += block.count(b"\n")
    return count


def _says_group(zero: RunDir, group: object) -> bool:
    """Whether the run of rank 0 has already been put into that group."""
    if zero.info.group == group:
        return True
    found: list[bytes] = []
    zero.scan_after(None, (b'"group":',), found.append)
    return any(loads(body).get("run", {}).get("group") == group for body in found)
