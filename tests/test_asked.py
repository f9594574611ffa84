"""What `.ci/run` may ask once more: a test that failed, if all others were asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "whole"),
    [("assert False", True), ("import os; os._exit(9)", False), ("raise KeyboardInterrupt", False)],
)
def test_only_a_whole_run_says_what_failed(tmp_path: Path, first: str, whole: bool) -> None:
    """A run whose worker died, or that was stopped, has not asked all tests, whatever it names as failed."""
    (tmp_path / "test_it.py").write_text(
        f"import pytest\ndef test_first():\n    {first}\n"
        "@pytest.mark.parametrize('i', range(50))\ndef test_more(i):\n    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.asked", "-p", "no:randomly", "-n", "2"]
    subprocess.run(
        [*command, "--max-worker-restart=0", "--rootdir", str(tmp_path), str(tmp_path / "test_it.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        cwd=tmp_path,
        check=False,
        capture_output=True,
    )
    assert json.loads((tmp_path / ".pytest_cache/v/asked/all").read_text()) is whole
