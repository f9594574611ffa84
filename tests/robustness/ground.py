"""What the studies share: an outcome, a server in memory, a run to send to it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.runs import taken_out
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.body import Pieces
from wandb_logging._server.link import Link, Pace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wandb_logging._journal.rundir import RunDir

START = 1_700_000_000.0


@dataclass
class Outcome:
    """How a study went.

    Attributes:
        cases: tried.
        failures: a sentence for each problem of a case.
        seconds: that its processes took, together.
        notes: what else is worth telling, e.g. what was measured.
    """

    cases: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def __add__(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(
            self.cases + other.cases,
            self.failures + other.failures,
            self.seconds + other.seconds,
            self.notes + other.notes,
        )

    def check(self, what: str, problems: Iterable[str]) -> None:
        """Count a case; `problems` are what is wrong with it."""
        self.cases += 1
        self.failures += [f"{what}: {problem}" for problem in problems]


class MemoryServer:
    """A client and its server in one: keeps lines by offset, and says when the rules of offsets are broken.

    Without sockets, so that tens of thousands of cases take minutes. The studies that need the whole way use
    `LocalServer`.
    """

    def __init__(self) -> None:
        self.history: list[str] = []
        self.output: list[str] = []
        self.config = ""
        self.exit_code: int | None = None
        self.broken: list[str] = []

    def graphql(self, document: str, variables: Mapping[str, Any], *, conflict_retries: bool = False) -> dict[str, Any]:
        del conflict_retries
        if document.startswith("query ServerFeaturesQuery"):
            return {"serverInfo": {"features": []}}
        if document.startswith("query RunLineCount"):
            return {"model": {"bucket": {"historyLineCount": len(self.history), "config": self.config}}}
        self.exit_code = None
        self.config = variables["config"] or self.config
        bucket = {
            "id": "id",
            "name": variables["name"],
            "displayName": "name",
            "historyLineCount": len(self.history),
            "project": {"name": variables["project"], "entity": {"name": "e"}},
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": not self.history}}

    def mask(self, text: str) -> str:
        return text

    def file_stream(self, path: str, body: Pieces, *, gzip: bool) -> tuple[bool, float]:
        del path, gzip
        data = json.loads(bytes(body))
        for name, stored in (("wandb-history.jsonl", self.history), ("output.log", self.output)):
            block = data.get("files", {}).get(name)
            if block is not None:
                self._take(name, stored, block["offset"], block["content"])
        if "exitcode" in data:
            self.exit_code = data["exitcode"]
        return False, 0.0

    def _take(self, name: str, stored: list[str], offset: int, lines: list[str]) -> None:
        if offset > len(stored):
            self.broken.append(f"{name}: a gap before line {offset}, {len(stored)} are there")
        for number, line in enumerate(lines, offset):
            if number < len(stored):
                if stored[number] != line:
                    self.broken.append(f"{name}: line {number} was {stored[number]}, now {line}")
                stored[number] = line
            else:
                stored.append(line)

    def close(self) -> None:
        pass

    @property
    def numbers(self) -> list[int]:
        """The `n` of each row."""
        return [json.loads(line)["n"] for line in self.history]

    def copy(self) -> MemoryServer:
        """The server as it is now."""
        twin = MemoryServer()
        twin.history, twin.output = list(self.history), list(self.output)
        twin.config, twin.exit_code, twin.broken = self.config, self.exit_code, list(self.broken)
        return twin


def uploader(run_dir: RunDir, server: Any, **options: Any) -> Uploader:
    """An uploader that never sleeps, and gives up at the first failure."""
    link = Link(lambda: server, Pace(lambda _seconds: None, lambda: False))
    return Uploader(run_dir, link, taken_out(options), **options)


def drain(run_dir: RunDir, server: Any, **options: Any) -> None:
    """Send all of a run as `sync` does for a dead one."""
    sender = uploader(run_dir, server, **options)
    try:
        sender.drain(ending=1)
    finally:
        sender.close()


def event(number: int, **more: Any) -> bytes:
    """The event of one row."""
    return json.dumps({"metrics": {"n": number}, "t": START + number, **more}, separators=(",", ":")).encode()


def rows_problems(found: Iterable[int], returned: Iterable[int], begun: Iterable[int]) -> list[str]:
    """What is wrong with the rows on a server.

    Args:
        found: there.
        returned: whose logging call had returned: each must be there, once.
        begun: whose logging call had begun: nothing else may be there.
    """
    counts, wanted, possible = Counter(found), set(returned), set(begun)
    wrong = {
        "more than once": sorted(number for number, count in counts.items() if count > 1),
        "lost": sorted(wanted - set(counts)),
        "never logged": sorted(set(counts) - possible),
    }
    return [f"{len(rows)} rows {what}: {_some(rows)}" for what, rows in wrong.items() if rows]


def _some(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
