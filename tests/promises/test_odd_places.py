"""Programs in odd places: without a working directory, with a path that is no UTF-8, a full disk behind stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="Linux"), pytest.mark.not_quick]

PROGRAM = """
import logging, os
HERE
from wandb_logging import WandbHandler
logging.basicConfig(level="INFO", handlers=[WandbHandler(project="p")])
for n in range(3):
    logging.info("row", extra={"metrics": {"n": n}})
THEN
"""


def run(
    server: LocalServer | None, here: str = "", then: str = "", cwd: Path | None = None, stderr: str | None = None
) -> tuple[int, str]:
    """Run a program that logs three rows. Returns its exit code and what it wrote to stderr."""
    code = PROGRAM.replace("HERE", here).replace("THEN", then)
    environment = {**os.environ, **(server.env() if server is not None else {})}
    with open(stderr or "stderr.txt", "w") as file:  # noqa: PTH123  a device, too
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, cwd=cwd, stderr=file, timeout=PATIENCE, env=environment
        )
    return done.returncode, "" if stderr else Path("stderr.txt").read_text()


def sent(server: LocalServer) -> list[int]:
    """The rows that the server has."""
    return [line["n"] for found in server.runs for line in found.history]


@pytest.mark.skipif(sys.version_info[:2] == (3, 13), reason="3.13.0 itself fails to import there: SystemError")
def test_the_working_directory_is_gone(wandb_server: LocalServer) -> None:
    """The rows are sent from memory; nothing is raised or printed but what to do."""
    code, said = run(wandb_server, here="os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')")
    assert code == 0
    assert "Traceback" not in said
    assert "Set cache_dir to a folder that can be written" in said
    assert sent(wandb_server) == [0, 1, 2]


def test_a_path_that_is_no_utf8(wandb_server: LocalServer, tmp_path: Path) -> None:
    """It is described with replacement characters, which requests can carry: the server finds no rule broken."""
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))
    odd.mkdir()
    code, said = run(wandb_server, cwd=odd)
    assert (code, "Traceback" in said) == (0, False)
    assert sent(wandb_server) == [0, 1, 2]
    assert wandb_server.violations == []


def test_a_full_disk_behind_stderr(wandb_server: LocalServer) -> None:
    """The exit code is the program's own: what could not be written is not left for Python to fail at."""
    assert run(wandb_server, stderr="/dev/full") == (0, "")
    assert sent(wandb_server) == [0, 1, 2]


def test_all_descriptors_are_closed(wandb_server: LocalServer) -> None:
    """Of a process that sends: no internal error is told, and each row is there after the next round."""
    then = """
sender = logging.root.handlers[0]
sender.flush()
os.closerange(3, 256)
logging.info("row", extra={"metrics": {"n": 3}})
sender.flush()
"""
    code, said = run(wandb_server, then=then)
    assert (code, "Traceback" in said) == (0, False), said
    assert sent(wandb_server) == [0, 1, 2, 3]


def test_without_a_disk_and_a_key() -> None:
    """No command is suggested that could not send rows in memory."""
    Path("taken").touch()
    _, said = run(None, here="os.environ['WANDB_DIR'] = 'taken'; os.environ.pop('WANDB_API_KEY', None)")
    assert "is in memory" in said
    assert "(memory)" not in said
