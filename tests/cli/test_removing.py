from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import UNREACHABLE, offline_run
from wandb_logging import new_run
from wandb_logging._cli import main

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer


def path_of(run_id: str) -> Path:
    return Path("wandb_cache/digits") / run_id


class TestRm:
    def test_what_is_sent(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """A run that is on the server is removed from the disk, and stays there."""
        offline_run("a1", host=wandb_server.url)
        offline_run("b2", host=wandb_server.url)
        main(["sync"])
        capsys.readouterr()
        assert main(["rm", "a1"]) == 0
        assert capsys.readouterr().out == f"removed {path_of('a1')}\n"
        assert (path_of("a1").exists(), path_of("b2").exists()) == (False, True)
        assert len(wandb_server.run("a1").history) == 3

    def test_what_is_not(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What is nowhere else is left alone, unless that is wanted; the others are removed."""
        offline_run("a1", host=UNREACHABLE)
        assert main(["rm", "a1"]) == 1
        assert "left alone: 4 lines not sent" in capsys.readouterr().err
        assert path_of("a1").exists()
        assert main(["rm", "a1", "--unsent"]) == 0
        assert not path_of("a1").exists()

    def test_what_was_set_aside(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """Values that could not be sent are only on this disk, too."""
        offline_run("a1", host=wandb_server.url)
        main(["sync"])
        (path_of("a1") / "aside.jsonl").write_text('{"reason": "r", "what": 1}\n')
        assert main(["rm", "a1"]) == 1
        assert "1 value set aside" in capsys.readouterr().err

    def test_a_living_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A run that goes on is never removed, whatever is typed."""
        run = offline_run("a1", exit_code=None)
        assert main(["rm", "a1", "--unsent"]) == 1
        assert "is being written by a living process" in capsys.readouterr().err
        run.finish()
        assert main(["show", "a1"]) == 0

    @pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
    def test_a_link(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A link is not followed to what it points to."""
        offline_run("a1")
        (tmp_path / "link").symlink_to(path_of("a1").absolute())
        assert main(["rm", str(tmp_path / "link"), "--unsent"]) == 1
        assert path_of("a1").exists()
        assert "is a link" in capsys.readouterr().err

    def test_one_of_two(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A run that is not there costs its own line; the other is removed."""
        offline_run("a1")
        assert main(["rm", "zz", "a1", "--unsent"]) == 1
        captured = capsys.readouterr()
        assert "zz: there is no run" in captured.err
        assert captured.out.startswith("removed ")


class TestGc:
    def test_sent_and_old(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """Only what is wholly on the server and unchanged for so long; first as it would be, then as it is."""
        for run_id in ("old", "new"):
            offline_run(run_id, host=wandb_server.url)
        main(["sync"])
        offline_run("unsent", host=UNREACHABLE)
        long_ago = time.time() - 31 * 86400
        for run_id in ("old", "unsent"):
            for path in (*path_of(run_id).iterdir(), path_of(run_id)):
                os.utime(path, (long_ago, long_ago))
        capsys.readouterr()
        for dry, said in ((["--dry-run"], "would remove"), ([], "removed")):
            assert main(["gc", "--sent", "--older-than", "30d", *dry]) == 0
            first, last = capsys.readouterr().out.splitlines()
            assert first == f"{said} {path_of('old')}"
            assert last.startswith("1 of 3 runs ")
        assert [path_of(run_id).exists() for run_id in ("old", "new", "unsent")] == [False, True, True]
        assert main(["gc", "--sent"]) == 0
        assert [path_of(run_id).exists() for run_id in ("new", "unsent")] == [False, True]

    def test_what_launches_noted_is_removed_when_they_are_over(self, wandb_server: LocalServer) -> None:
        """Of a launch that began today, or while a run goes on there, it may still be asked for."""
        notes = Path("wandb_cache/.launches")
        notes.mkdir(parents=True)
        offline_run("a1", host=UNREACHABLE)
        two_days_ago = time.time() - 2 * 86400
        for name in ("old.json", "new.said"):
            (notes / name).touch()
        os.utime(notes / "old.json", (two_days_ago, two_days_ago))
        with new_run("p", mode="offline", quiet=True):
            main(["gc", "--sent"])
            assert len([*notes.iterdir()]) == 2
        main(["gc", "--sent", "--dry-run"])
        main(["gc", "--sent", "--older-than", "3d"])
        assert len([*notes.iterdir()]) == 2
        main(["gc", "--sent"])
        assert [path.name for path in notes.iterdir()] == ["new.said"]
        os.utime(notes / "new.said", (two_days_ago, two_days_ago))
        main(["gc", "--sent"])
        assert not notes.exists()

    @pytest.mark.parametrize(
        "args",
        [["gc"], ["gc", "--older-than", "30d"], ["gc", "--sent", "--older-than", "30"], ["gc", "--older-than", "d"]],
    )
    def test_wrong_usage(self, args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing is removed that nobody asked for: what is meant has to be said."""
        offline_run("a1")
        assert main(args) == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert path_of("a1").exists()

    def test_no_such_folder(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A folder that was typed wrong is an error."""
        assert main(["gc", "--sent", "elsewhere"]) == 1
        assert capsys.readouterr().err == "wandb-logging: elsewhere: no such folder\n"
