from __future__ import annotations

import errno
import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.runs import START, Clock, add, drain, make_run, numbers, put_cursor, row, uploader
from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    JournalError,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.memory import MemoryRunDir
from wandb_logging._journal.reader import Chunk, Reader
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.read import read_run
from wandb_logging._server.body import Pieces, StreamBody
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS: list[dict[str, Any]] = [
    row(0),
    row(1, text="hello", level="INFO", logger="x"),
    {"config": {"batch": 8}, "t": START + 1.5},
    row(2, step=5),
    {"metrics": {"m": 1.5}, "step": 5, "t": START + 3},
    row(3, step=7),
    {"text": "bye\nbye", "level": "ERROR", "logger": "x", "t": START + 9},
]
ROWS = [0, 1, 2, 3]
STEPS = [0, 1, 5, 7]
LINES = 3


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(autouse=True)
def no_violation(server: LocalServer) -> Iterator[None]:
    """Each test here leaves the protocol whole."""
    before = len(server.violations)
    yield
    server.clear_faults()
    assert server.violations[before:] == []


def whole(server: LocalServer, run_dir: RunDir, exit_code: int = 1) -> None:
    """The server has exactly what EVENTS come to."""
    run = server.run(run_dir.info.id)
    assert [line["n"] for line in run.history] == ROWS
    assert [line["_step"] for line in run.history] == STEPS
    assert run.history[2]["m"] == 1.5
    assert [line["_timestamp"] for line in run.history] == [START, START + 1, START + 3, START + 3]
    assert len(run.output) == LINES
    assert run.config["batch"] == 8
    assert run.summary["n"] == 3
    assert (run.state, run.exit_code) == ("failed" if exit_code else "finished", exit_code)


