"""Promises of `Api`: what is on the server is read back as it was logged, by ours as by the official SDK's."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import importlib.util
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from wandb_logging import (
    Api,
    ApiFile,
    ApiRun,
    AuthError,
    LogError,
    NotPossible,
    RequestRejected,
    SettingsError,
    TransportError,
    new_run,
)
from wandb_logging.testing import LocalServer

WITH_OFFICIAL = importlib.util.find_spec("wandb") is not None


@pytest.fixture
def server(wandb_server: LocalServer) -> Iterator[LocalServer]:
    """One with a run that has everything, and a few that have not."""
    Path("w.txt").write_text("weights")
    with new_run(
        "p", name="first", notes="text", tags=["a", "b"], group="g", config={"lr": 0.1, "net": {"w": 3}}
    ) as run:
        for step in range(5):
            run.log({"loss": 1 / (step + 1), **({"acc": step} if step % 2 else {})})
        run.log({"odd": math.nan})
        run.summary["best"] = 0.5
        run.upload_file("w.txt", "sub/w.txt")
        run.log_artifact("w.txt", "data", "dataset").wait(PATIENCE)
    for number in range(3):
        wandb_server.create_run(f"other{number}", "p")
    yield wandb_server
    assert [str(violation) for violation in wandb_server.violations] == []


def first_of(server: LocalServer) -> str:
    return next(run.id for run in server.runs if run.display_name == "first")


def test_a_run_is_read_back(server: LocalServer) -> None:
    """Under its full path, in a project, by its id alone."""
    name = first_of(server)
    run = Api().run(f"{server.entity}/p/{name}")
    assert (run.id, run.entity, run.project, run.name, run.state) == (name, server.entity, "p", "first", "finished")
    assert (run.config, run.notes, run.tags, run.group) == ({"lr": 0.1, "net": {"w": 3}}, "text", ["a", "b"], "g")
    assert (run.summary["loss"], run.summary["best"], run.last_step) == (0.2, 0.5, 5)
    assert run.url == f"{server.url}/{server.entity}/p/runs/{name}"
    assert Api().run(f"p/{name}").path == Api(project="p").run(name).path == run.path


@pytest.mark.not_quick
def test_all_rows_are_read_back(server: LocalServer) -> None:
    """Across pages; those of some keys; of some steps. Numbers that are not finite stay numbers."""
    run = Api().run(f"p/{first_of(server)}")
    rows = list(run.scan_history(page_size=2))
    assert [row["_step"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert math.isnan(rows[-1]["odd"])
    assert list(run.scan_history(["_step", "acc"])) == [{"_step": 1, "acc": 1}, {"_step": 3, "acc": 3}]
    assert [row["_step"] for row in run.scan_history(min_step=2, max_step=4)] == [2, 3]
    assert [row["_step"] for row in run.history(samples=3)] == [0, 1, 2]


@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_rows_as_a_data_frame(server: LocalServer, frame: str) -> None:
    pytest.importorskip(frame)
    found = Api().run(f"p/{first_of(server)}").history(keys=["acc"], frame=frame)
    assert list(found["acc"]) == [1, 3]
    with pytest.raises(LogError, match="frame='R': expected pandas or polars"):
        Api().run(f"p/{first_of(server)}").history(frame="R")


def test_runs_of_a_project(server: LocalServer) -> None:
    """In order, page after page, filtered; their number; the names of projects."""
    api = Api()
    runs = api.runs("p", per_page=2)
    assert [run.id for run in runs] == [first_of(server), "other0", "other1", "other2"]
    assert len(runs) == 4
    assert next(run.id for run in api.runs("p", order="-created_at")) == "other2"
    assert [run.name for run in api.runs(f"{server.entity}/p", {"tags": "a"})] == ["first"]
    several = {"$and": [{"config.net.w": {"$gt": 2}}, {"summary_metrics.best": {"$lte": 0.5}}]}
    assert [run.name for run in api.runs("p", several, order="-summary_metrics.best")] == ["first"]
    assert "p" in list(api.projects())


def test_files_and_artifacts(server: LocalServer, tmp_path: Path) -> None:
    """Are fetched; a file that is there is not replaced unasked."""
    run = Api().run(f"p/{first_of(server)}")
    assert "sub/w.txt" in [file.name for file in run.files()]
    path = run.file("sub/w.txt").download(tmp_path / "down")
    assert path == (tmp_path / "down" / "sub" / "w.txt").resolve()
    assert path.read_text() == "weights"
    with pytest.raises(LogError, match="is there already"):
        run.file("sub/w.txt").download(tmp_path / "down")
    run.file("sub/w.txt").download(tmp_path / "down", replace=True)
    with pytest.raises(LogError, match="has no file 'nothing'"):
        run.file("nothing")
    (artifact,) = run.logged_artifacts()
    assert (artifact.name, list(run.used_artifacts())) == ("data:v0", [])
    assert Path(Api().artifact("p/data").download(tmp_path / "data"), "w.txt").read_text() == "weights"


@pytest.mark.slow
def test_a_file_is_no_larger_than_it_can_be(server: LocalServer, tmp_path: Path) -> None:
    """Bytes without end, or that unpack to gigabytes, are not written; a try that broke off leaves nothing."""
    file = Api().run(f"p/{first_of(server)}").file("sub/w.txt")
    bomb = gzip.compress(b"0" * 50_000_000)
    server.fail_next(3, status=200, where="storage", body=bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(TransportError, match="more bytes come"):
        file.download(tmp_path / "down")
    assert list((tmp_path / "down" / "sub").iterdir()) == []
    server.fail_next(1, status=200, where="storage", body=bomb, headers={"Content-Encoding": "gzip"})
    assert file.download(tmp_path / "down").read_text() == "weights"


@pytest.mark.slow
def test_a_file_is_what_was_announced(server: LocalServer, tmp_path: Path) -> None:
    """As many bytes as were announced, and those: others are not kept, and what was there stays."""
    file = Api().run(f"p/{first_of(server)}").file("sub/w.txt")
    assert (file.size, file.md5) == (7, base64.b64encode(hashlib.md5(b"weights").digest()).decode())
    place = file.download(tmp_path)
    for others in (b"weightz", b"weights and more", b"weig"):
        server.fail_next(3, status=200, where="storage", body=others)
        with pytest.raises(TransportError, match=r"not what the server announced|more bytes come"):
            file.download(tmp_path, replace=True)
        assert place.read_text() == "weights"
        assert [path.name for path in place.parent.iterdir()] == ["w.txt"]
    unknown = dataclasses.replace(file, md5="0" * 32 + "-2")  # no MD5 but what some storage gives in its place
    assert unknown.download(tmp_path, replace=True).read_text() == "weights"


@pytest.mark.skipif(not hasattr(os, "symlink") or sys.platform == "win32", reason="needs links")
def test_no_link_is_written_through(server: LocalServer, tmp_path: Path) -> None:
    """Whatever others have put into the folder under names that could be guessed, is left as it is."""
    file = Api().run(f"p/{first_of(server)}").file("sub/w.txt")
    private = tmp_path / "private.txt"
    private.write_text("mine")
    folder = tmp_path / "down" / "sub"
    folder.mkdir(parents=True)
    for name in ("w.txt.part", ".w.txt.part", "w.txt.tmp", "w.part", "w.txt~"):
        (folder / name).symlink_to(private)
    assert file.download(tmp_path / "down").read_text() == "weights"
    assert private.read_text() == "mine"
    assert (folder / "w.txt.part").is_symlink()
    (folder / "w.txt").unlink()
    (folder / "w.txt").symlink_to(private)  # what the link points to is outside of the folder
    with pytest.raises(LogError, match="leads out"):
        file.download(tmp_path / "down", replace=True)
    assert private.read_text() == "mine"


def test_a_file_cannot_lead_out_of_the_folder(server: LocalServer, tmp_path: Path) -> None:
    """Its name comes from the server."""
    file = Api().run(f"p/{first_of(server)}").file("sub/w.txt")
    with pytest.raises(LogError, match="leads out"):
        dataclasses.replace(file, name="../evil.txt").download(tmp_path / "down")


def test_changes_are_sent(server: LocalServer) -> None:
    """Tags, notes, name, group, config and summary; what the client keeps in the config stays; the run stays ended."""
    name = first_of(server)
    before = server.run(name).wandb_config
    run = Api().run(f"p/{name}")
    run.tags.append("c")
    run.notes, run.name, run.group = "other", "renamed", "h"
    run.config["lr"] = 0.2
    run.summary["best"] = 0.9
    run.update()
    stored = server.run(name)
    assert (stored.tags, stored.notes, stored.display_name, stored.group) == (["a", "b", "c"], "other", "renamed", "h")
    assert (stored.config["lr"], stored.summary["best"], stored.state) == (0.2, 0.9, "finished")
    assert stored.wandb_config == before
    assert run.load().config["lr"] == 0.2


def test_what_is_deleted_is_gone(server: LocalServer) -> None:
    """A file, then the run with it; another file or run stays. What cannot be deleted is said."""
    run = Api().run(f"p/{first_of(server)}")
    file = run.file("sub/w.txt")
    assert isinstance(run, ApiRun)
    assert isinstance(file, ApiFile)
    file.delete()
    with pytest.raises(NotPossible, match=r"sub/w.txt"):
        file.delete()
    with pytest.raises(LogError, match=r"no file 'sub/w.txt'"):
        run.file("sub/w.txt")
    run.delete()
    with pytest.raises(LogError, match="there is no run"):
        run.load()
    assert {each.id for each in Api().runs("p")} == {"other0", "other1", "other2"}


def test_what_is_not_there_is_said(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its path and the server; so is a path that is none, and a key that is missing."""
    with pytest.raises(LogError, match=f"there is no run p/nobody on {server.url}"):
        Api().run("p/nobody")
    with pytest.raises(LogError, match="expected entity/project"):
        Api().run("nobody")
    with pytest.raises(SettingsError, match="host"):
        Api(host="nonsense")
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(AuthError, match="no API key was found"):
        Api().run("p/nobody")


