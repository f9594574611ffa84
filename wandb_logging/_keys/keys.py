"""API keys and netrc; the only room that touches netrc. No key ever leaves it in a message or a `repr`.

The netrc file belongs to the user and to other programs. It is edited by tokens, never by lines or substrings:
whatever is not our entry stays byte for byte. Where that cannot be promised the file is left alone and the error
says so. The grammar is the one of the standard library from Python 3.11 on (quotes, backslashes, `#` comments,
`macdef`, `default`), without its faults: a comment reaches to the end of its line, wherever it begins.
"""

from __future__ import annotations

import contextlib
import io
import netrc
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from wandb_logging._errors import SettingsError
from wandb_logging._journal.locks import ProcessLock
from wandb_logging._journal.writer import sync_directory
from wandb_logging._settings.settings import SETTINGS, from_environment

LOGIN = "user"  # what the official client writes; W&B does not read it (protocol 2.3)
_LOCK_SECONDS = 10.0
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_SECRET = re.compile(r"[\w-]+", re.ASCII)
_VISIBLE = re.compile(r"[!-~]*")


# --- keys ---------------------------------------------------------------------------------------------


def key_problem(key: str) -> str | None:
    """What is wrong with the form of an API key, as a sentence without the key; None if nothing is (protocol 2.1).

    Only ASCII passes, where the official client lets any letter through: a key has to fit into a header.
    """
    if not key:
        return "API key is empty."
    if key != key.strip():
        return "API key cannot start or end with whitespace."
    if _JWT.fullmatch(key):
        return None
    before, dash, after = key.partition("-")
    secret = after if dash else before
    if not (_SECRET.fullmatch(secret) and _VISIBLE.fullmatch(before)):
        return "API key may only contain the letters A-Z, digits and underscores."
    if len(secret) < 40:
        return f"API key must have 40+ characters, has {len(secret)}."
    return None


@dataclass(frozen=True)
class Session:
    """An API key and the server it is for, as `login` returns it and `new_run` takes it.

    Args:
        api_key: the key; never part of the `repr`.
        host: address of the W&B API. Default: WANDB_BASE_URL, else W&B's own cloud.

    Raises:
        SettingsError: the key has not the form of an API key, or `host` is no address.
    """

    api_key: str = field(repr=False)
    host: str | None = None

    def __post_init__(self) -> None:
        key: object = self.api_key
        problem = key_problem(key) if isinstance(key, str) else "API key is not a string."
        if problem:
            raise SettingsError(f"api_key: {problem}")
        if self.host is not None:
            # object.__setattr__: the way a frozen dataclass may normalise itself.
            object.__setattr__(self, "host", resolve_host(self.host))


@dataclass(frozen=True)
class Key:
    """An API key that was found.

    Attributes:
        key: the key; never part of the `repr`.
        source: where it was found, in words for a person: "WANDB_API_KEY", "netrc ~/.netrc".
    """

    key: str = field(repr=False)
    source: str

    @property
    def problem(self) -> str | None:
        """What is wrong with its form (`key_problem`); None if nothing is."""
        return key_problem(self.key)


KEY_VARIABLE = SETTINGS["api_key"].env or ""

# Sessions of this process by host: where netrc cannot be written, a key given to `login` still counts (protocol 2.2).
_sessions: dict[str, Session] = {}


def resolve_host(host: str | None) -> str:
    """The address of the API that `host` stands for; None: WANDB_BASE_URL, else W&B's own cloud.

    Raises:
        SettingsError: it is no address.
    """
    return str(from_environment("host") if host is None else SETTINGS["host"].keep("host", host))


def remember(session: Session) -> None:
    """Let `find_key` find this session's key in this process."""
    _sessions[resolve_host(session.host)] = session


def forget(host: str) -> None:
    """Undo `remember`."""
    _sessions.pop(host, None)


def find_key(
    host: str, explicit: str | None = None, *, on_problem: Callable[[str], object] | None = None
) -> Key | None:
    """The API key for a host; the first of: given, logged in within this process, WANDB_API_KEY, netrc.

    Args:
        host: address of the API.
        explicit: the setting `api_key`. When it is what WANDB_API_KEY holds it counts as found there.
        on_problem: called with a sentence when the netrc file is there but cannot be read.

    Raises:
        Nothing. The key may be malformed: see `Key.problem`.
    """
    return next(find_keys(host, explicit, on_problem=on_problem), None)


