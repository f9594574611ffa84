"""pytest plugin: the fixture `wandb_server`. Imports nothing heavy until a test asks for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wandb_logging.testing import LocalServer


@pytest.fixture
def wandb_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalServer]:
    """A fresh W&B server on loopback, with the environment pointing at it.

    All `WANDB_*` variables of the person who runs the tests are hidden, and so are their netrc and settings.
    The test fails when the server saw a breach of the protocol that it did not announce with
    `server.allow_violations()`.
    """
    from wandb_logging.testing import LocalServer  # noqa: PLC0415 - pytest loads this module in every project

    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    with LocalServer() as server:
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        yield server
    broken = server.unexpected_violations
    if broken:
        pytest.fail("the W&B protocol was broken:\n" + "\n".join(f"  {item}" for item in broken), pytrace=False)
