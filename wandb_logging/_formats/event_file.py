"""Reads TensorBoard's event files: records with checksums, each of which holds an `Event` message. Pure.

A record is its length (8 bytes), that length's checksum (4), the message, and the message's checksum (4). The messages
are those of `tensorflow/core/util/event.proto`, `framework/summary.proto` and `framework/tensor.proto`; the field
numbers below come from there. Present writers put scalars into tensors, older ones into `simple_value`.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._formats import protobuf
from wandb_logging._formats.crc32c import masked
from wandb_logging._formats.protobuf import BrokenMessage

_HEAD = struct.Struct("<QI")
_TAIL = 4
MAX_RECORD_BYTES = 2**28  # a larger length is taken for damage
_CHECKED_BYTES = 2**14  # most bytes of a message whose checksum is checked; ours is slow, and images are large
_LEAST_NORMAL = 2.0**-126
_EXACT_DIGITS, _MOST_DIGITS = 6, 9  # `FLT_DIG` and `FLT_DECIMAL_DIG` of C


class DamagedFile(ValueError):
    """The file cannot be read any further."""


@dataclass(frozen=True)
class Histogram:
    """A histogram: the count of each bin, and the edges of the bins, one more than counts."""

    edges: list[float]
    counts: list[float]


@dataclass(frozen=True)
class Picture:
    """An image in the encoding that its writer chose, and its size in pixels, as the writer says it."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Curve:
    """Precision and recall, for each threshold a point of (recall, precision)."""

    points: list[tuple[float, float]]


@dataclass
class Event:
    """The content of one record.

    Attributes:
        wall_time: seconds since 1970.
        step: the step that the writer gave.
        values: tag -> a number, a `Histogram`, a list of `Picture`, a `Curve`, or a text.
        hparams: hyperparameters of the run, by name.
    """

    wall_time: float = 0.0
    step: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    hparams: dict[str, Any] = field(default_factory=dict)


def records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The message of each whole record, and where the next record begins. An incomplete record at the end is left out.

    Raises:
        DamagedFile: a checksum does not fit.
    """
    at = 0
    while at + _HEAD.size <= len(data):
        length, check = _HEAD.unpack_from(data, at)
        if check != masked(data[at : at + 8]) or length > MAX_RECORD_BYTES:
            raise DamagedFile(f"damaged at byte {at}")
        begin = at + _HEAD.size
        end = begin + length + _TAIL
        if end > len(data):
            return
        message = data[begin : begin + length]
        if length <= _CHECKED_BYTES and struct.unpack_from("<I", data, begin + length)[0] != masked(message):
            raise DamagedFile(f"damaged at byte {at}")
        at = end
        yield message, at


def record(message: bytes) -> bytes:
    """Make a record of a message."""
    length = struct.pack("<Q", len(message))
    return b"%b%b%b%b" % (length, struct.pack("<I", masked(length)), message, struct.pack("<I", masked(message)))


def event(message: bytes, plugins: dict[str, str] | None = None) -> Event:
    """Read the message of a record.

    Args:
        message: the message.
        plugins: tag -> the plugin that draws its values, as messages before this one said it. Writers may say it with
            the first value of a tag alone. What this message says is added. An unknown tag gives "".

    Raises:
        BrokenMessage: it is no message.
    """
    plugins = defaultdict(str) if plugins is None else plugins
    found = Event()
    for number, value in protobuf.fields(message):
        if number == 1:
            found.wall_time = protobuf.double(value)
        elif number == 2:
            found.step = protobuf.signed(value)
        elif number == 5:
            for inner, summary_value in protobuf.fields(protobuf.raw(value)):
                if inner == 1:
                    _take(found, protobuf.raw(summary_value), plugins)
    return found


def _take(into: Event, message: bytes, plugins: dict[str, str]) -> None:
    """Add one value of a summary."""
    parts = dict(protobuf.fields(message))
    tag = protobuf.text(parts[1]) if 1 in parts else ""
    plugin, content = _plugin(protobuf.raw(parts[9])) if 9 in parts else ("", b"")
    if plugin:
        plugins[tag] = plugin
    if plugin == "hparams":
        into.hparams.update(_hparams(content))
    elif 2 in parts:
        into.values[tag] = shortest(protobuf.single(parts[2]))
    elif 5 in parts:
        into.values[tag] = _histogram(protobuf.raw(parts[5]))
    elif 4 in parts:
        image = dict(protobuf.fields(protobuf.raw(parts[4])))
        height, width = (protobuf.signed(image.get(number, 0)) for number in (1, 2))
        into.values[tag] = [Picture(protobuf.raw(image.get(4, b"")), width, height)]
    elif 8 in parts and (value := _of_tensor(protobuf.raw(parts[8]), plugin or plugins[tag])) is not None:
        into.values[tag] = value


def _plugin(metadata: bytes) -> tuple[str, bytes]:
    """The name of the TensorBoard plugin that draws a value, and the plugin's own data."""
    parts = dict(protobuf.fields(metadata))
    data = dict(protobuf.fields(protobuf.raw(parts[1]))) if 1 in parts else {}
    return (protobuf.text(data[1]) if 1 in data else ""), (protobuf.raw(data[2]) if 2 in data else b"")


