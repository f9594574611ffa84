"""Whether a number with a name is a metric: by its name, the sign between the two, and how its values go on."""

from __future__ import annotations

import re

from wandb_logging._dataclass import dataclass
from wandb_logging._mining.vocabulary import APART, is_metric, step_rank
from wandb_logging._suggesting import step_search
from wandb_logging._suggesting.said_once import is_result_unit
from wandb_logging._suggesting.shapes import Field

ARTICLES = frozenset(["a", "an", "the", "our", "my", "your"])

_UNITS = frozenset(["s", "sec", "secs", "second", "seconds", "minutes", "hours", "days", "ms", "msec", "bytes"])
_BYTES = re.compile(r"(?:^|\s)[KMGT]?i?(?:Bytes|bits)(?:/s(?:ec)?)?$")
_ASIDE = re.compile(r"\([^()]*\)")
_WORD = re.compile(r"\S*\w\S*")
_MOST_WORDS, _MOST_WORDS_ALONE = 6, 10  # of a name; where it and its number are all that recurs
_SHORT = 4  # words that are too many for a name with a blank behind it
_RATES = frozenset({"lr", "LR", "learning rate", "learning_rate"})  # which stay the same as often as not
_MANY = 5  # lines that are rows by their number


@dataclass
class Seen:
    """A number of lines of one shape.

    Attributes:
        item: it in the first of these lines.
        counted: whether the lines have a step.
        many: how many lines there are.
        varies: whether its values differ.
        fields: how many numbers a line has.
    """

    item: Field
    counted: bool
    many: int
    varies: bool
    fields: int

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def recurs(self) -> bool:
        return self.many > 2

    @property
    def is_result(self) -> bool:
        """Whether its name or its unit is that of a result."""
        percent = self.item.unit == "%" and self.recurs and self.item.sep == " "
        return percent or is_metric(self.name) or is_result_unit(self.item.unit)


def is_worth(one: Seen) -> bool:
    """Whether the number is a metric: no decision is against it, and the one for its sign is for it."""
    return not any(against(one) for against in _AGAINST) and _BY_SIGN.get(one.item.sep, _behind)(one)


def _is_sentence(one: Seen) -> bool:
    """Whether there are too many words for a name."""
    alone = one.fields == 1 and one.recurs and one.item.sep in ":="
    return len(_WORD.findall(_ASIDE.sub("", one.name))) > (_MOST_WORDS_ALONE if alone else _MOST_WORDS)


def _is_default(one: Seen) -> bool:
    return one.name.lower().startswith(("of ", "default ", "the default "))


def _is_unit(one: Seen) -> bool:
    """Whether the word beside the number is its unit."""
    return one.item.sep in " >" and (one.name.lower() in _UNITS or bool(_BYTES.search(one.name)))


def _is_amount_of_steps(one: Seen) -> bool:
    """`Iteration 100, KL 2.39, 50 iterations in 0.4 s`."""
    same = one.counted and one.recurs and not one.varies
    return same and one.item.sep == ">" and step_rank(one.name) is not None


def _is_tried(one: Seen) -> bool:
    """`START C=10`, `Testing hidden dimension: 32`: what is about to be tried."""
    return bool(_TRIED.match(one.name)) and not is_metric(one.name)


_TRIED = re.compile(r"\W*(?:START|Start(?:ing)?|Testing|Trying|Running|Using) ")


def _is_option(one: Seen) -> bool:
    """`"-std=c++11"`: what begins with a quote or a dash is no name."""
    return one.name.startswith(('"', "'-", "-"))


_AGAINST = (_is_option, _is_sentence, _is_default, _is_unit, _is_amount_of_steps, _is_tried)


def _said(one: Seen) -> bool:
    """`The loss is 3` in lines that count; elsewhere `Final loss is 3`."""
    return one.counted or (one.is_result and one.name.partition(" ")[0].lower() not in ARTICLES)


def _signed(one: Seen) -> bool:
    """`loss: 3`, `loss=3`, `loss < 3`: in lines that count anything, elsewhere results and what varies."""
    return one.counted or one.is_result or (one.recurs and one.fields > 2) or (one.many > 1 and one.varies)


def _after_blank(one: Seen) -> bool:
    """`loss 3`: a result or what varies in lines that count, with more of its kind around it."""
    if one.recurs and one.varies and (has_unit(one.name) or _lasts(one)):
        return True
    step = step_rank(one.name) is not None and not one.is_result and not step_search.is_epoch(one.name)
    if len(one.name.split()) >= _SHORT or (step and not one.counted):
        return False
    return (one.is_result or _is_row(one) or _is_held_out(one)) and (
        one.counted or (one.recurs and one.varies) or _is_among_others(one) or bool(APART.search(one.name))
    )


def has_unit(name: str) -> bool:
    """Whether a name has its unit behind it in brackets: `Conserved quantity [hartree]   -1.12`."""
    return bool(_IN_BRACKETS.search(name))


_IN_BRACKETS = re.compile(r" \[[A-Za-z%][\w.%/^*-]{0,11}\]\Z")


def _lasts(one: Seen) -> bool:
    return one.fields <= 1 + one.counted and is_lasting(one.item)


def is_lasting(item: Field) -> bool:
    """Whether a number says how long what is before it took: `Allocation Stall (main) 23.827ms`."""
    return item.sep == " " and item.unit in _SHORT_TIMES and item.value % 1 != 0


_SHORT_TIMES = frozenset({"ms", "us", "\u00b5s", "ns"})


def _is_row(one: Seen) -> bool:
    rows = one.recurs and (one.varies or one.fields > 2)
    told = one.item.unit != "" or (one.fields > _SHORT and bool(one.item.value % 1))
    return one.counted and (rows or (one.many > 1 and ((one.varies and told) or one.name in _RATES)))


def _is_held_out(one: Seen) -> bool:
    """`epoch 1 score: dev_a 2.5 dev_b 3.5`."""
    return one.counted and bool(APART.match(one.name)) and bool(one.item.value % 1)


def _is_among_others(one: Seen) -> bool:
    """Whether it is one of several numbers, and not chosen as in `Each sender will pass 100 messages`."""
    chosen = one.recurs and not one.varies and isinstance(one.item.value, int)
    return one.fields > 1 and not chosen


def _behind(one: Seen) -> bool:
    """`3 loss`, and other forms in which a number has a name."""
    return (
        one.is_result
        or (one.counted and one.many >= _MANY and one.varies)
        or (one.fields > 2 and ((one.counted and one.many > 1) or (one.recurs and (one.varies or not one.item.value))))
    )


_BY_SIGN = {"is": _said, ":": _signed, "=": _signed, "<": _signed, " ": _after_blank}
