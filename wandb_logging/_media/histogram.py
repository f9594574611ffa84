"""`Histogram`: counts and the edges of their bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._media.base import Place, Value
from wandb_logging._values.arrays import as_numpy, without_masked


class Histogram(Value):
    """A histogram, given as values to count or as counts and edges.

    Args:
        sequence: the values, of any array package; non-finite values are left out.
        np_histogram: the result of `numpy.histogram`: n counts and n + 1 edges. It overrides `sequence`.
        num_bins: number of equal bins for `sequence`, 1 to 512, default 64.

    Attributes:
        histogram: the counts.
        bins: the edges, one more than counts.

    Raises:
        LogError: there are more than 512 bins, the number of edges is not counts + 1, or no value is finite.
    """

    MAX_LENGTH = 512  # protocol 5.7

    def __init__(
        self,
        sequence: Sequence[float] | Any | None = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: int = 64,
    ) -> None:
        if np_histogram is not None:
            if len(np_histogram) != 2:
                raise LogError("np_histogram: expected a pair of counts and edges")
            counts, edges = (_listed(part) for part in np_histogram)
        elif sequence is None:
            raise LogError("Histogram: expected sequence or np_histogram")
        else:
            if not 1 <= num_bins <= self.MAX_LENGTH:
                raise LogError(f"num_bins={num_bins}: expected 1 to {self.MAX_LENGTH}")
            counts, edges = _counted(sequence, num_bins)
        if len(counts) > self.MAX_LENGTH:
            raise LogError(f"np_histogram: expected at most {self.MAX_LENGTH} bins, got {len(counts)}")
        if len(counts) + 1 != len(edges):
            raise LogError(f"np_histogram: expected {len(counts) + 1} edges for {len(counts)} counts, got {len(edges)}")
        self.histogram = counts
        self.bins = edges

    def json(self, key: str, place: Place) -> dict[str, Any]:  # noqa: ARG002  it has no file
        """The JSON object of the histogram."""
        return {"_type": "histogram", "values": self.histogram, "bins": self.bins}


def _listed(values: Any) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") else values)


def _counted(values: Any, num_bins: int) -> tuple[list[Any], list[float]]:
    """Count values in equal bins, as `numpy.histogram` does."""
    try:
        import numpy as np  # noqa: PLC0415  only if such a value comes
    except ImportError:
        return _counted_without_numpy([float(value) for value in values], num_bins)
    try:
        array = np.asarray(as_numpy(without_masked(values)) if hasattr(values, "shape") else values, dtype=float)
    except (TypeError, ValueError) as exc:
        raise LogError(f"Histogram: expected numbers ({exc})") from exc
    finite = array[np.isfinite(array)]
    if array.size and not finite.size:
        raise LogError("Histogram: there is no finite number among the values")
    counts, edges = np.histogram(finite, bins=num_bins)
    return counts.tolist(), edges.tolist()


def _counted_without_numpy(values: list[float], num_bins: int) -> tuple[list[Any], list[float]]:
    finite = [value for value in values if math.isfinite(value)]
    if values and not finite:
        raise LogError("Histogram: there is no finite number among the values")
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = [low + (high - low) * i / num_bins for i in range(num_bins)] + [high]
    counts = [0] * num_bins
    for value in finite:
        counts[min(int((value - low) / (high - low) * num_bins), num_bins - 1)] += 1
    return counts, edges
