"""Promises of media as metric values: what lands on the server, and that a bad one never costs the row.

The last class runs one workload by the official SDK and by us, and compares values and files.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import importlib.util
import io
import json
import logging
import re
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

import wandb_logging
from tests.started import printed
from tests.surroundings import without
from wandb_logging import (
    Audio,
    Histogram,
    Html,
    Image,
    LogError,
    Molecule,
    Object3D,
    Plotly,
    Run,
    Table,
    Video,
    WandbHandler,
    new_run,
    read_run,
    sync,
)
from wandb_logging._events.media_names import STEP, file_name, fill_step, fill_steps
from wandb_logging._journal.copies import Copies, Kept
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging.testing import StoredArtifact

np = pytest.importorskip("numpy")

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
BOX = {"position": {"middle": [0.5, 0.5], "width": 0.1, "height": 0.1}}


def offline(**settings: Any) -> Run:
    return new_run("p", mode="offline", quiet=True, **settings)


def finished(run: Run) -> tuple[list[dict[str, Any]], dict[str, bytes], LocalServer]:
    """Rows and files of an offline run that was finished and synced."""
    run.finish()
    assert run.dir is not None
    with LocalServer() as server:
        (report,) = sync(run.dir, host=server.url, session=wandb_logging.Session(server.api_key))
        assert (report.error, server.violations) == (None, [])
        stored = server.run(run.id)
        return stored.history, stored.files, server


def one(value: Any) -> tuple[dict[str, Any], bytes]:
    """What a value becomes in the row, and the file beside it."""
    run = offline()
    run.log({"x": value})
    rows, files, _ = finished(run)
    return rows[0]["x"], files[rows[0]["x"]["path"]]


def kept(run: Run) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The values of a run's one row, without the random ids of artifacts, and the media files in its directory."""
    assert run.dir is not None
    ((row,), folder) = (read_run(run.dir).rows, run.dir / "files" / "media")
    values = {key: value for key, value in row.items() if key[0] != "_"}
    for name in OF_ARTIFACTS:
        del values["table"][name]
    return values, {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pillow = pytest.importorskip("PIL.Image")
    path = tmp_path / "cat.png"
    pillow.fromarray(PIXELS).save(path)
    return path


class TestOnTheServer:
    def test_value_and_file(self, picture: Path) -> None:
        """The value says all about the file, which is uploaded under its path."""
        value, content = one(Image(picture, caption="a cat"))
        sha = hashlib.sha256(picture.read_bytes()).hexdigest()
        assert content == picture.read_bytes()
        assert value == {
            "_type": "image-file",
            "sha256": sha,
            "size": len(content),
            "path": f"media/images/x_0_{sha[:20]}.png",
            "format": "png",
            "width": 4,
            "height": 4,
            "caption": "a cat",
        }

    def test_online(self, wandb_server: LocalServer) -> None:
        """The same online, without a sync."""
        with new_run("p", quiet=True) as run:
            run.log({"page": Html("<p>hello")})
        stored = wandb_server.run(run.id)
        assert stored.files[stored.history[0]["page"]["path"]].endswith(b"<p>hello")
        assert stored.history[0]["page"]["path"] in stored.uploaded

    def test_from_a_log_record(self, wandb_server: LocalServer) -> None:
        """`extra={"metrics": ...}` takes them as `run.log` does."""
        handler = WandbHandler(project="p", quiet=True)
        log = logging.getLogger("media")
        log.addHandler(handler)
        log.error("look", extra={"metrics": {"page": Html("<p>"), "loss": 0.5}})
        handler.close()
        (stored,) = wandb_server.runs
        (row,) = stored.history
        assert (row["loss"], row["page"]["_type"]) == (0.5, "html-file")
        assert row["page"]["path"] in stored.files

    @pytest.mark.not_quick
    def test_each_kind_from_both_doors(self, picture: Path, tmp_path: Path) -> None:
        """A log record takes every kind that `run.log` takes, to the same values and the same bytes."""
        go = pytest.importorskip("plotly.graph_objects")
        for name in ("m.pdb", "o.obj"):
            (tmp_path / name).write_text(name)
        kinds: dict[str, Any] = {
            "image": Image(picture),
            "images": [Image(PIXELS), Image(PIXELS, caption="c")],
            "over": Image(PIXELS, masks={"m": {"mask_data": PIXELS[..., 0]}}),
            "histogram": Histogram([1, 2]),
            "html": Html("x"),
            "table": Table(columns=["a"], data=[[1]]),
            "audio": Audio(np.zeros(8), sample_rate=8),
            "video": Video(np.zeros((2, 1, 2, 2))),
            "molecule": Molecule(tmp_path / "m.pdb"),
            "object": Object3D(tmp_path / "o.obj"),
            "points": Object3D(np.zeros((2, 3))),
            "plotly": Plotly(go.Figure()),
            "nested": {"html": Html("y"), "many": [Html("z")]},
        }
        run = offline(cache_dir="by-hand")
        run.log(kinds)
        run.finish()
        handler = WandbHandler(project="p", mode="offline", quiet=True, cache_dir="records")
        log = logging.getLogger("doors")
        log.addHandler(handler)
        log.error("x", extra={"metrics": kinds})
        handler.close()
        (one_row, one_kept), (other_row, other_kept) = (kept(run), kept(handler.run))
        assert one_row == other_row
        assert one_row.keys() == kinds.keys()
        assert one_kept == other_kept

    def test_step_in_the_name(self) -> None:
        """The name has the step of the row, whichever way the step was given; keys make folders and stay inside."""
        run = offline()
        run.log({"a": Html("0")})
        run.log({"a/b": Html("5")}, step=5)
        run.log({"../c": Html("5 again"), "{step}": Html("braces")}, step=5)
        run.log({"late": Html("late")}, step=2)
        rows, files, _ = finished(run)
        names = {key: value["path"] for row in rows for key, value in row.items() if isinstance(value, dict)}
        assert {key: name.rpartition("_")[0] for key, name in names.items()} == {
            "a": "media/html/a_0",
            "a/b": "media/html/a/b_5",
            "../c": "media/html/__/c_5",
            "{step}": "media/html/{step}_5",
            "late": "media/html/late_5",
        }
        assert set(names.values()) <= set(files)

    def test_in_the_summary(self) -> None:
        """The summary has the last one, as any value."""
        run = offline()
        run.log({"page": Html("1")})
        run.log({"page": Html("2")})
        rows, _, server = finished(run)
        assert server.run(run.id).summary["page"] == rows[1]["page"]

    def test_set_in_the_summary(self) -> None:
        """Set by hand, they are named after their dotted path; their bytes are kept before the call returns."""
        run = offline()
        run.summary["best"] = Html("1")
        run.summary.update({"val": {"pages": [Html("2"), Html("3")]}, "table": Table(columns=["a"], data=[[1]])})
        assert run.dir is not None
        assert len(list((run.dir / "files" / "media").iterdir())) == 4
        assert run.summary["best"]["path"].startswith("media/html/best_summary_")
        _, files, server = finished(run)
        stored = server.run(run.id)
        assert files[stored.summary["best"]["path"]].endswith(b"1")
        pages = [page["path"] for page in stored.summary["val"]["pages"]["html"]]
        assert [files[path][-1:] for path in pages] == [b"2", b"3"]
        assert all(path.startswith("media/html/val.pages_summary_") for path in pages)
        assert [artifact.type for artifact in stored.logged_artifacts] == ["run_table"]

    def test_nested(self) -> None:
        """Within nested metrics the innermost key is the name, as in the official SDK."""
        run = offline()
        run.log({"val": {"page": Html("1")}})
        rows, _, _ = finished(run)
        assert rows[0]["val"]["page"]["path"].startswith("media/html/page_0_")

    def test_equal_bytes_are_kept_once(self) -> None:
        """The same picture logged a thousand times takes its place on the disk once."""
        run = offline()
        page = Html("same")
        for _ in range(10):
            run.log({"page": page})
        assert run.dir is not None
        assert len(list((run.dir / "files" / "media").iterdir())) == 1
        rows, files, _ = finished(run)
        assert {row["page"]["path"] for row in rows} <= set(files)

    def test_caption_like_a_name(self) -> None:
        """Text that looks like a name with a place for the step is left as it is."""
        run = offline()
        run.log({"page": Html("1"), "note": "media/html/page_{step}_0.html"})
        rows, _, _ = finished(run)
        assert rows[0]["note"] == "media/html/page_{step}_0.html"

    def test_dropped_with_its_row(self) -> None:
        """Media of a row that is dropped are not uploaded."""
        run = offline(late_steps="drop")
        run.log({"loss": 1}, step=5)
        run.log({"page": Html("late")}, step=1)
        _, files, _ = finished(run)
        assert [name for name in files if name.startswith("media/")] == []

    def test_read_back(self) -> None:
        """`read_run` gives the rows with the names that the server will see."""
        run = offline()
        run.log({"page": Html("1")})
        run.finish()
        assert run.dir is not None
        assert read_run(run.dir).rows[0]["page"]["path"].startswith("media/html/page_0_")


class TestWhenTheCallReturns:
    def test_bytes_are_in_the_run_directory(self, tmp_path: Path) -> None:
        """What becomes of the file later changes nothing."""
        source = tmp_path / "clip.mp4"
        source.write_bytes(b"first")
        run = offline()
        run.log({"clip": Video(source)})
        source.unlink()
        rows, files, _ = finished(run)
        assert files[rows[0]["clip"]["path"]] == b"first"

    def test_array_is_taken_when_made(self) -> None:
        """An image of an array is a picture of what was in it then."""
        pytest.importorskip("PIL")
        array = np.zeros((2, 2), dtype=np.uint8)
        image = Image(array)
        array[:] = 255
        _, content = one(image)
        assert set(_pixels(content)) == {0}

    def test_table_is_taken_when_logged(self) -> None:
        """A table grows on; what was logged stays."""
        run = offline()
        table = Table(columns=["a"], data=[[1]])
        run.log({"t": table})
        table.add_data(2)
        run.log({"t": table})
        rows, files, _ = finished(run)
        assert [json.loads(files[row["t"]["path"]])["data"] for row in rows] == [[[1]], [[1], [2]]]


def _pixels(content: bytes) -> list[int]:
    pillow = pytest.importorskip("PIL.Image")
    return np.asarray(pillow.open(io.BytesIO(content))).flatten().tolist()


class TestBad:
    def test_constructor_raises(self, tmp_path: Path) -> None:
        """What is wrong with a value is said where it is made."""
        pytest.importorskip("PIL")
        (tmp_path / "no.png").write_bytes(b"no picture")
        (tmp_path / "x.txt").write_text("x")
        wrong: list[Any] = [
            lambda: Image(np.zeros((2, 2, 5))),
            lambda: Image(np.zeros((0, 2))),
            lambda: Image(np.zeros(3)),
            lambda: Image("nowhere.png"),
            lambda: Image(tmp_path / "no.png"),
            lambda: Image(3),
            lambda: Image(PIXELS, file_type="gif"),
            lambda: Image(PIXELS, boxes={"a": {}}),
            lambda: Image(PIXELS, boxes=[1]),  # type: ignore[arg-type]
            lambda: Image(PIXELS, boxes={"a": {"box_data": [{"class_id": 1}]}}),
            lambda: Image(PIXELS, boxes={"a": {"box_data": [{"position": {"minX": 1}}]}}),
            lambda: Image(PIXELS, boxes={"a": {"box_data": [{**BOX, "scores": {"a": "b"}}]}}),
            lambda: Image(PIXELS, boxes={"a": {"box_data": [{**BOX, "class_id": "cat"}]}}),
            lambda: Image(PIXELS, boxes={"a": {"box_data": [BOX], "class_labels": {"cat": 1}}}),
            lambda: Image(PIXELS, masks={"a": {}}),
            lambda: Image(PIXELS, masks={"a": {"mask_data": PIXELS}}),
            lambda: Image(PIXELS, masks={"a": {"mask_data": np.full((2, 2), 256)}}),
            lambda: Image(PIXELS, masks={"a": {"path": "nowhere.png"}}),
            lambda: Image(PIXELS, classes=[1]),  # type: ignore[list-item]
            lambda: Table(columns=["a", "b"], data=[[1, 2], [3]]),
            lambda: Table(columns=["a"]).add_data(1, 2),
            lambda: Table(columns=["a"], data=[[1]]).add_column("a", [1]),
            lambda: Table(columns=["a"], data=[[1]]).add_column("b", [1, 2]),
            lambda: Table(columns="ab"),
            lambda: Table(log_mode="SOMETIMES"),
            lambda: Table(columns=["a"], log_mode="INCREMENTAL").add_column("b", []),
            Histogram,
            lambda: Histogram([1, 2], num_bins=513),
            lambda: Histogram(["a"]),
            lambda: Histogram([float("nan")]),
            lambda: Histogram(np_histogram=([1, 2], [0, 1])),
            lambda: Histogram(np_histogram=([1] * 513, [0] * 514)),
            lambda: Histogram(np_histogram=(1, 2, 3)),  # type: ignore[arg-type]
            lambda: Html(3),
            lambda: Audio("nowhere.wav"),
            lambda: Audio([0.0]),
            lambda: Audio(np.zeros((1, 1, 1)), sample_rate=8),
            lambda: Audio(np.zeros(3, dtype=np.int64), sample_rate=8),
            lambda: Video(np.zeros((2, 3, 4, 4)), format="mp4"),
            lambda: Video(np.zeros((3, 4, 4))),
            lambda: Video(np.zeros((2, 2, 4, 4))),
            lambda: Video([1]),
            lambda: Table(columns=["a"]).get_column("b"),
            lambda: Video(tmp_path / "x.txt"),
            lambda: Video(io.BytesIO(b"x")),
            lambda: Molecule(tmp_path / "x.txt"),
            lambda: Molecule(io.StringIO("x")),
            lambda: Molecule(3),
            lambda: Object3D(tmp_path / "x.txt"),
            lambda: Object3D(np.zeros((2, 5))),
            lambda: Object3D({"type": "other"}),
            lambda: Object3D(3),
            lambda: Plotly(3),
        ]
        for make in wrong:
            with pytest.raises(LogError):
                make()

    def test_run_log_raises(self, tmp_path: Path) -> None:
        """A file that is gone by now raises from `run.log`, which names the metric; nothing is logged."""
        source = tmp_path / "clip.mp4"
        source.write_bytes(b"x")
        clip = Video(source)
        source.unlink()
        run = offline()
        with pytest.raises(LogError, match=r"val\.clip: there is no file .*clip\.mp4"):
            run.log({"loss": 1, "val": {"clip": clip}})
        rows, _, _ = finished(run)
        assert rows == []

    def test_the_summary_raises(self, tmp_path: Path) -> None:
        """So does setting it in the summary, of which nothing is set then; a value without a JSON is set aside."""
        source = tmp_path / "clip.mp4"
        source.write_bytes(b"x")
        clip = Video(source)
        source.unlink()
        run = offline()
        with pytest.raises(LogError, match=r"clip: there is no file .*clip\.mp4"):
            run.summary.update({"best": 1, "clip": clip})
        run.summary.update({"page": Html("x"), "bad": object()})
        assert run.stats()["set_aside"] == 1
        _, _, server = finished(run)
        assert {key for key in server.run(run.id).summary if key[0] != "_"} == {"page"}

    def test_log_record_does_not(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """From a log record it is set aside by name, with a warning, and the rest of the row goes."""
        source = tmp_path / "clip.mp4"
        source.write_bytes(b"x")
        clip = Video(source)
        source.unlink()
        table = Table(columns=["a", "b"])
        table.data.append([1])
        handler = WandbHandler(project="p", mode="offline", quiet=True)
        log = logging.getLogger("bad")
        log.addHandler(handler)
        log.error("x", extra={"metrics": {"loss": 1, "val": {"clip": clip, "acc": 2}, "table": table}})
        assert handler.stats()["set_aside"] == 2
        rows, _, _ = finished(handler.run)
        assert (rows[0]["loss"], rows[0]["val"]) == (1, {"acc": 2})
        warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert any("val.clip is set aside: there is no file" in warning for warning in warnings)
        assert any("table is set aside: Table: row 0 has 1 values for 2 columns" in warning for warning in warnings)

    def test_full_disk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the disk refuses is set aside also from `run.log`: it is not the value that is wrong."""

        def full(*_: object) -> Kept:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Copies, "keep_media", full)
        run = offline()
        run.log({"loss": 1, "page": Html("x")})
        assert run.stats()["set_aside"] == 1
        run.finish()
        assert run.dir is not None
        assert read_run(run.dir).rows[0]["loss"] == 1

    def test_no_run_directory(self, wandb_server: LocalServer) -> None:
        """Where nothing can be written rows go from memory, without media, and it is said which."""
        Path("file").write_text("no folder")
        with new_run("p", quiet=True, cache_dir="file/cache") as run:
            run.log({"loss": 1, "page": Html("x")})
            run.summary.update({"best": 2, "page": Html("x")})
            assert run.stats()["set_aside"] == 2
            assert run.summary["best"] == 2
        stored = wandb_server.run(run.id)
        assert (stored.history[0]["loss"], stored.summary["best"]) == (1, 2)

    def test_disabled(self) -> None:
        """A disabled run takes and forgets them."""
        with new_run("p", mode="disabled") as run:
            run.log({"page": Html("x")})
            run.summary["page"] = Html("x")
            assert run.stats()["set_aside"] == 0

    def test_damaged_event(self) -> None:
        """A name without a place for the step does not stop the fold."""
        assert fill_steps({"a": "x"}, [{"name": "odd", "path": "p"}], 3)[1] == [
            {"kind": "media", "name": "odd", "path": "p"}
        ]
        for wrong in (3, [None, {}, {"name": 1, "path": "p"}, {"name": "n"}]):
            assert fill_steps({"a": "x"}, wrong, 3) == ({"a": "x"}, [])


class TestImage:
    @pytest.mark.parametrize(
        ("array", "mode"),
        [
            (PIXELS, "RGB"),
            (PIXELS[..., 0], "L"),
            (PIXELS[..., :1], "L"),
            (np.zeros((2, 2, 4)), "RGBA"),
            (np.ones((1, 4, 3)).reshape(1, 1, 4, 3), "L"),  # as the official SDK: squeezed to 4 x 3
        ],
    )
    def test_array(self, array: Any, mode: str) -> None:
        """The channels tell the mode, as in the official SDK."""
        pillow = pytest.importorskip("PIL.Image")
        _, content = one(Image(array))
        assert pillow.open(io.BytesIO(content)).mode == mode

    def test_jpeg(self) -> None:
        """JPEG loses the transparency that it does not have."""
        pillow = pytest.importorskip("PIL.Image")
        value, content = one(Image(np.zeros((2, 3, 4)), file_type="jpg", grouping=2))
        assert (value["format"], value["width"], value["height"], value["grouping"]) == ("jpg", 3, 2, 2)
        assert pillow.open(io.BytesIO(content)).format == "JPEG"

    @pytest.mark.slow
    def test_figure(self) -> None:
        """A figure, its axes and pyplot give the same picture; a bare figure is logged as one."""
        matplotlib = pytest.importorskip("matplotlib")
        pytest.importorskip("PIL")
        matplotlib.use("agg")
        from matplotlib import pyplot as plt

        figure, axes = plt.subplots()
        axes.plot([1, 2])
        run = offline()
        run.log({"a": Image(figure), "b": Image(axes), "c": Image(plt), "d": figure, "several": [figure, Image(axes)]})
        rows, _, _ = finished(run)
        plt.close(figure)
        assert len({rows[0][key]["sha256"] for key in "abcd"}) == 1
        assert rows[0]["d"]["_type"] == "image-file"
        assert (rows[0]["several"]["_type"], rows[0]["several"]["count"]) == ("images/separated", 2)

    def test_of_another_image(self) -> None:
        """As loggers wrap what they are given: the same picture, with what is said of it unless something else is."""
        box = {"position": {"minX": 0.1, "maxX": 0.5, "minY": 0.1, "maxY": 0.5}, "class_id": 1}
        boxes = {"all": {"box_data": [box], "class_labels": {1: "cat"}}}
        inner = Image(PIXELS, caption="inner", grouping=3, boxes=boxes, file_type="bmp")
        plain, content = one(inner)
        assert one(Image(inner)) == (plain, content)
        assert one(Image(Image(inner), caption="outer"))[0] == {**plain, "caption": "outer"}
        assert Image(inner).column_type() == inner.column_type()

    def test_pictures_of_pillow_as_they_are(self) -> None:
        """Also in a list, beside what is none."""
        pillow = pytest.importorskip("PIL.Image")
        picture = pillow.new("RGB", (3, 2))
        run = offline()
        run.log({"one": picture, "same": Image(picture), "two": [picture, picture], "mixed": [picture, 1]})
        rows, files, _ = finished(run)
        row = rows[0]
        assert (row["one"]["_type"], row["one"]["sha256"]) == ("image-file", row["same"]["sha256"])
        assert (row["two"]["_type"], row["two"]["count"], row["two"]["width"]) == ("images/separated", 2, 3)
        assert (row["mixed"][0]["_type"], row["mixed"][1]) == ("image-file", 1)
        assert row["one"]["path"] in files

    def test_many(self) -> None:
        """A list is one value, of at most 108, with the size of the first and captions if that has one."""
        pytest.importorskip("PIL")
        run = offline()
        run.log({"plain": [Image(PIXELS)] * 110, "named": [Image(PIXELS, caption="one"), Image(PIXELS[:2])]})
        rows, files, _ = finished(run)
        plain, named = rows[0]["plain"], rows[0]["named"]
        assert (plain["_type"], plain["count"], len(plain["filenames"])) == ("images/separated", 108, 108)
        assert "captions" not in plain
        assert (named["captions"], named["width"], named["height"]) == (["one", None], 4, 4)
        assert set(named["filenames"]) <= set(files)

    def test_without_pillow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It says what to install."""
        monkeypatch.setitem(sys.modules, "PIL", None)
        with pytest.raises(LogError, match=r"wandb-logging\[media\]"):
            Image(PIXELS)

    def test_imported_only_when_needed(self) -> None:
        """Logging numbers and importing the names brings in no optional package."""
        code = """
            import sys, wandb_logging
            from wandb_logging import Audio, Histogram, Html, Image, Molecule, Object3D, Plotly, Table, Video
            with wandb_logging.new_run("p", mode="offline", quiet=True) as run:
                run.log({"loss": 1, "odd": float("nan"), "page": Html("x"), "table": Table(["a"], [[1]])})
            print({"numpy", "PIL", "pandas", "matplotlib", "plotly"} & set(sys.modules))
        """
        assert printed(code).strip() == "set()"


class TestHistogram:
    @given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.integers(1, 512))
    def test_counts_everything(self, values: list[float], num_bins: int) -> None:
        """Counts as numpy counts."""
        made = Histogram(values, num_bins=num_bins)
        counts, edges = np.histogram(values, num_bins)
        assert (made.histogram, made.bins) == (counts.tolist(), edges.tolist())

    @given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=40), st.sampled_from([1, 2, 8, 64]))
    def test_without_numpy(self, values: list[int], num_bins: int) -> None:
        """Without numpy nothing is lost either."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "numpy", None)
            made = Histogram(values, num_bins=num_bins)
        assert (sum(made.histogram), len(made.histogram), len(made.bins)) == (len(values), num_bins, num_bins + 1)
        assert made.bins == pytest.approx(np.histogram(values, num_bins)[1])

    def test_without_numpy_not_finite(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Non-finite values are left out; of nothing else there is no histogram."""
        monkeypatch.setitem(sys.modules, "numpy", None)
        assert sum(Histogram([1.0, float("nan"), 2.0]).histogram) == 2
        with pytest.raises(LogError):
            Histogram([float("inf")])

    def test_ready_made(self) -> None:
        """Counts and edges go as they are; there is no file."""
        run = offline()
        run.log({"h": Histogram(np_histogram=np.histogram([1, 2, 2], bins=2)), "l": [Histogram([1]), 2]})
        rows, files, _ = finished(run)
        assert rows[0]["h"] == {"_type": "histogram", "values": [1, 2], "bins": [1.0, 1.5, 2.0]}
        assert (rows[0]["l"][0]["_type"], rows[0]["l"][1]) == ("histogram", 2)
        assert [name for name in files if name.startswith("media/")] == []


