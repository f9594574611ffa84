"""GraphQL resolvers for people, projects, runs and their files."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import math
import mimetypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wandb_logging.testing import _rules
from wandb_logging.testing._context import Context, Resolver, connection, registrar
from wandb_logging.testing._filters import in_order, matches
from wandb_logging.testing._rules import EVENTS, HISTORY, OUTPUT
from wandb_logging.testing._store import Refusal
from wandb_logging.testing._stored import StoredRun

if TYPE_CHECKING:
    from collections.abc import Mapping

RESOLVERS: dict[str, Resolver] = {}
TAIL_ROWS = 10
resolves = registrar(RESOLVERS)


@dataclass(frozen=True)
class Project:
    """A project, seen through GraphQL."""

    entity_name: str
    name: str
    internal_id: int

    created_at = "2026-01-01T00:00:00"
    description = None
    access = "PRIVATE"
    views = "{}"
    is_benchmark = False
    read_only = False
    total_sweeps = 0

    @property
    def id(self) -> str:
        """The GraphQL id."""
        return base64.b64encode(f"Project:v1:{self.name}:{self.entity_name}".encode()).decode()


def find_project(context: Context, entity: str | None, name: str | None) -> Project | None:
    """The project, if it exists; no entity means the default one."""
    entity = entity or context.store.entity
    number = context.store.projects.get((entity, name or ""))
    return None if number is None else Project(entity, name or "", number)


def entity_view(name: str) -> dict[str, Any]:
    """An entity. All entities here are teams without an organization."""
    return {
        "id": f"entity-{name}",
        "name": name,
        "isTeam": True,
        "entityType": "team",
        "xxhashDigestsEnabled": False,
    }


@resolves("Query.viewer")
def _viewer(_source: Any, context: Context) -> dict[str, Any]:
    teams = [{"node": entity_view(name)} for name in sorted(context.store.entities)]
    return {
        "id": "VXNlcjox",
        "name": "Local User",
        "username": "local-user",
        "email": "local-user@example.com",
        "entity": context.store.entity,
        "flags": "{}",
        "admin": False,
        "teams": {"edges": teams},
        "apiKeys": {"edges": []},
        "organizations": [],
    }


@resolves("Query.serverInfo")
def _server_info(_source: Any, context: Context) -> dict[str, Any]:
    return {"features": [{"name": name, "isEnabled": True} for name in sorted(context.store.features)]}


@resolves("Query.entity")
def _entity(_source: Any, context: Context, name: str | None = None) -> dict[str, Any] | None:
    return entity_view(name) if name in context.store.entities else None


@resolves("Query.organization")
def _organization(_source: Any, _context: Context, **_unused: Any) -> None:
    return None


@resolves("Query.project")
@resolves("Query.model")
def _project(_source: Any, context: Context, name: str | None = None, entity_name: str | None = None) -> Any:
    return find_project(context, entity_name, name)


@resolves("Query.models")
def _models(
    _source: Any,
    context: Context,
    entity_name: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> Any:
    entity = entity_name or context.store.entity
    projects = [
        Project(owner, name, number) for (owner, name), number in context.store.projects.items() if owner == entity
    ]
    return connection(projects, first, after)


@resolves("Mutation.upsertModel")
def _upsert_model(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    entity, name = values.get("entityName") or context.store.entity, values.get("name") or "uncategorized"
    inserted = context.store.add_project(entity, name)
    project = find_project(context, entity, name)
    return {"project": project, "model": project, "inserted": inserted}


@resolves("Project.entity")
def _project_entity(project: Project, _context: Context) -> Any:
    return entity_view(project.entity_name)


@resolves("Project.user")
@resolves("Run.user")
def _user(_source: Any, context: Context) -> Any:
    return _viewer(None, context)


@resolves("Mutation.upsertBucket")
def _upsert_bucket(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    run, inserted = context.store.upsert(values, shared=context.client_id is not None)
    return {"bucket": run, "inserted": inserted}


@resolves("Mutation.rewindRun")
def _rewind_run(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    if values["metricName"] != "_step":
        raise Refusal(f"cannot rewind to {values['metricName']!r}, only to _step")
    run = context.store.require(values.get("entityName"), values.get("projectName"), values["runName"])
    context.store.rewind(run, values["metricValue"])
    return {"rewoundRun": run}


@resolves("Mutation.stopRun")
def _stop_run(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    run = context.store.by_storage_id(values["id"])
    if run:
        run.stopped = True
    return {"success": run is not None}


@resolves("Mutation.deleteRun")
def _delete_run(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    run = context.store.by_storage_id(values["id"])
    if run is None:
        raise Refusal(f"run {values['id']} not found")
    context.store.runs.remove(run)
    return {"clientMutationId": values.get("clientMutationId")}


@resolves("Mutation.deleteFiles")
def _delete_files(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    wanted = set(values["files"])
    found = {id_: (run, name) for run in context.store.runs for name in run.files if (id_ := run_file(run, name).id)}
    for id_ in wanted & found.keys():
        run, name = found[id_]
        del run.files[name]
    return {"success": wanted <= found.keys()}


@resolves("Mutation.notifyScriptableRunAlert")
def _alert(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    run = context.store.require(values["entityName"], values["projectName"], values["runName"])
    given = ("title", "text", "severity", "waitDuration")
    run.alerts.append({name: values.get(name) for name in given})
    return {"success": True}


@resolves("Project.run")
def _run(project: Project, context: Context, name: str) -> StoredRun | None:
    return context.store.find(project.entity_name, project.name, name)


@resolves("Project.bucket")
def _bucket(project: Project, context: Context, name: str, **options: bool | None) -> StoredRun | None:
    run = _run(project, context, name)
    if run is None and not options.get("missing_ok"):
        raise Refusal(f"run {name} not found")
    return run


@resolves("Project.runs")
def _runs(project: Project, context: Context, filters: str | None = None, order: str | None = None, **page: Any) -> Any:
    return connection(in_order(_filtered(project, context, filters), order), **page)


@resolves("Project.runCount")
def _run_count(project: Project, context: Context, filters: str | None = None) -> int:
    return len(_filtered(project, context, filters))


def _filtered(project: Project, context: Context, filters: str | None) -> list[StoredRun]:
    wanted = json.loads(filters or "{}")
    runs = [run for run in context.store.runs if (run.entity, run.project) == (project.entity_name, project.name)]
    return [run for run in runs if matches(run, wanted)]


@resolves("Run.id")
def _run_id(run: StoredRun, _context: Context) -> str:
    return run.storage_id


@resolves("Run.name")
def _run_name(run: StoredRun, _context: Context) -> str:
    return run.id


@resolves("Run.project")
def _run_project(run: StoredRun, context: Context) -> Any:
    return find_project(context, run.entity, run.project)


@resolves("Run.projectId")
def _run_project_id(run: StoredRun, context: Context) -> int:
    return context.store.projects[run.entity, run.project]


@resolves("Run.readOnly")
def _run_read_only(_run: StoredRun, _context: Context) -> bool:
    return False


@resolves("Run.config")
def _run_config(run: StoredRun, _context: Context) -> str:
    return run.config_json


@resolves("Run.wandbConfig")
def _run_wandb_config(run: StoredRun, _context: Context, keys: list[str] | None = None) -> str:
    return json.dumps({key: value for key, value in run.wandb_config.items() if keys is None or key in keys})


@resolves("Run.summaryMetrics")
def _run_summary(run: StoredRun, _context: Context) -> str:
    return run.summary_json


@resolves("Run.systemMetrics")
def _run_system_metrics(run: StoredRun, _context: Context) -> str:
    rows = run.events[-1:]
    return json.dumps({key: value for row in rows for key, value in row.items() if key.startswith("system.")})


@resolves("Run.historyLineCount")
def _history_line_count(run: StoredRun, _context: Context) -> int:
    return len(run.lines[HISTORY])


@resolves("Run.eventsLineCount")
def _events_line_count(run: StoredRun, _context: Context) -> int:
    return len(run.lines[EVENTS])


@resolves("Run.logLineCount")
def _log_line_count(run: StoredRun, _context: Context) -> int:
    return len(run.lines[OUTPUT])


@resolves("Run.historyTail")
def _history_tail(run: StoredRun, _context: Context) -> str:
    return json.dumps(run.history_lines[-TAIL_ROWS:])


@resolves("Run.eventsTail")
def _events_tail(run: StoredRun, _context: Context) -> str:
    return json.dumps(run.events_lines[-TAIL_ROWS:])


@resolves("Run.history")
def _run_history(
    run: StoredRun,
    _context: Context,
    min_step: int | None = None,
    max_step: int | None = None,
    samples: int | None = None,
) -> list[str]:
    low, high = min_step or 0, math.inf if max_step is None else max_step
    lines = [line for line in run.history_lines if low <= (_rules.step_of(line) or 0) < high]
    return lines[:samples]


@resolves("Run.events")
def _run_events(run: StoredRun, _context: Context, samples: int | None = None) -> list[str]:
    return run.events_lines[:samples]


@resolves("Run.sampledHistory")
def _sampled_history(run: StoredRun, _context: Context, specs: list[str]) -> list[Any]:
    return [_sample(run, json.loads(spec)) for spec in specs]


def _sample(run: StoredRun, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = spec.get("keys") or []
    rows = [row for row in run.history if all(key in row for key in keys)]
    picked = [{key: row[key] for key in keys} if keys else row for row in rows[: spec.get("samples")]]
    return [finite(row) for row in picked]


def finite(value: Any) -> Any:
    """The value with non-finite numbers as texts, as W&B writes them in an answer that must be plain JSON."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