def find_keys(
    host: str, explicit: str | None = None, *, on_problem: Callable[[str], object] | None = None
) -> Iterator[Key]:
    """All API keys for a host, in the order of `find_key`: where the server refuses one, the next may do."""
    environment = SETTINGS["api_key"].unset()
    if explicit and explicit != environment:
        yield Key(explicit, "the setting api_key")
    if host in _sessions:
        yield Key(_sessions[host].api_key, "login in this process")
    if environment:
        yield Key(environment, KEY_VARIABLE)
    path = netrc_path()
    key, problem = read_netrc(path, machine_of(host))
    if problem and on_problem is not None:
        on_problem(problem)
    if key:
        yield Key(key, f"netrc {shown(path)}")


def machine_of(host: str) -> str:
    """The netrc machine name of an API address: host and port, so that several servers live side by side."""
    return urlsplit(host).netloc.rpartition("@")[2]


# --- the netrc file -----------------------------------------------------------------------------------


def netrc_path() -> Path:
    """Where the netrc file is, or would be made (protocol 2.3)."""
    given = os.environ.get("NETRC")
    if given:
        return _expanded(given)
    usual, windows = _expanded("~/.netrc"), _expanded("~/_netrc")
    if not _exists(usual) and (_exists(windows) or os.name == "nt"):
        return windows
    return usual


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # there is no home directory: a path that leads nowhere, and an error that names it
        return Path(text)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def shown(path: Path) -> str:
    """A path as a person would write it, with `~` for the home directory."""
    try:
        return str(Path("~") / path.relative_to(_expanded("~")))
    except ValueError:
        return str(path)


def read_netrc(path: Path, machine: str) -> tuple[str | None, str | None]:
    """The password of a machine, and what is wrong with the file in words for a person. Either may be None.

    The `default` entry is not asked: it is some other service's password, and would be sent to the server. Of
    several entries for one machine the last counts, as in the standard library.
    """
    try:
        entries = _parse(_decode(_read(path))).entries
    except _MalformedError as exc:
        return None, f"{shown(path)}, line {exc.line}: not understood, so no key was taken from it"
    except OSError as exc:
        return None, f"{shown(path)} cannot be read: {exc.strerror or exc}"
    ours = [entry for entry in entries if entry.name == machine]
    if not ours:
        return None, None
    password = ours[-1].passwords[-1].text if ours[-1].passwords else ""
    return password or None, None if password else f"{shown(path)}: the entry for {machine} has no password"


def exposed(path: Path) -> bool:
    """Whether other users of this machine may read a netrc file. Windows' answer is always no."""
    try:
        return os.name == "posix" and stat.S_ISREG(path.stat().st_mode) and bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def write_netrc(path: Path, machine: str, login: str, key: str) -> None:
    """Set login and password of a machine; everything else in the file stays byte for byte.

    An entry that is there is changed in its place. A new one goes to the end, or before `default`, which has to
    be last. The file is replaced in one step, through a symlink; it keeps its mode and owner, a new one is 0600.

    Raises:
        SettingsError: the file cannot be read, understood or replaced. Nothing has been changed then.
    """
    _edit(path, machine, lambda text: with_entry(text, machine, login, key))


def remove_netrc(path: Path, machine: str) -> bool:
    """Remove the entries of a machine; everything else stays as with `write_netrc`. Whether there were any.

    Raises:
        SettingsError: the file cannot be read, understood or replaced. Nothing has been changed then.
    """
    return _edit(path, machine, lambda text: without_entry(text, machine))


def _edit(path: Path, machine: str, change: Callable[[str], str]) -> bool:
    """Read, change and replace a netrc file; whether anything changed."""
    target = Path(os.path.realpath(path))
    try:
        text = _decode(_read(target))
        if change(text) == text:
            return False
        with _locked(target):
            text = change(_decode(_read(target)))  # again: another process may just have changed it
            _replace(target, text.encode("utf-8", "surrogateescape"), machine)
    except _MalformedError as exc:
        raise SettingsError(f"{shown(path)}, line {exc.line}: not understood; the file was left as it is") from None
    except OSError as exc:
        raise SettingsError(f"{shown(path)} cannot be changed: {exc.strerror or exc}") from exc
    return True


