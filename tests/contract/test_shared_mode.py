"""W&B's shared mode: processes write one run, each from where it is, and share no disk.

First three of the official SDK, which say what the mode is; then ours, with `transport: shared`.
"""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.surroundings import without
from wandb_logging import sync
from wandb_logging._keys.keys import Session
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_logging.testing import StoredRun

if importlib.util.find_spec("wandb") is None:
    pytest.skip("the official SDK is not installed", allow_module_level=True)

pytestmark = pytest.mark.contract

# The first one ends the run, when the others have.
SCRIPT = """
import sys, wandb
number = int(sys.argv[1])
primary = number == 0
settings = wandb.Settings(
    mode="shared", x_label=f"node{number}", x_primary=primary, x_update_finish_state=primary, console="off"
)
with wandb.init(project="p", id="shared", config={f"of{number}": number, "of all": 1}, settings=settings) as run:
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(100):
        run.log({"who": number, "i": i})
    print("logged", flush=True)
    if primary:
        sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> LocalServer:
    """The server, after three of them have written one run."""
    with LocalServer() as running:
        folders = [tmp_path_factory.mktemp(f"node{number}") for number in range(3)]
        first, *others = [_start(running, number, folder) for number, folder in enumerate(folders)]
        for client in (first, *others):  # one that came when there were rows would count its own from there
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
        for client in (first, *others):
            assert client.stdin is not None
            client.stdin.write("go\n")
            client.stdin.flush()
        ends = [other.communicate(timeout=PATIENCE) for other in others]
        assert [other.returncode for other in others] == [0, 0], ends
        running.state_before = running.run("shared").state  # type: ignore[attr-defined]
        assert first.communicate("end\n", timeout=PATIENCE)[1] is not None
        assert first.returncode == 0
    return running


def _start(server: LocalServer, number: int, folder: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environment = {**without("WANDB_"), **server.env(), "WANDB_SILENT": "true"}
    command = [sys.executable, "-c", SCRIPT, str(number)]
    return subprocess.Popen(command, env=environment, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_every_row_of_each_is_there_once(server: LocalServer) -> None:
    """300 of 300, though each counts its lines from 0."""
    rows = sorted((row["who"], row["i"]) for row in server.run("shared").history)
    assert rows == [(who, i) for who in range(3) for i in range(100)]
    assert server.violations == []


def test_the_first_one_ends_it(server: LocalServer) -> None:
    """It goes on when the others have ended."""
    assert server.state_before == "running"  # type: ignore[attr-defined]
    assert server.run("shared").state == "finished"


def test_what_each_knows_of_the_config(server: LocalServer) -> None:
    """One's keys do not go when another sends its own."""
    assert server.run("shared").config == {"of0": 0, "of1": 1, "of2": 2, "of all": 1}


def test_lines_are_kept_apart_by_writer(server: LocalServer) -> None:
    """The server knows three of them."""
    clients = server.run("shared").clients
    assert sorted(len(client.lines["wandb-history.jsonl"]) for client in clients.values()) == [100, 100, 100]


# The first, without a label, is the primary one. Who is to stop in the middle has sent all but the latest row by then.
OURS = """
import logging, sys
from wandb_logging import WandbHandler
number, stops_at = int(sys.argv[1]), int(sys.argv[2])
handler = WandbHandler(
    project="p", run_id="shared", transport="shared", label=f"node{number}" if number else None,
    config={f"of{number}": number, "of all": 1}, flush_interval=0.2 if stops_at < 0 else 3600,
)
log = logging.getLogger("work")
log.setLevel("INFO")
log.addHandler(handler)
for i in range(100):
    if i == stops_at:
        handler.flush()
    log.info("row", extra={"metrics": {"who": number, "i": i}})
    if i == stops_at:
        print("there", flush=True)
        sys.stdin.readline()
if not number:
    handler.flush()
    print("logged", flush=True)
    sys.stdin.readline()
"""


