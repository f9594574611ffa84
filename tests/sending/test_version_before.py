"""Promises between two versions: what the one before wrote is read and sent, and what is written now it can use.

`tests/data/before` holds two run directories of that version: one never sent, one half sent. Beside each is what that
version itself read there, and what a server had when it had sent it; `members.json` lists what it wrote in its files.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.runs import drain
from wandb_logging import new_run, read_run, sync
from wandb_logging._fold.state import State
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.verify import verify

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

BEFORE = Path(__file__).parents[1] / "data" / "before"
HOST = "https://wandb.example"  # that the runs were made for
RUNS = ["never-sent", "half-sent"]


def expected(name: str, what: str) -> dict[str, Any]:
    """What the version before read of a run, or sent."""
    found: dict[str, Any] = json.loads((BEFORE / f"{name}.expected.json").read_text(encoding="utf-8"))[what]
    return found


def members(name: str) -> set[str]:
    return set(json.loads((BEFORE / "members.json").read_text(encoding="utf-8"))[name])


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def same(one: object, other: object) -> bool:
    """Whether they are the same JSON; NaN is the same as NaN."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The runs, to be changed."""
    for name in RUNS:
        shutil.copytree(BEFORE / name, tmp_path / "cache" / "p" / name)
    return tmp_path / "cache" / "p"


def sent(server: LocalServer, name: str) -> dict[str, Any]:
    """What the server has of a run, as the expectation tells it."""
    run = server.run(name)
    return {
        **{key: getattr(run, key) for key in expected(name, "sent")},
        "config": {key: value for key, value in run.config.items() if key != "_wandb"},  # which names the version
        "files": {"notes.txt": run.files["notes.txt"].decode()},
    }


def rows_of(server: LocalServer, since: int) -> list[tuple[int, int]]:
    """First line and number of history lines of each request since."""
    blocks = [
        request.json().get("files", {}).get("wandb-history.jsonl")
        for request in server.requests[since:]
        if request.path.endswith("/file_stream")
    ]
    return [(block["offset"], len(block["content"])) for block in blocks if block]


class TestWhatTheOneBeforeWrote:
    @pytest.mark.parametrize("name", RUNS)
    def test_is_read(self, cache: Path, name: str) -> None:
        """Rows, lines, config, summary, end and identity are those that it read itself."""
        data, told = read_run(cache / name), expected(name, "read")
        read = {key: getattr(data, key) for key in told}
        read["info"] = {key: data.info[key] for key in told["info"]}
        assert same(read, told)

    @pytest.mark.parametrize("name", RUNS)
    def test_is_whole(self, cache: Path, name: str) -> None:
        """`verify` finds every line whole and nothing wrong."""
        verdict = verify(RunDir(cache / name))
        lines = (cache / name / "journal-0001-0001.jsonl").read_bytes().count(b"\n")
        assert (verdict.problems, verdict.lines, verdict.damaged, verdict.torn) == ((), lines, 0, 0)
        assert verdict.unsent == expected(name, "read")["unsent"]

    def test_is_sent(self, cache: Path, wandb_server: LocalServer) -> None:
        """The server has what it would have had from the version before."""
        (report,) = sync(cache / "never-sent", host=wandb_server.url)
        assert report.ok
        assert same(sent(wandb_server, "never-sent"), expected("never-sent", "sent"))
        assert wandb_server.violations == []

    def test_is_sent_on_from_its_cursor(self, cache: Path, wandb_server: LocalServer, tmp_path: Path) -> None:
        """Of the run that was half sent only the rest goes: no row and no file a second time."""
        self.first_half(cache / "half-sent", wandb_server, tmp_path / "then")
        for name in ("run.json", "server.json"):
            path = cache / "half-sent" / name
            path.write_text(path.read_text(encoding="utf-8").replace(HOST, wandb_server.url), encoding="utf-8")
        before = len(wandb_server.requests)
        (report,) = sync(cache / "half-sent")
        assert report.ok
        assert rows_of(wandb_server, before) == [(4, 3)]
        puts = [request.path for request in wandb_server.requests[before:] if request.method == "PUT"]
        assert not [path for path in puts if "notes.txt" in path]
        assert same(sent(wandb_server, "half-sent"), expected("half-sent", "sent"))
        assert wandb_server.violations == []

    @staticmethod
    def first_half(path: Path, server: LocalServer, then: Path) -> None:
        """Have the server get what it had then: the journal up to the cursor."""
        shutil.copytree(path, then)
        segment, size = content(then / "cursor.json")["position"]["writers"]["1"]
        journal = then / f"journal-0001-{segment:04}.jsonl"
        journal.write_bytes(journal.read_bytes()[:size])
        (then / "cursor.json").unlink()
        (then / "server.json").unlink()
        drain(RunDir(then), server, ending=None)
        assert len(server.run(path.name).history) == 4


class TestWhatIsWrittenNow:
    def half_sent(self, **settings: Any) -> Path:
        """A run that logs on after another sent what was there."""
        run = new_run("p", mode="offline", quiet=True, config={"lr": 0.1}, **settings)
        run.log({"n": 1})
        assert run.dir is not None
        assert sync(run.dir)[0].error is None
        path = run.dir
        run.finish()
        return path

    @pytest.mark.parametrize("name", ["run.json", "server.json", "cursor.json"])
    def test_has_what_the_one_before_wrote(self, wandb_server: LocalServer, name: str) -> None:
        """It may rely on each member that it wrote itself."""
        assert members(name) <= content(self.half_sent() / name).keys()

    def test_no_state_that_it_cannot_take(self, wandb_server: LocalServer) -> None:
        """It takes a folded state with these members and no other: with one more it sends all of the run again."""
        cursor = content(self.half_sent() / "cursor.json")
        assert cursor["state"].keys() == members("state")
        assert cursor["position"].keys() == members("position")

    def test_but_what_it_did_not_have(self, wandb_server: LocalServer) -> None:
        """A run whose text was mined for metrics keeps what that remembers."""
        remembers = {"rules": {"loss": 1}}
        assert State(mining=remembers).to_json() == {**State().to_json(), "mining": remembers}
