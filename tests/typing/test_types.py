"""The files beside this one hold what users type, right and wrong, and mypy's word on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(set(HERE.glob("*.py")) - {Path(__file__)}), ids=lambda path: path.stem)
def test_mypy_says_what_is_expected(path: Path) -> None:
    """It takes what is right, and complains of every line that is marked as wrong."""
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", str(path)]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False, timeout=600)
    assert done.stdout.startswith("Success"), done.stdout + done.stderr
