"""A W&B server for tests: it follows the protocol strictly, records each breach, and fails on demand.

    from wandb_logging.testing import LocalServer

    with LocalServer() as server:
        ...                                  # run a program that logs, with the variables of server.env()
        assert server.run("my-run").history[0]["loss"] == 0.5
        assert server.violations == []

Needs the extra `wandb-logging[testing]` (graphql-core). The pytest fixture `wandb_server` is in `.plugin`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandb_logging.testing._rules import Violation
    from wandb_logging.testing._server import LocalServer, RecordedRequest
    from wandb_logging.testing._stored import StoredArtifact, StoredRun

__all__ = ["LocalServer", "RecordedRequest", "StoredArtifact", "StoredRun", "Violation"]

_HOMES = {
    "LocalServer": "_server",
    "RecordedRequest": "_server",
    "StoredArtifact": "_stored",
    "StoredRun": "_stored",
    "Violation": "_rules",
}


def __getattr__(name: str) -> Any:
    # Imported on first use, because pytest loads `.plugin`, and with it this module, in every project.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
