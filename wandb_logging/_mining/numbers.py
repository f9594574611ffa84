"""How logs write numbers, units and durations, and how to read their values.

All patterns here match in linear time and never backtrack into what they took, so any line costs at most one pass.
"""

from __future__ import annotations

import re

_EXPONENT = r"(?:[eE][-+]?\d{1,3}|[dD][-+]\d{1,3})?"  # Fortran's double precision is 1.0D-03
_POINT = (
    r"[-+]?(?:(?:[1-9]\d{0,2}(?:,\d{3})+(?!\d)|\d{1,3}(?:'\d{3})+(?!\d)|\d+)(?:\.\d+|\.(?=[\])\s,;]|$))?|\.\d+)"
    + _EXPONENT
)
_COMMA = r"[-+]?(?:[1-9]\d{0,2}(?:[.']\d{3})+(?!\d)|\d+)(?:,\d+)?" + _EXPONENT
_WORDS = r"[-+]?(?:[nN]a[nN]|NAN|[iI]nf(?:inity)?|INF)(?:(?![A-Za-z])|(?=ms\b))"
_KILO = r"(?:[kK](?![A-Za-z]))?"

POINT = f"(?:{_POINT}{_KILO}|{_WORDS})"
COMMA = f"(?:{_COMMA}{_KILO}|{_WORDS})"
# 3,5 and 0,500 are not 3 and 500: they need `decimal`. But what follows a comma may be a cell of its own, as in
# `5,0.25` or `5,12:30:01`, or the next one of a list.
UNHALVED = {
    ".": r"(?![-+]?(?:\d+,(?:\d\d?|\d{4,})|0,\d+)(?!\d|,\S|[.:/-]\d))",
    ",": r"(?![-+]?(?:\d+\.(?:\d\d?|\d{4,})|0\.\d+)(?![.,]?\d))",
}
"""By the decimal separator: a look-ahead that fails where a number with the other separator begins."""
LOOSE = r"(?<![\w.@\x01])[-+]?\d+(?:[.,]\d+)*\.?(?:[eE][-+]?\d+|[kK](?![A-Za-z]))?"
"""A number, whatever separates its fraction and its thousands."""
PLAIN = r"[-+]?\d[\d.]*(?:[eE][-+]?\d+)?"
"""A number between words, where it is only to be told from them."""
DURATION = r"(?:\d+ days?, )?\d+:\d\d(?::\d\d)?(?:\.\d+)?"

