from __future__ import annotations

import contextlib
import netrc
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given, strategies as st

from wandb_logging._errors import SettingsError
from wandb_logging._journal.locks import ProcessLock
from wandb_logging._keys import keys as _auth
from wandb_logging._keys.keys import Key, Session, find_key, key_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
HOST = "https://api.example.com"
MACHINE = "api.example.com"

# Before 3.11 the standard library's reader knew neither quotes nor backslashes, and wanted a password everywhere.
NEW_READER = sys.version_info >= (3, 11)
posix = pytest.mark.skipif(os.name == "nt", reason="modes, symlinks and pipes as POSIX has them")


@pytest.fixture(autouse=True)
def _no_sessions() -> Iterator[None]:
    """What a test logs in with is not found by the next."""
    yield
    _auth._sessions.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".netrc"


def judged(path: Path) -> tuple[dict[str, tuple[str, str, str]], dict[str, str]] | None:
    """What the standard library's reader finds, but for the ends of macros; None if it finds the file wrong."""
    try:
        found = netrc.netrc(str(path))
    except (netrc.NetrcParseError, ValueError):
        return None
    hosts = {name: (user or "", account or "", word or "") for name, (user, account, word) in found.hosts.items()}
    return hosts, {name: "".join(lines).rstrip() for name, lines in found.macros.items()}


def without(machine: str, seen: tuple[dict[str, tuple[str, str, str]], dict[str, str]] | None) -> object:
    return seen and ({name: entry for name, entry in seen[0].items() if name != machine}, seen[1])


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
        _auth.write_netrc(path, MACHINE, "user", keys["d"])
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
        _auth.write_netrc(path, "127.0.0.1:8080", "user", KEY)
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


class TestPath:
    def test_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """NETRC names the file; `~` is the home directory."""
        monkeypatch.setenv("NETRC", "~/elsewhere")
        assert _auth.netrc_path() == Path.home() / "elsewhere"

    def test_usual_places(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without it, ~/.netrc; ~/_netrc where only that is there, and on Windows."""
        monkeypatch.delenv("NETRC")
        usual, windows = Path.home() / ".netrc", Path.home() / "_netrc"
        assert _auth.netrc_path() == (windows if os.name == "nt" else usual)
        windows.touch()
        assert _auth.netrc_path() == windows
        usual.touch()
        assert _auth.netrc_path() == usual

    def test_no_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a home directory nothing is found, and writing says why."""
        monkeypatch.delenv("NETRC")

        def no_home(_path: Path) -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "expanduser", no_home)
        assert find_key(HOST) is None
        with pytest.raises(SettingsError, match=r"cannot be changed: No such file"):
            _auth.write_netrc(_auth.netrc_path(), MACHINE, "user", KEY)


