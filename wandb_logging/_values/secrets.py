"""Masks secrets. Pure: no I/O, no clock.

A text is masked if its name says that it is a secret (`api_key`, `db.password`), if it looks like a key, token or
password, or if it holds the API key that this program uses. Numbers are never masked: `max_tokens: 512` is no secret.

A text of 40 hexadecimal digits is left as it is: W&B's older keys look so, but git commits do, too. How often a text is
masked that is no secret: 2 of 5,773 pairs of a name and a text (default arguments, members of dicts) in the source of
120 installed packages, a placeholder for an address with a password and the sign for "secret".
"""

from __future__ import annotations

import base64
import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from wandb_logging._values.plain import dumps, loads
from wandb_logging._values.secret_names import MASK, MOST_NAMES, weight

SHORTEST = 25  # characters: shorter ones are no API keys, and a number in JSON may be as long

# Compiled at their first use, which most programs never come to.
_OPAQUE = r"(?=[^\d]*\d)(?=[^a-zA-Z]*[a-zA-Z])[\w.+/=~:-]{16,}"
_BEARER = "Bearer "
_WORKING_FOLDER = r"(?:^|[^A-Za-z\d_])[pP][wW][dD]$"  # that is PWD in an environment
_PATH = r"(?:/|~/|\.{1,2}/|[A-Za-z]:[\\/])[\w .,@/\\-]*"  # no sign of Base64 that paths seldom have
_NAME = r"[\w.+/-]+"
# What secrets look like, by what stands in each text that has one: few texts do, and that is soon found out.
_WORDS = {
    ("wandb_v",): r"wandb_v\d+_\w{20,}",  # W&B
    ("AKIA", "ASIA"): r"(?:AKIA|ASIA)[A-Z\d]{16}\b",  # AWS
    ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"): r"gh[pousr]_[A-Za-z\d]{36,}",
    ("github_pat_",): r"github_pat_\w{22,}",
    ("glpat-",): r"glpat-[\w-]{20,}",  # GitLab
    ("xox",): r"xox[abeprs]-[\w-]{10,}",  # Slack
    ("hf_",): r"hf_[A-Za-z\d]{30,}",  # Hugging Face
    ("sk-",): r"sk-(?:ant|proj|svcacct)-[\w-]{20,}|sk-[A-Za-z\d]{32,}",  # Anthropic, OpenAI
    ("AIza",): r"AIza[\w-]{35}",  # Google
    ("Bearer ",): r"(?<=Bearer )[\w.+/=~-]{16,}",
    ("AccountKey=",): r"(?<=AccountKey=)[\w+/=]{16,}",  # in a connection string of Azure
}
_OTHERS = {
    ("-----BEGIN ",): r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----END).)*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
    ("eyJ",): r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*",  # JSON Web Token
    ("://",): r"(?<=://)(?P<user>[^\s/:@?#]*):[^\s/@]+(?=@)",  # the password in an address
}
_MARK = re.compile("|".join(re.escape(mark) for marks in (*_WORDS, *_OTHERS) for mark in marks))
_LEAST_SHAPE = 16  # characters; only an address with a password in it may be shorter
_MOST_REMEMBERED, _LONGEST_REMEMBERED = 1024, 256  # texts that look like no secret, and their characters
_SWITCHES = frozenset({"true", "false", "yes", "no", "on", "off", "none", "null", "0", "1"})  # use_password: "true"
_NUMBERS = frozenset({float, int, bool, type(None)})
_MASK = MASK.encode()
_SELDOM = [letter.encode() for letter in "QZXJKYVWUGHPBM"]  # few lines of JSON have them, and most keys


@cache
def _shapes() -> re.Pattern[str]:
    """What is looked for in a text that has a mark: to compile it takes longer than all else here."""
    return re.compile("|".join([rf"\b(?:{'|'.join(_WORDS.values())})", *_OTHERS.values()]), re.ASCII | re.DOTALL)


def _in_place(match: re.Match[str]) -> str:
    user = match["user"]
    return MASK if user is None else f"{user}:{MASK}"


def _looks_random(text: str) -> bool:
    """Whether a text looks random: it is long, has letters and digits, and is no path of a file."""
    rest = text[len(_BEARER) :].lstrip(" ") if text.startswith(_BEARER) else text
    return bool(re.fullmatch(_OPAQUE, rest, re.ASCII)) and not re.fullmatch(_PATH, rest)


_OF_TEXT = frozenset({"html", "json"})  # kinds of files that are masked: in others, a mask of another length does harm


