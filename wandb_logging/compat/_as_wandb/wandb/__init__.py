"""`wandb` for processes whose path begins with the folder above: it is `wandb_logging.compat`.

Where this Python cannot import that (it is another environment, which has inherited the path), `wandb` is what this
Python would have found without us.
"""

import importlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path

_HERE = str(Path(__file__).parent.parent)

try:
    _module = importlib.import_module("wandb_logging.compat")
except ImportError:
    _spec = importlib.machinery.PathFinder.find_spec(__name__, [part for part in sys.path if part != _HERE])
    if _spec is None or _spec.loader is None:
        raise
    _module = importlib.util.module_from_spec(_spec)
    sys.modules[__name__] = _module
    _spec.loader.exec_module(_module)
sys.modules[__name__] = _module
