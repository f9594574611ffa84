"""A clock that is wrong by any number of years costs no row."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from tests.surroundings import without
from wandb_logging import sync
from wandb_logging.testing import LocalServer

PROGRAM = """
import logging, sys, time
moment = float(sys.argv[1])
time.time = lambda: moment
time.time_ns = lambda: int(moment * 1e9)
import wandb_logging as wl
handler = wl.WandbHandler(project="p", run_id="r", mode="offline", quiet=True)
log = logging.getLogger("x")
log.addHandler(handler)
log.warning("text", extra={"metrics": {"a": 1}})
handler.run.log({"a": 2})
handler.run.update_config(b=3)
handler.close()
"""


@pytest.mark.parametrize("moment", [-5.0, -1e10, 0.0, 253_402_300_800.0, 1e15])
def test_a_run_of_no_year(moment: float, wandb_server: LocalServer, tmp_path: Path) -> None:
    """Before 1970, or after 9999: the rows get the nearest time that there is."""
    command = [sys.executable, "-c", PROGRAM, str(moment)]
    environment = without("WANDB_")
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    (report,) = sync(tmp_path / "wandb_cache", host=wandb_server.url)
    assert (report.ok, report.set_aside) == (True, 0), report
    run = wandb_server.run("r")
    assert [row["a"] for row in run.history] == [1, 2]
    assert {row["_timestamp"] for row in run.history} == {min(max(moment, 0.0), 253_402_300_799.0)}
    assert (run.config["b"], run.state) == (3, "finished")
