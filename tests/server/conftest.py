"""How long a try that failed is waited behind is a promise here: it stays as it is."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def backoff() -> None:
    """Wait as users do."""
