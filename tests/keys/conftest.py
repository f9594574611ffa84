"""Where the netrc file of a test is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The netrc file, which is not there yet."""
    return tmp_path / "home" / ".netrc"
