"""Keeps readings on disk, outside the run directories, so that a run is not read again when the page is opened again.

There is a file for each run and axis, in a folder that only its owner can enter. A file is ignored if it is damaged,
was written by another version, or belongs to a run whose directory now holds another run.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from wandb_logging._errors import JournalError
from wandb_logging._fold.fold import State
from wandb_logging._journal.copies import new_digest
from wandb_logging._journal.rundir import RunDir
from wandb_logging._page.bins import Bins, Series
from wandb_logging._page.exact import Exact, Mark, still_true
from wandb_logging._values.plain import dumps, loads

_FORMAT = 4
_HEAD = b"wandb-logging page %d\n" % _FORMAT
_MOST = 512 * 2**20  # most bytes of all files together
_COLUMNS = "qqddd"


class Cache:
    """A folder of readings.

    Args:
        folder: is made if it is missing. If it cannot be made or written, nothing is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def load(self, run_dir: RunDir, axis: str) -> Exact | None:
        """The kept reading of a run, if the run can be read on from there; else None."""
        try:
            exact = unpack(self._path(run_dir, axis).read_bytes())
            return exact if exact is not None and still_true(run_dir, exact) else None
        except (OSError, ValueError, KeyError, TypeError, IndexError, JournalError):
            return None

    def save(self, run_dir: RunDir, exact: Exact) -> None:
        """Keep a reading. It replaces an older one."""
        path = self._path(run_dir, exact.bins.axis)
        beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            with open(beside, "xb", opener=_private) as file:
                file.write(pack(exact))
            beside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()

    def prune(self) -> None:
        """Remove the oldest files if all together are too large."""
        with contextlib.suppress(OSError):
            files = [(path.stat(), path) for path in self.folder.iterdir()]
            left = sum(about.st_size for about, _ in files)
            for about, path in sorted(files, key=lambda file: file[0].st_mtime):
                if left <= _MOST:
                    break
                left -= about.st_size
                path.unlink()

    def _path(self, run_dir: RunDir, axis: str) -> Path:
        name = f"{run_dir.path.absolute()}\n{axis}".encode("utf-8", "surrogatepass")
        return self.folder / str(new_digest("sha256", name).hexdigest()[:32])


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def pack(exact: Exact) -> bytes:
    """A reading as bytes."""
    blocks: list[bytes] = []
    head = {
        "bins": _bins_head(exact.bins, blocks),
        "system": _bins_head(exact.system, blocks),
        "state": asdict(exact.state),
        "position": exact.position,
        "marks": [{**vars(kept), "state": _short(kept.state)} for kept in exact.marks],
        **{name: getattr(exact, name) for name in _SAME},
    }
    line = dumps(head)
    body = b"".join([b"%d\n" % len(line), line, *blocks])
    return _HEAD + b"%08x\n" % zlib.crc32(body) + body


_SAME = ("identity", "tail", "media", "files", "tasks", "damaged", "shown", "spacing", "chunks")
_NONE = asdict(State())


def _short(state: State) -> dict[str, Any]:
    return {name: value for name, value in vars(state).items() if value != _NONE[name]}


def _bins_head(bins: Bins, blocks: list[bytes]) -> dict[str, Any]:
    series = []
    for name, kept in bins.series.items():
        series.append([name, len(kept.at), kept.count, kept.last, kept.lowest, kept.highest, kept.bad])
        blocks += [column.tobytes() for column in kept.columns]
    return {**{name: getattr(bins, name) for name in _OF_BINS}, "series": series}


_OF_BINS = ("axis", "exponent", "low", "high", "most")


def unpack(data: bytes) -> Exact | None:
    """Make a reading from its bytes. Returns None if they are damaged or come from another version.

    Raises:
        ValueError, KeyError, TypeError, IndexError: another program wrote them.
    """
    at = len(_HEAD)
    body = data[at + 9 :]
    if data[:at] != _HEAD or data[at : at + 9] != b"%08x\n" % zlib.crc32(body):
        return None
    size, _, rest = body.partition(b"\n")
    head = loads(rest[: int(size)])
    blocks = memoryview(rest)[int(size) :]
    bins, blocks = _bins_of(head["bins"], blocks)
    system, _ = _bins_of(head["system"], blocks)
    marks = [Mark(**{**kept, "state": State(**kept["state"])}) for kept in head["marks"]]
    same = {name: head[name] for name in _SAME}
    return replace(
        Exact(bins, State(**head["state"]), head["position"], system, marks),
        **{**same, "media": {name: [tuple(item) for item in kept] for name, kept in same["media"].items()}},
    )


def _bins_of(head: Mapping[str, Any], blocks: memoryview) -> tuple[Bins, memoryview]:
    bins = Bins(**{name: head[name] for name in _OF_BINS})
    for name, size, *figures in head["series"]:
        columns: list[Any] = []
        for code in _COLUMNS:
            column: array[Any] = array(code)
            column.frombytes(blocks[: size * column.itemsize])
            blocks = blocks[size * column.itemsize :]
            columns.append(column)
        bins.series[name] = Series(*columns, *figures)
    return bins, blocks
