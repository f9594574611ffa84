"""Small things that public scripts do come out with `compat` as with the official SDK, but for those listed."""

from __future__ import annotations

import importlib.util

import pytest

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

from tests.contract.idioms import DIFFERENT, PART, compared, idioms

pytestmark = pytest.mark.contract

PARTS = 4  # so that they run beside each other


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_idioms(part: int) -> None:
    """The same rows, config, summary, files, artifacts; the same values in the program."""
    given = dict(list(idioms().items())[part::PARTS])
    done, wrong = compared(given)
    assert {name: found for name, found in wrong.items() if name not in DIFFERENT} == {}
    assert [name for name in DIFFERENT if name in done and name not in wrong] == [], "these are no different any more"
    assert len(done) > 0.8 * len(given), "what the idioms need is not installed"


def test_the_page_lists_what_is_different() -> None:
    names = {line.split("|")[1].strip() for line in PART.text.splitlines() if line.startswith("| ")} - {"idiom"}
    assert names == DIFFERENT.keys() & set(idioms())