class TestTable:
    def test_content(self) -> None:
        """The file has columns and rows, the value counts them."""
        value, content = one(Table(columns=["a", "b"], data=[[1, "x"], [None, float("nan")]]))
        assert content == b'{"columns":["a","b"],"data":[[1,"x"],[null,NaN]]}'
        _, content = one(Table(columns=["ü"], data=[[None], [1e-07]]))
        assert content.startswith('{"columns":["ü"],'.encode())  # how 1e-07 looks is the JSON writer's matter
        assert json.loads(content)["data"] == [[None], [1e-07]]
        assert (value["ncols"], value["nrows"], value["log_mode"]) == (2, 2, "IMMUTABLE")
        assert value["path"].endswith(".table.json")

    def test_cells(self) -> None:
        """Arrays stay whole, media are named, and what has no JSON becomes text."""
        cells = [np.arange(40), np.float32(1.5), Html("x"), object, {"a": (1, Decimal(2))}, Ellipsis]
        _, content = one(Table(columns=list("abcdef"), data=[cells]))
        row = json.loads(content)["data"][0]
        assert row == [list(range(40)), 1.5, "Html", "builtins.object", {"a": [1, "2"]}, "Ellipsis"]

    def test_defaults_and_columns(self) -> None:
        """The columns are the official SDK's if none are given; columns can be added."""
        assert Table().columns == ["Input", "Output", "Expected"]
        table = Table(columns=[])
        table.add_column("a", [1, 2])
        table.add_column("b", [3, 4])
        assert (table.columns, table.data) == (["a", "b"], [[1, 3], [2, 4]])

    def test_looking_into_it(self) -> None:
        """Columns and rows are read as they were added."""
        table = Table(columns=["a", "b"], data=[[1, "x"]])
        table.add_row(2, "y")
        assert table.get_column("b") == ["x", "y"]
        assert table.get_column("a", convert_to="numpy").sum() == 3
        assert list(table.iterrows()) == [(0, [1, "x"]), (1, [2, "y"])]

    def test_many_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The file has the first rows, the value counts all."""
        monkeypatch.setattr(Table, "MAX_ROWS", 2)
        value, content = one(Table(columns=["a"], data=[[1], [2], [3]]))
        assert (value["nrows"], json.loads(content)["data"]) == (3, [[1], [2]])

    def test_pandas(self) -> None:
        """A data frame gives columns and rows, bare as well."""
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"n": [1, 2], "when": pandas.to_datetime(["2020-01-01", "2021-01-01"])})
        run = offline()
        run.log({"a": Table(dataframe=frame), "b": Table(data=frame), "c": frame})
        rows, files, _ = finished(run)
        expected = {"columns": ["n", "when"], "data": [[1, "2020-01-01T00:00:00"], [2, "2021-01-01T00:00:00"]]}
        assert [json.loads(files[rows[0][key]["path"]]) for key in "abc"] == [expected] * 3

    def test_polars(self) -> None:
        """So does one of polars."""
        polars = pytest.importorskip("polars")
        run = offline()
        run.log({"a": Table(dataframe=polars.DataFrame({"n": [1, 2], "s": ["x", None]}))})
        rows, files, _ = finished(run)
        assert json.loads(files[rows[0]["a"]["path"]]) == {"columns": ["n", "s"], "data": [[1, "x"], [2, None]]}


class TestTableArtifact:
    def logged(self, table: Any, key: str = "t") -> tuple[dict[str, Any], StoredArtifact]:
        """The value of a table, and the artifact it was logged as."""
        run = offline(run_id="r")
        run.log({key: table})
        rows, _, server = finished(run)
        (artifact,) = server.run("r").logged_artifacts
        return rows[0][key], artifact

    def test_value_points_there(self) -> None:
        """The value says where the table is: by the ids under which the client made the artifact."""
        value, artifact = self.logged(Table(columns=["a"], data=[[1]]))
        assert (artifact.name, artifact.type) == ("run-r-t:v0", "run_table")
        assert value["artifact_path"] == f"wandb-client-artifact://{artifact.client_id}/t.table.json"
        assert value["_latest_artifact_path"].startswith("wandb-client-artifact://")
        assert value["_latest_artifact_path"].endswith(":latest/t.table.json")

    def test_media_in_cells(self, tmp_path: Path) -> None:
        """What cells show is with the table, once."""
        (tmp_path / "v.mp4").write_bytes(b"video")
        _, artifact = self.logged(
            Table(
                columns=["page", "clip"], data=[[Html("x"), Video(tmp_path / "v.mp4", caption="c")], [Html("x"), None]]
            )
        )
        content = json.loads(artifact.files["t.table.json"])
        (page, clip), (again, nothing) = content["data"]
        assert (page, nothing) == (again, None)
        assert artifact.files[page["path"]].endswith(b"x")
        assert artifact.files[clip["path"]] == b"video"
        assert (clip["_type"], clip["caption"], len(artifact.files)) == ("video-file", "c", 3)

    def test_cells_and_types(self) -> None:
        """Times are milliseconds; a column of mixed values may hold anything."""
        now = dt.datetime(2020, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))
        rows = [[now, 1, [1], (1, 2), {"a": now}], [dt.date(2020, 1, 1), "x", [2], (), None]]
        _, artifact = self.logged(Table(columns=list("abcde"), data=rows))
        content = json.loads(artifact.files["t.table.json"])
        millis = 1577836800000
        assert content["data"] == [[millis, 1, [1], [1, 2], {"a": millis}], [millis, "x", [2], [], None]]
        types = {
            name: next(kind for kind in union["params"]["allowed_types"] if kind["wb_type"] != "none")
            for name, union in content["column_types"]["params"]["type_map"].items()
        }
        assert [types[name]["wb_type"] for name in "abcde"] == ["timestamp", "any", "list", "list", "typedDict"]
        assert [types[name]["params"]["length"] for name in "cd"] == [1, 0]

    def test_missing_time(self) -> None:
        """The missing time of pandas is a missing value."""
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"t": pandas.to_datetime(["2020-01-01", None])})
        _, artifact = self.logged(frame)
        assert json.loads(artifact.files["t.table.json"])["data"] == [[1577836800000], [None]]

    @pytest.mark.not_quick
    def test_odd_names(self) -> None:
        """Whatever the key is, the artifact's name is allowed, and another for another key."""
        names = [self.logged(Table(columns=["a"]), key)[1].name for key in ("a/b", "a b", "k" * 200, "k" * 201, "..")]
        assert len(set(names)) == len(names)


