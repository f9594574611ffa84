"""Reads settings from a YAML or JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wandb_logging._errors import SettingsError


def settings_in(path: Path) -> dict[str, Any]:
    """The settings in a file: a mapping like a `dictConfig` handler entry.

    Raises:
        OSError: it cannot be read.
        SettingsError: it holds no mapping, or is YAML and PyYAML is not installed.
    """
    text = path.read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError:
        found = _yaml(path, text)
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: expected a mapping of settings")
    if "handlers" in found:
        raise SettingsError(f"{path} is a whole logging configuration: expected what stands in it below one handler")
    return found


def _yaml(path: Path, text: str) -> Any:
    try:
        import yaml  # noqa: PLC0415  of use only for files that people wrote
    except ImportError:
        raise SettingsError(f"{path} is no JSON, and YAML needs PyYAML to be read (pip install PyYAML)") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise SettingsError(f"{path} {why_no_yaml(exc)}") from None


def why_no_yaml(exc: Exception) -> str:
    """What PyYAML finds wrong, in a line, with what rules need quotes for."""
    said = " ".join(str(exc).split())
    hint = next((hint for sign, hint in _QUOTES.items() if sign in said), "")
    return f"is no YAML: {said}{hint}"


_QUOTES = {
    "escape character": "; a backslash needs single quotes around the text",
    "yaml.org,2002:value": "; = needs quotes",  # which means something of YAML's own
}
