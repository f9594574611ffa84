from __future__ import annotations

import pytest

from tests.cli.commands import offline_run
from wandb_logging._cli import main
from wandb_logging._cli.compare import differences


class TestCompare:
    def test_what_differs_and_what_came_of_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Who they are by letters, only the config that differs, the best values marked, one chart with both."""
        offline_run("a1", rows=4, config={"lr": 0.1, "seed": 1, "net": {"depth": 2}})
        offline_run("b2", rows=8, config={"lr": 0.2, "seed": 1})
        assert main(["compare", "a1", "b2"]) == 0
        out = capsys.readouterr().out
        assert "A  a1" in out
        assert "B  b2" in out
        assert "lr         0.1  0.2" in out
        assert "net.depth  2    -" in out
        assert "seed" not in out
        assert "0.125*" in out  # 1/8 is the lowest loss
        assert "loss  last: A 0.25, B 0.125" in out

    def test_one_metric(self, capsys: pytest.CaptureFixture[str]) -> None:
        """With `--metric` only those; one that no run has is an error with the nearest names."""
        offline_run("a1"), offline_run("b2")
        assert main(["compare", "a1", "b2", "--metric", "val*"]) == 0
        assert "loss" not in capsys.readouterr().out
        assert main(["compare", "a1", "b2", "--metric", "los"]) == 1
        assert "loss" in capsys.readouterr().err

    def test_names_of_ten_thousand_letters(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Long names of runs, keys and metrics are cut for the terminal: no line is wider."""
        monkeypatch.setenv("COLUMNS", "60")
        for name in ("a1", "b2"):
            long = name + "n" * 10_000
            with offline_run(name, exit_code=None, name=long, config={"k" * 10_000: name}) as run:
                run.log({"m" * 10_000: 1.0})
        assert main(["compare", "a1", "b2"]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 60
        assert main(["show", "a1"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert "  loss     0.333333" in lines  # not behind ten thousand spaces

    def test_configs_fit_a_narrow_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The values that differ are as short as the terminal asks for, whatever they are."""
        monkeypatch.setenv("COLUMNS", "40")
        found = differences({letter: {"a long key": f"{letter} in many words"} for letter in "ABC"})
        assert [len("".join(line)) <= 40 for line in found] == [True, True]

    def test_alone_is_no_comparison(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One run, or more than there are letters, is told so."""
        offline_run("a1")
        assert main(["compare", "a1"]) == 1
        assert main(["compare", *["a1"] * 27]) == 1
        assert "2 to 26 runs" in capsys.readouterr().err

    def test_values_of_any_kind(self) -> None:
        """A text is not its number, nor is what is missing nothing."""
        assert differences({"A": {"x": 1, "y": [1]}, "B": {"x": 1, "y": [1]}}) == []
        lines = differences({"A": {"x": "1\x1b[2J", "y": None}, "B": {"x": 2}})
        assert len(lines) == 3
        assert "\x1b" not in "".join("".join(line) for line in lines)
