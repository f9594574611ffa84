"""Rules made from a log: what repeats and counts, what has a name, and what stands in columns."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wandb_logging._errors import SettingsError
from wandb_logging._mining import lines, numbers, structures
from wandb_logging._mining.rules import Line, Rule
from wandb_logging._mining.shapes import _BAR, Field, Shape, shape
from wandb_logging._mining.structures import Finding, increasing, is_id
from wandb_logging._mining.vocabulary import (
    APART,
    EPOCHS,
    STEPS,
    TRAIN,
    is_left,
    is_metric,
    is_result,
    is_setting,
    step_rank,
    words,
)

MAX_LINES = 20_000  # of a log that are looked at

_CODE = re.compile(
    r"^\s*(?:File \"|Traceback|raise |return |import |from |def |class |self\.|\^+|at [\w.$]+\()|\w\(\w+=|HTTP/\d|\"(?:GET|POST|PUT|HEAD|DELETE) "
    r"|Error: |Exception|\bsha\d*\b|SELECT |://|^\S+\.(?:py|c|cc|cpp|h|java|js):\d"
)
_BYTES = re.compile(r"(?:^|\s)[KMGT]?i?(?:Bytes|bits)(?:/s(?:ec)?)?$")
_UNIT_NAMES = frozenset("s sec secs second seconds minutes hours days ms msec bytes".split())


@dataclass(frozen=True)
class Suggestion:
    """A rule, and what it is for.

    Attributes:
        rule: as `text_metrics.rules` has it.
        comment: what it finds.
    """

    rule: dict[str, Any]
    comment: str


@dataclass
class _Group:
    """Lines of one shape, and what of them is wanted.

    Attributes:
        step: index of the field that is the step, None if there is none.
        wanted: names by index of field.
        label: what goes before the names.
        expression: the step, if it is made of several fields.
        parts: names of fields that only the expression needs.
    """

    shapes: list[Shape]
    step: int | None = None
    wanted: dict[int, str] = field(default_factory=dict)
    label: str = ""
    expression: str = ""
    parts: dict[int, str] = field(default_factory=dict)
    word: tuple[int, str] | None = None

    @property
    def first(self) -> Shape:
        return self.shapes[0]

    def values(self, index: int) -> list[float]:
        return [item.fields[index].value for item in self.shapes]


def suggest(text: str) -> list[Suggestion]:
    """Rules for a log, the most particular first; none if there is nothing in it that looks like metrics."""
    texts = [
        (number, shown)
        for number, line in enumerate(text.split("\n")[:MAX_LINES], 1)
        for shown in lines.redraws(line.rstrip("\r"))
    ]
    findings = _structures(texts)
    taken = set().union(*(finding.lines for finding in findings)) if findings else set()
    taken |= {number + 1 for number, shown in texts if shown.lstrip().startswith('File "')}  # source code
    rest = [shape(number, shown) for number, shown in texts if number not in taken and _is_text(shown)]
    groups = _groups(rest, findings)
    _under_headings(groups, texts)
    suggestions = [
        (len(finding.rules[0]), Suggestion(rule, finding.comment)) for finding in findings for rule in finding.rules
    ]
    ruled = [rule for group in groups if (rule := _rule(group)) is not None]
    ruled.sort(key=lambda item: -len(str(item.rule.get("line", ""))))
    return _distinct([*(suggestion for _, suggestion in suggestions), *ruled])


def _under_headings(groups: Sequence[_Group], texts: Sequence[tuple[int, str]]) -> None:
    """Lines right below one such as `Test error:` are about what it says."""
    headings: dict[int, str] = {}
    for (number, text), (after, _) in zip(texts, texts[1:]):
        match = APART.search(text)
        if match and not any(map(str.isdigit, text)) and text.strip().endswith(":") and len(text.split()) < 6:
            headings[after] = match[1]
    for group in groups:
        if not group.label and group.wanted and all(item.number in headings for item in group.shapes):
            group.label = f"{headings[group.first.number]}/"


def _distinct(suggestions: Iterable[Suggestion]) -> list[Suggestion]:
    kept: dict[str, Suggestion] = {}
    for suggestion in suggestions:
        kept.setdefault(repr(suggestion.rule), suggestion)
    return list(kept.values())


def _structures(texts: Sequence[tuple[int, str]]) -> list[Finding]:
    found: list[Finding] = []
    for look in (structures.exposition, structures.boxes, structures.blocks, structures.json_lines, structures.key_values,
                 structures.percentiles, structures.table_findings):  # fmt: skip
        taken = set().union(*(finding.lines for finding in found)) if found else set()
        more = look([text for text in texts if text[0] not in taken])
        found += [] if more is None else more if isinstance(more, list) else [more]
    return found


def _is_text(text: str) -> bool:
    """Whether a line could hold metrics: no code, no request, no dump of an object."""
    return any(map(str.isdigit, text)) and not _CODE.search(text) and len(text) < 2000


# --- groups of lines ----------------------------------------------------------------------------------


def _groups(shapes: Sequence[Shape], findings: Sequence[Finding]) -> list[_Group]:
    by_key: dict[str, list[Shape]] = defaultdict(list)
    for item in shapes:
        if item.fields:
            by_key[f"{len(item.fields)} {item.key}"].append(item)
    groups = _merged([_Group(items) for items in by_key.values()])
    for group in groups:
        _find_step(group)
        _find_wanted(group)
    regular = [group for group in groups if _is_regular(group)]
    starts = [group.first.number for group in regular if group.step is not None] + [
        item.first for item in findings if item.first
    ]
    begin = min(starts, default=0)
    kept = [*regular, *(group for group in groups if group not in regular and _is_said_once(group, begin))]
    kept += _neighbours(groups, kept, begin)
    kept += _steps_alone(groups, kept)
    _label(kept, shapes)
    return [group for group in kept if group.wanted or group.step is not None]


def _merged(groups: list[_Group]) -> list[_Group]:
    """Groups that differ in one word, `Solving for Ux` and `Solving for Uy`, as one."""
    places: dict[tuple[int, str], list[_Group]] = defaultdict(list)
    for group in groups:
        parts = group.first.key.split()
        for i, part in enumerate(parts[:12]):
            if i and re.fullmatch(r"[A-Za-z][\w.]{0,20},?", part) and len(parts) > 4:
                places[i, " ".join([*parts[:i], "~", *parts[i + 1 :]])].append(group)
    gone: set[int] = set()
    merged: list[_Group] = []
    for (i, _), alike in sorted(places.items(), key=lambda item: -len(item[1])):
        left = [group for group in alike if id(group) not in gone]
        lengths = {len(group.first.fields) for group in left}
        if len(left) < 2 or sum(len(group.shapes) for group in left) < 4 or len(lengths) > 1:
            continue
        if not all(any(item.sep in ":=" and item.name for item in group.first.fields) for group in left):
            continue
        gone.update(map(id, left))
        every = sorted((item for group in left for item in group.shapes), key=lambda item: item.number)
        merged.append(_Group(every, word=(i, "name")))
    return [*(group for group in groups if id(group) not in gone), *merged]


def _find_step(group: _Group) -> None:
    """Which field counts, and whether several have to be put together."""
    ranked = []
    for i, item in enumerate(group.first.fields):
        rank = _rank(item)
        values = group.values(i)
        simulated = item.name.lower() in {"time", "t"} and item.sep in "=:" and (len(group.first.fields) == 1 or i == 0)
        if rank is None or (item.unit and item.unit != "s" and not simulated):
            continue
        if item.sep in " >" and rank % 1 and (i > 0 or len(item.name.split()) > 5):
            continue
        if (
            item.sep == "/"
            and not item.name
            and "\x01" in group.first.blotted[group.first.head :]
            and _BAR.search(group.first.text)
        ):
            continue  # a progress bar: what it counts is within an epoch
        if is_left(item.name):
            continue
        whole = all(value == int(value) for value in values if abs(value) < 1e15)
        if not whole and not simulated and item.name.lower() not in {"progress"}:
            continue
        if len(values) > 2 and not increasing(values) and (len(set(values)) > 1 or not item.name):
            continue
        if item.name.lower() in {"time", "t", "progress"} and not (len(values) > 1 and increasing(values)):
            continue
        ranked.append((rank, i))
    if not ranked:
        return
    group.step = min(ranked)[1]
    _restarts(group)


def _rank(item: Field) -> float | None:
    if item.sep == "#":
        return 40
    if item.sep == "/" and (not item.name or (step_rank(item.name) is None and not is_metric(item.name))):
        return 41
    if item.sep in "/-+" or item.name:
        rank = step_rank(item.name)
        if rank is None and item.name.lower() == "progress":
            return 70
        return rank
    return None


def _restarts(group: _Group) -> None:
    """Iterations that begin again in each epoch are counted on, where the line says how many there are."""
    step = group.step
    assert step is not None
    values, total = group.values(step), group.first.fields[step].total
    epoch = _epoch(group)
    if epoch is None or total is None or all(a <= b for a, b in zip(values, values[1:])):
        return
    group.expression = "epoch * _n + i"
    group.parts = {step: "i", epoch: "epoch"}


def _epoch(group: _Group) -> int | None:
    """The field that is the epoch, where another is the step."""
    fields = [(i, item) for i, item in enumerate(group.first.fields) if i != group.step and item.sep not in "-/#"]
    named = (i for i, item in fields if _is_epoch(item.name))
    sections = (i for i, item in fields if i == 0 and (TRAIN.fullmatch(item.name) or APART.fullmatch(item.name)))
    return next(named, next(sections, None))


def _is_epoch(name: str) -> bool:
    last = name.lower().split(" ")[-1].strip(".")
    return last in EPOCHS and (len(last) > 1 or " " not in name)


def _find_wanted(group: _Group) -> None:
    counted = group.step is not None
    many = len(group.shapes)
    fields = group.first.fields
    for i, item in enumerate(fields):
        if i == group.step or not item.name or item.sep in "/-+#" or is_id(item.name) or is_left(item.name):
            continue
        values = group.values(i)
        varies = len(set(map(str, values))) > 1
        if _wanted(item, counted=counted, many=many, varies=varies, fields=len(fields)):
            group.wanted[i] = item.name if group.word is None else f"$name {item.name}"
    epoch = _epoch(group)
    if epoch is not None and group.wanted and counted:
        group.wanted[epoch] = "epoch"


def _wanted(item: Field, *, counted: bool, many: int, varies: bool, fields: int) -> bool:
    name = item.name
    if len(name.split()) > 6 or re.search(r"[\"'#]\w|\w\(", name) and not name.endswith("'s"):
        name = name.replace("'s ", " ")
    if len(name.split()) > 6:
        return False
    if (
        step_rank(name) is not None
        and not is_metric(name)
        and name.lower() not in EPOCHS
        and item.sep == " "
        and not counted
    ):
        return False
    if item.sep in " >" and (name.lower() in _UNIT_NAMES or _BYTES.search(name)):
        return False
    if item.sep == "is":
        return counted or is_metric(name)
    if item.sep in ":=<":
        return counted or (many > 2 and fields > 2) or is_metric(name) or (many > 1 and varies)
    if item.sep == " ":
        return (is_metric(name) or (counted and many > 2 and (varies or fields > 3) and len(name.split()) < 4)) and (
            counted or (many > 2 and varies) or fields > 1
        )
    return is_metric(name) or (counted and many > 1 and fields > 2) or (many > 2 and varies and fields > 2)


def _is_regular(group: _Group) -> bool:
    """Whether lines of this shape come again and again, or count."""
    if not group.wanted:
        return False
    many = len(group.shapes)
    if group.step is not None:
        named = group.first.fields[group.step].name != "" or group.first.fields[group.step].sep == "/"
        if many == 1 and not any(group.first.fields[i].sep in ":=<" for i in group.wanted):
            return False
        return many > 2 or (named and (many > 1 or any(map(is_metric, group.wanted.values()))))
    if many == 2 and len(group.wanted) > 1 and not any(map(is_setting, group.wanted.values())):
        pairs = [group.values(i) for i in group.wanted]
        return all(a != b and (a % 1 or b % 1) for a, b in pairs)
    if len(group.wanted) == 1 and len(group.first.fields) > 1 and group.step is None:
        values = group.values(next(iter(group.wanted)))
        if all(other == one + 1 for one, other in zip(values, values[1:])) and not any(
            map(is_metric, group.wanted.values())
        ):
            return False  # the number of the line, and other numbers without names
    strong = [i for i in group.wanted if group.first.fields[i].sep in (":", "=", "<", "is")]
    prose = len(group.first.key.split()) > 6 * len(group.wanted) + 6
    varies = any(len(set(group.values(i))) > 1 for i in group.wanted)
    metric = any(map(is_metric, group.wanted.values()))
    return many > 2 and (varies or metric) and (bool(strong) or metric) and not (prose and not metric)


def _is_said_once(group: _Group, begin: int) -> bool:
    """Whether a line that comes once or twice tells a result: after the rows, or where there are none."""
    wanted = group.wanted
    if not any(is_metric(name) and not is_setting(name) for name in wanted.values()):
        return False
    strong = [i for i in wanted if group.first.fields[i].sep in (":", "=", "<", "is")]
    if group.first.number < begin and not all(is_result(wanted[i]) and group.values(i)[0] % 1 for i in wanted):
        return False
    bare = (
        len(wanted) > 1 and all(map(is_metric, wanted.values())) and len(group.first.key.split()) <= 2 * len(wanted) + 1
    )
    if (not strong and not bare) or len(group.shapes) > 4:
        if not (len(wanted) > 1 and group.first.number >= begin and APART.search(group.first.text)):
            return False
    loose = len(group.first.key.split()) - 3 * len(wanted)
    group.wanted = wanted
    return loose < 9


def _neighbours(groups: list[_Group], kept: list[_Group], begin: int) -> list[_Group]:
    """Lines `name: number` right beside results that are said once: they are of the same report."""
    near = {
        item.number + by
        for group in kept
        if group.step is None and len(group.shapes) < 3
        for item in group.shapes
        for by in (-1, 1)
    }
    found = []
    for group in groups:
        item = group.first
        one = item.fields[0]
        clean = (
            len(item.fields) == 1
            and one.sep in ":="
            and one.name
            and item.text[item.head :].strip().startswith(one.name)
        )
        if (
            group in kept
            or not clean
            or item.number not in near
            or item.number < begin
            or is_setting(one.name)
            or is_id(one.name)
        ):
            continue
        group.wanted, group.step = {0: one.name}, None
        found.append(group)
    return found


def _steps_alone(groups: list[_Group], kept: list[_Group]) -> list[_Group]:
    """Lines that only count, `Time = 0.5`, if rows without a step come after them."""
    groups = [*groups, *_by_beginning(groups, kept)]
    without = [item.number for group in kept if group.step is None for item in group.shapes]
    found = []
    for group in groups:
        if group in kept or group.step is None:
            continue
        item = group.first.fields[group.step]
        if not item.name and item.sep != "#":
            continue
        follows = sum(any(shape.number < number <= shape.number + 40 for number in without) for shape in group.shapes)
        if (follows * 2 > len(group.shapes) and len(group.shapes) > 1) or (follows and item.sep == "/"):
            if len(group.first.key.split()) < 16 or item.sep == "#":
                group.wanted = {}
                found.append(group)
    found.sort(key=lambda group: -len(group.shapes))
    return found[:1]


def _by_beginning(groups: list[_Group], kept: list[_Group]) -> list[_Group]:
    """Lines that begin alike with a number, whatever follows."""
    begins: dict[str, list[Shape]] = defaultdict(list)
    for group in groups:
        if group in kept or len(group.shapes) > 3:
            continue
        for item in group.shapes:
            if item.fields and (item.fields[0].sep == "#" or step_rank(item.fields[0].name) is not None):
                begins[" ".join(item.key.split()[:2])].append(item)
    found = [_Group(sorted(items, key=lambda item: item.number)) for items in begins.values() if len(items) > 2]
    for group in found:
        if increasing(group.values(0)):
            group.step = 0
    return found


# --- names --------------------------------------------------------------------------------------------


def _label(groups: list[_Group], shapes: Sequence[Shape]) -> None:
    """Put in front of names what keeps two curves apart."""
    before = _apart_before(shapes)
    for group in groups:
        for i, name in list(group.wanted.items()):
            section = group.first.fields[i].section
            if section and APART.search(section) and not APART.search(name):
                group.wanted[i] = f"{_short(section)}/{name}"
        head = _head_of(group)
        if APART.search(head) and not any(APART.search(name) for name in group.wanted.values()):
            group.label = f"{_short(head)}/"
    counts = Counter(
        name.replace("$name ", "") for group in groups for name in set(group.wanted.values()) if not group.label
    )
    order: dict[int, _Group] = {item.number: group for group in groups for item in group.shapes}
    for group in groups:
        clash = [
            name for name in group.wanted.values() if counts[name] > 1 and group.word is None and name not in EPOCHS
        ]
        if group.label or not clash:
            continue
        head = _head_of(group) or _sign_of(group, groups)
        section = next((group.first.fields[i].section for i in group.wanted if group.first.fields[i].section), "")
        previous = _previous(group, order)
        if previous is not None and previous.label and APART.search(previous.label) and group.step is None:
            group.label = previous.label
        elif all(before.get(item.number) for item in group.shapes):
            group.label = f"{before[group.first.number]}/"
        elif head and not TRAIN.search(head):
            others = {
                word
                for other in groups
                if other is not group and _has_names(other, clash)
                for word in _head_of(other).split()
            }
            own = [word for word in head.split() if word not in others and any(map(str.isalpha, word))]
            group.label = f"{own[-1] if own else head}/"
        elif section and not TRAIN.search(section):
            group.label = f"{_short(section)}/"
    _tell_apart(groups)
    for group in groups:  # a summary that follows lines of data that is kept apart, and shares their names
        previous = _previous(group, order)
        if not group.label and group.step is None and previous is not None and APART.search(previous.label):
            shared = {name.rpartition("/")[2] for name in previous.wanted.values()} & set(group.wanted.values())
            if shared and not any(APART.search(name) for name in group.wanted.values()):
                group.label = previous.label


def _has_names(group: _Group, names: list[str]) -> bool:
    """Whether a group has one of these names."""
    return not set(names).isdisjoint(name.replace("$name ", "") for name in group.wanted.values())


def _previous(group: _Group, order: dict[int, _Group]) -> _Group | None:
    """The one group whose lines come right before those of this one."""
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
    """For lines below one that says `Evaluation finished`, what it says."""
    said: dict[int, str] = {}
    for item in shapes:
        match = APART.search(item.text)
        if match and not any(one.name and one.sep in (":", "=", " ") for one in item.fields):
            for number in range(item.number + 1, item.number + 3):
                said[number] = match[1].lower()
    return said


def _head_of(group: _Group) -> str:
    """The words that lines of a group begin with, before their first number."""
    item = group.first
    first = min((one.start for one in item.fields), default=len(item.text))
    text = item.text[item.head : first]
    names = sorted(group.wanted)
    if names and names[0] == 0 and item.fields[0].name:
        text = text[: text.rfind(item.fields[0].name)] if item.fields[0].name in text else text
    return re.sub(r"[^\w+= ./-]", " ", text).strip(" -:.")


def _tell_apart(groups: list[_Group]) -> None:
    """Two lines of a report with one name: what is after the number tells them apart."""
    alike: dict[tuple[str, ...], list[_Group]] = defaultdict(list)
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


def _sign_of(group: _Group, groups: list[_Group]) -> str:
    """`summary =` where there is `summary +`, too."""
    start = _start_of(group)
    starts = {_start_of(other) for other in groups}
    return start if any(other != start and other.split()[:1] == start.split()[:1] for other in starts) else ""


def _start_of(group: _Group) -> str:
    """What is before the first number, its name included: `summary =`."""
    item = group.first
    start = item.text[item.head : min((one.start for one in item.fields), default=item.head)].strip()
    return start if len(start.split()) == 2 and not start[-1].isalnum() and start[-1] in "+=*" else ""


def _short(label: str) -> str:
    """At most three words, those of steps taken off."""
    match = APART.search(label)
    if match and len(label.split()) > 2:
        return match[1]
    parts = [part for part in label.split() if step_rank(part) is None or APART.search(part)]
    return " ".join(parts[:3]).strip(" :=-") or label.split(" ")[0]


# --- from a group to a rule -----------------------------------------------------------------------------


def _rule(group: _Group) -> Suggestion | None:
    for rule in (_as_line(group), _as_pairs(group)):
        if rule is not None and _holds(rule, group):
            return Suggestion(rule, _comment(group))
    return None


def _comment(group: _Group) -> str:
    many = len(group.shapes)
    return f"{many} line{'s' * (many > 1)}, such as: {' '.join(group.first.text[group.first.head :].split())[:90]}"


def _holds(rule: dict[str, Any], group: _Group) -> bool:
    """Whether a rule finds in the group's lines what it was made for."""
    try:
        made = Rule(0, rule)
    except SettingsError:
        return False
    right = 0
    tried = group.shapes[:50]
    for item in tried:
        found = made.find(Line(item.text, " ".join(item.text.split())), {})
        if found is None:
            continue
        values = [value for value in made.row(found, "")[2].values()]
        right += all(
            any(value == other for other in values) or value != value
            for value in (item.fields[i].value for i in group.wanted if i not in group.parts)
        )
    return right * 10 >= len(tried) * 9


