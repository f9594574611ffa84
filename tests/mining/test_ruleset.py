"""Rules at work: streams apart, pieces of text, what is remembered, and the time that a line takes."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.examples import at_most
from wandb_logging._errors import SettingsError
from wandb_logging._mining.regexes import Regex
from wandb_logging._mining.ruleset import RuleSet, mine
from wandb_logging._suggesting.suggest import suggest

RULES: list[dict[str, Any]] = [
    {"line": "iter {step}: loss {loss}, time {time}ms, mfu {mfu}%"},
    {"line": "{step}/{_} {*} of {x} {*} and {y:word} {z:time}"},
    {"starts": "[{step}]", "pairs": ":"},
    {"starts": "t {step} ", "pairs": " "},
    {"table": "Step", "step": "Step"},
    {"box": True},
    {"block": "Result for {*}:"},
    {"json": True},
    {"regex": r"loss=(?P<loss>\S+)", "has": "loss="},
    {"regex": r"a(?P<a>\d+).*b(?P<b>\d+)", "has": "a"},
    {"pairs": True},
]


class TestTables:
    def test_a_table_goes_on_between_the_tables_of_an_inner_loop(self) -> None:
        """The newest header's table comes first, whatever the order of the rules; an older one takes what is left."""
        outer = ["iter  objective  inf_pr", "   0   2.5e+01    0.1", "   1   4.7e+00    0.2", "   2   3.1e+00    0.3"]
        inner = [
            "Iter   fk  con   pr   du  var  min_R",
            "   0  0.5   1  0.2  0.3    2    0.8",
            "   1  0.4   1  0.1  0.2    2    0.7",
        ]
        text = "\n".join([*outer[:2], *inner, outer[2], *inner, outer[3]])
        rules = [{"table": "iter objective", "step": "iter"}, {"table": "Iter fk", "step": "Iter"}]
        for given_rules in (rules, rules[::-1]):
            rows = list(mine(text, RuleSet(given_rules)))
            assert [row.metrics["objective"] for row in rows if "objective" in row.metrics] == [25, 4.7, 3.1]
            assert [row.metrics["fk"] for row in rows if "fk" in row.metrics] == [0.5, 0.4, 0.5, 0.4]
            assert len(rows) == 7


class TestStreams:
    def test_steps_and_tables_of_each_stream_are_its_own(self) -> None:
        """Two programs in one run do not mix."""
        rules = RuleSet([{"line": "step {step}"}, {"line": "loss {loss}"}])
        rules.feed("step 1", stream="a")
        rules.feed("step 2", stream="b")
        assert [rules.feed("loss 5", stream=stream)[0].step for stream in "ab"] == [1, 2]

    def test_rules_for_a_logger_a_level_a_stream(self) -> None:
        """A rule can be for some lines only."""
        rules = RuleSet([{"line": "x {x}", "logger": "app", "level": "INFO", "stream": "log"}])
        assert rules.feed("x 1", stream="log", logger="app.train", level=20)
        assert not rules.feed("x 1", stream="log", logger="apple", level=20)
        assert not rules.feed("x 1", stream="log", logger="app", level=10)
        assert not rules.feed("x 1", stream="stdout")

    @pytest.mark.parametrize(
        ("wanted", "taken"),
        [
            ("stdout", ["stdout", "logs/a.log"]),
            ("stderr", ["stderr"]),
            ("log", ["log"]),
            ("a.log", ["logs/a.log"]),
            ("logs/a.log", ["logs/a.log"]),
            ("logs/b.log", []),
        ],
    )
    def test_rules_for_a_file(self, wanted: str, taken: list[str]) -> None:
        """A file has its name, with folders or without; its text is what a program would have printed."""
        streams = ["stdout", "stderr", "log", "logs/a.log"]
        assert [
            one for one in streams if RuleSet([{"line": "x {x}", "stream": wanted}]).feed("x 1", stream=one)
        ] == taken

    def test_the_first_rule_that_fits_has_the_line(self) -> None:
        """Rules are tried in their order."""
        rules = RuleSet([{"line": "loss {a}"}, {"line": "loss {b}"}])
        assert [row.metrics for row in rules.feed("loss 1")] == [{"a": 1}]

    def test_sagemakers_definitions(self) -> None:
        """Each of them is searched for in each line, as SageMaker does it; what they find in one line is one row."""
        pasted = [
            {"Name": "train:error", "Regex": "Train_error=(.*?);"},
            {"Name": "valid:error", "Regex": "Valid_error=(.*?);"},
            {"Name": "lr", "Regex": "lr=([0-9.e-]+)"},
        ]
        rules = RuleSet([{"line": "own {own}"}, *pasted, {"pairs": "="}])
        (row,) = rules.feed("epoch 3 Train_error=0.138;  lr=1e-3 Valid_error=0.2; other=5")
        assert row.metrics == {"train:error": 0.138, "valid:error": 0.2, "lr": 0.001}
        assert [row.metrics for row in rules.feed("other=5")] == [{"other": 5}]
        assert not [rule for rule in rules.unused if rule.form == "Regex"]

    @pytest.mark.parametrize("names", [*itertools.permutations(["step", "loss", "acc"])])
    def test_a_step_among_definitions_of_sagemaker(self, names: tuple[str, ...]) -> None:
        """It is the step of what the others find in the line, wherever it stands among them."""
        rules = RuleSet([{"Name": name, "Regex": f"{name}=([0-9.]+)"} for name in names])
        text = "step=5 loss=0.5 acc=0.75\nstep=6 loss=0.25 acc=1\nloss=0.125"
        assert [(row.step, row.metrics) for row in mine(text, rules)] == [
            (5, {"loss": 0.5, "acc": 0.75}),
            (6, {"loss": 0.25, "acc": 1}),
            (6, {"loss": 0.125}),
        ]


