"""Logs what TensorBoard writers put into a folder as rows of a run, while both go on."""

from __future__ import annotations

import contextlib
import importlib
import io
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._formats.event_file import Histogram, Picture
from wandb_logging._formats.event_folder import EventFolder, Row
from wandb_logging._media import histogram, image
from wandb_logging._media.base import Value

_MOST_BINS = histogram.Histogram.MAX_LENGTH


class TensorBoard:
    """Reads a folder again and again.

    Args:
        folder: the folder in which event files are or will be.
        log: called with the metrics of a row.
        configure: called with hyperparameters.
        report: called with (name, why) for a value that cannot be logged.
    """

    def __init__(
        self,
        folder: Path,
        log: Callable[[dict[str, Any]], object],
        configure: Callable[[dict[str, Any]], object],
        report: Callable[[str, str], object],
    ) -> None:
        self._folder = EventFolder(folder)
        self._log = log
        self._configure = configure
        self._report = report
        self._told: set[Path] = set()
        self._lock = threading.Lock()
        with contextlib.suppress(ImportError):  # now: rows come on a thread that must not wait for an import
            importlib.import_module("PIL.Image")

    def look(self, *, last: bool = False) -> None:
        """Log what was added since the last call. The last time, also log the step that is still open."""
        if not self._lock.acquire(blocking=last):
            return
        try:
            for row in self._folder.look(last=last):
                self._take(row)
            for path in self._folder.damaged.keys() - self._told:
                self._told.add(path)
                self._report(str(path), self._folder.damaged[path])
        finally:
            self._lock.release()

    def _take(self, row: Row) -> None:
        self._log({**logged(row.metrics, self._report), "_timestamp": row.wall_time})
        if row.hparams:
            self._configure(row.hparams)


def logged(metrics: Mapping[str, Any], report: Callable[[str, str], object]) -> dict[str, Any]:
    """Convert the metrics of a row to those that a run logs. What cannot be converted is reported as (name, why)."""
    found = {}
    for name, value in metrics.items():
        try:
            found[name] = _as_logged(value)
        except (LogError, OSError) as exc:
            report(name, str(exc))
    return found


def _as_logged(value: Any) -> Any:
    if isinstance(value, Histogram):
        return as_histogram(value)
    if isinstance(value, list):
        pictures = [as_image(picture) for picture in value]
        return pictures[0] if len(pictures) == 1 else pictures
    return value


def as_image(picture: Picture) -> Value:
    """Make an image for a run.

    Raises:
        LogError: the picture is no image, or Pillow is not installed.
    """
    try:
        from PIL import Image, UnidentifiedImageError  # noqa: PLC0415  optional
    except ImportError:
        raise LogError("images need Pillow: pip install 'wandb-logging[media]'") from None
    try:
        return image.Image(Image.open(io.BytesIO(picture.data)))
    except UnidentifiedImageError as exc:
        raise LogError(str(exc)) from None


def as_histogram(given: Histogram) -> Value:
    """Make a histogram for a run. Writers use more bins than W&B draws, so neighbouring bins are merged.

    Raises:
        LogError: the histogram is empty.
    """
    low = min(given.low, given.high)
    bins = list(zip(given.limits, given.counts))
    if len(bins) > 1 and not bins[0][1]:  # an empty first bin only says where the next one begins
        low, bins = bins[0][0], bins[1:]
    together = -(-len(bins) // _MOST_BINS) if bins else 1
    pieces = [bins[at : at + together] for at in range(0, len(bins), together)]
    counts = [sum(count for _, count in piece) for piece in pieces]
    # The outermost limits may be the largest of all floats, so they are replaced by the lowest and highest value.
    edges = [max(low, given.low), *(max(given.low, min(piece[-1][0], given.high)) for piece in pieces)]
    return histogram.Histogram(np_histogram=(counts, edges))
