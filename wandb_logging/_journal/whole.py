"""Writes files whole or not at all: under another name first, and moved to their place if all went well.

What is no file, such as `/dev/stdout` or a pipe, is written to as it is: to replace it would take it from everybody.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a path to write to, beside the target. That file replaces it at the end, or is removed after an error.

    The path is the target itself if that is a device, a pipe or anything else that is no file.

    Raises:
        OSError: the file cannot be written.
    """
    if _is_no_file(target):
        yield target
        return
    try:
        handle, name = tempfile.mkstemp(prefix=".export-", dir=target.parent)
    except OSError as exc:  # its message names the temporary file, which means nothing to a person
        raise OSError(exc.errno, exc.strerror, str(target)) from None
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        umask = os.umask(0)
        os.umask(umask)
        aside.chmod(0o666 & ~umask)  # the permissions of an ordinary new file instead of a private one
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _is_no_file(target: Path) -> bool:
    """Whether a path must not be replaced. Nothing in /dev may be: `/dev/stdout` is a link, perhaps to a file."""
    return target.absolute().parts[1:2] in {("dev",), ("proc",)} or (target.exists() and not target.is_file())
