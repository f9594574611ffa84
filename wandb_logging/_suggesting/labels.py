"""Prefixes of names, which keep two curves from becoming one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from wandb_logging._mining.pairs import STATISTICS
from wandb_logging._mining.vocabulary import APART, EPOCHS, TRAIN, is_metric, is_percentile, step_rank
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.shapes import Shape


def put_labels(groups: list[Group], shapes: Sequence[Shape]) -> None:
    """Put a prefix before names that would otherwise mix two curves."""
    for group in groups:
        _by_section(group)
        head = _head_of(group)
        if _is_about(group, head):
            group.label = f"{_short(head)}/" if APART.search(head) else _cell_of(group) or _of_what(group)
    counts = Counter(
        name.replace("$name ", "") for group in groups if not group.label for name in set(group.wanted.values())
    )
    before = _apart_before(shapes)
    order = {item.number: group for group in groups for item in group.shapes}
    for group in groups:
        clash = [
            name for name in group.wanted.values() if counts[name] > 1 and group.word is None and name not in EPOCHS
        ]
        if clash and not group.label:
            group.label = _against(group, groups, clash, order, before)
    _tell_apart(groups)
    for group in groups:
        _as_the_previous(group, _previous(group, order))


def _of_what(group: Group) -> str:
    """What statistics are about, if the line says it before a colon: `Connection time [ms]: min 0.6 avg 10.2`."""
    fields = [group.first.fields[i] for i in group.wanted]
    sections = {one.section for one in fields if one.section}
    alone = len(fields) > 1 and STATISTICS.issuperset(name.lower() for name in group.wanted.values())
    return f"{min(sections)}/" if alone and len(sections) == 1 else ""


def _cell_of(group: Group) -> str:
    """The cell before the metrics that says which data they are about: `valid` in `Epoch 3 | valid | loss 0.5`.

    It may be glued to the step: `Epoch 3-valid | loss 0.5`.
    """
    item = group.first
    first = min((item.fields[i].start for i in group.wanted), default=item.head)
    cells = (part.strip() for part in re.split(r"[|;,()\[\]]|\s-\s|(?<=\d)-", item.text[item.head : first])[1:])
    found = next((cell for cell in cells if APART.fullmatch(cell)), "")
    return f"{found}/" if found else ""


def _is_apart(group: Group) -> bool:
    return any(APART.search(name) for name in group.wanted.values())


def _is_about(group: Group, head: str) -> bool:
    """Whether a line says before its numbers what data all of them are about: not `Validation: val_loss 1, ...`."""
    apart = sum(bool(APART.search(name)) for name in group.wanted.values())
    return not apart or (bool(APART.search(head)) and 2 * apart < len(group.wanted))


def _by_section(group: Group) -> None:
    """Prefix names with their section: `Test set: Average loss: 0.5` is about the test set."""
    for i, name in list(group.wanted.items()):
        section = group.first.fields[i].section
        if section and APART.search(section) and not APART.search(name):
            group.wanted[i] = f"{_short(section)}/{name}"
    _by_first(group)


def _by_first(group: Group) -> None:
    """Let the first name's word prefix the others: in `DEV : loss 1 - f1 2` both numbers are about `DEV`."""
    named = [i for i in sorted(group.wanted) if group.wanted[i] not in EPOCHS]
    while named and not APART.match(group.wanted[named[0]]):
        del named[0]
    names = [group.wanted[i] for i in named]
    first = APART.match(names[0]) if names else None
    if not first or names[0][first.end() : first.end() + 1] not in {"/", " "} or any(map(TRAIN.search, names)):
        return
    if sum(bool(APART.search(name)) for name in names) == 1:
        group.wanted.update({i: f"{first[0]}/{group.wanted[i]}" for i in named[1:]})


def _against(
    group: Group, groups: list[Group], clash: list[str], order: dict[int, Group], before: dict[int, str]
) -> str:
    """A label for a group that shares names with others; "" if this group is the one that needs no label."""
    previous = _previous(group, order)
    if previous is not None and group.step is None and APART.search(previous.label):
        return previous.label
    if all(before.get(item.number) for item in group.shapes):
        return f"{before[group.first.number]}/"
    head = _without_counter(_head_of(group) or _sign_of(group, groups))
    if head and (not TRAIN.search(head) or is_metric(head)) and step_rank(head.rstrip("= ")) is None:
        others = [one for one in groups if one is not group and _has_names(one, clash)]
        return _by_head(group, head, others, clash[0])
    section = next((group.first.fields[i].section for i in group.wanted if group.first.fields[i].section), "")
    return f"{_short(section)}/" if section and not TRAIN.search(section) else ""


