from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from wandb_logging._launch.here import started_in
from wandb_logging._launch.launch import Launch, find_launch, spans_hosts

HERE = Path(__file__).parent / "environments"


def recorded(name: str) -> dict[str, str]:
    """Variables that a process really had: started by that launcher on 2026-11-28, the others left out."""
    variables: dict[str, str] = json.loads((HERE / f"{name}.json").read_text("utf-8"))
    return variables


# Who started it, rank, size, local rank, restarts, job, array, task. The ids are tried below.
TABLE = {
    "torchrun": ("torchrun", 1, 2, 1, 0, None, None, None),
    "torchrun-static": ("torchrun", 1, 2, 1, 0, None, None, None),
    "torchrun-restarted": ("torchrun", 1, 2, 1, 1, None, None, None),
    "openmpi": ("openmpi", 1, 2, 1, 0, None, None, None),
    "mpich": ("pmi", 1, 2, 1, 0, None, None, None),
    "srun": ("slurm", 1, 2, 1, 0, "slurm-1", None, None),
    "sbatch-array": ("alone", 0, 1, 0, 0, "slurm-2_3", "2", "3"),
    "sbatch-array-srun": ("slurm", 1, 2, 1, 0, "slurm-2_3", "2", "3"),
    "srun-torchrun": ("torchrun", 1, 2, 1, 0, "slurm-2_3", "2", "3"),
    "lightning-rank0-at-start": ("alone", 0, 1, 0, 0, None, None, None),
    "lightning-rank0": ("lightning", 0, 2, 0, 0, None, None, None),
    "lightning-rank1-at-start": ("lightning", 1, 2, 1, 0, None, None, None),
    "lightning-rank1": ("lightning", 1, 2, 1, 0, None, None, None),
}


class TestRecordedEnvironments:
    def test_each_record_has_its_line(self) -> None:
        """No recorded environment is left out of the table."""
        assert {path.stem for path in HERE.glob("*.json")} == set(TABLE)

    @pytest.mark.parametrize("name", TABLE)
    def test_where_the_process_stands(self, name: str) -> None:
        """A process that a real launcher started finds its rank, and whose job it is."""
        found = find_launch(recorded(name), "77.5")
        expected = Launch(TABLE[name][0], found.id, *TABLE[name][1:])
        assert found == expected
        assert (found.id is None) == (found.by == "alone")

    def test_ranks_of_one_launch_share_its_id(self) -> None:
        """Lightning's rank 0 finds the launch that its children found at their start."""
        assert find_launch(recorded("lightning-rank0")).id == find_launch(recorded("lightning-rank1-at-start")).id

    def test_a_restart_is_the_same_launch(self) -> None:
        """Torchrun keeps the id of a launch when it starts its ranks again."""
        again = recorded("torchrun-restarted")
        assert find_launch(again).id == find_launch({**again, "TORCHELASTIC_RESTART_COUNT": "0"}).id

    def test_without_an_id_the_parent_tells_launches_apart(self) -> None:
        """A static rendezvous has the same address each time: on one host the agent is another process."""
        static = recorded("torchrun-static")
        assert find_launch(static, "77.5").id != find_launch(static, "78.6").id
        two_hosts = {**static, "GROUP_WORLD_SIZE": "2"}
        assert find_launch(two_hosts, "77.5").id == find_launch(two_hosts, "78.6").id

    def test_steps_of_one_job_are_launches_of_their_own(self) -> None:
        """Two `srun` in one job have two ids, and one job."""
        first = recorded("sbatch-array-srun")
        second = {**first, "SLURM_STEP_ID": "1", "SLURM_STEPID": "1"}
        assert find_launch(first).id != find_launch(second).id
        assert find_launch(first).job == find_launch(second).job

    def test_tasks_of_an_array_are_jobs_of_their_own(self) -> None:
        """Each task of a job array has a job that a requeue keeps, and no other task has."""
        other = {**recorded("sbatch-array"), "SLURM_ARRAY_TASK_ID": "4"}
        assert find_launch(other).job == "slurm-2_4"


