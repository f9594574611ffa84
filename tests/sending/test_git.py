"""Promises of the git state of a run: there by default, of the time at which it ran, without secrets, or left out."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.repositories import ADDRESS, git, head, repository
from wandb_logging import Session, WandbHandler, new_run, sync
from wandb_logging._cli import main
from wandb_logging._formats import protobuf
from wandb_logging._formats.wandb_export import export_wandb
from wandb_logging._formats.wandb_import import find_logs, import_log
from wandb_logging._formats.wandb_log import records
from wandb_logging._formats.wandb_records import KINDS
from wandb_logging._journal.metadata import captured_environment, git_of
from wandb_logging._journal.rundir import RunDir
from wandb_logging.testing import LocalServer, StoredRun


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, in which the program runs; its run directories are elsewhere."""
    folder = repository(tmp_path / "repo")
    monkeypatch.chdir(folder)
    return folder


def log(tmp_path: Path, **settings: Any) -> Path:
    """A run of one row. Returns its directory."""
    with new_run("p", cache_dir=tmp_path / "runs", quiet=True, **settings) as run:
        run.log({"loss": 1})
    assert run.dir is not None
    return run.dir


def to(server: LocalServer) -> dict[str, Any]:
    return {"session": Session(server.api_key, server.url)}


def said(run: StoredRun) -> dict[str, str | None]:
    """What the server has of it: the same in the run and in its metadata."""
    state = {"remote": run.repo, "commit": run.commit}
    about = json.loads(run.files["wandb-metadata.json"])
    assert about.get("git", {}) == {name: value for name, value in state.items() if value is not None}
    assert [each.get("git") for each in run.wandb_config["e"].values()] == [about.get("git")]
    return state


