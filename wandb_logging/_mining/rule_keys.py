"""The keys that a rule can have: what values each takes, and which go together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wandb_logging._errors import SettingsError

MAX_RULES = 200

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_NAMES: dict[str, Any] = {"type": "array", "items": {"type": "string"}}

# For each key of a rule: what values it takes, and its purpose. The first six are the forms; a rule has exactly one.
KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "line": (_TEXT, "A line of the log with its numbers replaced by {names}."),
    "pairs": (
        {"enum": [":", "=", " ", True]},
        "Takes all numbers that have their names in front and this between the two; true: any separator.",
    ),
    "table": (_TEXT, "The header of a table, some of it, or two lines. Its rows give a metric for each column."),
    "box": ({"type": ["boolean", "string"]}, "Boxes of | name | value | lines; a text: those that have it in them."),
    "block": (_TEXT, "The first line of indented name: value lines."),
    "json": (
        {"enum": [True, "many"]},
        "Lines that hold a JSON object, or a dict as Python prints it; `many`: objects that take several lines.",
    ),
    "regex": (_TEXT, "A regular expression with named groups. Needs has."),
    "starts": (_TEXT, "With pairs: text before the pairs, as in line. Other lines are not looked at."),
    "has": (_TEXT, "Text that a line must have."),
    "sample": (_TEXT, "A line of the log. The rule has to find something in it when logging is configured."),
    "step": (
        {"type": ["string", "null"]},
        (
            "What is the step: a name, or such as 'epoch * 100 + i'; null: the rows have none. "
            "Default: what is called step; where there is none, the step seen last in the same stream."
        ),
    ),
    "prefix": ({"type": "string"}, "Goes before the names. {name} in it is a word of the line, {section} the section."),
    "section": (_TEXT, "What the lines after this one belong to, for the prefix of other rules."),
    "only": (_NAMES, "The names that are metrics; others are left out."),
    "drop": (_NAMES, "Names that are no metrics."),
    "names": (_TEXT, "With table: the column whose text goes before the names of its row."),
    "ends": (_TEXT, "With table: text of the line that ends it."),
    "decimal": ({"enum": [".", ","]}, "What separates the fraction of a number."),
    "off": ({"type": "boolean"}, "Whether the rule is left out."),
    "logger": (_TEXT, "The logger whose records, and those of the loggers below it, the rule is for."),
    "level": ({"type": ["string", "integer"]}, "The lowest level of records that the rule is for."),
    "stream": (_TEXT, "What the rule is for: stdout, stderr, log (records), or the name of a file."),
    "Name": (_TEXT, "With Regex: what the number is called, as in SageMaker's metric definitions."),
    "Regex": (_TEXT, "SageMaker's form of a regular expression: its first group is the number."),
}  # fmt: skip
_OF_FORM = {"starts": "pairs", "names": "table", "ends": "table", "Name": "Regex"}
"""Keys that mean something with one form alone."""
_NEEDS = {"regex": ["has"], "Regex": ["Name"]}
"""Forms that cannot do without another key."""
FORMS = ("line", "pairs", "table", "box", "block", "json", "regex", "Regex")


def schema() -> dict[str, Any]:
    """The JSON Schema of a list of rules."""
    properties = {key: {**kind, "description": text} for key, (kind, text) in KEYS.items()}
    return {
        "type": "array",
        "maxItems": MAX_RULES,
        "items": {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "oneOf": [{"required": [form]} for form in FORMS],
            "dependentRequired": {**{key: [form] for key, form in _OF_FORM.items()}, **_NEEDS},
        },
    }


def with_off(rules: object) -> object:
    """Rules whose key `off` is a text: YAML 1.1 reads a bare `off` as False, and no other key can be meant by that.

    What is no list of mappings comes back as it is, to be refused by who reads it.
    """
    if not isinstance(rules, (list, tuple)):
        return rules
    return [_with_off(rule) if isinstance(rule, Mapping) else rule for rule in rules]


def _with_off(rule: Mapping[Any, Any]) -> Mapping[Any, Any]:
    if False not in rule or "off" in rule:
        return rule
    return {"off" if key is False else key: value for key, value in rule.items()}


def form_of(given: Mapping[Any, Any], at: Callable[[str], str]) -> str:
    """The form of a rule, all of whose keys are checked.

    Args:
        given: the rule.
        at: gives what messages call a key; "" stands for the rule.

    Raises:
        SettingsError: it has no form or several, a key does not go with it, or its value is wrong.
    """
    for key, value in given.items():
        if key not in KEYS:
            import difflib  # noqa: PLC0415  only for a key that is wrong

            near = difflib.get_close_matches(str(key), KEYS, 1)
            meant = f", did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"{at('')} has no key {key!r}{meant}; keys are {', '.join(KEYS)}")
        _check_kind(value, KEYS[key][0], at(str(key)))
    forms = [form for form in FORMS if form in given]
    if not forms:
        raise SettingsError(f"{at('')} needs {'Regex beside Name' if 'Name' in given else _ONE_OF}")
    if len(forms) > 1:
        raise SettingsError(f"{at(forms[1])}: a rule has one form, and this one has {forms[0]} already")
    for key, form in _OF_FORM.items():
        if key in given and forms[0] != form:
            raise SettingsError(f"{at(key)} goes with {form}, and this rule has {forms[0]}")
    return forms[0]


_IN_QUOTES = "; in YAML the names on, off, yes and no need quotes"
_ONE_OF = f"one of {', '.join(FORMS[:-1])}"
_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "boolean": (bool,), "null": (type(None),)}


def _check_kind(value: object, kind: Mapping[str, Any], at: str) -> None:
    if "enum" in kind and not any(value is one or (value == one and type(value) is type(one)) for one in kind["enum"]):
        raise SettingsError(f"{at} must be one of {kind['enum']}, not {value!r}")
    if kind.get("type") == "array":
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            quotes = isinstance(value, (list, tuple)) and any(isinstance(item, bool) for item in value)
            raise SettingsError(f"{at} must be a list of names, not {value!r}{_IN_QUOTES if quotes else ''}")
        return
    kinds = kind.get("type", [])
    wanted = [kinds] if isinstance(kinds, str) else kinds
    is_flag = isinstance(value, bool) and "boolean" not in wanted  # which Python takes for a whole number
    if wanted and (is_flag or not isinstance(value, tuple(item for name in wanted for item in _TYPES[name]))):
        raise SettingsError(f"{at} must be a {' or '.join(wanted)}, not {value!r}{_IN_QUOTES if is_flag else ''}")
    if kind.get("minLength") and value == "":
        raise SettingsError(f"{at} must not be empty")
