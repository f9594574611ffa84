"""The names and modules of the official SDK 0.31.0, and where each is defined here. A table that imports nothing.

A definition is given as a module of this package, with the name in it if that differs: `_media.image`,
`compat._run:finish`.
"""

from __future__ import annotations

from wandb_logging._media import ROOMS

VERSION = "0.31.0"

_MEDIA = {**ROOMS, "Classes": "_media.classes", "Graph": "_media.graph", "JoinedTable": "_media.joined"}
_ERRORS = {
    "AuthenticationError": "_errors:AuthError",
    "CommError": "_errors:WandbLoggingError",
    "Error": "_errors:WandbLoggingError",
    "UnsupportedError": "compat._refused:NotCovered",
    "UsageError": "_errors:WandbLoggingError",
}
_VARIABLES = """
    CONFIG_PATHS SWEEP_PARAM_PATH SHOW_RUN DEBUG SILENT QUIET INITED DIR DESCRIPTION NAME NOTEBOOK_NAME NOTES
    USERNAME USER_EMAIL PROJECT ENTITY ORGANIZATION BASE_URL APP_URL PROGRAM ARGS MODE RESUME RUN_ID RUN_STORAGE_ID
    RUN_GROUP RUN_DIR SWEEP_ID HTTP_TIMEOUT FILE_PUSHER_TIMEOUT API_KEY IDENTITY_TOKEN_FILE CREDENTIALS_FILE
    JOB_TYPE DISABLE_CODE DISABLE_GIT GIT_ROOT SAVE_CODE TAGS IGNORE ERROR_REPORTING CORE_DEBUG DOCKER
    AGENT_REPORT_INTERVAL AGENT_KILL_DELAY AGENT_DISABLE_FLAPPING AGENT_MAX_INITIAL_FAILURES CRASH_NOSYNC_TIME MAGIC
    HOST ANONYMOUS JUPYTER CONFIG_DIR DATA_DIR ARTIFACT_DIR ARTIFACT_FETCH_FILE_URL_BATCH_SIZE CACHE_DIR DISABLE_SSL
    SERVICE INIT_TIMEOUT GIT_COMMIT GIT_REMOTE_URL LAUNCH_QUEUE_NAME LAUNCH_QUEUE_ENTITY LAUNCH_TRACE_ID
    ENABLE_DCGM_PROFILING
""".split()  # noqa: SIM905  one a line would be seventy lines
# The functions of `wandb.env`. Not here: where the official SDK has its own caches, which are not this package's.
_OF_VARIABLES = """
    core_debug dcgm_profiling_enabled disable_git error_reporting_enabled get_agent_kill_delay
    get_agent_max_initial_failures get_agent_report_interval get_app_url get_args get_artifact_dir
    get_artifact_fetch_file_url_batch_size get_base_url get_config_paths get_crash_nosync_time get_credentials_file
    get_description get_dir get_docker get_entity get_error_reporting get_file_pusher_timeout get_http_timeout
    get_ignore get_launch_queue_entity get_launch_queue_name get_launch_trace_id get_magic get_organization get_project
    get_run get_show_run get_tags get_use_v1_artifacts get_user_email get_username is_debug is_offline is_quiet
    is_silent set_entity set_project should_save_code ssl_disabled strtobool
""".split()  # noqa: SIM905  as above
_TERM = dict.fromkeys(("termerror", "termlog", "termsetup", "termwarn"), "compat._util")

