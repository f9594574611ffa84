"""Names of folders and files (of a project, a run, a file of a run) that every file system can have. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator

from wandb_logging._errors import LogError
from wandb_logging._values.text_hash import hash_of
from wandb_logging._values.utf8 import with_utf8

_MOST_NAME = 240  # bytes of a folder's name: nearly all file systems allow 255, and a number may come behind it


def folder_names(run_id: str) -> Iterator[str]:
    """The names that the folder of a run may have, in order; a new run takes the first that is free."""
    name = folder_name(run_id)
    yield name
    for number in range(2, 1_000_000):
        yield f"{name}.{number}"


def folder_name(text: str) -> str:
    """The name of the folder of a project or run: the text itself, if the file system can have that as a name.

    A text that is too long in bytes is cut; characters that the locale does not have become `_`, and so do those that
    would make another folder of it, as a `.wandb` file from elsewhere may have them. A hash of the whole text then
    stands behind it, so that two texts have two folders.
    """
    left = "_" if text in {"", ".", ".."} else text.replace("/", "_").replace("\\", "_").replace("\0", "_")
    try:
        if left == text and len(os.fsencode(text)) <= _MOST_NAME:
            return text
    except UnicodeEncodeError:
        left = left.encode("ascii", "replace").decode().replace("?", "_")
    while len(os.fsencode(left)) > _MOST_NAME // 2:
        left = left[:-1]
    return f"{left}-{hash_of(text)[:8]}"


def safe_name(name: str) -> str:
    """A file's name in the run, with forward slashes.

    Raises:
        LogError: it is empty or absolute, or has `..`, a drive, a NUL or a character that UTF-8 cannot have.
    """
    text = name.replace("\\", "/")
    if with_utf8(text) != text:
        raise LogError(f"file name {name!r}: it has no UTF-8, which the server wants")
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if not parts or text.startswith("/") or ".." in parts or "\0" in text or parts[0][1:2] == ":":
        raise LogError(f"file name {name!r}: expected a relative path inside the run, without '..'")
    return "/".join(parts)
