"""Other software in the same process: it configures logging, forks, imports, and holds locks while it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from wandb_logging.testing import LocalServer


def run_program(server: LocalServer | None, code: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `code` as a program of its own; nothing of it may go on for long after it."""
    path = Path("program.py")
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    known = {**os.environ, **(server.env() if server else {}), **env}
    return subprocess.run(
        [sys.executable, str(path), *args], env=known, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def losses(server: LocalServer) -> list[list[Any]]:
    """What each run has of `loss`."""
    return [[row["loss"] for row in run.history if "loss" in row] for run in server.runs]


class TestOurThreads:
    """Nothing on them imports, starts a process or asks for a lock that the program may hold."""

    @pytest.mark.parametrize("mode", ["online", "offline"])
    def test_import_nothing_and_start_no_process(self, mode: str, wandb_server: LocalServer) -> None:
        """Rows, text, files, media, artifacts, metrics of the system, a name that is looked up, and the end."""
        code = """
            import json, sys, threading
            seen = []
            def hook(event, args):
                if event in ("import", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"):
                    if threading.current_thread() is not threading.main_thread():
                        seen.append([event, str(args[0])])
            import logging, wandb_logging
            log = logging.getLogger("t"); log.setLevel("INFO")
            handler = wandb_logging.WandbHandler(project="p", mode=sys.argv[1], flush_interval=0.1, quiet=True,
                                                 system_metrics=True, system_interval=0.2, capture_output=True)
            log.addHandler(handler)
            log.info("text", extra={"metrics": {"loss": 0}})
            sys.addaudithook(hook)  # the thread begins at the earliest with the first record, which is just over
            import time
            time.sleep(1)
            open("f.txt", "w").write("x")
            run = handler.run
            run.upload_file("f.txt")
            run.log_artifact("f.txt", type="data")
            run.log({"loss": 1, "t": wandb_logging.Table(columns=["a"], data=[[1]])})
            print("printed")
            time.sleep(0.5)
            handler.flush(60); handler.close()
            json.dump(seen, open("seen.json", "w"))
        """
        done = run_program(wandb_server, code, mode, WANDB_BASE_URL=wandb_server.url.replace("127.0.0.1", "localhost"))
        assert done.returncode == 0, done.stderr
        assert json.loads(Path("seen.json").read_text()) == []

    @pytest.mark.parametrize("level", ["WARNING", "DEBUG"])
    def test_dictconfig_right_after_the_first_record(self, level: str, wandb_server: LocalServer) -> None:
        """It holds logging's lock while it closes the handler; both runs are there, and nobody waited."""
        code = """
            import logging, logging.config, sys, time
            def configure(name):
                logging.config.dictConfig({"version": 1, "disable_existing_loggers": False,
                    "handlers": {"w": {"class": "wandb_logging.WandbHandler", "project": "p", "run_id": name}},
                    "loggers": {"train": {"handlers": ["w"], "level": "INFO"}, "urllib3": {"level": sys.argv[1]}}})
            took = []
            for number in range(4):
                began = time.monotonic()
                configure(f"run{number}")
                took.append(time.monotonic() - began)
                logging.getLogger("train").info("", extra={"metrics": {"loss": number}})
            print(max(took))
        """
        done = run_program(wandb_server, code, level)
        assert done.returncode == 0, done.stderr
        assert sorted(losses(wandb_server)) == [[0], [1], [2], [3]]
        assert all(run.state == "finished" for run in wandb_server.runs)
        assert float(done.stdout) < 9, "close_timeout is 10 s: somebody waited for a lock"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
    @pytest.mark.parametrize("delay", [0.0, 0.02, 0.1])
    def test_a_child_forked_right_after_the_first_record_sends_a_run_of_its_own(
        self, delay: float, wandb_server: LocalServer
    ) -> None:
        """It has every module whole. And the parent's first request does not wait until the child has ended."""
        code = """
            import logging, os, sys, time, wandb_logging
            log = logging.getLogger("t"); log.setLevel("INFO")
            log.addHandler(wandb_logging.WandbHandler(project="p", run_id="parents", mode="online", quiet=True))
            log.info("", extra={"metrics": {"loss": 0}})
            time.sleep(float(sys.argv[1]))
            child = os.fork()
            if not child:
                own = wandb_logging.new_run("p", run_id="childs", mode="online", quiet=True)
                own.log({"loss": 1})
                ok = own.finish(timeout=60).ok
                while not os.path.exists("over"):
                    time.sleep(0.05)
                os._exit(not ok)
            log.handlers[0].flush(60)
            print(log.handlers[0].stats()["acknowledged"], flush=True)
            open("over", "w").close()
            sys.exit(os.waitpid(child, 0)[1])
        """
        done = run_program(wandb_server, code, str(delay))
        assert done.returncode == 0, done.stderr
        assert done.stdout == "1\n"
        assert sorted(losses(wandb_server)) == [[0], [1]]
