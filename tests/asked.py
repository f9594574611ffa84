"""Notes in pytest's cache whether a run has asked all its tests, for who asks those again that failed (`.ci/run`).

A run that is stopped, or one of whose workers dies, has failed as others do; but what it has not come to may fail, too.
"""

from __future__ import annotations

from typing import Any

import pytest

NAME = "asked/all"

_is_cut = pytest.StashKey[bool]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Note that a worker of xdist has died: what it had before it is given to no other."""
    if error:
        node.config.stash[_is_cut] = True


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write it down, in the process that has the workers."""
    config = session.config
    if not hasattr(config, "workerinput") and config.cache is not None:
        ended = exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
        config.cache.set(NAME, ended and not config.stash.get(_is_cut, False))
