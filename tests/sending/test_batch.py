"""Promises of a batch: what is in one request, where its lines lead, and how a journal is cut into some."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import given, strategies as st

from tests.runs import SENT_SO, START, add, make_run, row
from wandb_logging._events.run_info import Remote, RunInfo
from wandb_logging._fold import fold
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._journal.reader import Reader
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.batch import DAMAGED, Batch, Cutter
from wandb_logging._server.body import PackedBlock
from wandb_logging._server.link import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging._server.body import StreamBody

INFO = RunInfo("r", "p", start=START)
RULES = fold.rules_of(INFO)


def there(**known: Any) -> Remote:
    return Remote("id", "team", "p", "r", "r", **known)


def empty(state: fold.State | None = None, **known: Any) -> Batch:
    """A batch for a server that does not take compressed requests."""
    return Batch.after(state or fold.State(), there(**known), str, gzip=True)


def files(body: StreamBody) -> dict[str, Any]:
    """The streams of a request, as the server reads them."""
    found: dict[str, Any] = json.loads(bytes(body.encode(gzip=False))).get("files", {})
    return found


class TestWhereLinesLead:
    def test_behind_those_of_others_and_our_own(self) -> None:
        """Each stream goes on after the lines that were there before us and those we sent."""
        state = fold.State(rows=3, lines=5, samples=7)
        batch = empty(state, history=100, output=200, events=300)
        batch.add(state, fold.Delta(rows=["{}"], lines=["a", "b"], samples=["{}"]))
        (body,) = batch.bodies([])
        offsets = {name: (block["offset"], len(block["content"])) for name, block in files(body).items()}
        assert offsets == {
            "wandb-history.jsonl": (103, 1),
            "output.log": (205, 2),
            "wandb-events.jsonl": (307, 1),
        }

    def test_a_run_that_the_server_does_not_know(self) -> None:
        """It begins at its own first line."""
        batch = Batch.after(fold.State(rows=2), None, str, gzip=True)
        batch.add(fold.State(rows=3), fold.Delta(rows=["{}"]))
        (body,) = batch.bodies([])
        assert files(body)["wandb-history.jsonl"]["offset"] == 2

    @given(
        before=st.integers(0, 5),
        old=st.integers(0, 12),
        new=st.lists(st.text("ab", max_size=3), max_size=4),
        data=st.data(),
    )
    def test_lines_that_changed_go_where_they_stand(self, before: int, old: int, new: list[str], data: Any) -> None:
        """Whichever lines get another text, the server has them so in the end, and no other one changes."""
        own = old + len(new)
        changes = st.dictionaries(st.integers(0, max(own - 1, 0)), st.text("xyz", min_size=1), max_size=6)
        edits = data.draw(changes) if own else {}
        state = fold.State(lines=old)
        batch = empty(state, output=before)
        batch.add(state, fold.Delta(lines=new, edits=edits))
        server = {number: f"other {number}" for number in range(before)}
        server |= {before + number: f"old {number}" for number in range(old)}
        expected = {**server, **{before + old + i: line for i, line in enumerate(new)}}
        expected.update((before + number, line) for number, line in edits.items())
        touched = []
        for body in batch.bodies([]):
            block = files(body).get("output.log", {"offset": 0, "content": []})
            for i, line in enumerate(block["content"]):
                server[block["offset"] + i] = line
                touched.append(block["offset"] + i)
        assert server == expected
        assert sorted(touched) == sorted({before + n for n in edits} | {before + old + i for i in range(len(new))})

    def test_neighbours_go_together(self) -> None:
        """Lines that changed side by side take one request, and those just before the new ones none of their own."""
        state = fold.State(lines=10)
        batch = empty(state)
        batch.add(state, fold.Delta(lines=["new"], edits={1: "b", 2: "c", 5: "f", 9: "j"}))
        blocks = [files(body)["output.log"] for body in batch.bodies([])]
        assert [(block["offset"], block["content"]) for block in blocks] == [
            (1, ["b", "c"]),
            (5, ["f"]),
            (9, ["j", "new"]),
        ]


class TestWhatIsInOne:
    def test_the_state_it_comes_after_stays(self) -> None:
        """What a request that is refused had counted is not counted."""
        state = fold.State(rows=3)
        batch = empty(state)
        batch.add_damaged([b"x"])
        assert (state.set_aside, batch.state.set_aside) == (0, 1)

    def test_damage_is_kept_and_counted(self) -> None:
        """Each damaged line, whatever its bytes are; of one that is far too long its beginning."""
        batch = empty()
        batch.add_damaged([b"half", b"\xff\xfe", b"x" * (2**24 + 1)])
        reasons, kept = zip(*batch.aside)
        assert set(reasons) == {DAMAGED}
        assert (kept[:2], len(kept[2])) == (("half", "��"), 2**24)
        assert batch.state.set_aside == 3

    @pytest.mark.parametrize(("wanted", "offered", "packed"), [(1, 1, True), (1, 0, False), (0, 1, False)])
    def test_compressed_where_both_want_it(self, wanted: int, offered: int, *, packed: bool) -> None:
        """A request is compressed if the settings say so and the server takes it."""
        batch = Batch.after(fold.State(), there(gzip=bool(offered)), str, gzip=bool(wanted))
        assert isinstance(batch.history, PackedBlock) is packed

    def test_the_summary_only_if_it_changed(self) -> None:
        """And then the whole of it, as one line."""
        batch = empty()
        state = fold.State(summary={"n": 3})
        batch.add(state, fold.Delta())
        assert "wandb-summary.json" not in files(batch.bodies([])[0])
        batch.add(state, fold.Delta(summary_changed=True))
        batch.add(state, fold.Delta())
        block = files(batch.bodies([])[0])["wandb-summary.json"]
        assert (block["offset"], [json.loads(line)["n"] for line in block["content"]]) == (0, [3])

    def test_the_end_is_told_last(self) -> None:
        """Of several requests only the last tells how the run ended and what was uploaded."""
        state = fold.State(lines=9)
        batch = empty(state)
        batch.add(state, fold.Delta(edits={1: "b"}))
        told = [json.loads(bytes(body.encode(gzip=False))) for body in batch.bodies(["x.txt"], exit_code=3)]
        assert [(one.get("exitcode"), one.get("uploaded")) for one in told] == [(None, None), (3, ["x.txt"])]


class Cut(Protocol):
    def __call__(self, run_dir: RunDir, *, size: int = ..., of_bytes: int = ..., apart: bool = ...) -> Cutter: ...


@pytest.fixture
def cutter() -> Iterator[Cut]:
    """Makes what cuts a journal, beside a program that only waits."""
    readers: list[Reader] = []

    def made(run_dir: RunDir, *, size: int = 50_000, of_bytes: int = 2**22, apart: bool = False) -> Cutter:
        readers.append(Reader(run_dir.path))
        options = dataclasses.replace(SENT_SO, batch_size=size, batch_bytes=of_bytes)
        return Cutter(readers[-1], options, Pace(), apart=apart)

    yield made
    for reader in readers:
        reader.close()


def batches(cut: Cutter) -> Iterator[Batch]:
    """All of a journal."""
    state = fold.first_state(INFO)
    while True:
        batch = empty(state)
        cut.fill(batch, RULES, {1: (9, 2**40)})
        if not batch.events and not batch.aside:
            return
        yield batch
        state = batch.state


def rows(batch: Batch) -> list[Any]:
    (body,) = batch.bodies([])
    return [json.loads(line)["n"] for line in files(body).get("wandb-history.jsonl", {"content": ()})["content"]]


class TestCut:
    @pytest.mark.parametrize("size", [1, 3, 7, 1000])
    def test_by_lines(self, tmp_path: Path, cutter: Cut, size: int) -> None:
        """No batch has more lines than the settings say, each but the last as many; all rows come, in order, once."""
        run_dir = make_run(tmp_path, map(row, range(20)))
        cut = list(batches(cutter(run_dir, size=size)))
        assert [batch.events for batch in cut[:-1]] == [size] * (len(cut) - 1)
        assert [n for batch in cut for n in rows(batch)] == list(range(20))

    def test_by_bytes(self, tmp_path: Path, cutter: Cut) -> None:
        """A batch with enough bytes takes no more; what is read in one go may make it larger."""
        run_dir = make_run(tmp_path, (row(n, text="x" * 1000) for n in range(1500)))
        cut = list(batches(cutter(run_dir, of_bytes=2**16)))
        assert len(cut) > 2
        assert [n for batch in cut for n in rows(batch)] == list(range(1500))

    def test_a_look_takes_nothing(self, tmp_path: Path, cutter: Cut) -> None:
        """Whether something is there can be asked as often as one likes; what is there is still to be read."""
        cut = cutter(make_run(tmp_path, [row(0)]))
        assert cut.is_anything_there()
        assert cut.is_anything_there()
        (batch,) = batches(cut)
        assert rows(batch) == [0]
        assert not cut.is_anything_there()

    def test_nothing_new(self, tmp_path: Path, cutter: Cut) -> None:
        """A batch stays empty then."""
        assert list(batches(cutter(make_run(tmp_path)))) == []

    def test_no_further_than_it_is_told(self, tmp_path: Path, cutter: Cut) -> None:
        """What was appended after a look at the end waits for the next: one that logs on does not hold up a drain."""
        run_dir = make_run(tmp_path, map(row, range(2500)))
        cut, batch = cutter(run_dir), empty(fold.first_state(INFO))
        cut.fill(batch, RULES, {1: (1, 100)})
        assert 0 < batch.events < 2500

    def test_damage_on_the_way(self, tmp_path: Path, cutter: Cut) -> None:
        """It is set aside, and what is behind it comes."""
        run_dir = make_run(tmp_path, map(row, range(3)))
        (journal,) = run_dir.path.glob("journal-*.jsonl")
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(lines[0] + lines[1].replace(b'"n":1', b'"n":7') + lines[2])
        (batch,) = batches(cutter(run_dir))
        assert rows(batch) == [0, 2]
        assert [reason for reason, _ in batch.aside] == [DAMAGED]

    @pytest.mark.parametrize("apart", [True, False])
    def test_segments_apart(self, tmp_path: Path, cutter: Cut, *, apart: bool) -> None:
        """Of a run that may lose old segments no request has lines of two, so that what was begun can be finished."""
        run_dir = create_run(tmp_path, INFO)
        writer = run_dir.writer(segment_bytes=300)
        add(writer, map(row, range(20)))
        writer.close()
        sizes = [journal.read_bytes().count(b"\n") for journal in sorted(run_dir.path.glob("journal-*.jsonl"))]
        cut = list(batches(cutter(run_dir, size=10, apart=apart)))
        assert len(sizes) > 3
        assert [batch.events for batch in cut] == ([size for size in sizes if size] if apart else [10, 10])
        assert [n for batch in cut for n in rows(batch)] == list(range(20))
