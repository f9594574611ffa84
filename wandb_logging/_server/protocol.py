"""W&B's wire format: the GraphQL documents, and the meaning of answers. Pure: no I/O.

The bodies of file_stream requests are in `_server.body`. Numbers in brackets name a section of
`docs/protocol.md`.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    HTTPStatusError,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
)
from wandb_logging._events.metrics import Definitions, config_list
from wandb_logging._events.run_info import Remote, RunInfo
from wandb_logging._values.plain import dumps, loads
from wandb_logging._values.terminal_text import one_line
from wandb_logging._version import __version__

USER_AGENT = f"wandb-logging/{__version__}"
MAX_REQUEST_BYTES = 10 * 2**20  # [4.4]

_LEAST_WAIT = 1.0  # seconds between two tries, whatever the server says
# A request is tried again after any other 4xx or 5xx [1.2]; never after a 3xx: a redirected POST loses its body.
_FINAL = frozenset({400, 401, 403, 404, 409, 410, 413, 422, 501})

VIEWER = "query Viewer { viewer { id entity username email teams { edges { node { name } } } } }"

FEATURES = "query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }"

_BUCKET = """id name displayName description config sweepName historyLineCount
    project { id name entity { id name } }"""

UPSERT_BUCKET = f"""mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String,
    $groupName: String, $description: String, $displayName: String, $notes: String, $commit: String,
    $config: JSONString, $host: String, $debug: Boolean, $program: String, $repo: String, $jobType: String,
    $state: String, $sweep: String, $tags: [String!], $summaryMetrics: JSONString) {{
  upsertBucket(input: {{id: $id, name: $name, modelName: $project, entityName: $entity, groupName: $groupName,
      description: $description, displayName: $displayName, notes: $notes, commit: $commit, config: $config,
      host: $host, debug: $debug, jobProgram: $program, jobRepo: $repo, jobType: $jobType, state: $state,
      sweep: $sweep, tags: $tags, summaryMetrics: $summaryMetrics}}) {{
    bucket {{ {_BUCKET} }}
    inserted
  }}
}}"""

REWIND_RUN = f"""mutation RewindRun($runName: String!, $entity: String, $project: String, $metricName: String!,
    $metricValue: Float!) {{
  rewindRun(input: {{runName: $runName, entityName: $entity, projectName: $project,
      metricName: $metricName, metricValue: $metricValue}}) {{
    rewoundRun {{ {_BUCKET} }}
  }}
}}"""

LINE_COUNT = """query RunLineCount($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { historyLineCount config } }
}"""

LINE_COUNT_AND_STATE = """query RunLineCountAndState($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { historyLineCount config state } }
}"""

RUN_RESUME_STATUS = """query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    id name entity { id name }
    bucket(name: $name, missingOk: true) {
      id name displayName summaryMetrics config tags notes
      historyLineCount eventsLineCount logLineCount historyTail eventsTail
      wandbConfig(keys: ["t"])
    }
  }
}"""

CREATE_RUN_FILES = """mutation CreateRunFiles($entity: String!, $project: String!, $run: String!,
    $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
    runID uploadHeaders files { name uploadUrl }
  }
}"""


# --- answers ------------------------------------------------------------------------------------------


def error_message(body: bytes) -> str:
    """The message in an error answer, which has one of two shapes [1.1]; "" if there is none."""
    data = _parsed(body)
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    items = errors if isinstance(errors, list) else [data.get("error")]
    texts = (item.get("message") if isinstance(item, dict) else item for item in items)
    return one_line("; ".join(text for text in texts if isinstance(text, str))[:500])


def status_error(
    status: int, body: bytes, headers: Mapping[str, str], now: float, *, conflict_retries: bool = False
) -> HTTPStatusError:
    """The error that stands for an answer whose status is not 2xx.

    Args:
        now: seconds since 1970, to turn a Retry-After date into a wait.
        conflict_retries: whether the request may be tried again after a 409: only UpsertBucket may [1.2].
    """
    message = f"HTTP {status}"
    words = error_message(body)
    if words:
        message += f": {words}"
    if 300 <= status < 400:
        where = one_line(headers.get("Location", "nowhere"))
        return RequestRejected(f"{message} (redirect to {where}; set host to that)", status)
    if status in {401, 403}:
        return AuthError(message, status)
    if status in {404, 410}:
        return RunNotFound(message, status)
    if status in _FINAL and not (status == 409 and conflict_retries):
        return RequestRejected(message, status)
    return ServerUnavailable(message, status, retry_after(headers.get("Retry-After"), now, headers.get("Date")))


def retry_after(value: str | None, now: float, sent: str | None = None) -> float | None:
    """Seconds to wait by a Retry-After header, which is a number or a date [1.2]; None if it is neither.

    At least one second, so that a server that gives a smaller number is not asked hundreds of times a second.

    Args:
        value: the header.
        now: seconds since 1970, by the clock of this machine.
        sent: the answer's Date header: the server's own clock, for this machine's may be wrong by a day.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        until, since = _moment(value), _moment(sent)
        if until is None:
            return None
        seconds = until - (now if since is None else since)
    return min(max(seconds, _LEAST_WAIT), 3600.0) if seconds > 0 else None


