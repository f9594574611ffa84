from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from wandb_logging._formats import event_file, event_folder
from wandb_logging._formats.event_file import Histogram, Picture
from wandb_logging._formats.event_folder import EventFolder
from wandb_logging._formats.event_paths import event_files, has_event_files
from wandb_logging._formats.protobuf import BrokenMessage

tensorboard = pytest.importorskip("tensorboardX", reason="tensorboardX writes the files: the extra test has it")


def rows(folder: Path, *, last: bool = True) -> list[dict[str, object]]:
    return [row.metrics for row in EventFolder(folder).look(last=last)]


class TestRows:
    def test_scalars_of_one_step_are_one_row(self, tmp_path: Path) -> None:
        """What follows each other with the same step is a row, the step with it as `global_step`."""
        with tensorboard.SummaryWriter(str(tmp_path)) as writer:
            for step in (0, 10):
                writer.add_scalar("loss", 0.1 + step, step)
                writer.add_scalar("acc/top1", step, step)
        assert rows(tmp_path) == [
            {"loss": 0.1, "acc/top1": 0.0, "global_step": 0},
            {"loss": 10.1, "acc/top1": 10.0, "global_step": 10},
        ]

    def test_a_value_that_is_called_as_the_step(self, tmp_path: Path) -> None:
        """It does not replace the step; in a folder of its own it has another name."""
        for folder in (tmp_path, tmp_path / "train"):
            with tensorboard.SummaryWriter(str(folder)) as writer:
                for name in ("loss", "global_step", "_timestamp"):
                    writer.add_scalar(name, 77, 3)
        assert rows(tmp_path) == [
            {"loss": 77.0, "global_step": 3},
            {"train/loss": 77.0, "train/global_step": 77.0, "train/_timestamp": 77.0, "global_step": 3},
        ]

    def test_folders_go_before_the_names(self, tmp_path: Path) -> None:
        """Several writers below one folder are told apart by theirs."""
        for name in ("train", "val/fold1"):
            with tensorboard.SummaryWriter(str(tmp_path / name)) as writer:
                writer.add_scalar("loss", 1.5, 3)
        assert rows(tmp_path) == [
            {"train/loss": 1.5, "global_step": 3},
            {"val/fold1/loss": 1.5, "global_step": 3},
        ]

    def test_copies_in_a_run_directory_are_not_read(self, tmp_path: Path) -> None:
        """A run may keep its files below the folder of the writer; its directory alone can be read by its path."""
        copies = tmp_path / "wandb_cache" / "p" / "id" / "files" / "saved"
        for folder in (tmp_path, copies):
            with tensorboard.SummaryWriter(str(folder)) as writer:
                writer.add_scalar("loss", 1.5, 3)
        run_dir = copies.parents[1]
        (run_dir / "run.json").write_text("{}", encoding="utf-8")
        assert rows(tmp_path) == [{"loss": 1.5, "global_step": 3}]
        assert rows(run_dir) == [{"files/saved/loss": 1.5, "global_step": 3}]

    def test_read_while_written(self, tmp_path: Path) -> None:
        """A row is there once, however often its file was looked at meanwhile; the last step comes last."""
        with tensorboard.SummaryWriter(str(tmp_path / "whole")) as writer:
            for step in range(5):
                writer.add_scalar("loss", step, step)
        (whole,) = (tmp_path / "whole").iterdir()
        growing = tmp_path / "growing"
        folder = EventFolder(growing)
        assert list(folder.look()) == []
        growing.mkdir()
        seen = []
        with (growing / whole.name).open("wb", buffering=0) as file:
            for byte in whole.read_bytes():
                file.write(bytes([byte]))
                seen += [row.metrics["global_step"] for row in folder.look()]
        assert seen == [0, 1, 2, 3]
        assert [row.metrics for row in folder.look(last=True)] == [{"loss": 4.0, "global_step": 4}]
        assert list(folder.look(last=True)) == []

    def test_histograms_images_texts_and_hyperparameters(self, tmp_path: Path) -> None:
        """Each kind of value is read as what it is; times are the writer's."""
        with tensorboard.SummaryWriter(str(tmp_path)) as writer:
            writer.add_histogram("h", np.arange(10.0), 1, bins=5, walltime=1000.5)
            writer.add_image("img", np.zeros((3, 4, 4), dtype=np.uint8), 2)
            writer.add_text("note", "hello", 3)
            writer.add_hparams({"lr": 0.1, "opt": "sgd", "flag": True}, {"best": 1.0}, name="h")
        found = list(EventFolder(tmp_path).look(last=True))
        by_name = {name: value for row in found for name, value in row.metrics.items()}
        histogram = by_name["h"]
        assert isinstance(histogram, Histogram)
        assert sum(histogram.counts) == 10
        assert (histogram.edges[0], histogram.edges[-1]) == (0.0, 9.0)
        (picture,) = by_name["img"]
        assert isinstance(picture, Picture)
        assert picture.data.startswith(b"\x89PNG")
        assert (picture.width, picture.height) == (4, 4)
        assert by_name["note/text_summary"] == "hello"
        assert next(row.wall_time for row in found if "h" in row.metrics) == 1000.5
        assert {name: value for row in found for name, value in row.hparams.items()} == {
            "lr": 0.1,
            "opt": "sgd",
            "flag": True,
        }


