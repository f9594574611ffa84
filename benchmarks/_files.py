"""What files in and out take, and the page in the wheel: the rows of `benchmarks.ui` that need no browser."""

from __future__ import annotations

import io
import random
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import wandb_logging
from benchmarks._measure import environment_of
from wandb_logging._formats import wandb_messages as messages
from wandb_logging._formats.wandb_log import LogWriter
from wandb_logging._reading import frames

Row = tuple[str, str, str, str]
_METRICS = 20


def files(folder: Path, rows: int) -> Iterator[Row]:
    """The page's part of the wheel, an offline run of the official SDK read in, rows written as Parquet."""
    yield (
        "the wheel grows by",
        "120 kB",
        f"{_packed() / 1000:.0f} kB",
        "the page, packed: its program, uPlot, the server",
    )
    yield from _import(folder, rows // 5)
    yield from _parquet(folder, rows)


def _packed() -> int:
    """Bytes of the page in a wheel."""
    package = Path(wandb_logging.__file__).parent
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in sorted((package / "_page").rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                wheel.write(path, path.relative_to(package.parent))
    return len(into.getvalue())


def _import(folder: Path, rows: int) -> Iterator[Row]:
    log = folder / "run-theirs.wandb"
    rng = random.Random(1)  # noqa: S311
    with log.open("wb") as file:
        writer = LogWriter(file)
        writer.append(messages.run({"id": "theirs", "project": "bench", "start": 1.7e9}, {}))
        for step in range(rows):
            values = {f"m{at}": rng.random() for at in range(_METRICS)}
            writer.append(messages.history({**values, "_step": step, "_runtime": step, "_timestamp": 1.7e9 + step}))
        writer.append(messages.ended(0, rows))
    wall, cpu = _command("import", str(log), "--into", str(folder / "imported"))
    behind = f"{rows:,} rows of {_METRICS} values in {wall:.2f} s, {cpu:.2f} s of CPU, the command's start included"
    yield "import of `.wandb`", "20,000 rows/s", f"{rows / wall:,.0f} rows/s", behind


def _parquet(folder: Path, rows: int) -> Iterator[Row]:
    rng = random.Random(2)  # noqa: S311
    run = wandb_logging.new_run("bench", run_id="wide", mode="offline", cache_dir=folder / "wide", quiet=True)
    names = [f"m{at}" for at in range(_METRICS)]
    for _ in range(rows):
        run.log({name: rng.random() for name in names})
    run.finish()
    target = folder / "wide.parquet"
    wall, cpu = _command("export", str(folder / "wide"), "-o", str(target))
    what = f"{rows:,} rows of {_METRICS} metrics to Parquet"
    yield what, "6 s", f"{wall:.2f} s", f"{cpu:.2f} s of CPU; {_floor(target):.2f} s are pyarrow's, from memory to disk"


def _floor(source: Path) -> float:
    """Seconds that pyarrow takes to write the same table."""
    pq = frames.needed("pyarrow.parquet")
    table = pq.read_table(source)
    begun = time.perf_counter()
    pq.write_table(table, source.with_suffix(".again"))
    return time.perf_counter() - begun


def _command(*typed: str) -> tuple[float, float]:
    """Seconds, and seconds of CPU, of a command of ours."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "wandb_logging", *typed], check=True, stdout=subprocess.DEVNULL, env=environment_of({})
    )
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
