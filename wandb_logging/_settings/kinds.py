"""The kinds of values that settings take. An object for each has the check, the JSON Schema and the type.

A kind is an object such as `Text(most=64)`; a kind may be made of others: `ListOf(Text(most=64))`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import numbers
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from wandb_logging._dataclass import dataclass
from wandb_logging._events.metrics import AGGREGATES, Metric
from wandb_logging._values.mappings import MAX_DEPTH, Unreadable, mapping_of, read_items
from wandb_logging._values.utf8 import with_utf8

T_co = TypeVar("T_co", covariant=True)

# Characters that a class of characters in a pattern of JSON Schema (JavaScript) must escape; Python reads the same.
_IN_CLASS = {"\\": r"\\", "]": r"\]", "^": r"\^", "-": r"\-", "\0": r"\x00"}

USERINFO = r"(?<=://)[^/\s]*(?=@)"
_HOST = r"https?://(\[[0-9A-Fa-f:.]+(%[^/\s\]]+)?\]|[^/\s:\[\]?#]+)(:(?P<port>\d{1,5}))?(/\S*)?"
_MOMENT = r"^([^?]+)\?_step=(\d+)$"

MAX_PORT = 65535

# What a record of `logging` has under these names cannot be given in `extra=`, or is something else.
RECORD_NAMES = (
    *("args", "asctime", "created", "exc_info", "exc_text", "filename", "funcName", "levelname", "levelno", "lineno"),
    *("message", "module", "msecs", "msg", "name", "pathname", "process", "processName", "relativeCreated"),
    *("stack_info", "taskName", "thread", "threadName"),
)

# Signals that end a program which does not handle them.
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")


class Kind(Generic[T_co]):
    """One kind of value.

    Attributes:
        schema: its JSON Schema.
        hint: type annotation for the values that may be given; those that are kept may be of a narrower type.
    """

    hint = "str"

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of what may be given."""
        raise NotImplementedError

    def keep(self, value: object) -> T_co:
        """The value to keep.

        Raises:
            ValueError: the value is not of this kind; the message says what would be right.
        """
        raise NotImplementedError

    def parse(self, text: str) -> object:
        """The value for the text of an environment variable, not checked yet.

        Raises:
            ValueError: as `keep`.
        """
        return text


@dataclass(frozen=True)
class Text(Kind[str]):
    """A text that is not blank.

    Args:
        most: longest length in characters.
        without: characters that it cannot have.
        is_name: whether it also names a folder: then it may not begin with a dot.
        trimmed: whether it may not have spaces around it.
        for_people: whether characters without UTF-8, as in file names of another encoding, are replaced. Otherwise
            they are an error, for the text is used to find things again.
    """

    most: int | None = None
    without: str = ""
    is_name: bool = False
    trimmed: bool = False
    for_people: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """Length and pattern."""
        length = {} if self.most is None else {"maxLength": self.most}
        return {"type": "string", **length, "pattern": self._pattern}

    @property
    def _pattern(self) -> str:
        if not (self.without or self.is_name or self.trimmed):
            return r"\S"
        ahead = (r"(?!\.)" if self.is_name else "") + (r"(?=\S)(?![\s\S]*\s$)" if self.trimmed else r"(?=[\s\S]*\S)")
        without = "".join(_IN_CLASS.get(character, character) for character in self.without)
        return f"^{ahead}[^{without}]+$" if without else f"^{ahead}"

    def keep(self, value: object) -> str:
        """The text itself."""
        if not isinstance(value, str):
            raise ValueError("a string")
        if not value.strip():
            raise ValueError("a string that is not empty")
        if self._is_wrong(value):
            raise ValueError(self._right())
        written = with_utf8(value)
        if written != value and not self.for_people:
            raise ValueError("a string that can be written as UTF-8")
        return written

    def _is_wrong(self, text: str) -> bool:
        return (
            (self.most is not None and len(text) > self.most)
            or not set(self.without).isdisjoint(text)
            or (self.is_name and text.startswith("."))
            or (self.trimmed and text != text.strip())
        )

    def _right(self) -> str:
        shown = " ".join(sorted(self.without.replace("\0", ""), key=self.without.index))
        parts = (
            self.most is not None and f"at most {self.most} characters",
            self.without and f"none of {shown}",
            self.is_name and "no dot in front",
            self.trimmed and "no spaces around it",
        )
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class ExtraKey(Kind[str]):
    """A key of `extra=`, which `logging` makes an attribute of the record."""

    @property
    def schema(self) -> dict[str, Any]:
        """Any text but the names that each record has."""
        return {**Text().schema, "not": {"enum": list(RECORD_NAMES)}}

    def keep(self, value: object) -> str:
        """The text itself."""
        text = Text().keep(value)
        if text in RECORD_NAMES:
            raise ValueError(f"another name than those that each log record has: {', '.join(RECORD_NAMES)}")
        return text


