"""Without a live run: `sync` of what waits on the disk, its memory, how it grows, and the size of the journal."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import math
import shutil
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks._contenders import OFFLINE, SDK, floor, missing
from benchmarks._many import SDK_SYNC, SYNC, many_runs
from benchmarks._measure import Found, Plot, Result, Size, child, ratio, rows, time_calls
from benchmarks._memory import most
from benchmarks._sink import Sink, sink
from benchmarks._worker import Worker
from wandb_logging import new_run, read_run
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._values.zlib import crc32, gzip_compressor

_SYNC = """
import sys
from benchmarks.offline import sync_and_tell
sync_and_tell(*sys.argv[1:])
"""
_LEAST = "import sys; from benchmarks._floor import send; send(*sys.argv[1:])"


def results(size: Size) -> list[Found]:
    """All that needs no live run."""
    with sink() as target:
        peers = [SDK] if size.peers and SDK not in missing() else []
        return [
            *_beside(target, size, peers),
            *_growth(target, size),
            *many_runs(target, size, peers),
            _floor(size),
            *_gzip(size),
        ]


def sync_and_tell(directory: str) -> None:
    """Sync, and print as JSON its seconds, the peak of memory in MiB, and (rows, CPU seconds) after each batch."""
    from wandb_logging import sync  # noqa: PLC0415  what importing takes is not sync's

    marks: list[tuple[int, float]] = [(0, time.process_time())]
    begun = time.perf_counter()
    reports = sync(directory, on_progress=lambda report: marks.append((report.rows, time.process_time())))
    seconds = time.perf_counter() - begun
    assert all(report.ok and report.finished for report in reports), reports
    print(json.dumps({"seconds": seconds, "peak": most(), "marks": marks}))


_Marks = list[tuple[int, float]]  # rows so far, and the seconds that they took


def _write(target: Sink, directory: Path, count: int) -> tuple[_Marks, _Marks]:
    """A run of so many rows of ten metrics, with marks; and what as many rows would take that are only written.

    Of these a hundredth is written, at each mark: where the machine has slow minutes, both have.
    """
    marks: _Marks = [(0, 0.0)]
    of_floor: _Marks = [(0, 0.0)]
    values = rows(10)
    least = floor(directory)
    run = new_run("bench", mode="offline", cache_dir=str(directory), host=target.url, quiet=True)
    step = max(count // 20, 1)
    for done in range(0, count, step):
        many = min(step, count - done)
        seconds = time_calls(lambda i: run.log(values[i % 1000]), many) * many
        marks.append((done + many, marks[-1][1] + seconds))
        least_seconds = time_calls(lambda i: least.log(values[i % 1000]), many // 100 + 1) * many
        of_floor.append((done + many, of_floor[-1][1] + least_seconds))
    run.finish()
    least.finish()
    return marks, of_floor


def _journal_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("journal-*.jsonl"))


# --- beside the SDK ---


def _beside(target: Sink, size: Size, peers: Sequence[str]) -> list[Found]:
    """Both commands, process and all; what a sync takes inside its process is told as well."""
    ours: list[_Sync] = []
    theirs: list[float] = []
    least: list[float] = []
    for _ in range(size.pairs):
        ours.append(_sync_ours(target, size.rows))
        theirs += [_sync_theirs(target, size.rows) for _ in peers]
        least.append(_sync_least(target, size.rows))
    what = f"sync of {size.rows:,} rows, rows/s"
    within = statistics.median(of.within for of in ours)
    found: list[Found] = [
        Result(what, size.rows / within, None, "rows/s", f"inside its process; {ours[0].arrived:,} rows arrived")
    ]
    if theirs:
        speeds = (size.rows / statistics.median(of) for of in ([of.command for of in ours], theirs))
        faster = statistics.median(that / this.command for this, that in zip(ours, theirs))
        note = "{:,.0f} against {:,.0f}, whole commands".format(*speeds)
        note += f"; floor {ratio(theirs, least):.3g} x"
        found.append(Result(f"{what} to wandb sync", faster, 8, note=note, at_least=True))
    return [*found, ours[0].journal_to_json]


@dataclass(frozen=True)
class _Sync:
    """Seconds of the command, seconds of the function inside of a process, rows that arrived; what the journal was."""

    command: float
    within: float
    arrived: int
    journal_to_json: Result


def _sync_ours(target: Sink, count: int) -> _Sync:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        path = _prepared(OFFLINE, target, Path(first), count)
        journal_to_json = _journal_to_json(path)
        copy = shutil.copytree(path, Path(second) / path.name)
        target.take_counts()
        command = child(SYNC, str(path), **target.environment()).seconds
        arrived = target.take_counts()["rows"]
        within = child(_SYNC, str(copy), **target.environment()).said["seconds"]
    return _Sync(command, within, arrived, journal_to_json)


def _sync_least(target: Sink, count: int) -> float:
    """Seconds of a program that sends rows and does nothing else, from its start to its end."""
    values = rows(10)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "rows"
        with path.open("wb") as file:
            for i in range(count):
                body = orjson.dumps({"metrics": values[i % 1000], "t": time.time()})
                file.write(b'%b,"crc":"%08x"}\n' % (body[:-1], zlib.crc32(body)))
        target.take_counts()
        seconds = child(_LEAST, str(path), target.url).seconds
        if target.take_counts()["rows"] != count:
            raise RuntimeError("not every row arrived")
        return seconds


def _sync_theirs(target: Sink, count: int) -> float:
    with tempfile.TemporaryDirectory() as place:
        path = _prepared(SDK, target, Path(place), count)
        return child(SDK_SYNC, str(path), **target.environment()).seconds


def _prepared(name: str, target: Sink, directory: Path, count: int) -> Path:
    """A run of so many rows, made offline; where it is."""
    with Worker(name, {**target.environment(), "WANDB_MODE": "offline"}, directory=str(directory)) as worker:
        worker.ask("whole", count, 10)
    if name == OFFLINE:
        (run_dir,) = find_runs(directory)
        return run_dir.path
    (path,) = (directory / "wandb").glob("offline-run-*")
    return path


def _journal_to_json(path: Path) -> Result:
    of_rows = [len(json.dumps(row, separators=(",", ":"))) + 1 for row in read_run(path).rows]
    journal = _journal_bytes(path)
    note = f"{journal / len(of_rows):.0f} bytes a row against {sum(of_rows) / len(of_rows):.0f}"
    return Result("journal to its rows' own JSON, bytes", journal / sum(of_rows), 1.15, note=note)


# --- growth ---


def _growth(target: Sink, size: Size) -> list[Found]:
    """One long run, logged and synced: what a row costs at its beginning and at its end."""
    with tempfile.TemporaryDirectory() as place:
        logged, least = _write(target, Path(place), size.many_rows)
        journal = _journal_bytes(Path(place)) / 1e9
        told = child(_SYNC, place, **target.environment()).said
    sent = [(int(rows_), float(cpu)) for rows_, cpu in told["marks"]]
    what = f"{size.many_rows:,} rows"
    log_costs, sync_costs = _costs(logged), _costs(sent)
    return [
        Result(
            f"{what} logged, cost of a row in the dearest quarter to the cheapest",
            _unevenness(logged),
            1.1,
            note=f"{log_costs[1][0]:.3g} µs, then {log_costs[1][-1]:.3g} µs; floor {_unevenness(least):.3g} x",
        ),
        Result(
            f"{what} synced, CPU of a row in the dearest quarter to the cheapest",
            _unevenness(sent),
            1.1,
            note=f"{journal:.2g} GB of journal, {told['seconds']:.0f} s, most of them waiting for the rate limit",
        ),
        Result(f"{what} synced, peak memory", told["peak"], 60, "MiB", f"{journal:.2g} GB of journal"),
        Plot(
            "growth",
            "A row's cost in a long run",
            "rows so far",
            "µs a row",
            {"a call": log_costs, "CPU of sync": sync_costs},
            log="x",
        ),
    ]


def _costs(marks: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    """Rows so far, and microseconds a row since the mark before, at about twenty marks."""
    few = marks[:: max(len(marks) // 20, 1)]
    pairs = [(a, b) for a, b in zip(few, few[1:]) if b[0] > a[0]]
    return [b[0] for _, b in pairs], [(b[1] - a[1]) / (b[0] - a[0]) * 1e6 for a, b in pairs]


def _unevenness(marks: list[tuple[int, float]]) -> float:
    """The cost of a row in the dearest quarter of the rows to that in the cheapest; NaN where there are too few.

    A quarter's cost is the median between its marks: a moment in which somebody else had the processor is left out.
    """
    quarters: list[list[float]] = [[], [], [], []]
    for a, b in zip(marks, marks[1:]):
        if b[0] > a[0]:
            quarters[min(4 * a[0] // marks[-1][0], 3)].append((b[1] - a[1]) / (b[0] - a[0]))
    if not all(quarters):
        return math.nan
    costs = [statistics.median(costs) for costs in quarters]
    return max(costs) / min(costs)


def _floor(size: Size) -> Result:
    """What no sync can be below that reads JSON, checks it, writes JSON and compresses that: nothing else is done."""
    values = rows(10)
    lines = [orjson.dumps({"metrics": values[i % 1000], "t": 1.7e9 + i * 1e-5}) for i in range(size.rows)]
    packed = 0
    begun = time.process_time()
    for start in range(0, len(lines), 500):
        written = []
        for line in lines[start : start + 500]:
            crc32(line)
            written.append(orjson.dumps(orjson.loads(line)["metrics"]))
        packed += len(_compress(b",".join(written)))
    taken = (time.process_time() - begun) / size.rows
    note = f"{1 / taken:,.0f} rows/s in one process; {packed / size.rows:.0f} bytes"
    return Result("floor: a row's JSON read, checked, written, compressed", taken * 1e6, None, "µs", note)


def _compress(data: bytes) -> bytes:
    packer = gzip_compressor()
    return bytes(packer.compress(data) + packer.flush())


def _gzip(size: Size) -> list[Found]:
    """What the wire could have, at which price: rows as a request carries them, compressed in several ways."""
    values = rows(10)
    lines = [
        {**values[i % 1000], "_step": i, "_timestamp": 1.7e9 + i * 1e-5, "_runtime": round(i * 1e-5, 6)}
        for i in range(size.rows)
    ]
    data = ",".join(json.dumps(json.dumps(line, separators=(",", ":"))) for line in lines).encode()
    ways: dict[str, Callable[[bytes], bytes]] = {
        f"zlib's level {level}": functools.partial(zlib.compress, level=level) for level in (1, 6, 9)
    }
    sys.modules.pop("isal", None)  # only here: see `benchmarks`
    with contextlib.suppress(ImportError):  # the extra `fast`
        ways["ISA-L's level 1"] = functools.partial(importlib.import_module("isal.isal_zlib").compress, level=1)
    found: list[Found] = []
    for name, compress in ways.items():
        begun = time.perf_counter()
        packed = len(compress(data))
        note = f"{(time.perf_counter() - begun) / size.rows * 1e6:.2g} µs; {len(data) / size.rows:.0f} bytes before"
        found.append(Result(f"a row's JSON by {name}, all digits random", packed / size.rows, None, "bytes", note))
    return found
