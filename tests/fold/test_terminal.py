"""Promises about text as a terminal shows it: what is written, in whatever pieces, comes to the same lines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging._fold.fold import Rules, State, fold
from wandb_logging._fold.terminal import HEIGHT, MAX_LINE_CHARS, Screen
from wandb_logging._server.body import LineBlock

RULES = Rules(start=0.0)
PIECES = st.lists(
    st.sampled_from(["a", "bc", " ", "\n", "\n\n\n", "\r", "\x1b[A", "\x1b[B", "\x1b", "[", "A", "\x1b[0m"])
)
WRITES = st.lists(st.tuples(PIECES.map("".join), st.booleans()))


class Plain:
    """The same terminal written the slow way: one character after the other, every line kept."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.view: dict[bool, list[int]] = {False: [], True: []}
        self.at = {False: (0, 0), True: (0, 0)}
        self.begun = {False: "", True: ""}

    def write(self, text: str, *, error: bool) -> None:
        for char in text:
            begun = self.begun[error] + char
            if begun in {"\x1b", "\x1b["}:
                self.begun[error] = begun
                continue
            self.begun[error] = ""
            if begun in {"\x1b[A", "\x1b[B"}:
                self.move(-1 if char == "A" else 1, error=error)
                continue
            for each in begun[:-1]:
                self.put(each, error=error)
            if char == "\x1b":
                self.begun[error] = char
            elif char == "\n":
                self.at[error] = (0, self.at[error][1])
                self.move(1, error=error)
            elif char == "\r":
                self.at[error] = (0, self.at[error][1])
            else:
                self.put(char, error=error)

    def move(self, by: int, *, error: bool) -> None:
        x, y = self.at[error]
        y = max(0, y + by)
        if y >= HEIGHT:
            self.view[error] = self.view[error][1:]
            y -= 1
        self.at[error] = (x, y)

    def put(self, char: str, *, error: bool) -> None:
        (x, y), view = self.at[error], self.view[error]
        while y >= len(view):
            view.append(len(self.lines))
            self.lines.append("")
        if view[y] >= len(self.lines) - HEIGHT and x < MAX_LINE_CHARS:
            old = self.lines[view[y]].ljust(x + 1)
            self.lines[view[y]] = old[:x] + char + old[x + 1 :]
        self.at[error] = (x + 1, y)


def event(text: str, *, error: bool = False, t: float = 1.0) -> bytes:
    return json.dumps({"output": text, "error": error, "t": t}).encode()


def folded(*chunks: list[bytes]) -> tuple[State, list[str]]:
    """State and lines after journal events that came in these chunks, the state as JSON between them."""
    state = State()
    lines: list[str] = []
    for chunk in chunks:
        state, delta = fold(RULES, State(**json.loads(json.dumps(vars(state)))), chunk)
        for number, line in delta.edits.items():
            lines[number] = line
        lines += delta.lines
        assert len(lines) == state.lines
    return state, lines


def texts(lines: list[str]) -> list[str]:
    """Lines without their time stamps; stderr's keep a mark."""
    return ["! " + line.split(" ", 2)[2] if line.startswith("ERROR ") else line.split(" ", 1)[1] for line in lines]


def shown(*writes: str) -> list[str]:
    return texts(folded([event(text) for text in writes])[1])


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("no newline", ["no newline"]),
        ("abc\rX", ["Xbc"]),  # overwritten, not cleared
        ("abc\r\n", ["abc"]),
        ("10%\r20%\r100%\n", ["100%"]),
        ("a\n\nb\n", ["a", "", "b"]),
        ("a\n\n\n", ["a"]),  # blank lines are sent when something follows
        ("", []),
        ("first\nsecond\n\x1b[A\x1b[Achanged", ["changed", "second"]),
        ("one\n\x1b[Bthree", ["one", "", "three"]),
        ("\x1b[31mred\x1b[0m", ["\x1b[31mred\x1b[0m"]),  # colours stay in the text
        ("a\tb\x07\x0c", ["a\tb\x07\x0c"]),
        ("ü\U0001f600\r\U0001f601", ["\U0001f601\U0001f600"]),
        ("x" * 5000, ["x" * 4096]),
        ("x" * 5000 + "\rab", ["ab" + "x" * 4094]),
        ("\x1b[A\x1b[A\x1b[Atop", ["top"]),
    ],
)
def test_what_a_terminal_shows(written: str, lines: list[str]) -> None:
    """The rules of protocol 4.6, one by one; the text may come in any pieces."""
    assert shown(written) == lines
    assert shown(*written[:200], written[200:]) == lines