def _moment(date: str | None) -> float | None:
    """Seconds since 1970 of a date in a header; None if it is no date."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  slow to import, and hardly ever needed

    try:
        return parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def rate_limit_wait(headers: Mapping[str, str]) -> float:
    """Seconds to wait before the next file_stream request: 0 unless the quota is used up [1.3]."""
    try:
        remaining = float(headers["RateLimit-Remaining"])
        reset = float(headers["RateLimit-Reset"])
    except (KeyError, ValueError):
        return 0.0
    return min(reset, 60.0) if remaining < 1 and reset > 0 else 0.0


def is_page(headers: Mapping[str, str]) -> bool:
    """Whether an answer is a web page: a network's login page has not taken our lines, whatever its status."""
    return headers.get("Content-Type", "").lower().startswith("text/html")


class NoAnswerError(GraphQLError):
    """An answer with status 200 that is none of GraphQL: no refusal, but a proxy on the way or a server in trouble."""


def graphql_data(body: bytes) -> dict[str, Any]:
    """The `data` of a GraphQL answer of status 200.

    Raises:
        GraphQLError: the answer holds errors; as NoAnswerError: it is no answer of GraphQL.
    """
    answer = _parsed(body)
    if not isinstance(answer, dict):
        raise NoAnswerError("the server's answer is not a JSON object; is host the address of a W&B API?")
    if answer.get("errors"):
        raise GraphQLError(error_message(body) or "the server reported an error without words")
    if not isinstance(answer.get("data"), dict):
        raise NoAnswerError("the server's answer holds no data")
    return answer["data"]  # type: ignore[no-any-return]


def asks_to_stop(body: bytes) -> bool:
    """Whether a file_stream answer asks the run to stop. An answer that is no JSON does not, and is no error [4.7]."""
    return dig(_parsed(body), "stopped") is True


def dig(data: object, *keys: str) -> Any:
    """The value under nested keys; None if a key is missing or a value on the way is no object."""
    for key in keys:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data


def _parsed(text: object) -> Any:
    """The value of a server's JSON; None if it is no JSON, or nested too deep."""
    try:
        return loads(text) if isinstance(text, (bytes, str)) else None
    except (ValueError, RecursionError):
        return None


def _json_object(text: object) -> dict[str, Any]:
    value = _parsed(text)
    return value if isinstance(value, dict) else {}


def _json_rows(text: object) -> list[dict[str, Any]]:
    """The rows of a historyTail or eventsTail: a JSON text holding a list of JSON texts [3.5]."""
    value = _parsed(text)
    return [_json_object(item) for item in value] if isinstance(value, list) else []


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float:
    """A finite number; 0 for anything else."""
    try:
        number = float(value) if isinstance(value, (int, float)) else 0.0
    except OverflowError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def _whole(value: object) -> int:
    return max(0, int(_number(value)))


@dataclass(frozen=True)
class Resumed:
    """The state of a run on the server, from which this run goes on [3.5]."""

    storage_id: str
    history: int
    events: int
    output: int
    step: int
    runtime: float
    config: dict[str, Any]
    summary: dict[str, Any]
    tags: list[str]
    notes: str | None


def resumed(data: Mapping[str, Any]) -> Resumed | None:
    """The state of a run from an answer to RunResumeStatus; None if there is no such run [3.5]."""
    bucket = dig(data, "model", "bucket")
    if not isinstance(bucket, dict) or "t" not in _json_object(bucket.get("wandbConfig")):
        return None
    summary = _json_object(bucket.get("summaryMetrics"))
    rows, events = _json_rows(bucket.get("historyTail")), _json_rows(bucket.get("eventsTail"))
    count = _whole(bucket.get("historyLineCount"))
    last_step = next((row["_step"] for row in reversed(rows) if "_step" in row), summary.get("_step"))
    runtimes = [row.get("_runtime") for row in rows[-1:] + events[-1:]]
    runtimes.append(dig(summary, "_wandb", "runtime") or summary.get("_runtime"))
    return Resumed(
        storage_id=_text(bucket.get("id")) or "",
        history=count,
        events=_whole(bucket.get("eventsLineCount")),
        output=_whole(bucket.get("logLineCount")),
        step=_whole(last_step) + (1 if count else 0),
        runtime=max(map(_number, runtimes)),
        config=_config_of(bucket),
        summary=summary,
        tags=[tag for tag in _list(bucket.get("tags")) if isinstance(tag, str)],
        notes=_text(bucket.get("notes")),
    )


