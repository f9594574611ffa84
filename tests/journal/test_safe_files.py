"""Promises of how files of a run directory are opened: no link is followed, nothing waited for, and sizes are bounded.

What comes of a whole directory with such things in it is tried, thing by thing, by the study *planted things*.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from tests.runs import START, drain, make_run, row
from wandb_logging import sync
from wandb_logging._journal import safe_files
from wandb_logging._journal.locks import ProcessLock, lock_is_taken
from wandb_logging._journal.rundir import RunDir
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")

PRIVATE = b"ten years of work\n" * 10


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A file that is nobody's business, beside the run directory."""
    path = tmp_path / "private"
    path.write_bytes(PRIVATE)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A run directory."""
    path = tmp_path / "run"
    path.mkdir()
    return path


class TestLinks:
    @pytest.mark.parametrize(
        "open_it", [safe_files.open_to_read, safe_files.open_to_append, safe_files.open_lock, safe_files.read]
    )
    def test_none_is_followed(self, root: Path, private: Path, open_it: object) -> None:
        """Neither in place of a file nor of a folder on the way to it."""
        (root / "link").symlink_to(private)
        (root / "folder").symlink_to(private.parent)
        assert callable(open_it)
        for name in ("link", "folder/private"):
            with pytest.raises(safe_files.NotOurs):
                open_it(root, name)
        assert private.read_bytes() == PRIVATE

    def test_what_is_written_goes_beside(self, root: Path, private: Path) -> None:
        """A file that is replaced as a whole takes the link's place; the one it points to stays."""
        (root / "cursor.json").symlink_to(private)
        safe_files.replace(root, "cursor.json", b"new", durable=False)
        assert (root / "cursor.json").read_bytes() == b"new"
        assert not (root / "cursor.json").is_symlink()
        assert private.read_bytes() == PRIVATE

    def test_a_folder_that_is_one_gets_no_files(self, root: Path, tmp_path: Path) -> None:
        """Nothing is made, moved or removed in another's folder."""
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "x").touch()
        (root / "files").symlink_to(tmp_path / "other")
        for act in (
            lambda: safe_files.make_folder(root, "files/saved"),
            lambda: safe_files.replace(root, "files/x", b"", durable=False),
            lambda: safe_files.remove(root, "files/x"),
            lambda: safe_files.create(root, "files/y"),
        ):
            with pytest.raises(safe_files.NotOurs):
                act()
        assert [path.name for path in (tmp_path / "other").iterdir()] == ["x"]

    def test_the_directory_itself_may_be_one(self, root: Path, tmp_path: Path) -> None:
        """Whoever names a run directory names it as they like."""
        (root / "run.json").write_bytes(b"{}")
        (tmp_path / "named").symlink_to(root)
        assert safe_files.read(tmp_path / "named", "run.json") == b"{}"

    @pytest.mark.parametrize("name", ["../private", "a/../../private", "/etc/hostname", "a\0b", "a\ud800b"])
    def test_names_stay_inside(self, root: Path, private: Path, name: str) -> None:
        """A journal that somebody changed names no file elsewhere."""
        with pytest.raises(OSError, match=r"not in the run directory|no regular file|no name that a file can have"):
            safe_files.open_to_read(root, name)
        assert private.read_bytes() == PRIVATE


class TestSecondNames:
    def test_what_is_sent_has_one_name(self, root: Path, private: Path) -> None:
        """A hard link to another's file is not sent as a file of the run."""
        os.link(private, root / "x")
        with pytest.raises(safe_files.NotOurs, match="second name"):
            safe_files.open_to_read(root, "x", sole=True)

    def test_what_is_written_to_has_one_afterwards(self, root: Path, private: Path) -> None:
        """As after `cp -al`: the copy is written to, the other stays as it was."""
        os.link(private, root / "aside.jsonl")
        with safe_files.open_to_append(root, "aside.jsonl") as file:
            file.write(b"more")
        assert (root / "aside.jsonl").read_bytes() == PRIVATE + b"more"
        assert private.read_bytes() == PRIVATE

    def test_nor_is_a_lock_written_to(self, root: Path, private: Path) -> None:
        """It is taken, and who holds it is not noted."""
        os.link(private, root / "upload.lock")
        lock = ProcessLock(root, "upload.lock")
        assert lock.acquire()
        lock.note("pid 1")
        lock.release()
        assert private.read_bytes() == PRIVATE


