"""The part of `wandb.Artifact` about collections: the one it was logged to, and those it is linked to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from wandb_logging._artifacts import changing
from wandb_logging._errors import LogError
from wandb_logging._keys.keys import resolve_host
from wandb_logging._server.protocol import app_url
from wandb_logging._settings.settings import Settings
from wandb_logging.compat._active import current

if TYPE_CHECKING:
    from wandb_logging._artifacts.download import UsedArtifact
    from wandb_logging._server.pages import Reach
    from wandb_logging.compat._artifact import Artifact
    from wandb_logging.compat._collections import ArtifactCollection
    from wandb_logging.compat._run import Run

RESERVED = {"job": "", "run_table": "run-", "code": "source-"}  # type -> how names begin that W&B keeps for itself


def place_of(target_path: str) -> dict[str, str]:
    """The collection, project and entity in a path. Only the collection has to be there.

    Raises:
        LogError: the path is malformed.
    """
    parts = target_path.split("/")
    if not 1 <= len(parts) <= 3 or not all(parts) or ":" in target_path:
        raise LogError(f"target_path={target_path!r}: expected name, project/name or entity/project/name")
    return dict(zip(("collection", "project", "entity"), reversed(parts)))


class Links:
    """The members of `wandb.Artifact` for its collections."""

    type: str
    _run: Run | None
    _link: Any
    _original: UsedArtifact | None = None  # what it is a link to, or itself

    if TYPE_CHECKING:

        def on_server(self) -> UsedArtifact: ...
        def is_draft(self) -> bool: ...
        def save(self) -> None: ...
        @property
        def _reach(self) -> Reach: ...

    def _source(self) -> UsedArtifact:
        """The artifact under the name that it was logged with."""
        if self._original is None:
            server, logged_here = self.on_server(), self._run is not None and self._link is None
            self._original = server if logged_here else changing.by_id(self._reach, server.id) or server
        return self._original

    @property
    def is_link(self) -> bool:
        """Whether this is a link: a member of another collection than the one that it was logged to."""
        if self.is_draft():
            return False
        server, source = self.on_server(), self._source()
        return (server.entity, server.project, server.name) != (source.entity, source.project, source.name)

    @property
    def source_artifact(self) -> Artifact:
        """The artifact that this is a link to; itself if it is no link."""
        return _artifact(self._source()) if self.is_link else self  # type: ignore[return-value]

    @property
    def source_entity(self) -> str:
        """The team or user of the collection that it was logged to."""
        return self._source().entity or ""

    @property
    def source_project(self) -> str:
        """The project of the collection that it was logged to."""
        return self._source().project

    @property
    def source_name(self) -> str:
        """Name and version in the collection that it was logged to."""
        return self._source().name

    @property
    def source_version(self) -> str:
        """The version in the collection that it was logged to."""
        return self._source().version

    @property
    def source_qualified_name(self) -> str:
        """`entity/project/name:version` of the collection that it was logged to."""
        return f"{self.source_entity}/{self.source_project}/{self.source_name}"

    @property
    def collection(self) -> ArtifactCollection:
        """The collection that this is a member of."""
        return self._collection_of(self.on_server())

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection that it was logged to."""
        return self._collection_of(self._source())

    def _collection_of(self, found: UsedArtifact) -> ArtifactCollection:
        name = found.name.rpartition(":")[0]
        return _api().artifact_collection(self.type, f"{found.entity}/{found.project}/{name}")  # type: ignore[no-any-return]

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """The links to this artifact; none for one that is itself a link."""
        if self.is_link or (self._run is not None and self._run.disabled):
            return []
        server = self.on_server()
        own = (server.entity, server.project, server.name)
        found = changing.memberships(self._reach, server)
        return [_artifact(each) for each in found if (each.entity, each.project, each.name) != own]

    @property
    def url(self) -> str:
        """Address of its page."""
        server = self.on_server()
        name, _, version = server.name.rpartition(":")
        path = f"{server.entity}/{server.project}/artifacts/{server.type}/{name}/{version}"
        return f"{app_url(resolve_host(None))}/{path}"

    def link(self, target_path: str, aliases: Iterable[str] | None = None) -> Artifact:
        """Add the artifact to another collection. One that was not logged is logged before.

        Args:
            target_path: `name`, `project/name` or `entity/project/name`. Default for the project: WANDB_PROJECT, else
                uncategorized; for the entity: that of the artifact.
            aliases: names of this version in that collection.

        Returns:
            The artifact as a member of that collection.

        Raises:
            LogError: the path is malformed.
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server did not take it.
        """
        place = {"project": Settings.of({}).project, **place_of(target_path)}
        run = self._run if self._run is not None and self._run.going_on else current()
        if run is not None:
            path = "/".join(place[part] for part in ("entity", "project", "collection") if part in place)
            return run.link_artifact(self, path, aliases)  # type: ignore[arg-type]  # which is an Artifact
        if self.is_draft():
            self.save()
        source, project = self._source(), place["project"]
        where = (place.get("entity") or source.entity or "", project, place["collection"])
        return _artifact(changing.link(self._reach, source, where, aliases or ()))

    def unlink(self) -> None:
        """Take this link out of its collection. The artifact itself stays.

        Raises:
            ValueError: this is no link.
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server did not do it.
        """
        server = self.on_server()
        if not self.is_link:
            raise ValueError(
                f"Artifact {self.source_qualified_name!r} is not a linked artifact and cannot be unlinked.  "
                "To delete it, use 'Artifact.delete' instead."
            )
        changing.unlink(self._reach, server.id, self.collection.id)


def _artifact(found: UsedArtifact) -> Artifact:
    from wandb_logging.compat._artifact import Artifact  # noqa: PLC0415  which has these members

    return Artifact.of(found)


def _api() -> Any:
    from wandb_logging.compat._api import Api  # noqa: PLC0415  that module returns artifacts

    return Api()
