"""The server's artifacts: collections, their versions, manifests, and bytes by digest.

As in `_store`, there is no HTTP and no GraphQL, and the caller holds the lock. Breaches go to the `report` function.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

from wandb_logging.testing import _rules
from wandb_logging.testing._stored import Collection, Link, Manifest, Membership, Portfolio, StoredArtifact, hex_md5

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wandb_logging.testing._stored import StoredRun

LATEST = "latest"
MAX_NAME_CHARS = 128
FULL, INCREMENTAL = "FULL", "INCREMENTAL"  # kinds of manifests; the third is PATCH


@dataclass
class Upload:
    """A file that arrives in parts.

    Attributes:
        id: id of the upload.
        digest: hex MD5 announced for the whole file.
        announced: hex MD5 of each part, by number.
        parts: the bytes that have arrived, by number.
    """

    id: str
    digest: str
    announced: dict[int, str]
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Artifacts:
    """All artifacts, and the bytes of their files by hex MD5."""

    report: Callable[[str, str], None]
    collections: dict[tuple[str, str, str], Collection] = field(default_factory=dict)
    by_id: dict[str, StoredArtifact] = field(default_factory=dict)
    manifests: dict[str, tuple[StoredArtifact, Manifest]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    portfolios: dict[tuple[str, str, str], Portfolio] = field(default_factory=dict)

    def collection(self, entity: str, project: str, name: str) -> Collection | Portfolio | None:
        """The collection of this name: of versions, or of links."""
        place = (entity, project, name)
        return self.collections.get(place) or self.portfolios.get(place)

    def all_of(self, entity: str, project: str) -> list[Collection | Portfolio]:
        """All collections of a project."""
        found: list[Collection | Portfolio] = [*self.collections.values(), *self.portfolios.values()]
        return [item for item in found if (item.entity, item.project) == (entity, project)]

    def find(self, entity: str, project: str, name: str) -> Membership | None:
        """The version called `"collection:alias"`; the latest one if no alias is given."""
        collection_name, _, alias = name.partition(":")
        collection = self.collection(entity, project, collection_name)
        return collection.find(alias or LATEST) if collection else None

    def memberships(self, artifact: StoredArtifact) -> list[Membership]:
        """The version as a member of its own collection, and of those it is linked to."""
        there: list[Collection | Portfolio] = [artifact.collection, *self.portfolios.values()]
        return [member for collection in there for member in collection.members if member.artifact is artifact]

    def link(
        self, artifact: StoredArtifact, place: tuple[str, str, str], aliases: list[str], moment: str
    ) -> Membership:
        """Add a version to another collection, given as (entity, project, name). Returns it as a member of that one."""
        portfolio = self.portfolios.setdefault(place, Portfolio(*place, artifact.type, moment))
        known = next((link for link in portfolio.links if link.artifact is artifact), None)
        if known is None:
            known = Link(artifact)
            portfolio.links.append(known)
        known.there = True
        portfolio.give(artifact, aliases)
        return Membership(portfolio, artifact, portfolio.links.index(known), known.aliases)

    def move(self, collection: Collection | Portfolio, name: str) -> None:
        """Give a collection another name. Its versions are found under that name only."""
        kept: dict[tuple[str, str, str], Any] = (
            self.collections if isinstance(collection, Collection) else self.portfolios
        )
        del kept[collection.entity, collection.project, collection.name]
        collection.name = name
        kept[collection.entity, collection.project, name] = collection

    def drop(self, collection: Collection | Portfolio) -> None:
        """Delete a collection; one of versions with them."""
        self.collections.pop((collection.entity, collection.project, collection.name), None)
        self.portfolios.pop((collection.entity, collection.project, collection.name), None)
        collection.state = "DELETED"
        for version in collection.versions if isinstance(collection, Collection) else ():
            version.state, version.aliases = "DELETED", []

    def create(self, values: Mapping[str, Any], run: StoredRun | None, moment: str) -> StoredArtifact:
        """CreateArtifact: a pending version, or the one that is there already.

        The same content is not stored twice when the client asks for that, and a request sent again
        (same client id) makes nothing new.
        """
        name = values.get("artifactCollectionName") or (values.get("artifactCollectionNames") or [""])[0]
        if not 1 <= len(name) <= MAX_NAME_CHARS or "/" in name:
            self.report("artifact-name", f"{name!r} is not 1 to {MAX_NAME_CHARS} characters without /")
        key = (values["entityName"], values["projectName"], name)
        collection = self.collections.setdefault(key, Collection(*key, values["artifactTypeName"], moment))
        if collection.type != values["artifactTypeName"]:
            self.report("artifact-type", f"{name} is of type {collection.type}, not {values['artifactTypeName']}")
        aliases = [item["alias"] for item in values.get("aliases") or []]
        artifact = self._same(collection, values)
        if artifact is None:
            artifact = StoredArtifact(
                id=base64.b64encode(f"Artifact:{len(self.by_id) + 1}".encode()).decode(),
                collection=collection,
                digest=values["digest"],
                client_id=values.get("clientID"),
                description=values.get("description"),
                metadata_json=values.get("metadata"),
                created_at=moment,
                run=run,
                history_step=values.get("historyStep"),
                ttl_duration_seconds=values.get("ttlDurationSeconds"),
                distributed_id=values.get("distributedID"),
                wanted_aliases=aliases,
                tags=[item["tagName"] for item in values.get("tags") or []],
                blobs=self.blobs,
            )
            self.by_id[artifact.id] = artifact
            collection.versions.append(artifact)
        elif artifact.distributed_id:
            artifact.wanted_aliases += aliases
        if artifact.state == "COMMITTED":
            collection.give(artifact, aliases)
            _link(artifact, run)
        return artifact

    @staticmethod
    def _same(collection: Collection, values: Mapping[str, Any]) -> StoredArtifact | None:
        if values.get("enableDigestDeduplication"):
            for version in collection.committed:
                if version.digest == values["digest"]:
                    return version
        client_id, together = values.get("clientID"), values.get("distributedID")
        for item in collection.versions:
            if (client_id and item.client_id == client_id) or (
                together and item.distributed_id == together and item.state == "PENDING"
            ):
                return item
        return None

    def create_manifest(
        self, artifact: StoredArtifact, kind: str, digest: str, base: StoredArtifact | None = None
    ) -> Manifest:
        """CreateArtifactManifest: announce a manifest or a part of one, first without a digest, then with it."""
        manifest = artifact.manifests.get(kind) if kind == FULL else None
        if manifest is None:
            manifest = Manifest(f"manifest-{len(self.manifests) + 1}", base=base if kind == INCREMENTAL else None)
            artifact.manifests[kind if kind == FULL else manifest.id] = manifest
            self.manifests[manifest.id] = (artifact, manifest)
        manifest.digest = digest
        return manifest

    def put_together(self, artifact: StoredArtifact) -> None:
        """Join the manifests of all parts in their order, and compute the digest, which no client knew."""
        parts = [manifest for manifest in artifact.manifests.values() if manifest.data is not None]
        if FULL in artifact.manifests or not parts:
            return
        contents: dict[str, Any] = {}
        for part in parts:
            base = part.base.current_manifest if part.base is not None else None
            contents.update({**(base.contents if base else {}), **part.contents})
        whole = self.create_manifest(artifact, FULL, "")
        tree = {**_rules.parse((parts[-1].data or b"").decode(), strict=True), "contents": contents}
        whole.data = json.dumps(tree).encode()
        whole.digest, artifact.digest = base64_md5(whole.data), manifest_digest(contents)

    def put_manifest(self, manifest_id: str, data: bytes) -> None:
        """Store the bytes of a manifest."""
        _, manifest = self.manifests[manifest_id]
        if base64_md5(data) != manifest.digest:
            self.report("artifact-manifest", f"{manifest_id}: MD5 is {base64_md5(data)}, announced {manifest.digest}")
        manifest.data = data

    def put_blob(self, digest: str, data: bytes) -> None:
        """Store the bytes of a file that was announced with this hex MD5."""
        found = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if found != digest:
            self.report("artifact-md5", f"bytes with MD5 {found} came for {digest}")
        self.blobs[digest] = data

    def begin_upload(self, digest: str, parts: Iterable[Mapping[str, Any]]) -> Upload:
        """Begin to receive a file in parts. A second request for the same file begins another upload."""
        announced = {int(part["partNumber"]): part["hexMD5"] for part in parts}
        if list(announced) != list(range(1, len(announced) + 1)):
            self.report("artifact-parts", f"parts are numbered {list(announced)}, not from 1 on")
        upload = Upload(f"upload-{len(self.uploads) + 1}", digest, announced)
        self.uploads[upload.id] = upload
        return upload

    def put_part(self, upload_id: str, number: int, data: bytes, content_md5: str | None) -> str:
        """Store the bytes of a part. Returns its ETag."""
        upload = self.uploads[upload_id]
        found = hashlib.md5(data, usedforsecurity=False).hexdigest()
        for told, md5 in (("announced", upload.announced[number]), ("in Content-MD5", hex_md5(content_md5 or ""))):
            if found != md5:
                self.report("artifact-parts", f"{upload_id}, part {number}: MD5 is {found}, {told} {md5}")
        upload.parts[number] = data
        return f'"{found}"'

    def complete_upload(self, upload: Upload, tags: Mapping[int, str]) -> None:
        """Store the whole file after all parts have arrived."""
        if upload.digest in self.blobs:
            return  # a repeated request
        wanted = {number: f'"{md5}"' for number, md5 in upload.announced.items()}
        if tags != wanted or upload.parts.keys() != wanted.keys():
            self.report("artifact-parts", f"{upload.id}: completed with {tags}, has {sorted(upload.parts)} of {wanted}")
        self.put_blob(upload.digest, b"".join(data for _, data in sorted(upload.parts.items())))
        upload.parts.clear()

    def commit(self, artifact: StoredArtifact) -> None:
        """CommitArtifact: complete the version, which gets its number and its aliases."""
        self.put_together(artifact)
        for detail in self._incomplete(artifact):
            self.report("artifact-incomplete", f"{artifact.collection.name}: {detail}")
        if artifact.state == "COMMITTED":
            return
        collection = artifact.collection
        artifact.version_index = len(collection.committed)
        artifact.state = "COMMITTED"
        # The newest version is `latest` whether the client asks for it or not.
        collection.give(artifact, dict.fromkeys([*artifact.wanted_aliases, LATEST]))
        _link(artifact, artifact.run)

    def _incomplete(self, artifact: StoredArtifact) -> Iterator[str]:
        try:
            current = artifact.current_manifest
            manifest = _rules.parse((current.data or b"").decode() if current else "", strict=True)
            entries = manifest["contents"]
            version = (manifest["version"], manifest["storagePolicy"])
        except (ValueError, LookupError, TypeError) as error:
            yield f"committed with no readable manifest ({error!r})"
            return
        if version != (1, "wandb-storage-policy-v1"):
            yield f"manifest is of version {version}"
        for path, entry in entries.items():
            data = self.blobs.get(hex_md5(entry["digest"])) if "ref" not in entry else None
            if data is None and "ref" not in entry:
                yield f"bytes of {path} never came"
            elif data is not None and entry.get("size") != len(data):
                yield f"{path} has {len(data)} bytes, the manifest says {entry.get('size')}"
        digest = manifest_digest(entries)
        if digest != artifact.digest:
            yield f"digest is {artifact.digest}, its manifest's is {digest}"


def _link(artifact: StoredArtifact, run: StoredRun | None) -> None:
    if run and artifact not in run.logged_artifacts:
        run.logged_artifacts.append(artifact)


def manifest_digest(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """The digest of an artifact with these entries (`MANIFEST_MD5`)."""
    lines = ["wandb-artifact-manifest-v1\n"]
    lines += [f"{path}:{entry['digest']}\n" for path, entry in sorted(entries.items())]
    return hashlib.md5("".join(lines).encode(), usedforsecurity=False).hexdigest()


def base64_md5(data: bytes) -> str:
    """MD5 as manifests write it."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
