"""Write the rule that finds lines of one shape: a line with placeholders, or the line's beginning and its pairs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._mining import numbers, units
from wandb_logging._mining.rules import valid
from wandb_logging._mining.template import escaped, with_places
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.shapes import Field, Shape
from wandb_logging._wording import counted


@dataclass(frozen=True)
class Suggestion:
    """A rule, and what it finds.

    Attributes:
        rule: the rule, as `text_metrics.rules` has it.
        comment: what the rule finds.
    """

    rule: dict[str, Any]
    comment: str


def as_rule(group: Group) -> Suggestion | None:
    """The rule that finds what is wanted in these lines; None if no rule does."""
    _leave_out_word(group)
    forms = [_as_line(group), None if group.above else _as_pairs(group)]
    for rule in (form for form in forms if form is not None):
        if group.first.decimal != ".":
            rule["decimal"] = group.first.decimal
        if _holds(rule, group):
            if group.above:
                rule["line"] = f"{group.above}\n{rule['line']}"
            return Suggestion(rule, _comment(group))
    return None


def _leave_out_word(group: Group) -> None:
    """Let no name have the word that differs from line to line, where that is behind a number: it is a unit, or so."""
    if group.word is None:
        return
    line = _as_line(group)["line"]
    word, first = line.find(f"{{{group.word[1]}:word}}"), line.find("{$")
    if word < 0 or 0 <= first < word:
        names = {i: group.first.fields[i].name if name.endswith("$name") else name for i, name in group.wanted.items()}
        group.wanted = {i: name.replace("$name ", "") for i, name in names.items()}
    if word < 0:
        group.word = None


def _comment(group: Group) -> str:
    said = " ".join(group.first.text[group.first.head :].split())
    return f"{counted(len(group.shapes), 'line')}, such as: {said[:90]}"


def _holds(rule: dict[str, Any], group: Group) -> bool:
    """Whether a rule finds what it was made for in the group's lines."""
    made = valid(rule)
    if made is None:
        return False
    right = 0
    tried = group.shapes[:_TRIED]
    for item in tried:
        found = made.metrics_in(item.text)
        wanted = (item.fields[i].value for i in group.wanted if i not in group.parts)
        right += found is not None and all(value in found.values() or value != value for value in wanted)
    return right * 10 >= len(tried) * 9


_TRIED = 50  # lines of one shape on which a rule is tried


def _as_line(group: Group) -> dict[str, Any]:
    """The rule in the form of a line, as far as its last number, and a little further."""
    item = group.first
    end = max(item.fields[i].end for i in group.used)
    if group.expression and group.step is not None:
        end = max(end, (item.fields[group.step].total or (0, 0))[1])
    text, at = with_places(item.text, [place for place in _places(group) if place[0] < end], item.head)
    name_end = _name_behind(item, item.fields[max(group.used)], at)
    text, at = text + escaped(item.text[at:name_end]), name_end
    sign = re.match(r"[^\s\d{}]{0,12}", item.text[at:])
    text = _tidied(text + (sign[0] if sign else ""))
    if not re.search(r"[^\W\d_]", re.sub(r"\{[^}]*\}", "", text)):  # there has to be a word
        word = re.match(r"\s*\S{1,20} ?", item.text[at:])
        text += escaped(word[0]) if word and not any(map(str.isdigit, word[0])) else ""
    return _with_options({"line": text}, group)


def _name_behind(item: Shape, last: Field, at: int) -> int:
    """Where the name of the last number ends, if it is behind it and the only thing there; else the place given."""
    begin = item.text.find(last.name, last.end) if last.sep == ">" and at == last.end else -1
    near = 0 <= begin <= at + _BEHIND
    told = near and ("=" in item.text[at:begin] or item.text[at:].strip() == last.name)
    return begin + len(last.name) if told else at


_BEHIND = 24  # characters between a number and its name


def _tidied(text: str) -> str:
    """A template without any text at its beginning, twice in a row, or blanks that a line may lack."""
    text = re.sub(r"(?:\{\*\}[^{}\w]*)+\{\*\}", "{*}", text)
    text = re.sub(r"^\s*[^\w{]*\{\*\}", "", text).strip()
    return re.sub(r"([\[(]) +\{", r"\1{", re.sub(r"\s+", " ", text))


