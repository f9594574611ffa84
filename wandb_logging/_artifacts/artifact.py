"""`Artifact`: a named set of files, as a person puts it together. No requests.

An artifact holds the bytes its files had when they were added: they are copied then, as the official SDK does.
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

MAX_NAME = 128  # characters, of artifacts and types (protocol 7.1)
MAX_REFERENCES = 10_000_000  # files of one folder; the official SDK's limit
_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 128

StrPath = Union[str, "os.PathLike[str]"]


class Artifact:
    """A versioned set of files, such as a dataset or a model. `Run.log_artifact` sends it.

    Args:
        name: letters, digits, `_`, `-` and `.`, at most 128 characters. Artifacts of one name are its versions.
        type: what kind of thing it is: dataset, model ... At most 128 characters, no `/` or `:`.
        description: for people.
        metadata: name -> value, at most 100; sent as it is when the artifact is logged.

    Attributes:
        description, metadata: as given; may be changed until the artifact is logged.
        manifest: its content, by name.
        added: what `_media.members` added, by the id of the value: the value, and its name here.

    Raises:
        LogError: name, type or metadata are not as they should be.
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
        # The server takes a request with the same ids as the same artifact, however often it comes.
        self._client_id = _new_id()
        self._sequence_client_id = _new_id()
        self._staging: Path | None = None  # the folder of copies, once there is one
        self._staging_parent: Path | None = None  # where that is made; None: in the system's temporary folder
        self._send: Callable[[float | None], object] | None = None  # None until it is logged

    @property
    def digest(self) -> str:
        """MD5 in hex over the content as it stands (protocol 7.2)."""
        return self.manifest.digest()

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry.size or 0 for entry in self.manifest.entries.values())

    def __repr__(self) -> str:
        return f"<Artifact {self.type}/{self.name}, {len(self.manifest.entries)} entries>"

    # --- what goes into it ---

    def add_file(
        self, local_path: StrPath, name: str | None = None, *, policy: str = "mutable", overwrite: bool = False
    ) -> Entry:
        """Add a file, as it is now.

        Args:
            local_path: the file.
            name: its name in the artifact, a relative path with forward slashes. Default: its last part.
            policy: "mutable" copies it now, to the system's temporary folder; "immutable" leaves it where it is
                until the artifact is logged, which then fails if it has changed.
            overwrite: whether it may take the place of another file of that name.

        Returns:
            Its entry in the manifest.

        Raises:
            LogError: there is no such file, the name would leave the artifact or is taken by other content, or the
                artifact has been logged.
            OSError: it cannot be read or copied.
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
        """Add all files of a folder and the folders in it; links are followed.

        Args:
            local_path: the folder.
            name: folder in the artifact to put them in. Default: its root.
            policy: as of `add_file`.
            merge: whether they may take the place of other files of their names.

        Raises:
            LogError: there is no such folder, something in it is no file, or as `add_file`. Files before the faulty
                one are added.
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
        """Add the address of something that is elsewhere and stays there.

        Of a file:// address the digest is that of the bytes; a folder is as many addresses as it has files. At what
        other addresses hold nobody looks, and their digest is the address.

        Args:
            uri: with its scheme, such as https://, s3:// or file:///.
            name: its name in the artifact. Default: the last part of a http, https or file address, the key of an
                s3 or gs address; of a folder that below which its files are, none.
            checksum: False takes the path for the digest of a file:// address. True is possible for these only: the
                official SDK asks other storages for a checksum.
            max_objects: most files of a folder.

        Returns:
            Its entries in the manifest.

        Raises:
            LogError: there is no scheme, no name can be made of it, `checksum` is asked for where nobody looks, no
                such file or folder, more than `max_objects`, or as `add_file`.
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
        """Write a new file; it is added at the end of the `with` block, unless an exception leaves that.

        Args:
            name: its name in the artifact.
            mode: as of `open`: w, x, wb or xb. With x the name must be new.
            encoding: of a text; default UTF-8.

        Raises:
            LogError: the mode does not write a new file, or as `add_file`.
            OSError: it cannot be written.
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
        """Wait until it is sent, if its run is online.

        Args:
            timeout: most seconds; None takes as long as it takes.

        Raises:
            LogError: it has not been logged.
        """
        if self._send is None:
            raise LogError(f"artifact {self.name} has not been logged")
        self._send(timeout)
        return self

    # --- for the run that logs it ---

    def _stage_in(self, folder: Path | None) -> None:
        """Have copies made in a folder of the run, which removes them itself; None: the system's temporary folder."""
        self._staging_parent = folder

    def _is_staged(self, path: Path) -> bool:
        """Whether a file is a copy that this artifact made."""
        return path.parent == self._staging

    def _finalize(self, send: Callable[[float | None], object]) -> None:
        """Take it as logged: nothing can be added any more, and `wait` calls `send` with its timeout."""
        self._send = send
        if self._staging_parent is not None and self._staging is not None:
            _remove_copies(self._staging, os.getpid())  # the run has its own by now

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
        """A new path for a copy of a file."""
        if self._staging is None:
            self._staging = Path(tempfile.mkdtemp(prefix="wandb_logging-", dir=self._staging_parent))
            # A forked child has this object too: the folder is not its to remove.
            weakref.finalize(self, _remove_copies, self._staging, os.getpid())
        return self._staging / secrets.token_hex(8)


def _remove_copies(folder: Path, maker: int) -> None:
    """Remove a folder of copies, in the process that made it."""
    if os.getpid() == maker:
        shutil.rmtree(folder, ignore_errors=True)


def _files_below(root: Path) -> Iterator[Path]:
    seen: dict[str, set[str]] = {str(root): {os.path.realpath(root)}}
    for folder, folders, names in os.walk(root, onerror=_raise, followlinks=True):
        above = seen.pop(folder)
        for name in sorted(names):
            yield Path(folder, name)
        for name in list(folders):
            path = os.path.join(folder, name)  # noqa: PTH118  the form in which walk will give it
            real = os.path.realpath(path)
            if real in above:
                folders.remove(name)  # a link to a folder it is in: it would never end
            else:
                seen[path] = above | {real}


def _raise(error: OSError) -> None:
    raise error


def _entry_name(name: str) -> str:
    return safe_name(os.fspath(name))


def _local_references(uri: str, name: str | None, most: int, *, checksum: bool) -> Iterator[tuple[str, Entry]]:
    """Name and entry of each file at a file:// address, as the official SDK has them."""
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
    """Whether it is a text that is this pattern from end to end."""
    return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def _new_id() -> str:
    number, letters = secrets.randbelow(len(_ID_ALPHABET) ** _ID_LENGTH), ""  # one draw: each asks the system
    for _ in range(_ID_LENGTH):
        number, letter = divmod(number, len(_ID_ALPHABET))
        letters += _ID_ALPHABET[letter]
    return letters