@dataclass(frozen=True)
class Choice(Kind[str]):
    """One of a few words, in any case.

    Args:
        words: the words.
        aliases: other words for them.
    """

    words: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, *words: str, **aliases: str) -> Choice:
        """One of these words; `old="new"` makes old another word for new."""
        return cls(words, tuple(aliases.items()))

    @property
    def hint(self) -> str:  # type: ignore[override]  # an attribute of the others, made here of the words
        """A Literal of the words."""
        return "Literal[" + ", ".join(f'"{word}"' for word in (*self.words, *dict(self.aliases))) + "]"

    @property
    def schema(self) -> dict[str, Any]:
        """The words, for completion; not their aliases."""
        return {"enum": list(self.words)}

    def keep(self, value: object) -> str:
        """The word."""
        given = value.strip().lower() if isinstance(value, str) else value
        word = dict(self.aliases).get(given, given) if isinstance(given, str) else given
        if word not in self.words:
            import difflib  # noqa: PLC0415  only for a word that is wrong

            near = difflib.get_close_matches(str(given), self.words, 1)
            raise ValueError(" or ".join(self.words) + (f"; did you mean {near[0]}?" if near else ""))
        return str(word)


@dataclass(frozen=True)
class Flag(Kind[bool]):
    """True or false."""

    hint = "bool"

    @property
    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}

    def keep(self, value: object) -> bool:
        """The boolean itself. 1 and "yes" are refused."""
        if not isinstance(value, bool):
            raise ValueError("true or false")
        return value

    def parse(self, text: str) -> bool:
        """From 1, true, yes, on and their opposites."""
        word = text.strip().lower()
        if word in {"1", "true", "yes", "on"}:
            return True
        if word in {"0", "false", "no", "off", ""}:
            return False
        raise ValueError("true or false")


@dataclass(frozen=True)
class Seconds(Kind[float]):
    """A time in seconds.

    Args:
        at_least: shortest time.
    """

    at_least: float = 0
    hint = "float"

    @property
    def schema(self) -> dict[str, Any]:
        """A number with its minimum."""
        return {"type": "number", "minimum": self.at_least}

    def keep(self, value: object) -> float:
        """The time; one that is longer than a thread can wait, such as infinity, becomes the longest possible."""
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or value != value:
            raise ValueError("a number")
        if value < self.at_least:
            raise ValueError(f"seconds, at least {self.at_least:g}")
        return float(value) if value < threading.TIMEOUT_MAX else threading.TIMEOUT_MAX

    def parse(self, text: str) -> float:
        """From digits."""
        try:
            return float(text)
        except ValueError:
            raise ValueError("a number") from None


@dataclass(frozen=True)
class Whole(Kind[int]):
    """A whole number.

    Args:
        unit: of what, in the plural.
        at_least: smallest one.
    """

    unit: str
    at_least: int
    hint = "int"

    @property
    def schema(self) -> dict[str, Any]:
        """An integer with its minimum."""
        return {"type": "integer", "minimum": self.at_least}

    def keep(self, value: object) -> int:
        """The number."""
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < self.at_least:
            raise ValueError(self._right())
        return int(value)

    def parse(self, text: str) -> int:
        """From digits."""
        try:
            return int(text)
        except ValueError:
            raise ValueError(self._right()) from None

    def _right(self) -> str:
        return f"a whole number of {self.unit}, at least {self.at_least}"


@dataclass(frozen=True)
class ListOf(Kind["tuple[str, ...]"]):
    """A list of texts, each kept once. One text is a list of one; an environment variable has commas between them.

    Args:
        item: the kind of each text.
        example: an example of a list, for messages.
    """

    item: Kind[str]
    example: str
    hint = "str | Sequence[str]"

    @property
    def schema(self) -> dict[str, Any]:
        """A list, or one."""
        return {"anyOf": [{"type": "array", "items": self.item.schema}, self.item.schema]}

    def keep(self, value: object) -> tuple[str, ...]:
        """A tuple of them, in their order."""
        if not isinstance(value, (str, list, tuple)):
            raise ValueError(f"a list of strings, such as {self.example}")
        try:
            texts = [self.item.keep(text) for text in ([value] if isinstance(value, str) else value)]
        except ValueError as exc:
            raise ValueError(f"a list such as {self.example}, each of them {exc}") from None
        return tuple(dict.fromkeys(texts))

    def parse(self, text: str) -> list[str]:
        """From texts with commas between them."""
        return _between_commas(text)


