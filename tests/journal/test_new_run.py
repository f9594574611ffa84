"""Promises of run directories that are made aside: until one is whole, nobody takes it for a run."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.runs import START, make_run, row
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.new_run import NewRun, folder_aside
from wandb_logging._journal.verify import find_directories
from wandb_logging._page.scan import run_folders

INFO = RunInfo("made", "p", start=START)


def test_nobody_sees_it_before_it_is_whole(tmp_path: Path) -> None:
    """Who lists, checks, sends or shows the runs of a folder does not find one that is being made."""
    with folder_aside(tmp_path) as aside:
        new = NewRun(tmp_path, aside, INFO)
        new.append([b'{"metrics":{"n":1},"t":1.0}'])
        for find in (find_runs, find_directories, run_folders):
            assert list(find(tmp_path)) == []
        place = new.settle()
    for find in (find_runs, find_directories):
        assert [found.path for found in find(tmp_path)] == [place]
    assert list(run_folders(tmp_path)) == [str(place)]


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    """The next one removes it; what another process is making, or has just begun, stays."""
    left, young = (tmp_path / f".aside-{name}" for name in ("left", "young"))
    for folder in (left, young):
        make_run(folder, [row(0)])
    with folder_aside(tmp_path) as living:
        NewRun(tmp_path, living, INFO)
        for folder in (left, living):
            os.utime(folder, (time.time() - 3600,) * 2)
        with folder_aside(tmp_path):
            assert (left.exists(), young.exists(), living.exists()) == (False, True, True)
