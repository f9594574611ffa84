"""Names from the user and from the server cannot leave the run directory, or the folder of a download."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from tests.examples import at_most
from wandb_logging import Histogram, Html, LogError, SettingsError, new_run
from wandb_logging._artifacts.download import targets_of
from wandb_logging._artifacts.manifest import Entry, Manifest
from wandb_logging._errors import GraphQLError
from wandb_logging._journal.names import safe_name
from wandb_logging._settings.settings import Settings

# What has led out of folders elsewhere: parents, roots, drives, devices, NULs, and what only looks like a separator.
PARTS = st.one_of(
    st.sampled_from(
        ["..", ".", "", "/", "\\", "a", "C:", "c:", "\0", "NUL", "CON", "COM1", "aux.txt", "a.", "a ", "~"]
    ),
    st.sampled_from(
        ["\u2025", "\uff0e\uff0e", "\u2044", "\u2215", "%2e%2e", "..\0", "a:b", "*", "\n", "\x1b", "\ud800"]
    ),
    st.text(max_size=5),
)
HOSTILE = st.lists(PARTS, min_size=1, max_size=6).flatmap(
    lambda parts: st.sampled_from(["/", "\\", "//", ""]).map(lambda between: between.join(parts))
)


def inside(folder: Path, name: str) -> bool:
    """As the operating system sees it, on this system and on Windows."""
    there = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118  joined as text: what a path makes of it
    return there.startswith(f"{folder}{os.sep}") and ".." not in name.replace("\\", "/").split("/")


@given(HOSTILE)
@example("a/../../b")
@example("C:\\x")
@example("./C:x")
def test_of_files(name: str) -> None:
    """upload_file and save take a name that stays in the run, or refuse it."""
    try:
        taken = safe_name(name)
    except LogError:
        return
    assert inside(Path("/run/files"), taken)
    assert not {"\0", "\\"}.intersection(taken)
    assert not taken.startswith("/")
    assert taken[1:2] != ":"


@given(st.one_of(HOSTILE, st.none(), st.integers()))
def test_of_runs_and_projects(name: Any) -> None:
    """Both are folders: each is one part of a path, or refused."""
    for key in ("run_id", "project"):
        try:
            taken = getattr(Settings.of({key: name}), key)
        except SettingsError:
            continue
        if taken is not None:
            assert inside(Path("/cache"), taken)
            assert "/" not in taken
            assert "\\" not in taken


@given(HOSTILE)
@example("\ud800")
@example("a" * 300)
def test_of_artifacts_on_the_server(name: str) -> None:
    """A manifest's names stay in the folder of the download, or nothing of it is fetched."""
    folder = Path("down").absolute()
    try:
        targets = targets_of(Manifest({name: Entry("1B2M2Y8AsgTpgAmY7PhCfg==", 0)}), folder)
    except GraphQLError:
        return
    assert all(target.resolve().is_relative_to(folder.resolve()) for target in targets.values())


@settings(max_examples=at_most(25))
@given(st.lists(HOSTILE, min_size=1, max_size=8))
def test_of_metrics_whose_values_are_files(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    """Whatever a metric is called, its file is below the run directory, and so is everything else."""
    place = tmp_path_factory.mktemp("names")
    cache = place / "deep" / "cache"
    with new_run("p", run_id="r", mode="offline", cache_dir=cache, quiet=True, standard_files=False) as run:
        for name in names:
            run.log({name: Html("<p>x</p>"), "fine": Histogram([1, 2])})
    assert all(path.is_relative_to(cache / "p" / "r") for path in place.rglob("*") if path.is_file())
    assert any(path.read_bytes().endswith(b"<p>x</p>") for path in cache.rglob("*.html")) or not any(names)
