"""With a server: what a caller feels while rows are sent, and what sending costs, against the official SDK."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks._contenders import FLOOR, FLOOR_RUN, OURS, SDK, STOCK, missing
from benchmarks._measure import Found, Plot, Result, Size, micros, ratio
from benchmarks._sink import Sink, sink
from benchmarks._worker import SHARES, Worker

_REST = 0.5  # seconds in which the one before catches up with its rows


def results(size: Size) -> list[Found]:
    """All that needs a server."""
    peers = [SDK] if size.peers and SDK not in missing() else []
    with sink() as target:
        return [
            *_default(target, size),
            *(found for peer in peers for found in _calls(target, size, peer)),
            *_tails(target, size, peers),
            *_steps(target, size, peers),
            *_whole(target, size, peers),
            _finish(target, size, "in a run that goes on", warm=True),
            _finish(target, size, "the first of the run", warm=False),
        ]


def _default(target: Sink, size: Size) -> list[Found]:
    """Default settings, sending all the while, beside QueueHandler in a process of its own, and one that only logs."""
    with ExitStack() as stack:
        ours, silent = (
            stack.enter_context(Worker(OURS, target.environment(), interval=interval)) for interval in (0, 3600)
        )
        stock, least = (stack.enter_context(Worker(name)) for name in (STOCK, FLOOR))
        contenders = (ours, stock, silent, least)
        for worker in contenders:
            worker.ask("burst", 100, 10)
        target.wait_for_rows()
        rounds = [[worker.ask("spread", size.calls, 10) for worker in contenders] for _ in range(size.rounds)]
    found: list[Found] = []
    for at, (name, goal) in enumerate((("mean", 1.5), ("p50", 1.1), ("p99", 2.0))):
        these, those, without, least_ = ([figures[who][at] for figures in rounds] for who in range(4))
        note = f"{micros(these)} against {micros(those)}; while nothing is sent {ratio(without, those):.3g} x"
        note += f"; floor {ratio(least_, those):.3g} x"
        what = f"call, 10 metrics and their text, sending all the while, {name}"
        found.append(Result(what, ratio(these, those), goal, note=note))
    return found


def _calls(target: Sink, size: Size, peer: str) -> list[Found]:
    """Bursts of both in turns."""
    found: list[Found] = []
    for metrics, goal in ((1, 12), (10, 12), (100, 15)):
        with ExitStack() as stack:
            workers = [stack.enter_context(Worker(name, target.environment())) for name in (OURS, peer, FLOOR)]
            turns = [
                tuple(_burst_at_rest(worker, size, metrics) for worker in workers)
                for _ in range(max(size.rounds // 5, 3))
            ]
        these, those, least = zip(*turns[1:])  # what a run does once, at its beginning, is in the first
        note = f"{micros(these)} against {statistics.median(those) * 1e6:.0f} µs; floor {ratio(those, least):.3g} x"
        found.append(
            Result(f"{peer}'s call to ours, {metrics} metrics", ratio(those, these), goal, note=note, at_least=True)
        )
    return found


def _begin(worker: Worker, target: Sink) -> None:
    """Have the run begin, and what it does once, at its beginning, be over."""
    worker.ask("burst", 1, 10)
    target.wait_for_rows()
    time.sleep(2 * _REST)
    target.take_counts()


def _burst_at_rest(worker: Worker, size: Size, metrics: int) -> float:
    time.sleep(_REST)
    return float(worker.ask("burst", size.calls, metrics))


# --- tails ---


def _tail(target: Sink, size: Size, name: str, interval: float = 15.0, *, warm: bool = False) -> list[float]:
    """Quantiles of the seconds of a burst's calls: of each the median over some processes.

    Args:
        target: the server.
        size: how much is measured.
        name: of the contender.
        interval: our own `flush_interval`.
        warm: whether the run was there before the burst, or begins with it.
    """
    tails = []
    for _ in range(min(size.pairs, 3)):
        target.take_counts()
        with Worker(name, target.environment(), interval=interval) as worker:
            if warm:
                _begin(worker, target)
            tails.append(worker.ask("tail", size.burst, 10))
    return [statistics.median(values) for values in zip(*tails)]


def _tails(target: Sink, size: Size, peers: Sequence[str]) -> list[Found]:
    burst = f"burst of {size.burst:,}"
    curves = {
        f"{burst} in a run that goes on": _tail(target, size, OURS, warm=True),
        f"{burst} that begins a run": _tail(target, size, OURS),
        f"{burst}, sending all the while": _tail(target, size, OURS, interval=0, warm=True),
    }
    sdk = {peer: _tail(target, size, peer, warm=True) for peer in peers}
    least = _tail(target, size, FLOOR)
    p999, longest = SHARES.index(0.999), -1
    note, note_longest = (
        ", ".join([f"floor {least[at] * 1e3:.2g} ms", *(f"SDK {curve[at] * 1e3:.2g} ms" for curve in sdk.values())])
        for at in (p999, longest)
    )
    disk = statistics.median(_begun_on_disk() for _ in range(5)) * 1e3
    note_first = f"{note_longest}, and {disk:.2g} ms with the names of a run and its project forced to the disk"
    found: list[Found] = []
    for (name, curve), goals, note_long in zip(
        curves.items(), ((100, 2), (100, 2), (None, 1)), (note_longest, note_first, note_longest)
    ):
        found += [
            Result(f"{name}, p99.9", curve[p999] * 1e6, goals[0], "µs", note),
            Result(f"{name}, longest call", curve[longest] * 1e3, goals[1], "ms", note_long),
        ]
    plot = Plot(
        "tails",
        f"A {burst} calls: how many take longer",
        "µs a call",
        "share of the calls that take longer",
        {
            name.removeprefix(f"{burst} ").removeprefix(f"{burst}, "): (
                [seconds * 1e6 for seconds in curve[:-1]],
                [1 - share for share in SHARES[:-1]],
            )
            for name, curve in {**curves, **sdk}.items()
        },
        log="xy",
    )
    return [*found, plot]


def _begun_on_disk() -> float:
    """Seconds until a folder, another in it, and a file there are on the disk: a run's first call waits for them."""
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        run = Path(place, "project", "run")
        run.parent.mkdir()
        _force(Path(place))
        run.mkdir()
        (run / "new").write_bytes(bytes(850))
        _force(run / "new")
        (run / "new").rename(run / "run.json")
        _force(run.parent)
        return time.perf_counter() - begun


