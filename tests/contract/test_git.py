"""The state of the git repository of a run: one script, with the official SDK and with `compat`, in the same ones."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from tests.repositories import ADDRESS, git, head, repository
from tests.surroundings import without
from wandb_logging.testing import LocalServer, StoredRun

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

pytestmark = pytest.mark.contract

ROOT = Path(__file__).parents[2]
SCRIPT = """
    import json, sys
    for name, settings in json.loads(sys.argv[1]).items():
        settings = wandb.Settings(x_disable_stats=True, console="off", **settings)
        with wandb.init(project="p", id=name, settings=settings) as run:
            run.log({"x": 1})
            known = [run.settings.git_commit, run.settings.git_remote_url]
            print(json.dumps([name, *known]))
    run = wandb.Api().run("local-team/p/branch")
    print(json.dumps([run.commit, run.metadata["git"]]))
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the settings are, for each run; the first one is in the working directory of the script."""
    tmp = tmp_path_factory.mktemp("repositories")
    repo = repository(tmp / "repo")
    (repo / "src").mkdir()
    git(repo, "worktree", "add", "-q", "-b", "second", "../second")
    git(tmp / "second", "commit", "-q", "--allow-empty", "-m", "there")
    git(repo, "remote", "add", "fork", "git@example.com:ada/digits.git")
    (tmp / "none").mkdir()
    there = "https://example.com/elsewhere.git"
    return {
        "branch": {"git_root": str(repo / "src")},
        "worktree": {"git_root": str(tmp / "second"), "git_remote": "fork"},
        "ssh": {"git_root": str(repository(tmp / "ssh", remote="ssh://git@example.com:2222/r.git"))},
        "token": {"git_root": str(repository(tmp / "token", remote="https://t0ken@example.com/r.git"))},
        "alone": {"git_root": str(repository(tmp / "alone", remote=None))},
        "new": {"git_root": str(repository(tmp / "new", commits=0))},
        "none": {"git_root": str(tmp / "none")},
        "commit": {"git_root": str(repo), "git_commit": "f00d"},
        "address": {"git_root": str(repo), "git_remote_url": there},
        "given": {"git_root": str(repo), "disable_git": True, "git_remote_url": there, "git_commit": "f00d"},
        "off": {"git_root": str(repo), "disable_git": True},
    }


def story(wandb: str, cases: dict[str, dict[str, Any]], folder: Path) -> tuple[dict[str, StoredRun], list[Any]]:
    """The runs of the script, and what it says."""
    with LocalServer() as server:
        code = f"import {wandb} as wandb\n{textwrap.dedent(SCRIPT)}"
        env = {**without("WANDB_", "GIT_"), **server.env(), "PYTHONPATH": str(ROOT), "WANDB_SILENT": "true"}
        command = [sys.executable, "-c", code, json.dumps(cases)]
        done = subprocess.run(
            command, check=False, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        return {run.id: run for run in server.runs}, [json.loads(line) for line in done.stdout.splitlines()]


def said(run: StoredRun) -> list[Any]:
    """What the server has of the repository, in each place where it may stand."""
    about = json.loads(run.files["wandb-metadata.json"])
    return [run.commit, run.repo, about.get("git"), [each.get("git") for each in run.wandb_config["e"].values()]]


@pytest.mark.slow
def test_it_is_the_same(cases: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """In the run, in its metadata and in its config; the run's settings say it, and `Api` gives it back."""
    ours, told = story("wandb_logging.compat", cases, tmp_path)
    theirs, told_there = story("wandb", cases, tmp_path)
    assert {name: said(run) for name, run in ours.items()} == {name: said(run) for name, run in theirs.items()}
    commit = head(Path(cases["commit"]["git_root"]))
    assert told == told_there
    assert (told[0], told[-1]) == (["branch", commit, ADDRESS], [commit, {"remote": ADDRESS, "commit": commit}])
    assert [name for name in cases if said(ours[name]) == [None, None, None, [None]]] == ["none", "off"]