class TestPieces:
    @settings(deadline=None)
    @given(st.data())
    def test_output_can_come_in_any_pieces(self, data: st.DataObject) -> None:
        """Where a program's writes begin and end does not matter, colours and redraws included."""
        text = "\x1b[1mloss 1\x1b[0m\rloss 2\r\nloss 3\nnothing\rloss 4\n\nloss 5"
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
        rules = RuleSet([{"line": "loss {loss}"}])
        found = []
        for begin, end in zip([0, *cuts], [*cuts, len(text)]):
            found += rules.feed_output(text[begin:end], stream="stdout")
        found += rules.finish()
        assert [row.metrics["loss"] for row in found] == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("size", [1, 7, 1000])
    @pytest.mark.parametrize(
        ("text", "losses"),
        [
            ("loss 1\b\b\b\b\b\bloss 2\b\b\b\b\b\bloss 3", [1, 2, 3]),
            ("loss 16\b5", [15]),
            ("loss 10\x1b[2D20\x1b[2D30", [10, 20, 30]),
            ("loss 1\x1b[2K\x1b[1Gloss 2\x1b[Gloss 3\x1b[1000Dloss 4", [1, 2, 3, 4]),
            ("\x1b[2;1Hloss 1\x1b[3;1Hloss 2\x1b[1Aloss 3", [1, 2, 3]),
            ("loss\x1b[3C1", [1]),
            ("step 5\x1b[20G7 loss 1", [1]),
            ("\x1b(Bloss\x1b(B\x1b[m 1\x1b7 \x1b8", [1]),
            ("loss \x1b[4:3m5\x1b[0m", [5]),
            ("loss \x1b[38:2::9:9:9m5\x1b[>4;1m", [5]),
            ("\x1bPloss 9\x1b\\loss 1\x1b_loss 8\x1b\\", [1]),
            ("loss 1 |\b/\b-\b|", [1]),
        ],
    )
    def test_what_the_cursor_writes_over(self, text: str, losses: list[float], size: int) -> None:
        """Numbers are those that a terminal shows: with backspaces, moves of the cursor, and sequences of all kinds."""
        rules = RuleSet([{"line": "loss {loss}"}])
        found = [
            row for at in range(0, len(text), size) for row in rules.feed_output(text[at : at + size], stream="stdout")
        ]
        found += rules.finish()
        assert [row.metrics["loss"] for row in found] == losses
        assert [row.metrics["loss"] for row in mine(text, RuleSet([{"line": "loss {loss}"}]))] == losses

    @pytest.mark.parametrize("size", [1, 5, 1000])
    def test_a_bar_that_is_drawn_again(self, size: int) -> None:
        """What it says again is said once, in a run as by `mine`; at another step, or in another line, it counts."""
        rules = [{"line": "{i}/9 loss {loss}", "step": "i"}, {"line": "acc {acc}"}]
        text = "1/9 loss 5 |\r1/9 loss 5 /\r2/9 loss 5 -\r2/9 loss 5\nacc 1\racc 1\racc 2\racc 1\nacc 1\nacc 1\n"
        ran = RuleSet(rules)
        found = [
            row for at in range(0, len(text), size) for row in ran.feed_output(text[at : at + size], stream="stdout")
        ]
        expected = [(1, 5), (2, 5), *((2, acc) for acc in (1, 2, 1, 1, 1))]
        for rows in (found, list(mine(text, RuleSet(rules)))):
            assert [(row.step, *row.metrics.values()) for row in rows] == expected

    @pytest.mark.parametrize("size", [100, 4096, 30_000, 10**6])
    def test_a_long_line_in_pieces(self, size: int) -> None:
        """What is beyond 4096 characters of a line is not looked at, however the line comes."""
        rules = RuleSet([{"line": "loss {loss}"}])
        text = "loss 1\n" + "x" * 5000 + " loss 2 " * 20_000 + "\nloss 3\n"
        found = [
            row for at in range(0, len(text), size) for row in rules.feed_output(text[at : at + size], stream="stdout")
        ]
        assert [row.metrics["loss"] for row in found] == [1, 3]

    @settings(deadline=None)
    @given(st.integers(0, 8))
    def test_what_is_remembered_is_json(self, stop: int) -> None:
        """A rule set goes on from what was saved as if it had never stopped."""
        lines = ["Step Temp", "0 1.5", "Result for a:", "  x: 1", "  y: 2", "Step Temp", "5 1.4", "loss 3"]
        rules = [{"table": "Step", "step": "Step"}, {"block": "Result for {*}:"}, {"line": "loss {loss}"}]
        whole, first = RuleSet(rules), RuleSet(rules)
        expected = [row for line in lines for row in whole.feed(line)] + whole.finish()
        found = [row for line in lines[:stop] for row in first.feed(line)]
        second = RuleSet(rules, json.loads(json.dumps(first.saved)))
        found += [row for line in lines[stop:] for row in second.feed(line)] + second.finish()
        assert found == expected

    def test_rules_that_never_fitted(self) -> None:
        """They can be named at the end."""
        rules = RuleSet([{"line": "a {x}"}, {"line": "b {x}"}])
        rules.feed("a 1")
        assert [rule.number for rule in rules.unused] == [1]

    @pytest.mark.parametrize(
        ("rule", "text"),
        [
            ({"table": "a b", "step": "c"}, "a b\n1 2\n3 4"),
            ({"table": "a b", "names": "c"}, "a b\n1 2\n3 4"),
            ({"box": True}, "-----\n| a | 1 |\nno box"),
            ({"json": True, "only": ["los"]}, '{"loss": 1}'),
            ({"pairs": "=", "drop": ["loss"]}, "loss=1"),
        ],
    )
    def test_rules_that_fitted_and_gave_nothing(self, rule: dict[str, Any], text: str) -> None:
        """A header, lines between borders or names that are not wanted are nothing found."""
        rules = RuleSet([rule])
        assert list(mine(text, rules)) == []
        assert [rule.number for rule in rules.unused] == [0]
        assert RuleSet([rule], json.loads(json.dumps(rules.saved))).unused

    def test_rules_that_only_say_where_the_others_are(self) -> None:
        """A section or a step is what they are for."""
        rules = RuleSet([{"line": "== eval ==", "section": "eval"}, {"line": "Time = {step}"}])
        assert list(mine("== eval ==\nTime = 3", rules)) == []
        assert rules.unused == []

    @pytest.mark.parametrize(
        ("rule", "text", "stepless"),
        [
            ({"box": True, "step": "total"}, "-----\n| time/ | |\n|  total | 1 |\n-----", True),
            ({"box": True, "step": "time/total"}, "-----\n| time/ | |\n|  total | 1 |\n|  fps | 2 |\n-----", False),
            ({"json": True, "step": "it"}, '{"loss": 1, "iter": 2}', True),
            ({"json": True, "step": "it"}, '{"loss": 1, "iter": 2}\n{"loss": 1, "it": 2}', False),
            ({"json": True}, '{"loss": 1}', False),
            ({"json": True, "step": None}, '{"loss": 1, "it": 2}', False),
        ],
    )
    def test_rules_that_never_found_their_step(self, rule: dict[str, Any], text: str, stepless: bool) -> None:
        """They can be named at the end, too: a step that is called otherwise would be missed by nobody."""
        rules = RuleSet([rule])
        assert list(mine(text, rules))
        assert bool(RuleSet([rule], json.loads(json.dumps(rules.saved))).stepless) == stepless


