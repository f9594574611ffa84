"""What a process of a launch is to W&B: the run itself, a run of its own, or one whose rows wait on disk. Pure."""

from __future__ import annotations

import re

from wandb_logging._dataclass import dataclass
from wandb_logging._launch.launch import Launch

_MOST_ID = 64  # characters of a run id


@dataclass(frozen=True)
class Role:
    """What one process is to W&B, and how its run is named.

    Attributes:
        name, group, run_id: those of its run; None if nobody has set them, so that the server or chance decides.
        mark: if its own rows wait on disk, the prefix of its text in the run of rank 0; else None.
        resume_key: shared by this process and its restarts, but by no other process; "" on its own machine.
        restarted: whether the process was started before, as far as the launcher says.
        shares: whether other processes write the same run.
        label: suffix of the names of its metrics in a shared run; "" for the process whose names stay as they are.
            With None, that is the process that comes first.
    """

    name: str | None
    group: str | None
    run_id: str | None
    mark: str | None = None
    resume_key: str = ""
    restarted: bool = False
    shares: bool = False
    label: str | None = None

    @property
    def sends(self) -> bool:
        """Whether the rows of this process go to the server as they come."""
        return self.mark is None


def find_role(  # noqa: PLR0917  what is set, in the order of the settings
    launch: Launch,
    ranks: str | None,
    name: str | None = None,
    group: str | None = None,
    run_id: str | None = None,
    label: str | None = None,
    *,
    shared: bool = False,
) -> Role:
    """Find the role of a process in its launch.

    Args:
        launch: the process's place in the launch.
        ranks: zero, all, group or each. None means zero if there are several ranks, else each.
        name, group, run_id: the settings, the same in all ranks.
        label: the setting, which may differ between ranks.
        shared: whether `ranks` defaults to all. Then all applies to processes not started as ranks, too, if they have
            one run id.
    """
    if launch.array is not None:
        name, group = _with_task(name, launch.task) or launch.job, group or name or f"slurm-{launch.array}"
        run_id = _with_task(run_id, launch.task)
    kind = (ranks or ("all" if shared else "zero")) if launch.has_ranks else "each"
    shares = kind == "all" or (shared and not launch.has_ranks and run_id is not None)
    if shares and launch.has_ranks:
        label = label or str(launch.rank) if launch.rank else ""
    held = kind == "zero" and launch.rank > 0
    if held or kind == "group":
        job = name or label_of(launch)
        name, group = f"{job}-r{launch.rank}", group or job
    if launch.has_ranks and launch.rank and not shares:
        run_id = _with(run_id, f"-r{launch.rank}")
    mark = f"rank {launch.rank}" if held else None
    restarted = launch.restart > 0
    return Role(name, group, run_id, mark, _resume_key(launch), restarted, shares, label if shares else None)


def label_of(launch: Launch) -> str:
    """The name of a launch that nobody has named: its job, else its launcher and a part of its id."""
    return launch.job or f"{launch.by}-{digest(launch.id or '')[:6]}"


def digest(text: str) -> str:
    """Turn a text into a name for a file."""
    import hashlib  # noqa: PLC0415  loads OpenSSL: only if a launcher started us, when the run begins

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _resume_key(launch: Launch) -> str:
    """Job, array task and rank; without a scheduler, launch and rank if restarts keep the launch's id."""
    whose = launch.job or (f"{launch.by}-{digest(launch.id or '')}" if launch.by == "torchrun" else "")
    rank = f"r{launch.rank}" if launch.has_ranks and (launch.rank or whose) else ""
    return "-".join(filter(None, (re.sub(r"[^\w.-]", "_", whose), rank)))


def _with_task(text: str | None, task: str | None) -> str | None:
    """Append the array's task to a name or id, unless it already ends with it."""
    if text is None or task is None or re.search(rf"(?<!\d){re.escape(task)}$", text):
        return text
    return _with(text, f"-{task}")


def _with(text: str | None, end: str) -> str | None:
    return None if text is None else text[: _MOST_ID - len(end)] + end
