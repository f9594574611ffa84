from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.keys.known import HOST, KEY, OTHER
from tests.patience import PATIENCE
from wandb_logging._errors import AuthError, SettingsError, TransportError
from wandb_logging._keys import keys as _auth, login as _login, netrc
from wandb_logging._keys.keys import Session, find_key
from wandb_logging._keys.login import login, logout

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

# A child with the terminal as its own, so that Ctrl-C reaches it and getpass finds /dev/tty.
_IN_TERMINAL = (
    "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "from wandb_logging._cli import main; sys.exit(main(sys.argv[1:]))"
)


class Terminal:
    """The command line in a real terminal (a pty), with a person who reads and types."""

    def __init__(self, *args: str) -> None:
        import pty  # not on Windows

        self._master, child = pty.openpty()
        command = [sys.executable, "-c", _IN_TERMINAL, *args]
        env = {**os.environ, "PYTHONPATH": str(Path(_login.__file__).parents[2])}
        self._process = subprocess.Popen(
            command, stdin=child, stdout=child, stderr=child, start_new_session=True, env=env
        )
        os.close(child)
        self.screen = ""
        self._seen = 0

    def see(self, text: str, timeout: float = PATIENCE) -> None:
        """Wait until a text comes on the screen, behind the last one waited for."""
        deadline = time.monotonic() + timeout
        while text not in self.screen[self._seen :]:
            if time.monotonic() > deadline or not self._read():
                assert text in self.screen[self._seen :], f"{text!r} did not come; on the screen: {self.screen!r}"
        self._seen = self.screen.index(text, self._seen) + len(text)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Wait for the end of the command; its exit code."""
        while self._read():
            pass
        os.close(self._master)
        return self._process.wait()

    def leave(self, keys: str) -> int:
        """Type keys until the command ends, as a person would; its exit code.

        A Ctrl-C that comes between Python's last look for signals and its read is seen only with the next one.
        """
        self.type(keys)
        while self._process.poll() is None:
            shown = self.screen
            if self._read() and self.screen == shown:  # a second without an answer
                self.type(keys)
        return self.end()

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 1.0)
        if not ready:
            return self._process.poll() is None
        try:
            data = os.read(self._master, 4096)
        except OSError:  # Linux: the other side is closed
            return False
        self.screen += data.decode()
        return bool(data)


terminal = pytest.mark.skipif(os.name == "nt", reason="a pty is POSIX's")


@pytest.fixture
def server(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> LocalServer:
    """A server whose key nobody has been told."""
    monkeypatch.delenv("WANDB_API_KEY")
    return wandb_server


def netrc_text() -> str:
    path = netrc.usual_path()
    return path.read_text() if path.exists() else ""


class TestGivenKey:
    def test_is_saved(self) -> None:
        """A key that is given is saved, and found from then on."""
        assert login(HOST, KEY) == Session(KEY, HOST)
        assert netrc_text() == f"machine api.example.com\n  login user\n  password {KEY}\n"
        _auth._sessions.clear()
        assert find_key(HOST) == _auth.Key(KEY, "netrc ~/.netrc")

    def test_goes_before_the_environment_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In this process the key that was given wins, even over WANDB_API_KEY."""
        monkeypatch.setenv("WANDB_API_KEY", OTHER)
        login(HOST, KEY)
        found = find_key(HOST, OTHER)
        assert found is not None
        assert found.key == KEY

    def test_spaces_of_pasting_do_no_harm(self) -> None:
        """A newline behind a pasted key is not part of it."""
        assert login(HOST, f" {KEY}\n").api_key == KEY

    def test_malformed_is_refused(self) -> None:
        """A key of the wrong form is refused unseen, and nothing is saved."""
        with pytest.raises(SettingsError, match=r"^the key given: API key must have 40\+ characters, has 6\.$"):
            login(HOST, "hunter")
        assert netrc_text() == ""

    def test_unsaved_is_told(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Where netrc cannot be written the login holds for this process, and says so."""
        monkeypatch.setenv("NETRC", str(Path("nowhere") / "netrc"))
        assert login(HOST, KEY).api_key == KEY
        said = capsys.readouterr().err
        assert said.startswith("The key counts in this process only: ")
        assert KEY not in said
        found = find_key(HOST)
        assert found is not None
        assert found.key == KEY


class TestFoundKey:
    def test_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """WANDB_API_KEY is taken as it is, and not copied to the disk."""
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        assert login(HOST) == Session(KEY, HOST)
        assert netrc_text() == ""

    def test_default_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a host it is WANDB_BASE_URL's."""
        monkeypatch.setenv("WANDB_BASE_URL", HOST)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        assert login() == Session(KEY, HOST)

    def test_malformed_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A malformed key is refused with the name of its place, not with the key."""
        monkeypatch.setenv("WANDB_API_KEY", "hunter2")
        with pytest.raises(SettingsError, match=r"^WANDB_API_KEY: API key must have 40\+ characters, has 7\.$"):
            login(HOST)

    @pytest.mark.parametrize("relogin", [False, True])
    def test_nobody_to_ask(self, monkeypatch: pytest.MonkeyPatch, *, relogin: bool) -> None:
        """Without a key and a terminal, the error says which variable to set and where the key is."""
        with Path(os.devnull).open() as nothing:
            monkeypatch.setattr(sys, "stdin", nothing)
            with pytest.raises(SettingsError, match=r"set WANDB_API_KEY .* https://app\.example\.com/authorize$"):
                login(HOST, relogin=relogin)
            monkeypatch.setattr(sys, "stdin", None)  # pythonw
            with pytest.raises(SettingsError, match="no terminal"):
                login(HOST, relogin=relogin)


class TestVerify:
    def test_good(self, server: LocalServer) -> None:
        """The server knows the key; it is saved."""
        assert login(key=server.api_key, verify=True) == Session(server.api_key, server.url)
        assert server.api_key in netrc_text()
        assert [request.operation for request in server.requests] == ["Viewer"]

    def test_unknown(self, server: LocalServer) -> None:
        """A key the server refuses is not saved; the error says where to get one, and not the key."""
        with pytest.raises(AuthError, match=f"copy yours from {server.url}/authorize") as caught:
            login(key=KEY, verify=True)
        assert caught.value.status == 401
        assert KEY not in str(caught.value)
        assert netrc_text() == ""
        assert find_key(server.url) is None

    def test_viewer_of_nobody(self, server: LocalServer) -> None:
        """An answer without a viewer is a refusal, too."""
        server.fail_next(status=200, body={"data": {"viewer": None}})
        with pytest.raises(AuthError, match="does not know the key") as caught:
            login(key=server.api_key, verify=True)
        assert caught.value.status is None  # the server has said 200
        assert netrc_text() == ""

    def test_no_server(self) -> None:
        """Where nobody answers the key is neither accepted nor saved."""
        with pytest.raises(TransportError):
            login("http://127.0.0.1:9", KEY, verify=True)
        assert netrc_text() == ""

    def test_app_url(self, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """WANDB_APP_URL says where the pages for people are."""
        monkeypatch.setenv("WANDB_APP_URL", "https://pages.example.com")
        with pytest.raises(AuthError, match=r"https://pages\.example\.com/authorize"):
            login(key=KEY, verify=True)


class TestLogout:
    def test_there_and_gone(self) -> None:
        """The entry is removed, once; the key is not found any more."""
        login(HOST, KEY)
        assert logout(HOST + "/")
        assert netrc_text() == ""
        assert find_key(HOST) is None
        assert not logout(HOST)

    def test_malformed_file(self) -> None:
        """A file that is not understood is left alone, and that is an error: the key may still be in it."""
        netrc.usual_path().write_text("what is this")
        with pytest.raises(SettingsError, match="line 1: not understood"):
            logout(HOST)


@terminal
class TestPrompt:
    def test_asks_without_echo(self, server: LocalServer) -> None:
        """It says where the key is, does not show what is typed, and saves it."""
        person = Terminal("login", "--verify")
        person.see(f"{server.url}/authorize")
        person.see("API key (not shown): ")
        person.type(f"{server.api_key}\n")
        assert person.end() == 0
        assert server.api_key not in person.screen
        assert "accepts the key (entity local-team)" in person.screen
        assert server.api_key in netrc_text()

    def test_lets_try_again(self) -> None:
        """A key of the wrong form may be typed again, three times in all."""
        person = Terminal("login", "--host", HOST)
        for key in ("", "hunter2", KEY):
            person.see("(not shown): ")
            person.type(f"{key}\n")
        assert person.end() == 0
        assert "API key is empty." in person.screen
        assert "has 7." in person.screen
        assert "hunter2" not in person.screen
        assert KEY in netrc_text()

    def test_gives_up(self) -> None:
        """After three wrong keys it ends with an error."""
        person = Terminal("login", "--host", HOST)
        for _ in range(3):
            person.see("(not shown): ")
            person.type("x\n")
        assert person.end() == 1
        assert "wandb-logging: no valid API key after 3 tries: API key must have 40+ characters" in person.screen
        assert netrc_text() == ""

    @pytest.mark.parametrize(
        ("keys", "code", "words"), [("\x03", 130, "wandb-logging: stopped"), ("\x04", 1, "no API key given")]
    )
    def test_leaving(self, keys: str, code: int, words: str) -> None:
        """Ctrl-C and Ctrl-D end it in one line, with nothing saved and the terminal as it was."""
        person = Terminal("login", "--host", HOST)
        person.see("(not shown): ")
        assert person.leave(keys) == code
        assert words in person.screen
        assert "\nwandb-logging: " in person.screen  # not behind the prompt
        assert "Traceback" not in person.screen
        assert netrc_text() == ""

    def test_relogin(self) -> None:
        """With `--relogin` it asks even though there is a key, which the new one replaces."""
        login(HOST, OTHER)
        person = Terminal("login", "--host", HOST, "--relogin")
        person.see("(not shown): ")
        person.type(f"{KEY}\n")
        assert person.end() == 0
        assert netrc_text() == f"machine api.example.com\n  login user\n  password {KEY}\n"

    def test_malformed_in_netrc_is_asked_anew(self) -> None:
        """A malformed key in netrc is named, and replaced by what is typed."""
        netrc.write(netrc.usual_path(), "api.example.com", "user", "oops")
        person = Terminal("login", "--host", HOST)
        person.see("netrc ~/.netrc: API key must have 40+ characters, has 4.")
        person.see("(not shown): ")
        person.type(f"{KEY}\n")
        assert person.end() == 0
        assert KEY in netrc_text()
        assert "oops" not in netrc_text()

    def test_found_key_is_not_asked_for(self) -> None:
        """With a key there is nothing to ask."""
        login(HOST, KEY)
        person = Terminal("login", "--host", HOST)
        assert person.end() == 0
        assert "found in netrc ~/.netrc" in person.screen
        assert KEY not in person.screen
