"""Which cell of a row stands under which name of a header: by their numbers, or by their places."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from wandb_logging._mining.cells import LABEL, TOKEN, WIDE, Span, by_name, cell, nearness, spans, words as words_of


def cells_under(
    header: str, tokens: Sequence[Span], *, narrow: bool, ends: Sequence[int] | None
) -> dict[str, str] | None:
    """The cells of a row by the names of their columns; None if the row does not fit under this header.

    Args:
        header: the line of the header.
        tokens: the cells of the row.
        narrow: whether no name contains a blank.
        ends: where the cells of a row without gaps end, if there was such a row.
    """
    if ends and len(tokens) < len(ends) == len(header.split()):
        placed = _by_ends(header.split(), tokens, ends)
        if placed is not None:
            return placed
    marked = _marked_behind(header, tokens)
    if marked is not None:
        return marked
    labelled = _by_index(header, tokens) or _by_label(header, tokens) or _by_term(header, tokens)
    named = labelled or (None if narrow else _by_name_ends(header, tokens))
    return named or _by_count(header, tokens, narrow=narrow) or _by_place(header, tokens, narrow=narrow)


def _by_ends(names: list[str], tokens: Sequence[Span], ends: Sequence[int]) -> dict[str, str] | None:
    """Read a row with gaps: its cells end at or near the places where the cells of a row without gaps ended."""
    cells: dict[str, str] = {}
    for text, start, end in tokens:
        at = min(range(len(ends)), key=lambda i: abs(ends[i] - end))
        if abs(ends[at] - end) > 1:
            if start == 0 and not cells and cell(text) is None:
                continue  # a marker, no cell
            return None
        cells[names[at]] = text
    return cells


def _marked_behind(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row with a mark of one letter behind it, each of whose numbers ends where a name does: `7  404.7  55.4 i`."""
    names = spans(WIDE, header)
    if len(names) != len(tokens) - 1 or len(names) < _LEAST or not re.fullmatch(r"[A-Za-z*!]", tokens[-1][0]):
        return None
    ends = all(name[2] == end and cell(text) is not None for name, (text, _, end) in zip(names, tokens))
    return by_name([name for name, _, _ in names], [text for text, _, _ in tokens[:-1]]) if ends else None


