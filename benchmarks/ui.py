"""The page of runs beside its goals: how soon it is there, how it follows, what it costs. In a real browser.

python -m benchmarks.ui                  prints the table; takes some minutes, 1 GB of disk, Chromium, selenium,
                                         pyarrow
python -m benchmarks.ui --write          into docs/performance.md
python -m benchmarks.ui --small          of a size that measures nothing: whether it works
python -m benchmarks.ui --tensorboard P  TensorBoard beside it, by the Python P of an environment that has it and
                                         tensorboardX
python -m benchmarks.ui --trackio P      trackio beside it, by the Python P of an environment that has it

Times of a busy machine say little. Beside them are seconds of CPU: of the server and its
processes that read.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import wandb_logging
from benchmarks._files import files
from benchmarks._measure import environment_of, load

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_BEGIN, _END = "<!-- ui: written by `python -m benchmarks.ui --write` -->", "<!-- end of ui -->"
_CHARTS = "[...wl.charts.cards.values()].filter((card) => card.plot)"
_LIVE = 40  # rows that are waited for
_BARE_LOOKS = """
import os, sys, time
folders = [os.path.join(at, name) for at, names, _ in os.walk(sys.argv[1]) for name in names]
used = 0.0
for _ in range(20):
    time.sleep(1)
    before = time.process_time()
    for folder in folders:
        os.stat(folder)
    used += time.process_time() - before
print(used)
"""  # a machine that others share may charge the first steps after a pause twenty times what they cost
_LONGEST = 240.0  # seconds that a page of others is waited for

Row = tuple[str, str, str, str]
"""What, goal, figure, what is behind it."""


class Size(NamedTuple):
    """Of how much what is measured."""

    runs: int = 50
    rows: int = 10_000
    long: int = 1_000_000
    listed: int = 1000
    table: int = 500_000


SMALL = Size(5, 300, 20_000, 20, 5_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--tensorboard", metavar="PYTHON")
    parser.add_argument("--trackio", metavar="PYTHON")
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    size = SMALL if given.small else Size()
    before = load()
    with tempfile.TemporaryDirectory() as folder, browser() as driver:
        root = Path(folder)
        parts: list[Iterator[Row]] = [many(driver, root, size), long(driver, root, size), listed(driver, root, size)]
        parts.append(files(root, size.table))
        if given.tensorboard:
            parts.append(tensorboard(driver, given.tensorboard, root, size))
        if given.trackio:
            parts.append(trackio(driver, given.trackio, root, size))
        rows = []
        for row in itertools.chain.from_iterable(parts):
            print(f"{time.strftime('%H:%M:%S')} {' | '.join(row)}", file=sys.stderr, flush=True)
            rows.append(row)
    table = "\n".join(
        [
            "| what | goal | figure | behind it |",
            "| --- | --- | --- | --- |",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]
    )
    table += f"\n\nMeasured on {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, "
    table += f"Chromium headless. Load of the machine before: {before:.1f} a core.\n"
    print(table)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        head, tail = page.partition(_BEGIN)[0], page.partition(_END)[2]
        PAGE.write_text(f"{head}{_BEGIN}\n\n{table}\n{_END}{tail}", encoding="utf-8")


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium with a window that is high enough for twenty charts."""
    from selenium import webdriver  # noqa: PLC0415  only for who measures this

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1440,2400"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver") or ""))
    driver.set_script_timeout(300)
    yield driver
    driver.quit()


class Server:
    """`wandb-logging ui` as a process of its own."""

    def __init__(self, root: Path, cache: Path) -> None:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "wandb_logging", "ui", str(root), "--no-browser", "--port", "0"]
        command += ["--cache", str(cache)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment_of({}))
        assert self.process.stdout is not None
        found = re.search(r"http\S+", self.process.stdout.readline())
        assert found is not None
        self.address = found.group()
        self.up = time.perf_counter() - begun

    def memory(self) -> float:
        """The most memory it ever had, MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1000

    def cpu(self) -> float:
        """Seconds of CPU so far: its own."""
        return _cpu(self.process.pid, gone=False)

    def cpu_of_all(self) -> float:
        """With those of its processes."""
        return sum(map(_cpu, tree(self.process.pid)))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, of in parents.items() if of == parent]
    return found


def _cpu(pid: int, *, gone: bool = True) -> float:
    """Seconds of CPU of a process, with those of its children that are gone."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return sum(map(int, fields[11 : 15 if gone else 13])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _memory(pid: int) -> float:
    """What a process and those below it have in memory just now, MB."""
    found = 0
    for each in tree(pid):
        with contextlib.suppress(OSError, IndexError):
            found += int(Path(f"/proc/{each}/status").read_text("ascii").partition("VmRSS:")[2].split()[0])
    return found / 1000


