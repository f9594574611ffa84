"""The ids of new runs."""

from __future__ import annotations

import random
import re
import string

from wandb_logging._values.ids import new_id


def test_new_each_time() -> None:
    """8 characters of a-z and 0-9, each of which comes, whatever the program seeds its random numbers with."""
    ids = set()
    for _ in range(1000):
        random.seed(0)
        ids.add(new_id())
    assert len(ids) == 1000
    assert all(re.fullmatch("[a-z0-9]{8}", each) for each in ids)
    assert set("".join(ids)) == {*string.ascii_lowercase, *string.digits}
