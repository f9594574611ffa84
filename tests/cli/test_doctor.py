from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import HOST, KEY, UNREACHABLE
from wandb_logging._cli import main
from wandb_logging._cli.doctor import Check, check_of_clock, check_of_disk, check_of_key, check_of_server
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
from wandb_logging._keys import netrc
from wandb_logging._keys.keys import Key

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer


class TestDoctor:
    def levels(self, out: str) -> dict[str, str]:
        return {line[6:14].strip(): line[:4].strip() for line in out.splitlines()}

    @pytest.mark.not_quick
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
        path = netrc.usual_path()
        netrc.write(path, "example.com", "user", KEY)
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
        assert check_of_key(mode, key, []).level == level

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
        check = check_of_server(HOST, error)
        assert check.level == level
        assert words in check.text

    def test_unencrypted(self) -> None:
        """Plain http to another machine sends the key for all to see."""
        assert check_of_server("http://wandb.example.com", None).level == "warn"
        assert check_of_server("http://127.0.0.1:8080", None).level == "ok"

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
        assert check_of_clock("Thu, 01 Jan 2026 00:00:00 GMT", 1767225600 + offset) == check

    def test_no_date(self) -> None:
        """A server without a Date, or with nonsense in it, is no reason to worry."""
        assert check_of_clock("", 0.0).level == "ok"
        assert check_of_clock("yesterday", 0.0).level == "ok"

    @pytest.mark.parametrize(("free", "level"), [(10**10, "ok"), (5 * 10**8, "warn"), (10**6, "fail")])
    def test_disk(self, free: int, level: str) -> None:
        """Little room is a warning, next to none a failure."""
        assert check_of_disk(Path("x"), free).level == level
