"""Promises of `max_cache_bytes`: what a run directory may hold, what goes first, and that what goes is counted."""

from __future__ import annotations

import contextlib
import json
import os
import random
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.patience import PATIENCE
from tests.robustness.ground import MemoryServer
from tests.robustness.power import HOWS, Disk
from tests.runs import START, Clock, drain, numbers, row, taken_out
from wandb_logging import Html, new_run, read_run, sync
from wandb_logging._errors import JournalError, TransportError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal import quota
from wandb_logging._journal.cache_folder import create_run, find_runs
from wandb_logging._journal.quota import (
    NEWEST,
    OLDEST,
    THINNED,
    BoundedWriter,
    Thinning,
    every,
    forget_acknowledged,
    usage,
)
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.segments import segments
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.body import Pieces
from wandb_logging._server.link import Link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.usefixtures("_no_fsync")

MOST = 20_000
MIB = 2**20
FILLER = "x" * 100


_open: list[Uploader] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _open:
        _open.pop().close()


def sending(run_dir: RunDir, server: MemoryServer, **options: Any) -> Uploader:
    """An uploader that is closed when the test is over, and does not sleep."""
    clock = Clock()
    _open.append(Uploader(run_dir, Link(lambda: server, clock.pace(), clock), taken_out(options), **options))  # type: ignore[arg-type, return-value]
    return _open[-1]


@pytest.fixture
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power cut leaves is the robustness studies' business; here it would only take time."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)


