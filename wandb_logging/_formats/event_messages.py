"""Makes the messages of the records in TensorBoard's event files. Pure.

`event_file` reads the same messages, and names the sources of the numbers below. Scalars are written as doubles, as by
PyTorch's `add_scalar(double_precision=True)`. TensorBoard draws them with 32 bits; other readers get all 64.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from wandb_logging._formats.protobuf import put, put_all
from wandb_logging._values.plain import as_float

Bins = Sequence[tuple[float, float, float]]
"""The bins of a histogram: where each bin begins and ends, and its count."""

_DOUBLE, _FLOAT, _STRING = 2, 1, 7  # `DataType` of tensor.proto
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3  # `DataClass` of summary.proto
_CLASSES = {"scalars": _SCALAR, "histograms": _TENSOR, "text": _TENSOR, "images": _BLOBS, "hparams": _TENSOR}
_HPARAMS_VERSION, _SUCCESS, _FAILURE = 0, 1, 2
_NO_SHAPE = put(2, b"")


def version(time: float) -> bytes:
    """The message with which each file begins."""
    return put(1, time) + put(3, "brain.Event:2")


def event(time: float, step: int, values: Iterable[bytes]) -> bytes:
    """An event with the values of one step."""
    return put(1, time) + put(2, step) + put(5, b"".join([put(1, value) for value in values]))


def scalar(tag: str, value: float) -> bytes:
    """A number."""
    before, after = _around(tag, "scalars")
    return b"%b%b%b" % (before, _scalar_tensor(value), after)


def histogram(tag: str, bins: Bins) -> bytes:
    """A histogram."""
    shape = put(2, put(1, len(bins))) + put(2, put(1, 3))
    numbers = put_all(6, [as_float(number) for each in bins for number in each])
    return _value(tag, "histograms", put(1, _DOUBLE) + put(2, shape) + numbers)


def text(tag: str, words: str) -> bytes:
    """A text."""
    return _value(tag, "text", _strings([words.encode("utf-8", "replace")]))


def images(tag: str, size: tuple[int, int], encoded: Sequence[bytes]) -> bytes:
    """Images of one step, each encoded as in its file."""
    return _value(tag, "images", _strings([b"%d" % size[0], b"%d" % size[1], *encoded]))


def hparams(config: Mapping[str, Any], name: str, start: float) -> list[bytes]:
    """The hyperparameters of a run: numbers, texts and flags, by name."""
    entries = b"".join([put(1, put(1, key) + put(2, _well_known(value))) for key, value in config.items()])
    begun = put(3, entries + put(4, name) + put(5, start))
    return [_hparam("session_start_info", begun)]


def ended(time: float, *, well: bool) -> bytes:
    """The message that a run has ended, for the plugin that shows hyperparameters."""
    return _hparam("session_end_info", put(4, put(1, _SUCCESS if well else _FAILURE) + put(2, time)))


def _hparam(what: str, content: bytes) -> bytes:
    nothing = put(1, _FLOAT) + _NO_SHAPE + put(5, struct.pack("<f", 0.0))
    return _value(f"_hparams_/{what}", "hparams", nothing, put(1, _HPARAMS_VERSION) + content)


def _scalar_tensor(value: float) -> bytes:
    return _SCALAR_TENSOR + struct.pack("<d", value)


def _strings(strings: Sequence[bytes]) -> bytes:
    shape = put(2, put(2, put(1, len(strings))))
    return put(1, _STRING) + shape + b"".join([put(8, each) for each in strings])


def _value(tag: str, plugin: str, tensor: bytes, content: bytes = b"") -> bytes:
    return put(1, tag) + put(8, tensor) + put(9, _metadata(plugin, content))


@lru_cache(maxsize=10_000)
def _around(tag: str, plugin: str) -> tuple[bytes, bytes]:
    return put(1, tag), put(9, _metadata(plugin))


def _metadata(plugin: str, content: bytes = b"") -> bytes:
    return put(1, put(1, plugin) + (put(2, content) if content else b"")) + put(4, _CLASSES[plugin])


# All tensors of one double are the same except for the last eight bytes.
_ONE_DOUBLE = put(1, _DOUBLE) + _NO_SHAPE + put_all(6, [0.0])
_SCALAR_TENSOR = put(8, _ONE_DOUBLE)[:-8]


def _well_known(value: Any) -> bytes:
    """Make a `google.protobuf.Value`."""
    if isinstance(value, bool):
        return put(4, value)
    return put(2, as_float(value)) if isinstance(value, (int, float)) else put(3, str(value))
