from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wandb_logging._keys import keys

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_sessions() -> Iterator[None]:
    """What a test logs in with is not found by the next."""
    yield
    keys._sessions.clear()
