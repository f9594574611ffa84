"""A program, its network and its clocks in simulated time: days of it pass in seconds.

Real are the journal and everything from there to the client's methods: uploader, fold, retries, the limit of requests.
Simulated are both clocks, the rounds in which a run's thread works, and the server with the way to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from typing import TYPE_CHECKING, Any

from tests.robustness.ground import START, MemoryServer
from tests.runs import SENT_SO
from wandb_logging._errors import ServerUnavailable, TransportError, WandbLoggingError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.body import Pieces
from wandb_logging._server.link import Link, Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

ROUND = 15.0  # seconds between two rounds: the default of flush_interval
LATENCY = 0.05  # seconds until the server answers
TIMEOUT = 30.0  # seconds until one that says nothing is given up
_BREATH = 1e-9  # seconds, of the real clock: what is folded at once, and sent, depends on that there is a program

AWAY: dict[str, Callable[[], Exception]] = {
    "refused": lambda: TransportError("refused"),
    "silent": lambda: TransportError("timed out"),
    "503": lambda: ServerUnavailable("503", 503),
    "429 for ten minutes": lambda: ServerUnavailable("429", 429, 600.0),
}


_OFFSET = re.compile(rb'"wandb-history.jsonl":\{"offset":(\d+)')
_ROW = re.compile(rb'"\{\\"n\\":(\d+),\\"_step\\":(\d+),\\"_timestamp\\":[\d.]+,\\"_runtime\\":(-?[\d.]+)\}"')
_EXIT_CODE = re.compile(rb'"exitcode":(\d+)')


class World:
    """One program with one run, from second 0 on.

    Args:
        place: where it keeps its runs.
        away: whether the network is away, by the second.
        how: what a request meets then; of AWAY.
        every: seconds between two rows; None while none are logged. By the second.
        jumps: by how many seconds the wall clock is wrong, by the second.
        options: how it is sent, where that is not the default.
    """

    def __init__(
        self,
        place: Path,
        *,
        away: Callable[[float], bool],
        every: Callable[[float], float | None],
        how: str = "refused",
        jumps: Callable[[float], float] = lambda _now: 0.0,
        **options: Any,
    ) -> None:
        self.now = 0.0
        self.logged = 0
        self.server = Server(self, away, how)
        self._every = every
        self._jumps = jumps
        self._due = 0.0
        run_dir = create_run(place, RunInfo("r", "p", start=START))
        self._writer = run_dir.writer()
        server: Any = self.server
        self._goes_on = True
        pace = Pace(self.sleep, lambda: False, lambda: _BREATH if self._goes_on else 0.0)
        link = Link(lambda: server, pace, lambda: self.now)
        self._uploader = Uploader(run_dir, link, dataclasses.replace(SENT_SO, **options))

    def wall(self) -> float:
        """Seconds since 1970, by a clock that may jump."""
        return START + self.now + self._jumps(self.now)

    def sleep(self, seconds: float) -> None:
        """Time passes, and the program logs meanwhile."""
        until = self.now + seconds
        while self._due <= until:
            self.now = max(self.now, self._due)
            pause = self._every(self.now)
            if pause is not None:
                event = b'{"metrics":{"n":%d},"t":%.6f}' % (self.logged, self.wall())
                self._writer.append(event)
                self.logged += 1
            self._due = self.now + (pause or 1.0)
        self.now = until

    def run(self, seconds: float) -> None:
        """Rounds, as `Background` makes them."""
        until = self.now + seconds
        while self.now < until:
            with contextlib.suppress(WandbLoggingError):
                self._uploader.drain(live=True)
            self.sleep(ROUND)

    def end(self) -> None:
        """The program ends, with a network: it logs nothing more, however long the last requests take."""
        self._every = lambda _now: None
        self._goes_on = False
        self._writer.close()
        self._uploader.drain(ending=0)
        self._uploader.close()

    def problems(self) -> Iterator[str]:
        """What the server lacks, and what it was sent against the rules."""
        if self.server.rows != self.logged:
            yield f"{self.server.rows} rows of {self.logged} arrived"
        if self._writer.counts.dropped:
            yield f"lost: {self._writer.counts.dropped}"
        if self.server.exit_code != 0:
            yield f"exit code {self.server.exit_code}"
        yield from self.server.broken
        yield from _too_fast(self.server.posts)


class Server(MemoryServer):
    """Counts rows instead of keeping them: row N has to be line N.

    Attributes:
        rows: lines there.
        posts: seconds at which one to the file stream came, answered or not.
        answered: seconds at which one of any kind was answered.
    """

    def __init__(self, world: World, away: Callable[[float], bool], how: str) -> None:
        super().__init__()
        self.rows = 0
        self.posts: list[float] = []
        self.answered: list[float] = []
        self._world = world
        self._away = away
        self.how = how

    def graphql(self, document: str, variables: Mapping[str, Any], *, conflict_retries: bool = False) -> dict[str, Any]:
        self._come()
        return super().graphql(document, variables, conflict_retries=conflict_retries)

    def file_stream(self, path: str, body: Pieces, *, gzip: bool) -> tuple[bool, float]:
        del path, gzip
        self.posts.append(self._world.now)
        self._come()
        # Not parsed as a whole: how much memory the client takes is looked at in this process.
        number = self.rows
        rest = b""
        for piece in body:
            rest += piece
            if found := _OFFSET.search(rest):
                number = int(found[1])
                if number > self.rows:
                    self.broken.append(f"a gap before line {number}, {self.rows} are there")
            end = found.end() if found else 0
            for row in _ROW.finditer(rest):
                if int(row[1]) != number or int(row[2]) != number or float(row[3]) < 0:
                    self.broken.append(f"line {number} is {row[0].decode()}")
                number += 1
                end = row.end()
            rest = rest[end:]
        self.rows = max(self.rows, number)
        if exit_code := _EXIT_CODE.search(rest):
            self.exit_code = int(exit_code[1])
        return False, 0.0

    def _come(self) -> None:
        if self._away(self._world.now):
            self._world.sleep(TIMEOUT if self.how == "silent" else LATENCY)
            error = AWAY[self.how]()
            raise error
        self._world.sleep(LATENCY)
        self.answered.append(self._world.now)


def _too_fast(moments: list[float]) -> Iterator[str]:
    """Where requests came faster than W&B allows: 2 a second, and 10 at once after a rest."""
    tokens, last = 10.0, 0.0
    for moment in moments:
        tokens, last = min(10.0, tokens + (moment - last) * 2.0) - 1, moment
        if tokens < -1e-6:
            yield f"too many requests at second {moment:.1f}"
            return