def _force(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)


def _steps(target: Sink, size: Size, peers: Sequence[str]) -> list[Found]:
    """All in turns, each in a process of its own."""
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(name, target.environment())) for name in (OURS, *peers, STOCK, FLOOR)
        }
        turns = [
            {
                name: worker.ask("steps", size.steps, 10) - worker.ask("steps", size.steps, 0)
                for name, worker in workers.items()
            }
            for _ in range(7)
        ]
    ours, *others, least = (statistics.median(turn[name] for turn in turns) * 1e6 for name in workers)
    note = ", ".join(f"{peer} {added:.0f} µs" for peer, added in zip((*peers, STOCK), others))
    note += f"; floor {least:.3g} µs"
    return [Result("step that holds the GIL for 0.3 ms, added by a call", ours, 12, "µs", note)]


# --- whole runs ---

_BURST_ALLOWED = 10  # requests that W&B takes at once after a rest


@dataclass(frozen=True)
class _Whole:
    """What a run took from its first call to its end: seconds, CPU seconds, MiB at most, what the server counted."""

    seconds: float
    cpu: float
    peak: float
    counts: dict[str, int]

    @property
    def bytes_a_row(self) -> float:
        return self.counts["sent"] / max(self.counts["rows"], 1)


def _one_whole(target: Sink, name: str, count: int, digits: int = 17) -> _Whole:
    target.take_counts()
    with Worker(name, target.environment(), watch=True) as worker:
        before = worker.cpu_so_far()
        seconds = worker.ask("whole", count, 10, digits)
    return _Whole(seconds, worker.cpu - before, worker.peak, target.take_counts())


