from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import HOST, KEY, offline_run
from wandb_logging._cli import main
from wandb_logging._cli.status import key_words, pairs_of
from wandb_logging._keys import netrc
from wandb_logging._keys.keys import Key
from wandb_logging._settings.settings import Settings

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer


class TestLoginAndLogout:
    def test_key_from_standard_input(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """`--key -` reads the key where no other user of the machine sees it."""
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
        assert main(["login", "--host", HOST, "--key", "-"]) == 0
        assert capsys.readouterr().out == f"Key for {HOST} saved to ~/.netrc\n"
        assert KEY in netrc.usual_path().read_text()

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
        words = key_words(Key("hunter2", "WANDB_API_KEY"), [])
        assert words == "WANDB_API_KEY: malformed. API key must have 40+ characters, has 7."

    def test_mode_and_netrc(self) -> None:
        """A mode that is set is named; trouble with netrc is told."""
        settings = Settings(mode="offline", cache_dir=Path("x"))
        pairs = dict(pairs_of(settings, None, ["~/.netrc, line 3: not understood"], [0, 2, 1]))
        assert pairs["mode"] == "offline (WANDB_MODE)"
        assert pairs["key"].startswith("~/.netrc, line 3: not understood; none found")
        assert pairs["runs"] == "3 runs, 2 with 3 lines to send: `wandb-logging sync`"


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