class TestReading:
    @pytest.mark.parametrize(
        ("text", "password"),
        [
            ("", None),
            (f"machine {MACHINE} login user password {KEY}", KEY),
            (f"machine {MACHINE}\r\n  login user\r\n  password {KEY}\r\n", KEY),
            (f"# machine {MACHINE} password x\nmachine {MACHINE} password {KEY}", KEY),
            (f"machine a password b # machine {MACHINE} password x\n", None),
            (f"machine a\n\n\n# some words\n\nmachine {MACHINE} password {KEY}\n", KEY),
            (f"macdef init\nmachine {MACHINE} password x\n\nmachine {MACHINE} password y\n", "y"),
            (f"macdef init\nmachine {MACHINE} password x\n", None),
            (f"macdef init\r\nput\r\n\r\nmachine {MACHINE} password y\r\n", "y"),
            (f"machine a login machine password {MACHINE} machine {MACHINE} password y", "y"),
            (f'"machine" "{MACHINE}" user "a b" password "\\"q\\\\"', '"q\\'),
            (f"machine {MACHINE} password #x", "#x"),
            (f"machine {MACHINE} password x machine {MACHINE} password y", "y"),
            (f"machine {MACHINE} password x password y", "y"),
            (f"machine {MACHINE}2 password x", None),
            (f"machine a account b\tpassword c\ndefault login x password y\nmachine {MACHINE} password z", "z"),
        ],
    )
    def test_password(self, path: Path, text: str, password: str | None) -> None:
        """The whole grammar: quotes, backslashes, comments, macros, several entries in a line."""
        path.write_bytes(text.encode())
        assert _auth.read_netrc(path, MACHINE) == (password, None)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("machine", 1),
            ("machine a\nlogin", 2),
            ("\n\nfoo bar", 3),
            ('machine a\npassword "never closed\n\n', 2),
            ("machine a password b\\", 1),
            ("login x", 1),
            ("macdef x\nput\n\nlogin x", 4),
            ('""', 1),
            ("\ufeffmachine a password b", 1),
        ],
    )
    def test_malformed(self, path: Path, text: str, line: int) -> None:
        """What is no netrc file gives no key, names the line, and is never changed."""
        path.write_bytes(text.encode())
        problem = f"~/.netrc, line {line}: not understood, so no key was taken from it"
        assert _auth.read_netrc(path, MACHINE) == (None, problem)
        with pytest.raises(SettingsError, match=f"line {line}: not understood; the file was left as it is"):
            _auth.write_netrc(path, MACHINE, "user", KEY)
        with pytest.raises(SettingsError, match=f"line {line}"):
            _auth.remove_netrc(path, MACHINE)
        assert path.read_bytes() == text.encode()

    @pytest.mark.parametrize("text", [f"machine {MACHINE} login user", f'machine {MACHINE} password ""'])
    def test_no_password(self, path: Path, text: str) -> None:
        """An entry without a password is no key, and is told."""
        path.write_text(text)
        assert _auth.read_netrc(path, MACHINE) == (None, f"~/.netrc: the entry for {MACHINE} has no password")

    def test_no_utf8(self, path: Path) -> None:
        """Bytes of another encoding, in another entry, do no harm and stay."""
        path.write_bytes(b"machine a login b password \xe9\xff\n")
        _auth.write_netrc(path, MACHINE, "user", KEY)
        assert path.read_bytes().startswith(b"machine a login b password \xe9\xff\nmachine ")
        assert _auth.read_netrc(path, MACHINE) == (KEY, None)

    @posix
    def test_nothing_waits_for_a_pipe(self, path: Path) -> None:
        """A pipe or directory where the file should be is told, not waited for."""
        os.mkfifo(path)
        assert _auth.read_netrc(path, MACHINE) == (None, "~/.netrc cannot be read: not a regular file")
        path.unlink()
        path.mkdir()
        assert _auth.read_netrc(path, MACHINE) == (None, "~/.netrc cannot be read: not a regular file")
        with pytest.raises(SettingsError, match="not a regular file"):
            _auth.write_netrc(path, MACHINE, "user", KEY)

    @posix
    def test_dev_null_stays(self) -> None:
        """NETRC=/dev/null means no netrc: nothing is found there, and the device is not replaced."""
        null = Path("/dev/null")
        assert _auth.read_netrc(null, MACHINE) == (None, None)
        with pytest.raises(SettingsError, match="cannot be changed"):
            _auth.write_netrc(null, MACHINE, "user", KEY)
        assert not _auth.remove_netrc(null, MACHINE)
        assert stat.S_ISCHR(null.stat().st_mode)


