"""Promises of the folder of run directories: each run has one of its own there, and finds it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import START, make_run
from wandb_logging._events.run_info import Remote, RunInfo
from wandb_logging._journal.cache_folder import SentBeside, check_beside, claim_run, create_run, find_run, find_runs

INFO = RunInfo("r", "p", start=START)


def test_a_taken_id_gets_a_number(tmp_path: Path) -> None:
    """Two runs of one id never share a directory by accident."""
    assert [create_run(tmp_path, INFO).path.name for _ in range(3)] == ["r", "r.2", "r.3"]


def test_a_long_one_is_made_and_found(tmp_path: Path) -> None:
    """Characters of other scripts have up to four bytes."""
    info = INFO.but(project="\u9879\u76ee" * 60, id="\u9879" * 64, host="h")
    made = create_run(tmp_path, info)
    found = find_run(tmp_path, info)
    assert found is not None
    assert found.path == made.path
    assert [run_dir.path for run_dir in find_runs(tmp_path)] == [made.path]
    assert made.info.project == info.project


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """The caller is told."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        create_run(tmp_path / "file" / "cache", INFO)


def test_find_runs(tmp_path: Path) -> None:
    """At a path and below it, oldest first; files saved in a run are not looked at."""
    later = make_run(tmp_path / "a", start=START + 1)
    earlier = make_run(tmp_path / "b" / "c", start=START)
    (tmp_path / "run.json").unlink(missing_ok=True)
    source = tmp_path / "source"
    source.write_text('{"format": 1}')
    later.files.keep(source, "run.json")
    assert [found.path for found in find_runs(tmp_path)] == [earlier.path, later.path]
    assert [found.path for found in find_runs(later.path)] == [later.path]
    assert find_runs(tmp_path / "missing") == []


def test_of_several_the_latest(tmp_path: Path) -> None:
    """Whoever goes on with a run of this id goes on with the one that began last."""
    paths = [create_run(tmp_path, INFO).path for _ in range(3)]
    found = find_run(tmp_path, INFO)
    assert found is not None
    assert found.path == paths[-1]
    assert find_run(tmp_path, INFO.but(id="another")) is None
    late = create_run(tmp_path / "made", INFO.but(start=START + 5)).path.rename(tmp_path / "p" / "r.k3xq90ab")
    earlier = create_run(tmp_path / "made", INFO.but(start=START - 5)).path.rename(tmp_path / "p" / "r.0a1b2c3d")
    assert earlier.is_dir()
    found = find_run(tmp_path, INFO)
    assert found is not None
    assert found.path == late
    assert find_run(tmp_path, INFO.but(host="https://elsewhere.example")) is None


def test_one_that_was_refused_is_not_gone_on_with(tmp_path: Path) -> None:
    """A run that may only be new, and that no server has taken, leaves the one before it to be found."""
    first = create_run(tmp_path, INFO)
    second = create_run(tmp_path, INFO.but(resume="never"))
    found = find_run(tmp_path, INFO)
    assert found is not None
    assert found.path == first.path
    second.save_server(Remote("s", "team", "p", "r", "calm-sea-1"))
    found = find_run(tmp_path, INFO)
    assert found is not None
    assert found.path == second.path


def test_claimed_is_no_run_yet(tmp_path: Path) -> None:
    """Until it says who it is, nobody finds it; its name is taken."""
    claimed = claim_run(tmp_path, INFO)
    assert find_runs(tmp_path) == []
    assert find_run(tmp_path, INFO) is None
    claimed.save_identity(INFO)
    assert [found.path for found in find_runs(tmp_path)] == [claimed.path]


class TestTheSameRunBeside:
    """A run that began again with its id has two directories, whose rows would go to the same places."""

    def test_while_one_is_sent_the_other_waits(self, tmp_path: Path) -> None:
        """Whichever of them it is; afterwards it is its turn."""
        one, two = (create_run(tmp_path, INFO) for _ in range(2))
        for sent, other in ((one, two), (two, one)):
            check_beside(other, INFO)
            with sent.uploading(), pytest.raises(SentBeside, match=rf"sends {sent.path}, .*{other.path} comes after"):
                check_beside(other, INFO)
            check_beside(other, INFO)

    @pytest.mark.parametrize(
        "other",
        [
            INFO.but(host="https://elsewhere"),
            INFO.but(entity="another-team"),
            INFO.but(client_label="3"),
            INFO.but(id="r2"),
        ],
    )
    def test_another_run_does_not_matter(self, tmp_path: Path, other: RunInfo) -> None:
        """On another server, of another team, a part that is sent by itself, or of another id."""
        mine = INFO.but(entity="team")
        run_dir = create_run(tmp_path, mine)
        with create_run(tmp_path, other).uploading():
            check_beside(run_dir, mine)

    def test_who_never_goes_on_is_refused_by_the_server(self, tmp_path: Path) -> None:
        """Two that begin at once would wait for each other for ever."""
        never = INFO.but(resume="never")
        with create_run(tmp_path, INFO).uploading():
            check_beside(create_run(tmp_path, never), never)
