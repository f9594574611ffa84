"""Artifacts: named sets of files with one digest over all of them (protocol 7.2). No requests.

An artifact holds the bytes its files had when they were added: they are copied then, as the official SDK does. When
it is logged they go to the run directory, into a folder that is removed when they have been sent:

    files/artifacts/<random>/manifest.json    the manifest
    files/artifacts/<random>/<MD5 in hex>     a file of it, or several equal ones
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import secrets
import shutil
import string
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Union
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wandb_logging._errors import LogError
from wandb_logging._journal.rundir import safe_name
from wandb_logging._values.plain import Aside, dumps, loads, plain

ARTIFACTS = Path("files", "artifacts")  # in a run directory
MANIFEST = "manifest.json"
LATEST = "latest"
MAX_NAME = 128  # characters, of artifacts and types (protocol 7.1)
MAX_REFERENCES = 10_000_000  # files of one folder; the official SDK's limit
MAX_METADATA = 100  # keys; the official SDK's limit
_BLOCK = 2**20
_ID_ALPHABET = string.ascii_lowercase + string.digits

__all__ = ["Artifact", "Entry", "Manifest", "StrPath"]

StrPath = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Entry:
    """One file of an artifact, or one reference.

    Attributes:
        digest: MD5 of the bytes in base64; of a reference that nobody looked at its URI.
        size: bytes; None of a reference that nobody looked at.
        ref: URI of a reference; None of a file.
        birth_artifact_id: the artifact the server first had these bytes of; None until it says so.
        extra: what else the manifest says of it.
        local_path: where the bytes are here; None if they are not.
    """

    digest: str
    size: int | None = None
    ref: str | None = None
    birth_artifact_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    local_path: Path | None = None

    @property
    def hex_digest(self) -> str:
        """The MD5 in hex, the name under which the bytes are kept.

        Raises:
            ValueError: the digest is no MD5.
        """
        raw = base64.b64decode(self.digest, validate=True)
        if len(raw) != 16:
            raise ValueError(f"{self.digest!r} is no MD5")
        return raw.hex()

    def to_json(self) -> dict[str, Any]:
        """The entry as a manifest holds it."""
        members = {
            "digest": self.digest,
            "size": self.size,
            "ref": self.ref,
            "birthArtifactID": self.birth_artifact_id,
            "extra": dict(self.extra) or None,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass
class Manifest:
    """What an artifact holds, by name.

    Attributes:
        entries: name -> entry.
    """

    entries: dict[str, Entry] = field(default_factory=dict)

    def digest(self) -> str:
        """MD5 in hex over names and digests (protocol 7.2); the same content has the same digest."""
        md5 = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
        for name in sorted(self.entries):
            md5.update(f"{name}:{self.entries[name].digest}\n".encode())
        return md5.hexdigest()

    def to_manifest_json(self) -> dict[str, Any]:
        """The manifest as the server keeps it."""
        return {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": {name: entry.to_json() for name, entry in self.entries.items()},
        }

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """A manifest from its JSON text.

        Raises:
            ValueError: it is no such manifest.
        """
        data = loads(text)
        contents = data.get("contents") if isinstance(data, dict) else None
        if not isinstance(contents, dict) or data.get("version") != 1:
            raise ValueError("no artifact manifest of version 1")
        return cls({name: _entry(name, item) for name, item in contents.items()})


def _entry(name: str, item: object) -> Entry:
    if not isinstance(item, dict) or not isinstance(item.get("digest"), str):
        raise ValueError(f"entry {name!r} has no digest")
    size, ref, birth, extra = (item.get(key) for key in ("size", "ref", "birthArtifactID", "extra"))
    return Entry(
        digest=item["digest"],
        size=size if isinstance(size, int) else None,
        ref=ref if isinstance(ref, str) else None,
        birth_artifact_id=birth if isinstance(birth, str) else None,
        extra=extra if isinstance(extra, dict) else {},
    )


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
        if not _matches(rf"[a-zA-Z0-9_.-]{{1,{MAX_NAME}}}", name):
            raise LogError(
                f"artifact name {name!r}: expected at most {MAX_NAME} letters, digits, dashes, underscores and dots"
            )
        if not _matches(rf"[^/:]{{1,{MAX_NAME}}}", type):
            raise LogError(f"artifact type {type!r}: expected at most {MAX_NAME} characters, none of / :")
        if metadata is not None and not isinstance(metadata, Mapping):
            raise LogError(f"metadata: expected a mapping, got {metadata!r}")
        self.name = name
        self.type = type
        self.description = description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.manifest = Manifest()
        # The server takes a request with the same ids as the same artifact, however often it comes.
        self._client_id = _new_id()
        self._sequence_client_id = _new_id()
        self._near: Path | None = None  # where to put copies; None: the system's temporary folder
        self._staging: Path | None = None
        self._flush: Callable[[float | None], object] | None = None

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
        self._put(name, _read_entry(path), overwrite=overwrite)

    def wait(self, timeout: float | None = None) -> Artifact:
        """Wait until it is sent, if its run is online.

        Args:
            timeout: most seconds; None takes as long as it takes.

        Raises:
            LogError: it has not been logged.
        """
        if self._flush is None:
            raise LogError(f"artifact {self.name} has not been logged")
        self._flush(timeout)
        return self

    def _check_open(self) -> None:
        if self._flush is not None:
            raise LogError(f"artifact {self.name} has been logged: what changes is a new Artifact")

    def _put(self, name: str, entry: Entry, *, overwrite: bool) -> Entry:
        old = self.manifest.entries.get(name)
        if old is not None and old.digest != entry.digest and not overwrite:
            raise LogError(f"{name} is in the artifact already, with other content")
        self.manifest.entries[name] = entry
        return entry

    def _hold(self, source: Path, policy: str) -> Entry:
        if policy == "immutable":
            return _read_entry(source.absolute())
        return _copy(source, self._staged())

    def _staged(self) -> Path:
        """A new place for a file that the artifact holds."""
        if self._staging is None:
            self._staging = Path(tempfile.mkdtemp(prefix="wandb_logging-", dir=self._near))
            # A forked child has this object too: the folder is not its to remove.
            weakref.finalize(self, _remove, self._staging, os.getpid())
        return self._staging / secrets.token_hex(8)


# --- what becomes of it -----------------------------------------------------------------------------


def artifact_of(
    artifact_or_path: Artifact | StrPath, name: str | None, kind: str | None, run_id: str, near: Path | None
) -> Artifact:
    """The artifact to log: the one given, or one of a file, a folder or an address.

    Args:
        name: default: the last part of the path behind the run's id.
        kind: its type; default: unspecified.
        near: the folder it will be kept in: copies made there need no second one.

    Raises:
        LogError: there is no such file or folder, or a name or type is wrong.
        OSError: a file cannot be read or copied.
    """
    if isinstance(artifact_or_path, Artifact):
        return artifact_or_path
    if not isinstance(artifact_or_path, (str, os.PathLike)):
        raise LogError(f"expected an Artifact or a path, got {artifact_or_path!r}")
    text = os.fspath(artifact_or_path)
    artifact = Artifact(name or f"run-{run_id}-{os.path.basename(text)}", kind or "unspecified")  # noqa: PTH119  a URI
    artifact._near = near  # noqa: SLF001  the same room
    if os.path.isfile(text):  # noqa: PTH113  a URI is no path
        artifact.add_file(text)
    elif os.path.isdir(text):  # noqa: PTH112  a URI is no path
        artifact.add_dir(text)
    elif "://" in text:
        artifact.add_reference(text)
    else:
        raise LogError(f"{text}: no such file or folder, and no address such as s3://bucket/key")
    return artifact


def describe(
    artifact: Artifact, aliases: str | Iterable[str] | None, tags: str | Iterable[str] | None = None
) -> dict[str, Any]:
    """What the journal says of a logged artifact, which is what the server is told.

    Raises:
        LogError: an alias, a tag, the description or the metadata cannot be sent.
    """
    if artifact.description is not None and not isinstance(artifact.description, str):
        raise LogError(f"description: expected a text, got {artifact.description!r}")
    return {
        "name": artifact.name,
        "type": artifact.type,
        "description": artifact.description or None,
        "metadata": _metadata_json(artifact.metadata),
        "aliases": _aliases(aliases),
        "tags": _tags(tags),
        "digest": artifact.digest,
        "client_id": artifact._client_id,  # noqa: SLF001  the same room
        "sequence_client_id": artifact._sequence_client_id,  # noqa: SLF001  the same room
    }


def keep(artifact: Artifact, folder: Path) -> str:
    """Put everything of an artifact into a new folder in `folder`.

    Returns:
        Name of the new folder.

    Raises:
        LogError: a file has changed since it was added as immutable.
        OSError: a file cannot be read or written.
    """
    kept = folder / secrets.token_hex(8)
    kept.mkdir(parents=True)
    try:
        for name, entry in artifact.manifest.entries.items():
            if entry.local_path is not None:
                _keep_file(artifact, name, entry, entry.local_path, kept / entry.hex_digest)
        (kept / MANIFEST).write_bytes(dumps(artifact.manifest.to_manifest_json()))
    except BaseException:
        shutil.rmtree(kept, ignore_errors=True)
        raise
    return kept.name


def kept_in(run_dir: Path, name: object) -> Path:
    """The folder that `keep` made in a run directory, by its name in the journal.

    Raises:
        OSError: it cannot be one: it will be removed, so a name that leads elsewhere is not taken.
    """
    if not _matches("[0-9a-f]{16}", name):
        raise OSError(f"{name!r} is no folder of an artifact")
    return run_dir / ARTIFACTS / str(name)


def _keep_file(artifact: Artifact, name: str, entry: Entry, source: Path, target: Path) -> None:
    if target.exists():  # two entries of one content
        return
    # Another name for our own copy, which nobody writes to, costs nothing. The user's file may be written to.
    if source.parent == artifact._staging and _link(source, target):  # noqa: SLF001  the same room
        return
    if _copy(source, target).digest != entry.digest:
        raise LogError(f"{name}: {source} has changed since it was added")


def finalize(artifact: Artifact, flush: Callable[[float | None], object]) -> None:
    """It is in the journal: nothing can be added to it any more. `flush` sends the journal."""
    artifact._flush = flush  # noqa: SLF001  the same room
    if artifact._near is not None and artifact._staging is not None:  # noqa: SLF001  the same room
        _remove(artifact._staging, os.getpid())  # noqa: SLF001  made here for this run alone, where it is kept now


def read_digest(path: Path) -> str:
    """MD5 of a file in base64, as manifests write it.

    Raises:
        OSError: it cannot be read.
    """
    return _read_entry(path).digest


def base64_md5(data: bytes) -> str:
    """MD5 of some bytes in base64."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _read_entry(source: Path) -> Entry:
    return _pour(source, lambda _block: None, source)


