"""Scripts in the manner of public repositories come out with `compat` as with the official SDK, or are listed."""

from __future__ import annotations

import importlib.util

import pytest

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

from tests.contract.scripts import DIFFERENT, PART, compared, scripts

pytestmark = pytest.mark.contract

# What they need is in the extra `test`; where it has no wheels, as for the newest Python, there is nothing to compare.
for name in ("matplotlib", "numpy", "pandas", "PIL", "soundfile", "tensorboard", "tensorboardX"):
    pytest.importorskip(name)


@pytest.mark.thorough
@pytest.mark.slow
def test_public_scripts() -> None:
    """The same rows, config, summary, files, artifacts; none lacks anything silently."""
    learns = importlib.util.find_spec("sklearn") is not None  # not in the extra `test`, and one of them needs it
    given = [name for name in scripts() if learns or name != "kaggle_xgboost"]
    done, wrong = compared(given)
    assert {name: found for name, found in wrong.items() if name not in DIFFERENT} == {}
    assert [name for name in DIFFERENT if name in done and name not in wrong] == [], "these are no different any more"
    assert done == given


def test_the_page_lists_each() -> None:
    assert len([line for line in PART.text.splitlines() if line.startswith("| ")]) == 1 + len(scripts())
