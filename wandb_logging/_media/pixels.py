"""The numbers of a picture, from 0 to 255: what an array of numbers means as one."""

from __future__ import annotations

import math
from typing import Any

_OVER = 0.05  # by which an interpolation or a filter leaves the range of its values


def pixels(array: Any) -> Any:
    """An array of numpy as pixels of eight bits.

    Flags are black and white. Floats from 0 to 1, as networks and plotting make them, go from black to white, those
    from -1 to 1 likewise, also where an interpolation has left that a little; taken as they are they would all be
    black. What is no number is black, and what is infinite the end of the range. Anything else is taken as it is.
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
    """What is black and what is white in a picture of such floats."""
    if high > 1 + _OVER or low < -1 - _OVER:
        return 0, 255
    return (0, 1) if low >= -_OVER else (-1, 1)