class TestWriting:
    def test_new_file(self, path: Path) -> None:
        """A new file has one entry, as the official client writes it, and mode 0600."""
        _auth.write_netrc(path, MACHINE, "user", KEY)
        assert path.read_text() == f"machine {MACHINE}\n  login user\n  password {KEY}\n"
        assert judged(path) == ({MACHINE: ("user", "", KEY)}, {})
        if os.name != "nt":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("machine a password b", "machine a password b\nNEW"),
            ("machine a password b\n\n# end\n", "machine a password b\n\n# end\nNEW"),
            ("default login x password y", "NEWdefault login x password y"),
            ("machine a password b\n  default\n", "machine a password b\nNEW  default\n"),
            ("machine a password b default", "machine a password b \nNEWdefault"),
            ("macdef x\nput y\n", "macdef x\nput y\n\n\nNEW"),
            ("macdef x\nput y", "macdef x\nput y\n\nNEW"),
            ("macdef x", "macdef x\n\nNEW"),
            ("macdef x\nput y\n\n", "macdef x\nput y\n\nNEW"),
            (f"machine {MACHINE} password old", f"machine {MACHINE} password {KEY} login user"),
            (f"machine {MACHINE}", f"machine {MACHINE} login user password {KEY}"),
            ("machine a password b\\\n", "machine a password b\\\n\nNEW"),
            (f"machine {MACHINE} login user", f"machine {MACHINE} login user password {KEY}"),
            (f"machine {MACHINE} # mine\n", f"machine {MACHINE} login user password {KEY} # mine\n"),
            (
                f'machine {MACHINE} user x password "old"machine b password c',
                f"machine {MACHINE} user user password {KEY} machine b password c",
            ),
            (
                f"machine {MACHINE}\n\tlogin user # who\n\taccount z\n\n\tpassword old\n# end",
                f"machine {MACHINE}\n\tlogin user # who\n\taccount z\n\n\tpassword {KEY}\n# end",
            ),
            (
                f"machine {MACHINE} login user password a\nmachine {MACHINE} login user password b",
                f"machine {MACHINE} login user password {KEY}\nmachine {MACHINE} login user password {KEY}",
            ),
        ],
    )
    def test_where(self, path: Path, before: str, after: str) -> None:
        """An entry is changed in its place; a new one goes to the end, before `default`, never into a macro."""
        path.write_text(before)
        _auth.write_netrc(path, MACHINE, "user", KEY)
        assert path.read_text() == after.replace("NEW", f"machine {MACHINE}\n  login user\n  password {KEY}\n")
        assert _auth.read_netrc(path, MACHINE) == (KEY, None)

    def test_line_ends(self, path: Path) -> None:
        """A file with Windows line ends keeps them, also in what is new."""
        path.write_bytes(b"machine a password b\r\n")
        _auth.write_netrc(path, MACHINE, "user", KEY)
        assert path.read_bytes() == (
            f"machine a password b\r\nmachine {MACHINE}\r\n  login user\r\n  password {KEY}\r\n".encode()
        )

    @posix
    def test_mode_and_link_stay(self, path: Path, tmp_path: Path) -> None:
        """The file behind a symlink is replaced, the link stays; so does the file's mode."""
        target = tmp_path / "dotfiles"
        target.write_text("machine a password b\n")
        target.chmod(0o640)
        path.symlink_to(target)
        _auth.write_netrc(path, MACHINE, "user", KEY)
        assert path.is_symlink()
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
        assert target.read_text().endswith(f"password {KEY}\n")
        assert _auth.remove_netrc(path, MACHINE)
        assert path.is_symlink()
        assert target.read_text() == "machine a password b\n"
        assert stat.S_IMODE(target.stat().st_mode) == 0o640

    def test_same_key_again_touches_nothing(self, path: Path) -> None:
        """Writing what is there already does not replace the file."""
        _auth.write_netrc(path, MACHINE, "user", KEY)
        inode = path.stat().st_ino
        _auth.write_netrc(path, MACHINE, "user", KEY)
        assert path.stat().st_ino == inode

    def test_failure_leaves_the_old_file(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """When the last step fails, the old file is there as it was, and nothing beside it holds the key."""
        path.write_text("machine a login b password c\n")

        def full(_self: Path, _target: Path) -> Path:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(SettingsError, match="No space left on device"):
            _auth.write_netrc(path, MACHINE, "user", KEY)
        assert path.read_text() == "machine a login b password c\n"
        assert [item for item in path.parent.iterdir() if KEY in item.read_text()] == []

    def test_no_such_folder(self, tmp_path: Path) -> None:
        """A folder that is not there is an error that names the file."""
        with pytest.raises(SettingsError, match=r"nowhere.netrc cannot be changed: No such file"):
            _auth.write_netrc(tmp_path / "nowhere" / "netrc", MACHINE, "user", KEY)

    def test_waits_for_another_editor(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """While another process changes the file we wait, but not for ever."""
        monkeypatch.setattr(_auth, "_LOCK_SECONDS", 0.0)
        other = ProcessLock(path.with_name(".netrc.lock"))
        assert other.acquire()
        with pytest.raises(SettingsError, match="being changed by another process"):
            _auth.write_netrc(path, MACHINE, "user", KEY)
        other.release()
        _auth.write_netrc(path, MACHINE, "user", KEY)
        assert _auth.read_netrc(path, MACHINE) == (KEY, None)

    def test_two_at_once(self, path: Path) -> None:
        """Processes that log in at the same time all find their entry afterwards."""
        code = (
            "import sys; from pathlib import Path; from wandb_logging._keys import keys as _auth\n"
            "for n in range(10): _auth.write_netrc(Path(sys.argv[1]), f'{sys.argv[2]}-{n}', 'user', 'k' * 40)"
        )
        writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "abcd"]
        assert [writer.wait() for writer in writers] == [0] * 4
        seen = judged(path)
        assert seen is not None
        assert set(seen[0]) == {f"{name}-{n}" for name in "abcd" for n in range(10)}


class TestRemoving:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("US", ""),
            ("US\n", ""),
            ("machine a password b\nUS\nmachine c password d\n", "machine a password b\nmachine c password d\n"),
            ("machine a password b US machine c password d", "machine a password b machine c password d"),
            ("machine a password b US\nmachine c", "machine a password b\nmachine c"),
            ("# mine:\nUS # key\n# end", "# mine:\n# key\n# end"),
            ("US\nmachine a password b\nUS", "machine a password b\n"),
            ("US\r\n\r\nmachine a password b\r\n", "\r\nmachine a password b\r\n"),
            ('machine a password "b"US', 'machine a password "b"'),
            ("macdef x\nUS\n\nUS\n", "macdef x\nUS\n\n"),
        ],
    )
    @pytest.mark.parametrize("us", ["machine api.example.com login u password k", "machine api.example.com"])
    def test_what_stays(self, path: Path, before: str, after: str, us: str) -> None:
        """Only our tokens go, and lines that held nothing else."""
        path.write_bytes(before.replace("US", us).encode())
        assert _auth.remove_netrc(path, MACHINE)
        assert path.read_bytes() == after.replace("US", us).encode()

    def test_comments_within_stay(self, path: Path) -> None:
        """A comment between our tokens is not ours to remove."""
        path.write_text(f"machine {MACHINE} # work\n  login user\n  # the new one\n  password {KEY}\n")
        assert _auth.remove_netrc(path, MACHINE)
        assert path.read_text() == "# work\n  # the new one\n"

    def test_nothing_to_remove(self, path: Path) -> None:
        """Without an entry nothing is touched, and no file is made."""
        assert not _auth.remove_netrc(path, MACHINE)
        assert list(path.parent.iterdir()) == []
        path.write_text("machine a password b\n")
        assert not _auth.remove_netrc(path, MACHINE)
        assert path.read_text() == "machine a password b\n"

    def test_other_readers_come_first(self, path: Path) -> None:
        """Where removing would make the standard library stumble over a comment, the file is left as it is."""
        comment = "#my other account" if NEW_READER else "\n# my other account"
        text = f"machine {MACHINE} login u password {KEY}\n{comment}\nmachine a login b password c\n"
        path.write_text(text)
        assert judged(path) is not None
        with pytest.raises(SettingsError, match=f"change the entry of {MACHINE} by hand"):
            _auth.remove_netrc(path, MACHINE)
        assert path.read_text() == text
        assert sorted(item.name for item in path.parent.iterdir()) == [".netrc", ".netrc.lock"]


