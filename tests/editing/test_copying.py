"""Edited copies: what they hold, and that what they are made of is not touched."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.runs import START, add, drain, make_run, row
from wandb_logging import new_run, read_run
from wandb_logging._cli import main
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.rundir import RunDir
from wandb_logging.testing import LocalServer


def state_of(folder: Path) -> dict[str, tuple[int, str]]:
    """Each file below a folder: when it was changed, and what it holds."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in files
    }


def edit(tmp_path: Path, *arguments: str) -> RunDir:
    """The copy that the command makes."""
    before = {run.path for run in find_runs(tmp_path / "copies")}
    assert main(["edit", *arguments, "--into", str(tmp_path / "copies")]) == 0
    (found,) = (run for run in find_runs(tmp_path / "copies") if run.path not in before)
    return found


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A run with something of each kind, which was taken up again once."""
    (tmp_path / "notes.txt").write_text("a file")
    run = new_run(
        "p", run_id="rich", name="n", mode="offline", cache_dir=tmp_path / "runs", quiet=True, config={"lr": 0.1}
    )
    for step in range(20):
        run.log({"loss": 1 / (step + 1), "val": {"acc": step}, "debug": step})
    run.define_metric("loss", summary="min,mean")
    for step in range(20, 40):
        run.log({"loss": 1 / (step + 1), "val": {"acc": step}})
    run.log({"loss": float("nan")}, step=100)
    run.log({"late": 1}, step=50)
    run.log_output("epoch 1: 10%\repoch 1: 100%\n")
    run.alert("bad", "very")
    run.summary["best"] = 3
    run.update_config(later=[1, 2])
    run.save(tmp_path / "notes.txt", base_path=tmp_path)
    run.finish(3)
    assert run.dir is not None
    return run.dir


class TestCopy:
    def test_without_a_change_it_is_the_same_run(self, rich: Path, tmp_path: Path) -> None:
        """Rows with their steps and times, text, config, summary with its aggregates, exit code: all as they were."""
        copy = edit(tmp_path, str(rich))
        ours, theirs = read_run(copy.path), read_run(rich)
        assert repr(ours.rows) == repr(theirs.rows)
        assert repr({**ours.summary, "_runtime": 0}) == repr({**theirs.summary, "_runtime": 0})
        for name in ("lines", "samples", "config", "exit_code", "name"):
            assert getattr(ours, name) == getattr(theirs, name), name
        assert ours.unsent == len(next(copy.path.glob("journal-*.jsonl")).read_bytes().splitlines())

    def test_the_server_gets_the_same(self, rich: Path, tmp_path: Path) -> None:
        """Sent, the copy is what the original would have been."""
        copy = edit(tmp_path, str(rich))
        with LocalServer() as one, LocalServer() as other:
            drain(RunDir(rich), one, ending=None)
            drain(copy, other, ending=None)
            before, after = one.runs[0], other.runs[0]
            assert other.unexpected_violations == []
        assert repr(after.history) == repr(before.history)
        assert after.files["notes.txt"] == b"a file"
        assert set(after.files) == set(before.files)
        assert (after.config, after.state, after.exit_code) == (before.config, before.state, before.exit_code)
        assert len(after.alerts) == len(before.alerts) == 1

    def test_the_original_is_not_touched(self, rich: Path, tmp_path: Path) -> None:
        """No byte of it, no time, no file more."""
        before = state_of(tmp_path / "runs")
        edit(tmp_path, str(rich), "--rename", "loss=l", "--drop", "val.*", "--id", "other")
        assert state_of(tmp_path / "runs") == before

    def test_names_and_points(self, rich: Path, tmp_path: Path) -> None:
        """A renamed metric brings its definition, and the summary is that of the points that are left."""
        copy = read_run(edit(tmp_path, str(rich), "--rename", "loss=l", "--drop", "loss@30:", "--drop", "debug").path)
        assert [each["_step"] for each in copy.rows] == [*range(40), 100]
        assert {name for each in copy.rows for name in each if name[0] != "_"} == {"l", "val", "late", "step"}
        values = [1 / n for n in range(20, 31)]  # from the last one before the definition on
        assert copy.summary["l"] == {"min": 1 / 30, "mean": pytest.approx(sum(values) / 11)}
        assert "debug" not in copy.summary

    def test_who_it_is(self, rich: Path, tmp_path: Path) -> None:
        """Id, name, project and entity are what was asked for, also where the program had changed the name."""
        copy = edit(tmp_path, str(rich), "--id", "new", "--name", "N", "--project", "q", "--entity", "team")
        assert copy.path == tmp_path / "copies" / "q" / "new"
        assert {key: getattr(copy.info, key) for key in ("id", "name", "project", "entity")} == {
            "id": "new",
            "name": "N",
            "project": "q",
            "entity": "team",
        }

    def test_a_picture_that_is_dropped_is_not_there(self, tmp_path: Path) -> None:
        """Media come along under the name they had; those of a metric that is left out do not."""
        numpy = pytest.importorskip("numpy")
        pytest.importorskip("PIL")
        from wandb_logging import Image

        with new_run("p", mode="offline", cache_dir=tmp_path / "runs", quiet=True) as run:
            for step in range(3):
                picture = numpy.full((2, 2, 3), step, dtype="uint8")
                run.log({"face": Image(picture), "cat": Image(picture + 100), "n": step})
        assert run.dir is not None
        copy = edit(tmp_path, str(run.dir), "--drop", "face", "--rename", "cat=pet")
        assert len([*(copy.path / "files" / "media").iterdir()]) == 3
        with LocalServer() as server:
            drain(copy, server, ending=None)
            names = [each["pet"]["path"] for each in server.runs[0].history]
            there = [name for name in server.runs[0].files if name.startswith("media/")]
            assert sorted(there) == sorted(names)  # they go several at once

    def test_a_run_that_was_taken_up_again(self, tmp_path: Path) -> None:
        """The time between end and resumption does not count in the copy either."""
        events: list[dict[str, Any]] = [row(0), row(1), {"exit": 1, "t": START + 2}]
        events += [{"resume": True, "t": START + 1000}, row(1001), {"exit": 0, "t": START + 1002}]
        run_dir = make_run(tmp_path / "runs", events)
        copy = read_run(edit(tmp_path, str(run_dir.path)).path)
        assert copy.rows == read_run(run_dir.path).rows
        assert [each["_runtime"] for each in copy.rows] == [0.0, 1.0, 3.0]
        assert copy.exit_code == 0

    def test_a_time_of_the_programs_own(self, tmp_path: Path) -> None:
        """A `_timestamp` that was logged stays, and so does the runtime beside it."""
        run_dir = make_run(tmp_path / "runs", [{"metrics": {"n": 1, "_timestamp": 5.0}, "t": START + 7}])
        assert read_run(edit(tmp_path, str(run_dir.path)).path).rows == read_run(run_dir.path).rows


class TestMerge:
    def test_steps_are_joined(self, tmp_path: Path) -> None:
        """Rows of one step become one, the later run's values count, config of both is there."""
        train = [{"metrics": {"loss": n, "lr": 1}, "step": n, "t": START + n} for n in range(4)]
        val = [{"metrics": {"acc": n, "lr": 2}, "step": n, "t": START + 100 + n} for n in (1, 3, 7)]
        one = make_run(tmp_path / "runs", train, id="one", config={"a": 1, "b": 1})
        two = make_run(tmp_path / "runs", [*val, {"exit": 0, "t": START + 200}], id="two", config={"b": 2})
        copy = read_run(edit(tmp_path, str(one.path), str(two.path), "--id", "both").path)
        assert [{key: value for key, value in each.items() if key[0] != "_"} for each in copy.rows] == [
            {"loss": 0, "lr": 1},
            {"loss": 1, "acc": 1, "lr": 2},
            {"loss": 2, "lr": 1},
            {"loss": 3, "acc": 3, "lr": 2},
            {"acc": 7, "lr": 2},
        ]
        assert [each["_step"] for each in copy.rows] == [0, 1, 2, 3, 7]
        assert copy.config == {"a": 1, "b": 2}
        assert copy.exit_code == 0

    def test_or_counted_on(self, tmp_path: Path) -> None:
        """With --append the second run's first step follows the first run's last."""
        halves = [make_run(tmp_path / "runs", [row(n) for n in range(3)], id=each) for each in "ab"]
        copy = read_run(edit(tmp_path, *(str(half.path) for half in halves), "--append", "--id", "c").path)
        assert [(each["_step"], each["n"]) for each in copy.rows] == [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 2)]


