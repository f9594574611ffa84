from __future__ import annotations

import ast
import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE
from tests.robustness.__main__ import STUDIES, Study
from tests.robustness.page import BEGIN, DOCS, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills, forks and /proc")


@pytest.mark.parametrize("study", STUDIES, ids=[study.name for study in STUDIES])
def test_a_sample_of_each_study(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `python -m tests.robustness --quick` tries holds."""
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_ERROR_REPORTING"):
        monkeypatch.setenv(name, "")  # a study points them at its server: put back afterwards
    # What coverage measures is slower, and holds a lock of its own at times, which a forked child would wait for.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    outcome = study.work(tmp_path / "study", full=False)
    assert outcome.cases > 0
    assert outcome.failures == []


def test_the_page_has_each_study() -> None:
    """The table in the docs, which a full run writes, has a line for each study there is."""
    assert list(rows(DOCS.read_text(encoding="utf-8"))) == [study.name for study in STUDIES]


def test_each_promise_is_shown_by_what_there_is() -> None:
    """Every test and study that the page names exists, and every study is named beside the promises it is about."""
    text, _, _ = DOCS.read_text(encoding="utf-8").partition(BEGIN)
    promises = re.findall(r"^\| (\d) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert [number for number, _, _ in promises] == list("1234567")
    for number, _, shown_by in promises:
        tests = re.findall(r"`(tests/[^`]+)`", shown_by)
        studies = {study.name for study in STUDIES if number in study.promises}
        assert [name for name in tests if not _is_test(name)] == []
        assert set(re.findall(r"\*([^*]+)\*", shown_by)) == studies
        assert tests or studies


def test_each_claim_of_the_security_page_is_shown_by_what_there_is() -> None:
    """Every test and study that it names exists."""
    _, _, shown_by = (DOCS.parent.parent / "SECURITY.md").read_text(encoding="utf-8").partition("## Shown by")
    names = re.findall(r"`(tests/[^`]+)`", shown_by)
    assert len(names) > 10
    assert [name for name in names if not _is_test(name)] == []
    assert set(re.findall(r"stud(?:y|ies) \*([^*]+)\*", shown_by)) <= {study.name for study in STUDIES}


def _is_test(name: str) -> bool:
    file, *names = name.split("::")
    node: ast.AST = ast.parse((DOCS.parent.parent / file).read_text(encoding="utf-8"))
    for inner in names:
        found = [child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == inner]
        if not found:
            return False
        node = found[0]
    return isinstance(node, (ast.FunctionDef, ast.ClassDef))


def test_ended_early_it_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends it, also with Ctrl-C, ends all that it has started."""
    monkeypatch.setenv("ROBUSTNESS_TEST", str(os.getpid()))
    command = [sys.executable, "-m", "tests.robustness", "--full", "--only", "kill matrix"]
    with subprocess.Popen(command, cwd=DOCS.parent.parent) as program:
        _wait_until(lambda: any("victim" in name for name in _started()))
        program.terminate()
        assert program.wait(PATIENCE) == 143
    _wait_until(lambda: not list(_started()))


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _started() -> Iterator[str]:
    """Command lines of the processes that were started with this test's variable."""
    mark = f"ROBUSTNESS_TEST={os.getpid()}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (place / "environ").read_bytes().split(b"\0"):
                yield (place / "cmdline").read_text()
