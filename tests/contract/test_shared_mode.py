"""W&B's shared mode: three processes of the official SDK write one run, each from where it is, and share no disk."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE
from tests.surroundings import without
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

pytestmark = pytest.mark.contract

# The first one ends the run, when the others have.
SCRIPT = """
import sys, wandb
number = int(sys.argv[1])
primary = number == 0
settings = wandb.Settings(
    mode="shared", x_label=f"node{number}", x_primary=primary, x_update_finish_state=primary, console="off"
)
with wandb.init(project="p", id="shared", config={f"of{number}": number, "of all": 1}, settings=settings) as run:
    for i in range(100):
        run.log({"who": number, "i": i})
    print("logged", flush=True)
    if primary:
        sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> LocalServer:
    """The server, after three of them have written one run."""
    with LocalServer() as running:
        folders = [tmp_path_factory.mktemp(f"node{number}") for number in range(3)]
        first, *others = [_start(running, number, folder) for number, folder in enumerate(folders)]
        ends = [other.communicate(timeout=PATIENCE) for other in others]
        assert [other.returncode for other in others] == [0, 0], ends
        running.state_before = running.run("shared").state  # type: ignore[attr-defined]
        assert first.communicate("end\n", timeout=PATIENCE)[1] is not None
        assert first.returncode == 0
    return running


def _start(server: LocalServer, number: int, folder: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environment = {**without("WANDB_"), **server.env(), "WANDB_SILENT": "true"}
    command = [sys.executable, "-c", SCRIPT, str(number)]
    return subprocess.Popen(command, env=environment, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_every_row_of_each_is_there_once(server: LocalServer) -> None:
    """300 of 300, though each counts its lines from 0."""
    rows = sorted((row["who"], row["i"]) for row in server.run("shared").history)
    assert rows == [(who, i) for who in range(3) for i in range(100)]
    assert server.violations == []


def test_the_first_one_ends_it(server: LocalServer) -> None:
    """It goes on when the others have ended."""
    assert server.state_before == "running"  # type: ignore[attr-defined]
    assert server.run("shared").state == "finished"


def test_what_each_knows_of_the_config(server: LocalServer) -> None:
    """One's keys do not go when another sends its own."""
    assert server.run("shared").config == {"of0": 0, "of1": 1, "of2": 2, "of all": 1}


def test_lines_are_kept_apart_by_writer(server: LocalServer) -> None:
    """The server knows three of them."""
    clients = server.run("shared").clients
    assert sorted(len(client.lines["wandb-history.jsonl"]) for client in clients.values()) == [100, 100, 100]
