"""What a user may set: `Settings`, whose fields are the keys of a `dictConfig` handler entry.

A field says all about one key: its default, its kind (`_settings.kinds`: check, JSON Schema and type in one), what it
means, and the environment variable that changes the default (`_settings.setting`, protocol 2.6). Whoever adds a field
runs `python -m wandb_logging._settings.schema`, which writes what is made of it.
"""

from __future__ import annotations

import copy
import dataclasses
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import SettingsError
from wandb_logging._events.file_names import STANDARD_FILES
from wandb_logging._events.metrics import Metric
from wandb_logging._settings.hints import nearest, unknown
from wandb_logging._settings.kinds import (
    SIGNALS,
    Address,
    AnyOf,
    Choice,
    Config,
    Console,
    Definitions,
    ExtraKey,
    Flag,
    Folder,
    Function,
    Level,
    ListOf,
    Moment,
    Seconds,
    Text,
    Whole,
    moment,
)
from wandb_logging._settings.setting import Setting, key, said
from wandb_logging._settings.text_format import TextFormat
from wandb_logging._settings.text_metrics import TextMetrics
from wandb_logging._values.secret_names import MASK, names_secret

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wandb_logging._settings.given import GivenSettings

DEFAULT_HOST = "https://api.wandb.ai"
BATCH_SIZE = 50_000  # as many rows as memory allows: W&B takes two requests a second
BATCH_BYTES = 4 * 2**20

LABEL = Text(for_people=True)
TAGS = ListOf(Text(most=64, for_people=True), '["baseline", "v2"]')
PROJECT = Text(most=128, without="/\\#?%:", is_name=True)
# The first seven are forbidden by W&B; a run id is also the name of a folder, which it cannot leave.
RUN_ID = Text(most=64, without=":;,#?/'\\\0<>\"|*", is_name=True, trimmed=True)


MODE = Choice.of("auto", "online", "offline", "shared", "disabled", dryrun="offline", run="online")


