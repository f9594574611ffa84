# mypy: ignore-errors
# (Every Python program of a run imports this at its start: no typing.)
"""Runs when a Python program starts that `wandb-logging run` has started: see `wandb_logging._supervise.join`.

Python imports a module of this name by itself. If this module hides another `sitecustomize`, it imports that one, too.
Nothing else is imported before the program logs metrics. Every Python has to be able to read this module, also those
that are too old for this package: Python 2 among them.
"""

import os
import sys

try:
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec
except ImportError:  # Python 2
    PathFinder = None

# Settings with which also records without metrics of their own have something for the run.
_ABOUT_ALL = ("dict_message", "dict_args", "alert_level", "text_metrics", "text_format")
_HERE = os.path.dirname(os.path.abspath(__file__))


def _import_hidden():
    folders = [part for part in sys.path if os.path.abspath(part or ".") != _HERE]
    if PathFinder is None:
        _import_in_python_2(folders)
        return
    spec = PathFinder.find_spec("sitecustomize", folders)
    if spec is not None and spec.loader is not None:
        sys.modules[__name__] = module = module_from_spec(spec)  # it is the one that the program imports
        spec.loader.exec_module(module)


def _import_in_python_2(folders):
    import imp

    try:
        found = imp.find_module("sitecustomize", folders)
    except ImportError:
        return
    imp.load_module("sitecustomize", *found)


class _WhenLogging:
    """Waits until the program imports `logging`."""

    def find_spec(self, name, path=None, target=None):
        """Find the module as usual, and arrange for `_hook` to see it once it is loaded."""
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = _and_then_hook(spec.loader.exec_module)
        return spec


def _and_then_hook(execute):
    def execute_and_hook(module):
        execute(module)
        _hook(module)

    return execute_and_hook


def _hook(logging):
    """Give each record that reaches the root logger to the run. No handler is added: programs look at those."""
    call_handlers = getattr(getattr(logging, "Logger", None), "callHandlers", None)
    if call_handlers is None:  # a module of the program's own that has this name
        return
    key = os.environ.get("WANDB_LOGGING_METRICS_KEY") or "metrics"
    every = any('"' + name + '": ' in os.environ["WANDB_LOGGING_RUN"] for name in _ABOUT_ALL)
    found = []

    def take(logger, record):
        if not ((every or _has_metrics(record, key)) and _reaches_root(logger)):
            return False
        if not found:
            found.append(_taker())
        if found[0] is not None:
            found[0](record)
        return True

    def take_and_call_handlers(self, record):
        taken = take(self, record)  # first: a handler may hand it to another process, which asks whether we have it
        call_handlers(self, record)
        if not taken and record.__dict__.get(key) is not None:  # a filter of a handler has added it
            take(self, record)

    logging.Logger.callHandlers = take_and_call_handlers


def _has_metrics(record, key):
    """Whether `_records.snapshot` would find metrics: also where loguru and structlog put them."""
    attributes = record.__dict__
    if attributes.get(key) is not None:
        return True
    if "extra" in attributes and _holds(attributes["extra"], key):
        return True
    message = attributes.get("msg")
    return type(message) is not str and _holds(message, key)


def _holds(what, key):
    return isinstance(what, dict) and what.get(key) is not None


def _reaches_root(logger):
    while logger.parent is not None:
        if not logger.propagate:
            return False
        logger = logger.parent
    return True


def _taker():
    try:
        from wandb_logging._supervise.join import taker
    except ImportError as exc:
        why = "has no wandb_logging" if _is_of("wandb_logging", exc) else "cannot import wandb_logging, " + str(exc)
    except Exception as exc:  # a SyntaxError if it is there, but for newer Pythons; or what another package raises
        why = "cannot import wandb_logging, " + type(exc).__name__ + ": " + str(exc)
    else:
        return taker()
    words = "wandb-logging: %s %s: what it logs as metrics is not in the run\n"
    sys.stderr.write(words % (sys.executable, why))
    return None


def _is_of(package, exc):
    return (getattr(exc, "name", None) or "").partition(".")[0] == package


if os.environ.get("WANDB_LOGGING_RUN") and PathFinder is not None:
    if "logging" in sys.modules:
        _hook(sys.modules["logging"])
    else:
        sys.meta_path.insert(0, _WhenLogging())
_import_hidden()