def _as_line(group: _Group) -> dict[str, Any] | None:
    item = group.first
    places = _places(group)
    wanted = [*group.wanted, *([group.step] if group.step is not None else [])]
    end = max(item.fields[i].end for i in wanted)
    if group.expression and group.step is not None:
        end = max(end, (item.fields[group.step].total or (0, 0))[1])
    text, at = "", item.head
    for start, stop, place in places:
        if start < at:
            continue
        if start >= end:
            break
        text += item.text[at:start].replace("{", "{{").replace("}", "}}") + place
        at = stop
    tail = re.match(r"[^\s\d{}]{0,12}", item.text[at:])
    text += tail[0].replace("{", "").replace("}", "") if tail else ""
    text = re.sub(r"(?:\{\*\}[^{}\w]*)+\{\*\}", "{*}", text)
    text = re.sub(r"^\s*[^\w{]*\{\*\}", "", text).strip()
    text = re.sub(r"([\[(]) +\{", r"\1{", re.sub(r"\s+", " ", text))
    if not re.search(r"[^\W\d_]", re.sub(r"\{[^}]*\}", "", text)):
        more = re.match(r"\s*\S{1,20} ?", item.text[at:])
        text += more[0] if more and not any(map(str.isdigit, more[0])) else ""
    rule: dict[str, Any] = {"line": text}
    return _with_options(rule, group)