class TestRefused:
    def said(self, capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: str) -> str:
        """What is said of a copy that is not made."""
        assert main(["edit", *arguments, "--into", str(tmp_path / "copies")]) != 0
        assert find_runs(tmp_path / "copies") == []
        return capsys.readouterr().err

    def test_a_change_that_fits_nothing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A misspelled name makes no copy."""
        path = str(make_run(tmp_path / "runs", [row(1)]).path)
        assert "no metric is called lss" in self.said(capsys, tmp_path, path, "--rename", "lss=loss")
        assert "no point of n in these steps" in self.said(capsys, tmp_path, path, "--drop", "n@50:")
        assert "no metric is called x*" in self.said(capsys, tmp_path, path, "--drop", "x*")
        assert not list((tmp_path / "copies").iterdir())

    def test_a_wrong_name(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Names that W&B would refuse are refused now."""
        path = str(make_run(tmp_path / "runs", [row(1)]).path)
        assert "project" in self.said(capsys, tmp_path, path, "--project", "a/b")
        assert "run_id" in self.said(capsys, tmp_path, path, "--id", "a/b")

    def test_a_run_that_the_server_has(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Its copy would be added to it; with another id it is a run of its own."""
        run_dir = make_run(tmp_path / "runs", [row(1)])
        with LocalServer() as server:
            drain(run_dir, server)
        assert "give the copy another id" in self.said(capsys, tmp_path, str(run_dir.path))
        edit(tmp_path, str(run_dir.path), "--id", "other")

    def test_a_run_that_is_given_twice(self, rich: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """However it is named: joined with itself it would be the same run, with doubled text."""
        again = rich.parent / "." / ".." / rich.parent.name / rich.name
        assert main(["edit", str(rich), str(again), "--into", str(tmp_path / "copies")]) == 2
        assert f"{again} is given twice" in capsys.readouterr().err
        assert not (tmp_path / "copies").exists()

    @pytest.mark.parametrize("what", ["--id", "--name", "--project", "--entity"])
    def test_a_copy_that_is_called_nothing(self, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """An empty text, as of a variable of the shell that is not set, is wrong usage: there is no copy."""
        run_dir = make_run(tmp_path / "runs", [row(1)])
        assert main(["edit", str(run_dir.path), what, "", "--into", str(tmp_path / "copies")]) == 2
        assert capsys.readouterr().err == f"wandb-logging: {what}: expected a text that is not empty\n"
        assert not (tmp_path / "copies").exists()

    def test_an_id_that_is_taken(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A second copy under the id of the first would be sent into it."""
        run_dir = make_run(tmp_path / "runs", [row(1)])
        edit(tmp_path, str(run_dir.path))
        assert main(["edit", str(run_dir.path), "--into", str(tmp_path / "copies")]) == 1
        assert "already" in capsys.readouterr().err
        assert len(find_runs(tmp_path / "copies")) == 1


def test_a_run_that_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The copy has what was logged by then, and that is said."""
    run_dir = make_run(tmp_path / "runs", [])
    writer = run_dir.writer()
    add(writer, [row(1)])
    copy = edit(tmp_path, str(run_dir.path))
    assert "goes on" in capsys.readouterr().err
    add(writer, [row(2)])
    writer.close()
    assert [each["n"] for each in read_run(copy.path).rows] == [1]