class TestWhatIsNoFile:
    @pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
    def test_it_is_refused_at_once(self, root: Path, make: object) -> None:
        """Nobody waits for the other end of a pipe."""
        assert callable(make)
        make(root / "run.json")
        for open_it in (safe_files.open_to_read, safe_files.open_to_append, safe_files.open_lock):
            with pytest.raises(safe_files.NotOurs, match="no regular file"):
                open_it(root, "run.json")

    def test_a_pipe_stops_no_other_run(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """Of two runs the whole one is sent, and the other is said to be none."""
        whole, other = make_run(tmp_path, [row(0)]), make_run(tmp_path, [row(0)])
        (other.path / "run.json").unlink()
        os.mkfifo(other.path / "run.json")
        reports = {report.path: report for report in sync(tmp_path)}
        assert reports[whole.path].finished
        assert "no readable run.json" in str(reports[other.path].error)

    def test_a_file_of_holes(self, root: Path) -> None:
        """A journal that says to have two terabytes and has none is no journal."""
        (root / "journal-0001-0001.jsonl").touch()
        os.truncate(root / "journal-0001-0001.jsonl", 2**41)
        with pytest.raises(safe_files.NotOurs):
            safe_files.open_to_read(root, "journal-0001-0001.jsonl")

    def test_what_is_read_whole_is_bounded(self, root: Path) -> None:
        """More than a file of its kind may hold is not read."""
        (root / "upload.lock").write_bytes(bytes(2000))
        with pytest.raises(safe_files.NotOurs, match="larger than 1024 bytes"):
            safe_files.read(root, "upload.lock", safe_files.MOST_NOTE)


class TestEnvironment:
    def test_only_what_a_run_writes_there_goes_into_the_config(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """Another JSON in place of wandb-metadata.json, by whatever way it came there, stays here."""
        run_dir = make_run(tmp_path, [row(0)])
        run_dir.files.keep(
            b'{"os": "Linux", "type": "service_account", "private_key": "TOPSECRET"}', "wandb-metadata.json"
        )
        drain(run_dir, wandb_server)
        config = wandb_server.run(run_dir.info.id).config_json
        assert "Linux" in config
        assert "TOPSECRET" not in config


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to be two users")
class TestTwoUsers:
    """A folder that a group shares (umask 002), and one that it may only read."""

    def as_other(self, umask: int, do: object) -> bytes:
        """What something says that another user of the group does."""
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.setgroups([])
                os.setgid(20000)
                os.setuid(10002)
                os.umask(umask)
                assert callable(do)
                os.write(write, repr(do()).encode())
            except BaseException as exc:
                os.write(write, repr(exc).encode())
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as answer:
            said = answer.read()
        os.waitpid(child, 0)
        return said

    @pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o022, 0o644)])
    def test_a_living_run_is_seen_to_live(self, umask: int, mode: int) -> None:
        """A colleague who may read the lock finds it taken; and free once it is."""
        folder = Path("/tmp") / f"shared-{os.getpid()}-{umask}"
        folder.mkdir(mode=0o777)
        before = os.umask(umask)
        try:
            folder.chmod(0o2777)
            lock = ProcessLock(folder, "journal-0001.lock")
            assert lock.acquire()
            assert (folder / "journal-0001.lock").stat().st_mode & 0o777 == mode
            assert self.as_other(umask, lambda: lock_is_taken(folder / "journal-0001.lock")) == b"True"
            lock.release()
            assert self.as_other(umask, lambda: lock_is_taken(folder / "journal-0001.lock") is False) == b"True"
        finally:
            os.umask(before)
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    def test_who_cannot_know_does_not_end_a_run(
        self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a run whose locks cannot be opened only the rows are sent: it may live."""
        folder = Path("/tmp") / f"closed-{os.getpid()}"
        folder.mkdir()
        folder.chmod(0o777)
        before = os.umask(0)
        try:
            run_dir = make_run(folder, [row(0), row(1)], closed=False, id="live", start=START)
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o777 if path.is_dir() else 0o666)
            (run_dir.path / "journal-0001.lock").chmod(0o600)

            def send() -> object:
                report = sync(folder, timeout=PATIENCE)[0]
                return report.rows, report.finished, report.error

            monkeypatch.setenv("HOME", str(folder))
            assert self.as_other(0, send) == b"(2, False, None)"
            assert wandb_server.run("live").exit_code is None
            assert RunDir(run_dir.path).alive() is True
        finally:
            os.umask(before)
            import shutil

            shutil.rmtree(folder)
