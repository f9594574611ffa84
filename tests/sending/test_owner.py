"""Promises about who owns a run: one id, several processes or directories, and no row over another's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runs import START, Clock, add, drain, make_run, numbers, row, uploader
from wandb_logging import Report, new_run, sync
from wandb_logging._errors import JournalError, ServerUnavailable

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

ROOT = Path(__file__).parents[2]
RANK = """
from wandb_logging import new_run
run = new_run("ranks", run_id="one", resume="allow", mode="offline", quiet=True)
run.log({"a": 1})
run.finish()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
@pytest.mark.slow
def test_ranks_that_begin_at_once_find_one_directory() -> None:
    """Eight processes with one run id: one makes the directory, seven join it, and each row is there."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ranks = [subprocess.Popen([sys.executable, "-c", RANK], env=environment) for _ in range(8)]
    assert [rank.wait() for rank in ranks] == [0] * 8
    assert [path.name for path in Path("wandb_cache", "ranks").iterdir()] == ["one"]
    lines = [path.read_text() for path in Path("wandb_cache/ranks/one").glob("journal-*.jsonl")]
    assert sum(text.count('"metrics"') for text in lines) == 8


def test_a_run_that_went_on_elsewhere_is_left_alone(tmp_path: Path, wandb_server: LocalServer) -> None:
    """Another directory has added rows since: nothing is written over them, and the message says what to do."""
    first = make_run(tmp_path / "a", [row(0), row(1)], closed=False, id="shared")
    clock = Clock()
    sender = uploader(first, wandb_server, clock)
    sender.drain()
    drain(make_run(tmp_path / "b", [row(10), row(11)], id="shared", resume="allow"), wandb_server, ending=None)
    writer = first.writer()
    add(writer, [row(2)])
    clock.time += 60
    with pytest.raises(JournalError, match=r"2 of them from another run directory.*--as-new"):
        sender.drain()
    sender.close()
    assert numbers(wandb_server, "shared") == [0, 1, 10, 11]


def test_what_was_lost_on_the_way_is_not_another(tmp_path: Path, wandb_server: LocalServer) -> None:
    """Rows that arrived although their answer did not are ours: they go again, to the same places."""
    run_dir = make_run(tmp_path, [row(0)], closed=False)
    clock = Clock()
    sender = uploader(run_dir, wandb_server, clock)
    sender.drain()
    writer = run_dir.writer()
    for number in range(1, 4):
        add(writer, [row(number)])
        clock.time += 60
        wandb_server.fail_next(where="file_stream", status=None, close="after")
        sender.drain()
    sender.drain(ending=0)
    sender.close()
    assert numbers(wandb_server, run_dir.info.id) == [0, 1, 2, 3]


def test_addresses_are_asked_for_what_is_sent(wandb_server: LocalServer) -> None:
    """Of files whose bytes are there already none: they would look like uploads that were never finished."""
    for _ in range(2):
        before = len(wandb_server.requests)
        run = new_run("p", run_id="r", mode="online", resume="allow", quiet=True, config={"lr": 0.1})
        run.log({"a": 1})
        assert run.finish(timeout=300).ok
    requests = wandb_server.requests[before:]
    asked = [
        name for each in requests if each.operation == "CreateRunFiles" for name in each.json()["variables"]["files"]
    ]
    put = [each.path.split("?")[0].rsplit("/", 1)[-1] for each in requests if each.method == "PUT"]
    assert sorted(asked) == sorted(put)
    assert "requirements.txt" not in asked
    assert sync()[0].ok


class TestOk:
    """`Report.ok` is what the server holds."""

    def test_a_file_that_waits(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """All rows are there, a file is not: that is not ok."""
        run_dir = make_run(tmp_path, [row(0)], closed=False)
        kept = run_dir.files.keep(b"weights", "w.bin")
        add(run_dir.writer(), [{"file": {"name": "w.bin", "path": kept}, "t": START}])
        wandb_server.fail_always(where="graphql", operation="CreateRunFiles", status=503)
        sender = uploader(run_dir, wandb_server)
        with pytest.raises(ServerUnavailable):
            sender.drain()
        report = sender.report(0)
        assert (report.rows, report.files, report.waiting, report.ok) == (1, 0, 1, False)
        wandb_server.clear_faults()
        sender.drain()
        sender.close()
        report = sender.report(0)
        assert (report.files, report.waiting, report.ok) == (1, 0, True)

    def test_an_end_that_was_not_told(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """The journal says how the run ended, and the server does not know it yet."""
        run_dir = make_run(tmp_path, [row(0), {"exit": 0, "t": START + 1}])
        sender = uploader(run_dir, wandb_server)
        wandb_server.fail_next(where="file_stream", status=503, n=1000, body={"error": "away"})
        with pytest.raises(ServerUnavailable):
            sender.drain()
        assert not Report("r", "p", exit_code=0).ok
        wandb_server.clear_faults()
        sender.drain()
        sender.close()
        assert sender.report(0).ok
        assert wandb_server.run(run_dir.info.id).state == "finished"
