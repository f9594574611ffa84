"""The netrc file: what is read from it, and that everything else in it stays byte for byte."""

from __future__ import annotations

import contextlib
import netrc as stdlib_netrc
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, example, given, strategies as st

from tests.keys.known import HOST, KEY, MACHINE, NEW_READER, OTHER, posix
from wandb_logging._errors import SettingsError
from wandb_logging._journal.locks import ProcessLock
from wandb_logging._keys import netrc
from wandb_logging._keys.keys import find_key
from wandb_logging._keys.netrc_text import MalformedError, parse, with_entry, without_entry


def judged(path: Path) -> tuple[dict[str, tuple[str, str, str]], dict[str, str]] | None:
    """What the standard library's reader finds, but for the ends of macros; None if it finds the file wrong."""
    try:
        found = stdlib_netrc.netrc(str(path))
    except (stdlib_netrc.NetrcParseError, ValueError):
        return None
    hosts = {name: (user or "", account or "", word or "") for name, (user, account, word) in found.hosts.items()}
    return hosts, {name: "".join(lines).rstrip() for name, lines in found.macros.items()}


def without(machine: str, seen: tuple[dict[str, tuple[str, str, str]], dict[str, str]] | None) -> object:
    return seen and ({name: entry for name, entry in seen[0].items() if name != machine}, seen[1])


class TestPath:
    def test_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """NETRC names the file; `~` is the home directory."""
        monkeypatch.setenv("NETRC", "~/elsewhere")
        assert netrc.usual_path() == Path.home() / "elsewhere"

    def test_usual_places(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without it, ~/.netrc; ~/_netrc where only that is there, and on Windows."""
        monkeypatch.delenv("NETRC")
        usual, windows = Path.home() / ".netrc", Path.home() / "_netrc"
        assert netrc.usual_path() == (windows if os.name == "nt" else usual)
        windows.touch()
        assert netrc.usual_path() == windows
        usual.touch()
        assert netrc.usual_path() == usual

    def test_no_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a home directory nothing is found, and writing says why."""
        monkeypatch.delenv("NETRC")

        def no_home(_path: Path) -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "expanduser", no_home)
        assert find_key(HOST) is None
        with pytest.raises(SettingsError, match=r"cannot be changed: No such file"):
            netrc.write(netrc.usual_path(), MACHINE, "user", KEY)


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
        assert netrc.read(path, MACHINE) == (password, None)

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
            ("macdef x\\", 1),  # it would escape what comes behind it
            ('""', 1),
            ("\ufeffmachine a password b", 1),
        ],
    )
    def test_malformed(self, path: Path, text: str, line: int) -> None:
        """What is no netrc file gives no key, names the line, and is never changed."""
        path.write_bytes(text.encode())
        problem = f"~/.netrc, line {line}: not understood, so no key was taken from it"
        assert netrc.read(path, MACHINE) == (None, problem)
        with pytest.raises(SettingsError, match=f"line {line}: not understood; the file was left as it is"):
            netrc.write(path, MACHINE, "user", KEY)
        with pytest.raises(SettingsError, match=f"line {line}"):
            netrc.remove(path, MACHINE)
        assert path.read_bytes() == text.encode()

    @pytest.mark.parametrize("text", [f"machine {MACHINE} login user", f'machine {MACHINE} password ""'])
    def test_no_password(self, path: Path, text: str) -> None:
        """An entry without a password is no key, and is told."""
        path.write_text(text)
        assert netrc.read(path, MACHINE) == (None, f"~/.netrc: the entry for {MACHINE} has no password")

    def test_no_utf8(self, path: Path) -> None:
        """Bytes of another encoding, in another entry, do no harm and stay."""
        path.write_bytes(b"machine a login b password \xe9\xff\n")
        netrc.write(path, MACHINE, "user", KEY)
        assert path.read_bytes().startswith(b"machine a login b password \xe9\xff\nmachine ")
        assert netrc.read(path, MACHINE) == (KEY, None)

    @posix
    def test_nothing_waits_for_a_pipe(self, path: Path) -> None:
        """A pipe or directory where the file should be is told, not waited for."""
        os.mkfifo(path)
        assert netrc.read(path, MACHINE) == (None, "~/.netrc cannot be read: not a regular file")
        path.unlink()
        path.mkdir()
        assert netrc.read(path, MACHINE) == (None, "~/.netrc cannot be read: not a regular file")
        with pytest.raises(SettingsError, match="not a regular file"):
            netrc.write(path, MACHINE, "user", KEY)

    @posix
    def test_dev_null_stays(self) -> None:
        """NETRC=/dev/null means no netrc: nothing is found there, and the device is not replaced."""
        null = Path("/dev/null")
        assert netrc.read(null, MACHINE) == (None, None)
        with pytest.raises(SettingsError, match="cannot be changed"):
            netrc.write(null, MACHINE, "user", KEY)
        assert not netrc.remove(null, MACHINE)
        assert stat.S_ISCHR(null.stat().st_mode)


