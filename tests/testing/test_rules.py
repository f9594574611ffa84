"""The pure rules of offsets and pace, held against models that are simpler than they are."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, strategies as st

from wandb_logging.testing import _rules

LINES = st.lists(st.sampled_from("abc"), max_size=4)
STREAM = st.lists(st.none() | st.sampled_from("abc"), max_size=6)
OFFSET = st.integers(0, 9)


@given(stored=STREAM, offset=OFFSET, content=LINES.filter(bool))
def test_lines_end_up_at_their_numbers(stored: list[str | None], offset: int, content: list[str]) -> None:
    """After a chunk, each line number has the chunk's line if it has one there, else what it had, else nothing."""
    model = dict(enumerate(stored)) | dict(enumerate(content, offset))
    patch, _ = _rules.place("s", stored, offset, content)
    after = [*stored]
    _rules.apply(after, patch)
    assert after == [model.get(number) for number in range(max(model) + 1)]


@given(stored=STREAM, offset=OFFSET, content=LINES, rewritable=st.booleans())
def test_breaches_of_offsets(stored: list[str | None], offset: int, content: list[str], *, rewritable: bool) -> None:
    """A number that nothing was sent for is a gap; a number that gets a second text is a rewrite."""
    numbers = range(offset, offset + len(content))
    jumped = any(number >= len(stored) for number in range(offset))
    changed = [
        number for number, line in zip(numbers, content) if number < len(stored) and stored[number] not in (None, line)
    ]
    _, violations = _rules.place("s", stored, offset, content, rewritable=rewritable)
    expected = ["gap"] * jumped + ["rewrite"] * (0 if rewritable else len(changed))
    assert [violation.rule for violation in violations] == expected


@given(lines=st.lists(st.text(), max_size=20), cuts=st.lists(st.tuples(OFFSET, st.integers(0, 20)), max_size=20))
def test_any_resending_gives_the_same_lines(lines: list[str], cuts: list[tuple[int, int]]) -> None:
    """However a client cuts its lines and repeats itself, as long as it leaves no gap, the stream is its lines."""
    stored: list[str | None] = []
    for start, length in [*cuts, (0, len(lines))]:
        offset = min(start, len(stored))
        patch, violations = _rules.place("s", stored, offset, lines[offset : offset + length])
        assert violations == []
        _rules.apply(stored, patch)
    assert stored == lines


@given(steps=st.lists(st.integers(-3, 9), max_size=8), before=st.none() | st.integers(-3, 9))
def test_order_of_steps(steps: list[int], before: int | None) -> None:
    """A step is in order when it is above all steps that were in order before it."""
    expected, top = 0, -math.inf if before is None else before
    for step in steps:
        expected += step <= top
        top = max(top, step)
    content = [json.dumps({"_step": step, "_timestamp": 1, "_runtime": 1}) for step in steps]
    violations = list(_rules.check_history(content, 0, before))
    assert [violation.rule for violation in violations] == ["step-order"] * expected


@given(waits=st.lists(st.floats(0, 3), max_size=40))
def test_pace(waits: list[float]) -> None:
    """Never more requests than the burst and what the rate adds are let through."""
    tokens, passed, moment = _rules.RATE_BURST, 0, 0.0
    for wait in waits:
        moment += wait
        tokens, allowed = _rules.spend(tokens, wait)
        passed += allowed
        assert passed <= _rules.RATE_BURST + _rules.RATE_PER_SECOND * moment + 1e-6
    assert passed >= min(len(waits), _rules.RATE_BURST)


@given(parts=st.lists(st.sampled_from(["a", "..", ".", "", "b c", "ü"]), min_size=1, max_size=4))
def test_file_names(parts: list[str]) -> None:
    """A name is fine when a file system would find it below the folder that it is given for, and nowhere else."""
    fine = all(part not in ("", ".", "..") for part in parts)
    assert (_rules.file_name_problem("/".join(parts)) is None) == fine


@pytest.mark.parametrize("text", ['"\\ud83d\\ude00"', '"😀"', '"\\\\ud800"'])
def test_surrogate_pairs(text: str) -> None:
    """A whole pair is a character, and an escaped backslash no escape."""
    assert _rules.parse(text, strict=True) == json.loads(text)