def _whole(target: Sink, size: Size, peers: Sequence[str]) -> list[Found]:
    count = size.rows
    runs: dict[str, list[_Whole]] = {name: [] for name in (OURS, *peers, FLOOR_RUN)}
    for _ in range(size.pairs):
        for name, of in runs.items():
            of.append(_one_whole(target, name, count))
    ours = runs[OURS]
    short = _one_whole(target, OURS, count, digits=6)
    what, counts = f"{count:,} rows online", ours[0].counts
    sdk = "".join(f", SDK {runs[peer][0].bytes_a_row:.0f}" for peer in peers)
    return [
        *(result for peer in peers for result in _beside(what, ours, runs[peer], runs[FLOOR_RUN], count)),
        Result(
            f"{what}, bytes a row on the wire, all digits random",
            ours[0].bytes_a_row,
            100,
            "bytes",
            f"{counts['rows']:,} rows arrived{sdk}",
        ),
        Result(f"{what}, bytes a row on the wire, six random digits", short.bytes_a_row, 100, "bytes"),
        Result(
            f"{what}, requests a second",
            max(max(0, run.counts["posts"] - _BURST_ALLOWED) / run.seconds for run in ours),
            2,
            "a second",
            f"beyond {_BURST_ALLOWED} at once; {counts['posts']} requests, {counts['largest'] / 2**20:.1f} MiB at most",
        ),
    ]


def _beside(what: str, ours: list[_Whole], theirs: list[_Whole], least: list[_Whole], count: int) -> list[Found]:
    each = (ours, theirs, least)
    speed, sdk_speed, _ = (count / statistics.median(run.seconds for run in runs) for runs in each)
    cpu, sdk_cpu, cpu_least = (statistics.median(run.cpu for run in runs) / count * 1e6 for runs in each)
    peak, sdk_peak, peak_least = (statistics.median(run.peak for run in runs) for runs in each)
    pairs, at_best = list(zip(ours, theirs)), list(zip(least, theirs))
    speed_at_best = statistics.median(b.seconds / a.seconds for a, b in at_best)
    cpu_at_best = statistics.median(b.cpu / a.cpu for a, b in at_best)
    return [
        Result(
            f"{what}, rows/s to the SDK's",
            statistics.median(b.seconds / a.seconds for a, b in pairs),
            8,
            note=f"{speed:,.0f} against {sdk_speed:,.0f}; floor {speed_at_best:.3g} x",
            at_least=True,
        ),
        Result(
            f"{what}, SDK's CPU a row to ours",
            statistics.median(b.cpu / a.cpu for a, b in pairs),
            14,
            note=f"{cpu:.1f} µs against {sdk_cpu:.0f} µs, all processes; floor {cpu_at_best:.3g} x, {cpu_least:.1f} µs",
            at_least=True,
        ),
        Result(
            f"{what}, SDK's peak memory to ours",
            sdk_peak / peak,
            5,
            note=f"{peak:.0f} MiB against {sdk_peak:.0f} MiB, all processes; floor {peak_least:.0f} MiB",
            at_least=True,
        ),
    ]


# --- the end ---


def _finish(target: Sink, size: Size, what: str, *, warm: bool) -> Result:
    """How long ending takes, where the run was there (`warm`), or began with the rows a moment ago."""
    took, least, requests, trip, forced = [], [], [], [], []
    for _ in range(min(size.starts, 5)):
        target.take_counts()
        with Worker(OURS, target.environment()) as worker:
            if warm:
                _begin(worker, target)
            worker.ask("burst", 100, 10)
            took.append(worker.ask("finish"))
        requests.append(target.take_counts()["requests"])
        with Worker(FLOOR_RUN, target.environment()) as worker:
            worker.ask("burst", 100, 10)
            least.append(worker.ask("finish"))
        trip.append(target.round_trip())
        forced.append(_forced(100 * 400))
    raw, trips = statistics.median(took), statistics.median(requests) * statistics.median(trip)
    note = f"{raw * 1e3:.0f} ms with {statistics.median(requests):.0f} requests, {trips * 1e3:.1f} ms; "
    note += f"floor {statistics.median(least) * 1e3:.0f} ms, with one, "
    note += f"and {statistics.median(forced) * 1e3:.1f} ms if it forced its rows to the disk"
    return Result(f"finish of 100 rows, {what}, without its round trips", (raw - trips) * 1e3, 30, "ms", note)


def _forced(size: int) -> float:
    """Seconds until a new file of so many bytes is on the disk, and not only with the system."""
    with tempfile.TemporaryFile() as file:
        file.write(bytes(size))
        file.flush()
        begun = time.perf_counter()
        os.fsync(file.fileno())
        return time.perf_counter() - begun
