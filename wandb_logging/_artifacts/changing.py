"""Change and query an artifact on the server: its names, description and links, and the runs that made or use it.

Each function takes the way to the server, and the server's own id of the artifact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wandb_logging._artifacts.download import Reach, UsedArtifact, found_artifact
from wandb_logging._artifacts.keeping import metadata_json
from wandb_logging._artifacts.wire import ID_OF_CLIENT
from wandb_logging._errors import LogError
from wandb_logging._server.protocol import dig

_RUN = "name project { name entityName }"

_PARTS = """id state digest description metadata versionIndex createdAt tags { name } aliases { alias }
    artifactType { name } artifactSequence { name project { name entityName } }"""

_BY_ID = f"query ArtifactByID($id: ID!) {{ artifact(id: $id) {{ {_PARTS} }} }}"

_RUNS = f"""query ArtifactRuns($id: ID!) {{
  artifact(id: $id) {{ createdBy {{ __typename ... on Run {{ {_RUN} }} }} usedBy {{ edges {{ node {{ {_RUN} }} }} }} }}
}}"""

_VERSIONS = f"""query ProjectArtifacts($entity: String, $project: String!, $type: String!, $collection: String!,
    $after: String, $first: Int) {{
  project(entityName: $entity, name: $project) {{
    artifactType(name: $type) {{
      artifactCollection(name: $collection) {{
        artifacts(after: $after, first: $first) {{
          edges {{ node {{ {_PARTS} }} }} pageInfo {{ hasNextPage endCursor }}
        }}
      }}
    }}
  }}
}}"""

_TYPE = """query ArtifactTypeOf($entity: String, $project: String!, $name: String!) {
  project(entityName: $entity, name: $project) {
    artifactCollection(name: $name) { ... on ArtifactSequence { defaultArtifactType { name } } }
  }
}"""

_ABOUT = "query ArtifactAbout($id: ID!) { artifact(id: $id) { createdAt updatedAt historyStep } }"
_KEPT = "query ArtifactKept($id: ID!) { artifact(id: $id) { ttlDurationSeconds ttlIsInherited } }"

_UPDATE = "mutation UpdateArtifact($input: UpdateArtifactInput!) { updateArtifact(input: $input) { artifact { id } } }"
_ADD = "mutation AddAliases($input: AddAliasesInput!) { addAliases(input: $input) { success } }"
_TAKE = "mutation DeleteAliases($input: DeleteAliasesInput!) { deleteAliases(input: $input) { success } }"
_DELETE = "mutation DeleteArtifact($input: DeleteArtifactInput!) { deleteArtifact(input: $input) { artifact { id } } }"

_PAGE = 50


def logged(reach: Reach, client_id: str, digest: str, place: tuple[str | None, str, str, str]) -> UsedArtifact | None:
    """The version that was logged under this client id, or that had this content before; None if there is none yet.

    Args:
        reach: the way to the server.
        client_id: id made here, under which the version was logged.
        digest: digest of the content.
        place: entity, project, type and name of its collection.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    with reach() as link:
        found = dig(link.graphql(ID_OF_CLIENT, {"clientID": client_id}), "clientIDMapping", "serverID")
    if isinstance(found, str):
        known = by_id(reach, found)
        return known if known is not None and known.name.rpartition(":v")[2].isdecimal() else None
    return next((each for each in versions(reach, *place) if each.digest == digest), None)


def type_of(reach: Reach, entity: str | None, project: str, name: str) -> str | None:
    """The type of the artifacts with this name; None if there are none. The server is asked only once.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    asked = {"entity": entity, "project": project, "name": name}
    with reach() as link:
        answer = link.call(lambda client: client.graphql(_TYPE, asked), attempts=1)
    found = dig(answer, "project", "artifactCollection", "defaultArtifactType", "name")
    return found if isinstance(found, str) else None


def about(reach: Reach, artifact_id: str) -> Mapping[str, Any]:
    """What else the server says about an artifact: createdAt, updatedAt, historyStep.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    with reach() as link:
        return dig(link.graphql(_ABOUT, {"id": artifact_id}), "artifact") or {}


