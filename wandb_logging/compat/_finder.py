"""Finds the official SDK's modules as `wandb_logging.compat.sdk.wandb_run` and, after `install`, as `wandb.sdk`.

Each module is made when it is imported, from the table in `_shape` or from the list of refused names in `_names`. Both
names give the same module, so that a class is the same class whichever name was imported.
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
    """Load the object for an entry of the table: see `_shape`."""
    module, _, other = home.partition(":")
    return getattr(importlib.import_module(f"{_PACKAGE}.{module}"), other or name)


def is_module(name: str) -> bool:
    """Whether the official SDK has the module that corresponds to this name of ours."""
    return name in MODULES or (name.startswith(f"{_ROOT}.") and name[len(_ROOT) + 1 :] in refused_in())


def homes_in(module: str) -> dict[str, str]:
    """Where the names of a module are defined. If the table lacks the module, the names known for its package."""
    if module in MODULES:
        return MODULES[module]
    package, _, _ = module.rpartition(".")
    known, names = MODULES.get(package, {}), refused_in().get(module[len(_ROOT) + 1 :], ())
    return {name: home for name, home in known.items() if name in names}


class _Shaped(ModuleType):
    """A module whose names are loaded on first use."""

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
        # Importing `wandb.plot.line` puts the module in the place of the function `line`. As there, the function stays.
        if not (isinstance(value, ModuleType) and name in MODULES.get(self.__name__, ())):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *homes_in(self.__name__)})


class _OfTable(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Shaped(spec.name, "Names of the official SDK that have a home in `wandb_logging.compat`.")

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing, because all names are loaded on first use."""


class _SameModule(Loader):
    """Returns an existing module under another name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        del spec
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # importlib has replaced it


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module for the import system."""
        del path, target
        if is_module(fullname):
            return ModuleSpec(fullname, _OfTable(), is_package=True)
        name = _ROOT + fullname[len("wandb") :]
        if fullname.startswith("wandb.") and is_module(name) and sys.modules.get("wandb") is sys.modules.get(_ROOT):
            return ModuleSpec(fullname, _SameModule(name), is_package=True)
        return None


def add() -> None:
    """Add this finder to the import system, after all others."""
    if not any(type(finder).__module__ == __name__ for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
