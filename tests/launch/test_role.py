from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given, strategies as st

from wandb_logging._launch.launch import Launch
from wandb_logging._launch.role import find_role

OF_FOUR = [Launch("slurm", "slurm-12.0", rank, 4, rank, job="slurm-12") for rank in range(4)]
ARRAY = [Launch("alone", job=f"slurm-7_{task}", array="7", task=str(task)) for task in range(8)]


class TestZero:
    def test_rank_0_is_the_run_and_keeps_what_it_is_called(self) -> None:
        """By default rank 0 sends, under the name, group and id that are set."""
        role = find_role(OF_FOUR[0], None, "vit", "sweep", "abc")
        assert (role.sends, role.name, role.group, role.run_id, role.mark) == (True, "vit", "sweep", "abc", None)

    def test_the_others_wait_and_are_told_apart(self) -> None:
        """Another rank's rows wait, its run has the rank in its name and id, and its text is marked."""
        role = find_role(OF_FOUR[3], None, "vit", None, "abc")
        assert (role.sends, role.name, role.group, role.run_id) == (False, "vit-r3", "vit", "abc-r3")
        assert role.mark == "rank 3"

    def test_without_a_name_it_is_the_jobs(self) -> None:
        """Where nobody gave a name, the scheduler's job is one."""
        assert find_role(OF_FOUR[1], None).name == "slurm-12-r1"

    def test_without_a_scheduler_all_ranks_have_one_label(self) -> None:
        """A launch without a job is called by who started it, the same in each rank and another for the next launch."""
        first = [find_role(Launch("torchrun", "torchrun-a", rank, 4), "group").group for rank in range(4)]
        other = find_role(Launch("torchrun", "torchrun-b", 0, 4), "group").group
        assert len(set(first)) == 1
        assert str(first[0]).startswith("torchrun-")
        assert other != first[0]


class TestGroupAndEach:
    def test_group_makes_each_rank_a_run(self) -> None:
        """With `group` all ranks send, in one group, named by their ranks."""
        roles = [find_role(launch, "group", "vit") for launch in OF_FOUR]
        assert all(role.sends for role in roles)
        assert [role.name for role in roles] == ["vit-r0", "vit-r1", "vit-r2", "vit-r3"]
        assert {role.group for role in roles} == {"vit"}

    def test_each_leaves_names_alone(self) -> None:
        """With `each` a rank is a run as if it were alone."""
        role = find_role(OF_FOUR[2], "each", "vit", None, None)
        assert (role.sends, role.name, role.group, role.run_id) == (True, "vit", None, None)

    @pytest.mark.parametrize("ranks", [None, "zero", "group", "each"])
    def test_no_two_ranks_have_one_id(self, ranks: str | None) -> None:
        """An id that is set for all ranks, as by WANDB_RUN_ID, is that of one of them."""
        ids = {find_role(launch, ranks, None, None, "x" * 64).run_id for launch in OF_FOUR}
        assert len(ids) == 4
        assert all(len(str(run_id)) <= 64 for run_id in ids)

    @pytest.mark.parametrize("ranks", ["zero", "group", "each"])
    def test_who_is_alone_is_the_run(self, ranks: str) -> None:
        """Where there is one process, no setting of ranks changes anything."""
        role = find_role(Launch(), ranks, "vit", "g", "abc")
        assert (role.sends, role.name, role.group, role.run_id, role.resume_key) == (True, "vit", "g", "abc", "")


class TestArrays:
    @pytest.mark.parametrize("ranks", [None, "zero", "group", "each"])
    def test_tasks_are_runs_of_their_own(self, ranks: str | None) -> None:
        """Each task of an array sends, in the array's group, with the task in its name."""
        roles = [find_role(launch, ranks) for launch in ARRAY]
        assert all(role.sends for role in roles)
        assert {role.group for role in roles} == {"slurm-7"}
        assert [role.name for role in roles] == [f"slurm-7_{task}" for task in range(8)]

    def test_a_name_and_an_id_get_the_task(self) -> None:
        """What is set for all tasks gets the number of each behind it."""
        role = find_role(ARRAY[5], None, "vit", None, "abc")
        assert (role.name, role.group, role.run_id) == ("vit-5", "vit", "abc-5")

    def test_what_has_the_task_already_stays(self) -> None:
        """Who puts the task's number there does not get it twice; the end of another number is not it."""
        assert find_role(ARRAY[5], None, "vit_5", None, "abc-5").run_id == "abc-5"
        assert find_role(ARRAY[5], None, None, None, "abc-15").run_id == "abc-15-5"

    def test_a_task_that_is_alone_has_no_label(self) -> None:
        """What it logs in shared mode keeps its names, unless a label is set."""
        assert find_role(ARRAY[5], None, None, None, "abc", shared=True).label is None
        assert find_role(ARRAY[5], None, None, None, "abc", "node7", shared=True).label == "node7"

    def test_ranks_within_a_task(self) -> None:
        """The ranks of one task are those of a launch: rank 0 is the task's run."""
        task = dataclasses.replace(OF_FOUR[1], job="slurm-7_5", array="7", task="5")
        role = find_role(task, None, "vit", None, None)
        assert (role.sends, role.name, role.group) == (False, "vit-5-r1", "vit")


class TestResumeKeys:
    def test_a_requeue_has_the_key_of_before(self) -> None:
        """The same job, task and rank has one key whatever its step and how often it was started."""
        again = dataclasses.replace(OF_FOUR[2], restart=1, id="slurm-12.1")
        assert find_role(again, None).resume_key == find_role(OF_FOUR[2], None).resume_key
        assert find_role(again, None).restarted

    def test_no_stranger_has_it(self) -> None:
        """Ranks, tasks and jobs all have keys of their own."""
        other_job = [dataclasses.replace(launch, job="slurm-13") for launch in OF_FOUR]
        keys = [find_role(launch, None).resume_key for launch in [*OF_FOUR, *ARRAY, *other_job]]
        assert len(set(keys)) == len(keys)

    def test_a_key_is_the_name_of_a_file(self) -> None:
        """Whatever a variable holds, the key has no separator of paths."""
        odd = Launch("slurm", "i", 1, 2, job="slurm-../../x y")
        assert not set("/\\ ") & set(find_role(odd, None).resume_key)

    @given(st.integers(0, 200), st.integers(0, 200), st.sampled_from([None, "zero", "group", "each"]))
    def test_exactly_one_rank_is_the_run_of_zero(self, rank: int, more: int, ranks: str | None) -> None:
        """With `zero` rank 0 sends and no other does; with the others all do."""
        launch = Launch("torchrun", "t", rank, rank + more + 1)
        alone = launch.world_size == 1
        expected = alone or ranks in {"group", "each"} or rank == 0
        assert find_role(launch, ranks).sends is expected


def test_of_all_kinds_of_launches_none_share_a_run() -> None:
    """Ranks of two launches at once, with one id set for all, differ in group or in rank."""
    launches = [Launch("torchrun", f"torchrun-{which}", rank, 2) for which, rank in itertools.product("ab", range(2))]
    assert len({(find_role(launch, "group").group, find_role(launch, "group").name) for launch in launches}) == 4
