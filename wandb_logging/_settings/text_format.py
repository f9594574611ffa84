"""The setting `text_format`: whether the text of a record is a line for people, or a JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._settings.kinds import Kind

OPTIONS = ("fields", "rename_fields", "static_fields", "defaults")


@dataclass(frozen=True)
class TextFormat(Kind["Mapping[str, Any] | None"]):
    """The word plain, the word json, or options for python-json-logger's `JsonFormatter`."""

    hint = 'Literal["plain", "json"] | Mapping[str, Any]'

    @property
    def schema(self) -> dict[str, Any]:
        """A word, or a mapping of options."""
        options: dict[str, Any] = {name: {"type": "object"} for name in OPTIONS[1:]}
        options["fields"] = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        options["rename_fields"] = {"type": "object", "additionalProperties": {"type": "string"}}
        mapping = {"type": "object", "properties": options, "additionalProperties": False}
        return {"anyOf": [{"enum": ["plain", "json"]}, mapping]}

    def keep(self, value: object) -> Mapping[str, Any] | None:
        """The options; None for plain."""
        if value == "plain":
            return None
        given = {} if value == "json" else value
        if not isinstance(given, Mapping) or not set(given) <= set(OPTIONS):
            raise ValueError(f"plain, json, or a mapping with any of {', '.join(OPTIONS)}")
        kept = {str(key): given[key] for key in given}
        fields = kept.get("fields", ["message"])
        if not isinstance(fields, (list, tuple)) or not fields or not all(isinstance(name, str) for name in fields):
            raise ValueError("as fields a list of names, such as [asctime, levelname, name, message]")
        if not all(isinstance(kept[name], Mapping) for name in OPTIONS[1:] if name in kept):
            raise ValueError(f"as {', '.join(OPTIONS[1:])} mappings")
        if not all(isinstance(name, str) for name in kept.get("rename_fields", {}).values()):
            raise ValueError("in rename_fields a name for each name")
        return {key: list(item) if key == "fields" else dict(item) for key, item in kept.items()}
