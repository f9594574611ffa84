"""Without a server: `sync` of what waits, its memory and growth, and the size of the journal."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks._measure import Result, child
from benchmarks._sink import Sink, sink
from wandb_logging import read_run
from wandb_logging._rundir import find_runs

_WRITE = """
import sys
from wandb_logging import new_run
for number in range({runs}):
    run = new_run("bench", mode="offline", cache_dir={directory!r}, quiet=True)
    row = {{f"metric_{{i}}": 0.123456789 * (i + 1) for i in range(10)}}
    for i in range({count}):
        row["metric_0"] = i * 0.37
        run.log(row)
    run.finish()
"""

_SDK_WRITE = """
import wandb
run = wandb.init(project="bench", mode="offline", dir={directory!r}, settings=wandb.Settings(
    console="off", x_disable_stats=True, x_save_requirements=False, disable_git=True))
row = {{f"metric_{{i}}": 0.123456789 * (i + 1) for i in range(10)}}
for i in range({count}):
    row["metric_0"] = i * 0.37
    run.log(row)
run.finish()
"""

_SYNC = """
import json, time
from wandb_logging import sync
begun = time.perf_counter()
reports = sync({directory!r})
assert all(report.ok and report.finished for report in reports), reports
print(json.dumps(time.perf_counter() - begun))
"""

_SDK_SYNC = """
import glob, json, subprocess, sys, time
(run,) = glob.glob({directory!r} + "/wandb/offline-run-*")
begun = time.perf_counter()
subprocess.run([sys.executable, "-m", "wandb", "sync", run], check=True, capture_output=True)
print(json.dumps(time.perf_counter() - begun))
"""


def results(*, quick: bool) -> list[Result]:
    """All that needs no live run."""
    count = 20_000 if quick else 100_000
    with sink() as target:
        return [*_against_sdk(target, count), *_growth(target, quick=quick)]


def _against_sdk(target: Sink, count: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        child(_WRITE.format(directory=ours, count=count, runs=1))
        (run_dir,) = find_runs(Path(ours))
        journal = sum(path.stat().st_size for path in run_dir.path.glob("journal-*.jsonl"))
        rows = sum(len(json.dumps(row, separators=(",", ":"))) + 1 for row in read_run(run_dir.path).rows)
        child(_SDK_WRITE.format(directory=theirs, count=count), **target.environment())
        target.take_counts()
        sent = child(_SYNC.format(directory=ours), **target.environment())
        arrived = target.take_counts()["rows"]
        sdk = child(_SDK_SYNC.format(directory=theirs), **target.environment())
    note = f"{count / sent.said:,.0f} rows/s against {count / sdk.said:,.0f}; {arrived:,} rows arrived"
    return [
        Result(f"sync of {count:,} rows, rows/s to wandb sync", sdk.said / sent.said, 8, note=note, at_least=True),
        Result("journal to its rows' own JSON", journal / rows, 1.15, note=f"{journal / count:.0f} bytes a row"),
    ]


def _growth(target: Sink, *, quick: bool) -> list[Result]:
    few, many = (20_000, 100_000) if quick else (100_000, 2_000_000)
    found = {}
    for count in (few, many):
        with tempfile.TemporaryDirectory() as directory:
            child(_WRITE.format(directory=directory, count=count, runs=1))
            found[count] = child(_SYNC.format(directory=directory), **target.environment())
    with tempfile.TemporaryDirectory() as directory:
        child(_WRITE.format(directory=directory, count=50, runs=200))
        runs = child(_SYNC.format(directory=directory), **target.environment())
    a_row = {count: run.cpu / count for count, run in found.items()}
    return [
        Result(
            f"sync, CPU a row of {many:,} rows to {few:,}",
            a_row[many] / a_row[few],
            1.1,
            note=f"{a_row[many] * 1e6:.1f} µs against {a_row[few] * 1e6:.1f} µs, starting up included",
        ),
        Result(f"sync of {many:,} rows, peak memory", found[many].peak_mib, 60, "MiB"),
        Result("sync of 200 run directories", runs.said, None, "s", f"{runs.peak_mib:.0f} MiB at most"),
    ]
