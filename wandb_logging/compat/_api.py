"""`wandb.Api`: `wandb_logging.Api` with the official SDK's arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from wandb_logging._api import documents
from wandb_logging._api.api import Api as _Api
from wandb_logging._api.asking import Server
from wandb_logging._api.runs import framed, run_node
from wandb_logging._errors import LogError
from wandb_logging._server.protocol import dig
from wandb_logging._values.ids import new_id
from wandb_logging.compat._active import current
from wandb_logging.compat._api_run import Run
from wandb_logging.compat._artifact import Artifact
from wandb_logging.compat._collections import (
    ArtifactCollection,
    Artifacts,
    ArtifactType,
    collection as collection_named,
    collections,
    type_named,
    types,
)
from wandb_logging.compat._listing import Counted, Listing
from wandb_logging.compat._projects import Project
from wandb_logging.compat._refused import not_covered


class Runs(Listing[Run]):
    """The runs of a project. `len` is known from the first page.

    Args:
        server: the server that is asked.
        asked: the variables of the question.
        per_page: number of runs that are requested at a time.

    Raises:
        ValueError: when it is read: there is no such project.
    """

    def __init__(self, server: Server, asked: Mapping[str, Any], per_page: int) -> None:
        self.entity, self.project, self.order = asked["entity"], asked["project"], asked["order"]
        self.filters = json.loads(asked["filters"])
        pages = server.pages(documents.RUNS, asked, "project", "runs", page=per_page)
        super().__init__(pages, lambda edge: Run(server, edge["node"]))

    def __repr__(self) -> str:
        return f"<Runs {self.entity}/{self.project}>"

    def __len__(self) -> int:
        if self.more and not self._pages.answer:
            self._pages.turn()
        self._check_there()
        return int(dig(self._pages.answer, "project", "runCount") or 0)

    def _reads_on(self) -> bool:
        more = super()._reads_on()
        self._check_there()
        return more

    def _check_there(self) -> None:
        if dig(self._pages.answer, "project") is None:
            raise ValueError(f"Could not find project {self.project}")

    def histories(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        format: str = "default",  # noqa: A002  the official SDK's name
        stream: str = "default",
    ) -> Any:
        """Rows of all runs, each with the `run_id` of its run.

        Args:
            samples: most rows of one run.
            keys: only these, and only rows that have all of them.
            x_axis: as for `Run.history`.
            format: pandas or polars for a data frame, with its columns in the order of their names. Default: a list.
            stream: as for `Run.history`.

        Raises:
            LogError: there is no such format, or its package is not installed.
        """
        if format not in {"default", "pandas", "polars"}:
            raise LogError(f"Invalid format: {format}. Must be one of 'default', 'pandas', 'polars'")
        rows = [
            {**row, "run_id": run.id}
            for run in self
            for row in run.history(samples, keys, x_axis, pandas=False, stream=stream)
        ]
        if format == "default":
            return rows
        names = sorted({name for row in rows for name in row})
        return framed([{name: row.get(name) for name in names} for row in rows], format)

    def upgrade_to_full(self) -> None:
        """Do nothing, because each run has all its values from the beginning."""


class Api(_Api):
    """Access to the server's data: `run`, `runs`, `artifact`, `projects`.

    Args:
        overrides: entity, project and base_url to use instead of the usual ones.
        timeout: seconds to connect, and between two bytes of an answer.
        api_key: the key. Default: the key that is used for sending runs.
    """

    kind = Run

    def __init__(
        self, overrides: Mapping[str, Any] | None = None, timeout: float | None = None, api_key: str | None = None
    ) -> None:
        given = dict(overrides or {})
        super().__init__(
            given.get("entity"),
            given.get("project"),
            host=given.get("base_url"),
            api_key=api_key,
            timeout=timeout or 30.0,
        )

    def run(self, path: str) -> Any:
        """A run of the server, as `Run`."""
        return super().run(path)

    def runs(  # type: ignore[override]  # a list that also knows its own length and cursor
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = True,
        lazy: bool = True,
    ) -> Runs:
        """The runs of a project."""
        del include_sweeps, lazy
        asked = self._asked(path, filters, order)
        return Runs(self._server, {**asked, "entity": asked["entity"] or self.default_entity}, per_page)

    def projects(self, entity: str | None = None, per_page: int = 200) -> Listing[Project]:  # type: ignore[override]
        """The projects of a team or user."""
        owner = entity or self._entity or self.default_entity
        pages = self._server.pages(documents.PROJECTS, {"entity": owner}, "models", page=per_page)
        return Listing(pages, lambda edge: Project(self._server, edge["node"]["name"], owner or ""))

    def project(self, name: str, entity: str | None = None) -> Project:
        """A project: `name`, or `entity/name`."""
        owner, project = self._whole(name)
        return Project(self._server, project, entity or owner or "")

    def create_project(self, name: str, entity: str) -> None:
        """Make a project, if there is none of that name."""
        self._server.ask(documents.MAKE_PROJECT, {"entity": entity, "project": name})

    def create_run(self, *, run_id: str | None = None, project: str | None = None, entity: str | None = None) -> Run:
        """Make a run on the server without writing to it, for example to `upload_file`.

        Args:
            run_id: its id. Default: a new one.
            project, entity: where. Default: the usual ones.
        """
        owner, name = self._whole(project)
        run, where = run_id or new_id(), {"entity": entity or owner, "project": name}
        self._server.ask(documents.MAKE_RUN, {**where, "name": run})
        return Run(self._server, run_node(self._server, where["entity"], name, run))

    def artifact(self, name: str, type: str | None = None) -> Artifact:  # type: ignore[override]  # noqa: A002
        """An artifact.

        Raises:
            LogError: there is no such artifact, or it is of another type.
        """
        found = super().artifact(name)
        if type is not None and found.type != type:
            raise LogError(f"artifact {name} is of type {found.type}, not {type}")
        return Artifact.of(found)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:  # noqa: A002  as above
        """Whether there is an artifact of that name and, if given, of that type."""
        try:
            self.artifact(name, type)
        except LogError:
            return False
        return True

    def artifacts(
        self,
        type_name: str,
        name: str,
        order: str | None = None,
        per_page: int = 50,
        tags: str | Sequence[str] | None = None,
        start: str | None = None,
    ) -> Artifacts:
        """All versions of an artifact: `name`, `project/name` or `entity/project/name`.

        Args:
            type_name: the type of the artifact.
            name: its name.
            order: what to sort by, such as `version_index` or `-created_at`. Default: the server's order.
            per_page: number of versions that are requested at a time.
            tags: only versions that have all of these.
            start: the `cursor` of another such list, from where to go on.
        """
        place, collection = self._place_of(name)
        return Artifacts(self._server, (*place, type_name, collection), order, per_page, tags, start)

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Artifacts:
        """The older name of `artifacts`."""
        return self.artifacts(type_name, name, per_page=per_page)

    def artifact_types(self, project: str | None = None, start: str | None = None) -> Listing[ArtifactType]:
        """The types of artifacts in a project, given as `project` or `entity/project`."""
        return types(self._server, self._whole(project), start)

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """A type of artifacts in a project.

        Raises:
            LogError: there are no artifacts of that type.
        """
        return type_named(self._server, self._whole(project), type_name)

    def artifact_collections(
        self,
        project_name: str,
        type_name: str,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> Counted[ArtifactCollection]:
        """The collections of artifacts of a type.

        Args:
            project_name: `project` or `entity/project`.
            type_name: the type of the artifacts.
            order: what to sort by, such as `name` or `-created_at`. Default: the server's order.
            per_page: number of collections that are requested at a time.
            start: the `cursor` of another such list, from where to go on.

        Raises:
            UnsupportedError: the server cannot sort collections.
        """
        return collections(self._server, self._whole(project_name), type_name, None, order, per_page, start)

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """A collection of artifacts: `name`, `project/name` or `entity/project/name`.

        Raises:
            LogError: there is no collection of this name and type.
        """
        place, collection = self._place_of(name)
        return collection_named(self._server, place, type_name, collection)

    def artifact_collection_exists(self, name: str, type: str) -> bool:  # noqa: A002  as above
        """Whether there is a collection of this name and type."""
        try:
            self.artifact_collection(type, name)
        except LogError:
            return False
        return True

    def _whole(self, path: str | None) -> tuple[str | None, str]:
        """Entity and project of a path; the usual ones for what it does not name."""
        entity, project = self._place(path or self._project or "uncategorized", path or "")
        return entity or self.default_entity, project

    def _place_of(self, name: str) -> tuple[tuple[str | None, str], str]:
        """Entity, project and name of an artifact's collection."""
        *place, collection = name.split(":", maxsplit=1)[0].split("/")
        return self._whole("/".join(place)), collection

    def flush(self) -> None:
        """Do nothing, because answers are not cached here."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise not_covered(f"wandb.Api().{name}", (name for name in dir(type(self)) if not name.startswith("_")))


def restore(name: str, run_path: str | None = None, replace: bool = False, root: str | None = None) -> IO[str] | None:
    """Fetch a file of a run from the server, unless it is already there. Returns the opened file.

    Args:
        name: name of the file in the run.
        run_path: `entity/project/id` of the run. Default: the current run.
        replace: whether to fetch a file again that is already there.
        root: folder for the file. Default: that of the current run, else the working directory.

    Returns:
        None if the run has no such file, or if it is the current run and disabled, since that asks no server.

    Raises:
        LogError: there is no such run.
    """
    run = current()
    if run_path is None and run is not None and run.disabled:
        return None
    if run_path is None and run is None:
        raise LogError("run_path required: call wandb.init() before wandb.restore(), or name a run")
    folder = root or (run.dir if run is not None else ".")
    target = Path(folder, name)
    if replace or not target.exists():
        files = Api().run(run_path or (run.path if run is not None else "")).files([name])
        found = next(iter(files), None)
        if found is None:
            return None
        return found.download(folder, replace=True)  # type: ignore[no-any-return]
    return target.open(encoding="utf-8", errors="surrogateescape")