def _begun(server: LocalServer, number: int, folder: Path, stops_at: int = -1) -> subprocess.Popen[str]:
    """A process of the run, in a folder of its own."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", OURS, str(number), str(stops_at)]
    environment = {**without("WANDB_", "SLURM_"), **server.env(), "WANDB_SILENT": "true"}
    return subprocess.Popen(command, env=environment, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def _ended(process: subprocess.Popen[str], said: str = "") -> None:
    """Wait until a process has ended well."""
    _, errors = process.communicate(said, timeout=PATIENCE)
    assert process.returncode == 0, errors


def _rows_of(run: StoredRun) -> list[tuple[int, int]]:
    """Who logged what, whatever label stands behind the names."""
    plain = [{re.sub("/l:.*", "", name): value for name, value in row.items()} for row in run.history]
    return sorted((row["who"], row["i"]) for row in plain)


EACH = [(who, i) for who in range(3) for i in range(100)]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Three write one run; a fourth is killed, and sent when that has ended; then comes a later run of the id."""
    folders = [tmp_path_factory.mktemp(f"node{number}") for number in range(4)]
    with LocalServer() as server:
        first, second, third, killed = [
            _begun(server, number, folders[number], 50 if number == 3 else -1) for number in range(4)
        ]
        assert killed.stdout is not None
        assert killed.stdout.readline() == "there\n"
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=PATIENCE)
        _ended(second)
        _ended(third)
        states = [server.run("shared").state]
        _ended(first, "end\n")
        states.append(server.run("shared").state)
        before = _rows_of(server.run("shared"))
        session = Session(server.api_key, server.url)
        reports = [sync(folders[3] / "wandb_cache", session=session) for _ in range(2)]
        states.append(server.run("shared").state)
        rows, files = _rows_of(server.run("shared")), dict(server.run("shared").files)
        clients = dict(server.run("shared").clients)
        again = _begun(server, 0, folders[0])
        assert again.stdout is not None
        assert again.stdout.readline() == "logged\n"
        states.append(server.run("shared").state)
        _ended(again, "end\n")
    return {
        "server": server,
        "states": states,
        "before": before,
        "rows": rows,
        "files": files,
        "clients": clients,
        "reports": reports,
    }


def test_ours_are_there_once(story: dict[str, Any]) -> None:
    """300 of 300, and what the killed one had sent."""
    assert [row for row in story["before"] if row[0] < 3] == EACH
    assert story["server"].violations == []


def test_a_killed_one_is_finished_by_sync(story: dict[str, Any]) -> None:
    """Its last row, too; a second `sync` sends nothing twice."""
    assert story["before"].count((3, 50)) == 0
    assert story["rows"] == [*EACH, *((3, i) for i in range(51))]
    assert [[report.error for report in reports] for reports in story["reports"]] == [[None], [None]]


def test_only_the_primary_one_ends_it(story: dict[str, Any]) -> None:
    """It goes on when others end, and what comes of them later does not begin it anew; a later run of the id does."""
    assert story["states"] == ["running", "finished", "finished", "running"]
    assert story["server"].run("shared").state == "finished"


def test_a_later_run_of_the_id(story: dict[str, Any]) -> None:
    """Its rows come behind those that are there, though it counts its lines from 0."""
    rows = _rows_of(story["server"].run("shared"))
    assert rows == sorted([*story["rows"], *((0, i) for i in range(100))])


def test_ours_keep_the_config_of_others(story: dict[str, Any]) -> None:
    """One's keys do not go when another sends its own."""
    assert story["server"].run("shared").config == {"of0": 0, "of1": 1, "of2": 2, "of3": 3, "of all": 1}


def test_names_have_the_label_of_their_process(story: dict[str, Any]) -> None:
    """As with `ranks: all`: those of the primary one stay."""
    names = {name for row in story["server"].run("shared").history for name in row if name.startswith("who")}
    assert names == {"who", "who/l:node1", "who/l:node2", "who/l:node3"}


def test_the_primary_one_describes_the_run(story: dict[str, Any]) -> None:
    """What each run has comes from it; of the others only what they printed, each under its label."""
    names = {"config.yaml", "output.log", "requirements.txt", "wandb-metadata.json", "wandb-summary.json"}
    assert story["files"].keys() == names | {f"output_node{number}.log" for number in (1, 2, 3)}


def test_the_official_sdk_sends_the_same(story: dict[str, Any], server: LocalServer) -> None:
    """The same headers; each client its lines from 0 on; one of them tells how the run ended."""
    ours, theirs = _told(story["server"]), _told(server)
    of_three = {client: said for client, said in ours.items() if said["lines"] == 100}
    assert sorted(said["ends"] for said in of_three.values()) == [False, False, True, True]  # two were the primary one
    assert sorted(said["ends"] for said in theirs.values()) == [False, False, True]
    assert {said["lines"] for said in theirs.values()} == {100}
    alike = [{(frozenset(said["headers"]), said["first"]) for said in of_one.values()} for of_one in (ours, theirs)]
    assert alike[0] == alike[1] == {(frozenset({"x-wandb-async-client-id", "x-wandb-use-async-filestream"}), 0)}
    named = json.loads(story["server"].run("shared").config_json)["_wandb"]["value"]["e"]
    assert {client for client, said in ours.items() if said["ends"]} == named.keys()  # it alone says what it runs on


def _told(server: LocalServer) -> dict[str, dict[str, Any]]:
    """What each client told its file stream: with which headers, from which offset, whether how the run ended."""
    found: dict[str, dict[str, Any]] = {}
    for request in server.requests:
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower().startswith("x-wandb")}
        client = headers.get("x-wandb-async-client-id")
        if client is None:
            continue
        body = request.json()
        rows = body.get("files", {}).get("wandb-history.jsonl", {})
        known = found.setdefault(client, {"headers": set(), "first": rows.get("offset", 0), "ends": False})
        known["headers"] |= headers.keys()
        known["ends"] |= "exitcode" in body or "complete" in body
        known["lines"] = len(server.run("shared").clients[client].lines["wandb-history.jsonl"])
    return found
