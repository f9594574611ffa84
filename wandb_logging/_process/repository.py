"""Finds out the commit and the remote of the git repository that a folder is in, from the repository's own files.

No process is started: this runs on a thread of ours (see `environment`), and the repository may be somebody else's,
whose configuration can name programs. Only regular files are read, and of each only so much. Of what they say only what
has the form of a commit is taken, and an address without user, password and query.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from wandb_logging._values.utf8 import with_utf8

_LINE = 4096  # most bytes of a file of one line, as the next two
_CONFIG = 2**20
_PACKED = 2**25
_LONGEST = 2048  # characters of an address
_HOPS = 5  # a ref may be the name of another

# Compiled when they are first needed: not on the thread that logs, which imports this.
_COMMIT = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_REF = r"ref:\s*(refs/(?!.*\.\.)[^\x00-\x20\x7f~^:?*\[\\]+)"
_CONTINUED = r"(?<!\\)((?:\\\\)*)\\\r?\n"
_SECTION = r'\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]'
_PARTS = r'"((?:[^"\\]|\\.)*)"?|((?:[^"\\#;]|\\.)+)|[#;].*|\\'
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}
_ADDRESS = r"(?s)(.*?://)(?:[^/?#]*@)?(\[[^\]/]*\]|[^/?#:]*)((?::\d*)?)(/[^?#]*)?(?:[?#].*)?"
_UP_TO_AT = r"^[^/\\@]*:[^/\\@]*@"


class Wanted(Protocol):
    """What is wanted of a repository. The settings of a run are one."""

    @property
    def disable_git(self) -> bool: ...
    @property
    def git_root(self) -> Path | None: ...
    @property
    def git_remote(self) -> str: ...
    @property
    def git_remote_url(self) -> str | None: ...
    @property
    def git_commit(self) -> str | None: ...


def state(wanted: Wanted) -> dict[str, str]:
    """What the settings say of the repository, and what is found out beside that, as `repository` gives it.

    As with the official SDK, no repository is looked at where its address is given: it may be another one.
    """
    looks = not wanted.disable_git and wanted.git_remote_url is None
    found = repository(wanted.git_root, wanted.git_remote) if looks else {}
    given = {"remote": public_address(wanted.git_remote_url or ""), "commit": wanted.git_commit}
    return {**found, **{name: value for name, value in given.items() if value}}


def repository(folder: Path | None, remote: str) -> dict[str, str]:
    """The address of a remote, and the commit of HEAD, as `remote` and `commit`; what cannot be found out is left out.

    Args:
        folder: a folder of the work tree; None for the working directory.
        remote: name of the remote.
    """
    found = {"remote": "", "commit": ""}
    with contextlib.suppress(OSError, ValueError):  # a folder that is gone, or a path with a null in it
        git_dir = _git_dir(Path(os.path.realpath(folder or ".")))
        if git_dir is not None:
            common = _common(git_dir)
            found = {"remote": _url(_text(common / "config", _CONFIG), remote), "commit": _commit(git_dir, common)}
    found["remote"] = public_address(found["remote"])
    return {name: value for name, value in found.items() if value}


def public_address(address: str) -> str:
    """The address of a repository without user, password and query; "" if it is not clear which part is which.

    The user of `git@host:path` stays: it is the same for everybody.
    """
    if len(address) > _LONGEST:
        return ""
    if "://" not in address:
        return re.sub(_UP_TO_AT, "", with_utf8(address))
    parts = re.fullmatch(_ADDRESS, with_utf8(address))
    return "" if parts is None else f"{parts[1]}{parts[2].lower()}{parts[3]}{parts[4] or ''}"


def _git_dir(folder: Path) -> Path | None:
    """The folder with the state of the work tree: `.git` there or in a folder above it, but not on another disk."""
    disk = folder.stat().st_dev
    for place in (folder, *folder.parents):
        if place.stat().st_dev != disk:
            return None
        here = place / ".git"
        if here.is_dir():
            if (here / "HEAD").exists() and (here / "objects").is_dir():
                return here
        elif said := _text(here):  # of another work tree or a submodule: a file that says where the folder is
            return place / said.removeprefix("gitdir:").strip() if said.startswith("gitdir:") else None
    return None


def _common(git_dir: Path) -> Path:
    """The folder that all work trees of the repository have in common."""
    said = _text(git_dir / "commondir").strip()
    return git_dir / said if said else git_dir


def _commit(git_dir: Path, common: Path) -> str:
    said = _text(git_dir / "HEAD").strip()
    for _ in range(_HOPS):
        ref = re.fullmatch(_REF, said)
        if ref is None:
            break
        said = (_text(git_dir / ref[1]) or _text(common / ref[1])).strip() or _packed(common, ref[1])
    return said if re.fullmatch(_COMMIT, said) else ""


def _packed(common: Path, ref: str) -> str:
    """The commit of a ref in packed-refs, which may have many thousand lines."""
    before, found, _ = _text(common / "packed-refs", _PACKED).partition(f" {ref}\n")
    return before.rpartition("\n")[2] if found else ""


def _url(config: str, remote: str) -> str:
    """The last `url` in the section of a remote of git's configuration."""
    url, is_there = "", False
    for line in re.sub(_CONTINUED, r"\1", config).splitlines():
        section = re.match(_SECTION, line.strip())
        if section is not None:
            is_there = _is_of(section, remote)
        key, equals, value = line.strip()[section.end() if section else 0 :].partition("=")
        if is_there and equals and key.strip().lower() == "url":
            url = _value(value.strip())
    return url


def _is_of(section: re.Match[str], remote: str) -> bool:
    name, sub = section[1].lower(), section[2]
    return name == f"remote.{remote}".lower() if sub is None else name == "remote" and _unescaped(sub) == remote


def _value(text: str) -> str:
    """A value of git's configuration, without quotes, escapes and the comment behind it."""
    parts = [(quoted, plain) for quoted, plain in re.findall(_PARTS, text) if quoted or plain]
    return "".join(_unescaped(quoted or plain) for quoted, plain in parts).strip()


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text)


def _text(path: Path, most: int = _LINE) -> str:
    """The beginning of a regular file; "" if there is none."""
    with contextlib.suppress(OSError), _opened(path) as file:
        return file.read(most).decode("utf-8", "surrogateescape")
    return ""


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file. Nothing else is waited for, as for a pipe that nobody writes to.

    Raises:
        OSError: it is none, or cannot be read.
    """
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is no regular file")
        yield file


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
