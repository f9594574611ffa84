"""What to tell a person who may not write or read a run directory: who owns it, and what to do."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from wandb_logging._errors import JournalLocked

_REFUSED = frozenset({errno.EACCES, errno.EPERM})


def lock_refused(path: Path, error: OSError) -> JournalLocked:
    """The error for a run directory that cannot be locked: why, and what to do."""
    if error.errno in _REFUSED:
        owner = _other_owner(path, error)
        if owner is None:
            text, cure = f"{path} is yours, but you may not write there", "give yourself the right: `chmod -R u+rwX`"
        else:
            text = f"{path} belongs to {owner}, and you may not write there"
            cure = f"have {owner} send it, or copy it to a folder of yours, and sync the copy"
    elif error.errno == errno.EROFS:
        text, cure = f"{path} is on a disk that is read-only", "copy it to one that can be written, and sync the copy"
    else:
        why = error.strerror or error
        text = f"{path} cannot be locked ({why}), and without a lock two could send it at once"
        cure = "copy it to a disk that has locks, and sync the copy"
    return JournalLocked(text, cure=cure)


def why_unread(path: Path, error: OSError) -> str:
    """Why a file in the run directory at `path` cannot be read: what the system says, and who owns it."""
    said = error.strerror or str(error)
    owner = _other_owner(path, error) if error.errno in _REFUSED else None
    return said if owner is None else f"{said}, it belongs to {owner}"


def words_of(error: Exception) -> str:
    """What went wrong, for a person: the file and what the system says of it, if it is that; else the error's words."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _other_owner(path: Path, error: OSError) -> str | None:
    """The user who owns the file that was refused, or else its folder: a name or number; None if that is this user."""
    named = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes)) else path
    for place in (named, path):
        with contextlib.suppress(OSError):
            owner = place.lstat().st_uid
            return None if not hasattr(os, "geteuid") or owner == os.geteuid() else _name(owner)
    return None


def _name(user: int) -> str:
    try:
        import pwd  # noqa: PLC0415  not on Windows

        return pwd.getpwuid(user).pw_name
    except (ImportError, KeyError):
        return f"user {user}"
