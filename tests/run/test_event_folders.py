from __future__ import annotations

from pathlib import Path

import pytest

from wandb_logging import read_run
from wandb_logging._errors import JournalError
from wandb_logging._formats.event_paths import run_folders
from wandb_logging._journal.rundir import RunDir
from wandb_logging._run import event_folders
from wandb_logging._run.event_folders import Taken
from wandb_logging._settings.settings import Settings

tensorboard = pytest.importorskip("tensorboardX", reason="tensorboardX writes the files: the extra test has it")


def write(folder: Path, steps: range, tag: str = "loss", time: float = 1000.0) -> Path:
    """An event file with a scalar for each step, a second apart; the file."""
    with tensorboard.SummaryWriter(str(folder), filename_suffix=f".{steps.start}") as writer:
        for step in steps:
            writer.add_scalar(tag, step / 4, step, walltime=time + step)
    return max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)


def take(folder: Path) -> Taken:
    return event_folders.take(folder, folder.name, Settings(project="p", cache_dir=Path("cache").absolute()))


def rows(taken: Taken) -> list[tuple[int, float]]:
    assert taken.path is not None
    return [(row["global_step"], row["loss"]) for row in read_run(taken.path).rows]


class TestTaking:
    def test_a_part_that_came_later(self, tmp_path: Path) -> None:
        """Also where its folder comes before the others, it is of the same run."""
        write(tmp_path / "one" / "train", range(2))
        first = take(tmp_path / "one")
        write(tmp_path / "one" / "eval", range(2))
        assert take(tmp_path / "one") == Taken(first.path, rows=2)

    def test_a_run_as_it_was(self, tmp_path: Path) -> None:
        """Rows have the writer's times, the run began with the first, and it has ended well."""
        taken = take(write(tmp_path / "one", range(3)).parent)
        assert taken.path is not None
        run = read_run(taken.path)
        assert [(row["_step"], row["_timestamp"], row["_runtime"]) for row in run.rows] == [
            (0, 1000.0, 0.0),
            (1, 1001.0, 1.0),
            (2, 1002.0, 2.0),
        ]
        assert (run.name, run.exit_code, run.info["start"], run.alive) == ("one", 0, 1000.0, False)

    def test_again_and_grown(self, tmp_path: Path) -> None:
        """A second time nothing is added, and what was written since once, wherever the folder lies by then."""
        folder = write(tmp_path / "one", range(4)).parent
        (path,) = folder.iterdir()
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
        first = take(folder)
        some = rows(first)
        assert take(folder) == Taken(first.path)
        path.write_bytes(data)
        folder = folder.rename(tmp_path / "elsewhere")
        second = take(folder)
        assert second.path == first.path
        assert second.path is not None
        assert rows(second) == some + [(step, step / 4) for step in range(len(some), 4)]
        assert [row["_runtime"] for row in read_run(second.path).rows] == [0.0, 1.0, 2.0, 3.0]

    def test_a_file_that_came_later(self, tmp_path: Path) -> None:
        """A program that was started again writes one more file: its rows are added."""
        folder = write(tmp_path / "one", range(2)).parent
        first = take(folder)
        write(folder, range(2, 4))
        assert rows(take(folder)) == [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75)]
        assert take(folder).path == first.path

    def test_a_part_and_the_whole(self, tmp_path: Path) -> None:
        """A part that was taken by itself is a run of its own: its values have other names there."""
        part = take(write(tmp_path / "one" / "train", range(2)).parent)
        write(tmp_path / "one" / "eval", range(2), time=2000.0)
        whole = take(tmp_path / "one")
        assert part.path != whole.path
        assert (part.rows, whole.rows) == (2, 4)
        assert len(rows(part)) == 2

    def test_broken_off(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An import that an exception has ended goes on where it stopped."""
        folder = write(tmp_path / "one", range(5)).parent
        take_row, seen = event_folders._Import._row, []

        def break_off(self: object, row: object) -> None:
            seen.append(row)
            if len(seen) == 3:
                raise KeyboardInterrupt
            take_row(self, row)  # type: ignore[arg-type]

        monkeypatch.setattr(event_folders._Import, "_row", break_off)
        with pytest.raises(KeyboardInterrupt):
            take(folder)
        monkeypatch.setattr(event_folders._Import, "_row", take_row)
        assert rows(take(folder)) == [(step, step / 4) for step in range(5)]

    def test_several_files_in_the_order_of_time(self, tmp_path: Path) -> None:
        """Parts of a run are told apart by their folder, and its rows are in the order in which they were written."""
        write(tmp_path / "one" / "train", range(3))
        write(tmp_path / "one" / "val", range(3), time=1000.5)
        taken = take(tmp_path / "one")
        assert taken.path is not None
        found = [[name for name in row if "/" in name] for row in read_run(taken.path).rows]
        assert found == [["train/loss"], ["val/loss"]] * 3

    def test_damage_and_what_cannot_be_taken_is_said(self, tmp_path: Path) -> None:
        """All before a damaged record is there."""
        path = write(tmp_path / "one", range(4))
        data = bytearray(path.read_bytes())
        data[-8] ^= 1
        path.write_bytes(data)
        taken = take(tmp_path / "one")
        assert rows(taken) == [(0, 0.0), (1, 0.25), (2, 0.5)]
        assert [name for name, why in taken.left_out.items() if "damaged at byte" in why] == [str(path)]

    def test_nothing_in_it(self, tmp_path: Path) -> None:
        """A file that says nothing yet is no run."""
        assert take(write(tmp_path / "one", range(0)).parent) == Taken()

    def test_one_at_a_time(self, tmp_path: Path) -> None:
        """While another process adds to the run, this one does not."""
        folder = write(tmp_path / "one", range(2)).parent
        taken = take(folder)
        assert taken.path is not None
        write(folder, range(2, 4))
        other = RunDir(taken.path).writer()
        other.append(b"{}")
        with pytest.raises(JournalError, match="another process"):
            take(folder)
        other.close()
        assert len(rows(take(folder))) == 4


@pytest.mark.parametrize(
    ("there", "runs"),
    [
        (["a", "b"], ["a", "b"]),  # as Stable-Baselines3 numbers them
        (["a", "a/1700.5"], ["a"]),  # as PyTorch writes hyperparameters
        (["a/train", "a/validation", "b/train"], ["a", "b"]),  # as Keras
        (["train", "eval_0"], ["."]),
        (["."], ["."]),
        ([".", "eval"], ["."]),  # as TensorFlow's estimators
        (["x/version_0", "x/version_1", "y/z/version_0"], ["x/version_0", "x/version_1", "y/z/version_0"]),  # Lightning
        (["trainer", "values"], ["trainer", "values"]),
        ([], []),
    ],
)
def test_which_folders_are_runs(tmp_path: Path, there: list[str], runs: list[str]) -> None:
    """Where event files are is a run, with all below it; and where nothing is but parts of one."""
    for name in there:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "events.out.tfevents.1.host").touch()
    assert run_folders(tmp_path) == [tmp_path / name for name in runs]
