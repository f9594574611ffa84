"""Parts of the official SDK that this package does not cover: each raises an error when used, never when imported."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, NoReturn

from wandb_logging._errors import WandbLoggingError
from wandb_logging._process import notices

said: set[str] = set()


class NotCovered(WandbLoggingError, AttributeError):
    """The official SDK has this name, but `wandb_logging.compat` does not cover it."""


def not_covered(name: str, covered: Iterable[str] = ()) -> NotCovered:
    """Make the error for a name.

    Args:
        name: the name with its module, as `wandb.sweep`.
        covered: names that are covered, as alternatives.
    """
    names = ", ".join(sorted(covered))
    return NotCovered(f"{name} is not covered by wandb_logging.compat" + (f"; covered are: {names}" if names else ""))


def say_once(text: str) -> None:
    """Warn, but only once for each text."""
    if text not in said:
        said.add(text)
        notices.say(logging.WARNING, text)


class _Refusing(type):
    """The type of placeholders. Calling a placeholder or reading its attributes raises an error."""

    name: str

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        raise not_covered(cls.name)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):  # such names are used to find out the kind of object
            raise AttributeError(name)
        raise not_covered(f"{cls.name}.{name}")


def refused(name: str, module: str = "wandb") -> Any:
    """Make a placeholder for a name that is not covered.

    The placeholder can be imported. No value is an instance of it, and classes can inherit from it. Any use of it
    raises `NotCovered`. The placeholder of an error can stand in an `except` clause, but is never raised.
    """
    if name.endswith(("Error", "Exception", "Warning")):
        return type(name, (WandbLoggingError,), {"__module__": module})
    about = {"name": f"{module}.{name}", "__module__": module, "__doc__": "Not covered by `wandb_logging.compat`."}
    return _Refusing(name, (), about)
