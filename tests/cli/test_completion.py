from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wandb_logging
from tests.cli.commands import offline_run
from wandb_logging._cli import main
from wandb_logging._cli.commands import COMMANDS
from wandb_logging._cli.completion import candidates


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["l"], ["login", "logout", "ls", "logs"]),
        (["--v"], ["--version"]),
        (["show", "--m"], ["--metric"]),
        (["show", "a"], ["a1", "a2"]),
        (["show", "--metric", "lo"], []),
        (["ls", "--state", "c"], ["crashed"]),
        (["sync", "--follow", "b"], ["b1"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["verify", ""], ["a1", "a2", "b1"]),
        (["export", "wandb_cache/"], []),
        (["gc", ""], []),
        (["nonsense", ""], []),
    ],
)
def test_candidates(line: list[str], expected: list[str]) -> None:
    """Commands, their options, the choices of an option, and runs are completed; else the shell names files."""
    for run_id in ("a1", "a2", "b1"):
        offline_run(run_id)
    assert candidates(["wandb-logging", *line]) == expected


def test_all_commands() -> None:
    """An empty line offers each command."""
    assert set(COMMANDS) <= set(candidates(["wandb-logging", ""]))


def test_runs_of_one_id() -> None:
    """Where an id does not say which run, project and id do."""
    offline_run("a1")
    wandb_logging.new_run("letters", run_id="a1", mode="offline").finish()
    assert sorted(candidates(["wandb-logging", "show", ""])) == ["digits/a1", "letters/a1"]


def test_wrong_shell(capsys: pytest.CaptureFixture[str]) -> None:
    """A shell that there is no script for is wrong usage."""
    assert main(["completion", "cmd"]) == 2
    assert capsys.readouterr().err == "wandb-logging: completion for cmd: expected one of bash, zsh, fish\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_good(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The shell itself takes the script."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    check = [shell, "--no-execute" if shell == "fish" else "-n"]
    subprocess.run(check, input=script, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_in_bash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What bash is to offer behind `wandb-logging sh`."""
    main(["completion", "bash"])
    program = tmp_path / "wandb-logging"
    root = Path(wandb_logging.__file__).parent.parent
    program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {sys.executable} -m wandb_logging "$@"\n')
    program.chmod(0o755)
    asked = (
        capsys.readouterr().out
        + "COMP_WORDS=(wandb-logging show --j); COMP_CWORD=2; _wandb_logging; echo ${COMPREPLY[@]}"
    )
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    shown = subprocess.run(["bash", "-c", asked], env=env, capture_output=True, text=True, check=True)
    assert shown.stdout == "--json\n"