@dataclass(frozen=True)
class AnyOf(Kind["tuple[str, ...]"]):
    """A list of some of a few names.

    Args:
        names: the names.
        or_all: whether true is taken for all names, and false for none.
        missing: names that this system does not have.
    """

    names: tuple[str, ...]
    or_all: bool = False
    missing: tuple[str, ...] = ()

    @property
    def hint(self) -> str:  # type: ignore[override]  # as in Choice
        """With bool only if that is taken."""
        return "bool | str | Sequence[str]" if self.or_all else "str | Sequence[str]"

    @property
    def schema(self) -> dict[str, Any]:
        """A list of names, or one."""
        name = {"enum": list(self.names)}
        flag = [{"type": "boolean"}] if self.or_all else []
        return {"anyOf": [*flag, {"type": "array", "items": name}, name]}

    def keep(self, value: object) -> tuple[str, ...]:
        """A tuple of them, in their order."""
        if self.or_all and isinstance(value, bool):
            return self.names if value else ()
        names = [name for name in self.names if name not in self.missing]
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, (list, tuple)) or not all(name in names for name in given):
            raise ValueError(("true, false, or " if self.or_all else "") + f"a list of {', '.join(names)}")
        return tuple(dict.fromkeys(given))

    def parse(self, text: str) -> list[str]:
        """From names with commas between them."""
        return _between_commas(text)


@dataclass(frozen=True)
class Level(Kind[int]):
    """A level of `logging`, by name or number."""

    hint = "int | str"

    @property
    def schema(self) -> dict[str, Any]:
        """Any name, for a program may have levels of its own; or a number."""
        return {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}]}

    def keep(self, value: object) -> int:
        """The number."""
        import logging  # noqa: PLC0415  it is not needed for the settings of a command

        level = logging.getLevelName(value) if isinstance(value, str) else value
        if isinstance(level, bool) or not isinstance(level, int) or level < 0:
            raise ValueError("a level, such as ERROR")
        return level


@dataclass(frozen=True)
class Console(Kind["bool | int"]):
    """False, true, or the level from which text is sent, as a number from 1 on."""

    hint = "bool | int | str"

    @property
    def schema(self) -> dict[str, Any]:
        """A flag or a level."""
        return {"anyOf": [Flag().schema, *Level().schema["anyOf"]]}

    def keep(self, value: object) -> bool | int:
        """The flag, or the level's number; level 0 is true."""
        if isinstance(value, bool):
            return value
        try:
            return Level().keep(value) or True
        except ValueError:
            raise ValueError("true, false, or a level such as WARNING") from None

    def parse(self, text: str) -> bool:
        """False for "off", true for anything else: the official SDK has several words for that."""
        return text.strip().lower() != "off"


@dataclass(frozen=True)
class Address(Kind[str]):
    """The address of an API or of web pages."""

    @property
    def schema(self) -> dict[str, Any]:
        """A URL. Its port and that of W&B's cloud are checked in `keep` alone."""
        return {"type": "string", "pattern": r"^https?://[^/\s]+"}

    def keep(self, value: object) -> str:
        """The address without a slash at its end."""
        text = Text().keep(value).rstrip("/")
        # To compile a pattern takes as long as much else of making a handler: of a usual address it is only one.
        found = re.fullmatch(_HOST, text)
        if not found and not re.match(r"https?://[^/\s]+", text):
            raise ValueError("a URL that starts with https:// (or http://)")
        if "@" in text and re.search(USERINFO, text):
            raise ValueError("a URL without a user or key in it: the key goes to api_key, WANDB_API_KEY or netrc")
        if not found or int(found["port"] or 0) > MAX_PORT:
            raise ValueError(f"a URL without spaces, with a host and, if any, a port up to {MAX_PORT}")
        if not text.startswith("https://api.") and re.match(r"https?://([^/]*\.)?wandb\.ai(/|$)", text):
            raise ValueError("https://api.wandb.ai for W&B's own cloud (protocol 2.4)")
        return text


@dataclass(frozen=True)
class Moment(Kind[str]):
    """A run and one of its steps.

    Args:
        run_id: the kind of the run's id.
    """

    run_id: Kind[str]

    @property
    def schema(self) -> dict[str, Any]:
        """A text of that form."""
        return {"type": "string", "pattern": _MOMENT}

    def keep(self, value: object) -> str:
        """The text itself."""
        match = re.match(_MOMENT, Text().keep(value))
        if not match:
            raise ValueError("a run and a step, such as k3v9x0ab?_step=200")
        self.run_id.keep(match[1])
        return match[0]


