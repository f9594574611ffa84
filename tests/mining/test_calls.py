"""Metrics from the arguments of calls: exact values, and which templates are candidates."""

from __future__ import annotations

import decimal
import fractions
import logging
import string
import types
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
        ("\x1b[32mloss: \x1b[1m%.3f\x1b[0m", (1 / 3,), {"loss": 1 / 3}),
        ("mAP@0.5: %.3f", (1 / 3,), {"map@0.5": 1 / 3}),
        ("eta %s loss %.4f", ("0:01:30", 1 / 3), {"loss": 1 / 3}),
        ("#%d loss %f", (3, 1 / 3), {"loss": 1 / 3}),
        ("Loss after %d steps: %.3f", (100, 1 / 3), {"steps": 100, "loss": 1 / 3}),
        ("Cost after iteration %i: %f", (100, 1 / 3), {"iteration": 100, "cost": 1 / 3}),
        ("Mean reward over the last %d episodes is %.2f", (100, 1 / 3), {"mean reward": 1 / 3}),
        ("loss %s, lr %s", (1 / 3, 1e-4), {"loss": 1 / 3, "lr": 1e-4}),
        ("At step %d, the loss is %.4f and the acc %.1f", (7, 1 / 3, 0.5), {"step": 7, "loss": 1 / 3, "acc": 0.5}),
        ("dice[0]=%.3f dice[1]=%.3f", (0.25, 1 / 3), {"dice[0]": 0.25, "dice[1]": 1 / 3}),
        ("[%s] [rank %d] step=%d loss=%.3f", ("12:00:01", 5, 7, 1 / 3), {"step": 7, "loss": 1 / 3}),
        ("P/recall/F1 = %.3f / %.3f / %.3f", (0.5, 0.25, 1 / 3), {"p": 0.5, "recall": 0.25, "f1": 1 / 3}),
        ("train/val loss: %.2f/%.2f", (0.5, 1 / 3), {"train loss": 0.5, "val loss": 1 / 3}),
        ("val/loss: %d/%d", (5, 10), {"val/loss": 5}),
    ],
)
def test_every_value_is_exact(template: str, args: tuple[Any, ...], found: dict[str, Any]) -> None:
    """The numbers are those of the call, whatever the template rounds them to."""
    given = {name.lower(): value for name, value in (metrics(template, *args) or {}).items()}
    assert given == {name.lower(): value for name, value in found.items()}


@pytest.mark.parametrize(
    ("template", "args", "found"),
    [
        ("top-%d accuracy: %.3f", (5, 0.7), {"top-5 accuracy": 0.7}),
        ("loss_%s: %.3f", ("cls", 0.5), {"loss_cls": 0.5}),
        ("%s/loss: %.3f", ("val", 0.5), {"val/loss": 0.5}),
        ("  %s = %s", ("eval_f1", 0.5), {"eval_f1": 0.5}),
        ("val_%s = %.4f", ("auc", 0.5), {"val_auc": 0.5}),
        ("val_%s = %s", ("batch_size", 5), None),
        ("eval/%s: %.4f", ("auc", 0.5), {"eval/auc": 0.5}),
        ("loss[%d]: %.4f", (3, 0.5), {"loss[3]": 0.5}),
        ("[%s] %s: %.4f", ("val", "loss", 0.5), {"val/loss": 0.5}),
        ("%(name)s: %(value)f", ({"name": "loss", "value": 0.5},), {"loss": 0.5}),
        ("%s: %.4f", ("learning_rate", 0.5), None),  # a setting
        ("%s loss: %.4f", ("/data/a.pt", 0.5), {"loss": 0.5}),  # not a name for each file
        ("[%s] loss %.4f", ("12:00:01", 0.5), {"loss": 0.5}),
        ("loss_%s: %f", ("a b" * 50, 0.5), {"loss": 0.5}),
    ],
)
def test_values_in_names(template: str, args: tuple[Any, ...], found: dict[str, Any] | None) -> None:
    """A value that is part of a metric's name is there as it was given, if it can be part of a name."""
    assert metrics(template, *args) == found


@pytest.mark.parametrize(
    ("template", "train", "val"),
    [
        ("%s Loss: %.4f Acc: %.4f", {"train Loss": 1, "Acc": 2}, {"val Loss": 1, "val Acc": 2}),
        ("%s: loss %.4f acc %.4f", {"loss": 1, "acc": 2}, {"val/loss": 1, "val/acc": 2}),
        ("[%s] loss %.4f acc %.4f", {"train/loss": 1, "train/acc": 2}, {"val/loss": 1, "val/acc": 2}),
        ("phase=%s loss=%.4f acc=%.4f", {"loss": 1, "acc": 2}, {"val/loss": 1, "val/acc": 2}),
    ],
)
def test_parts_of_the_data_do_not_share_a_curve(template: str, train: object, val: object) -> None:
    """Whether the part is given to the call or stands in its template."""
    calls = Calls(Wanted())
    assert metrics(template, "train", 1, 2, calls=calls) == train
    assert metrics(template, "val", 1, 2, calls=calls) == val
    assert metrics(template.replace("%s", "train", 1), 1, 2) == train
    assert metrics(template.replace("%s", "val", 1), 1, 2) == val


