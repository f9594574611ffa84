"""What SLURM does to jobs: cancels, ends and requeues them, and lets them run where there is no network.

Each case submits a job, does something to it, and compares what the server has with what the job logged.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROGRAM = Path(__file__).parent / "programs" / "job.py"
PYTHON = sys.executable
LONG = 240.0  # seconds in which a job has come so far for certain
FOLLOW = [PYTHON, "-m", "wandb_logging", "sync", "--follow", "--until-idle", "15"]


class Case(NamedTuple):
    """Something that happens to a job.

    Attributes:
        name: as people call it.
        submit: options of sbatch.
        happens: what is done to the job, given this.
        ends: name, state and exit code of each run that is to be there.
        offline: whether the job has no network.
        ranks: how many processes the job's one step has; 1 for a job without a step.
        rows: how many the program logs if it is not ended.
    """

    name: str
    submit: list[str]
    happens: Callable[[Job], None]
    ends: dict[str, tuple[str, int]]
    offline: bool = False
    ranks: int = 1
    rows: int = 1_000_000


def _cancel_two(job: Job) -> None:
    job.wait_for_rows(4)
    job.call("scancel", f"{job.number}_1", f"{job.number}_3")


def _cancel(job: Job) -> None:
    job.wait_for_rows(4)
    job.call("scancel", job.number)


def _kill(job: Job) -> None:
    job.wait_for_rows(1)
    job.kill()
    job.ended()
    job.sync()


def _requeue(job: Job) -> None:
    job.wait_for_rows(job.case.ranks)
    job.call("scontrol", "requeue", job.number)
    job.begin_again()


def _nothing(job: Job) -> None:
    job.wait_for_rows(1)


def _follow_first(job: Job) -> None:
    """It was started before the job (`Job.submit`)."""


def _follow_later(job: Job) -> None:
    job.wait_for_rows(2)
    job.follow()


def _follow_and_cancel(job: Job) -> None:
    _follow_later(job)
    _cancel_two(job)


WELL, ENDED = ("finished", 0), ("failed", 143)


def of_array(**other: tuple[str, int]) -> dict[str, tuple[str, int]]:
    return {f"vit-{task}": other.get(f"task_{task}", WELL) for task in range(4)}


ARRAY = ["--array=0-3"]
CASES = [
    Case("array of 4, 2 cancelled", ARRAY, _cancel_two, of_array(task_1=ENDED, task_3=ENDED), rows=200),
    Case("end of `--time`", ["--time=1"], _nothing, {"vit": ENDED}),
    Case("killed, `sync` later", [], _kill, {"vit": ("failed", 1)}),
    Case("requeued", ["--requeue"], _requeue, {"vit": WELL}),
    Case("array of 4, requeued", [*ARRAY, "--requeue"], _requeue, of_array()),
    Case("4 ranks, `all`, cancelled", ["-n", "4"], _cancel, {"vit": ENDED}, ranks=4),
    Case("4 ranks, `all`, requeued", ["-n", "4", "--requeue"], _requeue, {"vit": WELL}, ranks=4),
    Case("offline array, `--follow` first", ARRAY, _follow_first, of_array(), offline=True, rows=100),
    Case("offline array, `--follow` later", ARRAY, _follow_later, of_array(), offline=True, rows=200),
    Case(
        "offline array, `--follow`, 2 cancelled",
        ARRAY,
        _follow_and_cancel,
        of_array(task_1=ENDED, task_3=ENDED),
        offline=True,
        rows=300,
    ),
]  # fmt: skip


class Job:
    """A job of a case, in a folder of its own, and what was started beside it."""

    def __init__(self, case: Case, folder: Path, server: LocalServer) -> None:
        self.case = case
        self.number = ""
        self._folder = folder
        self._of_server = {**os.environ, **server.env(), "PYTHONPATH": os.pathsep.join(sys.path)}
        self._following: subprocess.Popen[bytes] | None = None

    def submit(self) -> None:
        """Submit the job; what is to be there before it begins is there."""
        if self.case.happens is _follow_first:
            self.follow()
            time.sleep(3)
        program = f"{PYTHON} {PROGRAM} {self.case.rows}"
        if self.case.ranks > 1:
            program = f"srun --overcommit -n {self.case.ranks} {program}"
        environment = {**self._of_server, "WANDB_MODE": "offline"} if self.case.offline else self._of_server
        environment["TRY_RANKS"] = "all" if self.case.ranks > 1 else "zero"
        command = ["sbatch", "--parsable", *self.case.submit, "--wrap", f"exec {program}"]
        self.number = self.call(*command, environment=environment).strip()

    def call(self, *command: str, environment: Mapping[str, str] | None = None) -> str:
        """What a command prints."""
        done = subprocess.run(
            command, cwd=self._folder, env=environment, check=True, text=True, capture_output=True, timeout=LONG
        )
        return done.stdout

    def returned(self) -> dict[str, int]:
        """How many calls returned, of each array task and rank."""
        return {path.name[9:]: path.stat().st_size for path in self._folder.glob("returned-*")}

    def wait_for_rows(self, of: int) -> None:
        """Wait until so many processes have logged ten rows."""
        self._wait(lambda: sum(count >= 10 for count in self.returned().values()) >= of, "rows")

    def begin_again(self) -> None:
        """Let a job that was requeued begin at once, not in two minutes."""
        self._wait(lambda: "PENDING" in self._states(), "requeue")
        before = self.returned()
        while "PENDING" in self._states():
            with contextlib.suppress(subprocess.CalledProcessError):  # tasks of it may have begun
                self.call("scontrol", "update", f"JobId={self.number}", "StartTime=now")
            time.sleep(1)
        # While it begins, a busy controller may have no state of it, as if it had ended.
        self._wait(lambda: all(self.returned()[who] > count for who, count in before.items()), "rows after the requeue")

    def follow(self) -> None:
        """Start `sync --follow` beside the job."""
        self._following = subprocess.Popen(
            FOLLOW, cwd=self._folder, env=self._of_server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """Kill the program, as the kernel does when memory is short."""
        (first, *_) = self.call("scontrol", "listpids", self.number).splitlines()[1:]
        os.kill(int(first.split()[0]), signal.SIGKILL)

    def sync(self) -> None:
        """Send what is left."""
        self.call(PYTHON, "-m", "wandb_logging", "sync", environment=self._of_server)

    def ended(self) -> None:
        """Wait for the job, and for what follows it."""
        self._wait(lambda: not self._states(), "the end of the job")
        if self._following is not None and self._following.wait(LONG):
            raise RuntimeError("`sync --follow` failed")

    def clear(self) -> None:
        """Leave nothing running."""
        subprocess.run(["scancel", "--full", "--signal=KILL", self.number], check=False, capture_output=True)
        if self._following is not None:
            self._following.kill()
            self._following.wait()

    def _states(self) -> list[str]:
        told = subprocess.run(
            ["squeue", "-h", "-r", "-t", "all", "-j", self.number, "-o", "%T"],
            check=False,
            capture_output=True,
            text=True,
        )
        if told.returncode and "Invalid job id" not in told.stderr:
            return ["UNKNOWN"]  # a busy controller does not answer in time: the job may go on
        over = {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT"}
        return [state for state in told.stdout.split() if state not in over]

    def _wait(self, there: Callable[[], bool], name: str) -> None:
        until = time.monotonic() + LONG
        while not there():
            if time.monotonic() > until:
                raise RuntimeError(f"no {name} after {LONG:.0f} s")
            time.sleep(0.2)


def tried(case: Case, folder: Path) -> tuple[bool, str]:
    """Let a case happen; whether all is as it should be, and what came of it in words."""
    with LocalServer() as server:
        job = Job(case, folder, server)
        try:
            job.submit()
            case.happens(job)
            job.ended()
        except (RuntimeError, subprocess.SubprocessError) as exc:
            sys.stderr.write(f"{case.name}: {exc} {getattr(exc, 'stderr', '') or ''}\n")
        finally:
            job.clear()
        wrong = [*problems(case, job.returned(), server)]
        for what in wrong:
            sys.stderr.write(f"{case.name}: {what}\n")
        logged, rows = sum(job.returned().values()), sum(len(numbers(run)) for run in server.runs)
        ends = Counter(f"{run.state}, exit code {run.exit_code}" for run in server.runs)
        texts = [
            ", ".join(sorted(str(run.display_name) for run in server.runs)),
            f"{rows} of {logged}",
            "; ".join(f"{count} {end}" if len(server.runs) > 1 else end for end, count in sorted(ends.items())),
        ]
        return not wrong, " | ".join(texts) + (": NOT AS IT SHOULD" if wrong else "")


def problems(case: Case, returned: Mapping[str, int], server: LocalServer) -> Iterator[str]:
    """What is not as it should be."""
    ends = {str(run.display_name): (run.state, run.exit_code) for run in server.runs}
    named = {(name if name in case.ends else "vit"): end for name, end in ends.items()}
    if named != case.ends or len(server.runs) != len(case.ends):
        yield f"expected {case.ends}, found {ends}"
    if len(case.ends) > 1 and {run.group for run in server.runs} != {"vit"}:
        yield f"groups {[run.group for run in server.runs]}"
    wanted = Counter(
        (task, rank, i) for who, count in returned.items() for task, rank in [who.split("-")] for i in range(count)
    )
    found = Counter(
        (str(run.display_name).rpartition("-")[2] if len(case.ends) > 1 else "0", rank, i)
        for run in server.runs
        for rank, i in numbers(run)
    )
    # A row whose call was interrupted may be there as well.
    if wanted - found or any(count > 1 for count in found.values()) or len(found - wanted) > len(returned):
        yield f"rows missing {wanted - found}, too many {found - wanted}"
    if server.violations:
        yield f"violations {server.violations}"


def numbers(run: Any) -> list[tuple[str, int]]:
    """Rank and number of each row."""
    pairs = [(name, value) for row in run.history for name, value in row.items()]
    return [(name[4:] or "0", value) for name, value in pairs if name == "i" or name.startswith("i/l:")]
