"""Promises of `verify` and `repair`: what is wrong is told, what can be mended is, and nothing is destroyed."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.examples import at_most
from tests.robustness.ground import MemoryServer, drain as drain_to_memory
from tests.runs import START, drain, make_run, numbers, row
from wandb_logging._cli import main
from wandb_logging._errors import JournalError
from wandb_logging._journal.quota import BoundedWriter
from wandb_logging._journal.repair import repairs
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.verify import find_directories, verify

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

END = {"exit": 0, "t": START + 100}


def run_of(cache: Path, **info: Any) -> RunDir:
    return make_run(cache, [*(row(number) for number in range(10)), END], id="r", name="n", **info)


def journal_of(run_dir: RunDir) -> Path:
    return run_dir.path / "journal-0001-0001.jsonl"


def repair_all(run_dir: RunDir) -> list[str]:
    """Do all that can be done; what that was."""
    done = repairs(run_dir)
    for repair in done:
        repair.do()
    return [repair.what for repair in done]


def contents(path: Path) -> list[bytes]:
    return sorted(file.read_bytes() for file in path.rglob("*") if file.is_file())


class TestVerify:
    def test_a_whole_run(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """Lines that are not sent yet are no fault; sent ones are counted as such."""
        run_dir = run_of(tmp_path)
        verdict = verify(run_dir)
        assert (verdict.whole, verdict.lines, verdict.unsent, verdict.problems) == (True, 11, 11, ())
        drain(run_dir, wandb_server)
        assert verify(run_dir).unsent == 0
        assert verify(run_dir).whole

    def test_damage_is_counted(self, tmp_path: Path) -> None:
        """Each damaged line is one, half a line at the end another; the rest is whole."""
        run_dir = run_of(tmp_path)
        lines = journal_of(run_dir).read_bytes().splitlines(keepends=True)
        lines[3] = lines[3].replace(b"metrics", b"mEtrics")
        journal_of(run_dir).write_bytes(b"".join(lines)[:-20])
        verdict = verify(run_dir)
        assert (verdict.lines, verdict.damaged, verdict.torn, verdict.whole) == (9, 1, 1, False)
        assert [problem.split(":")[0] for problem in verdict.problems] == [
            "1 journal line is damaged",
            "1 journal ends in half a line",
        ]

    def test_what_is_being_written_is_not_torn(self, tmp_path: Path) -> None:
        """Half a line of a living process is on its way."""
        run_dir = make_run(tmp_path)
        with journal_of(run_dir).open("ab") as file:
            file.write(b'{"metrics":')
        writer = run_dir.writer()
        with (run_dir.path / "journal-0002-0001.jsonl").open("ab") as file:
            file.write(b'{"metrics":')
        verdict = verify(run_dir)
        assert (verdict.torn, verdict.alive) == (1, True)  # the first, whose writer has ended
        writer.close()

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("run.json", "has no readable run.json: it holds no JSON object"),
            ("server.json", "server.json is damaged: where the run's lines begin on the server is unknown"),
            ("cursor.json", "cursor.json is damaged: lines go to the server again"),
            ("base.json", "base.json is damaged: see repair"),
        ],
    )
    def test_files(self, tmp_path: Path, wandb_server: LocalServer, name: str, problem: str) -> None:
        """Each file that cannot be read is named, with what that means."""
        run_dir = run_of(tmp_path)
        drain(run_dir, wandb_server)
        (run_dir.path / name).write_bytes(b'{"torn": ')
        assert any(problem in found for found in verify(run_dir).problems)

    def test_what_is_missing(self, tmp_path: Path) -> None:
        """A segment and a file that is to be sent; an order that does not hold; a cursor ahead of the journal."""
        run_dir = run_of(tmp_path)
        drain_to_memory(run_dir, MemoryServer())
        lines = journal_of(run_dir).read_bytes().splitlines(keepends=True)
        journal_of(run_dir).write_bytes(b"".join(lines[:5]))
        writer = run_dir.writer(segment_bytes=1)
        events = [{"file": {"name": "a", "path": "files/a"}, "t": START}, row(1), row(2)]
        for event in events:
            writer.append(json.dumps(event).encode())
        writer.close()
        (run_dir.path / "journal-0002-0002.jsonl").unlink()
        (run_dir.path / "order.jsonl").write_bytes(b'{"writer":1}\n')
        assert verify(run_dir).problems == (
            "order.jsonl: 1 of 1 entries are damaged",
            "journal-0002-0002.jsonl is missing",
            "journal-0001-0001.jsonl is shorter than what the server has of it",
            "files/a, which is to be sent, is missing",
        )

    def test_what_was_removed_to_make_room_is_not_missing(self, tmp_path: Path) -> None:
        """A bounded run whose acknowledged segments are gone is whole."""
        run_dir = run_of(tmp_path)
        options: dict[str, Any] = {"policy": "drop_newest", "patience": 0.0, "segment_bytes": 20_000}
        writer = BoundedWriter(run_dir, most=20_000, **options)
        server = MemoryServer()
        for number in range(400):
            writer.append(json.dumps(row(number)).encode())
            if number == 100:
                drain_to_memory(run_dir, server)
        writer.close()
        assert run_dir.has_base
        assert verify(run_dir).problems == ()

    @settings(max_examples=at_most(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_any_damage(self, data: st.DataObject) -> None:
        """Whatever byte of whatever file is changed: verify and repair say what they can, and never fail."""
        with tempfile.TemporaryDirectory() as folder:
            run_dir = run_of(Path(folder))
            drain_to_memory(run_dir, MemoryServer())
            files = sorted(file for file in run_dir.path.iterdir() if file.suffix in {".json", ".jsonl"})
            file = data.draw(st.sampled_from(files))
            content = bytearray(file.read_bytes())
            if content:
                content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
            file.write_bytes(content)
            before = verify(run_dir)
            repair_all(run_dir)
            assert repairs(run_dir) == []  # what is left cannot be repaired
            after = verify(run_dir)
            assert after.lines == before.lines
            assert after.lines + after.damaged + after.torn >= 10
            if file.name == "run.json" and '"format": 1' in file.read_text(errors="replace"):  # else of a later version
                assert run_dir.info.project


class TestRepair:
    def test_nothing_to_do(self, tmp_path: Path) -> None:
        """A whole run is left as it is."""
        assert repairs(run_of(tmp_path)) == []

    @pytest.mark.parametrize("left", [0, 10, 40, 60, 80, 100])
    def test_a_torn_run_json(self, tmp_path: Path, wandb_server: LocalServer, left: int) -> None:
        """What can be read of it is kept, the rest comes from folder and journal; every row is sent then."""
        run_dir = run_of(tmp_path, host=wandb_server.url)
        path = run_dir.path / "run.json"
        broken = path.read_bytes()[:left]
        path.write_bytes(broken)
        (what,) = repair_all(run_dir)
        assert what.startswith("make run.json from ")
        info = RunDir(run_dir.path).info
        assert (info.id, info.project, info.start) == ("r", "p", START)
        assert (run_dir.path / "repaired" / "run.json").read_bytes() == broken
        assert repairs(run_dir) == []
        drain(run_dir, wandb_server)
        assert numbers(wandb_server, "r") == list(range(10))

    def test_one_wrong_member(self, tmp_path: Path) -> None:
        """Only what is wrong is left out, and named."""
        run_dir = run_of(tmp_path)
        path = run_dir.path / "run.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "tags": 7}))
        assert repair_all(run_dir) == ["make run.json from what is left of it, without tags"]
        info = RunDir(run_dir.path).info
        assert (info.name, info.config, info.tags) == ("n", {"lr": 0.1}, [])

    def test_a_run_json_that_is_gone(self, tmp_path: Path) -> None:
        """The run is found by its journal, and is a run again."""
        run_dir = run_of(tmp_path)
        (run_dir.path / "run.json").unlink()
        (found,) = find_directories(tmp_path)
        repair_all(found)
        assert found.info.id == "r"

    def test_a_later_version_is_left_alone(self, tmp_path: Path) -> None:
        """What a later version wrote is whole, and not ours to change."""
        run_dir = run_of(tmp_path)
        (run_dir.path / "run.json").write_text('{"format": 99, "id": "r"}')
        assert repairs(run_dir) == []

    def test_a_damaged_cursor(self, tmp_path: Path) -> None:
        """It is kept aside; lines go again to the places where they are."""
        run_dir, server = run_of(tmp_path), MemoryServer()
        drain_to_memory(run_dir, server)
        (run_dir.path / "cursor.json").write_bytes(b"{}")
        assert repair_all(run_dir) == [
            "take cursor.json away: lines go to the server again from the start, to the same places"
        ]
        drain_to_memory(run_dir, server)
        assert (server.numbers, server.broken) == (list(range(10)), [])

    def test_a_damaged_base(self, tmp_path: Path) -> None:
        """It is made anew from a whole cursor; without one nothing can be done, and nothing is."""
        run_dir = run_of(tmp_path)
        drain_to_memory(run_dir, MemoryServer())
        (run_dir.path / "base.json").write_bytes(b"{}")
        assert repair_all(run_dir) == ["make base.json from cursor.json"]
        assert run_dir.base == run_dir.load_cursor("cursor.json")
        (run_dir.path / "base.json").write_bytes(b"{}")
        (run_dir.path / "cursor.json").write_bytes(b"{}")
        assert repairs(run_dir) == []

    def test_a_damaged_server_json(self, tmp_path: Path) -> None:
        """Asked again the server would count the lines as another's: nothing is sent until it is repaired."""
        run_dir, server = run_of(tmp_path), MemoryServer()
        drain_to_memory(run_dir, server)
        path = run_dir.path / "server.json"
        whole = json.loads(path.read_bytes())
        path.write_bytes(path.read_bytes().replace(b'"history": 0', b'"history": \x00'))
        (run_dir.path / "cursor.json").unlink()
        with pytest.raises(JournalError, match=r"server\.json is damaged"):
            drain_to_memory(run_dir, server)
        assert repair_all(run_dir) == ["make server.json from what is left of it"]
        assert json.loads(path.read_bytes()) == whole
        drain_to_memory(run_dir, server)
        assert (server.numbers, server.broken) == (list(range(10)), [])

    def test_a_server_json_of_which_too_little_is_left(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """What cannot be known is not guessed: of a run that went on from another place, where its lines begin."""
        run_dir = run_of(tmp_path, resume="allow")
        drain(run_dir, wandb_server)
        path = run_dir.path / "server.json"
        path.write_bytes(path.read_bytes().replace(b'"history": 0', b'"history": \x00'))
        assert repairs(run_dir) == []
        assert not verify(run_dir).whole

    def test_nothing_is_destroyed(self, tmp_path: Path) -> None:
        """Every file's content is still there afterwards, also when the same one is repaired again."""
        run_dir = run_of(tmp_path)
        for number in range(3):
            (run_dir.path / "cursor.json").write_text(f"broken {number}")
            (run_dir.path / "run.json.1.tmp").write_text(f"half {number}")
            before = contents(run_dir.path)
            repair_all(run_dir)
            assert contents(run_dir.path) == before
        assert len(list((run_dir.path / "repaired").iterdir())) == 6


class TestCommands:
    def test_verify(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One line a run; exit code 1 and what is wrong if something is."""
        run_dir = run_of(Path("wandb_cache"))
        assert main(["verify"]) == 0
        assert capsys.readouterr().out == f"{run_dir.path}: 11 lines whole, 11 unsent\n"
        journal_of(run_dir).write_bytes(journal_of(run_dir).read_bytes()[:-5])
        assert main(["verify", str(run_dir.path)]) == 1
        assert capsys.readouterr().out.splitlines() == [
            f"{run_dir.path}: 10 lines whole, 1 torn, 10 unsent",
            "  1 journal ends in half a line: what was being written when power or room ran out",
        ]  # and not a word of repair, which could do nothing here

    def test_verify_for_programs(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`--json` says the same as objects."""
        run_dir = run_of(Path("wandb_cache"))
        (run_dir.path / "run.json").write_text("{")
        assert main(["verify", "--json"]) == 1
        (found,) = json.loads(capsys.readouterr().out)
        assert (found["path"], found["lines"], found["whole"]) == (str(run_dir.path), 11, False)
        assert len(found["problems"]) == 1

    def test_repair(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """First it only says what it would do; with --yes it does it; then there is nothing left to do."""
        run_dir = run_of(Path("wandb_cache"), host=wandb_server.url)
        (run_dir.path / "run.json").write_text("{")
        assert main(["repair"]) == 1
        assert capsys.readouterr().out.splitlines() == [
            f"{run_dir.path}: would: make run.json from folder and journal",
            f"{run_dir.path}: `wandb-logging repair --yes {run_dir.path}` does it",
        ]
        assert (run_dir.path / "run.json").read_text() == "{"
        assert main(["repair", "--yes"]) == 0
        assert "done: make run.json" in capsys.readouterr().out
        assert main(["repair", "--yes"]) == 0
        assert capsys.readouterr().out == f"{run_dir.path}: nothing to repair\n"
        assert main(["verify"]) == 0
        assert main(["sync"]) == 0
        assert numbers(wandb_server, "r") == list(range(10))

    def test_a_run_in_use_is_left_alone(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing is changed while a process writes the run, or sends it; the line says which."""
        run_dir = run_of(Path("wandb_cache"))
        (run_dir.path / "cursor.json").write_text("{")
        with run_dir.uploading():
            assert main(["repair", "--yes"]) == 1
        assert f"is being uploaded by pid {os.getpid()}" in capsys.readouterr().err
        writer = run_dir.writer()
        assert main(["repair", "--yes"]) == 1
        writer.close()
        assert "left alone: its process is still writing" in capsys.readouterr().err
        assert (run_dir.path / "cursor.json").exists()

    @pytest.mark.parametrize("named", ["r", "p/r", "wandb_cache/p/r", "wandb_cache/p"])
    def test_a_run_is_named_as_elsewhere(self, named: str, capsys: pytest.CaptureFixture[str]) -> None:
        """By its path, a folder above it, or its id, as `sync` and `show` take it."""
        path = run_of(Path("wandb_cache")).path
        for command, said in (("verify", "11 lines whole, 11 unsent"), ("repair", "nothing to repair")):
            assert main([command, named]) == 0
            assert capsys.readouterr().out == f"{path}: {said}\n"

    def test_no_such_folder(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A path or id that was typed wrong is said."""
        assert main(["verify", "elsewhere"]) == 1
        assert capsys.readouterr().err.startswith("wandb-logging: elsewhere: there is no run, and none in wandb_cache")
        Path("empty").mkdir()
        assert main(["verify", "empty"]) == 0
        assert capsys.readouterr().out == "no runs there\n"
