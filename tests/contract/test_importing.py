"""The official SDK's offline runs, imported, and sent beside what `wandb sync` sends of the same file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.contract.cuts import (
    PLACES,
    comparable,
    cut,
    differences,
    official,
    offline as offline_runs,
    offline_run,
    summary_of,
    without_stamp,
)
from wandb_logging import Session, read_run, sync
from wandb_logging._cli import main
from wandb_logging._formats.wandb_import import find_logs, import_log
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.contract
pytest.importorskip("wandb", reason="the official SDK is not installed")


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `wandb` of an offline run of the official SDK."""
    return offline_run(tmp_path_factory.mktemp("official"), 3)


ODD = """
import wandb
for part in range(2):
    config = {"": 5, "a": {"b": 1, "": 2, "c/d": [1]}, f"k{part}": 1}
    run = wandb.init(project="p", id="odd", resume="allow", config=config)
    run.summary["early"] = {"u": part}
    for i in range(3):
        run.log({"": i, "loss": 10 * part + i, "gone": i, "a.b": i, "x/y.z": {"p.q": {"r": i}}, "%s": float("inf")})
    del run.summary["gone"]
    run.summary["deep"] = {"a": {"b": 1, "c": 2}}
    run.config.update({"a": {"b": 9}, "s": 1}, allow_val_change=True)
    run.config.update({"s": {"t": 1}}, allow_val_change=True)
    run.alert(f"part {part}", "text", wait_duration=30)
    run.finish()
"""


class TestImported:
    def test_rows_config_and_summary_are_those_of_wandb_sync(
        self, offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An imported run is on the server what `wandb sync` makes of it."""
        (log,) = find_logs(offline)
        theirs = official(log.parent)
        assert theirs is not None
        with LocalServer() as server:
            for name, value in server.env().items():
                monkeypatch.setenv(name, value)
            done = import_log(log, tmp_path, server.url)
            sync(tmp_path)
            (ours,) = server.runs
            assert server.unexpected_violations == []
        assert (done.rows, done.lost, done.left_out, done.ended) == (300, (), {}, True)
        assert comparable(ours.history) == comparable(theirs.history)
        # Ours counts in whole microseconds.
        ran = [(our["_runtime"], their["_runtime"]) for our, their in zip(ours.history, theirs.history)]
        assert [pair for pair in ran if abs(pair[0] - pair[1]) > 2e-6] == []
        assert ours.config == theirs.config
        assert comparable([summary_of(ours)]) == comparable([summary_of(theirs)])
        for name in ("id", "display_name", "tags", "notes", "group", "state", "exit_code"):
            assert getattr(ours, name) == getattr(theirs, name), name
        assert (
            json.loads(ours.config_json)["_wandb"]["value"]["m"]
            == json.loads(theirs.config_json)["_wandb"]["value"]["m"]
        )
        assert set(ours.files) == set(theirs.files)
        assert json.loads(ours.files["wandb-metadata.json"]) == json.loads(theirs.files["wandb-metadata.json"])
        assert without_stamp(ours.output) == without_stamp(theirs.output)

    @pytest.mark.slow
    def test_odd_names_and_a_run_that_was_resumed(self, tmp_path: Path) -> None:
        """Keys without a name, dots, what was taken out of the summary or merged into the config, in two parts."""
        folder = offline_runs(tmp_path, ODD)
        theirs = official(*sorted(folder.glob("offline-run-*")))
        assert theirs is not None
        with LocalServer() as server:
            for log in find_logs(folder):
                import_log(log, tmp_path / "into", server.url)
            sync(tmp_path / "into", session=Session(server.api_key, server.url), jobs=4)
            (ours,) = server.runs
            assert server.unexpected_violations == []
        assert comparable(ours.history) == comparable(theirs.history)
        assert [row["_step"] for row in ours.history] == [*range(6)]
        assert ours.config == theirs.config
        assert comparable([summary_of(ours)]) == comparable([summary_of(theirs)])
        assert [alert["waitDuration"] for alert in ours.alerts] == [alert["waitDuration"] for alert in theirs.alerts]

    def test_again_is_nothing(self, offline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The second import of a file says that it is here; `ls` shows one run."""
        assert main(["import", str(offline), "--into", str(tmp_path)]) == 0
        assert main(["import", str(offline), "--into", str(tmp_path)]) == 0
        assert capsys.readouterr().out.count("is here already") == 1
        assert len(list(tmp_path.glob("*/*/run.json"))) == 1

    @pytest.mark.parametrize("first", [0, *(pytest.param(one, marks=pytest.mark.thorough) for one in (1, 2, 3))])
    def test_cut_at_200_places(self, offline: Path, tmp_path: Path, first: int) -> None:
        """Wherever a file is cut, what is whole is imported, never a row that was not, and what is lost is said."""
        (log,) = find_logs(offline)
        whole = [row["_step"] for row in read_run(import_log(log, tmp_path / "whole", "http://h").path or "").rows]
        rows_before = -1
        for number in range(first, PLACES, 4):
            piece = cut(log, number, tmp_path / "cut" / f"{number:03}")
            done = import_log(piece, tmp_path / "into" / f"{number:03}", "http://h")
            if done.error:
                assert done.path is None
                assert rows_before <= 0
                continue
            assert done.path is not None
            assert [row["_step"] for row in read_run(done.path).rows] == whole[: done.rows]
            assert done.rows >= rows_before
            rows_before = done.rows
            assert not done.ended
        assert rows_before > 250

    @pytest.mark.parametrize("place", [40, 127, 199])
    def test_what_is_left_is_what_wandb_sync_sends(self, offline: Path, tmp_path: Path, place: int) -> None:
        """A sample of these places: rows, config, text, summary and state are what the official sync makes of it."""
        (log,) = find_logs(offline)
        assert differences(log, tmp_path, place) == []

    def test_links_and_paths_out_of_the_folder_are_left(self, offline: Path, tmp_path: Path) -> None:
        """A file of the run that is a link is not taken along, and counted as one."""
        shutil.copytree(offline, tmp_path / "wandb", symlinks=True)
        (log,) = find_logs(tmp_path / "wandb")
        secret = tmp_path / "secret"
        secret.write_text("private")
        (log.parent / "files" / "requirements.txt").unlink()
        (log.parent / "files" / "requirements.txt").symlink_to(secret)
        done = import_log(log, tmp_path / "into", "http://h")
        assert (done.files, done.left_out) == (1, {"file that is a link": 1})
        assert not any(
            "private" in path.read_text("utf-8", "replace") for path in (tmp_path / "into").rglob("*") if path.is_file()
        )
