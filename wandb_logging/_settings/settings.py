"""What a user may set: `Settings`, whose fields are the keys of a `dictConfig` handler entry.

One field says all about one key: its default, the environment variable that changes the default,
how a value is checked, and its JSON Schema. The environment is read here and nowhere else
(protocol 2.6). `python -m wandb_logging._settings.settings` prints the JSON Schema kept in `docs/`.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb_logging._errors import SettingsError
from wandb_logging._events.metrics import AGGREGATES, Metric
from wandb_logging._values.plain import mapping_of
from wandb_logging._values.secrets import MASK, names_secret

DEFAULT_HOST = "https://api.wandb.ai"
BATCH_SIZE = 50_000  # as many rows as memory allows: W&B takes two requests a second
BATCH_BYTES = 4 * 2**20
STANDARD_FILES = ("config.yaml", "wandb-metadata.json", "requirements.txt", "wandb-summary.json", "output.log")
_PROJECT_FORBIDDEN = set("/\\#?%:")
_RUN_ID_FORBIDDEN = set(":;,#?/'")
# Not forbidden by W&B, but a run id is also the name of a folder (issue 4: names cannot leave it).
_FOLDER_FORBIDDEN = set('\\\0<>"|*')


@dataclass(frozen=True)
class _Rule:
    """How one key is checked, parsed from the environment, and described.

    `check` returns the value to keep or raises `ValueError` saying what would be right.
    """

    check: Callable[[object], object]
    schema: Mapping[str, object]
    doc: str
    env: str | None = None
    parse: Callable[[str], object] = str


# Those that end a program when nobody handles them, as far as this system has them.
_SIGNALS = tuple(
    name
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")
    if hasattr(signal, name)
)


# --- checks: each a small function from what was given to what is kept -------------------------


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a string")
    if not value.strip():
        raise ValueError("a string that is not empty")
    return value


def _project(value: object) -> str:
    text = _text(value)
    if len(text) > 128 or _PROJECT_FORBIDDEN & set(text) or text.startswith("."):
        raise ValueError("at most 128 characters, none of / \\ # ? % : and no dot in front")
    return text


def _run_id(value: object) -> str:
    text = _text(value)
    if text != text.strip() or (_RUN_ID_FORBIDDEN | _FOLDER_FORBIDDEN) & set(text):
        raise ValueError("no spaces around it and none of : ; , # ? / ' \\ < > | * \"")
    if len(text) > 64 or text.startswith("."):
        raise ValueError("at most 64 characters and no dot in front")
    return text


_USERINFO = re.compile(r"(?<=://)[^/\s]*(?=@)")
_MOMENT = re.compile(r"^([^?]+)\?_step=(\d+)$")


def _moment(value: object) -> str:
    match = _MOMENT.match(_text(value))
    if not match:
        raise ValueError("a run and a step, such as k3v9x0ab?_step=200")
    _run_id(match[1])
    return match[0]


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError('a list of strings, such as ["baseline", "v2"]')
    tags = tuple(_text(tag) for tag in value)
    if any(len(tag) > 64 for tag in tags):
        raise ValueError("tags of 1 to 64 characters")
    return tuple(dict.fromkeys(tags))


def _config(value: object) -> dict[str, object]:
    opened = mapping_of(value)
    if not isinstance(opened, Mapping):
        raise ValueError("a mapping, such as {learning_rate: 0.01}, or a namespace, dataclass or model")
    return {str(key): _plain(opened[key]) for key in opened}


def _definitions(value: object) -> tuple[Metric, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError('a list, such as [{name: "val/*", step_metric: epoch, summary: max}]')
    return tuple(_definition(value[i]) for i in range(len(value)))


def _definition(value: object) -> Metric:
    if isinstance(value, Metric):
        return value
    known = [item.name for item in dataclasses.fields(Metric)]
    if not isinstance(value, Mapping) or "name" not in value:
        raise ValueError(f"of each definition its name, and any of {', '.join(known[1:])}")
    for key in value:
        if key not in known:
            raise ValueError(f"of each definition any of {', '.join(known)}, not {key!r}")
    return Metric.of(**{key: _plain(value[key]) for key in value})


def _plain(value: object) -> object:
    # dictConfig hands over ConvertingDict and ConvertingList, whose `[]` resolves ext:// and
    # cfg:// but whose iteration over values does not: so go by key and index.
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in value}
    if isinstance(value, list):
        return [_plain(value[i]) for i in range(len(value))]
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ValueError("a number")
    return float(value)


def _at_least(least: float, unit: str) -> Callable[[object], float]:
    def check(value: object) -> float:
        number = _number(value)
        if number < least:
            raise ValueError(f"{unit}, at least {least:g}")
        return min(number, threading.TIMEOUT_MAX)  # infinity is longer than a thread can wait

    return check


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError('a list of strings, such as ["*.ckpt"]')
    return tuple(_text(name) for name in value)


def _standard_files(value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return STANDARD_FILES if value else ()
    if not isinstance(value, (list, tuple)) or not all(name in STANDARD_FILES for name in value):
        raise ValueError(f"true, false, or a list of {', '.join(STANDARD_FILES)}")
    return tuple(dict.fromkeys(value))


def _count(least: int, unit: str) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"a whole number of {unit}, at least {least}")
        return value

    return check


def _choice(*choices: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in choices:
            near = difflib.get_close_matches(str(value), choices, 1)
            raise ValueError(" or ".join(choices) + (f"; did you mean {near[0]}?" if near else ""))
        return str(value)

    return check


def _console(value: object) -> bool | int:
    """False, True, or the level from which text is sent (as a number, at least 1)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value >= 0:
        return value or True
    level = logging.getLevelName(value) if isinstance(value, str) else None
    if not isinstance(level, int):
        raise ValueError("true, false, or a level such as WARNING")
    return level or True


