"""Lines that no suggested rule takes: which are told, and that the rules proposed for them work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st

from tests.mining import scoring
from wandb_logging._cli import main
from wandb_logging._mining import as_yaml, rule_keys
from wandb_logging._mining.ruleset import RuleSet, mine
from wandb_logging._suggesting.suggest import suggest
from wandb_logging._suggesting.untaken import MOST, Untaken, untaken

LOGS = {
    (folder, name): scoring.text(name, folder)
    for folder in (scoring.LOGS, scoring.FORMS)
    for name in scoring.names(folder)
}
NONE = [name for _, name in LOGS if name.startswith(("none-", "90-", "92-", "93-"))]

LOG = "".join(f"step {i}: loss {1 / i:.3f}\nPseudo dice [{i / 100}, 0.{i}2]\n" for i in range(1, 5))
ELSEWHERE = [("step 9: loss 0.5", None), ("Pseudo dice [0.7, 0.8]", {"Pseudo dice": 0.7, "number 1": 0.8})]


def rules(text: str) -> list[dict[str, Any]]:
    return [one.rule for one in suggest(text)]


def left(text: str) -> list[Untaken]:
    return untaken(text, rules(text))


@pytest.mark.slow
def test_each_rule_finds_rows_in_its_log() -> None:
    """On all logs of the tests: what is suggested is YAML of the same rules, which editors accept.

    One that is proposed is accepted, fits its sample, and finds rows beside those of the others.
    """
    jsonschema = pytest.importorskip("jsonschema")
    proposed = 0
    accepted = jsonschema.Draft202012Validator(rule_keys.schema())
    for text in LOGS.values():
        suggested = suggest(text)
        given = [one.rule for one in suggested]
        accepted.validate(given)
        assert (yaml.safe_load(as_yaml.write([(one.rule, one.comment) for one in suggested])) or []) == given
        found = untaken(text, given)
        assert len(found) <= MOST
        for one in found:
            RuleSet([{**one.rule, "sample": one.sample}])
            rows = list(mine(text, RuleSet([*given, one.rule])))
            assert any(row.rule == len(given) for row in rows)
            others = [(row.line, row.metrics) for row in rows if row.rule < len(given)]
            assert others == [(row.line, row.metrics) for row in mine(text, RuleSet(given))]
            assert one.count >= 3
        proposed += len(found)
    assert proposed > 30


@pytest.mark.slow
def test_nothing_is_told_where_there_is_nothing() -> None:
    """Licences, tracebacks, builds, journals, settings and the like get no proposal."""
    assert len(NONE) > 60
    told = {name: left(text) for (_, name), text in LOGS.items() if name in NONE}
    assert {name: found for name, found in told.items() if found} == {}


_WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2100), min_size=1, max_size=12)
_LINES = st.lists(st.one_of(_WORDS, st.just("#")), min_size=2, max_size=9).map(" ".join)


@given(_LINES, st.lists(st.floats(-1e6, 1e6).map(lambda value: f"{value:.6g}"), min_size=3, max_size=6))
def test_any_text_gives_rules_that_work(form: str, numbers: list[str]) -> None:
    """Whatever stands around the numbers, a proposed rule is accepted and finds something in its sample."""
    for one in untaken("\n".join(form.replace("#", number) for number in numbers), []):
        RuleSet([{**one.rule, "sample": one.sample}])


def test_uncommented(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is YAML of the same rules as before; without the `#` the proposed rule works, too."""
    log = tmp_path / "train.log"
    log.write_text(LOG)
    assert main(["suggest", str(log)]) == 0
    printed = capsys.readouterr().out
    assert "# 4 lines, such as: Pseudo dice [0.01, 0.12]\n#- line: " in printed
    assert {"rules": yaml.safe_load(printed)} == as_yaml.read(printed) == {"rules": rules(LOG)}
    finished = yaml.safe_load(printed.replace("#- ", "- "))
    assert finished[:-1] == rules(LOG)
    for line, metrics in ELSEWHERE:
        rows = RuleSet(finished[-1:]).feed(line)
        assert [row.metrics for row in rows] == ([metrics] if metrics else [])


def test_mine_says_that_lines_are_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without rules, for people: on stderr, in one line. Not for programs, nor where rules were given."""
    log, file = tmp_path / "train.log", tmp_path / "rules.yaml"
    log.write_text(LOG)
    file.write_text(as_yaml.write([(rule, "") for rule in rules(LOG)]))
    for more, said in ([], True), (["--json"], False), (["--rules", str(file)], False):
        assert main(["mine", str(log), *more]) == 0
        err = capsys.readouterr().err
        assert err.count("\n") == said
        assert ("no rule takes 4 lines with numbers" in err) == said


def test_rules_to_finish_where_none_is_sure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log of which no rule is suggested: comments alone, and the exit code says that there is no rule."""
    log = tmp_path / "odd.log"
    log.write_text("hello 0.5 w\nhello 0.6 w\nhello 0.7 w\n")
    assert main(["suggest", str(log)]) == 1
    said = capsys.readouterr()
    assert '\n#- line: "hello {hello} w"\n' in said.out
    assert yaml.safe_load(said.out) is None
    assert "nothing in it is sure to be metrics; above are rules to finish" in said.err


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"step {i}: loss {1 / i:.3f}\n" for i in range(1, 9)),
        "Pseudo dice [0.1, 0.2]\n",
        "Pseudo dice [0.1, 0.2]\n" * 9,
        "".join(f"Done in 0.{i} s\n" for i in range(9)),
        "".join(f"[0.00{i}] Renumbering nodes\n" for i in range(1, 9)),
        "".join(f"Oct 10 13:5{i}:01 host cron[{i}2]: took 0.{i} of it\n" for i in range(9)),
        "".join(f"status unpacked libudev1:amd64 252.3{i}-1~deb12u1\n" for i in range(9)),
        "".join(f'  File "a.py", line {i}, in f at 0.{i}\n' for i in range(9)),
        "".join(f"openat(AT_FDCWD, 3) = -1 ENOENT (No such file) <0.00003{i}>\n" for i in range(9)),
    ],
    ids=[
        "taken",
        "once",
        "the same again",
        "durations",
        "times in front",
        "a system's journal",
        "versions",
        "tracebacks",
        "system calls",
    ],
)
def test_of_no_interest(text: str) -> None:
    """Lines that rules take, that occur once or never change, or whose numbers are no results, are not told."""
    assert left(text) == []


def test_time_level_and_logger_are_no_part_of_the_rule() -> None:
    """A rule is made of what a line says."""
    lines = "".join(f"2026-01-01 10:00:{i:02} INFO app.main - dice [0.{i}1, 0.{i}7]\n" for i in range(1, 6))
    assert [one.rule for one in left(lines)] == [{"line": "dice [{dice}, {number 1}]"}]


def test_thousands_written_with_a_k() -> None:
    """Lines whose numbers have a k now and then are of one shape, and the rule takes both."""
    lines = "Pseudo dice [950, 0.1]\nPseudo dice [1.2k, 0.3]\nPseudo dice [3k, 0.2]\n"
    (one,) = left(lines)
    assert (one.count, one.rule) == (3, {"line": "Pseudo dice [{Pseudo dice}, {number 1}]"})
    assert [row.metrics["Pseudo dice"] for row in mine(lines, RuleSet([one.rule]))] == [950, 1200, 3000]
