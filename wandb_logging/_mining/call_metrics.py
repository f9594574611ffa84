"""Which numbers of a template are metrics, and their names in its text, where marks stand for its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from wandb_logging._mining.call_marks import MARKS, NUMBER, WORD, index_of
from wandb_logging._mining.pairs import Pair
from wandb_logging._mining.vocabulary import APART_WORDS, is_id, is_left, is_metric, is_setting, noun, step_rank


def metrics_of(text: str, found: Sequence[Pair]) -> list[tuple[Pair, str]]:
    """The numbers that are metrics, if a template looks like metrics."""
    names = [_name_at(text, pair) for pair in found]
    named = [(pair, name) for pair, name in zip(found, names) if name and not is_id(name) and not is_left(name)]
    counted = any(step_rank(name) is not None for _, name in named)
    results = any(_is_text(name) or (is_metric(name) and not _is_setting(name)) for _, name in named)
    if not results and not (counted and len(named) > 1):
        return []
    return [
        (pair, _plain(name))
        for pair, name in named
        if is_metric(name)
        or pair.sep in ":="
        or (pair.sep == " " and (counted or " " not in name))
        or _is_text(name)
        or name == _sure_beside(text, pair)
    ]


def _name_at(text: str, pair: Pair) -> str:
    """The name in front of a number, or behind it; else its unit: `took 2.5 seconds`."""
    name = _in_front(pair)
    return name if name and name.lower() not in _VERBS else _sure_beside(text, pair) or name


def _in_front(pair: Pair) -> str:
    return noun(pair.name) if pair.sep == " " else pair.name


def _beside(text: str, pair: Pair) -> str:
    """The unit behind a number, or the things it counts: `2.5 seconds`, `5 rows`."""
    behind = _COUNTED.match(text, pair.end)
    return _UNITS.get(behind[1], behind[1]) if behind else ""


def _sure_beside(text: str, pair: Pair) -> str:
    """What stands behind a number if it tells how long something took, or how many things there were.

    It does not where it is a setting (`with 4 workers`), a step (`ends in 5 steps`) or still to come.
    """
    name = _beside(text, pair)
    if not name or name == "percent" or is_setting(name) or step_rank(name) is not None or _is_to_come(text, pair):
        return ""
    unit = _UNIT.fullmatch(name)
    return name if unit or pair.sep == ">" or pair.name.lower() in _VERBS else ""


def _is_to_come(text: str, pair: Pair) -> bool:
    """Whether a number without a name in front says how long something may take: `retrying in 5 seconds`."""
    before = text[max(pair.start - _MOST_BEFORE, 0) : pair.start]
    return pair.sep == " " and not noun(pair.name) and bool(_TO_COME.search(re.split(rf"[,;]|{NUMBER}", before)[-1]))


def all_of(text: str, found: Sequence[Pair]) -> Iterator[tuple[Pair, str]]:
    """All numbers of a template that is wanted, whatever it says: each with a name that no other has."""
    taken: set[str] = set()
    last, at = "", 0
    for pair in found:
        before = _BEFORE.search(MARKS.sub(",", text[at : pair.start])[-_MOST_BEFORE:])
        at = pair.end
        words_before = before[0] if before and before[0].lower() not in _JOINING else last
        name = last = _plain(_name_of_any(text, pair) or words_before)
        if not name:
            continue
        number = 2
        while name in taken:
            name, number = f"{last} {number}", number + 1
        taken.add(name)
        yield pair, name


def _name_of_any(text: str, pair: Pair) -> str:
    name = _in_front(pair)
    return name if name and name.lower() not in _VERBS else _beside(text, pair) or name


def with_unnamed(text: str, found: Sequence[Pair], places: int) -> list[Pair]:
    """All numbers of a template with so many places, those too that no name stands beside."""
    known = {pair.start: pair for pair in found}
    marks = (
        match for match in MARKS.finditer(text) if match["mark"].isdigit() and 0 <= index_of(match["mark"]) < places
    )
    return [
        known.get(mark.start("mark")) or Pair("", int(mark["mark"]), "", " ", mark.start("mark"), mark.end("mark"))
        for mark in marks
    ]


_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second"), "seconds"),
    "min": "minutes",
    "mins": "minutes",
    "%": "percent",
}
_UNIT = re.compile(r"seconds|minutes|hours|ms|us|ns|[kKMGT]i?B|bytes")
_VERBS = frozenset("has have had got".split())  # what stands behind their number is counted
_COUNTED = re.compile(
    r"\s?(%|s|ms|us|ns|min|[kKMGT]i?B|second|(?<=\s)(?!is|was|has|does)[A-Za-z]{2,20}s)"
    r"(?=[,;)\]]|\.?\s*$| (?:in|of|from|and|at|with|to|for|per|on|by)\b)"
)
_TO_COME = re.compile(
    r"(?i)\b(?:eta|retry|sleep|wait|timeout|remain|within|every|next|will|ends?\b|keep|kept)"
)  # how long something may take
_BEFORE = re.compile(r"(?<!\w)[A-Za-z][\w@./-]*(?: [A-Za-z][\w@./-]*){0,3}(?=[^\w,;]*\Z)")
_MOST_BEFORE = 80  # characters
_JOINING = frozenset("and or of vs plus x".split())


def _is_text(name: str) -> bool:
    """Whether a value is all that there is of a name. Whether that is a metric's, is seen with each call."""
    return bool(_ONLY_TEXT.fullmatch(name))


_ONLY_TEXT = re.compile(
    rf"(?:(?:{WORD}|{APART_WORDS}|train(?:ing)?)[ _/.-])?{WORD}(?:_(?:{APART_WORDS}|train(?:ing)?))?", re.IGNORECASE
)


def _is_setting(name: str) -> bool:
    return is_setting(MARKS.sub(" ", name).strip())


def _plain(name: str) -> str:
    """Shorten `Train Epoch: 1` to `Epoch` and `the loss` to `loss`; other names stay, that of the global step too."""
    name = _ARTICLE.sub("", name, count=1) if _ARTICLE.match(name) else name
    before, _, last = name.rpartition(" ")
    return last if before.lower() != "global" and last.lower() in {"epoch", "step", "iter", "iteration"} else name


_ARTICLE = re.compile(r"(?i)(?:the|an?|its|our)\s(?=\S)")
