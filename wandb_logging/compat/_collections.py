"""`wandb.Api`'s artifact types and collections: what artifacts a project has, and under which names and tags."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from wandb_logging._api import documents
from wandb_logging._api.asking import Server
from wandb_logging._artifacts.changing import versions
from wandb_logging._artifacts.download import found_artifact
from wandb_logging._errors import LogError
from wandb_logging._server import protocol
from wandb_logging._server.pages import PAGE
from wandb_logging._server.protocol import dig
from wandb_logging.compat._artifact import Artifact
from wandb_logging.compat._links import RESERVED
from wandb_logging.compat._listing import Counted, Listing
from wandb_logging.compat._refused import NotCovered

_SORTING = "ARTIFACT_COLLECTIONS_FILTERING_SORTING"


class Artifacts(Counted[Artifact]):
    """The versions in a collection.

    Args:
        server: the server that is asked.
        place: entity, project, type and name of the collection.
        order: what to sort by, such as `-created_at`. Default: the server's order.
        per_page: number of versions that are requested at a time.
        tags: only versions that have all of these.
        start: the `cursor` of another such list, from where to go on.

    Raises:
        ValueError: when it is read: there is no such collection.
    """

    def __init__(
        self,
        server: Server,
        place: tuple[str | None, str, str, str],
        order: str | None = None,
        per_page: int = PAGE,
        tags: str | Iterable[str] | None = None,
        start: str | None = None,
    ) -> None:
        self.entity, self.project, self.type, self.collection_name = place
        self.order, self.tags = order, [tags] if isinstance(tags, str) else list(tags or ())
        self._server = server
        super().__init__(versions(server.link, place, order, per_page, start), self._artifact)

    def _artifact(self, edge: Mapping[str, Any]) -> Artifact | None:
        name = f"{self.collection_name}:{edge['version']}"
        found = found_artifact(edge["node"], self._server.link, (self.entity, self.project), name)
        return Artifact.of(found) if set(self.tags) <= set(found.tags) else None

    def _reads_on(self) -> bool:
        more = super()._reads_on()
        if not more and dig(self._pages.answer, "project", "artifactType", "artifactCollection") is None:
            raise ValueError(f"there is no collection {self.collection_name} of type {self.type} in {self.project}")
        return more

    def __len__(self) -> int:
        return len(list(iter(self))) if self.tags else super().__len__()


class ArtifactCollection:
    """A collection of artifacts: the versions of one name, or links to versions of others.

    `save` sends the present values of `name`, `description`, `tags` and `type` to the server.

    Args:
        server: the server that is asked.
        node: the server's answer about the collection.
    """

    def __init__(self, server: Server, node: Mapping[str, Any]) -> None:
        self._server, self._kind = server, str(node["__typename"]).replace("Artifact", "")
        self.id = str(node["id"])
        self.entity, self.project = str(dig(node, "project", "entityName")), str(dig(node, "project", "name"))
        self.name, self.description = str(node["name"]), node.get("description")
        self.created_at, self.updated_at = str(node["createdAt"]), node.get("updatedAt")
        self.tags = [str(dig(edge, "node", "name")) for edge in dig(node, "tags", "edges") or []]
        self._type = str(dig(node, "defaultArtifactType", "name"))
        self._saved = (self.name, self._type, list(self.tags))

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.name} ({self.type})>"

    @property
    def type(self) -> str:
        """The type of its artifacts. Can be set, unless it is a collection of links."""
        return self._type

    @type.setter  # noqa: A003  the official SDK's name
    def type(self, kind: str) -> None:
        if not self.is_sequence():
            raise ValueError("Type can only be changed if the artifact collection is a sequence.")
        self._type = kind

    @property
    def aliases(self) -> list[str]:
        """All aliases of its versions."""
        found = self._server.pages(documents.ALIASES, {"id": self.id}, "artifactCollection", "aliases", page=1000)
        return [str(dig(edge, "node", "alias")) for edge in found]

    def is_sequence(self) -> bool:
        """Whether it has the versions of one name, and not links to others."""
        return self._kind == "Sequence"

    def artifacts(self, per_page: int = PAGE, start: str | None = None) -> Artifacts:
        """Its versions.

        Args:
            per_page: number of versions that are requested at a time.
            start: the `cursor` of another such list, from where to go on.
        """
        name, kind, _ = self._saved
        return Artifacts(self._server, (self.entity, self.project, kind, name), None, per_page, None, start)

    def change_type(self, new_type: str) -> None:
        """Change the type on the server: the older way of setting `type`, and `save`."""
        if not self.is_sequence():
            raise ValueError("Artifact collection needs to be a sequence")
        self.type = new_type
        self._send_type()

    def save(self) -> None:
        """Send the present values to the server.

        Raises:
            LogError: the type is, or would become, one of W&B's own.
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server did not take them.
        """
        _, kind, tags = self._saved
        if kind != self.type:
            self._check_types()
        changed = {f"artifact{self._kind}ID": self.id, "name": self.name, "description": self.description}
        self._server.ask(documents.UPDATE_COLLECTION.format(self._kind), {"input": changed})
        self._saved = (self.name, kind, tags)
        if kind != self.type:
            self._send_type()
        for document, these in (
            (documents.ADD_TAGS, [tag for tag in self.tags if tag not in tags]),
            (documents.TAKE_TAGS, [tag for tag in tags if tag not in self.tags]),
        ):
            if these:
                place = {"entityName": self.entity, "projectName": self.project, "artifactCollectionName": self.name}
                self._server.ask(document, {"input": {**place, "tags": [{"tagName": tag} for tag in these]}})
        self._saved = (self.name, self.type, list(self.tags))

    def _check_types(self) -> None:
        for kind in (self.type, self._saved[1]):
            if kind.startswith("wandb-") or self.name.startswith(RESERVED.get(kind, "/")):
                raise LogError(f"Failed to save artifact collection {self.name!r}: type {kind!r} is one of W&B's own")

    def _send_type(self) -> None:
        self._check_types()
        asked = {"artifactSequenceID": self.id, "destinationArtifactTypeName": self.type}
        self._server.ask(documents.CHANGE_TYPE, {"input": asked})
        self._saved = (self._saved[0], self.type, self._saved[2])

    def delete(self) -> None:
        """Delete the collection from the server, for good; one that is no collection of links with all its versions."""
        asked = {f"artifact{self._kind}ID": self.id}
        self._server.ask(documents.DELETE_COLLECTION.format(self._kind), {"input": asked})


class ArtifactType:
    """A type of artifacts in a project.

    Args:
        server: the server that is asked.
        entity, project: where it is.
        node: the server's answer about the type.
    """

    def __init__(self, server: Server, entity: str | None, project: str, node: Mapping[str, Any]) -> None:
        self._server = server
        self.entity, self.project = entity, project
        self.id, self.name = str(node["id"]), str(node["name"])
        self.type, self.description = self.name, node.get("description")
        self.created_at = node.get("createdAt")

    def __repr__(self) -> str:
        return f"<ArtifactType {self.type}>"

    def collections(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = PAGE,
        start: str | None = None,
    ) -> Counted[ArtifactCollection]:
        """The collections of this type, as `Api.artifact_collections`."""
        return collections(self._server, (self.entity, self.project), self.name, filters, order, per_page, start)

    def collection(self, name: str) -> ArtifactCollection:
        """The collection of this name.

        Raises:
            LogError: there is none.
        """
        return collection(self._server, (self.entity, self.project), self.name, name)


_Place = tuple["str | None", str]


def types(server: Server, place: _Place, start: str | None = None) -> Listing[ArtifactType]:
    """The types of artifacts in a project."""
    found = server.pages(documents.TYPES, _asked(place), "project", "artifactTypes", after=start)
    return Listing(found, lambda edge: ArtifactType(server, *place, edge["node"]))


def type_named(server: Server, place: _Place, name: str) -> ArtifactType:
    """The type of this name.

    Raises:
        LogError: there are no artifacts of that type.
    """
    node = dig(server.ask(documents.TYPE, {**_asked(place), "type": name}), "project", "artifactType")
    if not isinstance(node, dict):
        raise LogError(f"Could not find artifact type {name!r} in {place[1]}")
    return ArtifactType(server, *place, node)


def collections(
    server: Server,
    place: _Place,
    kind: str,
    filters: Mapping[str, Any] | None = None,
    order: str | None = None,
    per_page: int = PAGE,
    start: str | None = None,
) -> Counted[ArtifactCollection]:
    """The collections of a type.

    Args:
        server: the server that is asked.
        place: entity and project.
        kind: the type.
        filters: conditions, such as `{"name": "data"}`.
        order: what to sort by, such as `name` or `-created_at`.
        per_page: number of collections that are requested at a time.
        start: the `cursor` of another such list, from where to go on.

    Raises:
        UnsupportedError: the server cannot filter or sort collections.
    """
    asked = {**_asked(place), "type": kind, **sorting(server, filters, order)}
    path = ("project", "artifactType", "artifactCollections")
    found = server.pages(documents.COLLECTIONS, asked, *path, page=per_page, after=start)
    return Counted(found, lambda edge: ArtifactCollection(server, edge["node"]))


def sorting(server: Server, filters: Mapping[str, Any] | None, order: str | None) -> dict[str, str | None]:
    """What a question for collections says of filters and order.

    Raises:
        UnsupportedError: the server cannot filter and sort collections.
    """
    wanted = filters is not None or order is not None
    if wanted and _SORTING not in protocol.features(server.ask(protocol.FEATURES, {})):
        raise NotCovered(
            "Filtering and ordering of artifact collections is not supported on this wandb server version."
        )
    return {"order": order, "filters": None if filters is None else json.dumps(dict(filters))}


def collection(server: Server, place: _Place, kind: str, name: str) -> ArtifactCollection:
    """The collection of this type and name.

    Raises:
        LogError: there is none.
    """
    answer = server.ask(documents.COLLECTION, {**_asked(place), "type": kind, "name": name})
    node = dig(answer, "project", "artifactType", "artifactCollection")
    if not isinstance(node, dict):
        raise LogError(f"there is no collection {name!r} of artifacts of type {kind!r} in {place[1]}")
    return ArtifactCollection(server, node)


def _asked(place: _Place) -> dict[str, Any]:
    return {"entity": place[0], "project": place[1]}
