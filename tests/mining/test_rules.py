"""The rule language: what each form finds, and what a wrong rule is told."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest

from wandb_logging._errors import SettingsError
from wandb_logging._mining.ruleset import RuleSet, mine


def found(text: str, *rules: dict[str, Any]) -> list[tuple[float | None, dict[str, float]]]:
    return [(row.step, row.metrics) for row in mine(text, RuleSet(list(rules)))]


class TestLine:
    def test_a_pasted_line_with_names_for_its_numbers(self) -> None:
        """What is before and after the line does not matter, nor how many blanks are within it."""
        rule = {"line": "iter {step}: loss {loss}, time {time}ms, mfu {mfu}%"}
        assert found("INFO  iter 27: loss   4.44, time 2384.22ms, mfu 0.00% ok", rule) == [
            (27, {"loss": 4.44, "time": 2384.22, "mfu": 0.0})
        ]

    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("1e-3", 0.001),
            ("-2.5E+02", -250.0),
            ("1,234,567", 1234567),
            ("1'234", 1234),
            ("12.3k", 12300.0),
            (".5", 0.5),
            ("inf", math.inf),
            ("-inf", -math.inf),
            ("26.", 26.0),
        ],
    )
    def test_numbers_as_programs_write_them(self, written: str, value: float) -> None:
        """Exponents, thousands, k for thousands, infinity, and a full stop after it."""
        assert found(f"loss {written}", {"line": "loss {loss}"}) == [(None, {"loss": value})]

    def test_nan(self) -> None:
        """Not a number is a number here, whatever its case."""
        for written in ("nan", "NaN", "NAN"):
            ((_, metrics),) = found(f"loss={written}", {"line": "loss={loss}"})
            assert math.isnan(metrics["loss"])

    def test_decimal_commas(self) -> None:
        """Where 3,5 is three and a half, a dot separates thousands."""
        rule = {"line": "Verlust {loss} %", "decimal": ","}
        assert found("Verlust 1.203,5 %", rule) == [(None, {"loss": 1203.5})]

    FORMS = pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("loss 3,5 ok", {"regex": r"loss (?P<loss>\S+)", "has": "loss"}),
            ("loss 3,5 ok", {"Name": "loss", "Regex": "loss (.*?) ok"}),
            ("loss: 3,5", {"pairs": ":"}),
            ('{"loss": "3,5"}', {"json": True}),
            ('{\n "loss": "3,5"\n}', {"json": "many"}),
            ("--------\n| loss | 3,5 |\n--------", {"box": True}),
            ("Result 1,5:\n  loss: 3,5", {"block": "Result {_}:"}),
            ("loss acc\n3,5 1,25", {"table": "loss", "only": ["loss"]}),
        ],
    )

    @FORMS
    def test_decimal_commas_in_each_form(self, text: str, rule: dict[str, Any]) -> None:
        """No form takes 3,5 for 3."""
        assert found(text, {**rule, "decimal": ","}) == [(None, {"loss": 3.5})]

    def test_decimal_commas_that_are_not_asked_for(self) -> None:
        """No number is found where 3,5 would be 3, or 0,500 five hundred; thousands and lists are as before."""
        for form in {"line": "loss {loss}"}, {"pairs": " "}:
            assert found("loss 3,5\nloss 0,6931 at\nloss 0,500 s\nloss 3,5, a,b\nloss 1,0000;", form) == []
        text = "loss 3, 5\nloss 1,234\nloss 3,5,7\nloss 3,"
        assert [row["loss"] for _, row in found(text, {"line": "loss {loss}"})] == [3, 1234, 3, 3]
        assert found("at 3,5", {"line": "at {x},{y}"}) == [(None, {"x": 3, "y": 5})]

    @FORMS
    def test_no_form_takes_half_a_number(self, text: str, rule: dict[str, Any]) -> None:
        """Where nothing says that 3,5 is three and a half, it is not three."""
        assert found(text, rule) == []

    def test_decimal_points_among_decimal_commas(self) -> None:
        """Where 3,5 is three and a half, 3.5 is not three; points between thousands are as before."""
        for form in {"line": "loss {loss}", "decimal": ","}, {"pairs": " ", "decimal": ","}:
            assert found("loss 3.5\nloss 0.6931 at\nloss 0.500 s", form) == []
            assert found("loss 12.084 s", form) == [(None, {"loss": 12084})]

    def test_a_group_of_thousands_does_not_begin_with_nothing(self) -> None:
        """In a table 0,250 is not 250, and neither is 0.250 where commas are decimal."""
        text = "step loss acc\n1 1,250 0.250\n2 0,250 0,5"
        assert found(text, {"table": "step", "step": "step"}) == [(1, {"loss": 1250, "acc": 0.25})]
        assert found(text, {"table": "step", "step": "step", "decimal": ","}) == [
            (1, {"loss": 1.25}),
            (2, {"loss": 0.25, "acc": 0.5}),
        ]

    def test_cells_behind_commas(self) -> None:
        """A whole number before another cell is no half of a decimal, though a comma stands between them."""
        text = "train,5,0.25\ntrain,6,12:30:01\ntrain,7,2026-11-29\ntrain,8,9/10\ntrain,-9,0.5,1"
        assert [row["epoch"] for _, row in found(text, {"line": "train,{epoch}"})] == [5, 6, 7, 8, -9]
        assert found("train,3,5.\ntrain,3,5e-3\ntrain,3,5-", {"line": "train,{epoch}"}) == []

    def test_names_behind_quoted_texts(self) -> None:
        """As logfmt has them: what stands in quotes is the value of another name, whatever it says."""
        text = 'level=INFO msg="epoch done" epoch=3 who="a = b, c" loss=0.5\nlevel=INFO msg="acc=0.25 now" epoch=4'
        assert found(text, {"pairs": "="}) == [(None, {"epoch": 3, "loss": 0.5}), (None, {"acc": 0.25, "epoch": 4})]

    def test_names_from_the_text(self) -> None:
        """A word of the line can be part of a metric's name."""
        rule = {"line": "Solving for {name:word}, Initial residual = {$name initial},"}
        text = "DICPCG:  Solving for p, Initial residual = 1, Final\nPBiCG: Solving for Ux, Initial residual = 0.5, x"
        assert found(text, rule) == [(None, {"p initial": 1}), (None, {"Ux initial": 0.5})]

    @pytest.mark.parametrize("key", ["line", "has", "sample"])
    def test_an_end_of_line_in_a_rule_is_no_text(self, key: str) -> None:
        """YAML's `line: |` has one that nobody meant."""
        rule = {"line": "loss {loss}", "has": "loss", "sample": "loss 1, acc 2"}
        assert found("loss 4, acc 5", {**rule, key: f"{rule[key]}\n"}) == [(None, {"loss": 4})]

    def test_a_duration_is_seconds(self) -> None:
        """As a clock, with days, or with a unit."""
        rule = {"line": "took {t:time} to"}
        text = "took 0:01:30 to\ntook 1 day, 0:00:01 to\ntook 250ms to\ntook 2:05 to"
        assert [metrics["t"] for _, metrics in found(text, rule)] == [90, 86401, 0.25, 125]

    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("1h30m", 5400),
            ("2m3.5s", 123.5),
            ("1d 2h", 93600),
            ("1 h 30 min", 5400),
            ("2 hours, 5 minutes and 3 seconds", 7503),
            ("2-03:04:05", 183845),
            ("1d", 86400),
            ("1e-3s", 0.001),
            ("1m 5s 1m 10s", 65),
            ("5s 10s", 5),
            ("5 of 10", 5),
            *((written, None) for written in ("1h5", "1h30 x", "1:02:03:04", "1d12:30:00", "1.2.3", "1w", "0x5")),
        ],
    )
    def test_a_duration_in_several_units(self, written: str, value: float | None) -> None:
        """Each counts; what is only the beginning of one is none."""
        rows = [(None, {"t": value})] if value is not None else []
        assert found(f"took {written}", {"line": "took {t:time}"}) == rows

    def test_any_text_in_between(self) -> None:
        """`{*}` is any text, `{_}` a number that is not wanted, two braces are one."""
        rule = {"line": "{{a}} {*} of {_} loss {loss}"}
        assert found("{a} whatever 3 it is of 17 loss 2", rule) == [(None, {"loss": 2})]

    def test_any_text_may_be_none(self) -> None:
        """The blanks around it are one then."""
        rule = {"line": "a {a} {*} b {b}"}
        assert found("a 1 b 2\na 3 and so on b 4", rule) == [(None, {"a": 1, "b": 2}), (None, {"a": 3, "b": 4})]

    @pytest.mark.parametrize("text", ["0x1f", "1.2.3", "1_000", "0:01:30", "1٫5"])  # noqa: RUF001  an Arabic comma
    def test_the_beginning_of_something_else_is_no_number(self, text: str) -> None:
        """What stands behind the last number of a template can show that it is not all of it."""
        assert found(f"loss {text}", {"line": "loss {loss}"}) == []

    @pytest.mark.parametrize("text", ["3", "3.", "3ms", "3/10", "3:", "3, b", "3x", "3%"])
    def test_what_may_follow_a_number(self, text: str) -> None:
        """Units, marks and the end of a sentence are none of that."""
        assert found(f"loss {text}", {"line": "loss {loss}"}) == [(None, {"loss": 3})]

    def test_a_word_of_the_line_above(self) -> None:
        """Names in the second line of a rule can refer to it."""
        rule = {"line": "Layer {name:word}\nloss {$name loss}"}
        assert found("Layer fc\nloss 3", rule) == [(None, {"fc loss": 3})]

    def test_a_step_holds_until_the_next(self) -> None:
        """Rows without a step of their own are at the step seen last, unless their rule says that they have none."""
        step = {"line": "Time = {step}"}
        text = "Time = 0.5\nCourant 0.1\nTime = 1\nCourant 0.2"
        assert found(text, step, {"line": "Courant {co}"}) == [(0.5, {"co": 0.1}), (1, {"co": 0.2})]
        assert found(text, step, {"line": "Courant {co}", "step": None})[0] == (None, {"co": 0.1})

    def test_iterations_that_begin_again(self) -> None:
        """The step can be made of several numbers of the line."""
        rule = {"line": "Epoch [{epoch}][{i}/{_n}] loss {loss}", "step": "epoch * _n + i", "drop": ["i"]}
        assert found("Epoch [2][ 5/20] loss 0.5", rule) == [(45, {"epoch": 2, "loss": 0.5})]

    def test_a_name_that_is_the_step_is_no_metric(self) -> None:
        """Any number of the line can be the step."""
        rule = {"line": "round {round} score {score}", "step": "round"}
        assert found("round 3 score 9", rule) == [(3, {"score": 9})]