def test_a_page_that_fails_is_an_error(server: LocalServer) -> None:
    """Not the end of the list: what came before it was given, the rest is not missing in silence."""
    runs = iter(Api().runs("p", per_page=2))
    assert [next(runs).id, next(runs).id] == [first_of(server), "other0"]
    server.fail_next(status=400)
    with pytest.raises(RequestRejected, match="400"):
        next(runs)


@pytest.mark.not_quick
def test_a_page_that_fails_for_a_moment_is_asked_for_again(server: LocalServer) -> None:
    """As all requests are."""
    runs = iter(Api().runs("p", per_page=2))
    next(runs)
    server.fail_next(status=503)
    assert len(list(runs)) == 3


@pytest.mark.contract
@pytest.mark.skipif(not WITH_OFFICIAL, reason="the official SDK is not installed")
def test_the_official_api_says_the_same(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked the same of the same server."""
    import wandb

    path = f"{server.entity}/p/{first_of(server)}"
    theirs, ours = wandb.Api(overrides={"base_url": server.url}, api_key=server.api_key).run(path), Api().run(path)

    def said(run: Any, summary: dict[str, Any]) -> dict[str, Any]:
        rows = [{key: value for key, value in row.items() if value == value} for row in run.scan_history()]
        return {
            "id": run.id,
            "name": run.name,
            "state": run.state,
            "config": dict(run.config),
            "summary": {key: value for key, value in summary.items() if key in {"loss", "acc", "best"}},
            "tags": list(run.tags),
            "notes": run.notes,
            "group": run.group,
            "rows": rows,
            "acc": [row["acc"] for row in run.scan_history(keys=["acc"])],
            "files": sorted(file.name for file in run.files()),
            "artifacts": [artifact.name for artifact in run.logged_artifacts()],
        }

    assert said(ours, ours.summary) == said(theirs, dict(theirs.summary))
    api = wandb.Api(overrides={"base_url": server.url}, api_key=server.api_key)
    for asked in (
        {},
        {"filters": {"$or": [{"config.lr": {"$lt": 0.2}}, {"tags": {"$in": ["c"]}}]}},
        {"order": "-summary_metrics.best"},
    ):
        found = [[run.id for run in each.runs(f"{server.entity}/p", **asked)] for each in (api, Api())]
        assert found[0] == found[1] != []
