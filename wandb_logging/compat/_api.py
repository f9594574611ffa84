"""`wandb.Api`: `wandb_logging.Api` with the official SDK's arguments."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from wandb_logging._api.api import Api as _Api, Runs
from wandb_logging._api.runs import ApiFile, ApiRun
from wandb_logging._artifacts.changing import versions
from wandb_logging._errors import LogError
from wandb_logging.compat._active import current
from wandb_logging.compat._artifact import Artifact
from wandb_logging.compat._listing import Listing
from wandb_logging.compat._refused import not_covered


class File(ApiFile):
    """A file of a run. `download` returns the file opened, as the official SDK's does."""

    def download(  # type: ignore[override]  # the official SDK's
        self, root: str = ".", replace: bool = False, exist_ok: bool = False, api: object = None
    ) -> IO[str]:
        """Fetch the file. With `exist_ok`, a local file that is already there is opened instead."""
        del api
        target = Path(root, self.name)
        if not (exist_ok and target.exists()):
            target = super().download(root, replace=replace)
        return target.open(encoding="utf-8", errors="surrogateescape")


class HTTPSummary(dict[str, Any]):
    """The summary of a run on the server. `update` sets values and sends the whole summary.

    Args:
        values: the values in the summary.
        send: function that sends the summary.
    """

    def __init__(self, values: Mapping[str, Any], send: Callable[[], object]) -> None:
        super().__init__(values)
        self._send = send

    @property
    def _json_dict(self) -> dict[str, Any]:
        return dict(self)

    def update(self, *values: Any, **more: Any) -> None:
        """Set several values, and send the summary."""
        super().update(*values, **more)
        self._send()


class Project(NamedTuple):
    """A project."""

    name: str
    entity: str


class Run(ApiRun):
    """A run on the server. `display_name` is another name of `name`; `history` returns a pandas data frame."""

    def _take(self, node: Mapping[str, Any]) -> None:
        super()._take(node)
        self.summary = HTTPSummary(self.summary, self.update)

    @property
    def metadata(self) -> dict[str, Any] | None:
        """Facts about its program and machine: the file wandb-metadata.json; None if the run has none."""
        found = next(super().files(["wandb-metadata.json"]), None)
        if found is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            values: dict[str, Any] = json.loads(found.download(folder).read_bytes())
        return values

    def delete(self, delete_artifacts: bool = False) -> None:  # type: ignore[override]  # the official SDK's
        """Delete the run from the server, permanently."""
        super().delete(with_artifacts=delete_artifacts)

    save = ApiRun.update

    @property
    def display_name(self) -> str:
        """The name that people see."""
        return self.name

    @display_name.setter
    def display_name(self, name: str) -> None:
        self.name = name

    @property
    def path(self) -> list[str]:  # type: ignore[override]  # the official SDK's
        """Team, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802  the official SDK's name
        """The step of the last row; -1 if there is no row."""
        return self.last_step

    def history(  # type: ignore[override]  # the official SDK's
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """Rows, reduced by the server to the number asked for: a pandas data frame, or a list."""
        if stream != "default":
            raise not_covered(f"wandb.Api().run().history(stream={stream!r})")
        if x_axis != "_step":
            raise not_covered(f"wandb.Api().run().history(x_axis={x_axis!r})")
        return super().history(samples, keys, "pandas" if pandas else None)

    def scan_history(  # type: ignore[override]  # the official SDK's order
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """All rows, requested page by page."""
        if keys is not None and not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
            raise LogError(f"keys: expected a list of texts, got {keys!r}")
        return super().scan_history(keys, min_step or 0, max_step, page_size)

    def files(self, names: Sequence[str] | None = None, per_page: int = 50) -> Listing[File]:
        """The files of the run."""
        del per_page
        return Listing(lambda: (File(**vars(file)) for file in super(Run, self).files(names)))

    def logged_artifacts(self, per_page: int = 100) -> Listing[Artifact]:  # type: ignore[override]  # as above
        """The artifacts that the run logged."""
        del per_page
        return Listing(lambda: map(Artifact.of, super(Run, self).logged_artifacts()))

    def used_artifacts(self, per_page: int = 100) -> Listing[Artifact]:  # type: ignore[override]  # as above
        """The artifacts that the run used."""
        del per_page
        return Listing(lambda: map(Artifact.of, super(Run, self).used_artifacts()))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise not_covered(f"wandb.Api().run().{name}", (name for name in dir(type(self)) if not name.startswith("_")))


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

    def runs(
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
        return super().runs(path, filters, order, per_page)

    def projects(self, entity: str | None = None, per_page: int = 200) -> Listing[Project]:  # type: ignore[override]
        """The projects of a team or user."""
        del per_page
        owner = entity or self._entity or self.default_entity
        return Listing(lambda: (Project(name, owner or "") for name in super(Api, self).projects(owner)))

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
        self, type_name: str, name: str, per_page: int = 50, tags: str | Sequence[str] | None = None
    ) -> Listing[Artifact]:
        """All versions of an artifact: `name`, `project/name` or `entity/project/name`; only those with all `tags`."""
        del per_page
        wanted = {tags} if isinstance(tags, str) else set(tags or ())
        *place, collection = name.split("/")
        entity, project = self._place("/".join(place) or self._project or "uncategorized", name)
        found = versions(self._server.link, entity, project, type_name, collection)
        return Listing(lambda: (Artifact.of(each) for each in found if wanted <= set(each.tags)))

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Listing[Artifact]:
        """The older name of `artifacts`."""
        return self.artifacts(type_name, name, per_page)

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