class TestNumbers:
    @pytest.mark.parametrize("blank", ["\u00a0", "\u202f", "\u2009", "'"])
    def test_thousands_apart_by_a_blank_that_does_not_break(self, blank: str) -> None:
        """As French and the SI write them, with either sign for the fraction."""
        assert found(f"loss 1{blank}234,5", {"line": "loss {l}", "decimal": ","}) == [(None, {"l": 1234.5})]
        assert found(f"loss 1{blank}234{blank}567.5", {"line": "loss {l}"}) == [(None, {"l": 1234567.5})]
        assert found(f"a: 1{blank}234, b: 2", {"pairs": ":"}) == [(None, {"a": 1234, "b": 2})]
        assert found(f"loss 1{blank}23", {"line": "loss {l}"}) == [(None, {"l": 1})]


class TestPairs:
    @pytest.mark.parametrize(
        ("line", "rule", "row"),
        [
            ("[12]\ttrain-rmse:0.5\tvalid_1's auc: 0.9", {"starts": "[{step}]", "pairs": ":"},
             (12, {"train-rmse": 0.5, "valid_1's auc": 0.9})),
            ("level=info step=3 loss=2.07 ok=true", {"pairs": "="}, (3, {"loss": 2.07})),
            ("Loss 6.9 (6.8)\tAcc@1   3.12 (  2.10)", {"pairs": " "}, (None, {"Loss": 6.9, "Acc@1": 3.12})),
            ("elapsed time per iteration (ms): 4183.5 | grad norm: 1.2 |", {"pairs": ":"},
             (None, {"elapsed time per iteration (ms)": 4183.5, "grad norm": 1.2})),
            ("[train] loss=1, acc=2, [valid] loss=3", {"pairs": "="},
             (None, {"train/loss": 1, "train/acc": 2, "valid/loss": 3})),
        ],
    )  # fmt: skip
    def test_names_and_numbers(self, line: str, rule: dict[str, Any], row: object) -> None:
        """All pairs of a line, however they are separated."""
        assert found(line, rule) == [row]

    def test_what_only_looks_like_a_number_is_none(self) -> None:
        """Clocks, dates, versions, addresses and paths are not taken."""
        line = "at=2026-11-28T08:57:10Z v=1.4.2 host=10.0.0.1:80 dt=00:04:50 id=0x1f f=/a/b1 loss=0.5"
        assert found(line, {"pairs": "="}) == [(None, {"loss": 0.5})]

    def test_units_that_change(self) -> None:
        """A curve stays in the unit that it began with."""
        text = "total: 177ms, size: 1.5GB\ntotal: 1.2s, size: 512MB\ntotal: 2s, size: 2GB"
        assert [metrics["total"] for _, metrics in found(text, {"pairs": ":"})] == pytest.approx([177, 1200, 2000])
        assert [metrics["size"] for _, metrics in found(text, {"pairs": ":"})] == pytest.approx([1.5, 0.512, 2])

    def test_units_that_change_in_a_line(self) -> None:
        """`{name:unit}` takes a number with any unit, glued or apart, or none; other units than sizes are text."""
        lines = ("1 took=900ms read 12.5k", "2 took=1.25 s read 1.5M", "3 took=80us read 7", "4 took=2min read 1")
        text = "".join(f"step {one}\n" for one in lines)
        assert found(text, {"line": "step {step} took={took:unit} read {read:unit}"}) == [
            (1, {"took": 900, "read": 12500}),
            (2, {"took": 1250, "read": pytest.approx(1.5e6)}),
            (3, {"took": pytest.approx(0.08), "read": 7}),
            (4, {"took": 120_000, "read": 1}),
        ]
        assert found("v: 5 kg\nv: 6 m/s\nv: 7", {"line": "v: {v:unit}"}) == [(None, {"v": v}) for v in (5, 6, 7)]

    def test_units_that_change_in_a_table(self) -> None:
        """Each column stays in the unit of its first row, also where the table begins anew."""
        head = "[ ID] Interval           Transfer     Bitrate         Retr  Cwnd\n"
        rows = (
            "[  5]   0.00-1.00   sec   112 MBytes   941 Mbits/sec    0    767 KBytes\n",
            "[  5]   1.00-2.00   sec  1.50 GBytes  9.42 Gbits/sec    3   2.50 MBytes\n",
        )
        wanted = [
            (None, {"Transfer": 112, "Bitrate": 941, "Retr": 0, "Cwnd": 767}),
            (None, {"Transfer": 1536, "Bitrate": pytest.approx(9420), "Retr": 3, "Cwnd": 2560}),
        ]
        table = {"table": "Interval Transfer"}
        assert found(head + "".join(rows), table) == wanted
        assert found(head + rows[0] + head + rows[1], table) == wanted

    @pytest.mark.parametrize(
        ("cells", "values"),
        [
            (("912.84k", "1.06M", "900K", "2G"), [912_840, 1_060_000, 900_000, 2e9]),
            (("2M", "900k", "1G"), [2, 0.9, 1000]),
            (("767 KBytes", "2.5 MBytes", "512 Bytes"), [767, 2560, 0.5]),
            (("1 MiB", "512 KiB", "2 GiB"), [1, 0.5, 2048]),
            (("900 MHz", "1.5 GHz"), [900, 1500]),
            (("5", "1.2M", "3k", "2G"), [5, 1.2e6, 3000, 2e9]),
            (("1.2M", "5", "900k"), [1.2, 5e-6, 0.9]),
            (("5", "900ms", "1.2s"), [5, 900, 1200]),
        ],
    )
    def test_units_that_change_are_converted_in_every_form(self, cells: tuple[str, ...], values: list[float]) -> None:
        """In pairs, in a table and in a line alike, the k that is part of a number among them."""
        wanted: list[Any] = [(None, {"v": pytest.approx(value)}) for value in values]
        assert found("".join(f"v {cell}\n" for cell in cells), {"line": "v {v:unit}"}) == wanted
        for mark in ":=":
            assert found("".join(f"v{mark} {cell}, b{mark} x\n" for cell in cells), {"pairs": mark}) == wanted
        rows = found("a  v\n" + "".join(f"1  {cell}\n" for cell in cells), {"table": "a v"})
        assert rows == [(None, {"a": 1, **row}) for _, row in wanted]

    def test_the_first_units_are_remembered_in_plain_json(self) -> None:
        """A set of rules that goes on from what another saved keeps the units."""
        rules = [{"line": "took {took:unit}"}]
        one = RuleSet(rules)
        assert [row.metrics for row in one.feed("took 900ms")] == [{"took": 900}]
        other = RuleSet(rules, json.loads(json.dumps(one.saved)))
        assert [row.metrics for row in other.feed("took 1.5s")] == [{"took": 1500}]

    def test_a_prefix_from_the_line(self) -> None:
        """`{event}` in a prefix is the word that the line gives under that name."""
        assert found("event=eval loss=0.5", {"pairs": "=", "prefix": "{event}/"}) == [(None, {"eval/loss": 0.5})]


