"""Start programs with the real launchers, and print as a table what came of it. `nox -s launchers`.

A second table is about what SLURM does to jobs, a third about hosts, as namespaces of this one, where that is possible.
A launcher that is not installed is named in the table. Exit code: 0 if all that ran did as the docs say, else 1.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests import namespaces
from tests.launchers import hosts, jobs
from tests.launchers.one_node import cluster
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PYTHON = sys.executable
RANKS = 4
MOST_SECONDS = 600


class Case(NamedTuple):
    """One way to start.

    Attributes:
        name: as people call it.
        needs: its program, or the module that has to be there.
        command: what is typed.
        ranks: how many it starts that are ranks of one launch; 1 where nothing is.
        runs: how many runs there are in any case.
    """

    name: str
    needs: str
    command: list[str]
    ranks: int = RANKS
    runs: int = 1


def torch_tool(name: str) -> str:
    return str(Path(PYTHON).parent / name)


def cases() -> list[Case]:
    program, pools, fit = (str(HERE / "programs" / name) for name in ("program.py", "pools.py", "fit.py"))
    mpi = ["--allow-run-as-root", "--oversubscribe"]
    return [
        Case("torchrun", "torch", [torch_tool("torchrun"), "--standalone", f"--nproc-per-node={RANKS}", program]),
        Case(
            "accelerate",
            "accelerate",
            [
                PYTHON,
                "-m",
                "accelerate.commands.launch",
                "--multi_gpu",  # it asks for no GPU: the ranks are started by torch's own launcher
                f"--num_processes={RANKS}",
                "--num_machines=1",
                "--mixed_precision=no",
                "--dynamo_backend=no",
                program,
            ],
        ),
        Case("Open MPI", "mpirun.openmpi", ["mpirun.openmpi", *mpi, "-n", str(RANKS), PYTHON, program]),
        Case("MPICH", "mpirun.mpich", ["mpirun.mpich", "-n", str(RANKS), PYTHON, program]),
        Case("SLURM srun", "srun", ["srun", "--overcommit", "-n", str(RANKS), PYTHON, program]),
        Case("SLURM array of 4", "sbatch", ["sbatch", "--wait", "--array=0-3", "--wrap", f"{PYTHON} {program}"], 1, 4),
        Case("Lightning ddp", "lightning", [PYTHON, fit], 2),
        Case("joblib", "joblib", [PYTHON, pools, "joblib"], 1),
        Case("joblib without join", "joblib", [PYTHON, pools, "joblib-alone"], 1),
        Case("Ray tasks", "ray", [PYTHON, pools, "ray"], 1),
        Case("Ray actors", "ray", [PYTHON, pools, "actors"], 1),
        Case("Ray Train", "ray", [PYTHON, pools, "train"], 1),
        Case("Ray Tune, 2 trials", "ray", [PYTHON, pools, "tune"], 1, 2),
        Case("Dask", "dask", [PYTHON, pools, "dask"], 1),
        Case("Spark", "pyspark", [PYTHON, pools, "spark"], 1),
        Case("Ray without a common disk", "ray", [PYTHON, pools, "ray-apart"], 1),
        Case("Dask without a common disk", "dask", [PYTHON, pools, "dask-apart"], 1),
        Case("Spark without a common disk", "pyspark", [PYTHON, pools, "spark-apart"], 1),
    ]


def version_of(case: Case) -> str | None:
    """Version of a launcher; None if it is not installed."""
    if case.needs in {"mpirun.openmpi", "mpirun.mpich", "srun", "sbatch"}:
        if shutil.which(case.needs) is None:
            return None
        said = subprocess.run([case.needs, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
        words = said.replace("Version:", " ").split()
        return next((word for word in words if word[0].isdigit()), "?")
    try:
        return version(case.needs)
    except PackageNotFoundError:
        return None


def ended(command: list[str], **options: Any) -> tuple[int, str]:
    """Exit code of a command, and what it wrote to stderr. One that hangs is ended with what it has started."""
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True, **options)
        for number in (None, signal.SIGABRT, signal.SIGKILL):
            if number is not None:
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(MOST_SECONDS if number is None else 30)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whoever is left of it
        errors.seek(0)
        return process.returncode, errors.read()


def tried(case: Case, ranks: str) -> tuple[bool, str]:
    """Run a case with a setting of ranks; whether it did as it should, and what came of it in words."""
    with tempfile.TemporaryDirectory() as folder, LocalServer() as server:
        environment = {
            **os.environ,
            **server.env(),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OMP_NUM_THREADS": "1",
            "PYTHONFAULTHANDLER": "1",  # what hangs says where
            "TRY_RANKS": ranks,
        }
        options: dict[str, Any] = {"cwd": folder, "env": environment}
        code, said = ended(case.command, **options)
        requests = len(server.requests)
        wanted = case.runs * (case.ranks if ranks == "group" else 1)
        well = code == 0 and len(server.runs) == wanted
        well = well and {run.state for run in server.runs} == {"finished"}
        well = well and (ranks != "group" or case.ranks == 1 or len({run.group for run in server.runs}) == 1)
        if ranks == "zero":
            well = well and all(rows_of(run) == {"": ROWS} for run in server.runs)
            sync = [PYTHON, "-m", "wandb_logging", "sync", "--ranks", "all"]
            ended(sync, **options)
        labels = ["", *(f"/l:{rank}" for rank in range(1, case.ranks))] if ranks != "group" else [""]
        well = well and len(server.runs) == wanted
        well = well and all(rows_of(run) == dict.fromkeys(labels, ROWS) for run in server.runs)
        well = well and not server.violations
        if not well:
            sys.stderr.write(f"{case.name}, {ranks}: exit code {code}\n{said[-3000:]}\n")
        states = "/".join(sorted({run.state for run in server.runs})) or "none"
        count = f"{len(server.runs)} run{'s' if len(server.runs) != 1 else ''}"
        rows = sum(map(len, (rows for run in server.runs for rows in rows_of(run).values())))
        return well, f"{count}, {rows} rows, {states}, {requests} requests{'' if well else ': NOT AS IT SHOULD'}"


ROWS = list(range(10))


def rows_of(run: Any) -> dict[str, list[int]]:
    """The rows of each label."""
    found: dict[str, list[int]] = {}
    for row in run.history:
        for name in row:
            if name == "i" or name.startswith("i/l:"):
                found.setdefault(name[1:], []).append(row[name])
    return {label: sorted(rows) for label, rows in found.items()}


def table(wanted: list[str], *, slurm: bool) -> Iterator[tuple[bool, str]]:
    for case in cases():
        if wanted and case.name.split()[0].lower() not in wanted:
            continue
        found = version_of(case)
        if case.needs in {"srun", "sbatch"} and not slurm:
            found = None
        if found is None:
            yield True, f"| {case.name} | not installed here | | |"
            continue
        ways = ("zero", "all", "group") if case.ranks > 1 else ("zero",)
        done = [tried(case, ranks) for ranks in ways]
        texts = [text for _, text in done] + ["-"] * (3 - len(done))
        yield all(well for well, _ in done), f"| {case.name} {found} | {' | '.join(texts)} |"


def table_of_jobs() -> Iterator[tuple[bool, str]]:
    for case in jobs.CASES:
        with tempfile.TemporaryDirectory() as folder:
            well, text = jobs.tried(case, Path(folder))
            yield well, f"| {case.name} | {text} |"


def table_of_hosts() -> Iterator[tuple[bool, str]]:
    for case in hosts.CASES:
        with tempfile.TemporaryDirectory() as folder:
            well, text = hosts.tried(case, Path(folder))
            yield well, f"| {case.name} | {text} |"


def main() -> int:
    """Print the tables; names behind the command choose lines of the first, `slurm` and `hosts` the other two."""
    wanted = [name.lower() for name in sys.argv[1:]]
    results = []
    needs_slurm = not wanted or "slurm" in wanted
    with cluster() if needs_slurm else contextlib.nullcontext(enter_result=False) as slurm:
        print(f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}, Python {sys.version.split()[0]}\n")
        print("| started by | `zero`, and `sync --ranks all` after it | `all` | `group` |\n|---|---|---|---|")
        for well, line in table(wanted, slurm=slurm):
            results.append(well)
            print(line, flush=True)
        if slurm:
            print("\n| a job of SLURM | runs | rows | ends |\n|---|---|---|---|")
            for well, line in table_of_jobs():
                results.append(well)
                print(line, flush=True)
    if (not wanted or "hosts" in wanted) and namespaces.are_possible():
        print("\n| three hosts | runs | rows | twice | state |\n|---|---|---|---|---|")
        for well, line in table_of_hosts():
            results.append(well)
            print(line, flush=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
