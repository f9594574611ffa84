"""Whatever runs, folders and servers say: what is printed cannot steer the terminal."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from tests.runs import make_run, row
from wandb_logging import _cli
from wandb_logging._cli.commands import COMMANDS
from wandb_logging._cli.output import say, styled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging.testing import LocalServer

ESCAPE = "\x1b]0;pwned\x07\x1b[31m\u202e\n\rwandb-logging: all is sent\x9b\u2028"
_hostile = st.text(st.sampled_from("\x1b[]031m;\x07\n\r\t\x9b\u202e\u2028\u200bé日a/*"), min_size=1, max_size=12).map(
    lambda text: "a" + text if text[0] == "/" else text  # `ls /` would look through the whole machine
)

# Each command as a person may type it, with a name in the place of TEXT; one that is not here is typed with that alone.
CALLS: dict[str, list[list[str]]] = {
    "login": [["login", "--key", "TEXT"], ["login", "--verify", "--host", "HOST", "--key", "0" * 40]],
    "logout": [["logout"], ["logout", "--host", "TEXT"]],
    "status": [["status"]],
    "ls": [
        ["ls", "cache"],
        ["ls", "TEXT"],
        ["ls", "cache", "--sort", "TEXT"],
        ["ls", "cache", "--columns", "TEXT,name"],
    ],
    "show": [["show", "cache/p/a"], ["show", "TEXT"], ["show", "cache/p/a", "--metric", "TEXT"], ["show", "cache/bad"]],
    "sync": [
        ["sync", "cache"],
        ["sync", "TEXT"],
        ["sync", "cache/p/a", "--id", "TEXT"],
        ["sync", "cache", "--host", "TEXT"],
    ],
    "verify": [["verify", "cache"], ["verify", "TEXT"], ["verify", "cache", "--json"]],
    "repair": [["repair", "cache"], ["repair", "TEXT"], ["repair", "cache", "--yes"]],
    "doctor": [["doctor"]],
    "completion": [
        ["completion", "bash"],
        ["completion", "TEXT"],
        ["completion", "--at", "2", "--", "x", "show", "TEXT"],
    ],
    "ui": [["ui", "TEXT!"], ["ui", "cache", "--cache", "kept", "--export", "TEXT.html"]],
    "import": [["import", "TEXT"], ["import", "cache"]],
    # What a program prints passes through as it is: only our own words are tried.
    "run": [["run"], ["run", "--rules", "TEXT", "--", "true"], ["run", "--settings", "TEXT", "--", "true"]],
    "tail": [
        ["tail", "TEXT", "--no-follow", "--mode", "offline"],
        ["tail", "log", "--no-follow", "--mode", "offline", "--name", "TEXT"],
        ["tail", "log", "--no-follow", "--rules", "TEXT"],
    ],
    "compare": [
        ["compare", "TEXT", "a"],
        ["compare", "a", "b"],
        ["compare", "cache/p/a", "cache/p/b", "--metric", "TEXT"],
    ],
    "export": [
        ["export", "cache", "-o", "TEXT.csv"],
        ["export", "TEXT", "-o", "rows.jsonl"],
        ["export", "cache", "-o", "x.csv"],
        ["export", "cache/p/a", "--csv"],
        ["export", "cache/p/a", "--jsonl", "--long"],
        ["export", "cache/p", "--wandb"],
        ["export", "cache/p", "--tensorboard", "-o", "TEXT"],
    ],
    "edit": [
        ["edit", "TEXT"],
        ["edit", "cache/p/a", "--rename", "n=m", "--into", "TEXT"],
        ["edit", "a", "b", "--rename", "TEXT=x", "--drop", "TEXT@1", "--id", "TEXT"],
        ["edit", "a", "--drop", "no TEXT"],
    ],
    "suggest": [["suggest", "TEXT"], ["suggest", "log"]],
    "mine": [["mine", "TEXT"], ["mine", "log"], ["mine", "log", "--rules", "TEXT"]],
    "logs": [["logs", "cache/p/a"], ["logs", "TEXT"], ["logs", "cache/p/a", "--lines", "TEXT"]],
    "rm": [["rm", "TEXT"], ["rm", "cache/p/a"], ["rm", "cache/p/a", "cache/bad", "--unsent"]],
    "gc": [["gc", "--sent", "cache"], ["gc", "--sent", "TEXT"], ["gc", "--older-than", "TEXT"]],
}


@contextlib.contextmanager
def _world(server: LocalServer, text: str) -> Iterator[None]:
    """A folder with runs and names full of a text, and a server that says it."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            who: dict[str, Any] = {"name": text, "notes": text, "group": text, "tags": [text], "host": server.url}
            events = [
                {"metrics": {text: 1, "nested": {text: 2}, "n": 3}, "t": 1_700_000_000.0},
                {"metrics": {text: 2, "words": text}, "t": 1_700_000_001.0},
                {"text": text, "level": "INFO", "t": 1_700_000_001.0},
                {"config": {text: text}, "t": 1_700_000_002.0},
            ]
            make_run(Path("cache"), events, id="a", entity=text, **who)
            damaged = make_run(Path("cache"), [row(0)], id="b", **who)
            with next(damaged.path.glob("journal-*.jsonl")).open("ab") as journal:
                journal.write(text.encode("utf-8", "replace") + b"\n")
            name = text.replace("/", "").replace("\0", "") or "x"
            for place in (Path("cache") / name, Path("cache") / "bad"):
                place.mkdir(exist_ok=True)
                (place / "run.json").write_text(json.dumps({"format": text}))
            log = "".join(f"{text} epoch {n} loss {n / 7} {text}\n" for n in range(20))
            Path("log").write_text(log, encoding="utf-8", errors="replace")
            yield
        finally:
            os.chdir(before)