def _by_index(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row with its number before it, for which the header has no name, as R and pandas print their tables."""
    first = len(header) - len(header.lstrip())
    if not first or len(tokens) < _LEAST or not tokens[0][0].isdigit() or tokens[0][2] > min(first, _INDEX):
        return None
    if tokens[0][1] or any(cell(text) is None for text, _, _ in tokens[1:]):
        return None
    for names in (spans(TOKEN, header), spans(WIDE, header), _over_cells(header, tokens[1:])):
        ends = all(name[2] == other[2] for name, other in zip(names, tokens[1:]))  # right-aligned, as both print them
        if len(names) == len(tokens) - 1 and ends:
            return by_name([name for name, _, _ in names], [text for text, _, _ in tokens[1:]])
    return None


_INDEX = 5  # digits


def _by_label(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row that begins with words to the left of all names, as in a report on classes."""
    names = spans(TOKEN, header)
    more = len(tokens) - len(names)
    if more < 1 or not (_are_two(names, tokens[more:]) or (len(names) > 2 and more < 4)):
        return None
    if tokens[more - 1][2] > names[0][1] and len(names) > 2:
        return None
    if tokens[more][1] > names[0][2] or (more > 1 and any(cell(text) is not None for text, _, _ in tokens[:more])):
        return None
    if any(cell(text) is None for text, _, _ in tokens[more:]):
        return None
    label = " ".join(text for text, _, _ in tokens[:more])
    return {LABEL: label, **by_name([name for name, _, _ in names], [text for text, _, _ in tokens[more:]])}


def _are_two(names: Sequence[Span], values: Sequence[Span]) -> bool:
    """Whether two names apart are over numbers that end where they do: `Initial    Final`."""
    return (
        len(names) == 2 and names[1][1] > names[0][2] + 1 and [name[2] for name in names] == [one[2] for one in values]
    )


def _by_term(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row of coefficients: a term to the left of all names, and numbers under names of one or more words.

    `wt  -3.878  0.633  -6.129  1.1e-06 ***` under `Estimate Std. Error t value Pr(>|t|)`.
    """
    first = len(header) - len(header.lstrip())
    term = [text for text, _, end in tokens if end <= first]
    values = tokens[len(term) :]
    if len(term) == 1 and 1 < len(values) < _LEAST:
        return _by_few(header, term[0], values)
    if len(values) > _LEAST and _STARS.match(values[-1][0]):
        values = values[:-1]
    if len(values) < _LEAST or not 0 < len(term) <= _LEAST or any(cell(text) is not None for text in term):
        return None
    if any(cell(text) is None for text, _, _ in values):
        return None
    names: Sequence[Span] = spans(WIDE, header)
    names = names if len(names) == len(values) else _over_cells(header, values)
    if any(nearness(name, start, end) < -_NEAR for name, (_, start, end) in zip(names, values)):
        return None
    found = by_name([name for name, _, _ in names], [text for text, _, _ in values])
    return {LABEL: " ".join(term), **found} if len(found) == len(values) else None


def _by_few(header: str, term: str, values: Sequence[Span]) -> dict[str, str] | None:
    """A term that lacks some values: each of the others ends where a name does that stands alone."""
    alone = {end: name for name, start, end in spans(TOKEN, header) if header[:start].endswith("  ")}
    return (
        {LABEL: term, **{alone[end]: text for text, _, end in values}}
        if all(one[2] in alone for one in values)
        else None
    )


_LEAST = 3  # numbers of a term
_STARS = re.compile(r"(?:\*{1,3}|\.)\Z")  # how significant a coefficient is


def _by_name_ends(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """A row of a word and numbers, each of which ends where a name of one or more words ends.

    `cpu    3066      3.00` under `stressor       bogo ops real time`: no wider gap is between the two names.
    """
    words = spans(TOKEN, header)
    if not len(tokens) > _LEAST or not len(spans(WIDE, header)) < len(tokens) < len(words):
        return None
    if tokens[0][1] != words[0][1] or any((cell(text) is None) == (i > 0) for i, (text, _, _) in enumerate(tokens)):
        return None
    names, rest = [words[0][0]], words[1:]
    for _, _, end in tokens[1:]:
        own = [word for word, _, last in rest if last <= end]
        if not own or rest[len(own) - 1][2] != end:
            over = _over_cells(header, tokens)  # each near the end of its name, where a column is narrower
            return by_name([name for name, _, _ in over], [text for text, _, _ in tokens]) if over else None
        names.append(" ".join(own))
        rest = rest[len(own) :]
    return None if rest else by_name(names, [text for text, _, _ in tokens])


def _by_count(header: str, tokens: Sequence[Span], *, narrow: bool) -> dict[str, str] | None:
    """Read a row with as many cells as names, or with one more cell at either end."""
    texts = [token for token, _, _ in tokens]
    splits = _splits(header, tokens, narrow=narrow)
    for names in splits:
        if len(names) > 1 and len(texts) == len(names):
            return by_name(names, texts)
    for names in splits:
        more = len(texts) - len(names)
        if len(names) > 1 and more == 1 and texts[0].endswith(":"):
            return {LABEL: texts[0], **by_name(names, texts[1:])}
        if len(names) > 2 and more > 0:
            marked = len(texts[0]) < 3 and cell(texts[0]) is None
            if more - marked == 0 or (more - marked == 1 and "/" in names[-1]):  # a marker; a last column of two parts
                return by_name(names, texts[marked:])
    return None


def _splits(header: str, tokens: Sequence[Span], *, narrow: bool) -> Sequence[Sequence[str]]:
    """The names that a header may have: its words, its words that are further apart, or `name[unit]` as two."""
    words = header.split()
    wide = [name for name, _, _ in spans(WIDE, header)]
    if words and words[0] in {"#", "%"}:
        at = header.index(words[0])
        under = nearness((words[0], at, at + 1), *tokens[0][1:]) > -_NEAR and len(words) > len(tokens)
        words = words[1:] if len(words) != len(tokens) and not under else words
    split = [part for name in words for part in (_TWO_IN_ONE.sub(r"\1 \2", name).split())]
    words = [name for name, _, _ in words_of(header)[-len(words) :]]
    if narrow:
        return (words,)
    return (wide,) if _wordy(tokens) and 2 < len(wide) < len(words) else (words, wide, split)


_TWO_IN_ONE = re.compile(r"([^\s\[]+)\[([^\s\[\]]+)\]")
_NEAR = 3  # columns between a mark and the number below it


def _wordy(tokens: Sequence[Span]) -> bool:
    """Whether two words stand beside each other in a row, as in a cell of text."""
    texts = [cell(token) is None and token.isalpha() for token, _, _ in tokens]
    return any(one and other for one, other in zip(texts, texts[1:]))


def _by_place(header: str, tokens: Sequence[Span], *, narrow: bool) -> dict[str, str] | None:
    """Read a row by position, where names contain blanks or cells are empty: a cell belongs to the name above it."""
    cut = None if narrow else _cut(header, tokens)
    if cut is not None:
        return cut
    names, words = spans(WIDE, header), spans(TOKEN, header)
    again = len({name for name, _, _ in words}) < len(words) and len(names) > 2  # `PP Objective   DD Objective`
    if not narrow and not again and len(names) < len(tokens) < len(header.split()):
        over = _over_cells(header, tokens)
        if over:
            return by_name([name for name, _, _ in over], [text for text, _, _ in tokens])
    if narrow or (len(names) < len(tokens) and not again and not (_wordy(tokens) and len(names) > 2)):
        names = words
    if len(names) < 3 or not len(names) * 0.5 < len(tokens) <= len(names) + 3:
        return None
    return _nearest(names, tokens)


def _nearest(names: Sequence[Span], tokens: Sequence[Span]) -> dict[str, str] | None:
    """Match each cell to the nearest name; None if one is far from all, or the order is not that of the names."""
    cells: dict[str, str] = {}
    last = -1
    for text, start, end in tokens:
        at = max(range(len(names)), key=lambda i: nearness(names[i], start, end))
        if at == last and cell(text) is None and len(tokens) <= len(names):
            return _in_order(names, tokens)
        if at < last or nearness(names[at], start, end) < -6:
            return None
        before = cells.get(names[at][0], "")
        if at == last and cell(before) is not None:
            continue
        cells[names[at][0]] = f"{before} {text}" if at == last and at == 0 and cell(text) is None else text
        last = at
    return cells


def _in_order(names: Sequence[Span], tokens: Sequence[Span]) -> dict[str, str]:
    """Match each cell to the nearest name without changing the order. Names may be left without a cell."""
    best: list[tuple[int, tuple[int, ...]]] = [(0, ()), *((-(10**6), ()) for _ in tokens)]
    for at, name in enumerate(names):
        for i in range(len(tokens), 0, -1):
            before, chosen = best[i - 1]
            near = before + min(nearness(name, *tokens[i - 1][1:]), 2)
            if len(chosen) == i - 1 and near > best[i][0]:
                best[i] = (near, (*chosen, at))
    return {names[at][0]: text for at, (text, _, _) in zip(best[-1][1], tokens)}


def _over_cells(header: str, tokens: Sequence[Span]) -> list[Span]:
    """Join words of the header with one blank between them, if this gives one name over each cell."""
    words = spans(TOKEN, header)
    gaps = [i for i, (one, other) in enumerate(zip(words, words[1:])) if other[1] == one[2] + 1]
    many = len(words) - len(tokens)
    if not 0 < many <= len(gaps) <= 10 or words[0][0].endswith(":"):
        return []
    choices = (_joined_at(header, words, chosen) for chosen in itertools.combinations(gaps, many))
    best = max(choices, key=lambda names: _fit(names, tokens))
    return best if all(nearness(name, *cell[1:]) > -3 for name, cell in zip(best, tokens)) else []


def _fit(names: list[Span], tokens: Sequence[Span]) -> tuple[int, int]:
    """How well names stand over cells; of names that are as near, those are better that end where the cells end."""
    near = sum(min(nearness(name, start, end), 4) for name, (_, start, end) in zip(names, tokens))
    return near, sum(name[2] == end for name, (_, _, end) in zip(names, tokens))


def _joined_at(header: str, words: Sequence[Span], gaps: tuple[int, ...]) -> list[Span]:
    names: list[Span] = []
    for i, (_, start, end) in enumerate(words):
        begin = names.pop()[1] if i - 1 in gaps else start
        names.append((header[begin:end], begin, end))
    return names


def _cut(header: str, tokens: Sequence[Span]) -> dict[str, str] | None:
    """Cut the header where the cells end, for right-aligned columns."""
    cells: dict[str, str] = {}
    begin = 0
    for text, _, end in tokens:
        name = header[begin:end].strip()
        if not name or (header[end : end + 1].strip() and header[end - 1 : end].strip()):
            return None
        cells[name] = text
        begin = end
    return cells if len(cells) == len(tokens) >= 2 and not header[begin:].strip() else None
