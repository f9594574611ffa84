"""`wandb-logging suggest` and `wandb-logging mine`: from a log of any program to its rows."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.mining import scoring
from wandb_logging._cli import main, mine as command_mine, rules
from wandb_logging._mining.ruleset import Row, RuleSet, mine, mine_lines
from wandb_logging._suggesting.suggest import suggest
from wandb_logging._values.terminal_text import columns

LOG = "".join(
    f"2026-01-01 10:00:{i:02} INFO iter {i * 10}: loss {3 / (i + 1):.4f}, time {i + 0.5}ms\n" for i in range(5)
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "train.log"
    path.write_text(LOG, encoding="utf-8")
    return path


def command(*args: object, given: str | None = None) -> subprocess.CompletedProcess[str]:
    typed = [sys.executable, "-m", "wandb_logging", *map(str, args)]
    return subprocess.run(typed, input=given, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.not_quick
def test_suggested_rules_can_be_used_as_they_are(log: Path, tmp_path: Path) -> None:
    """What `suggest` prints, `mine --rules` reads, and finds the same rows as `mine` alone."""
    suggested = command("suggest", log)
    assert 'line: "iter {step}: loss {loss}, time {time}ms"' in suggested.stdout
    assert suggested.stdout.startswith("# 5 lines, such as: iter 0: loss 3.0000")
    rules = tmp_path / "rules.yaml"
    rules.write_text(suggested.stdout, encoding="utf-8")
    with_rules, alone = command("mine", "--json", "--rules", rules, log), command("mine", "--json", log)
    assert with_rules.stdout == alone.stdout
    assert json.loads(alone.stdout.splitlines()[1]) == {"line": 2, "step": 10, "metrics": {"loss": 1.5, "time": 1.5}}


@pytest.mark.parametrize("between", ["\u200d", "\u00ad", "\ufeff", "\x7f", "\u0085", "\u2028", '"', "#"])
def test_characters_that_nobody_sees(tmp_path: Path, between: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What joins an emoji, or a soft hyphen, is in the rule as it is in the log, in YAML as any reader has it."""
    log, file = tmp_path / "log", tmp_path / "rules.yaml"
    log.write_text("".join(f"a\u00a0{between}b {i}: loss{between}x=0.{i}5\n" for i in range(1, 9)), encoding="utf-8")
    assert main(["suggest", str(log)]) == 0
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert yaml.safe_load(file.read_text("utf-8")) == [one.rule for one in suggest(log.read_text("utf-8"))]
    assert main(["mine", "--json", str(log)]) == 0
    alone = capsys.readouterr().out
    assert main(["mine", "--json", str(log), "--rules", str(file)]) == 0
    assert capsys.readouterr().out == alone
    assert alone.count("\n") == 8


@pytest.mark.parametrize("name", ["13-keras-bar", "36-lightning-bar"])
def test_each_suggested_rule_is_of_use(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`mine` and `run` would else say of a rule that nobody has touched that it finds nothing."""
    text = scoring.text(name)
    rules = RuleSet([one.rule for one in suggest(text)])
    assert list(mine(text, rules))
    assert rules.unused == []


def test_as_many_rules_are_suggested_as_can_be_used(tmp_path: Path) -> None:
    """A log with very many names has not more rules than the settings take."""
    log = tmp_path / "log"
    names = [f"{one}{other}{third}" for one in "abcdefgh" for other in "ijklmnop" for third in "qrst"]
    log.write_text("".join(f"{name} loss: 0.5\n" for name in names))
    assert main(["mine", "--json", str(log)]) == 0


def test_a_table_for_people(log: Path) -> None:
    """One for each rule, with its columns."""
    shown = command("mine", log).stdout.splitlines()
    assert shown[0] == "rule 0 (line: iter {step}: loss {loss}, time {time}ms)"
    assert shown[1].split() == ["line", "step", "loss", "time"]
    assert shown[2].split() == ["1", "0", "3", "0.5"]


def test_a_narrow_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns for which there is no room stand below the others, beside their lines and steps; in a pipe none do."""
    log = tmp_path / "log"
    log.write_text("step 7: " + ", ".join(f"loss_of_the_part_{i}: {i / 64}" for i in range(1, 9)) + "\n")
    file = tmp_path / "rules.json"
    file.write_text('[{"starts": "step {step}: ", "pairs": ":"}]')
    assert main(["mine", str(log), "--rules", str(file)]) == 0
    whole = capsys.readouterr().out.splitlines()
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["mine", str(log), "--rules", str(file)]) == 0
    shown = [re.sub(r"\x1b\[\d*m", "", line) for line in capsys.readouterr().out.splitlines()]
    assert len(whole[1]) > 100
    assert max(map(len, shown)) <= 50
    values = [value for line in shown[2::2] for value in line.split()[2:]]
    assert values == whole[2].split()[2:]
    assert {tuple(line.split()[:2]) for line in shown[2::2] if line} == {("1", "7")}