def _copy(source: Path, target: Path) -> Entry:
    with target.open("xb") as file:
        return _pour(source, file.write, target)


def _pour(source: Path, sink: Callable[[bytes], object], place: Path) -> Entry:
    """The entry of a file whose bytes all went through `sink` and are at `place` now."""
    md5, size = hashlib.md5(usedforsecurity=False), 0
    with source.open("rb") as file:
        while block := file.read(_BLOCK):
            md5.update(block)
            sink(block)
            size += len(block)
    return Entry(base64.b64encode(md5.digest()).decode(), size, local_path=place)


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        return False
    return True


def _remove(folder: Path, maker: int) -> None:
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
    checked = safe_name(os.fspath(name))
    try:
        checked.encode()
    except UnicodeEncodeError:
        raise LogError(f"file name {name!r}: it has no UTF-8") from None
    return checked


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
    if not _matches(r"[A-Za-z][A-Za-z0-9+.-]*:.+", uri):
        raise LogError(f"reference {uri!r}: expected a URI, such as https://host/file or file:///folder/file")
    parts = urlsplit(uri)
    if parts.scheme in {"http", "https", "file"}:
        return uri.rpartition("/")[2]
    if parts.scheme in {"s3", "gs"}:
        return parts.path.lstrip("/") or parts.netloc
    raise LogError(f"reference {uri!r}: give a name; none can be made of this kind of address")