def _without_counter(head: str) -> str:
    """The words before a counter: `ridge` and `lasso` of `ridge fold 1: rmse=0.5` and `lasso fold 1: rmse=0.6`."""
    before, _, counter = " ".join(head.split()).rpartition(" ")
    return before if before and step_rank(counter) is not None and not TRAIN.search(before) else head


def _by_head(group: Group, head: str, others: Sequence[Group], name: str) -> str:
    """A label of the words with which lines begin: the last that others do not have, or else their first name.

    Args:
        group: the lines.
        head: the words.
        others: groups with the same names.
        name: the first of these names.
    """
    if not any(map(str.isalnum, head)):
        return ""
    said = {word for one in others for word in _head_of(one).split()}
    own = [word for word in head.split() if word not in said and any(map(str.isalpha, word))]
    if own:
        return f"{own[-1]}/"
    first = group.first.fields[0].name
    alike = [one.first.fields[0].name for one in others if _head_of(one) == head]
    if len(group.wanted) > 1 and first != name and first in group.wanted.values() and alike and first not in alike:
        return f"{first}/"  # `[info]: frame I: 1, QP: 31`, `[info]: frame P: 50, QP: 32`
    return f"{head}/"


def _as_the_previous(group: Group, previous: Group | None) -> None:
    """Give a summary the label of the lines before it, if those are about held-out data and share its names."""
    if group.label or group.step is not None or previous is None or not APART.search(previous.label):
        return
    shared = {name.rpartition("/")[2] for name in previous.wanted.values()} & set(group.wanted.values())
    if shared and not _is_apart(group):
        group.label = previous.label


def _has_names(group: Group, names: list[str]) -> bool:
    """Whether a group has at least one of these names."""
    return not set(names).isdisjoint(name.replace("$name ", "") for name in group.wanted.values())


def _previous(group: Group, order: dict[int, Group]) -> Group | None:
    """The group whose lines come right before this group's lines; None if there is no single such group."""
    found = set()
    for item in group.shapes:
        near = [
            order[number]
            for number in range(item.number - 3, item.number)
            if number in order and order[number] is not group
        ]
        found.add(id(near[-1]) if near else None)
        last = near[-1] if near else None
    return last if len(found) == 1 else None


def _apart_before(shapes: Sequence[Shape]) -> dict[int, str]:
    """Map the two lines below one such as `Evaluation finished` to the word in it: `evaluation`."""
    said: dict[int, str] = {}
    for item in shapes:
        match = APART.search(item.text)
        if match and not any(one.name and one.sep in (":", "=", " ") for one in item.fields):
            for number in range(item.number + 1, item.number + 3):
                said[number] = match[1].lower()
    return said


def _head_of(group: Group) -> str:
    """The words at the beginning of a group's lines, before the first number."""
    item = group.first
    first = min((one.start for one in item.fields), default=len(item.text))
    text = _NAMES_IN_BRACKETS.split(item.text[item.head : first])[0]
    names = sorted(group.wanted)
    if names and names[0] == 0 and item.fields[0].name and not (group.wanted[0] in EPOCHS and APART.search(text)):
        text = text[: text.rfind(item.fields[0].name)] if item.fields[0].name in text else text
    return re.sub(r"[^\w+= ./-]", " ", text).strip(" -:.")


_NAMES_IN_BRACKETS = re.compile(r"[\[(](?=\w+, ?\w)")


def _tell_apart(groups: list[Group]) -> None:
    """Label lines of a report that share one name by the words after the number."""
    alike: dict[tuple[str, ...], list[Group]] = defaultdict(list)
    for group in groups:
        if len(group.wanted) == 1 and not group.label and len(group.shapes) < 3:
            alike[tuple(group.wanted.values())].append(group)
    for same in alike.values():
        tails = [group.first.text[max(one.end for one in group.first.fields) :] for group in same]
        shared = set.intersection(*(set(re.findall(r"[A-Za-z]+", tail)) for tail in tails)) if len(same) > 1 else set()
        for group, tail in zip(same, tails):
            own = [word for word in re.findall(r"[A-Za-z]+", tail) if word not in shared]
            if len(same) > 1 and own:
                group.label = f"{' '.join(own[:3])}/"