_DURATION = re.compile(r"(?:(\d+)(?: days?, |-))?(?:(\d+):)??(\d+):(\d\d(?:\.\d+)?)\Z")
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
ALIASES = {
    "nsec": "ns", "usec": "us", "μs": "us", "msec": "ms", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "mins": "min", "minutes": "min", "hours": "h",
}  # fmt: skip
BYTES = {
    "B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
}  # fmt: skip
_PLAIN_UNITS = (
    "% x k K M G T it/s s/it samples/s samples/sec tokens/s tok/s words/s imgs/s img/s fps req/s reqs ops/s iter/s "
    "iters/s steps/s ms/step s/step us/step ms/batch s/epoch kbits/s kb/s Mbit/s Mbits/sec Gbits/sec bits/s Hz MHz GHz "
    "i dB dBm V A mW kW Pa kPa MPa C H/s kH/s MH/s GFLOPS TFLOPS GFlop/s MFlop/s Mbps kbps Gbps rows/s cells/s "
    "steps/sec iter/sec it/sec trans/sec frames/s W J K °C Ry eV meV Ha kJ kJ/mol kcal/mol bytes /s /sec rpm px MiB/s"
).split()
_TIMES = {*SECONDS, *ALIASES}
_LONGER = {"d": 86400.0, "hr": 3600.0, "hour": 3600.0, "minute": 60.0}  # with an s or without
_DAYS, _HOURS, _MINUTES, _REST = (
    rf"\d+{fraction} ?(?:{names})(?![A-Za-z])"
    for fraction, names in (
        ("", "days?|d"),
        ("", "hours?|hrs?|h"),
        ("", "minutes?|mins?|m"),
        (r"(?:\.\d+)?", "seconds?|secs?|s"),
    )
)
_THEN = "(?:,? ?(?:and )?{})?"
_PARTS = (
    _DAYS + "".join(map(_THEN.format, (_HOURS, _MINUTES, _REST))),
    _HOURS + "".join(map(_THEN.format, (_MINUTES, _REST))),
    _MINUTES + _THEN.format(_REST),
)
LENGTH = (
    rf"(?:\d+-(?=\d\d:\d\d:\d\d))?{DURATION}(?![:\d])|(?:{'|'.join(_PARTS)})(?!\d)|{POINT}(?!:\d\d)"
    rf"(?: ?(?:{'|'.join(sorted(sorted(_TIMES), key=len, reverse=True))})(?![A-Za-z\d])|(?![A-Za-z_]))"
)
"""How long something takes, in any of the forms that `seconds` reads: `0:01:30`, `1h30m`, `250ms`, `4.5`."""
_IN_PARTS = re.compile("|".join(_PARTS))
_PART = re.compile(r"([\d.]+) ?([a-z]+)")
_RATES = {f"{unit}/{per}" for unit in BYTES for per in ("s", "sec")}
UNITS = frozenset({*_TIMES, *BYTES, *_RATES, *_PLAIN_UNITS})


def number(text: str, decimal: str = ".") -> float:
    """The value of a text that POINT or COMMA matched: an int where possible; `k` means thousands.

    Raises:
        ValueError: the text is no number.
    """
    if decimal == ".":
        try:
            return int(text) if text.isdecimal() and len(text) < 19 else _whole_or_not(text, float(text))
        except ValueError:
            pass  # it has separators of thousands, or a k
    kilo = text[-1:] in {"k", "K"}
    bare = text[:-1] if kilo else text
    bare = bare.replace("'", "")
    bare = bare.replace(".", "").replace(",", ".") if decimal == "," else bare.replace(",", "")
    bare = bare.replace("D", "e").replace("d", "e")
    value = _whole_or_not(bare, float(bare))
    return value * 1000 if kilo else value


def pointed(text: str) -> str:
    """A text with its decimal commas as points and its points between thousands as commas; no place in it moves."""
    return _WITH_COMMA.sub(lambda match: match[0].translate(_TURNED), text) if "," in text or "." in text else text


_WITH_COMMA = re.compile(r"(?<![\w.,:])[-+]?(?:\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+,\d+)(?![.,:]?\d)")
_TURNED = str.maketrans(".,", ",.")


def _whole_or_not(text: str, value: float) -> float:
    """An int if the text is written as a whole number, else the float."""
    return int(text) if text.lstrip("+-").isdecimal() and len(text) < 19 else value


def seconds(text: str) -> float:
    """The length of `1 day, 2:36:03`, `03:59:33`, `4:50` (minutes, seconds), `1h30m`, `2 min 5 s` or `250ms`.

    Raises:
        ValueError: the text is no duration.
    """
    match = _DURATION.match(text)
    if match:
        days, hours, minutes, rest = match.groups()
        return int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)
    if _IN_PARTS.fullmatch(text):
        return sum(float(count) * _seconds_of(unit) for count, unit in _PART.findall(text))
    bare = text.rstrip("abcdefghijklmnopqrstuvwxyzµμ")
    return number(bare.rstrip()) * _seconds_of(text[len(bare) :])


def _seconds_of(unit: str) -> float:
    """The length of a unit; of what is none, a second."""
    one = "d" if unit in {"day", "days"} else unit.rstrip("s") if unit.rstrip("s") in _LONGER else unit
    return _LONGER.get(one) or SECONDS.get(ALIASES.get(one, one), 1.0)
