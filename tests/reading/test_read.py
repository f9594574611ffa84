from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runs import START, add, drain, make_run, row
from wandb_logging._errors import JournalError
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.outline import Outline, outline
from wandb_logging._reading.read import read_run, read_runs

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer


def test_one_bad_run_of_a_folder_stops_no_other(tmp_path: Path) -> None:
    """`read_runs` leaves out what it cannot read and warns of each; of a run that was named itself it raises."""
    whole, unreadable, headless = (make_run(tmp_path, [row(1)]) for _ in range(3))
    (headless.path / "run.json").write_text("{")
    (journal,) = unreadable.path.glob("journal-*.jsonl")
    journal.unlink()
    journal.mkdir()
    with pytest.warns(RuntimeWarning, match="left out: ") as told:
        assert [run.path for run in read_runs(tmp_path)] == [whole.path]
    texts = [str(each.message) for each in told]
    for start in (f"left out: {journal}: ", f"left out: {headless.path} "):
        assert sum(text.startswith(start) for text in texts) == 1
    assert {each.filename for each in told} == {__file__}
    with pytest.raises(JournalError, match="no JSON object"):
        read_runs(headless.path)
    with pytest.raises(OSError, match=journal.name):
        read_runs(unreadable.path)
    assert read_runs(tmp_path / "nowhere") == []


def files(path: Path) -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in path.iterdir() if item.is_file()}


def test_a_journal_read_back(tmp_path: Path) -> None:
    """Rows, lines, config, summary and end as they are logged, without a server; nothing is changed."""
    events = [
        row(0, text="hello", level="INFO", logger="x"),
        {"metrics": {"m": 1}, "step": 4, "t": START + 1},
        {"metrics": {"k": float("nan")}, "step": 4, "t": START + 2},
        {"config": {"a": 1}, "t": START + 3},
        {"run": {"name": "new"}, "t": START + 3},
        {"system": {"cpu": 3.5}, "t": START + 3.5},
        {"exit": 2, "t": START + 4},
    ]
    run_dir = make_run(tmp_path, events)
    before = files(run_dir.path)
    data = read_run(run_dir.path)
    assert data.rows[0] == {"n": 0, "_step": 0, "_timestamp": START, "_runtime": 0}
    assert (data.rows[1]["m"], data.rows[1]["_step"]) == (1, 4)
    assert data.rows[1]["k"] != data.rows[1]["k"]
    assert data.lines == ["2023-11-14T22:13:20.000000 INFO:x:hello"]
    assert data.samples == [{"system.cpu": 3.5, "_timestamp": START + 3.5, "_runtime": 3.5}]
    assert data.config == {"lr": 0.1, "a": 1}
    assert data.summary["m"] == 1
    assert data.info["name"] == "new"
    assert (data.exit_code, data.finished, data.alive, data.unsent, data.damaged) == (2, False, False, 7, 0)
    assert data.url is None
    assert files(run_dir.path) == before


def test_what_the_server_has(tmp_path: Path, wandb_server: LocalServer) -> None:
    """The rows are those the server got, at the same steps; address and end are known."""
    run_dir = make_run(tmp_path, [row(i, step=i * 2) for i in range(5)])
    drain(run_dir, wandb_server)
    data = read_run(run_dir.path)
    run = wandb_server.run(run_dir.info.id)
    assert data.rows == run.history
    assert (data.finished, data.unsent) == (True, 0)
    assert data.url == f"{wandb_server.url}/{wandb_server.entity}/p/runs/{run.id}"


def test_a_resumed_run_goes_on_from_the_server(tmp_path: Path, wandb_server: LocalServer) -> None:
    """Steps, config and summary begin where the run was taken over."""
    wandb_server.create_run("old", "p", config={"old": 1}, history=[{"a": 1}] * 3, summary={"a": 1})
    run_dir = make_run(tmp_path, [row(0)], id="old", resume="must")
    drain(run_dir, wandb_server)
    data = read_run(run_dir.path)
    assert data.rows == wandb_server.run("old").history[3:]
    assert data.config == {"old": 1, "lr": 0.1}
    assert (data.summary["a"], data.summary["n"]) == (1, 0)


def test_a_living_run(tmp_path: Path) -> None:
    """A run may be looked at while it goes on."""
    run_dir = make_run(tmp_path)
    writer = run_dir.writer()
    add(writer, [row(0)])
    data = read_run(run_dir.path)
    writer.close()
    assert (data.alive, len(data.rows), data.exit_code) == (True, 1, None)


def test_damage(tmp_path: Path) -> None:
    """What cannot be read is counted, the rest is there."""
    run_dir = make_run(tmp_path, [row(i) for i in range(3)])
    file = run_dir.path / "journal-0001-0001.jsonl"
    file.write_bytes(file.read_bytes().replace(b'{"n":1}', b'{"n":9}'))
    data = read_run(run_dir.path)
    assert [line["n"] for line in data.rows] == [0, 2]
    assert data.damaged == 1


def test_no_run(tmp_path: Path) -> None:
    """A directory that is none is an error that names it."""
    with pytest.raises(JournalError, match=str(tmp_path)):
        read_run(tmp_path)


class TestOutline:
    def holds(self, run_dir: RunDir, logged: int) -> Outline:
        """What an outline says, held against what reading all of it gives."""
        short, data = outline(run_dir), read_run(run_dir.path)
        for name in ("path", "info", "exit_code", "finished", "alive", "unsent"):
            assert getattr(short, name) == getattr(data, name), name
        assert short.logged == logged
        return short

    def test_it_says_what_reading_says(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """Before and after sending, without reading the rows."""
        events = [*(row(i, exit="a metric's name is no matter") for i in range(3)), {"exit": 3, "t": START + 4}]
        run_dir = make_run(tmp_path, [{"run": {"name": "new"}, "t": START}, *events])
        assert self.holds(run_dir, 5).unsent == 5
        drain(run_dir, wandb_server)
        sent = self.holds(run_dir, 5)
        assert (sent.unsent, sent.finished, sent.exit_code, sent.info["name"]) == (0, True, 3, "new")

    def test_what_came_since_it_was_sent(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """Lines behind the cursor count: a run that goes on has not ended, whatever it said before."""
        run_dir = make_run(tmp_path, [row(0), {"exit": 0, "t": START + 1}])
        drain(run_dir, wandb_server)
        writer = run_dir.writer()
        add(writer, [{"resume": True, "t": START + 2}, row(1), {"run": {"tags": ["b"]}, "t": START + 3}])
        again = self.holds(run_dir, 5)
        assert (again.unsent, again.exit_code, again.alive, again.info["tags"]) == (3, None, True, ["b"])
        writer.close()

    def test_changes_that_cannot_be(self, tmp_path: Path) -> None:
        """A journal cannot make the identity one that nobody can rely on."""
        run_dir = make_run(tmp_path, [{"run": {"start": "x", "name": "new"}, "t": START}])
        assert self.holds(run_dir, 1).info["start"] == START

    def test_what_is_no_event(self, tmp_path: Path) -> None:
        """A line that holds none is passed over, also when its checksum is right."""
        run_dir = make_run(tmp_path)
        writer = run_dir.writer()
        writer.append(b'["exit":0}')
        writer.append(b'{"exit":0}')
        writer.close()
        assert outline(run_dir).exit_code is None
