"""Guesses what was meant by an unknown setting: the sentence of the error. Pure."""

from __future__ import annotations

from collections.abc import Collection

# By our name: the names that the official SDK, other loggers and handlers of `logging` have for the same setting.
_NAMES = {
    "host": "base_url url api_url server endpoint wandb_base_url",
    "app_url": "app_url_override",
    "cache_dir": "dir save_dir log_dir logdir root_dir output_dir out_dir outdir run_dir directory folder path cache",
    "run_id": "id run version uid uuid",
    "name": "run_name display_name experiment experiment_name title job_name",
    "notes": "description run_notes comment comments note",
    "entity": "team user username workspace organization org account",
    "project": "project_name",
    "tags": "run_tags labels",
    "group": "run_group",
    "job_type": "run_job_type",
    "api_key": "key apikey token password secret credentials",
    "config": "params hparams hyperparameters hyper_parameters",
    "quiet": "silent verbose show_errors show_info show_warnings",
    "mode": "enabled disable sync",
    "request_timeout": (
        "timeout timeout_s timeout_seconds init_timeout http_timeout summary_timeout x_graphql_timeout_seconds "
        "x_file_stream_timeout_seconds x_file_transfer_timeout_seconds"
    ),
    "close_timeout": "finish_timeout exit_timeout shutdown_timeout wait_timeout",
    "flush_interval": "interval x_file_stream_transmit_interval log_interval",
    "heartbeat_interval": "heartbeat_seconds",
    "console": "console_level text logs",
    "capture_output": "stdout stderr",
    "text_format": "formatter_format fmt json",
    "system_metrics": "stats monitor gpu cpu hardware sysmetrics x_disable_stats",
    "system_interval": "x_stats_sampling_interval stats_interval",
    "define_metrics": "metrics define_metric",
    "metrics_key": "key_metrics extra_key",
    "tensorboard": "sync_tensorboard tb",
    "standard_files": "files save_files x_disable_meta x_save_requirements",
    "disable_git": "git save_git log_git",
    "git_commit": "commit sha revision",
    "git_remote_url": "repo repository remote_url",
    "label": "x_label",
    "ranks": "x_primary local_rank distributed ddp rank_zero_only",
    "transport": "x_service_transport",
    "signals": "sigterm",
    "exit_hooks": "excepthook hooks",
    "on_stop": "stop_fn",
    "memory_bytes": "buffer buffer_size buffer_bytes",
    "max_cache_bytes": "queue_size maxlen max_queue_size max_bytes maxbytes",
    "fsync": "durable",
    "gzip": "compress compression x_file_stream_no_gzip",
}
_CALLED: dict[str, str] = {word: name for name, words in _NAMES.items() for word in words.split()}

# By the reason why there is no such setting here: the names that others have for it.
_ABSENT = {
    'code goes as an artifact, or by `run.save("*.py")`': "save_code code_dir disable_code log_code code",
    "records are logged as they are, and a key of the config may change at any time": "allow_val_change",
    "several runs may go on at once, and a run ends with its handler": "reinit force",
    "nobody is asked anything: a key is found, or the run is offline": "anonymous relogin login_timeout",
    "the proxy is that of HTTPS_PROXY in the environment": "http_proxy https_proxy proxy proxies x_proxies",
    "certificates are checked, by those of REQUESTS_CA_BUNDLE in the environment": (
        "insecure_disable_ssl verify verify_ssl ssl cert certs certificate ca_bundle"
    ),
    "what cannot be sent is tried again until it is, and stays on disk meanwhile": (
        "retries max_retries retry retry_max x_file_stream_retry_max x_graphql_retry_max x_file_transfer_retry_max"
    ),
    "rows go in batches, as fast as the server asks for": "rate_limit",
    "it is of another handler of logging": (
        "filename stream encoding delay when backupcount address facility mailhost target capacity flushlevel"
    ),
    "a setting stands beside the class of the handler, in no mapping of its own": "settings kwargs args options",
    "it is of a handler, and no setting of a run": "level formatter filters",
    "the level stands beside the class of the handler": "log_level loglevel lvl logging_level x_log_level",
    "a run of a sweep has nothing of its own here": "sweep_id sweep_param_path",
}
_WITHOUT = {word: why for why, words in _ABSENT.items() for word in words.split()}

