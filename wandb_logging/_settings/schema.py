"""Makes a JSON Schema for editors and types for type checkers from the table of settings.

`python -m wandb_logging._settings.schema`, in a checkout, writes both files; a test checks that they fit the table.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

from wandb_logging._settings.setting import Setting
from wandb_logging._settings.settings import SETTINGS

_PACKAGE = Path(__file__).parents[1]
SCHEMA_FILE = _PACKAGE.parent / "docs" / "settings.schema.json"
TYPES_FILE = _PACKAGE / "_settings" / "given.py"

_TYPES_HEAD = '''"""The settings as type checkers know them. Made by `python -m wandb_logging._settings.schema`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from wandb_logging._events.metrics import Metric'''


def json_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of a handler entry's keys, for editors that complete YAML."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wandb_logging.WandbHandler",
        "description": "Keys of a logging.config.dictConfig handler entry of class wandb_logging.WandbHandler.",
        "type": "object",
        "properties": {
            "class": {"const": "wandb_logging.WandbHandler"},
            "level": {"type": ["string", "integer"]},
            "formatter": {"type": "string"},
            "filters": {"type": "array"},
            **{name: _property(setting) for name, setting in SETTINGS.items()},
        },
        "required": ["class"],
        "additionalProperties": False,
    }


def _property(setting: Setting) -> dict[str, object]:
    schema = {**setting.kind.schema, "description": setting.doc}
    if setting.env:
        schema["description"] = f"{setting.doc} Environment: {setting.env}."
    if setting.default is not None:
        schema["default"] = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    return schema


def types() -> str:
    """The source of `_settings.given`: two TypedDicts, for `new_run` has parameters of its own for some settings."""
    own = ("project", "entity")
    return "\n".join(
        [
            _TYPES_HEAD,
            *_typed_dict(
                "OtherSettings(TypedDict, total=False)", f"All settings but {' and '.join(own)}.", exclude=own
            ),
            *_typed_dict("GivenSettings(OtherSettings, total=False)", "All settings.", only=own),
            "",
        ]
    )


def _typed_dict(
    head: str, doc: str, *, only: tuple[str, ...] | None = None, exclude: tuple[str, ...] = ()
) -> Iterator[str]:
    yield f'\n\nclass {head}:\n    """{doc} None and "" mean: not given."""\n'
    for name, setting in SETTINGS.items():
        if name not in exclude and (only is None or name in only):
            yield f"    {name}: {setting.kind.hint} | None"
            yield _docstring(setting.doc)


def _docstring(doc: str) -> str:
    """The words under a field, where editors look for them."""
    lines = textwrap.wrap(doc.replace("\\", "\\\\"), 110)
    one = f'    """{lines[0]}"""'
    return one if len(lines) == 1 else textwrap.indent('"""' + "\n".join(lines) + '\n"""', "    ")


def main() -> None:
    """Write both files."""
    SCHEMA_FILE.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
    TYPES_FILE.write_text(types(), encoding="utf-8")


if __name__ == "__main__":
    main()
