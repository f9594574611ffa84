"""Logs what TensorBoard writers put into a folder as rows of a run, while both go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._formats.event_file import Curve, Histogram, Picture
from wandb_logging._formats.event_folder import STEP, EventFolder, Row
from wandb_logging._media import histogram, image
from wandb_logging._media.base import Media, Place, Value
from wandb_logging._media.chart import Chart, vega
from wandb_logging._media.json import json_bytes
from wandb_logging._run.latecomers import seconds_since_start

_MOST_BINS = histogram.Histogram.MAX_LENGTH
_KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"BM": "bmp"}  # how files of images begin
_COLUMNS = ["recall", "precision"]
_TICK = 0.01  # seconds: the kernel cuts the time at which a process began to this; no Python writes a file that early

_read_before: dict[Path, Mapping[str, int]] = {}  # folder -> how far runs of this process have read its files


def files_of(folder: Path, *, earlier: bool) -> EventFolder:
    """The event files at or below a folder, for a run that begins.

    Args:
        folder: the folder.
        earlier: whether to read also what was written before this process began, and what other runs of it have read.
    """
    age = seconds_since_start()
    if earlier or age is None:
        return EventFolder(folder)
    return EventFolder(folder, _read_before.get(folder), time.time() - age + _TICK)


class TensorBoard:
    """Reads event files again and again.

    Args:
        files: the files, which are or will be there.
        log: called with the metrics of a row.
        configure: called with hyperparameters.
        report: called with (name, why) for a value that cannot be logged.
    """

    def __init__(
        self,
        files: EventFolder,
        log: Callable[[dict[str, Any]], object],
        configure: Callable[[dict[str, Any]], object],
        report: Callable[[str, str], object],
    ) -> None:
        self._files = files
        self._log = log
        self._configure = configure
        self._report = report
        self._told: set[Path] = set()
        self._lock = threading.Lock()

    def look(self, *, last: bool = False) -> None:
        """Log what was added since the last call. The last time, also log the step that is still open."""
        if not self._lock.acquire(blocking=last):
            return
        try:
            for row in self._files.look(last=last):
                self._take(row)
            for path in self._files.damaged.keys() - self._told:
                self._told.add(path)
                self._report(str(path), self._files.damaged[path])
            if last and (root := self._files.root):
                _read_before[root] = {**_read_before.get(root, {}), **self._files.read}
        finally:
            self._lock.release()

    def _take(self, row: Row) -> None:
        metrics = logged(row.metrics, self._report)
        if metrics.keys() != {STEP}:
            self._log({**metrics, "_timestamp": row.wall_time})
        if row.hparams:
            self._configure(row.hparams)


def logged(metrics: Mapping[str, Any], report: Callable[[str, str], object]) -> dict[str, Any]:
    """Convert the metrics of a row to those that a run logs. What cannot be converted is reported as (name, why)."""
    found = {}
    for name, value in metrics.items():
        try:
            found[name] = _as_logged(value)
        except LogError as exc:
            report(name, str(exc))
    return found


def _as_logged(value: Any) -> Any:
    if isinstance(value, Histogram):
        return as_histogram(value)
    if isinstance(value, Curve):
        return _CurveTable(value)
    if isinstance(value, list):
        return [as_image(picture) for picture in value]  # the official SDK makes a list of one image, too
    return value


def as_image(picture: Picture) -> Value:
    """Make an image for a run, of the bytes that its writer encoded.

    Raises:
        LogError: it is of no known kind.
    """
    data = picture.data
    kind = "webp" if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else ""
    kind = kind or next((kind for begin, kind in _KINDS.items() if data.startswith(begin)), "")
    if not kind:
        raise LogError("it is no image in PNG, JPEG, GIF, BMP or WebP")
    return image.Image(image.Encoded(data, kind, (picture.width, picture.height)))


class _CurveTable(Media):
    """Precision and recall as a table beside the row, with a chart: without an artifact, as in the official SDK."""

    kind = "table-file"
    folder = "table"

    def __init__(self, curve: Curve) -> None:
        super().__init__(json_bytes({"columns": _COLUMNS, "data": curve.points}), ".table.json")
        self._rows = len(curve.points)

    def json(self, key: str, place: Place) -> dict[str, Any]:
        """The JSON object of the table. The page is told how to draw it."""
        fields = dict(zip("xy", _COLUMNS))
        place.label(Chart.kind, key, vega("wandb/line/v0", fields, {"title": f"{key} Precision v. Recall"}, key))
        return super().json(key, place)

    def about(self) -> dict[str, Any]:
        """The size of the table."""
        return {"ncols": len(_COLUMNS), "nrows": self._rows}


def as_histogram(given: Histogram) -> Value:
    """Make a histogram for a run.

    Raises:
        LogError: the histogram is empty, or an edge is no finite number.
    """
    edges, counts = given.edges, given.counts
    if not edges:
        raise LogError("a histogram of no values")
    if any(number - number for number in (*edges, *counts)):  # NaN and infinities
        raise LogError("a histogram with edges or counts that are no numbers")
    if len(counts) > _MOST_BINS:
        edges, counts = fewer_bins(edges, counts, _MOST_BINS)
    return histogram.Histogram(np_histogram=(counts, edges))


def fewer_bins(edges: list[float], counts: list[float], most: int) -> tuple[list[float], list[float]]:
    """Count a histogram again in fewer bins, whose edges have the same distribution.

    An edge may be between two of the old ones, and cuts the bin there in proportion to its width. This is what the
    official SDK does.

    Args:
        edges: the edges, ascending, one more than counts.
        counts: the counts.
        most: number of bins of the result, fewer than there are.
    """
    cuts = [divmod(number * len(counts), most) for number in range(most + 1)]
    last = len(edges) - 1
    wanted = [edges[at] + (edges[min(at + 1, last)] - edges[at]) * (part / most) for at, part in cuts]
    found = [0.0] * most
    into = 0
    for left, right, count in zip(edges, edges[1:], counts):  # each has one of the new edges in it at most
        if into < most and wanted[into + 1] <= right:
            share = (wanted[into + 1] - left) / (right - left) if right > left else 1.0
            found[into] += share * count
            found[min(into + 1, most - 1)] += (1 - share) * count
            into += 1
        else:
            found[min(into, most - 1)] += count
    return wanted, found