class TestOddEnvironments:
    @pytest.mark.parametrize("rank", ["", " ", "-1", "2", "x", "1.0", "٣"])
    def test_a_rank_that_is_none(self, rank: str) -> None:
        """A rank that is no number, or not below the size, says nothing."""
        assert find_launch({"RANK": rank, "WORLD_SIZE": "2", "MASTER_PORT": "1"}).by == "alone"

    def test_a_number_that_python_refuses_to_read(self) -> None:
        """Thousands of digits are no number of ranks, and nothing is raised."""
        assert find_launch({"RANK": "1", "WORLD_SIZE": "2" * 5000, "MASTER_PORT": "1"}).by == "alone"

    @pytest.mark.parametrize("missing", ["RANK", "WORLD_SIZE"])
    def test_half_of_the_variables(self, missing: str) -> None:
        """With half of the variables a process stands alone."""
        variables = {"RANK": "1", "WORLD_SIZE": "2"}
        del variables[missing]
        assert find_launch(variables) == Launch()

    def test_rank_goes_before_slurm(self) -> None:
        """RANK wins over SLURM_PROCID, and the step is what the ranks share."""
        found = find_launch({**recorded("srun"), "RANK": "0", "WORLD_SIZE": "2", "SLURM_PROCID": "1"})
        assert (found.by, found.rank, found.id) == ("distributed", 0, "slurm-1.0")

    def test_other_nodes_of_lightning_are_never_rank_zero(self) -> None:
        """How many ranks a node has Lightning does not say: rank 0 is rank 0 of the first node alone."""
        ranks = [
            find_launch({"LOCAL_RANK": str(local), "NODE_RANK": str(node), "WORLD_SIZE": "4", "MASTER_PORT": "1"}).rank
            for node in range(2)
            for local in range(2)
        ]
        assert ranks[0] == 0
        assert len(set(ranks)) == 4

    @given(
        st.dictionaries(
            st.sampled_from(sorted({key for name in TABLE for key in recorded(name)})),
            st.one_of(st.text(max_size=5), st.integers(-2, 9).map(str)),
        )
    )
    def test_any_mixture_is_answered(self, variables: dict[str, str]) -> None:
        """Whatever the variables say, the answer is a rank within its world, alone or not."""
        found = find_launch(variables, "1.1")
        assert found.by == "lightning" or 0 <= found.rank < found.world_size
        assert (found.id is None) == (found.by == "alone")


class TestSeveralHosts:
    @pytest.mark.parametrize("name", sorted(TABLE))
    def test_the_recorded_ones_are_on_one(self, name: str) -> None:
        """All of them were recorded on one machine."""
        assert not spans_hosts(recorded(name))

    @pytest.mark.parametrize(
        ("variables", "several"),
        [
            ({"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}, True),
            ({"OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_LOCAL_SIZE": "4"}, True),
            ({"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_NODES": "2"}, True),
            ({"SLURM_JOB_ID": "7", "SLURM_STEP_NUM_NODES": "2"}, False),  # a batch script is no step
            ({"WORLD_SIZE": "8"}, False),
            ({"WORLD_SIZE": "eight", "LOCAL_WORLD_SIZE": "-4"}, False),
        ],
    )
    def test_what_launchers_say(self, variables: dict[str, str], several: bool) -> None:
        """More ranks than on this host, or a step on several nodes; no word is one host."""
        assert spans_hosts(variables) is several


class TestWhereItWasStarted:
    """Ray moves its workers to folders below /tmp: relative paths are the project's all the same."""

    def test_elsewhere_it_is_the_working_directory(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Also in a program that a worker of Ray has started: it has a folder of its own choice."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TUNE_ORIG_WORKING_DIR", "/project")
        assert started_in() == tmp_path
        monkeypatch.setenv("RAY_RAYLET_PID", "1")
        assert started_in() == tmp_path

    def test_in_a_worker_it_is_where_tune_or_ray_began(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Tune says it; else it is the folder of the process that starts the workers, as far as that can be seen."""
        monkeypatch.setenv("RAY_RAYLET_PID", str(os.getppid()))
        monkeypatch.setenv("TUNE_ORIG_WORKING_DIR", "/project")
        assert started_in() == Path("/project")
        monkeypatch.delenv("TUNE_ORIG_WORKING_DIR")
        here = Path.cwd()
        monkeypatch.chdir(tmp_path)
        if Path("/proc/self/cwd").exists():
            assert started_in() == Path(f"/proc/{os.getppid()}/cwd").resolve()
        else:
            assert started_in() == tmp_path != here
