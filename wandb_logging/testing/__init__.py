"""A W&B server for tests: follows the protocol strictly, records each breach, fails on demand.

    from wandb_logging.testing import LocalServer

    with LocalServer() as server:
        ...                                  # run what logs, with the variables of server.env()
        assert server.run("my-run").history[0]["loss"] == 0.5
        assert server.violations == []

Needs the extra `wandb-logging[testing]` (graphql-core). The pytest fixture `wandb_server` is in `.plugin`.
"""

from wandb_logging.testing._rules import Violation
from wandb_logging.testing._server import LocalServer, RecordedRequest
from wandb_logging.testing._store import StoredRun

__all__ = ["LocalServer", "RecordedRequest", "StoredRun", "Violation"]