class TestManyLines:
    def test_a_table(self) -> None:
        """A header once, then rows; units, marks and gaps are no matter; it ends where it is said."""
        text = "Step Temp Gap\n 0  1.44  -\n 50 0.74 1.2%\n* 99 0.7 3%\nLoop time 5\n 70 1 2"
        rule = {"table": "Step", "step": "Step", "ends": "Loop time"}
        assert found(text, rule) == [
            (0, {"Temp": 1.44}),
            (50, {"Temp": 0.74, "Gap": 1.2}),
            (99, {"Temp": 0.7, "Gap": 3}),
        ]

    def test_a_table_in_a_file_of_commas(self) -> None:
        """CSV is a table."""
        rule = {"table": "epoch,loss", "step": "epoch"}
        assert found("epoch,loss,acc\n0,0.5,0.1\n1,0.4,\n", rule) == [
            (0, {"loss": 0.5, "acc": 0.1}),
            (1, {"loss": 0.4}),
        ]

    @pytest.mark.parametrize("edges", ["| {} |", "{}"])
    def test_cells_that_are_empty_here_and_there(self, edges: str) -> None:
        """As Lightning's file of metrics has them: a row of one kind leaves the columns of the other empty."""
        mark = " | " if "|" in edges else ","
        lines = [["step", "train", "val", "lr"], ["9", "0.5", "", ""], ["9", "", "0.6", ""], ["9", "", "", "0.1"]]
        text = "\n".join(edges.format(mark.join(line)) for line in [*lines, ["19", "0.4", "x", ""]])
        assert found(text, {"table": lines[0][0], "step": "step"}) == [
            (9, {"train": 0.5}),
            (9, {"val": 0.6}),
            (9, {"lr": 0.1}),
            (19, {"train": 0.4}),
        ]

    @pytest.mark.parametrize("line", "─━═=-")
    @pytest.mark.parametrize("bar", "│┃║|")
    def test_a_box_of_any_lines(self, line: str, bar: str) -> None:
        """As `rich` and others draw them."""
        border = line * 12
        text = f"{border}\n{bar} loss {bar} 0.5 {bar}\n{bar} step {bar} 3 {bar}\n{border}\n"
        rules = RuleSet([{"box": True}])
        assert [(row.step, row.metrics) for row in mine(text, rules)] == [(3, {"loss": 0.5})]

    def test_a_list_in_a_block_is_passed_over(self) -> None:
        """What follows it belongs to the block."""
        text = "Result for a:\n  n: 3\n  seen:\n  - 1\n  - lr: 5\n    mom: 6\n  done: 2\n  deep:\n    - 7\n    x: 8\n"
        rule = {"block": "Result for {*}:", "step": "n"}
        assert found(text, rule) == [(3, {"done": 2, "deep/x": 8})]

    @pytest.mark.parametrize(
        ("rule", "text"),
        [
            ({"block": "Result for {*}:"}, "Result for a:\n  loss: 1\nResult for b:\n  loss: 2\n"),
            ({"json": "many"}, 'a {\n "loss": 1\n}\nb {\n "loss": 2\n}'),
            ({"line": "of {_n:word}\nis {loss}"}, "of a\nis 1\nof b\nis 2"),
        ],
    )
    def test_has_is_for_the_first_of_several_lines(self, rule: dict[str, Any], text: str) -> None:
        """The others need not have that text."""
        assert found(text, {**rule, "has": "b"}) == [(None, {"loss": 2})]

    def test_columns_with_blanks_in_their_names(self) -> None:
        """A name that stands above its column is one name."""
        text = "  Iter   Train Loss   Remaining Time\n     1       1.2986            1.43s"
        assert found(text, {"table": "Iter", "step": "Iter"}) == [(1, {"Train Loss": 1.2986, "Remaining Time": 1.43})]

    def test_a_box(self) -> None:
        """A name without a value is the section of those below it; the border completes the row."""
        text = "-----------\n| time/ |  |\n|  fps | 9 |\n|  total | 5 |\n| x | 1 |\n-----------"
        assert found(text, {"box": True, "step": "time/total"}) == [(5, {"time/fps": 9, "x": 1})]

    def test_a_block(self) -> None:
        """Indentation is nesting; the first line that is not indented, or the end, completes the row."""
        text = "Result for a:\n  n: 3\n  info:\n    lr: 0.1\n    name: x\n  done: true\nResult for b:\n  n: 4\n"
        assert found(text, {"block": "Result for {*}:", "step": "n"}) == [(3, {"info/lr": 0.1})]

    def test_objects_over_several_lines(self) -> None:
        """As indented JSON and as `pprint` writes them; what is no object ends them without a row."""
        rule = {"json": "many", "step": "step"}
        text = 'saved {\n  not an object\nmetrics: {\n  "step": 3,\n  "eval": {\n    "f1": 0.5\n  }\n}\n'
        text += "{'loss': 0.25,\n 'note': 'a } in it',\n 'step': 4}\n{\"step\": 5, \"loss\": 0.1}\n"
        text += '{\n "loss": 1,\nKilled\n'
        assert found(text, rule) == [(3, {"eval/f1": 0.5}), (4, {"loss": 0.25})]

    def test_a_line_and_the_line_below_it(self) -> None:
        """A line of a rule may be two: names in both count, and one empty line may be between them."""
        rule = {"line": "Iteration {step} value\n[1] {value}", "sample": "Iteration 3 value\n[1] 0.5"}
        text = "Iteration 1 value\n[1] 24.2\n[1] 3\nIteration 2 value\n\n[1]  2.06\nIteration 3 value\nx\n[1] 4\n"
        assert found(text, rule) == [(1, {"value": 24.2}), (2, {"value": 2.06})]
        assert found("loss\n0.5 in 3 parts", {"line": "loss\n{loss}"}) == []

    def test_sections(self) -> None:
        """What one line begins, the rows after it belong to."""
        rules = [
            {"line": "== {part:word} ==", "section": "{part}"},
            {"line": "avg {avg}", "prefix": "{section}/"},
        ]
        assert found("== read ==\navg 1\n== write ==\navg 2", *rules) == [
            (None, {"read/avg": 1}),
            (None, {"write/avg": 2}),
        ]