def _with_options(rule: dict[str, Any], group: Group) -> dict[str, Any]:
    if group.expression:
        rule["step"] = group.expression
        rule["drop"] = [name for i, name in group.parts.items() if i not in group.wanted]
    if group.label:
        rule["prefix"] = group.label
    if group.step is None and "step" in group.wanted.values():
        rule["step"] = None
    return rule


def _places(group: Group) -> list[tuple[int, int, str]]:
    """The parts of a line that become placeholders: start, end and placeholder."""
    item = group.first
    found: list[tuple[int, int, str]] = []
    names = _unique(group)
    mixed = len({one.key for one in group.shapes}) > 1
    for i, one in enumerate(item.fields):
        name = group.parts.get(i, "step") if i == group.step else names.get(i, group.parts.get(i, "_"))
        others = [other for other in group.shapes if i < len(other.fields)] if mixed else []
        changes = len({units.behind(other.text, other.fields[i].end) for other in others}) > 1
        found.append(_measured(item, one.start, one.end, name) if changes else (one.start, one.end, f"{{{name}}}"))
        if one.total:
            found.append((*one.total, "{_n}" if group.expression and i == group.step else "{_}"))
        if one.first:
            found.append((*one.first, "{_}"))
    found += _word(group)
    hidden = _free(re.finditer(r"\x01+", item.blotted), [place[:2] for place in found])
    for start, end in hidden:
        time = re.fullmatch(numbers.DURATION, item.text[start:end])
        found.append((start, end, "{_:time}" if time else "{*}"))
    taken = [*(place[:2] for place in found), *_in_names(group)]
    loose = _free(re.finditer(numbers.LOOSE, item.blotted), taken)
    found += [_measured(item, *span, "_") if mixed else (*span, "{_}") for span in loose]
    return sorted(found)


def _measured(item: Shape, start: int, end: int, name: str) -> tuple[int, int, str]:
    """The place of a number and the unit behind it, which other lines have in another unit."""
    unit = units.BEHIND.match(item.text, end)
    return start, unit.end() if unit else end, f"{{{name}:unit}}"


def _free(matches: Iterable[re.Match[str]], taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The places of those matches that overlap with no place that is taken."""
    spans = [match.span() for match in matches]
    return [(start, end) for start, end in spans if not any(begin < end and start < stop for begin, stop in taken)]


def _in_names(group: Group) -> list[tuple[int, int]]:
    """Where the names of metrics are, if their digits tell them from others: `Rank-1: 0.5`."""
    item = group.first
    found = []
    for i in group.wanted:
        name = item.fields[i].name
        begin = item.text.rfind(name, 0, item.fields[i].start) if any(map(str.isdigit, name)) else -1
        if begin >= 0 and all(one.fields[i].name == name for one in group.shapes):
            found.append((begin, begin + len(name)))
    return found


def _unique(group: Group) -> dict[int, str]:
    """Names for fields, made unique and valid in a template."""
    names: dict[int, str] = {}
    for i in sorted(group.wanted):
        name = group.wanted[i].replace("{", "(").replace("}", ")").strip()
        if name == "step" and group.step is not None:
            name = "step value"  # `12: residual = 0.1; step 0.05`: 12 is the step
        if name in names.values() or name == "_" or (name == "i" and group.expression):
            name = f"{name} {list(names.values()).count(name) + 2}"
        names[i] = name
    return names


def _word(group: Group) -> list[tuple[int, int, str]]:
    """The place of the word that differs between the lines of a group, if one does."""
    if group.word is None:
        return []
    head = group.first.head
    for at, match in enumerate(re.finditer(r"\S+", group.first.text[head:])):
        if at == group.word[0]:
            start = head + match.start()
            return [(start, start + len(match[0].rstrip(",")), f"{{{group.word[1]}:word}}")]
    return []


def _told_by(group: Group, one: Field) -> str:
    """A text that the lines of a group have: the first name, and what tells them from others of that name."""
    name = one.name + ("" if one.sep == " " else one.sep)
    item = group.first
    before = re.split(r"\d", item.text[item.head : one.start])[-1].strip()
    told = group.label and before.endswith(name) and all(before in other.text for other in group.shapes)
    return before if told else name


def _as_pairs(group: Group) -> dict[str, Any] | None:
    """The same rule in the form of starts and pairs, for lines whose parts vary."""
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
            rule["starts"] = escaped(item.text[begin : one.start]) + "{step}"
    first = min(group.wanted, default=0)
    rule.setdefault("has", _told_by(group, item.fields[first]))
    return _with_options(rule, group)