def rewound(data: Mapping[str, Any], step: int) -> Resumed:
    """The state of a run after it was rewound to a step, from an answer to RewindRun [3.6].

    Raises:
        GraphQLError: the answer holds no run.
    """
    bucket = dig(data, "rewindRun", "rewoundRun")
    if not isinstance(bucket, dict):
        raise GraphQLError("the server's answer to RewindRun holds no run")
    return Resumed(
        storage_id=_text(bucket.get("id")) or "",
        history=line_count(bucket),
        events=0,
        output=0,
        step=step + 1,
        runtime=0.0,
        config=_config_of(bucket),
        summary={},
        tags=[],
        notes=None,
    )


def _config_of(bucket: Mapping[str, Any]) -> dict[str, Any]:
    return {key: dig(item, "value") for key, item in _json_object(bucket.get("config")).items()}


def line_count(bucket: Mapping[str, Any]) -> int:
    """Number of history lines that the server has of a run, from an answer to UpsertBucket."""
    return _whole(bucket.get("historyLineCount"))


def writers(config: Mapping[str, Any]) -> set[str]:
    """The writers of a run, by its config with unwrapped values: the names in `_wandb.e` [5.6]."""
    named = dig(config, "_wandb", "e")
    return set(named) if isinstance(named, dict) else set()


def is_there(data: Mapping[str, Any]) -> bool:
    """Whether an answer to RunLineCount has the run."""
    return isinstance(dig(data, "model", "bucket"), dict)


def rows_and_writers(data: Mapping[str, Any]) -> tuple[int, set[str]]:
    """Number of rows and writers of a run, from an answer to RunLineCount; 0 and none if there is no such run."""
    bucket = dig(data, "model", "bucket")
    return (line_count(bucket), writers(_config_of(bucket))) if isinstance(bucket, dict) else (0, set())


def state_of(data: Mapping[str, Any]) -> str | None:
    """The state of a run, such as running or finished, from an answer to RunLineCountAndState."""
    return _text(dig(data, "model", "bucket", "state"))


def remote(bucket: Mapping[str, Any], info: RunInfo, before: Resumed | None, server_features: set[str]) -> Remote:
    """The run on the server, from an answer to the first UpsertBucket and the state that it goes on from [3.1]."""
    project = bucket.get("project")
    return Remote(
        storage_id=_text(bucket.get("id")) or "",
        entity=_text(dig(project, "entity", "name")) or info.entity or "",
        project=_text(dig(project, "name")) or info.project,
        name=_text(bucket.get("name")) or info.id,
        display_name=_text(bucket.get("displayName")) or info.name or info.id,
        host=info.host or "",
        history=before.history if before else line_count(bucket),
        events=before.events if before else 0,
        output=before.output if before else 0,
        step=before.step if before else 0,
        runtime=before.runtime if before else 0.0,
        config=before.config if before else {},
        summary=before.summary if before else {},
        tags=before.tags if before else [],
        notes=before.notes if before else None,
        structured="STRUCTURED_CONSOLE_LOGS" in server_features,
        gzip="FILESTREAM_GZIP" in server_features,
        artifact_tags="ARTIFACT_TAGS" in server_features,
    )


def features(data: Mapping[str, Any]) -> set[str]:
    """Names of a server's features, from an answer to ServerFeaturesQuery [3.8]."""
    items = (item for item in _list(dig(data, "serverInfo", "features")) if isinstance(item, dict))
    return {str(item["name"]) for item in items if item.get("isEnabled") is True and "name" in item}


# --- runs ---------------------------------------------------------------------------------------------


def config_json(
    config: Mapping[str, Any],
    writer_id: str | None,
    metrics: Definitions,
    environment: Mapping[str, Any] | None = None,
) -> str:
    """The run config in the server's form: each value wrapped, our own members under `_wandb` [3.3, 5.6].

    With a `writer_id` it has an entry for this writer.

    `_wandb.t` must be there: without it the official client takes the run for one that never started.
    """
    python = platform.python_version()
    own = config.get("_wandb")
    about = {
        **(own if isinstance(own, dict) else {}),
        "cli_version": __version__,
        "python_version": python,
        "t": {"4": python, "5": __version__},
        "m": config_list(metrics),
        **({"e": {writer_id: {**(environment or {}), "writerId": writer_id}}} if writer_id else {}),
    }
    wrapped = {key: {"value": value} for key, value in config.items() if key != "_wandb"}
    return dumps({"_wandb": {"value": about}, **wrapped}).decode()


