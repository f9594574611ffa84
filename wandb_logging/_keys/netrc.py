"""Reads and edits the netrc file, which other programs read and edit as well.

The file belongs to the user and to those programs. It is edited by tokens, never by lines or substrings, so everything
outside our entry stays byte for byte. Where this cannot be promised, the file is left alone and the error says so.
"""

from __future__ import annotations

import contextlib
import netrc
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from wandb_logging._errors import SettingsError
from wandb_logging._journal.locks import ProcessLock
from wandb_logging._journal.segments import sync_directory
from wandb_logging._keys.netrc_text import MalformedError, parse, with_entry, without_entry

_LOCK_SECONDS = 10.0


def usual_path() -> Path:
    """The path of the netrc file, whether or not the file exists (protocol 2.3)."""
    given = os.environ.get("NETRC")
    if given:
        return _expanded(given)
    usual, windows = _expanded("~/.netrc"), _expanded("~/_netrc")
    if not _exists(usual) and (_exists(windows) or os.name == "nt"):
        return windows
    return usual


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except (RuntimeError, KeyError):  # no home directory (KeyError on 3.9): the path leads nowhere, and is named
        return Path(text)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def shown(path: Path) -> str:
    """A path as a person would write it: `~` for the home directory."""
    try:
        return str(Path("~") / path.relative_to(_expanded("~")))
    except ValueError:
        return str(path)


def read(path: Path, machine: str) -> tuple[str | None, str | None]:
    """The password of a machine, and what is wrong with the file, in words for a person. Either may be None.

    The `default` entry is ignored: its password is for some other service, and would be sent to the server. If a
    machine has several entries the last one counts, as in the standard library.
    """
    try:
        entries = parse(_decode(_read(path))).entries
    except MalformedError as exc:
        return None, f"{shown(path)}, line {exc.line}: not understood, so no key was taken from it"
    except OSError as exc:
        return None, f"{shown(path)} cannot be read: {exc.strerror or exc}"
    ours = [entry for entry in entries if entry.name == machine]
    if not ours:
        return None, None
    password = ours[-1].passwords[-1].text if ours[-1].passwords else ""
    return password or None, None if password else f"{shown(path)}: the entry for {machine} has no password"


def exposed(path: Path) -> bool:
    """Whether other users of this machine may read a netrc file. Always False on Windows."""
    try:
        return os.name == "posix" and stat.S_ISREG(path.stat().st_mode) and bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def write(path: Path, machine: str, login: str, key: str) -> None:
    """Set login and password of a machine; everything else in the file stays byte for byte.

    An existing entry is changed in place. A new entry goes to the end, or before `default`, which must be last. The
    file is replaced in one step, also behind a symlink. It keeps its mode and owner; a new file has mode 0600.

    Raises:
        SettingsError: the file cannot be read, understood or replaced. Nothing has been changed then.
    """
    _edit(path, machine, lambda text: with_entry(text, machine, login, key))


def remove(path: Path, machine: str) -> bool:
    """Remove the entries of a machine; everything else stays, as in `write`. Returns whether there were any.

    Raises:
        SettingsError: the file cannot be read, understood or replaced. Nothing has been changed then.
    """
    return _edit(path, machine, lambda text: without_entry(text, machine))


def _edit(path: Path, machine: str, change: Callable[[str], str]) -> bool:
    """Read, change and replace a netrc file. Returns whether anything changed."""
    target = Path(os.path.realpath(path))
    try:
        text = _decode(_read(target))
        if change(text) == text:
            return False
        with _locked(target):
            text = change(_decode(_read(target)))  # read again, since another process may just have changed the file
            _replace(target, text.encode("utf-8", "surrogateescape"), machine)
    except MalformedError as exc:
        raise SettingsError(f"{shown(path)}, line {exc.line}: not understood; the file was left as it is") from None
    except OSError as exc:
        raise SettingsError(f"{shown(path)} cannot be changed: {exc.strerror or exc}") from exc
    return True


def _read(path: Path) -> bytes:
    """The bytes of the file; empty if there is no file, or if it is a device such as /dev/null.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return b""
    if not stat.S_ISREG(mode):  # a pipe would make us wait
        if stat.S_ISCHR(mode):
            return b""
        raise OSError("not a regular file")
    return path.read_bytes()


def _decode(data: bytes) -> str:
    # All characters with a meaning in netrc are ASCII; bytes that are no UTF-8 are carried through unchanged.
    return data.decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Make other processes that edit the same file wait."""
    lock = ProcessLock(target.parent, target.name + ".lock")
    deadline = time.monotonic() + _LOCK_SECONDS
    # A file system without locks must not prevent a login; if it cannot be written either, that shows soon enough.
    with contextlib.suppress(OSError):
        while not lock.acquire():
            if time.monotonic() > deadline:
                raise SettingsError(f"{shown(target)} is being changed by another process; try again")
            time.sleep(0.02)
    try:
        yield
    finally:
        lock.release()


def _replace(target: Path, data: bytes, machine: str) -> None:
    """Replace `target` by a new file in one step, unless another reader would then lose an entry."""
    old = target.stat() if target.exists() else None
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise OSError("not a regular file")
    import tempfile  # noqa: PLC0415  used only here, and slow to import

    fd, name = tempfile.mkstemp(prefix=".netrc-", dir=target.parent)  # created with mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        if old is not None:
            temporary.chmod(stat.S_IMODE(old.st_mode))
            _keep_owner(temporary, old)
            _check_for_others(target, temporary, machine)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(target.parent)


def _keep_owner(path: Path, old: os.stat_result) -> None:
    """Under sudo the file keeps its user as owner. Where that is not allowed it becomes ours, as with any editor."""
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(path, old.st_uid, old.st_gid)


def _check_for_others(before: Path, after: Path, machine: str) -> None:
    """Make sure that the standard library's reader, which requests and pip use, still sees the other entries.

    That reader takes the words of some comments for entries: a comment such as `#a comment` before the first entry
    or, in some versions, a comment after an empty line. Removing the entry before such a comment would break the
    file for that reader.
    """
    seen = _seen_by_others(before, machine)
    if seen is not None and seen != _seen_by_others(after, machine):
        raise SettingsError(
            f"{shown(before)}: left as it is, for Python's own netrc reader would stumble over a comment after this "
            f"change; change the entry of {machine} by hand"
        )


def _seen_by_others(path: Path, machine: str) -> object:
    try:
        found = netrc.netrc(str(path))
    except (netrc.NetrcParseError, ValueError, OSError):
        return None
    macros = {name: "".join(lines).rstrip() for name, lines in found.macros.items()}
    return {name: entry for name, entry in found.hosts.items() if name != machine}, macros
