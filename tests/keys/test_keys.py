"""API keys: their form, where they are looked for and in which order."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.keys.known import HOST, KEY, MACHINE, OTHER
from wandb_logging._errors import SettingsError
from wandb_logging._keys import keys as _auth, netrc
from wandb_logging._keys.keys import Key, Session, find_key, key_problem


class TestKeyForm:
    @pytest.mark.parametrize(
        "key", [KEY, "local-" + KEY, "wandb_v1_" + "aB3_" * 20, "a-b.c_d.e-f", "a" * 40, "x-" + "-" * 40]
    )
    def test_good(self, key: str) -> None:
        """40 characters after the first dash, or a JWT, have the form of a key."""
        assert key_problem(key) is None

    @pytest.mark.parametrize(
        ("key", "words"),
        [
            ("", "empty"),
            ("abc", "has 3"),
            ("local-abc", "has 3"),
            ("a" * 39, "has 39"),
            (" " + KEY, "whitespace"),
            (KEY + "\n", "whitespace"),
            ("a" * 20 + " " + "b" * 20, "letters"),
            ("é" * 40, "letters"),
            ("a.b.c.d" + KEY, "letters"),
            ("a..c", "letters"),
        ],
    )
    def test_bad(self, key: str, words: str) -> None:
        """Anything else is told apart by what is wrong with it."""
        assert words in (key_problem(key) or "")

    @given(st.text(max_size=60))
    def test_says_nothing_of_the_key(self, key: str) -> None:
        """What is said of a wrong key is one of six sentences, whatever the key is."""
        problem = key_problem(key)
        known = {key_problem(text) for text in ("", " x", "!", KEY, *("a" * n for n in range(40)))}
        assert problem in known

    @given(st.text("aB3_-", min_size=42), st.sampled_from(["", "é", "٣", " ", "\n", "\0"]), st.integers(0, 42))
    def test_a_good_key_fits_into_a_header(self, key: str, odd: str, at: int) -> None:
        """What passes is ASCII without spaces, even where Unicode has other letters and digits."""
        key = key[:at] + odd + key[at:]
        assert key_problem(key) is not None or (key.isascii() and key.split() == [key])


class TestSession:
    def test_key_is_not_shown(self) -> None:
        """Neither `repr` nor `str` has the key."""
        session = Session(KEY, HOST)
        assert KEY not in repr(session)
        assert KEY not in str(session)
        assert repr(session) == f"Session(host={HOST!r})"

    def test_is_plain_data(self) -> None:
        """It can be compared and pickled."""
        assert pickle.loads(pickle.dumps(Session(KEY, HOST))) == Session(KEY, HOST)

    @pytest.mark.parametrize("key", ["short-secret-thing", None, 7, b"x" * 40])
    def test_wrong_key_is_refused_unseen(self, key: object) -> None:
        """A wrong key raises, and the message has no part of it."""
        with pytest.raises(SettingsError, match="api_key: API key") as caught:
            Session(key)  # type: ignore[arg-type]
        assert "secret" not in str(caught.value)

    def test_host_is_an_address(self) -> None:
        """The host is normalised; what is no address is refused."""
        assert Session(KEY, HOST + "/").host == HOST
        assert Session(KEY).host is None
        with pytest.raises(SettingsError, match=r"host='api\.example\.com': expected a URL"):
            Session(KEY, "api.example.com")


class TestFindKey:
    def test_none(self) -> None:
        """No key anywhere is None."""
        assert find_key(HOST) is None

    def test_first_wins(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Given, logged in here, WANDB_API_KEY, netrc: the first there is."""
        keys = {name: name * 40 for name in "abcd"}
        netrc.write(path, MACHINE, "user", keys["d"])
        assert find_key(HOST) == Key(keys["d"], "netrc ~/.netrc")
        monkeypatch.setenv("WANDB_API_KEY", keys["c"])
        assert find_key(HOST) == Key(keys["c"], "WANDB_API_KEY")
        _auth.remember(Session(keys["b"], HOST))
        assert find_key(HOST) == Key(keys["b"], "login in this process")
        assert find_key(HOST, keys["a"]) == Key(keys["a"], "the setting api_key")

    def test_the_environment_is_no_explicit_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The setting's default, which is WANDB_API_KEY, does not go before a login in this process."""
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        assert find_key(HOST, KEY) == Key(KEY, "WANDB_API_KEY")
        _auth.remember(Session(OTHER, HOST))
        assert find_key(HOST, KEY) == Key(OTHER, "login in this process")
        _auth.forget(HOST)
        assert find_key(HOST, KEY) == Key(KEY, "WANDB_API_KEY")

    def test_each_host_has_its_own(self, path: Path) -> None:
        """A key is only found for the host and port it was saved for."""
        _auth.remember(Session(OTHER, "https://a.example.com"))
        netrc.write(path, "127.0.0.1:8080", "user", KEY)
        assert find_key("http://127.0.0.1:8080") == Key(KEY, "netrc ~/.netrc")
        assert find_key("http://127.0.0.1:8081") is None
        assert find_key("http://127.0.0.1") is None
        assert find_key("https://b.example.com") is None

    def test_default_is_not_asked(self, path: Path) -> None:
        """The `default` password of netrc is another service's, and stays here."""
        path.write_text(f"default login me password {KEY}\n")
        assert find_key(HOST) is None

    def test_malformed_key_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key of the wrong form is found all the same, so that its place can be named."""
        monkeypatch.setenv("WANDB_API_KEY", "oops")
        found = find_key(HOST)
        assert found is not None
        assert found.problem == "API key must have 40+ characters, has 4."
        assert "oops" not in repr(found)

    def test_bad_file_is_told(self, path: Path) -> None:
        """A netrc file that cannot be understood gives no key, and one sentence without its content."""
        path.write_text(f"machine {MACHINE}\nlogin user\npassword\t{KEY} hunter2\n")
        told: list[str] = []
        assert find_key(HOST, on_problem=told.append) is None
        assert told == ["~/.netrc, line 3: not understood, so no key was taken from it"]

    def test_other_settings_may_be_wrong(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A wrong variable of another setting does not keep a key from being found."""
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_HTTP_TIMEOUT", "soon")
        assert find_key(HOST) == Key(KEY, "WANDB_API_KEY")


class TestHost:
    def test_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """None is WANDB_BASE_URL, else W&B's own cloud."""
        assert _auth.resolve_host(None) == "https://api.wandb.ai"
        monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:8080/")
        assert _auth.resolve_host(None) == "http://127.0.0.1:8080"
        monkeypatch.setenv("WANDB_BASE_URL", "nonsense")
        with pytest.raises(SettingsError, match=r"host='nonsense' \(from WANDB_BASE_URL\): expected a URL"):
            _auth.resolve_host(None)

    def test_machine(self) -> None:
        """The machine in netrc is host and port, without a user."""
        assert _auth.machine_of("https://me:pw@api.example.com:8080/base") == "api.example.com:8080"
