"""Every byte: a journal cut at each length, and each of its bytes flipped."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.robustness.ground import START, MemoryServer, Outcome, drain, event
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._journal.reader import Reader
from wandb_logging._journal.seal import seal

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = 100


def study(place: Path, *, full: bool) -> Outcome:
    """Recovery returns exactly the intact records, always ends, and says what it set aside."""
    outcome = Outcome()
    lines = [seal(event(number)) for number in range(RECORDS)]
    data = b"".join(lines)
    starts = [sum(map(len, lines[:number])) for number in range(RECORDS)]
    step = 1 if full else 17
    rng = random.Random(0)
    for cut in range(0, len(data) + 1, step):
        # A line whose newline alone is missing is whole.
        intact = [number for number in range(RECORDS) if cut >= starts[number] + len(lines[number]) - 1]
        torn = cut - starts[len(intact)] if len(intact) < RECORDS else 0
        outcome.check(f"cut at {cut}", _problems(place, data[:cut], intact, damaged=torn > 0))
    for at in range(0, len(data), step):
        masks = [1 << bit for bit in range(8)] if full else [1 << rng.randrange(8)]
        for mask in [*masks, data[at] ^ ord("\n")]:
            if not mask:
                continue
            flipped = data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
            number = data.count(b"\n", 0, at)
            newline = data[at : at + 1] == b"\n"
            intact = [other for other in range(RECORDS) if newline or other != number]
            outcome.check(f"byte {at} ^ {mask}", _problems(place, flipped, intact, damaged=not newline))
    for at in range(0, len(data), 997 if full else 4999):  # the whole way, to a server
        run_dir = create_run(place, RunInfo("r", "p", start=START))
        damaged = data[:at] + bytes([data[at] ^ 64]) + data[at + 1 :]
        (run_dir.path / "journal-0001-0001.jsonl").write_bytes(damaged)
        server = MemoryServer()
        drain(run_dir, server)
        number = data.count(b"\n", 0, at)
        lost = [] if data[at : at + 1] == b"\n" else [number]
        wanted = [other for other in range(RECORDS) if other not in lost]
        problems = [*server.broken, *([] if server.numbers == wanted else [f"rows {server.numbers}"])]
        outcome.check(f"sent with byte {at} damaged", problems)
    return outcome


def _problems(place: Path, data: bytes, intact: list[int], *, damaged: bool) -> list[str]:
    place.mkdir(exist_ok=True)
    (place / "journal-0001-0001.jsonl").write_bytes(data)
    reader = Reader(place)
    found: list[bytes] = []
    aside = 0
    while (chunk := reader.read()).bodies or chunk.damaged:
        found += chunk.bodies
        aside += len(chunk.damaged)
    reader.close()
    problems = [] if found == [event(number) for number in intact] else ["not exactly the intact records"]
    if damaged != (aside > 0):
        problems.append(f"{aside} damaged lines reported")
    return problems
