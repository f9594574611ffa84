"""`wandb.config`: items, attributes and `update`. A value, once set, cannot change unless that is allowed."""

from __future__ import annotations

import atexit
import copy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from wandb_logging._errors import LogError, SettingsError
from wandb_logging._run.run import Run
from wandb_logging._values.mappings import mapping_of, read_items
from wandb_logging._values.plain import plain

DEFAULTS = "config-defaults.yaml"
ARTIFACT_SCHEME, ARTIFACT_TYPE = "wandb-artifact://", "artifactVersion"  # form in which a config names an artifact


class ConfigError(LogError):
    """A value of the config would change that may not change."""


class Config(Mapping[str, Any]):
    """The config of a run.

    A nested mapping or list may be changed in place after it was read from the config. What is added or changed in it
    goes into the run's config, at the next row or at the end. What is removed from it stays in the run's config, since
    programs often take single values out of their own copy.

    Args:
        run: the run it belongs to.
        allow_val_change: whether values may change once they are set.
        artifacts: handles artifacts among new values: it receives the values, returns the artifacts, and replaces them
            in the values by what the server is told.
    """

    def __init__(
        self, run: Run, *, allow_val_change: bool, artifacts: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    ) -> None:
        vars(self).update(_run=run, _allow=allow_val_change, _lent={}, _find=artifacts, _artifacts={})

    def __getitem__(self, key: str) -> Any:
        if key in vars(self)["_artifacts"]:
            return vars(self)["_artifacts"][key]
        value = vars(self)["_run"].config[key]
        if isinstance(value, (dict, list)):
            self._lend(key, value)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self)["_run"].config)

    def __len__(self) -> int:
        return len(vars(self)["_run"].config)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"the run's config has no {key!r}") from None

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __repr__(self) -> str:
        return repr(dict(self))

    def __copy__(self) -> Config:
        return self  # a run has only one config

    def __deepcopy__(self, memo: object) -> Config:
        return self

    def as_dict(self) -> dict[str, Any]:
        """A copy of the config."""
        values: dict[str, Any] = copy.deepcopy(vars(self)["_run"].config)
        return values

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:
        """Set several values.

        Args:
            d: a mapping, an `argparse.Namespace`, absl's flags, a dataclass, or another object with attributes.
            allow_val_change: whether values that are set already may change.

        Raises:
            ConfigError: a value would change that may not change.
            LogError: the run is finished.
        """
        self.persist()
        given = config_values(d)
        found = vars(self)["_find"](given) if vars(self)["_find"] is not None else {}
        now = vars(self)["_run"].config
        if not (vars(self)["_allow"] if allow_val_change is None else allow_val_change):
            for key, value in plain(given, aside={}, of_config=True).items():
                if key in now and now[key] != value:
                    raise ConfigError(
                        f'Attempted to change value of key "{key}" from {now[key]} to {value}\n'
                        "If you really want to do this, pass allow_val_change=True to config.update()"
                    )
        vars(self)["_run"].update_config(given)
        for key in given:
            vars(self)["_lent"].pop(key, None)
            vars(self)["_artifacts"].pop(key, None)
        vars(self)["_artifacts"].update(found)

    def setdefaults(self, d: Any) -> None:
        """Set only those of the given values that are not set yet."""
        self.update({key: value for key, value in config_values(d).items() if key not in self})

    def persist(self) -> None:
        """Send the changes made in nested values since they were read from the config."""
        lent: dict[str, tuple[Any, Any]] = vars(self)["_lent"]
        changed = {key: merged(before, value) for key, (value, before) in lent.items() if value != before}
        changed = {key: value for key, value in changed.items() if value != lent[key][1]}
        if changed:
            vars(self)["_run"].update_config(changed)
            for key in changed:
                del lent[key]

    def _lend(self, key: str, value: Any) -> None:
        lent: dict[str, tuple[Any, Any]] = vars(self)["_lent"]
        if key not in lent or lent[key][0] is not value:
            self.persist()
            if not lent:
                atexit.register(self.persist)
            lent[key] = value, copy.deepcopy(value)


class ConfigStatic(dict[str, Any]):
    """A config that cannot change any more, with items and attributes."""

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"the run's config has no {key!r}") from None

    def __setattr__(self, key: str, value: object) -> NoReturn:
        raise AttributeError(f"{key}: this is a copy of the run's config; set it in run.config")

    def __setitem__(self, key: str, value: object) -> NoReturn:
        raise AttributeError(f"{key}: this is a copy of the run's config; set it in run.config")


def parts_of(value: object, deep: int = 8) -> Iterator[object]:
    """A value and all its parts, down to a depth. Only dicts, lists and tuples are searched."""
    yield value
    if deep and type(value) in {dict, list, tuple}:
        for part in list(value.values() if isinstance(value, dict) else value):  # type: ignore[call-overload]  # a list
            yield from parts_of(part, deep - 1)


def names_artifact(value: object) -> bool:
    """Whether a value names an artifact in the form that the official SDK uses in a config."""
    if type(value) is dict:
        return value.get("_type") == ARTIFACT_TYPE
    return type(value) is str and value.startswith(ARTIFACT_SCHEME)


def may_have_artifact(value: object) -> bool:
    """Whether a value may be, name or contain an artifact. Only a run can tell for certain."""
    return any(
        names_artifact(part) or (type(part).__name__ == "Artifact" and hasattr(type(part), "is_draft"))
        for part in parts_of(value)
    )


def merged(before: Any, now: Any) -> Any:
    """A nested value after changes in place. It has what was added and changed, and also what was removed."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {**before, **{key: merged(before.get(key), value) for key, value in now.items()}}
    if isinstance(before, list) and isinstance(now, list) and len(now) < len(before):
        return before
    return now


def config_values(given: Any) -> dict[str, Any]:
    """Turn a value given as config into a mapping. The dashes of command-line keys are removed.

    Raises:
        LogError: the value is of no accepted kind.
    """
    if isinstance(given, ModuleType):  # the module absl.flags itself
        given = getattr(given, "FLAGS", given)
    values = mapping_of(given)
    if not isinstance(values, Mapping) and not isinstance(values, ModuleType):
        values = getattr(values, "__dict__", None)
    if not isinstance(values, Mapping):
        raise LogError(f"config: expected a mapping or an object with attributes, got {given!r}")
    return {key.strip("-") if isinstance(key, str) else key: item for key, item in read_items(values).items()}


def config_file(name: str) -> dict[str, Any]:
    """Read a config from a file in the official SDK's form: `key: {value: ...}` for each key.

    Raises:
        SettingsError: the file cannot be read, or has another form.
    """
    try:
        import yaml  # noqa: PLC0415  an extra
    except ImportError:
        raise SettingsError(f"{name}: reading it needs PyYAML: pip install 'wandb-logging[compat]'") from None
    try:
        tree = yaml.safe_load(Path(name).read_text(encoding="utf-8")) or {}
        version = tree.pop("wandb_version", 1)
        values = {str(key): item["value"] for key, item in tree.items()}
    except OSError as exc:
        raise SettingsError(f"config={name!r}: {exc.strerror or exc}") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as exc:
        raise SettingsError(f"config={name!r}: expected `key: {{value: ...}}` for each key, in YAML ({exc})") from None
    if version != 1:
        raise SettingsError(f"config={name!r}: expected wandb_version 1, got {version!r}")
    return values
