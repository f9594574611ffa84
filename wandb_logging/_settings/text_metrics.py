"""The setting `text_metrics`: rules that find metrics in the text that a program logs and prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import SettingsError
from wandb_logging._settings.kinds import Kind

# `_mining` is imported only where rules are given: its regular expressions take a third of the time of all settings.
if TYPE_CHECKING:
    from wandb_logging._mining.calls import Wanted

_TEXTS = {"type": "array", "items": {"type": "string"}}


@dataclass(frozen=True)
class TextMetrics(Kind["Mapping[str, Any] | None"]):
    """Rules for text, and whether the arguments of logging calls are metrics."""

    hint = "bool | Sequence[Any] | Mapping[str, Any]"

    @property
    def schema(self) -> dict[str, Any]:
        """False, true for the arguments of calls, a list of rules, or both."""
        from wandb_logging._mining.rule_keys import schema  # noqa: PLC0415

        rules = schema()
        calls = {
            "type": "object",
            "properties": {"templates": _TEXTS, "loggers": _TEXTS, "level": {"type": ["string", "integer"]}},
            "additionalProperties": False,
        }
        args = {
            "anyOf": [{"type": "boolean"}, _TEXTS, calls],
            "description": "Whether numbers in the arguments of logging calls are metrics; or those of which calls.",
        }
        both = {"type": "object", "properties": {"args": args, "rules": rules}, "additionalProperties": False}
        return {"anyOf": [{"type": "boolean"}, rules, both]}

    def keep(self, value: object) -> Mapping[str, Any] | None:
        """Rules and `args` as plain JSON, checked; None if there are neither."""
        if value is False:
            return None
        given = _copied({"args": True} if value is True else {"rules": value} if _is_list(value) else value)
        if not isinstance(given, dict):
            raise ValueError("true, a list of rules, or a mapping with args and rules")
        unknown = sorted(set(given) - {"args", "rules"})
        if unknown:
            raise ValueError(f"args or rules, not {unknown[0]!r}; a rule goes into the list of rules")
        kept = {"args": _args(given.get("args", False)), "rules": [] if given.get("rules") is None else given["rules"]}
        if kept["rules"] != []:
            from wandb_logging._mining import rule_keys, ruleset  # noqa: PLC0415

            kept["rules"] = rule_keys.with_off(kept["rules"])
            ruleset.check(kept["rules"])
        return kept if kept["args"] or kept["rules"] else None


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _args(value: Any) -> Any:
    """The value of `args` as a mapping; None if no call's arguments are metrics."""
    if value is False or value is None:
        return None
    given = {} if value is True else {"templates": value} if _is_list(value) else value
    if not isinstance(given, dict):
        raise SettingsError(
            "text_metrics.args must be true, a list of templates, or a mapping with templates, loggers, level, "
            f"not {given!r}"
        )
    unknown = sorted(set(given) - {"templates", "loggers", "level"}, key=str)
    if unknown:
        raise SettingsError(f"text_metrics.args has no key {unknown[0]!r}; keys are templates, loggers, level")
    for name in ("templates", "loggers"):
        texts = given.get(name, [])
        if not _is_list(texts) or not all(isinstance(text, str) for text in texts):
            raise SettingsError(f"text_metrics.args.{name} must be a list of texts, not {texts!r}")
    if given.get("templates"):
        from wandb_logging._mining.calls import may_give  # noqa: PLC0415

        for number, template in enumerate(given["templates"]):
            if not may_give(template):
                raise SettingsError(f"text_metrics.args.templates[{number}] has no name beside a number: {template!r}")
    level = given.get("level", 0)
    import logging  # noqa: PLC0415  as in `kinds`

    number = logging.getLevelName(level.upper()) if isinstance(level, str) else level
    if not isinstance(number, int):
        raise SettingsError(f"text_metrics.args.level must be the name of a level, not {level!r}")
    return {"templates": list(given.get("templates", [])), "loggers": list(given.get("loggers", [])), "level": number}


def wanted(kept: Mapping[str, Any] | None) -> Wanted | None:
    """The calls whose arguments are metrics, from what `keep` gave; None if there are none."""
    args = (kept or {}).get("args")
    if not args:
        return None
    from wandb_logging._mining.calls import Wanted  # noqa: PLC0415

    return Wanted(frozenset(args["templates"]), tuple(args["loggers"]), args["level"])


def _copied(value: Any) -> Any:
    # The mappings and lists of dictConfig resolve ext:// and cfg:// only in `[]`, not in iteration.
    if isinstance(value, dict):
        return {key: _copied(value[key]) for key in value}
    if _is_list(value):
        return [_copied(value[i]) for i in range(len(value))]
    return value
