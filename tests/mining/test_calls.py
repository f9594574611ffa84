"""Metrics from the arguments of calls: exact values, and which templates are candidates."""

from __future__ import annotations

import decimal
import fractions
import logging
import string
from typing import Any

import pytest

from wandb_logging._mining.calls import MOST_TEMPLATES, Calls, Wanted


def metrics(message: object, *args: Any, calls: Calls | None = None, **attributes: Any) -> dict[str, Any] | None:
    record = logging.LogRecord("app.train", logging.INFO, "", 0, message, args or None, None)
    record.__dict__.update(attributes)
    return (calls or Calls(Wanted())).metrics(record)


@pytest.mark.parametrize(
    ("template", "args", "found"),
    [
        ("epoch %d loss %.4f acc %.2f%%", (3, 0.123456789, 97.1), {"epoch": 3, "loss": 0.123456789, "acc": 97.1}),
        ("Train Epoch: %d\tLoss: %s", (2, 0.5), {"epoch": 2, "Loss": 0.5}),
        ("loss=%(loss).2f lr=%(lr)g", ({"loss": 1 / 3, "lr": 1e-4},), {"loss": 1 / 3, "lr": 1e-4}),
        ("%s: val_loss: %8.3f", ("model", 0.25), {"val_loss": 0.25}),
        ("step %5d | loss %-8.3g | %d%% done", (7, 0.5, 40), {"step": 7, "loss": 0.5}),
        ("accuracy %f", (0.91,), {"accuracy": 0.91}),
        ("epoch %d/%d: loss %.4f", (3, 10, 1 / 3), {"epoch": 3, "loss": 1 / 3}),
        ("Epoch [%d / %d] acc=%.2f%% (%d/%d)", (3, 10, 97.5, 975, 1000), {"epoch": 3, "acc": 97.5}),
        ("%(epoch)d %(loss)f", ({"epoch": 3, "loss": 1 / 3},), {"epoch": 3, "loss": 1 / 3}),
        ("iter %*d loss %.*f", (5, 3, 2, 1 / 3), {"iter": 3, "loss": 1 / 3}),
    ],
)
def test_every_value_is_exact(template: str, args: tuple[Any, ...], found: dict[str, Any]) -> None:
    """The numbers are those of the call, whatever the template rounds them to."""
    given = {name.lower(): value for name, value in (metrics(template, *args) or {}).items()}
    assert given == {name.lower(): value for name, value in found.items()}


@pytest.mark.parametrize(
    ("template", "args"),
    [
        ("user %d logged in from %s", (42, "10.0.0.1")),
        ("listening on port %d (pid %d)", (80, 1)),
        ("%s %s", ("a", "b")),
        ("retry %d of %d in %.1f s", (1, 3, 0.5)),
        ("batch_size=%d num_layers=%d", (64, 3)),
        ("100%", ("x",)),
    ],
)
def test_prose_is_no_metric(template: str, args: tuple[Any, ...]) -> None:
    """A template without a name of a result or a step is none."""
    assert metrics(template, *args) is None


def test_a_listed_template_is_taken_whatever_it_says() -> None:
    """And no other is."""
    calls = Calls(Wanted(frozenset({"user %d took %d"})))
    assert metrics("user %d took %d", 1, 2, calls=calls) == {"user": 1, "took": 2} or metrics(
        "user %d took %d", 1, 2, calls=calls
    ) == {"user": 1}
    assert metrics("loss %f", 0.5, calls=calls) is None


def test_loggers_and_levels() -> None:
    """Calls can be taken of some loggers and levels only."""
    assert metrics("loss %f", 0.5, calls=Calls(Wanted(loggers=("app",)))) == {"loss": 0.5}
    assert metrics("loss %f", 0.5, calls=Calls(Wanted(loggers=("apple",)))) is None
    assert metrics("loss %f", 0.5, calls=Calls(Wanted(level=logging.WARNING))) is None


class Brace:
    """As the logging cookbook has it."""

    def __init__(self, fmt: str, *args: Any, **kwargs: Any) -> None:
        self.fmt, self.args, self.kwargs = fmt, args, kwargs

    def __str__(self) -> str:
        return self.fmt.format(*self.args, **self.kwargs)


@pytest.mark.parametrize("given", [decimal.Decimal("0.25"), fractions.Fraction(1, 4)])
def test_every_kind_of_number_is_a_number(given: object) -> None:
    """A decimal number and a fraction are no texts in a row, given as an argument or by a keyword."""
    for found in (metrics("loss %s", given), metrics({"event": "done", "loss": given})):
        assert [(name, type(value), value) for name, value in (found or {}).items()] == [("loss", float, 0.25)]


def test_braces() -> None:
    """A message that formats itself with braces has its values, too."""
    assert metrics(Brace("epoch {} loss {:.3f} {{x}}", 3, 1 / 3)) == {"epoch": 3, "loss": 1 / 3}
    assert metrics(Brace("acc: {acc:.2%}", acc=0.987654)) == {"acc": 0.987654}
    assert metrics(Brace("epoch {0} loss {1:.3f}, once more {1}", 3, 1 / 3)) == {"epoch": 3, "loss": 1 / 3}
    assert metrics(Brace("{epoch}: {loss}", epoch=3, loss=0.5)) == {"epoch": 3, "loss": 0.5}


class Dollar:
    """As the logging cookbook has it: with names alone."""

    def __init__(self, fmt: str, **kwargs: Any) -> None:
        self.fmt, self.kwargs = fmt, kwargs

    def __str__(self) -> str:
        return string.Template(self.fmt).substitute(**self.kwargs)


def test_dollars() -> None:
    """A message that formats itself with dollar signs has its values, too."""
    assert metrics(Dollar("epoch $epoch loss ${loss}, $$5", epoch=3, loss=1 / 3)) == {"epoch": 3, "loss": 1 / 3}
    assert metrics(Dollar("$who has paid $$ $amount", who="x", amount=5)) is None


def test_keyword_values_of_structlog_and_loguru() -> None:
    """They come as a mapping: its numbers are metrics, its names of things are not."""
    assert metrics({"event": "epoch done", "loss": 0.5, "pid": 7, "who": "a", "ok": True}) == {"loss": 0.5}
    assert metrics("epoch done", extra={"loss": 0.5, "request_id": 7}) == {"loss": 0.5}


def test_wrong_arguments_are_no_error() -> None:
    """What cannot be formatted gives no row; the text says what is wrong with it."""
    assert metrics("loss %f acc %f", 0.5) is None
    assert metrics("loss %f", "high") is None


@pytest.mark.not_quick
def test_templates_that_are_made_anew_do_not_fill_the_memory() -> None:
    """Texts that differ each time are forgotten again."""
    calls = Calls(Wanted())
    for i in range(3 * MOST_TEMPLATES):
        metrics(f"loss {i} %d", 1, calls=calls)
    assert len(calls.templates) <= MOST_TEMPLATES
