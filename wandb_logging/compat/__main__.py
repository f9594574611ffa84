"""Prints what a program's `PYTHONPATH` has to begin with for `import wandb` to find this package."""

from wandb_logging.compat._install import FOLDER

print(FOLDER)  # noqa: T201  what it is for
