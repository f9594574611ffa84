"""Changes and queries an artifact on the server: its names, description and links, and the runs that made or use it.

Each function takes the way to the server, and the server's own id of the artifact.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from wandb_logging._artifacts.download import UsedArtifact, found_artifact
from wandb_logging._artifacts.keeping import metadata_json
from wandb_logging._artifacts.wire import ID_OF_CLIENT, LINK_ARTIFACT
from wandb_logging._errors import LogError
from wandb_logging._server.pages import PAGE, Pages, Reach
from wandb_logging._server.protocol import dig

_RUN = "name project { name entityName }"

PARTS = """id state digest description metadata versionIndex createdAt tags { name }
    aliases { alias artifactCollection { name project { name entityName } } }
    artifactType { name } artifactSequence { name project { name entityName } }"""

_BY_ID = f"query ArtifactByID($id: ID!) {{ artifact(id: $id) {{ {PARTS} }} }}"

_RUNS = f"""query ArtifactRuns($id: ID!) {{
  artifact(id: $id) {{ createdBy {{ __typename ... on Run {{ {_RUN} }} }} usedBy {{ edges {{ node {{ {_RUN} }} }} }} }}
}}"""

_VERSIONS = f"""query ProjectArtifacts($entity: String, $project: String!, $type: String!, $collection: String!,
    $after: String, $first: Int, $order: String, $filters: JSONString) {{
  project(entityName: $entity, name: $project) {{
    artifactType(name: $type) {{
      artifactCollection(name: $collection) {{
        artifacts(after: $after, first: $first, order: $order, filters: $filters) {{
          totalCount edges {{ version node {{ {PARTS} }} }} pageInfo {{ hasNextPage endCursor }}
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

_MEMBERSHIPS = f"""query FetchLinkedArtifacts($id: ID!) {{
  artifact(id: $id) {{
    {PARTS}
    artifactMemberships {{
      edges {{ node {{ versionIndex artifactCollection {{ name project {{ name entityName }} }} }} }}
    }}
  }}
}}"""

_UNLINK = "mutation UnlinkArtifact($input: UnlinkArtifactInput!) { unlinkArtifact(input: $input) { success } }"

_ABOUT = "query ArtifactAbout($id: ID!) { artifact(id: $id) { createdAt updatedAt historyStep } }"
_KEPT = "query ArtifactKept($id: ID!) { artifact(id: $id) { ttlDurationSeconds ttlIsInherited } }"

_UPDATE = "mutation UpdateArtifact($input: UpdateArtifactInput!) { updateArtifact(input: $input) { artifact { id } } }"
_ADD = "mutation AddAliases($input: AddAliasesInput!) { addAliases(input: $input) { success } }"
_TAKE = "mutation DeleteAliases($input: DeleteAliasesInput!) { deleteAliases(input: $input) { success } }"
_DELETE = "mutation DeleteArtifact($input: DeleteArtifactInput!) { deleteArtifact(input: $input) { artifact { id } } }"


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
    found = next((edge["node"] for edge in versions(reach, place) if edge["node"]["digest"] == digest), None)
    return None if found is None else found_artifact(found, reach)


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


def versions(
    reach: Reach,
    place: tuple[str | None, str, str, str],
    order: str | None = None,
    page: int = PAGE,
    after: str | None = None,
) -> Pages:
    """All complete versions in a collection. Each edge also has the `version` that it is in this collection.

    Args:
        reach: the way to the server.
        place: entity, project, type and name of the collection.
        order: what to sort by, with + (ascending) or - (descending) before it. Default: the server's order.
        page, after: as for `Pages`.
    """
    entity, project, kind, name = place
    asked = {"entity": entity, "project": project, "type": kind, "collection": name}
    how = {"order": order, "filters": '{"state": "COMMITTED"}'}
    path = ("project", "artifactType", "artifactCollection", "artifacts")
    return Pages(reach, _VERSIONS, {**asked, **how}, *path, page=page, after=after)


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


def memberships(reach: Reach, artifact: UsedArtifact) -> list[UsedArtifact]:
    """An artifact as a member of each collection that it is in: its own, and those it is linked to.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    with reach() as link:
        node = dig(link.graphql(_MEMBERSHIPS, {"id": artifact.id}), "artifact")
    found = []
    for edge in dig(node, "artifactMemberships", "edges") or []:
        collection = dig(edge, "node", "artifactCollection")
        place = (dig(collection, "project", "entityName"), str(dig(collection, "project", "name")))
        name = f"{dig(collection, 'name')}:v{dig(edge, 'node', 'versionIndex')}"
        found.append(found_artifact(node, reach, place, name))
    return found


def link(reach: Reach, artifact: UsedArtifact, place: tuple[str, str, str], aliases: Iterable[str]) -> UsedArtifact:
    """Add an artifact to another collection. Returns it as a member of that collection.

    Args:
        reach: the way to the server.
        artifact: the artifact.
        place: entity, project and name of the collection. It is made if there is none.
        aliases: names of this version there.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server does not take it.
    """
    (entity, project, collection), aliases = place, tuple(aliases)
    names = [{"artifactCollectionName": collection, "alias": alias} for alias in aliases]
    where = {"entityName": entity, "projectName": project, "artifactPortfolioName": collection}
    with reach() as way:
        answer = way.graphql(LINK_ARTIFACT, {"input": {"artifactID": artifact.id, **where, "aliases": names}})
    version = f"v{dig(answer, 'linkArtifact', 'versionIndex')}"
    return member(reach, artifact, place) or dataclasses.replace(
        artifact, entity=entity, project=project, name=f"{collection}:{version}", aliases=aliases
    )


def member(reach: Reach, artifact: UsedArtifact, place: tuple[str | None, str, str]) -> UsedArtifact | None:
    """An artifact as a member of a collection, given as entity, project and name; None if it is not in there.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
    """
    for found in memberships(reach, artifact):
        if (found.entity, found.project, found.name.rpartition(":")[0]) == place:
            return found
    return None


def unlink(reach: Reach, artifact_id: str, collection_id: str) -> None:
    """Take an artifact out of a collection that it is linked to.

    Raises:
        TransportError, HTTPStatusError, GraphQLError: the server does not do it.
    """
    with reach() as link:
        link.graphql(_UNLINK, {"input": {"artifactID": artifact_id, "artifactPortfolioID": collection_id}})


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