# --- files of all shapes, with the standard library's reader as the judge ---------------------------------

_PLAIN = st.text("abcXYZ019.:-_/@%é'[]", min_size=1, max_size=12)
_ANY = st.text("ab1 \t\"\\#'é\n", min_size=1, max_size=8)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escape(text: str) -> str:
    return "".join("\\" + char for char in text)


_TOKEN = st.one_of(_PLAIN, _ANY.map(_quote), _ANY.map(_escape)) if NEW_READER else _PLAIN
_SPACE = st.sampled_from([" ", "\t", "  ", "\n", "\n  ", "\n\t"])
_END = st.sampled_from(["\n", "\n", " \n"])
# Comments as the judge reads them; the old one takes the line after a bare `#` for a part of it.
_COMMENT = st.sampled_from(["#word\n", "#machine\n", *(["#\n"] if NEW_READER else [])])


@st.composite
def entries(draw: st.DrawFn, names: st.SearchStrategy[str]) -> str:
    """A whole entry on lines of its own."""
    words = ["machine", draw(names)]
    for word in draw(st.permutations(["login", "account", "password"])):
        if word == "password" or draw(st.booleans()):
            words += [word, draw(_TOKEN)]
    return "".join(word + draw(_SPACE) for word in words[:-1]) + words[-1] + draw(_END)


