"""A worker without the run's disk, and the process of the run: each is killed, once or more often; rows are counted.

A case is a kill. Some rows are on the worker's disk, and are carried in pieces of some lines. Then either is killed
before, after or in the middle of a step: the piece is sent, written, answered, noted; the directory is removed. Others
take over, are killed, too, and at last some that are not.
"""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

from tests.carrying.deaths import RUN_POINTS, WORKER_POINTS, Scene
from tests.robustness.ground import Outcome, rows_problems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL = 1000
QUICK = 8


def study(place: Path, *, full: bool, part: tuple[int, int] = (0, 1)) -> Outcome:
    """Each row is in the run once, and nothing is left on the worker's disk that `sync` would send."""
    number, step = part
    outcome = Outcome()
    while outcome.cases < (FULL if full else QUICK) / step:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        rng = random.Random(f"carried {number}")
        rows = rng.randint(1, 40)
        scene = Scene(place, rows, piece=rng.randint(1, 12))
        for _ in range(rng.randint(1, 3)):
            points = (rng.choice([None, *points.values()]) for points in (RUN_POINTS, WORKER_POINTS))
            outcome.cases += len(scene.lose(*(point and point._replace(nth=rng.randint(1, 8)) for point in points)))
        scene.recover()
        outcome.failures += [f"carried {number}: {problem}" for problem in _problems(scene, rows)]
        number += step
    return outcome


def _problems(scene: Scene, rows: int) -> Iterator[str]:
    yield from rows_problems(scene.rows(), range(rows), range(rows))
    yield from (f"{name} is left" for name in scene.left())
