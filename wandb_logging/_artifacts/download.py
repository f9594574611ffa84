"""Finds an artifact on the server and fetches it (protocol 7.3).

The server's answer is not trusted: a name that leaves the folder stops the download before anything is written, and
bytes replace a file only if their MD5 is right.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._artifacts import wire
from wandb_logging._artifacts.artifact import StrPath
from wandb_logging._artifacts.keeping import LATEST
from wandb_logging._artifacts.manifest import Entry, Manifest, most_bytes, read_digest
from wandb_logging._dataclass import dataclass
from wandb_logging._errors import GraphQLError, LogError
from wandb_logging._journal.names import safe_name
from wandb_logging._server.fetch import digest_of, fetch
from wandb_logging._server.link import Link
from wandb_logging._server.pages import Reach
from wandb_logging._server.protocol import VIEWER, dig
from wandb_logging._values.plain import loads

if TYPE_CHECKING:
    from wandb_logging._server.client import Client

_PAGE = 100  # addresses requested at a time: signed ones expire while others are used
_MOST_UNSIZED = 2**30  # most bytes of a file without a size in the manifest; the official SDK always gives one
_TRIES = 3  # of one request, since a person waits for the answer

# Names that Windows takes for a device, a stream, or another name than the one written ("Naming Files, Paths, and
# Namespaces" in its documentation).
_NOT_ON_WINDOWS = re.compile(
    r"""(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])([ .].*)? | .*[<>:"|?*\x01-\x1f].* | .*[ .]""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class UsedArtifact:
    """A version of an artifact on the server, as `Run.use_artifact` gives it.

    Attributes:
        id: the server's own id.
        entity, project: team or user, and project that the artifact is in.
        name: collection and version, such as `data:v3`.
        type: kind of artifact, such as dataset.
        digest: MD5 in hex over the content (protocol 7.2).
        description: for people.
        metadata: name -> value.
        aliases: other names of this version, such as latest.
        tags: the tags of this version.
    """

    id: str
    entity: str | None
    project: str
    name: str
    type: str
    digest: str
    description: str | None
    metadata: Mapping[str, Any]
    aliases: tuple[str, ...]
    _reach: Reach = field(repr=False, compare=False)
    tags: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The version, such as `v3`."""
        return self.name.rpartition(":")[2]

    @cached_property
    def manifest(self) -> Manifest:
        """The content; fetched when first asked for.

        Raises:
            TransportError, HTTPStatusError, GraphQLError: the manifest cannot be fetched, or is invalid.
        """
        with self._reach() as link:
            return _fetch_manifest(link, self.id)

    def download(self, root: StrPath | None = None) -> str:
        """Fetch all files. A file that is already there with the right content is not fetched again.

        Other files in the folder stay. References are not followed; `manifest` has their addresses.

        Args:
            root: folder for the files; made if missing. Default: `artifacts/<name>:<version>` in the working
                directory (with `-` for `:` on Windows), as in the official SDK.

        Returns:
            The folder.

        Raises:
            GraphQLError: a name in the artifact would leave the folder, or its content cannot be verified; then
                nothing is written. Or the server has no address for one of the files.
            TransportError, HTTPStatusError: a file cannot be fetched, or repeatedly arrives damaged.
            OSError: a file cannot be written.
        """
        folder = Path(root) if root is not None else self._default_root()
        self._fetch(targets_of(self.manifest, folder))
        return str(folder)

    def get_entry(self, name: str) -> UsedEntry:
        """One file or reference of the artifact.

        Args:
            name: name in the artifact.

        Raises:
            LogError: there is none of that name.
            TransportError, HTTPStatusError, GraphQLError: as for `manifest`.
        """
        if name not in self.manifest.entries:
            raise LogError(f"artifact {self.name} has no {name!r}")
        return UsedEntry(self, name)

    def files(self, names: Iterable[str] | None = None) -> list[UsedEntry]:
        """The files, without references. If `names` is given, only files of these names.

        Raises:
            TransportError, HTTPStatusError, GraphQLError: as for `manifest`.
        """
        entries = self.manifest.entries
        wanted = entries.keys() if names is None else set(names)
        return [UsedEntry(self, name) for name in entries if entries[name].ref is None and name in wanted]

    def file(self, root: StrPath | None = None) -> str:
        """Fetch the only file of the artifact. Returns the path of that file.

        Args:
            root: as for `download`.

        Raises:
            LogError: the artifact does not have exactly one file.
            GraphQLError, TransportError, HTTPStatusError, OSError: as for `download`.
        """
        files = self.files()
        if len(files) != 1:
            raise LogError(f"artifact {self.name} has {len(files)} files, not one: see files and download")
        return files[0].download(root)

    def _fetch_entry(self, name: str, root: StrPath | None) -> Path:
        folder = Path(root) if root is not None else self._default_root()
        target = targets_of(Manifest({name: self._entry(name)}), folder).get(name)
        if target is None:
            raise LogError(f"{name} is a reference to {self._entry(name).ref}, which is not followed")
        self._fetch({name: target})
        return target

    def _fetch(self, targets: Mapping[str, Path]) -> None:
        missing = {name: target for name, target in targets.items() if not _is_there(target, self._entry(name))}
        with self._reach() as link:
            for name, url in _addresses(link, self.id, missing, len(self.manifest.entries)):
                target = missing.pop(name)
                _fetch_file(link, url, target, self._entry(name))
            for name, url in self._addresses_by_digest(missing):
                _fetch_file(link, url, missing.pop(name), self._entry(name))
        if missing:
            raise GraphQLError(f"{self.name}: the server gives no address for {', '.join(missing)}")

    def _addresses_by_digest(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Addresses at the API itself, which takes the key as signature, for files without one (protocol 7.3)."""
        place = (self.entity or "", self.project, self.name.rpartition(":")[0])
        found = []
        for name in names:
            birth = self._entry(name).birth_artifact_id
            with contextlib.suppress(ValueError):  # the digest is no MD5
                if birth is not None:
                    digest = self._entry(name).hex_digest
                    found.append((name, wire.address_by_digest(*place, digest, birth, name)))
        return found

    def _entry(self, name: str) -> Entry:
        return self.manifest.entries[name]

    def _default_root(self) -> Path:
        name = _checked(self.name.replace(":", "-") if os.name == "nt" else self.name)
        return Path("artifacts", name)


@dataclass(frozen=True)
class UsedEntry:
    """One file, or one reference, of an artifact on the server, as `UsedArtifact.get_entry` gives it.

    Attributes:
        artifact: the artifact that contains the entry.
        path: name in the artifact.
    """

    artifact: UsedArtifact
    path: str

    @property
    def size(self) -> int | None:
        """Bytes of the file; None for a reference."""
        return self.artifact.manifest.entries[self.path].size

    @property
    def digest(self) -> str:
        """MD5 in base64; for a reference its address."""
        return self.artifact.manifest.entries[self.path].digest

    @property
    def ref(self) -> str | None:
        """The address of a reference; None for a file."""
        return self.artifact.manifest.entries[self.path].ref

    def download(self, root: StrPath | None = None) -> str:
        """Fetch the file, as `UsedArtifact.download` does, to its name below the folder.

        Returns:
            The path of the file.

        Raises:
            LogError: the entry is a reference.
            GraphQLError, TransportError, HTTPStatusError, OSError: as for `UsedArtifact.download`.
        """
        return str(self.artifact._fetch_entry(self.path, root))  # noqa: SLF001  the same room


def find_artifact(reach: Reach, path: str, entity: str | None, project: str) -> UsedArtifact:
    """Find the artifact of that name.

    Args:
        reach: opens a connection to the server.
        path: `name:alias`, `project/name:alias` or `entity/project/name:alias`; the alias is a version such as v3,
            or a name such as best. Default: latest.
        entity: used if the name has none; None is the key's own.
        project: used if the name has none.

    Raises:
        LogError: the name is invalid, or there is no such artifact.
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    *place, name = path.partition(":")[0].split("/")
    alias = path.partition(":")[2] or LATEST
    if not name or len(place) > 2 or not all(place):
        raise LogError(f"artifact {path!r}: expected name:alias or entity/project/name:alias")
    project = place[-1] if place else project
    entity = place[0] if len(place) == 2 else entity
    with reach() as link:
        if entity is None:
            entity = dig(_ask(link, VIEWER, {}), "viewer", "entity")
        where = {"entity": entity, "project": project, "name": f"{name}:{alias}"}
        found = dig(_ask(link, wire.ARTIFACT_BY_NAME, where), "project", "artifactCollectionMembership")
    artifact = dig(found, "artifact")
    if not isinstance(artifact, dict):
        raise LogError(f"there is no artifact {entity}/{project}/{name}:{alias}")
    version = f"{name}:v{dig(found, 'versionIndex')}"
    return _used(artifact, reach, (entity, project), version, dig(found, "aliases") or [])


def found_artifact(
    node: Mapping[str, Any], reach: Reach, place: tuple[str | None, str] | None = None, name: str | None = None
) -> UsedArtifact:
    """The artifact in an answer of the server, as a member of a collection.

    Args:
        node: the answer.
        reach: the way to the server.
        place: entity and project of the collection. Default: those of the artifact's own.
        name: name of the collection and version in it. Default: those of the artifact's own.
    """
    sequence = dig(node, "artifactSequence")
    place = place or (dig(sequence, "project", "entityName"), str(dig(sequence, "project", "name")))
    name = name or f"{dig(sequence, 'name')}:v{node.get('versionIndex')}"
    aliases = [item for item in node.get("aliases") or [] if _is_of(item, name.rpartition(":")[0], place[1])]
    return _used(node, reach, place, name, aliases)


def _used(
    node: Mapping[str, Any], reach: Reach, place: tuple[str | None, str], name: str, aliases: Iterable[object]
) -> UsedArtifact:
    entity, project = place
    return UsedArtifact(
        id=str(node.get("id")),
        entity=entity,
        project=project,
        name=name,
        type=str(dig(node, "artifactType", "name")),
        digest=str(node.get("digest")),
        description=node.get("description"),
        metadata=_metadata(node.get("metadata")),
        aliases=tuple(str(dig(item, "alias")) for item in aliases),
        _reach=reach,
        tags=tuple(str(dig(item, "name")) for item in node.get("tags") or []),
    )


def _is_of(alias: object, collection: str, project: str) -> bool:
    """Whether an alias of an artifact is one in this collection, and not in another that it is linked to."""
    found = dig(alias, "artifactCollection")
    return found is None or (dig(found, "name"), dig(found, "project", "name")) == (collection, project)


def targets_of(manifest: Manifest, folder: Path) -> dict[str, Path]:
    """The path for each file of an artifact. References are left out.

    Raises:
        GraphQLError: a file would leave the folder, or its content could not be verified.
    """
    root = folder.resolve()
    targets = {}
    for name, entry in manifest.entries.items():
        if entry.ref is not None:
            continue
        target = root.joinpath(*_checked(name).split("/"))
        # A link that is already in the folder may lead out of it.
        if root not in target.resolve().parents:
            raise GraphQLError(f"the artifact holds {name!r}, which would leave {folder}")
        if entry.extra.get("alg", "MD5") != "MD5":
            raise GraphQLError(f"{name}: its digest is {entry.extra['alg']}, and only MD5 can be verified")
        targets[name] = target
    return targets


def _checked(name: str, *, windows: bool = os.name == "nt") -> str:
    """Check that a name from the server stays inside a folder, and return it.

    Raises:
        GraphQLError: the name leads out of the folder.
    """
    try:
        checked = safe_name(name)
        checked.encode()
    except (LogError, UnicodeEncodeError) as exc:  # UnicodeEncodeError: lone surrogates, which no file name can have
        raise GraphQLError(f"the artifact holds a name that is not allowed: {exc}") from exc
    if windows and any(_NOT_ON_WINDOWS.fullmatch(part) for part in checked.split("/")):
        raise GraphQLError(f"the artifact holds {name!r}, which cannot be a file on Windows")
    return checked


def _metadata(text: object) -> dict[str, Any]:
    try:
        value = loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_there(target: Path, entry: Entry) -> bool:
    try:
        return target.stat().st_size == (entry.size or 0) and read_digest(target) == entry.digest
    except OSError:
        return False


# --- requests ---------------------------------------------------------------------------------------


def _ask(link: Link, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = link.call(lambda client: client.graphql(document, variables), attempts=_TRIES)
    return answer


def _fetch_manifest(link: Link, artifact_id: str) -> Manifest:
    data = _ask(link, wire.ARTIFACT_MANIFEST, {"id": artifact_id})
    url = dig(data, "artifact", "currentManifest", "file", "directUrl")
    if not isinstance(url, str):
        raise GraphQLError("the server gives no address for the artifact's manifest")
    most = most_bytes(dig(data, "artifact", "fileCount"))

    def request(client: Client) -> bytes:
        with io.BytesIO() as text:
            client.get(url, text.write, most)
            return text.getvalue()

    try:
        return Manifest.from_json(link.call(request, attempts=_TRIES))
    except ValueError as exc:
        raise GraphQLError(f"the artifact's manifest cannot be read: {exc}") from exc


def _addresses(link: Link, artifact_id: str, wanted: Mapping[str, Path], most: int) -> Iterator[tuple[str, str]]:
    """(name, address) of each wanted file, once, requested page by page until all are found.

    If a server's pages never end, no more are requested than would suffice with one wanted file on each page.
    """
    after, more, left = None, True, most
    while wanted and more and left:
        left -= 1
        data = _ask(link, wire.ARTIFACT_FILES, {"id": artifact_id, "after": after, "first": _PAGE})
        files = dig(data, "artifact", "files")
        for edge in dig(files, "edges") or []:
            name, url = dig(edge, "node", "name"), dig(edge, "node", "directUrl")
            if name in wanted and isinstance(url, str):
                yield name, url
        before, after = after, dig(files, "pageInfo", "endCursor")
        more = dig(files, "pageInfo", "hasNextPage") is True and after != before


def _fetch_file(link: Link, url: str, target: Path, entry: Entry) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    most = _MOST_UNSIZED if entry.size is None else entry.size
    link.call(lambda client: fetch(client, url, target, most, digest_of(entry.digest) or b""), attempts=_TRIES)
