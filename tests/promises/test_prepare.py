"""What sending needs is imported as the handler is made, where nobody can be kept waiting for that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from wandb_logging.testing import LocalServer

_BEGIN = """
import logging, sys, threading, time
from wandb_logging import WandbHandler
online = {"mode": "online", "host": "http://127.0.0.1:9", "api_key": "0" * 40, "close_timeout": 0, "quiet": True}
def is_there():
    return "requests" in sys.modules
"""


def said_by(code: str, place: Path) -> str:
    """What a program prints; it ends with what its run does not need to be told."""
    command = [sys.executable, "-c", f"{_BEGIN}\n{code}"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout.strip()


class TestWhereItIsImported:
    def test_as_the_handler_is_made(self, tmp_path: Path) -> None:
        """The first record, perhaps a step of a training loop, finds everything there."""
        code = """
handler = WandbHandler(project="p", **online)
before = set(sys.modules)
record = logging.LogRecord("t", 20, "", 0, "hi", (), None)
handler.handle(record)
print({name.partition(".")[0] for name in set(sys.modules) - before})
"""
        assert said_by(code, tmp_path) == "set()"

    def test_all_that_a_whole_life_needs(self, wandb_server: LocalServer, tmp_path: Path) -> None:
        """No thread of ours imports, from the first look-up of a name to the end of the run."""
        code = f"""
online.update(host="{wandb_server.url.replace("127.0.0.1", "localhost")}", api_key="{wandb_server.api_key}")
handler = WandbHandler(project="p", **{{**online, "close_timeout": 60}})
before = set(sys.modules)
handler.handle(logging.makeLogRecord({{"msg": "hi", "metrics": {{"loss": 0.5}}}}))
handler.close()
print(set(sys.modules) - before)
"""
        assert said_by(code, tmp_path) == "set()"
        (run,) = wandb_server.runs
        assert run.state == "finished"

    def test_rules_that_an_earlier_process_of_the_run_had(self, tmp_path: Path) -> None:
        """They are imported as the run goes on; offline, and without rules, they are not."""
        code = """
offline = {{**online, "mode": "offline", "run_id": "r", "resume": "allow", "cache_dir": "{folder}"}}
handler = WandbHandler(project="p", text_metrics={rules}, **offline)
handler.handle(logging.makeLogRecord({{"msg": "loss 0.5"}}))
before = set(sys.modules)
handler.close()
print("wandb_logging._mining.ruleset" in before, set(sys.modules) - before)
"""
        rules = {"rules": [{"line": "loss {loss}"}]}
        runs = [("without", None), ("with", rules), ("with", None)]
        said = [said_by(code.format(folder=folder, rules=given), tmp_path) for folder, given in runs]
        assert said == ["False set()", "True set()", "True set()"]

    def test_nothing_that_finds_metrics_in_text_where_there_are_no_rules(self, tmp_path: Path) -> None:
        """Its regular expressions would be a third of what making a handler takes."""
        code = """
handler = WandbHandler(project="p", **online)
handler.handle(logging.makeLogRecord({"msg": "loss 0.5"}))
print(sorted(name for name in sys.modules if name.startswith("wandb_logging._mining.")))
"""
        assert said_by(code, tmp_path) == "['wandb_logging._mining.lines', 'wandb_logging._mining.slowness']"

    def test_no_openssl_where_nothing_is_sent(self, tmp_path: Path) -> None:
        """It would be most of what making a handler takes; the run has its files nevertheless."""
        code = """
handler = WandbHandler(project="p", **{**online, "mode": "offline", "close_timeout": 60})
handler.handle(logging.makeLogRecord({"msg": "hi", "metrics": {"loss": 0.5}}))
run = handler.run
handler.close()
print(sorted({"hashlib", "_hashlib", "_ssl"} & set(sys.modules)))
print(sorted(path.name for path in run.dir.glob("files/saved/*/*")))
"""
        assert said_by(code, tmp_path) == "[]\n['requirements.txt', 'wandb-metadata.json']"

    @pytest.mark.parametrize("mode", ["offline", "disabled"])
    def test_not_where_nothing_is_sent(self, mode: str, tmp_path: Path) -> None:
        code = f'WandbHandler(project="p", **dict(online, mode="{mode}")); print(is_there())'
        assert said_by(code, tmp_path) == "False"

    def test_not_while_another_thread_imports_it_and_waits_for_logging(self, tmp_path: Path) -> None:
        """As `dictConfig` makes handlers it holds the lock that this other thread waits for."""
        code = """
lock = logging._lock
lock.acquire()
other = threading.Thread(target=__import__, args=("urllib3",))
other.start()
while "urllib3.util" not in sys.modules:
    time.sleep(0.001)
handler = WandbHandler(project="p", **online)
print(is_there())
lock.release()
other.join()
handler.handle(logging.LogRecord("t", 20, "", 0, "hi", (), None))
print(is_there(), handler.stats()["accepted"])
"""
        assert said_by(code, tmp_path) == "False\nTrue 1"
