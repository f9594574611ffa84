"""The part of `wandb.Run` that logs, uses and links artifacts, under the official SDK's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._artifacts import changing
from wandb_logging._artifacts.artifact import Artifact as _Artifact, StrPath
from wandb_logging._artifacts.download import UsedArtifact
from wandb_logging._artifacts.keeping import ARTIFACTS, artifact_of
from wandb_logging._errors import LogError, WandbLoggingError
from wandb_logging._run import artifacts
from wandb_logging.compat._artifact import Artifact
from wandb_logging.compat._code import is_of_runs, is_python, log_code
from wandb_logging.compat._links import place_of

if TYPE_CHECKING:
    from wandb_logging._run.run import Run as _Run


class ArtifactsOfRun:
    """The methods of `wandb.Run` for artifacts."""

    _run: _Run
    _patience: float

    if TYPE_CHECKING:

        def _known(self) -> _Run: ...
        def _check_going_on(self, what: str) -> None: ...

    def log_artifact(
        self,
        artifact_or_path: _Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,  # noqa: A002  the official SDK's name
        aliases: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
    ) -> Any:
        """Log an artifact, as `wandb_logging.Run.log_artifact`. One that was logged before only gets the aliases."""
        artifact, wanted = self._artifact(artifact_or_path, name, type), _listed(aliases)
        if not isinstance(artifact, Artifact):  # an artifact of `wandb_logging` itself
            return self._run.log_artifact(artifact, None, None, wanted, tags)
        if not artifact.is_draft():
            artifact.aliases = list(dict.fromkeys([*artifact.aliases, *wanted]))
            artifact.save()
            return artifact
        return self._send(artifact, wanted, tags)

    def _send(self, artifact: Artifact, aliases: list[str], tags: str | Iterable[str] | None) -> Artifact:
        self._check_type(artifact)
        below = self._run._background  # noqa: SLF001  the run beneath
        artifacts.log_artifact(below, artifact, None, None, aliases, tags, **artifact.told)
        artifact.was_logged(self, aliases, _listed(tags))  # type: ignore[arg-type]  # which is a Run
        return artifact

    def upsert_artifact(
        self,
        artifact_or_path: _Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,  # noqa: A002  as above
        aliases: str | Iterable[str] | None = None,
        distributed_id: str | None = None,
    ) -> Any:
        """Log a part of an artifact that several runs put together. One of them completes it with `finish_artifact`.

        Args:
            artifact_or_path: the part. All parts have one name and type.
            name, type, aliases: as for `log_artifact`.
            distributed_id: a text that is the same for all parts. Default: the run's group.

        Raises:
            TypeError: neither an id nor a group is given.
            LogError: as for `log_artifact`.
        """
        return self._log_part(artifact_or_path, name, type, aliases, distributed_id, last=False)

    def finish_artifact(
        self,
        artifact_or_path: _Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,  # noqa: A002  as above
        aliases: str | Iterable[str] | None = None,
        distributed_id: str | None = None,
    ) -> Any:
        """Log the last part of what `upsert_artifact` began. All parts then form one version of an artifact."""
        return self._log_part(artifact_or_path, name, type, aliases, distributed_id, last=True)

    def _log_part(
        self, given: Any, name: str | None, kind: str | None, aliases: Any, distributed_id: str | None, *, last: bool
    ) -> Any:
        if self._run.mode == "disabled":
            return self.log_artifact(given, name, kind, aliases)
        self._check_going_on("finish_artifact" if last else "upsert_artifact")
        together = distributed_id or self._run.group
        if not together:
            raise TypeError("an artifact in parts needs a distributed_id, or a run with a group")
        part = self._artifact(given, name, kind)
        if not isinstance(part, Artifact):
            raise TypeError(f"an artifact in parts: expected a wandb.Artifact or a path, got {part!r}")
        part.become_part_of(together, last=last)
        return self._send(part, _listed(aliases), None)

    def _check_type(self, artifact: Artifact) -> None:
        """Ask the server whether it accepts an artifact of this name and type, if the server can be asked now.

        Raises:
            LogError: there are artifacts of that name with another type.
        """
        if self._known().url is None:
            return
        below = self._run
        try:
            found = changing.type_of(below._background.reach, below.entity, below.project, artifact.name)  # noqa: SLF001
        except WandbLoggingError:
            return  # the error will come when the artifact is sent
        if found is not None and found != artifact.type:
            raise LogError(
                f"Artifact {artifact.name} already exists with type {found!r}; "
                f"cannot create another with type {artifact.type!r}"
            )

    def _artifact(self, given: Any, name: str | None, kind: str | None) -> _Artifact:
        if isinstance(given, _Artifact):
            return given
        folder = self._run.dir
        near = folder / ARTIFACTS if folder is not None else None
        if near is not None:
            near.mkdir(parents=True, exist_ok=True)
        return artifact_of(given, name, kind, self._run.id, near, Artifact)

    def use_artifact(
        self,
        artifact_or_name: str | UsedArtifact | Artifact,
        type: str | None = None,  # noqa: A002  the official SDK's name
        aliases: str | Iterable[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Find an artifact on the server, and record that this run uses it. An artifact made here is also logged.

        A disabled run asks no server; for a name it returns None, as in the official SDK.

        Args:
            artifact_or_name: the name of an artifact, or an artifact.
            type: the type that the artifact must have.
            aliases: aliases for an artifact that this call logs.
            use_as: has no meaning here.

        Raises:
            LogError: there is no artifact of that name, or it is of another type.
        """
        del use_as
        if isinstance(artifact_or_name, Artifact):
            artifact = artifact_or_name.original
            below = self._run._background  # noqa: SLF001  the run beneath
            if artifact.is_draft():
                wanted = _listed(aliases)
                artifacts.log_artifact(below, artifact, None, None, wanted, None, of_run=False, **artifact.told)
                artifact.was_logged(self, wanted, ())  # type: ignore[arg-type]  # which is a Run
            below.append_change("use_artifact", _known_by(artifact))
            return artifact_or_name
        if self._run.mode == "disabled":
            return None  # type: ignore[return-value]  # whose declared type is the official SDK's, too
        used = artifact_or_name
        name = used if isinstance(used, str) else f"{used.entity}/{used.project}/{used.name}"
        return Artifact.of(self._run.use_artifact(name, type))

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: str | Iterable[str] | None = None
    ) -> Artifact:
        """Make an artifact a member of another collection. An artifact made here is also logged.

        If the run is online, this waits until the server has both, at most `init_timeout` seconds.

        Args:
            artifact: the artifact.
            target_path: `name`, `project/name` or `entity/project/name` of the collection.
            aliases: names of this version in that collection.

        Returns:
            The artifact as a member of that collection. What the server knows of it is requested when it is used.

        Raises:
            LogError: the path is malformed.
        """
        place, artifact = place_of(target_path), artifact.original
        if artifact.is_draft():
            self.log_artifact(artifact)
        what = {**_known_by(artifact), **place, "aliases": _listed(aliases)}
        self._run._background.append_change("link_artifact", what)  # noqa: SLF001  the run beneath
        if self._run.mode == "online":
            self._run.flush(self._patience)
        return artifact if self._run.mode == "disabled" else Artifact.as_link(artifact, self, place)  # type: ignore[arg-type]

    def log_model(
        self,
        path: StrPath,
        name: str | None = None,
        aliases: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
    ) -> None:
        """Log a file or folder as an artifact of type model."""
        self.log_artifact(path, name, "model", aliases, tags)

    def use_model(self, name: str) -> str:
        """Fetch an artifact of type model. Returns the path of its only file, or of the folder; None in a disabled run.

        Raises:
            LogError: the artifact is no model, or as for `use_artifact`.
        """
        if self._run.mode == "disabled":
            return None  # type: ignore[return-value]  # as above
        used = self._run.use_artifact(name)
        if "model" not in used.type.lower():
            raise LogError(f"artifact {name} is of type {used.type}, which has no 'model' in it")
        folder = used.download()
        files = used.files()
        return str(Path(folder, files[0].path)) if len(files) == 1 else folder

    def link_model(
        self,
        path: StrPath,
        registered_model_name: str,
        name: str | None = None,
        aliases: str | Iterable[str] | None = None,
    ) -> Artifact:
        """Log a file or folder as a model, unless there is a model of that name, and link it to the model registry."""
        artifact = self.log_artifact(path, name, "model")
        return self.link_artifact(artifact, f"model-registry/{registered_model_name}", aliases)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] = is_python,
        exclude_fn: Callable[..., bool] = is_of_runs,
    ) -> Artifact | None:
        """Log source files as an artifact of type code.

        Args:
            root: only files below this folder are logged.
            name: name of the artifact. Default: made of the project and the program.
            include_fn: decides by a path, or by a path and the root, whether to log the file. Default: Python files.
            exclude_fn: decides in the same way whether to leave the file out. Default: folders that runs are kept in.

        Returns:
            The artifact; None if there is no file to log.
        """
        self._check_going_on("log_code")
        return log_code(self, root or ".", name, include_fn, exclude_fn)  # type: ignore[arg-type]  # which is a Run


def _listed(given: str | Iterable[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def _known_by(artifact: Artifact) -> dict[str, Any]:
    """How an event identifies an artifact that may have no id yet."""
    if artifact.arrived:
        return {"id": artifact.id, "name": artifact.name}
    return {"client_id": artifact.client_id, "name": artifact.name, "digest": artifact.digest}
