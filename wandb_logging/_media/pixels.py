"""The numbers of a picture, from 0 to 255: what an array of numbers means as one."""

from __future__ import annotations

from typing import Any


def pixels(array: Any) -> Any:
    """An array of numpy as pixels of eight bits.

    Flags are black and white. Floats from 0 to 1, as networks and plotting make them, go from black to white, those
    from -1 to 1 likewise; taken as they are they would all be black. What is no number is black. Anything else is
    taken as it is.
    """
    if array.dtype.kind == "b":
        return array.astype("uint8") * 255
    if array.dtype.kind != "f":
        return array.astype("uint8")
    known = array == array  # NaN is not
    array = array.astype("f8").copy()
    array[~known] = 0
    low, high = (array.min(), array.max()) if array.size else (0, 0)
    if low >= 0 and high <= 1:
        array *= 255
    elif low >= -1 and high <= 1:
        array = (array + 1) * 127.5
    return (array.round() if high <= 1 and low >= -1 else array.clip(0, 255)).astype("uint8")
