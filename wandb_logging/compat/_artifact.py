"""`wandb.Artifact`: one class for artifacts made here and artifacts on the server, as in the official SDK."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any

from wandb_logging._artifacts import changing
from wandb_logging._artifacts.artifact import MAX_REFERENCES, Artifact as _Artifact, StrPath
from wandb_logging._artifacts.download import UsedArtifact, find_artifact
from wandb_logging._artifacts.keeping import LATEST, metadata_json, tags_of
from wandb_logging._artifacts.manifest import Entry, Manifest
from wandb_logging._errors import LogError
from wandb_logging._server.pages import Reach
from wandb_logging.compat._active import current
from wandb_logging.compat._artifact_content import Content
from wandb_logging.compat._entry import ManifestEntry
from wandb_logging.compat._links import RESERVED, Links
from wandb_logging.compat._refused import not_covered
from wandb_logging.compat._ttl import FOR_EVER, INHERITED, ArtifactTTL, seconds_of

if TYPE_CHECKING:
    from wandb_logging._run.run import Run as _Run
    from wandb_logging.compat._run import Run


class ArtifactNotLogged(LogError):
    """The requested value exists only for an artifact that is on the server."""


class ArtifactFinalized(LogError):
    """An artifact that was logged cannot change; changes need a new artifact."""


class Artifact(Links, Content, _Artifact):
    """A versioned set of files: one made here, which may change until it is logged, or one that is on the server.

    What only the server knows (`version`, `id`, `aliases`) is requested when it is used; call `wait` before that.

    Args:
        name: letters, digits, `_`, `-` and `.`, at most 128 characters.
        type: kind of artifact, such as dataset or model.
        description: for people.
        metadata: name -> value, at most 100.
        incremental: whether it only has what is new; the server adds this to the version before it.
        use_as: has no meaning here.
        storage_region: not covered.

    Raises:
        LogError: name, type or metadata are invalid.
    """

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002  the official SDK's name
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
    ) -> None:
        if storage_region:
            raise not_covered(f"wandb.Artifact(storage_region={storage_region!r})")
        self.incremental, self.use_as = bool(incremental), use_as
        self.distributed_id: str | None = None
        self._ttl: int | None = None  # to be sent to the server
        self._whole = True
        self._found: UsedArtifact | None = None
        self._run: Run | None = None
        self._link: tuple[Artifact, tuple[str | None, str | None, str]] | None = None
        self._paths: dict[str, str] = {}
        self._aliases: list[str] = []
        self._tags: list[str] = []
        if type.startswith("wandb-") or name.startswith(RESERVED.get(type, "/")):
            raise ValueError(f"Artifact type {type!r} is reserved for internal use. Please use a different type.")
        super().__init__(name, type, description)
        self.metadata = metadata

    @classmethod
    def of(cls, found: UsedArtifact) -> Artifact:
        """Make the object for an artifact that was found on the server."""
        made = cls("found", "found")
        made.type, made.description, made.metadata = found.type, found.description, dict(found.metadata)
        made._take(found)
        return made

    @classmethod
    def as_link(cls, source: Artifact, run: Run, place: Mapping[str, str]) -> Artifact:
        """Make the object for a link that a run has been asked to make: the artifact as a member of that collection."""
        made = cls(place["collection"], source.type, source.description, source.metadata)
        made._run, made._link = run, (source, (place.get("entity"), place.get("project"), place["collection"]))
        return made

    @property
    def original(self) -> Artifact:
        """The artifact that this is a link to, if a run was asked to make the link here; else itself."""
        return self if self._link is None else self._link[0]

    def _take(self, found: UsedArtifact) -> None:
        self._found = found
        self._aliases, self._tags = list(found.aliases), list(found.tags)

    def was_logged(self, run: Run, aliases: Iterable[str], tags: Iterable[str]) -> None:
        """Remember the run that logged the artifact."""
        self._run, self._aliases, self._tags = run, list(dict.fromkeys([*aliases, LATEST])), list(tags)

    @property
    def client_id(self) -> str:
        """The id by which the server knows the artifact while it has no id of the server's."""
        return self._client_id

    def is_draft(self) -> bool:
        """Whether the artifact has not been logged yet."""
        return self._found is None and self._run is None

    def on_server(self) -> UsedArtifact:
        """The artifact as the server has it.

        Raises:
            ArtifactNotLogged: it has not been logged or has not arrived, or its run is offline.
        """
        if self._found is None:
            if self._run is None:
                raise ArtifactNotLogged(f"artifact {self.name} has not been logged")
            below = self._run._run  # noqa: SLF001  the run beneath
            if below.mode == "disabled":
                return self._as_if_there(below.entity, below.project)
            if below.mode != "online":
                raise ArtifactNotLogged(f"artifact {self.name}: run {below.id} is {below.mode}: the server has it not")
            if self._link is not None:
                self._take(self._linked(below, *self._link))
                return self.on_server()
            place = (below.entity, below.project, self.type, self.name)
            found = changing.logged(below._background.reach, self._client_id, self.digest, place)  # noqa: SLF001
            if found is None and self.distributed_id is not None and self._whole:
                # An artifact that several runs put together has a digest and an id that no run knew.
                found = find_artifact(below._background.reach, self.name, below.entity, below.project)  # noqa: SLF001
            if found is None:
                raise ArtifactNotLogged(f"artifact {self.name} has not arrived at the server; wait() for it")
            self._take(found)
            return found
        return self._found

    @staticmethod
    def _linked(run: _Run, source: Artifact, place: tuple[str | None, str | None, str]) -> UsedArtifact:
        run.flush()
        server, (entity, project, name) = source.on_server(), place
        where = (entity or run.entity or server.entity, project or run.project, name)
        found = changing.member(source._reach, server, where)
        if found is None:
            raise ArtifactNotLogged(f"artifact {server.name} is not in {'/'.join(map(str, where))} yet")
        return found

    def _as_if_there(self, entity: str | None, project: str) -> UsedArtifact:
        """A stand-in for programs in a disabled run, so that they can go on: the first version, without a server."""
        return UsedArtifact(
            id=self._client_id,
            entity=entity,
            project=project,
            name=f"{self._name}:v0",
            type=self.type,
            digest=self.digest,
            description=self.description,
            metadata=self._metadata,
            aliases=tuple(self._aliases),
            tags=tuple(self._tags),
            _reach=_no_server,
        )

    @property
    def arrived(self) -> bool:
        """Whether the artifact is known to be on the server."""
        return self._found is not None

    @property
    def _reach(self) -> Reach:
        """The way to the server."""
        return self.on_server()._reach  # noqa: SLF001  the same concern

    # --- properties ---

    @property
    def name(self) -> str:
        """The name; with the version if the artifact is on the server."""
        return self._name if self._found is None else self._found.name

    @name.setter
    def name(self, name: str) -> None:
        self._name = name

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts about the artifact for programs: a copy of what was given, in JSON's types."""
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any] | str | None) -> None:
        if isinstance(metadata, str):  # the form in the server's answers
            metadata = json.loads(metadata)
        if metadata is not None and not isinstance(metadata, Mapping):
            raise TypeError(f"metadata: expected a mapping, got {metadata!r}")
        self._metadata: dict[str, Any] = json.loads(metadata_json(metadata or {}) or "{}")

    @property
    def manifest(self) -> Manifest:
        """The content of the artifact."""
        if self._link is not None:
            return self._link[0].manifest
        whole_here = self._run is not None and not self.incremental and self.distributed_id is None
        return self._manifest if self._found is None or whole_here else self._found.manifest

    @manifest.setter
    def manifest(self, manifest: Manifest) -> None:
        self._manifest = manifest

    @property
    def digest(self) -> str:
        """MD5 in hex over the content."""
        return super(Artifact, self.original).digest if self._found is None else self._found.digest

    @property
    def id(self) -> str:
        """The server's id of the artifact."""
        return self.on_server().id

    @property
    def version(self) -> str:
        """The version, such as `v3`."""
        return self.on_server().version

    @property
    def entity(self) -> str:
        """The team or user."""
        return self.on_server().entity or ""

    @property
    def project(self) -> str:
        """The project of the artifact."""
        return self.on_server().project

    @property
    def qualified_name(self) -> str:
        """`entity/project/name:version`."""
        return f"{self.entity}/{self.project}/{self.on_server().name}"

    @property
    def state(self) -> str:
        """PENDING until the artifact is on the server, then COMMITTED."""
        try:
            self.on_server()
        except ArtifactNotLogged:
            return "PENDING"
        return "COMMITTED"

    @property
    def commit_hash(self) -> str:
        """The same as `digest`."""
        return self.on_server().digest

    @property
    def file_count(self) -> int:
        """The number of entries."""
        return len(self.manifest.entries)

    @property
    def aliases(self) -> list[str]:
        """Other names of this version. `save` sends what is added or removed here."""
        if self.is_draft():
            raise ArtifactNotLogged(f"artifact {self.name} has no aliases before it is logged")
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: Iterable[str]) -> None:
        self._aliases = list(aliases)

    @property
    def tags(self) -> list[str]:
        """The tags of this version. `save` sends what is added or removed here."""
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._tags = tags_of(tags)

    @property
    def ttl(self) -> timedelta | None:
        """How long the artifact is kept; None if it stays. A new value is sent when it is logged, else by `save`.

        Raises:
            ArtifactNotLogged: no value was set, and the artifact is not on the server.
        """
        if self._ttl not in {None, INHERITED}:
            return None if self._ttl == FOR_EVER else timedelta(seconds=self._ttl or 0)
        seconds = changing.kept_for(self._reach, self.on_server().id)
        return None if seconds is None else timedelta(seconds=seconds)

    @ttl.setter
    def ttl(self, ttl: timedelta | ArtifactTTL | None) -> None:
        self._ttl = seconds_of(ttl)

    @property
    def created_at(self) -> str:
        """When the server received the artifact."""
        return str(changing.about(self._reach, self.on_server().id).get("createdAt"))

    @property
    def updated_at(self) -> str:
        """When the artifact was last changed."""
        found = changing.about(self._reach, self.on_server().id)
        return str(found.get("updatedAt") or found.get("createdAt"))

    @property
    def history_step(self) -> int | None:
        """The step of the last row that its run had logged before the artifact; None if there was none."""
        step = changing.about(self._reach, self.on_server().id).get("historyStep")
        return None if step is None else max(0, int(step) - 1)  # it is sent as the step of the next row

    @property
    def told(self) -> dict[str, Any]:
        """What else the server is told about the artifact when it is logged."""
        given = {"incremental": self.incremental, "ttl": self._ttl, "distributed_id": self.distributed_id}
        return {
            **{name: value for name, value in given.items() if value},
            **({} if self._whole else {"finalize": False}),
        }

    def become_part_of(self, distributed_id: str, *, last: bool) -> None:
        """Make this a part of an artifact that several runs put together. The `last` part completes that artifact."""
        self.distributed_id, self._whole = distributed_id, last

    def new_draft(self) -> Artifact:
        """Make a new artifact with the same content, which can be changed and logged as the next version."""
        draft = Artifact(self.source_name.rpartition(":")[0], self.type, self.description, self.metadata)
        draft.manifest.entries.update(self.on_server().manifest.entries)
        return draft

    def finalize(self) -> None:
        """Do nothing: an artifact becomes final when it is logged."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise not_covered(f"wandb.Artifact.{name}", (name for name in dir(type(self)) if not name.startswith("_")))

    # --- adding content ---

    def _check_open(self) -> None:
        if not self.is_draft():
            raise ArtifactFinalized(f"artifact {self.name} has been logged: what changes is a new Artifact")

    def add(self, obj: Any, name: StrPath, overwrite: bool = False) -> ManifestEntry:
        """Add a table, an image, or another kind of media.

        Args:
            obj: a `Table`, `JoinedTable`, `PartitionedTable`, `Classes`, `Image`, `Audio`, `Video`, `Html`, `Object3D`
                or `Molecule`.
            name: name in the artifact. A suffix for the kind is appended, as in `name.table.json`.
            overwrite: whether the value may replace another one of that name.

        Raises:
            LogError: the value is of another kind, or the artifact has been logged.
        """
        from wandb_logging._media import members  # noqa: PLC0415  few artifacts have media

        if members.kind_of(obj) is None:
            raise TypeError(f"wandb.Artifact.add: expected a Table or media, got {type(obj).__name__}")
        return ManifestEntry(self, members.add(self, obj, os.fspath(name), overwrite=overwrite))

    def add_file(  # type: ignore[override]  # the official SDK's arguments
        self,
        local_path: StrPath,
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        overwrite: bool = False,
    ) -> ManifestEntry:
        """Add a file with its present content."""
        del is_tmp, skip_cache
        super().add_file(local_path, name, policy=policy or "mutable", overwrite=overwrite)
        path = os.path.basename(local_path) if name is None else os.fspath(name)  # noqa: PTH119  as it was given
        self._paths[os.fspath(local_path)] = path
        return ManifestEntry(self, path)

    def add_dir(  # type: ignore[override]  # the official SDK's arguments
        self,
        local_path: str,
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Add all files of a folder and its subfolders."""
        del skip_cache
        super().add_dir(local_path, name, policy=policy or "mutable", merge=merge)

    def add_reference(  # type: ignore[override]  # the official SDK's arguments
        self, uri: Any, name: StrPath | None = None, checksum: bool = True, max_objects: int | None = None
    ) -> list[ManifestEntry]:
        """Add the address of something stored elsewhere that stays there. Only file:// addresses are looked at."""
        if isinstance(uri, ManifestEntry):
            raise not_covered("wandb.Artifact.add_reference of another artifact's entry")
        text = str(uri)
        look = checksum if text.startswith("file:") else False if not checksum else None
        named = None if name is None else os.fspath(name)
        made = super().add_reference(text, named, checksum=look, max_objects=max_objects or MAX_REFERENCES)
        return [ManifestEntry(self, path) for path, entry in self.manifest.entries.items() if entry in made]

    @contextmanager
    def new_file(self, name: str, mode: str = "x", encoding: str | None = None) -> Iterator[IO[Any]]:
        """Write a new file, which is added at the end of the `with` block."""
        with super().new_file(name, mode, encoding) as file:
            yield file

    def remove(self, item: StrPath | ManifestEntry) -> None:
        """Remove a file, or all files of a folder.

        Raises:
            FileNotFoundError: there is no file or folder of that name.
            LogError: the artifact has been logged.
        """
        self._check_open()
        name = item.path if isinstance(item, ManifestEntry) else os.fspath(item)
        gone = [path for path in self.manifest.entries if path == name or path.startswith(f"{name.rstrip('/')}/")]
        if not gone:
            raise FileNotFoundError(f"No such file or directory: {name}")
        for path in gone:
            del self.manifest.entries[path]

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """The name in the artifact of a local file that was added."""
        return self._paths.get(local_path)

    def __setitem__(self, name: str, value: Any) -> None:
        """The same as `add`."""
        self.add(value, name)

    # --- on the server ---

    def wait(self, timeout: float | None = None) -> Artifact:
        """Wait until the artifact is on the server, if its run is online.

        Raises:
            LogError: the artifact has not been logged.
        """
        if self._found is None:
            super(Artifact, self.original).wait(timeout)
            if self._whole and self._run is not None and not self._run.offline and not self._run.disabled:
                self.on_server()
        return self

    def save(self, project: str | None = None, settings: object = None) -> None:
        """Log the artifact to the current run; or send changes of description, metadata, aliases and tags.

        Args:
            project: project of the run that is made if there is no current run.
            settings: settings of that run.
        """
        if self.is_draft():
            self._log(project, settings)
            return
        server = self.on_server()
        collection = server.name.rpartition(":")[0]
        place = {"entityName": self.entity, "projectName": self.project, "artifactCollectionName": collection}
        now, before = set(self._aliases), set(server.aliases)
        tags, old = set(tags_of(self._tags)), set(server.tags)
        changes = {"tags_added": sorted(tags - old), "tags_removed": sorted(old - tags), "ttl": self._ttl}
        changing.change(self._reach, server.id, description=self.description, metadata=self.metadata, **changes)
        changing.change_aliases(self._reach, server.id, place, sorted(now - before), sorted(before - now))
        fresh = changing.member(self._reach, server, (self.entity, self.project, collection))
        self._take(fresh or changing.by_id(self._reach, server.id) or server)

    def _log(self, project: str | None, settings: Any) -> None:
        run = current()
        if run is not None:
            run.log_artifact(self)
            return
        from wandb_logging.compat._init import init  # noqa: PLC0415  that module makes runs, which log artifacts

        with init(project=project, job_type="auto", settings=settings) as own:
            own.log_artifact(self).wait()

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete this version from the server, permanently; with `delete_aliases` even if it has aliases.

        Of a link, only the link is deleted.
        """
        if self.is_link:
            self.unlink()
            return
        server = self.on_server()
        changing.delete(self._reach, server.id, with_aliases=delete_aliases)

    def logged_by(self) -> Any:
        """The run that logged the artifact, in the form of `wandb.Api`."""
        path, _ = changing.runs_of(self._reach, self.id)
        return None if path is None else _api().run(path)

    def used_by(self) -> list[Any]:
        """The runs that use the artifact. What the current run uses is sent before."""
        run = current()
        if run is not None and run.going_on and not run.offline:
            run._run.flush()  # noqa: SLF001  the run beneath
        return [_api().run(path) for path in changing.runs_of(self._reach, self.id)[1]]


def _api() -> Any:
    from wandb_logging.compat._api import Api  # noqa: PLC0415  that module returns artifacts

    return Api()


__all__ = ["Artifact", "ArtifactNotLogged", "Entry", "ManifestEntry"]


def _no_server() -> Any:
    """Stands for the way to the server in a disabled run, which has none."""
    raise ArtifactNotLogged("the run is disabled: the server has no artifact of it")
