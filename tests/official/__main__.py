"""The official SDK's own system tests, run with it and with `compat` in its place: how many pass, and why not the rest.

    python -m tests.official CHECKOUT            a checkout of the official SDK's repository
    python -m tests.official CHECKOUT --write    and the table in docs/reference/compat-figures.md

Needs what these tests import besides: fastapi httpx pytest-asyncio pytest-mock pytest-timeout responses pyte bokeh
boto3 google-cloud-storage. A test that does not pass with the official SDK against our `LocalServer` is not counted.
"""

from __future__ import annotations

import argparse
import collections
import datetime as dt
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.written import Part
from wandb_logging.compat._install import FOLDER

HERE = Path(__file__).parent
PART = Part("reference/compat-figures.md", "system tests")
FOLDERS = ("test_core", "test_artifacts", "test_api", "test_plot.py")  # of sweeps, launch, registries: not covered here
OPTIONS = """[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
timeout = 60
markers =
    flaky
    skip_wandb_core
    wandb_core_only
addopts = -p no:randomly -p no:wandb_logging -p no:cacheprovider -q --tb=short --continue-on-collection-errors
"""

# What is left of a failure, and the kind it is: the first pattern that is found counts.
KINDS = {
    r"fixture '(emulated_terminal|mock_wandb_log)'|wandb\.errors\.term|mock_wandb_log|termlog|capsys": (
        "looks at what the official SDK prints, or replaces how it prints"
    ),
    r"is an inside of the official SDK|_service_api|init_boto|wandb\.(proto|sdk)[.\w]* is not covered": (
        "imports or replaces the insides of the official SDK"
    ),
    r"wandb[.\w]*\.?cli|CliRunner": "runs the official SDK's command line",
    r"No module named 'wandb|cannot import name|wandb\.(sdk|apis|util|proto|env|errors)[.\w]*\.\w+ is not covered": (
        "imports or replaces the insides of the official SDK"
    ),
    r"has no attribute '_|\._\w+ is not covered": "imports or replaces the insides of the official SDK",
    r"FileNotFoundError|diff_?\w*\.patch|/files'|latest-run": "looks for files where the official SDK has them",
    r"telemetry|\['t'\]|\.get\('3'": "wants the numbers with which the official SDK reports on itself",
    r"is not covered by wandb_logging.compat": "uses a name that is refused",
    r"DID NOT RAISE": "wants an error, which comes later here, when the run is sent, or never",
    r"assert \{\} == \{'\d'|assert None == 'my_id'": "wants the numbers with which the official SDK reports on itself",
    r"<Artifact|'str' object has no attribute 'id'": "puts an artifact into the config, which is a text here",
}


def run_with(client: str, checkout: Path, only: Iterable[str] | None) -> dict[str, str]:
    """Run the tests with a client: name -> what failed, empty if it passed."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        tests = Path(folder, "tests")
        shutil.copytree(checkout / "tests", tests)
        shutil.copy(HERE / "conftest_of_theirs.py", tests / "conftest.py")
        shutil.copy(HERE / "insides.py", folder)
        for below in ("", "test_artifacts"):
            (tests / "system_tests" / below / "conftest.py").write_text("", encoding="utf-8")
        Path(folder, "pytest.ini").write_text(OPTIONS, encoding="utf-8")
        report, chosen = Path(folder, "report.xml"), Path(folder, "only.txt")
        path = [FOLDER, folder] if client == "compat" else [folder]
        given = {"PYTHONPATH": os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
        if only is not None:
            chosen.write_text("\n".join(only), encoding="utf-8")
            given["ONLY"] = str(chosen)
        paths = [f"tests/system_tests/{name}" for name in FOLDERS]
        command = [sys.executable, "-m", "pytest", f"--junitxml={report}", *paths]
        subprocess.run(command, cwd=folder, env={**os.environ, **given}, check=False, stdout=subprocess.DEVNULL)
        return read(report)


def read(report: Path) -> dict[str, str]:
    """What a report says: name -> what failed, empty if it passed. Skipped ones are left out."""
    found = {}
    for test in ET.parse(report).iter("testcase"):
        name = f"{test.get('classname')}::{test.get('name')}"
        failed = [part for part in test if part.tag in {"failure", "error"}]
        if not any(part.tag == "skipped" for part in test):
            found[name] = "\n".join(f"{part.get('message')}\n{part.text}" for part in failed)
    return found


def kind_of(failure: str) -> str:
    """What kind of failure it is."""
    errors = "\n".join(line for line in failure.splitlines() if line.startswith("E  ")) or failure
    for text in (errors, failure):
        for pattern, kind in KINDS.items():
            if re.search(pattern, text):
                return kind
    return "other"


def write(total: int, failed: Mapping[str, str], version: str) -> None:
    """Put the figures into the page."""
    counts = collections.Counter(kind_of(failure) for failure in failed.values())
    today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    said = f"Of {total} tests that pass with the official SDK {version}, {total - len(failed)} pass with `compat`"
    lines = [f"{said} ({today}). The others, by kind:", "", "| tests | why not |", "|---:|---|"]
    lines += [f"| {count} | {kind} |" for kind, count in counts.most_common()]
    PART.write("\n".join(lines))


def main() -> int:
    """Run them, print what fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    theirs = run_with("official", asked.checkout, None)
    passed = [name for name, failure in theirs.items() if not failure]
    ours = run_with("compat", asked.checkout, passed)
    # A file that cannot be imported has no tests in the report: all of them have failed.
    failed = {name: ours.get(name, "No module named 'wandb") for name in passed if ours.get(name, "-")}
    for name, failure in failed.items():
        last = [line for line in failure.splitlines() if line.startswith("E  ")][-1:]
        print(f"{name}: {kind_of(failure)}: {''.join(last)}")
    print(f"{len(passed) - len(failed)} of {len(passed)}")
    if asked.write:
        write(len(passed), failed, importlib.metadata.version("wandb"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