class TestObjects:
    @pytest.mark.parametrize(
        "line",
        [
            '{"loss": 0.5, "grad": {"norm": 2}, "ok": true, "who": "a", "step": 7}',
            "INFO {'loss': '0.5', 'grad': {'norm': 2}, 'ok': True, 'step': 7} done",
            "{'loss': np.float64(0.5), 'grad': {'norm': np.int64(2)}, 'ok': True, 'step': 7}",
            "{'loss': tensor(0.5, device='cuda:0', fn=<Add(0)>), 'grad': {'norm': Array(2, dtype=int32)}, 'step': 7}",
        ],
    )
    def test_json_and_what_python_prints(self, line: str) -> None:
        """Nested names are joined; numbers written as text are numbers; true and false are none."""
        assert found(line, {"json": True}) == [(7, {"loss": 0.5, "grad/norm": 2})]

    @pytest.mark.parametrize(
        "line",
        [
            "[{worker-1}] {'loss': 0.5}",
            "{'loss': 0.5, 'all': array([1., 2.]), 'by': OrderedDict([('a', 1)]), 'at': datetime.date(2026, 1, 1)}",
            "{'loss': .5, 'by': {'a': len('x')}}",
        ],
    )
    def test_what_is_no_literal_costs_itself(self, line: str) -> None:
        """Braces before the object, and calls in it, are left out."""
        assert found(line, {"json": True}) == [(None, {"loss": 0.5})]

    def test_half_an_object_is_none(self) -> None:
        """What is in it would have other names."""
        assert found('{"loss": 0.5, "val": {"acc": 1}', {"json": True}) == []

    def test_only_some_names(self) -> None:
        """`only` says which numbers are metrics."""
        assert found('{"a": 1, "b": 2}', {"json": True, "only": ["b"]}) == [(None, {"b": 2})]