# The names in `wandb` itself. `config`, `run` and `summary` belong to the current run. The last two are our own.
HOMES: dict[str, str] = {
    **_MEDIA,
    **_TERM,
    "AlertLevel": "_events.alerts",
    "box3d": "_media.object3d",
    "Api": "compat._api",
    "Artifact": "compat._artifact",
    "ArtifactTTL": "compat._ttl",
    "CommError": _ERRORS["CommError"],
    "Config": "compat._config",
    "Error": _ERRORS["Error"],
    "Run": "compat._run",
    "Settings": "compat._settings",
    "UsageError": _ERRORS["UsageError"],
    "ensure_configured": "compat._util",
    "init": "compat._init",
    "join": "compat._functions:finish",
    "restore": "compat._api",
    "login": "compat._init",
    "require": "compat._util",
    "setup": "compat._util",
    "teardown": "compat._util",
    **dict.fromkeys(
        (
            "alert",
            "define_metric",
            "finish",
            "log",
            "link_model",
            "log_artifact",
            "log_model",
            "mark_preempting",
            "save",
            "use_artifact",
            "unwatch",
            "use_model",
            "watch",
        ),
        "compat._functions",
    ),
    "plot_table": "compat._plot",
    "visualize": "compat._plot",
    "install": "compat._install",
    "uninstall": "compat._install",
}

# Names in `wandb` that can be imported; using one raises an error that it is not covered.
REFUSED = frozenset(
    [
        "EvalTable",
        "agent",
        "api",
        "attach",
        "controller",
        "pin_config_keys",
        "sagemaker_auth",
        "sweep",
        "trigger",
        "wandb_agent",
    ]
)

_CALLBACKS = {
    "catboost": ("WandbCallback", "log_summary"),
    "lightgbm": ("wandb_callback", "log_summary"),
    "xgboost": ("WandbCallback",),
    "keras": ("WandbCallback", "WandbEvalCallback", "WandbMetricsLogger", "WandbModelCheckpoint"),
    "sb3": ("WandbCallback",),
    "sklearn": (
        "plot_calibration_curve",
        "plot_class_proportions",
        "plot_classifier",
        "plot_clusterer",
        "plot_confusion_matrix",
        "plot_elbow_curve",
        "plot_feature_importances",
        "plot_learning_curve",
        "plot_outlier_candidates",
        "plot_precision_recall",
        "plot_regressor",
        "plot_residuals",
        "plot_roc",
        "plot_silhouette",
        "plot_summary_metrics",
    ),
}
_INTEGRATIONS = {name: dict.fromkeys(names, f"compat._integrations.{name}") for name, names in _CALLBACKS.items()}

