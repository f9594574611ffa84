"""`Artifact`: a named set of files that a person puts together. Makes no requests.

An artifact holds the bytes that its files had when they were added. They are copied then, as the official SDK does.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import string
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Union
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wandb_logging._artifacts.manifest import Entry, Manifest, base64_md5, copy, read_digest, read_entry
from wandb_logging._errors import LogError
from wandb_logging._journal.names import safe_name

MAX_NAME = 128  # characters in names of artifacts and types (protocol 7.1)
MAX_REFERENCES = 10_000_000  # files of one folder; the official SDK's limit
_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 128

StrPath = Union[str, "os.PathLike[str]"]


class Artifact:
    """A versioned set of files, such as a dataset or a model. `Run.log_artifact` sends it.

    Args:
        name: letters, digits, `_`, `-` and `.`, at most 128 characters. Artifacts of one name are versions of it.
        type: kind of artifact, such as dataset or model. At most 128 characters, no `/` or `:`.
        description: for people.
        metadata: name -> value, at most 100; sent as it is when the artifact is logged.

    Attributes:
        description, metadata: as given; may be changed until the artifact is logged.
        manifest: the content, by name.
        added: id of a value that `_media.members` added -> the value, and its name in the artifact.

    Raises:
        LogError: name, type or metadata are invalid.
    """

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002  the official SDK's name
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if not matches(rf"[a-zA-Z0-9_.-]{{1,{MAX_NAME}}}", name):
            raise LogError(
                f"artifact name {name!r}: expected at most {MAX_NAME} letters, digits, dashes, underscores and dots"
            )
        if not matches(rf"[^/:]{{1,{MAX_NAME}}}", type):
            raise LogError(f"artifact type {type!r}: expected at most {MAX_NAME} characters, none of / :")
        if metadata is not None and not isinstance(metadata, Mapping):
            raise LogError(f"metadata: expected a mapping, got {metadata!r}")
        self.name = name
        self.type = type
        self.description = description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.manifest = Manifest()
        self.added: dict[int, tuple[Any, str]] = {}
        # The server treats all requests with the same ids as one artifact, however often they come.
        self._client_id = _new_id()
        self._sequence_client_id = _new_id()
        self._staging: Path | None = None  # the folder of copies, if there is one
        self._staging_parent: Path | None = None  # where that folder is made; None is the system's temporary folder
        self._send: Callable[[float | None], object] | None = None  # None until the artifact is logged

    @property
    def digest(self) -> str:
        """MD5 in hex over the present content (protocol 7.2)."""
        return self.manifest.digest()

    @property
    def size(self) -> int:
        """Total bytes of all files."""
        return sum(entry.size or 0 for entry in self.manifest.entries.values())

    def __repr__(self) -> str:
        return f"<Artifact {self.type}/{self.name}, {len(self.manifest.entries)} entries>"

    # --- what goes into it ---

    def add_file(
        self, local_path: StrPath, name: str | None = None, *, policy: str = "mutable", overwrite: bool = False
    ) -> Entry:
        """Add a file with its present content.

        Args:
            local_path: the file.
            name: name in the artifact, a relative path with forward slashes. Default: the last part of `local_path`.
            policy: "mutable" copies the file now, into the system's temporary folder. "immutable" leaves it where it is
                until the artifact is logged; logging fails if the file has changed.
            overwrite: whether the file may replace another one of that name.

        Returns:
            The file's entry in the manifest.

        Raises:
            LogError: there is no such file, the name would leave the artifact or is taken by other content, or the
                artifact has been logged.
            OSError: the file cannot be read or copied.
        """
        self._check_open()
        if policy not in {"mutable", "immutable"}:
            raise LogError(f"policy: expected mutable or immutable, got {policy!r}")
        source = Path(local_path)
        if not source.is_file():
            raise LogError(f"{source} is no file")
        name = _entry_name(source.name if name is None else name)
        return self._put(name, self._hold(source, policy), overwrite=overwrite)

    def add_dir(
        self, local_path: StrPath, name: str | None = None, *, policy: str = "mutable", merge: bool = False
    ) -> None:
        """Add all files of a folder and its subfolders. Links are followed.

        Args:
            local_path: the folder.
            name: folder in the artifact for the files. Default: the root.
            policy: as for `add_file`.
            merge: whether the files may replace others of the same names.

        Raises:
            LogError: there is no such folder, it contains something that is no file, or as for `add_file`. Files
                before the faulty one are added.
            OSError: a file cannot be read or copied.
        """
        self._check_open()
        root = Path(local_path)
        if not root.is_dir():
            raise LogError(f"{root} is no folder")
        for path in _files_below(root):
            inside = path.relative_to(root).as_posix()
            self.add_file(path, inside if name is None else f"{name}/{inside}", policy=policy, overwrite=merge)

    def add_reference(
        self, uri: str, name: str | None = None, *, checksum: bool | None = None, max_objects: int = MAX_REFERENCES
    ) -> list[Entry]:
        """Add the address of something that is stored elsewhere and stays there.

        For a file:// address the digest is computed from the bytes, and a folder gives one address for each file. Other
        addresses are not looked at; their digest is the address itself.

        Args:
            uri: the address with its scheme, such as https://, s3:// or file:///.
            name: name in the artifact. Default: the last part of a http, https or file address, or the key of an s3 or
                gs address. For a folder, the folder in the artifact for its files; default: the root.
            checksum: False uses the path for the digest of a file:// address. True is only possible for file://
                addresses, while the official SDK asks other storages for a checksum.
            max_objects: the most files that a folder may have.

        Returns:
            The entries in the manifest.

        Raises:
            LogError: there is no scheme, no name can be made of the address, `checksum` is True for another address
                than a file:// one, there is no such file or folder, it has more than `max_objects` files, or as for
                `add_file`.
            OSError: a file cannot be read.
        """
        self._check_open()
        if urlsplit(uri).scheme == "file":
            found = _local_references(uri, name, max_objects, checksum=checksum is not False)
            return [self._put(_entry_name(each), entry, overwrite=False) for each, entry in found]
        if checksum:
            raise LogError("checksum: references are not looked at here, but for file:// ones; give checksum=False")
        name = _entry_name(_reference_name(uri) if name is None else name)
        return [self._put(name, Entry(digest=uri, ref=uri), overwrite=False)]

    @contextlib.contextmanager
    def new_file(self, name: str, mode: str = "w", encoding: str | None = None) -> Iterator[IO[Any]]:
        """Write a new file. It is added at the end of the `with` block, unless the block ends with an exception.

        Args:
            name: name in the artifact.
            mode: w, x, wb or xb, as for `open`. With x the name must be new.
            encoding: encoding of a text; default UTF-8.

        Raises:
            LogError: the mode does not write a new file, or as for `add_file`.
            OSError: the file cannot be written.
        """
        self._check_open()
        if mode.replace("t", "") not in {"w", "x", "wb", "xb", "bw", "bx"}:
            raise LogError(f"mode: expected w, x, wb or xb, got {mode!r}")
        name = _entry_name(name)
        overwrite = "w" in mode
        if not overwrite and name in self.manifest.entries:
            raise LogError(f"{name} is in the artifact already")
        path = self._staged()
        with path.open(mode.replace("w", "x"), encoding=None if "b" in mode else encoding or "utf-8") as file:
            yield file
        self._put(name, read_entry(path), overwrite=overwrite)

    def wait(self, timeout: float | None = None) -> Artifact:
        """Wait until the artifact is sent, if its run is online.

        Args:
            timeout: the most seconds to wait; None waits without limit.

        Raises:
            LogError: the artifact has not been logged.
        """
        if self._send is None:
            raise LogError(f"artifact {self.name} has not been logged")
        self._send(timeout)
        return self

    # --- used by the run that logs the artifact ---

    def _stage_in(self, folder: Path | None) -> None:
        """Make copies in a folder of the run, which removes them itself; None is the system's temporary folder."""
        self._staging_parent = folder

    def _is_staged(self, path: Path) -> bool:
        """Whether a file is a copy made by this artifact."""
        return path.parent == self._staging

    def _finalize(self, send: Callable[[float | None], object]) -> None:
        """Mark the artifact as logged: nothing can be added any more, and `wait` calls `send` with its timeout."""
        self._send = send
        if self._staging_parent is not None and self._staging is not None:
            _remove_copies(self._staging, os.getpid())  # the run has its own copies now

    def _check_open(self) -> None:
        if self._send is not None:
            raise LogError(f"artifact {self.name} has been logged: what changes is a new Artifact")

    def _put(self, name: str, entry: Entry, *, overwrite: bool) -> Entry:
        old = self.manifest.entries.get(name)
        if old is not None and old.digest != entry.digest and not overwrite:
            raise LogError(f"{name} is in the artifact already, with other content")
        self.manifest.entries[name] = entry
        return entry

    def _hold(self, source: Path, policy: str) -> Entry:
        if policy == "immutable":
            return read_entry(source.absolute())
        return copy(source, self._staged())

    def _staged(self) -> Path:
        """A new path for the copy of a file."""
        if self._staging is None:
            self._staging = Path(tempfile.mkdtemp(prefix="wandb_logging-", dir=self._staging_parent))
            # A forked child has this object, too, but must not remove the folder.
            weakref.finalize(self, _remove_copies, self._staging, os.getpid())
        return self._staging / secrets.token_hex(8)