class TestRegex:
    def test_named_groups(self) -> None:
        """Groups are metrics by their names; step is the step."""
        rule = {"regex": r"e(?P<step>\d+) loss=(?P<loss>\S+)", "has": "loss="}
        assert found("e3 loss=0.5, x", rule) == [(3, {"loss": 0.5})]

    def test_metric_definitions_of_sagemaker(self) -> None:
        """They can be pasted as they are."""
        rule = {"Name": "train:error", "Regex": "Train_error=(.*?);"}
        assert found("epoch 1 Train_error=0.138318;  Valid_error=0.3", rule) == [(None, {"train:error": 0.138318})]

    @pytest.mark.parametrize(
        ("regex", "line", "value"),
        [
            (r"#quality_metric: host=\S+, epoch=\S+, train loss <loss>=(\S+)",
             "#quality_metric: host=algo-1, epoch=3, train loss <loss>=0.5", 0.5),
            (r"#quality_metric: host=\S+, epoch=\S+, validation mAP <score>=\((\S+)\)",
             "#quality_metric: host=algo-1, epoch=3, validation mAP <score>=(0.25)", 0.25),
            (r"AP=(-?\d+(.\d+)?)", "AP=-12.5", -12.5),
            (r"(?<!\w)loss: (\d+\.\d+)(?!\d)", "val_loss: 7.5 loss: 0.5", 0.5),
            (r"(?i)accuracy: ([0-9.]+)", "Accuracy: 0.97", 0.97),
            (r"(?i)accuracy\s([0-9.]+)", "ACCURACY 0.97", 0.97),
        ],
    )  # fmt: skip
    def test_definitions_that_are_in_use(self, regex: str, line: str, value: float) -> None:
        """Those of the AWS documentation and of examples are no danger: what follows a repetition tells its end."""
        assert found(line, {"Name": "m", "Regex": regex}) == [(None, {"m": value})]

    @pytest.mark.parametrize(
        ("rule", "cut"),
        [
            ({"line": "loss={l}"}, 4096),
            ({"regex": r"loss=(?P<l>\d+)", "has": "loss="}, 2000),
            ({"regex": r"loss=(?P<l>\d+)\s*\d*", "has": "loss="}, 250),  # the harder, the fewer are looked at
        ],
    )
    def test_a_number_at_the_cut_of_a_long_line_is_none(self, rule: dict[str, Any], cut: int) -> None:
        """Half of it would be another number."""
        taken = [found(f"{'x' * before} loss=1234 1", rule) for before in range(cut - 30, cut + 10)]
        count = sum(map(bool, taken))
        assert 10 < count < 30
        assert taken == [[(None, {"l": 1234})]] * count + [[]] * (40 - count)

    @pytest.mark.parametrize(
        ("regex", "line"),
        [
            (r"epoch (?P<e>\d+).*loss: (?P<l>[\d.]+)", "epoch 12 val loss: 3.5 loss: 4.5 end"),
            (r"epoch (?P<e>\d+).*?loss: (?P<l>[\d.]+)", "epoch 12 val loss: 3.5 loss: 4.5 end"),
            (r"^a.+b(?P<x>\d).*b(?P<y>\d)$", "a b1 b2 b3"),
            (r".*step (?P<s>\d+).*x", "step 1 step 2 x"),
            (r"[.*]+ (?P<x>\d)\.*", ".* 3.."),
        ],
    )
    def test_it_finds_what_re_finds(self, regex: str, line: str) -> None:
        """However it is searched, the groups are those that `re` gives."""
        match = re.search(regex, line)
        assert match
        ((_, metrics),) = found(line, {"regex": regex, "has": line[0], "step": None})
        assert metrics == {name: float(value) for name, value in match.groupdict().items()}

    @pytest.mark.parametrize(
        "regex",
        [
            r"(?P<x>(\d+\.?)+)$",
            r"(?P<x>(a|a)*)b",
            r"(?P<x>(x+x+)+y)",
            r"(.)(?P<x>\1)",
            r"(?P<x>(?:д|[^a])+)!",
            r"(?P<x>(?:[\u2190-\u3010]x|\wx)+)!",
            r"(?i)(?P<x>(?:[a-f]x|[A-F]x)+)!",
            r"(?P<x>(?i:(?:k[a-c]|\u212a[A-C])+))!",
        ],
    )
    def test_what_could_take_long_is_refused(self, regex: str) -> None:
        """`re` holds the interpreter's lock, so nothing could end it."""
        with pytest.raises(SettingsError, match=r"rules\[0\]\.regex"):
            RuleSet([{"regex": regex, "has": "x"}])


