"""`ApiRun` and `ApiFile`: a run on the server, and a file of one."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._api import documents
from wandb_logging._api.asking import Server, json_mapping
from wandb_logging._artifacts.changing import PARTS
from wandb_logging._artifacts.download import UsedArtifact, found_artifact
from wandb_logging._dataclass import dataclass
from wandb_logging._errors import LogError, NotPossible
from wandb_logging._server.pages import PAGE, Pages
from wandb_logging._server.protocol import app_url, dig, run_url
from wandb_logging._values.plain import loads, plain

if TYPE_CHECKING:
    from typing_extensions import Self

STEPS = 1000  # steps in one page of rows


class ApiRun:
    """A run as the server had it when it was read. `load` reads it again.

    Attributes:
        id: id of the run in its project.
        entity, project: entity and project of the run.
        name: the name that people see. Can be set.
        state: running, finished, failed, crashed or killed.
        config: key -> value, as the program gave it. Can be changed.
        summary: name -> value. Can be changed.
        tags: tags of the run. Can be set; `update` sends what was set or changed here.
        notes, group: notes and group of the run. Can be set.
        job_type: kind of job, such as train.
        commit: git commit of the program; None if the run has none.
        user: name of the user who made the run.
        created_at: when the run was made, in ISO 8601, UTC.
        last_step: step of the last row; -1 if there is no row.
    """

    def __init__(self, server: Server, node: Mapping[str, Any]) -> None:
        self._server = server
        self._take(node)

    def _take(self, node: Mapping[str, Any]) -> None:
        config = {key: dig(item, "value") for key, item in json_mapping(node.get("config")).items()}
        self._storage_id = str(node.get("id"))
        self._wandb = config.pop("_wandb", None) or {}
        self.id = str(node.get("name"))
        self.entity = str(dig(node, "project", "entityName"))
        self.project = str(dig(node, "project", "name"))
        self.name = str(node.get("displayName") or self.id)
        self.state = str(node.get("state") or "")
        self.config: dict[str, Any] = config
        self.summary: dict[str, Any] = json_mapping(node.get("summaryMetrics"))
        self.tags: list[str] = list(node.get("tags") or [])
        self.notes: str | None = node.get("notes")
        self.group: str | None = node.get("group")
        self.job_type: str | None = node.get("jobType")
        self.commit: str | None = node.get("commit")
        self.user: str | None = dig(node, "user", "username")
        self.created_at = str(node.get("createdAt") or "")
        last = json_mapping(node.get("historyKeys")).get("lastStep", self.summary.get("_step"))
        self.last_step = last if isinstance(last, int) else -1

    def __repr__(self) -> str:
        return f"<ApiRun {self.path} {self.state}>"

    @property
    def path(self) -> str:
        """`entity/project/id`."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def url(self) -> str:
        """Address of the run's page."""
        return run_url(app_url(self._server.host), self.entity, self.project, self.id)

    @property
    def _where(self) -> dict[str, str]:
        return {"entity": self.entity, "project": self.project, "name": self.id}

    def load(self) -> ApiRun:
        """Read the run from the server again.

        Raises:
            LogError: the run is not on the server any more.
        """
        self._take(run_node(self._server, self.entity, self.project, self.id))
        return self

    # --- rows ---

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        min_step: int = 0,
        max_step: int | None = None,
        page_size: int = STEPS,
    ) -> Iterator[dict[str, Any]]:
        """All rows as they were logged. Pages are asked for as they are needed.

        Args:
            keys: only these, and only rows that have all of them.
            min_step: the first step.
            max_step: the step before which to stop. Default: go on to the end.
            page_size: number of steps that are asked for at a time.
        """
        end = self.last_step + 1 if max_step is None else min(max_step, self.last_step + 1)
        for start in range(min_step, end, page_size):
            asked = {"minStep": start, "maxStep": min(start + page_size, end), "samples": page_size}
            answer = self._server.ask(documents.HISTORY, {**self._where, **asked})
            for line in dig(answer, "project", "run", "history") or []:
                row = loads(line)
                if keys is None:
                    yield row
                elif all(key in row for key in keys):
                    yield {key: row[key] for key in keys}

    def history(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        frame: str | None = None,
        x_axis: str = "_step",
    ) -> Any:
        """A sample of the rows, which the server chooses.

        If `keys` are given, numbers that are not finite are the texts NaN, Infinity and -Infinity, because the server
        answers so. `scan_history` gives all rows, and these values as numbers.

        Args:
            samples: most rows to return.
            keys: only these, and only rows that have all of them.
            frame: "pandas" or "polars" for a data frame. Default: a list of mappings.
            x_axis: the key that is added to `keys`, and by which the server chooses.

        Raises:
            LogError: there is no such kind of frame, or the package is not installed.
        """
        rows = self._sampled([x_axis, *keys], samples) if keys else self._lines("history", samples)
        return rows if frame is None else framed(rows, frame)

    def system_history(self, samples: int = 500, frame: str | None = None) -> Any:
        """A sample of the rows of system metrics, such as system.cpu, which the server chooses.

        Args:
            samples: most rows to return.
            frame: as for `history`.

        Raises:
            LogError: there is no such kind of frame, or the package is not installed.
        """
        rows = self._lines("events", samples)
        return rows if frame is None else framed(rows, frame)

    def _sampled(self, keys: Sequence[str], samples: int) -> list[dict[str, Any]]:
        spec = json.dumps({"samples": samples, "keys": list(keys)})
        answer = self._server.ask(documents.SAMPLED, {**self._where, "specs": [spec]})
        return (dig(answer, "project", "run", "sampledHistory") or [[]])[0]  # type: ignore[no-any-return]

    def _lines(self, which: str, samples: int) -> list[dict[str, Any]]:
        answer = self._server.ask(documents.LINES.format(which), {**self._where, "samples": samples})
        return [loads(line) for line in dig(answer, "project", "run", which) or []]

    # --- files and artifacts ---

    def files(self, names: Sequence[str] | None = None) -> Iterator[ApiFile]:
        """The files of the run, or those with these names. Pages are asked for as they are needed."""
        return (ApiFile.of(edge, self._server) for edge in self._file_pages(names))

    def _file_pages(self, names: Sequence[str] | None, page: int = PAGE) -> Pages:
        asked = {**self._where, "names": list(names) if names is not None else None}
        return self._server.pages(documents.FILES, asked, "project", "run", "files", page=page)

    def upload_file(self, path: str | os.PathLike[str], root: str | os.PathLike[str] = ".") -> ApiFile:
        """Add a file to the run, now. A file of that name is replaced.

        Args:
            path: the file.
            root: folder that is left out of its name in the run. Default: the working directory.

        Returns:
            The file as the server has it.

        Raises:
            LogError: the file is not below that folder.
            OSError: the file cannot be read.
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server did not take it.
        """
        source, folder = Path(path).resolve(), Path(root).resolve()
        if folder not in source.parents:
            raise LogError(f"file {os.fspath(path)!r} is not below {folder}: give root=")
        name = source.relative_to(folder).as_posix()
        self._server.upload(name, source, {"entity": self.entity, "project": self.project, "run": self.id})
        return self.file(name)

    def file(self, name: str) -> ApiFile:
        """The file with a name.

        Raises:
            LogError: there is none.
        """
        found = next(self.files([name]), None)
        if found is None:
            raise LogError(f"run {self.path} has no file {name!r}")
        return found

    def logged_artifacts(self) -> Iterator[UsedArtifact]:
        """The artifacts that the run logged."""
        return (found_artifact(edge["node"], self._server.link) for edge in self._artifact_pages("outputArtifacts"))

    def used_artifacts(self) -> Iterator[UsedArtifact]:
        """The artifacts that the run used."""
        return (found_artifact(edge["node"], self._server.link) for edge in self._artifact_pages("inputArtifacts"))

    def _artifact_pages(self, which: str, page: int = PAGE) -> Pages:
        document = documents.ARTIFACTS.format(which, PARTS)
        return self._server.pages(document, self._where, "project", "run", which, page=page)

    # --- changes ---

    def update(self) -> None:
        """Send the present values of `name`, `tags`, `notes`, `group`, `config` and `summary` to the server.

        Raises:
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server did not take them.
        """
        config = {"_wandb": {"value": self._wandb}} if self._wandb else {}
        config.update({key: {"value": value} for key, value in plain(self.config, aside={}, of_config=True).items()})
        changed = {
            "displayName": self.name,
            "notes": self.notes,
            "tags": list(self.tags),
            "groupName": self.group,
            "config": json.dumps(config),
            "summaryMetrics": json.dumps(plain(self.summary, aside={})),
        }
        self._server.ask(documents.UPDATE, {"id": self._storage_id, **changed})

    def delete(self, *, with_artifacts: bool = False) -> None:
        """Delete the run with its rows and files from the server, for good. Files on this machine's disk stay.

        Args:
            with_artifacts: whether to delete the artifacts that the run logged, too.

        Raises:
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server did not do it.
        """
        asked = {"id": self._storage_id, "deleteArtifacts": with_artifacts}
        self._server.ask(documents.DELETE_RUN, asked)