def _remove_copies(folder: Path, maker: int) -> None:
    """Remove a folder of copies, if this process made it."""
    if os.getpid() == maker:
        shutil.rmtree(folder, ignore_errors=True)


def _files_below(root: Path) -> Iterator[Path]:
    seen: dict[str, set[str]] = {str(root): {os.path.realpath(root)}}
    for folder, folders, names in os.walk(root, onerror=_raise, followlinks=True):
        above = seen.pop(folder)
        for name in sorted(names):
            yield Path(folder, name)
        for name in list(folders):
            path = os.path.join(folder, name)  # noqa: PTH118  the form that walk will give
            real = os.path.realpath(path)
            if real in above:
                folders.remove(name)  # a link to a parent folder would never end
            else:
                seen[path] = above | {real}


def _raise(error: OSError) -> None:
    raise error


def _entry_name(name: str) -> str:
    return safe_name(os.fspath(name))


def _local_references(uri: str, name: str | None, most: int, *, checksum: bool) -> Iterator[tuple[str, Entry]]:
    """Name and entry of each file at a file:// address, as in the official SDK."""
    root = Path(url2pathname(urlsplit(uri).path))
    if root.is_file():
        yield root.name if name is None else name, _local_reference(root, uri, checksum=checksum)
        return
    if not root.is_dir():
        raise LogError(f"reference {uri!r}: there is no such file or folder")
    for number, path in enumerate(_files_below(root)):
        if number >= most:
            raise LogError(f"reference {uri!r}: it has more than {most} files; give max_objects")
        inside = path.relative_to(root).as_posix()
        entry = _local_reference(path, f"{uri.rstrip('/')}/{inside}", checksum=checksum)
        yield inside if name is None else f"{name}/{inside}", entry


def _local_reference(path: Path, uri: str, *, checksum: bool) -> Entry:
    digest = read_digest(path) if checksum else base64_md5(path.resolve().as_uri().encode())
    return Entry(digest, path.stat().st_size, ref=uri)


def _reference_name(uri: str) -> str:
    if not matches(r"[A-Za-z][A-Za-z0-9+.-]*:.+", uri):
        raise LogError(f"reference {uri!r}: expected a URI, such as https://host/file or file:///folder/file")
    parts = urlsplit(uri)
    if parts.scheme in {"http", "https", "file"}:
        return uri.rpartition("/")[2]
    if parts.scheme in {"s3", "gs"}:
        return parts.path.lstrip("/") or parts.netloc
    raise LogError(f"reference {uri!r}: give a name; none can be made of this kind of address")


def matches(pattern: str, value: object) -> bool:
    """Whether a value is a text that matches this pattern from end to end."""
    return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def _new_id() -> str:
    number, letters = secrets.randbelow(len(_ID_ALPHABET) ** _ID_LENGTH), ""  # one draw, since each asks the system
    for _ in range(_ID_LENGTH):
        number, letter = divmod(number, len(_ID_ALPHABET))
        letters += _ID_ALPHABET[letter]
    return letters