class Secrets:
    """Masks the secrets in what a run takes.

    Args:
        report: called with the name of each value that was masked, never with the value.
        enabled: whether to mask by names and shapes (mask_secrets). Known API keys are masked in any case.
        names: globs of further names (secret_names).

    Attributes:
        count: number of values that were masked.
        sought: the known API keys as they stand in JSON, behind a letter each of them has: to look for one letter takes
            a third of the time, and few lines have it. Without such letters a key is looked for itself.
    """

    def __init__(self, report: Callable[[str], object], *, enabled: bool = True, names: Iterable[str] = ()) -> None:
        self.count = 0
        self._report = report
        self._enabled = enabled
        self._names = re.compile("|".join(map(fnmatch.translate, names)), re.IGNORECASE) if names else None
        self._innocent: set[str] = set()  # names that do not say that a value is a secret
        self._shapeless: set[str] = set()  # texts that look like no secret; a known key may be in them
        self._known: tuple[str, ...] = ()
        self.sought: tuple[tuple[bytes, list[bytes]], ...] = ()

    def know(self, key: str) -> None:
        """Mask this API key wherever it occurs, also in the form of an Authorization header."""
        if len(key) >= SHORTEST and key not in self._known:
            sent = base64.b64encode(f"api:{key}".encode()).decode()
            self._known = (*self._known, key, sent)
            sought: dict[bytes, list[bytes]] = {}
            for written in (json.dumps(known)[1:-1].encode() for known in self._known):
                sign = next((letter for letter in (*sought, *_SELDOM) if letter in written), written)
                sought.setdefault(sign, []).append(written)
            self.sought = tuple(sought.items())

    def text(self, text: str, name: str = "the API key in a text") -> str:
        """A text with the known API keys masked."""
        if len(text) >= SHORTEST:
            for key in self._known:
                if key in text:
                    text = text.replace(key, MASK)
                    self._found(name)
        return text

    def lets_pass(self, text: str, name: str) -> bool:
        """Whether a text needs no masking. Dotted name and text are remembered: most of them come again and again."""
        if self._enabled:
            if name not in self._innocent and not self._learns_innocent(name):
                return False
            if text not in self._shapeless and not self._learns_shapeless(text):
                return False
        if len(text) >= SHORTEST:
            for key in self._known:  # `any` would take twice the time
                if key in text:
                    return False
        return True

    def _learns_shapeless(self, text: str) -> bool:
        """Whether nothing in a text looks like a secret. Such a text is remembered, unless it is long."""
        if (len(text) >= _LEAST_SHAPE or "://" in text) and _MARK.search(text) and _shapes().search(text):
            return False
        if len(text) <= _LONGEST_REMEMBERED:
            if len(self._shapeless) >= _MOST_REMEMBERED:
                self._shapeless.clear()
            self._shapeless.add(text)
        return True

    def _learns_innocent(self, name: str) -> bool:
        """Whether a name does not say that its value is a secret. Such a name is remembered."""
        if weight(name) or (self._names is not None and self._is_secret("", name)):
            return False
        if len(self._innocent) >= MOST_NAMES:
            self._innocent.clear()
        self._innocent.add(name)
        return True

    def line(self, line: bytes) -> bytes:
        """A line of JSON with the known API keys masked. Every event and run.json pass here."""
        for sign, keys in self.sought:
            if line.find(sign) >= 0:  # `in` would take twice the time
                for key in keys:
                    masked = line.replace(key, _MASK)
                    if masked != line:
                        line = masked
                        self._found("the API key in a record")
        return line

    def content(self, content: bytes, extension: str) -> bytes:
        """The content of a file that a run writes, such as a table, with the known API keys masked if it is a text."""
        return self.line(content) if extension.rpartition(".")[2] in _OF_TEXT else content

    def identity(self, info: dict[str, Any]) -> dict[str, Any]:
        """The content of run.json with the known API keys masked."""
        line = dumps(info)
        masked = self.line(line)
        return info if masked == line else dict(loads(masked))

    def tree(self, tree: Any, name: str = "") -> Any:
        """A copy of a JSON value with secrets masked. Another thread may change its mappings meanwhile.

        Args:
            tree: a value as `_values.plain` makes it.
            name: dotted name of the value, for the report.
        """
        if type(tree) is str:
            return self._string(tree, name)
        if isinstance(tree, Mapping):
            inner = f"{name}." if name else ""
            return {
                key: value if type(value) in _NUMBERS else self.tree(value, f"{inner}{key}")
                for key, value in list(tree.items())
            }
        if isinstance(tree, list):
            return [self.tree(value, name) for value in tree]
        return tree

    def arguments(self, arguments: Iterable[str]) -> list[str]:
        """The arguments of a program, masked: `--password x`, `--password=x` and `password=x`."""
        masked: list[str] = []
        option = ""
        for given in arguments:
            name, equals, value = given.partition("=")
            if equals and re.fullmatch(_NAME, name):
                masked.append(f"{name}={self._string(value, f'argument {name}')}")
                option = ""
            elif given.startswith("-"):
                masked.append(self._string(given, "argument"))
                option = f" {given}"
            else:
                masked.append(self._string(given, f"argument{option}"))
                option = ""
        return masked

    def _string(self, text: str, name: str) -> str:
        if self._enabled and text and self._is_secret(text, name):
            self._found(name)
            return MASK
        if self._enabled and (len(text) >= _LEAST_SHAPE or "://" in text) and _MARK.search(text):
            masked = _shapes().sub(_in_place, text)
            if masked != text:
                self._found(name)
                text = masked
        return self.text(text, name)

    def _is_secret(self, text: str, name: str) -> bool:
        says = weight(name)
        if says == 2 and text.lower() not in _SWITCHES:
            if not (re.search(_WORKING_FOLDER, name) and re.fullmatch(_PATH, text)):
                return True
        elif says == 1 and _looks_random(text):
            return True
        return self._names is not None and bool(self._names.match(name.rpartition(".")[2]) or self._names.match(name))

    def _found(self, name: str) -> None:
        self.count += 1
        for key in self._known:
            name = name.replace(key, MASK)
        self._report(name)
