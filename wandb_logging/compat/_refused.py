"""What the official SDK has and this package has not: an error by name when it is used, never when it is imported."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, NoReturn

from wandb_logging._errors import WandbLoggingError
from wandb_logging._process import notices

said: set[str] = set()


class NotCovered(WandbLoggingError, AttributeError):
    """The official SDK has this, `wandb_logging.compat` has not."""


def not_covered(name: str, covered: Iterable[str] = ()) -> NotCovered:
    """The error for a name.

    Args:
        name: with its module, as `wandb.sweep`.
        covered: what there is instead.
    """
    names = ", ".join(sorted(covered))
    return NotCovered(f"{name} is not covered by wandb_logging.compat" + (f"; covered are: {names}" if names else ""))


def say_once(text: str) -> None:
    """Warn, the first time."""
    if text not in said:
        said.add(text)
        notices.say(logging.WARNING, text)


class _Refusing(type):
    """The type of placeholders: calling one, or looking into it, raises."""

    name: str

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        raise not_covered(cls.name)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):  # whoever looks what kind of object this is
            raise AttributeError(name)
        raise not_covered(f"{cls.name}.{name}")


def refused(name: str, module: str = "wandb") -> Any:
    """What stands for a name that is not covered.

    It can be imported, is of no value's type, and a class of it can be written: whoever uses it gets `NotCovered`.
    An error can be caught, which never happens.
    """
    if name.endswith(("Error", "Exception", "Warning")):
        return type(name, (WandbLoggingError,), {"__module__": module})
    about = {"name": f"{module}.{name}", "__module__": module, "__doc__": "Not covered by `wandb_logging.compat`."}
    return _Refusing(name, (), about)