def moment(text: str | None) -> tuple[str, int] | None:
    """The run id and step that a `Moment` names."""
    match = re.match(_MOMENT, text) if text else None
    return (match[1], int(match[2])) if match else None


@dataclass(frozen=True)
class Folder(Kind[Path]):
    """The path of a folder.

    Args:
        within: name of the folder inside the one that the environment variable names; "" for that one itself.
    """

    within: str = ""
    hint = "str | os.PathLike[str]"

    @property
    def schema(self) -> dict[str, Any]:
        """A text."""
        return {"type": "string", "minLength": 1}

    def keep(self, value: object) -> Path:
        """The path, with ~ as the home."""
        if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
            raise ValueError("a path")
        path = Path(os.fsdecode(os.fspath(value)))
        if "\0" in str(path):
            raise ValueError("a path without NUL")
        # The user has no home, as in a container (a KeyError on Python 3.9): an error is raised when the path is used.
        with contextlib.suppress(RuntimeError, KeyError):
            path = path.expanduser()
        return path

    def parse(self, text: str) -> str:
        """The path of the folder inside that one."""
        return str(Path(text) / self.within)


@dataclass(frozen=True)
class Config(Kind["Mapping[str, Any]"]):
    """Hyperparameters."""

    hint = "object"

    @property
    def schema(self) -> dict[str, Any]:
        """An object."""
        return {"type": "object"}

    def keep(self, value: object) -> dict[str, Any]:
        """A mapping of texts, copied."""
        opened = mapping_of(value)
        if not isinstance(opened, Mapping):
            raise ValueError("a mapping, such as {learning_rate: 0.01}, or a namespace, dataclass or model")
        return dict(_named(key, item) for key, item in read_items(opened).items())


def _named(key: object, value: object) -> tuple[str, object]:
    """A key as a text with its value copied. A key that has no text costs only itself, which the run reports."""
    try:
        return str(key), _copied(value)
    except Exception as exc:
        return f"({type(key).__name__})", Unreadable(exc)


@dataclass(frozen=True)
class Definitions(Kind["Sequence[Metric]"]):
    """Definitions of metrics."""

    hint = "Sequence[Metric | Mapping[str, Any]]"

    @property
    def schema(self) -> dict[str, Any]:
        """A list of objects."""
        aggregate = {"enum": list(AGGREGATES)}
        parts = {
            "name": {"type": "string", "minLength": 1, "pattern": r"^[^*]*\*?$"},
            "step_metric": {"type": "string", "minLength": 1},
            "step_sync": Flag().schema,
            "hidden": Flag().schema,
            "summary": {"anyOf": [{"type": "string"}, {"type": "array", "items": aggregate}]},
            "overwrite": Flag().schema,
        }
        item = {"type": "object", "properties": parts, "required": ["name"], "additionalProperties": False}
        return {"type": "array", "items": item}

    def keep(self, value: object) -> tuple[Metric, ...]:
        """Each of them as a Metric."""
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ValueError('a list, such as [{name: "val/*", step_metric: epoch, summary: max}]')
        return tuple(_definition(value[i]) for i in range(len(value)))


@dataclass(frozen=True)
class Function(Kind["Callable[[Any], object]"]):
    """Something to call with the run."""

    hint = "Callable[[Any], object]"

    @property
    def schema(self) -> dict[str, Any]:
        """In a file, a reference that dictConfig resolves."""
        return {"type": "string", "pattern": "^(ext|cfg)://"}

    def keep(self, value: object) -> Callable[[Any], object]:
        """The function itself."""
        if not callable(value):
            raise ValueError("a callable (in dictConfig: ext://package.function)")
        return value


def _between_commas(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _definition(value: object) -> Metric:
    if isinstance(value, Metric):
        return value
    known = [item.name for item in dataclasses.fields(Metric)]
    if not isinstance(value, Mapping) or "name" not in value:
        raise ValueError(f"of each definition its name, and any of {', '.join(known[1:])}")
    for key in value:
        if key not in known:
            raise ValueError(f"of each definition any of {', '.join(known)}, not {key!r}")
    return Metric.of(**{key: _copied(value[key]) for key in value})


def _copied(value: Any, depth: int = 0) -> Any:
    # dictConfig gives a ConvertingDict or ConvertingList, whose `[]` resolves ext:// and cfg://, but whose iteration
    # does not. So values are read by key and index.
    if depth > MAX_DEPTH:  # `plain` reports it as too deep; a value that holds itself would be copied for ever
        return value
    if issubclass(type(value), dict):  # `isinstance` may call code of the value, which may raise
        return {key: _copied(item, depth + 1) for key, item in read_items(value).items()}
    if issubclass(type(value), list):
        return [_copied(value[i], depth + 1) for i in range(len(value))]
    return value
