"""Long runs: a sample at first, all of it by a process beside the server, and what was read is kept."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.page.pages import DEADLINE, served
from tests.page.test_server import Stream
from tests.runs import START, add, make_run, row
from wandb_logging._page import runs as shown, scan as sampling
from wandb_logging._page.cache import Cache, pack, unpack
from wandb_logging._page.exact import Exact, begin, read_on
from wandb_logging._page.readers import read_into
from wandb_logging._page.runs import Runs
from wandb_logging._page.scan import sample

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_logging._journal.rundir import RunDir

LONG = 12_000  # rows: more than are read while a browser waits


@pytest.fixture
def long(tmp_path: Path) -> RunDir:
    """A run whose rows are as long as their numbers, with one spike."""
    return make_run(tmp_path / "runs", [row(10**6 if at == 7777 else at) for at in range(LONG)], id="long")


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not taken for a slow disk."""
    monkeypatch.setattr(sampling, "_PATIENCE", math.inf)


class TestSample:
    def test_rows_are_where_they_are(self, long: RunDir) -> None:
        """Of a long run some rows are found, the first and the last among them, each near its own step."""
        seen = sample(long, 100)
        assert 90 <= len(seen.rows) <= 110
        assert seen.rows_expected == pytest.approx(LONG, rel=0.02)
        assert (seen.rows[0]["n"], seen.rows[-1]["n"]) == (0, LONG - 1)
        assert all(abs(each["_step"] - each["n"]) < LONG / 50 for each in seen.rows if each["n"] < LONG)

    def test_steps_that_were_given_are_exact(self, tmp_path: Path) -> None:
        """Where the program gave a step, that is the step."""
        run_dir = make_run(tmp_path, [row(at, step=3 * at) for at in range(500)])
        assert all(each["_step"] == 3 * each["n"] for each in sample(run_dir, 20).rows)

    def test_a_slow_disk(self, long: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the first places take long only few are looked at, from the first row to the last."""
        monkeypatch.setattr(sampling, "_PATIENCE", 0.0)
        seen = sample(long, 1000)
        assert 10 <= len(seen.rows) <= 20
        assert (seen.rows[0]["n"], seen.rows[-1]["n"]) == (0, LONG - 1)
        assert seen.rows_expected == pytest.approx(LONG, rel=0.05)

    def test_nothing_and_only_damage(self, tmp_path: Path) -> None:
        """An empty journal gives no rows, and neither does one in which nothing is whole."""
        assert sample(make_run(tmp_path, id="empty"), 10).rows == []
        hurt = make_run(tmp_path, [row(at) for at in range(50)], id="hurt")
        journal = next(hurt.path.glob("journal-*.jsonl"))
        journal.write_bytes(journal.read_bytes().replace(b'"n":', b'"m":'))
        assert sample(hurt, 10).rows == []


class TestCache:
    @pytest.mark.not_quick
    def test_what_is_kept_is_what_was_read(self, long: RunDir, tmp_path: Path) -> None:
        """A reading from the cache equals the one that went in, and goes on from there."""
        cache = Cache(tmp_path / "kept")
        read_into(cache, long, "_step")
        kept, fresh = cache.load(long, "_step"), begin(long, "_step")
        fresh.bins.expect(0, LONG)
        read_on(long, fresh)
        assert kept is not None
        assert (kept.state.step, kept.bins.series["n"].count) == (LONG, LONG)
        assert kept.bins.series["n"].high == fresh.bins.series["n"].high
        writer = long.writer()
        add(writer, [row(-5)])
        writer.close()
        read_on(long, kept)
        assert (kept.bins.series["n"].last, kept.bins.series["n"].count) == (-5, LONG + 1)

    def test_a_copy_that_grows(self, tmp_path: Path) -> None:
        """Half a line at the end counts as damaged once, however often it is looked at, until its rest has come."""
        run = make_run(tmp_path / "runs", [row(at) for at in range(100)])
        (journal,) = run.path.glob("journal-*.jsonl")
        whole = journal.read_bytes()
        exact = begin(run, "_step")
        for size in (1000, 1010, 1010, 3000, 5000, len(whole) - 3):
            journal.write_bytes(whole[:size])
            read_on(run, exact)
            assert (exact.state.rows + exact.unreadable, exact.unreadable) == (whole[:size].count(b"\n") + 1, 1)
        journal.write_bytes(whole)
        read_on(run, exact)
        assert (exact.unreadable, exact.bins.series["n"].count) == (0, 100)

    @pytest.mark.parametrize("at", [0, 25, 40, 2000, -1])
    def test_damage_is_as_good_as_nothing(self, long: RunDir, tmp_path: Path, at: int) -> None:
        """One byte that is another, or a file that was cut, is no reading."""
        exact = begin(long, "_step")
        read_on(long, exact)
        data = bytearray(pack(exact))
        assert unpack(bytes(data)) is not None
        data[at] ^= 1
        assert unpack(bytes(data)) is None
        assert unpack(bytes(data[: len(data) // 2])) is None

    @pytest.mark.parametrize("later", [0, 1])
    def test_another_run_of_that_name(self, tmp_path: Path, later: int) -> None:
        """A run directory that was made anew is not shown with the old one's curves, whenever it says that it began."""
        cache = Cache(tmp_path / "kept")
        run_dir = make_run(tmp_path / "runs", [row(at) for at in range(20)], id="short")
        read_into(cache, run_dir, "_step")
        assert cache.load(run_dir, "_step") is not None
        shutil.rmtree(run_dir.path)
        make_run(tmp_path / "runs", [row(at) for at in range(1000, 1030)], id="short", start=START + later)
        assert cache.load(run_dir, "_step") is None

    def test_where_nothing_can_be_kept(self, long: RunDir, tmp_path: Path) -> None:
        """A folder that cannot be made costs only speed."""
        (tmp_path / "file").write_text("x")
        cache = Cache(tmp_path / "file" / "kept")
        read_into(cache, long, "_step")
        assert cache.load(long, "_step") is None


class TestWorker:
    def test_a_server_that_is_gone(self, long: RunDir, tmp_path: Path) -> None:
        """A process that reads for a server which was killed meanwhile ends, and writes nothing into its terminal."""
        command = [sys.executable, "-m", "wandb_logging._page.readers", str(tmp_path / "kept")]
        task = json.dumps([str(long.path), "_step"]).encode() + b"\n"
        nobody, out = os.pipe()
        os.close(nobody)
        with os.fdopen(out, "wb") as stdout:
            done = subprocess.run(
                command, input=task, stdout=stdout, stderr=subprocess.PIPE, timeout=DEADLINE, check=True
            )
        assert done.stderr == b""
        assert Cache(tmp_path / "kept").load(long, "_step") is not None

    def test_what_was_read_when_it_is_killed(self, long: RunDir, tmp_path: Path) -> None:
        """Of a run that takes long to read, each part that was read is kept, and reading goes on from there."""
        cache, kept = Cache(tmp_path / "kept"), []

        class Watched(Cache):
            def save(self, run_dir: RunDir, exact: Exact) -> None:
                kept.append(exact.state.rows)
                super().save(run_dir, exact)
                found = self.load(run_dir, "_step")
                assert found is not None
                assert found.state.rows == exact.state.rows

        read_into(Watched(tmp_path / "kept"), long, "_step", 0.0)
        assert len(kept) > 3
        assert kept == sorted(kept)
        whole, fresh = cache.load(long, "_step"), begin(long, "_step")
        fresh.bins.expect(0, LONG)
        read_on(long, fresh)
        assert whole is not None
        assert (whole.state, whole.bins.series["n"]) == (fresh.state, fresh.bins.series["n"])


class TestTheWay:
    def test_much_that_was_added(self, long: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run that was read before and has grown by much is sampled, too: no browser waits for all of it."""
        monkeypatch.setattr(shown, "_AT_ONCE", 2**16)
        cache = Cache(tmp_path / "kept")
        exact = begin(long, "_step")
        read_on(long, exact, 0.0)
        assert 0 < exact.state.rows < LONG / 2
        cache.save(long, exact)
        runs = Runs(tmp_path / "runs", cache, lambda _: None, 0)  # with no process that reads
        runs.begin()
        (run,) = runs.by_key.values()
        assert not runs.want([run], "_step")
        assert (run.readings, len(run.samples)) == ({}, 1)
        read_on(long, exact)
        cache.save(long, exact)
        assert runs.want([run], "_step")
        assert run.readings["_step"].state.rows == LONG

    @pytest.mark.not_quick
    def test_first_a_sample_then_all(self, long: RunDir, tmp_path: Path) -> None:
        """A long run is drawn at once from a sample that says so; news tell when all of it is read, spike and all."""
        with served(tmp_path / "runs", tmp_path / "kept") as visitor:
            key = visitor.run()["key"]
            stream = Stream(visitor)
            head, found = visitor.bins(r=key, m=0)
            assert not head["complete"]
            assert len(found[key, 0][1]) > 100
            while not visitor.bins(r=key, m=0)[0]["complete"]:
                assert key in stream.next()["runs"]
            head, found = visitor.bins(r=key, m=0)
            stream.close()
        assert head["series"][0][4] == 1
        assert max(found[key, 0][2]) == pytest.approx(10**6, rel=1e-4)
        assert len(list((tmp_path / "kept").iterdir())) == 1

    @pytest.mark.not_quick
    def test_without_a_cache(self, long: RunDir, tmp_path: Path) -> None:
        """Where nothing can be kept the server reads by itself."""
        (tmp_path / "file").write_text("x")
        with served(tmp_path / "runs", tmp_path / "file" / "kept") as visitor:
            key = visitor.run()["key"]
            stream = Stream(visitor)
            while not visitor.bins(r=key, m=0)[0]["complete"]:
                assert key in stream.next()["runs"]
            stream.close()