class TestFiles:
    @pytest.mark.not_quick
    def test_html(self, tmp_path: Path) -> None:
        """A .html file is read, other text is HTML, and `inject` puts a head into it."""
        page = tmp_path / "page.html"
        page.write_text("<html><head></head></html>", encoding="utf-8")
        head = b'<base target="_blank">'
        assert one(Html(page, inject=False))[1] == b"<html><head></head></html>"
        assert one(Html(page))[1].startswith(b"<html><head>" + head)
        assert one(Html("<html>x</html>"))[1].startswith(b"<html><head>" + head)
        assert one(Html("ä"))[1].startswith(head)
        assert one(Html(str(page), data_is_not_path=True, inject=False))[1] == str(page).encode()
        assert one(Html(io.StringIO("x"), inject=False))[1] == b"x"

    def test_audio(self, tmp_path: Path) -> None:
        """A file goes as it is, samples as 16-bit WAV."""
        wave = pytest.importorskip("wave")
        (tmp_path / "a.mp3").write_bytes(b"sound")
        value, content = one(Audio(tmp_path / "a.mp3", caption="c"))
        assert (content, value["caption"], value["path"][-4:]) == (b"sound", "c", ".mp3")
        _, content = one(Audio(np.array([[0.0, 0.5], [-1.0, 2.0]]), sample_rate=8000))
        with wave.open(io.BytesIO(content)) as sound:
            assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, 8000, 2)
            assert np.frombuffer(sound.readframes(9), dtype="<i2").tolist() == [0, 2**14, -(2**15), 2**15 - 1]

    @pytest.mark.parametrize(("channels", "fps"), [(1, None), (3, 10), (4, 2)])
    def test_frames(self, channels: int, fps: int | None) -> None:
        """Frames become a GIF, four a second if nothing else is said."""
        pillow = pytest.importorskip("PIL.Image")
        shades = [0, 100, 255]
        frames = np.stack([np.full((channels, 6, 8), shade, dtype=np.uint8) for shade in shades])
        value, content = one(Video(frames, fps=fps, caption="c"))
        assert (value["width"], value["height"], value["path"][-4:]) == (8, 6, ".gif")
        clip = pillow.open(io.BytesIO(content))
        assert (clip.format, clip.n_frames, clip.size, clip.info["duration"]) == ("GIF", 3, (8, 6), 1000 / (fps or 4))
        for number, shade in enumerate(shades):
            clip.seek(number)
            assert set(np.asarray(clip.convert("L")).flatten().tolist()) == {shade}

    @pytest.mark.contract
    def test_several_videos_of_frames(self) -> None:
        """They stand side by side where the official SDK puts them; a place without one is black."""
        pillow = pytest.importorskip("PIL.Image")
        official = pytest.importorskip("wandb")
        frames = np.arange(3 * 2 * 1 * 2 * 2, dtype=np.uint8).reshape(3, 2, 1, 2, 2) * 10
        expected = official.Video._prepare_video(None, frames)
        clip = pillow.open(io.BytesIO(one(Video(frames))[1]))
        for number, picture in enumerate(expected):
            clip.seek(number)
            assert np.array_equal(np.asarray(clip.convert("L")), picture[..., 0])

    def test_audio_without_numpy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Samples need numpy: it says what to install."""
        monkeypatch.setitem(sys.modules, "numpy", None)
        with pytest.raises(LogError, match=r"wandb-logging\[media\]"):
            Audio([0.0], sample_rate=8)

    def test_audio_captions(self, tmp_path: Path) -> None:
        """Of several, those without a caption have an empty one, if any has one."""
        (tmp_path / "a.wav").write_bytes(b"sound")
        run = offline()
        run.log({"x": [Audio(tmp_path / "a.wav"), Audio(tmp_path / "a.wav", caption="c")]})
        rows, _, _ = finished(run)
        assert rows[0]["x"]["captions"] == ["", "c"]

    def test_streams(self, tmp_path: Path) -> None:
        """An open file or a stream does as well, with its type said where it has no name."""
        (tmp_path / "m.pdb").write_text("mol")
        with (tmp_path / "m.pdb").open() as opened:
            assert one(Molecule(opened))[1] == b"mol"
        assert one(Molecule(io.StringIO("mol"), file_type="cif"))[1] == b"mol"
        assert one(Object3D(io.StringIO("obj"), file_type="obj"))[1] == b"obj"
        assert one(Video(io.BytesIO(b"v"), format="gif"))[1] == b"v"

    def test_scene(self) -> None:
        """A scene of points goes as JSON."""
        scene = {"type": "lidar/beta", "points": np.ones((1, 3)), "boxes": np.array([])}
        value, content = one(Object3D(scene))
        assert json.loads(content) == {"type": "lidar/beta", "vectors": [], "points": [[1, 1, 1]], "boxes": []}
        assert value["path"].endswith(".pts.json")


class TestNames:
    @given(st.text(max_size=20), st.integers(0, 10**9), st.sampled_from(["", ".png", ".table.json"]))
    def test_inside_the_folder(self, key: str, step: int, extension: str) -> None:
        """Whatever the key is, the name stays in its folder and has the step where it belongs."""
        name = fill_step(file_name("images", key, STEP, "f" * 64, extension), step)
        assert name == file_name("images", key, str(step), "f" * 64, extension)
        assert name.startswith("media/images/")
        assert {".", ".."}.isdisjoint(name.split("/"))


# --- compared with the official SDK ---

WORKLOAD = """
    import datetime as dt
    from decimal import Decimal
    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go
    from PIL import Image as Pillow

    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    Pillow.fromarray(pixels).save("a.png")
    for name in ("v.mp4", "a.wav", "m.pdb", "o.obj"):
        with open(name, "w") as file:
            file.write(name)
    with open("page.html", "w") as file:
        file.write("<html><head></head><body>page</body></html>")

    def values(w):
        figure = go.Figure(data=[go.Scatter(x=np.array([1, 2]), y=[3.5, 4])])
        return [
            {"file": w.Image("a.png", caption="cap"), "a/b": w.Image(pixels), "float": w.Image(pixels / 2.0)},
            {"gray": w.Image(pixels[..., 0]), "jpg": w.Image(pixels, file_type="jpg"), "one": [w.Image(pixels)]},
            {"pil": w.Image(Pillow.fromarray(pixels)), "alpha": w.Image(np.zeros((3, 2, 4)))},
            {"two": [w.Image(pixels, caption="one"), w.Image(pixels + 1)], "nested": {"in": w.Image(pixels)}},
            {"h": w.Histogram([1, 2, 3, 4.5]), "few": w.Histogram([1, 1], num_bins=3), "hs": [w.Histogram([1, 2])]},
            {"np": w.Histogram(np_histogram=np.histogram([1, 2, 5], bins=4))},
            {"html": w.Html("<h1>x</h1>"), "bare": w.Html("<p>y", inject=False), "page": w.Html("page.html")},
            {"htmls": [w.Html("a"), w.Html("<html>b</html>")]},
            {"t": w.Table(columns=["a", "b"], data=[[1, "x"], [2, None]])},
            {"df": pd.DataFrame({"c": [1.5, float("nan")], "when": pd.to_datetime(["2020-01-01", "2021-01-01"])})},
            {"cells": w.Table(columns=["n", "b", "l", "s"], data=[[1, True, [1, 2], "ä"], [None, None, [3], "y"]])},
            {"exact": w.Table(columns=["d"], data=[[Decimal("1.50")], [None]])},
            {"more": w.Table(columns=["l", "d", "e", "t"], data=[[["x"], {"k": [True]}, None, dt.date(2020, 1, 1)]])},
            {"v": w.Video("v.mp4", caption="vc"), "au": w.Audio("a.wav", caption="ac")},
            {"m": w.Molecule("m.pdb", caption="mc"), "o": w.Object3D("o.obj"), "pts": w.Object3D(np.ones((2, 3)))},
            {"vs": [w.Video("v.mp4"), w.Video("v.mp4", caption="x")], "aus": [w.Audio("a.wav")]},
            {"ms": [w.Molecule("m.pdb")], "os": [w.Object3D("o.obj", caption="oc")]},
            {"plotly": w.Plotly(figure), "figure": figure},
            {"../x/./y": w.Html("z")},
            {"over": w.Image(pixels, boxes=boxes, masks=masks), "val": {"path": w.Image(pixels, masks={"p": picture})}},
            {"overs": [w.Image(pixels, boxes=boxes), w.Image(pixels)], "masked": [w.Image(pixels, masks=masks)]},
            {"overs": [w.Image(pixels, boxes={"truth": boxes["truth"]})]},
            {"images": w.Table(columns=["i", "n"], data=[[w.Image(pixels, boxes=boxes, masks=masks), 1],
                [w.Image(pixels + 1, classes=[{"id": 1, "name": "x"}, {"id": 9, "name": "y"}]), 2], [None, 3]])},
            {"files": w.Table(columns=["i", "v"], data=[[w.Image("a.png", caption="c"), w.Video("v.mp4")]])},
        ]

    def corners(low, high):
        return {"minX": low, "maxX": high, "minY": low, "maxY": high}

    boxes = {
        "pred": {
            "box_data": [
                {"position": corners(0.1, 0.5), "class_id": 1, "scores": {"acc": 0.5}, "box_caption": "ü"},
                {"position": {"middle": [1, 2], "width": 2, "height": 1}, "class_id": 2, "domain": "pixel"},
            ],
            "class_labels": {1: "cat", 2: "dog"},
        },
        "truth": {"box_data": [{"position": corners(0, 1), "class_id": 3}]},
    }
    masks = {
        "m": {"mask_data": np.array([[0, 1], [2, 2]]), "class_labels": {0: "none", 1: "a", 2: "b"}},
        "n": {"mask_data": np.array([[0, 1], [2, 127]])},
    }
    picture = {"path": "a.png", "class_labels": {1: "a"}}

    def best(w):
        return {
            "best": w.Image(pixels, caption="b"), "in": {"deep": [w.Image(pixels), w.Image(pixels + 1)]},
            "hist": w.Histogram([1, 2]), "tab": w.Table(columns=["a"], data=[[1]]), "pages": [w.Html("a")],
        }
