"""Headers of tables that take two lines, and the names that come of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wandb_logging._mining.cells import BARS, TOKEN, WIDE, Span, cell, distinct, nearness, spans


def goes_on(header: str, raw: str) -> bool:
    """Whether the line below the header of a table with bars is its second line: same bars, and no number."""
    bars = len(BARS.findall(header))
    if bars < 3 or len(BARS.findall(raw)) != bars:
        return False
    texts = [text.strip() for text in BARS.split(raw)]
    return (
        (not texts[0] or texts[0] == BARS.split(header, maxsplit=1)[0].strip() or bool(BARS.match(header.lstrip())))
        and any(texts)
        and all(cell(text) is None for text in texts if text)
    )


def below(header: str, raw: str) -> str:
    """Combine two lines of a header into one."""
    return "|".join(_under(one.strip(), other.strip()) for one, other in zip(BARS.split(header), BARS.split(raw)))


def _under(name: str, text: str) -> str:
    """The names of one or more columns: `ORIGINAL/Vars  ORIGINAL/Clauses` for `Vars Clauses` under `ORIGINAL`."""
    parts = text.split()
    if len(parts) > 1 and len(name.split()) == 1:
        return f" {'  '.join(f'{name}/{part}' for part in parts)} "
    return f" {name} {text} "


def over_parts(above: str, header: str) -> bool:
    """Whether a line names the parts between a header's bars, in which the same names come again.

    `Compressing | Decompressing` over `Dict Speed Usage | Speed Usage`.
    """
    uppers, lowers = ([part.split() for part in BARS.split(line)] for line in (above, header))
    names = [name for part in lowers for name in part]
    once = len(set(names)) == len(names) or any(len(set(part)) < len(part) for part in lowers)
    named = [" ".join(part) for part in uppers]
    plain = all(re.fullmatch(r"[A-Za-z][A-Za-z ()/%-]*", name) for name in named) and len(set(named)) == len(named)
    few = all(len(one) < len(other) for one, other in zip(uppers, lowers))  # names of parts, not of columns
    return len(uppers) == len(lowers) > 1 and plain and not once and few


def over_groups(above: str, header: str) -> bool:
    """Whether a line rules off groups of columns in which the same names come again: `---reads--- ---writes---`."""
    names = header.split()
    return len(_GROUPS.findall(above)) > 1 and not _GROUPS.sub("", above).strip("- ") and len(set(names)) < len(names)


_GROUPS = re.compile(r"(?<!\S)-*([A-Za-z][\w/]*)-+(?!\S)")


def joined(above: str, header: str) -> dict[str, str]:
    """Longer column names: the text above a name, in the line before the header, goes in front of it."""
    if over_parts(above, header):
        parts = [(" ".join(one.split()), other.split()) for one, other in zip(BARS.split(above), BARS.split(header))]
        again = distinct([name for _, names in parts for name in names])
        whole = [name for _, names in parts for name in names]
        both = [f"{part} {name}" if whole.count(name) > 1 else name for part, names in parts for name in names]
        return dict(zip(again, both))
    uppers = spans(TOKEN, BARS.sub(" ", above))
    lowers = spans(TOKEN, BARS.sub(" ", header))
    if len(uppers) < len(lowers) and not over_groups(above, header):
        uppers = spans(WIDE, BARS.sub(" ", above))
    names = distinct([name for name, _, _ in lowers])
    found: dict[str, str] = {}
    for i, (name, lower) in enumerate(zip(names, lowers)):
        over = uppers[i] if len(uppers) == len(lowers) else _over(lower, uppers)
        if over is not None:
            found[name] = f"{over[0].strip('-')} {lower[0]}"
    return found


def interleaved(above: str, header: str) -> str | None:
    """One header of two lines whose names stand in turns, from left to right; None if they do not.

    `seconds     variables` over `        level        used` has the columns seconds, level, variables and used.
    """
    mark = above.split(" ", 1)[0] if above.split(" ", 1)[0] == header.split(" ", 1)[0] else ""
    named = sorted(
        (start, end, name, line)
        for line, text in enumerate((above, header))
        for name, start, end in spans(TOKEN, text)
        if start or not mark
    )
    turns = all(one[3] != other[3] and one[1] < other[1] for one, other in zip(named, named[1:]))
    return "  ".join([mark, *(name for _, _, name, _ in named)]).strip() if len(named) >= _LEAST and turns else None


_LEAST = 6  # names of which two lines in turns are surely one header


def _over(lower: Span, uppers: Sequence[Span]) -> Span | None:
    """The upper name that is over a lower one, or nearest to it."""
    near = max(uppers, key=lambda upper: nearness(upper, lower[1], lower[2]), default=None)
    return near if near is not None and nearness(near, lower[1], lower[2]) > -8 else None