@pytest.fixture
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is full is measured again at once, so that nothing depends on the clock."""
    monkeypatch.setattr(quota, "_MEASURE_AGAIN", 0.0)


def body(number: int, **more: Any) -> bytes:
    return json.dumps(row(number, **more)).encode()


def bounded(cache: Path, policy: str, most: int = MOST, patience: float = 30.0) -> tuple[RunDir, BoundedWriter]:
    info = RunInfo("r", "p", start=START, config={"lr": 0.1}, cache_policy=policy)
    run_dir = create_run(cache, info)
    return run_dir, bounded_writer(run_dir, policy, most, patience)


def bounded_writer(run_dir: RunDir, policy: str, most: int, patience: float = 0.0) -> BoundedWriter:
    return BoundedWriter(run_dir, most=most, policy=policy, patience=patience, segment_bytes=most)


def rows_of(run_dir: RunDir) -> list[int]:
    return [line["n"] for line in read_run(run_dir.path).rows]


def lost_of(writer: BoundedWriter) -> int:
    return sum(writer.counts.dropped.values())


class TestWithoutServer:
    def test_the_newest_are_dropped(self, tmp_path: Path) -> None:
        """The first rows stay, the directory never exceeds its bound, and each row is either there or counted."""
        run_dir, writer = bounded(tmp_path, "drop_newest")
        for number in range(1000):
            writer.append(body(number))
            assert usage(run_dir.path) <= MOST
        kept = rows_of(run_dir)
        assert kept == list(range(len(kept)))
        assert usage(run_dir.path) > MOST * 0.9
        assert writer.counts.dropped == {NEWEST: 1000 - len(kept)}
        assert writer.counts.journalled == len(kept)
        assert writer.trouble == f"max_cache_bytes ({MOST}) is reached: new rows are lost"

    @pytest.mark.slow
    def test_the_oldest_are_dropped(self, tmp_path: Path) -> None:
        """The last rows stay without a hole; each row is either there or counted."""
        run_dir, writer = bounded(tmp_path, "drop_oldest")
        for number in range(5000):
            writer.append(body(number))
            assert usage(run_dir.path) <= MOST
        kept = rows_of(run_dir)
        assert kept == list(range(5000 - len(kept), 5000))
        assert usage(run_dir.path) > MOST * 0.8
        assert writer.counts.dropped == {OLDEST: 5000 - len(kept)}
        assert writer.counts.journalled == len(kept)

    def test_rows_are_sampled(self, tmp_path: Path) -> None:
        """From a half of the room on every second row stays, then every fourth, and so on: all of the run is seen."""
        run_dir, writer = bounded(tmp_path, "downsample")
        logged = 0
        while writer.counts.dropped.get(NEWEST, 0) == 0 and logged < 900:
            writer.append(body(logged))
            logged += 1
            assert usage(run_dir.path) <= MOST
        kept = rows_of(run_dir)
        gaps = [after - before for before, after in zip(kept, kept[1:])]
        assert gaps == sorted(gaps)
        assert set(gaps) >= {1, 2, 4, 8}
        assert kept[-1] > 2 * len(kept)
        assert writer.counts.dropped[THINNED] == logged - len(kept) - writer.counts.dropped.get(NEWEST, 0)

    @pytest.mark.not_quick
    @pytest.mark.parametrize("policy", ["drop_newest", "drop_oldest", "downsample", "block"])
    def test_the_run_itself_is_never_lost(self, tmp_path: Path, policy: str) -> None:
        """Config, summary and end are there whatever the policy, also those of segments whose rows are gone."""
        run_dir, writer = bounded(tmp_path, policy, patience=0.0)
        for number in range(3000):
            writer.append(body(number))
            if number % 500 == 250:
                writer.append(json.dumps({"config": {f"c{number}": number}, "t": START + number}).encode())
        writer.append(json.dumps({"summary": {"best": 1}, "t": START}).encode())
        writer.append(json.dumps({"exit": 3, "t": START + 3000}).encode())
        writer.close()
        data = read_run(run_dir.path)
        assert data.config == {"lr": 0.1, **{f"c{number}": number for number in range(250, 3000, 500)}}
        assert (data.summary["best"], data.exit_code, data.damaged) == (1, 3, 0)
        assert lost_of(writer) + len(data.rows) == 3000

    def test_there_is_room_again(self, tmp_path: Path) -> None:
        """Who makes room by hand has his rows written again, and is told no more."""
        run_dir, writer = bounded(tmp_path, "drop_newest")
        (run_dir.path / "files").mkdir()
        ballast = run_dir.path / "files" / "ballast"
        ballast.write_bytes(bytes(MOST))
        writer.append(body(0))
        assert rows_of(run_dir) == []
        ballast.unlink()
        deadline = threading.Event()
        while writer.trouble is not None and not deadline.wait(0.01):
            writer.append(body(1))
        assert set(rows_of(run_dir)) == {1}

    def test_a_forked_child_drops_its_newest(self, tmp_path: Path) -> None:
        """A child writes a journal of its own into the same bounded directory, and counts its own losses."""
        run_dir, writer = bounded(tmp_path, "drop_newest")
        for number in range(100):
            writer.append(body(number))
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                for number in range(1000, 2000):
                    writer.append(body(number))
                fits = usage(run_dir.path) <= MOST
                os._exit(0 if fits and 0 < lost_of(writer) == 1000 - writer.counts.journalled else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert rows_of(run_dir)[:100] == list(range(100))

    def test_a_signal_handler_that_logs_while_room_is_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is logged on the very thread that makes room is written: it neither waits for itself nor is lost."""
        run_dir, writer = bounded(tmp_path, "drop_newest")
        real = usage

        def interrupted(path: Path) -> int:
            monkeypatch.setattr(quota, "usage", real)
            writer.append(body(7))
            return real(path)

        monkeypatch.setattr(quota, "usage", interrupted)
        writer.append(body(8))
        assert rows_of(run_dir) == [7, 8]

    def test_who_reads_may_log_while_room_is_made(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A finaliser may log where the journal is read, and need room, just as another thread makes some."""
        run_dir, writer = bounded(tmp_path, "drop_newest")
        reads = threading.Event()

        def read() -> None:
            with run_dir.guard:
                reads.set()
                writer.make_way(1)

        reader = threading.Thread(target=read, daemon=True)
        real = forget_acknowledged

        def forget(run_dir: RunDir) -> None:
            if reader.ident is None:
                reader.start()
                reads.wait(0.2)  # in vain, as long as room is made by who could read
            real(run_dir)

        monkeypatch.setattr(quota, "forget_acknowledged", forget)
        maker = threading.Thread(target=writer.make_way, args=(MOST // 2,), daemon=True)
        maker.start()
        for thread in (maker, reader):
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def test_a_finaliser_within_a_write_is_not_held_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is logged on a thread that is just writing asks for no room: who has that may wait for the write."""
        run_dir, writer = bounded(tmp_path, "drop_newest")
        writer.append(body(1))
        monkeypatch.setattr(quota, "usage", lambda _path: pytest.fail("room was looked for"))
        with writer._lock:
            for number in range(2, 60):
                writer.append(body(number))
        assert rows_of(run_dir) == list(range(1, 60))

    def test_who_is_asked_to_hurry_may_log(self, tmp_path: Path) -> None:
        """Asking takes the listener's lock, whose holder may be in a finaliser that needs room: neither waits then."""
        _, writer = bounded(tmp_path, "drop_newest")
        stuck: list[bool] = []

        def hurry() -> bool:
            writer._hurry = lambda: False  # the other's own
            other = threading.Thread(target=writer.make_way, args=(1,), daemon=True)
            other.start()
            other.join(PATIENCE)
            stuck.append(other.is_alive())
            return False

        writer._hurry = hurry
        while not stuck:
            writer.append(body(0))
        assert stuck == [False]


class TestWhatIsAcknowledgedGoesFirst:
    @pytest.mark.not_quick
    def test_nothing_is_lost_while_the_server_answers(self, tmp_path: Path) -> None:
        """A journal many times larger than its bound is sent whole, through a directory that never exceeds it."""
        run_dir, writer = bounded(tmp_path, "drop_newest")
        server = MemoryServer()
        sender = sending(run_dir, server)
        with run_dir.uploading():
            for number in range(3000):
                writer.append(body(number))
                if number % 50 == 49:
                    assert usage(run_dir.path) <= MOST
                    sender.drain()
            sender.drain(ending=0)
        assert server.numbers == list(range(3000))
        assert (server.broken, writer.counts.dropped) == ([], {})
        assert segments(run_dir.path)[0] > (1, 1)

    def test_reading_begins_behind_what_was_removed(self, tmp_path: Path) -> None:
        """`read_run` has the rows that are here, with the steps they have on the server, and the whole summary."""
        run_dir, writer = bounded(tmp_path, "drop_newest")
        sender = sending(run_dir, MemoryServer())
        for number in range(1000):
            writer.append(body(number, text=f"line {number}", level="INFO"))
            if number % 50 == 49:
                sender.drain()
        writer.close()
        data = read_run(run_dir.path)
        first = data.rows[0]["n"]
        assert first > 100
        assert [(line["n"], line["_step"]) for line in data.rows] == [(n, n) for n in range(first, 1000)]
        assert data.lines[-1].endswith(" line 999")
        assert len(data.lines) == len(data.rows)
        assert data.summary["n"] == 999

    @pytest.mark.parametrize("lost", ["cursor.json", "base.json"])
    def test_one_of_cursor_and_base_may_be_lost(self, tmp_path: Path, lost: str) -> None:
        """The other one says where to go on: nothing is missing on the server, and nothing at a wrong place."""
        run_dir, server = self._half_sent(tmp_path)
        (run_dir.path / lost).unlink()
        sending(RunDir(run_dir.path), server).drain(ending=1)
        assert (server.numbers, server.broken) == (list(range(320)), [])

    def test_without_both_nothing_goes_to_a_wrong_place(self, tmp_path: Path) -> None:
        """Where reading began is unknown, so nothing is sent, and the error says why."""
        run_dir, server = self._half_sent(tmp_path)
        (run_dir.path / "cursor.json").unlink()
        (run_dir.path / "base.json").write_text("{}")
        before = list(server.history)
        with pytest.raises(JournalError, match=r"removed \(max_cache_bytes\)"):
            sending(RunDir(run_dir.path), server).drain(ending=1)
        assert server.history == before

    def test_another_server_cannot_get_the_rest_alone(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """What is left of a run means nothing to a server that has not had the beginning."""
        run_dir, _ = self._half_sent(tmp_path)
        with pytest.raises(JournalError, match="only that server"):
            drain(RunDir(run_dir.path), wandb_server)
        assert wandb_server.runs == []

    def _half_sent(self, cache: Path) -> tuple[RunDir, MemoryServer]:
        """A run whose first segments are sent and removed, and whose last rows are not sent."""
        run_dir, writer = bounded(cache, "drop_newest")
        server = MemoryServer()
        sender = sending(run_dir, server)
        for number in range(300):
            writer.append(body(number))
            if number % 50 == 49:
                sender.drain()
        for number in range(300, 320):
            writer.append(body(number))
        writer.close()
        sender.close()
        assert run_dir.has_base
        assert segments(run_dir.path)[0] > (1, 1)
        return run_dir, server

    @pytest.mark.not_quick
    @pytest.mark.usefixtures("_no_rest")
    def test_who_uploads_elsewhere_is_not_disturbed(self, tmp_path: Path) -> None:
        """While another process uploads the run nothing is removed: it may be reading there."""
        run_dir, writer = bounded(tmp_path, "drop_oldest")
        other = RunDir(run_dir.path)
        sender = sending(other, MemoryServer())
        with other.uploading():
            for number in range(1000):
                writer.append(body(number))
                if number % 50 == 49:
                    sender.drain()
            assert segments(run_dir.path)[0] == (1, 1)
            assert set(writer.counts.dropped) == {NEWEST}
        for number in range(1000, 1500):
            writer.append(body(number))
        assert rows_of(run_dir)[-1] == 1499

    def test_block_waits_for_the_server(self, tmp_path: Path) -> None:
        """The program is held up while rows are sent, and loses none."""
        run_dir, writer = bounded(tmp_path, "block", patience=60.0)
        server = MemoryServer()
        sender = sending(run_dir, server)
        asked = threading.Event()

        def hurry() -> bool:
            asked.set()
            return True

        writer._hurry = hurry
        over = threading.Event()

        def send() -> None:
            while not over.is_set():
                if asked.wait(0.01):
                    asked.clear()
                    sender.drain()

        thread = threading.Thread(target=send)
        thread.start()
        try:
            for number in range(2000):
                writer.append(body(number))
        finally:
            over.set()
            thread.join(PATIENCE)
        sender.drain(ending=0)
        assert server.numbers == list(range(2000))
        assert writer.counts.dropped == {}

    def test_block_gives_up_in_time(self, tmp_path: Path) -> None:
        """A server that is away holds the program up once, not at each row; afterwards it is as drop_newest."""
        run_dir, writer = bounded(tmp_path, "block", patience=0.2)
        asked: list[int] = []
        writer._hurry = lambda: not asked.append(1)  # type: ignore[func-returns-value]
        for number in range(2000):
            writer.append(body(number))
        assert writer.counts.dropped == {NEWEST: 2000 - len(rows_of(run_dir))}
        assert 0 < len(asked) < 2000


@pytest.mark.usefixtures("_no_rest")
class TestCrashes:
    @pytest.mark.slow
    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 2**32))
    def test_offsets_stay_right(self, seed: int) -> None:
        """Rows come and go, uploaders die before and after the server has a batch, the writer's process, too.

        Whatever comes of it: each offset has one row for good, the rows of a process stay in order, and each that is
        not there is counted.
        """
        rng = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            policy = rng.choice(["drop_oldest", "drop_newest", "downsample"])
            run_dir, writer = bounded(Path(folder), policy, most=6000)
            server = Flaky(rng)
            number = dropped = 0
            firsts = [0]
            for _ in range(rng.randrange(5, 30)):
                first, number = number, number + rng.randrange(1, 60)
                for one in range(first, number):
                    writer.append(body(one, **({"text": FILLER, "level": "INFO"} if rng.random() < 0.1 else {})))
                if rng.random() < 0.4:
                    self._send(rng, run_dir if rng.random() < 0.5 else RunDir(run_dir.path), server)
                if rng.random() < 0.1:  # the process dies, and the run is resumed
                    writer.close()
                    dropped += lost_of(writer)
                    firsts.append(number)
                    run_dir = RunDir(run_dir.path)
                    writer = bounded_writer(run_dir, policy, 6000)
                assert usage(run_dir.path) <= 6000 + 1800  # cursors and what is never lost come on top
            writer.close()
            server.steady = True
            sending(RunDir(run_dir.path), server).drain(ending=0)
            assert server.broken == []
            for first, following in zip(firsts, [*firsts[1:], number]):
                sent = [one for one in server.numbers if first <= one < following]
                assert sent == sorted(set(sent))
            assert len(server.numbers) + dropped + lost_of(writer) == number

    def _send(self, rng: random.Random, run_dir: RunDir, server: Flaky) -> None:
        sender = sending(run_dir, server, batch_size=rng.choice([7, 100, 10_000]))
        with contextlib.suppress(TransportError), run_dir.uploading():
            sender.drain()

    @pytest.mark.slow
    @pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
    def test_power_cuts(self, tmp_path: Path, policy: str) -> None:
        """Whatever a power cut leaves, at each fsync of a run that makes room: nothing goes to a wrong place."""
        rng = random.Random(0)
        server = MemoryServer()
        trees: list[Path] = []

        def cut() -> None:
            if rng.random() < 0.8:  # a sample of them
                return
            target = tmp_path / f"cut{len(trees)}"
            trees.append(target)
            disk.cut(target, rng.choice(HOWS), rng)
            twin = server.copy()
            with mock.patch.object(os, "fsync"):
                for found in find_runs(target):
                    sending(found, twin).drain(ending=1)
            assert twin.broken == []
            assert twin.numbers[: len(server.numbers)] == server.numbers
            assert twin.numbers == sorted(set(twin.numbers))

        (tmp_path / "disk").mkdir()
        disk = Disk(tmp_path / "disk", at_each=cut)
        with disk.watch():
            run_dir, writer = bounded(tmp_path / "disk", policy, most=6000)
            for number in range(300):
                writer.append(body(number))
                if number % 40 == 39:
                    writer.sync()
                if number % 100 == 99:
                    sending(run_dir, server).drain()
        disk.close()
        assert run_dir.has_base
        assert len(trees) > 10

    @pytest.mark.slow
    @pytest.mark.parametrize("call", ["replace", "unlink", "fsync"])
    def test_a_disk_that_refuses(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
        """Where room cannot be made the newest rows are lost and counted, and what is there stays whole."""
        run_dir, writer = bounded(tmp_path, "drop_oldest")
        for number in range(100):
            writer.append(body(number))
            if call == "replace" and number % 5 == 0:  # a segment that has more than rows is written anew
                writer.append(json.dumps({"config": {"c": number}, "t": START}).encode())
        with monkeypatch.context() as patched:

            def refuse(*_args: Any, **_options: Any) -> Any:
                raise OSError(5, "Input/output error")

            patched.setattr(os, call, refuse)
            for number in range(100, 600):
                writer.append(body(number))
        assert set(writer.counts.dropped) == {NEWEST}
        for number in range(600, 700):
            writer.append(body(number))
        data = read_run(run_dir.path)
        assert data.damaged == 0
        assert [line["n"] for line in data.rows][-1] == 699
        assert len(data.rows) + lost_of(writer) == 700
        assert list(run_dir.path.glob("*.tmp")) == []


class Flaky(MemoryServer):
    """A server that is away now and then, before or after it has taken a batch."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self.steady = False

    def file_stream(self, path: str, body: Pieces, *, gzip: bool) -> tuple[bool, float]:
        if not self.steady and self._rng.random() < 0.2:
            raise _GoneError("connection refused")
        answer = super().file_stream(path, body, gzip=gzip)
        if not self.steady and self._rng.random() < 0.2:
            raise _GoneError("connection reset")
        return answer


class _GoneError(TransportError):
    pass


class TestThinning:
    def test_one_of(self) -> None:
        """One of as many rows as the room is divided by what is left of it, in powers of two."""
        assert [every(left, 1000) for left in (1000, 501, 500, 251, 250, 125, 1)] == [1, 1, 2, 2, 4, 8, 512]

    @given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40), st.sampled_from([2, 4, 8]))
    def test_parts_of_a_row_stay_together(self, parts: list[tuple[int, bool]], one_of: int) -> None:
        """Of an explicit step all parts are kept or none."""
        steps = sorted(step for step, _ in parts)
        sample = Thinning()
        kept: dict[int, set[bool]] = {}
        for step in steps:
            kept.setdefault(step, set()).add(sample.takes({"metrics": {}, "step": step}, one_of))
        assert all(len(found) == 1 for found in kept.values())
        assert sum(found == {True} for found in kept.values()) == -(-len(kept) // one_of)

    def test_a_row_that_is_not_committed_goes_on(self) -> None:
        """What `commit: false` leaves open is one row with what completes it."""
        sample = Thinning()
        parts: Iterable[dict[str, Any]] = [{"metrics": {}, "commit": False}, {"metrics": {}}] * 4
        assert [sample.takes(part, 2) for part in parts] == [True, True, False, False] * 2


class TestRuns:
    @pytest.mark.not_quick
    def test_online(self, wandb_server: LocalServer) -> None:
        """All rows of a run that logs many times its bound are on the server, each once; the journal stays small."""
        run = new_run("p", mode="online", max_cache_bytes=MIB, cache_policy="block", quiet=True, flush_interval=0.05)
        for number in range(12_000):
            run.log({"n": number, "filler": FILLER})
        report = run.finish(timeout=PATIENCE)
        assert run.dir is not None
        assert report.ok
        assert usage(run.dir) <= MIB
        assert numbers(wandb_server, run.id) == list(range(12_000))
        assert run.stats()["dropped"] == {}
        assert run.stats()["accepted"] == 12_001
        assert wandb_server.violations == []

    @pytest.mark.slow
    @pytest.mark.parametrize("policy", ["drop_newest", "drop_oldest", "downsample"])
    def test_offline(self, wandb_server: LocalServer, policy: Any, caplog: pytest.LogCaptureFixture) -> None:
        """What an offline run keeps is sent by sync; losses are counted by reason and told at the end."""
        run = new_run("p", mode="offline", max_cache_bytes=MIB, cache_policy=policy)
        for number in range(8_000):
            run.log({"n": number, "filler": FILLER})
        run.finish(2)
        assert run.dir is not None
        assert usage(run.dir) <= MIB + 1000
        stats = run.stats()
        assert stats["accepted"] == 8_001
        lost = sum(stats["dropped"].values())
        reasons = ", ".join(f"{count} {reason}" for reason, count in stats["dropped"].items())
        assert f"run {run.id}: {lost} records were lost ({reasons})" in caplog.messages
        (report,) = sync(run.dir)
        assert (report.finished, report.exit_code, report.rows) == (True, 2, 8_000 - lost)
        sent = numbers(wandb_server, run.id)
        assert sent == sorted(set(sent))
        assert len(sent) == 8_000 - lost
        assert wandb_server.violations == []

    @pytest.mark.not_quick
    def test_media_count_and_go_when_they_are_uploaded(self, wandb_server: LocalServer) -> None:
        """Media are copied for each event, sent, and removed: a run of many is not stopped by its bound."""
        run = new_run("p", mode="online", max_cache_bytes=MIB, cache_policy="block", quiet=True, flush_interval=0.05)
        for number in range(20):
            run.log({"page": Html(f"<p>{number}</p>" + "x" * 100_000, inject=False), "n": number})
        report = run.finish(timeout=PATIENCE)
        assert run.dir is not None
        assert (report.ok, report.files) == (True, 20)
        assert list((run.dir / "files" / "once").iterdir()) == []
        assert run.stats()["dropped"] == {}

    def test_a_file_for_which_there_is_no_room(self) -> None:
        """Who calls is told; a log record's media are set aside, and the rest of the row is kept."""
        run = new_run("p", mode="offline", max_cache_bytes=MIB, quiet=True)
        Path("large").write_bytes(bytes(2 * MIB))
        with pytest.raises(OSError, match=r"max_cache_bytes \(1048576\) is reached"):
            run.upload_file("large")
        run.log({"page": Html("x" * 2 * MIB), "n": 1})
        run.log({"n": 2})
        run.finish()
        assert run.dir is not None
        assert [line["n"] for line in read_run(run.dir).rows] == [1, 2]
        assert run.stats()["set_aside"] == 1

    @pytest.mark.not_quick
    def test_the_summary_goes_on(self, wandb_server: LocalServer) -> None:
        """`run.summary` and `run.step` follow a journal whose beginning is removed."""
        run = new_run("p", mode="online", max_cache_bytes=MIB, cache_policy="block", quiet=True, flush_interval=0.05)
        for number in range(10_000):
            run.log({"n": number, "filler": FILLER})
            if number % 1000 == 0:
                assert (run.summary["n"], run.step) == (number, number + 1)
        run.finish(timeout=PATIENCE)
        assert run.dir is not None
        assert not (run.dir / "journal-0001-0001.jsonl").exists()

    @pytest.mark.not_quick
    def test_text_as_a_file_does_not_take_all_the_room(self, wandb_server: LocalServer) -> None:
        """Of a run that writes more text than fits, output.log is not uploaded as a file; the stream has it all."""
        run = new_run("p", mode="online", max_cache_bytes=MIB, cache_policy="block", quiet=True, flush_interval=0.05)
        for _ in range(8000):
            run._watch.take_output(FILLER + "\n", error=False)
        assert run.finish(timeout=PATIENCE).ok
        assert len(wandb_server.run(run.id).output) == 8000
        assert "output.log" not in wandb_server.run(run.id).files

    @pytest.mark.not_quick
    def test_a_run_that_began_without_a_bound_loses_no_old_rows(self) -> None:
        """Who sends such a run takes no care of what may be lost: it drops its newest instead."""
        new_run("p", run_id="r", mode="offline", quiet=True, resume="allow").finish()
        run = new_run(
            "p", run_id="r", mode="offline", quiet=True, resume="allow", max_cache_bytes=MIB, cache_policy="drop_oldest"
        )
        for number in range(10_000):
            run.log({"n": number, "filler": FILLER})
        run.finish()
        assert set(run.stats()["dropped"]) == {NEWEST}


def test_nothing_is_removed_by_who_may_not(tmp_path: Path) -> None:
    """Acknowledged segments stay while another process holds the upload lock."""
    run_dir, writer = bounded(tmp_path, "drop_newest")
    sender = sending(run_dir, MemoryServer())
    for number in range(100):
        writer.append(body(number))
    sender.drain()
    other = RunDir(run_dir.path)
    with run_dir.uploading():
        forget_acknowledged(other)
        assert not run_dir.has_base
    forget_acknowledged(other)
    assert run_dir.has_base