class TestWriting:
    def test_new_file(self, path: Path) -> None:
        """A new file has one entry, as the official client writes it, and mode 0600."""
        netrc.write(path, MACHINE, "user", KEY)
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
        netrc.write(path, MACHINE, "user", KEY)
        assert path.read_text() == after.replace("NEW", f"machine {MACHINE}\n  login user\n  password {KEY}\n")
        assert netrc.read(path, MACHINE) == (KEY, None)

    def test_line_ends(self, path: Path) -> None:
        """A file with Windows line ends keeps them, also in what is new."""
        path.write_bytes(b"machine a password b\r\n")
        netrc.write(path, MACHINE, "user", KEY)
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
        netrc.write(path, MACHINE, "user", KEY)
        assert path.is_symlink()
        assert stat.S_IMODE(target.stat().st_mode) == 0o640
        assert target.read_text().endswith(f"password {KEY}\n")
        assert netrc.remove(path, MACHINE)
        assert path.is_symlink()
        assert target.read_text() == "machine a password b\n"
        assert stat.S_IMODE(target.stat().st_mode) == 0o640

    def test_same_key_again_touches_nothing(self, path: Path) -> None:
        """Writing what is there already does not replace the file."""
        netrc.write(path, MACHINE, "user", KEY)
        inode = path.stat().st_ino
        netrc.write(path, MACHINE, "user", KEY)
        assert path.stat().st_ino == inode

    def test_failure_leaves_the_old_file(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """When the last step fails, the old file is there as it was, and nothing beside it holds the key."""
        path.write_text("machine a login b password c\n")

        def full(_self: Path, _target: Path) -> Path:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(SettingsError, match="No space left on device"):
            netrc.write(path, MACHINE, "user", KEY)
        assert path.read_text() == "machine a login b password c\n"
        assert [item for item in path.parent.iterdir() if KEY in item.read_text()] == []

    def test_no_such_folder(self, tmp_path: Path) -> None:
        """A folder that is not there is an error that names the file."""
        with pytest.raises(SettingsError, match=r"nowhere.netrc cannot be changed: No such file"):
            netrc.write(tmp_path / "nowhere" / "netrc", MACHINE, "user", KEY)

    def test_waits_for_another_editor(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """While another process changes the file we wait, but not for ever."""
        monkeypatch.setattr(netrc, "_LOCK_SECONDS", 0.0)
        other = ProcessLock(path.parent, ".netrc.lock")
        assert other.acquire()
        with pytest.raises(SettingsError, match="being changed by another process"):
            netrc.write(path, MACHINE, "user", KEY)
        other.release()
        netrc.write(path, MACHINE, "user", KEY)
        assert netrc.read(path, MACHINE) == (KEY, None)

    @pytest.mark.not_quick
    def test_two_at_once(self, path: Path) -> None:
        """Processes that log in at the same time all find their entry afterwards."""
        code = (
            "import sys; from pathlib import Path; from wandb_logging._keys import netrc\n"
            "for n in range(10): netrc.write(Path(sys.argv[1]), f'{sys.argv[2]}-{n}', 'user', 'k' * 40)"
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
        assert netrc.remove(path, MACHINE)
        assert path.read_bytes() == after.replace("US", us).encode()

    def test_comments_within_stay(self, path: Path) -> None:
        """A comment between our tokens is not ours to remove."""
        path.write_text(f"machine {MACHINE} # work\n  login user\n  # the new one\n  password {KEY}\n")
        assert netrc.remove(path, MACHINE)
        assert path.read_text() == "# work\n  # the new one\n"

    def test_nothing_to_remove(self, path: Path) -> None:
        """Without an entry nothing is touched, and no file is made."""
        assert not netrc.remove(path, MACHINE)
        assert list(path.parent.iterdir()) == []
        path.write_text("machine a password b\n")
        assert not netrc.remove(path, MACHINE)
        assert path.read_text() == "machine a password b\n"

    def test_other_readers_come_first(self, path: Path) -> None:
        """Where removing would make the standard library stumble over a comment, the file is left as it is."""
        comment = "#my other account" if NEW_READER else "\n# my other account"
        text = f"machine {MACHINE} login u password {KEY}\n{comment}\nmachine a login b password c\n"
        path.write_text(text)
        assert judged(path) is not None
        with pytest.raises(SettingsError, match=f"change the entry of {MACHINE} by hand"):
            netrc.remove(path, MACHINE)
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
        netrc.write(shared, MACHINE, "user", KEY)
        after = judged(shared)
        assert after is not None
        assert without(MACHINE, after) == without(MACHINE, before)
        assert (after[0][MACHINE][0], after[0][MACHINE][2]) == ("user", KEY)
        assert netrc.read(shared, MACHINE) == (KEY, None)

    @given(pieces=PIECES, default=DEFAULT)
    def test_remove(self, shared: Path, pieces: list[tuple[bool, str]], default: str) -> None:
        """After removing, what is left is the file without our lines, byte for byte."""
        text = "".join(text for _, text in pieces) + default
        shared.write_bytes(text.encode())
        before = judged(shared)
        assume(before is not None)
        expected = "".join(text for mine, text in pieces if not mine) + default
        try:
            removed = netrc.remove(shared, MACHINE)
        except SettingsError:  # a comment in front of the first entry that the judge could not read
            assert "#" in text
            expected = text
        else:
            assert removed == any(mine for mine, _ in pieces)
            assert netrc.read(shared, MACHINE) == (None, None)
        assert shared.read_bytes().decode() == expected
        assert without(MACHINE, judged(shared)) == without(MACHINE, before)

    @given(others=st.lists(OTHERS, max_size=8).map("".join), default=DEFAULT)
    def test_there_and_back(self, others: str, default: str) -> None:
        """Logging in and out again gives the same file."""
        text = others + default
        assert without_entry(with_entry(text, MACHINE, "user", KEY), MACHINE) == text

    @given(text=SCRAPS)
    @example(text=f"machine {MACHINE} login u password x\n\n# a b\nmachine y login z password w\n")
    @example(text=f"machine x login y password z\nmachine {MACHINE} login u password x\n#a b\n")
    def test_anything(self, shared: Path, text: str) -> None:
        """Whatever the file is: it is left alone, or changed without harm to what others read in it."""
        for change in (
            lambda: netrc.write(shared, MACHINE, "user", KEY),
            lambda: netrc.remove(shared, MACHINE),
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
            parse(text)
        except MalformedError:
            return
        written = with_entry(text, MACHINE, "user", KEY)
        ours = [entry for entry in parse(written).entries if entry.name == MACHINE]
        assert ours
        assert {token.text for entry in ours for token in entry.passwords} == {KEY}
        gone = without_entry(written, MACHINE)
        assert KEY not in gone
        assert [entry.name for entry in parse(gone).entries] == [
            entry.name for entry in parse(text).entries if entry.name != MACHINE
        ]
