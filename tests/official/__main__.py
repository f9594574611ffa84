"""The official SDK's own system tests, run with it and with `compat` in its place: how many pass, and why not the rest.

    python -m tests.official CHECKOUT            a checkout of the official SDK's repository
    python -m tests.official CHECKOUT --write    and the table in docs/reference/compat.md

Needs what these tests import besides: fastapi httpx pytest-asyncio pytest-mock pytest-timeout responses pyte bokeh
boto3 google-cloud-storage. A test that does not pass with the official SDK against our `LocalServer` is not counted.
"""

from __future__ import annotations

import argparse
import ast
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

from tests.written import Passage
from wandb_logging.compat._install import FOLDER

HERE = Path(__file__).parent
PART = Passage("reference/compat.md", "system tests")
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

# Kinds of failures. The first are of what stays out.
PRINTED = "looks at what the official SDK prints, or replaces how it prints"
INSIDES = "imports or replaces the insides of the official SDK"
SHELL = "runs the official SDK's command line"
FILES = "looks for files where the official SDK has them"
NUMBERS = "wants the numbers with which the official SDK reports on itself"
MADE_UP = "makes up the server's answer to a question in the official SDK's own words"
SERVICES = "asks for reports, sweeps, launch, registries, teams or users"
STAYS_OUT = (INSIDES, PRINTED, SHELL, FILES, NUMBERS, MADE_UP, SERVICES)
OTHER = "other"

# What is left of a failure, and the kind it is: the first pattern that is found counts.
KINDS = {
    r"fixture '(emulated_terminal|mock_wandb_log)'|wandb\.errors\.term|mock_wandb_log|termlog|capsys": PRINTED,
    r"is an inside of the official SDK|_service_api|init_boto|wandb\.(proto|sdk)[.\w]* is not covered": INSIDES,
    r"wandb[.\w]*\.?cli|CliRunner": SHELL,
    r"No module named 'wandb|cannot import name": INSIDES,
    r"wandb\.(sdk|apis|util|proto|env|errors)[.\w]*\.\w+ is not covered": INSIDES,
    r"has no attribute '_|\._\w+ is not covered|AttributeError: _\w+|'FakeArtifact'": INSIDES,
    r"FileNotFoundError|diff_?\w*\.patch|/files'|latest-run|wandb/offline|'wandb'\)|/wandb\b.*isdir": FILES,
    r"Settings\.(resume_fname|sync_file|log_\w+|sync_symlink\w*|files_dir) is not covered|settings_system": FILES,
    r"telemetry|\['t'\]|\.get\('3'|assert \{\} == \{'\d'|assert None == 'my_id'": NUMBERS,
    r"Api\(\)\.(\w*sweep|job|list_jobs|\w*run_queue|queued_run|report|\w*regist\w+|\w*automation|\w*team|\w*user"
    r"|organization|integrations|from_path|viewer|project\(\)\.sweep)\w* is not covered": SERVICES,
    r"is not covered by wandb_logging.compat": "uses another name that is refused",
    r"DID NOT RAISE": "wants an error, which comes later here, when the run is sent, or never",
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
    return OTHER


def making_up(checkout: Path) -> set[str]:
    """The names of the tests that make up answers of the server, by themselves or with a fixture for that."""
    found = set()
    for path in (checkout / "tests" / "system_tests").rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        for node in functions:
            if re.search(r"\bstub_\w+|parquet", ast.get_source_segment(text, node) or ""):
                found.add(node.name)
    return found


def left_out(checkout: Path) -> dict[str, int]:
    """The folders of tests that are not run here, and how many tests each has."""
    folders = (path for path in (checkout / "tests" / "system_tests").glob("test_*") if path.is_dir())
    tests = {
        folder.name: sum(
            len(re.findall(r"^\s*(?:async )?def test_", path.read_text(encoding="utf-8"), re.MULTILINE))
            for path in folder.rglob("*.py")
        )
        for folder in folders
        if folder.name not in FOLDERS
    }
    return dict(sorted(tests.items()))


def write(total: int, kinds: Mapping[str, str], version: str, others: Mapping[str, int]) -> None:
    """Put the figures into the page.

    Args:
        total: how many tests pass with the official SDK.
        kinds: of those that fail with `compat`, the kind of each.
        version: of the official SDK.
        others: folders that are not run, and how many tests each has.
    """
    counts = collections.Counter(kinds.values())
    out = sum(counts[kind] for kind in STAYS_OUT)
    passed, today = total - len(kinds), dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    lines = [
        f"Of {total} tests that pass with the official SDK {version}, {passed} pass with `compat` ({today}).",
        f"{out} are about what stays out. Of the other {total - out}, {passed} pass: {passed / (total - out):.0%}.",
        "",
    ]
    for about, wanted in (("about what stays out", True), ("about what is covered", False)):
        lines += [f"| tests {about} | why they do not pass |", "|---:|---|"]
        lines += [f"| {count} | {kind} |" for kind, count in counts.most_common() if (kind in STAYS_OUT) == wanted]
        lines.append("")
    named = ", ".join(f"`{name}` ({count})" for name, count in others.items())
    lines.append(f"Not run, with the number of functions that are tests: {named}.")
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
    made_up = making_up(asked.checkout)
    kinds = {name: kind_of(failure) for name, failure in failed.items()}
    for name, kind in kinds.items():
        if kind == OTHER and name.partition("::")[2].partition("[")[0] in made_up:
            kinds[name] = MADE_UP
    for name, failure in failed.items():
        last = [line for line in failure.splitlines() if line.startswith("E  ")][-1:]
        print(f"{name}: {kinds[name]}: {''.join(last)}")
    print(f"{len(passed) - len(failed)} of {len(passed)}")
    if asked.write:
        write(len(passed), kinds, importlib.metadata.version("wandb"), left_out(asked.checkout))
    return 0


if __name__ == "__main__":
    sys.exit(main())
