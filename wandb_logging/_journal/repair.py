"""Repairs a damaged run directory so that it can be sent. Damaged files are kept, in the folder `repaired`."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError
from wandb_logging._events.run_info import FORMAT, Remote, RunInfo, problem
from wandb_logging._journal import safe_files
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.rundir import RunDir
from wandb_logging._values.plain import loads

KEPT = "repaired"  # folder for what is taken out of the way
_MEMBER = re.compile(r'^ "(\w+)": (.*?),?\n', re.MULTILINE)

# Where the lines of a run begin on the server that was new there, and what one must know of any.
_OF_A_NEW_RUN = {
    **dict.fromkeys(("history", "events", "output", "step"), 0),
    "runtime": 0.0,
    "config": {},
    "summary": {},
    "gzip": False,
}
_NEEDED_OF_SERVER = {"storage_id", "entity", "project", "name", "display_name", "structured", *_OF_A_NEW_RUN}


@dataclass(frozen=True)
class Repair:
    """A repair that is possible.

    Attributes:
        what: what it does, in words for a person.
        do: does it. Raises OSError if the disk refuses it.
    """

    what: str
    do: Callable[[], object]


def repairs(run_dir: RunDir) -> list[Repair]:
    """The repairs that are possible in a run directory that nobody uses; none if nothing is wrong. Changes nothing yet.

    Raises:
        OSError: a file in it cannot be read.
    """
    return [*_of_identity(run_dir), *_of_server(run_dir), *_of_cursors(run_dir), *_of_leftovers(run_dir)]


def _of_identity(run_dir: RunDir) -> Iterator[Repair]:
    path = run_dir.path / "run.json"
    found = _members(path)
    whole = safe_files.is_there(path.parent, path.name) and _is_object(path)
    if whole and (problem(found) is None or found.get("format", FORMAT) != FORMAT):
        return  # nothing is wrong with it, or another version wrote it
    info = rebuilt(found, _needed(run_dir))
    left_out = sorted(set(found) - set(info))
    note = f", without {', '.join(left_out)}" if left_out else ""
    said = f"make run.json from what is left of it{note}" if found else "make run.json from folder and journal"

    def do() -> None:
        _take_away(run_dir, path)
        run_dir.save_info(RunInfo.from_json(info))

    yield Repair(said, do)


def _needed(run_dir: RunDir) -> dict[str, Any]:
    """The members that each run.json must have, as folder and journal tell them."""
    try:
        start = run_dir.first_time_after(None)
    except (JournalError, OSError, ValueError, KeyError):
        start = None
    path = run_dir.path.absolute()
    return {"id": re.sub(r"\.\d+$", "", path.name), "project": path.parent.name, "start": start or 0.0}


def _members(path: Path) -> dict[str, Any]:
    """The members of a run.json that can be read; each has a line of its own."""
    try:
        text = safe_files.read(path.parent, path.name).decode("utf-8", "replace")
    except OSError:
        return {}
    try:
        whole = loads(text.encode())
    except ValueError:
        whole = None
    if isinstance(whole, dict):
        return whole
    found = {}
    for name, value in _MEMBER.findall(text):
        try:
            found[name] = json.loads(value)
        except ValueError:
            continue
    return found


def rebuilt(found: Mapping[str, Any], needed: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a new run.json: the members that it must have, and of those found the ones that are right."""
    info: dict[str, Any] = {"format": FORMAT, **needed}
    for name, value in found.items():
        if problem({**info, name: value}) is None:
            info[name] = value
    return info


def _is_object(path: Path) -> bool:
    """Whether a file holds one JSON object.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return isinstance(loads(safe_files.read(path.parent, path.name)), dict)
    except (ValueError, safe_files.NotOurs):
        return False


def _of_server(run_dir: RunDir) -> Iterator[Repair]:
    path = run_dir.path / "server.json"
    if not safe_files.is_there(path.parent, path.name) or _is_object(path):
        return
    known = _members(run_dir.path / "run.json")
    goes_on = known.get("resume") or known.get("rewind") or known.get("branch_point")
    server = {**({} if goes_on else _OF_A_NEW_RUN), **_members(path)}
    info = {"format": FORMAT, **_needed(run_dir), "server": server}
    if problem(info) is None and set(server) >= _NEEDED_OF_SERVER:

        def do() -> None:
            _take_away(run_dir, path)
            run_dir.save_server(Remote.from_json(server))

        yield Repair("make server.json from what is left of it", do)


def _of_cursors(run_dir: RunDir) -> Iterator[Repair]:
    cursor, base = run_dir.path / "cursor.json", run_dir.path / "base.json"
    whole = run_dir.load_cursor("cursor.json")
    has_base = run_dir.base != Cursor()
    if safe_files.is_there(run_dir.path, cursor.name) and whole == Cursor() and (has_base or not run_dir.has_base):
        again = "from base.json on" if run_dir.has_base else "from the start"
        said = f"take cursor.json away: lines go to the server again {again}, to the same places"
        yield Repair(said, partial(_take_away, run_dir, cursor))
    if safe_files.is_there(run_dir.path, base.name) and not has_base and whole != Cursor():

        def do() -> None:
            _take_away(run_dir, base, copy=True)
            run_dir.save_base(whole)

        yield Repair("make base.json from cursor.json", do)


def _of_leftovers(run_dir: RunDir) -> Iterator[Repair]:
    for path in sorted(run_dir.path.glob("*.tmp")):
        yield Repair(f"take {path.name} away: it was never finished", partial(_take_away, run_dir, path))


def _take_away(run_dir: RunDir, path: Path, *, copy: bool = False) -> None:
    """Keep a file under `repaired/`, beside what is there."""
    folder = run_dir.path / KEPT
    safe_files.make_folder(run_dir.path, KEPT)
    names = itertools.chain([path.name], (f"{path.name}.{number}" for number in itertools.count(2)))
    target = next(folder / name for name in names if not os.path.lexists(folder / name))
    if os.path.lexists(path):
        if copy:
            safe_files.replace(
                run_dir.path, f"{KEPT}/{target.name}", safe_files.read(run_dir.path, path.name), durable=False
            )
        else:
            path.replace(target)


def in_use(run_dir: RunDir) -> str | None:
    """Why a run directory must be left alone now; None if it need not."""
    try:
        with run_dir.uploading():
            return None if run_dir.dead() else "its process is still writing, or nobody can tell"
    except JournalError as exc:
        return str(exc)