def upsert_variables(
    info: RunInfo,
    *,
    config: str | None,
    git: Mapping[str, str] | None = None,
    storage_id: str | None = None,
    changed: Mapping[str, Any] | None = None,
    first: bool = True,
) -> dict[str, Any]:
    """Variables of UpsertBucket. Null leaves a field of the run as it is [3.1].

    Args:
        info: who the run is.
        config: the whole config as JSON text, or None to leave it.
        git: commit and remote of the program's repository, as far as they are known.
        storage_id: the id that the server gave the run; None where the run is meant by its name.
        changed: for a run that exists: which of name, notes, tags, group and job type to set; an empty list of tags
            removes them all.
        first: whether this call makes the run (or goes on with one that another process has made).
    """
    given = info.to_json() if first else dict(changed or {})
    repository = git or {}
    return {
        "id": storage_id,
        "name": info.id,
        "project": info.project,
        "entity": info.entity,
        "groupName": given.get("group"),
        "description": None,
        "displayName": given.get("name"),
        "notes": given.get("notes"),
        "commit": repository.get("commit"),
        "config": config,
        "host": given.get("host_name"),
        "debug": None,
        "program": given.get("program"),
        "repo": repository.get("remote"),
        "jobType": given.get("job_type"),
        "state": None,
        "sweep": None,
        "tags": list(given["tags"]) if given.get("tags") or "tags" in (changed or {}) else None,
        "summaryMetrics": None,
    }


def client_headers(client_id: str | None, *, stream: bool = False) -> dict[str, str]:
    """Headers that say which of several writers asks, in W&B's shared mode [10]; none where `client_id` is None.

    Args:
        client_id: id of the writer.
        stream: whether they are for a file_stream request.
    """
    if client_id is None:
        return {}
    name = "X-WANDB-ASYNC-CLIENT-ID" if stream else "X-WANDB-CLIENT-ID"
    return {"X-WANDB-USE-ASYNC-FILESTREAM": "true", name: client_id}


def app_url(host: str) -> str:
    """Address of the pages for people that belong to an API address [2.4]."""
    if "://api.wandb.test" in host:
        return host.replace("://api.", "://app.", 1)
    if "://api.wandb." in host:
        return host.replace("://api.", "://", 1)
    return host.replace("://api.", "://app.", 1)


def run_url(app: str, entity: str, project: str, run_id: str) -> str:
    """Address of a run's page [3.4]."""
    return f"{app}/{quote(entity, safe='')}/{quote(project, safe='')}/runs/{quote(run_id, safe='=+&$@')}"


def stream_path(entity: str, project: str, run_id: str) -> str:
    """Path of a run's file_stream below the API's address."""
    return "/files/" + "/".join(quote(part, safe="") for part in (entity, project, run_id)) + "/file_stream"


def belongs_to(url: str, host: str) -> bool:
    """Whether a URL is on the API's own address, so that the key may be sent there [1]."""
    ours, theirs = urlsplit(host), urlsplit(url)
    same = (ours.scheme, ours.hostname, _port(host)) == (theirs.scheme, theirs.hostname, _port(url))
    return same and f"{theirs.path}/".startswith(f"{ours.path.rstrip('/')}/")


def _port(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def upload_targets(data: Mapping[str, Any], names: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Upload address by file name, and the headers each PUT needs, from CreateRunFiles [6.1].

    Names that were not asked for are ignored; a null address leaves the file out.

    Raises:
        GraphQLError: the answer has another number of files than asked for.
    """
    answer = dig(data, "createRunFiles")
    files = dig(answer, "files")
    if not isinstance(files, list) or len(files) != len(names):
        raise GraphQLError("CreateRunFiles answered with another number of files than asked for")
    urls = {
        item["name"]: item["uploadUrl"]
        for item in files
        if isinstance(item, dict) and item.get("name") in names and isinstance(item.get("uploadUrl"), str)
    }
    return urls, upload_headers(dig(answer, "uploadHeaders"))


def upload_headers(lines: object) -> dict[str, str]:
    """The headers that a PUT to an upload address needs, from their `Name:value` form [6.1]."""
    pairs = (line.partition(":") for line in lines if isinstance(line, str)) if isinstance(lines, list) else ()
    return {name.strip(): value.strip() for name, _, value in pairs}