@dataclass(frozen=True)
class ApiFile:
    """A file of a run on the server.

    Attributes:
        name: name of the file in the run.
        size: size in bytes.
        md5: MD5 digest of the content, as the server gives it.
        url: address of the content, valid for a short time.
        id: the server's own id for the file.
    """

    name: str
    size: int
    md5: str | None
    url: str
    id: str
    _server: Server

    @classmethod
    def of(cls, edge: Mapping[str, Any], server: Server) -> Self:
        """Make the object for a file in the server's list."""
        node = edge["node"]
        name, size, url = str(node.get("name")), int(node.get("sizeBytes") or 0), str(node.get("directUrl"))
        return cls(name, size, node.get("md5"), url, str(node.get("id")), server)

    def download(self, root: str | os.PathLike[str] = ".", *, replace: bool = False) -> Path:
        """Download the file.

        Args:
            root: folder in which the file is put, under its name in the run. Default: the working directory.
            replace: whether an existing file may be replaced. Default: that is an error.

        Returns:
            Where it is.

        Raises:
            LogError: a file exists there, or the name leads out of the folder.
            TransportError, HTTPStatusError: the download failed, or does not fit `size` and `md5`, because the file
                was written anew since: then ask the run for its files again.
            OSError: the file cannot be written.
        """
        folder = Path(root).resolve()
        target = (folder / self.name).resolve()
        if folder not in target.parents:
            raise LogError(f"file {self.name!r} leads out of {folder}")
        if target.exists() and not replace:
            raise LogError(f"{target} is there already; download(replace=True) replaces it")
        target.parent.mkdir(parents=True, exist_ok=True)
        self._server.fetch(self.url, target, self.size, self.md5)
        return target

    def delete(self) -> None:
        """Delete the file from the server, for good.

        Raises:
            NotPossible: the server did not do it.
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server could not be asked.
        """
        answer = self._server.ask(documents.DELETE_FILES, {"files": [self.id]})
        if dig(answer, "deleteFiles", "success") is not True:
            raise NotPossible(f"the server did not delete file {self.name!r}")


def run_node(server: Server, entity: str | None, project: str, name: str) -> Mapping[str, Any]:
    """What the server answers about a run.

    Raises:
        LogError: there is none.
    """
    answer = server.ask(documents.RUN, {"entity": entity, "project": project, "name": name})
    node = dig(answer, "project", "run")
    if not isinstance(node, dict):
        where = "/".join(part for part in (entity, project, name) if part)
        raise LogError(f"there is no run {where} on {server.host}")
    return node


def framed(rows: list[dict[str, Any]], kind: str) -> Any:
    """Make a data frame of rows.

    Raises:
        LogError: there is no such kind of frame, or the package is not installed.
    """
    if kind not in {"pandas", "polars"}:
        raise LogError(f"frame={kind!r}: expected pandas or polars")
    try:
        package = importlib.import_module(kind)
    except ImportError:
        raise LogError(f"frame={kind!r} needs {kind}: pip install {kind}") from None
    return package.DataFrame(rows)
