"""The grammar of netrc files: parse a text, and add an entry to it or remove one. Pure.

The grammar is that of the standard library from Python 3.11 on (quotes, backslashes, `#` comments, `macdef`,
`default`), without its faults: here a comment reaches to the end of its line, wherever it begins.
"""

from __future__ import annotations

import io
import re
from dataclasses import field

from wandb_logging._dataclass import dataclass

_FOLLOWERS = frozenset({"login", "user", "account", "password"})
_KEYWORDS = _FOLLOWERS | {"machine", "macdef"}
_SPACE = re.compile(r"[ \t\r\n]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r"(?:[^ \t\r\n\\]|\\.)+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LINE_END = re.compile(r"\r\n|\r|\n")
_NEEDS_NO_QUOTES = re.compile(r"[^\s\"'\\#][^\s\"'\\]*")


class MalformedError(Exception):
    """The text is no netrc file. The error has the line number and no content, which might be a password."""

    def __init__(self, text: str, at: int) -> None:
        super().__init__()
        self.line = 1 + len(_LINE_END.findall(text, 0, at))


@dataclass(frozen=True)
class Token:
    """A word of the file: its decoded text, its place, and where the space before it begins."""

    text: str
    space: int
    start: int
    end: int


@dataclass
class Entry:
    """A machine or `default` (whose `name` is None), with the places of its tokens."""

    name: str | None
    tokens: list[Token]
    logins: list[Token] = field(default_factory=list)
    passwords: list[Token] = field(default_factory=list)

    def add(self, word: Token, value: Token) -> None:
        self.tokens += [word, value]
        if word.text == "password":
            self.passwords.append(value)
        elif word.text != "account":
            self.logins.append(value)


@dataclass
class NetrcFile:
    """A netrc file: its entries, where the space at its end begins, and whether it ends inside a macro."""

    entries: list[Entry] = field(default_factory=list)
    space: int = 0
    open_macro: bool = False


def parse(text: str) -> NetrcFile:
    """Parse a netrc file.

    Raises:
        MalformedError: the text is no netrc file.
    """
    file = NetrcFile()
    entry: Entry | None = None
    while True:
        file.space = _after_comments(text, file.space)
        if _after_space(text, file.space) == len(text):
            return file
        word = _token(text, file.space)
        file.space = word.end
        if word.text == "default":
            entry = Entry(None, [word])
            file.entries.append(entry)
            continue
        if word.text not in _KEYWORDS or (word.text in _FOLLOWERS and entry is None):
            raise MalformedError(text, word.start)
        value = _token(text, word.end)
        file.space = value.end
        if word.text == "macdef":
            entry = None
            file.space, file.open_macro = _after_macro(text, value.end)
        elif word.text == "machine":
            entry = Entry(value.text, [word, value])
            file.entries.append(entry)
        elif entry is not None:
            entry.add(word, value)


def _token(text: str, space: int) -> Token:
    at = _after_space(text, space)
    match = (_QUOTED if text.startswith('"', at) else _BARE).match(text, at)
    if match is None or text.startswith("\\", match.end()):  # a final backslash would escape added text
        raise MalformedError(text, at)
    raw = match[1] if text.startswith('"', at) else match[0]
    return Token(_ESCAPE.sub(r"\1", raw), space, at, match.end())


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _after_comments(text: str, at: int) -> int:
    """Where the space before the next keyword begins. Comments may precede it, each up to the end of its line."""
    while text.startswith("#", _after_space(text, at)):
        end = _LINE_END.search(text, _after_space(text, at))
        at = end.start() if end else len(text)
    return at


def _after_macro(text: str, at: int) -> tuple[int, bool]:
    """Where the empty line after a macro's body begins, and whether that line is missing."""
    for number, line in enumerate(io.StringIO(text[at:], newline="")):
        if number and not line.strip("\r\n"):
            return at, False
        at += len(line)
    return at, True


def _indent(text: str, space: int, end: int) -> tuple[int, bool]:
    """Where the last line of the space before a token begins, and whether the token is the first in its line.

    Only known space is examined, because a token may itself end in an escaped space or newline.
    """
    gap = text[space:end]
    return space + len(gap.rstrip(" \t")), space == 0 or "\n" in gap or "\r" in gap


def with_entry(text: str, machine: str, login: str, key: str) -> str:
    """The text of a netrc file with a machine's login and password set.

    Raises:
        MalformedError: `text` is no netrc file.
    """
    file = parse(text)
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
    # Insert from the end, so that earlier places stay right. The sort is stable: if both are missing, `login` is put
    # before `password`.
    for start, end, new in sorted(edits, key=lambda edit: -edit[0]):
        gap = "" if _after_space(text, end) > end or end == len(text) else " "  # a quoted token may touch the next one
        text = text[:start] + new + gap + text[end:]
    return text


def _with_new_entry(text: str, file: NetrcFile, machine: str, login: str, key: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = (f"machine {_quoted(machine)}", f"  login {_quoted(login)}", f"  password {_quoted(key)}", "")
    default = next((entry.tokens[0] for entry in file.entries if entry.name is None), None)
    space, end = (default.space, default.start) if default else (file.space, len(text))
    at, first_of_line = _indent(text, space, end)
    if file.open_macro and default is None:
        before = text + newline * 2  # the blank line ends the macro even if its last line is not ended
    else:
        before = text[:at] if first_of_line else text[:end] + newline
    return before + newline.join(lines) + text[at if first_of_line else end :]


def without_entry(text: str, machine: str) -> str:
    """Remove a machine's entries from the text of a netrc file. Comments stay; lines that become empty are removed.

    Raises:
        MalformedError: `text` is no netrc file.
    """
    gone = [token for entry in parse(text).entries if entry.name == machine for token in entry.tokens]
    for token in reversed(gone):
        before, after = text[: token.start], text[token.end :].lstrip(" \t")
        line_end = _LINE_END.match(after)
        if line_end or not after:  # last token of its line: leave no space at the line's end
            at, first_of_line = _indent(text, token.space, token.start)
            before = text[:at]
            if line_end and first_of_line:
                after = after[line_end.end() :]
        text = before + after
    return text


def _quoted(token: str) -> str:
    """A token as it is written in the file. Keys and addresses need no quotes, which old readers do not know."""
    if _NEEDS_NO_QUOTES.fullmatch(token):
        return token
    return '"' + token.replace("\\", "\\\\").replace('"', '\\"') + '"'