def _read(path: Path) -> bytes:
    """The bytes of the file; none if there is no file, or a device such as /dev/null.

    Raises:
        OSError: it cannot be read.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return b""
    if not stat.S_ISREG(mode):  # never wait for a pipe
        if stat.S_ISCHR(mode):
            return b""
        raise OSError("not a regular file")
    return path.read_bytes()


def _decode(data: bytes) -> str:
    # All of netrc's own characters are ASCII; whatever is no UTF-8 is carried through unchanged.
    return data.decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Keep other processes that edit the same file waiting."""
    lock = ProcessLock(target.with_name(target.name + ".lock"))
    deadline = time.monotonic() + _LOCK_SECONDS
    # A file system without locks is no reason not to log in; one that cannot be written says so soon enough.
    with contextlib.suppress(OSError):
        while not lock.acquire():
            if time.monotonic() > deadline:
                raise SettingsError(f"{shown(target)} is being changed by another process; try again")
            time.sleep(0.02)
    try:
        yield
    finally:
        lock.release()


def _replace(target: Path, data: bytes, machine: str) -> None:
    """Put a new file in the place of `target` in one step, unless another reader would lose an entry by it."""
    old = target.stat() if target.exists() else None
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise OSError("not a regular file")
    import tempfile  # noqa: PLC0415  only here, and it is long to import

    fd, name = tempfile.mkstemp(prefix=".netrc-", dir=target.parent)  # made with mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        if old is not None:
            temporary.chmod(stat.S_IMODE(old.st_mode))
            _keep_owner(temporary, old)
            _check_for_others(target, temporary, machine)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(target.parent)


def _keep_owner(path: Path, old: os.stat_result) -> None:
    """Under sudo the file stays its user's; where that is not allowed it becomes ours, as with any editor."""
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(path, old.st_uid, old.st_gid)


def _check_for_others(before: Path, after: Path, machine: str) -> None:
    """Make sure that the standard library's reader, which requests and pip use, still sees the other entries.

    It takes the words of some comments for entries: `#a comment` in front of the first entry, or, depending on its
    version, a comment after an empty line. Removing the entry before such a comment would break the file for it.
    """
    seen = _seen_by_others(before, machine)
    if seen is not None and seen != _seen_by_others(after, machine):
        raise SettingsError(
            f"{shown(before)}: left as it is, for Python's own netrc reader would stumble over a comment after this "
            f"change; change the entry of {machine} by hand"
        )


def _seen_by_others(path: Path, machine: str) -> object:
    try:
        found = netrc.netrc(str(path))
    except (netrc.NetrcParseError, ValueError, OSError):
        return None
    macros = {name: "".join(lines).rstrip() for name, lines in found.macros.items()}
    return {name: entry for name, entry in found.hosts.items() if name != machine}, macros


# --- its grammar: pure ----------------------------------------------------------------------------------

