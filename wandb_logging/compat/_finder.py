"""Finds the official SDK's modules: `wandb_logging.compat.sdk.wandb_run`, and where we are `wandb`, `wandb.sdk`.

Each is made from the table in `_shape` when it is imported, or from the list of names that are refused, in `_names`.
Under both names it is the same module, so that a class is the same class however it was reached.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from wandb_logging.compat._names import refused_in
from wandb_logging.compat._refused import not_covered, refused
from wandb_logging.compat._shape import MODULES as SHAPE

_ROOT = __package__ or "wandb_logging.compat"
_PACKAGE = _ROOT.partition(".")[0]
MODULES = {f"{_ROOT}.{name}": homes for name, homes in SHAPE.items()}


def load(home: str, name: str) -> Any:
    """What is at home there: see `_shape`."""
    module, _, other = home.partition(":")
    return getattr(importlib.import_module(f"{_PACKAGE}.{module}"), other or name)


def is_module(name: str) -> bool:
    """Whether the official SDK has a module of that name, which begins with ours."""
    return name in MODULES or (name.startswith(f"{_ROOT}.") and name[len(_ROOT) + 1 :] in refused_in())


def homes_in(module: str) -> dict[str, str]:
    """Where the names of a module are at home; of one that the table does not have, those its package is known for."""
    if module in MODULES:
        return MODULES[module]
    package, _, _ = module.rpartition(".")
    known, names = MODULES.get(package, {}), refused_in().get(module[len(_ROOT) + 1 :], ())
    return {name: home for name, home in known.items() if name in names}


class _Shaped(ModuleType):
    """A module whose names are loaded when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        homes = homes_in(self.__name__)
        place = self.__name__[len(_ROOT) + 1 :]
        if name in homes:
            value = load(homes[name], name)
        elif name.startswith("__"):
            raise AttributeError(name)
        elif is_module(f"{self.__name__}.{name}"):
            value = importlib.import_module(f"{self.__name__}.{name}")
        elif name in refused_in().get(place, ()):
            value = refused(name, f"wandb.{place}")
        else:
            raise not_covered(f"wandb.{place}.{name}", homes)
        vars(self)[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # Who imports `wandb.plot.line` has the module put here as `line`, where the function is: it stays, as there.
        if not (isinstance(value, ModuleType) and name in MODULES.get(self.__name__, ())):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *homes_in(self.__name__)})


class _OfTable(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Shaped(spec.name, "Names of the official SDK that have a home in `wandb_logging.compat`.")

    def exec_module(self, module: ModuleType) -> None:
        """Everything comes when it is asked for."""


class _SameModule(Loader):
    """Gives the module that there is, under another name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        del spec
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # which importlib has replaced


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As the import system asks."""
        del path, target
        if is_module(fullname):
            return ModuleSpec(fullname, _OfTable(), is_package=True)
        name = _ROOT + fullname[len("wandb") :]
        if fullname.startswith("wandb.") and is_module(name) and sys.modules.get("wandb") is sys.modules.get(_ROOT):
            return ModuleSpec(fullname, _SameModule(name), is_package=True)
        return None


def add() -> None:
    """Have the import system ask, after all others."""
    if not any(type(finder).__module__ == __name__ for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