_NAMES = _PLAIN.filter(lambda name: name != MACHINE).map(lambda name: "m" + name)
_MACRO = st.builds("macdef {}\n{}\n".format, _PLAIN, st.sampled_from(["", "put a\n", f"machine {MACHINE}\nx\n"]))
OTHERS = st.one_of(entries(_NAMES), entries(_NAMES), _COMMENT, st.just("\n"), _MACRO)
OURS = entries(st.just(MACHINE))
PIECES = st.lists(st.tuples(st.booleans(), OTHERS, OURS), max_size=8).map(
    lambda pieces: [(mine, ours if mine else other) for mine, other, ours in pieces]
)
DEFAULT = st.sampled_from(["", "default login a password b\n", "default\n  login a\n  password b"])
SCRAPS = st.lists(
    st.sampled_from(
        [
            *"\n\n \t\r\\\"#'xé",
            *("machine ", "default ", "login ", "password ", "account ", "macdef ", f"{MACHINE} ", '"a b"', "\\ "),
            *(f"machine {MACHINE} login u password {OTHER}\n", "\n#a b\n", "# a machine x\n"),
        ]
    ),
    max_size=25,
).map("".join)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all the examples of a property."""
    return tmp_path_factory.mktemp("netrc") / "netrc"


class TestAllShapes:
    @given(pieces=PIECES, default=DEFAULT)
    def test_write(self, shared: Path, pieces: list[tuple[bool, str]], default: str) -> None:
        """After writing, every other entry and macro reads as before, and ours as it was written."""
        shared.write_bytes(("".join(text for _, text in pieces) + default).encode())
        before = judged(shared)
        assume(before is not None)
        _auth.write_netrc(shared, MACHINE, "user", KEY)
        after = judged(shared)
        assert after is not None
        assert without(MACHINE, after) == without(MACHINE, before)
        assert (after[0][MACHINE][0], after[0][MACHINE][2]) == ("user", KEY)
        assert _auth.read_netrc(shared, MACHINE) == (KEY, None)

    @given(pieces=PIECES, default=DEFAULT)
    def test_remove(self, shared: Path, pieces: list[tuple[bool, str]], default: str) -> None:
        """After removing, what is left is the file without our lines, byte for byte."""
        text = "".join(text for _, text in pieces) + default
        shared.write_bytes(text.encode())
        before = judged(shared)
        assume(before is not None)
        expected = "".join(text for mine, text in pieces if not mine) + default
        try:
            removed = _auth.remove_netrc(shared, MACHINE)
        except SettingsError:  # a comment in front of the first entry that the judge could not read
            assert "#" in text
            expected = text
        else:
            assert removed == any(mine for mine, _ in pieces)
            assert _auth.read_netrc(shared, MACHINE) == (None, None)
        assert shared.read_bytes().decode() == expected
        assert without(MACHINE, judged(shared)) == without(MACHINE, before)

    @given(others=st.lists(OTHERS, max_size=8).map("".join), default=DEFAULT)
    def test_there_and_back(self, others: str, default: str) -> None:
        """Logging in and out again gives the same file."""
        text = others + default
        assert _auth.without_entry(_auth.with_entry(text, MACHINE, "user", KEY), MACHINE) == text

    @given(text=SCRAPS)
    @example(text=f"machine {MACHINE} login u password x\n\n# a b\nmachine y login z password w\n")
    @example(text=f"machine x login y password z\nmachine {MACHINE} login u password x\n#a b\n")
    def test_anything(self, shared: Path, text: str) -> None:
        """Whatever the file is: it is left alone, or changed without harm to what others read in it."""
        for change in (
            lambda: _auth.write_netrc(shared, MACHINE, "user", KEY),
            lambda: _auth.remove_netrc(shared, MACHINE),
        ):
            shared.write_bytes(text.encode())
            before = judged(shared)
            with contextlib.suppress(SettingsError):
                change()
            if before is not None:
                assert without(MACHINE, judged(shared)) == without(MACHINE, before)

    @given(text=SCRAPS)
    @example(text="default macdef #")
    @example(text="macdef \\\n")
    def test_what_is_written_is_read(self, text: str) -> None:
        """Where the text can be understood at all, the key that was written is the key that is read."""
        try:
            _auth._parse(text)
        except _auth._MalformedError:
            return
        written = _auth.with_entry(text, MACHINE, "user", KEY)
        ours = [entry for entry in _auth._parse(written).entries if entry.name == MACHINE]
        assert ours
        assert {token.text for entry in ours for token in entry.passwords} == {KEY}
        gone = _auth.without_entry(written, MACHINE)
        assert KEY not in gone
        assert [entry.name for entry in _auth._parse(gone).entries] == [
            entry.name for entry in _auth._parse(text).entries if entry.name != MACHINE
        ]
