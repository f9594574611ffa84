"""What stands for the insides of the official SDK in its own tests: a test fails where it uses one, not its whole file.

`python -m tests.official` puts this beside these tests when they are run with `compat`. A file names what it needs at
its top; without this, one inside would count with all the tests of the file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

# What is counted with where a file is loaded.
CONSTANTS = {"NAME_MAXLEN": 128, "RESERVED_ARTIFACT_TYPE_PREFIX": "wandb-"}


class Inside(type):
    """The type of what stands for a name."""

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"{cls.__module__}.{cls.__name__} is an inside of the official SDK")

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(f"{cls.__module__}.{cls.__name__}.{name} is an inside of the official SDK")


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name.endswith("Error"):
            return type(name, (Exception,), {"__module__": self.__name__})
        return Inside(name, (), {"__module__": self.__name__})


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        name = fullname.rpartition(".")[2]
        of_theirs = fullname.startswith("wandb.") and name == name.lower()  # a class is no module
        return ModuleSpec(fullname, self, is_package=True) if of_theirs else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Everything comes when it is asked for."""


def stand_in() -> None:
    """Have the import system find them, after all others."""
    sys.meta_path.append(_Finder())
