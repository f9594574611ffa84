"""The page about rules for text: its rules, on its logs, find its rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import DOCS, fences, save_files
from wandb_logging import _cli
from wandb_logging._mining.rule_keys import KEYS
from wandb_logging._mining.ruleset import RuleSet, mine

PAGE = (DOCS / "reference" / "text-rules.md").read_text(encoding="utf-8")


def examples() -> list[tuple[str, str, str]]:
    found = fences(PAGE)
    assert [language for _, language, _ in found] == ["yaml", "text", "jsonl"] * (len(found) // 3)
    texts = [text for _, _, text in found]
    return list(zip(texts[::3], texts[1::3], texts[2::3]))


@pytest.mark.parametrize("example", examples(), ids=lambda example: example[0].split("\n")[0])
def test_the_rows_are_those_of_the_page(example: tuple[str, str, str]) -> None:
    """As `mine --json --rules` prints them, each rule of the example used."""
    rules = RuleSet(yaml.safe_load(example[0]))
    rows = [{"line": row.line, "step": row.step, "metrics": row.metrics} for row in mine(example[1], rules)]
    expected: list[dict[str, Any]] = [json.loads(line) for line in example[2].splitlines()]
    assert rows == expected
    assert not [rule.number for rule in rules.unused]


def test_each_key_is_on_the_page() -> None:
    """Nothing of the language is left out."""
    assert [key for key in KEYS if f"`{key}`" not in PAGE and f"{key}:" not in PAGE] == []


def commands() -> list[tuple[str, str]]:
    text = (DOCS / "howto" / "legacy-programs.md").read_text(encoding="utf-8")
    shown = [block for _, language, block in fences(text) if language == "console"]
    return [
        (head.removeprefix("$ wandb-logging "), output)
        for head, _, output in (block.partition("\n") for block in shown)
    ]


@pytest.mark.parametrize(("command", "output"), commands(), ids=lambda part: part.split("\n")[0])
def test_commands_print_what_the_page_shows(
    command: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the logs that the page asks to save."""
    monkeypatch.chdir(tmp_path)
    save_files((DOCS / "howto" / "legacy-programs.md").read_text(encoding="utf-8"))
    assert _cli.main(command.split()) == 0
    assert capsys.readouterr().out == output
