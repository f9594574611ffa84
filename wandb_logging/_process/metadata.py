"""Describes what the process runs on: `wandb-metadata.json` and `requirements.txt` (protocol 6.2, 6.3).

This runs on a thread of ours, so nothing here starts a process or imports a module. If the program forked meanwhile,
its child would hold the other end of the new process's pipe, and we would wait for that child.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from wandb_logging._process.command_line import command_line
from wandb_logging._values.utf8 import with_utf8

_AT_ONCE = 8  # packages that are read before the program gets a moment
_FIELDS = (b"Name", b"Version")
_HEAD = 2048  # bytes of a package's metadata that usually include these two fields

# A file's content with the file's time, size and number then: a process that makes a hundred runs reads it once.
_packages: dict[str, tuple[tuple[int, int, int], tuple[str, str]]] = {}


def environment(start: float, program: str, writer_id: str) -> dict[str, Any]:
    """The environment as an object. Facts that cannot be found out are left out.

    Args:
        start: start of the run, seconds since 1970.
        program: the script as the person called it.
        writer_id: identifies this process among the writers of the run.
    """
    started = datetime.fromtimestamp(start, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    parts: dict[str, Callable[[], Any]] = {
        "os": _system,
        "python": lambda: f"{platform.python_implementation()} {platform.python_version()}",
        "startedAt": lambda: started,
        "program": lambda: os.path.abspath(program) if program else None,  # noqa: PTH100  as it was called: no links resolved
        "args": lambda: command_line()[1:],
        "root": lambda: str(Path.cwd()),
        "host": socket.gethostname,
        "executable": lambda: sys.executable,
        "cpu_count": lambda: _cores() or os.cpu_count(),
        "cpu_count_logical": os.cpu_count,
        "disk": _disk,
        "memory": _memory,
        "cpu": _cpu,
        "writerId": lambda: writer_id,
    }
    found: dict[str, Any] = {}
    for name, find in parts.items():
        with contextlib.suppress(Exception):  # the working directory is gone, or the system is locked down
            value = find()
            if value:
                found[name] = _told(value)
    return found


def _told(value: Any) -> Any:
    """Texts without lone surrogates, which stand for bytes of a path that are no UTF-8: no request can carry them."""
    if isinstance(value, list):
        return [_told(part) for part in value]
    return with_utf8(value) if isinstance(value, str) else value


def requirements(breath: Callable[[], float]) -> str:
    """The installed packages as `name==version` lines, sorted.

    Args:
        breath: gives the seconds to sleep between groups of packages, for the program's sake: reading all takes a
            while. 0 if the program only waits for this.
    """
    found: dict[str, str] = {}
    for number, folder in enumerate(_distributions()):
        with contextlib.suppress(Exception):  # another package's broken installation
            found.setdefault(*_package(folder))
        if number % _AT_ONCE == 0 and (seconds := breath()):
            time.sleep(seconds)
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def _distributions() -> Iterator[str]:
    """The paths of the metadata of installed packages, in the order of import."""
    for place in dict.fromkeys(sys.path):
        try:
            names = sorted(os.listdir(place or "."))  # noqa: PTH208  many names, and a Path for each is slow
        except OSError:  # an archive, or a missing folder
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                yield f"{place or '.'}/{name}"


def _package(found: str) -> tuple[str, str]:
    """Name and version of a package. A file is read again only if it has changed.

    Args:
        found: path of the package's metadata.

    Raises:
        LookupError: the metadata do not say name and version.
    """
    for file in (f"{found}/METADATA", f"{found}/PKG-INFO", found):  # the last is for an egg-info that is a file
        with contextlib.suppress(OSError):
            status = os.stat(file)  # noqa: PTH116  as above
            now = (status.st_mtime_ns, status.st_size, status.st_ino)
            then, package = _packages.get(file, (None, ("", "")))
            if now != then:
                package = _read_package(file)
                _packages[file] = now, package
            return package
    raise LookupError(found)


def _read_package(file: str) -> tuple[str, str]:
    """Read only the two lines needed: parsing all text, as `importlib.metadata` does, takes ten times as long."""
    with open(file, "rb", buffering=0) as opened:  # noqa: PTH123  as above
        head = opened.read(_HEAD)
        fields = _fields(head[: head.rfind(b"\n") + 1])
        if len(fields) < len(_FIELDS):
            fields = _fields(head + opened.read())
    name, version = (fields[field].decode("utf-8", "replace") for field in _FIELDS)
    return name, version


def _fields(text: bytes) -> dict[bytes, bytes]:
    """The first value of each field. A search for its name takes half the time of a regular expression."""
    values = ((b"\n" + text).partition(b"\n" + field + b":")[2].partition(b"\n")[0].strip() for field in _FIELDS)
    return {field: value for field, value in zip(_FIELDS, values) if value}


def _system() -> str:
    """Name and version of the system, as `platform.platform` has them, which on Unix starts `uname` as a process."""
    if not hasattr(os, "uname"):
        return platform.platform(aliased=True)
    here = os.uname()
    if here.sysname == "Darwin":
        about = Path("/System/Library/CoreServices/SystemVersion.plist").read_text(encoding="utf-8")
        version = "".join(re.findall(r"<key>ProductVersion</key>\s*<string>(.+?)</string>", about))
        return f"macOS-{version}-{here.machine}-{'64bit' if sys.maxsize > 2**32 else '32bit'}"
    libc = "".join(platform.libc_ver())
    return "-".join([here.sysname, here.release, here.machine, *(["with", libc] if libc else [])])


def _disk() -> dict[str, dict[str, str]]:
    root = Path.cwd().anchor or "/"
    status = os.statvfs(root)  # not on Windows
    total, free = status.f_blocks * status.f_frsize, status.f_bfree * status.f_frsize
    return {root: {"total": str(total), "used": str(total - free)}}  # JSON has 64-bit numbers as strings here


def _memory() -> dict[str, str]:
    return {"total": str(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))}  # not on Windows


def _cpu() -> dict[str, str]:
    models = re.findall(r"^model name\s*:\s*(.+)$", _cpuinfo(), re.MULTILINE)
    model = models[0] if models else "" if hasattr(os, "uname") else platform.processor()
    return {"model": model} if model else {}


def _cores() -> int:
    """The number of physical cores; 0 if the system does not say."""
    of_each = (dict(map(_field, part.splitlines())) for part in _cpuinfo().split("\n\n"))
    return len({(one["physical id"], one["core id"]) for one in of_each if {"physical id", "core id"} <= one.keys()})


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
