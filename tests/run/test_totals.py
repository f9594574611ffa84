"""What a person is told in the end of values and rows that did not go as they were given: their names and numbers."""

from __future__ import annotations

import threading

import pytest

from wandb_logging import new_run
from wandb_logging._process.notices import Notices
from wandb_logging._run.messages import totals
from wandb_logging.testing import LocalServer


def test_names_and_numbers() -> None:
    """The most frequent first; one line each, however many names."""
    numbers = {"aside a": 1, "aside b": 3, "masked c": 2, "disk": 9}
    assert [notice.text for notice in totals(numbers, 0, "step")] == [
        "set aside in all: b (3), a (1)",
        "masked in all: c (2)",
    ]
    (many,) = totals({f"aside n{number}": number for number in range(1, 21)}, 0, "step")
    assert many.text.startswith("set aside in all: n20 (20), n19 (19), ")
    assert many.text.endswith(", n11 (11) and 10 more names")


def test_what_has_been_said_whole_is_not_said_again() -> None:
    """A value that was set aside once had its line."""
    assert list(totals({"aside a": 1, "masked b": 1}, 0, "step")) == []


def test_late_rows() -> None:
    """How many, and where their steps are."""
    assert [notice.text for notice in totals({}, 1, "epoch")] == [
        "1 row came with a step below the current one: see the metric epoch (late_steps: shift)"
    ]


def test_every_thread_counts() -> None:
    """The number is right, whichever threads are at it."""
    notices = Notices(quiet=True)

    def add() -> None:
        for _ in range(2_000):
            notices.add("a", "x")

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert notices.numbers() == {"a": 16_000}


def test_of_a_run(wandb_server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """Once, at its end."""
    with new_run("p", quiet=True) as run:
        for step in (9, 3, 4):
            run.log({"n": step, "bad": object()}, step=step)
    said = [record.getMessage() for record in caplog.records if "in all" in record.getMessage()]
    assert said == ["set aside in all: bad (3)"]
    assert "2 rows came with a step below the current one: see the metric step (late_steps: shift)" in caplog.text
    assert wandb_server.violations == []
