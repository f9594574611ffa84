"""Our reader of event files beside TensorBoard's own, on files that its own writer made."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.examples import at_most
from wandb_logging._formats.event_file import Curve, Histogram, Picture, event, records
from wandb_logging._formats.event_folder import STEP, EventFolder

WHY = "tensorboard reads the files: the extra test has it up to Python 3.13"


def part(name: str) -> Any:
    """A module of tensorboard, which is not everywhere."""
    return pytest.importorskip(f"tensorboard.{name}", reason=WHY)


event_file_loader = part("backend.event_processing.event_file_loader")
event_pb2, histogram_pb2, summary_pb2 = (part(f"compat.proto.{name}_pb2") for name in ("event", "histogram", "summary"))
kinds = {name: part(f"plugins.{name}.metadata") for name in ("histogram", "image", "scalar", "text")}
EventFileWriter = part("summary.writer.event_file_writer").EventFileWriter
tensor_util = part("util.tensor_util")

singles = st.floats(width=32)
tags = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
steps = st.integers(-(2**40), 2**62)
times = st.floats(0, 4e9)


def write(folder: Path, events: list[Any]) -> Path:
    """The file that TensorBoard's writer makes of events."""
    writer = EventFileWriter(str(folder))
    for each in events:
        writer.add_event(each)
    writer.close()
    (path,) = folder.glob("*.tfevents.*")
    return path


def of_value(value: Any, step: int = 0, time: float = 0.0) -> Any:
    return event_pb2.Event(wall_time=time, step=step, summary=summary_pb2.Summary(value=[value]))


def old_scalar(tag: str, value: float) -> Any:
    return summary_pb2.Summary.Value(tag=tag, simple_value=value)


def new_scalar(tag: str, value: float) -> Any:
    tensor = tensor_util.make_tensor_proto(np.float32(value))
    return summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=kinds["scalar"].create_summary_metadata("", ""))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=at_most(30))
@given(st.lists(st.tuples(steps, times, tags, singles, st.booleans()), max_size=12))
def test_scalars_old_and_new(given: list[tuple[int, float, str, float, bool]]) -> None:
    """Step, time, tag and value of each scalar are those that TensorBoard reads, in both forms."""
    made = [
        of_value((new_scalar if new else old_scalar)(tag, value), step, time) for step, time, tag, value, new in given
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), made)
        theirs = [
            (read.step, read.wall_time, value.tag, tensor_util.make_ndarray(value.tensor).item())
            for read in event_file_loader.EventFileLoader(str(path)).Load()
            for value in read.summary.value
        ]
        ours = [
            (read.step, read.wall_time, tag, value)
            for read in (event(message) for message, _ in records(path.read_bytes()))
            for tag, value in read.values.items()
        ]
    assert [one[:3] for one in ours] == [one[:3] for one in theirs]
    assert np.array_equal(
        np.array([one[3] for one in ours], np.float32), np.array([one[3] for one in theirs], np.float32), equal_nan=True
    )


