"""Try what the package promises, and say how often it held.

Each study makes cases of one kind: processes killed, bytes changed, calls of the operating system that fail, power
cuts, a network that misbehaves. A case is a failure when a promise of docs/promises.md did not hold.

The studies run beside each other, one process for each core. The exit code is 1 if a promise was broken.

    python -m tests.robustness                         a sample of everything, under a minute or two
    python -m tests.robustness --full                  everything; writes the table in docs/promises.md
    python -m tests.robustness --full --only memory    everything of one study; writes its row
    python -m tests.robustness --replay 37             kill 37 of the kill matrix again, a hundred times
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.robustness import (
    canary,
    carried,
    crowd,
    damage,
    days,
    first_call,
    fuzz,
    hosts,
    kills,
    memory,
    network,
    owner,
    page,
    planted,
    power,
    processes,
    rhythms,
    syscalls,
    writers,
)
from tests.robustness.ground import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent.parent
EVIDENCE = "evidence"  # folder in which a study leaves what its failures left
KILLS = "kill matrix"
SHOWN = 10  # failures of one study that are printed


class Study(NamedTuple):
    """One way to try a promise.

    Attributes:
        name: as in the table.
        promises: numbers of those it is about.
        work: makes the cases in a directory of its own.
        parts: how many processes a full run may share it among; `work` then takes `part=(number, parts)`.
    """

    name: str
    promises: str
    work: Callable[..., Outcome]
    parts: int = 1


STUDIES = [
    Study(KILLS, "1, 3", kills.study, parts=4),
    Study("every byte", "4", damage.study),
    Study("planted things", "4, 5", planted.study),
    Study("every syscall", "5", syscalls.study),
    Study("power loss", "2, 3", power.study),
    Study("each fsync is needed", "2, 3", power.needless),
    Study("network faults", "3, 5", network.study),
    Study("rhythms", "5", rhythms.study),
    Study("first call", "5", first_call.study, parts=2),
    Study("simulated days", "3, 5", days.study, parts=2),
    Study("crowd", "3", crowd.study),
    Study("memory", "5", memory.study, parts=3),
    Study("one owner, forks", "3, 5", owner.study),
    Study("processes", "1, 3, 5", processes.study),
    Study("many writers", "1, 3", writers.study, parts=2),
    Study("several hosts", "1, 3", hosts.study, parts=2),
    Study("workers elsewhere", "1, 3", carried.study, parts=2),
    Study("fuzz", "4, 5", fuzz.study, parts=2),
    Study("canary", "7", canary.study, parts=2),
]
BY_NAME = {study.name: study for study in STUDIES}


def main(arguments: list[str] | None = None) -> int:
    """Run the studies that were asked for; 1 if a promise was broken."""
    given = _parser().parse_args(arguments)
    if given.job:
        print(json.dumps(asdict(_work(given))))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    names = given.only or ([KILLS] if given.replay is not None else [study.name for study in STUDIES])
    outcomes = _together(given, names)
    if Path(given.evidence).exists():
        print(f"what failures left is kept in {given.evidence}")
    if given.full and given.replay is None:
        page.write([(study.name, study.promises) for study in STUDIES], outcomes)
    return 1 if any(outcome.failures for outcome in outcomes.values()) else 0


def _parser() -> argparse.ArgumentParser:
    description, _, examples = (__doc__ or "").rpartition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.robustness",
        description=description,
        epilog="examples:\n" + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="a sample of the cases (default)")
    how.add_argument("--full", action="store_true", help="all cases; writes docs/promises.md")
    parser.add_argument("--only", action="append", metavar="STUDY", choices=BY_NAME, help=f"of {', '.join(BY_NAME)}")
    parser.add_argument("--kills", type=int, metavar="N", help=f"kills of a full run (default {kills.FULL})")
    parser.add_argument("--replay", type=int, metavar="N", help="try kill N of the kill matrix again")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes at once (default: one for each core)")
    parser.add_argument(
        "--evidence", metavar="DIR", type=_absolute, help="where what failures left is kept (default: a new folder)"
    )
    parser.add_argument("--job", nargs=3, metavar=("STUDY", "PART", "PARTS"), help=argparse.SUPPRESS)
    parser.set_defaults(evidence=str(Path(tempfile.gettempdir()) / f"robustness-{os.getpid()}"))
    return parser


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _work(given: argparse.Namespace) -> Outcome:
    """One job, in a process of its own."""
    study, part = BY_NAME[given.job[0]], (int(given.job[1]), int(given.job[2]))
    kills.FULL = kills.FULL if given.kills is None else given.kills
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "study"
        if given.replay is not None:
            outcome = kills.replay(place, given.replay)
        else:
            outcome = study.work(place, full=given.full, **({"part": part} if study.parts > 1 else {}))
        if (place / EVIDENCE).exists():
            shutil.copytree(place / EVIDENCE, given.evidence, dirs_exist_ok=True)
    outcome.seconds = time.monotonic() - began
    return outcome


# --- several at once ---


def _together(given: argparse.Namespace, names: list[str]) -> dict[str, Outcome]:
    """Run each part of each study in a process of its own, some at a time; the outcomes by name."""
    waiting = [
        (name, part, parts)
        for name in names
        for parts in [BY_NAME[name].parts if given.full and given.replay is None else 1]
        for part in range(parts)
    ]
    began = time.monotonic()
    outcomes: dict[str, Outcome] = {}
    left = {name: sum(job[0] == name for job in waiting) for name in names}
    for (name, _, _), outcome in _run(given, waiting):
        outcomes[name] = outcomes.get(name, Outcome()) + outcome
        left[name] -= 1
        if not left[name]:
            _say(name, outcomes[name])
    print(
        f"{'all':22} {sum(outcome.cases for outcome in outcomes.values()):7} cases {time.monotonic() - began:17.1f} s"
    )
    return outcomes


def _run(
    given: argparse.Namespace, waiting: list[tuple[str, int, int]]
) -> Iterator[tuple[tuple[str, int, int], Outcome]]:
    jobs = given.jobs or os.cpu_count() or 1
    running: dict[subprocess.Popen[str], tuple[str, int, int]] = {}
    with tempfile.TemporaryDirectory() as place:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    job = waiting.pop(0)
                    running[_start(given, job, place)] = job
                for process in list(running):
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        output, _ = process.communicate(timeout=0.2)
                        yield running.pop(process), _outcome(process, output)
        finally:
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # with everything that it has started
                process.wait()


def _start(given: argparse.Namespace, job: tuple[str, int, int], place: str) -> subprocess.Popen[str]:
    options = [
        *(["--full"] if given.full else []),
        f"--evidence={given.evidence}",
        *([f"--kills={given.kills}"] if given.kills is not None else []),
        *([f"--replay={given.replay}"] if given.replay is not None else []),
    ]
    command = [sys.executable, "-m", "tests.robustness", *options, "--job", *map(str, job)]
    # Nothing of the person who runs it: no settings, no keys, no proxy that would catch even loopback.
    foreign = ("WANDB_", "NETRC", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE")
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith(foreign)}
    environment.update(NETRC=os.devnull, HOME=place, TMPDIR=place)
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def _outcome(process: subprocess.Popen[str], output: str) -> Outcome:
    if process.returncode:
        return Outcome(failures=[f"the study itself failed, with exit code {process.returncode}"])
    *said, last = output.splitlines()
    for line in said:
        print(line)
    return Outcome(**json.loads(last))


def _say(name: str, outcome: Outcome) -> None:
    print(f"{name:22} {outcome.cases:7} cases {len(outcome.failures):5} failures {outcome.seconds:7.1f} s", flush=True)
    for failure in itertools.islice(outcome.failures, SHOWN):
        print(f"    {failure}")
    for note in outcome.notes:
        print(f"    {note}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