def _aliases(given: str | Iterable[str] | None) -> list[str]:
    aliases = [given] if isinstance(given, str) else list(given or ())
    for alias in aliases:
        if not _matches(r"[^/:]+", alias):
            raise LogError(f"alias {alias!r}: expected a text without / and :")
    return list(dict.fromkeys([*aliases, LATEST]))


def _tags(given: str | Iterable[str] | None) -> list[str]:
    tags = [given] if isinstance(given, str) else list(given or ())
    for tag in tags:
        if not _matches(r"[-\w]+( +[-\w]+)*", tag):
            raise LogError(f"tag {tag!r}: expected letters, digits, dashes, underscores, and spaces between them")
    return list(dict.fromkeys(tags))


def _metadata_json(metadata: Mapping[str, Any]) -> str | None:
    """Metadata as the server takes it: strict JSON, NaN as null, nothing for nothing."""
    if len(metadata) > MAX_METADATA:
        raise LogError(f"metadata: expected at most {MAX_METADATA} keys, got {len(metadata)}")
    aside: Aside = {}
    tree = plain(metadata, aside=aside)
    for name, reason in aside.items():
        raise LogError(f"metadata {name}: {reason}")
    return dumps(_without_nan(tree)).decode() if tree else None


def _without_nan(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _without_nan(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without_nan(value) for value in tree]
    if isinstance(tree, float) and tree in {float("inf"), float("-inf")}:
        raise LogError("metadata: the server takes no infinity")
    return None if isinstance(tree, float) and tree != tree else tree


def _matches(pattern: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def _new_id() -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(128))
