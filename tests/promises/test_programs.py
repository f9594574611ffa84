"""Promises about whole programs: a configuration in any format, a run that ends with its interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from wandb_logging import read_run, sync
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging.testing import LocalServer

# One configuration, written four times as people write it. HOST, KEY and MODE are filled in.
JSON = """
{"version": 1,
 "handlers": {"wandb": {"class": "wandb_logging.WandbHandler", "level": "INFO", "project": "digits", "mode": "MODE",
                        "host": "HOST", "api_key": "KEY", "cache_dir": "wandb_cache", "flush_interval": 15,
                        "tags": ["a", "b"], "config": {"learning_rate": 0.01, "net": {"layers": [64, 10]}}}},
 "root": {"level": "INFO", "handlers": ["wandb"]}}
"""

YAML = """
version: 1
handlers:
  wandb:
    class: wandb_logging.WandbHandler
    level: INFO
    project: digits
    mode: MODE
    host: HOST
    api_key: KEY
    cache_dir: wandb_cache
    flush_interval: 15
    tags: [a, b]
    config:
      learning_rate: 0.01
      net: {layers: [64, 10]}
root:
  level: INFO
  handlers: [wandb]
"""

TOML = """
version = 1
[handlers.wandb]
class = "wandb_logging.WandbHandler"
level = "INFO"
project = "digits"
mode = "MODE"
host = "HOST"
api_key = "KEY"
cache_dir = "wandb_cache"
flush_interval = 15
tags = ["a", "b"]
[handlers.wandb.config]
learning_rate = 0.01
net = {layers = [64, 10]}
[root]
level = "INFO"
handlers = ["wandb"]
"""

INI = """
[loggers]
keys = root
[handlers]
keys = wandb
[formatters]
keys =
[logger_root]
level = INFO
handlers = wandb
[handler_wandb]
class = wandb_logging.WandbHandler
level = INFO
kwargs = {"project": "digits", "mode": "MODE", "host": "HOST", "api_key": "KEY", "cache_dir": "wandb_cache",
    "flush_interval": 15, "tags": ["a", "b"], "config": {"learning_rate": 0.01, "net": {"layers": [64, 10]}}}
"""

READERS = {
    "json": "import json; logging.config.dictConfig(json.load(open('logging.json')))",
    "yaml": "import yaml; logging.config.dictConfig(yaml.safe_load(open('logging.yaml')))",
    "toml": """
try:
    import tomllib
except ImportError:
    import tomli as tomllib
logging.config.dictConfig(tomllib.loads(open('logging.toml').read()))
""",
    "ini": "logging.config.fileConfig('logging.ini')",
}

TRAINING = """
log = logging.getLogger("train")
for epoch in range(3):
    log.info("epoch %d", epoch, extra={"metrics": {"loss": 1 / (epoch + 1), "val": {"acc": 0.9}}})
