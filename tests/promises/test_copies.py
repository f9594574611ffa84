"""A handler or run that is copied, pickled, or sent to another process with what holds it."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.patience import PATIENCE
from wandb_logging import LogError, WandbHandler, current_run, new_run, read_run
from wandb_logging._run.run import going_on
from wandb_logging.testing import LocalServer


def run_program(code: str, server: LocalServer) -> str:
    """What a program prints; it must end well."""
    Path("program.py").write_text(textwrap.dedent(code))
    env = {**os.environ, **server.env()}
    done = subprocess.run(
        [sys.executable, "program.py"], env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestInOneProcess:
    def test_a_copy_is_the_same(self) -> None:
        """However deep: there is one such run, and one such handler."""
        run = new_run("p", mode="offline", quiet=True)
        for thing in (run, WandbHandler(run=run), WandbHandler(project="p")):
            holder = SimpleNamespace(thing=thing, others=[thing])
            copied = copy.deepcopy(holder)
            assert (copied.thing, copied.others, copy.copy(thing)) == (thing, [thing], thing)

    def test_a_pickled_run_is_the_same_while_it_goes_on(self) -> None:
        """As a logger is, by its name."""
        run = new_run("p", mode="offline", quiet=True)
        text = pickle.dumps({"run": run})
        assert pickle.loads(text)["run"] is run

    def test_later_it_is_one_clear_error(self) -> None:
        """A file with a run in it does not begin a run years later."""
        run = new_run("p", mode="offline", quiet=True, run_id="abc")
        text = pickle.dumps(run)
        run.finish()
        with pytest.raises(LogError, match=r"run abc was pickled by pid \d+ on .* cannot be joined here: it has ended"):
            pickle.loads(text)

    @pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
    def test_of_a_summary_it_is_what_it_comes_to_now(self, how: Callable[[Any], Any]) -> None:
        """A dict, also of a part of it, that changes nothing in the run."""
        with new_run("p", mode="offline", quiet=True) as run:
            run.log({"loss": 1, "val": {"acc": [1, 2]}})
            kept, part = how(run.summary), how(run.summary["val"])
            kept["loss"], part["acc"] = 5, 6
            assert (run.summary["loss"], run.summary["val"]["acc"]) == (1, [1, 2])
        assert (type(kept), type(part), part) == (dict, dict, {"acc": 6})

    def test_no_key_is_in_it(self, wandb_server: LocalServer) -> None:
        """Whoever gets the file does not get the key."""
        handler = WandbHandler(project="p", mode="online", api_key=wandb_server.api_key, host=wandb_server.url)
        assert wandb_server.api_key.encode() not in pickle.dumps(handler.run)

    def test_what_only_memory_holds_cannot_be_joined(self) -> None:
        """And says so."""
        Path("file").touch()
        run = new_run("p", mode="offline", cache_dir="file/x", quiet=True)
        with pytest.raises(LogError, match="no directory: it cannot be pickled"):
            pickle.dumps(run)


@pytest.mark.parametrize("sent", ["run", "handler", "handler before its first record"])
def test_what_a_spawned_process_logs_reaches_the_run(sent: str, wandb_server: LocalServer) -> None:
    """It joins the run: the process where that began sends its rows."""
    code = f"""
        import logging, multiprocessing, wandb_logging
        def work(number, thing):
            if isinstance(thing, wandb_logging.Run):
                thing.log({{"x": number}})
            else:
                log = logging.getLogger("child"); log.setLevel("INFO"); log.addHandler(thing)
                log.info("", extra={{"metrics": {{"x": number}}}})
        if __name__ == "__main__":
            handler = wandb_logging.WandbHandler(
                project="p", mode="online", quiet=True, level="INFO", run_id="abc", resume="allow")
            logging.getLogger().addHandler(handler)
            if {sent!r} != "handler before its first record":
                logging.warning("", extra={{"metrics": {{"x": 0}}}})
            thing = handler.run if {sent!r} == "run" else handler
            children = [multiprocessing.get_context("spawn").Process(target=work, args=(number, thing))
                        for number in (1, 2)]
            for child in children:
                child.start()
                if {sent!r} == "handler before its first record":
                    logging.warning("", extra={{"metrics": {{"x": 0}}}})
            for child in children:
                child.join()
                assert child.exitcode == 0
    """
    run_program(code, wandb_server)
    (run,) = wandb_server.runs
    assert {row["x"] for row in run.history if "x" in row} >= {0, 1, 2}
    assert run.state == "finished"


class TestFolders:
    def test_a_relative_cache_dir_is_where_logging_was_configured(self) -> None:
        """As with a FileHandler, wherever the program goes before it logs."""
        handler = WandbHandler(project="p", mode="offline", cache_dir="runs", quiet=True)
        Path("elsewhere").mkdir()
        here = Path.cwd()
        os.chdir("elsewhere")
        assert handler.run.dir is not None
        assert handler.run.dir.parent == here / "runs" / "p"
        handler.close()
        assert list(Path("elsewhere").iterdir() if Path("elsewhere").exists() else Path().iterdir()) == []

    def test_auto_is_the_same_folder_at_the_end(self) -> None:
        """A run that ended well is not gone on with, although the program went elsewhere."""
        run = new_run("p", mode="offline", resume="auto", cache_dir="runs", quiet=True)
        home = Path.cwd()
        Path("elsewhere").mkdir()
        os.chdir("elsewhere")
        run.finish()
        assert not (home / "runs" / "wandb-resume.json").exists()

    def test_without_a_home(self, wandb_server: LocalServer) -> None:
        """One line, and rows from memory; no folder is called ~."""
        code = """
            import os, pwd
            del os.environ["HOME"]
            def nobody(uid): raise KeyError(uid)
            pwd.getpwuid = nobody
            import wandb_logging
            with wandb_logging.new_run("p", mode="online", cache_dir="~/runs", quiet=True) as run:
                run.log({"x": 1})
            assert not os.path.exists("~")
        """
        run_program(code, wandb_server)
        assert [row["x"] for row in wandb_server.runs[0].history] == [1]


class TestAuto:
    def test_joins_no_stranger(self, wandb_server: LocalServer) -> None:
        """A run that goes on in another process, such as a task of the same array, is another's."""
        code = """
            import subprocess, sys, wandb_logging
            with wandb_logging.new_run("p", mode="offline", resume="auto", quiet=True) as run:
                print(run.id, flush=True)
                if len(sys.argv) < 3:
                    subprocess.run([sys.executable, *sys.argv, "another"], check=True)
        """
        assert len(set(run_program(code, wandb_server).split())) == 3

    def test_goes_on_with_what_failed(self) -> None:
        """As before."""
        first = new_run("p", mode="offline", resume="auto", quiet=True)
        first.finish(1)
        second = new_run("p", mode="offline", resume="auto", quiet=True)
        assert (second.id, second.dir) == (first.id, first.dir)
        second.finish()


class TestCurrentRun:
    @pytest.fixture(autouse=True)
    def alone(self) -> None:
        """Without what other tests have left."""
        for run in going_on():
            run.finish()

    def test_is_the_handlers(self) -> None:
        """It begins there, as `handler.run` does."""
        handler = WandbHandler(project="p", mode="offline", quiet=True)
        assert current_run() is handler.run
        logging.getLogger("t").addHandler(handler)
        current_run().summary["best"] = 1
        handler.close()
        assert handler.run.dir is not None
        assert read_run(handler.run.dir).summary["best"] == 1

    def test_is_the_latest(self) -> None:
        """Of those that go on."""
        first, second = (new_run("p", mode="offline", quiet=True) for _ in range(2))
        assert current_run() is second
        second.finish()
        assert current_run() is first

    def test_of_a_disabled_handler_takes_what_it_is_given(self) -> None:
        """A program is the same with and without."""
        WandbHandler(project="p", mode="offline", quiet=True).close()
        handler = WandbHandler(project="p", mode="disabled")
        current_run().log({"x": 1})
        assert current_run() is handler.run