HARD = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="0123456789.,'eE+-/: =|()[]{}<>%ax\t\x1b\r", max_size=300),
    st.builds(
        lambda piece, times: piece * times,
        st.text(alphabet="0123456789.,'eE+- =:|[]{}()ab\t", min_size=1, max_size=6),
        st.integers(1, 5000),
    ),
)


PARTS = r"\d+ \s* .* \w+ a [^,]* (a|b) (\d+)? a? b*? (\w\d)* x{1,5} (?:ab)+ = , (?:д|[^a])+ (?:[ab]x|[AB]x)* [д-ю]+"


class TestTime:
    @settings(deadline=None, max_examples=at_most(150))
    @given(HARD)
    def test_no_line_takes_long(self, text: str) -> None:
        """Whatever a line is made of, all rules together take a fraction of a second."""
        rules = RuleSet(RULES)
        rules.feed("Step Temp Press")
        began = time.process_time()
        rules.feed_text(text)
        assert time.process_time() - began < 3

    @settings(deadline=None, max_examples=at_most(60))
    @given(st.lists(HARD, max_size=5))
    def test_any_text_gives_rules_or_none(self, pieces: list[str]) -> None:
        """Whatever a log is made of, there is never an error, and what is suggested are rules."""
        for one in suggest("\n".join(pieces)):
            RuleSet([one.rule])

    @settings(deadline=None, max_examples=at_most(150))
    @given(
        st.lists(
            st.sampled_from(
                PARTS.split(" ")
            ),
            min_size=1,
            max_size=6,
        ),
        st.text(alphabet="ab1=, x", max_size=3000),
        st.sampled_from("ab1 ="),
        st.sampled_from(["", "(?i)"]),
    )  # fmt: skip
    def test_no_expression_that_is_accepted_takes_long(self, parts: list[str], text: str, end: str, case: str) -> None:
        """Expressions are put together of what is dangerous; those that are accepted are quick on any line."""
        try:
            regex = Regex(f"{case}(?P<m>{''.join(parts)}){end}!", "a")
        except ValueError:
            return
        began = time.process_time()
        for line in (text, *(piece * (3000 // len(piece)) for piece in ("a", "1", "a1", "ab", " ", "x", "ax", "д"))):
            regex.find(line)
        assert time.process_time() - began < 5


@pytest.mark.parametrize("line", ["a" * 98, "1." * 20, "9" * 35])
def test_lines_that_were_slow_once(line: str) -> None:
    """A first design took seconds for these."""
    rules = RuleSet(RULES)
    began = time.process_time()
    rules.feed(line)
    assert time.process_time() - began < 1


@settings(deadline=None, max_examples=at_most(100))
@given(
    st.lists(
        st.sampled_from(
            ["{*}", " ", "{a}", "{b:word}", "{c:time}", "{_}", "{step}", "{$b x}", "{{", "loss", "(", "$", "\\", "1"]
        )
    )
)
def test_whatever_is_written_as_a_line_is_a_rule_or_refused(pieces: list[str]) -> None:
    """No template ends in an error of ours: it is taken, or refused in words that name its rule."""
    try:
        rules = RuleSet([{"line": "".join(pieces)}])
    except SettingsError as exc:
        assert "rules[0].line" in str(exc)  # noqa: PT017  either is right
    else:
        list(mine("loss 3 (1) x loss 1:20", rules))


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["top1 5", "top2 5", "to3p1 5", "x 1", "y 2", "loss é 3", "zé 4", "nothing"]), max_size=80)
)
def test_lines_that_no_rule_fits_hide_no_other(lines: list[str]) -> None:
    """Whatever lines came before, remembered or not, each finds what it finds alone."""
    rules = [{"line": "top1 {a}"}, {"line": "loss é {b}"}]
    found = RuleSet(rules)
    together = [[row.metrics for row in found.feed(line)] for line in lines]
    assert together == [[row.metrics for row in RuleSet(rules).feed(line)] for line in lines]