def test_histograms_images_and_texts(tmp_path: Path) -> None:
    """What TensorBoard reads of them is what our rows have."""
    old = histogram_pb2.HistogramProto(min=-1, max=3, num=4, bucket_limit=[0, 1, 3], bucket=[1, 2, 1])
    triples = tensor_util.make_tensor_proto(np.array([[0, 1, 2], [1, 2, 3]], np.float64))
    texts = tensor_util.make_tensor_proto(np.array([b"hello", b"there"], object))
    pictures = tensor_util.make_tensor_proto(np.array([b"4", b"2", b"png one", b"png two"], object))
    values = [
        summary_pb2.Summary.Value(tag="old", histo=old),
        summary_pb2.Summary.Value(
            tag="new", tensor=triples, metadata=kinds["histogram"].create_summary_metadata("", "")
        ),
        summary_pb2.Summary.Value(tag="note", tensor=texts, metadata=kinds["text"].create_summary_metadata("", "")),
        summary_pb2.Summary.Value(
            tag="images", tensor=pictures, metadata=kinds["image"].create_summary_metadata("", "")
        ),
        summary_pb2.Summary.Value(
            tag="image", image=summary_pb2.Summary.Image(width=4, height=2, encoded_image_string=b"png three")
        ),
    ]
    path = write(tmp_path / "logs", [of_value(value, 7, 5.5) for value in values])
    (row,) = EventFolder(tmp_path / "logs").look(last=True)
    read = {
        value.tag: (each.step, each.wall_time, tensor_util.make_ndarray(value.tensor))
        for each in event_file_loader.EventFileLoader(str(path)).Load()
        for value in each.summary.value
    }

    def tensor(tag: str) -> Any:
        assert read[tag][:2] == (row.metrics[STEP], row.wall_time) == (7, 5.5)
        return read[tag][2]

    assert row.metrics["note"] == b"\n".join(tensor("note")).decode()
    assert row.metrics["images"] == [Picture(data, 4, 2) for data in tensor("images")[2:]]
    assert row.metrics["image"] == [Picture(data, 4, 2) for data in tensor("image")[2:]]
    for name in ("old", "new"):
        mine, table = row.metrics[name], tensor(name)
        assert isinstance(mine, Histogram)
        counts = [count for count in mine.counts if count]
        assert counts == [count for count in table[:, 2] if count]
        assert mine.edges[1:] == list(table[:, 1])


def test_a_file_that_is_cut_anywhere(tmp_path: Path) -> None:
    """As many whole records are read of it as TensorBoard reads."""
    path = write(tmp_path / "logs", [of_value(old_scalar("loss", step), step) for step in range(4)])
    data = path.read_bytes()
    for end in range(0, len(data), 7):
        path.write_bytes(data[:end])
        theirs = list(event_file_loader.LegacyEventFileLoader(str(path)).Load())
        assert len(list(records(data[:end]))) == len(theirs)


def raw(tag: str, array: Any, plugin: str = "") -> Any:
    """A value in the new form, which names its plugin or leaves that out."""
    value = summary_pb2.Summary.Value(tag=tag, tensor=tensor_util.make_tensor_proto(array))
    if plugin:
        value.metadata.plugin_data.plugin_name = plugin
    return value


@pytest.mark.parametrize("again", [False, True])
def test_the_plugin_is_named_once(tmp_path: Path, again: bool) -> None:
    """Writers of TensorFlow 1 name it with a tag's first value alone; a file read in two pieces has lost nothing."""
    kinds_of = {
        "weights": (np.array([[0.0, 1.0, 3.0], [1.0, 2.0, 4.0]]), "histograms"),
        "note": (np.array([b"hello"], object), "text"),
        "image": (np.array([b"4", b"2", b"png"], object), "images"),
        "curve": (np.array([[0.0, 0.0]] * 4 + [[0.5, 1.0], [1.0, 0.0]]), "pr_curves"),
    }
    first = [of_value(raw(tag, array, plugin), 1) for tag, (array, plugin) in kinds_of.items()]
    path = write(tmp_path / "logs", first + [of_value(raw(tag, array), 2) for tag, (array, _) in kinds_of.items()])
    folder = EventFolder(tmp_path / "logs")
    whole = list(folder.look(last=True))
    if again:
        whole[1:] = EventFolder(tmp_path / "logs", {path.name: whole[0].through}).look(last=True)
    expected = {
        "weights": Histogram([0.0, 1.0, 2.0], [3.0, 4.0]),
        "note": "hello",
        "image": [Picture(b"png", 4, 2)],
        "curve": Curve([(1.0, 0.5), (0.0, 1.0)]),
    }
    assert [row.metrics for row in whole] == [{**expected, STEP: 1}, {**expected, STEP: 2}]


def test_a_batch_of_no_images_is_no_value() -> None:
    """As with the official SDK: a row would have an empty list, and the summary would show it for the last images."""
    tensor = tensor_util.make_tensor_proto(np.array([b"2", b"1"], object))
    metadata = kinds["image"].create_summary_metadata("", "")
    value = summary_pb2.Summary.Value(tag="image", tensor=tensor, metadata=metadata)
    assert event(of_value(value).SerializeToString()).values == {}