def opened(driver: Any, server: Server, *conditions: str) -> list[float]:
    """Seconds from opening the page until each condition was true for the first time, as the page itself notes it.

    The driver answers only once the page is loaded, which may be after it draws.
    """
    driver.get("about:blank")
    driver.get_log("performance")
    source = {"source": _NOTE % ", ".join(f"() => {condition}" for condition in conditions)}
    script = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
    begun = time.time()
    driver.get(server.address)
    while not all(seen := driver.execute_script("return window.seen")):
        time.sleep(0.1)  # the question itself takes processor time from what is waited for
        if time.time() - begun > 300:
            raise TimeoutError(f"{conditions}: {seen}")
    driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    return [at / 1000 - begun for at in seen]


# Notes with each frame which conditions have become true, and when.
_NOTE = """
(() => {
  const conditions = [%s];
  window.seen = conditions.map(() => 0);
  const holds = (condition) => { try { return condition(); } catch { return false; } };
  const look = () => {
    for (const [at, condition] of conditions.entries())
      if (!window.seen[at] && holds(condition)) window.seen[at] = performance.timeOrigin + performance.now();
    if (!window.seen.every(Boolean)) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""


def sent(driver: Any) -> float:
    """Megabytes that came over the network since the page was opened."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    ends = [message["params"] for message in messages if message["method"] == "Network.loadingFinished"]
    return float(sum(end["encodedDataLength"] for end in ends)) / 1e6


def many(driver: Any, folder: Path, size: Size) -> Iterator[Row]:
    """50 runs of 20 metrics with 10,000 points."""
    root, cache = folder / "many", folder / "kept"
    for number in range(size.runs):
        write(root, f"r{number:02}", 20, size.rows, number)
    server = Server(root, cache)
    exact = f"{_CHARTS}.length === 20 && {_CHARTS}.every((card) => card.ready.drawn.length === {size.runs} && card.ready.drawn.every((one) => one.exact))"  # noqa: E501
    first, all_charts, whole = opened(driver, server, f"{_CHARTS}.length > 0", f"{_CHARTS}.length === 20", exact)
    yield "server up", "0.15 s", f"{server.up:.2f} s", "until it has printed its address"
    yield f"first chart of {size.runs} runs, nothing read before", "0.5 s", f"{first:.2f} s", "from opening the page"
    yield f"20 charts of {size.runs} runs, {size.rows:,} points each", "1.0 s", f"{all_charts:.2f} s", "sampled"
    points = 20 * size.runs * size.rows
    yield "exact", "4 s", f"{whole:.2f} s", f"every one of {points:,} points read; {server.cpu_of_all():.1f} s of CPU"
    yield "to the browser until then", "1.2 MB", f"{sent(driver):.2f} MB", "packed, each news included"
    memory = server.memory()
    server.stop()
    server = Server(root, cache)
    second = opened(driver, server, exact)[0]
    yield "the second start, exact", "1 s", f"{second:.2f} s", f"from what was kept; {server.cpu_of_all():.1f} s of CPU"
    yield "to the browser", "1.2 MB", f"{sent(driver):.2f} MB", "the page itself included"
    yield "server's memory", "60 MB", f"{max(memory, server.memory()):.0f} MB", "the most of both starts"
    yield from live(driver, server, root)
    server.stop()


