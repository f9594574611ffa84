from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.runs import make_run, numbers, row
from wandb_logging._errors import SettingsError
from wandb_logging._reading.read import read_run
from wandb_logging._sending.sync import sync
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wandb_logging._report import Report

ROWS = [row(0), row(1), {"exit": 0, "t": 1_700_000_002.0}]


@pytest.fixture
def cache(tmp_path: Path, wandb_server: LocalServer) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def other_server(wandb_server: LocalServer) -> Iterator[LocalServer]:
    with LocalServer(api_key=wandb_server.api_key) as server:
        yield server


def only(reports: list[Report]) -> Report:
    (report,) = reports
    return report


class TestElsewhere:
    def test_a_mistyped_entity(self, cache: Path, wandb_server: LocalServer) -> None:
        """The message that refuses names the option, and with it the run arrives; then all of it is sent."""
        run_dir = make_run(cache, ROWS, id="a", entity="mistyped", host=wandb_server.url)
        refused = str(only(sync(cache)).error)
        assert f"`wandb-logging sync --entity TEAM --project NAME {run_dir.path}`" in refused
        assert only(sync(cache, entity=wandb_server.entity)).ok
        assert numbers(wandb_server, "a") == [0, 1]
        requests = len(wandb_server.requests)
        assert only(sync(cache)).finished
        assert only(sync(cache, entity=wandb_server.entity)).finished
        assert len(wandb_server.requests) == requests

    def test_another_project_name_and_id(self, cache: Path, wandb_server: LocalServer) -> None:
        """Each is what the server then has, and what the reader of the directory says; run.json stays as it was."""
        run_dir = make_run(cache, ROWS, id="a", name="first", host=wandb_server.url)
        before = (run_dir.path / "run.json").read_bytes()
        report = only(sync(cache, project="better", name="second", run_id="b"))
        run = wandb_server.run("b")
        assert (run.project, run.display_name, numbers(wandb_server, "b")) == ("better", "second", [0, 1])
        assert (report.run_id, report.project) == ("b", "better")
        assert read_run(run_dir.path).url == report.url == f"{wandb_server.url}/{wandb_server.entity}/better/runs/b"
        assert (run_dir.path / "run.json").read_bytes() == before

    def test_the_name_is_the_persons(self, cache: Path, wandb_server: LocalServer) -> None:
        """A name given here stays, also where the program changed the name while it ran, and in later sendings."""
        named = {"run": {"name": "by the program", "notes": "n"}, "t": 1_700_000_001.0}
        run_dir = make_run(cache, [row(0), named], id="a", closed=False, host=wandb_server.url)
        sync(cache, name="by hand")
        writer = run_dir.writer()
        writer.append(json.dumps({"metrics": {"n": 1}, "t": 1_700_000_003.0}).encode())
        writer.close()
        assert only(sync(cache)).rows == 2
        assert (wandb_server.run("a").display_name, wandb_server.run("a").notes) == ("by hand", "n")

    def test_a_name_for_what_is_sent(self, cache: Path, wandb_server: LocalServer) -> None:
        """A run that is on the server only gets the name: nothing is sent twice, and it is still finished."""
        make_run(cache, ROWS, id="a", host=wandb_server.url)
        sync(cache)
        assert only(sync(cache, name="better")).finished
        run = wandb_server.run("a")
        assert (run.display_name, run.state, numbers(wandb_server, "a")) == ("better", "finished", [0, 1])

    def test_a_run_made_for_another_host(
        self, cache: Path, wandb_server: LocalServer, other_server: LocalServer
    ) -> None:
        """It goes where it is told to, which is remembered: the host it was made for is not asked later."""
        run_dir = make_run(cache, ROWS, id="a", host="http://127.0.0.1:9", app_url="http://pages.example")
        assert only(sync(cache, host=wandb_server.url)).ok
        assert only(sync(cache)).ok
        assert read_run(run_dir.path).url == f"{wandb_server.url}/{wandb_server.entity}/p/runs/a"
        assert only(sync(cache, host=other_server.url)).ok
        assert numbers(other_server, "a") == [0, 1]

    def test_a_sibling_of_a_move_that_broke_off(self, cache: Path, wandb_server: LocalServer) -> None:
        """A sending elsewhere that was interrupted goes on there, with a plain `sync`."""
        make_run(cache, [row(number) for number in range(20)], id="a", entity="mistyped", host=wandb_server.url)
        sync(cache, entity=wandb_server.entity, run_id="b", stop=lambda: bool(wandb_server.runs))
        assert not any(run.id == "a" for run in wandb_server.runs)
        assert only(sync(cache)).finished
        assert numbers(wandb_server, "b") == list(range(20))

    def test_the_entity_of_the_settings(
        self, cache: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """WANDB_ENTITY says where a run goes that was made without; never where one goes that was made with."""
        make_run(cache, ROWS, id="a", host=wandb_server.url)
        make_run(cache, ROWS, id="b", entity=wandb_server.entity, host=wandb_server.url)
        monkeypatch.setenv("WANDB_ENTITY", "nobody")
        first, second = sync(cache)
        assert "entity nobody not found" in str(first.error)
        assert second.ok


class TestAsNew:
    def test_a_run_deleted_on_the_server(self, cache: Path, wandb_server: LocalServer) -> None:
        """All of it goes again, under a new id; the next plain `sync` has nothing to do."""
        make_run(cache, ROWS, id="a", host=wandb_server.url)
        sync(cache)
        report = only(sync(cache, as_new=True))
        assert report.run_id != "a"
        assert numbers(wandb_server, report.run_id) == [0, 1]
        assert numbers(wandb_server, "a") == [0, 1]
        assert only(sync(cache)).run_id == report.run_id
        assert len(wandb_server.runs) == 2

    def test_each_run_gets_an_id_of_its_own(self, cache: Path, wandb_server: LocalServer) -> None:
        """Several runs, copies of one id among them, become as many runs."""
        one = make_run(cache, ROWS, id="a", host=wandb_server.url)
        shutil.copytree(one.path, cache / "copy")
        assert len({report.run_id for report in sync(cache, as_new=True)} | {"a"}) == 3

    @pytest.mark.parametrize("resume", ["must", "never", "allow"])
    def test_there_is_nothing_to_resume(self, cache: Path, wandb_server: LocalServer, resume: str) -> None:
        """What `resume` said was of the old id."""
        make_run(cache, ROWS, id="a", resume=resume, host=wandb_server.url)
        report = only(sync(cache, as_new=True))
        assert (report.ok, report.rows) == (True, 2)

    def test_follow_makes_one(self, cache: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """With `follow` the run is new once, and goes on as that."""
        monkeypatch.setattr("wandb_logging._sending.sync.FOLLOW_INTERVAL", 0.0)
        run_dir = make_run(cache, [row(0)], id="a", host=wandb_server.url)
        writer = run_dir.writer()  # alive
        rounds: list[int] = []

        def stop() -> bool:
            if len(rounds) == 3:
                writer.close()
            rounds.append(1)
            return False

        report = only(sync(cache, as_new=True, follow=True, stop=stop))
        assert report.finished
        assert [run.id for run in wandb_server.runs] == [report.run_id]


class TestWrong:
    def test_one_name_for_several_runs(self, cache: Path, wandb_server: LocalServer) -> None:
        """An id or a name is one run's."""
        for run_id in ("a", "b"):
            make_run(cache, ROWS, id=run_id, host=wandb_server.url)
        with pytest.raises(ValueError, match="there are 2"):
            sync(cache, run_id="c")
        assert wandb_server.requests == []

    def test_an_id_and_a_new_one(self, cache: Path) -> None:
        """Two wishes that cannot both be granted are an error."""
        with pytest.raises(ValueError, match="leave out run_id, or as_new"):
            sync(cache, run_id="c", as_new=True)

    @pytest.mark.parametrize("wrong", [{"run_id": "a/b"}, {"project": "a/b"}])
    def test_values_are_those_of_the_settings(self, cache: Path, wrong: dict[str, str]) -> None:
        """What a setting cannot be, this cannot be either, and nothing is sent."""
        with pytest.raises(SettingsError):
            sync(cache, **wrong)  # type: ignore[arg-type]

    def test_empty_is_not_given(self, cache: Path, wandb_server: LocalServer) -> None:
        """An empty text, as a script has of a variable that is not set, changes nothing."""
        make_run(cache, ROWS, id="a", name="n", host=wandb_server.url)
        assert only(sync(cache, entity="", project="", name="", run_id="")).ok
        assert wandb_server.run("a").display_name == "n"

    def test_a_damaged_memory_of_it(self, cache: Path, wandb_server: LocalServer) -> None:
        """What server.json says cannot be anything: it is an error of that run."""
        run_dir = make_run(cache, ROWS, id="a", host=wandb_server.url)
        sync(cache)
        server = json.loads((run_dir.path / "server.json").read_text())
        (run_dir.path / "server.json").write_text(json.dumps({**server, "instead": {"id": 5}}))
        assert "server.json, in its member `instead`, has id 5" in str(only(sync(cache)).error)