_MODES = ("online", "offline", "disabled", "dryrun", "shared")

_NEARLY = 0.72  # share of equal letters in a name and its misspelling: nmae and name, but not verify and entity
_SHORT = 3  # two names may share a first word of so few letters by chance

# Settings and arguments of the official SDK that have no counterpart, and no reason worth a sentence.
_OF_THE_SDK = frozenset(
    """
    config_exclude_keys config_include_keys monitor_gym allow_media_symlink allow_offline_artifacts
    azure_account_url_to_access_key console_chunk_max_bytes console_chunk_max_seconds console_multipart capture_loggers
    config_paths credentials_file disable_git_fork_point disable_job_creation docker email finish_timeout_raises
    identity_token_file job_source label_disable launch
    launch_config_path notebook_name program program_abspath program_relpath resumed sagemaker_disable settings_system
    max_end_of_run_history_metrics max_end_of_run_summary_metrics show_colors show_emoji stop_on_fatal_error strict
    summary_warnings symlink table_raise_on_max_row_limit_exceeded use_dot_wandb magic
    """.split()  # noqa: SIM905  words, read as words
)

# Usual names of hyperparameters, which belong into `config`.
_HYPERPARAMETERS = frozenset(
    """
    lr learning_rate lrs wd weight_decay momentum beta beta1 beta2 betas eps epsilon gamma alpha decay dropout
    epochs epoch n_epochs num_epochs max_epochs steps n_steps num_steps max_steps iterations iters bs batch seed
    optimizer optim scheduler lr_scheduler loss criterion model arch architecture backbone dataset data data_dir
    hidden hidden_size hidden_dim dim depth width layers n_layers num_layers heads n_heads num_heads
    warmup warmup_steps patience device precision workers num_workers world_size rank
    n_estimators max_depth temperature
    """.split()  # noqa: SIM905  words, read as words
)


def unknown(name: str, given: str, known: Collection[str]) -> str:
    """The sentence about an unknown setting.

    Args:
        name: its name.
        given: its value, as messages may say it.
        known: the names of all settings.
    """
    return f"unknown setting {name!r} = {given}; {_hint(name, given, known)}"


def nearest(name: str, known: Collection[str]) -> str | None:
    """The setting that was probably meant; None if that cannot be guessed."""
    word = _word(name)
    alike = None if word.startswith("x_") else _misspelt(word, known) or _of_one_kind(word, known)
    return _CALLED.get(word) or alike


def _word(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def _misspelt(word: str, known: Collection[str]) -> str | None:
    """A setting whose name has nearly the same letters."""
    return _closest(word, known, _NEARLY)


def _of_one_kind(word: str, known: Collection[str]) -> str | None:
    """A setting whose name begins with the same word: flush_interval for flush_secs."""
    first, more = _first(word), "_" in word
    alike = [name for name in known if _first(name) == first and (len(first) > _SHORT or not more)]
    return _closest(word, alike, 0)


def _closest(word: str, known: Collection[str], share: float) -> str | None:
    import difflib  # noqa: PLC0415  only for a name that is wrong

    return next(iter(difflib.get_close_matches(word, known, 1, share)), None)


def _first(name: str) -> str:
    return name.split("_", maxsplit=1)[0].rstrip("s")


def _hint(name: str, given: str, known: Collection[str]) -> str:
    word = _word(name)
    if word not in _WITHOUT and word not in _CALLED and (near := _misspelt(word, [*known, *_MODES])) in _MODES:
        return f"did you mean 'mode'? mode: {near}"
    if word in _HYPERPARAMETERS and word not in known:
        return f"a value of your program belongs into 'config': config: {{{name}: {given}}}"
    if why := _WITHOUT.get(word):
        return f"there is none: {why}"
    if near := nearest(name, known):
        return f"did you mean {near!r}?"
    if word in _OF_THE_SDK or word.startswith("x_"):
        return "it is one of the official SDK, and there is nothing of the kind here"
    return f"a value of your program belongs into 'config'; known keys: {', '.join(known)}"