log.info("eval", extra={"metrics": {"val/f1": 0.9}, "step": 120})
"""


def write(kind: str, text: str, **values: str) -> None:
    for key, value in values.items():
        text = text.replace(key, value)
    Path(f"logging.{kind}").write_text(text)


def python(
    code: str, *, check: bool = True, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of its own, with warnings as errors."""
    program = Path("program.py")
    program.write_text("import logging, logging.config, sys, os, time\n" + textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "faulthandler", str(program)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def only_run() -> Any:
    (run_dir,) = find_runs(Path("wandb_cache"))
    return read_run(run_dir.path)


FORMATS = pytest.mark.parametrize(("kind", "text"), [("json", JSON), ("yaml", YAML), ("toml", TOML), ("ini", INI)])


@FORMATS
def test_a_program_with_nothing_but_a_configuration_makes_a_finished_run(
    kind: str, text: str, wandb_server: LocalServer
) -> None:
    """JSON, YAML, TOML and an INI file; the run ends with the interpreter."""
    write(kind, text, HOST=wandb_server.url, KEY=wandb_server.api_key, MODE="online")
    python(READERS[kind] + TRAINING)
    (run,) = wandb_server.runs
    assert [row["_step"] for row in run.history] == [0, 1, 2, 120]
    assert run.history[1]["loss"] == 0.5
    assert run.summary["val"] == {"acc": 0.9}
    assert run.config == {"learning_rate": 0.01, "net": {"layers": [64, 10]}}
    assert (run.project, sorted(run.tags), run.state, run.exit_code) == ("digits", ["a", "b"], "finished", 0)
    assert [line.split(" ", 1)[1] for line in run.output] == [
        "INFO:train:epoch 0",
        "INFO:train:epoch 1",
        "INFO:train:epoch 2",
        "INFO:train:eval",
    ]


@FORMATS
def test_the_same_offline_and_synced_is_the_same(kind: str, text: str, wandb_server: LocalServer) -> None:
    """Offline first, then sync: every row once, the summary right, the run finished."""
    write(kind, text, HOST=wandb_server.url, KEY=wandb_server.api_key, MODE="offline")
    python(READERS[kind] + TRAINING)
    assert wandb_server.runs == []
    for _ in range(2):
        (report,) = sync()
        assert (report.ok, report.finished, report.rows, report.lines) == (True, True, 4, 4)
    (run,) = wandb_server.runs
    assert [row["_step"] for row in run.history] == [0, 1, 2, 120]
    assert (run.summary["loss"], run.state, run.exit_code) == (pytest.approx(1 / 3), "finished", 0)


SETUP = """
from wandb_logging import WandbHandler, new_run
handler = WandbHandler(project="p", mode="offline", quiet=True)
logging.getLogger().addHandler(handler)
log = logging.getLogger("train")
log.setLevel("INFO")
log.info("a", extra={"metrics": {"x": 1}})
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("raise RuntimeError('oops')", 1),
        ("sys.exit(3)", 3),
        ("sys.exit('message')", 1),
        ("sys.exit()", 0),
        ("raise KeyboardInterrupt", 255),
    ],
)
def test_the_run_ends_as_the_program_ends(end: str, code: int) -> None:
    """An unhandled exception is 1, sys.exit gives its code; what the program prints is unchanged."""
    python(SETUP + end, check=False)
    assert only_run().exit_code == code


def test_a_run_made_by_hand_ends_with_the_program() -> None:
    """new_run without finish."""
    python(
        """
        from wandb_logging import new_run
        run = new_run("p", mode="offline", quiet=True)
        run.log({"x": 1})
        """
    )
    assert (only_run().exit_code, len(only_run().rows)) == (0, 1)


def test_exit_hooks_can_be_left_alone() -> None:
    """exit_hooks: false leaves sys.excepthook and sys.exit as they are."""
    python(
        """
        before = sys.excepthook, sys.exit
        from wandb_logging import new_run
        new_run("p", mode="offline", exit_hooks=False, quiet=True).finish()
        assert (sys.excepthook, sys.exit) == before
        """
    )


def test_records_of_the_last_moment_are_there() -> None:
    """From atexit, from a thread that outlives main, from __del__ at the end."""
    python(
        SETUP
        + """
import atexit, threading
atexit.register(lambda: log.info("atexit", extra={"metrics": {"atexit": 1}}))
class Dying:
    def __del__(self):
        log.info("del", extra={"metrics": {"del": 1}})
dying = Dying()
del dying
gate = threading.Event()
def outlive():
    gate.wait()
    log.info("outlives main", extra={"metrics": {"thread": 1}})
threading.Thread(target=outlive).start()
gate.set()
"""
    )
    keys = {key for row in only_run().rows for key in row if not key.startswith("_")}
    assert keys == {"x", "atexit", "del", "thread"}


def test_a_first_record_in_atexit_is_kept(wandb_server: LocalServer) -> None:
    """From Python 3.12 no thread can be started then: the end drains by itself."""
    python(
        """
        import atexit
        from wandb_logging import WandbHandler
        logging.getLogger().addHandler(WandbHandler(project="p", mode="online", quiet=True))
        log = logging.getLogger("train")
        log.setLevel("INFO")
        atexit.register(lambda: log.info("late", extra={"metrics": {"x": 1}}))
        """,
        environment=wandb_server.env(),
    )
    (run,) = wandb_server.runs
    assert ([row["x"] for row in run.history], run.state) == ([1], "finished")


def test_os_exit_and_kill_lose_no_row_whose_call_returned() -> None:
    """Nothing runs at the end, and nothing has to."""
    python(SETUP + "log.info('b', extra={'metrics': {'x': 2}})\nos._exit(7)", check=False)
    run = only_run()
    assert ([row["x"] for row in run.rows], run.exit_code, run.alive) == ([1, 2], None, False)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_forked_children_log_into_the_same_run(wandb_server: LocalServer) -> None:
    """A child's rows reach the parent's run; the child neither ends it nor sends anything itself."""
    python(
        """
        import multiprocessing
        from wandb_logging import WandbHandler
        handler = WandbHandler(project="p", mode="online", quiet=True)
        logging.getLogger().addHandler(handler)
        log = logging.getLogger("train")
        log.setLevel("INFO")

        def work(number):
            for i in range(10):
                log.info("child", extra={"metrics": {f"child{number}": i}})

        log.info("a", extra={"metrics": {"parent": 1}})
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=work, args=(number,)) for number in range(3)]
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 3.12 and later: fork in a process with threads
            [child.start() for child in children]
        [child.join() for child in children]
        assert [child.exitcode for child in children] == [0, 0, 0]
        log.info("b", extra={"metrics": {"parent": 2}})
        """,
        environment=wandb_server.env(),
    )
    (run,) = wandb_server.runs
    for number in range(3):
        assert [row[f"child{number}"] for row in run.history if f"child{number}" in row] == list(range(10))
    assert [row["parent"] for row in run.history if "parent" in row] == [1, 2]
    assert run.state == "finished"


def test_import_is_light() -> None:
    """Importing the handler loads neither requests nor anything else that only sending needs."""
    done = python("import wandb_logging\nwandb_logging.WandbHandler\nprint(*sys.modules)")
    assert {"requests", "urllib3", "graphql", "numpy"}.isdisjoint(done.stdout.split())


def test_a_wrong_variable_is_no_concern_of_an_import() -> None:
    """Whoever makes a handler is told of it; who only imports the package need not mean to."""
    done = python(
        """
        import wandb_logging
        handler = wandb_logging.WandbHandler
        try:
            handler(project="p")
        except wandb_logging.SettingsError as exc:
            print(exc)
        """,
        environment={"WANDB_HTTP_TIMEOUT": "soon"},
    )
    assert done.stdout == "WANDB_HTTP_TIMEOUT='soon': expected a number\n"


def test_without_a_key_auto_is_offline_and_says_so() -> None:
    """One line that says which, and how to sync."""
    done = python(
        """
        from wandb_logging import WandbHandler
        logging.getLogger().addHandler(WandbHandler(project="p"))
        logging.warning("x", extra={"metrics": {"x": 1}})
        """
    )
    said = [line for line in done.stderr.splitlines() if line.startswith("wandb_logging: no API key")]
    assert len(said) == 1
    assert "wandb-logging sync wandb_cache" in said[0]
    assert only_run().info["mode"] == "offline"


def test_it_works_optimised() -> None:
    """Python -O."""
    Path("program.py").write_text("import logging\n" + SETUP)
    subprocess.run([sys.executable, "-O", "program.py"], check=True, timeout=PATIENCE)
    assert only_run().exit_code == 0


def test_json_of_the_issue_is_what_the_reader_gives_back() -> None:
    """The journal read back: rows, lines, config."""
    write("json", JSON, HOST="https://api.wandb.ai", KEY="x" * 40, MODE="offline")
    python(READERS["json"] + TRAINING)
    run = only_run()
    assert json.loads(json.dumps(run.config)) == {"learning_rate": 0.01, "net": {"layers": [64, 10]}}
    assert len(run.lines) == 4
    assert "x" * 40 not in "".join(path.read_text() for path in run.path.iterdir() if path.is_file())


@pytest.mark.parametrize("mode", ["auto", "offline"])
def test_no_home_is_no_reason_to_stop(mode: str) -> None:
    """A service or a container without HOME: no key is found, and the run is written."""
    Path("program.py").write_text(
        "import logging\nfrom wandb_logging import WandbHandler\n"
        f"logging.getLogger().addHandler(WandbHandler(project='p', mode={mode!r}))\n"
        "logging.warning('x', extra={'metrics': {'x': 1}})\n"
    )
    environment = {key: value for key, value in os.environ.items() if key not in {"HOME", "NETRC", "USERPROFILE"}}
    subprocess.run([sys.executable, "program.py"], check=True, timeout=PATIENCE, env=environment)
    assert [row["x"] for row in only_run().rows] == [1]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a file system where nobody can make a folder")
def test_a_cache_dir_that_nobody_can_make(wandb_server: LocalServer) -> None:
    """One line says so, and online nothing is lost."""
    done = python(
        """
        from wandb_logging import WandbHandler
        logging.getLogger().addHandler(WandbHandler(project="p", mode="online", cache_dir="/proc/wandb_cache"))
        for i in range(10):
            logging.warning("x", extra={"metrics": {"i": i}})
        """,
        environment=wandb_server.env(),
    )
    assert [row["i"] for row in wandb_server.runs[0].history] == list(range(10))
    assert sum("cannot be written" in line for line in done.stderr.splitlines()) == 1


def test_one_thread_and_no_child_process(wandb_server: LocalServer) -> None:
    """That is all it takes beside the program, online."""
    pytest.importorskip("psutil")
    python(
        """
        import psutil, threading
        from wandb_logging import WandbHandler
        handler = WandbHandler(project="p", mode="online", quiet=True)
        logging.getLogger().addHandler(handler)
        assert threading.active_count() == 1
        logging.warning("x", extra={"metrics": {"x": 1}})
        handler.flush()
        assert threading.active_count() == 2
        assert psutil.Process().children() == []
        """,
        environment=wandb_server.env(),
    )
    assert wandb_server.runs[0].state == "finished"


@pytest.mark.parametrize("argv", ["del sys.argv", "sys.argv = []", "sys.argv = None", "sys.argv = [None, 5]"])
def test_python_within_another_program(argv: str) -> None:
    """Which has no command line, no file and no name for what it runs: nothing is raised, and the row is kept."""
    python(f"main = sys.modules['__main__']\ndel main.__file__\n{argv}\n" + SETUP)
    (row,) = only_run().rows
    assert row["x"] == 1
