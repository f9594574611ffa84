"""Rules as text: written as readable YAML, and read again without a general YAML library."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from wandb_logging._mining.rule_keys import FORMS, with_off

_ENTRY = re.compile(r"(- |  )([A-Za-z]+): (.*)\Z")
_HEADS = frozenset({"text_metrics:", "rules:"})


def write(rules: Iterable[tuple[Mapping[str, Any], str]]) -> str:
    """Write rules as a YAML list, with a comment on the purpose of each."""
    return "".join(line + "\n" for rule, comment in rules for line in _rule(rule, comment))


def write_apart(rules: Iterable[tuple[Mapping[str, Any], str]], heading: str) -> str:
    """Write rules that are still to be finished as YAML comments: each is a rule when the `#` before it is removed."""
    lines = [line if line[0] == "#" else f"#{line}" for rule, comment in rules for line in _rule(rule, comment)]
    return "".join(f"{line}\n" for line in [f"# {heading}", *lines]) if lines else ""


def _rule(rule: Mapping[str, Any], comment: str) -> Iterable[str]:
    if comment:
        yield f"# {' '.join(comment.split())}"
    for i, (key, value) in enumerate(rule.items()):
        yield f"{'  ' if i else '- '}{key}: {_printable(json.dumps(value, ensure_ascii=False))}"


def _printable(text: str) -> str:
    """JSON with what no terminal shows as escapes, which YAML has, too: the join of an emoji's parts, control codes."""
    return text if text.isprintable() else "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def read(text: str) -> dict[str, Any] | None:
    """Read what `write` wrote, or JSON, as `text_metrics`; None if the text is neither, such as other YAML.

    JSON may also be one rule a line, as `suggest --json` prints it.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    for form in (text, f"[{','.join(lines)}]" if text.startswith("{") else ""):
        with contextlib.suppress(json.JSONDecodeError):
            return _of_tree(json.loads(form))
    rules: list[dict[str, Any]] = []
    for line in lines:
        if line.lstrip().startswith("#") or line.strip() in _HEADS:
            continue
        match = _ENTRY.match(line)
        if match is None or (match[1] != "- " and not rules):
            return None
        try:
            value = json.loads(match[3])
        except ValueError:
            return None
        if match[1] == "- ":
            rules.append({})
        rules[-1][match[2]] = value
    return {"rules": rules}


def text_metrics_in(tree: object) -> dict[str, Any]:
    """The setting `text_metrics` in a file's content: rules, and what else a mapping has beside them.

    Args:
        tree: a list of rules, one rule, or a mapping that has them under `rules`; or a mapping that has one of these
            under `text_metrics`.

    Raises:
        ValueError: there are no rules in it.
    """
    if isinstance(tree, dict):
        tree = tree.get("text_metrics", tree)
    if isinstance(tree, dict) and any(form in tree for form in FORMS):
        tree = [tree]
    found = tree if isinstance(tree, dict) else {"rules": tree}
    if not isinstance(found.get("rules"), list):
        raise ValueError('holds no list of rules, each of which begins with "- "')
    return {**found, "rules": with_off(found["rules"])}


def _of_tree(tree: object) -> dict[str, Any] | None:
    return text_metrics_in(tree) if isinstance(tree, (list, dict)) else None
