"""The nouns of what the server keeps: a run, an artifact with its collection and manifest."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from wandb_logging.testing import _rules
from wandb_logging.testing._rules import EVENTS, HISTORY, OUTPUT
from wandb_logging.testing._shared_mode import SharedClient

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(eq=False)
class StoredRun:
    """One run, as the server knows it. It may change while you look; each property gives a fresh copy.

    Attributes:
        entity: its entity.
        project: its project.
        id: the run id (GraphQL `name`).
        display_name: the name for people.
        created_at: ISO time of the first UpsertBucket; `heartbeat_at` of the last file_stream request.
        description, notes, group, job_type, host, program, repo, commit, sweep_name: as sent, None if never.
        tags: as sent last.
        config_json: the whole config, as sent last; see `config`.
        summary_json: the whole summary, as sent last; see `summary`.
        state: `"running"`, `"finished"` or `"failed"`.
        exit_code: of the last request; None while running.
        preempting: whether the client said so.
        stopped: whether the run was asked to stop.
        heartbeats: number of empty file_stream requests.
        files: bytes by name.
        uploaded: names that the client announced, in order.
        alerts: title, text, severity and waitDuration of each.
        upserts: the input of each UpsertBucket, as sent.
        logged_artifacts: in order.
        used_artifacts: in order.
        lines: each stream's lines by offset; None where one never came. Of a run in shared mode in the order they came.
        clients: its writers in shared mode, by their ids.
    """

    entity: str
    project: str
    id: str
    display_name: str
    created_at: str
    description: str | None = None
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    host: str | None = None
    program: str | None = None
    repo: str | None = None
    commit: str | None = None
    sweep_name: str | None = None
    tags: list[str] = field(default_factory=list)
    config_json: str = "{}"
    summary_json: str = "{}"
    state: str = "running"
    exit_code: int | None = None
    preempting: bool = False
    stopped: bool = False
    heartbeats: int = 0
    heartbeat_at: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    upserts: list[dict[str, Any]] = field(default_factory=list)
    logged_artifacts: list[StoredArtifact] = field(default_factory=list)
    used_artifacts: list[StoredArtifact] = field(default_factory=list)
    lines: dict[str, list[str | None]] = field(default_factory=lambda: {HISTORY: [], EVENTS: [], OUTPUT: []})
    clients: dict[str, SharedClient] = field(default_factory=dict)
    # For the rules: where steps may begin anew, the request that ended the run, the pace so far.
    steps_from: int = field(default=0, init=False)
    completed_by: bytes | None = field(default=None, init=False)
    tokens: float = field(default=_rules.RATE_BURST, init=False)
    last_request: float = field(default=0.0, init=False)

    graphql_type: ClassVar[str] = "Run"

    def __repr__(self) -> str:
        return f"<StoredRun {self.path} {self.state}, {len(self.lines[HISTORY])} rows>"

    @property
    def path(self) -> str:
        """`entity/project/id`."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def storage_id(self) -> str:
        """The id that GraphQL calls `id`."""
        return base64.b64encode(f"Run:v1:{self.id}:{self.project}:{self.entity}".encode()).decode()

    @property
    def config(self) -> dict[str, Any]:
        """The user's config, unwrapped: `{"lr": 0.1}`."""
        return {key: value for key, value in self._unwrapped.items() if key != "_wandb"}

    @property
    def wandb_config(self) -> dict[str, Any]:
        """The client's own part of the config (`_wandb`)."""
        return dict(self._unwrapped.get("_wandb") or {})

    @property
    def _unwrapped(self) -> dict[str, Any]:
        return _rules.unwrap_config(json.loads(self.config_json))

    @property
    def summary(self) -> dict[str, Any]:
        """The summary, `{}` when there is none."""
        return dict(json.loads(self.summary_json))

    @property
    def history_lines(self) -> list[str]:
        """History rows as sent, by offset; lines that never came are left out."""
        return self._sent(HISTORY)

    @property
    def history(self) -> list[dict[str, Any]]:
        """History rows, parsed; lines that are no JSON object are left out."""
        return self._parsed(HISTORY)

    @property
    def events_lines(self) -> list[str]:
        """System rows as sent, by offset; lines that never came are left out."""
        return self._sent(EVENTS)

    @property
    def events(self) -> list[dict[str, Any]]:
        """System rows, parsed; lines that are no JSON object are left out."""
        return self._parsed(EVENTS)

    @property
    def output(self) -> list[str]:
        """Lines of `output.log`, by offset; lines that never came are left out."""
        return self._sent(OUTPUT)

    def _parsed(self, stream: str) -> list[dict[str, Any]]:
        rows = (_rules.parse_object(line) for line in self._sent(stream))
        return [row for row, problem in rows if problem is None]

    def _sent(self, stream: str) -> list[str]:
        return [line for line in list(self.lines[stream]) if line is not None]


@dataclass
class Manifest:
    """The list of an artifact's files, as a file of its own.

    Attributes:
        id: GraphQL id.
        digest: base64 MD5 that the client announced.
        data: the bytes that came; None before.
        base: the version that it adds to, if it does.
    """

    id: str
    digest: str = ""
    data: bytes | None = None
    base: StoredArtifact | None = None

    @property
    def contents(self) -> dict[str, dict[str, Any]]:
        """The entries by path."""
        return dict(json.loads(self.data or b"{}").get("contents", {}))


_numbers = itertools.count(1)


def collection_id() -> str:
    """Another GraphQL id, which stays when the collection gets another name."""
    return base64.b64encode(f"ArtifactCollection:{next(_numbers)}".encode()).decode()


