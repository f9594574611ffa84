"""The settings as type checkers know them. Made by `python -m wandb_logging._settings.schema`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from wandb_logging._events.metrics import Metric


class OtherSettings(TypedDict, total=False):
    """All settings but project and entity. None and "" mean: not given."""

    name: str | None
    """Name people see. Default: the server chooses one."""
    run_id: str | None
    """Id of the run in its project. Default: 8 random characters of a-z and 0-9."""
    notes: str | None
    """Longer description."""
    tags: str | Sequence[str] | None
    """Tags of the run."""
    group: str | None
    """Group of runs this one belongs to."""
    job_type: str | None
    """Kind of job, such as train or eval."""
    config: object | None
    """Hyperparameters known at the start. In Python also a namespace, dataclass or pydantic model."""
    mode: Literal["auto", "online", "offline", "shared", "disabled", "dryrun", "run"] | None
    """online sends in the background; offline only writes to cache_dir; auto is online when an API key is found;
    shared is online, and all processes on this disk that have the run's id write it together, each under a label
    (see ranks: all); disabled does nothing at all.
    """
    cache_dir: str | os.PathLike[str] | None
    """Folder of the run directories. With WANDB_DIR set, the default is wandb_cache in there."""
    flush_interval: float | None
    """Seconds between two sends, and between two fsyncs with fsync: interval."""
    heartbeat_interval: float | None
    """Seconds without a request after which the server is told that the run is alive."""
    host: str | None
    """Address of the W&B API."""
    app_url: str | None
    """Address of the W&B pages for people. Default: derived from host."""
    api_key: str | None
    """API key. Better left to WANDB_API_KEY or `wandb-logging login`."""
    resume: Literal["allow", "must", "never", "auto"] | None
    """What to do when run_id exists on the server: allow continues it or makes it, must only continues it, never
    only makes it, auto continues the last run of cache_dir unless that ended well: under a scheduler that of the
    same job, array task and rank. A run whose directory is in cache_dir goes on in there, also offline.
    """
    ranks: Literal["zero", "all", "group", "each"] | None
    """What the ranks of a launch are (torchrun, srun, mpirun, Lightning, accelerate). zero: rank 0 is the run; the
    rows of the others wait in cache_dir for `wandb-logging sync --ranks each`, and their text from WARNING up is
    in its Logs tab, marked [rank 3]. all: one run, for which they need one disk; metrics of rank 3 are loss/l:3,
    and the x axis of each is a step of its own. group: a run each, in one group, named JOB-r3. each: a run each.
    Default: zero. Tasks of a SLURM array are runs of their own in any case, in a group, named by their tasks.
    """
    label: str | None
    """What stands behind the names of this process's metrics in a run that several write, as in loss/l:node7.
    Default: its rank.
    """
    transport: Literal["disk", "shared"] | None
    """How the rows of processes that write one run come together. disk: in one run directory, which all of them see;
    one of them sends it. shared: each has a run directory of its own and sends that itself, in W&B's shared mode,
    for hosts without a common disk; needs one run_id for all. The process without a label, or rank 0, is the
    primary one: it ends the run. Default: disk; with mode: shared it is shared where the launcher says that there
    are several hosts, and cache_dir is on a disk of this one.
    """
    resume_from: str | None
    """Take a run back to a step and go on from there: RUN?_step=N. What it had logged after that step is gone."""
    fork_from: str | None
    """Begin a new run as a branch of another, behind one of its steps: RUN?_step=N."""
    metrics_key: str | None
    """Key of extra= that holds the metrics."""
    step_key: str | None
    """Key of extra= that holds the step."""
    dict_message: bool | None
    """Whether a dict as the message is taken as metrics: log.info({"loss": 0.1})."""
    dict_args: bool | None
    """Whether a dict as the only argument is taken as metrics: log.info("loss %(loss)f", {"loss": 0.1})."""
    late_steps: Literal["shift", "error", "drop"] | None
    """A step lower than the current one: shift logs the row at the current step, with the step it was given as the
    metric late_step_metric; error sets it aside (Run.log raises); drop drops it as the official SDK does.
    """
    late_step_metric: str | None
    """Name of the metric that carries the original step of a shifted row."""
    define_metrics: Sequence[Metric | Mapping[str, Any]] | None
    """What charts and summary make of metrics: for each name, or beginning of names and *, its x axis (step_metric),
    what of it the summary shows, whether it is hidden.
    """
    text_metrics: bool | Sequence[Any] | Mapping[str, Any] | None
    """Metrics that are in the text of a program that logs none. A list of rules finds them in the text of records,
    and with capture_output in what is printed; true, or {args: true}, takes the numbers in the arguments of calls
    such as log.info('epoch %d loss %.4f', 3, 0.1234). What the program logs as metrics comes first.
    """
    text_format: Literal["plain", "json"] | Mapping[str, Any] | None
    """How the text of records without a formatter of their own is written: plain, or json with their extra fields,
    exception and stack. A mapping gives options of python-json-logger's JsonFormatter: fields, rename_fields,
    static_fields, defaults.
    """
    console: bool | int | str | None
    """Whether the text of records goes to the run's Logs tab; a level sends only records from that level up."""
    alert_level: int | str | None
    """Level from which records become alerts, such as ERROR; so do records from WARNING up that carry an exception.
    Default: none does.
    """
    alert_wait_duration: float | None
    """Least seconds between two alerts of records of one logger, level and kind of exception."""
    capture_output: bool | None
    """Whether what the program writes to stdout and stderr goes to the run's Logs tab, as a terminal shows it, from
    the run's first record to its end. Records that another handler prints there would be in it twice: console:
    false leaves them once.
    """
    system_metrics: bool | None
    """Whether processor, memory, disk, network and NVIDIA GPUs are measured. Needs the extra: pip install 'wandb-
    logging[system]'.
    """
    system_interval: float | None
    """Seconds between two samples of the system metrics."""
    log_stats: bool | None
    """Whether the counts of stats() are system metrics of the run, under wandb_logging.*: at each system_interval."""
    tensorboard: str | None
    """Folder of TensorBoard event files: what is written there while the run goes on are rows of it."""
    mask_secrets: bool | None
    """Whether texts in config, metrics and summary that look like secrets are masked, and those in the arguments of
    the program. Keys that the run could be sent with are masked in any case.
    """
    secret_names: str | Sequence[str] | None
    """Globs of further names whose texts are masked, such as *_dsn."""
    fsync: Literal["interval", "always", "never"] | None
    """When rows are forced to the disk: a killed process loses nothing with any of them; a power cut costs at most
    one flush_interval (interval), nothing (always), or what the system had not written (never).
    """
    standard_files: bool | str | Sequence[str] | None
    """Files that each run has beside its own: true for all of them, false for none, or the names of those wanted."""
    disable_git: bool | None
    """Whether the state of the git repository stays out of the run: the commit, and the address of the remote
    without user and password. Both are in wandb-metadata.json, and on the run's page; nothing else is read.
    """
    git_root: str | os.PathLike[str] | None
    """A folder of that git repository. Default: the one in which the program was started."""
    git_remote: str | None
    """Name of the remote whose address is in the run."""
    git_remote_url: str | None
    """Address of the repository, where there is none to look at, as in a container. None is looked at then, so give
    git_commit, too.
    """
    git_commit: str | None
    """Commit of the program, instead of the one that is found."""
    ignore_globs: str | Sequence[str] | None
    """Globs of files that are not uploaded, by their names in the run; a * does not match a slash."""
    close_timeout: float | None
    """Most seconds that the exit of the program waits for the server. What is left stays on disk."""
    request_timeout: float | None
    """Seconds one request may take to connect, and to answer between two bytes."""
    batch_size: int | None
    """Most journal lines one request carries."""
    batch_bytes: int | None
    """Bytes of lines at which a request is sent; at the end of a run, and in a sync, twice as many."""
    segment_bytes: int | None
    """Size in bytes at which a journal file is closed and the next one begun."""
    memory_bytes: int | None
    """Most bytes of rows held in memory while cache_dir cannot be written."""
    recover: bool | None
    """Whether an online run finishes, in the background and after its own rows, what dead processes of this machine
    left in cache_dir. Only online runs of the same host and entity; offline ones wait for `wandb-logging sync`.
    """
    max_cache_bytes: int | None
    """Most bytes the run directory may hold. What the server has acknowledged is removed first; then cache_policy
    says what is lost. Default: no limit, and nothing is removed.
    """
    cache_policy: Literal["block", "drop_newest", "drop_oldest", "downsample"] | None
    """What gives way at max_cache_bytes: drop_newest loses new rows; block waits for the server for at most
    cache_block_timeout, then does as drop_newest; drop_oldest loses the oldest rows that nobody has begun to
    send; downsample keeps every second row from half of the room on, every fourth from three quarters on, and so
    on. Config, summary and the end of the run are never lost.
    """
    cache_block_timeout: float | None
    """Most seconds that cache_policy: block holds up the program each time that there is no room."""
    gzip: bool | None
    """Whether requests are compressed when the server offers it."""
    exit_hooks: bool | None
    """Whether an unhandled exception or sys.exit(code) ends the run with that exit code, and the traceback of an
    unhandled exception, also of a thread, is text of the run.
    """
    signals: str | Sequence[str] | None
    """Signals, such as SIGTERM and SIGINT, at which rows are sent, the server is told that the machine may vanish,
    and the exit code is 128 + the signal's number. The handler from before follows. Default: SIGTERM, if nobody
    handles it, and in a job of SLURM also SIGUSR1, with which it can warn; [] is none. Python sets handlers on
    the main thread only: it is done where the handler or the run is made.
    """
    on_stop: Callable[[Any], object] | None
    """Called once with the Run, on the listener's thread, when the server asks the run to stop."""
    quiet: bool | None
    """Whether notices are kept off stderr when no other handler takes them."""


class GivenSettings(OtherSettings, total=False):
    """All settings. None and "" mean: not given."""

    project: str | None
    """Project the run belongs to."""
    entity: str | None
    """Team or user. Default: the key's own entity."""
