"""Writes files whole or not at all: under another name first, and moved to their place if all went well."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a path beside the target. Its file replaces the target at the end, or is removed after an error.

    Raises:
        OSError: the file cannot be written.
    """
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
