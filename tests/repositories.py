"""Git repositories for tests, made with git itself; without what this machine has configured."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.surroundings import without

ADDRESS = "https://example.com/team/digits.git"
_WHO = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *words: str) -> str:
    """What a command of git says."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    env = {**without("GIT_"), **_WHO, **own}
    done = subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(folder: Path, *, remote: str | None = ADDRESS, commits: int = 1) -> Path:
    """Make a repository there, with a branch `main`."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for number in range(commits):
        git(folder, "commit", "-q", "--allow-empty", "-m", f"{number}")
    if remote is not None:
        git(folder, "remote", "add", "origin", remote)
    return folder


def head(folder: Path) -> str:
    """The commit there."""
    return git(folder, "rev-parse", "HEAD")
