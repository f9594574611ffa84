"""The names and settings of the official SDK, as `compat` and the docs list them, held to the installed one."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

from tests.contract import names
from wandb_logging.compat._names import FILE
from wandb_logging.compat._official_settings import DEFAULTS, UNSET
from wandb_logging.compat._shape import HOMES, MODULES, VERSION

OLDER = {"generate_id"}  # names of older versions, which programs still use
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.contract

# Modules that are found here under names by which the official SDK loads them late, or loaded them once.
ALIASES = {"catboost", "keras", "lightgbm", "sklearn", "tensorboard", "xgboost"}


def test_the_table_in_the_docs_is_so() -> None:
    """`python -m tests.contract.names --write` makes it."""
    command = [sys.executable, "-m", "tests.contract.names"]  # afresh: what is imported shows as names of it
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300).stdout
    assert made.strip() in names.PART.text


def test_the_list_of_refused_names_is_so() -> None:
    """`compat/names.txt` has the modules of the installed SDK, with the names in each: the same command writes it."""
    listed = FILE.read_text(encoding="utf-8").splitlines()
    installed = names.listing().splitlines()
    assert sorted({*installed} ^ {*listed}) == []
    assert listed == installed


def test_what_has_a_home_is_a_name_there() -> None:
    """Nothing is offered under a name that the official SDK has not, but what puts us into its place."""
    import wandb

    assert wandb.__version__ == VERSION
    assert {name for name in HOMES if not hasattr(wandb, name)} == {"install", "uninstall"}


def test_modules_are_modules_there() -> None:
    """So are the names in them."""
    for module, homes in MODULES.items():
        if module in ALIASES or module.startswith("integration."):
            continue  # they import frameworks
        theirs = importlib.import_module(f"wandb.{module}")
        assert {name for name in homes if not hasattr(theirs, name)} <= OLDER, module


def test_integrations_are_modules_there() -> None:
    """By their files."""
    import wandb

    for module in MODULES:
        if module.startswith("integration."):
            place = Path(wandb.__path__[0], *module.split("."))  # not imported: that needs the framework
            assert place.is_dir() or place.with_suffix(".py").is_file(), module


def test_settings_are_those_of_the_official_sdk() -> None:
    """All names, and the defaults that are the same for everybody."""
    from wandb.sdk.wandb_settings import Settings

    fields = Settings.model_fields
    assert {*DEFAULTS, *UNSET} == set(fields)
    plain = (bool, int, float, str, tuple)
    theirs = {name: field.default for name, field in fields.items() if isinstance(field.default, plain)}
    differing = {name for name, value in theirs.items() if name in DEFAULTS and DEFAULTS[name] != value}
    assert differing <= {"base_url"}  # which is one company's or another's
