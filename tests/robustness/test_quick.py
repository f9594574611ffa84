from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.robustness.__main__ import STUDIES, Study
from tests.robustness.page import DOCS, rows

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills, forks and /proc")


@pytest.mark.parametrize("study", STUDIES, ids=[study.name for study in STUDIES])
def test_a_sample_of_each_study(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `python -m tests.robustness --quick` tries holds."""
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_ERROR_REPORTING"):
        monkeypatch.setenv(name, "")  # a study points them at its server: put back afterwards
    outcome = study.work(tmp_path / "study", full=False)
    assert outcome.cases > 0
    assert outcome.failures == []


def test_the_page_has_each_study() -> None:
    """The table in the docs, which a full run writes, has a line for each study there is."""
    assert list(rows(DOCS.read_text(encoding="utf-8"))) == [study.name for study in STUDIES]
