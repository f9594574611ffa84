"""As much of protobuf's wire format as reading and writing a few known messages takes. Pure.

A message is a list of fields, each a number and a value: a whole number, or bytes that are 4 or 8 or of any length.
What they mean is the caller's business, who knows the message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Union

Value = Union[int, bytes]

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10


class BrokenMessage(ValueError):
    """These bytes are no message."""


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of each field, in their order.

    Raises:
        BrokenMessage: the bytes are no message, or none that ends where they end.
    """
    at, end = 0, len(message)
    while at < end:
        number, value, at = field(message, at)
        yield number, value


def field(message: bytes, at: int) -> tuple[int, Value, int]:
    """Number and value of the field that begins there, and where the next one begins.

    Raises:
        BrokenMessage: there is none.
    """
    key, at = _varint(message, at)
    number, kind = key >> 3, key & 7
    if kind == _VARINT:
        value, at = _varint(message, at)
        return number, value, at
    if kind == _BYTES:
        size, at = _varint(message, at)
    elif kind in {_EIGHT, _FOUR}:
        size = 8 if kind == _EIGHT else 4
    else:
        raise BrokenMessage(f"field {number} has wire type {kind}")
    if at + size > len(message):
        raise BrokenMessage(f"field {number} ends behind the message")
    return number, message[at : at + size], at + size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A whole number of variable length, and where the next thing begins."""
    value = 0
    for shift in range(0, 7 * _MOST_VARINT_BYTES, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise BrokenMessage("a number has no end")


def signed(value: Value) -> int:
    """An int32 or int64: negative ones are written as if they had 64 bits."""
    if not isinstance(value, int):
        raise BrokenMessage("bytes where a number was expected")
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def double(value: Value) -> float:
    """A double."""
    return _unpacked("<d", value)


def single(value: Value) -> float:
    """A float of 32 bits."""
    return _unpacked("<f", value)


def doubles(value: Value) -> list[float]:
    """A repeated double: one of them, or all together."""
    return _all("<d", value)


def singles(value: Value) -> list[float]:
    """A repeated float: one of them, or all together."""
    return _all("<f", value)


def varints(value: Value) -> list[int]:
    """A repeated whole number: one of them, or all together."""
    if isinstance(value, int):
        return [signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(signed(number))
    return found


def text(value: Value) -> str:
    """A string. What is no UTF-8 is replaced."""
    return raw(value).decode("utf-8", "replace")


def raw(value: Value) -> bytes:
    """Bytes, or a message within the message."""
    if isinstance(value, int):
        raise BrokenMessage("a number where bytes were expected")
    return value


def _unpacked(form: str, value: Value) -> float:
    try:
        number: float = struct.unpack(form, raw(value))[0]
    except struct.error as exc:
        raise BrokenMessage(str(exc)) from exc
    return number


def _all(form: str, value: Value) -> list[float]:
    try:
        return [number for (number,) in struct.iter_unpack(form, raw(value))]
    except struct.error as exc:
        raise BrokenMessage(str(exc)) from exc


def put(number: int, value: int | float | str | bytes) -> bytes:  # noqa: PYI041  written differently
    """A field to write: a whole number or flag, a double, a text, or bytes, which a message within it is."""
    if isinstance(value, int):
        return _as_varint(number << 3 | _VARINT) + _as_varint(value & 2**64 - 1)
    if isinstance(value, float):
        return _as_varint(number << 3 | _EIGHT) + struct.pack("<d", value)
    data = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return b"%b%b%b" % (_as_varint(number << 3 | _BYTES), _as_varint(len(data)), data)


def put_all(number: int, values: Iterable[float]) -> bytes:
    """A repeated double, all of them together."""
    numbers = [*values]
    return put(number, struct.pack(f"<{len(numbers)}d", *numbers))


def _as_varint(value: int) -> bytes:
    if value < 0x80:
        return _SMALL[value]
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


_SMALL = [bytes([value]) for value in range(0x80)]