_FOLLOWERS = frozenset({"login", "user", "account", "password"})
_KEYWORDS = _FOLLOWERS | {"machine", "macdef"}
_SPACE = re.compile(r"[ \t\r\n]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r"(?:[^ \t\r\n\\]|\\.)+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LINE_END = re.compile(r"\r\n|\r|\n")
_NEEDS_NO_QUOTES = re.compile(r"[^\s\"'\\#][^\s\"'\\]*")


class _MalformedError(Exception):
    """The text is no netrc file. Carries the line and nothing of its content, which may be a password."""

    def __init__(self, text: str, at: int) -> None:
        super().__init__()
        self.line = 1 + len(_LINE_END.findall(text, 0, at))


@dataclass(frozen=True)
class _Token:
    """A word of the file: decoded, where it stands, and where the space before it begins."""

    text: str
    space: int
    start: int
    end: int


@dataclass
class _Entry:
    """A machine, or `default` (then `name` is None), with the places of its tokens."""

    name: str | None
    tokens: list[_Token]
    logins: list[_Token] = field(default_factory=list)
    passwords: list[_Token] = field(default_factory=list)

    def add(self, word: _Token, value: _Token) -> None:
        self.tokens += [word, value]
        if word.text == "password":
            self.passwords.append(value)
        elif word.text != "account":
            self.logins.append(value)


@dataclass
class _File:
    """A netrc file: its entries, where the space at its end begins, and whether it ends within a macro."""

    entries: list[_Entry] = field(default_factory=list)
    space: int = 0
    open_macro: bool = False


def _parse(text: str) -> _File:
    """What a netrc file says.

    Raises:
        _MalformedError: it is none.
    """
    file = _File()
    entry: _Entry | None = None
    while True:
        file.space = _after_comments(text, file.space)
        if _after_space(text, file.space) == len(text):
            return file
        word = _token(text, file.space)
        file.space = word.end
        if word.text == "default":
            entry = _Entry(None, [word])
            file.entries.append(entry)
            continue
        if word.text not in _KEYWORDS or (word.text in _FOLLOWERS and entry is None):
            raise _MalformedError(text, word.start)
        value = _token(text, word.end)
        file.space = value.end
        if word.text == "macdef":
            entry = None
            file.space, file.open_macro = _after_macro(text, value.end)
        elif word.text == "machine":
            entry = _Entry(value.text, [word, value])
            file.entries.append(entry)
        elif entry is not None:
            entry.add(word, value)


def _token(text: str, space: int) -> _Token:
    at = _after_space(text, space)
    match = (_QUOTED if text.startswith('"', at) else _BARE).match(text, at)
    if match is None:
        raise _MalformedError(text, at)
    raw = match[1] if text.startswith('"', at) else match[0]
    return _Token(_ESCAPE.sub(r"\1", raw), space, at, match.end())


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _after_comments(text: str, at: int) -> int:
    """Where the space before the next keyword begins: comments may stand there, up to the ends of their lines."""
    while text.startswith("#", _after_space(text, at)):
        end = _LINE_END.search(text, _after_space(text, at))
        at = end.start() if end else len(text)
    return at


def _after_macro(text: str, at: int) -> tuple[int, bool]:
    """Where the empty line that ends a macro's body begins, and whether there is none."""
    for number, line in enumerate(io.StringIO(text[at:], newline="")):
        if number and not line.strip("\r\n"):
            return at, False
        at += len(line)
    return at, True


def _indent(text: str, space: int, end: int) -> tuple[int, bool]:
    """Of the space before a token: where its last line begins, and whether the token is the first of that line.

    Only what is known to be space is looked at: a token may end in an escaped space or newline of its own.
    """
    gap = text[space:end]
    return space + len(gap.rstrip(" \t")), space == 0 or "\n" in gap or "\r" in gap


def with_entry(text: str, machine: str, login: str, key: str) -> str:
    """The text of a netrc file with a machine's login and password set.

    Raises:
        _MalformedError: `text` is no netrc file.
    """
    file = _parse(text)
    ours = [entry for entry in file.entries if entry.name == machine]
    if not ours:
        return _with_new_entry(text, file, machine, login, key)
    edits: list[tuple[int, int, str]] = []
    for entry in ours:
        end = entry.tokens[-1].end
        for word, values, value in (("password", entry.passwords, key), ("login", entry.logins, login)):
            edits += [(token.start, token.end, _quoted(value)) for token in values if token.text != value]
            if not values:
                edits.append((end, end, f" {word} {_quoted(value)}"))
    # From the end, so that the places before stay right. The sort is stable: where both are missing, `login` is put
    # in front of `password`.
    for start, end, new in sorted(edits, key=lambda edit: -edit[0]):
        gap = "" if _after_space(text, end) > end or end == len(text) else " "  # a quoted token may touch the next
        text = text[:start] + new + gap + text[end:]
    return text


def _with_new_entry(text: str, file: _File, machine: str, login: str, key: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = (f"machine {_quoted(machine)}", f"  login {_quoted(login)}", f"  password {_quoted(key)}", "")
    default = next((entry.tokens[0] for entry in file.entries if entry.name is None), None)
    space, end = (default.space, default.start) if default else (file.space, len(text))
    at, first_of_line = _indent(text, space, end)
    if file.open_macro and default is None:
        before = text + newline * 2  # ends the macro, whether or not its last line is ended
    else:
        before = text[:at] if first_of_line else text[:end] + newline
    return before + newline.join(lines) + text[at if first_of_line else end :]


def without_entry(text: str, machine: str) -> str:
    """The text of a netrc file without a machine's entries. Comments stay; lines that held nothing else go.

    Raises:
        _MalformedError: `text` is no netrc file.
    """
    gone = [token for entry in _parse(text).entries if entry.name == machine for token in entry.tokens]
    for token in reversed(gone):
        before, after = text[: token.start], text[token.end :].lstrip(" \t")
        line_end = _LINE_END.match(after)
        if line_end or not after:  # it was the last of its line: leave no space there
            at, first_of_line = _indent(text, token.space, token.start)
            before = text[:at]
            if line_end and first_of_line:
                after = after[line_end.end() :]
        text = before + after
    return text


def _quoted(token: str) -> str:
    """A token as it stands in the file. Keys and addresses need no quotes, and old readers know none."""
    if _NEEDS_NO_QUOTES.fullmatch(token):
        return token
    return '"' + token.replace("\\", "\\\\").replace('"', '\\"') + '"'
