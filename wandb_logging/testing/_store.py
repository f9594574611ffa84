"""What the server keeps: runs, their streams and files. No HTTP, no GraphQL; the caller holds the lock.

Every method stores what it is given and reports each breach of the protocol to `Store.violations`.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wandb_logging.testing import _rules
from wandb_logging.testing._artifacts import Artifacts
from wandb_logging.testing._rules import EVENTS, HISTORY, OUTPUT, SUMMARY, Violation
from wandb_logging.testing._shared_mode import SharedClient, merged_config
from wandb_logging.testing._stored import StoredRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ADJECTIVES = ("brave", "calm", "eager", "fresh", "gentle", "honest", "lively", "proud", "quiet", "wise")
_NOUNS = ("river", "forest", "meadow", "comet", "harbor", "island", "canyon", "breeze", "glacier", "lantern")

# UpsertBucket inputs that are kept as they come; a null one leaves the field as it was.
_PLAIN_INPUTS = {
    "displayName": "display_name",
    "description": "description",
    "notes": "notes",
    "groupName": "group",
    "jobType": "job_type",
    "host": "host",
    "jobProgram": "program",
    "jobRepo": "repo",
    "commit": "commit",
    "sweep": "sweep_name",
    "state": "state",
    "tags": "tags",
}


class Refusal(Exception):
    """The request is refused; the message is for the client.

    Attributes:
        status: HTTP status of the answer; 200 for a GraphQL error.
    """

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Store:
    """Everything the server keeps.

    Attributes:
        entity: the default entity; `entities` are all that exist.
        features: names of enabled server features.
        projects: the number of each project, by its entity and name.
        runs: all runs, in the order in which they were made.
        violations: every breach so far, oldest first.
        check_rate: whether too many file_stream requests are a breach.
    """

    entity: str
    features: set[str]
    entities: set[str] = field(default_factory=set)
    projects: dict[tuple[str, str], int] = field(default_factory=dict)
    runs: list[StoredRun] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    check_rate: bool = False

    def __post_init__(self) -> None:
        self.entities.add(self.entity)
        self.artifacts = Artifacts(self.report)

    def find(self, entity: str | None, project: str | None, run_id: str) -> StoredRun | None:
        """The run of that name; no entity means the default one."""
        key = (entity or self.entity, project, run_id)
        return next((run for run in self.runs if (run.entity, run.project, run.id) == key), None)

    def require(self, entity: str | None, project: str | None, run_id: str, status: int = 200) -> StoredRun:
        """Like `find`; a missing run is a breach.

        Raises:
            Refusal: there is no such run.
        """
        run = self.find(entity, project, run_id)
        if run is None:
            path = f"{entity or self.entity}/{project}/{run_id}"
            self.report("unknown-run", f"{path} was never created")
            raise Refusal(f"run {path} not found", status)
        return run

    def by_storage_id(self, storage_id: str) -> StoredRun | None:
        """The run that GraphQL knows by this id."""
        return next((run for run in self.runs if run.storage_id == storage_id), None)

    def report(self, rule: str, detail: str) -> None:
        """Record one breach."""
        self.violations.append(Violation(rule, detail))

    def _report_for(self, run: StoredRun, violations: Iterable[Violation]) -> None:
        for violation in violations:
            self.report(violation.rule, f"{run.path}: {violation.detail}")

    def add_project(self, entity: str, project: str) -> bool:
        """Make the project exist; False when it does already."""
        inserted = (entity, project) not in self.projects
        self.projects.setdefault((entity, project), len(self.projects) + 1)
        return inserted

    def new_run(self, entity: str, project: str, run_id: str) -> StoredRun:
        """Create a run, with a name of the server's choice."""
        number = len(self.runs)
        name = f"{_ADJECTIVES[number % 10]}-{_NOUNS[number // 10 % 10]}-{number + 1}"
        self.add_project(entity, project)
        run = StoredRun(entity, project, run_id, name, now())
        self.runs.append(run)
        return run

    def upsert(self, values: Mapping[str, Any], *, shared: bool = False) -> tuple[StoredRun, bool]:
        """UpsertBucket: create or update a run; by one of several writers in shared mode, who knows its own config.

        Returns:
            The run, and whether it is new.

        Raises:
            Refusal: the entity does not exist, or an `id` was given that no run has.
        """
        run, inserted = self._upserted_run(values)
        run.upserts.append(dict(values))
        self._report_for(run, _rules.check_names(run.id, run.project, values.get("tags") or []))
        # null means "leave as it is", so that two writers do not clear each other's fields.
        given = {name: value for name, value in values.items() if value is not None}
        for name in _PLAIN_INPUTS.keys() & given:
            setattr(run, _PLAIN_INPUTS[name], given[name])
        if "config" in given:
            self._report_for(run, _rules.check_config(given["config"]))
            config = merged_config(run.config_json, given["config"]) if shared else given["config"]
            run.config_json = _object_or(config, run.config_json)
        if "summaryMetrics" in given:
            self._report_for(run, _rules.check_summary([given["summaryMetrics"]], 0))
            run.summary_json = _object_or(given["summaryMetrics"], run.summary_json)
        # Reading clients (`wandb.Api`) address a run by its storage id alone; that does not start it again.
        if values.get("name") and run.completed_by is not None:
            run.state, run.exit_code, run.completed_by = "running", None, None
            for client in run.clients.values():
                client.completed_by = None
            if values.get("id") is None:
                # Not resumed: the official client then counts its steps from 0 again.
                run.steps_from = len(run.lines[HISTORY])
        return run, inserted

    def _upserted_run(self, values: Mapping[str, Any]) -> tuple[StoredRun, bool]:
        entity = values.get("entityName") or self.entity
        if entity not in self.entities:
            raise Refusal(f"entity {entity} not found during upsertBucket", 404)
        storage_id = values.get("id")
        if storage_id:
            run = self.by_storage_id(storage_id)
            if run is None:
                self.report("unknown-run", f"UpsertBucket for storage id {storage_id!r}, which no run has")
                raise Refusal(f"run with id {storage_id} not found")
            return run, False
        project = values.get("modelName") or "uncategorized"
        run_id = values.get("name") or secrets.token_hex(4)
        run = self.find(entity, project, run_id)
        return (run, False) if run else (self.new_run(entity, project, run_id), True)

    def rewind(self, run: StoredRun, step: float) -> None:
        """Cut the history after `step`; the run goes on there. Clients count events and text from 0 again (3.6)."""
        kept = [line for line in run.lines[HISTORY] if (_rules.step_of(line) or 0) <= step]
        for lines in run.lines.values():
            lines.clear()
        run.lines[HISTORY] += kept
        run.state, run.exit_code, run.completed_by = "running", None, None

    def stream(self, run: StoredRun, body: bytes, client_id: str | None = None) -> dict[str, Any]:
        """Take one file_stream request, perhaps of a writer in shared mode, and say what to answer."""
        writer = run if client_id is None else run.clients.setdefault(client_id, SharedClient(client_id))
        self._check_pace(run, writer)
        run.heartbeat_at = now()
        try:
            value = _rules.parse(body.decode(), strict=True)
        except ValueError as error:
            self.report("strict-json", f"{run.path}: file_stream body: {error}")
            raise Refusal(f"body is not JSON: {error}", 400) from error
        if not isinstance(value, dict):
            self.report("body", f"{run.path}: file_stream body is no object")
            raise Refusal("body is no object", 400)
        # The last request may be sent again when its answer was lost.
        if writer.completed_by not in (None, body):
            self.report("after-complete", f"{run.path}: file_stream request after the run was completed")
        taken = self._take(run, writer, value)
        if taken.exit_code is not None and run.completed_by is None:
            self.complete(run, taken.exit_code, body)
            writer.completed_by = body
        return {"exitcode": run.exit_code, "limits": {}, **({"stopped": True} if run.stopped else {})}

    def complete(self, run: StoredRun, exit_code: int, body: bytes) -> None:
        """End the run; `body` is the request that did it."""
        run.exit_code, run.completed_by = exit_code, body
        run.state = "failed" if exit_code else "finished"

    def _take(self, run: StoredRun, writer: StoredRun | SharedClient, value: dict[str, Any]) -> _rules.StreamBody:
        body, violations = _rules.read_body(value)
        self._report_for(run, violations)
        for name, chunk in body.files.items():
            self._report_for(run, _rules.check_lines(name, chunk.offset, chunk.content))
            if name == SUMMARY:
                self._take_summary(run, chunk)
            else:
                self._take_lines(run, writer, name, chunk)
        self.announce(run, body.uploaded)
        run.heartbeats += not value
        run.preempting = run.preempting or body.preempting
        return body

    def announce(self, run: StoredRun, names: Iterable[str]) -> None:
        """The client says that the bytes of these files have come."""
        for name in names:
            if name not in run.files:
                self.report("uploaded", f"{run.path}: {name!r} announced, but its bytes never came")
            if name not in run.uploaded:
                run.uploaded.append(name)

    def _take_summary(self, run: StoredRun, chunk: _rules.Chunk) -> None:
        violations = list(_rules.check_summary(chunk.content, chunk.offset))
        self._report_for(run, violations)
        if not violations:
            run.summary_json = chunk.content[0]

    def _take_lines(self, run: StoredRun, writer: StoredRun | SharedClient, name: str, chunk: _rules.Chunk) -> None:
        stored = writer.lines[name]
        patch, violations = _rules.place(name, stored, *chunk, rewritable=name == OUTPUT)
        new = max(chunk.offset, len(stored))
        content = chunk.content[new - chunk.offset :]
        if name == HISTORY:
            before = stored[-1] if len(stored) > writer.steps_from else None
            violations += _rules.check_history(content, new, _rules.step_of(before))
        elif name == EVENTS:
            violations += _rules.check_events(content, new)
        else:
            structured = "STRUCTURED_CONSOLE_LOGS" in self.features
            violations += _rules.check_console(chunk.content, chunk.offset, structured=structured)
        self._report_for(run, violations)
        _rules.apply(stored, patch)
        if isinstance(writer, SharedClient):
            writer.merge(run.lines[name], name, patch)

    def _check_pace(self, run: StoredRun, writer: StoredRun | SharedClient) -> None:
        moment = time.monotonic()
        writer.tokens, allowed = _rules.spend(writer.tokens, moment - writer.last_request)
        writer.last_request = moment
        if self.check_rate and not allowed:
            self.report("rate", f"{run.path}: more than {_rules.RATE_PER_SECOND:g} file_stream requests a second")

    def put(self, place: tuple[str, ...], data: bytes) -> None:
        """Store the bytes of a file at the place that its URL names.

        Raises:
            Refusal: its run is gone.
        """
        if place[0] == "manifests":
            self.artifacts.put_manifest(place[1], data)
        elif place[0] == "artifacts":
            self.artifacts.put_blob(place[1], data)
        else:
            run, name = self._run_file(place)
            run.files[name] = data

    def get(self, place: tuple[str, ...]) -> bytes:
        """The bytes of a file.

        Raises:
            Refusal: they never came.
        """
        if place[0] == "manifests":
            data = self.artifacts.manifests[place[1]][1].data
        elif place[0] == "artifacts":
            data = self.artifacts.blobs.get(place[1])
        else:
            run, name = self._run_file(place)
            data = run.files.get(name)
        if data is None:
            raise Refusal(f"no file {'/'.join(place)}", 404)
        return data

    def _run_file(self, place: tuple[str, ...]) -> tuple[StoredRun, str]:
        entity, project, run_id, *name = place[1:]
        return self.require(entity, project, run_id, 404), "/".join(name)


def _object_or(text: str, kept: str) -> str:
    """`text` if it is a JSON object, else what was there."""
    return kept if _rules.parse_object(text)[1] else text


def now() -> str:
    """The time, as W&B writes it."""
    return dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
