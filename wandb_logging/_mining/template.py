"""A line of a log with its numbers replaced by names, as a pattern: `iter {step}: loss {loss}, time {time}ms`.

What it becomes cannot take long on any line: numbers are matched whole or not at all, words end at the first character
that cannot belong to them, and what `{*}` stands for is never looked for twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Union

from wandb_logging._dataclass import dataclass
from wandb_logging._mining import numbers

Found = dict[str, Union[float, str]]

_PLACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_KINDS = ("word", "time")
_WORD_ENDS = "\\s,;:=|()\\[\\]{}\"'"
_MAX_PLACES = 40


@dataclass(frozen=True)
class _Field:
    """What one placeholder gives: under which name, and how its text becomes a value."""

    group: str
    name: str
    convert: Callable[[str], float | str]


class Template:
    """A template, ready to be looked for.

    Args:
        text: the template. `{name}` is a number, `{name:word}` a word, `{name:time}` a duration in seconds, `{_}` a
            number that is not wanted, `{*}` any text; `{$name rest}` is a number whose name begins with the word
            `name`. A blank stands for any blanks; `{{` and `}}` are braces.
        decimal: "," where 3,5 is three and a half.

    Raises:
        ValueError: it is no such template.
    """

    def __init__(self, text: str, decimal: str = ".") -> None:
        self.text = text
        self._decimal = decimal
        self._fields: list[_Field] = []
        parts = self._parts = _parts(" ".join(text.split()) if text.strip() else "", text)
        self._segments = [re.compile(self._pattern(segment, first=not i)) for i, segment in enumerate(_segments(parts))]
        self.needle = max(
            (piece for kind, part in parts if kind == "text" for piece in part.split()), key=len, default=""
        )
        self.names = tuple(field.name for field in self._fields)
        self._converts = tuple(field.convert for field in self._fields)

    def find(self, text: str, start: int = 0) -> tuple[Found, int] | None:
        """What a line says, and where the template ends in it. The line's blanks are single ones."""
        values: tuple[str, ...] = ()
        for segment in self._segments:
            match = segment.search(text, start)
            if match is None:
                return None
            values += match.groups()
            start = match.end()
        found: Found = {}
        try:
            for name, value, convert in zip(self.names, values, self._converts):
                found[_filled(name, found) if "$" in name else name] = convert(value)
        except ValueError:
            return None
        return found, start

    def stops_at(self, text: str) -> str:
        """How far the template fits a line, and what comes there instead. The line's blanks are single ones."""
        for count in range(len(self._parts) - 1, 0, -1):
            part = "".join(
                literal if kind == "text" else _shown(kind, literal) for kind, literal in self._parts[:count]
            )
            try:
                match = Template(part, self._decimal).find(text)
            except ValueError:
                break
            if match is not None:
                return f"It fits up to {text[: match[1]][-40:]!r}; then comes {text[match[1] :][:30]!r}."
        return f"{self.needle!r} is not in it." if self.needle not in text else ""

    def _pattern(self, parts: list[tuple[str, str]], *, first: bool) -> str:
        pattern = []
        for i, (kind, part) in enumerate(parts):
            before = parts[i - 1][1] if i else ""
            after = parts[i + 1][1] if i + 1 < len(parts) else ""
            if kind == "text":
                pattern.append(_literal(part, starts=first and i == 0, ends=i + 1 == len(parts)))
            else:
                pattern.append(self._place(part, before, after, alone=not before))
        return "".join(pattern)

    def _place(self, place: str, before: str, after: str, *, alone: bool) -> str:
        name, colon, kind = place.rpartition(":")
        if kind not in _KINDS or not colon:
            name, kind = place, ""
        name = name.strip() or _refuse(f"{{{place}}} has no name")
        if name != "_" and name in {field.name for field in self._fields}:
            _refuse(f"{{{name}}} is there twice")
        group = f"f{len(self._fields)}"
        convert: Callable[[str], float | str]
        if kind == "word":
            ends = _WORD_ENDS + (re.escape(after[0]) if after[:1].strip() else "")
            value, convert = f"(?P<{group}>[^{ends}]{{1,64}})", str
        else:
            convert = numbers.seconds if kind == "time" else self._number
            value = numbers.DURATION + r"|" + numbers.POINT + r" ?[a-zµμ]{0,7}" if kind == "time" else self._numbers
            # Matched within a look-ahead, it gives nothing back.
            value = f"(?=(?P<{group}>{value}))(?P={group})"
            value = ("" if before.endswith(" ") or alone else " ?") + (r"(?<![\w.,'])" if alone else "") + value
        self._fields.append(_Field(group, name, convert))
        return value

    @property
    def _numbers(self) -> str:
        return numbers.COMMA if self._decimal == "," else numbers.POINT

    @property
    def _number(self) -> Callable[[str], float]:
        decimal = self._decimal
        return numbers.number if decimal == "." else lambda text: numbers.number(text, decimal)


