"""With a server: what a caller feels while rows are sent, and what sending costs, against the official SDK."""

from __future__ import annotations

import tempfile

from benchmarks._measure import Child, Result, child
from benchmarks._sink import Sink, sink

# One program a contender. `log(row)` is the call; each prints its figures as JSON in its last line.
_OURS = """
import json, logging, sys, time
from wandb_logging import WandbHandler
handler = WandbHandler(project="bench", mode="online", cache_dir={directory!r}, quiet=True, console=False,
                       flush_interval={interval})
logger = logging.Logger("train")
logger.addHandler(handler)
def log(row): logger.info("epoch", extra={{"metrics": row}})
def finish(): handler.close()
"""

_SDK = """
import json, sys, time
import wandb
run = wandb.init(project="bench", dir={directory!r}, settings=wandb.Settings(
    console="off", x_disable_stats=True, x_save_requirements=False, disable_git=True))
log = run.log
finish = run.finish
"""

_CALLS = """
rows = {{size: {{f"metric_{{i}}": 0.123456789 * (i + 1) for i in range(size)}} for size in {sizes}}}
found = {{}}
for size, row in rows.items():
    taken = []
    for _ in range({count}):
        begun = time.perf_counter()
        log(row)
        taken.append(time.perf_counter() - begun)
    found[size] = sorted(taken)
finish()
def at(values, share): return values[min(int(len(values) * share), len(values) - 1)]
print(json.dumps({{size: [at(v, 0.5), at(v, 0.99), at(v, 0.999), v[-1]] for size, v in found.items()}}))
"""

_STEPS = """
def spin(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
row = {{f"metric_{{i}}": 0.123456789 * (i + 1) for i in range(10)}}
def steps(count, call):
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        spin(0.0003)
        call(row)
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[count // 2]
log(row)
with_call, without = [], []
for _ in range(7):
    without.append(steps({count}, lambda row: None))
    with_call.append(steps({count}, log))
finish()
print(json.dumps(sorted(a - b for a, b in zip(with_call, without))[3]))
"""

_MANY = """
row = {{f"metric_{{i}}": 0.123456789 * (i + 1) for i in range(10)}}
begun = time.perf_counter()
for i in range({count}):
    row["metric_0"] = i * 0.37
    log(row)
finish()
print(json.dumps(time.perf_counter() - begun))
"""

_FEW = """
log({{"x": 0}})
for i in range(99):
    log({{"x": i}})
begun = time.perf_counter()
finish()
print(json.dumps(time.perf_counter() - begun))
"""


def _run(head: str, body: str, target: Sink, *, interval: float = 15, **values: object) -> Child:
    with tempfile.TemporaryDirectory() as directory:
        code = head.format(directory=directory, interval=interval) + body.format(**values)
        return child(code, **target.environment())


def results(*, quick: bool) -> list[Result]:
    """All that needs a server."""
    with sink() as target:
        return [*_calls(target, quick=quick), *_tails(target, quick=quick), *_whole(target, quick=quick)]


def _calls(target: Sink, *, quick: bool) -> list[Result]:
    count = 2000 if quick else 10_000
    sizes = [1, 10, 100]
    ours = _run(_OURS, _CALLS, target, sizes=sizes, count=count).said
    sdk = _run(_SDK, _CALLS, target, sizes=sizes, count=count).said
    found = []
    for size in sizes:
        this, that = ours[str(size)][0], sdk[str(size)][0]
        note = f"{this * 1e6:.1f} µs against {that * 1e6:.1f} µs"
        goal = 15 if size == 100 else 12
        found.append(Result(f"SDK's run.log to our call, {size} metrics", that / this, goal, note=note, at_least=True))
    return found


def _tails(target: Sink, *, quick: bool) -> list[Result]:
    count = 60_000
    calm = _run(_OURS, _CALLS, target, sizes=[10], count=count).said["10"]
    busy = _run(_OURS, _CALLS, target, interval=0, sizes=[10], count=count).said["10"]
    steps = 300 if quick else 1000
    ours = _run(_OURS, _STEPS, target, count=steps).said
    sdk = _run(_SDK, _STEPS, target, count=steps).said
    return [
        Result("burst of 60,000, p99.9", calm[2] * 1e6, 100, "µs"),
        Result("burst of 60,000, longest call", calm[3] * 1e3, 2, "ms"),
        Result("burst of 60,000 while sending all the time, longest call", busy[3] * 1e3, 1, "ms"),
        Result("step that holds the GIL for 0.3 ms, added by a call", ours * 1e6, 12, "µs", f"SDK {sdk * 1e6:.0f} µs"),
    ]


def _whole(target: Sink, *, quick: bool) -> list[Result]:
    count = 20_000 if quick else 100_000
    target.take_counts()
    ours = _run(_OURS, _MANY, target, count=count)
    counts = target.take_counts()
    sdk = _run(_SDK, _MANY, target, count=count)
    sdk_counts = target.take_counts()
    few = sorted(_run(_OURS, _FEW, target).said for _ in range(5))[2]
    speed, sdk_speed = count / ours.said, count / sdk.said
    rows = f"{count:,} rows"
    return [
        Result(
            f"{rows} online, rows/s to the SDK's",
            speed / sdk_speed,
            8,
            note=f"{speed:,.0f} against {sdk_speed:,.0f}",
            at_least=True,
        ),
        Result(
            f"{rows} online, SDK's CPU a row to ours",
            sdk.cpu / ours.cpu,
            14,
            note=f"{ours.cpu / count * 1e6:.1f} µs against {sdk.cpu / count * 1e6:.0f} µs",
            at_least=True,
        ),
        Result(
            f"{rows} online, SDK's peak memory to ours (largest process)",
            sdk.peak_mib / ours.peak_mib,
            5,
            note=f"{ours.peak_mib:.0f} MiB against {sdk.peak_mib:.0f} MiB",
            at_least=True,
        ),
        Result(
            f"{rows} online, bytes a row on the wire",
            counts["sent"] / max(counts["rows"], 1),
            100,
            "bytes",
            f"{counts['rows']:,} rows arrived; SDK {sdk_counts['sent'] / max(sdk_counts['rows'], 1):.0f} bytes",
        ),
        Result("finish of 100 rows on loopback", few * 1e3, 30, "ms", "round trips included"),
    ]