class TestWrongRules:
    @pytest.mark.parametrize("line", ["a\nb\n{c}", "a\n\n{b}"])
    def test_a_line_of_three_lines(self, line: str) -> None:
        """Two lines are the most."""
        with pytest.raises(SettingsError, match="more than two lines"):
            found("a", {"line": line})

    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            ("loss", r"rules\[1\] must be a mapping"),
            ({}, r"rules\[1\] needs one of line, pairs"),
            ({"lines": "a {b}"}, r"rules\[1\] has no key 'lines'"),
            ({"line": "loss"}, r"rules\[1\]\.line has no \{name\}"),
            ({"line": "{a}{b} x"}, r"rules\[1\]\.line two placeholders need text between"),
            ({"line": "a {b"}, r"rules\[1\]\.line a brace is not closed"),
            ({"line": "a {} x"}, r"rules\[1\]\.line \{\} has no name"),
            ({"line": "a {b} {b}"}, r"rules\[1\]\.line \{b\} is there twice"),
            ({"line": "a {b}", "json": True}, r"rules\[1\]\.json: a rule has one form"),
            ({"line": 3}, r"rules\[1\]\.line must be a string, not 3"),
            ({"json": "yes"}, r"rules\[1\]\.json must be one of"),
            ({"starts": "{a}{b}", "pairs": ":"}, r"\Atext_metrics\.rules\[1\]\.starts two .*\(got '\{a\}\{b\}'\)\Z"),
            ({"pairs": "->"}, r"rules\[1\]\.pairs must be one of"),
            ({"line": "a {b}", "only": "b"}, r"rules\[1\]\.only must be a list"),
            ({"line": "a {b}", "step": "b *"}, r"rules\[1\]\.step must be a name"),
            ({"line": "a {b}", "level": "LOUD"}, r"rules\[1\]\.level must be the name of a level"),
            ({"regex": "(?P<a>x)"}, r"rules\[1\]\.regex needs has:"),
            ({"regex": "(?P<a>", "has": "x"}, r"rules\[1\]\.regex is no regular expression"),
            ({"regex": "abc", "has": "x"}, r"rules\[1\]\.regex names no metric"),
            ({"Regex": "(x)"}, r"rules\[1\]\.Regex needs Name"),
            ({"lines": "a {b}"}, r"rules\[1\] has no key 'lines', did you mean 'line'\?"),
            ({"line": "loss {loss:.4f}"}, r"rules\[1\]\.line {loss:\.4f} has a format behind its name: write {loss}"),
            ({"line": "a {b:wrod}"}, r"rules\[1\]\.line {b:wrod}: did you mean {b:word}\?"),
            ({"line": "a {b:text} c {d}"}, r"rules\[1\]\.line {b:text}: did you mean {b:word}\?"),
            ({"line": "a {b:times}"}, r"rules\[1\]\.line {b:times}: did you mean {b:time}\?"),
            ({"line": "a {b:int}"}, r"rules\[1\]\.line {b:int} has a format"),
            ({"line": "a {b!r}"}, r"rules\[1\]\.line {b!r} has a format behind its name: write {b}"),
            (
                {"line": "a {$c rest} {c:word}"},
                r"rules\[1\]\.line {\$c rest} refers to a word that is not before it: {c:",
            ),
            (
                {"line": "a {b} {n}", "step": "b - n"},
                r"rules\[1\]\.step must be a name, or such as 'epoch",
            ),
            ({"line": "a {b} {n}", "step": "b * (n + 1)"}, r"rules\[1\]\.step must be a name, or such"),
            ({"line": "a {b}", "step": "c"}, r"rules\[1\]\.step: there is no 'c' in its line; there is 'b'"),
            ({"line": "a {b} {_}", "only": ["b", "c"]}, r"rules\[1\]\.only: there is no 'c' in its line; there is 'b'"),
            (
                {"line": "a {b}", "prefix": "{section/"},
                r"rules\[1\]\.prefix has a brace that belongs to no \{name\} \(got",
            ),
            ({"pairs": ":", "prefix": "{}/"}, r"rules\[1\]\.prefix has a brace that belongs to no"),
            ({"line": "{op:word}: {b}", "section": "{op}}"}, r"rules\[1\]\.section has a brace that belongs to no"),
            ({"line": "a {b}", "prefix": "{c}/{section}/"}, r"rules\[1\]\.prefix: there is no 'c' in its line"),
            ({"regex": "a (?P<b>.)", "has": "a", "step": "c"}, r"rules\[1\]\.step: there is no 'c' in its regex"),
            ({"line": "a {b}", "level": True}, r"rules\[1\]\.level must be a string or integer, not True"),
            ({"line": "a {b}", "starts": "a"}, r"rules\[1\]\.starts goes with pairs, and this rule has line"),
            ({"pairs": ":", "ends": "a"}, r"rules\[1\]\.ends goes with table, and this rule has pairs"),
            ({"json": True, "names": "a"}, r"rules\[1\]\.names goes with table, and this rule has json"),
            ({"Name": "a"}, r"rules\[1\] needs Regex beside Name"),
            ({"line": "a {b}", "stream": "Stdout"}, r"rules\[1\]\.stream: 'Stdout' is none, did you mean 'stdout'\?"),
            ({"line": "a {b}", "drop": ["c"]}, r"rules\[1\]\.drop: there is no 'c' in its line"),
            ({"line": "a {b}", "section": "{c}"}, r"rules\[1\]\.section: there is no 'c' in its line"),
            ({"line": "a {b", "sample": "a 1"}, r"rules\[1\]\.line a brace is not closed"),
            ({"line": "a {b}", "Name": "a"}, r"rules\[1\]\.Name goes with Regex, and this rule has line"),
        ],
    )
    def test_the_message_names_the_rule_and_its_key(self, rule: object, message: str) -> None:
        """A rule among many is found by its number and its key."""
        with pytest.raises(SettingsError, match=message):
            RuleSet([{"line": "fine {x}"}, rule])

    def test_no_list(self) -> None:
        """Rules are a list."""
        with pytest.raises(SettingsError, match="must be a list of rules"):
            RuleSet({"line": "a {b}"})

    def test_a_sample_that_does_not_fit(self) -> None:
        """The message says how far the rule fits the sample, and what is in it."""
        rule = {"line": "iter {step}: loss {loss}, time {time}ms", "sample": "iter 27: loss 4.44, time 2.3s"}
        with pytest.raises(SettingsError) as caught:
            RuleSet([rule])
        assert "rules[0].sample" in str(caught.value)
        assert "It fits up to 'iter 27: loss 4.44, time 2.3'; then comes 's'." in str(caught.value)
        assert "loss 4.44" in str(caught.value)

    @pytest.mark.parametrize(
        ("rule", "said"),
        [
            ({"line": "a {b} c", "sample": "a 1"}, "It fits up to 'a 1'; then it ends."),
            ({"line": "a {{x}} {b}", "sample": "a {x} y"}, "It fits up to 'a {x} '; then comes 'y'."),
            ({"line": "a {b}", "sample": "a 0,5"}, "then comes '0,5' (a decimal comma? decimal: ',' reads it)."),
            ({"starts": "[{step}]", "pairs": ":", "sample": "[1] loss=2"}, "finds nothing in '[1] loss=2'. In it are:"),
            ({"pairs": "=", "decimal": ",", "sample": "a: 0,5"}, "In it are: a 0.5"),
            ({"line": "a {b}", "sample": "x" * 10_000}, "xxx..."),
        ],
    )  # fmt: skip
    def test_what_a_sample_has_instead(self, rule: dict[str, Any], said: str) -> None:
        """The end of the line, braces, a decimal comma; a step without a metric is none for rules of many numbers."""
        with pytest.raises(SettingsError) as caught:
            RuleSet([rule])
        assert said in str(caught.value)
        assert len(str(caught.value)) < 1000

    @pytest.mark.parametrize(
        "rule",
        [
            {"line": "loss {loss}", "sample": "loss 3"},
            {"table": "Step", "sample": "Step Temp\n0 1.5"},
            {"box": True, "sample": "-------\n| a | 1 |\n-------"},
            {"json": True, "sample": "{'a': 1}"},
            {"line": "Epoch {step}/", "sample": "Epoch 1/4"},
        ],
    )
    def test_a_sample_that_fits(self, rule: dict[str, Any]) -> None:
        """Samples of several lines are as good."""
        RuleSet([rule])
