"""Names of folders and files: of a project, a run, a file of a run, such as any file system can have. Pure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from wandb_logging._errors import LogError
from wandb_logging._values.utf8 import with_utf8

_MOST_NAME = 240  # bytes of a folder's name; of 255 that nearly all file systems allow, some are for a number


def names_of(run_id: str) -> Iterator[str]:
    """The names that the folder of a run can have, in order: the first that is free is its."""
    name = folder_name(run_id)
    yield name
    for number in range(2, 1_000_000):
        yield f"{name}.{number}"


def folder_name(text: str) -> str:
    """The name of the folder of a project or run: the same text, where the file system can have such a name.

    One that is too long, in bytes, or that the locale has no characters for, is cut or without them, and told from
    others by what it was.
    """
    try:
        if len(os.fsencode(text)) <= _MOST_NAME:
            return text
        left = text
    except UnicodeEncodeError:
        left = text.encode("ascii", "replace").decode().replace("?", "_")
    while len(os.fsencode(left)) > _MOST_NAME // 2:
        left = left[:-1]
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{left}-{digest[:8]}"


def safe_name(name: str) -> str:
    """A file's name inside the run, with forward slashes, checked to stay inside.

    Raises:
        LogError: empty, absolute, with `..`, a drive, a NUL, or what has no UTF-8.
    """
    text = name.replace("\\", "/")
    if with_utf8(text) != text:
        raise LogError(f"file name {name!r}: it has no UTF-8, which the server wants")
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if not parts or text.startswith("/") or ".." in parts or "\0" in text or parts[0][1:2] == ":":
        raise LogError(f"file name {name!r}: expected a relative path inside the run, without '..'")
    return "/".join(parts)
