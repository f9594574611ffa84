"""Ten thousand processes in a thousand runs of one project, in simulated time, against what W&B takes of a project.

All begin at once and end at once, as an array of jobs may; senders are killed, and another process takes over. Real
are the functions that decide when a request goes: `Schedule`, the allowance of a run and that of a project, the waits
between tries. Simulated are the clock, the network and the server, which answers 429 to what comes too fast.

    python -m tests.robustness.crowd          prints the table of docs/howto/launchers.md
"""

from __future__ import annotations

import heapq
import itertools
import random
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tenacity

from tests.robustness.ground import Outcome
from wandb_logging._errors import ServerUnavailable
from wandb_logging._run.schedule import Schedule
from wandb_logging._server import retry
from wandb_logging._server.allowance import BYTES, REQUESTS
from wandb_logging._server.stream import POSTS
from wandb_logging._settings.settings import BATCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    Steps = Generator[float, None, None]

RUNS = 1000
EACH = 10  # processes of a run
LASTS = 600.0  # seconds from the first record to the end
ROW_BYTES = 120
MOST_REQUESTS, MOST_BYTES = 500, 120e6  # of a project within any second
RETRY_AFTER = 2.0  # seconds, as a server says it


@dataclass
class Project:
    """The server's side: what came within the last second, and what was too much.

    Attributes:
        answered: requests that were taken.
        refused: requests that were answered with 429.
        busiest: most requests within a second.
        heaviest: most bytes within a second.
        broken: breaches of what a run may do, of offsets, of what a project may do.
    """

    answered: int = 0
    refused: int = 0
    busiest: int = 0
    heaviest: float = 0.0
    broken: list[str] = field(default_factory=list)
    _recent: deque[tuple[float, float]] = field(default_factory=deque)
    _bytes: float = 0.0

    def takes(self, now: float, size: float) -> bool:
        """Whether a request is taken."""
        while self._recent and self._recent[0][0] <= now - 1:
            self._bytes -= self._recent.popleft()[1]
        self._recent.append((now, size))
        self._bytes += size
        self.busiest, self.heaviest = max(self.busiest, len(self._recent)), max(self.heaviest, self._bytes)
        good = len(self._recent) <= MOST_REQUESTS and self._bytes <= MOST_BYTES
        self.answered += good
        self.refused += not good
        return good


