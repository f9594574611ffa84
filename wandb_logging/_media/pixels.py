"""Interprets an array of numbers as a picture with values from 0 to 255."""

from __future__ import annotations

import math
from typing import Any

_OVER = 0.05  # how far interpolation or a filter may leave the range of the values


def pixels(array: Any) -> Any:
    """Convert a numpy array to pixels of eight bits.

    Flags become black and white. Floats from 0 to 1, as networks and plotting make them, are stretched from black to
    white, and so are floats from -1 to 1, even if interpolation has left the range a little; unconverted they would all
    be black. NaN becomes black, and an infinite value the end of the range. All other values are taken as they are.
    """
    if array.dtype.kind == "b":
        return array.astype("uint8") * 255
    if array.dtype.kind != "f":
        return array.astype("uint8")
    array = array.astype("f8").copy()
    array[array != array] = 0  # NaN
    known = array[abs(array) != math.inf]
    low, high = _range(known.min(), known.max()) if known.size else (0, 255)
    scaled = (array.clip(low, high) - low) * (255 / (high - low))
    return (scaled.round() if high <= 1 else scaled).astype("uint8")


def _range(low: float, high: float) -> tuple[float, float]:
    """The values that mean black and white in a picture of such floats."""
    if high > 1 + _OVER or low < -1 - _OVER:
        return 0, 255
    return (0, 1) if low >= -_OVER else (-1, 1)
