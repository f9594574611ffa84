"""Log records become Weights & Biases runs: one `logging.config.dictConfig` entry, metrics in `extra=`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    HTTPStatusError,
    JournalCorrupt,
    JournalError,
    JournalLocked,
    LogError,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
    SettingsError,
    TLSError,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._version import __version__

if TYPE_CHECKING:
    from wandb_logging._alerts import AlertLevel
    from wandb_logging._artifact_download import UsedArtifact, UsedEntry
    from wandb_logging._artifacts import Artifact
    from wandb_logging._auth import Session
    from wandb_logging._handler import MergingAdapter, WandbHandler
    from wandb_logging._login import login, logout
    from wandb_logging._media._audio import Audio
    from wandb_logging._media._histogram import Histogram
    from wandb_logging._media._html import Html
    from wandb_logging._media._image import Image
    from wandb_logging._media._molecule import Molecule
    from wandb_logging._media._object3d import Object3D
    from wandb_logging._media._plotly import Plotly
    from wandb_logging._media._table import Table
    from wandb_logging._media._video import Video
    from wandb_logging._read import RunData, read_run
    from wandb_logging._report import Report
    from wandb_logging._run import Run, new_run
    from wandb_logging._settings import Settings
    from wandb_logging._sync import sync

# Loaded when first asked for: sending needs `requests`, which takes longer to import than all the rest.
_ROOMS = {
    "AlertLevel": "_alerts",
    "Artifact": "_artifacts",
    "Audio": "_media._audio",
    "Histogram": "_media._histogram",
    "Html": "_media._html",
    "Image": "_media._image",
    "MergingAdapter": "_handler",
    "Molecule": "_media._molecule",
    "Object3D": "_media._object3d",
    "Plotly": "_media._plotly",
    "Report": "_report",
    "Run": "_run",
    "RunData": "_read",
    "Session": "_auth",
    "Settings": "_settings",
    "Table": "_media._table",
    "UsedArtifact": "_artifact_download",
    "UsedEntry": "_artifact_download",
    "Video": "_media._video",
    "WandbHandler": "_handler",
    "login": "_login",
    "logout": "_login",
    "new_run": "_run",
    "read_run": "_read",
    "sync": "_sync",
}

__all__ = [
    "AlertLevel",
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
    "login",
    "logout",
    "new_run",
    "read_run",
    "sync",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
