"""GraphQL resolvers for artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wandb_logging.testing._artifacts import FULL, Upload
from wandb_logging.testing._collection_resolvers import ArtifactType, alias_views, type_of
from wandb_logging.testing._context import Context, Resolver, connection, registrar
from wandb_logging.testing._resolvers import File, Project
from wandb_logging.testing._store import Refusal, now
from wandb_logging.testing._stored import (
    Collection,
    Manifest,
    Membership,
    Portfolio,
    StoredArtifact,
    StoredRun,
    hex_md5,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

RESOLVERS: dict[str, Resolver] = {}
resolves = registrar(RESOLVERS)


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
    member = context.store.artifacts.link(artifact, place, aliases, now())
    return {"versionIndex": member.version_index, "artifactMembership": member}


@resolves("Mutation.unlinkArtifact")
def _unlink(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    artifact = _require(context, values["artifactID"])
    for portfolio in context.store.artifacts.portfolios.values():
        for link in portfolio.links:
            if portfolio.id == values["artifactPortfolioID"] and link.artifact is artifact:
                link.there, link.aliases = False, []
    return {"success": True}


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
    for item in values["aliases"]:
        _named(context, item, artifact).give(artifact, [item["alias"]])
    return {"success": True}


@resolves("Mutation.deleteAliases")
def _delete_aliases(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    artifact = _require(context, values["artifactID"])
    for item in values["aliases"]:
        collection = _named(context, item, artifact)
        for member in collection.members:
            if member.artifact is artifact and item["alias"] in member.aliases:
                member.aliases.remove(item["alias"])
    return {"success": True}


def _named(context: Context, item: Mapping[str, Any], artifact: StoredArtifact) -> Collection | Portfolio:
    """The collection that an alias is for."""
    entity = item.get("entityName") or artifact.collection.entity
    project = item.get("projectName") or artifact.collection.project
    return context.store.artifacts.collection(entity, project, item["artifactCollectionName"]) or artifact.collection


@resolves("Query.artifact")
def _artifact(_source: Any, context: Context, id_: str) -> StoredArtifact | None:
    return context.store.artifacts.by_id.get(id_)


@resolves("Query.clientIDMapping")
def _client_id_mapping(_source: Any, context: Context, client_id: str) -> Any:
    artifacts = context.store.artifacts.by_id.values()
    return next(({"serverID": item.id} for item in artifacts if item.client_id == client_id), None)


@resolves("Project.artifact")
def _project_artifact(project: Project, context: Context, name: str) -> StoredArtifact | None:
    membership = context.store.artifacts.find(project.entity_name, project.name, name)
    return membership.artifact if membership else None


@resolves("Artifact.aliases")
def _aliases(artifact: StoredArtifact, context: Context) -> list[dict[str, Any]]:
    return [view for member in context.store.artifacts.memberships(artifact) for view in alias_views(member)]


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
    return type_of(artifact.collection, context)


@resolves("Artifact.artifactMemberships")
def _memberships(artifact: StoredArtifact, context: Context) -> Any:
    return connection(context.store.artifacts.memberships(artifact))


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
def files_of(
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


@resolves("ArtifactCollectionMembership.files")
def _membership_files(membership: Membership, context: Context, **arguments: Any) -> Any:
    return files_of(membership.artifact, context, **arguments)