class TestOldFiles:
    def written(self, folder: Path, tag: str) -> Path:
        with tensorboard.SummaryWriter(str(folder), filename_suffix=f".{tag}") as writer:
            writer.add_scalar(tag, 1.5, 3)
        return next(path for path in folder.iterdir() if path.name.endswith(tag))

    def test_what_nobody_touched_since_is_passed_over(self, tmp_path: Path) -> None:
        """Of a file that was complete before, only what is added is read; of one that comes, all, however old it is."""
        old = self.written(tmp_path / "logs", "old")
        since = old.stat().st_ctime + 1000
        copied = self.written(tmp_path / "elsewhere", "copied")
        folder = EventFolder(tmp_path / "logs", since=since)
        assert list(folder.look()) == []
        with old.open("ab") as file:
            file.write(self.written(tmp_path / "more", "added").read_bytes())
        assert [row.metrics for row in folder.look(last=True)] == [{"added": 1.5, "global_step": 3}]
        copied.rename(tmp_path / "logs" / copied.name)
        assert [row.metrics for row in folder.look(last=True)] == [{"copied": 1.5, "global_step": 3}]
        touched = EventFolder(tmp_path / "logs", since=since - 2000)
        assert {name for row in touched.look(last=True) for name in row.metrics} == {
            "old", "added", "copied", "global_step",
        }  # fmt: skip

    def test_a_file_whose_place_another_took(self, tmp_path: Path) -> None:
        """A shorter file of the same name is read from its beginning."""
        with tensorboard.SummaryWriter(str(tmp_path / "logs")) as writer:
            for step in range(9):
                writer.add_scalar("loss", step, step)
        (path,) = (tmp_path / "logs").iterdir()
        folder = EventFolder(tmp_path / "logs")
        assert len(list(folder.look())) == 8
        path.write_bytes(self.written(tmp_path / "other", "new").read_bytes())
        assert [row.metrics["global_step"] for row in folder.look(last=True)] == [8, 3]

    @pytest.mark.parametrize("ending", [".profile-empty", ".sagemaker-uploaded"])
    def test_what_only_looks_like_one(self, tmp_path: Path, ending: str) -> None:
        """What a profiler and SageMaker put beside event files is none."""
        path = self.written(tmp_path / "logs", "old")
        path.rename(path.with_name(path.name + ending))
        assert not has_event_files(tmp_path / "logs")