def test_stdout_and_stderr_are_two_terminals_with_one_numbering() -> None:
    """Lines stand in the order in which they were begun; each stream goes on where it was."""
    events = [event("out "), event("err ", error=True), event("more\n"), event("more\n", error=True), event("last")]
    assert texts(folded(events)[1]) == ["out more", "! err more", "last"]


def test_the_time_is_when_a_line_was_begun() -> None:
    """Not when it was last changed."""
    _, lines = folded([event("1%", t=1.0)], [event("\r2%", t=2.0), event("\nnext", t=3.0)])
    assert lines == ["1970-01-01T00:00:01.000000 2%", "1970-01-01T00:00:03.000000 next"]


def test_structured_lines() -> None:
    """Where the server takes JSON, with the level of stderr's lines."""
    _, delta = fold(Rules(0.0, structured=True), State(), [event("out\n"), event("err", error=True)])
    assert [json.loads(line) for line in delta.lines] == [
        {"ts": "1970-01-01T00:00:01.000000", "content": "out"},
        {"ts": "1970-01-01T00:00:01.000000", "content": "err", "level": "error"},
    ]


def test_the_latest_lines_can_change_older_ones_cannot() -> None:
    """A cursor goes up as far as the view is high; a line that 32 have followed stays as it is."""
    numbers = "".join(f"{number}\n" for number in range(40))
    lines = shown(numbers, "\x1b[A" * 100, "X")
    assert lines.index("X") == 40 - HEIGHT + 1
    assert [line for line in lines if line != "X"] == [str(number) for number in range(40) if number != 9]


def test_records_text_counts_as_lines() -> None:
    """Between a bar's updates there may be lines of log records; the bar stays where it was, while it can change."""
    record = json.dumps({"text": "record", "t": 1.0}).encode()
    assert texts(folded([event("1%"), record, event("\r2%")])[1]) == ["2%", "record"]
    assert texts(folded([event("1%"), *[record] * HEIGHT, event("\r2%")])[1]) == ["1%", *["record"] * HEIGHT]


@given(WRITES)
def test_it_is_the_plain_terminal(writes: list[tuple[str, bool]]) -> None:
    """Any text gives the lines that going through it character by character gives."""
    plain = Plain()
    for text, error in writes:
        plain.write(text, error=error)
    _, lines = folded([event(text, error=error) for text, error in writes])
    assert [line.split(" ", 1 + line.startswith("ERROR "))[-1] for line in lines] == plain.lines


@given(WRITES, st.lists(st.integers(0, 30)))
def test_however_the_journal_is_cut(writes: list[tuple[str, bool]], cuts: list[int]) -> None:
    """The same journal gives the same lines in whatever batches, with the state in cursor.json between them."""
    events = [event(text, error=error) for text, error in writes]
    at = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    chunks = [events[start:end] for start, end in zip(at, at[1:])]
    assert folded(*chunks) == folded(events)


def test_a_screen_stays_small() -> None:
    """However much is written, what is kept is what can still change."""
    screen = Screen({})
    number = 0
    for _ in range(10):
        number += len(screen.write("line\n" * 1000, number, 0.0, error=False))
    assert number == 10_000
    assert len(screen.saved["lines"]) == HEIGHT


@given(st.lists(st.lists(st.text("ab", max_size=3))), st.dictionaries(st.integers(0, 20), st.text("xyz")))
def test_packed_lines_can_be_edited(parts: list[list[str]], edits: dict[int, str]) -> None:
    """A block of lines about to be sent takes changes; size and number follow."""
    block = LineBlock(5)
    for part in parts:
        block.add(part)
    block.edit(edits)
    expected = [edits.get(number, line) for number, line in enumerate((line for part in parts for line in part), 5)]
    packed: Any = json.loads(b"".join(block.pieces()))
    assert packed == {"offset": 5, "content": expected}
    assert (block.lines(), block.count) == (expected, len(expected))