# Its modules, each with those of its names that are defined here. The other listed names are refused.
MODULES: dict[str, dict[str, str]] = {
    "apis": {},
    "apis.public": {"Api": "compat._api", "File": "compat._api_run", "Run": "compat._api_run", "Runs": "compat._api"},
    "data_types": {**_MEDIA, "PartitionedTable": "_media.joined", "WBValue": "_media.base:Value"},
    "env": dict.fromkeys((*_VARIABLES, "USE_V1_ARTIFACTS", *_OF_VARIABLES), "compat._env"),
    "errors": _ERRORS,
    "errors.errors": _ERRORS,
    "errors.term": _TERM,
    "integration": {},
    **{f"integration.{name}": homes for name, homes in _INTEGRATIONS.items()},
    **{name: homes for name, homes in _INTEGRATIONS.items() if name != "sb3"},
    "integration.keras.callbacks": _INTEGRATIONS["keras"],
    "integration.sb3.sb3": _INTEGRATIONS["sb3"],
    "integration.xgboost.xgboost": _INTEGRATIONS["xgboost"],
    "integration.catboost.catboost": _INTEGRATIONS["catboost"],
    "plot": {
        **dict.fromkeys(
            (
                "bar",
                "confusion_matrix",
                "histogram",
                "line",
                "line_series",
                "plot_table",
                "pr_curve",
                "roc_curve",
                "scatter",
                "visualize",
            ),
            "compat._plot",
        ),
        "CustomChart": "_media.chart:Chart",
        "Visualize": "_media.chart:Visualized",
    },
    "plot.custom_chart": {"CustomChart": "_media.chart:Chart", "plot_table": "compat._plot"},
    "plot.viz": {"Visualize": "_media.chart:Visualized", "visualize": "compat._plot"},
    "sdk": {
        name: HOMES[name]
        for name in (
            "AlertLevel",
            "Artifact",
            "Config",
            "Settings",
            "finish",
            "init",
            "login",
            "require",
            "setup",
            "teardown",
        )
    },
    "sdk.artifacts": {},
    "sdk.artifacts.artifact": {"Artifact": HOMES["Artifact"]},
    "sdk.artifacts.artifact_ttl": {"ArtifactTTL": HOMES["ArtifactTTL"]},
    "sdk.artifacts.exceptions": {
        "ArtifactFinalizedError": "compat._artifact:ArtifactFinalized",
        "ArtifactNotLoggedError": "compat._artifact:ArtifactNotLogged",
        "ArtifactStatusError": "_errors:LogError",
        "WaitTimeoutError": "_errors:WandbLoggingError",
    },
    "sdk.artifacts.artifact_manifest_entry": {"ArtifactManifestEntry": "compat._entry:ManifestEntry"},
    "sdk.data_types": {},
    "sdk.data_types.base_types": {},
    "sdk.data_types.base_types.media": {"Media": "_media.base"},
    "sdk.data_types.base_types.wb_value": {"WBValue": "_media.base:Value"},
    "sdk.data_types.histogram": {"Histogram": _MEDIA["Histogram"]},
    "sdk.data_types.html": {"Html": _MEDIA["Html"]},
    "sdk.data_types.image": {"Image": _MEDIA["Image"]},
    "sdk.data_types.molecule": {"Molecule": _MEDIA["Molecule"]},
    "sdk.data_types.object_3d": {"Object3D": _MEDIA["Object3D"]},
    "sdk.data_types.plotly": {"Plotly": _MEDIA["Plotly"]},
    "sdk.data_types.table": {
        "JoinedTable": "_media.joined",
        "PartitionedTable": "_media.joined",
        "Table": _MEDIA["Table"],
    },
    "sdk.data_types.helper_types": {},
    "sdk.data_types.helper_types.classes": {"Classes": "_media.classes"},
    "sdk.data_types.video": {"Video": _MEDIA["Video"]},
    "sdk.lib": {"RunDisabled": "compat._util", "SummaryDisabled": "compat._util"},
    "sdk.lib.config_util": {"ConfigError": "compat._config"},
    "sdk.lib.disabled": {"RunDisabled": "compat._util", "SummaryDisabled": "compat._util"},
    "sdk.lib.ipython": {"in_notebook": "compat._settings", "in_jupyter": "compat._settings:in_notebook"},
    "sdk.lib.printer": {"Printer": "compat._printer", "new_printer": "compat._printer"},
    "sdk.lib.runid": {"generate_id": "_values.ids:new_id"},
    "sdk.lib.telemetry": {"context": "compat._util:telemetry_context"},
    "sdk.wandb_alerts": {"AlertLevel": HOMES["AlertLevel"]},
    "sdk.wandb_config": {"Config": HOMES["Config"]},
    "sdk.wandb_init": {"init": HOMES["init"]},
    "sdk.wandb_login": {"login": HOMES["login"]},
    "sdk.wandb_run": {"Run": HOMES["Run"], "finish": HOMES["finish"]},
    "sdk.wandb_settings": {"Settings": HOMES["Settings"]},
    "sdk.wandb_summary": {"Summary": "_reading.summary"},
    "tensorboard": {"patch": "compat._tensorboard", "unpatch": "compat._tensorboard"},
    "integration.tensorboard": {"patch": "compat._tensorboard", "unpatch": "compat._tensorboard"},
    "util": {
        "generate_id": "_values.ids:new_id",
        "get_module": "compat._util",
        "json_dumps_safer": "compat._util",
        "make_artifact_name_safe": "compat._util",
    },
    "wandb_run": {"Run": HOMES["Run"]},
}
