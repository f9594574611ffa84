"""Mappings among the arguments of a call: `log.info("val: %s", {"loss": 0.5})` has names and numbers in one value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wandb_logging._mining.call_names import Place, places_of
from wandb_logging._mining.vocabulary import APART, APART_WORDS, is_id, is_metric, is_setting, step_rank

_ANNOUNCES = re.compile(
    rf"(?i)(?<![a-z])(?:metrics?|results?|scores?|stats|statistics|losses|performance|summary|report|{APART_WORDS}"
    r"|train|training)(?![a-z])[^:={}%]{0,30}[:= -]{0,6}[\s>\]]*\Z"
)
_AFTER_STEP = re.compile(r"[\s:,|>\])-]{1,6}\Z")
_STEP_WORD = re.compile(r"([A-Za-z_]{1,20})[ =:#(\[]{0,3}\Z")
_MOST = 60  # characters before a value
_DEEPEST = 4


class Announced(NamedTuple):
    """What a template says of mappings among its values.

    Attributes:
        prefixes: the places that may hold mappings of metrics, with what goes before their names: the part of the data,
            if it is not trained on.
        steps: the places before them whose numbers are steps, with their names.
    """

    prefixes: dict[Place, str]
    steps: dict[Place, str]


def announced(template: str, places: re.Pattern[str], *, every: bool = False) -> Announced:
    """Where a template may have mappings of metrics, as the words before its values say.

    Args:
        template: the text with its placeholders.
        places: the pattern of a placeholder.
        every: whether a mapping is wanted whatever the words say.
    """
    found = Announced({}, {})
    last, of_step = 0, False
    for place, kind, match in places_of(template, places):
        before = template[last : match.start()][-_MOST:]
        wanted = every or _ANNOUNCES.search(before) or (of_step and _AFTER_STEP.fullmatch(before))
        if wanted and kind in "sra":
            part = APART.search(before)
            found.prefixes[place] = f"{part[0]}/" if part else ""
        word = _STEP_WORD.search(before)
        last, of_step = match.end(), word is not None and step_rank(word[1]) is not None
        if word and of_step:
            found.steps[place] = word[1]
    return found


def numbers_in(values: Mapping[Any, Any], prefix: str, *, every: bool = False) -> dict[str, Any]:
    """The numbers in a mapping by name, those within others with `/`; none, if no name is a result's.

    Args:
        values: the mapping.
        prefix: goes before the names, but not before that of a step.
        every: whether it is wanted whatever the names say.
    """
    numbers = dict(_flat(values, "", _DEEPEST))
    if not every and not any(is_metric(name) and not is_setting(name) for name in numbers):
        return {}
    return {name if step_rank(name) is not None else prefix + name: value for name, value in numbers.items()}


def _flat(values: Mapping[Any, Any], above: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(name, str) and isinstance(value, Mapping) and depth:
            yield from _flat(value, f"{above}{name}/", depth - 1)
        elif isinstance(name, str) and not isinstance(value, (bool, str, bytes)) and not is_id(name):
            yield f"{above}{name}", value