def live(driver: Any, server: Server, root: Path) -> Iterator[Row]:
    """From the logging call to the drawn line, and what waiting for it costs."""
    run = wandb_logging.new_run("bench", run_id="live", mode="offline", cache_dir=root, quiet=True)
    run.log({"train/m1": 0.0})
    names = "wl.runs.metrics[card.metric] === 'train/m1'"
    one = f"{_CHARTS}.find((card) => {names})?.ready.drawn.find((one) => one.name === 'live')"
    while not driver.execute_script(f"return Boolean({one})"):
        time.sleep(0.05)
    delays = []
    for at in range(1, _LIVE + 1):
        value = 1000.0 + at
        wait = f"const done = arguments[0]; const look = () => ({one}?.high.includes({value}) ? done(Date.now() / 1000) : requestAnimationFrame(look)); look()"  # noqa: E501
        driver.execute_script(f"window.seen = new Promise((done) => ((...arguments) => {{ {wait} }})(done))")
        begun = time.time()
        run.log({"train/m1": value})
        delays.append(driver.execute_async_script("window.seen.then(arguments[0])") - begun)
        time.sleep(0.1 + random.random() / 10)  # noqa: S311
    run.finish()
    delays.sort()
    yield (
        "a row, to pixel, p50",
        "0.15 s",
        f"{statistics.median(delays):.3f} s",
        f"{_LIVE} rows, in 20 charts of all these runs",
    )
    yield "p95", "0.3 s", f"{delays[int(0.95 * len(delays))]:.3f} s", ""
    time.sleep(3)
    before = server.cpu()
    bare = subprocess.run([sys.executable, "-Sc", _BARE_LOOKS, root], check=True, capture_output=True, text=True)
    used = server.cpu() - before
    floor = f"a bare loop that looks at these folders once a second takes {float(bare.stdout) / 20:.2%}"
    yield "idle, a page open", "0.5 % CPU", f"{used / 20:.2%}", f"over 20 s; {floor}"


