from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

import wandb_logging
from wandb_logging import _auth, _cli, _sync
from wandb_logging._auth import Key
from wandb_logging._cli import Check, main
from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
    TLSError,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._read import RunData
from wandb_logging._report import Report
from wandb_logging._settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging.testing import LocalServer

KEY = "0123456789abcdef0123456789abcdef01234567"
HOST = "https://api.example.com"
UNREACHABLE = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture(autouse=True)
def _no_sessions() -> Iterator[None]:
    """What a test logs in with is not found by the next."""
    yield
    _auth._sessions.clear()


def offline_run(run_id: str = "r1", rows: int = 3, *, exit_code: int | None = 0, **settings: Any) -> wandb_logging.Run:
    """A run on disk: ended, or (exit code None) going on until the caller ends it."""
    run = wandb_logging.new_run("digits", run_id=run_id, **{"mode": "offline", **settings})
    for step in range(rows):
        run.log({"loss": 1 / (step + 1), "val": {"acc": step / 10}})
    if exit_code is not None:
        run.finish(exit_code)
    return run


def child(*args: str, **options: Any) -> subprocess.Popen[str]:
    """The command line as a process of its own, its output piped."""
    env = {**os.environ, "PYTHONPATH": str(Path(_cli.__file__).parent.parent), **options.pop("env", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8", **options}
    return subprocess.Popen([sys.executable, "-m", "wandb_logging", *args], env=env, **pipes)


@pytest.fixture
def run_data(tmp_path: Path) -> RunData:
    return RunData(
        path=tmp_path / "r1",
        info={"id": "r1", "project": "digits", "entity": None, "name": None, "start": 1000.0, "tags": ["a", "b"]},
        rows=[{"_step": 0, "loss": 0.5}],
        lines=[],
        config={},
        summary={},
        exit_code=0,
        finished=True,
        alive=False,
        unsent=0,
        damaged=0,
        url=None,
    )


class TestUsage:
    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`--version` is the package's."""
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"wandb-logging {wandb_logging.__version__}\n"

    @pytest.mark.parametrize("command", ["login", "logout", "status", "ls", "show", "sync", "doctor"])
    def test_help_has_an_example(self, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Each command's help shows how it is typed."""
        assert main([command, "--help"]) == 0
        assert f"examples:\n  wandb-logging {command}" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "args",
        [["nonsense"], ["show"], ["sync", "--timeout", "soon"], ["sync", "--timeout", "-1"], ["login", "--host", "x"]],
    )
    def test_wrong_usage(self, args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """Wrong usage is exit code 2 and one line that leads to the help."""
        assert main(args) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("wandb-logging: ")
        assert captured.err.count("\n") == 1
        assert "--help`)" in captured.err

    def test_without_a_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing typed shows the help, and is wrong usage."""
        assert main([]) == 2
        assert "usage: wandb-logging" in capsys.readouterr().out

    def test_help_is_quick(self) -> None:
        """The help waits for none of the heavy imports."""
        code = (
            "import sys; from wandb_logging._cli import main; main(['--help']);"
            "print({'requests', 'plotext', 'tqdm', 'tenacity', 'pythonjsonlogger'} & set(sys.modules))"
        )
        shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert shown.stdout.splitlines()[-1] == "set()"

    def test_a_wrong_setting_is_one_line(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An environment variable with a wrong value is named."""
        monkeypatch.setenv("WANDB_MODE", "onlin")
        assert main(["status"]) == 1
        said = capsys.readouterr().err
        assert said.startswith("wandb-logging: mode='onlin' (from WANDB_MODE): expected auto or online")
        assert said.count("\n") == 1

    def test_our_own_fault_is_one_line(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Even an error nobody foresaw has no traceback."""
        monkeypatch.setattr(_cli, "Settings", lambda: 1 / 0)
        assert main(["status"]) == 1
        assert capsys.readouterr().err == (
            "wandb-logging: internal error, please report it: ZeroDivisionError: division by zero\n"
        )

    @pytest.mark.skipif(os.name == "nt", reason="a pipe breaks in another way on Windows")
    def test_broken_pipe(self) -> None:
        """A reader that goes away (`| head`) is no error to talk about."""
        process = child("--help")
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait() in {0, 141}  # 0: all of it was in the pipe before
        process.stderr.close()


class TestFormatting:
    def test_table(self) -> None:
        """Names to the left, numbers to the right, nothing behind the last."""
        assert _cli.table([["ID", "ROWS", "NAME"], ["a", "7", "x"], ["abc", "12345", ""]]) == [
            "ID    ROWS  NAME",
            "a        7  x",
            "abc  12345",
        ]

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(-5, "0 s"), (0.9, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (86400 * 12.5, "12 d")],
    )
    def test_age(self, seconds: float, text: str) -> None:
        """A duration is told in its largest unit."""
        assert _cli.age(seconds) == text

    @given(st.text())
    def test_clean(self, text: str) -> None:
        """No name from a run can steer the terminal."""
        assert _cli.clean(text).isprintable()
        assert len(_cli.clean(text)) == len(text)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
        st.integers(3, 80),
    )
    def test_brief(self, value: object, width: int) -> None:
        """Any value fits into its column."""
        assert len(_cli.brief(value, width)) <= width

    def test_flat(self) -> None:
        """Nested names get dots; a histogram stays whole."""
        nested = {"a": 1, "b": {"c": {"d": 2}, "e": {}}, "h": {"_type": "histogram", "values": [1]}}
        assert list(_cli.flat(nested)) == [("a", 1), ("b.c.d", 2), ("b.e", {}), ("h", nested["h"])]

    def test_series(self) -> None:
        """Only finite numbers are drawn, at their step, under their dotted name."""
        rows: list[dict[str, Any]] = [
            {"_step": 0, "_runtime": 1.0, "loss": 1, "ok": True, "text": "x", "val": {"acc": 0.5}},
            {"_step": 4, "loss": float("nan"), "val": {"acc": float("inf")}},
            {"_step": 5, "loss": 0.25},
        ]
        assert _cli.series(rows) == {"loss": [(0, 1.0), (5, 0.25)], "val.acc": [(0, 0.5)]}

    @given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=500), st.integers(2, 100))
    def test_thinned(self, values: list[float], most: int) -> None:
        """Thinned points are fewer, in order, with the lowest and the highest among them."""
        points = [(float(step), value) for step, value in enumerate(values)]
        few = _cli.thinned(points, most)
        assert few == sorted(few)
        assert set(few) <= set(points)
        assert len(few) <= max(most + 2, 2)
        assert min(value for _, value in few) == min(values)
        assert max(value for _, value in few) == max(values)


class TestLoginAndLogout:
    def test_key_from_standard_input(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """`--key -` reads the key where no other user of the machine sees it."""
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
        assert main(["login", "--host", HOST, "--key", "-"]) == 0
        assert capsys.readouterr().out == f"Key for {HOST} saved to ~/.netrc\n"
        assert KEY in _auth.netrc_path().read_text()

    def test_a_variable_that_goes_before(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Where WANDB_API_KEY would hide the key that was saved, it says so."""
        monkeypatch.setenv("WANDB_API_KEY", "f" * 40)
        assert main(["login", "--host", HOST, "--key", KEY]) == 0
        assert "WANDB_API_KEY holds another key" in capsys.readouterr().out
        assert main(["logout", "--host", HOST]) == 0
        assert capsys.readouterr().out == f"Key for {HOST} removed from ~/.netrc\nWANDB_API_KEY is still set\n"

    def test_malformed_key(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A malformed key is one line, without the key."""
        assert main(["login", "--host", HOST, "--key", "hunter2"]) == 1
        assert capsys.readouterr().err == "wandb-logging: the key given: API key must have 40+ characters, has 7.\n"

    def test_verify(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """With `--verify` the server has the last word."""
        assert main(["login", "--verify"]) == 0
        assert f"{wandb_server.url} accepts the key (entity local-team)" in capsys.readouterr().out
        assert main(["login", "--verify", "--key", KEY]) == 1
        assert "does not accept the key" in capsys.readouterr().err

    def test_unsaved_is_a_failure(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """On the command line a key that cannot be saved is exit code 1."""
        monkeypatch.setenv("NETRC", str(Path("nowhere") / "netrc"))
        assert main(["login", "--host", HOST, "--key", KEY]) == 1
        assert capsys.readouterr().err.startswith("wandb-logging: the key is not saved: ")

    def test_logout_without_a_key(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing to remove is said, and no error."""
        assert main(["logout", "--host", HOST]) == 0
        assert capsys.readouterr().out == f"No key for {HOST} in ~/.netrc\n"


class TestStatus:
    def test_nothing_yet(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without key and runs it says what would happen, and what to do."""
        assert main(["status"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[1] == "host     https://api.wandb.ai"
        assert lines[2].startswith("key      none found: `wandb-logging login`")
        assert lines[3] == "mode     auto: offline, for there is no key"
        assert lines[5] == "runs     none"

    def test_all_there(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """The key's place and last four characters, never the key; what waits is counted."""
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_BASE_URL", HOST)
        offline_run(rows=3)
        assert main(["status"]) == 0
        out = capsys.readouterr().out
        assert f"host     {HOST} (WANDB_BASE_URL)\n" in out
        assert "key      WANDB_API_KEY, ends in 4567\n" in out
        assert "mode     auto: online, for there is a key\n" in out
        assert "runs     1 run, 1 with 4 lines to send: `wandb-logging sync`\n" in out
        assert KEY not in out

    def test_malformed_key_is_not_shown_at_all(self) -> None:
        """Of a malformed key, which may be a password, nothing is shown."""
        words = _cli.key_words(Key("hunter2", "WANDB_API_KEY"), [])
        assert words == "WANDB_API_KEY: malformed. API key must have 40+ characters, has 7."

    def test_mode_and_netrc(self) -> None:
        """A mode that is set is named; trouble with netrc is told."""
        settings = Settings(mode="offline", cache_dir=Path("x"))
        pairs = dict(_cli.status_pairs(settings, None, ["~/.netrc, line 3: not understood"], [0, 2, 1]))
        assert pairs["mode"] == "offline (WANDB_MODE)"
        assert pairs["key"].startswith("~/.netrc, line 3: not understood; none found")
        assert pairs["runs"] == "3 runs, 2 with 3 lines to send: `wandb-logging sync`"


class TestLs:
    def test_no_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An empty place is said; a folder that was typed wrong is an error."""
        assert main(["ls"]) == 0
        assert capsys.readouterr().out == "no runs in wandb_cache\n"
        assert main(["ls", "elsewhere"]) == 1
        assert capsys.readouterr().err == "wandb-logging: elsewhere: no such folder\n"

    def test_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One line a run, oldest first, with how it stands."""
        offline_run("a1", name="first try")
        offline_run("b2", rows=0, exit_code=1)
        going = offline_run("c3", exit_code=None)
        assert main(["ls", "wandb_cache"]) == 0
        going.finish()
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert lines[0] == ["ID", "PROJECT", "NAME", "STATE", "ROWS", "UNSENT", "AGE"]
        assert lines[1][:7] == ["a1", "digits", "first", "try", "offline", "3", "4"]
        assert lines[2][:6] == ["b2", "digits", "-", "crashed", "0", "1"]
        assert lines[3][:6] == ["c3", "digits", "-", "running", "3", "3"]

    def test_one_bad_directory(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A directory that cannot be read costs its own line only, and the exit code."""
        offline_run("a1")
        bad = Path("wandb_cache/digits/bad")
        bad.mkdir()
        (bad / "run.json").write_text("{")
        assert main(["ls"]) == 1
        captured = capsys.readouterr()
        assert "a1" in captured.out
        assert captured.err.startswith("wandb-logging: ")
        assert "bad" in captured.err

    @pytest.mark.parametrize(
        ("changes", "state"),
        [
            ({}, "finished"),
            ({"finished": False}, "offline"),
            ({"unsent": 1}, "offline"),
            ({"exit_code": 1}, "crashed"),
            ({"exit_code": None, "finished": False}, "crashed"),
            ({"exit_code": None, "finished": False, "alive": True}, "running"),
            ({"alive": True}, "finished"),
        ],
    )
    def test_state(self, run_data: RunData, changes: dict[str, Any], state: str) -> None:
        """Who lives is running; who ended badly or silently crashed; who waits to be sent is offline."""
        assert _cli.state_of(RunData(**{**vars(run_data), **changes})) == state


class TestShow:
    def test_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Who the run is, config, summary, and a chart of each metric."""
        offline_run("a1", rows=20, config={"lr": 0.01, "net": {"layers": [1, 2]}}, notes="a\x1b[31m note")
        assert main(["show", "a1"]) == 0
        out = capsys.readouterr().out
        assert "state    offline, exit code 0\n" in out
        assert "notes    a?[31m note\n" in out
        assert "config\n  lr          0.01\n  net.layers  [1, 2]\n" in out
        assert "summary\n  loss     0.05\n  val.acc  1.9\n" in out
        assert "loss  last 0.05" in out
        assert "val.acc  last 1.9" in out
        assert "\x1b" not in out
        assert max(map(len, out.splitlines())) <= 120

    @pytest.mark.parametrize("path", ["wandb_cache/digits/a1", "a1"])
    def test_one_metric(self, path: str, capsys: pytest.CaptureFixture[str]) -> None:
        """By path or by id; with `--metric` only that is shown."""
        offline_run("a1")
        assert main(["show", path, "--metric", "val.acc"]) == 0
        out = capsys.readouterr().out
        assert "val.acc" in out
        assert "loss" not in out

    def test_unknown_metric(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A metric that is not there is an error with the nearest names."""
        offline_run("a1")
        assert main(["show", "a1", "--metric", "val_acc"]) == 1
        assert capsys.readouterr().err == "wandb-logging: no numbers under the metric 'val_acc'; there are: val.acc\n"

    def test_unknown_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A run that is not there is an error that says where was looked."""
        assert main(["show", "zz"]) == 1
        assert "no run in wandb_cache has this id" in capsys.readouterr().err

    def test_one_id_in_two_projects(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An id that fits several runs is an error with their paths."""
        offline_run("a1")
        wandb_logging.new_run("letters", run_id="a1", mode="offline").finish()
        assert main(["show", "a1"]) == 1
        said = capsys.readouterr().err
        assert str(Path("wandb_cache/digits/a1")) in said
        assert str(Path("wandb_cache/letters/a1")) in said

    def test_many_metrics(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The first eight are drawn, the others named."""
        run = offline_run("a1", rows=0, exit_code=None)
        run.log({f"m{number}": number for number in range(10)})
        run.finish()
        assert main(["show", "a1"]) == 0
        assert capsys.readouterr().out.endswith("\n2 more, with --metric NAME: m8, m9\n")

    @pytest.mark.parametrize("blocked", [True, False])
    def test_without_charts(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, blocked: bool
    ) -> None:
        """Without plotext, or where its characters cannot be printed, the numbers come as a table."""
        offline_run("a1", rows=2)
        if blocked:
            monkeypatch.setitem(sys.modules, "plotext", None)
        else:
            monkeypatch.setattr(_cli, "_draws", lambda: False)
        assert main(["show", "a1", "--metric", "loss"]) == 0
        out = capsys.readouterr().out
        assert "METRIC  POINTS  FIRST  LOWEST  HIGHEST  LAST\nloss         2      1     0.5        1   0.5\n" in out
        assert ("pip install 'wandb-logging[cli]'" in out) == blocked

    def test_ascii_pipe(self) -> None:
        """Into a pipe of ASCII everything comes out, `?` for what it cannot take."""
        offline_run("a1", name="été")
        process = child("show", "a1", env={"PYTHONIOENCODING": "ascii"})
        out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        assert out.isascii()
        assert "name     ?t?\n" in out
        assert "METRIC" in out

    def test_narrow(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Charts are as wide as the terminal."""
        monkeypatch.setenv("COLUMNS", "60")
        offline_run("a1", rows=20)
        assert main(["show", "a1", "--metric", "loss"]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) == 60


class TestSync:
    def test_everything_once(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """All runs are sent and finished; a second time there is nothing left to send."""
        offline_run("a1", host=wandb_server.url)
        offline_run("b2", rows=1, exit_code=3, host=wandb_server.url)
        assert main(["sync"]) == 0
        captured = capsys.readouterr()
        first, second = captured.out.splitlines()
        assert first == f"digits/a1: 3 rows on the server, finished: {wandb_server.url}/local-team/digits/runs/a1"
        assert second.startswith("digits/b2: 1 row on the server, finished: ")
        assert len(wandb_server.run("a1").history) == 3
        assert wandb_server.run("b2").exit_code == 3
        assert main(["sync", "wandb_cache/digits"]) == 0
        assert len(wandb_server.run("a1").history) == 3
        assert main(["ls"]) == 0
        assert "finished" in capsys.readouterr().out

    def test_other_host(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """With `--host` runs go elsewhere than they were made for."""
        offline_run("a1", host=UNREACHABLE)
        assert main(["sync", "wandb_cache/digits/a1", "--host", wandb_server.url]) == 0
        assert len(wandb_server.run("a1").history) == 3

    def test_what_is_left(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a key everything stays: exit code 1, one line that says what to do."""
        offline_run("a1", host=UNREACHABLE)
        assert main(["sync"]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("wandb-logging: digits/a1: 4 lines left: ")
        assert captured.err.count("\n") == 1
        assert "wandb-logging login" in captured.err

    def test_timeout(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """When the time is over the rest is left, exit code 1."""
        offline_run("a1", host=wandb_server.url)
        assert main(["sync", "--timeout", "0"]) == 1
        assert main(["sync"]) == 0

    def test_no_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing to send is no failure; a path that was typed wrong is wrong usage."""
        assert main(["sync"]) == 0
        assert capsys.readouterr().out == "no runs in wandb_cache\n"
        assert main(["sync", "elsewhere"]) == 2
        assert capsys.readouterr().err == "wandb-logging: elsewhere: no such file or directory\n"

    def test_follow(
        self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With `--follow` a run that goes on is sent as it goes, until it ends."""
        monkeypatch.setattr(_sync, "FOLLOW_INTERVAL", 0.01)
        run = offline_run("a1", exit_code=None, host=wandb_server.url)

        def go_on() -> None:
            wandb_server.wait_for(lambda: len(wandb_server.run("a1").history) == 3)
            run.log({"loss": 0.0})
            run.finish()

        program = threading.Thread(target=go_on)
        program.start()
        assert main(["sync", "--follow"]) == 0
        program.join()
        assert len(wandb_server.run("a1").history) == 4
        assert capsys.readouterr().out.splitlines()[-1].startswith("digits/a1: 4 rows on the server, finished")

    @pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
    def test_ctrl_c(self, wandb_server: LocalServer) -> None:
        """Ctrl-C says what was sent and what is left, with exit code 130; the next sync sends the rest."""
        offline_run("a1", host=wandb_server.url)
        offline_run("b2", host=wandb_server.url)
        wandb_server.fail_next(10, where="file_stream", retry_after=60)
        process = child("sync")
        wandb_server.wait_for(lambda: any(request.status == 503 for request in wandb_server.requests), 30)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert process.returncode == 130
        assert err == "wandb-logging: stopped; 8 lines left. The same command goes on from here\n"
        wandb_server.clear_faults()
        assert main(["sync"]) == 0
        assert [len(run.history) for run in wandb_server.runs] == [3, 3]

    def test_bar(
        self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """On a terminal there is a bar, which goes away at the end."""
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        offline_run("a1", host=wandb_server.url)
        assert main(["sync"]) == 0
        assert "sync" in capsys.readouterr().err

    def test_progress_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Elsewhere a run says at most every few seconds how far it is."""
        path = Path("a1")
        progress = _cli._Progress({path: 30})
        with progress:
            for left in (20, 10, 0):
                progress.show(Report("a1", "digits", path=path, rows=30 - left, remaining=left))
        assert capsys.readouterr().out == "digits/a1: 10 rows sent, 20 lines left\n"
        assert progress.left == 0
        assert [report.rows for report in progress.reports] == [30]

    @pytest.mark.parametrize(
        ("report", "line"),
        [
            (Report("a", "p"), "p/a: nothing logged, nothing on the server, the run goes on"),
            (
                Report("a", "p", rows=2, lines=1, files=3),
                "p/a: 2 rows, 1 text line, 3 files on the server, the run goes on",
            ),
            (Report("a", "p", rows=1, remaining=2), "p/a: 1 row on the server, 2 lines left"),
            (
                Report("a", "p", rows=1, set_aside=2, path=Path("x"), finished=True, url="u"),
                "p/a: 1 row on the server, 2 set aside (aside.jsonl in x), finished: u",
            ),
        ],
    )
    def test_report_line(self, report: Report, line: str) -> None:
        """A report is one line."""
        assert _cli.report_line(report) == line


class TestDoctor:
    def levels(self, out: str) -> dict[str, str]:
        return {line[6:14].strip(): line[:4].strip() for line in out.splitlines()}

    def test_all_well(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """With a good key and a server that answers, nothing fails and the key is not shown."""
        wandb_server.features.update({"FILESTREAM_GZIP", "STRUCTURED_CONSOLE_LOGS"})
        assert main(["doctor"]) == 0
        out = capsys.readouterr().out
        assert self.levels(out) == dict.fromkeys(["key", "server", "clock", "account", "limits", "disk"], "ok")
        assert "the server offers gzip and log levels" in out
        assert "runs go to local-team by default" in out
        assert wandb_server.api_key not in out

    def test_key_refused(
        self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A key that the server does not know is a failure of the account, not of the server."""
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        assert main(["doctor"]) == 1
        levels = self.levels(capsys.readouterr().out)
        assert (levels["server"], levels["key"], levels["account"]) == ("ok", "ok", "fail")

    def test_no_server(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Where nobody answers, that is the failure, and what needs the server is not tried."""
        monkeypatch.setenv("WANDB_BASE_URL", UNREACHABLE)
        assert main(["doctor"]) == 1
        assert self.levels(capsys.readouterr().out) == {"key": "warn", "server": "fail", "disk": "ok"}

    def test_not_wandb(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """Another web server is told from a W&B API."""
        wandb_server.fail_next(status=200, body="<html>hello</html>")
        assert main(["doctor"]) == 1
        assert "answers, but not as a W&B API" in capsys.readouterr().out

    def test_server_unwell(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """A server in trouble is a warning: it may be well again soon."""
        wandb_server.fail_always(status=503)
        assert main(["doctor"]) == 0
        levels = self.levels(capsys.readouterr().out)
        assert (levels["server"], levels["account"]) == ("warn", "warn")

    def test_netrc_open_to_all(
        self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A netrc that others may read is a warning, with the command that helps."""
        path = _auth.netrc_path()
        _auth.write_netrc(path, "example.com", "user", KEY)
        path.chmod(0o644)
        assert main(["doctor"]) == 0
        out = capsys.readouterr().out
        assert ("chmod 600" in out) == (os.name == "posix")

    def test_no_place_for_runs(
        self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A cache folder that is a file, and so cannot be written, is a failure."""
        Path("wandb_cache").write_text("a file")
        assert main(["doctor"]) == 1
        assert self.levels(capsys.readouterr().out)["disk"] == "fail"

    @pytest.mark.parametrize(
        ("mode", "key", "level"),
        [
            ("auto", None, "warn"),
            ("online", None, "fail"),
            ("offline", None, "ok"),
            ("offline", Key("x", "netrc"), "fail"),
            ("auto", Key(KEY, "netrc"), "ok"),
        ],
    )
    def test_key(self, mode: str, key: Key | None, level: str) -> None:
        """How bad it is to have no key depends on the mode; a malformed one is always wrong."""
        assert _cli.check_of_key(mode, key, []).level == level

    @pytest.mark.parametrize(
        ("error", "level", "words"),
        [
            (None, "ok", "its certificate is good"),
            (AuthError("HTTP 401", 401), "ok", "answers"),
            (TLSError("self-signed"), "fail", "REQUESTS_CA_BUNDLE"),
            (TransportError("refused"), "fail", "proxy"),
            (ServerUnavailable("HTTP 503", 503), "warn", "later"),
            (RunNotFound("HTTP 404", 404), "fail", "WANDB_BASE_URL"),
            (RequestRejected("HTTP 301", 301), "fail", "WANDB_BASE_URL"),
            (GraphQLError("no JSON"), "fail", "WANDB_BASE_URL"),
        ],
    )
    def test_server(self, error: WandbLoggingError | None, level: str, words: str) -> None:
        """What to do follows from how the first request ended."""
        check = _cli.check_of_server(HOST, error)
        assert check.level == level
        assert words in check.text

    def test_unencrypted(self) -> None:
        """Plain http to another machine sends the key for all to see."""
        assert _cli.check_of_server("http://wandb.example.com", None).level == "warn"
        assert _cli.check_of_server("http://127.0.0.1:8080", None).level == "ok"

    @pytest.mark.parametrize(
        ("offset", "check"),
        [
            (0.4, Check("ok", "clock", "within 1 s of the server's")),
            (-30.2, Check("ok", "clock", "within 31 s of the server's")),
            (7200, Check("warn", "clock", "2 h ahead of the server's: uploads may be refused; set the clock (NTP)")),
            (-90, Check("warn", "clock", "1 min behind the server's: uploads may be refused; set the clock (NTP)")),
        ],
    )
    def test_clock(self, offset: float, check: Check) -> None:
        """The clock is held against the Date of the server's answer."""
        assert _cli.check_of_clock("Thu, 01 Jan 2026 00:00:00 GMT", 1767225600 + offset) == check

    def test_no_date(self) -> None:
        """A server without a Date, or with nonsense in it, is no reason to worry."""
        assert _cli.check_of_clock("", 0.0).level == "ok"
        assert _cli.check_of_clock("yesterday", 0.0).level == "ok"

    @pytest.mark.parametrize(("free", "level"), [(10**10, "ok"), (5 * 10**8, "warn"), (10**6, "fail")])
    def test_disk(self, free: int, level: str) -> None:
        """Little room is a warning, next to none a failure."""
        assert _cli.check_of_disk(Path("x"), free).level == level


class TestSecrets:
    def test_the_key_is_never_printed(
        self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """No command prints the key, wherever it is from and whether it is good or not."""
        offline_run("a1", host=wandb_server.url)
        for key in (wandb_server.api_key, KEY, "x" * 39):
            monkeypatch.setenv("WANDB_API_KEY", key)
            for command in (["status"], ["doctor"], ["login"], ["login", "--verify"], ["ls"], ["sync"], ["logout"]):
                main(command)
                captured = capsys.readouterr()
                assert key not in captured.out + captured.err, command


def test_python_m() -> None:
    """`python -m wandb_logging` is the same."""
    process = child("--version")
    out, _ = process.communicate()
    assert (process.returncode, out) == (0, f"wandb-logging {wandb_logging.__version__}\n")
