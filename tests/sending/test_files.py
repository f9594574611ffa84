"""Promises of `Run.save` and `Run.upload_file`: which files go, under which names, when, and never twice."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, strategies as st

from tests.patience import PATIENCE
from wandb_logging import Html, LogError, Run, Session, new_run, sync
from wandb_logging._events.task import Task
from wandb_logging._journal import copies
from wandb_logging._journal.copies import Copies, place_of
from wandb_logging._journal.rundir import RunDir
from wandb_logging._run.save import matches
from wandb_logging._sending import tasks
from wandb_logging._sending.files import RunFiles, ignored
from wandb_logging._server.link import Link, Pace
from wandb_logging.testing import LocalServer


def online(server: LocalServer, **settings: Any) -> Run:
    return new_run("p", session=Session(server.api_key, server.url), quiet=True, standard_files=False, **settings)


def write(name: str, text: str = "text", mtime: int | None = None) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if mtime is not None:
        os.utime(path, (mtime, mtime))
    return path


def puts(server: LocalServer) -> int:
    return sum(request.method == "PUT" for request in server.requests)


def stored(server: LocalServer) -> dict[str, bytes]:
    return server.runs[0].files


class TestNames:
    def test_relative(self) -> None:
        """Names are relative to the working directory, or to base_path."""
        write("out/a/x.txt")
        write("out/b/x.txt")
        write("out/b/y.bin")
        assert [name for _, name in matches("out/*/x.txt", None)] == ["out/a/x.txt", "out/b/x.txt"]
        assert [name for _, name in matches("out/*/*", "out")] == ["a/x.txt", "b/x.txt", "b/y.bin"]
        assert [name for _, name in matches(Path("out/a/x.txt"), "out/a")] == ["x.txt"]

    def test_absolute(self) -> None:
        """Of an absolute path without base_path one folder is kept, as in the official SDK."""
        path = write("deep/down/x.txt").absolute()
        assert [name for _, name in matches(path, None)] == ["down/x.txt"]
        assert [name for _, name in matches(path, Path.cwd())] == ["deep/down/x.txt"]

    def test_folders_are_no_files(self) -> None:
        """A glob that finds a folder does not take what is in it."""
        write("out/a/x.txt")
        assert matches("out/*", None) == []

    def test_base_is_taken_as_it_is(self) -> None:
        """What looks like a glob in the base is a name."""
        write("[1]/x.txt")
        assert [name for _, name in matches(Path("[1]").absolute() / "*.txt", "[1]")] == ["x.txt"]

    @pytest.mark.parametrize(
        ("pattern", "base"),
        [("../x.txt", None), ("a/../x.txt", None), ("x.txt", "a"), ("a", "a"), ("ab/x.txt", "a"), ("/x.txt", "a")],
    )
    def test_outside(self, pattern: str, base: str | None, wandb_server: LocalServer) -> None:
        """A path that is not below base_path, or has a `..`, is an error of the caller's."""
        with online(wandb_server, mode="offline") as run, pytest.raises(LogError):
            run.save(pattern, base_path=base)

    def test_nothing_found(self, wandb_server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
        """A glob that finds nothing is a warning, as in the official SDK."""
        with online(wandb_server) as run:
            assert run.save("nowhere/*.txt") == []
        assert "nowhere/*.txt" in caplog.text

    def test_policy(self, wandb_server: LocalServer) -> None:
        """There are three policies."""
        with online(wandb_server, mode="offline") as run, pytest.raises(LogError, match="live or now or end"):
            run.save("x.txt", policy="sometimes")

    def test_finished(self, wandb_server: LocalServer) -> None:
        """A finished run takes no file."""
        write("x.txt")
        run = online(wandb_server, mode="offline")
        run.finish()
        with pytest.raises(LogError, match="finished"):
            run.save("x.txt")

    def test_disabled(self) -> None:
        """A disabled run says which files it would take."""
        write("x.txt")
        with new_run("p", mode="disabled") as run:
            assert run.save("x.txt") == ["x.txt"]


class TestPolicies:
    def test_now(self, wandb_server: LocalServer) -> None:
        """As it is when `save` is called."""
        write("x.txt", "first", 1)
        with online(wandb_server) as run:
            assert run.save("*.txt", policy="now") == ["x.txt"]
            write("x.txt", "second", 2)
        assert stored(wandb_server) == {"x.txt": b"first"}

    def test_end(self, wandb_server: LocalServer) -> None:
        """As it is when the run ends, and not before."""
        write("x.txt", "first", 1)
        with online(wandb_server) as run:
            run.log({"loss": 1})
            run.save("x.txt", policy="end")
            assert run.flush(PATIENCE).ok
            assert stored(wandb_server) == {}
            write("x.txt", "second", 2)
        assert stored(wandb_server) == {"x.txt": b"second"}

    def test_live(self, wandb_server: LocalServer) -> None:
        """At once, again when it has changed, and at the end."""
        write("x.txt", "first", 1)
        with online(wandb_server) as run:
            run.save("x.txt", policy="live")
            for text, mtime in (("first", 1), ("second", 2)):
                write("x.txt", text, mtime)
                assert run.flush(PATIENCE).ok
                run.flush(PATIENCE)  # what a round notices goes with it or the next
                assert stored(wandb_server)["x.txt"] == text.encode()
            write("x.txt", "third", 3)
        assert stored(wandb_server)["x.txt"] == b"third"
        assert puts(wandb_server) == 3

    def test_live_offline(self, wandb_server: LocalServer) -> None:
        """Offline the newest copy waits, and takes its place on the disk once."""
        write("x.txt", "first", 1)
        run = online(wandb_server, mode="offline")
        run.save("x.txt")
        for number in range(2, 9):
            write("x.txt", f"number {number}", number)
            run.flush(PATIENCE)
        run.finish()
        assert run.dir is not None
        assert [path.read_text() for path in run.dir.rglob("x.txt")] == ["number 8"]
        sync(run.dir, session=Session(wandb_server.api_key, wandb_server.url))
        assert stored(wandb_server) == {"x.txt": b"number 8"}
        assert puts(wandb_server) == 1

    def test_gone_at_the_end(self, wandb_server: LocalServer) -> None:
        """A file that is gone by then is set aside by name; the others go."""
        write("x.txt")
        write("y.txt")
        run = online(wandb_server)
        run.save("*.txt", policy="end")
        Path("x.txt").unlink()
        assert run.finish().finished
        assert run.stats()["set_aside"] == 1
        assert stored(wandb_server) == {"y.txt": b"text"}

    def test_gone_meanwhile(self, wandb_server: LocalServer) -> None:
        """A live file may be away for a while."""
        write("x.txt", "first", 1)
        with online(wandb_server) as run:
            run.save("x.txt")
            Path("x.txt").unlink()
            run.flush(PATIENCE)
            assert run.stats()["set_aside"] == 0
            write("x.txt", "second", 2)
        assert stored(wandb_server)["x.txt"] == b"second"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    def test_in_a_forked_child(self, wandb_server: LocalServer) -> None:
        """A child's file goes as it is then; nobody there could look after it."""
        write("x.txt", "of the child")
        with online(wandb_server) as run:
            child = os.fork()
            if not child:
                run.save("x.txt", policy="end")
                run.finish()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        assert stored(wandb_server) == {"x.txt": b"of the child"}


class TestNotTwice:
    def test_same_bytes(self, wandb_server: LocalServer) -> None:
        """Saved or uploaded, the same bytes of one name go once; of another name again."""
        write("x.txt")
        with online(wandb_server) as run:
            run.save("x.txt")
            assert run.flush(PATIENCE).ok
            run.flush(PATIENCE)
            write("x.txt", mtime=5)
            run.upload_file("x.txt")
            run.upload_file("x.txt", "y.txt")
        assert stored(wandb_server) == {"x.txt": b"text", "y.txt": b"text"}
        assert puts(wandb_server) == 2

    def test_after_a_restart(self, wandb_server: LocalServer) -> None:
        """A second sync sends nothing."""
        write("x.txt")
        run = online(wandb_server, mode="offline")
        run.upload_file("x.txt")
        run.finish()
        assert run.dir is not None
        for _ in range(2):
            sync(run.dir, session=Session(wandb_server.api_key, wandb_server.url))
        assert puts(wandb_server) == 1

    def test_another_server(self, wandb_server: LocalServer) -> None:
        """What one server has another has not."""
        write("x.txt")
        run = online(wandb_server)
        run.upload_file("x.txt")
        run.finish()
        assert run.dir is not None
        with LocalServer() as other:
            sync(run.dir, host=other.url, session=Session(other.api_key, other.url))
            assert stored(other) == {"x.txt": b"text"}

    def test_changed_while_it_is_uploaded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is noticed, and sent again; not for ever."""
        source = tmp_path / "x.txt"
        source.write_text("1")
        sent: list[bytes] = []

        def put(changes: int) -> Callable[..., None]:
            def put_file(_files: object, _link: object, _name: str, file: BinaryIO) -> None:
                file.seek(0)
                sent.append(file.read())
                if len(sent) <= changes:
                    source.write_text("x" * (len(sent) + 1))

            return put_file

        task = Task("file", {"name": "x.txt", "path": "x.txt"})
        for changes, expected in ((1, [b"1", b"xx"]), (9, [b"1", b"xx", b"xxx"])):
            sent.clear()
            source.write_text("1")
            uploads: dict[str, str] = {}
            monkeypatch.setattr(RunFiles, "put", put(changes))
            link = Link(lambda: None, Pace())  # type: ignore[arg-type, return-value]
            files = RunFiles(None, uploads)  # type: ignore[arg-type]
            assert tasks.perform(task, link, None, RunDir(tmp_path), files) == ["x.txt"]  # type: ignore[arg-type]
            assert sent == expected
            last = {"x.txt": hashlib.md5(sent[-1]).hexdigest()} if changes == 1 else {}
            assert uploads == last

    def test_large(self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file is copied and hashed block by block."""
        monkeypatch.setattr(copies, "_BLOCK", 1000)
        Path("x.bin").write_bytes(bytes(range(256)) * 100)
        with online(wandb_server) as run:
            run.save("x.bin", policy="now")
        assert stored(wandb_server) == {"x.bin": bytes(range(256)) * 100}


@contextlib.contextmanager
def slow_storage() -> Iterator[tuple[str, threading.Event]]:
    """The address of a storage that takes one PUT little by little, until the event is set."""
    hurry = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as request:
                head = b"".join(iter(request.readline, b"\r\n"))
                left = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:"))
                while left:
                    hurry.wait(0.01)
                    left -= len(request.read(min(left, 2**16)))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/large", hurry
        finally:
            hurry.set()
            thread.join(PATIENCE)


class TestLarge:
    """Sent by the one thread that also sends the rows: they go between two of its blocks."""

    @pytest.fixture(autouse=True)
    def _large(self, wandb_server: LocalServer) -> None:
        with Path("large.bin").open("wb") as file:
            file.truncate(200 * 2**20)  # half a minute for the storage
        wandb_server.allow_violations("uploaded")  # its bytes are elsewhere

    def upload(self, run: Run, server: LocalServer, url: str) -> None:
        files = {"runID": "r", "uploadHeaders": [], "files": [{"name": "large.bin", "uploadUrl": url}]}
        server.fail_next(operation="CreateRunFiles", status=200, body={"data": {"createRunFiles": files}})
        run.upload_file("large.bin")
        run.flush(0)
        server.wait_for(lambda: any(request.operation == "CreateRunFiles" for request in server.requests))

    @pytest.mark.slow
    def test_rows_config_and_heartbeats_do_not_wait_for_it(self, wandb_server: LocalServer) -> None:
        """The server has them before it has the file."""
        with online(wandb_server, flush_interval=0.1, heartbeat_interval=1) as run, slow_storage() as (url, hurry):
            self.upload(run, wandb_server, url)
            there = wandb_server.runs[0]
            run.log({"n": 0})
            wandb_server.wait_for(lambda: there.history)
            run.log({"n": 1})
            run.update_config(lr=0.5)
            wandb_server.wait_for(lambda: len(there.history) == 2)
            wandb_server.wait_for(lambda: there.config == {"lr": 0.5})
            wandb_server.wait_for(lambda: there.heartbeats)
            assert there.uploaded == []
            hurry.set()
            assert run.flush(PATIENCE).ok
            assert there.uploaded == ["large.bin"]

    @pytest.mark.slow
    def test_nor_does_what_somebody_waits_for(self, wandb_server: LocalServer) -> None:
        """However long the interval: a flush, or the end of the program, has the rows go at once."""
        with online(wandb_server, flush_interval=3600, heartbeat_interval=3600) as run, slow_storage() as (url, hurry):
            self.upload(run, wandb_server, url)
            there = wandb_server.runs[0]
            run.log({"n": 0})
            run.flush(0)
            wandb_server.wait_for(lambda: there.history)
            assert there.uploaded == []
            hurry.set()

    @pytest.mark.slow
    def test_a_failure_meanwhile_waits_until_it_is_there(self, wandb_server: LocalServer) -> None:
        """A row that the server cannot take does not break the file off, is tried once, and goes later."""
        with online(wandb_server, flush_interval=0.1) as run, slow_storage() as (url, hurry):
            self.upload(run, wandb_server, url)
            there = wandb_server.runs[0]
            wandb_server.fail_next(where="file_stream", retry_after=1)
            run.log({"n": 0})
            wandb_server.wait_for(lambda: there.history)
            assert there.uploaded == []
            hurry.set()
            assert run.flush(PATIENCE).ok
        assert [row["n"] for row in there.history] == [0]


class TestMany:
    def run_with(self, count: int) -> Path:
        run = new_run("p", mode="offline", quiet=True, standard_files=False)
        for number in range(count):
            run.upload_file(write(f"{number}.txt", str(number)), f"{number}.txt")
        run.finish()
        assert run.dir is not None
        return run.dir

    def asked(self, server: LocalServer) -> int:
        return sum(request.operation == "CreateRunFiles" for request in server.requests)

    @pytest.mark.not_quick
    def test_they_are_asked_for_together(self, wandb_server: LocalServer) -> None:
        """A hundred addresses in one request; each file goes and is announced once."""
        assert sync(self.run_with(230))[0].files == 230
        assert (self.asked(wandb_server), puts(wandb_server)) == (3, 230)
        assert stored(wandb_server) == {f"{number}.txt": str(number).encode() for number in range(230)}
        assert sorted(wandb_server.runs[0].uploaded) == sorted(stored(wandb_server))

    @pytest.mark.parametrize("status", [400, 403, 404])
    def test_an_address_that_has_expired(self, wandb_server: LocalServer, status: int) -> None:
        """While others went first: that file is asked for again."""
        wandb_server.fail_next(where="storage", status=status)
        assert sync(self.run_with(3))[0].files == 3
        assert sorted(stored(wandb_server)) == ["0.txt", "1.txt", "2.txt"]
        assert self.asked(wandb_server) == 2

    def test_one_that_is_refused(self, wandb_server: LocalServer) -> None:
        """Because of one name none gets an address together: each asks for itself, and that one is set aside."""
        wandb_server.fail_next(2, operation="CreateRunFiles", status=400)
        report = sync(self.run_with(3))[0]
        assert (report.files, report.set_aside, report.finished) == (2, 1, True)
        assert len(stored(wandb_server)) == 2  # which of them was refused is a matter of who came first
        assert set(stored(wandb_server)) < {"0.txt", "1.txt", "2.txt"}

    @pytest.mark.parametrize("how", ["gone", "a folder", "a link", "unreadable"])
    def test_what_cannot_be_sent_is_not_asked_for(self, how: str, wandb_server: LocalServer) -> None:
        """The server would take it for an upload that was never finished."""
        path = self.run_with(3)
        kept = path / place_of("1.txt")
        kept.unlink()
        if how == "a folder":
            kept.mkdir()
        elif how == "a link":
            kept.symlink_to(path / "run.json")
        elif how == "unreadable":
            kept.touch(mode=0)
            if os.access(kept, os.R_OK):
                pytest.skip("root may read everything")
        (report,) = sync(path)
        asked = [
            name
            for request in wandb_server.requests
            if request.operation == "CreateRunFiles"
            for name in request.json()["variables"]["files"]
        ]
        assert (report.files, report.set_aside, sorted(asked)) == (2, 1, ["0.txt", "2.txt"])

    @pytest.mark.not_quick
    def test_a_crash_in_their_midst(self, wandb_server: LocalServer) -> None:
        """Any answer may be the last: then they go on, and in the end each is there."""
        for number in range(9):
            before = len(wandb_server.runs)
            path = self.run_with(3)
            if number:
                wandb_server.fail_next(number, status=None)
            wandb_server.fail_next(close="after")
            sync(path, timeout=0)
            wandb_server.clear_faults()
            sync(path)
            run = wandb_server.runs[before]
            assert (sorted(run.uploaded), run.state) == (["0.txt", "1.txt", "2.txt"], "finished")


class TestIgnored:
    @pytest.mark.parametrize(
        ("name", "globs", "expected"),
        [
            ("x.ckpt", ["*.ckpt"], True),
            ("a/x.ckpt", ["*.ckpt"], False),  # as Go's filepath.Match
            ("a/x.ckpt", ["*/*.ckpt"], True),
            ("a/x.ckpt", ["b", "a/?.ckpt"], True),
            ("x.CKPT", ["*.ckpt"], False),
            ("x", [], False),
        ],
    )
    def test_rule(self, name: str, globs: list[str], expected: bool) -> None:
        """A * does not match a slash."""
        assert ignored(name, globs) is expected

    def test_setting(self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """`ignore_globs`, or WANDB_IGNORE_GLOBS, holds for each file of the run, media and standard files too."""
        monkeypatch.setenv("WANDB_IGNORE_GLOBS", "*.ckpt, media/*/*, config.yaml")
        for name in ("x.ckpt", "x.txt"):
            write(name)
        session = Session(wandb_server.api_key, wandb_server.url)
        with new_run("p", session=session, standard_files=["config.yaml", "wandb-summary.json"]) as run:
            assert run.save("x.*") == ["x.ckpt", "x.txt"]
            run.log({"page": Html("x")})
            assert run.dir is not None
        assert list(run.dir.rglob("x.ckpt")) == []
        assert set(stored(wandb_server)) == {"x.txt", "wandb-summary.json"}


class TestKeep:
    def test_content_addressed(self, tmp_path: Path) -> None:
        """Equal media bytes have one place, whatever they came from."""
        (tmp_path / "source").write_bytes(b"abc")
        from_file = Copies(tmp_path).keep_media(tmp_path / "source", ".bin")
        assert from_file == Copies(tmp_path).keep_media(b"abc", ".bin")
        assert from_file.sha256 == hashlib.sha256(b"abc").hexdigest()
        assert (from_file.size, (tmp_path / from_file.path).read_bytes()) == (3, b"abc")
        assert len(list((tmp_path / "files" / "media").iterdir())) == 1

    @pytest.mark.parametrize("pair", [("a", "a/b"), ("a/b", "a"), ("A", "a"), ("x/a", "y/a")])
    def test_names_do_not_meet(self, tmp_path: Path, pair: tuple[str, str]) -> None:
        """Each name has a place of its own, on every file system."""
        kept = [Copies(tmp_path).keep(name.encode(), name) for name in pair]
        assert [(tmp_path / path).read_text() for path in kept] == list(pair)

    def test_in_use(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where an open file cannot be replaced (Windows) the new copy stands beside it."""
        first = Copies(tmp_path).keep(b"one", "x.txt")
        replace, last = os.replace, Path(first).name

        def refusing(source: str, target: str, **options: Any) -> None:
            if target == last:
                raise PermissionError
            replace(source, target, **options)

        monkeypatch.setattr(os, "replace", refusing)
        second = Copies(tmp_path).keep(b"two", "x.txt")
        assert [(tmp_path / path).read_bytes() for path in (first, second)] == [b"one", b"two"]

    def test_nothing_is_left_of_a_failure(self, tmp_path: Path) -> None:
        """A copy that fails leaves nothing behind."""
        with pytest.raises(FileNotFoundError):
            Copies(tmp_path).keep(tmp_path / "missing", "x.txt")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    @given(st.lists(st.tuples(st.binary(max_size=20), st.booleans())))
    def test_append(self, steps: list[tuple[bytes, bool]]) -> None:
        """What came before a crash, after the cursor, comes again and is there once."""
        with tempfile.TemporaryDirectory() as folder:
            expected, size = b"", 0
            for data, crash in steps:
                if crash:
                    Copies(Path(folder)).append(data + b"lost", "x.log", size)
                size = Copies(Path(folder)).append(data, "x.log", size)
                expected += data
                assert size == len(expected)
            if steps:
                assert (Path(folder) / place_of("x.log")).read_bytes() == expected

    def test_append_after_a_loss(self, tmp_path: Path) -> None:
        """A file that somebody has shortened goes on where it ends."""
        assert Copies(tmp_path).append(b"abc", "x.log", 100) == 3


def test_no_run_directory(wandb_server: LocalServer) -> None:
    """Without a run directory files go from where they are."""
    write("x.txt")
    Path("file").write_text("no folder")
    with online(wandb_server, cache_dir="file/cache") as run:
        run.save("x.txt", policy="now")
    assert stored(wandb_server) == {"x.txt": b"text"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_link_is_followed(wandb_server: LocalServer) -> None:
    """A link below the base counts as being there."""
    write("elsewhere/x.txt")
    Path("here").mkdir()
    Path("here/link.txt").symlink_to(Path("elsewhere/x.txt").absolute())
    with online(wandb_server) as run:
        assert run.save("here/*", base_path="here") == ["link.txt"]
    assert stored(wandb_server) == {"link.txt": b"text"}
