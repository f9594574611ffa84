"""What is known of one setting: its default, its kind, what it means, and the variable that changes the default."""

from __future__ import annotations

import os
import re
from dataclasses import field
from typing import Any, TypeVar, overload

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import SettingsError
from wandb_logging._settings.kinds import USERINFO, Kind
from wandb_logging._values.secret_names import MASK

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """What is known of one setting, apart from its name.

    Attributes:
        default: its value if it is not given, nor set in the environment.
        kind: the kind of its values.
        doc: what it means, in words.
        env: environment variable that changes the default.
        shown: whether messages may say its value.
    """

    default: Any
    kind: Kind[Any]
    doc: str
    env: str | None
    shown: bool

    def unset(self) -> Any:
        """The value if the setting is not given: that of the environment variable, else the default."""
        text = os.environ.get(self.env, "") if self.env else ""
        if not text.strip():
            return self.default
        try:
            return self.kind.parse(text)
        except ValueError as exc:
            raise SettingsError(f"{self.env}={text!r}: expected {exc}") from exc

    def keep(self, name: str, value: object) -> Any:
        """The value to keep, or a SettingsError that names the key, and the variable that the value is from."""
        if value is None and self.default is None:
            return None
        try:
            return self.kind.keep(value)
        except SettingsError:  # of a rule in it: that says where, and is not about the value as a whole
            raise
        except ValueError as exc:
            shown = said(value) if self.shown else MASK
            source = f" (from {self.env})" if self._is_from_environment(value) else ""
            raise SettingsError(f"{name}={shown}{source}: expected {exc}") from None

    def _is_from_environment(self, value: object) -> bool:
        return self.env is not None and os.environ.get(self.env) == value


@overload
def key(default: None, kind: Kind[T], doc: str, *, env: str | None = ..., shown: bool = ...) -> T | None: ...
@overload
def key(default: object, kind: Kind[T], doc: str, *, env: str | None = ..., shown: bool = ...) -> T: ...
def key(default: object, kind: Kind[Any], doc: str, *, env: str | None = None, shown: bool = True) -> Any:
    """A field of the table of settings; its arguments are those of `Setting`."""
    setting = Setting(default, kind, doc, env, shown)
    return field(default_factory=setting.unset, repr=shown, metadata={"setting": setting})


def said(value: object) -> str:
    """A value as a message says it: without the user and password of an address in it; its type if it has no text."""
    try:
        return re.sub(USERINFO, MASK, repr(value))
    except Exception:  # of its own `__repr__`
        return f"({type(value).__name__})"
