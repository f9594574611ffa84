"""Whoever is killed, and when: what a worker elsewhere had written is in the run once, when others have taken over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.carrying.deaths import RUN_POINTS, WORKER_POINTS, Scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")


@pytest.mark.parametrize("point", RUN_POINTS)
def test_the_process_of_the_run_is_killed(tmp_path: Path, point: str) -> None:
    """The next one finds on the disk what of the worker is there."""
    scene = Scene(tmp_path, rows=14)
    assert scene.lose(run=RUN_POINTS[point]) == [RUN_POINTS[point]]
    scene.recover()
    assert scene.rows() == list(range(14))
    assert scene.left() == []


@pytest.mark.parametrize("point", WORKER_POINTS)
def test_the_worker_is_killed(tmp_path: Path, point: str) -> None:
    """The next one on its machine carries what is missing, to whoever is the run's process then."""
    scene = Scene(tmp_path, rows=14)
    assert scene.lose(worker=WORKER_POINTS[point]) == [WORKER_POINTS[point]]
    scene.recover()
    assert scene.rows() == list(range(14))
    assert scene.left() == []