def _shown(kind: str, text: str) -> str:
    return "{*}" if kind == "any" else f"{{{text}}}"


def _refuse(why: str) -> str:
    raise ValueError(why)


def _filled(name: str, found: Found) -> str:
    """A name with the words that it refers to, as `$name` or `$name rest`."""
    return re.sub(r"\$(\w+)", lambda match: str(found.get(match[1], match[0])), name)


def _parts(text: str, whole: str) -> list[tuple[str, str]]:
    """The template as (kind, text): literal text, a place, or any text."""
    # A blank at either end means that there is one, or that the line begins or ends.
    text = (" " if whole[:1].isspace() else "") + text + (" " if whole[-1:].isspace() and text else "")
    parts: list[tuple[str, str]] = []
    literal, at = "", 0
    for match in _PLACES.finditer(text):
        literal += text[at : match.start()]
        at = match.end()
        if match[0] in {"{{", "}}"}:
            literal += match[0][0]
            continue
        if literal:
            parts.append(("text", literal))
        literal = ""
        parts.append(("any", "") if match[1].strip() == "*" else ("place", match[1]))
    literal += text[at:]
    if "{" in re.sub(_PLACES, "", text) or "}" in re.sub(_PLACES, "", text):
        _refuse("a brace is not closed; {{ and }} stand for braces")
    if literal:
        parts.append(("text", literal))
    if sum(kind != "text" for kind, _ in parts) > _MAX_PLACES:
        _refuse(f"has more than {_MAX_PLACES} placeholders")
    for (kind, _), (other, _) in zip(parts, parts[1:]):
        if kind == other == "place":
            _refuse("two placeholders need text between them")
    if not any(kind == "text" and part.strip() for kind, part in parts):
        _refuse("needs some text of the line, not only placeholders")
    return parts


def _segments(parts: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """The parts between those that stand for any text."""
    segments: list[list[tuple[str, str]]] = [[]]
    for kind, part in parts:
        if kind == "any":
            segments.append([])
        else:
            segments[-1].append((kind, part))
    # A blank between two of them is any text, too.
    return [segment for segment in segments if any(part.strip() for _, part in segment)]


def _literal(text: str, *, starts: bool, ends: bool) -> str:
    """Text as it is in the line; at the ends of the template it does not begin or end within a word."""
    pattern = re.escape(text).replace("\\ ", " ")
    if text.startswith("."):
        pattern = r"\.?" + pattern[2:]  # the full stop after 1.0: it may have been taken for a decimal point
    if starts:
        pattern = (
            "(?:^|(?<= ))" + pattern[1:] if text[0] == " " else (r"(?<!\w)" if text[0].isalnum() else "") + pattern
        )
    if ends:
        pattern = pattern[:-1] + "(?: |$)" if text[-1] == " " else pattern + (r"(?!\w)" if text[-1].isalpha() else "")
    return pattern
