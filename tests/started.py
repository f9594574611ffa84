"""Python programs that tests start and wait for, as whoever uses the package does."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from tests.patience import PATIENCE


def printed(code: str, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """What a program prints. It has to end well; if it does not, its traceback is shown."""
    return printed_by("-c", textwrap.dedent(code), *arguments, cwd=cwd, env=env)


def printed_by(*arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """As `printed`, of whatever the arguments of this Python start."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
