"""Finds the launch and rank of a process from the variables that launchers set. Pure.

Each launcher has one function, which returns a `Launch`, or None if it did not start this process. The functions are
tried in the order of `LAUNCHERS`, because the innermost launcher is right: torchrun within `srun` sets RANK, while all
of its ranks have SLURM_PROCID=0. The variables were recorded from the real programs (`tests/launch/environments`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wandb_logging._dataclass import dataclass

Variables = Mapping[str, str]


@dataclass(frozen=True)
class Launch:
    """One process among those started together.

    Attributes:
        by: what started it: torchrun, distributed, lightning, slurm, openmpi, pmi, or alone.
        id: the same for all ranks of a launch and for its restarts, different for other launches; None if alone.
        rank: number of this process, from 0 to `world_size` - 1. From Lightning's second node on it is only unique.
        world_size: how many processes were started.
        local_rank: number of this process on its host.
        restart: how often the launch was started again, as far as the launcher says.
        job: the scheduler's job and array task, which a requeue keeps and no other job has; None without a scheduler.
        array: the job array that this job is a task of; None if there is none.
        task: the number of the task in that array.
    """

    by: str = "alone"
    id: str | None = None
    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    restart: int = 0
    job: str | None = None
    array: str | None = None
    task: str | None = None

    @property
    def has_ranks(self) -> bool:
        """Whether the launch has other processes."""
        return self.world_size > 1


def find_launch(variables: Variables, parent: str = "") -> Launch:
    """Find the place of a process in its launch.

    Args:
        variables: the environment of the process, read at the first record: Lightning sets its variables only then.
        parent: a name for the parent process that no later process with the same number has. If the launcher has no id,
            this name tells the ranks on one host from those of the next launch.
    """
    job = _job(variables)
    for launcher in LAUNCHERS:
        found = launcher(variables, parent)
        if found is not None:
            by, launch_id, rank, world_size, local_rank, restart = found
            if 0 <= rank < world_size or by == "lightning":
                return Launch(by, launch_id, rank, world_size, local_rank, restart, *job)
    return Launch("alone", None, 0, 1, 0, _number(variables, "SLURM_RESTART_COUNT") or 0, *job)


def spans_hosts(variables: Variables) -> bool:
    """Whether a launch has ranks on several hosts, as far as its launcher says.

    Args:
        variables: the environment of one of its processes.
    """
    some = [_number(variables, here) for here in ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE")]
    every = [_number(variables, world) for world in ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE")]
    apart = any(here and world and here < world for here, world in zip(some, every))
    return apart or (_step(variables) is not None and (_number(variables, "SLURM_STEP_NUM_NODES") or 1) > 1)


_Found = tuple[str, str, int, int, int, int]
_MOST_DIGITS = 18  # of a number; Python refuses to read thousands of them


def _torchrun(variables: Variables, parent: str) -> _Found | None:
    ranks = _ranks(variables, "RANK", "WORLD_SIZE", "LOCAL_RANK")
    if ranks is None or "TORCHELASTIC_RUN_ID" not in variables:
        return None
    run_id = variables["TORCHELASTIC_RUN_ID"]
    if run_id in {"", "none"}:  # static rendezvous gives only the address, which the next launch may have, too
        alone_on_host = _number(variables, "GROUP_WORLD_SIZE") == 1
        run_id = f"{_address(variables)}{'-' + parent if alone_on_host and parent else ''}"
    return ("torchrun", f"torchrun-{run_id}", *ranks, _number(variables, "TORCHELASTIC_RESTART_COUNT") or 0)


def _distributed(variables: Variables, parent: str) -> _Found | None:
    """The variables that `torch.distributed` reads. accelerate, Ray Train or a user's script may set them."""
    ranks = _ranks(variables, "RANK", "WORLD_SIZE", "LOCAL_RANK")
    if ranks is None:
        return None
    step = _step(variables)
    where = f"slurm-{step}" if step else _address(variables)
    return ("distributed", where or f"parent-{parent}", *ranks, _number(variables, "SLURM_RESTART_COUNT") or 0)