def _with_options(rule: dict[str, Any], group: _Group) -> dict[str, Any]:
    if group.expression:
        rule["step"] = group.expression
        rule["drop"] = ["i"]
    if group.label:
        rule["prefix"] = group.label
    if group.step is None and "step" in group.wanted.values():
        rule["step"] = None
    return rule


def _places(group: _Group) -> list[tuple[int, int, str]]:
    """What of a line becomes a placeholder: where, and which."""
    item = group.first
    found: list[tuple[int, int, str]] = []
    names = _unique(group)
    for i, one in enumerate(item.fields):
        name = names.get(i, "_")
        if i == group.step:
            name = group.parts.get(i, "step")
        found.append((one.start, one.end, f"{{{name}}}"))
        if one.total:
            found.append((*one.total, "{_n}" if group.expression and i == group.step else "{_}"))
        if one.first:
            found.append((*one.first, "{_}"))
    if group.word is not None:
        found += _word(group)
    covered = [(start, stop) for start, stop, _ in found]
    for match in re.finditer(r"\x01+", item.blotted):
        if not any(start < match.end() and match.start() < stop for start, stop in covered):
            taken = item.text[match.start() : match.end()]
            found.append((*match.span(), "{_:time}" if re.fullmatch(numbers.DURATION, taken) else "{*}"))
    for match in re.finditer(r"(?<![\w.@\x01])[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?", item.blotted):
        if not any(start < match.end() and match.start() < stop for start, stop, _ in found):
            found.append((match.start(), match.end(), "{_}"))
    return sorted(found)


