"""`Api`: the class with which reading from the server begins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from wandb_logging._api import documents
from wandb_logging._api.asking import Server
from wandb_logging._api.runs import ApiRun, run_node
from wandb_logging._artifacts.download import UsedArtifact, find_artifact
from wandb_logging._errors import LogError
from wandb_logging._server.pages import PAGE
from wandb_logging._server.protocol import VIEWER, dig


class Api:
    """Reads what is on the server. Each call asks the server.

    A request that fails is repeated for up to a minute if that can help. Sweeps, reports and launch are not covered.

    Args:
        entity: team or user for paths that name none. Default: the one that the key belongs to.
        project: project for paths that name none.
        host: address of the W&B API. Default: WANDB_BASE_URL, else W&B's own cloud.
        api_key: the API key. Default: the one with which runs are sent.
        timeout: most seconds to connect, and between two bytes of an answer.

    Raises:
        SettingsError: `host` is not an address.
    """

    kind: type[ApiRun] = ApiRun

    def __init__(
        self,
        entity: str | None = None,
        project: str | None = None,
        *,
        host: str | None = None,
        api_key: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._server = Server(host, api_key, timeout)
        self._entity = entity
        self._project = project

    def run(self, path: str) -> ApiRun:
        """Find a run.

        Args:
            path: `entity/project/id`, `project/id`, or the id alone.

        Raises:
            LogError: there is no such run, or the path is malformed.
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server could not be asked.
        """
        *place, name = path.strip("/").split("/")
        entity, project = self._place("/".join(part for part in place if part != "runs"), path)
        return self.kind(self._server, run_node(self._server, entity, project, name))

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = PAGE,
    ) -> Runs:
        """The runs of a project. Pages are asked for as they are needed.

        Args:
            path: `entity/project`, or the project alone.
            filters: conditions as on W&B's page, such as `{"tags": "best"}` or `{"config.lr": 0.1}`.
            order: a field to sort by, such as created_at, with + (ascending) or - (descending) before it.
            per_page: number of runs that are asked for at a time.
        """
        return Runs(self._server, self._asked(path, filters, order), per_page, self.kind)

    def _asked(self, path: str | None, filters: Mapping[str, Any] | None, order: str) -> dict[str, Any]:
        """The variables of the question for runs."""
        entity, project = self._place(path or "", path or "")
        return {"entity": entity, "project": project, "filters": json.dumps(dict(filters or {})), "order": order}

    @cached_property
    def default_entity(self) -> str | None:
        """The team or user that the key belongs to. It is asked for once."""
        found = dig(self._server.ask(VIEWER, {}), "viewer", "entity")
        return found if isinstance(found, str) else None

    def projects(self, entity: str | None = None) -> Iterator[str]:
        """The names of the projects of a team or user, from the server while they are read.

        Args:
            entity: the team or user. Default: that of this object, or of the key.

        Raises:
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
        """
        for edge in self._server.pages(documents.PROJECTS, {"entity": entity or self._entity}, "models"):
            yield str(edge["node"].get("name"))

    def artifact(self, name: str) -> UsedArtifact:
        """Find an artifact. Its `download` fetches the files.

        Args:
            name: `name:alias`, `project/name:alias` or `entity/project/name:alias`. Without an alias: latest.

        Raises:
            LogError: there is no such artifact.
            TransportError, HTTPStatusError, GraphQLError: the server could not be asked.
        """
        return find_artifact(self._server.link, name, self._entity, self._project or "uncategorized")

    def _place(self, path: str, asked: str) -> tuple[str | None, str]:
        parts = [part for part in path.strip("/").split("/") if part]
        project = parts[-1] if parts else self._project
        if project is None or len(parts) > 2:
            raise LogError(f"path {asked!r}: expected entity/project, with the run's id behind it for a run")
        return (parts[0] if len(parts) == 2 else self._entity), project


class Runs:
    """The runs of a project. Iterating asks for one page after the other; `len` asks for the number of runs."""

    def __init__(self, server: Server, asked: Mapping[str, Any], page: int, kind: type[ApiRun]) -> None:
        self._server = server
        self._asked = asked
        self._page = page
        self._kind = kind

    def __iter__(self) -> Iterator[ApiRun]:
        found = self._server.pages(documents.RUNS, self._asked, "project", "runs", page=self._page)
        return (self._kind(self._server, edge["node"]) for edge in found)

    def __getitem__(self, number: int) -> ApiRun:
        """The run at an index. All pages up to it are asked for; for a negative index, all pages are."""
        if number < 0:
            return list(self)[number]
        for place, run in enumerate(self):
            if place == number:
                return run
        raise IndexError(f"there is no run number {number}")

    def __len__(self) -> int:
        answer = self._server.ask(documents.RUNS, {**self._asked, "after": None, "first": 1})
        return int(dig(answer, "project", "runCount") or 0)