@dataclass(eq=False, repr=False)
class _Named:
    """What all collections of artifact versions have: a name in a project, a type, and what people say of it."""

    entity: str
    project: str
    name: str
    type: str
    created_at: str
    description: str | None = None
    tags: list[str] = field(default_factory=list)
    state: str = "READY"
    id: str = field(default_factory=collection_id)


@dataclass(eq=False, repr=False)
class Collection(_Named):
    """A named sequence of artifact versions."""

    versions: list[StoredArtifact] = field(default_factory=list)

    graphql_type: ClassVar[str] = "ArtifactSequence"

    @property
    def committed(self) -> list[StoredArtifact]:
        """Complete versions, oldest first."""
        return [version for version in self.versions if version.state == "COMMITTED"]

    @property
    def members(self) -> list[Membership]:
        """The complete versions as members, oldest first."""
        return [Membership(self, each, each.version_index or 0, each.aliases) for each in self.committed]

    @property
    def latest_artifact(self) -> StoredArtifact | None:
        """The newest complete version."""
        return self.committed[-1] if self.committed else None

    def find(self, alias: str) -> Membership | None:
        """The version with this alias, or of this number (`v3`)."""
        return next((item for item in self.members if alias in {item.version, *item.aliases}), None)

    def give(self, artifact: StoredArtifact, aliases: Iterable[str]) -> None:
        """Move aliases to `artifact`: one alias names one version."""
        for alias in aliases:
            for version in self.versions:
                version.aliases = [name for name in version.aliases if name != alias]
            artifact.aliases.append(alias)


@dataclass(eq=False, repr=False)
class Portfolio(_Named):
    """A collection of links to versions of other collections, such as a registered model."""

    links: list[Link] = field(default_factory=list)

    graphql_type: ClassVar[str] = "ArtifactPortfolio"

    @property
    def members(self) -> list[Membership]:
        """The versions that are linked now, oldest link first. Each keeps its number when others are unlinked."""
        return [
            Membership(self, link.artifact, number, link.aliases)
            for number, link in enumerate(self.links)
            if link.there and link.artifact.state == "COMMITTED"
        ]

    def find(self, alias: str) -> Membership | None:
        """The version with this alias, or of this number (`v3`). The newest is `latest`, as in any collection."""
        named = [item for item in self.members if alias in {item.version, *item.aliases}]
        wanted = named or (self.members if alias == "latest" else [])
        return wanted[-1] if wanted else None

    def give(self, artifact: StoredArtifact, aliases: Iterable[str]) -> None:
        """Move aliases to the link of `artifact`."""
        names = list(aliases)
        for link in self.links:
            link.aliases = [name for name in link.aliases if name not in names]
            if link.artifact is artifact:
                link.aliases += names


@dataclass
class Link:
    """A version as a member of a collection that it was linked to."""

    artifact: StoredArtifact
    aliases: list[str] = field(default_factory=list)
    there: bool = True


@dataclass(eq=False)
class StoredArtifact:
    """One version of an artifact.

    Attributes:
        id: the server's id of it.
        collection: what it is a version of.
        digest: of the manifest, as the client computed it.
        client_id, description, metadata_json, history_step, ttl_duration_seconds, distributed_id: as sent, None if
            never.
        created_at: ISO time of the request that made it.
        state: `"PENDING"` until the client commits it, then `"COMMITTED"`.
        version_index: 0 for `v0`; None before the commit.
        aliases: e.g. `["latest"]`; before the commit they are `wanted_aliases`.
        tags: as sent last.
        run: the run that logged it; None if none did.
        used_by: runs that use it.
        manifests: the manifests that the client made, by kind or id.
        blobs: the bytes of all files that the server has, by their hexadecimal MD5.
    """

    id: str
    collection: Collection
    digest: str
    client_id: str | None
    description: str | None
    metadata_json: str | None
    created_at: str
    run: StoredRun | None
    history_step: int | None = None
    ttl_duration_seconds: int | None = None
    distributed_id: str | None = None
    state: str = "PENDING"
    version_index: int | None = None
    aliases: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    used_by: list[StoredRun] = field(default_factory=list)
    wanted_aliases: list[str] = field(default_factory=list)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<StoredArtifact {self.name} {self.state} {self.aliases}>"

    @property
    def name(self) -> str:
        """Name of its collection, a colon, and its version."""
        return f"{self.collection.name}:{self.version}"

    @property
    def version(self) -> str:
        """`"v0"`."""
        return f"v{self.version_index}"

    @property
    def type(self) -> str:
        """E.g. `"dataset"`."""
        return self.collection.type

    @property
    def metadata(self) -> dict[str, Any]:
        """The user's metadata."""
        return dict(json.loads(self.metadata_json or "{}"))

    @property
    def current_manifest(self) -> Manifest | None:
        """The manifest whose bytes came last."""
        return next((item for item in reversed(list(self.manifests.values())) if item.data is not None), None)

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, parsed; `{}` before it came."""
        current = self.current_manifest
        return dict(json.loads(current.data or b"{}")) if current else {}

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """Entries of the manifest by path."""
        current = self.current_manifest
        return current.contents if current else {}

    @property
    def files(self) -> dict[str, bytes]:
        """Bytes by path; references have none."""
        return {
            path: self.blobs[hex_md5(entry["digest"])] for path, entry in self.entries.items() if "ref" not in entry
        }


class Membership(NamedTuple):
    """An artifact as a member of a collection, with its number and its aliases there."""

    artifact_collection: Collection | Portfolio
    artifact: StoredArtifact
    version_index: int
    aliases: list[str]

    @property
    def version(self) -> str:
        """`"v0"`."""
        return f"v{self.version_index}"


def hex_md5(digest: str) -> str:
    """A manifest's digest as URLs write it; empty when it is no base64 MD5."""
    try:
        return base64.b64decode(digest, validate=True).hex()
    except ValueError:
        return ""