def _printed(args: list[str]) -> str:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        _cli.main(args)
    return out.getvalue() + err.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_hostile)
@example(text=ESCAPE)
def test_nothing_steers_the_terminal(command: str, text: str, wandb_server: LocalServer) -> None:
    """Names of runs, metrics, folders, and the server's own words come out as printable lines."""
    with _world(wandb_server, text):
        for body in ({"errors": [{"message": text}]}, None):
            wandb_server.clear_faults()
            if body is not None:
                wandb_server.fail_always(where="graphql", status=400, body=body)
            for call in CALLS.get(command, [[command, "TEXT"]]):
                args = [arg.replace("TEXT", text).replace("HOST", wandb_server.url) for arg in call]
                printed = _printed(args)
                assert all(line.isprintable() for line in printed.split("\n")), (args, printed)
                assert "wandb-logging: all is sent" not in printed.split("\n")
    wandb_server.clear_faults()


@pytest.mark.parametrize(
    "call",
    [
        ["show", "PATH/p/a"],
        ["verify", "PATH"],
        ["repair", "PATH/p/a"],
        ["sync", "PATH"],
        ["edit", "PATH/p/a", "--id", "b", "--into", "PATH"],
    ],
    ids=lambda call: call[0],
)
def test_a_command_to_be_pasted_does_what_it_says(call: list[str], tmp_path: Path) -> None:
    """Whatever folders and hosts are called that an archive brings: a shell takes each for one argument."""
    cache = tmp_path / "a; touch x $(touch y) 'q'"
    run_dir = make_run(cache, [row(0)], id="a", host="http://x; touch z")
    with next(run_dir.path.glob("journal-*.jsonl")).open("ab") as journal:
        journal.write(b"torn\n")
    (run_dir.path / "cursor.json").write_bytes(b"torn")
    printed = _printed([arg.replace("PATH", str(cache)) for arg in call])
    commands = [shlex.split(text) for text in printed.split("`")[1::2]]
    assert commands
    for command in commands:
        for argument in command[2:]:
            assert argument.startswith((str(cache), "--", "https:")) or argument in {
                "http://x; touch z",
                "TEAM",
                "NAME",
            }, command


def test_one_door() -> None:
    """Only `output` prints: no other room of the command line writes to a stream."""
    writers = set()
    for path in Path(_cli.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute))
            name = ast.unparse(node.func) if called else ""  # type: ignore[attr-defined]
            if name == "print" or name.endswith((".stdout.write", ".stderr.write")):
                writers.add(path.name)
    assert writers == {"output.py"}


class TestColour:
    @pytest.fixture(autouse=True)
    def _terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("WT_SESSION", "1")
        monkeypatch.delenv("NO_COLOR", raising=False)

    def _said(self, monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
        out = io.StringIO()
        monkeypatch.setattr(out, "isatty", lambda: terminal)
        with contextlib.redirect_stdout(out):
            say(["state ", styled("crashed\x1b[0m", "red")])
        return out.getvalue()

    def test_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A terminal gets colours of ours, and none of a name's."""
        assert self._said(monkeypatch, terminal=True) == "state \x1b[31mcrashed?[0m\x1b[0m\n"

    @pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_not_wanted(self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
        """Who wants none gets none."""
        monkeypatch.setenv(variable, value)
        assert self._said(monkeypatch, terminal=True) == "state crashed?[0m\n"

    def test_in_a_pipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pipe gets the text alone."""
        assert self._said(monkeypatch, terminal=False) == "state crashed?[0m\n"
