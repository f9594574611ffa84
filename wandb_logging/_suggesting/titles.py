"""Titles that say which of several the lines below are of: `====== GET ======`, `Channel: 2`, `SQL script 1: ...`."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from wandb_logging._mining.template import escaped
from wandb_logging._suggesting.findings import Finding, Text
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.sections import take_others
from wandb_logging._suggesting.writing import Suggestion

_BEFORE = r"(?:\[[^\[\]]{1,60}\]\s*)?"  # what a program says of itself
_PARTS = "channel script thread worker stream client device disk node core cpu gpu shard queue port".replace(" ", "|")
_TESTS = "running|benchmark|benchmarking|testing|function|test|case"
_TESTED = r"['\"]?(?: (?:benchmark|test|suite))?(?:\.{3}|:| \([^\d].{0,60})?"  # behind the name of what is tested
_FORMS = (  # of titles: their family, what a rule has as their line, and as the name of their section
    (r"(?P<rule>([=#*~])\2{2,}) (?P<name>[A-Za-z][\w ()/.-]{0,40}?) (?P=rule)\s*\Z", "{rule}", "{all}", "{name}"),
    (
        rf"{_BEFORE}(?P<text>(?P<name>(?:[A-Z]\w{{0,20}} )?(?i:{_PARTS})):? #?)\d{{1,4}}(?P<end>:?)(?(end)|\Z)",
        "{name}",
        "{text}{{number:word}}{end}",
        "{name} {{number}}",
    ),
    (
        r"(?P<text>(?P<name>Stats|Statistics|Results) (?:in|for|of|on)) [\w.-]{1,40}(?P<end>(?: [a-z]{1,12})?:)\Z",
        "{name}",
        "{text} {{which:word}}{end}",
        "{{which}}",
    ),
    (
        rf"(?P<text>(?:# ?)?(?i:{_TESTS}):?) (?P<name>['\"]?[A-Za-z][\w./:-]{{1,40}}){_TESTED}\s*\Z",
        "{text}",
        "{text} {{which:word}}",
        "{{which}}",
    ),
    (r"(?P<name>[A-Za-z][A-Za-z/,' -]{2,60}?)\s*:\s*\Z", ":", "{all}", "{name}"),
)
_TITLES = [(re.compile(form), family, line, section) for form, family, line, section in _FORMS]
_OF_ALL = re.compile(rf"{_BEFORE}(?P<name>Overall|Total|All|Average):?\s*\Z")
_MOST = 16  # sections; more are rather what counts


def under_titles(groups: list[Group], findings: Sequence[Finding], texts: Sequence[Text]) -> list[Suggestion]:
    """Put the section before names that come once below each of several titles.

    Groups of titles alone are removed.

    Returns:
        The rules for the titles, which have to come before others.
    """
    found: list[Suggestion] = []
    for titles in _families(texts).values():
        rules = dict(titles.values())
        names = {text for number, text in texts if number in titles}
        others = [text for text in texts if text[0] not in titles]
        if not 1 < len(names) <= _MOST or take_others(rules, others):
            continue
        above: dict[int, int] = {}
        last = 0
        for number, _ in texts:
            above[number] = last = number if number in titles else last
        labelled = [group for group in groups if _is_told_in_each(group, above)]
        tables = [finding for finding in findings if _is_table_in_each(finding, above)]
        for group in labelled:
            group.label = "{section}/"
        for finding in tables:
            finding.rules[0]["prefix"] = "{section}/"
        if labelled or tables:
            groups[:] = [one for one in groups if not all(item.number in titles for item in one.shapes)]
            comment = "a title that says what the lines below it are of"
            found += [Suggestion({"line": line, "section": name}, comment) for line, name in rules.items()]
    return found


def _families(texts: Sequence[Text]) -> Mapping[str, dict[int, tuple[str, str]]]:
    """The titles of one form by their lines: what a rule has as the line, and as the name of the section."""
    found: dict[str, dict[int, tuple[str, str]]] = defaultdict(dict)
    of_all: dict[int, tuple[str, str]] = {}
    for number, text in texts:
        if all_of := _OF_ALL.match(text):
            of_all[number] = (all_of["name"], all_of["name"])
            continue
        for form, family, line, section in _TITLES:
            match = form.match(text[:_LONGEST])
            if match and not _COUNTS.search(match["name"]):
                known = {"all": escaped(text.strip()), **match.groupdict(), "name": escaped(match["name"])}
                found[family.format(**known)][number] = (line.format(**known), section.format(**known))
                break
    for titles in found.values():
        if any("{number" in line for line, _ in titles.values()):
            titles.update(of_all)
    return found


_LONGEST = 120
_COUNTS = re.compile(r"(?i)(?<!\S)\d[^()]*\Z|train|eval|test|valid")  # `Epoch 1/5`; others know about held-out data


def _is_told_in_each(group: Group, above: Mapping[int, int]) -> bool:
    """Whether the lines of a group are told below several titles, and the same is not told twice below one."""
    if not group.wanted or group.label or group.above or group.step is not None:
        return False
    word = 0 if group.word is None else group.word[0]
    told = Counter(
        (above[one.number], one.text[one.head :].split()[word] if group.word else "") for one in group.shapes
    )
    return max(told.values()) == 1 and len({title for title, _ in told if title}) > 1


def _is_table_in_each(finding: Finding, above: Mapping[int, int]) -> bool:
    """Whether a table has a header and one row below each of several titles."""
    rule = finding.rules[0] if len(finding.rules) == 1 else {}
    if "table" not in rule or not {"step", "names", "prefix"}.isdisjoint(rule):
        return False
    told = Counter(above[number] for number in finding.lines)
    return 0 not in told and len(told) > 1 and max(told.values()) <= _HEADER_AND_ROW


_HEADER_AND_ROW = 2
