from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wandb_logging import new_run, sync
from wandb_logging._events.event import Event
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._journal.rundir import RunDir
from wandb_logging._launch.launch import Launch
from wandb_logging._launch.role import digest
from wandb_logging._process import disks
from wandb_logging._run.ranks import Herald, announce, find_placement, first_notice, mark_lines, taking_part
from wandb_logging._run.start import Membership
from wandb_logging._settings.settings import Settings

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

EVENT = b'{"text":"a\\nb","level":"WARNING","logger":"train","metrics":{"x":1},"t":1.0}'


def settings_in(folder: Path, **more: Any) -> Settings:
    return Settings.of({"project": "p", "cache_dir": str(folder), **more})


def rank(number: int, launch_id: str = "torchrun-a") -> Launch:
    return Launch("torchrun", launch_id, number, 4, number)


def texts(run_dir: RunDir) -> list[str]:
    lines = [line for file in sorted(run_dir.path.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [json.loads(line)["text"] for line in lines]


def begun(folder: Path) -> tuple[RunDir, Any]:
    """A run of rank 0 that goes on, as the others find it."""
    placement = find_placement(settings_in(folder), rank(0))
    run_dir = create_run(folder, RunInfo("zero", "p"))
    writer = run_dir.writer()
    announce(placement, writer)
    return run_dir, writer


class TestHerald:
    def test_marks_each_line(self) -> None:
        """A text is told apart from rank 0's in each of its lines, and its rows stay behind."""
        told = mark_lines(Event.from_json(json.loads(EVENT)), "[rank 3] ")
        assert told is not None
        expected = {"text": "[rank 3] a\n[rank 3] b", "level": "WARNING", "logger": "train", "t": 1.0}
        assert told.to_json() == expected
        assert mark_lines(Event(1.0, metrics={"x": 1}), "[rank 3] ") is None

    def test_what_comes_before_rank_0_waits_for_it(self, tmp_path: Path) -> None:
        """A rank that is earlier than rank 0 tells it later."""
        herald = Herald(find_placement(settings_in(tmp_path), rank(3)))
        herald.tell(EVENT)
        run_dir, _ = begun(tmp_path)
        herald.close()
        assert texts(run_dir) == ["[rank 3] a\n[rank 3] b"]

    def test_a_run_that_has_ended_is_left_alone(self, tmp_path: Path) -> None:
        """Nothing is written into the run of a rank 0 that is gone; one that begins again gets it."""
        run_dir, writer = begun(tmp_path)
        herald = Herald(find_placement(settings_in(tmp_path), rank(3)))
        herald.tell(EVENT)
        writer.close()
        herald.tell(EVENT)
        assert len(texts(run_dir)) == 1
        again = run_dir.writer()
        announce(find_placement(settings_in(tmp_path), rank(0)), again)
        herald.close()
        assert len(texts(run_dir)) == 2

    def test_another_launch_is_a_stranger(self, tmp_path: Path) -> None:
        """Two launches at once in one folder do not meet."""
        run_dir, _ = begun(tmp_path)
        herald = Herald(find_placement(settings_in(tmp_path), rank(3, "torchrun-b")))
        herald.tell(EVENT)
        herald.close()
        assert texts(run_dir) == []

    @pytest.mark.parametrize("content", ["", "[]", '{"run": "../zero", "writer": 1}', '{"run": "zero", "writer": "x"}'])
    def test_what_others_planted_is_not_followed(self, tmp_path: Path, content: str) -> None:
        """A note that is none, or leads out of the project's folder, names nobody."""
        run_dir, _ = begun(tmp_path)
        (tmp_path / ".launches" / f"{digest('torchrun-a')}.json").write_text(content)
        herald = Herald(find_placement(settings_in(tmp_path), rank(3)))
        herald.tell(EVENT)
        herald.close()
        assert texts(run_dir) == []


class TestStanding:
    def test_only_others_are_offline(self, tmp_path: Path) -> None:
        """Rank 0 keeps its mode; what is disabled stays so in all ranks."""
        modes = [find_placement(settings_in(tmp_path, mode="online"), rank(number)).settings.mode for number in (0, 3)]
        assert modes == ["online", "offline"]
        assert find_placement(settings_in(tmp_path, mode="disabled"), rank(3)).settings.mode == "disabled"

    def test_a_run_that_is_taken_back_keeps_its_id(self, tmp_path: Path) -> None:
        """Rank 0 takes a run back; another rank that did so as well would undo what rank 0 logs then."""
        settings = settings_in(tmp_path, resume_from="abc?_step=3", run_id="abc")
        first, other = find_placement(settings, rank(0)).settings, find_placement(settings, rank(3)).settings
        assert (first.run_id, first.resume_from) == ("abc", settings.resume_from)
        assert (other.run_id, other.resume_from) == ("abc-r3", None)

    def test_a_run_that_must_be_there_is_that_of_rank_0(self, tmp_path: Path) -> None:
        """`resume: must` is no reason to refuse the rows of ranks that never had a run."""
        settings = settings_in(tmp_path, resume="must", run_id="abc")
        assert [find_placement(settings, rank(number)).settings.resume for number in (0, 3)] == ["must", "allow"]

    def test_event_files_are_rows_of_the_run_once(self, tmp_path: Path) -> None:
        """Of ranks that write one run, or wait for its sync, the first reads the folder; with a run each, all do."""
        for ranks, readers in (("zero", 1), ("all", 1), ("group", 3), ("each", 3)):
            settings = settings_in(tmp_path, tensorboard="logs", ranks=ranks)
            given = [find_placement(settings, rank(number)).settings.tensorboard for number in range(3)]
            assert given == ["logs"] * readers + [None] * (3 - readers)
        settings = settings_in(tmp_path, tensorboard="logs", transport="shared", run_id="one")
        assert [find_placement(settings, rank(number)).settings.tensorboard for number in range(2)] == ["logs", None]

    def test_it_is_said_once(self, tmp_path: Path) -> None:
        """Of all ranks of a host one says where the rows are; where that cannot be noted, each does."""
        placements = [find_placement(settings_in(tmp_path), rank(number)) for number in range(4)]
        said = [first_notice(placement, tmp_path / "p" / "x") for placement in placements]
        assert [notice is not None for notice in said] == [False, True, False, False]


class TestTransport:
    """Whether the processes of a run meet on the disk, or each sends its part of it."""

    def test_ranks_have_directories_of_their_own(self, tmp_path: Path) -> None:
        """Rank 0 is the primary one, whose names stay; others have their rank as label; none looks for the others."""
        settings = settings_in(tmp_path, transport="shared", run_id="one")
        placements = [find_placement(settings, rank(number)) for number in range(4)]
        assert [placement.role.label for placement in placements] == ["", "1", "2", "3"]
        assert {(placement.settings.run_id, placement.is_client) for placement in placements} == {("one", True)}
        assert not any(placement.role.shares for placement in placements)
        with taking_part(placements[3], Membership()) as membership:
            assert (membership.label, membership.is_client, membership.directory) == ("3", True, None)

    def test_without_ranks_the_label_says_it(self, tmp_path: Path) -> None:
        """Who has none is the primary one."""
        settings = settings_in(tmp_path, transport="shared", run_id="one")
        assert find_placement(settings, Launch()).role.label == ""
        assert find_placement(settings.but(label="node7"), Launch()).role.label == "node7"

    @pytest.mark.parametrize(
        ("system", "local", "more", "shared"),
        [
            ("xfs", "2", {}, True),
            ("nfs4", "2", {}, False),
            ("xfs", "4", {}, False),
            ("xfs", "2", {"transport": "disk"}, False),
            ("xfs", "2", {"mode": "online"}, False),
            ("xfs", "2", {"ranks": "group"}, False),
        ],
    )
    def test_mode_shared_without_a_common_disk(  # noqa: PLR0917
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        system: str,
        local: str,
        more: dict[str, Any],
        shared: bool,
    ) -> None:
        """It is chosen where a launch has several hosts, and the folder is on a disk of one; unless one says else."""
        mounts = tmp_path / "mountinfo"
        mounts.write_text(f"28 1 8:1 / / rw - {system} /dev/sda1 rw\n")
        monkeypatch.setattr(disks, "_MOUNTS", mounts)
        monkeypatch.setenv("WORLD_SIZE", "4")
        monkeypatch.setenv("LOCAL_WORLD_SIZE", local)
        settings = settings_in(tmp_path, **{"mode": "shared", "run_id": "one", **more})
        assert find_placement(settings, rank(1)).is_client is shared

    def test_another_label_is_another_directory(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """On one disk each has its own, also where a run goes on; who comes again finds it, and its lines go on."""

        def log(label: str | None) -> Path | None:
            with new_run("p", run_id="one", transport="shared", resume="allow", label=label, cache_dir=tmp_path) as run:
                run.log({"x": 1})
            return run.dir

        assert log(None) == log(None) != log("node1") == log("node1")
        (stored,) = wandb_server.runs
        counts = [len(client.lines["wandb-history.jsonl"]) for client in stored.clients.values()]
        assert (counts, len(stored.history), stored.state) == ([2, 2], 4, "finished")
        assert wandb_server.violations == []

    def test_sent_as_new_it_is_a_run_alone(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """Of a part that is sent as a run of its own the end is told, too."""
        with new_run("p", run_id="one", transport="shared", label="a", cache_dir=tmp_path, mode="offline") as run:
            run.log({"x": 1})
        assert [report.error for report in sync(tmp_path, as_new=True)] == [None]
        (stored,) = wandb_server.runs
        assert (stored.id != "one", stored.state, stored.clients) == (True, "finished", {})