def _histogram(message: bytes) -> Histogram:
    """Read a histogram in the form of TensorFlow 1, which says where bins end, and the least of all values."""
    low = 0.0
    limits: list[float] = []
    counts: list[float] = []
    for number, value in protobuf.fields(message):
        if number == 1:
            low = protobuf.double(value)
        elif number == 6:
            limits += protobuf.doubles(value)
        elif number == 7:
            counts += protobuf.doubles(value)
    if len(limits) != len(counts):
        raise BrokenMessage("a histogram with another number of limits than of counts")
    if counts and not counts[0]:  # an empty first bin only says where the next one begins
        return Histogram(limits, counts[1:])
    return Histogram([min(low, *limits[:1]), *limits] if limits else [], counts)


# For each `DataType` of tensor.proto: the format of numbers in `tensor_content`, and the field used without it.
_FORMS = {
    1: "<f",
    2: "<d",
    3: "<i",
    4: "<B",
    5: "<h",
    6: "<b",
    9: "<q",
    10: "<?",
    17: "<H",
    19: "<e",
    22: "<I",
    23: "<Q",
}


def _of_tensor(message: bytes, plugin: str) -> Any:
    """The value that a tensor stands for, given the plugin that draws it; None if we have no use for it."""
    kind, shape, numbers, texts = _tensor(message)
    if plugin == "histograms" and len(shape) == 2 and shape[1] == 3:
        lefts, rights, counts = (numbers[at::3] for at in range(3))
        return Histogram([*lefts, *rights[-1:]], counts)
    if plugin == "pr_curves" and len(shape) == 2 and len(numbers) == shape[0] * shape[1] and shape[0] >= 2:
        precision, recall = numbers[-2 * shape[1] : -shape[1]], numbers[-shape[1] :]
        return Curve([*zip(recall, precision)])
    if kind == 7:
        if plugin == "images":
            width, height = (int(size[:9]) if size.isdigit() else 0 for size in (*texts, b"", b"")[:2])
            return [Picture(data, width, height) for data in texts[2:]] or None
        return "\n".join(data.decode("utf-8", "replace") for data in texts) if plugin == "text" else None
    if len(numbers) != 1 or plugin not in {"", "scalars"}:
        return None
    return numbers[0]


def shortest(number: float) -> float:
    """The shortest decimal number that is this one as a 32-bit float: 0.1 instead of 0.10000000149011612."""
    if number != number or number in {float("inf"), float("-inf")}:
        return number
    # Two decimal numbers of six digits are two 32-bit floats, but for subnormal ones: fewer digits are found by six.
    for digits in range(_EXACT_DIGITS if abs(number) >= _LEAST_NORMAL else 1, _MOST_DIGITS):
        shorter = float(f"{number:.{digits}g}")
        if struct.pack("<f", shorter) == struct.pack("<f", number):
            return shorter
    return float(f"{number:.{_MOST_DIGITS}g}")  # which are enough for each


def _tensor(message: bytes) -> tuple[int, list[int], list[float], list[bytes]]:
    """Data type, shape, numbers and strings of a tensor."""
    parts: dict[int, list[protobuf.Value]] = {}
    for number, value in protobuf.fields(message):
        parts.setdefault(number, []).append(value)
    kind = protobuf.signed(parts[1][-1]) if 1 in parts else 0
    shape = [_size(protobuf.raw(each)) for value in parts.get(2, ()) for each in _inner(value, 2)]
    texts = [protobuf.raw(value) for value in parts.get(8, ())]
    if 4 in parts and kind in _FORMS:
        return kind, shape, _unpacked(_FORMS[kind], protobuf.raw(parts[4][-1])), texts
    listed = (number for field, read in _LISTS.items() for value in parts.get(field, ()) for number in read(value))
    return kind, shape, list(listed), texts


def _inner(message: protobuf.Value, wanted: int) -> list[protobuf.Value]:
    """The values of one field of a message."""
    return [value for number, value in protobuf.fields(protobuf.raw(message)) if number == wanted]


def _unpacked(form: str, content: bytes) -> list[float]:
    try:
        return [number for (number,) in struct.iter_unpack(form, content)]
    except struct.error as exc:
        raise BrokenMessage(str(exc)) from exc


def _wholes(value: protobuf.Value) -> list[float]:
    return [*protobuf.varints(value)]


def _halves(value: protobuf.Value) -> list[float]:
    """Read 16-bit floats, which are stored as integers."""
    return [struct.unpack("<e", struct.pack("<H", bits & 0xFFFF))[0] for bits in protobuf.varints(value)]


# The fields that hold a tensor's numbers one by one.
_LISTS: dict[int, Callable[[protobuf.Value], list[float]]] = {
    5: protobuf.singles,
    6: protobuf.doubles,
    **dict.fromkeys((7, 10, 11, 16, 17), _wholes),
    13: _halves,
}


def _size(dimension: bytes) -> int:
    return protobuf.signed(dict(protobuf.fields(dimension)).get(1, 0))


def _hparams(content: bytes) -> dict[str, Any]:
    """Read the hyperparameters of a session's start (`tensorboard/plugins/hparams/plugin_data.proto`)."""
    found: dict[str, Any] = {}
    for number, value in protobuf.fields(content):
        if number != 3:  # session_start_info
            continue
        for inner, entry in protobuf.fields(protobuf.raw(value)):
            if inner == 1:  # hparams: a map, each entry a message of key and value
                parts = dict(protobuf.fields(protobuf.raw(entry)))
                if 1 in parts and 2 in parts:
                    found[protobuf.text(parts[1])] = _well_known(protobuf.raw(parts[2]))
    return found


def _well_known(message: bytes) -> Any:
    """Read a `google.protobuf.Value` that is neither a list nor a struct."""
    for number, value in protobuf.fields(message):
        if number == 2:
            return protobuf.double(value)
        if number == 3:
            return protobuf.text(value)
        if number == 4:
            return bool(value)
    return None
