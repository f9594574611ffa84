"""GraphQL resolvers for artifacts."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wandb_logging.testing._artifacts import FULL, Upload
from wandb_logging.testing._context import Context, Resolver, connection, registrar
from wandb_logging.testing._resolvers import File, Project, find_project
from wandb_logging.testing._store import Refusal, now
from wandb_logging.testing._stored import Collection, Manifest, Membership, StoredArtifact, StoredRun, hex_md5

if TYPE_CHECKING:
    from collections.abc import Mapping

RESOLVERS: dict[str, Resolver] = {}
resolves = registrar(RESOLVERS)


@dataclass(frozen=True)
class ArtifactType:
    """An artifact type of a project, seen through GraphQL."""

    project: Project
    name: str

    description = None
    created_at = "2026-01-01T00:00:00"

    @property
    def id(self) -> str:
        """The GraphQL id."""
        return base64.b64encode(f"ArtifactType:{self.project.id}:{self.name}".encode()).decode()


def _require(context: Context, artifact_id: str) -> StoredArtifact:
    artifact = context.store.artifacts.by_id.get(artifact_id)
    if artifact is None:
        context.store.report("unknown-artifact", f"no artifact has the id {artifact_id!r}")
        raise Refusal(f"artifact {artifact_id} not found")
    return artifact


def _need_feature(context: Context, feature: str, used: object) -> None:
    if used and feature not in context.store.features:
        context.store.report("feature", f"input that needs {feature}, which the server does not offer")


@resolves("Mutation.createArtifact")
def _create_artifact(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    _need_feature(context, "ARTIFACT_TAGS", values.get("tags"))
    name = values.get("runName")
    run = context.store.require(values["entityName"], values["projectName"], name) if name else None
    return {"artifact": context.store.artifacts.create(values, run, now())}


@resolves("Mutation.createArtifactManifest")
def _create_manifest(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    artifact = _require(context, values["artifactID"])
    base = context.store.artifacts.by_id.get(values.get("baseArtifactID") or "")
    kind = values.get("type") or FULL
    return {"artifactManifest": context.store.artifacts.create_manifest(artifact, kind, values["digest"], base)}


@resolves("Mutation.updateArtifactManifest")
def _update_manifest(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    found = context.store.artifacts.manifests.get(values["artifactManifestID"])
    if found is None:
        context.store.report("artifact-manifest", f"no manifest has the id {values['artifactManifestID']!r}")
        raise Refusal(f"manifest {values['artifactManifestID']} not found")
    found[1].digest = values.get("digest") or found[1].digest
    return {"artifactManifest": found[1]}


@resolves("Mutation.createArtifactFiles")
def _create_files(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    return {"files": {"edges": [{"node": _upload(context, spec)} for spec in values["artifactFiles"]]}}


def _upload(context: Context, spec: Mapping[str, Any]) -> dict[str, Any]:
    artifact = _require(context, spec["artifactID"])
    artifacts = context.store.artifacts
    place = ("artifacts", hex_md5(spec["md5"]), spec["name"])
    known = place[1] in artifacts.blobs
    parts = [] if known else spec.get("uploadPartsInput") or []
    upload = artifacts.begin_upload(place[1], parts) if parts else None
    return {
        "id": "/".join(place),
        "name": spec["name"],
        "storagePath": "/".join(place),
        "uploadUrl": None if known else context.signed_url("PUT", *place),
        "uploadHeaders": context.upload_headers,
        "uploadMultipartUrls": upload and _multipart(context, upload),
        "artifact": artifact,
    }


def _multipart(context: Context, upload: Upload) -> dict[str, Any]:
    urls = {number: context.signed_url("PUT", "parts", upload.id, str(number)) for number in upload.announced}
    return {
        "uploadID": upload.id,
        "uploadUrlParts": [{"partNumber": number, "uploadUrl": url} for number, url in urls.items()],
    }


@resolves("Mutation.completeMultipartUploadArtifact")
def _complete_upload(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    _require(context, values["artifactID"])
    upload = context.store.artifacts.uploads.get(values["uploadID"])
    if upload is None:
        context.store.report("artifact-parts", f"no upload has the id {values['uploadID']!r}")
        raise Refusal(f"upload {values['uploadID']} not found")
    tags = {int(part["partNumber"]): part["hexMD5"] for part in values["completedParts"]}
    if values["completeMultipartAction"] == "Complete":
        context.store.artifacts.complete_upload(upload, tags)
    return {"digest": upload.digest}


@resolves("Mutation.commitArtifact")
def _commit(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    artifact = _require(context, values["artifactID"])
    context.store.artifacts.commit(artifact)
    return {"artifact": artifact}


@resolves("Mutation.updateArtifact")
def _update(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    artifact = _require(context, values["artifactID"])
    for name, attribute in (
        ("description", "description"),
        ("metadata", "metadata_json"),
        ("ttlDurationSeconds", "ttl_duration_seconds"),
    ):
        if values.get(name) is not None:
            setattr(artifact, attribute, values[name])
    added = [item["tagName"] for item in values.get("tagsToAdd") or []]
    removed = [item["tagName"] for item in values.get("tagsToDelete") or []]
    artifact.tags = [tag for tag in dict.fromkeys([*artifact.tags, *added]) if tag not in removed]
    return {"artifact": artifact}


@resolves("Mutation.useArtifact")
def _use(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    of_artifact = values.get("artifactEntityName") or values.get("artifactProjectName")
    _need_feature(context, "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION", of_artifact)
    artifact = _require(context, values["artifactID"])
    run = context.store.require(values["entityName"], values["projectName"], values["runName"])
    if artifact not in run.used_artifacts:
        run.used_artifacts.append(artifact)
        artifact.used_by.append(run)
    return {"artifact": artifact}


@resolves("Mutation.linkArtifact")
def _link(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    by_client = (item for item in context.store.artifacts.by_id.values() if item.client_id == values.get("clientID"))
    found = None if values.get("artifactID") else next(by_client, None)
    artifact = found or _require(context, values.get("artifactID") or str(values.get("clientID")))
    place = (values["entityName"], values["projectName"], values["artifactPortfolioName"])
    context.store.add_project(*place[:2])
    aliases = [item["alias"] for item in values.get("aliases") or []]
    number = context.store.artifacts.link(artifact, place, aliases)
    return {"versionIndex": number, "artifactMembership": Membership(artifact.collection, artifact)}


@resolves("Mutation.deleteArtifact")
def _delete(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    artifact = _require(context, values["artifactID"])
    if artifact.aliases and not values.get("deleteAliases"):
        raise Refusal(f"artifact {artifact.name} has aliases: {', '.join(artifact.aliases)}")
    artifact.state, artifact.aliases = "DELETED", []
    return {"artifact": artifact}


@resolves("Mutation.addAliases")
def _add_aliases(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    artifact = _require(context, values["artifactID"])
    artifact.collection.give(artifact, [item["alias"] for item in values["aliases"]])
    return {"success": True}


@resolves("Mutation.deleteAliases")
def _delete_aliases(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    artifact = _require(context, values["artifactID"])
    removed = [item["alias"] for item in values["aliases"]]
    artifact.aliases = [alias for alias in artifact.aliases if alias not in removed]
    return {"success": True}


@resolves("Query.artifact")
def _artifact(_source: Any, context: Context, id_: str) -> StoredArtifact | None:
    return context.store.artifacts.by_id.get(id_)


@resolves("Query.artifactCollection")
def _collection_by_id(_source: Any, context: Context, id_: str) -> Collection | None:
    return next((item for item in context.store.artifacts.collections.values() if item.id == id_), None)


@resolves("Query.clientIDMapping")
def _client_id_mapping(_source: Any, context: Context, client_id: str) -> Any:
    artifacts = context.store.artifacts.by_id.values()
    return next(({"serverID": item.id} for item in artifacts if item.client_id == client_id), None)


@resolves("Project.artifact")
def _project_artifact(project: Project, context: Context, name: str) -> StoredArtifact | None:
    membership = _membership(project, context, name)
    return membership.artifact if membership else None


@resolves("Project.artifactCollectionMembership")
def _membership(project: Project, context: Context, name: str) -> Membership | None:
    return context.store.artifacts.find(project.entity_name, project.name, name)


@resolves("Project.artifactCollection")
def _project_collection(project: Project, context: Context, name: str) -> Collection | None:
    return context.store.artifacts.collections.get((project.entity_name, project.name, name))


def _collections(project: Project, context: Context) -> list[Collection]:
    owner = (project.entity_name, project.name)
    return [item for item in context.store.artifacts.collections.values() if (item.entity, item.project) == owner]


@resolves("Project.artifactType")
def _project_type(project: Project, context: Context, name: str) -> ArtifactType | None:
    return ArtifactType(project, name) if any(item.type == name for item in _collections(project, context)) else None


@resolves("Project.artifactTypes")
def _project_types(project: Project, context: Context, after: str | None = None, first: int | None = None) -> Any:
    names = dict.fromkeys(item.type for item in _collections(project, context))
    return connection([ArtifactType(project, name) for name in names], first, after)


@resolves("ArtifactType.artifactCollection")
def _type_collection(kind: ArtifactType, context: Context, name: str) -> Collection | None:
    collection = _project_collection(kind.project, context, name)
    return collection if collection and collection.type == kind.name else None


@resolves("ArtifactType.artifactCollections")
def _type_collections(
    kind: ArtifactType,
    context: Context,
    after: str | None = None,
    first: int | None = None,
    **_unused: Any,
) -> Any:
    return connection([item for item in _collections(kind.project, context) if item.type == kind.name], first, after)


@resolves("ArtifactSequence.project")
def _collection_project(collection: Collection, context: Context) -> Project | None:
    return find_project(context, collection.entity, collection.project)


@resolves("ArtifactSequence.defaultArtifactType")
def _collection_type(collection: Collection, context: Context) -> ArtifactType | None:
    project = find_project(context, collection.entity, collection.project)
    return ArtifactType(project, collection.type) if project else None


@resolves("ArtifactSequence.updatedAt")
def _collection_updated(collection: Collection, _context: Context) -> str:
    return collection.created_at


@resolves("ArtifactSequence.tags")
def _collection_tags(_collection: Collection, _context: Context) -> Any:
    return connection([])


@resolves("ArtifactSequence.digestAlgorithm")
@resolves("Artifact.digestAlgorithm")
def _digest_algorithm(_source: Any, _context: Context) -> str:
    return "MANIFEST_MD5"


@resolves("ArtifactSequence.aliases")
def _collection_aliases(
    collection: Collection, _context: Context, after: str | None = None, first: int | None = None
) -> Any:
    return connection([alias for version in collection.versions for alias in _alias_views(version)], first, after)


@resolves("ArtifactSequence.artifacts")
def _collection_artifacts(
    collection: Collection,
    _context: Context,
    after: str | None = None,
    first: int | None = None,
    **_unused: Any,
) -> Any:
    # Newest first, as the web page lists them.
    page = connection(collection.committed[::-1], first, after)
    for edge in page["edges"]:
        edge["version"] = edge["node"].version
    return page


@resolves("ArtifactSequence.artifactMembership")
def _collection_membership(collection: Collection, _context: Context, alias_name: str) -> Membership | None:
    artifact = collection.find(alias_name)
    return Membership(collection, artifact) if artifact else None


def _alias_views(artifact: StoredArtifact) -> list[dict[str, Any]]:
    collection = artifact.collection
    return [
        {"id": f"alias-{collection.id}-{alias}", "alias": alias, "artifactCollection": collection}
        for alias in artifact.aliases
    ]


@resolves("Artifact.aliases")
def _aliases(artifact: StoredArtifact, _context: Context) -> list[dict[str, Any]]:
    return _alias_views(artifact)


@resolves("Artifact.tags")
def _tags(artifact: StoredArtifact, _context: Context) -> list[dict[str, Any]]:
    return [{"id": f"tag-{tag}", "name": tag} for tag in artifact.tags]


@resolves("Artifact.metadata")
def _metadata(artifact: StoredArtifact, _context: Context) -> str | None:
    return artifact.metadata_json


@resolves("Artifact.commitHash")
def _commit_hash(artifact: StoredArtifact, _context: Context) -> str:
    return artifact.digest


@resolves("Artifact.size")
def _size(artifact: StoredArtifact, _context: Context) -> int:
    return sum(entry.get("size") or 0 for entry in artifact.entries.values())


@resolves("Artifact.fileCount")
def _file_count(artifact: StoredArtifact, _context: Context) -> int:
    return len(artifact.entries)


@resolves("Artifact.updatedAt")
def _updated_at(artifact: StoredArtifact, _context: Context) -> str:
    return artifact.created_at


@resolves("Artifact.ttlDurationSeconds")
def _ttl(artifact: StoredArtifact, _context: Context) -> int:
    # The official client accepts no null here; anything not above 0 means that the artifact has no limit of its own.
    return artifact.ttl_duration_seconds or 0


@resolves("Artifact.ttlIsInherited")
def _ttl_is_inherited(artifact: StoredArtifact, _context: Context) -> bool:
    return artifact.ttl_duration_seconds is None


@resolves("Artifact.artifactSequence")
def _sequence(artifact: StoredArtifact, _context: Context) -> Collection:
    return artifact.collection


@resolves("Artifact.artifactType")
def _type(artifact: StoredArtifact, context: Context) -> ArtifactType | None:
    return _collection_type(artifact.collection, context)


@resolves("Artifact.artifactMemberships")
def _memberships(artifact: StoredArtifact, _context: Context) -> Any:
    return connection([Membership(artifact.collection, artifact)])


@resolves("Artifact.createdBy")
def _created_by(artifact: StoredArtifact, _context: Context) -> StoredRun | None:
    return artifact.run


@resolves("Artifact.usedBy")
def _used_by(artifact: StoredArtifact, _context: Context) -> Any:
    return connection(artifact.used_by)


@resolves("Run.outputArtifacts")
def _output_artifacts(run: StoredRun, _context: Context, after: str | None = None, first: int | None = None) -> Any:
    return connection(run.logged_artifacts, first, after)


@resolves("Run.inputArtifacts")
def _input_artifacts(run: StoredRun, _context: Context, after: str | None = None, first: int | None = None) -> Any:
    return connection(run.used_artifacts, first, after)


@resolves("ArtifactManifest.file")
def _manifest_file(manifest: Manifest, _context: Context) -> File:
    return File("wandb_manifest.json", manifest.data or b"", ("manifests", manifest.id))


def _file(artifact: StoredArtifact, path: str) -> File:
    entry = artifact.entries[path]
    return File(path, artifact.files.get(path, b""), ("artifacts", hex_md5(entry["digest"]), path))


@resolves("Artifact.files")
def _files(
    artifact: StoredArtifact,
    _context: Context,
    names: list[str] | None = None,
    after: str | None = None,
    first: int | None = None,
) -> Any:
    paths = [path for path in sorted(artifact.entries) if names is None or path in names]
    return connection([_file(artifact, path) for path in paths], first, after)


@resolves("Artifact.filesByManifestEntries")
def _files_by_entries(
    artifact: StoredArtifact,
    _context: Context,
    entries: list[Mapping[str, Any]] | None = None,
    after: str | None = None,
    first: int | None = None,
    **_layout: Any,
) -> Any:
    paths = [entry["name"] for entry in entries or [] if entry["name"] in artifact.entries]
    return connection([_file(artifact, path) for path in paths], first, after)


@resolves("ArtifactCollectionMembership.versionIndex")
def _membership_version(membership: Membership, _context: Context) -> int | None:
    return membership.artifact.version_index


@resolves("ArtifactCollectionMembership.createdAt")
def _membership_created(membership: Membership, _context: Context) -> str:
    return membership.artifact.created_at


@resolves("ArtifactCollectionMembership.id")
def _membership_id(membership: Membership, _context: Context) -> str:
    return f"membership-{membership.artifact.id}"


@resolves("ArtifactCollectionMembership.aliases")
def _membership_aliases(membership: Membership, _context: Context) -> list[dict[str, Any]]:
    return _alias_views(membership.artifact)


@resolves("ArtifactCollectionMembership.files")
def _membership_files(membership: Membership, context: Context, **arguments: Any) -> Any:
    return _files(membership.artifact, context, **arguments)
