"""cursor.json: what an uploader writes is taken, what it could not have written is as good as lost."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.robustness.ground import MemoryServer, drain
from tests.runs import START, make_run, row
from wandb_logging._journal.cursor import Cursor, is_cursor

if TYPE_CHECKING:
    from pathlib import Path

EVENTS: list[dict[str, Any]] = [
    {"define": {"name": "n", "step_metric": "s", "step_sync": True, "summary": ["max", "mean"]}, "t": START},
    {"define": {"name": "x*"}, "t": START},
    row(1, step=3),
    {"output": "a\rb\nc\x1b[A", "error": True, "t": START},
    {"run": {"name": "a", "tags": ["b"], "notes": None}, "t": START},
    {"summary": {"n": 3}, "t": START},
    {"alert": {"title": "a", "text": "b", "level": "INFO", "wait": 60}, "t": START},
    {"file": {"name": "a.txt", "path": "files/a.txt"}, "t": START},
    {"metrics": {"late": 1}, "step": 1, "t": START},
    {"metrics": {"open": 1}, "step": 9, "t": START},
]


class Refusing(MemoryServer):
    """Takes rows and nothing else."""

    def graphql(self, document: str, variables: Any, **options: Any) -> dict[str, Any]:
        return super().graphql(document, {"name": "r", "project": "p", **variables}, **options)


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Any]:
    """What an uploader writes that comes to nearly everything there is."""
    run_dir = make_run(tmp_path, EVENTS)
    drain(run_dir, Refusing())
    cursor = json.loads((run_dir.path / "cursor.json").read_bytes())
    assert cursor["state"]["screen"]["lines"]
    assert cursor["state"]["aggregates"]
    return run_dir.cursor.to_json()


def test_what_is_written_is_taken(written: dict[str, Any]) -> None:
    """And what a later version adds is left alone."""
    assert is_cursor({**written, "new": 1})
    assert Cursor.from_json({**written, "new": 1}).to_json() == written


def places(tree: Any, *path: Any) -> list[tuple[Any, ...]]:
    """The paths of all that is checked: what people named is theirs."""
    if path[-1:] in {("config",), ("summary",), ("run",), ("open",), ("uploads",)} or not isinstance(
        tree, (dict, list)
    ):
        return [path]
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return [path, *(place for key, value in items for place in places(value, *path, key))]


def test_where_something_is_of_another_type_it_is_not(written: dict[str, Any]) -> None:
    """Whatever it is: the lines after it would come to wrong offsets, or to none."""
    # Of these any value does, or null as well as what is there.
    free = {"complete", "hidden", "step_sync", "first", "last", "pushed_config", "pushed_run"}
    for path in places(written):
        if not path or free.intersection(map(str, path)) or path[0] not in {"position", "state", "tasks", "uploaded"}:
            continue
        changed = copy.deepcopy(written)
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = object()
        assert not is_cursor(changed), path


def test_a_position_without_counts_is_none(written: dict[str, Any]) -> None:
    """It would put lines where others are."""
    assert not is_cursor({"position": written["position"]})
    assert is_cursor({"position": None})
