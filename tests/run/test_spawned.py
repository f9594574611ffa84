"""What a spawned process does with its parent's handlers, in this very process: what it leaves alone."""

from __future__ import annotations

import contextlib
import logging
import pickle
import sys
from multiprocessing.context import set_spawning_popen
from typing import TYPE_CHECKING, Any

import pytest

from wandb_logging import WandbHandler
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._run import spawned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def bare() -> Iterator[logging.Logger]:
    """Logging as a process finds it that has configured nothing."""
    log = logging.getLogger("spawned.bare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.root, "handlers", [])
        patch.setattr(logging, "_handlerList", [])
        patch.setattr(logging, "lastResort", logging.StreamHandler(sys.stderr))
        logging.lastResort.setLevel(logging.WARNING)  # type: ignore[union-attr]
        yield log
        for handler in spawned.listed_handlers():
            handler.close()
        spawned.leave()
    log.handlers = []
    log.setLevel(logging.NOTSET)


def baggage(tmp_path: Path, **settings: Any) -> spawned.Baggage:
    """What a process gets whose parent has a handler at the logger `spawned`."""
    handler = WandbHandler(project="p", mode="offline", cache_dir=tmp_path, **settings)
    packed = pickle.dumps([handler])
    logging._handlerList.clear()  # type: ignore[attr-defined]  # it is the parent's
    return packed, "", [("spawned", logging.INFO, logging.NOTSET)]


def test_a_record_that_nobody_takes_begins_a_run(tmp_path: Path) -> None:
    """Where the parent has logged nothing yet, it is as after a fork: the first record begins a run."""
    with bare() as log:
        spawned.arrive(baggage(tmp_path))
        assert not find_runs(tmp_path)
        log.info("row", extra={"metrics": {"n": 1}})
        logging.getLogger("other").error("not for it")
        assert logging.root.handlers == log.handlers == []  # `basicConfig` finds a process without handlers
    (run_dir,) = find_runs(tmp_path)
    written = (run_dir.path / "journal-0001-0001.jsonl").read_bytes()
    assert b'"n":1' in written
    assert b"not for it" not in written


def test_what_was_printed_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Python prints warnings that no handler takes: it does so still, and no more than that."""
    with bare() as log:
        spawned.arrive(baggage(tmp_path, quiet=True))
        log.warning("seen")
        log.info("not shown")
    assert capsys.readouterr().err == "seen\n"


def test_a_handler_of_its_own_takes_all(tmp_path: Path) -> None:
    """As soon as the process has one, its parent's takes nothing more."""
    with bare() as log:
        log.addHandler(logging.NullHandler())
        spawned.arrive(baggage(tmp_path / "parent"))
        log.setLevel(logging.INFO)
        log.addHandler(WandbHandler(project="p", mode="offline", cache_dir=tmp_path / "own"))
        log.info("row", extra={"metrics": {"n": 1}})
    assert len(find_runs(tmp_path / "own")) == 1
    assert not (tmp_path / "parent").exists()


def test_what_cannot_be_pickled_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A filter that is a lambda does not go along, and neither do rows without it: the process says so."""
    with bare() as log:
        handler = WandbHandler(project="p", mode="offline", cache_dir=tmp_path)
        handler.addFilter(lambda _record: True)
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        packed = spawned._packed()
        log.handlers = []
        logging._handlerList.clear()  # type: ignore[attr-defined]
        spawned.arrive(packed)
        log.info("row", extra={"metrics": {"n": 1}})
        log.info("row", extra={"metrics": {"n": 2}})
    said = capsys.readouterr().err
    assert said.count("is in no run") == 1
    assert "lambda" in said


def test_a_key_goes_to_children_alone(tmp_path: Path) -> None:
    """What is handed down may hold a key: pickled for anybody else it is empty."""
    key = "k" * 40
    with bare() as log:
        log.addHandler(WandbHandler(project="p", mode="offline", cache_dir=tmp_path, api_key=key))
        assert key.encode() not in pickle.dumps(spawned.Invitation())
        set_spawning_popen(object())  # type: ignore[arg-type]  # anything but None
        try:
            assert key.encode() in pickle.dumps(spawned.Invitation())
        finally:
            set_spawning_popen(None)