class TestWhatIsThere:
    def test_by_default(self, repo: Path, tmp_path: Path, wandb_server: LocalServer) -> None:
        """Commit and remote of the repository in which the program runs, from the first request on."""
        log(tmp_path, **to(wandb_server))
        assert said(wandb_server.runs[0]) == {"remote": ADDRESS, "commit": head(repo)}
        assert wandb_server.runs[0].upserts[0]["commit"] == head(repo)

    def test_of_the_time_at_which_it_ran(self, repo: Path, tmp_path: Path, wandb_server: LocalServer) -> None:
        """A run that is sent later, from wherever, has the commit that it ran with."""
        then = head(repo)
        run_dir = log(tmp_path, mode="offline")
        git(repo, "commit", "-q", "--allow-empty", "-m", "later")
        sync(run_dir, **to(wandb_server))
        assert said(wandb_server.runs[0])["commit"] == then != head(repo)

    def test_a_run_that_goes_on(self, repo: Path, tmp_path: Path, wandb_server: LocalServer) -> None:
        """It has the commit of the program that went on with it, as with the official SDK."""
        for message in ("one", "two"):
            git(repo, "commit", "-q", "--allow-empty", "-m", message)
            log(tmp_path, run_id="r", resume="allow", **to(wandb_server))
        assert said(wandb_server.runs[0])["commit"] == head(repo)

    def test_where_the_program_was_started(
        self, repo: Path, tmp_path: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program may change its working directory before it logs."""
        handler = WandbHandler(
            project="p", host=wandb_server.url, api_key=wandb_server.api_key, cache_dir=tmp_path / "runs", quiet=True
        )
        monkeypatch.chdir(tmp_path)
        handler.handle(logging.makeLogRecord({"msg": "hi", "metrics": {"loss": 1}}))
        handler.close()
        assert said(wandb_server.runs[0])["commit"] == head(repo)


class TestSettings:
    def test_left_out(self, repo: Path, tmp_path: Path, wandb_server: LocalServer) -> None:
        """`disable_git`, and `standard_files` without the file in which it stands."""
        assert repo.is_dir()
        log(tmp_path, disable_git=True, **to(wandb_server))
        assert said(wandb_server.runs[0]) == {"remote": None, "commit": None}
        log(tmp_path, standard_files=False, **to(wandb_server))
        assert (wandb_server.runs[1].commit, wandb_server.runs[1].repo) == (None, None)

    def test_another_repository(self, repo: Path, tmp_path: Path, wandb_server: LocalServer) -> None:
        """`git_root`, absolute or from the working directory; and another remote of it."""
        other = repository(tmp_path / "other", commits=2)
        git(other, "remote", "add", "fork", "git@example.com:ada/digits.git")
        assert repo == Path.cwd()
        log(tmp_path, git_root="../other", git_remote="fork", **to(wandb_server))
        assert said(wandb_server.runs[0]) == {"remote": "git@example.com:ada/digits.git", "commit": head(other)}

    def test_by_environment(
        self, repo: Path, tmp_path: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """W&B's variables, for containers without the repository, and for those who want nothing of it sent."""
        assert repo.is_dir()
        monkeypatch.setenv("WANDB_DISABLE_GIT", "true")
        log(tmp_path, **to(wandb_server))
        monkeypatch.setenv("WANDB_GIT_COMMIT", "f00d")
        monkeypatch.setenv("WANDB_GIT_REMOTE_URL", "https://ada:s3cret@example.com/r.git")
        log(tmp_path, **to(wandb_server))
        assert [said(run) for run in wandb_server.runs] == [
            {"remote": None, "commit": None},
            {"remote": "https://example.com/r.git", "commit": "f00d"},
        ]


class TestSecrets:
    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("https://ada:s3cret@example.com/r.git", "https://example.com/r.git"),
            ("https://s3cret@example.com/r.git", "https://example.com/r.git"),
            ("https://example.com/ghp_{}/r.git".format("s3cret" * 6), "https://example.com/***/r.git"),
            ("https://example.com/{key}/r.git", "https://example.com/***/r.git"),
        ],
    )
    def test_nobody_gets_them(self, tmp_path: Path, wandb_server: LocalServer, address: str, expected: str) -> None:
        """Neither user and password of the address nor what looks like a key, nor the key, is on the disk or sent."""
        address = address.format(key=wandb_server.api_key)
        root = repository(tmp_path / "repo", remote=address)
        run_dir = log(tmp_path, git_root=root, **to(wandb_server))
        assert said(wandb_server.runs[0])["remote"] == expected
        everywhere = b"".join(path.read_bytes() for path in run_dir.rglob("*") if path.is_file())
        assert b"s3cret" not in everywhere
        assert wandb_server.api_key.encode() not in everywhere

    @pytest.mark.parametrize("git", ["x", 3, ["commit"], {"commit": 3, "remote": None, "more": "x"}, {}])
    def test_a_file_of_somebody_else(self, tmp_path: Path, wandb_server: LocalServer, git: object) -> None:
        """What has another form in a run directory is no state."""
        run_dir = log(tmp_path, mode="offline", disable_git=True)
        RunDir(run_dir).files.keep(json.dumps({"os": "x", "git": git}).encode(), "wandb-metadata.json")
        sync(run_dir, **to(wandb_server))
        assert (wandb_server.runs[0].commit, wandb_server.runs[0].repo) == (None, None)
        assert git_of(captured_environment(RunDir(run_dir))) == {}


class TestElsewhere:
    def test_it_is_shown(self, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """By `show`, for people and for programs."""
        run_dir = log(tmp_path, mode="offline")
        assert main(["show", str(run_dir)]) == 0
        assert f"{head(repo)} of {ADDRESS}" in capsys.readouterr().out.replace("\n", " ")
        assert main(["show", "--json", str(run_dir)]) == 0
        assert json.loads(capsys.readouterr().out)["git"] == {"remote": ADDRESS, "commit": head(repo)}

    def test_out_and_in(self, repo: Path, tmp_path: Path, wandb_server: LocalServer) -> None:
        """A run that is exported for the official SDK has it in both its records; imported again it has it still."""
        done = export_wandb(RunDir(log(tmp_path, mode="offline")), tmp_path / "wandb")
        (file,) = find_logs(done.path)
        with file.open("rb") as opened:
            whole = [dict(protobuf.fields(each)) for each in records(opened) if isinstance(each, bytes)]
        (run,) = (dict(protobuf.fields(protobuf.raw(each[17]))) for each in whole if 17 in each)
        assert KINDS[17] == "run"
        assert dict(protobuf.fields(protobuf.raw(run[21]))) == {1: ADDRESS.encode(), 2: head(repo).encode()}
        sync(import_log(file, tmp_path / "in", wandb_server.url).path or "", **to(wandb_server))
        assert said(wandb_server.runs[0]) == {"remote": ADDRESS, "commit": head(repo)}
