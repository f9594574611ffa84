"""A line of a log as a pattern, with names in place of its numbers: `iter {step}: loss {loss}, time {time}ms`.

A template cannot take long on any line: a number is matched whole or not at all, a word ends at the first character
that cannot belong to it, and the text that `{*}` stands for is never searched twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Union

from wandb_logging._dataclass import dataclass
from wandb_logging._mining import numbers, units

Found = dict[str, Union[float, str]]

_PLACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_KINDS = ("word", "time", "unit")
_TEXTS = ("text", "string", "any")  # what others call a word
_FORMAT = re.compile(r"[ <>=^+-]{0,2}[\d,]*(?:\.\d+)?[bcdeEfFgGnosxX%]?|int|float|number|num|str")  # of an f-string
_WORD_ENDS = "\\s,;:=|()\\[\\]{}\"'"
_MAX_PLACES = 40
# At the template's end nothing may come that shows it to be part of something else: 0x1f, 1.2.3, 1_000, 0:01:30.
_WHOLE = r"(?![._\u066b]\d|x[0-9a-fA-F]|:\d\d:\d\d)"
_COMMA_HERE = re.compile(r"\s*[-+]?\d+,\d")
_REFERS = re.compile(r"\$(\w+)")
_NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True)
class _Field:
    """What one placeholder gives: a name, and how to turn its text into a value."""

    name: str
    convert: Callable[[str], float | str]
    measured: bool = False


class Template:
    """A template that can be searched for in lines.

    Args:
        text: the template. `{name}` is a number, `{name:word}` a word, `{name:time}` a duration in seconds, `{_}` a
            number to be ignored, `{name:unit}` a number and its unit, if it has one, `{*}` any text.
            `{$name rest}` is a number whose name begins with the word that `name` matched. A blank matches any number
            of blanks; `{{` and `}}` are literal braces.
        decimal: "," if 3,5 means three and a half.
        bare: whether it may be placeholders only, because something else tells where it is tried.
        words: names that are known from a line before; `{$name rest}` may refer to them.

    Raises:
        ValueError: the text is no valid template.
    """

    def __init__(self, text: str, decimal: str = ".", *, bare: bool = False, words: Sequence[str] = ()) -> None:
        self.text = text
        self._words = words
        self._decimal = decimal
        self._fields: list[_Field] = []
        parts = self._parts = _parts(" ".join(text.split()) if text.strip() else "", text, bare=bare)
        self._segments = [re.compile(self._pattern(segment, first=not i)) for i, segment in enumerate(_segments(parts))]
        self.needle = max(
            (piece for kind, part in parts if kind == "text" for piece in part.split()), key=len, default=""
        )
        self.names = tuple(field.name for field in self._fields)
        self._converts = tuple(field.convert for field in self._fields)
        self._measured = tuple(i for i, field in enumerate(self._fields) if field.measured)

    def find(self, text: str, start: int = 0, words: Mapping[str, object] = _NOTHING) -> tuple[Found, int] | None:
        """The values in a line, and where the template ends in it. Blanks in the line must be single.

        `words` are those of a line before, for names that refer to them.
        """
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
                found[_filled(name, {**words, **found}) if "$" in name else name] = convert(value)
        except ValueError:
            return None
        return (self._with_units(found, values, words) if self._measured else found), start

    def _with_units(self, found: Found, values: Sequence[str], words: Mapping[str, object]) -> units.Measured:
        names = ((_filled(self.names[i], {**words, **found}), values[i]) for i in self._measured)
        return units.Measured(found, {name: units.split(value)[1] for name, value in names})

    def stops_at(self, text: str) -> str:
        """Say how far the template fits a line, and what the line has instead. Blanks in the line must be single."""
        for count in range(len(self._parts) - 1, 0, -1):
            part = "".join(
                escaped(literal) if kind == "text" else _shown(kind, literal) for kind, literal in self._parts[:count]
            )
            try:
                match = Template(part, self._decimal).find(text)
            except ValueError:
                break
            if match is not None:
                rest = text[match[1] :]
                then = f"comes {rest[:30]!r}" if rest else "it ends"
                comma = " (a decimal comma? decimal: ',' reads it)" if _COMMA_HERE.match(rest) else ""
                return f"It fits up to {text[: match[1]][-40:]!r}; then {then}{comma}."
        return f"{self.needle!r} is not in it." if self.needle not in text else ""

    def _pattern(self, parts: list[tuple[str, str]], *, first: bool) -> str:
        pattern = []
        for i, (kind, part) in enumerate(parts):
            before = parts[i - 1][1] if i else ""
            after = parts[i + 1][1] if i + 1 < len(parts) else ""
            if kind == "text":
                literal = _literal(part, starts=first and i == 0, ends=i + 1 == len(parts))
                # A blank behind any text is there already if that text is none.
                pattern.append(f"(?:(?<= )| ){literal[1:]}" if part[0] == " " and not (first or i) else literal)
            else:
                pattern.append(self._place(part, before, after))
        return "".join(pattern)

    def _place(self, place: str, before: str, after: str) -> str:
        """The pattern of a placeholder between two texts of the template; notes what it gives."""
        name, kind = _named(place)
        known = {field.name for field in self._fields}
        if name != "_" and name in known:
            _refuse(f"{{{name}}} is there twice")
        unknown = [word for word in _REFERS.findall(name) if word not in known.union(self._words)]
        if unknown:
            _refuse(f"{{{name}}} refers to a word that is not before it: {{{unknown[0]}:word}}")
        group = f"f{len(self._fields)}"
        converts: Mapping[str, Callable[[str], float | str]] = {
            "word": str, "time": numbers.seconds, "unit": self._measure, "": self._number,
        }  # fmt: skip
        self._fields.append(_Field(name, converts[kind], kind == "unit"))
        return _word(group, after) if kind == "word" else self._number_at(kind, group, before, after)

    def _number_at(self, kind: str, group: str, before: str, after: str) -> str:
        """The pattern of a number, with its unit, or of a duration between two texts of the template."""
        value = numbers.LENGTH if kind == "time" else self._numbers
        value += rf"(?: ?{units.FORM})?" if kind == "unit" else ""
        # A group matched within a look-ahead gives nothing back.
        value = f"(?=(?P<{group}>{value}))(?P={group})"
        if kind != "time" and not after.startswith("," if self._decimal == "." else "."):
            value = numbers.UNHALVED[self._decimal] + value
        value += "" if after else _WHOLE
        if not before:
            return r"(?<![\w.,'])" + value
        return value if before.endswith(" ") else f" ?{value}"

    @property
    def _numbers(self) -> str:
        return numbers.COMMA if self._decimal == "," else numbers.POINT

    @property
    def _number(self) -> Callable[[str], float]:
        decimal = self._decimal
        return numbers.number if decimal == "." else lambda text: numbers.number(text, decimal)

    def _measure(self, text: str) -> float:
        return self._number(units.split(text)[0])


def escaped(text: str) -> str:
    """The template that stands for a text as it is."""
    return text.replace("{", "{{").replace("}", "}}")


def with_places(text: str, places: Iterable[tuple[int, int, str]], start: int = 0) -> tuple[str, int]:
    """The template for a line up to its last placeholder, and where that ends in the line.

    Args:
        text: the line.
        places: beginning, end and placeholder of the parts that become one, sorted. One that overlaps with the one
            before is left out.
        start: where the template begins.
    """
    written = ""
    for begin, end, place in places:
        if begin >= start:
            written += escaped(text[start:begin]) + place
            start = end
    return written, start


def _named(place: str) -> tuple[str, str]:
    """The name of a placeholder, and its kind; "" is any number."""
    name, colon, kind = place.rpartition(":")
    if kind not in _KINDS or not colon:
        if colon and (meant := _meant(kind.strip())):
            _refuse(f"{{{place}}}: did you mean {{{name}:{meant}}}?")
        name, kind = place, ""
    formatted = re.fullmatch(r"([^!]*)![rsa](?::.*)?", place)
    if formatted or (_FORMAT.fullmatch(place.rpartition(":")[2]) and colon):
        bare = formatted[1] if formatted else place.partition(":")[0]
        _refuse(f"{{{place}}} has a format behind its name: write {{{bare}}}, for any number")
    return name.strip() or _refuse(f"{{{place}}} has no name"), kind


def _word(group: str, after: str) -> str:
    """The pattern of a word, which also ends where the text behind it begins."""
    ends = _WORD_ENDS + (re.escape(after[0]) if after[:1].strip() else "")
    return f"(?P<{group}>[^{ends}]{{1,64}})"


def _meant(kind: str) -> str | None:
    """The kind that was probably meant behind the colon of a placeholder; None if that is part of a name."""
    import difflib  # noqa: PLC0415  seldom needed

    return "word" if kind in _TEXTS else next(iter(difflib.get_close_matches(kind, _KINDS, 1, 0.7)), None)


def _shown(kind: str, text: str) -> str:
    return "{*}" if kind == "any" else f"{{{text}}}"


def _refuse(why: str) -> str:
    raise ValueError(why)


def _filled(name: str, found: Mapping[str, object]) -> str:
    """Put matched words into a name that refers to them, such as `$name` or `$name rest`."""
    return _REFERS.sub(lambda match: str(found.get(match[1], match[0])), name)


def _parts(text: str, whole: str, *, bare: bool) -> list[tuple[str, str]]:
    """The template as pairs (kind, text). A kind is literal text, a placeholder, or any text."""
    # A blank at either end requires a blank there, or the beginning or end of the line.
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
    if not bare and not any(kind == "text" and part.strip() for kind, part in parts):
        _refuse("needs some text of the line, not only placeholders")
    return parts


def _segments(parts: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Split the parts at those that stand for any text."""
    segments: list[list[tuple[str, str]]] = [[]]
    for kind, part in parts:
        if kind == "any":
            segments.append([])
        else:
            segments[-1].append((kind, part))
    # A blank between two of these also counts as any text.
    return [segment for segment in segments if any(part.strip() for _, part in segment)]


def _literal(text: str, *, starts: bool, ends: bool) -> str:
    """The pattern for literal text. At the template's ends it does not match from or to the middle of a word."""
    pattern = re.escape(text).replace("\\ ", " ")
    if text.startswith("."):
        pattern = r"\.?" + pattern[2:]  # a full stop as in `1.0.` may have been taken as a decimal point
    elif text.startswith("]"):
        pattern = " ?" + pattern  # `[1.5  0.25]` is an array as much as `[1.5  0.2 ]` is
    if starts:
        pattern = (
            "(?:^|(?<= ))" + pattern[1:] if text[0] == " " else (r"(?<!\w)" if text[0].isalnum() else "") + pattern
        )
    if ends:
        pattern = pattern[:-1] + "(?: |$)" if text[-1] == " " else pattern + (r"(?!\w)" if text[-1].isalpha() else "")
    return pattern
