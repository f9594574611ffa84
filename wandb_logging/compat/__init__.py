"""The official SDK's names on top of this package: `import wandb_logging.compat as wandb` runs an existing script.

What is here takes the official SDK's arguments and does what the official SDK does. Anything that is not covered says
so by its name: with an error when it is used, or, for an argument of `init` or a setting, in one warning. Five things
differ on purpose:

- Without an API key `init` writes the run to disk, for `wandb-logging sync`, instead of asking or failing.
- `init` does not wait for the server, unless the run has to continue an earlier one. What only the server knows
  (`run.url`, `run.entity`, and `run.name` if none was given) is requested when it is first used. That use waits once,
  at most `init_timeout` seconds.
- A row with a step lower than the current one is not dropped: see the setting `late_steps`.
- System metrics are measured if the extra `wandb-logging[system]` is installed.
- A value that cannot be sent is left out with a warning; the rest of its row is sent.

Other software that imports `wandb` finds this module after `wandb_logging.compat.install()`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from wandb_logging.compat import _active, _finder
from wandb_logging.compat._refused import not_covered, refused
from wandb_logging.compat._shape import HOMES, REFUSED, VERSION

if TYPE_CHECKING:
    from wandb_logging._errors import WandbLoggingError as Error
    from wandb_logging._events.alerts import AlertLevel
    from wandb_logging._media.audio import Audio
    from wandb_logging._media.classes import Classes
    from wandb_logging._media.graph import Graph
    from wandb_logging._media.histogram import Histogram
    from wandb_logging._media.html import Html
    from wandb_logging._media.image import Image
    from wandb_logging._media.joined import JoinedTable
    from wandb_logging._media.molecule import Molecule
    from wandb_logging._media.object3d import Object3D, box3d
    from wandb_logging._media.plotly import Plotly
    from wandb_logging._media.table import Table
    from wandb_logging._media.video import Video
    from wandb_logging._reading.summary import Summary
    from wandb_logging.compat import _plot as plot, _util as util
    from wandb_logging.compat._api import Api, restore
    from wandb_logging.compat._artifact import Artifact
    from wandb_logging.compat._config import Config
    from wandb_logging.compat._functions import (
        alert,
        define_metric,
        finish,
        finish as join,
        link_model,
        log,
        log_artifact,
        log_model,
        mark_preempting,
        save,
        unwatch,
        use_artifact,
        use_model,
        watch,
    )
    from wandb_logging.compat._init import init, login
    from wandb_logging.compat._install import install, uninstall
    from wandb_logging.compat._plot import plot_table, visualize
    from wandb_logging.compat._run import Run
    from wandb_logging.compat._settings import Settings
    from wandb_logging.compat._ttl import ArtifactTTL
    from wandb_logging.compat._util import (
        ensure_configured,
        require,
        setup,
        teardown,
        termerror,
        termlog,
        termsetup,
        termwarn,
    )

    CommError = UsageError = Error

    run: Run | None
    config: Config
    summary: Summary

__version__ = VERSION  # version of the official SDK that this stands for, as frameworks ask for it

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "ArtifactTTL",
    "Audio",
    "Classes",
    "CommError",
    "Config",
    "Error",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "JoinedTable",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Table",
    "UsageError",
    "Video",
    "__version__",
    "alert",
    "box3d",
    "config",
    "define_metric",
    "ensure_configured",
    "finish",
    "init",
    "install",
    "join",
    "link_model",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "mark_preempting",
    "plot",
    "plot_table",
    "require",
    "restore",
    "run",
    "save",
    "setup",
    "summary",
    "teardown",
    "termerror",
    "termlog",
    "termsetup",
    "termwarn",
    "uninstall",
    "unwatch",
    "use_artifact",
    "use_model",
    "util",
    "visualize",
    "watch",
]


class _Module(ModuleType):
    """The module `wandb`, with two names that can be set. Without this class the assignments would be lost."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "config" and _active.current() is not None:
            getattr(self, name).update(value)
        elif name == "config":
            _finder.load(HOMES["Config"], "config_values")(value)  # raises if it cannot be one
            _active.keep_config(value)
        elif name in {"run", "summary"}:
            raise AttributeError(f"wandb.{name} cannot be set; wandb.init() does")
        else:
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name == "run":
        return _active.current()
    if name in {"config", "summary"}:
        run = _active.current()
        if run is None:
            return _active.early_config() if name == "config" else _active.Early("wandb.summary")
        return getattr(run, name)
    if name in HOMES:
        value = _finder.load(HOMES[name], name)
    elif name in REFUSED:
        value = refused(name)
    elif not name.startswith("_") and _finder.is_module(f"{__name__}.{name}"):
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise not_covered(f"wandb.{name}", [known for known in __all__ if not known.startswith("_")])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


sys.modules[__name__].__class__ = _Module
_finder.add()
