"""What becomes of a run on disk while the page shows it: cut, removed, renamed, replaced, made unreadable."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.page.pages import Visitor, served
from tests.runs import START, make_run
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import claim_run
from wandb_logging._journal.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = ("near?run={}&m=0&at=2", "text?run={}", "run?run={}", "csv?r={}&m=0", "bins?r={}&m=0&lo=2&hi=20&n=8")


class Looker:
    """Somebody who has the page of a folder open."""

    def __init__(self, visitor: Visitor, root: Path) -> None:
        self.root = root
        self._visitor = visitor
        self._now = time.monotonic() + 1000

    def sees(self, after: float = 0.1) -> list[dict[str, Any]]:
        """The runs as told after the next look, so many seconds later; `drawn` is the line of the first metric."""
        self._now += after
        self._visitor.page.content.poller.tick(self._now)
        keys = [run["key"] for run in self._visitor.json("/api/runs")["runs"]]
        drawn = {key: self._visitor.bins(r=key, m=0)[1].get((key, 0), [[], [], []])[1] for key in keys}
        for key in keys:
            assert {self._visitor.ask(f"/api/{one.format(key)}")[0] for one in REQUESTS} == {200}
        return [{**run, "drawn": drawn[run["key"]]} for run in self._visitor.json("/api/runs")["runs"]]

    def sees_one(self, after: float = 0.1) -> tuple[Any, ...]:
        """State of the only run, its rows, the range of its last metric, what is wrong."""
        (run,) = self.sees(after)
        assert len(run["drawn"]) == (run["rows"] or 0)
        return run["state"], run["rows"], run["figures"][0][1:4] if run["figures"] else [], run["error"]


def make(cache: Path, values: range, code: int = 0, start: float = START) -> Path:
    """A run that logged these values and ended."""
    rows = [{"metrics": {"n": value}, "t": start + at} for at, value in enumerate(values)]
    return make_run(cache, [*rows, {"exit": code, "t": start + len(values)}], id="one", start=start).path


@pytest.fixture
def looker(tmp_path: Path) -> Iterator[Looker]:
    cache = tmp_path / "runs"
    make(cache, range(50))
    with served(cache, tmp_path / "kept") as visitor:
        found = Looker(visitor, cache)
        assert found.sees_one() == ("finished", 50, [49, 0, 49], "")
        yield found


def test_a_journal_that_is_cut(looker: Looker) -> None:
    """What is shown is what is still there, half a line counts as damaged; and all of it when it is back."""
    (journal,) = looker.root.rglob("journal-*.jsonl")
    whole = journal.read_bytes()
    journal.write_bytes(whole[: whole.index(b'"n":20') + 3])
    (run,) = looker.sees(after=11.0)
    assert (run["state"], run["rows"], run["damaged"], run["drawn"][-1]) == ("crashed", 20, 1, pytest.approx(19))
    journal.write_bytes(whole)
    assert looker.sees_one(after=11.0) == ("finished", 50, [49, 0, 49], "")
    journal.write_bytes(b"")
    assert looker.sees_one(after=11.0) == ("crashed", 0, [], "")


def test_a_journal_that_is_removed(looker: Looker) -> None:
    """The run is in the list without a row: nothing says how it ended, but that its process is gone."""
    next(looker.root.rglob("journal-*.jsonl")).unlink()
    assert looker.sees_one() == ("crashed", 0, [], "")


@pytest.mark.parametrize("start", [START, START + 500], ids=["as-early", "later"])
@pytest.mark.parametrize("values", [range(1000, 1080), range(1000, 1010)], ids=["longer", "shorter"])
def test_another_run_in_its_place(looker: Looker, start: float, values: range) -> None:
    """A directory that holds another run shows that run, and nothing of the one before."""
    shutil.rmtree(looker.root / "p" / "one")
    make(looker.root, values, 1, start)
    assert looker.sees_one() == ("crashed", len(values), [values[-1], values[0], values[-1]], "")


@pytest.mark.parametrize("again", [b'"lr":0.2', b'"lr":0.25'], ids=["same-size", "longer"])
def test_an_identity_that_is_written_over_in_place(tmp_path: Path, again: bytes) -> None:
    """As an editor or `rsync --inplace` does it: what is shown of the run is what run.json says now."""
    config = {"lr": float(again.partition(b":")[2])}
    run_dir = make_run(
        tmp_path / "runs",
        [{"metrics": {"n": 1}, "t": START}, {"exit": 0, "t": START + 1}],
        id="one",
        config={"lr": 0.1},
    )
    with served(tmp_path / "runs", tmp_path / "kept") as visitor:
        looker = Looker(visitor, tmp_path / "runs")
        assert looker.sees_one() == ("finished", 1, [1, 1, 1], "")
        with (run_dir.path / "run.json").open("rb+") as file:
            said = file.read().replace(b" ", b"")
            file.seek(0)
            file.truncate()
            file.write(said.replace(b'"lr":0.1', again))
        (run,) = looker.sees(after=11.0)
        assert run["config"] == config


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_journal_that_cannot_be_read(looker: Looker, tmp_path: Path, kind: str) -> None:
    """The run says which file it is, and is whole again when that can be read."""
    (journal,) = looker.root.rglob("journal-*.jsonl")
    journal.rename(tmp_path / "aside")
    (journal.mkdir if kind == "folder" else lambda: journal.symlink_to(tmp_path / "aside"))()
    state, rows, _, error = looker.sees_one()
    assert (state, rows) == ("unreadable", None)
    assert error.startswith(f"{journal}: is no regular file")
    journal.rmdir() if kind == "folder" else journal.unlink()
    (tmp_path / "aside").rename(journal)
    assert looker.sees_one() == ("finished", 50, [49, 0, 49], "")


@pytest.mark.parametrize(
    ("what", "left"), [("run.json", 1), (".", 0), ("..", 0)], ids=["identity", "directory", "folder"]
)
def test_what_goes_and_comes_back(looker: Looker, tmp_path: Path, what: str, left: int) -> None:
    """A run of which something went away is told so, leaves the list with its journal, and back again is as it was."""
    path = (looker.root / "p" / "one" / what).resolve()
    path.rename(tmp_path / "aside")
    state, rows, _, error = looker.sees_one()
    assert (state, rows) == ("unreadable", None)
    assert "has no readable run.json: No such file" in error
    (tmp_path / "aside").rename(path)
    assert looker.sees_one() == ("finished", 50, [49, 0, 49], "")
    path.rename(tmp_path / "aside")
    assert [run["state"] for run in looker.sees(after=1000)] == ["unreadable"] * left


def test_a_run_that_is_renamed(looker: Looker) -> None:
    """Where it is now it is another run of the list, with all of its rows."""
    (looker.root / "p" / "one").rename(looker.root / "p" / "two")
    (run,) = looker.sees(after=1000)
    assert (run["path"], run["state"], run["rows"], len(run["drawn"])) == ("p/two", "finished", 50, 50)


def test_a_directory_without_run_json(tmp_path: Path) -> None:
    """A run that was copied without its run.json is in the list, and says why it cannot be read, until that follows."""
    make(tmp_path / "runs", range(50)).joinpath("run.json").rename(tmp_path / "aside")
    with served(tmp_path / "runs", tmp_path / "kept") as visitor:
        looker = Looker(visitor, tmp_path / "runs")
        (run,) = looker.sees()
        assert (run["state"], run["rows"], run["unsent"]) == ("unreadable", None, None)
        assert "has no readable run.json: No such file" in run["error"]
        (tmp_path / "aside").rename(tmp_path / "runs" / "p" / "one" / "run.json")
        assert looker.sees_one() == ("finished", 50, [49, 0, 49], "")


def test_a_directory_that_is_being_made(tmp_path: Path) -> None:
    """A process that begins a run makes its run.json last: until then it is no run that cannot be read."""
    make(tmp_path / "runs", range(50))
    info = RunInfo(id="two", project="p", start=START)
    with served(tmp_path / "runs", tmp_path / "kept") as visitor:
        looker = Looker(visitor, tmp_path / "runs")
        run_dir = claim_run(tmp_path / "runs", info)
        writer = Writer(run_dir.path)
        assert [run["state"] for run in looker.sees(after=1000)] == ["finished"]
        run_dir.save_identity(info)
        assert {run["state"] for run in looker.sees(after=1000)} == {"finished", "running"}
        writer.close()
