"""`wandb.Api`'s projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandb_logging._api import documents
from wandb_logging._api.asking import Server
from wandb_logging._errors import LogError
from wandb_logging._server.pages import PAGE
from wandb_logging._server.protocol import app_url, dig
from wandb_logging.compat._collections import ArtifactCollection, ArtifactType, sorting, types
from wandb_logging.compat._listing import Counted, Listing
from wandb_logging.compat._refused import not_covered


class Project:
    """A project of a team or user. Whether it is there is found out when it is asked for something.

    Args:
        server: the server that is asked.
        name: its name.
        entity: the team or user.
    """

    def __init__(self, server: Server, name: str, entity: str) -> None:
        self._server = server
        self.name, self.entity = name, entity
        self._where = {"entity": entity, "project": name}

    def __repr__(self) -> str:
        return f"<Project {self.entity}/{self.name}>"

    @property
    def path(self) -> list[str]:
        """Team or user, and name."""
        return [self.entity, self.name]

    @property
    def url(self) -> str:
        """Address of its page."""
        return f"{app_url(self._server.host)}/{self.entity}/{self.name}/workspace"

    @property
    def id(self) -> str:
        """The server's own id of the project.

        Raises:
            LogError: there is no such project.
        """
        found = dig(self._server.ask(documents.PROJECT, self._where), "project", "id")
        if not isinstance(found, str):
            raise LogError(f"there is no project {self.entity}/{self.name}")
        return found

    def artifacts_types(self, per_page: int = PAGE) -> Listing[ArtifactType]:
        """The types of its artifacts."""
        del per_page
        return types(self._server, (self.entity, self.name))

    def collections(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = PAGE,
        start: str | None = None,
    ) -> Counted[ArtifactCollection]:
        """Its collections of artifacts, of all types.

        Args:
            filters, order, per_page, start: as for `Api.artifact_type(...).collections`.

        Raises:
            UnsupportedError: the server cannot filter or sort collections.
        """
        asked = {**self._where, **sorting(self._server, filters, order)}
        path = ("project", "artifactCollections")
        pages = self._server.pages(documents.PROJECT_COLLECTIONS, asked, *path, page=per_page, after=start)
        return Counted(pages, lambda edge: ArtifactCollection(self._server, edge["node"]))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise not_covered(
            f"wandb.Api().project().{name}", (each for each in dir(type(self)) if not each.startswith("_"))
        )
