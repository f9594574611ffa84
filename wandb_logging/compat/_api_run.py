"""A run and its files, as `wandb.Api` gives them: `wandb_logging.ApiRun` under the official SDK's names."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from wandb_logging._api import documents
from wandb_logging._api.asking import json_mapping
from wandb_logging._api.runs import ApiFile, ApiRun, framed
from wandb_logging._artifacts.download import found_artifact
from wandb_logging._artifacts.wire import USE_ARTIFACT
from wandb_logging._errors import LogError
from wandb_logging._events.file_names import METADATA
from wandb_logging._server.protocol import dig
from wandb_logging.compat._artifact import Artifact
from wandb_logging.compat._listing import Counted, Listing
from wandb_logging.compat._refused import not_covered

_ASK_AGAIN = 5.0  # seconds


def check_keys(keys: object) -> None:
    """Check that keys are a list of texts, or None.

    Raises:
        LogError: they are not.
    """
    if keys is not None and not isinstance(keys, list):
        raise LogError(f"keys must be specified in a list, got {keys!r}")
    if not all(isinstance(key, str) for key in keys or ()):
        raise LogError(f"keys argument must be a list of strings, got {keys!r}")


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


class Run(ApiRun):
    """A run on the server. `display_name` is another name of `name`; `history` returns a pandas data frame."""

    def _take(self, node: Mapping[str, Any]) -> None:
        super()._take(node)
        self.summary = HTTPSummary(self.summary, self.update)

    @property
    def metadata(self) -> dict[str, Any] | None:
        """Facts about its program and machine: the file wandb-metadata.json; None if the run has none."""
        found = next(super().files([METADATA]), None)
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

    storage_id = property(lambda self: self._storage_id, doc="The server's own id of the run.")
    username = property(lambda self: self.entity, doc="The older name of `entity`.")
    summary_metrics = property(lambda self: dict(self.summary), doc="A copy of the summary.")

    @property
    def rawconfig(self) -> dict[str, Any]:
        """The config with what W&B's clients add to it, under `_wandb`."""
        return {**self.config, **({"_wandb": self._wandb} if self._wandb else {})}

    @property
    def json_config(self) -> str:
        """`rawconfig` in the form in which the server stores it, as JSON text."""
        return json.dumps({key: {"value": value, "desc": None} for key, value in self.rawconfig.items()})

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The last system metrics; empty if there are none. Requested each time."""
        answer = self._server.ask(documents.SYSTEM, self._where)
        return json_mapping(dig(answer, "project", "run", "systemMetrics"))

    def load_full_data(self, force: bool = False) -> dict[str, Any]:
        """Read the run from the server again if `force` is given: it has all its values from the beginning."""
        if force:
            self.load()
        return dict(vars(self))

    def wait_until_finished(self) -> None:
        """Wait until the run has ended. The server is asked every five seconds."""
        while self.load().state not in {"finished", "crashed", "failed", "killed"}:
            time.sleep(_ASK_AGAIN)

    def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Record that the run uses an artifact of the server.

        Raises:
            LogError: that is no artifact of the server.
        """
        del use_as
        if getattr(artifact, "is_draft", lambda: True)():
            raise LogError("You must pass a wandb.Api().artifact() to use_artifact: only existing ones are accepted")
        where = {"entityName": self.entity, "projectName": self.project, "runName": self.id}
        self._server.ask(USE_ARTIFACT, {"input": {"artifactID": artifact.id, **where}})
        return artifact

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The run's page as HTML for a frame."""
        style = f"border:none;width:100%;height:{height}px;" + ("display:none;" if hidden else "")
        return f"<iframe src='{self.url}?jupyter=true' style='{style}'></iframe>"

    def upload_file(self, path: str, root: str = ".") -> File:  # type: ignore[override]  # the official SDK's
        """Add a file to the run, now. Its name is its path below `root`."""
        return File(**vars(super().upload_file(path, root)))

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
        """Rows, reduced by the server to the number asked for: a pandas data frame, or a list.

        Args:
            samples: most rows to return.
            keys: only these, and only rows that have all of them.
            x_axis: the key that is added to `keys`.
            pandas: whether to return a data frame.
            stream: `system` or `events` for system metrics.

        Raises:
            LogError: `keys` is no list of texts, or pandas is not installed.
        """
        check_keys(keys)
        if stream == "default":
            return super().history(samples, keys, "pandas" if pandas else None, x_axis)
        rows = super().system_history(samples)
        rows = [{key: row[key] for key in keys if key in row} for row in rows] if keys else rows
        return framed(rows, "pandas") if pandas else rows

    def scan_history(  # type: ignore[override]  # the official SDK's order
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """All rows, requested page by page."""
        check_keys(keys)
        return super().scan_history(keys, min_step or 0, max_step, page_size)

    def files(self, names: Sequence[str] | None = None, per_page: int = 50) -> Listing[File]:
        """The files of the run."""
        return Listing(self._file_pages(names, per_page), lambda edge: File.of(edge, self._server))

    def logged_artifacts(self, per_page: int = 100) -> Counted[Artifact]:  # type: ignore[override]  # as above
        """The artifacts that the run logged."""
        return self._artifacts("outputArtifacts", per_page)

    def used_artifacts(self, per_page: int = 100) -> Counted[Artifact]:  # type: ignore[override]  # as above
        """The artifacts that the run used."""
        return self._artifacts("inputArtifacts", per_page)

    def _artifacts(self, which: str, per_page: int) -> Counted[Artifact]:
        pages, reach = self._artifact_pages(which, per_page), self._server.link
        return Counted(pages, lambda edge: Artifact.of(found_artifact(edge["node"], reach)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise not_covered(f"wandb.Api().run().{name}", (name for name in dir(type(self)) if not name.startswith("_")))
