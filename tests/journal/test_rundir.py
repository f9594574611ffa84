from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from tests.runs import START, add, make_run, row
from wandb_logging._errors import JournalCorrupt, JournalLocked, LogError
from wandb_logging._events.run_info import Remote, RunInfo
from wandb_logging._events.task import Task
from wandb_logging._journal import safe_files
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.names import folder_name, safe_name
from wandb_logging._journal.rundir import RunDir

INFO = RunInfo("r", "p", start=START)


class TestIdentity:
    def test_run_json(self, tmp_path: Path) -> None:
        """Identity is kept as given, with the format's version."""
        info = INFO.but(config={"a": [1, {"b": None}]})
        run_dir = create_run(tmp_path, info)
        assert run_dir.info == info
        kept = json.loads((tmp_path / "p" / "r" / "run.json").read_text())
        assert (kept["format"], kept["id"], kept["config"]) == (1, "r", {"a": [1, {"b": None}]})
        remote = Remote("s", "team", "p", "r", "calm-sea-1", history=3)
        run_dir.save_server(remote)
        assert run_dir.info == info.but(server=remote)
        assert sorted(path.name for path in run_dir.path.iterdir()) == ["run.json", "server.json"]

    def test_what_is_removed_halfway_is_no_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who removes a directory may be killed: nobody sends what is left of it."""
        run_dir = create_run(tmp_path, INFO)
        run_dir.writer().close()

        def unlink(path: Path, **_: object) -> None:
            raise OSError(path)

        monkeypatch.setattr(Path, "unlink", unlink)
        run_dir.discard()
        assert [path.name for path in run_dir.path.glob("*.json*")] == ["journal-0001-0001.jsonl"]

    def test_a_server_json_that_comes_while_it_is_looked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another process has just made it: it is not damaged."""
        create_run(tmp_path, INFO).save_server(Remote("s", "team", "p", "r", "calm-sea-1", history=3))
        real, missing = safe_files.read, ["server.json"]

        def read(path: Path, name: str, *rest: int) -> bytes:
            if name in missing:
                missing.remove(name)
                raise FileNotFoundError(name)
            return real(path, name, *rest)

        monkeypatch.setattr(safe_files, "read", read)
        server = RunDir(tmp_path / "p" / "r").info.server
        assert missing == []
        assert server is not None
        assert server.history == 3

    @pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'"x"', b"\xff", b'{"format": 2}', b"{}"])
    def test_a_run_json_that_is_none(self, tmp_path: Path, content: bytes | None) -> None:
        """Missing, damaged or of a newer version: an error that names the directory."""
        if content is not None:
            (tmp_path / "run.json").write_bytes(content)
        with pytest.raises(JournalCorrupt, match=str(tmp_path)):
            _ = RunDir(tmp_path).info

    def test_a_full_disk_leaves_the_old_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What replaces a file replaces it whole or not at all, and leaves no rubbish."""
        run_dir = create_run(tmp_path, INFO)

        def refuse(_fd: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            with pytest.raises(OSError, match="No space"):
                run_dir.save_info(INFO.but(id="other"))
        assert run_dir.info.id == "r"
        assert [path.name for path in run_dir.path.iterdir()] == ["run.json"]


class TestNames:
    @given(st.text(min_size=1, max_size=128), st.text(min_size=1, max_size=128))
    @example("../../elsewhere", "..")
    @example("/elsewhere", "a\\b")
    def test_every_project_has_a_folder_of_its_own(self, one: str, other: str) -> None:
        """At most 255 bytes are a name, with a number behind it; one that fits is the project's own."""
        assert len(os.fsencode(folder_name(one))) <= 247
        assert (folder_name(one) == folder_name(other)) == (one == other)
        assert Path("in", folder_name(one)).resolve().parent == Path("in").resolve()
        if not {"/", "\\", "\0"} & {*one[:10]} and one[:10] not in {".", ".."}:
            assert folder_name(one[:10]) == one[:10]

    def test_where_the_locale_is_ascii(self, tmp_path: Path) -> None:
        """A folder without the letters that it has not, and the project's own name in run.json."""
        code = (
            "from wandb_logging import new_run, read_run\n"
            "for name in ('\\u9879\\u76ee', '\\u76ee\\u9879', 'caf\\xe9'):\n"
            "    run = new_run(name, mode='offline', quiet=True, run_id=name, name=name, group=name)\n"
            "    run.log({name: 1}); run.finish()\n"
            "    print(ascii(read_run(run.dir).info['project']), len(read_run(run.dir).rows))"
        )
        plain = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        command = [sys.executable, "-X", "utf8=0", "-c", code]
        env = {**os.environ, **plain}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=600)
        assert done.stdout.splitlines() == ["'\\u9879\\u76ee' 1", "'\\u76ee\\u9879' 1", "'caf\\xe9' 1"], done.stderr


