"""Headings that come in turns, each above rows of the same names: `MAC projection`, `Approximate projection`."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence

from wandb_logging._mining.lines import Line
from wandb_logging._mining.rules import Rule
from wandb_logging._mining.vocabulary import APART
from wandb_logging._suggesting.findings import Text
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.writing import Suggestion

_HEADING = re.compile(r"[\s\[(<=*#-]*([A-Za-z][\w/-]*(?: [\w/()-]+){0,4}?)\s*(?::|\.\.\.)?[\s\])>=*#-]*\Z")
_NEAR = 3  # lines below a heading that are surely about it
_FAR = 20  # lines below a heading that can be about it
_LONGEST = 16  # headings, or rows of one name, until the first heading comes again


def under_recurring(groups: Sequence[Group], texts: Sequence[Text]) -> list[Suggestion]:
    """Put the section before names whose lines stand below several headings in turns; the rules for these headings."""
    above, lines = _headings(texts, {item.number for group in groups for item in group.shapes})
    turns = [group for group in groups if _is_under_turns(group, above)]
    for group in turns:
        group.label = _SECTION
    indented = [group for group in groups if _is_indented(group, above, lines)]
    if not any(_are_own([above[item.number][1] for item in group.shapes]) for group in indented):
        indented = []
    for group in indented:
        group.label = _SECTION
    names = dict.fromkeys(above[item.number][1] for group in [*turns, *indented] for item in group.shapes)
    return [Suggestion({"line": lines[name].strip(), "section": name}, _COMMENT) for name in names]


_SECTION = "{section}/"
_COMMENT = "a heading that says what the lines below it are about"


def _headings(texts: Sequence[Text], taken: Container[int]) -> tuple[dict[int, tuple[int, str]], dict[str, str]]:
    """For each line the heading above it, with the number of that; and each heading as it is written.

    The shortest form of a heading is a part of the others: without a colon where it has one only at times.
    """
    above: dict[int, tuple[int, str]] = {}
    lines: dict[str, str] = {}
    last = (-_FAR - 1, "")
    for number, text in texts:
        match = None if number in taken else _HEADING.match(text)
        if match is not None and not any(map(str.isdigit, match[1])):
            last = (number, match[1])
            lines[match[1]] = min(lines.get(match[1], text), text, key=len)
        above[number] = last
    return above, lines


def _is_under_turns(group: Group, above: Mapping[int, tuple[int, str]]) -> bool:
    """Whether each line of a group stands below a heading, and these headings come in turns."""
    if not group.wanted or group.label or group.word is not None:
        return False
    headings = [above[item.number] for item in group.shapes]
    near = all(item.number - number <= _FAR for item, (number, _) in zip(group.shapes, headings))
    return near and _in_turns([name for _, name in headings])


_PART = re.compile(
    r"[\s\[(<=*#>|-]*(?P<begin>epoch\s?[\[(]?(?P<epoch>\d{1,7})(?:\s?/\s?(?P<of>\d{1,7}))?[\])]?\s?[-:,|]?\s?)?"
    r"(?:(?P<part>[a-z]{3,12})(?: (?:phase|set|loop|results?|stats|metrics|step|epoch|summary))?\s*(?::|\.{3})?)?"
    r"[\s\])>=*#<|-]*\Z",
    re.IGNORECASE,
)


def under_parts(groups: list[Group], texts: Sequence[Text]) -> list[Suggestion]:
    """Put the part of the training before names that stand below headings of training and of validation.

    Such are `== train ==` and `== valid ==`, or `Epoch 1` and `Epoch 1 validation:`. Groups of headings alone, which
    would give a step, are removed: the rules for the headings do that.

    Returns:
        The rules for these headings, which have to come before others.
    """
    taken = {item.number for group in groups for item in group.shapes if group.wanted}
    found = {number: match for number, text in texts if number not in taken and (match := _PART.match(text[:120]))}
    parts = _parts(found)
    rules = {_as_template(text, found[number]): parts[number] for number, text in texts if number in parts}
    both = any(map(APART.fullmatch, rules.values())) and not _TRAINING.isdisjoint(rules.values())
    if not both or len(rules) > _LONGEST or take_others(rules, [text for text in texts if text[0] not in found]):
        return []
    above: dict[int, str] = {}
    part = ""
    for number, _ in texts:
        above[number] = part = parts.get(number, part)
    labelled = [group for group in groups if _is_under_parts(group, above)]
    if not labelled:
        return []
    for group in labelled:
        group.label = _SECTION
    groups[:] = [one for one in groups if one.wanted or not all(item.number in parts for item in one.shapes)]
    longest_first = sorted(rules.items(), key=lambda rule: -len(rule[0]))
    return [Suggestion({"line": line, "section": name}, _COMMENT) for line, name in longest_first]


def _parts(found: Mapping[int, re.Match[str]]) -> dict[int, str]:
    """The parts that headings name; where none names the training, a heading of an epoch alone does."""
    parts = {number: part for number, match in found.items() if (part := _part(match))}
    if _TRAINING.isdisjoint(parts.values()):
        parts.update({number: "train" for number, match in found.items() if match["begin"] and not match["part"]})
    return parts


def _is_under_parts(group: Group, above: Mapping[int, str]) -> bool:
    """Whether the lines of a group stand below several headings of parts, and do not say themselves what part it is."""
    under = {above[item.number] for item in group.shapes}
    free = group.wanted and not group.label and group.word is None and not group.above
    return bool(free) and "" not in under and len(under) > 1 and not any(map(APART.search, group.wanted.values()))


def _part(match: re.Match[str]) -> str:
    """The part of the training that a heading names; "" if it names none."""
    part = (match["part"] or "").lower()
    return part if APART.fullmatch(part) or part in _TRAINING else ""


def take_others(rules: Iterable[str], texts: Sequence[Text]) -> bool:
    """Whether headings, as rules, take lines that are none: `Training` takes `Training loss: 0.5`, too."""
    made = [Rule(0, {"line": line, "section": "-"}) for line in rules]
    return any(rule.needle in text and rule.find(Line(text), {}) is not None for _, text in texts for rule in made)


_TRAINING = frozenset({"train", "training"})


def _as_template(text: str, match: re.Match[str]) -> str:
    """A heading as a rule has it, with the epoch as the step."""
    for name, place in (("of", "{_}"), ("epoch", "{step}")):
        if match[name]:
            text = text[: match.start(name)] + place + text[match.end(name) :]
    return " ".join(text.split())


def _is_indented(group: Group, above: Mapping[int, tuple[int, str]], lines: Mapping[str, str]) -> bool:
    """Whether each line of a group is indented right below a heading with a colon: `tcp_lat:`, `    latency = 3 us`."""
    if not group.wanted or group.label or group.step is not None or group.word is not None:
        return False
    headings = [above[item.number] for item in group.shapes]
    near = all(item.number - number <= _NEAR for item, (number, _) in zip(group.shapes, headings))
    colons = near and all(lines[name].rstrip().endswith(":") and lines[name][:1].isalpha() for _, name in headings)
    return colons and all(item.text[:2].isspace() for item in group.shapes)


def _are_own(names: Sequence[str]) -> bool:
    """Whether each of several lines has a heading of its own."""
    return len(set(names)) == len(names) > 1


def _in_turns(names: Sequence[str]) -> bool:
    """Whether names come in one order again and again, and there are several."""
    again = (length for length in range(2, min(_LONGEST, len(names) // 2) + 1) if names[length:] == names[:-length])
    return len(set(names[: next(again, 0)])) > 1
