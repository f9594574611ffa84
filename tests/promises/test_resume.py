from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.runs import Clock, drain, make_run, row
from wandb_logging import new_run, read_run, sync
from wandb_logging._errors import LogError, SettingsError, TransportError
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from wandb_logging._run.run import Run

ROOT = Path(__file__).parents[2]


def start(run_id: str | None = "r", **settings: Any) -> Run:
    return new_run("p", run_id=run_id, **{"mode": "online", "quiet": True, "flush_interval": 3600, **settings})


def old_run(server: LocalServer, run_id: str = "r") -> None:
    """A run as the official SDK would have left it."""
    history = [{"loss": 1.0 / (i + 1), "_step": i * 10, "_runtime": i * 2.0} for i in range(4)]
    server.create_run(
        run_id,
        "p",
        config={"lr": 0.1, "old": True},
        history=history,
        events=[{"system.cpu": 1, "_runtime": 11.0, "_timestamp": 1.0}],
        output=["2026-01-02T03:04:05.000000 before"],
        summary={"loss": 0.25, "best": 7, "_step": 30, "_wandb": {"runtime": 8}},
        tags=["old"],
        notes="old notes",
    )


class TestFromTheServer:
    @pytest.mark.parametrize("resume", ["allow", "must"])
    def test_everything_is_taken_over(self, wandb_server: LocalServer, resume: str) -> None:
        """Offsets, next step, runtime, config, summary, tags and notes go on where they were (protocol 3.5)."""
        old_run(wandb_server)
        with start(resume=resume, config={"lr": 0.5}) as run:
            run.log({"acc": 0.9})
        there = wandb_server.run("r")
        assert [line["_step"] for line in there.history] == [0, 10, 20, 30, 31]
        assert there.history[4]["acc"] == 0.9
        assert there.history[4]["_runtime"] >= 11.0
        assert there.config == {"lr": 0.5, "old": True}
        assert (there.summary["loss"], there.summary["best"], there.summary["acc"]) == (0.25, 7, 0.9)
        assert there.summary["_wandb"]["runtime"] >= 11
        assert (there.tags, there.notes) == (["old"], "old notes")
        assert there.upserts[-1]["id"]
        assert there.state == "finished"

    def test_a_late_step_is_late_from_the_first_call_on(self, wandb_server: LocalServer) -> None:
        """With late_steps: error `log` knows where the run goes on, as soon as the server has said so."""
        old_run(wandb_server)
        with start(resume="must", late_steps="error") as run:
            run.log({"acc": 0.9})
            assert run.flush(PATIENCE).ok
            with pytest.raises(LogError, match="step 5 is lower than the current step 31"):
                run.log({"acc": 0}, step=5)
            run.log({"acc": 0.8}, step=40)
        assert [line["_step"] for line in wandb_server.run("r").history] == [0, 10, 20, 30, 31, 40]

    def test_new_tags_and_notes_win(self, wandb_server: LocalServer) -> None:
        """What is given now replaces what was there."""
        old_run(wandb_server)
        with start(resume="must", tags=["new"], notes="new notes") as run:
            run.log({"a": 1})
        assert (wandb_server.run("r").tags, wandb_server.run("r").notes) == (["new"], "new notes")

    def test_tags_are_added_to_the_old_ones(self, wandb_server: LocalServer) -> None:
        """Whoever adds to the tags of a run that goes on is not the first to tag it."""
        old_run(wandb_server)
        with start(resume="must") as run:
            run.tags += ("new",)
            assert run.tags == ("old", "new")
        assert wandb_server.run("r").tags == ["old", "new"]

    def test_text_goes_on(self, wandb_server: LocalServer) -> None:
        """Lines of the Logs tab are added behind the old ones."""
        import logging

        from wandb_logging import WandbHandler

        old_run(wandb_server)
        handler = WandbHandler(project="p", run_id="r", resume="must", mode="online", quiet=True)
        logger = logging.Logger("text")  # noqa: LOG001  a logger of this test's own
        logger.addHandler(handler)
        logger.warning("after")
        handler.close()
        assert [line.partition(" ")[2] for line in wandb_server.run("r").output] == ["before", "WARNING:text:after"]

    def test_allow_makes_it(self, wandb_server: LocalServer) -> None:
        """`allow` begins a run that is not there."""
        with start(resume="allow") as run:
            run.log({"a": 1})
        assert [line["_step"] for line in wandb_server.run("r").history] == [0]

    def test_must_on_a_missing_run(self, wandb_server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
        """Nothing is made, one line says why, and the rows are kept."""
        with start(resume="must") as run:
            run.log({"a": 1})
        assert wandb_server.runs == []
        assert "resume: must, but there is no run r in project p" in caplog.text
        assert run.dir is not None
        assert read_run(run.dir).rows[0]["a"] == 1

    def test_never_on_a_run_that_exists(self, wandb_server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
        """The run that is there is left alone, one line says why, and the rows are kept."""
        old_run(wandb_server)
        with start(resume="never") as run:
            run.log({"a": 1})
        assert len(wandb_server.run("r").history) == 4
        assert "resume: never, but run r exists in project p" in caplog.text
        assert run.dir is not None
        assert read_run(run.dir).rows[0]["a"] == 1

    @pytest.mark.parametrize("then", ["allow", "must"])
    def test_a_start_that_was_refused_is_not_gone_on_with(self, wandb_server: LocalServer, then: Any) -> None:
        """Whoever corrects `never` goes on with the run that is there, not with what was refused beside it."""
        for number, resume in enumerate((None, "never", then, then)):
            run = new_run("p", run_id="r", resume=resume, mode="online", quiet=True)
            run.log({"x": number})
            assert run.finish(timeout=PATIENCE).ok == (resume != "never")
        assert [row["x"] for row in wandb_server.run("r").history] == [0, 2, 3]

    @pytest.mark.parametrize("first", ["must", "never"])
    def test_where_nothing_was_sent_what_is_asked_for_now_counts(self, wandb_server: LocalServer, first: Any) -> None:
        """Who corrects `must` makes the run that was not there, who corrects `never` goes on with the one that was."""
        if first == "never":
            new_run("p", run_id="r", mode="online", quiet=True, cache_dir="elsewhere").finish(timeout=PATIENCE)
        for number, resume in enumerate((first, "allow")):
            run = new_run("p", run_id="r", resume=resume, mode="online", quiet=True)
            run.log({"x": number})
            assert run.finish(timeout=PATIENCE).ok == (resume == "allow")
        assert [row["x"] for row in wandb_server.run("r").history] == [0, 1]


class TestInItsOwnDirectory:
    def test_an_offline_run_offline(self, wandb_server: LocalServer, tmp_path: Path) -> None:
        """It goes on in its directory without any server, and is one run when it is sent."""
        with start(mode="offline", config={"a": 1, "b": 1}, tags=["one"]) as first:
            for _ in range(3):
                first.log({"n": 1})
        with start(mode="offline", resume="allow", config={"b": 2}, notes="more") as second:
            assert second.dir == first.dir
            assert second.config == {"a": 1, "b": 2}
            for _ in range(2):
                second.log({"n": 2})
            second.finish(5)
        assert first.dir is not None
        data = read_run(first.dir)
        assert [line["_step"] for line in data.rows] == [0, 1, 2, 3, 4]
        assert (data.config, data.exit_code, data.info["notes"]) == ({"a": 1, "b": 2}, 5, "more")
        report = sync("wandb_cache")[0]
        assert (report.rows, report.finished, report.exit_code) == (5, True, 5)
        there = wandb_server.run("r")
        assert [line["n"] for line in there.history] == [1, 1, 1, 2, 2]
        assert (there.config, there.tags, there.notes) == ({"a": 1, "b": 2}, ["one"], "more")

    def test_tags_are_added_to_the_old_ones(self, wandb_server: LocalServer) -> None:
        """Those it began with, and those it got on the way."""
        with start(tags=["a"]):
            pass
        for tag in ("b", "c"):
            with start(resume="must") as run:
                run.tags += (tag,)
        assert wandb_server.run("r").tags == ["a", "b", "c"]

    def test_what_was_sent_and_finished(self, wandb_server: LocalServer) -> None:
        """A finished run is opened again, and is not finished before its new end."""
        with start() as run:
            run.log({"n": 0})
        assert wandb_server.run("r").state == "finished"
        with start(resume="must") as run:
            run.log({"n": 1})
            report = run.flush()
            assert (report.ok, report.finished) == (True, False)
            assert wandb_server.run("r").state == "running"
            run.finish(3)
        there = wandb_server.run("r")
        assert [line["n"] for line in there.history] == [0, 1]
        assert (there.state, there.exit_code) == ("failed", 3)

    def test_a_late_step_is_late_from_the_first_call_on(self) -> None:
        """Here nobody has to be asked where the run goes on."""
        for number in range(2):
            with start(mode="offline", resume="allow", late_steps="error") as run:
                run.log({"n": number}, step=10 * number + 5)
        with start(mode="offline", resume="must", late_steps="error") as run, pytest.raises(LogError, match="step 16"):
            run.log({"n": 2}, step=14)
        child = start("child", mode="offline", fork_from="r?_step=20", late_steps="error")
        with child, pytest.raises(LogError, match="step 20 is lower than the current step 21"):
            child.log({"n": 3}, step=20)

    def test_the_time_between_does_not_count(self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """`_runtime` goes on from where it was, however long the run rested."""
        clock = [1000.0]
        monkeypatch.setattr(time, "time", lambda: clock[0])
        run = start(mode="offline")
        clock[0] += 5
        run.log({"n": 0})
        run.finish()
        clock[0] += 86_400
        run = start(mode="offline", resume="allow")
        clock[0] += 2
        run.log({"n": 1})
        run.finish()
        assert run.dir is not None
        assert [line["_runtime"] for line in read_run(run.dir).rows] == [5, 7]
        sync("wandb_cache")
        assert [line["_runtime"] for line in wandb_server.run("r").history] == [5, 7]

    def test_a_killed_run(self, wandb_server: LocalServer, tmp_path: Path) -> None:
        """What a killed process had logged comes first, then what its successor logs."""
        code = """
import os
from wandb_logging import new_run
run = new_run("p", mode="offline", run_id="r", quiet=True)
for number in range(5):
    run.log({"n": number})
os.kill(os.getpid(), 9)
"""
        subprocess.run([sys.executable, "-c", code], check=False, env={**_environment(), "PYTHONPATH": str(ROOT)})
        with start(resume="must") as run:
            run.log({"n": 5})
        assert [line["n"] for line in wandb_server.run("r").history] == list(range(6))
        assert wandb_server.run("r").exit_code == 0

    def test_again_and_again(self, wandb_server: LocalServer) -> None:
        """A run may be resumed any number of times, on and offline in turns."""
        for number in range(6):
            with start(resume="allow", mode="online" if number % 2 else "offline") as run:
                run.log({"n": number})
        sync("wandb_cache")
        assert [line["n"] for line in wandb_server.run("r").history] == list(range(6))
        assert [path.name for path in Path("wandb_cache/p").iterdir()] == ["r"]

    def test_without_resume_it_is_another_run(self, wandb_server: LocalServer) -> None:
        """The same id twice has two directories; what the second sends comes behind."""
        for number in range(2):
            with start(mode="offline") as run:
                run.log({"n": number})
        assert sorted(path.name for path in Path("wandb_cache/p").iterdir()) == ["r", "r.2"]
        sync("wandb_cache")
        assert [line["n"] for line in wandb_server.run("r").history] == [0, 1]

    def test_beside_a_living_process(self, wandb_server: LocalServer) -> None:
        """Ranks that share a run: the second writes into its directory, the first sends both and ends it."""
        with start(config={"a": 1}) as first:
            first.log({"n": 0})
            with start(resume="allow", config={"b": 2}) as second:
                assert second.dir == first.dir
                second.log({"n": 1})
            first.flush()
            assert wandb_server.run("r").state == "running"
            first.log({"n": 2})
        there = wandb_server.run("r")
        assert sorted(line["n"] for line in there.history) == [0, 1, 2]
        assert (there.state, there.config) == ("finished", {"a": 1, "b": 2})

    def test_another_hosts_run_of_that_name(self, wandb_server: LocalServer) -> None:
        """The directory of a run on another server is not this run's."""
        with start(mode="offline", host="https://api.example") as other:
            other.log({"n": 0})
        with start(mode="offline", resume="allow") as run:
            run.log({"n": 1})
        assert run.dir != other.dir

    def test_how_much_is_left(self, wandb_server: LocalServer) -> None:
        """`queue_length` counts what the directory holds from before, too."""
        with start(mode="offline") as run:
            run.log({"n": 0})
        run = start(mode="offline", resume="allow")
        run.log({"n": 1})
        assert run.queue_length == 4  # two rows, an end, a resumption
        run.finish()


class TestInterrupted:
    """A crash at any request on the way to a run that is taken over."""

    @pytest.mark.parametrize("close", ["before", "after"])
    @pytest.mark.parametrize(
        ("info", "steps"),
        [
            ({"resume": "allow"}, [0, 10, 20, 30, 31]),
            ({"resume": "must"}, [0, 10, 20, 30, 31]),
            ({"rewind": True, "branch_point": {"run_id": "r", "step": 10}}, [0, 10, 11]),
            ({"resume": "never", "id": "new"}, [0]),
        ],
    )
    def test_the_next_process_makes_it_good(
        self, wandb_server: LocalServer, tmp_path: Path, close: Any, info: dict[str, Any], steps: list[int]
    ) -> None:
        """The run is taken over once: no row of the old is lost, none of the new comes twice."""
        for number in range(20):
            server = LocalServer()
            with server:
                old_run(server)
                run_dir = make_run(tmp_path / str(number), [row(0)], **{"id": "r", **info})
                if number:
                    server.fail_next(number, status=None)
                server.fail_next(1, close=close)
                clock = Clock()
                clock.over = True
                with pytest.raises(TransportError):
                    drain(run_dir, server, clock)
                reached = len(server.requests) > number
                server.clear_faults()
                drain(run_dir, server)
                assert [line["_step"] for line in server.run(run_dir.info.id).history] == steps
                assert server.run(run_dir.info.id).exit_code == 1
                assert server.violations == []
                if not reached:
                    return
        raise AssertionError("a drain takes fewer requests than this")


class TestAuto:
    """`resume: auto`, or WANDB_RESUME: what the next start goes on with."""

    def begin(self, **settings: Any) -> Run:
        return start(None, mode="offline", resume="auto", **settings)

    @pytest.mark.parametrize("end", [1, None])
    def test_what_did_not_end_well_goes_on(self, wandb_server: LocalServer, end: int | None) -> None:
        """Failed, or killed: the next start is the same run; when it has ended well, another."""
        if end is None:
            code = "import os\nfrom wandb_logging import new_run\n"
            code += 'run = new_run("p", mode="offline", resume="auto")\nrun.log({"n": 0})\nos._exit(9)'
            subprocess.run([sys.executable, "-c", code], check=False, env={**_environment(), "PYTHONPATH": str(ROOT)})
        else:
            with self.begin() as run:
                run.log({"n": 0})
                run.finish(end)
        with self.begin() as run:
            run.log({"n": 1})
            assert run.resumed
        with self.begin() as other:
            other.log({"n": 2})
            assert (other.id != run.id, other.resumed) == (True, False)
        sync("wandb_cache")
        assert [line["n"] for line in wandb_server.run(run.id).history] == [0, 1]
        assert [line["n"] for line in wandb_server.run(other.id).history] == [2]

    def test_the_environment_will_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As in a script for a cluster that starts its jobs again."""
        monkeypatch.setenv("WANDB_RESUME", "auto")
        runs = [new_run("p", mode="offline", quiet=True) for _ in range(2)]
        for run in runs:
            run.finish(1)
        assert runs[0].id == runs[1].id

    def test_an_id_that_is_given_wins(self) -> None:
        """And is what the next start goes on with."""
        self.begin().finish(1)
        for run in (start("given", mode="offline", resume="auto"), self.begin()):
            run.finish(1)
            assert run.id == "given"

    @pytest.mark.parametrize("content", ["", "[]", '{"run_id": 1}', '{"run_id": "a/b"}', '{"run_id": ""}'])
    def test_a_file_without_sense(self, content: str) -> None:
        """Counts as none."""
        Path("wandb_cache").mkdir()
        Path("wandb_cache/wandb-resume.json").write_text(content)
        with self.begin() as run:
            assert len(run.id) == 8

    @pytest.mark.skipif(sys.platform == "win32", reason="needs links")
    @pytest.mark.parametrize("what", ["link", "pipe", "endless", "folder"])
    def test_a_file_that_others_have_planted(self, what: str, tmp_path: Path) -> None:
        """A link is not followed, nothing is waited for, and what it points to stays; the run begins."""
        private = tmp_path / "private.json"
        private.write_text('{"run_id": "stranger"}')
        Path("wandb_cache").mkdir()
        file = Path("wandb_cache/wandb-resume.json")
        if what == "pipe":
            os.mkfifo(file)
        elif what == "folder":
            file.mkdir()
        else:
            file.symlink_to(private if what == "link" else "/dev/zero")
        run = self.begin()
        run.finish(1)
        assert run.id != "stranger"
        assert private.read_text() == '{"run_id": "stranger"}'
        if what != "folder":
            assert not file.is_symlink()
            assert self.begin().id == run.id  # the link was replaced, not followed

    def test_it_is_taken_over_from_the_server(self, wandb_server: LocalServer) -> None:
        """Where the run's directory is gone."""
        old_run(wandb_server)
        Path("wandb_cache").mkdir()
        Path("wandb_cache/wandb-resume.json").write_text('{"run_id": "r"}')
        with start(None, resume="auto") as run:
            run.log({"n": 1})
        assert wandb_server.run("r").history[-1]["_step"] == 31

    def test_a_folder_that_cannot_be_written(self, wandb_server: LocalServer) -> None:
        """The run begins all the same."""
        Path("file").write_text("")
        with start(None, resume="auto", cache_dir="file/below") as run:
            run.log({"n": 1})
        assert len(wandb_server.run(run.id).history) == 1


class TestBranches:
    def test_rewind(self, wandb_server: LocalServer) -> None:
        """The run is taken back to the step, and goes on behind it (protocol 3.6)."""
        old_run(wandb_server)
        with start(None, resume_from="r?_step=10", config={"lr": 0.9}) as run:
            assert run.id == "r"
            run.log({"n": 1})
        there = wandb_server.run("r")
        assert [line["_step"] for line in there.history] == [0, 10, 11]
        assert there.config == {"lr": 0.9, "old": True}
        assert there.wandb_config["branch_point"] == {"run_id": "r", "step": 10}
        assert there.state == "finished"

    def test_fork(self, wandb_server: LocalServer) -> None:
        """A new run that names where it comes from; its steps begin behind that."""
        old_run(wandb_server)
        with start("child", fork_from="r?_step=20") as run:
            run.log({"n": 1})
            run.log({"n": 2}, step=25)
        there = wandb_server.run("child")
        assert [line["_step"] for line in there.history] == [21, 25]
        assert there.wandb_config["branch_point"] == {"run_id": "r", "step": 20}
        assert len(wandb_server.run("r").history) == 4

    def test_a_fork_offline(self, wandb_server: LocalServer) -> None:
        """Its steps are known without the server."""
        with start(None, mode="offline", fork_from="r?_step=20") as run:
            run.log({"n": 1})
        assert run.dir is not None
        assert read_run(run.dir).rows[0]["_step"] == 21
        assert sync(run.dir)[0].ok
        assert wandb_server.run(run.id).history[0]["_step"] == 21

    @pytest.mark.parametrize(
        "settings",
        [
            {"resume_from": "r"},
            {"resume_from": "r?_step=x"},
            {"resume_from": "r?loss=3"},
            {"fork_from": "a:b?_step=3"},
            {"resume_from": "a?_step=1", "fork_from": "a?_step=1"},
            {"resume": "must", "fork_from": "a?_step=1"},
            {"run_id": "b", "resume_from": "a?_step=1"},
            {"run_id": "a", "fork_from": "a?_step=1"},
        ],
    )
    def test_what_makes_no_sense(self, settings: dict[str, Any]) -> None:
        """A moment that is none, and ways that exclude each other, are refused at once."""
        with pytest.raises(SettingsError):
            new_run("p", **settings)


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)
