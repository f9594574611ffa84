"""A journal of any length costs what is asked for: no call and no wait gets longer with what is in it already."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from tests.runs import make_run
from tests.started import printed
from tests.surroundings import without
from wandb_logging import LogError, Run, new_run
from wandb_logging._cli.charts import Curves
from wandb_logging._journal import backlog
from wandb_logging._process.notices import Notices
from wandb_logging._reading.outline import config_of, outline
from wandb_logging._reading.read import read_run
from wandb_logging._reading.summary import Follower
from wandb_logging._records.steps import Steps
from wandb_logging._values.plain import dumps

ROWS = 30_000
MIB = 2**20


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an offline run of 13 MB whose process has ended. Not to be changed."""
    run_dir = make_run(
        tmp_path_factory.mktemp("long"), id="long", project="p", mode="offline", host="http://127.0.0.1:9"
    )
    writer = run_dir.writer(segment_bytes=5 * MIB)
    writer.append(dumps({"config": {"lr": 0.5}, "t": 1_700_000_000.0}))
    metrics = {f"metric_{number:02d}": number * 0.123456789 for number in range(20)}
    for number in range(ROWS):
        writer.append(dumps({"metrics": {**metrics, "config": number}, "t": 1_700_000_001.0 + number}))
    writer.close()
    return run_dir.path


RESUMED = """
import os, shutil, sys
import wandb_logging
from wandb_logging import LogError, Run, new_run

def read():
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])

new_run("p", run_id="warm", mode="offline", cache_dir="warm", quiet=True, host="http://127.0.0.1:9").finish()
before = read()
run = new_run("p", run_id="long", resume="allow", mode="offline", cache_dir=sys.argv[1], quiet=True, host="http://127.0.0.1:9",
              close_timeout=0, system_metrics=False, capture_output=False)
run.log({"one": 1})
assert run.dir.name == "long"
print("to begin", read() - before)
before = read()
print("remaining", run.flush(0).remaining)
print("to flush", read() - before)
before = read()
report = run.finish()
print("to finish", read() - before)
print("estimated", int(report.estimated))
print("lr", run.config["lr"])
"""


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="the bytes that a process has read: Linux tells them")
def test_a_run_that_goes_on_reads_none_of_it(long_run: Path, tmp_path: Path) -> None:
    """The first call, a flush and an end without time look at a block of each segment at most, not at 13 MB."""
    copy = tmp_path / "p" / "long"
    copy.parent.mkdir()
    shutil.copytree(long_run, copy)
    size = sum(file.stat().st_size for file in copy.glob("journal-*"))
    assert size > 12 * MIB
    told = printed(RESUMED, str(tmp_path), cwd=tmp_path, env=without("WANDB_"))
    figures = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in told.splitlines())}
    assert figures["to begin"] < MIB
    assert figures["to flush"] < 6 * MIB  # a block of each of three segments, and what is new
    assert figures["remaining"] == pytest.approx(ROWS, rel=0.05)
    assert figures["to finish"] < 6 * MIB
    assert figures["estimated"] == 1
    assert figures["lr"] == 0.5


def test_an_estimate_is_said_to_be_one(
    long_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No exact number is said that nobody has counted; with time it is counted."""
    monkeypatch.setattr(backlog, "_BLOCK", 50_000)
    copy = tmp_path / "p" / "long"
    copy.parent.mkdir()
    shutil.copytree(long_run, copy)
    run = new_run("p", run_id="long", resume="allow", mode="online", cache_dir=tmp_path, host="http://127.0.0.1:9",
                  api_key="k" * 40, close_timeout=0)  # fmt: skip
    assert run.flush(0).estimated
    run.finish()
    assert re.search(r"about \d{5} lines are not sent yet", caplog.text)
    assert outline(run._journal.run_dir).unsent > ROWS


MEASURED = """
import sys
from collections.abc import Iterator
from wandb_logging._cli.entry import main
code = main(sys.argv[1:])
with open("/proc/self/status") as file:  # not getrusage, which begins with the memory of who started it
    print(next(line.split()[1] for line in file if line.startswith("VmHWM")), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the most memory that a process had: Linux tells it")
@pytest.mark.parametrize("command", ["show", "show --json", "show --metric metric_07", "ls --columns id,config.lr"])
def test_to_look_at_it_takes_no_memory(command: str, long_run: Path, tmp_path: Path) -> None:
    """Peak memory of a command is that of a run of ten rows, and some buffers."""
    short = make_run(tmp_path, [{"metrics": {"metric_07": n}, "t": 1_700_000_001.0 + n} for n in range(10)])
    most = {path: peak(command, path) for path in (short.path, long_run)}
    assert most[long_run] - most[short.path] < 12 * MIB, most


def peak(command: str, path: Path) -> int:
    """Bytes of memory that a command took at most."""
    name, *options = command.split()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, name, *options, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1]) * 1024


