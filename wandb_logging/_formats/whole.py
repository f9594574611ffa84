"""Files that are there whole or not at all: written aside, and moved to their place if all went well."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path beside the target, which takes the target's place at the end; nothing is left of it after an error.

    Raises:
        OSError: the file cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".export-", dir=target.parent)
    except OSError as exc:  # which names the file aside, of which nobody knows
        raise OSError(exc.errno, exc.strerror, str(target)) from None
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        umask = os.umask(0)
        os.umask(umask)
        aside.chmod(0o666 & ~umask)  # as a file that is opened has it, not as a secret
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