def _lightning(variables: Variables, _parent: str) -> _Found | None:
    """Lightning starts its ranks itself, as children of rank 0, and never sets RANK."""
    local, world = _number(variables, "LOCAL_RANK"), _number(variables, "WORLD_SIZE")
    if local is None or world is None or "MASTER_PORT" not in variables or "RANK" in variables:
        return None
    # Lightning does not say how many ranks a node has. Rank 0 is 0, and no two ranks are the same.
    rank = (_number(variables, "NODE_RANK") or 0) * world + local
    return "lightning", f"lightning-{_address(variables)}", rank, world, local, 0


def _slurm(variables: Variables, _parent: str) -> _Found | None:
    """`srun`. A batch script also has SLURM_NTASKS and SLURM_PROCID, but is one process: only a step has ranks."""
    ranks = _ranks(variables, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")
    step = _step(variables)
    if ranks is None or step is None:
        return None
    return ("slurm", f"slurm-{step}", *ranks, _number(variables, "SLURM_RESTART_COUNT") or 0)


def _openmpi(variables: Variables, parent: str) -> _Found | None:
    ranks = _ranks(variables, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK")
    if ranks is None:
        return None
    launch = variables.get("PMIX_NAMESPACE") or variables.get("OMPI_MCA_ess_base_jobid") or parent
    # This id is made of the host's name and a process id, which recur; the address of mpirun does not recur so soon.
    address = variables.get("OMPI_MCA_orte_hnp_uri") or variables.get("PMIX_SERVER_URI41") or ""
    port = address.partition(";tcp6")[0].rpartition(":")[2]
    return ("openmpi", "-".join(filter(None, ("openmpi", launch, port))), *ranks, 0)


def _pmi(variables: Variables, parent: str) -> _Found | None:
    """MPICH, Intel MPI, MVAPICH or Cray PALS. None of them has a launch id that is the same on all hosts."""
    ranks = (
        _ranks(variables, "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID")
        or _ranks(variables, "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_RANK")
        or _ranks(variables, "PALS_RANKID", "PALS_SIZE", "PALS_LOCAL_RANKID")
    )
    if ranks is None:
        return None
    return ("pmi", f"pmi-{variables.get('PALS_APID') or variables.get('PMI_JOBID') or parent}", *ranks, 0)


LAUNCHERS: tuple[Callable[[Variables, str], _Found | None], ...] = (
    _torchrun,
    _distributed,
    _lightning,
    _openmpi,
    _slurm,
    _pmi,
)


def _job(variables: Variables) -> tuple[str | None, str | None, str | None]:
    """The scheduler's job, array and task. SLURM_JOB_ID differs for each task, so the array's id names the job."""
    array, task = variables.get("SLURM_ARRAY_JOB_ID"), variables.get("SLURM_ARRAY_TASK_ID")
    if array and task:
        return f"slurm-{array}_{task}", array, task
    job = variables.get("SLURM_JOB_ID") or variables.get("SLURM_JOBID")
    return f"slurm-{job}" if job else None, None, None


def _step(variables: Variables) -> str | None:
    """Job and step, inside a step. Each attempt of a requeued job counts steps from 0: it is the same launch again."""
    job = _job(variables)[0]
    step = variables.get("SLURM_STEP_ID") or variables.get("SLURM_STEPID")
    return f"{job.partition('-')[2]}.{step}" if job and step else None


def _address(variables: Variables) -> str:
    return ":".join(filter(None, (variables.get("MASTER_ADDR"), variables.get("MASTER_PORT"))))


def _ranks(variables: Variables, rank: str, size: str, local: str) -> tuple[int, int, int] | None:
    """Rank, size and local rank from these variables; None unless the first two are numbers that agree."""
    number, world = _number(variables, rank), _number(variables, size)
    if number is None or world is None or not 0 <= number < world:
        return None
    return number, world, _number(variables, local) or 0


def _number(variables: Variables, name: str) -> int | None:
    text = variables.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
