"""Keep apart the curves of processes whose lines stand in one log: `[rank0]: step 1 ...`, `[rank1]: step 1 ...`.

Names of the first process stay as they are, those of the others get W&B's label behind them: `loss/l:1`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from wandb_logging._mining.rules import valid
from wandb_logging._mining.template import escaped
from wandb_logging._suggesting.group import Group
from wandb_logging._suggesting.shapes import Shape
from wandb_logging._suggesting.writing import Suggestion, as_rule
from wandb_logging._wording import counted

_WHO = r"(?:[a-z_]*rank|gpu|worker|node|device|proc|process|trainer|default)"
# What says who writes a line: text before the label, the label, and text behind it.
_SURE = re.compile(
    rf"(?i)(?P<a>\[{_WHO}[ :=_-]?)(?P<label>\d{{1,5}})(?P<z>\]:?)"  # PyTorch, torchrun --tee
    r"|(?P<a2>\[\d{1,5},)(?P<label2>\d{1,5})(?P<z2>\]<std\w{3}>:)"  # mpirun --tag-output
    rf"|\A\s*(?P<a3>{_WHO}[ :=#-]?)(?P<label3>\d{{1,5}})(?P<z3>[:,|]?)(?=\s)"
    r"|(?P<a4>\([\w.:]{0,60} ?pid=)(?P<label4>\d{1,9})(?P<z4>[,)])"  # Ray
)
_BY_STEPS = re.compile(
    r"\A\s*(?P<a>(?:[A-Za-z][\w.-]{0,60}[-_])?)(?P<label>\d{1,5})(?P<z>:|\s+\|)(?=\s)"  # srun --label, docker compose
    r"|\A(?P<a2>\[)(?P<label2>\d{1,5})(?P<z2>\]:?)(?=\s)"  # mpiexec -l
)
_LEAST = 2  # steps that two processes share


def by_rank(group: Group) -> list[Suggestion]:
    """The rules that keep apart the processes that write lines of one shape; as `as_rule` has it if one writes them."""
    alone = as_rule(group)
    tags = _tags(group)
    if alone is None or tags is None:
        return [] if alone is None else [alone]
    said = [replace(item, head=max(item.head, tag[3])) for item, tag in zip(group.shapes, tags)]
    one = as_rule(replace(group, shapes=said)) or alone
    labels = sorted({tag[1] for tag in tags}, key=int)
    anew = "pid=" in tags[0][0]  # another one in each run, so none is the first
    found = []
    for of, make, who in (
        ([] if anew else labels[:1], _of_one, "one process"),
        (labels[not anew :], _of_others, "the other processes"),
    ):
        lines = [(item, tag) for item, tag in zip(group.shapes, tags) if tag[1] in of]
        rule = make(one.rule, *lines[0]) if lines else {}
        if rule and _finds(rule, lines[0][0].text):
            found.append(Suggestion(rule, _comment(lines, "several processes" if anew else who)))
    return found if len(found) == 2 - anew else [alone]


def _comment(lines: Sequence[tuple[Shape, _Tag]], who: str) -> str:
    item, (before, label, behind, end) = lines[0]
    text = " ".join(item.text[end - len(before + label + behind) :].split())
    return f"{counted(len(lines), 'line')} of {who}, such as: {text[:90]}"


_Tag = tuple[str, str, str, int]  # what stands before the label, the label, what stands behind it, and where that ends


def _tags(group: Group) -> list[_Tag] | None:
    """What says who writes each line; None if that is not said, one process writes them, or their steps go on."""
    if group.above or group.word is not None or not group.wanted:
        return None
    for form in (_SURE, _BY_STEPS):
        matches = [form.search(item.text[: item.head + 80]) for item in group.shapes]
        found = [_tag(match) for match in matches if match is not None and match.start() <= _begin(group)]
        kinds = {(before, behind.strip()) for before, _, behind, _ in found}
        if len(found) < len(matches) or len({label for _, label, _, _ in found}) < 2 or len(kinds) > 1:
            continue
        if not _is_counted(group, found) and _are_told_together(group, found, sure=form is _SURE):
            return found
    return None


def _begin(group: Group) -> int:
    """Where the first number that matters stands in the first line; what says who writes is before it."""
    return min(group.first.fields[i].start for i in group.used)


def _tag(match: re.Match[str]) -> _Tag:
    before, label, behind = (one for one in match.groups() if one is not None)
    return before, label, behind, match.end()


def _is_counted(group: Group, tags: list[_Tag]) -> bool:
    """Whether the label is a number that the rule already has, as a step or as a metric."""
    end = tags[0][3] - len(tags[0][2])
    return any(group.first.fields[i].start < end for i in group.used)


def _are_told_together(group: Group, tags: list[_Tag], *, sure: bool) -> bool:
    """Whether several processes say the same steps; without steps, whether all say about as many lines."""
    said: dict[str, list[float]] = defaultdict(list)
    for item, tag in zip(group.shapes, tags):
        said[tag[1]].append(0 if group.step is None else item.fields[group.step].value)
    if group.step is None:
        many = sorted(map(len, said.values()))
        return sure and many[0] >= _LEAST and many[-1] <= 2 * many[0]
    return any(len(set(one) & set(other)) >= _LEAST for one, other in combinations(list(said.values())[:9], 2))


def _of_one(rule: Mapping[str, Any], item: Shape, tag: _Tag) -> dict[str, Any]:
    """The rule for the lines of the process whose names stay as they are."""
    return _behind(rule, item, tag, _literal(tag[0]) + tag[1] + _literal(tag[2]))


def _of_others(rule: Mapping[str, Any], item: Shape, tag: _Tag) -> dict[str, Any]:
    """The rule for the lines of all other processes."""
    made = _behind(rule, item, tag, _literal(tag[0]) + "{rank:word}" + _literal(tag[2]))
    if "line" not in made:
        return {**made, "prefix": f"rank {{rank}}/{made.get('prefix', '')}"}
    kept = {"step", "rank:word", "*", *re.findall(r"\w+", made.get("step") or "")}
    made["line"] = re.sub(
        r"(?<!\{)\{([^{}]+?)(:unit)?\}",
        lambda name: name[0] if name[1] in kept or name[1][0] == "_" else f"{{{name[1]}/l:$rank{name[2] or ''}}}",
        made["line"],
    )
    return made


def _behind(rule: Mapping[str, Any], item: Shape, tag: _Tag, text: str) -> dict[str, Any]:
    """The rule with the text that says who writes in front of what it has."""
    key = "line" if "line" in rule else "starts"
    gap = item.text[tag[3] : max(item.head, tag[3] + 1)]
    joint = "{*}" if gap.strip() and tag[3] < item.head else " " if gap.isspace() else ""
    put = {key: f"{text}{joint}{rule.get(key, '')}".rstrip()}
    return {**put, **{name: value for name, value in rule.items() if name != key}}


def _literal(text: str) -> str:
    return re.sub(r"\s+", " ", escaped(text))


def _finds(rule: Mapping[str, Any], text: str) -> bool:
    """Whether a rule is valid and finds metrics in a line."""
    made = valid(rule)
    return made is not None and bool(made.metrics_in(text))
