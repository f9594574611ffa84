"""Turns an array into a scalar, a list or a histogram (protocol 5.4). Imports no array package.

Arrays are recognised by the attributes of their types. A program that has an array has imported its package.
"""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LIST_LIMIT = 32  # elements; larger arrays become histograms (protocol 5.4)
BINS = 32
_LOOKED_UP = 10_000  # elements up to which it is faster to look up the bin of each than to calculate it
_NARROWEST = 1e-30  # a narrower range of values has bins that float32 cannot tell apart

_PACKAGES = {"numpy", "torch", "jax", "jaxlib", "tensorflow", "cupy", "mlx"}
_READ = ("tolist", "numpy")  # methods that give the elements of an array
_NOT_IN_NUMPY = {"torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2"}


def is_array(kind: type) -> bool:
    """Whether values of a type are arrays, whoever made it: tinygrad's and MindSpore's have a shape and can be read."""
    return hasattr(kind, "__array__") or (
        hasattr(kind, "shape")
        and (kind.__module__.partition(".")[0] in _PACKAGES or any(callable(getattr(kind, way, None)) for way in _READ))
    )


def quick_reader(kind: type) -> Callable[[Any], object] | None:
    """A faster function than `array` for values of a type; None if there is none for that type.

    For most values the function gives the same as `array`: a number, or a list or dict of finite numbers. If it raises,
    or gives anything else, `array` has to be called.
    """
    # Values of other packages may be media, as a DataFrame is.
    if kind.__module__.partition(".")[0] not in _PACKAGES or hasattr(kind, "mask"):
        return None
    item = getattr(kind, "item", None)
    return _of_numpy(kind) or (item if callable(item) else None)


def _of_numpy(kind: type) -> Callable[[Any], object] | None:
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return None
    if kind is numpy.ndarray:
        return partial(_of_finite, numpy)
    # float(), int() and bool() take a fifth of the time of `item`.
    kinds = ((numpy.floating, float), (numpy.integer, int), (numpy.bool_, bool))
    return next((read for scalars, read in kinds if issubclass(kind, scalars)), None)


def _of_finite(numpy: Any, value: Any) -> object:
    if value.size == 1:
        return value.item()
    if value.dtype.kind not in "biuf" or value.dtype.char == "g":
        raise TypeError(value.dtype)
    found = array(value)
    if not (math.isfinite(sum(found["bins"])) if isinstance(found, dict) else numpy.isfinite(value).all()):
        raise ValueError("not finite")
    return found


def array(value: Any) -> object:
    """A scalar, a (nested) list of at most 32 elements, or a histogram (protocol 5.4).

    A masked element is null in a list and is not counted in a histogram; a masked scalar is NaN.
    """
    if callable(getattr(value, "detach", None)):  # torch: leave the graph and the device
        value = value.detach().cpu()
    if not (hasattr(value, "shape") and (hasattr(value, "tolist") or hasattr(value, "numpy"))):
        value = _read(value)
    shape = getattr(value, "shape", ())
    size = math.prod(int(length) for length in shape)
    if size == 1:
        return _number(value.reshape(-1)[0] if shape and hasattr(value, "reshape") else value)
    return nested(value) if size <= LIST_LIMIT else _histogram(value)


def _read(value: Any) -> Any:
    """A numpy array of a value that has only `__array__`, as those of h5py, zarr, xarray, dask, polars and pyarrow."""
    numpy = sys.modules.get("numpy")
    return value if numpy is None else numpy.asarray(value)


def _is_masked(value: Any) -> bool:
    return hasattr(value, "mask") and hasattr(value, "compressed")


def _number(value: Any) -> object:
    if _is_masked(value) and value.mask:
        return math.nan
    item = value.numpy() if hasattr(value, "numpy") and not hasattr(value, "item") else value
    if math.prod(getattr(item, "shape", ())) != 1:
        return item  # an array within an array of objects
    item = item.item() if hasattr(item, "item") else item  # texts of tensorflow and objects in numpy arrays have none
    # `item()` of a longdouble or bfloat16 gives the same type again: made a float, as the official SDK does.
    return float(item) if type(item) is type(value) else item