def long(driver: Any, folder: Path, size: Size) -> Iterator[Row]:
    """One run of a million points."""
    root, spikes = folder / "long", [(size.long // 10 - 9) * at + 7 for at in range(10)]
    write(root, "long", 1, size.long, 1, spikes=spikes)
    server = Server(root, folder / "kept")
    line = f"{_CHARTS}[0].ready.drawn[0]"
    first, whole = opened(driver, server, f"{_CHARTS}.length > 0", f"{line}.exact")
    found = driver.execute_script(f"return {line}.high.filter((value) => value === 100).length")
    yield f"{size.long:,} points, first", "0.4 s", f"{first:.2f} s", "sampled"
    yield "exact", "2.5 s", f"{whole:.2f} s", f"{server.cpu_of_all():.1f} s of CPU"
    yield "spikes of one point that are seen", "10 of 10", f"{found} of {len(spikes)}", ""
    server.stop()


def listed(driver: Any, folder: Path, size: Size) -> Iterator[Row]:
    """A thousand runs in the list."""
    root = folder / "thousand"
    first = write(root, "run0000", 20, 100, 1)
    for number in range(1, size.listed):
        copy = first.with_name(f"run{number:04}")
        shutil.copytree(first, copy)
        about = json.loads((copy / "run.json").read_text(encoding="utf-8"))
        (copy / "run.json").write_text(
            json.dumps({**about, "id": copy.name, "start": about["start"] + number}), "utf-8"
        )
    server = Server(root, folder / "kept")
    (seconds,) = opened(
        driver, server, f"document.querySelector('.side-head').textContent.includes('of {size.listed} runs')"
    )
    yield (
        f"{size.listed:,} runs listed",
        "0.5 s",
        f"{seconds:.2f} s",
        f"from opening the page; {server.cpu():.1f} s of CPU",
    )
    server.stop()


def write(root: Path, name: str, metrics: int, rows: int, seed: int, *, spikes: Any = ()) -> Path:
    """A run that has ended."""
    rng, high = random.Random(seed), set(spikes)  # noqa: S311
    run = wandb_logging.new_run("bench", run_id=name, name=name, mode="offline", cache_dir=root, quiet=True)
    names = [f"{'train' if at % 2 else 'val'}/m{at}" for at in range(metrics)]
    for step in range(rows):
        base = math.exp(-3 * step / rows)
        run.log({key: 100.0 if step in high else base + 0.1 * rng.random() for key in names})
    run.finish()
    assert run.dir is not None
    return run.dir


_EVENTS = """
import sys, random, math
from tensorboardX.event_file_writer import EventFileWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
runs, rows = map(int, sys.argv[2:])
for run in range(runs):
    writer, rng = EventFileWriter(f"{sys.argv[1]}/r{run:02}"), random.Random(run)
    for step in range(rows):
        base = math.exp(-3 * step / rows)
        values = [Summary.Value(tag=f"m{at}", simple_value=base + 0.1 * rng.random()) for at in range(20)]
        writer.add_event(Event(step=step, wall_time=1.7e9 + step, summary=Summary(value=values)))
    writer.close()
"""


_TRACKIO = """
import sys, random, math
from trackio.sqlite_storage import SQLiteStorage
runs, length = map(int, sys.argv[1:])
for run in range(runs):
    rng = random.Random(run)
    rows = [{f"m{at}": math.exp(-3 * step / length) + 0.1 * rng.random() for at in range(20)} for step in range(length)]
    SQLiteStorage.bulk_log("bench", f"r{run:02}", rows, steps=list(range(length)))
"""


def tensorboard(driver: Any, python: str, folder: Path, size: Size) -> Iterator[Row]:
    """TensorBoard over the same points, in the same browser."""
    root = folder / "events"
    subprocess.run([python, "-c", _EVENTS, str(root), str(size.runs), str(size.rows)], check=True)
    command = [python, "-m", "tensorboard.main", "--logdir", str(root), "--port", "16006"]
    begun = time.perf_counter()
    with _running(command) as pid:
        up = _until("http://127.0.0.1:16006/data/environment", lambda _: True, begun)
        address = f"http://127.0.0.1:16006/data/plugin/scalars/scalars?run=r{size.runs - 1:02}&tag=m19"
        whole = _until(address, lambda points: bool(points) and points[-1][1] == size.rows - 1, begun)
        points = len(json.loads(urllib.request.urlopen(address).read()))
        yield "TensorBoard, server up", "", f"{up:.2f} s", "until it answers"
        yield (
            "TensorBoard, the last run's last point",
            "",
            f"{whole:.1f} s",
            f"{points:,} of {size.rows:,} points are kept",
        )
        yield from _looked_at(driver, "TensorBoard", "http://127.0.0.1:16006/#timeseries", pid)


def trackio(driver: Any, python: str, folder: Path, size: Size) -> Iterator[Row]:
    """Trackio over the same points, in the same browser."""
    port, place = "17860", {"TRACKIO_DIR": str(folder / "trackio"), "GRADIO_ANALYTICS_ENABLED": "False"}
    env = {**os.environ, **place, "GRADIO_SERVER_PORT": port, "BROWSER": "true"}
    subprocess.run([python, "-c", _TRACKIO, str(size.runs), str(size.rows)], check=True, env=env)
    begun = time.perf_counter()
    with _running([str(Path(python).with_name("trackio")), "show", "--project", "bench"], env) as pid:
        up = _until(f"http://127.0.0.1:{port}/?project=bench", lambda _: True, begun, page=True)
        yield "trackio, server up", "", f"{up:.2f} s", "until it answers"
        yield from _looked_at(driver, "trackio", f"http://127.0.0.1:{port}/?project=bench", pid)


_PICTURES = """
const found = []; const look = (root) => { for (const node of root.querySelectorAll('*')) {
  if (node.shadowRoot) look(node.shadowRoot);
  const high = node.getBoundingClientRect().height > 80;
  if (high && node.matches('canvas, svg.marks, line-chart svg.main')) found.push(node);
} }; look(document); return found.length"""


def _looked_at(driver: Any, name: str, address: str, pid: int) -> Iterator[Row]:
    """When the first chart and as many as come are there, in a window high enough for all; and what that took."""
    driver.get("about:blank")
    driver.get_log("performance")
    begun, seen, first, last = time.perf_counter(), 0, math.inf, math.inf
    driver.get(address)
    while (now := time.perf_counter() - begun) < min(_LONGEST, last + 30 if seen else _LONGEST):
        count = driver.execute_script(_PICTURES)
        if count > seen:
            first, last, seen = min(first, now), now, count
        time.sleep(0.05)
    if not seen:
        yield f"{name}, first chart", "", f"none in {_LONGEST:.0f} s", ""
        return
    yield f"{name}, first chart", "", f"{first:.1f} s", "from opening the page"
    yield f"{name}, the last of its charts", "", f"{last:.1f} s", f"{seen} charts"
    yield f"{name}, to the browser until then", "", f"{sent(driver):.1f} MB", ""
    yield (
        f"{name}, memory",
        "",
        f"{_memory(pid):.0f} MB",
        f"with its children; {sum(map(_cpu, tree(pid))):.0f} s of CPU",
    )


@contextmanager
def _running(command: list[str], env: dict[str, str] | None = None) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _until(address: str, ready: Any, begun: float, *, page: bool = False) -> float:
    while time.perf_counter() - begun < 300:
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                body = answer.read()
                if ready(body if page else json.loads(body)):
                    return time.perf_counter() - begun
        except (OSError, ValueError, urllib.error.URLError):
            pass
        time.sleep(0.05)
    return math.inf


if __name__ == "__main__":
    main()