def test_both_parts_of_the_data_in_one_call() -> None:
    """Each number has its own name."""
    template = "Epoch %d: train: loss %f, acc %f; val: loss %f, acc %f"
    expected = {"Epoch": 1, "loss": 2, "acc": 3, "val/loss": 4, "val/acc": 5}
    assert metrics(template, 1, 2, 3, 4, 5) == expected


def test_names_made_of_values_have_an_end() -> None:
    """A number of its own in each name would be a curve for each call."""
    calls = Calls(Wanted())
    names = {name for i in range(1000) for name in metrics("loss_%s: %f", f"x{i}", 0.5, calls=calls) or {}}
    assert len(names) < 300
    assert "loss" in names


def test_texts_first_and_numbers_later() -> None:
    """A template is not given up because of what its first call holds."""
    calls = Calls(Wanted())
    assert metrics("%s = %s", "model", "resnet", calls=calls) is None
    assert metrics("%s = %s", "eval_loss", 0.5, calls=calls) == {"eval_loss": 0.5}


@pytest.mark.parametrize(
    ("template", "args"),
    [
        ("user %d logged in from %s", (42, "10.0.0.1")),
        ("listening on port %d (pid %d)", (80, 1)),
        ("%s %s", ("a", "b")),
        ("retry %d of %d in %.1f s", (1, 3, 0.5)),
        ("batch_size=%d num_layers=%d", (64, 3)),
        ("100%", ("x",)),
        ("epoch %d metrics %s", (3, "loss=0.5")),
    ],
)
def test_prose_is_no_metric(template: str, args: tuple[Any, ...]) -> None:
    """A template without a name of a result or a step is none."""
    assert metrics(template, *args) is None


def test_a_listed_template_is_taken_whatever_it_says() -> None:
    """And no other is."""
    calls = Calls(Wanted(frozenset({"user %d took %d"})))
    assert metrics("user %d took %d", 1, 2, calls=calls) == {"user": 1, "took": 2}
    assert metrics("loss %f", 0.5, calls=calls) is None


@pytest.mark.parametrize(
    ("template", "args", "found"),
    [
        ("listening on port %d (pid %d)", (80, 1), {"listening on port": 80, "pid": 1}),
        ("retry %d of %d in %.1f s", (1, 3, 0.5), {"retry": 1, "seconds": 0.5}),
        ("%s: read %d bytes in %d calls", ("a.bin", 4096, 2), {"read": 4096, "calls": 2}),
        ("queue %s has %d jobs", ("a", 3), {"jobs": 3}),
        ("at %f, %f and %f", (1, 2, 3), {"at": 1, "at 2": 2, "at 3": 3}),
        ("put in %d s, got in %d s, gone in %d s", (1, 2, 3), {"seconds": 1, "seconds 2": 2, "seconds 3": 3}),
        ("step %d of %d (%d%%)", (1, 2, 50), {"step": 1, "percent": 50}),
        ("7099999 done in %d s", (5,), {"seconds": 5}),
        ("user %(user)d (%(n)d)", ({"user": 5, "n": 7},), {"user": 5, "n": 7}),
    ],
)
def test_each_number_of_a_listed_template_is_there(template: str, args: tuple[Any, ...], found: dict[str, Any]) -> None:
    """Its name is that beside it, the words before it, or that of the number before; how many of how many is one."""
    assert metrics(template, *args, calls=Calls(Wanted(frozenset({template})))) == found


@pytest.mark.parametrize(
    ("template", "args", "found"),
    [
        ("batch %d processed in %.2f s, %d tokens", (3, 0.25, 512), {"batch": 3, "seconds": 0.25, "tokens": 512}),
        ("iteration %s of %s took %s seconds", (3, 10, 0.25), {"iteration": 3, "seconds": 0.25}),
        ("epoch %d/%d took %.1fs", (3, 10, 0.25), {"epoch": 3, "seconds": 0.25}),
        ("loss %f in %.2f seconds on %d samples", (0.5, 0.25, 7), {"loss": 0.5, "seconds": 0.25}),
        ("step %d failed, retrying in %d seconds", (3, 5), None),
        ("epoch %d started with %d workers", (3, 4), None),
        ("iteration %d, next save in %d iterations", (3, 5), None),
        ("Epoch %d ends in %d steps", (3, 5), None),
    ],
)
def test_units_and_things_counted_are_names(template: str, args: tuple[Any, ...], found: dict[str, Any] | None) -> None:
    """Of numbers that have no other, in a template that gives metrics."""
    assert metrics(template, *args) == found