class TestDamage:
    def test_damage_that_is_gone_with_the_next_look(self, tmp_path: Path) -> None:
        """On a network's disk a page may be zeros until it comes; only what stays so is damage."""
        with tensorboard.SummaryWriter(str(tmp_path / "logs")) as writer:
            for step in range(9):
                writer.add_scalar("loss", step, step)
        (path,) = (tmp_path / "logs").iterdir()
        data = path.read_bytes()
        folder = EventFolder(tmp_path / "logs")
        path.write_bytes(data[:100] + bytes(len(data) - 100))
        assert list(folder.look()) == []
        assert folder.damaged == {}
        path.write_bytes(data)
        assert [row.metrics["global_step"] for row in folder.look(last=True)] == list(range(9))

    def test_a_file_cut_anywhere_gives_what_is_whole(self, tmp_path: Path) -> None:
        """A file that its writer was killed in is read up to its last whole record, and nothing is called damaged."""
        with tensorboard.SummaryWriter(str(tmp_path / "a")) as writer:
            for step in range(3):
                writer.add_scalar("loss", step, step)
        (path,) = (tmp_path / "a").iterdir()
        data = path.read_bytes()
        most = 0
        for end in range(len(data)):
            path.write_bytes(data[:end])
            folder = EventFolder(tmp_path / "a")
            found = len(list(folder.look(last=True)))
            assert found >= most
            assert folder.damaged == {}
            most = found
        assert most == 2

    def test_a_changed_byte_is_told(self, tmp_path: Path) -> None:
        """A checksum that does not fit ends the reading of that file, says where, and costs no row before it."""
        with tensorboard.SummaryWriter(str(tmp_path)) as writer:
            for step in range(3):
                writer.add_scalar("loss", step, step)
        (path,) = (file for file in tmp_path.iterdir() if file.is_file())
        data = bytearray(path.read_bytes())
        data[-8] ^= 1
        path.write_bytes(data)
        folder = EventFolder(tmp_path)
        assert [row.metrics["loss"] for row in folder.look(last=True)] == [0.0, 1.0]
        assert [why.startswith("damaged at byte") for why in folder.damaged.values()] == [True]

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        """A link in the folder is no event file: it may point anywhere."""
        with tensorboard.SummaryWriter(str(tmp_path / "real")) as writer:
            writer.add_scalar("loss", 1, 1)
        (path,) = (tmp_path / "real").iterdir()
        (tmp_path / "linked").mkdir()
        (tmp_path / "linked" / path.name).symlink_to(path)
        assert has_event_files(tmp_path / "real")
        assert not has_event_files(tmp_path / "linked")
        assert not has_event_files(tmp_path / "missing")

    @pytest.mark.not_quick
    def test_none_of_many_is_left_out(self, tmp_path: Path) -> None:
        """However many files there are, each is found: a folder of 10,000 has been read without its last ones."""
        for number in range(10_001):
            (tmp_path / f"events.out.tfevents.{number}.host").touch()
        assert sum(1 for _ in event_files(tmp_path)) == 10_001

    @pytest.mark.parametrize("at_once", [1, 100, 10_000])
    def test_many_are_read_in_small_pieces(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
        """Read side by side, in order of their times, files share the memory that one may take; rows are the same."""
        for name in ("train", "val"):
            with tensorboard.SummaryWriter(str(tmp_path / name)) as writer:
                for step in range(20):
                    writer.add_scalar("loss", step, step, walltime=1000 + step)
                writer.add_text("note", "x" * 3000, 20, walltime=2000)
        monkeypatch.setattr(event_folder, "_READ_BYTES_OF_ALL", at_once)
        found = [(row.wall_time, row.metrics["global_step"], row.through) for row in EventFolder(tmp_path).in_order()]
        assert [step for _, step, _ in found] == [step for step in range(21) for _ in "tv"]
        assert found == sorted(found)

    @given(st.binary(max_size=80))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever is in a file, it is read, left as not whole, or called damaged."""
        try:
            found = [event_file.event(message) for message, _ in event_file.records(data)]
        except (event_file.DamagedFile, BrokenMessage):
            return
        assert all(isinstance(event.step, int) for event in found)


@given(st.binary(min_size=4, max_size=4))
@example(struct.pack("<f", 0.10009765625))  # needs nine digits
@example(struct.pack("<I", 0x7F7FFFFF))  # the largest
@example(struct.pack("<I", 1))  # the smallest
def test_shortest(bits: bytes) -> None:
    """A float of 32 bits is shown in as few digits as numpy needs for it, and is the same float."""
    (number,) = struct.unpack("<f", bits)
    short = event_file.shortest(number)
    assert repr(short) == repr(float(str(np.float32(number))))
    assert math.isnan(number) or struct.pack("<f", short) == struct.pack("<f", number)
