"""Memory: what a process holds while it logs millions of rows and no server takes them, and after one has come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from tests.robustness.ground import Outcome
from tests.robustness.simulated import World

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
WARM = 100_000  # rows after which memory has to stay as it is
SLACK = 5 * 2**20  # bytes: what "as it is" leaves room for
REQUEST = 16 * 2**20  # bytes: what sending may take, whose requests have 8 MiB at the end
LOOK = 50_000  # rows between two looks
PER_SECOND = 1000  # rows, in simulated time


def study(place: Path, *, full: bool, part: tuple[int, int] = (0, 1)) -> Outcome:
    """After the first rows a process grows no more, whatever becomes of them."""
    outcome = Outcome()
    rows, seconds = (10_000_000, 7200) if full else (300_000, 400)
    jobs = {
        f"{rows} rows, no server": ["program", "online", str(rows)],
        f"{seconds} s at {PER_SECOND} rows/s, simulated": ["simulated", str(seconds)],
        f"{rows} rows, offline": ["program", "offline", str(rows)],
    }
    first, step = part
    for what, job in list(jobs.items())[first : 3 if full else 2 : step]:
        (place / job[1]).mkdir(parents=True)
        outcome.check(what, _problems(outcome, what, job, place / job[1]))
    return outcome


def _problems(outcome: Outcome, what: str, job: list[str], place: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.robustness.memory", str(place), *job]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if shown.returncode:
        yield shown.stderr[-500:]
        return
    result = json.loads(shown.stdout.splitlines()[-1])
    yield from result["problems"]
    looks = [size for rows, size in result["looks"] if rows >= WARM]
    growth = max(looks) - looks[0]
    outcome.notes.append(f"{what}: {_mib(looks[0])} after {WARM} rows, at most {_mib(growth)} more later")
    outcome.notes += result["notes"]
    if growth > SLACK:
        yield f"grew by {_mib(growth)}: {looks[:: max(1, len(looks) // 20)]}"


# --- the process that is looked at ---

Looks = list[tuple[int, int]]


def main() -> None:
    """Do a job; print what memory was, by rows logged."""
    place, kind, *arguments = sys.argv[1:]
    jobs: dict[str, Callable[..., dict[str, Any]]] = {"program": _program, "simulated": _simulated}
    print(json.dumps({"problems": [], "notes": [], **jobs[kind](Path(place), *arguments)}))


def _program(place: Path, mode: Any, rows: str) -> dict[str, Any]:
    """Log flat out through a handler, offline, or online to a port where nobody listens."""
    import logging

    from wandb_logging import WandbHandler

    logger = logging.getLogger("train")
    logger.setLevel(logging.INFO)
    logger.addHandler(
        WandbHandler(
            project="p",
            mode=mode,
            host="http://127.0.0.1:9",
            api_key="0" * 40,
            cache_dir=str(place),
            flush_interval=1,
            close_timeout=1,
            quiet=True,
        )
    )
    looks: Looks = []
    for number in range(int(rows) + 1):
        if number % LOOK == 0:
            looks.append((number, _resident()))
        logger.info("row %d", number, extra={"metrics": {"loss": 0.5, "n": number}})
    return {"looks": looks}


def _simulated(place: Path, seconds: str) -> dict[str, Any]:
    """A thousand rows a second to a server that is there at first, away for most of the time, and there again."""
    last = float(seconds)
    world = World(
        place, away=lambda now: 0.005 * last < now < last, every=lambda now: 1 / PER_SECOND if now < last else None
    )
    looks: Looks = []
    while world.now < last - 130:  # then the server comes, perhaps while a request is tried again
        world.run(LOOK / PER_SECOND)
        looks.append((world.logged, _resident()))
    world.run(last + 600 - world.now)
    world.end()
    problems = list(world.problems())
    more = _resident() - looks[-1][1]
    if more > REQUEST:
        problems.append(f"sending takes {_mib(more)}")
    return {"looks": looks, "problems": problems, "notes": [f"sending all of it afterwards: {_mib(more)} more"]}


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