@dataclass
class World:
    """All of it.

    Args:
        hosts: among how many the runs are spread; those of one host share an allowance.
        rate: rows a second of each process.
        seed: of chance.
    """

    hosts: int
    rate: float
    seed: int
    runs: int = RUNS
    now: float = 0.0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.server = Project()
        self.full = [[0.0, 0.0] for _ in range(self.hosts)]
        self.rows_there = [0] * self.runs
        self.last_row = self.last_end = 0.0
        self.ended = 0

    def work(self) -> None:
        """Until nobody has anything to do."""
        numbers = itertools.count()
        due: list[tuple[float, int, Steps]] = []
        for number in range(self.runs):
            heapq.heappush(due, (self.rng.random(), next(numbers), self.run(number)))
        while due:
            self.now, _, steps = heapq.heappop(due)
            pause = next(steps, None)
            if pause is not None:
                heapq.heappush(due, (self.now + pause, next(numbers), steps))

    def logged(self, at: float) -> int:
        """Rows of one run by then."""
        return int(min(at, LASTS) * self.rate * EACH)

    # --- one run: who sends it, and who does after that one ---

    def run(self, number: int) -> Steps:
        """The life of a run."""
        dies = self.rng.uniform(10, LASTS - 30) if self.rng.random() < 0.1 else float("inf")
        gone = yield from self.send(number, dies)
        if gone:
            yield self.rng.uniform(0, 15)  # the others look once in a flush_interval
            yield from self.send(number, float("inf"))

    def send(self, number: int, dies: float) -> Generator[float, None, bool]:
        """What one sender does; whether it was killed."""
        schedule, own = Schedule(15.0, 30.0), [self.now]
        for _ in range(5):  # the server's features, the run, two files and their addresses
            yield from self.ask(number, 2000)
        while True:
            is_last = self.now >= LASTS
            schedule.begin(self.now, sending=True)
            yield from self.post(number, own)
            schedule.end(self.now, sending=True)
            if is_last:
                break
            yield min(schedule.seconds_left(self.now), max(0.0, LASTS - self.now))
            if self.now >= dies:
                return True
        for _ in range(5):  # the last files
            yield from self.ask(number, 5000)
        yield from self.own_turn(own)
        yield from self.ask(number, 500)
        self.ended += 1
        self.last_end = self.now
        return False

    def post(self, number: int, own: list[float]) -> Steps:
        """A round: the rows by now, in as many requests as it takes; one without rows as well, as a sign of life."""
        until = self.logged(self.now)
        while True:
            first = self.rows_there[number]
            count = min(until - first, BATCH_SIZE)
            yield from self.own_turn(own)
            yield from self.ask(number, 300 + count * ROW_BYTES)
            if self.rows_there[number] != first:
                self.server.broken.append(f"run {number}: two senders at once")
            self.rows_there[number] = first + count
            if count:
                self.last_row = self.now
            if first + count >= until:
                return

    def own_turn(self, own: list[float]) -> Steps:
        """Wait as `Stream` does. `own` holds the time at which the sender's bucket is full."""
        own[0], wait = POSTS.take(own[0], self.now, 1)
        yield wait

    def ask(self, number: int, size: float) -> Steps:
        """A request, tried until it is taken, as `Link` does."""
        full, attempt = self.full[number % self.hosts], 0
        while True:
            full[0], wait = REQUESTS.take(full[0], self.now, 1)
            full[1], for_size = BYTES.take(full[1], self.now, size)
            yield max(wait, for_size)
            yield self.rng.uniform(0.01, 0.05)  # on the way
            if self.server.takes(self.now, size):
                yield self.rng.uniform(0.01, 0.1)
                return
            attempt += 1
            yield pause_after(attempt)

    def problems(self) -> Iterator[str]:
        """What was promised and did not hold."""
        missing = sum(self.logged(LASTS) - there for there in self.rows_there)
        if missing or self.ended != self.runs:
            yield f"{missing} rows missing, {self.runs - self.ended} runs not ended"
        if self.hosts == 1 and self.server.refused:
            yield f"{self.server.refused} requests were too many: {self.server.busiest} in a second"
        yield from self.server.broken


def pause_after(attempt: int) -> float:
    """Seconds that the real retry waits after so many answers 429."""
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    state.attempt_number = attempt
    future: tenacity.Future = tenacity.Future(attempt)
    future.set_exception(ServerUnavailable("429", 429, RETRY_AFTER))
    state.outcome = future
    return retry.wait(state)


SCENARIOS = {
    "one allowance for all": {"hosts": 1, "rate": 0.1},
    "one allowance, 10 rows a second of each process": {"hosts": 1, "rate": 10.0},
    "50 hosts that share nothing": {"hosts": 50, "rate": 0.1},
}


def study(place: Path, *, full: bool) -> Outcome:
    """Each scenario: every row arrives, every run ends, and no request is too many where the allowance is shared."""
    del place
    outcome = Outcome()
    for name, how in SCENARIOS.items():
        world = World(**how, seed=1, runs=RUNS if full else 200)  # type: ignore[arg-type]  # see SCENARIOS
        world.work()
        outcome.check(name, world.problems())
        outcome.notes.append(line(name, world))
    return outcome


def line(name: str, world: World) -> str:
    """A line of the table."""
    server, rows = world.server, sum(world.rows_there)
    after = f"{world.last_row - LASTS:.0f} s | {world.last_end - LASTS:.0f} s"
    most = f"{server.busiest} | {server.heaviest / 1e6:.0f} MB"
    return f"| {name} | {rows:,} | {server.answered:,} | {most} | {server.refused:,} | {after} |"


def main() -> int:
    """Print the table."""
    outcome = study(None, full=True)  # type: ignore[arg-type]  # it needs no place
    columns = "rows | requests | most in a second | most bytes in a second | answered 429 | last row | last end"
    print(f"| {RUNS * EACH:,} processes, {RUNS:,} runs | {columns} |\n|{'---|' * 8}")
    print(*outcome.notes, *outcome.failures, sep="\n")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
