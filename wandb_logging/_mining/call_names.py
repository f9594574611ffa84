"""The names that the template of a logging call gives its values: `epoch %d loss %.4f` has `epoch` and `loss`.

A name may have other values in it: `%s loss: %.4f` is called `val loss` where the first value is `val`. So it is a
sequence of texts and of parts, which are filled in with each call.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Union

from wandb_logging._mining import lines
from wandb_logging._mining.call_marks import FIRST, MARKS, NUMBER, WORD, index_of, mark_of, without_marks
from wandb_logging._mining.call_metrics import all_of, metrics_of, with_unnamed
from wandb_logging._mining.pairs import Pair, pairs
from wandb_logging._mining.vocabulary import (
    APART,
    APART_WORDS,
    is_metric,
    is_rate,
    is_setting,
    is_timing,
    step_rank,
    words,
)

PERCENT = re.compile(r"%(?:\((?P<key>[^)]*)\))?[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[hlL]?(?P<kind>[diouxXeEfFgGcrsa%])")
BRACES = re.compile(r"\{\{|\}\}|\{(?P<key>[^{}:!]*)(?:![rsa])?(?::(?P<form>(?:[^{}]|\{[^{}]*\})*))?\}")
DOLLARS = re.compile(r"\$(?:\$|\{(?P<key>[A-Za-z_]\w*)\}|(?P<bare>[A-Za-z_]\w*))")
_ESCAPED = frozenset({"%%", "{{", "}}", "$$"})
_TEXT_KINDS = frozenset("sra")

Place = Union[int, str]  # of a value: its position, or its key


class Part(NamedTuple):
    """A value in a name.

    Attributes:
        place: the value.
        only: which texts count; others are left out.
        then: what stands behind the text in the name.
    """

    place: Place
    only: re.Pattern[str]
    then: str = ""


Name = tuple[Union[str, Part], ...]
Names = Mapping[Place, Name]

_GLUED = re.compile(r"[A-Za-z][\w.@+-]{0,40}|-?\d{1,3}(?:\.\d{1,3})?")  # loss_%s, top-%d
_ALL = re.compile(r"[A-Za-z][\w@/. -]{0,60}")  # %s: %.4f
_APART = re.compile(APART_WORDS, re.IGNORECASE)
_SPLIT = re.compile(rf"{APART_WORDS}|train|training", re.IGNORECASE)


def filled(name: Name, values: Any) -> str:
    """A name with the values in it, of those that belong there."""
    texts = [part if isinstance(part, str) else _text(part, values) for part in name]
    return "".join(texts).strip(" " if all(texts) else _JOINTS)


def _text(part: Part, values: Any) -> str:
    try:
        value = values[part.place]
    except (IndexError, KeyError, TypeError):
        return ""
    text = value if isinstance(value, str) else f"{value:.6g}" if isinstance(value, (int, float)) else ""
    return text + part.then if part.only.fullmatch(text) else ""


def without_values(name: Name) -> str:
    """What remains of a name without the values in it."""
    return "".join(part for part in name if isinstance(part, str)).strip(_JOINTS)


def names_nothing(rest: str) -> bool:
    """Whether what remains of a name without its values tells no more than of which part of the data it is."""
    return not rest or bool(_SPLIT.fullmatch(rest))


_JOINTS = " -_@#/"  # what stands between a value and the rest of a name


def may_be_texts(template: str, places: re.Pattern[str]) -> tuple[Place, ...]:
    """The places of a template whose values may be texts: those of `%s`, `%r`, `{}`, `$name`."""
    found = places_of(template, places)
    return tuple(dict.fromkeys(place for place, kind, _ in found if kind in _TEXT_KINDS))


def places_of(template: str, places: re.Pattern[str]) -> Iterator[tuple[Place, str, re.Match[str]]]:
    """The placeholders of a template: the position or key of the value, the kind, and the match."""
    taken = 0  # values that have no key
    for match in places.finditer(template):
        if match[0] in _ESCAPED:
            continue
        groups = match.groupdict()
        key, path = match["key"] or groups.get("bare") or "", ""
        if places is BRACES:
            key, path = _HEAD_OF_FIELD.findall(key)[0]
        if not key:
            # A width or precision is a value, too, and no metric: with % it comes before, with braces behind.
            taken += match[0].count("*") if places is PERCENT else 0
            key, taken = str(taken), taken + 1
        taken += len(_EMPTY_FIELD.findall(groups.get("form") or ""))
        yield f"{key}{path}" if path else int(key) if key.isdigit() else key, groups.get("kind", "s"), match


_HEAD_OF_FIELD = re.compile(r"([^.\[]*)(.*)", re.DOTALL)  # 0 and .avg of {0.avg}
_EMPTY_FIELD = re.compile(r"\{[!:}]")


def names_of(
    template: str, places: re.Pattern[str], texts: Collection[Place] = (), *, every: bool = False
) -> Names | None:
    """The names that a template gives its values, by position or key; None if the template does not look like metrics.

    Args:
        template: the text with its placeholders.
        places: the pattern of a placeholder.
        texts: the values that are texts.
        every: whether each number is a metric, by the words before it if it has no better name.
    """
    template = lines.clean(template)
    try:
        found = list(places_of(template, places))
    except (TypeError, ValueError):
        return None
    keys = [place for place, _, _ in found]
    text, at = "", 0
    for i, (place, _, match) in enumerate(found):
        text += without_marks(places.sub(_unescaped, template[at : match.start()]))
        at = match.end()
        text += mark_of(i, text=place in texts and _may_name(text, template[at : at + 8]))
    text = _OF.sub(r"\1", _LIST.sub(_each_named, text + without_marks(places.sub(_unescaped, template[at:]))))
    text = _WHEN.sub(_step_first, _SAID.sub(r"\1:", text))
    numbers = [pair for pair in pairs(text) if FIRST <= pair.value < FIRST + len(keys)]
    numbers = with_unnamed(text, numbers, len(keys)) if every else numbers
    for pair in numbers:
        key = _place(pair, keys)
        if not pair.name and isinstance(key, str):
            pair.name, pair.sep = key, "="
    sections = _sections(text, numbers, keys, texts)
    names: dict[Place, Name] = {}
    told = [pair for pair in numbers if _place(pair, keys) not in texts]
    for pair, name in all_of(text, told) if every else metrics_of(text, told):
        before = () if step_rank(name) is not None else sections[id(pair)]
        made = _joined((*before, *_parts(name, keys)))
        if made:
            names.setdefault(_place(pair, keys), made)
    return names or None


def _unescaped(match: re.Match[str]) -> str:
    return match[0][0]


def _place(pair: Pair, keys: Sequence[Place]) -> Place:
    return keys[int(pair.value) - FIRST]


def _may_name(before: str, after: str) -> bool:
    """Whether a text can be part of a name; not if it is the value of one, as in `eta %s loss %f`."""
    if before[-1:].isalnum() or before[-1:] in {*"_-/@#"} or re.match(r"[\w/@-]|\s?[:=]", after):
        return True
    return not before.rstrip(" :=")[-1:].isalpha()


_OF = re.compile(rf"(?<![\w.])({NUMBER})(?: ?/ ?| of ){NUMBER}(?![\w.])")  # %d/%d, %d of %d: how many of how many
_LIST = re.compile(
    r"(?<![\w/])(?P<names>[A-Za-z][\w@.-]*(?: ?/ ?[A-Za-z][\w@.-]*){1,4})(?P<rest>(?: [A-Za-z][\w-]*)?) ?[:= ] ?"
    rf"(?P<numbers>{NUMBER}(?: ?/ ?{NUMBER}){{1,4}})(?![\w/])"
)


def _each_named(match: re.Match[str]) -> str:
    """`train/val loss: 0.5/0.6` with a name for each number."""
    names, numbers = (re.split(r" ?/ ?", match[part]) for part in ("names", "numbers"))
    of_one = bool(_SPLIT.fullmatch(names[0])) and not all(map(_SPLIT.fullmatch, names))  # val/loss is one name
    if len(names) != len(numbers) or of_one or is_rate(match["names"]):
        return match[0]
    return ", ".join(f"{name}{match['rest']}: {number}" for name, number in zip(names, numbers))


_WHEN = re.compile(
    r"(?P<name>[A-Za-z][\w@/-]*(?: [\w@/-]+){0,3}?) (?:after|at|on|in|over|for) "
    r"(?:the )?(?P<last>(?:last |past |previous )?)"
    rf"(?:(?P<unit>[A-Za-z]+)[ #]{{1,2}})?(?P<n>{NUMBER})(?: (?P<units>[A-Za-z]+))?"
    rf"(?:\s*[:=]|\s(?:is|was)\b)\s*(?={NUMBER})"
)


def _step_first(match: re.Match[str]) -> str:
    """`Loss after 100 steps: 0.5` with the step first, as in other lines."""
    unit = match["unit"] or match["units"] or ""
    if not is_metric(match["name"]):
        return match[0]
    counts = step_rank(unit) is not None and not match["last"]
    return f"{unit} {match['n']}, {match['name']}: " if counts else f"{match['name']}: "


def _parts(name: str, keys: Sequence[Place]) -> Iterator[str | Part]:
    """A name with values in place of their marks; without a number in front, and texts that stand apart in it."""
    at = 0
    for match in MARKS.finditer(name):
        yield name[at : match.start()]
        at = match.end()
        before, mark, after = match.groups()
        if not 0 <= index_of(mark) < len(keys):  # digits of the template that touch a mark
            yield match[0]
            continue
        place = keys[index_of(mark)]
        glued = before.strip(" ") != "" or (match.start() > 0 and not before) or (at < len(name) and not after)
        if mark.isdigit() and match.start() == 0:
            continue
        if match[0] == name:
            yield Part(place, _ALL)
        elif glued:
            yield from (before, Part(place, _GLUED), after)
        elif not mark.isdigit():
            yield from (before, Part(place, _SPLIT, " "))
        else:
            yield " "
    yield name[at:]


def _joined(parts: Sequence[str | Part]) -> Name:
    """The parts of a name with texts side by side as one."""
    joined: list[str | Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part:
            joined.append(part)
    return (joined[0].strip(),) if len(joined) == 1 and isinstance(joined[0], str) else tuple(joined)


def _sections(
    text: str, found: Sequence[Pair], keys: Sequence[Place], texts: Collection[Place]
) -> dict[int, tuple[str | Part, ...]]:
    """What goes before the names of pairs, by their id, if they are about data that is not trained on.

    It stands before them, as in `val: loss 1 acc 2`, or in the name of the first, as in `Val loss: 1 acc: 2`.
    """
    own = [pair for pair in found if _HAS_SPLIT.search(pair.name)]
    before_it = found[: found.index(own[0])] if len(own) == 1 else []
    first = own[0] if len(own) == 1 and all(step_rank(pair.name) is not None for pair in before_it) else None
    sections: dict[int, tuple[str | Part, ...]] = {}
    section: tuple[str | Part, ...] = ()
    at = 0
    for pair in found:
        between = text[at : pair.start]
        at = pair.end
        for match in _HEAD.finditer(between[: between.rfind(pair.name)] if pair.name in between else between):
            mark, word = match["mark"], match["word"]
            section = (Part(keys[index_of(mark)], _APART, "/"),) if mark else () if _is_train(word) else (f"{word}/",)
        if _NAMES_SPLIT.fullmatch(pair.name) and _place(pair, keys) in texts:
            section = (Part(_place(pair, keys), _APART, "/"),)
        shared = first is not None and pair.start > first.start and _is_quality(pair.name)
        sections[id(pair)] = () if pair in own else _of_name(first.name, keys) if first and shared else section
    return sections


def _of_name(name: str, keys: Sequence[Place]) -> tuple[str | Part, ...]:
    mark, word = re.match(WORD, name), APART.search(name)
    return (Part(keys[index_of(mark[0])], _APART, " "),) if mark else (f"{word[0]} ",) if word else ()


def _is_train(word: str) -> bool:
    return word.lower() in {"train", "training"}


def _is_quality(name: str) -> bool:
    """Whether a name is that of a result, and not of a time or a speed."""
    return is_metric(name) and not is_setting(name) and not is_timing(name) and _TIMES.isdisjoint(words(name))


_TIMES = frozenset("time times duration speed rate throughput fps ips qps tps latency lat it/s".split())
_SPLITS = "phase|split|mode|stage|set|subset|dataset|partition"  # what others call a part of the data
_NAMES_SPLIT = re.compile(rf"(?:.* )?(?:{_SPLITS})", re.IGNORECASE)
_HAS_SPLIT = re.compile(rf"{APART.pattern}|(?<![a-z])train(?:ing)?(?![a-z])|^{WORD}[ /]")
_SAID = re.compile(rf"(?<!\w)(?i:{_SPLITS})\s?[=:]\s?((?i:{APART_WORDS}|train(?:ing)?))(?=[\s,;])")  # phase=val loss=
_HEAD = re.compile(
    rf"(?<![\w/])(?:(?P<word>(?i:{APART_WORDS}|train(?:ing)?))|(?P<mark>{WORD}))"
    rf"(?: (?i:set|split|data|phase|results?|metrics))?(?=\s?[\])|:>=-]|\s+(?i:epoch|step|iter))"
)
