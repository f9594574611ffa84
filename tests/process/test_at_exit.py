"""What is finished as the process ends."""

from __future__ import annotations

import gc
import os
import time
import weakref
from pathlib import Path

import pytest

from tests.started import printed
from wandb_logging import new_run
from wandb_logging.testing import LocalServer


def test_all_begin_to_send_before_one_is_waited_for() -> None:
    """What is finished last need not wait for the others before it sends anything."""
    said = printed("""
        from wandb_logging._process.at_exit import finish_at_end

        class Some:
            def __init__(self, name):
                self.name = name
            def finish(self, exit_code):
                print("finish", self.name)
            def wake(self):
                print("wake", self.name)

        some = [Some("a"), Some("b")]
        for one in some:
            finish_at_end(one, None, one.wake, here=True)
    """).splitlines()
    assert sorted(said[:2]) == ["wake a", "wake b"]
    assert sorted(said[2:]) == ["finish a", "finish b"]


@pytest.mark.slow
@pytest.mark.parametrize("through", ["handlers", "runs"])
def test_a_server_that_does_not_answer_is_waited_for_once(through: str) -> None:
    """Twenty runs of one program wait for `close_timeout` together, and not for twenty of them."""
    with LocalServer() as server:
        server.fail_always(status=None, latency=60)
        said = printed(f"""
            import logging, time
            from wandb_logging import WandbHandler, new_run
            given = dict(mode="online", host={server.url!r}, api_key={server.api_key!r}, close_timeout=1, quiet=True)
            runs = []
            for i in range(20):
                if {through!r} == "runs":
                    runs.append(new_run("p", **given))
                    runs[-1].log({{"i": i}})
                else:
                    logging.getLogger(str(i)).addHandler(WandbHandler(project="p", **given))
                    logging.getLogger(str(i)).warning("row", extra={{"metrics": {{"i": i}}}})
            print(time.time())
        """)
        assert time.time() - float(said) < 15


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_worker_waits_once_for_a_server_that_does_not_answer() -> None:
    """A process of `multiprocessing`, which ends without `atexit`, waits for its runs together, too."""
    with LocalServer() as server:
        server.fail_always(status=None, latency=60)
        said = printed(f"""
            import logging, multiprocessing, time, warnings
            warnings.simplefilter("ignore")
            from wandb_logging import WandbHandler
            given = dict(mode="online", host={server.url!r}, api_key={server.api_key!r}, close_timeout=1, quiet=True)
            def work():
                for i in range(20):
                    logging.getLogger(str(i)).addHandler(WandbHandler(project="p", **given))
                    logging.getLogger(str(i)).warning("row", extra={{"metrics": {{"i": i}}}})
                print(time.time(), flush=True)
            worker = multiprocessing.get_context("fork").Process(target=work)
            worker.start()
            worker.join()
        """)
        assert time.time() - float(said) < 15


def test_one_server_that_does_not_answer_takes_nothing_from_another() -> None:
    """A run elsewhere has all its `close_timeout`."""
    with LocalServer() as hangs, LocalServer() as answers:
        hangs.fail_always(status=None, latency=60)
        printed(f"""
            import atexit
            from wandb_logging import new_run
            runs = []
            for host, key, wait in {[(one.url, one.api_key, wait) for one, wait in ((hangs, 1), (answers, 100))]!r}:
                runs.append(new_run("p", mode="online", host=host, api_key=key, close_timeout=wait, quiet=True))
                runs[-1].log({{"a": 1}})
        """)
        assert [(run.state, [row["a"] for row in run.history]) for run in answers.runs] == [("finished", [1])]


def test_what_is_done_on_the_disk_is_no_wait_for_a_server(tmp_path: Path) -> None:
    """An offline run that copies files for long at its end leaves the others all their `close_timeout`."""
    said = printed(f"""
        import atexit, time
        atexit.register(lambda: print(at_exit.patience_left(10, run.settings.host)))  # called after our own
        from wandb_logging import new_run
        from wandb_logging._process import at_exit
        run = new_run("p", mode="offline", cache_dir={str(tmp_path)!r}, quiet=True)
        run.log({{"a": 1}})
        run._background.watch(lambda last: time.sleep(0.2 * last))
    """)
    assert float(said) == 10


@pytest.mark.slow
def test_a_server_that_answers_is_not_waited_for_in_vain() -> None:
    """A run with more than can be sent in its `close_timeout` leaves the others theirs."""
    with LocalServer() as server:
        server.latency = 0.5
        said = printed(f"""
            import atexit
            atexit.register(lambda: print(at_exit.patience_left(10, run.settings.host), run.finish().ok))
            from wandb_logging import new_run
            from wandb_logging._process import at_exit
            run = new_run(
                "p", mode="online", host={server.url!r}, api_key={server.api_key!r}, close_timeout=3, quiet=True,
                batch_bytes=1024,
            )
            for i in range(4000):
                run.log({{"text": "x" * 1000}})
        """)
        left, ok = said.split()
        assert float(left) > 7.5
        assert ok == "False"


def test_what_is_finished_is_let_go(tmp_path: Path) -> None:
    """A program that makes thousands of runs, one after the other, does not keep them until its end."""
    run = new_run("p", mode="offline", cache_dir=str(tmp_path), quiet=True)
    run.log({"a": 1})
    run.finish()
    kept = weakref.ref(run)
    del run
    gc.collect()
    assert kept() is None
