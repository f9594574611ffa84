"""Side by side: what else one could log rows with, and the least that could be done. One process each, in turns."""

from __future__ import annotations

import statistics

from benchmarks._contenders import FLOOR_RUN, MAKERS, OFFLINE, OURS, SDK, SLOWER, STOCK, missing
from benchmarks._measure import Found, Plot, Result, Size
from benchmarks._sink import sink
from benchmarks._worker import Worker

_METRICS = 10
_SENDS = {OURS, SDK}


def results(size: Size) -> list[Found]:
    """What a call takes, and what whole runs take, of each contender that is installed."""
    names = [name for name in MAKERS if name not in missing() and (size.peers or name in {OURS, OFFLINE, STOCK})]
    return [*_calls(size, names), *_wholes(size, names)]


def _calls(size: Size, names: list[str]) -> list[Found]:
    times: dict[str, list[float]] = {name: [] for name in names if name != FLOOR_RUN}
    with sink() as target:
        for _ in range(min(size.pairs, 3)):
            for name in times:
                count = max(size.calls // SLOWER.get(name, 1), 10)
                target.take_counts()
                with Worker(name, target.environment()) as worker:
                    worker.ask("burst", max(count // 10, 1), _METRICS)
                    if name in _SENDS:  # what a run does once, at its beginning, is over before it is measured
                        target.wait_for_rows()
                    times[name] += [worker.ask("burst", count, _METRICS) for _ in range(max(size.rounds // 3, 1))]
    medians = {name: statistics.median(of) * 1e6 for name, of in times.items()}
    ordered = sorted(medians, key=medians.__getitem__)
    return [
        *(Result(f"a call of 10 metrics: {name}", medians[name], None, "µs") for name in ordered),
        Plot(
            "calls",
            "A call with 10 metrics, in a burst",
            "",
            "µs",
            {"": (ordered, [medians[name] for name in ordered])},
        ),
    ]


def _wholes(size: Size, names: list[str]) -> list[Found]:
    """From the first call until all rows are where they belong, and what the processes took."""
    found: list[Found] = []
    for name in names:
        if name != FLOOR_RUN and name.startswith((STOCK, "floor", "Null")):
            continue  # their rows are nowhere
        count = max(size.rows // SLOWER.get(name, 1), 10)
        with sink() as target, Worker(name, target.environment(), watch=True) as worker:
            seconds = worker.ask("whole", count, _METRICS)
        note = f"{worker.cpu / count * 1e6:.1f} µs of CPU a row, {worker.peak:.0f} MiB at most; {count:,} rows"
        found.append(Result(f"a whole run: {name}", count / seconds, None, "rows/s", note))
    return found
