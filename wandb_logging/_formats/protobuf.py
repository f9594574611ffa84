"""Reads and writes protobuf's wire format, as far as a few known messages need it. Pure.

A message is a list of fields. Each has a number and a value: a whole number, or 4, 8 or any number of bytes. What the
values mean depends on the message, which only the caller knows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Union

Value = Union[int, bytes]

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10


class BrokenMessage(ValueError):
    """The bytes are no protobuf message."""


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of each field, in order.

    Raises:
        BrokenMessage: the bytes are no message, or the message is cut off.
    """
    at, end = 0, len(message)
    while at < end:
        number, value, at = field(message, at)
        yield number, value


def field(message: bytes, at: int) -> tuple[int, Value, int]:
    """Number and value of the field that begins at byte `at`, and where the next one begins.

    Raises:
        BrokenMessage: there is no field.
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
    """The whole number of variable length at byte `at`, and where it ends."""
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
    """Read an int32 or int64. Negative numbers are written with 64 bits in both."""
    if not isinstance(value, int):
        raise BrokenMessage("bytes where a number was expected")
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def double(value: Value) -> float:
    """Read a double."""
    return _unpacked("<d", value)


def single(value: Value) -> float:
    """Read a 32-bit float."""
    return _unpacked("<f", value)


def doubles(value: Value) -> list[float]:
    """Read a repeated double: the field holds one of them, or all."""
    return _all("<d", value)


def singles(value: Value) -> list[float]:
    """Read a repeated float: the field holds one of them, or all."""
    return _all("<f", value)


def varints(value: Value) -> list[int]:
    """Read a repeated whole number: the field holds one of them, or all."""
    if isinstance(value, int):
        return [signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(signed(number))
    return found


def text(value: Value) -> str:
    """Read a string. Bytes that are no UTF-8 are replaced."""
    return raw(value).decode("utf-8", "replace")


def raw(value: Value) -> bytes:
    """Read bytes, or a message inside the message."""
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
    """Make a field of a whole number, a flag, a double, a text or bytes. A message inside the message is bytes."""
    if isinstance(value, int):
        return _as_varint(number << 3 | _VARINT) + _as_varint(value & 2**64 - 1)
    if isinstance(value, float):
        return _as_varint(number << 3 | _EIGHT) + struct.pack("<d", value)
    data = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return b"%b%b%b" % (_as_varint(number << 3 | _BYTES), _as_varint(len(data)), data)


def put_all(number: int, values: Iterable[float]) -> bytes:
    """Make a field of a repeated double that holds all of them."""
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
