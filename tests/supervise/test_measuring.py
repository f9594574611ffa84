"""Promises about `wandb-logging run` with system metrics: they are those of the program and of all it has started."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE

if os.name == "nt":
    pytest.skip("run needs a POSIX system", allow_module_level=True)

from tests.supervise.programs import InTerminal, python, ran

pytest.importorskip("psutil")
pytestmark = pytest.mark.not_quick

HELD = 60  # MiB, of each of two children; this package itself takes less than 60 MiB

# Waits until the journal of the run has a sample of which the expression `wanted` is true.
UNTIL = f"""
import glob, json, os, subprocess, sys, time

def samples():
    lines = [line for name in glob.glob("wandb_cache/*/*/journal-*.jsonl") for line in open(name, "rb")]
    return [json.loads(line)["system"] for line in lines if line.endswith(b"}}\\n") and b'"system"' in line]

def until(wanted):
    end = time.monotonic() + {PATIENCE}
    while time.monotonic() < end and not any(wanted(sample) for sample in samples()):
        time.sleep(0.02)
"""

HOLDERS = f"""
hold = "held = bytearray(b'x' * ({HELD} << 20)); input()"
children = [subprocess.Popen([sys.executable, "-Sc", hold], stdin=subprocess.PIPE) for _ in range(2)]
until(lambda sample: sample["proc.memory.rssMB"] > {2 * HELD} and sample["proc.cpu.threads"] >= 3)
busy = subprocess.Popen([sys.executable, "-Sc", "while True: pass"])
until(lambda sample: sample.get("cpu", 0) > 0)
busy.kill()
busy.wait()
for child in children:
    child.communicate(b"\\n")
"""


@pytest.fixture
def options() -> tuple[str, str]:
    """Options of `run` that switch system metrics on."""
    Path("settings.json").write_text('{"system_metrics": true, "system_interval": 0.1}')
    return ("--settings", "settings.json")


def program(*parts: str) -> list[str]:
    """A program of these parts."""
    return python("".join(textwrap.dedent(part) for part in (UNTIL, *parts)))


def samples() -> list[dict[str, Any]]:
    """The samples of system metrics in the journals."""
    lines = [line for file in Path("wandb_cache").glob("*/*/journal-*.jsonl") for line in file.read_text().splitlines()]
    return [event["system"] for event in map(json.loads, lines) if "system" in event]


class TestTree:
    def test_memory_and_threads_are_the_childrens_too(self, options: tuple[str, str]) -> None:
        """What two children of the program hold is in the sum, and so are their threads."""
        assert ran(*program(HOLDERS), options=options).returncode == 0
        most = max(samples(), key=lambda sample: sample["proc.memory.rssMB"])
        assert most["proc.memory.rssMB"] > 2 * HELD
        assert most["proc.memory.percent"] > 0
        assert most["proc.cpu.threads"] >= 3
        assert any(sample.get("cpu", 0) > 0 for sample in samples())

    def test_in_a_terminal(self, options: tuple[str, str]) -> None:
        """There, also a process whose parent had ended before anybody could see it is one of them."""
        orphan = f"""
        hold = "import os; held = bytearray(b'x' * ({2 * HELD} << 20)); os.read(0, 1)"
        ours, theirs = os.pipe()
        if not os.fork():
            if not os.fork():
                os.dup2(ours, 0)
                os.close(theirs)
                os.execv(sys.executable, [sys.executable, "-Sc", hold])
            os._exit(0)
        os.wait()
        until(lambda sample: sample["proc.memory.rssMB"] > {2 * HELD})
        print("done", flush=True)
        os.close(theirs)
        """
        terminal = InTerminal(*program(orphan), options=options)
        terminal.read_until(b"done")
        assert terminal.end() == 0
        assert max(sample["proc.memory.rssMB"] for sample in samples()) > 2 * HELD

    def test_a_handler_of_the_programs_own_does_not_measure_again(self, options: tuple[str, str]) -> None:
        """A handler in the program that joins the run leaves the system metrics to `run`, whatever its settings."""
        own = """
        import logging, wandb_logging
        until(lambda sample: True)
        handler = wandb_logging.WandbHandler(
            project="p", run_id="shared", mode="offline", system_metrics=True, system_interval=0.1, resume="allow"
        )
        logging.getLogger().addHandler(handler)
        logging.warning("x", extra={"metrics": {"loss": 1}})
        seen = len(samples())
        until(lambda sample: len(samples()) >= seen + 4)
        """
        assert ran(*program(own), options=(*options, "--run-id", "shared")).returncode == 0
        journals = list(Path("wandb_cache").glob("*/*/journal-*.jsonl"))
        assert len(journals) >= 2
        assert sum('"system"' in file.read_text() for file in journals) == 1