def test_wide_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name in Chinese stands above its numbers: each of its characters has two columns."""
    log = tmp_path / "log"
    log.write_text("".join(f"epoch {i} 损失: 0.{i}25 acc: 0.5\n" for i in range(1, 5)), encoding="utf-8")
    assert main(["mine", str(log)]) == 0
    head, *rows, _ = capsys.readouterr().out.splitlines()[1:]
    assert {columns(line) for line in rows} == {columns(head)}
    assert columns(head[: head.index("损失") + 2]) == columns(rows[0][: rows[0].index("0.125") + 5])


def test_rows_are_shown_before_the_end_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a log of a gigabyte not all rows are kept, and whoever stops it has seen those that were found."""

    def rows() -> Iterator[Row]:
        yield from [Row(0, {"loss": 1.5}, 1, 0), Row(1, {"loss": 0.5}, 2, 0)]
        raise KeyboardInterrupt

    monkeypatch.setattr(command_mine, "_AT_ONCE", 2)
    with pytest.raises(KeyboardInterrupt):
        command_mine._as_tables(rows(), RuleSet([{"line": "loss {loss}"}]))
    assert [line.split() for line in capsys.readouterr().out.splitlines()[2:4]] == [
        ["1", "0", "1.5"],
        ["2", "1", "0.5"],
    ]