def _unique(group: _Group) -> dict[int, str]:
    """Names of fields, none twice, as a template takes them."""
    names: dict[int, str] = {}
    for i in sorted(group.wanted):
        name = group.wanted[i].replace("{", "(").replace("}", ")").strip()
        if name in names.values() or name == "_" or (name == "i" and group.expression):
            name = f"{name} {list(names.values()).count(name) + 2}"
        names[i] = name
    return names


def _word(group: _Group) -> list[tuple[int, int, str]]:
    """Where the word is that differs between the lines of a group."""
    assert group.word is not None
    at = 0
    for match in re.finditer(r"\S+", group.first.text[group.first.head :]):
        if at == group.word[0]:
            start = group.first.head + match.start()
            return [(start, start + len(match[0].rstrip(",")), f"{{{group.word[1]}:word}}")]
        at += 1
    return []


def _as_pairs(group: _Group) -> dict[str, Any] | None:
    """The same as starts and pairs, for lines whose parts vary."""
    item = group.first
    seps = {item.fields[i].sep for i in group.wanted if i not in group.parts}
    if len(seps) != 1 or not seps <= {":", "=", " "}:
        return None
    rule: dict[str, Any] = {"pairs": next(iter(seps))}
    if group.step is not None:
        one = item.fields[group.step]
        if one.sep in seps:
            rule["step"] = one.name
        elif one.name and one.name in item.text:
            begin = item.text.rfind(one.name, 0, one.start)
            if begin < 0:
                return None
            rule["starts"] = item.text[begin : one.start].replace("{", "{{") + "{step}"
    first = min(group.wanted, default=0)
    rule.setdefault("has", item.fields[first].name + ("" if item.fields[first].sep == " " else item.fields[first].sep))
    return _with_options(rule, group)
