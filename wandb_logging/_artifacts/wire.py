"""W&B's wire format for artifacts: GraphQL documents, inputs, meanings of answers (protocol 7). Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import quote

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import GraphQLError
from wandb_logging._events.run_info import Remote
from wandb_logging._server.protocol import dig, upload_headers

# Which files the official SDK sends in parts, and in how many (protocol 7.1).
MULTIPART_FROM = 2 * 2**30  # bytes
PART_BYTES = 100 * 2**20
MOST_PARTS = 10_000

_IF_GIVEN = {"distributed_id": "distributedID", "ttl": "ttlDurationSeconds"}

CREATE_ARTIFACT = """mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state artifactSequence { latestArtifact { id } } } }
}"""

CREATE_ARTIFACT_MANIFEST = """mutation CreateArtifactManifest($artifactID: ID!, $baseArtifactID: ID, $name: String!,
    $digest: String!, $entityName: String!, $projectName: String!, $runName: String!,
    $manifestType: ArtifactManifestType!, $includeUpload: Boolean!) {
  createArtifactManifest(input: {artifactID: $artifactID, baseArtifactID: $baseArtifactID, name: $name,
      digest: $digest, entityName: $entityName, projectName: $projectName, runName: $runName, type: $manifestType}) {
    artifactManifest { id file @include(if: $includeUpload) { uploadUrl uploadHeaders } }
  }
}"""

UPDATE_ARTIFACT_MANIFEST = """mutation UpdateArtifactManifest($artifactManifestID: ID!, $digest: String,
    $baseArtifactID: ID, $includeUpload: Boolean!) {
  updateArtifactManifest(input: {artifactManifestID: $artifactManifestID, digest: $digest,
      baseArtifactID: $baseArtifactID}) {
    artifactManifest { id file { uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) } }
  }
}"""

CREATE_ARTIFACT_FILES = """mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) {
    files {
      edges {
        node {
          name storagePath uploadUrl uploadHeaders artifact { id }
          uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }
        }
      }
    }
  }
}"""

COMPLETE_MULTIPART = """mutation CompleteMultipartUploadArtifact($action: CompleteMultipartAction!,
    $parts: [UploadPartsInput!]!, $artifactID: ID!, $storagePath: String!, $uploadID: String!) {
  completeMultipartUploadArtifact(input: {completeMultipartAction: $action, completedParts: $parts,
      artifactID: $artifactID, storagePath: $storagePath, uploadID: $uploadID}) { digest }
}"""

COMMIT_ARTIFACT = """mutation CommitArtifact($artifactID: ID!) {
  commitArtifact(input: {artifactID: $artifactID}) { artifact { id digest } }
}"""

USE_ARTIFACT = """mutation UseArtifact($input: UseArtifactInput!) {
  useArtifact(input: $input) { artifact { id } }
}"""

LINK_ARTIFACT = """mutation LinkArtifact($input: LinkArtifactInput!) {
  linkArtifact(input: $input) { versionIndex }
}"""

ID_OF_CLIENT = "query ClientIDMapping($clientID: ID!) { clientIDMapping(clientID: $clientID) { serverID } }"

ARTIFACT_BY_NAME = """query ArtifactByName($entity: String, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    artifactCollectionMembership(name: $name) {
      versionIndex
      aliases { alias }
      artifact { id digest description metadata tags { name } artifactType { name } }
    }
  }
}"""

ARTIFACT_MANIFEST = """query ArtifactManifest($id: ID!) {
  artifact(id: $id) { fileCount currentManifest { file { directUrl } } }
}"""

ARTIFACT_FILES = """query ArtifactFiles($id: ID!, $after: String, $first: Int) {
  artifact(id: $id) {
    files(after: $after, first: $first) {
      pageInfo { hasNextPage endCursor }
      edges { node { name directUrl } }
    }
  }
}"""


def artifact_input(artifact: Mapping[str, Any], remote: Remote) -> dict[str, Any]:
    """The input of CreateArtifact.

    Args:
        artifact: what `keeping.describe` returned, with the run's `step`. If `of_run` is false, the run does not
            log the artifact but only uses it. A `distributed_id` is shared by the parts that several runs send; `ttl`
            is how many seconds the artifact is kept.
        remote: the run that logs the artifact.
    """
    name = artifact["name"]
    tags = artifact.get("tags") if remote.artifact_tags else None
    return {
        "entityName": remote.entity,
        "projectName": remote.project,
        "runName": remote.name if artifact.get("of_run", True) else None,
        "artifactTypeName": artifact["type"],
        "artifactCollectionName": name,
        "digest": artifact["digest"],
        "digestAlgorithm": "MANIFEST_MD5",
        "description": artifact.get("description"),
        "metadata": artifact.get("metadata"),
        "aliases": [{"artifactCollectionName": name, "alias": alias} for alias in artifact["aliases"]],
        "enableDigestDeduplication": True,
        "clientID": artifact["client_id"],
        "sequenceClientID": artifact["sequence_client_id"],
        "historyStep": artifact.get("step") or None,
        **({"tags": [{"tagName": tag} for tag in tags]} if tags else {}),
        **{field: artifact[name] for name, field in _IF_GIVEN.items() if artifact.get(name)},
    }


@dataclass(frozen=True)
class PutTarget:
    """The address for the bytes of one file.

    Attributes:
        url: the address; None if the server has the bytes.
        headers: headers that the PUT needs.
        birth: the first artifact with these bytes on the server.
        parts: the address of each part by its number, from 1 on; empty if all bytes go in one PUT.
        upload_id, storage_path: the server's names for an upload in parts.
    """

    url: str | None
    headers: Mapping[str, str]
    birth: str | None = None
    parts: Mapping[int, str] = field(default_factory=dict)
    upload_id: str | None = None
    storage_path: str | None = None


def file_targets(data: Mapping[str, Any], count: int) -> list[PutTarget]:
    """The addresses for the files of one CreateArtifactFiles, in the order of the request.

    Raises:
        GraphQLError: the answer has another number of files than the request.
    """
    edges = dig(data, "createArtifactFiles", "files", "edges")
    if not isinstance(edges, list) or len(edges) != count:
        raise GraphQLError("CreateArtifactFiles answered with another number of files than asked for")
    return [_target(dig(edge, "node"), dig(edge, "node", "artifact", "id")) for edge in edges]


def manifest_kind(artifact: Mapping[str, Any]) -> tuple[str, str]:
    """The type and the file name of a manifest: of a whole artifact, of an increment, or of one part of several.

    Args:
        artifact: as for `artifact_input`; with `incremental` it only has what is new.
    """
    if artifact.get("incremental"):
        return "INCREMENTAL", "wandb_manifest.incremental.json"
    if artifact.get("distributed_id"):
        return "PATCH", "wandb_manifest.patch.json"
    return "FULL", "wandb_manifest.json"


def manifest_target(data: Mapping[str, Any], mutation: str = "createArtifactManifest") -> PutTarget:
    """The address for the manifest, from the answer to a mutation.

    Raises:
        GraphQLError: the answer has no address.
    """
    target = _target(dig(data, mutation, "artifactManifest", "file"))
    if target.url is None:
        raise GraphQLError(f"{mutation} answered without an address to upload it to")
    return target


def _target(file: object, birth: object = None) -> PutTarget:
    url = dig(file, "uploadUrl")
    multipart = dig(file, "uploadMultipartUrls")
    return PutTarget(
        url if isinstance(url, str) else None,
        upload_headers(dig(file, "uploadHeaders")),
        birth if isinstance(birth, str) else None,
        dict(_parts(dig(multipart, "uploadUrlParts"))),
        dig(multipart, "uploadID"),
        dig(file, "storagePath"),
    )


def _parts(answer: object) -> Iterator[tuple[int, str]]:
    for part in answer if isinstance(answer, list) else ():
        number, url = dig(part, "partNumber"), dig(part, "uploadUrl")
        if isinstance(url, str) and str(number).isdecimal():  # 64-bit numbers may come as texts
            yield int(number), url


def address_by_digest(entity: str, project: str, collection: str, md5: str, birth: str, name: str) -> str:  # noqa: PLR0917  in the order of the address, but for the first
    """The path of a file below the API's address, for storage layout V2 in the default region (protocol 7.3)."""
    parts = ("default", entity, project, collection, birth, md5, name)
    return "/artifactsV2/" + "/".join(quote(part, safe="") for part in parts)


def part_size(size: int) -> int:
    """Bytes of each part of a file, except the last part; 0 if the file goes in one PUT (protocol 7.1)."""
    if size < MULTIPART_FROM:
        return 0
    if size <= PART_BYTES * MOST_PARTS:
        return PART_BYTES
    return -(-size // (MOST_PARTS * 4096)) * 4096