RESULTS = {"loss": 1 / 3, "name": "x", "ok": True, "id": 7, "top": {"f1": decimal.Decimal("0.5"), "none": None}}


@pytest.mark.parametrize(
    ("template", "args", "found"),
    [
        ("metrics: %s", (RESULTS,), {"loss": 1 / 3, "top/f1": 0.5}),
        ("[val] %s", (RESULTS,), {"val/loss": 1 / 3, "val/top/f1": 0.5}),
        ("Epoch %d: %s", (3, RESULTS), {"Epoch": 3, "loss": 1 / 3, "top/f1": 0.5}),
        ("epoch %d test results %r, %.1f s", (3, {"acc": 0.5, "step": 9}, 2), {"epoch": 3, "test/acc": 0.5, "step": 9}),
        ("results: %s", ({"lr": 0.1, "epochs": 3},), None),
        ("config: %s", (RESULTS,), None),
        ("asked with %s", (RESULTS,), None),
        ("results: %s", ("loss 5",), None),
        ("results: %(loss)s", ({"loss": 0.5},), None),
    ],
)
def test_a_mapping_among_the_arguments(template: str, args: tuple[Any, ...], found: dict[str, Any] | None) -> None:
    """Its names and numbers are metrics, where the words before it announce some and one is called like a result."""
    assert metrics(template, *args) == found


def test_a_mapping_in_braces_and_in_a_listed_template() -> None:
    """As in others; a list says what is wanted."""
    assert metrics(Brace("metrics {}", {"loss": 0.5})) == {"loss": 0.5}
    assert metrics("got %s", {"n": 5}, calls=Calls(Wanted(frozenset({"got %s"})))) == {"n": 5}


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
    assert metrics(Brace("loss {:*>8.3f} acc {:{}.{}f} n {}", 0.5, 0.25, 8, 3, 7)) == {"loss": 0.5, "acc": 0.25, "n": 7}
    meter = types.SimpleNamespace(avg=1 / 3)
    assert metrics(Brace("epoch {} loss {.avg:.2f} ({m.avg})", 3, meter, m=meter)) == {"epoch": 3, "loss": 1 / 3}
    assert metrics(Brace("loss {d[loss]:{w}.2f}", d={"loss": 0.5}, w=8)) == {"loss": 0.5}
    assert metrics(Brace("loss {x.nothing}", x=meter)) is None


def test_a_message_may_call_its_template_otherwise() -> None:
    """Only the cookbook calls it fmt."""
    for name in ("message", "msg", "template"):
        one = types.SimpleNamespace(**{name: "loss {}", "args": (0.5,), "kwargs": {}})
        assert metrics(one) == {"loss": 0.5}
    assert metrics(ValueError("loss {}", 0.5)) is None


class BraceText(str):
    """A text that `%` fills as braces, as adapters make of a message with `style="{"`."""

    __slots__ = ()


@pytest.mark.parametrize("kind", [str, BraceText])
def test_braces_that_a_subclass_fills(kind: type[str]) -> None:
    """Where records are made of a class of the program's own, or messages are texts of one."""
    assert metrics(kind("epoch {} loss {:.3f}"), 3, 1 / 3) == {"epoch": 3, "loss": 1 / 3}
    assert metrics(kind("loss {0.real:.3f} of {1!r}"), 1 / 3, "it") == {"loss": 1 / 3}
    assert metrics(kind("{'loss': %.3f}"), 1 / 3) == {"loss": 1 / 3}


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
    assert metrics("epoch done", loss=0.5, epoch=3, request_id=7) == {"loss": 0.5, "epoch": 3}  # render_to_log_kwargs
    assert metrics("asked", user=5, port=80) is None
    assert metrics({"event": "asked", "user": 5, "port": 80}) is None
    assert metrics("asked", extra={"user": 5, "port": 80}) is None
    listed = Calls(Wanted(frozenset({"epoch done"})))
    assert metrics({"event": "other", "loss": 0.5}, calls=listed) is None
    assert metrics("epoch done", loss=0.5, calls=listed) == {"loss": 0.5}
    assert metrics("epoch done", user=5, calls=listed) == {"user": 5}
    assert metrics({"event": "epoch done", "user": 5}, calls=listed) == {"user": 5}


def test_arguments_and_keyword_values_in_one_call() -> None:
    """As structlog hands both over, as arguments and `extra` or as one mapping."""
    wanted = {"epoch": 3, "loss": 1 / 3, "acc": 0.5}
    assert metrics("epoch %d loss %f", 3, 1 / 3, acc=0.5, request_id=7) == wanted
    assert metrics({"event": "epoch %d loss %f", "positional_args": (3, 1 / 3), "acc": 0.5}) == wanted
    assert metrics("read %d of %s", 3, "file", acc=0.5) == {"acc": 0.5}
    assert metrics("epoch %d loss %f", 3, 1 / 3, user=5) == {"epoch": 3, "loss": 1 / 3}


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
