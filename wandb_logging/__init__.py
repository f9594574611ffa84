"""Log records become Weights & Biases runs: one `logging.config.dictConfig` entry, metrics in `extra=`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from wandb_logging._collecting import importing as _importing
from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    HTTPStatusError,
    JournalCorrupt,
    JournalError,
    JournalLocked,
    LogError,
    NotPossible,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
    SettingsError,
    TLSError,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._media import ROOMS as _MEDIA
from wandb_logging._version import __version__

if TYPE_CHECKING:
    from wandb_logging._api.api import Api
    from wandb_logging._api.runs import ApiFile, ApiRun
    from wandb_logging._artifacts.artifact import Artifact
    from wandb_logging._artifacts.download import UsedArtifact, UsedEntry
    from wandb_logging._events.alerts import AlertLevel
    from wandb_logging._keys.keys import Session
    from wandb_logging._keys.login import login, logout
    from wandb_logging._media.audio import Audio
    from wandb_logging._media.histogram import Histogram
    from wandb_logging._media.html import Html
    from wandb_logging._media.image import Image
    from wandb_logging._media.molecule import Molecule
    from wandb_logging._media.object3d import Object3D
    from wandb_logging._media.plotly import Plotly
    from wandb_logging._media.table import Table
    from wandb_logging._media.video import Video
    from wandb_logging._reading.read import RunData, read_run, read_runs
    from wandb_logging._report import Report
    from wandb_logging._run.handler import MergingAdapter, WandbHandler, current_run
    from wandb_logging._run.joining import join
    from wandb_logging._run.run import Run, new_run
    from wandb_logging._sending.sync import sync
    from wandb_logging._settings.settings import Settings

# What is loaded when first asked for. A new name stands here, in the imports above and in `__all__`; a test holds the
# three equal. Sending needs `requests`, which takes longer to import than all the rest.
_ROOMS = {
    **_MEDIA,
    "AlertLevel": "_events.alerts",
    "Api": "_api.api",
    "ApiFile": "_api.runs",
    "ApiRun": "_api.runs",
    "Artifact": "_artifacts.artifact",
    "MergingAdapter": "_run.handler",
    "Report": "_report",
    "Run": "_run.run",
    "RunData": "_reading.read",
    "Session": "_keys.keys",
    "Settings": "_settings.settings",
    "UsedArtifact": "_artifacts.download",
    "UsedEntry": "_artifacts.download",
    "WandbHandler": "_run.handler",
    "current_run": "_run.handler",
    "join": "_run.joining",
    "login": "_keys.login",
    "logout": "_keys.login",
    "new_run": "_run.run",
    "read_run": "_reading.read",
    "read_runs": "_reading.read",
    "sync": "_sending.sync",
}

__all__ = [
    "AlertLevel",
    "Api",
    "ApiFile",
    "ApiRun",
    "Artifact",
    "Audio",
    "AuthError",
    "GraphQLError",
    "HTTPStatusError",
    "Histogram",
    "Html",
    "Image",
    "JournalCorrupt",
    "JournalError",
    "JournalLocked",
    "LogError",
    "MergingAdapter",
    "Molecule",
    "NotPossible",
    "Object3D",
    "Plotly",
    "Report",
    "RequestRejected",
    "Run",
    "RunData",
    "RunNotFound",
    "ServerUnavailable",
    "Session",
    "Settings",
    "SettingsError",
    "TLSError",
    "Table",
    "TransportError",
    "UsedArtifact",
    "UsedEntry",
    "Video",
    "WandbHandler",
    "WandbLoggingError",
    "__version__",
    "current_run",
    "join",
    "login",
    "logout",
    "new_run",
    "read_run",
    "read_runs",
    "sync",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        # What scripts for the official SDK begin with: who puts this package in its place means `compat`.
        theirs = name in {"config", "finish", "init", "log", "run", "watch"}
        there = "; the official SDK's names are in wandb_logging.compat" if theirs else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{there}")
    with _importing():
        value = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
