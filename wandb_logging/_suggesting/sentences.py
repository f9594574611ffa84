"""Steps within sentences: `Validation accuracy at epoch 3: 0.8`, `After 300 iterations the loss is 0.4`."""

from __future__ import annotations

import re

from wandb_logging._mining.lines import blanks
from wandb_logging._mining.numbers import PLAIN
from wandb_logging._mining.vocabulary import is_metric, is_result, step_rank

# A name, then the step it is for, then its number.
_AT_STEP = re.compile(
    r"(?<=[\w%)])(?:(?P<bare>\s)|\s+(?:at|after|in|for|on|of)\s+(?:the\s+)?|\s*,\s*|\s*\()(?P<step>[A-Za-z]{2,20})"
    r"[ #:=]{1,2}(?P<n>\d{1,9})(?P<end>\)?\s*(?:is|was|[:=])\s*)(?=[-+]?\.?\d)"
)
_AFTER_STEPS = re.compile(r"(?i)\s*(?:after|at|in)\s+(?P<n>\d{1,9})\s+(?P<step>[a-z]{2,20}),?\s+(?=[a-z])")
_RESULT_AFTER = re.compile(  # KL divergence after 250 iterations with early exaggeration: 54.7
    r"(?<=[A-Za-z)])\s+after\s+(?P<n>\d{1,9})\s+(?P<step>[a-z]{2,20})(?:\s+[a-z]{2,20}){0,4}\s*[:=]\s*(?=[-+]?\.?\d)"
)
_NUMBERED = re.compile(r"\d")
_ASIDE = re.compile(r"\([a-z]+ \d+ [a-z]+\)")  # (for 1 batch)

Found = tuple[str, int, int, int]


def step_in_sentence(text: str, head: int) -> tuple[Found | None, str]:
    """The step within a sentence and the sentence without it, at the same length.

    Returns:
        Name, value, beginning and end of the step, or None; and the line.
    """
    after = _AFTER_STEPS.match(text, head)
    counted = _RESULT_AFTER.search(text, head)
    if counted and step_rank(counted["step"]) is not None and is_metric(text[head : counted.start()].strip()):
        return _found(counted), text[: counted.start()] + ":".rjust(len(counted[0])) + text[counted.end() :]
    if after and step_rank(after["step"]) is not None:
        return _found(after), text[: after.start()] + " " * len(after[0]) + text[after.end() :]
    for match in _AT_STEP.finditer(text, head):
        before = _ASIDE.sub(blanks, text[head : match.start()])
        if match["bare"] and not is_result(before):
            continue
        if step_rank(match["step"]) is not None and before.strip() and not _NUMBERED.search(before):
            return _found(match), text[:head] + before + ":".rjust(len(match[0])) + text[match.end() :]
    return None, text


def name_behind(text: str, end: int, head: int) -> str:
    """The name in a line that is a number, `=` and a name: `0.87 = Validation score (accuracy)`; "" in other lines."""
    match = _VALUE_IS.match(text, end)
    return match[1] if match and not re.search(r"[A-Za-z]", text[head : max(end - 1, head)]) else ""


_VALUE_IS = re.compile(r"[a-z%]{0,3}\s+=\s+([A-Za-z][\w/-]*(?: [\w/-]+){0,4})\s*(?:\([^()]*\))?\s*\Z")


def name_behind_bar(text: str, head: int) -> str:
    """The line with a colon where a bar stands between a name and the number that ends it, with or without a frame."""
    match = _BAR.match(text, head) or _FRAMED.match(text, head)
    return text if match is None else text[: match.end(1)] + ":" + text[match.end(1) + 1 :]


def name_before_count(text: str, head: int) -> str:
    """The line without the count within a name: `Maximum modularity in 10 random starts: 0.87`.

    What a step took has a name, too: `This epoch took 80.3 s`.
    """
    took = _STEP_TOOK.match(text, head)
    if took is not None:
        return text[: took.end()] + ":" + text[took.end() + 1 :]
    match = _COUNT_WITHIN.match(text, head)
    if match is None or not is_metric(match["name"]):
        return text
    if match["of"] != "per" and step_rank((match["what"] or "").strip()) is not None:
        return text
    return text[: match.end("name")] + " " * (match.end() - match.end("name") - 1) + ":" + text[match.end() :]


_COUNT_WITHIN = re.compile(
    r"(?P<name>[A-Z][a-z]+\.?(?: [a-z]+){0,3}) (?P<of>in|of|over|for|from|across|with|per) "
    r"(?:(?:the|all|[a-z]{3,12}) )?(?:\d{1,9}/)?\d{1,9}(?P<what>(?: [a-z-]+){0,3})\s?[:=]"
    rf"(?=\s*{PLAIN}\s*\Z)"
)
_STEP_TOOK = re.compile(
    r"(?i)(?:this |the |each |one )?(?:epoch|iteration|step|batch|round|episode|validation|evaluation) took"
    r"(?=\s\d[\d.]*\s?(?:s|sec|secs|seconds|ms|min|minutes)\b)"
)
_FRAMED = re.compile(  # | name | 0.5 |, the bars of any kind
    rf"([|\u2502\u2503]\s+[A-Za-z][\w/ .-]{{0,60}}?\s+)[|\u2502\u2503]\s+{PLAIN}"
    r"\s+[|\u2502\u2503]\s*\Z"
)
_BAR = re.compile(rf"([^|]*[A-Za-z]\s*)\|\s+{PLAIN}\s*\Z")


def _found(match: re.Match[str]) -> Found:
    return match["step"], int(match["n"]), *match.span("n")
