"""Tell which lines of a log have decimal commas: all lines of one form have, or none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from wandb_logging._mining import numbers

_UNIT = "|".join(sorted(map(re.escape, sorted(numbers.UNITS)), key=len, reverse=True))
# A number behind a word. What may be a group of thousands, as in 1,234, says nothing.
_COMMA = re.compile(r"[^\d\s,](?:[:=]?\s+|[:=])[-+]?(?:\d{1,3}(?:\.\d{3})+,\d+|0,\d+|\d+,(?:\d\d?|\d{4,}))(?![\d,])")
# Of these no list is made: 0,693 and 97,1 %, but not 3,4.
_SURE_COMMA = re.compile(rf"(?<![\d.,])[-+]?(?:0,\d+|\d+,\d{{4,}}|\d+,\d\d? ?(?:{_UNIT})(?!\w))(?![\d,])")
_POINT = re.compile(r"(?<![\d.:])\d+\.\d+(?!\d|\.\d|,\d)")  # but 29.11.2026, and 1.234,5
_SURE_POINT = re.compile(r"(?<![\d.:])(?:0\.\d+|\d+\.(?:\d\d?|\d{4,})|\d{4,}\.\d+)(?!\d|\.\d|,\d)")
_NUMBER = re.compile(r"\d+(?:[.,']\d+)*")


def with_commas(texts: Sequence[tuple[int, str]]) -> frozenset[int]:
    """The numbers of the lines in which 3,5 is three and a half.

    A version or a duration with a point does not decide for a whole log, nor does a list such as `3,4`.
    """
    commas = [text for _, text in texts if "," in text and _COMMA.search(text)]
    if not commas:
        return frozenset()
    points = [text for _, text in texts if "." in text and _POINT.search(text)]
    seen = Counter(map(_form, commas))
    sure = {_form(text) for text in commas if _SURE_COMMA.search(text)}
    against = Counter(_form(text) for text in points if _SURE_POINT.search(text))
    usual = (len(commas) > 1 and not points) or sum(seen[form] for form in sure) > len(points)

    def has_commas(form: str) -> bool:
        if against[form] > seen[form]:
            return False
        return usual if usual or not seen[form] else form in sure and seen[form] > 1

    return frozenset(number for number, text in texts if has_commas(_form(text)))


def _form(text: str) -> str:
    return _NUMBER.sub("#", text)