class TestCursor:
    def test_it_is_kept(self, tmp_path: Path) -> None:
        """What was saved is read; none is an empty one."""
        run_dir = RunDir(tmp_path)
        assert run_dir.cursor == Cursor()
        position = {"writers": {"1": [1, 5]}, "order": 0}
        kept = Cursor(position, {"summary": {"x": float("inf")}}, (Task("file", {"name": "a"}),), uploads={"a": "m"})
        run_dir.save_cursor(kept)
        assert run_dir.cursor == kept

    @pytest.mark.not_quick
    def test_any_damage_is_as_if_there_were_none(self, tmp_path: Path) -> None:
        """A count that is wrong would put lines at wrong offsets: better none at all."""
        run_dir = RunDir(tmp_path)
        kept = Cursor(file_count=12)
        run_dir.save_cursor(kept)
        data = (tmp_path / "cursor.json").read_bytes()
        for at in range(len(data) - 1):
            for bit in range(8):
                (tmp_path / "cursor.json").write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
                assert run_dir.cursor == Cursor()
            (tmp_path / "cursor.json").write_bytes(data[:at])
            assert run_dir.cursor in (Cursor(), kept)


class TestLocks:
    def test_one_uploader(self, tmp_path: Path) -> None:
        """The second is told who the first is; afterwards it may."""
        first, second = RunDir(tmp_path), RunDir(tmp_path)
        who = f"is being uploaded by pid {os.getpid()} on "
        with first.uploading(), pytest.raises(JournalLocked, match=who):
            second.lock_upload()
        with second.uploading():
            pass

    def test_no_locks_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file system that cannot lock: nobody uploads, rather than two."""
        from wandb_logging._journal import locks

        def refuse(_fd: int) -> None:
            raise OSError(37, "No locks available")

        monkeypatch.setattr(locks, "_lock", refuse)
        with pytest.raises(JournalLocked, match=r"cannot be locked \(No locks available\)"):
            RunDir(tmp_path).lock_upload()

    def test_alive(self, tmp_path: Path) -> None:
        """A run lives while one of its writers does."""
        run_dir = make_run(tmp_path)
        assert not run_dir.alive()
        writer = run_dir.writer()
        assert run_dir.alive()
        writer.close()
        assert not run_dir.alive()


class TestLooking:
    def test_lines_after(self, tmp_path: Path) -> None:
        """What the server has not acknowledged, over all writers and segments."""
        run_dir = make_run(tmp_path)
        writer = run_dir.writer(segment_bytes=200)
        add(writer, [row(i) for i in range(20)])
        writer.close()
        assert run_dir.lines_after(None) == 20
        reader = run_dir.reader(None, record_order=False)
        position = reader.read(7).position
        reader.close()
        assert run_dir.first_time_after(None) == START
        seen = 20 - run_dir.lines_after(position)
        assert 1 <= seen <= 7
        assert run_dir.first_time_after(position) == START + seen


class TestFiles:
    def test_the_newest_version_is_kept(self, tmp_path: Path) -> None:
        """Of a file saved twice under one name the second is there: the server would keep no other either."""
        run_dir = create_run(tmp_path, INFO)
        source = tmp_path / "source"
        kept = set()
        for content in ("one", "two"):
            source.write_text(content)
            kept.add(run_dir.files.keep(source, "deep/model.txt"))
        assert [(run_dir.path / name).read_text() for name in kept] == ["two"]

    def test_half_a_copy_is_none(self, tmp_path: Path) -> None:
        """A copy that fails leaves nothing behind."""
        run_dir = create_run(tmp_path, INFO)
        with pytest.raises(OSError, match="missing"):
            run_dir.files.keep(tmp_path / "missing", "x")
        assert [path for path in run_dir.path.rglob("*") if path.is_file()] == [run_dir.path / "run.json"]

    @pytest.mark.parametrize(
        ("name", "safe"),
        [("a", "a"), ("a/b.txt", "a/b.txt"), ("a\\b", "a/b"), ("./a//b/.", "a/b"), ("a b", "a b"), ("..a", "..a")],
    )
    def test_names(self, name: str, safe: str) -> None:
        """A name in the run has forward slashes."""
        assert safe_name(name) == safe

    @pytest.mark.parametrize(
        "name", ["", ".", "/a", "\\a", "..", "a/../b", "a\\..\\b", "C:\\x", "c:x", "a\0b", "//x/y"]
    )
    def test_names_that_would_leave(self, name: str) -> None:
        """No name leads out of the run."""
        with pytest.raises(LogError, match="inside the run"):
            safe_name(name)

    @given(st.text())
    def test_any_name(self, name: str) -> None:
        """Whatever is taken stays inside, also when it is joined to a folder."""
        try:
            safe = safe_name(name)
        except LogError:
            return
        assert os.path.normpath(os.path.join("/run", safe)).startswith("/run/")  # noqa: PTH118
