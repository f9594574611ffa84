"""Prints the folder that must come first in a program's `PYTHONPATH`, so that `import wandb` finds this package."""

from wandb_logging.compat._install import FOLDER

print(FOLDER)  # noqa: T201  this output is its purpose
