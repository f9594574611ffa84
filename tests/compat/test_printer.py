"""Promises of `wandb.sdk.lib.printer`, by which lm-eval and others show messages."""

from __future__ import annotations

import importlib

import pytest

from wandb_logging.compat._printer import Printer, new_printer


@pytest.mark.parametrize(
    ("level", "shown"), [(None, "INFO"), ("info", "INFO"), (30, "WARNING"), ("WARN", "WARNING"), ("critical", "ERROR")]
)
def test_a_message_has_its_level(caplog: pytest.LogCaptureFixture, level: str | int | None, shown: str) -> None:
    """Lines are one message, indented as all of ours are."""
    caplog.set_level("INFO", "wandb_logging")
    new_printer().display(["one", "two"], level=level)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [(shown, "one\n  two")]


def test_styles_leave_the_text() -> None:
    """Nothing is asked of the terminal, and no place for text that changes is given."""
    assert importlib.import_module("wandb_logging.compat.sdk.lib.printer").new_printer is new_printer
    printer = new_printer()
    assert isinstance(printer, Printer)
    assert [style("x") for style in (printer.code, printer.name, printer.error, printer.files)] == ["x"] * 4
    assert printer.link("http://a", "text") == "http://a"
    assert printer.grid([["a", "1"], ["long", "2"]], "title") == "title\n   a 1\nlong 2\n"
    with printer.dynamic_text() as place:
        assert place is None