def test_a_metric_that_is_named_as_an_event(tmp_path: Path) -> None:
    """A metric `config` stands in each line: what is kept of them is the config alone."""
    events = [{"config": {"a": 1}}, {"metrics": {"run": 1, "exit": 3, "config": 2}}]
    run_dir = make_run(tmp_path, [{**event, "t": 1.7e9} for event in events])
    assert config_of(run_dir) == read_run(run_dir.path).config == {"lr": 0.1, "a": 1}
    assert outline(run_dir).exit_code is None


def test_curves_keep_what_can_be_seen() -> None:
    """Of a million points a few thousand stay, with the first, the last, the lowest and the highest, and the count."""
    curves = Curves()
    values = [float(number % 1000) for number in range(100_000)]
    values[54_321], values[54_322] = -7.0, 7777.0
    curves.add({"_step": step, "loss": value} for step, value in enumerate(values))
    curve = curves.found["loss"]
    assert len(curve.points) < 5000
    assert (curve.drawn, curve.last) == (100_000, 999.0)
    assert {(0.0, 0.0), (54_321.0, -7.0), (54_322.0, 7777.0), (99_999.0, 999.0)} <= set(curve.points)


@pytest.fixture
def resumed(long_run: Path, tmp_path: Path) -> Iterator[Run]:
    """That run, gone on with."""
    copy = tmp_path / "p" / "long"
    copy.parent.mkdir()
    shutil.copytree(long_run, copy)
    with new_run("p", run_id="long", resume="allow", mode="offline", cache_dir=tmp_path, host="http://127.0.0.1:9",
                 late_steps="error", close_timeout=0, system_metrics=False, capture_output=False) as run:  # fmt: skip
        yield run


def begin_anew(run: Run) -> int:
    """Read a first piece of its journal, as if it were longer than what can be read at once; its step there."""
    run._follower._begun = None
    step = run._follower.step(0)
    assert run._follower.behind
    return step


def test_the_step_is_told_in_a_moment(
    resumed: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A look takes as long as it may; then it is a step that is not too high, one line says so, and more is read."""
    short = begin_anew(resumed)
    assert 0 < short < ROWS
    monkeypatch.setattr(Follower.step, "__defaults__", (0.0,))
    monkeypatch.setattr(resumed._background, "notices", Notices(quiet=False))
    assert short < resumed.step < ROWS
    seen = {resumed.step for _ in range(ROWS // 500)}  # a piece has 1 MiB or 1000 lines
    assert ROWS == max(seen) == resumed.step > min(seen)
    resumed._background.notices.say_all()
    assert "not read to its end yet" in caplog.text


def test_who_has_to_know_the_step_finds_out_with_the_rows(resumed: Run) -> None:
    """late_steps: error, where the journal is too long to be read before the first row: a piece more with each."""
    resumed._steps = Steps(lambda *_: None, resumed._steps_from())
    begin_anew(resumed)
    for number in range(ROWS // 100):
        resumed.log({"more": number})
    with pytest.raises(LogError, match="lower than the current step"):
        resumed.log({"late": 1}, step=ROWS - 1)


def test_a_part_of_the_summary_is_changed_as_it_is(resumed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting one value of a nested mapping takes none of those beside it away that were not read yet."""
    monkeypatch.setattr(Run._read_summary, "__defaults__", (PATIENCE,))  # a slow machine reads less in a second
    resumed.summary["best"] = {"loss": 1.0, "acc": 2.0}
    part = resumed.summary["best"]
    begin_anew(resumed)
    part["loss"] = 0.5
    assert dict(resumed.summary["best"]) == {"loss": 0.5, "acc": 2.0}
