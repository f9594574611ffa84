"""Metrics out of text: what it adds to a call, and what rules take where rows are made."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks._measure import Found, Result, Size, interleaved, micros, ratio
from benchmarks.call import offline_logger
from wandb_logging._mining.ruleset import RuleSet

_WITH, _WITHOUT = "with text_metrics", "without"
_RULES: list[dict[str, Any]] = [
    *({"line": f"{word} {{step}}: loss {{loss}}, time {{time}}ms"} for word in ("iter", "step", "batch", "update")),
    *({"line": f"Epoch {{epoch}}/{{_}} {word}: {{{word}}}"} for word in ("loss", "accuracy", "f1", "auc", "bleu")),
    {"starts": "[{step}]", "pairs": ":"},
    {"starts": "validate step: {step} ", "pairs": ":", "prefix": "val/"},
    {"has": "level=", "pairs": "=", "drop": ["pid"]},
    {"table": "Step Temp", "step": "Step", "ends": "Loop time"},
    {"table": "Iter", "step": "Iter"},
    {"line": "Time = {step}"},
    {"line": "Solving for {name:word}, Initial residual = {$name initial}, Final residual = {$name final},"},
    {"json": True, "has": "train_loss"},
    {"regex": r"acc=(?P<acc>\S+)", "has": "acc="},
    {"Name": "train:error", "Regex": "Train_error=(.*?);"},
    {"line": "lr={lr}, grad norm={grad}"},
]


def results(size: Size) -> list[Found]:
    """Ratios within one process, and times of a line."""
    return [
        _call(size, "call with text, args: true, no template matching", {"args": True}, goal=1.02),
        _call(size, "call with text, 20 rules", {"rules": _RULES}, goal=1.02),
        _lines(size, "line that none of 20 rules fits", _RULES, _quiet, goal=1.0),
        _lines(size, "the same, in words that no line had before", _RULES, _prose, goal=1.0),
        _lines(size, "the same, below the header of a table that goes on", _RULES, _quiet, first="Step Temp Press"),
        _lines(size, "row found by line", [_RULES[0]], _iteration, goal=10.0),
        _lines(size, "row found by line, the last of 20 rules", [*_RULES[1:], _RULES[0]], _iteration),
        _lines(size, "row found by pairs", [_RULES[9]], _pairs),
    ]


def _call(size: Size, name: str, wanted: Any, goal: float) -> Result:
    with ExitStack() as stack:
        ours = {
            _WITH: _text(offline_logger(stack, text_metrics=wanted)),
            _WITHOUT: _text(offline_logger(stack)),
        }
        times = interleaved(ours, calls=size.calls, rounds=size.rounds)
    note = f"{micros(times[_WITH])} against {micros(times[_WITHOUT])}"
    figure = ratio(times[_WITH], times[_WITHOUT])
    return Result(f"{name}, to one without", figure, goal, note=note, rounds=times, calls=size.calls)


def _text(logger: logging.Logger) -> Callable[[int], object]:
    return lambda i: logger.info("request %d of %s answered", i, "many")


def _lines(
    size: Size,
    name: str,
    rules: Sequence[Any],
    line: Callable[[int], str],
    *,
    goal: float | None = None,
    first: str = "",
) -> Result:
    found = RuleSet(rules)
    found.feed(first)
    lines = [line(i) for i in range(_LINES)]
    times = interleaved({name: lambda i: found.feed(lines[i % _LINES])}, calls=size.calls, rounds=size.rounds)
    note = f"the least of {size.rounds} rounds; median {micros(times[name])}"
    return Result(name, min(times[name]) * 1e6, goal, "µs", note, rounds=times, calls=size.calls)


def _quiet(i: int) -> str:
    return f"2026-01-01 10:00:{i % 60:02} INFO worker {i % 4}: fetched shard {i} of 4096 in {i % 90}.5 s"


def _prose(i: int) -> str:
    words = [hashlib.sha256(f"{i} {j}".encode()).hexdigest()[:7].translate(_LETTERS) for j in range(3)]
    return f"2026-01-01 10:00:{i % 60:02} INFO {words[0]}: fetched {words[1]} of {words[2]} in {i % 90}.5 s"


_LETTERS = str.maketrans("0123456789", "ghijkmnoqr")
_LINES = 10_000  # more than the shapes that a set of rules remembers


def _iteration(i: int) -> str:
    return f"iter {i}: loss {1 / (i + 1):.4f}, time {700 + i % 17}.25ms"


def _pairs(i: int) -> str:
    return f"[{i}]\ttrain-rmse:{1 / (i + 1):.5f}\teval-rmse:{2 / (i + 1):.5f}"