"""

OFFICIAL = """
    import wandb
    with wandb.init(project="p", id="official") as run:
        for row in values(wandb):
            run.log(row)
        run.summary.update(best(wandb))
        run.log({"stepped": wandb.Html("s")}, step=100)
"""

OURS = """
    import wandb_logging
    with wandb_logging.new_run("p", run_id="ours", quiet=True) as run:
        for row in values(wandb_logging):
            run.log(row)
        run.summary.update(best(wandb_logging))
        run.log({"stepped": wandb_logging.Html("s")}, step=100)
"""

OF_ARTIFACTS = {"artifact_path", "_latest_artifact_path"}  # of tables


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """What both left on one server."""
    for name in ("PIL", "pandas", "plotly"):
        pytest.importorskip(name)
    with LocalServer() as server:
        for source in (OFFICIAL, OURS):
            folder = tmp_path_factory.mktemp("run")
            kept = without("WANDB_", "NETRC")
            own = {"HOME": str(folder), "WANDB_DIR": str(folder), "WANDB_SILENT": "true", **server.env()}
            script = textwrap.dedent(WORKLOAD) + textwrap.dedent(source)
            done = subprocess.run(
                [sys.executable, "-c", script],
                cwd=folder,
                env={**kept, **own},
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            assert done.returncode == 0, done.stderr
        yield server


@pytest.mark.contract
@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="the official SDK is not installed")
class TestAsTheOfficialSDK:
    def test_values(self, both: LocalServer) -> None:
        """Each value of rows and summary is the official SDK's, key by key; a table's artifact has other random ids."""

        def rows(run_id: str) -> list[dict[str, Any]]:
            stored = both.run(run_id)
            trees = [*stored.history, stored.summary]
            found = [{key: value for key, value in row.items() if key[0] != "_"} for row in trees]
            for row in found:
                row.pop("stepped", None)
                for value in filter(lambda item: isinstance(item, dict), row.values()):
                    for key in OF_ARTIFACTS & value.keys():
                        value[key] = re.sub(r"//\w{128}", "//id", value[key])
            return found

        assert rows("ours") == rows("official")

    def test_files(self, both: LocalServer) -> None:
        """The files have the same names and the same bytes."""

        def media(run_id: str) -> dict[str, bytes]:
            files = both.run(run_id).files.items()
            return {name: data for name, data in files if name.startswith("media/") and "stepped" not in name}

        assert media("ours").keys() == media("official").keys()
        assert media("ours") == media("official")

    def test_name_with_an_explicit_step(self, both: LocalServer) -> None:
        """The one difference: ours has the step of its row, the official SDK's that of the call before."""
        ours, theirs = (both.run(run_id).history[-1]["stepped"] for run_id in ("ours", "official"))
        before = both.run("official").history[-2]["_step"] + 1
        assert ours["path"] == theirs["path"].replace(f"_{before}_", "_100_") != theirs["path"]

    def test_tables_are_artifacts(self, both: LocalServer) -> None:
        """Each table is an artifact of the same type and digest, whose name differs by the run's id."""

        def tables(run_id: str) -> dict[str, tuple[str, str, dict[str, bytes]]]:
            found = both.run(run_id).logged_artifacts
            return {item.name.replace(f"-{run_id}-", "-"): (item.type, item.digest, item.files) for item in found}

        assert tables("ours") == tables("official")
        names = {name.split(":")[0][4:] for name in tables("ours")}
        assert names == {"t", "df", "cells", "exact", "more", "tab", "images", "files"}

    def test_names_of_classes(self, both: LocalServer) -> None:
        """They are in the config, where the page looks for them."""

        def labels(run_id: str) -> dict[str, Any]:
            return {key: value for key, value in both.run(run_id).wandb_config.items() if "class_labels" in key}

        assert labels("ours").keys() == {"bounding_box/class_labels", "mask/class_labels"}
        assert labels("ours") == labels("official")

    def test_samples(self, tmp_path: Path) -> None:
        """Samples give the WAV file that `soundfile`, which the official SDK writes them with, would give."""
        soundfile = pytest.importorskip("soundfile")
        samples = np.sin(np.arange(100) / 5).astype(np.float32)
        soundfile.write(tmp_path / "a.wav", samples, 8000)
        assert one(Audio(samples, sample_rate=8000))[1] == (tmp_path / "a.wav").read_bytes()