def _signals(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(name in _SIGNALS for name in value):
        raise ValueError(f"a list of {', '.join(_SIGNALS)}")
    return tuple(dict.fromkeys(value))


def _level(value: object) -> int:
    level = logging.getLevelName(value) if isinstance(value, str) else value
    if isinstance(level, bool) or not isinstance(level, int) or level < 0:
        raise ValueError("a level, such as ERROR")
    return level


def _host(value: object) -> str:
    text = _text(value).rstrip("/")
    if not re.match(r"https?://[^/\s]+", text):
        raise ValueError("a URL that starts with https:// (or http://)")
    if _USERINFO.search(text):
        raise ValueError("a URL without a user or key in it: the key goes to api_key, WANDB_API_KEY or netrc")
    if re.match(r"https?://([^/]*\.)?wandb\.ai(/|$)", text) and not text.startswith("https://api."):
        raise ValueError("https://api.wandb.ai for W&B's own cloud (protocol 2.4)")
    return text


def _callable(value: object) -> object:
    if not callable(value):
        raise ValueError("a callable (in dictConfig: ext://package.function)")
    return value


def _path(value: object) -> Path:
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise ValueError("a path")
    return Path(os.fsdecode(os.fspath(value))).expanduser()


# --- parsing environment variables ------------------------------------------------------------


def _parse_flag(text: str) -> bool:
    if text.strip().lower() in {"1", "true", "yes", "on"}:
        return True
    if text.strip().lower() in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("true or false")


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("a number") from None


def _parse_tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def _parse_mode(text: str) -> str:
    # `dryrun` and `run` are the official SDK's older words for the same (protocol 2.6).
    return {"dryrun": "offline", "run": "online"}.get(text, text)


def _parse_console(text: str) -> bool:
    return text.strip().lower() != "off"


def _parse_dir(text: str) -> str:
    return str(Path(text) / "wandb_cache")


def _key(
    default: Any,
    check: Callable[[object], object],
    schema: Mapping[str, object],
    doc: str,
    *,
    env: str | None = None,
    parse: Callable[[str], object] = str,
    shown: bool = True,
) -> Any:
    rule = _Rule(check, schema, doc, env, parse)

    def make() -> Any:
        if env is not None and os.environ.get(env):
            try:
                return parse(os.environ[env])
            except ValueError as exc:
                raise SettingsError(f"{env}={os.environ[env]!r}: expected {exc}") from exc
        return default

    return field(default_factory=make, repr=shown, metadata={"rule": rule, "default": default})


_STRING = {"type": "string", "minLength": 1}
_SECONDS = {"type": "number", "minimum": 0}
_FLAG = {"type": "boolean"}
_METRIC = {
    "type": "object",
    "properties": {
        "name": {**_STRING, "pattern": r"^[^*]*\*?$"},
        "step_metric": _STRING,
        "step_sync": _FLAG,
        "hidden": _FLAG,
        "summary": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"enum": list(AGGREGATES)}}]},
        "overwrite": _FLAG,
    },
    "required": ["name"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Settings:
    """All settings of a run and its handler. Frozen; checked when made.

    Values given win over `WANDB_*` environment variables, those over the defaults below.
    The reference page of the documentation lists every key with its meaning.

    Raises:
        SettingsError: a value of the wrong type or outside its range. `Settings.of` raises it for
            an unknown key, too.
    """

    project: str = _key(
        "uncategorized", _project, {**_STRING, "maxLength": 128}, "Project the run belongs to.", env="WANDB_PROJECT"
    )
    entity: str | None = _key(None, _text, _STRING, "Team or user. Default: the key's own entity.", env="WANDB_ENTITY")
    name: str | None = _key(None, _text, _STRING, "Name people see. Default: the server chooses one.", env="WANDB_NAME")
    run_id: str | None = _key(
        None,
        _run_id,
        {**_STRING, "maxLength": 64},
        "Id of the run in its project. Default: 8 random characters of a-z and 0-9.",
        env="WANDB_RUN_ID",
    )
    notes: str | None = _key(None, _text, _STRING, "Longer description.", env="WANDB_NOTES")
    tags: tuple[str, ...] = _key(
        (),
        _tags,
        {"type": "array", "items": {**_STRING, "maxLength": 64}},
        "Tags of the run.",
        env="WANDB_TAGS",
        parse=_parse_tags,
    )
    group: str | None = _key(None, _text, _STRING, "Group of runs this one belongs to.", env="WANDB_RUN_GROUP")
    job_type: str | None = _key(None, _text, _STRING, "Kind of job, such as train or eval.", env="WANDB_JOB_TYPE")
    config: Mapping[str, Any] = _key(
        {},
        _config,
        {"type": "object"},
        "Hyperparameters known at the start. In Python also a namespace, dataclass or pydantic model.",
    )
    mode: str = _key(
        "auto",
        _choice("auto", "online", "offline", "disabled"),
        {"enum": ["auto", "online", "offline", "disabled"]},
        "online sends in the background; offline only writes to cache_dir; auto is online when an API key is "
        "found; disabled does nothing at all.",
        env="WANDB_MODE",
        parse=_parse_mode,
    )
    cache_dir: Path = _key(
        "wandb_cache",
        _path,
        _STRING,
        "Folder of the run directories. With WANDB_DIR set, the default is wandb_cache in there.",
        env="WANDB_DIR",
        parse=_parse_dir,
    )
    flush_interval: float = _key(
        15.0,
        _at_least(0, "seconds"),
        _SECONDS,
        "Seconds between two sends, and between two fsyncs with fsync: interval.",
    )
    heartbeat_interval: float = _key(
        30.0,
        _at_least(1, "seconds"),
        {"type": "number", "minimum": 1},
        "Seconds without a request after which the server is told that the run is alive.",
    )
    host: str = _key(
        DEFAULT_HOST,
        _host,
        {**_STRING, "pattern": "^https?://"},
        "Address of the W&B API.",
        env="WANDB_BASE_URL",
    )
    app_url: str | None = _key(
        None,
        _host,
        {**_STRING, "pattern": "^https?://"},
        "Address of the W&B pages for people. Default: derived from host.",
        env="WANDB_APP_URL",
    )
    api_key: str | None = _key(
        None,
        _text,
        _STRING,
        "API key. Better left to WANDB_API_KEY or `wandb-logging login`.",
        env="WANDB_API_KEY",
        shown=False,
    )
    resume: str | None = _key(
        None,
        _choice("allow", "must", "never", "auto"),
        {"enum": ["allow", "must", "never", "auto"]},
        "What to do when run_id exists on the server: allow continues it or makes it, must only continues it, "
        "never only makes it, auto continues the last run of cache_dir unless that ended well. A run whose directory "
        "is in cache_dir goes on in there, also offline.",
        env="WANDB_RESUME",
    )
    resume_from: str | None = _key(
        None,
        _moment,
        {**_STRING, "pattern": _MOMENT.pattern},
        "Take a run back to a step and go on from there: RUN?_step=N. What it had logged after that step is gone.",
        env="WANDB_RESUME_FROM",
    )
    fork_from: str | None = _key(
        None,
        _moment,
        {**_STRING, "pattern": _MOMENT.pattern},
        "Begin a new run as a branch of another, behind one of its steps: RUN?_step=N.",
        env="WANDB_FORK_FROM",
    )
    metrics_key: str = _key("metrics", _text, _STRING, "Key of extra= that holds the metrics.")
    step_key: str = _key("step", _text, _STRING, "Key of extra= that holds the step.")
    dict_message: bool = _key(
        False, _flag, _FLAG, 'Whether a dict as the message is taken as metrics: log.info({"loss": 0.1}).'
    )
    dict_args: bool = _key(
        False,
        _flag,
        _FLAG,
        'Whether a dict as the only argument is taken as metrics: log.info("loss %(loss)f", {"loss": 0.1}).',
    )
    late_steps: str = _key(
        "shift",
        _choice("shift", "error", "drop"),
        {"enum": ["shift", "error", "drop"]},
        "A step lower than the current one: shift logs the row at the current step, with the step it was given as "
        "the metric late_step_metric; error sets it aside (Run.log raises); drop drops it as the official SDK does.",
    )
    late_step_metric: str = _key(
        "step", _text, _STRING, "Name of the metric that carries the original step of a shifted row."
    )
    define_metrics: Sequence[Metric] = _key(
        (),
        _definitions,
        {"type": "array", "items": _METRIC},
        "What charts and summary make of metrics: for each name, or beginning of names and *, its x axis "
        "(step_metric), what of it the summary shows, whether it is hidden.",
    )
    console: bool | int = _key(
        True,
        _console,
        {"anyOf": [{"type": "boolean"}, {"type": "string"}, {"type": "integer", "minimum": 0}]},
        "Whether the text of records goes to the run's Logs tab; a level sends only records from that level up.",
        env="WANDB_CONSOLE",
        parse=_parse_console,
    )
    alert_level: int | None = _key(
        None,
        _level,
        {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}]},
        "Level from which records become alerts, such as ERROR; so do records from WARNING up that carry an exception. "
        "Default: none does.",
    )
    alert_wait_duration: float = _key(
        60.0,
        _at_least(0, "seconds"),
        _SECONDS,
        "Least seconds between two alerts of records of one logger, level and kind of exception.",
    )
    capture_output: bool = _key(
        False,
        _flag,
        _FLAG,
        "Whether what the program writes to stdout and stderr goes to the run's Logs tab, as a terminal shows it, from "
        "the run's first record to its end. Records that another handler prints there would be in it twice: "
        "console: false leaves them once.",
    )
    system_metrics: bool = _key(
        False,
        _flag,
        _FLAG,
        "Whether processor, memory, disk, network and NVIDIA GPUs are measured. Needs the extra: "
        "pip install 'wandb-logging[system]'.",
    )
    system_interval: float = _key(
        15.0,
        _at_least(0.1, "seconds"),
        {"type": "number", "minimum": 0.1},
        "Seconds between two samples of the system metrics.",
    )
    log_stats: bool = _key(
        False,
        _flag,
        _FLAG,
        "Whether the counts of stats() are system metrics of the run, under wandb_logging.*: at each system_interval.",
    )
    mask_secrets: bool = _key(
        True,
        _flag,
        _FLAG,
        "Whether texts in config, metrics and summary that look like secrets are masked, and those in the arguments of "
        "the program. Keys that the run could be sent with are masked in any case.",
    )
    secret_names: tuple[str, ...] = _key(
        (),
        _names,
        {"type": "array", "items": _STRING},
        "Globs of further names whose texts are masked, such as *_dsn.",
    )
    fsync: str = _key(
        "interval",
        _choice("interval", "always", "never"),
        {"enum": ["interval", "always", "never"]},
        "When rows are forced to the disk: a killed process loses nothing with any of them; a power cut costs at "
        "most one flush_interval (interval), nothing (always), or what the system had not written (never).",
    )
    standard_files: tuple[str, ...] = _key(
        True,
        _standard_files,
        {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"enum": list(STANDARD_FILES)}}]},
        "Files that each run has beside its own: true for all of them, false for none, or the names of those wanted.",
    )
    ignore_globs: tuple[str, ...] = _key(
        (),
        _names,
        {"type": "array", "items": _STRING},
        "Globs of files that are not uploaded, by their names in the run; a * does not match a slash.",
        env="WANDB_IGNORE_GLOBS",
        parse=_parse_tags,
    )
    close_timeout: float = _key(
        10.0,
        _at_least(0, "seconds"),
        _SECONDS,
        "Most seconds that the exit of the program waits for the server. What is left stays on disk.",
    )
    request_timeout: float = _key(
        30.0,
        _at_least(0.1, "seconds"),
        {"type": "number", "minimum": 0.1},
        "Seconds one request may take to connect, and to answer between two bytes.",
        env="WANDB_HTTP_TIMEOUT",
        parse=_parse_number,
    )
    batch_size: int = _key(
        BATCH_SIZE, _count(1, "lines"), {"type": "integer", "minimum": 1}, "Most journal lines one request carries."
    )
    batch_bytes: int = _key(
        BATCH_BYTES,
        _count(1024, "bytes"),
        {"type": "integer", "minimum": 1024},
        "Bytes of lines at which a request is sent; at the end of a run, and in a sync, twice as many.",
    )
    segment_bytes: int = _key(
        64 * 2**20,
        _count(4096, "bytes"),
        {"type": "integer", "minimum": 4096},
        "Size in bytes at which a journal file is closed and the next one begun.",
    )
    memory_bytes: int = _key(
        64 * 2**20,
        _count(1024, "bytes"),
        {"type": "integer", "minimum": 1024},
        "Most bytes of rows held in memory while cache_dir cannot be written.",
    )
    recover: bool = _key(
        True,
        _flag,
        _FLAG,
        "Whether an online run finishes, in the background and after its own rows, what dead processes of this machine "
        "left in cache_dir. Only online runs of the same host and entity; offline ones wait for `wandb-logging sync`.",
    )
    max_cache_bytes: int | None = _key(
        None,
        _count(2**20, "bytes"),
        {"type": "integer", "minimum": 2**20},
        "Most bytes the run directory may hold. What the server has acknowledged is removed first; then cache_policy "
        "says what is lost. Default: no limit, and nothing is removed.",
    )
    cache_policy: str = _key(
        "drop_newest",
        _choice("block", "drop_newest", "drop_oldest", "downsample"),
        {"enum": ["block", "drop_newest", "drop_oldest", "downsample"]},
        "What gives way at max_cache_bytes: drop_newest loses new rows; block waits for the server for at most "
        "cache_block_timeout, then does as drop_newest; drop_oldest loses the oldest rows that nobody has begun to "
        "send; downsample keeps every second row from half of the room on, every fourth from three quarters on, and so "
        "on. Config, summary and the end of the run are never lost.",
    )
    cache_block_timeout: float = _key(
        10.0,
        _at_least(0, "seconds"),
        _SECONDS,
        "Most seconds that cache_policy: block holds up the program each time that there is no room.",
    )
    gzip: bool = _key(True, _flag, _FLAG, "Whether requests are compressed when the server offers it.")
    exit_hooks: bool = _key(
        True,
        _flag,
        _FLAG,
        "Whether an unhandled exception or sys.exit(code) ends the run with that exit code, and the traceback of an "
        "unhandled exception, also of a thread, is text of the run.",
    )
    signals: tuple[str, ...] = _key(
        (),
        _signals,
        {"type": "array", "items": {"type": "string"}},
        "Signals, such as SIGTERM and SIGINT, at which rows are sent, the server is told that the machine may vanish, "
        "and the exit code is 128 + the signal's number. The handler from before follows. A run that begins outside "
        "the main thread cannot watch them.",
    )
    on_stop: Callable[[Any], object] | None = _key(
        None,
        _callable,
        {"type": "string", "pattern": "^(ext|cfg)://"},
        "Called once with the Run, on the listener's thread, when the server asks the run to stop.",
    )
    quiet: bool = _key(
        False,
        _flag,
        _FLAG,
        "Whether notices are kept off stderr when no other handler takes them.",
        env="WANDB_SILENT",
        parse=_parse_flag,
    )

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if value is None and item.metadata["default"] is None:
                continue
            rule: _Rule = item.metadata["rule"]
            try:
                # object.__setattr__: the way a frozen dataclass may normalise itself.
                object.__setattr__(self, item.name, rule.check(value))
            except ValueError as exc:
                given = shown(item, value)
                source = f" (from {rule.env})" if rule.env and os.environ.get(rule.env) == value else ""
                raise SettingsError(f"{item.name}={given}{source}: expected {exc}") from None
        ways = [name for name in ("resume", "resume_from", "fork_from") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise SettingsError(f"{' and '.join(ways)} exclude each other")
        back = moment(self.resume_from)
        if back is not None and self.run_id not in {None, back[0]}:
            raise SettingsError(f"resume_from={self.resume_from!r}: expected the run of run_id, {self.run_id}")
        branch = moment(self.fork_from)
        if branch is not None and self.run_id == branch[0]:
            raise SettingsError(f"run_id={self.run_id!r}: expected another id than the run that fork_from names")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from a mapping of keys, as `dictConfig` gives it.

        Raises:
            SettingsError: a key is unknown (the nearest known one is named) or a value is wrong.
        """
        known = [item.name for item in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1, 0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
                given = MASK if "api_key" in near or names_secret(str(key)) else _without_user(repr(values[key]))
                raise SettingsError(f"unknown setting {key!r} = {given}; {hint}")
        return cls(**values)

    def but(self, **changes: Any) -> Settings:
        """A copy with some fields changed, checked again."""
        return dataclasses.replace(self, **changes)


def shown(item: dataclasses.Field[Any], value: object) -> str:
    """A value of this field as messages may say it: without what is or could be a key."""
    return _without_user(repr(value)) if item.repr else MASK


def _without_user(text: str) -> str:
    return _USERINFO.sub(MASK, text)


def moment(text: str | None) -> tuple[str, int] | None:
    """The run id and step that `resume_from` or `fork_from` name."""
    match = _MOMENT.match(text or "")
    return (match[1], int(match[2])) if match else None


def json_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of a handler entry's keys, for editors that complete YAML."""
    properties: dict[str, object] = {}
    for item in dataclasses.fields(Settings):
        rule: _Rule = item.metadata["rule"]
        default = item.metadata["default"]
        schema: dict[str, object] = {**rule.schema, "description": rule.doc}
        if rule.env:
            schema["description"] = f"{rule.doc} Environment: {rule.env}."
        if default is not None:
            schema["default"] = list(default) if isinstance(default, tuple) else default
        properties[item.name] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wandb_logging.WandbHandler",
        "description": "Keys of a logging.config.dictConfig handler entry of class wandb_logging.WandbHandler.",
        "type": "object",
        "properties": {
            "class": {"const": "wandb_logging.WandbHandler"},
            "level": {"type": ["string", "integer"]},
            "formatter": {"type": "string"},
            "filters": {"type": "array"},
            **properties,
        },
        "required": ["class"],
        "additionalProperties": False,
    }


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))  # noqa: T201  the point of running this module
