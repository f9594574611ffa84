from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import hosts
from tests.patience import PATIENCE
from wandb_logging._journal import folder_mutex, presence
from wandb_logging._journal.folder_mutex import NAME, alone_in
from wandb_logging._journal.presence import Holder

# Each visitor reads a number, waits a moment, and writes the next one.
VISITOR = """
import sys, time
from pathlib import Path
from wandb_logging._journal.folder_mutex import alone_in
folder = Path(sys.argv[1])
for _ in range(10):
    with alone_in(folder / "p", 600):
        number = int((folder / "number").read_text())
        time.sleep(0.002)
        (folder / "number").write_text(str(number + 1))
"""


@pytest.mark.not_quick
@hosts.linux
def test_one_at_a_time_on_all_hosts(tmp_path: Path) -> None:
    """Also where no host sees the locks of another."""
    (tmp_path / "p").mkdir()
    (tmp_path / "number").write_text("0")
    visitors = [
        subprocess.Popen(
            [sys.executable, "-c", hosts.PRELUDE + VISITOR, str(tmp_path)],
            env={**os.environ, **hosts.environment(f"host{number % 2}")},
        )
        for number in range(4)
    ]
    assert [visitor.wait(PATIENCE) for visitor in visitors] == [0] * 4
    assert (tmp_path / "number").read_text() == "40"
    assert not (tmp_path / "p" / NAME).exists()


def test_one_that_died_within(tmp_path: Path) -> None:
    """It is not waited for, where it was a process of this host."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(PATIENCE)
    note = {**Holder.here(tmp_path).to_json(), "pid": gone.pid, "visit": "x"}
    (tmp_path / NAME).write_text(json.dumps(note))
    with alone_in(tmp_path, 600):
        assert json.loads((tmp_path / NAME).read_text())["visit"] != "x"
    assert not (tmp_path / NAME).exists()


@pytest.mark.not_quick
@pytest.mark.parametrize(
    "text", ["", json.dumps({"pid": 1, "host": "another", "boot": "x", "device": 1, "visit": "x"})]
)
def test_one_of_another_host(tmp_path: Path, text: str) -> None:
    """It is waited for as long as a visit may take by the clock of the disk, and no longer."""
    (tmp_path / NAME).write_text(text)
    with alone_in(tmp_path, 0.3):
        assert (tmp_path / NAME).read_text() == text  # nobody can tell: there is no gate for this visit
    os.utime(tmp_path / NAME, (time.time() - 3600, time.time() - 3600))
    with alone_in(tmp_path, 600):
        assert (tmp_path / NAME).read_text() != text
    assert not (tmp_path / NAME).exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Then it is entered without."""
    with alone_in(tmp_path / "away", 0.1):
        pass


@pytest.mark.not_quick
def test_only_what_was_seen_to_be_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the removal another host may have removed it, and made its own."""
    (tmp_path / NAME).write_text(json.dumps({"pid": 1, "host": "another", "boot": "x", "device": 1, "visit": "left"}))
    os.utime(tmp_path / NAME, (time.time() - 3600, time.time() - 3600))
    others = json.dumps({"pid": 1, "host": "another", "boot": "x", "device": 1, "visit": "theirs"})

    def age_of(folder: Path, name: str) -> float | None:
        found = presence.age_of(folder, name)
        (folder / name).write_text(others)
        return found

    monkeypatch.setattr(folder_mutex, "age_of", age_of)
    with alone_in(tmp_path, 0.3):
        assert (tmp_path / NAME).read_text() == others
    assert (tmp_path / NAME).read_text() == others