@dataclass(frozen=True)
class Settings:
    """All settings of a run and its handler. Frozen; checked when made.

    Values given win over `WANDB_*` environment variables, those over the defaults below.
    The reference page of the documentation lists every key with its meaning.

    Raises:
        SettingsError: a value of the wrong type or outside its range. `Settings.of` raises it for
            an unknown key, too.
    """

    project: str = key("uncategorized", PROJECT, "Project the run belongs to.", env="WANDB_PROJECT")
    entity: str | None = key(None, Text(), "Team or user. Default: the key's own entity.", env="WANDB_ENTITY")
    name: str | None = key(None, LABEL, "Name people see. Default: the server chooses one.", env="WANDB_NAME")
    run_id: str | None = key(
        None, RUN_ID, "Id of the run in its project. Default: 8 random characters of a-z and 0-9.", env="WANDB_RUN_ID"
    )
    notes: str | None = key(None, LABEL, "Longer description.", env="WANDB_NOTES")
    tags: tuple[str, ...] = key((), TAGS, "Tags of the run.", env="WANDB_TAGS")
    group: str | None = key(None, LABEL, "Group of runs this one belongs to.", env="WANDB_RUN_GROUP")
    job_type: str | None = key(None, LABEL, "Kind of job, such as train or eval.", env="WANDB_JOB_TYPE")
    config: Mapping[str, Any] = key(
        {}, Config(), "Hyperparameters known at the start. In Python also a namespace, dataclass or pydantic model."
    )
    mode: str = key(
        "auto",
        MODE,
        "online sends in the background; offline only writes to cache_dir; auto is online when an API key is "
        "found; shared is online, and all processes on this disk that have the run's id write it together, each under "
        "a label (see ranks: all); disabled does nothing at all.",
        env="WANDB_MODE",
    )
    cache_dir: Path = key(
        "wandb_cache",
        Folder(within="wandb_cache"),
        "Folder of the run directories. With WANDB_DIR set, the default is wandb_cache in there.",
        env="WANDB_DIR",
    )
    flush_interval: float = key(
        15.0, Seconds(), "Seconds between two sends, and between two fsyncs with fsync: interval."
    )
    heartbeat_interval: float = key(
        30.0, Seconds(1), "Seconds without a request after which the server is told that the run is alive."
    )
    host: str = key(DEFAULT_HOST, Address(), "Address of the W&B API.", env="WANDB_BASE_URL")
    app_url: str | None = key(
        None, Address(), "Address of the W&B pages for people. Default: derived from host.", env="WANDB_APP_URL"
    )
    api_key: str | None = key(
        None,
        Text(),
        "API key. Better left to WANDB_API_KEY or `wandb-logging login`.",
        env="WANDB_API_KEY",
        shown=False,
    )
    resume: str | None = key(
        None,
        Choice.of("allow", "must", "never", "auto"),
        "What to do when run_id exists on the server: allow continues it or makes it, must only continues it, "
        "never only makes it, auto continues the last run of cache_dir unless that ended well: under a scheduler that "
        "of the same job, array task and rank. A run whose directory is in cache_dir goes on in there, also offline.",
        env="WANDB_RESUME",
    )
    ranks: str | None = key(
        None,
        Choice.of("zero", "all", "group", "each"),
        "What the ranks of a launch are (torchrun, srun, mpirun, Lightning, accelerate). zero: rank 0 is the run; the "
        "rows of the others wait in cache_dir for `wandb-logging sync --ranks each`, and their text from WARNING up is "
        "in its Logs tab, marked [rank 3]. all: one run, for which they need one disk; metrics of rank 3 are loss/l:3, "
        "and the x axis of each is a step of its own. group: a run each, in one group, named JOB-r3. each: a run each. "
        "Default: zero. Tasks of a SLURM array are runs of their own in any case, in a group, named by their tasks.",
    )
    label: str | None = key(
        None,
        Text(most=64, without="/", for_people=True),
        "What stands behind the names of this process's metrics in a run that several write, as in loss/l:node7. "
        "Default: its rank.",
        env="WANDB_X_LABEL",
    )
    transport: str | None = key(
        None,
        Choice.of("disk", "shared"),
        "How the rows of processes that write one run come together. disk: in one run directory, which all of them "
        "see; one of them sends it. shared: each has a run directory of its own and sends that itself, in W&B's shared "
        "mode, for hosts without a common disk; needs one run_id for all. The process without a label, or rank 0, is "
        "the primary one: it ends the run. Default: disk; with mode: shared it is shared where the launcher says that "
        "there are several hosts, and cache_dir is on a disk of this one.",
        env="WANDB_TRANSPORT",
    )
    resume_from: str | None = key(
        None,
        Moment(RUN_ID),
        "Take a run back to a step and go on from there: RUN?_step=N. What it had logged after that step is gone.",
        env="WANDB_RESUME_FROM",
    )
    fork_from: str | None = key(
        None,
        Moment(RUN_ID),
        "Begin a new run as a branch of another, behind one of its steps: RUN?_step=N.",
        env="WANDB_FORK_FROM",
    )
    metrics_key: str = key("metrics", ExtraKey(), "Key of extra= that holds the metrics.")
    step_key: str = key("step", ExtraKey(), "Key of extra= that holds the step.")
    dict_message: bool = key(
        False, Flag(), 'Whether a dict as the message is taken as metrics: log.info({"loss": 0.1}).'
    )
    dict_args: bool = key(
        False,
        Flag(),
        'Whether a dict as the only argument is taken as metrics: log.info("loss %(loss)f", {"loss": 0.1}).',
    )
    late_steps: str = key(
        "shift",
        Choice.of("shift", "error", "drop"),
        "A step lower than the current one: shift logs the row at the current step, with the step it was given as "
        "the metric late_step_metric; error sets it aside (Run.log raises); drop drops it as the official SDK does.",
    )
    late_step_metric: str = key("step", Text(), "Name of the metric that carries the original step of a shifted row.")
    define_metrics: Sequence[Metric] = key(
        (),
        Definitions(),
        "What charts and summary make of metrics: for each name, or beginning of names and *, its x axis "
        "(step_metric), what of it the summary shows, whether it is hidden.",
    )
    text_metrics: Mapping[str, Any] | None = key(
        None,
        TextMetrics(),
        "Metrics that are in the text of a program that logs none. A list of rules finds them in the text of records, "
        "and with capture_output in what is printed; true, or {args: true}, takes the numbers in the arguments of "
        "calls such as log.info('epoch %d loss %.4f', 3, 0.1234). What the program logs as metrics comes first.",
    )
    text_format: Mapping[str, Any] | None = key(
        "plain",
        TextFormat(),
        "How the text of records without a formatter of their own is written: plain, or json with their extra fields, "
        "exception and stack. A mapping gives options of python-json-logger's JsonFormatter: fields, rename_fields, "
        "static_fields, defaults.",
    )
    console: bool | int = key(
        True,
        Console(),
        "Whether the text of records goes to the run's Logs tab; a level sends only records from that level up.",
        env="WANDB_CONSOLE",
    )
    alert_level: int | None = key(
        None,
        Level(),
        "Level from which records become alerts, such as ERROR; so do records from WARNING up that carry an exception. "
        "Default: none does.",
    )
    alert_wait_duration: float = key(
        60.0, Seconds(), "Least seconds between two alerts of records of one logger, level and kind of exception."
    )
    capture_output: bool = key(
        False,
        Flag(),
        "Whether what the program writes to stdout and stderr goes to the run's Logs tab, as a terminal shows it, from "
        "the run's first record to its end. Records that another handler prints there would be in it twice: "
        "console: false leaves them once.",
    )
    system_metrics: bool = key(
        False,
        Flag(),
        "Whether processor, memory, disk, network and NVIDIA GPUs are measured. Needs the extra: "
        "pip install 'wandb-logging[system]'.",
    )
    system_interval: float = key(15.0, Seconds(0.1), "Seconds between two samples of the system metrics.")
    log_stats: bool = key(
        False,
        Flag(),
        "Whether the counts of stats() are system metrics of the run, under wandb_logging.*: at each system_interval.",
    )
    tensorboard: str | None = key(
        None,
        Text(),
        "Folder of TensorBoard event files: what is written there while the run goes on are rows of it.",
    )
    mask_secrets: bool = key(
        True,
        Flag(),
        "Whether texts in config, metrics and summary that look like secrets are masked, and those in the arguments of "
        "the program. Keys that the run could be sent with are masked in any case.",
    )
    secret_names: tuple[str, ...] = key(
        (), ListOf(Text(), '["*_dsn"]'), "Globs of further names whose texts are masked, such as *_dsn."
    )
    fsync: str = key(
        "interval",
        Choice.of("interval", "always", "never"),
        "When rows are forced to the disk: a killed process loses nothing with any of them; a power cut costs at "
        "most one flush_interval (interval), nothing (always), or what the system had not written (never).",
    )
    standard_files: tuple[str, ...] = key(
        True,
        AnyOf(STANDARD_FILES, or_all=True),
        "Files that each run has beside its own: true for all of them, false for none, or the names of those wanted.",
    )
    disable_git: bool = key(
        False,
        Flag(),
        "Whether the state of the git repository stays out of the run: the commit, and the address of the remote "
        "without user and password. Both are in wandb-metadata.json, and on the run's page; nothing else is read.",
        env="WANDB_DISABLE_GIT",
    )
    git_root: Path | None = key(
        None,
        Folder(),
        "A folder of that git repository. Default: the one in which the program was started.",
        env="WANDB_GIT_ROOT",
    )
    git_remote: str = key("origin", Text(), "Name of the remote whose address is in the run.", env="WANDB_GIT_REMOTE")
    git_remote_url: str | None = key(
        None,
        Text(),
        "Address of the repository, where there is none to look at, as in a container. None is looked at then, so give "
        "git_commit, too.",
        env="WANDB_GIT_REMOTE_URL",
        shown=False,
    )
    git_commit: str | None = key(
        None, Text(), "Commit of the program, instead of the one that is found.", env="WANDB_GIT_COMMIT"
    )
    ignore_globs: tuple[str, ...] = key(
        (),
        ListOf(Text(), '["*.ckpt"]'),
        "Globs of files that are not uploaded, by their names in the run; a * does not match a slash.",
        env="WANDB_IGNORE_GLOBS",
    )
    close_timeout: float = key(
        10.0, Seconds(), "Most seconds that the exit of the program waits for the server. What is left stays on disk."
    )
    request_timeout: float = key(
        30.0,
        Seconds(0.1),
        "Seconds one request may take to connect, and to answer between two bytes.",
        env="WANDB_HTTP_TIMEOUT",
    )
    batch_size: int = key(BATCH_SIZE, Whole("lines", 1), "Most journal lines one request carries.")
    batch_bytes: int = key(
        BATCH_BYTES,
        Whole("bytes", 1024),
        "Bytes of lines at which a request is sent; at the end of a run, and in a sync, twice as many.",
    )
    segment_bytes: int = key(
        64 * 2**20, Whole("bytes", 4096), "Size in bytes at which a journal file is closed and the next one begun."
    )
    memory_bytes: int = key(
        64 * 2**20, Whole("bytes", 1024), "Most bytes of rows held in memory while cache_dir cannot be written."
    )
    recover: bool = key(
        True,
        Flag(),
        "Whether an online run finishes, in the background and after its own rows, what dead processes of this machine "
        "left in cache_dir. Only online runs of the same host and entity; offline ones wait for `wandb-logging sync`.",
    )
    max_cache_bytes: int | None = key(
        None,
        Whole("bytes", 2**20),
        "Most bytes the run directory may hold. What the server has acknowledged is removed first; then cache_policy "
        "says what is lost. Default: no limit, and nothing is removed.",
    )
    cache_policy: str = key(
        "drop_newest",
        Choice.of("block", "drop_newest", "drop_oldest", "downsample"),
        "What gives way at max_cache_bytes: drop_newest loses new rows; block waits for the server for at most "
        "cache_block_timeout, then does as drop_newest; drop_oldest loses the oldest rows that nobody has begun to "
        "send; downsample keeps every second row from half of the room on, every fourth from three quarters on, and so "
        "on. Config, summary and the end of the run are never lost.",
    )
    cache_block_timeout: float = key(
        10.0, Seconds(), "Most seconds that cache_policy: block holds up the program each time that there is no room."
    )
    gzip: bool = key(True, Flag(), "Whether requests are compressed when the server offers it.")
    exit_hooks: bool = key(
        True,
        Flag(),
        "Whether an unhandled exception or sys.exit(code) ends the run with that exit code, and the traceback of an "
        "unhandled exception, also of a thread, is text of the run.",
    )
    signals: tuple[str, ...] | None = key(
        None,
        AnyOf(SIGNALS, missing=tuple(name for name in SIGNALS if not hasattr(signal, name))),
        "Signals, such as SIGTERM and SIGINT, at which rows are sent, the server is told that the machine may vanish, "
        "and the exit code is 128 + the signal's number. The handler from before follows. Default: SIGTERM, if nobody "
        "handles it, and in a job of SLURM also SIGUSR1, with which it can warn; [] is none. Python sets handlers on "
        "the main thread only: it is done where the handler or the run is made.",
    )
    on_stop: Callable[[Any], object] | None = key(
        None, Function(), "Called once with the Run, on the listener's thread, when the server asks the run to stop."
    )
    quiet: bool = key(
        False, Flag(), "Whether notices are kept off stderr when no other handler takes them.", env="WANDB_SILENT"
    )

    if TYPE_CHECKING:

        def __init__(self, **settings: Unpack[GivenSettings]) -> None: ...

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            value = getattr(self, name)
            given = not _is_empty(value) or (value is None and setting.default is None)
            # object.__setattr__: the way a frozen dataclass may normalise itself.
            object.__setattr__(self, name, setting.keep(name, value if given else setting.unset()))
        ways = [name for name in ("resume", "resume_from", "fork_from") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise SettingsError(f"{' and '.join(ways)} exclude each other")
        if self.metrics_key == self.step_key:
            raise SettingsError(f"step_key={self.step_key!r}: expected another name than that of metrics_key")
        back = moment(self.resume_from)
        if back is not None and self.run_id not in {None, back[0]}:
            raise SettingsError(f"resume_from={self.resume_from!r}: expected the run of run_id, {self.run_id}")
        branch = moment(self.fork_from)
        if branch is not None and self.run_id == branch[0]:
            raise SettingsError(f"run_id={self.run_id!r}: expected another id than the run that fork_from names")
        wrong = _wrong_with_shared(self) if self.transport == "shared" else None
        if wrong:
            raise SettingsError(f"transport='shared': expected {wrong}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from a mapping of keys, as `dictConfig` gives it. None and "" mean: not given.

        Raises:
            SettingsError: a key is unknown (the nearest known one is named) or a value is wrong.
        """
        for name in values:
            if name not in SETTINGS:
                raise SettingsError(_unknown(str(name), values[name]))
        return cls(**{key: value for key, value in values.items() if not _is_empty(value)})

    def within(self, folder: Path) -> Settings:
        """A copy whose folders are in that one unless they are absolute; that one is also git_root if none is given.

        Args:
            folder: an absolute path.
        """
        found = copy.copy(self)  # not `but`: to check all fields again takes an eighth of making a handler
        object.__setattr__(found, "cache_dir", folder / self.cache_dir)
        object.__setattr__(found, "git_root", folder / (self.git_root or ""))
        return found

    def but(self, **changes: Unpack[GivenSettings]) -> Settings:
        """A copy with some fields changed, checked again. None and "" mean the default, whatever WANDB_* says."""
        values: Any = {name: SETTINGS[name].default if _is_empty(value) else value for name, value in changes.items()}
        return dataclasses.replace(self, **values)


SETTINGS: dict[str, Setting] = {item.name: item.metadata["setting"] for item in dataclasses.fields(Settings)}
"""All keys, in the order of the table."""


def _wrong_with_shared(settings: Settings) -> str | None:
    """What else has to be set where each process sends its own part of a run; None if it is."""
    if settings.run_id is None:
        return "run_id (or WANDB_RUN_ID), the same in all processes"
    if settings.ranks not in {None, "all"}:
        return f"no ranks, or ranks='all': it is one run, not ranks={settings.ranks!r}"
    if settings.resume_from is not None or settings.fork_from is not None:
        return "neither resume_from nor fork_from: no process knows where the others are"
    return None


def from_environment(name: str) -> Any:
    """One setting as the environment has it, the others unread: they may be wrong.

    Raises:
        SettingsError: the variable's value is wrong.
    """
    return SETTINGS[name].keep(name, SETTINGS[name].unset())


def _is_empty(value: object) -> bool:
    """Whether it stands for "not given", as argument parsers and environment variables have it."""
    return value is None or (isinstance(value, str) and not value)


def _unknown(name: str, value: object) -> str:
    is_secret = nearest(name, SETTINGS) == "api_key" or names_secret(name)
    return unknown(name, MASK if is_secret else said(value), SETTINGS)
