"""Reads what a run directory says of machine and program: its `wandb-metadata.json` (protocol 6.2, 6.3)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from wandb_logging._events.file_names import METADATA
from wandb_logging._journal.rundir import RunDir
from wandb_logging._values.plain import loads

# Members of the environment object, as `_process.metadata` and the official SDK write it: what else stands in that
# file is not the run's, and does not go into the config.
_MEMBERS = frozenset(
    """
    os python startedAt program args root host executable cpu_count cpu_count_logical disk memory cpu writerId git email
    username codePath codePathLocal gpu gpu_count gpu_nvidia cudaVersion apple slurm docker colab _partial
    """.split()  # noqa: SIM905  words, read as words
)


def captured_environment(run_dir: RunDir) -> dict[str, Any]:
    """The environment in the captured file; {} if there is none."""
    with contextlib.suppress(OSError, ValueError):
        about = loads(run_dir.files.read(METADATA))
        if isinstance(about, dict):
            return {key: value for key, value in about.items() if key in _MEMBERS}
    return {}


def git_of(environment: Mapping[str, Any]) -> dict[str, str]:
    """The state of the git repository in an environment: `remote` and `commit`, as far as it has them."""
    git = environment.get("git")
    given = git if isinstance(git, Mapping) else {}
    return {name: given[name] for name in ("remote", "commit") if isinstance(given.get(name), str)}
