"""Days without network and clocks that jump by a day, in simulated time; and a jump in a real program."""

from __future__ import annotations

import itertools
import time
from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

from tests.robustness.ground import Outcome, rows_problems
from tests.robustness.simulated import AWAY, ROUND, World
from wandb_logging import new_run
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOUR, DAY = 3600.0, 86_400.0
WORKDAY = 8 * HOUR  # the day of a sample: it goes on for some hours after the clock has jumped
PATIENCE = 300.0  # seconds of silence after which W&B takes a run for dead

# When the network is away, by the second at which the day ends and the present one.
AWAY_WHEN: dict[str, Callable[[float, float], bool]] = {
    "all day": lambda end, now: now < end,
    "from hour 1 on": lambda end, now: HOUR < now < end,
    "ten minutes of each twenty": lambda end, now: now % 1200 < 600 and now < end,
    "never": lambda _end, _now: False,
}
# Seconds between two rows.
PROGRAMS: dict[str, Callable[[float], float | None]] = {
    "a row every 5 s": lambda _now: 5.0,
    "an hour of 10 a second, then silence": lambda now: 0.1 if now < HOUR else None,
}
# By how much the wall clock is wrong.
JUMPS: dict[str, Callable[[float], float]] = {
    "no jump": lambda _now: 0.0,
    "a day forth": lambda now: DAY if now > 5 * HOUR else 0.0,
    "a day back": lambda now: -DAY if now > 5 * HOUR else 0.0,
    "a day back and forth each hour": lambda now: DAY * ((now // HOUR) % 3 - 1),
}


def study(place: Path, *, full: bool, part: tuple[int, int] = (0, 1)) -> Outcome:
    """Each row is there once in the end, and no request came faster than allowed.

    As long as there is a network, W&B is never left without a sign of life for so long that it takes the run for dead.
    """
    outcome = Outcome()
    first, step = part if full else (43, 128)
    end = DAY if full else WORKDAY
    cases = itertools.product(AWAY_WHEN, AWAY, PROGRAMS, JUMPS)
    for number, (when, how, program, jump) in itertools.islice(enumerate(cases), first, None, step):
        world = World(
            place / str(number),
            away=partial(AWAY_WHEN[when], end),
            every=PROGRAMS[program],
            how=how,
            jumps=JUMPS[jump],
            batch_size=100 + number * 50,
            durable=False,  # nothing here is about the disk
        )
        outcome.check(f"away {when}, {how}; {program}; {jump}", _day(world, end))
    if first == 0 or not full:
        outcome.check("a clock that jumps in a program", _jumps(place / "program"))
    return outcome


def _day(world: World, end: float) -> Iterator[str]:
    world.run(end + HOUR)
    world.end()
    yield from world.problems()
    # After the day it is found again within the longest wait between two tries, and from then on hears of the run.
    heard = [moment for moment in world.server.answered if moment >= end]
    silence = max((after - before for before, after in zip([end, *heard], heard)), default=PATIENCE)
    if silence >= PATIENCE and "429 for" not in world.server.how:
        yield f"{silence:.0f} s of silence with a network"
    if len(heard) > 4 * HOUR / ROUND:
        yield f"{len(heard)} requests in the hour after"


def _jumps(place: Path) -> Iterator[str]:
    """A real program, whose wall clock jumps while it logs: nothing waits for it."""
    offset = 0.0
    real = time.time

    def jumping() -> float:
        return real() + offset

    with LocalServer() as server, mock.patch.object(time, "time", jumping):
        run = new_run("p", host=server.url, api_key=server.api_key, mode="online", cache_dir=str(place), quiet=True)
        for number in range(60):
            offset = DAY * (number // 10 % 3 - 1)
            run.log({"n": number})
            if number % 10 == 9:
                report = run.flush(30)
                if report.remaining:
                    yield f"{report.remaining} rows wait after row {number}"
        report = run.finish(timeout=30)
        if not report.ok:
            yield str(report)
        history = server.runs[0].history
        yield from rows_problems([line["n"] for line in history], range(60), range(60))
        yield from (f"a runtime of {line['_runtime']} s" for line in history if line["_runtime"] < 0)
        yield from map(str, server.violations)
