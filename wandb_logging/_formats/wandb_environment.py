"""The environment in a `.wandb` file, which is what `wandb-metadata.json` says of machine and program. Pure.

One table says what is in the message, both ways. JSON has the names and forms of protobuf's JSON, as the official SDK
writes them: sizes of 64 bits are texts, and what is empty is left out (protocol 6.3, `wandb_internal.proto`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from wandb_logging._formats import protobuf
from wandb_logging._formats.protobuf import Value, put


class _Form(NamedTuple):
    """How a value is read from a field, and what is written of it: None if it is not of this form."""

    read: Callable[[Value], Any]
    write: Callable[[Any], int | str | bytes | None]


class _Member(NamedTuple):
    name: str
    form: _Form
    several: type | None = None  # list: each field is an item; dict: each field is a key and a value


_Members = Mapping[int, _Member]


def _message(members: _Members) -> _Form:
    return _Form(
        lambda value: _read(protobuf.raw(value), members),
        lambda value: _written(value, members) if isinstance(value, Mapping) else None,
    )


def _size(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isdecimal() else None
    return value if type(value) is int else None


def _moment(value: Value) -> str:
    parts = dict(protobuf.fields(protobuf.raw(value)))
    seconds, nanos = protobuf.signed(parts.get(1, 0)), protobuf.signed(parts.get(2, 0))
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, OSError) as exc:
        raise ValueError(f"{seconds} is no time") from exc
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanos // 1000:06}Z"


_TEXT = _Form(protobuf.text, lambda value: value if isinstance(value, str) else None)
_NUMBER = _Form(protobuf.signed, lambda value: value if type(value) is int else None)
_SIZE = _Form(lambda value: str(protobuf.signed(value)), _size)
_MOMENT = _Form(_moment, lambda _value: None)  # written from the run's start


def _texts(names: str) -> dict[int, _Member]:
    """Members that are texts, numbered from 1."""
    return {number: _Member(name, _TEXT) for number, name in enumerate(names.split(), 1)}


_GIT = _message(_texts("remote commit"))
_SIZES = _message({1: _Member("total", _SIZE), 2: _Member("used", _SIZE)})
_CPU = _message({1: _Member("count", _NUMBER), 2: _Member("countLogical", _NUMBER), 3: _Member("model", _TEXT)})
_APPLE = _message(
    {
        1: _Member("name", _TEXT),
        2: _Member("ecpuCores", _NUMBER),
        3: _Member("pcpuCores", _NUMBER),
        4: _Member("gpuCores", _NUMBER),
        5: _Member("memoryGb", _NUMBER),
        6: _Member("swapTotalBytes", _SIZE),
        7: _Member("ramTotalBytes", _SIZE),
        8: _Member("macModel", _TEXT),
    }
)
_NVIDIA = _message(
    {
        1: _Member("name", _TEXT),
        2: _Member("memoryTotal", _SIZE),
        3: _Member("cudaCores", _NUMBER),
        4: _Member("architecture", _TEXT),
        5: _Member("uuid", _TEXT),
        6: _Member("pciBusId", _TEXT),
        7: _Member("numaNode", _NUMBER),
    }
)
_AMD = _message(
    _texts(
        "id uniqueId vbiosVersion performanceLevel gpuOverdrive gpuMemoryOverdrive maxPower series model vendor sku "
        "sclkRange mclkRange"
    )
)
_TRAINIUM = _message(
    {
        **_texts("name vendor"),
        3: _Member("neuronDeviceCount", _NUMBER),
        4: _Member("neuroncorePerDeviceCount", _NUMBER),
    }
)
_TPU = _message(
    {
        1: _Member("name", _TEXT),
        2: _Member("hbmGib", _NUMBER),
        3: _Member("devicesPerChip", _NUMBER),
        4: _Member("count", _NUMBER),
    }
)
_ENVIRONMENT: _Members = {
    1: _Member("os", _TEXT),
    2: _Member("python", _TEXT),
    3: _Member("startedAt", _MOMENT),
    4: _Member("docker", _TEXT),
    5: _Member("args", _TEXT, list),
    6: _Member("program", _TEXT),
    7: _Member("codePath", _TEXT),
    8: _Member("codePathLocal", _TEXT),
    9: _Member("git", _GIT),
    10: _Member("email", _TEXT),
    11: _Member("root", _TEXT),
    12: _Member("host", _TEXT),
    13: _Member("username", _TEXT),
    14: _Member("executable", _TEXT),
    15: _Member("colab", _TEXT),
    16: _Member("cpu_count", _NUMBER),
    17: _Member("cpu_count_logical", _NUMBER),
    18: _Member("gpu", _TEXT),
    19: _Member("gpu_count", _NUMBER),
    20: _Member("disk", _SIZES, dict),
    21: _Member("memory", _SIZES),
    22: _Member("cpu", _CPU),
    23: _Member("apple", _APPLE),
    24: _Member("gpu_nvidia", _NVIDIA, list),
    25: _Member("cudaVersion", _TEXT),
    26: _Member("gpu_amd", _AMD, list),
    27: _Member("slurm", _TEXT, dict),
    28: _Member("trainium", _TRAINIUM),
    29: _Member("tpu", _TPU),
    30: _Member("coreweave", _message(_texts("clusterName orgId region"))),
    199: _Member("writerId", _TEXT),
}


def read(message: bytes) -> dict[str, Any]:
    """The environment as JSON. Members that are not known are left out.

    Raises:
        BrokenMessage: it is no message.
        ValueError: the time of the start is none.
    """
    return _read(message, _ENVIRONMENT)


def written(about: Mapping[str, Any]) -> bytes:
    """The message of an environment that is given as JSON, without the time of the start.

    What is not of the form that it should have is left out.
    """
    return _written(about, _ENVIRONMENT)


def _read(message: bytes, members: _Members) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in protobuf.fields(message):
        if number not in members:
            continue
        name, form, several = members[number]
        if several is list:
            found.setdefault(name, []).append(form.read(value))
        elif several is dict:
            entry = dict(protobuf.fields(protobuf.raw(value)))
            found.setdefault(name, {})[protobuf.text(entry.get(1, b""))] = form.read(entry.get(2, b""))
        else:
            found[name] = form.read(value)
    return found


def _written(about: Mapping[str, Any], members: _Members) -> bytes:
    return b"".join([put(number, value) for number, member in members.items() for value in _values(about, member)])


def _values(about: Mapping[str, Any], member: _Member) -> Iterable[int | str | bytes]:
    """What the fields of a member hold: nothing, one value, or several."""
    given = about.get(member.name)
    if member.several is list:
        found = [member.form.write(each) for each in given] if isinstance(given, list) else []
    elif member.several is dict:
        found = (
            [_entry(key, member.form.write(each)) for key, each in given.items()] if isinstance(given, Mapping) else []
        )
    else:
        found = [member.form.write(given) or None]  # what is empty is not there
    return [value for value in found if value is not None]


def _entry(key: object, value: int | str | bytes | None) -> bytes | None:
    return None if value is None else put(1, str(key)) + put(2, value)