class TestTheWay:
    def test_all_of_it_arrives(self, tmp_path: Path, server: LocalServer) -> None:
        """Rows, merged by their step, text, config, summary and exit code are on the server; the report says so."""
        run_dir = make_run(tmp_path, EVENTS)
        report = drain(run_dir, server).report(0)
        whole(server, run_dir)
        assert (report.rows, report.lines, report.finished, report.exit_code) == (4, 3, True, 1)
        assert report.entity == server.entity
        assert str(report.url).endswith(f"/{server.entity}/p/runs/{report.run_id}")

    def test_a_second_time_sends_nothing(self, tmp_path: Path, server: LocalServer) -> None:
        """A run that is complete makes no request at all."""
        run_dir = make_run(tmp_path, EVENTS)
        drain(run_dir, server)
        before = len(server.requests)
        assert drain(run_dir, server).report(0).finished
        assert len(server.requests) == before

    def test_an_empty_journal_asks_nothing(self, tmp_path: Path, server: LocalServer) -> None:
        """A run that has logged nothing yet is not made on the server by looking."""
        before = len(server.requests)
        drain(make_run(tmp_path), server, ending=None)
        assert len(server.requests) == before

    def test_a_run_that_died_before_it_logged(self, tmp_path: Path, server: LocalServer) -> None:
        """It is told all the same, so that `sync --follow` comes to an end."""
        run_dir = make_run(tmp_path)
        assert drain(run_dir, server).report(0).finished
        assert server.run(run_dir.info.id).exit_code == 1

    @pytest.mark.parametrize("size", [1, 2, 3, 100])
    def test_batches(self, tmp_path: Path, server: LocalServer, size: int) -> None:
        """However it is cut into batches, the same lines come to the same offsets."""
        run_dir = make_run(tmp_path, EVENTS)
        sender = uploader(run_dir, server, batch_size=size)
        sender.drain(ending=1)
        sender.close()
        whole(server, run_dir)

    def test_it_goes_on(self, tmp_path: Path, server: LocalServer) -> None:
        """Each drain sends what is new, also from another process that only has the directory."""
        run_dir = make_run(tmp_path)
        writer = run_dir.writer()
        for event in EVENTS:
            add(writer, [event])
            drain(run_dir, server, ending=None)
        writer.close()
        drain(run_dir, server)
        whole(server, run_dir)

    def test_events_after_the_end_open_the_run_again(self, tmp_path: Path, server: LocalServer) -> None:
        """What a forked child logs after its parent's end arrives, and the run ends as it had ended."""
        run_dir = make_run(tmp_path, [row(0), {"exit": 3, "t": START + 1}])
        drain(run_dir, server)
        run_id = run_dir.info.id
        assert server.run(run_id).exit_code == 3
        late = run_dir.writer()
        add(late, [row(1)])
        late.close()
        drain(run_dir, server)
        assert numbers(server, run_id) == [0, 1]
        assert server.run(run_id).exit_code == 3

    def test_the_end_of_a_dead_run_is_in_its_journal(self, tmp_path: Path, server: LocalServer) -> None:
        """What gave out the open row has to be read again by a reader that lost the cursor."""
        run_dir = make_run(tmp_path, [row(0, step=5)])
        drain(run_dir, server)
        assert read_run(run_dir.path).exit_code == 1
        late = run_dir.writer()
        add(late, [row(1), row(2, step=9)])
        late.close()
        drain(run_dir, server)
        (run_dir.path / "cursor.json").unlink()
        drain(run_dir, server)
        there = server.run(run_dir.info.id)
        assert [(line["_step"], line["n"]) for line in there.history] == [(5, 0), (6, 1), (9, 2)]
        assert there.exit_code == 1

    def test_rows_that_come_just_behind_a_look(
        self, tmp_path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is folded before the server was asked how far the run is, and nothing is read twice."""
        run_dir = make_run(tmp_path)
        writer = run_dir.writer()
        rows = iter([[row(0), row(1)]])
        read = Reader.read

        def read_then_add(self: Reader, *most: int) -> Chunk:
            chunk = read(self, *most)
            add(writer, next(rows, []))
            return chunk

        monkeypatch.setattr(Reader, "read", read_then_add)
        sender = uploader(run_dir, server)
        for _ in range(3):
            sender.drain()
        sender.close()
        writer.close()
        assert numbers(server, run_dir.info.id) == [0, 1]

    def test_a_drain_ends_while_the_program_logs_on(self, tmp_path: Path, server: LocalServer) -> None:
        """It sends what was there, not what comes meanwhile: else config and heartbeat would never have their turn."""
        run_dir = make_run(tmp_path, [row(0)])
        writer = run_dir.writer()
        added = iter(range(1, 100))
        sender = uploader(run_dir, server, progress=lambda: add(writer, [row(next(added))]))
        sender.drain()
        assert len(numbers(server, run_dir.info.id)) <= 2
        sender.drain()
        sender.close()
        writer.close()
        sent = numbers(server, run_dir.info.id)
        assert sent == list(range(len(sent)))
        assert drain(run_dir, server).report(0).finished
        assert numbers(server, run_dir.info.id) == list(range(next(added)))

    def test_heartbeat(self, tmp_path: Path, server: LocalServer) -> None:
        """A live run with nothing new is confirmed after the interval, not before."""
        clock = Clock()
        run_dir = make_run(tmp_path, [row(0)], closed=False)
        sender = uploader(run_dir, server, clock, heartbeat=30.0)
        sender.drain(live=True)
        beats = server.run(run_dir.info.id)
        sender.drain(live=True)
        clock.time += 29
        sender.drain(live=True)
        assert beats.heartbeats == 0
        clock.time += 1
        sender.drain(live=True)
        sender.drain(live=True)
        assert beats.heartbeats == 1
        sender.close()

    def test_config_and_names_that_change(self, tmp_path: Path, server: LocalServer) -> None:
        """They are sent when they change, the whole config each time, and not again."""
        run_dir = make_run(tmp_path, [row(0)], closed=False)
        sender = uploader(run_dir, server)
        sender.drain()
        run = server.run(run_dir.info.id)
        assert len(run.upserts) == 1
        writer = run_dir.writer()
        add(writer, [{"config": {"a": 1}, "t": START}, {"run": {"name": "new", "tags": ["t"]}, "t": START}])
        writer.close()
        sender.drain()
        sender.drain()
        sender.close()
        assert len(run.upserts) == 2
        assert (run.display_name, run.tags, run.config) == ("new", ["t"], {"lr": 0.1, "a": 1})

    def test_tags_can_be_taken_away(self, tmp_path: Path, server: LocalServer) -> None:
        """An empty list takes them all, also where the run is opened again; none given leaves what is there."""
        run_dir = make_run(tmp_path, [row(0)], tags=["a"])
        drain(run_dir, server, ending=None)
        run = server.run(run_dir.info.id)
        assert run.tags == ["a"]
        writer = run_dir.writer()
        add(writer, [{"run": {"tags": []}, "t": START}])
        writer.close()
        drain(run_dir, server, ending=None)
        assert run.tags == []
        run.tags = ["by somebody else"]
        drain(run_dir, server, ending=0)
        assert run.tags == []
        assert [upsert["tags"] for upsert in run.upserts] == [["a"], ["a"], [], []]

    def test_a_new_name_that_is_refused(self, tmp_path: Path, server: LocalServer) -> None:
        """It is said, and neither the rows nor the end wait for it."""
        run_dir = make_run(tmp_path, [row(0)])
        said: list[str] = []
        sender = uploader(run_dir, server, say=lambda _kind, text: said.append(text))
        sender.drain()
        writer = run_dir.writer()
        add(writer, [{"run": {"name": "bad"}, "t": START}])
        writer.close()
        server.fail_next(operation="UpsertBucket", status=400)
        sender.drain(ending=0)
        sender.close()
        assert server.run(run_dir.info.id).state == "finished"
        assert "does not take the run's new config or name: HTTP 400" in said[0]

    def test_stop(self, tmp_path: Path, server: LocalServer) -> None:
        """That the server asks the run to stop is seen in its answers."""
        run_dir = make_run(tmp_path, [row(0)])
        sender = uploader(run_dir, server)
        sender.drain()
        assert sender.stopped is False
        server.stop_run(run_dir.info.id)
        sender.drain(ending=0)
        assert bool(sender.stopped) is True
        sender.close()


class TestWhateverIsLost:
    """The promise to test first: after `drain` the server's lines are the lines logged, each once."""

    @pytest.mark.slow
    def test_the_journal_cut_at_every_byte(self, tmp_path: Path, server: LocalServer) -> None:
        """Each event that is whole arrives once, the torn one is set aside, and the rest of the way is the same."""
        source = make_run(tmp_path / "source", EVENTS)
        data = (source.path / "journal-0001-0001.jsonl").read_bytes()
        ends = [i for i, byte in enumerate(data) if byte == ord("\n")]
        interesting = {0, len(data), *ends, *(end + 1 for end in ends), *range(0, len(data), 29)}
        for cut in sorted(interesting):
            run_dir = make_run(tmp_path)
            (run_dir.path / "journal-0001-0001.jsonl").write_bytes(data[:cut])
            report = drain(run_dir, server).report(0)
            complete = sum(end <= cut for end in ends)
            logged = [event["metrics"]["n"] for event in EVENTS[:complete] if "n" in event.get("metrics", {})]
            assert numbers(server, run_dir.info.id) == logged
            assert report.set_aside == (cut not in {0, *ends, *(end + 1 for end in ends)})

    def requests_of_one_drain(self, tmp_path: Path, server: LocalServer) -> int:
        before = len(server.requests)
        drain(make_run(tmp_path / "count", EVENTS), server)
        return len(server.requests) - before

    @pytest.mark.not_quick
    @pytest.mark.parametrize("cursor", ["kept", "lost"])
    @pytest.mark.parametrize("process", ["goes on", "is another"])
    @pytest.mark.parametrize("close", ["before", "after"])
    def test_any_answer(self, tmp_path: Path, server: LocalServer, close: Any, process: str, cursor: str) -> None:
        """Drop the N-th answer, for every N, before or after the server took the request."""
        for number in range(self.requests_of_one_drain(tmp_path, server)):
            run_dir = make_run(tmp_path, EVENTS)
            if number:
                server.fail_next(number, status=None)
            server.fail_next(1, close=close)
            clock = Clock()
            clock.over = process == "is another"  # it gives up at once
            if clock.over:
                with pytest.raises(TransportError):
                    drain(run_dir, server, clock)
                if cursor == "lost":
                    (run_dir.path / "cursor.json").unlink(missing_ok=True)
            drain(run_dir, server)
            whole(server, run_dir)

    @pytest.mark.not_quick
    def test_the_cursor_is_damaged(self, tmp_path: Path, server: LocalServer) -> None:
        """Any flipped byte of it costs bandwidth only."""
        run_dir = make_run(tmp_path, EVENTS[:4])
        drain(run_dir, server, ending=None)
        cursor = run_dir.path / "cursor.json"
        data = cursor.read_bytes()
        writer = run_dir.writer()
        add(writer, EVENTS[4:])
        writer.close()
        rng = random.Random(1)
        for _ in range(25):
            at = rng.randrange(len(data))
            cursor.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
            drain(run_dir, server)
            whole(server, run_dir)
        for content in (b"", b"{}", b"[]", data[:50], b"\0" * 100):
            cursor.write_bytes(content)
            drain(run_dir, server)
            whole(server, run_dir)

    def test_a_cursor_of_another_version(self, tmp_path: Path, server: LocalServer) -> None:
        """Whole, but with what we do not know: as good as lost."""
        run_dir = make_run(tmp_path, EVENTS[:4])
        drain(run_dir, server, ending=None)
        whole_one = run_dir.cursor.to_json()
        for cursor in ({"state": {"new": 1}}, {"state": 5}, {"tasks": 7}, {**whole_one, "state": {"odd": 2}}):
            put_cursor(run_dir, cursor)
            drain(run_dir, server, ending=None)
        writer = run_dir.writer()
        add(writer, EVENTS[4:])
        writer.close()
        drain(run_dir, server)
        whole(server, run_dir)

    def test_what_another_version_knows_of_the_server(self, tmp_path: Path, server: LocalServer) -> None:
        """Members of server.json that this one does not know are left alone; the run goes on where it was."""
        run_dir = make_run(tmp_path, EVENTS[:3])
        drain(run_dir, server, ending=None)
        path = run_dir.path / "server.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "new": {"of": "later"}}))
        writer = run_dir.writer()
        add(writer, EVENTS[3:])
        writer.close()
        drain(run_dir, server)
        whole(server, run_dir)

    def test_the_cursor_cannot_be_saved(
        self, tmp_path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A full disk: it is said, rows go on, and the next process sends them again, harmlessly."""
        run_dir = make_run(tmp_path, EVENTS)
        said: list[str] = []

        def refuse(self: RunDir, cursor: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(RunDir, "save_cursor", refuse)
            sender = uploader(run_dir, server, say=lambda _kind, text: said.append(text), batch_size=2)
            sender.drain(ending=1)
            sender.close()
        assert "cannot save the cursor (No space left on device); nothing is lost" in said[0]
        whole(server, run_dir)
        drain(run_dir, server)
        whole(server, run_dir)

    def test_no_line_goes_before_its_offset_is_on_the_disk(
        self, tmp_path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where run.json cannot be written nothing is sent: the next process would take our lines for another's."""
        run_dir = make_run(tmp_path, EVENTS)
        sender = uploader(run_dir, server)

        def refuse(self: RunDir, info: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(RunDir, "save_server", refuse)
            for _ in range(2):
                with pytest.raises(JournalError, match="No space left"):
                    sender.drain()
        assert server.run(run_dir.info.id).history == []
        sender.close()
        drain(run_dir, server)
        whole(server, run_dir)

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
    def test_the_server_never_knows_more_than_the_disk(
        self, tmp_path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before lines go their journal is forced to the disk: a power cut leaves no line that only the server has."""
        run_dir = make_run(tmp_path, EVENTS)
        order: list[str] = []
        fsync, post = os.fsync, StreamBody.encode

        def watched(fd: int) -> None:
            order.append(Path(f"/proc/self/fd/{fd}").readlink().name)
            fsync(fd)

        def encode(self: StreamBody, *, gzip: bool) -> Pieces:
            order.append("post")
            return post(self, gzip=gzip)

        monkeypatch.setattr(os, "fsync", watched)
        monkeypatch.setattr(StreamBody, "encode", encode)
        drain(run_dir, server)
        first = order.index("post")
        assert "journal-0001-0001.jsonl" in order[:first]
        assert any(name.startswith("server.json") for name in order[:first])

    def test_another_server(self, tmp_path: Path, server: LocalServer) -> None:
        """A run that another server has goes to this one whole."""
        run_dir = make_run(tmp_path, EVENTS)
        with LocalServer() as first:
            drain(run_dir, first, ending=None)
        drain(run_dir, server)
        whole(server, run_dir)


class TestDamage:
    def test_damaged_lines_are_set_aside_and_counted(self, tmp_path: Path, server: LocalServer) -> None:
        """One flipped byte costs one event; the rest arrives, and the event is kept in aside.jsonl."""
        run_dir = make_run(tmp_path, [row(i) for i in range(5)])
        file = run_dir.path / "journal-0001-0001.jsonl"
        lines = file.read_bytes().splitlines(keepends=True)
        lines[2] = lines[2].replace(b"metrics", b"Metrics")
        file.write_bytes(b"".join(lines))
        said: list[str] = []
        sender = uploader(run_dir, server, say=lambda _kind, text: said.append(text))
        sender.drain(ending=0)
        assert sender.report(0).set_aside == 1
        sender.close()
        assert numbers(server, run_dir.info.id) == [0, 1, 3, 4]
        kept = json.loads((run_dir.path / "aside.jsonl").read_text())
        assert kept["reason"] == "damaged journal line"
        assert lines[2].strip().decode().startswith(kept["what"][:20])
        assert "1 damaged journal line set" in said[0]

    def test_nothing_but_damage(self, tmp_path: Path, server: LocalServer) -> None:
        """A journal without one whole line is a run without rows."""
        run_dir = make_run(tmp_path)
        (run_dir.path / "journal-0001-0001.jsonl").write_bytes(b"\xff\n\0\n" * 1000)
        assert drain(run_dir, server).report(0).set_aside == 2000
        assert server.run(run_dir.info.id).history == []


class TestSeveralWriters:
    @pytest.mark.not_quick
    def test_the_same_lines_whatever_was_lost(self, tmp_path: Path, server: LocalServer) -> None:
        """Rows of a process and its children keep the order in which they were first sent."""
        run_dir = make_run(tmp_path)
        writers = [run_dir.writer() for _ in range(3)]
        rng = random.Random(5)
        run_id = run_dir.info.id
        for number in range(60):
            add(rng.choice(writers), [row(number)])
            if rng.random() < 0.3:
                drain(run_dir, server, ending=None)
            if rng.random() < 0.2:
                (run_dir.path / "cursor.json").unlink(missing_ok=True)
        for writer in writers:
            writer.close()
        drain(run_dir, server)
        assert sorted(numbers(server, run_id)) == list(range(60))


class TestRefused:
    def refuse_bad(self, server: LocalServer, monkeypatch: pytest.MonkeyPatch, mark: bytes) -> None:
        """Have the server say 400 to each request that holds `mark`."""
        from wandb_logging._server.client import Client

        real = Client.file_stream

        def picky(self: Client, path: str, body: Pieces, *, gzip: bool) -> tuple[bool, float]:
            if mark in bytes(body):
                raise RequestRejected("HTTP 400: no", 400)
            return real(self, path, body, gzip=gzip)

        monkeypatch.setattr(Client, "file_stream", picky)

    def test_the_one_bad_line_is_found(
        self, tmp_path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is set aside with the reason, a row with its numbers alone keeps its place, and all others arrive."""
        events = [row(i, text="fine", level="INFO") for i in range(40)]
        events[17]["metrics"]["word"] = "poison"
        events[23]["text"] = "poison"
        run_dir = make_run(tmp_path, events)
        self.refuse_bad(server, monkeypatch, b"poison")
        clock = Clock()
        report = drain(run_dir, server, clock).report(0)
        run = server.run(run_dir.info.id)
        assert [line.get("n") for line in run.history] == [i if i != 17 else None for i in range(40)]
        assert run.history[17].keys() == {"_step", "_timestamp", "_runtime"}
        assert [("(line set aside)" in line) for line in run.output] == [i == 23 for i in range(40)]
        kept = [json.loads(line) for line in (run_dir.path / "aside.jsonl").read_text().splitlines()]
        assert [item["reason"].partition(":")[0] for item in kept] == [
            "wandb-history.jsonl line 17",
            "output.log line 23",
            *["wandb-summary.json line 0"] * 2,
        ]
        assert report.set_aside == 4
        assert report.finished

    def test_every_line_refused_is_our_fault(
        self, tmp_path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is acknowledged, nothing is set aside, and the error goes up."""
        run_dir = make_run(tmp_path, [row(i) for i in range(30)])
        self.refuse_bad(server, monkeypatch, b'\\"n\\"')
        with pytest.raises(RequestRejected):
            drain(run_dir, server)
        assert run_dir.cursor == Cursor()
        assert not (run_dir.path / "aside.jsonl").exists()
        monkeypatch.undo()

    @pytest.mark.parametrize("status", [307, 405, 409, 501])
    def test_what_is_not_about_a_line_is_not_bisected(self, tmp_path: Path, server: LocalServer, status: int) -> None:
        """A redirect or a missing method is the same for each line: one request, one error."""
        run_dir = make_run(tmp_path, [row(i) for i in range(30)])
        server.fail_always(where="file_stream", status=status, headers={"Location": "http://127.0.0.1:1/"})
        kind: type[WandbLoggingError] = ServerUnavailable if status == 405 else RequestRejected
        clock = Clock()
        clock.over = True
        before = len(server.requests)
        with pytest.raises(kind):
            drain(run_dir, server, clock)
        server.clear_faults()
        assert sum("file_stream" in request.path for request in server.requests[before:]) == 1
        drain(run_dir, server)
        assert numbers(server, run_dir.info.id) == list(range(30))


class TestSizes:
    @pytest.mark.slow
    def test_no_request_is_larger_than_the_limit(self, tmp_path: Path, server: LocalServer) -> None:
        """Rows near the largest the server takes go one by one, and the summary beside them."""
        big = "x" * 9_800_000
        events = [{"metrics": {"n": i, "big": big}, "t": START + i} for i in range(3)]
        run_dir = make_run(tmp_path, [*events, row(3)])
        drain(run_dir, server)
        assert numbers(server, run_dir.info.id) == [0, 1, 2, 3]
        assert len(server.run(run_dir.info.id).summary["big"]) == len(big)
        bodies = [request for request in server.requests if run_dir.info.id in request.path]
        assert all(len(request.body) < 10 * 2**20 for request in bodies)
        server._requests.clear()

    def test_a_row_that_is_too_large(self, tmp_path: Path, server: LocalServer) -> None:
        """Its largest values are set aside, the rest of it goes."""
        run_dir = make_run(tmp_path, [{"metrics": {"n": 0, "big": "x" * 10_400_000}, "t": START}, row(1)])
        assert drain(run_dir, server).report(0).set_aside == 1
        assert numbers(server, run_dir.info.id) == [0, 1]
        server._requests.clear()

    @pytest.mark.slow
    def test_a_summary_that_is_too_large(self, tmp_path: Path, server: LocalServer) -> None:
        """It goes without what is largest in it."""
        events = [{"metrics": {f"big{i}": "x" * (6_000_000 + i), "n": i}, "t": START + i} for i in range(2)]
        run_dir = make_run(tmp_path, events)
        drain(run_dir, server)
        summary = server.run(run_dir.info.id).summary
        assert summary["n"] == 1
        assert "big1" not in summary
        server._requests.clear()

    @pytest.mark.parametrize("offered", [True, False])
    def test_gzip_only_where_it_is_offered(self, tmp_path: Path, *, offered: bool) -> None:
        """A server without the feature would answer 500 for ever (protocol 4.5)."""
        with LocalServer(features=["FILESTREAM_GZIP"] if offered else []) as server:
            run_dir = make_run(tmp_path, EVENTS)
            drain(run_dir, server)
            whole(server, run_dir)
            encodings = {request.headers.get("Content-Encoding") for request in server.requests}
            assert encodings == ({None, "gzip"} if offered else {None})
            assert server.violations == []

    def test_structured_lines_where_they_are_asked_for(self, tmp_path: Path) -> None:
        """With STRUCTURED_CONSOLE_LOGS each line is JSON (protocol 4.6)."""
        with LocalServer(features=["STRUCTURED_CONSOLE_LOGS"]) as server:
            run_dir = make_run(tmp_path, EVENTS)
            drain(run_dir, server)
            lines = [json.loads(line) for line in server.run(run_dir.info.id).output]
            assert [line["content"] for line in lines] == ["INFO:x:hello", "ERROR:x:bye", "bye"]
            assert server.violations == []


class TestRate:
    @pytest.mark.not_quick
    def test_a_long_journal_keeps_the_servers_pace(self, tmp_path: Path, server: LocalServer) -> None:
        """At most 2 requests a second, 10 at once after a rest, by the clock the uploader waits on."""
        run_dir = make_run(tmp_path, [row(i) for i in range(60)])
        clock = Clock()
        times: list[float] = []
        sender = uploader(run_dir, server, clock, batch_size=1, progress=lambda: times.append(clock()))
        sender.drain(ending=0)
        sender.close()
        assert len(times) == 62  # the rows, and the end: in the journal, and told
        tokens, last = 10.0, times[0]
        for moment in times:
            tokens, last = min(10.0, tokens + (moment - last) * 2.0) - 1, moment
            assert tokens >= 0
        assert clock() - times[0] < 40

    @pytest.mark.not_quick
    def test_what_waits_goes_together(self, tmp_path: Path, server: LocalServer) -> None:
        """Thousands of rows share a request; only its size and `batch_size` cut them."""
        run_dir = make_run(tmp_path, [row(i) for i in range(12_000)])
        before = len(server.requests)
        drain(run_dir, server)
        assert numbers(server, run_dir.info.id) == list(range(12_000))
        assert sum(request.path.endswith("file_stream") for request in server.requests[before:]) <= 4

    def test_the_quota_is_used_up(self, tmp_path: Path, server: LocalServer) -> None:
        """The server's own word about the rest of its quota is kept to (protocol 1.3)."""
        run_dir = make_run(tmp_path, [row(0)])
        clock = Clock()
        server.fail_next(
            where="file_stream", status=200, body={}, headers={"RateLimit-Remaining": "0", "RateLimit-Reset": "17"}
        )
        sender = uploader(run_dir, server, clock)
        sender.drain()
        assert clock.slept == [17.0]
        sender.close()
        (run_dir.path / "cursor.json").unlink()  # that answer was a fault's: nothing was stored
        drain(run_dir, server)


class TestTrouble:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ({"status": 200, "body": "<html>"}, GraphQLError),
            ({"status": 200, "body": {"data": None}}, GraphQLError),
            ({"status": 200, "body": {"data": {"upsertBucket": {"bucket": None}}}}, GraphQLError),
            ({"status": 200, "body": {"errors": [{"message": "no such entity"}]}}, GraphQLError),
            ({"status": 401}, AuthError),
            ({"status": 403}, AuthError),
            ({"status": 404}, RunNotFound),
            ({"status": 307, "headers": {"Location": "https://elsewhere.example/"}}, RequestRejected),
        ],
    )
    def test_a_run_that_cannot_be_made(
        self, tmp_path: Path, server: LocalServer, fault: dict[str, Any], error: type[WandbLoggingError]
    ) -> None:
        """The error goes up at once, nothing is lost, and the next drain makes it good."""
        run_dir = make_run(tmp_path, EVENTS)
        clock = Clock()
        server.fail_next(operation="UpsertBucket", **fault)
        with pytest.raises(error):
            drain(run_dir, server, clock)
        assert clock.slept == []
        drain(run_dir, server)
        whole(server, run_dir)

    def test_features_that_cannot_be_asked(self, tmp_path: Path, server: LocalServer) -> None:
        """An older server: every feature counts as off (protocol 3.8)."""
        run_dir = make_run(tmp_path, EVENTS)
        server.fail_next(operation="ServerFeaturesQuery", status=400)
        drain(run_dir, server)
        whole(server, run_dir)

    def test_a_run_that_is_gone(self, tmp_path: Path, server: LocalServer) -> None:
        """404 in mid-run goes up; the journal stays."""
        run_dir = make_run(tmp_path, EVENTS)
        server.fail_next(where="file_stream", status=404)
        with pytest.raises(RunNotFound):
            drain(run_dir, server)
        drain(run_dir, server)
        whole(server, run_dir)

    def test_a_server_that_has_rows_we_cannot_have_sent(self, tmp_path: Path, server: LocalServer) -> None:
        """The run went on from elsewhere: nothing of that is overwritten."""
        run_dir = make_run(tmp_path, [row(0)])
        drain(run_dir, server, ending=None)
        run_id = run_dir.info.id
        elsewhere = make_run(
            tmp_path / "elsewhere", [row(i) for i in range(10)], id=run_id, resume="allow", writer_id="b"
        )
        drain(elsewhere, server)
        late = run_dir.writer()
        add(late, [row(99)])
        late.close()
        with pytest.raises(JournalError, match=r"11 rows .* went on elsewhere"):
            drain(run_dir, server)
        assert 99 not in numbers(server, run_id)

    @pytest.mark.slow
    def test_a_server_that_is_away_for_a_day(self, tmp_path: Path, server: LocalServer) -> None:
        """Each drain tries for a minute; what was logged meanwhile is sent in the end."""
        run_dir = make_run(tmp_path)
        writer = run_dir.writer()
        clock = Clock()
        sender = uploader(run_dir, server, clock)
        server.fail_always(status=503)
        logged = 0
        while clock() < 1000 + 86_400:
            add(writer, [row(logged)])
            logged += 1
            with pytest.raises(ServerUnavailable):
                sender.drain(live=True)
            clock.time += 900
        server.clear_faults()
        writer.close()
        sender.drain(ending=0)
        sender.close()
        assert numbers(server, run_dir.info.id) == list(range(logged))

    def test_out_of_time(self, tmp_path: Path, server: LocalServer) -> None:
        """Told to stop between two batches it stops; what was acknowledged counts."""
        run_dir = make_run(tmp_path, [row(i) for i in range(30)])
        clock = Clock()
        sender = uploader(run_dir, server, clock, batch_size=10, progress=lambda: setattr(clock, "over", True))
        with pytest.raises(TransportError, match="out of time"):
            sender.drain()
        assert sender.acknowledged == 10
        sender.close()
        drain(run_dir, server)
        assert numbers(server, run_dir.info.id) == list(range(30))


class TestFiles:
    def file_event(self, run_dir: RunDir, tmp_path: Path, name: str = "model.bin") -> dict[str, Any]:
        source = tmp_path / "source.bin"
        source.write_bytes(b"weights")
        return {"file": {"name": name, "path": run_dir.files.keep(source, name)}, "t": START}

    def with_file(self, tmp_path: Path) -> RunDir:
        run_dir = make_run(tmp_path, [row(0)])
        writer = run_dir.writer()
        add(writer, [self.file_event(run_dir, tmp_path)])
        writer.close()
        return run_dir

    def test_a_file_arrives(self, tmp_path: Path, server: LocalServer) -> None:
        """Its bytes are put where the server says, and announced (protocol 6.1)."""
        run_dir = self.with_file(tmp_path)
        assert drain(run_dir, server).report(0).files == 1
        run = server.run(run_dir.info.id)
        assert run.files["model.bin"] == b"weights"
        assert run.uploaded == ["model.bin"]

    @pytest.mark.slow
    @pytest.mark.parametrize("close", ["before", "after"])
    def test_any_answer(self, tmp_path: Path, server: LocalServer, close: Any) -> None:
        """A crash at any request leaves the file waiting, or done."""
        before = len(server.requests)
        drain(self.with_file(tmp_path), server)
        for number in range(len(server.requests) - before):
            run_dir = self.with_file(tmp_path)
            if number:
                server.fail_next(number, status=None)
            server.fail_next(1, close=close)
            clock = Clock()
            clock.over = True
            with pytest.raises(TransportError):
                drain(run_dir, server, clock)
            drain(run_dir, server)
            run = server.run(run_dir.info.id)
            assert (run.files["model.bin"], run.uploaded, run.state) == (b"weights", ["model.bin"], "failed")

    def test_a_file_that_can_never_go(self, tmp_path: Path, server: LocalServer) -> None:
        """It is set aside, and the run ends all the same."""
        run_dir = self.with_file(tmp_path)
        for kept in run_dir.path.rglob("model.bin"):
            kept.unlink()
        report = drain(run_dir, server).report(0)
        assert (report.set_aside, report.files, report.finished) == (1, 0, True)

    def test_an_address_that_has_expired(self, tmp_path: Path, server: LocalServer) -> None:
        """403 from the storage is about the address, not the key: a new one is asked for."""
        run_dir = self.with_file(tmp_path)
        server.fail_next(where="storage", status=403)
        assert drain(run_dir, server).report(0).files == 1


class TestMemory:
    def test_where_no_file_can_be_opened(self, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """No descriptor is left: the disk is not asked whether lines are gone, for it would seem that they are."""

        def none_left(*_: Any, **__: Any) -> int:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

        run_dir = MemoryRunDir(RunInfo("nofiles", "p", start=START), 2000)
        add(run_dir.writer(), [row(1)])
        sender = uploader(run_dir, server)
        with monkeypatch.context() as patch:
            patch.setattr("wandb_logging._journal.safe_files.os.open", none_left)
            sender._open_directory()
        sender.drain(live=True)
        sender.close()
        assert numbers(server, "nofiles") == [1]

    def test_without_a_directory(self, server: LocalServer) -> None:
        """Rows go from memory the same way, and are forgotten once they are acknowledged."""
        run_dir = MemoryRunDir(RunInfo("inmemory", "p", start=START), 2000)
        writer = run_dir.writer()
        sender = uploader(run_dir, server)
        for number in range(200):
            add(writer, [row(number)])
            if number % 20 == 19:
                sender.drain(live=True)
        add(writer, [{"exit": 0, "t": START + 200}])
        sender.drain()
        sender.close()
        assert numbers(server, "inmemory") == list(range(200))
        assert server.run("inmemory").state == "finished"
        assert writer.counts.dropped == {}