@pytest.mark.parametrize("name", ["mine", "suggest"])
def test_what_to_do_where_nothing_is_found(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty log is called so; else how a rule is written, and how much was looked at, if that is not all."""
    monkeypatch.setattr("wandb_logging._mining.lines.MAX_LINES", 3)
    log = tmp_path / "log"
    rule = '- line: "iter {step}: loss {loss}"'
    own = f"metrics; a rule of your own is a line of it with names for its numbers, as in {rule}"
    for text, said in (
        ("", "log: is empty"),
        ("no metric\n", own),
        ("no\nmetric\nhere\nloss 0.5\n", "nothing in its first 3 lines is sure to be metrics"),
        (json.dumps({f"loss {i}": i / 7 for i in range(300)}), "longer, the first 4096 characters are looked at"),
    ):
        log.write_text(text)
        assert main([name, str(log)]) == 1
        assert said in capsys.readouterr().err


def test_stdin() -> None:
    """A log can come from a pipe."""
    assert command("mine", "--json", "-", given=LOG).stdout.count("\n") == 5


def test_log_and_rules_both_from_stdin(capsys: pytest.CaptureFixture[str]) -> None:
    """One of them would be read as the other."""
    assert main(["mine", "--rules", "-", "-"]) == 2
    assert "cannot both come from stdin" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "\n", '# - line: "a {b}"\n', "rules:\n"])
def test_a_file_without_a_rule(log: Path, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What `suggest` has printed can be comments alone; that is said, not taken for rules that find nothing."""
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    assert main(["mine", "--rules", str(tmp_path / "rules.yaml"), str(log)]) == 1
    assert "rules.yaml: holds no rule" in capsys.readouterr().err


@pytest.mark.not_quick
@pytest.mark.parametrize("name", ["mine", "suggest"])
def test_stdin_stays(name: str) -> None:
    """Whoever calls `main` has its stdin afterwards; one that the shell has closed is an empty log."""
    code = f"import sys; from wandb_logging._cli import main; main([{name!r}, '-']); print(sys.stdin.buffer.closed)"
    program = [sys.executable, "-c", code]
    done = subprocess.run(program, input=LOG, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.endswith("\nFalse\n")
    line = f"{shlex.join([sys.executable, '-m', 'wandb_logging', name, '-'])} <&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("wandb-logging: -: is empty")


@pytest.mark.parametrize("log", ["01-nanogpt", "19-lightgbm", "51-lammps"])
def test_suggested_json_is_read(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `suggest --json` prints, a rule a line, can be used as what it prints without."""
    file = tmp_path / "rules.json"
    path = str(scoring.LOGS / f"{log}.log")
    assert main(["suggest", "--json", path]) == 0
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert rules.rules_of(file) == [one.rule for one in suggest(scoring.text(log))]


@pytest.mark.parametrize(
    "text", ['{"line": "loss {loss}"}', "line: 'loss {loss}'", "text_metrics: {line: 'loss {loss}'}"]
)
def test_one_rule_without_a_list(tmp_path: Path, text: str) -> None:
    """It is clear what is meant."""
    (tmp_path / "rules").write_text(text, encoding="utf-8")
    assert rules.rules_of(tmp_path / "rules") == [{"line": "loss {loss}"}]


def test_rules_that_people_wrote(log: Path, tmp_path: Path) -> None:
    """All of YAML, if there is a reader of it; and a handler's entry as well as a list."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "text_metrics:\n  args: true\n  rules:\n  - {starts: 'iter {step}: ', pairs: ' '}\n", encoding="utf-8"
    )
    found = json.loads(command("mine", "--json", "--rules", rules, log).stdout.splitlines()[1])
    assert found == {"line": 2, "step": 10, "metrics": {"loss": 1.5, "time": 1.5}}


def test_a_rule_that_is_off(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The key needs no quotes, though YAML reads it as False."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {line: 'loss {loss}', off: true}\n- {line: 'time {time}ms', off: false}\n", encoding="utf-8")
    assert main(["mine", "--json", "--rules", str(rules), str(log)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == {"line": 1, "step": None, "metrics": {"time": 0.5}}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("- line: 'a {b'\n", "text_metrics.rules[0].line a brace is not closed"),
        ('- {line: "loss {on}", only: [on]}\n', "only must be a list of names, not [True]; in YAML the names on, off"),
        ('- {line: "loss {loss}", prefix: no}\n', "prefix must be a string, not False; in YAML the names on, off"),
        ("nothing: here\n", 'holds no list of rules, each of which begins with "- "'),
        ('- {regex: "loss (?P<l>\\S+)", has: loss}\n', "a backslash needs single quotes around the text"),
        ("- [\n", "is no YAML"),
        ('{"rules": [{"lines": "x"}]}', "text_metrics.rules[0] has no key 'lines'"),
    ],
)
def test_wrong_rules(log: Path, tmp_path: Path, rules: str, message: str) -> None:
    """One line says what is wrong; the exit code is 1."""
    path = tmp_path / "rules.yaml"
    path.write_text(rules, encoding="utf-8")
    done = command("mine", "--rules", path, log)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert message in done.stderr


def test_a_rule_that_never_finds_its_step_is_named(tmp_path: Path) -> None:
    """On stderr: its rows have steps that nobody meant."""
    log, path = tmp_path / "log", tmp_path / "rules.json"
    log.write_text('{"loss": 1, "iter": 2}\n', encoding="utf-8")
    path.write_text('[{"json": true, "step": "it"}]', encoding="utf-8")
    done = command("mine", "--json", "--rules", path, log)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert "rule 0 (json: True) never finds its step, 'it'" in done.stderr


def test_a_rule_for_this_file_is_tried_on_it(log: Path, tmp_path: Path) -> None:
    """As `tail` does, which calls the stream by the name of the file."""
    path = tmp_path / "rules.json"
    for stream, code in ((log.name, 0), ("other.log", 1)):
        path.write_text(json.dumps([{"line": "loss {loss},", "stream": stream}]), encoding="utf-8")
        assert command("mine", "--json", "--rules", path, log).returncode == code


def test_a_bare_equals_sign_in_yaml(log: Path, tmp_path: Path) -> None:
    """YAML 1.1 has a meaning of its own for it."""
    pytest.importorskip("yaml")
    path = tmp_path / "rules.yaml"
    path.write_text("- {pairs: =}\n", encoding="utf-8")
    assert command("mine", "--rules", path, log).stderr.endswith("; = needs quotes\n")


def test_a_rule_that_finds_nothing_is_named(log: Path, tmp_path: Path) -> None:
    """On stderr, beside the rows of the others."""
    path = tmp_path / "rules.json"
    path.write_text('[{"line": "loss {loss},"}, {"line": "accuracy {acc}"}]', encoding="utf-8")
    done = command("mine", "--json", "--rules", path, log)
    assert done.returncode == 0
    assert done.stdout.count("\n") == 5
    assert "rule 1 (line: accuracy {acc}) finds nothing in" in done.stderr


@pytest.mark.not_quick
def test_nothing_to_find(tmp_path: Path) -> None:
    """A text without metrics, and a file that is not there: exit code 1, and a line that says so."""
    path = tmp_path / "prose.txt"
    path.write_text("Hello 1.\nNothing here, 2026-01-01.\n", encoding="utf-8")
    for name in ("suggest", "mine"):
        done = command(name, path)
        assert (done.returncode, done.stdout) == (1, "")
        assert str(path) in done.stderr
        assert command(name, tmp_path / "missing").returncode == 1


def test_what_windows_writes(tmp_path: Path) -> None:
    """A log in UTF-16, as a redirection in PowerShell makes it, with its line ends."""
    path = tmp_path / "log"
    path.write_bytes(LOG.replace("\n", "\r\n").encode("utf-16"))
    assert len(command("mine", "--json", path).stdout.splitlines()) == 5


@pytest.mark.parametrize("name", ["mine", "suggest"])
def test_a_file_that_is_no_text(tmp_path: Path, name: str) -> None:
    """It is said, with what to do about a compressed one."""
    path = tmp_path / "log.zst"
    path.write_bytes(bytes(range(256)) * 100)
    done = command(name, path)
    assert done.returncode == 1
    assert "is no text. Of a compressed log: zcat FILE | wandb-logging mine -" in done.stderr


def test_a_log_is_never_whole_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rules come from its beginning; the rest is read line by line, and a line without end as it is drawn anew."""
    monkeypatch.setattr("wandb_logging._mining.lines.MAX_LINES", 3)
    monkeypatch.setattr(rules, "_PIECE", 8)
    (tmp_path / "log").write_bytes(b"one\ntwo\nthree\na line of many\rpieces\nend\n")
    read = rules.Log(tmp_path / "log")
    assert read.head == "one\ntwo\nthree"
    assert list(read) == [
        *((1, "one"), (2, "two"), (3, "three")),
        *((4, "a line of many"), (4, "pieces"), (5, "end"), (6, "")),
    ]


def test_nothing_is_found_in_the_middle_of_a_long_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is beyond 4096 characters is not looked at, in whatever pieces the line is read."""
    monkeypatch.setattr(rules, "_PIECE", 1000)
    (tmp_path / "log").write_text(
        "iter 1: loss 0.5\n" + "x" * 5000 + " iter 7: loss 9.9 " * 9999 + "\niter 2: loss 0.25\n"
    )
    found = mine_lines(rules.Log(tmp_path / "log"), RuleSet([{"line": "iter {step}: loss {loss}"}]))
    assert [(row.line, row.step) for row in found] == [(1, 1), (3, 2)]


@pytest.mark.parametrize("begin", [b"\0" * 5000, b"said \0 once\n"])
def test_nuls(tmp_path: Path, begin: bytes) -> None:
    """A file that was cut begins with NULs if its writer goes on at its old place: that is text all the same."""
    (tmp_path / "log").write_bytes(begin + LOG.encode())
    assert len(command("mine", "--json", tmp_path / "log").stdout.splitlines()) == 5