@resolves("Run.historyKeys")
def _history_keys(run: StoredRun, _context: Context) -> dict[str, Any]:
    counts: dict[str, int] = {}
    rows = run.history
    for row in rows:
        for key in row:
            counts[key] = counts.get(key, 0) + 1
    return {
        "lastStep": max((row.get("_step", -1) for row in rows), default=-1),
        "sets": [],
        "keys": {key: {"typeCounts": [{"type": "number", "count": count}]} for key, count in counts.items()},
    }


@resolves("Run.parquetHistory")
def _parquet_history(_run: StoredRun, _context: Context, **_unused: Any) -> Any:
    return {"parquetUrls": [], "liveData": []}


@resolves("Run.logLines")
def _log_lines(
    run: StoredRun,
    _context: Context,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    **_unused: Any,
) -> Any:
    lines = [{"number": number, "line": line} for number, line in enumerate(run.output)]
    return connection(lines[-last:] if last else lines, first, after)


@dataclass(frozen=True)
class File:
    """A stored file, seen through GraphQL."""

    name: str
    data: bytes
    place: tuple[str, ...]

    updated_at = "2026-01-01T00:00:00"

    @property
    def id(self) -> str:
        """The GraphQL id."""
        return base64.b64encode("/".join(self.place).encode()).decode()

    @property
    def display_name(self) -> str:
        """The same as the name."""
        return self.name

    @property
    def storage_path(self) -> str:
        """Where the storage keeps the file."""
        return "/".join(self.place)

    @property
    def size_bytes(self) -> int:
        """The length in bytes."""
        return len(self.data)

    @property
    def mimetype(self) -> str | None:
        """The type guessed from the name."""
        return mimetypes.guess_type(self.name)[0]

    @property
    def md5(self) -> str:
        """MD5 of the bytes, base64."""
        return base64.b64encode(hashlib.md5(self.data, usedforsecurity=False).digest()).decode()

    @property
    def digest(self) -> str:
        """The same as `md5`."""
        return self.md5