def test_lines_of_new_words_hide_no_other() -> None:
    """After many of these, lines are searched without a look at what is remembered."""
    rules = RuleSet([{"line": "top1 {a}"}])
    for i in range(3000):
        word = "".join(chr(97 + int(digit)) for digit in str(i))
        assert not rules.feed(f"fetched {word}")
        assert [row.metrics for row in rules.feed(f"{word} top1 {i}")] == [{"a": i}]


def test_a_table_that_has_ended_is_no_reason_to_try_all_rules() -> None:
    """And none of them loses what is open in another stream."""
    rules = RuleSet([{"table": "Step Temp", "step": "Step", "ends": "done"}])
    for stream in "ab":
        rules.feed("Step Temp", stream=stream)
    rules.feed("done", stream="a")
    assert [row.metrics for row in rules.feed("1 5", stream="b")] == [{"Temp": 5}]
    assert not rules.feed("1 5", stream="a")
    rules.feed("done", stream="b")
    assert not rules.feed("1 5", stream="b")


def test_a_step_that_is_no_number_is_none() -> None:
    """The row is at the step before it, and steps go on as whole numbers."""
    text = "step 1 loss 2\nstep nan loss 3\nstep inf loss 4\nstep 3 loss 5"
    rows = list(mine(text, RuleSet([{"line": "step {step} loss {loss}"}])))
    assert [(row.step, row.metrics["loss"]) for row in rows] == [(1, 2), (1, 3), (1, 4), (3, 5)]


def test_any_text_twice_is_any_text() -> None:
    """A blank between two `{*}` says nothing."""
    for text in ("a b loss 3", "a loss 3", "loss 3"):
        assert [row.metrics for row in mine(text, RuleSet([{"line": "{*} {*} loss {loss}"}]))] == [{"loss": 3}]
