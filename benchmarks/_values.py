"""What rows hold as people log them: texts, nested dicts, NaN, scalars of numpy and torch, arrays, tables, images."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks._measure import rows

Row = Mapping[str, Any]
_COUNT = 200  # rows of a kind, all different


def _each(convert: Callable[[float], object]) -> list[Row]:
    return [{name: convert(value) for name, value in row.items()} for row in rows(10, _COUNT)]


def _one(value: object) -> list[Row]:
    return [{**row, "metric_3": value} for row in rows(10, _COUNT)]


def _nested() -> list[Row]:
    halves = ([list(row.items())[:5], list(row.items())[5:]] for row in rows(10, _COUNT))
    return [{"train": dict(first), "val": dict(second)} for first, second in halves]


def _numpy(name: str) -> list[Row]:
    return _each(getattr(importlib.import_module("numpy"), name))


def torch_rows() -> list[Row]:
    """Rows of ten scalars on the CPU."""
    return _each(importlib.import_module("torch").tensor)


# Name -> rows. Those of a package that is not installed are left out.
KINDS: dict[str, tuple[str, Callable[[], list[Row]]]] = {
    "10 floats": ("math", lambda: list(rows(10, _COUNT))),
    "one string among them": ("math", lambda: _one("validation")),
    "one of 40 characters": ("math", lambda: _one("/data/runs/vision/checkpoints/epoch-12.pt")),
    "nested, 2 x 5": ("math", _nested),
    "one None": ("math", lambda: _one(None)),
    "one NaN": ("math", lambda: _one(math.nan)),
    "numpy float64": ("numpy", lambda: _numpy("float64")),
    "numpy float32": ("numpy", lambda: _numpy("float32")),
    "100 metrics": ("math", lambda: list(rows(100, _COUNT))),
}


def installed(module: str) -> bool:
    """Whether a module can be imported."""
    return importlib.util.find_spec(module) is not None


# --- larger values ---


def _array(_media: Any) -> Callable[[], Row]:
    numpy = importlib.import_module("numpy")
    numbers = numpy.random.default_rng(7)
    return lambda: {"v": numbers.random(1000)}


def _table(media: Any) -> Callable[[], Row]:
    columns = [f"c{i}" for i in range(10)]
    data = [list(row.values()) for row in rows(10, 100)]
    return lambda: {"v": media.Table(columns=columns, data=data)}


def _noise(_numpy: Any, numbers: Any) -> Any:
    return numbers.integers(0, 255, (256, 256, 3), dtype="uint8")


def _photograph(numpy: Any, numbers: Any) -> Any:
    """Smooth, with the noise of a sensor."""
    y, x = numpy.mgrid[0:256, 0:256]
    smooth = [128 + 60 * numpy.sin(x / 23 + y / 40), 128 + 80 * numpy.cos(y / 31), (x + y) / 2 % 255]
    return numpy.clip(numpy.stack(smooth, -1) + numbers.normal(0, 6, (256, 256, 3)), 0, 255).astype("uint8")


def _images(make: Callable[[Any, Any], Any]) -> Callable[[Any], Callable[[], Row]]:
    def images(media: Any) -> Callable[[], Row]:
        numpy = importlib.import_module("numpy")
        numbers = numpy.random.default_rng(7)
        pixels = itertools.cycle([make(numpy, numbers) for _ in range(20)])
        return lambda: {"v": media.Image(next(pixels))}

    return images


IMAGES: dict[str, Callable[[Any], Callable[[], Row]]] = {
    "a 256 x 256 image of noise": _images(_noise),
    "a 256 x 256 photograph": _images(_photograph),
}
LARGE: dict[str, Callable[[Any], Callable[[], Row]]] = {
    "a numpy array of 1,000": _array,
    "a 100 x 10 table": _table,
    **IMAGES,
}