def kept_for(reach: Reach, artifact_id: str) -> int | None:
    """How many seconds an artifact is kept; None if it stays.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    with reach() as link:
        seconds = dig(link.graphql(_KEPT, {"id": artifact_id}), "artifact", "ttlDurationSeconds")
    return int(seconds) if isinstance(seconds, (int, str)) and int(seconds) > 0 else None


def by_id(reach: Reach, artifact_id: str) -> UsedArtifact | None:
    """The artifact that the server knows by this id.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    with reach() as link:
        node = dig(link.graphql(_BY_ID, {"id": artifact_id}), "artifact")
    return found_artifact(node, reach) if isinstance(node, dict) else None


def versions(reach: Reach, entity: str | None, project: str, kind: str, name: str) -> Iterator[UsedArtifact]:
    """All versions in a collection, in the server's order, requested page by page.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    asked = {"entity": entity, "project": project, "type": kind, "collection": name}
    after: str | None = None
    while True:
        with reach() as link:
            answer = link.graphql(_VERSIONS, {**asked, "after": after, "first": _PAGE})
        page = dig(answer, "project", "artifactType", "artifactCollection", "artifacts")
        for edge in dig(page, "edges") or []:
            yield found_artifact(edge["node"], reach)
        before, after = after, dig(page, "pageInfo", "endCursor")
        if not dig(page, "pageInfo", "hasNextPage") or after in {None, before}:
            return


def change(reach: Reach, artifact_id: str, **changed: Any) -> None:
    """Change what the server stores about an artifact.

    Args:
        reach: the way to the server.
        artifact_id: the server's id of the artifact.
        **changed: description, metadata (a mapping), tags_added, tags_removed, and ttl (seconds).

    Raises:
        LogError: the metadata cannot be sent.
        TransportError, HTTPStatusError, GraphQLError: the server does not take it.
    """
    values: dict[str, Any] = {"artifactID": artifact_id, "description": changed.get("description")}
    values["metadata"] = metadata_json(changed.get("metadata") or {})
    if changed.get("ttl"):
        values["ttlDurationSeconds"] = changed["ttl"]
    for name, field in (("tags_added", "tagsToAdd"), ("tags_removed", "tagsToDelete")):
        if changed.get(name):
            values[field] = [{"tagName": tag} for tag in changed[name]]
    with reach() as link:
        link.graphql(_UPDATE, {"input": values})


def change_aliases(
    reach: Reach, artifact_id: str, place: Mapping[str, str], added: Iterable[str], removed: Iterable[str]
) -> None:
    """Add names to a version, and remove names from it.

    Args:
        reach: the way to the server.
        artifact_id: the server's id of the artifact.
        place: entityName, projectName and artifactCollectionName.
        added: names to add; if another version has one of them, it loses that name.
        removed: names to remove.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server does not take it.
    """
    for document, names in ((_ADD, list(added)), (_TAKE, list(removed))):
        if names:
            aliases = [{**place, "alias": name} for name in names]
            with reach() as link:
                link.graphql(document, {"input": {"artifactID": artifact_id, "aliases": aliases}})


def delete(reach: Reach, artifact_id: str, *, with_aliases: bool) -> None:
    """Delete the version from the server, for good.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server refuses, for example because the version has aliases.
    """
    with reach() as link:
        link.graphql(_DELETE, {"input": {"artifactID": artifact_id, "deleteAliases": with_aliases}})


def runs_of(reach: Reach, artifact_id: str) -> tuple[str | None, list[str]]:
    """The run that logged an artifact, and the runs that use it, each as `entity/project/id`.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    with reach() as link:
        node = dig(link.graphql(_RUNS, {"id": artifact_id}), "artifact")
    if not isinstance(node, dict):
        raise LogError("the server does not know this artifact any more")
    users = [_path(dig(edge, "node")) for edge in dig(node, "usedBy", "edges") or []]
    return _path(dig(node, "createdBy")), [user for user in users if user]


def _path(run: object) -> str | None:
    name = dig(run, "name")
    return f"{dig(run, 'project', 'entityName')}/{dig(run, 'project', 'name')}/{name}" if name else None