@resolves("File.url")
def _file_url(file: File, context: Context, **options: bool | None) -> str:
    return context.signed_url("PUT" if options.get("upload") else "GET", *file.place)


@resolves("File.directUrl")
def _file_direct_url(file: File, context: Context) -> str:
    return context.signed_url("GET", *file.place)


@resolves("File.uploadUrl")
def _file_upload_url(file: File, context: Context) -> str:
    return context.signed_url("PUT", *file.place)


@resolves("File.uploadHeaders")
def _file_upload_headers(_file: File, context: Context) -> list[str]:
    return context.upload_headers


def run_file(run: StoredRun, name: str) -> File:
    """The run's file of that name; empty if its bytes have not arrived."""
    return File(name, run.files.get(name, b""), ("runs", run.entity, run.project, run.id, name))


@resolves("Mutation.createRunFiles")
def _create_run_files(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    run = context.store.require(values["entityName"], values["projectName"], values["runName"])
    names = values["files"]
    problems = list(_rules.check_file_names(names))
    for problem in problems:
        context.store.report(problem.rule, f"{run.path}: {problem.detail}")
    if problems:
        raise Refusal(problems[0].detail)
    return {
        "runID": run.storage_id,
        "uploadHeaders": context.upload_headers,
        "files": [run_file(run, name) for name in names],
    }


@resolves("Mutation.markRunFilesUploaded")
def _mark_run_files_uploaded(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    run = context.store.require(values["entityName"], values["projectName"], values["runName"])
    context.store.announce(run, values["files"])
    return {"success": True}


@resolves("Run.fileCount")
def _file_count(run: StoredRun, _context: Context) -> int:
    return len(run.files)


@resolves("Run.files")
def _run_files(
    run: StoredRun,
    _context: Context,
    names: list[str] | None = None,
    pattern: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> Any:
    wildcard = pattern.replace("%", "*").replace("_", "?") if pattern else "*"
    found = [name for name in sorted(run.files) if (name in names if names else fnmatch.fnmatchcase(name, wildcard))]
    return connection([run_file(run, name) for name in found], first, after)
