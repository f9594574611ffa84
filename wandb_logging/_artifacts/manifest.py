"""The content of an artifact: entries by name, with one digest over all of them (protocol 7.2)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._values.plain import loads

_BLOCK = 2**20
_LEAST, _MOST = 2**20, 2**30  # bytes: any manifest may have the first number, none more than the second
_OF_ENTRY = 2**12  # bytes for an average entry: ten times the usual, for long names and what references say
_UNKNOWN = 2**16  # entries, if the server announces no number


@dataclass(frozen=True)
class Entry:
    """One file of an artifact, or one reference.

    Attributes:
        digest: MD5 of the bytes in base64; for a reference that was not looked at, its URI.
        size: bytes; None for a reference that was not looked at.
        ref: URI of a reference; None for a file.
        birth_artifact_id: the first artifact with these bytes on the server; None until the server says it.
        extra: other members of the entry in the manifest.
        local_path: path of the bytes on this machine; None if they are not here.
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
    """The content of an artifact, by name.

    Attributes:
        entries: name -> entry.
    """

    entries: dict[str, Entry] = field(default_factory=dict)

    def digest(self) -> str:
        """MD5 in hex over names and digests (protocol 7.2). Equal content has equal digests."""
        md5 = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
        for name in sorted(self.entries):
            md5.update(f"{name}:{self.entries[name].digest}\n".encode())
        return md5.hexdigest()

    def to_manifest_json(self) -> dict[str, Any]:
        """The manifest in the form that the server keeps."""
        return {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": {name: entry.to_json() for name, entry in self.entries.items()},
        }

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """Read a manifest from its JSON text.

        Raises:
            ValueError: the text is no such manifest.
        """
        data = loads(text)
        contents = data.get("contents") if isinstance(data, dict) else None
        if not isinstance(contents, dict) or data.get("version") != 1:
            raise ValueError("no artifact manifest of version 1")
        return cls({name: _entry(name, item) for name, item in contents.items()})


def most_bytes(entries: object) -> int:
    """The most bytes of a manifest with this announced number of entries; 256 MiB if that is no number."""
    count = entries if isinstance(entries, int) and entries >= 0 else _UNKNOWN
    return min(_LEAST + count * _OF_ENTRY, _MOST)


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


def read_digest(path: Path) -> str:
    """MD5 of a file in base64, as manifests write it.

    Raises:
        OSError: the file cannot be read.
    """
    return read_entry(path).digest


def base64_md5(data: bytes) -> str:
    """MD5 of some bytes in base64."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def read_entry(source: Path) -> Entry:
    """The entry for a file that stays where it is.

    Raises:
        OSError: the file cannot be read.
    """
    return _pour(source, lambda _block: None, source)


def copy(source: Path, target: Path) -> Entry:
    """Copy a file. Returns the entry for the copy.

    Raises:
        OSError: the file cannot be read or written.
    """
    with target.open("xb") as file:
        return _pour(source, file.write, target)


def _pour(source: Path, sink: Callable[[bytes], object], place: Path) -> Entry:
    """Pass a file's bytes to `sink`. Returns the entry for these bytes, which are now at `place`."""
    md5, size = hashlib.md5(usedforsecurity=False), 0
    with source.open("rb") as file:
        while block := file.read(_BLOCK):
            md5.update(block)
            sink(block)
            size += len(block)
    return Entry(base64.b64encode(md5.digest()).decode(), size, local_path=place)
