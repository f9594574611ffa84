from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.testing.client import Client
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def client(server: LocalServer) -> Client:
    """A client with a run on the server."""
    client = Client(server)
    client.upsert()
    return client