def nested(value: Any) -> Any:
    """An array as nested lists, of whatever size."""
    listed = value if hasattr(value, "tolist") else value.numpy() if hasattr(value, "numpy") else _read(value)
    return listed.tolist()


def _histogram(value: Any) -> dict[str, object]:
    """Counts and edges of equal bins over the finite values, as `numpy.histogram(values, 32)` gives them."""
    numpy: Any = sys.modules.get("numpy")
    values = as_numpy(without_masked(value))
    if values is None:
        return _histogram_without_numpy(_flat(nested(value)))
    if values.dtype.kind == "O":  # as a row of a DataFrame whose columns have several types; None is no number
        values = numpy.array([_real(item) for item in values.ravel()])
    if values.dtype.kind not in "biuf":
        raise TypeError(f"an array of {values.dtype} has no histogram")
    if values.dtype.kind == "b":
        values = values.astype("u1")  # numpy would do the same, with a warning
    is_finite = numpy.isfinite(values)
    finite = values if is_finite.all() else values[is_finite]
    if not finite.size:
        raise ValueError("an array without finite numbers has no histogram")
    counts, edges = _counted(numpy, finite)
    return {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}


def _real(item: Any) -> float:
    if isinstance(item, (str, bytes)):
        raise TypeError("an array with texts has no histogram")
    return math.nan if item is None or type(item).__name__ == "NAType" else float(item)


def _counted(numpy: Any, values: Any) -> tuple[Any, Any]:
    """What `numpy.histogram(values, 32)` gives, in a third of its time for 100 numbers, in two thirds for 5,000.

    Left to numpy are large arrays, for which it is faster, and ranges so narrow or wide that edges could coincide.
    """
    if values.dtype.char not in "fd" or values.size > _LOOKED_UP:
        return numpy.histogram(values, bins=BINS)  # type: ignore[no-any-return]
    low, high = values.min(), values.max()
    width, most = float(high) - float(low), max(-float(low), float(high))
    if not (_NARROWEST < width < 1 / _NARROWEST and width > most / 2**10):  # edges that are all different
        return numpy.histogram(values, bins=BINS)  # type: ignore[no-any-return]
    edges = numpy.linspace(low, high, BINS + 1, dtype=values.dtype)
    bins = edges[1:-1].searchsorted(values.ravel(), "right")
    return numpy.bincount(bins, minlength=BINS), edges


def without_masked(value: Any) -> Any:
    """The values of a masked array that are not masked, in one dimension; any other array as it is."""
    return value.compressed() if _is_masked(value) else value


def as_numpy(value: Any) -> Any:
    """An array of any package as a numpy array that can be calculated with; None if it cannot be converted."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if callable(getattr(value, "detach", None)):  # torch
        value = value.detach().cpu()
        if str(value.dtype) in _NOT_IN_NUMPY:
            value = value.float()
    try:
        values = numpy.asarray(value if hasattr(value, "__array__") else nested(value))
    except Exception:
        return None  # it is in the memory of a device
    return values.astype("f4") if values.dtype.kind == "V" and not values.dtype.names else values


def _flat(values: list[Any]) -> list[Any]:
    while values and isinstance(values[0], list):
        values = [item for row in values for item in row]
    return values


def _histogram_without_numpy(values: list[float]) -> dict[str, object]:
    finite = [float(value) for value in values if math.isfinite(value)]
    if not finite:
        raise ValueError("an array without finite numbers has no histogram")
    low, high = min(finite), max(finite)
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / BINS
    bins = [low + i * width for i in range(BINS)] + [high]
    tally = [0] * BINS
    for number in finite:
        tally[min(int((number - low) / width), BINS - 1)] += 1
    return {"_type": "histogram", "values": tally, "bins": bins}