def _sign_of(group: Group, groups: list[Group]) -> str:
    """The beginning `summary =`, if another group begins with the same word and another sign, as `summary +` does."""
    start = _start_of(group)
    starts = {_start_of(other) for other in groups}
    return start if any(other != start and other.split()[:1] == start.split()[:1] for other in starts) else ""


def _start_of(group: Group) -> str:
    """The text before the first number, including the number's name: `summary =`."""
    item = group.first
    start = item.text[item.head : min((one.start for one in item.fields), default=item.head)].strip()
    return start if len(start.split()) == 2 and not start[-1].isalnum() and start[-1] in "+=*" else ""


def _short(label: str) -> str:
    """Shorten a label to at most three words, without words that name a step."""
    match = APART.search(label)
    if match and len(label.split()) > 2:
        return match[1]
    parts = [part for part in label.split() if step_rank(part) is None or APART.search(part)]
    return " ".join(parts[:3]).strip(" :=-") or label.split(" ", maxsplit=1)[0]


_HEADING = re.compile(r"(?:^|(?<=\s\s)|(?<=[\]|:-] ))([A-Za-z]+(?: [A-Za-z]+){0,4})(?: \([a-zµ]{1,6}\))?:\s*$")
_BEGINS = re.compile(r"(?:^|(?<=[\]|:-] ))([A-Za-z]+(?: [A-Za-z]+){0,3}) ?\.\.\.\s*$")


def _heading(text: str) -> re.Match[str] | None:
    """A heading such as `Test error:`; or `Eval begin...`, which says that what follows is about held-out data."""
    begins = _BEGINS.search(text) if text.rstrip().endswith("...") else None
    return begins if begins and APART.search(begins[1]) else _HEADING.search(text)


def under_headings(groups: Sequence[Group], texts: Sequence[tuple[int, str]]) -> None:
    """Label lines right below a heading such as `Test error:`, and statistics below one such as `Latency (ms):`."""
    headings: dict[int, str] = {}
    measured: dict[int, str] = {}
    for (_, text), (after, _) in zip(texts, texts[1:]):
        heading = _HEADING.search(text)
        match = APART.search(heading[1]) if heading else None
        if match and heading:
            headings[after] = match[1]
        elif heading and _REPORTS.isdisjoint(heading[1].lower().split()):
            measured.update(dict.fromkeys(range(after, after + _STATISTICS_BELOW), heading[1]))
    for group in groups:
        about = measured if all(map(_is_statistic, group.wanted.values())) else headings
        if not group.label and group.wanted and all(item.number in about for item in group.shapes):
            group.label = f"{about[group.first.number]}/"


def apart_below(groups: Sequence[Group], texts: Sequence[tuple[int, str]]) -> list[Group]:
    """Take the lines right below `Evaluation:` or `Evaluating ...` out of groups that have lines elsewhere, too."""
    headings: dict[int, re.Match[str]] = {}
    for (_, text), (after, _) in zip(texts, texts[1:]):
        heading = _heading(text)
        if heading and APART.search(heading[1]):
            headings[after] = heading
    found: list[Group] = []
    for group in groups if headings else ():
        below = [item for item in group.shapes if item.number in headings]
        elsewhere = [item for item in group.shapes if item.number not in headings]
        if group.label or not group.wanted or not below or _is_apart(group):
            continue
        if not elsewhere and not any(_has_names(one, [*group.wanted.values()]) for one in groups if one is not group):
            continue
        heading = headings[below[0].number]
        word = APART.search(heading[1])
        own = replace(group, shapes=below, wanted=dict(group.wanted)) if elsewhere else group
        own.above, own.label = heading[0].strip(), f"{word[1] if word else heading[1]}/"
        if elsewhere:
            group.shapes = elsewhere
            found.append(own)
    return found


def _is_statistic(name: str) -> bool:
    return name.lower() in STATISTICS or name.lower() == "sum" or is_percentile(name)


_STATISTICS_BELOW = 8
_REPORTS = frozenset("summary statistics stats result results report total totals overall".split())
