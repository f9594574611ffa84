"""Promises of `ls` and `show` about what is chosen, in which order, and in which form."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.commands import UNREACHABLE, offline_run
from tests.runs import START, make_run
from wandb_logging._cli import main
from wandb_logging._cli.charts import beside, layout, series, thinned
from wandb_logging._cli.ls import in_order
from wandb_logging._values.terminal_text import columns

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

CACHE = Path("wandb_cache")


def listed(capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    """The ids that `ls` gives for these arguments."""
    assert main(["ls", "--json", *args]) == 0
    return [row["id"] for row in json.loads(capsys.readouterr().out)]


class TestLs:
    def test_filters(self, capsys: pytest.CaptureFixture[str]) -> None:
        """By project, name or id, and state; what is asked for has to hold together."""
        make_run(CACHE, [{"exit": 0, "t": START}], id="a1", name="first try", project="p1")
        make_run(CACHE, [{"exit": 1, "t": START}], id="b2", project="p1")
        make_run(CACHE, [{"exit": 0, "t": START}], id="c3", project="q", mode="online", host=UNREACHABLE)
        assert listed(capsys, "--project", "p*") == ["a1", "b2"]
        assert listed(capsys, "--name", "first*") == ["a1"]
        assert listed(capsys, "--name", "?2") == ["b2"]
        assert listed(capsys, "--state", "crashed", "--state", "offline") == ["a1", "b2"]
        assert listed(capsys, "--state", "unsent") == ["c3"]
        assert listed(capsys, "--state", "crashed", "--project", "q") == []
        assert main(["ls", "--state", "running"]) == 0
        assert capsys.readouterr().out == "none of 3 runs in wandb_cache fits\n"

    def test_order_and_number(self, capsys: pytest.CaptureFixture[str]) -> None:
        """By any column, both ways; the last ones of that order; oldest first by default."""
        for number, run_id in enumerate(("b", "a", "c")):
            rows = [{"metrics": {"loss": -number}, "t": START}] * (3 - number)
            make_run(CACHE, rows, id=run_id, start=START + number, config={"lr": number})
        assert listed(capsys) == ["b", "a", "c"]
        assert listed(capsys, "--sort", "id") == ["a", "b", "c"]
        assert listed(capsys, "--sort", "lines", "--reverse") == ["b", "a", "c"]
        assert listed(capsys, "--sort", "summary.loss") == ["c", "a", "b"]
        assert listed(capsys, "--limit", "2") == ["a", "c"]
        assert listed(capsys, "--limit", "0") == []

    def test_columns(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Those that are wanted, of config and summary, too; what a run does not have is a dash."""
        make_run(CACHE, [{"metrics": {"val": {"loss": 0.5}}, "t": START}], id="a1", config={"lr": 0.1})
        make_run(CACHE, id="b2", start=START + 1, config={})
        assert main(["ls", "--columns", "id,config.lr,summary.val.loss"]) == 0
        assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
            ["ID", "config.lr", "summary.val.loss"],
            ["a1", "0.1", "0.5"],
            ["b2", "-", "-"],
        ]

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """For programs: whole values, and JSON that any reader takes, also of NaN."""
        make_run(CACHE, [{"metrics": {"loss": float("nan")}, "t": START}], id="a1", name="n" * 100)
        assert main(["ls", "--json", "--columns", "id,name,state,start,summary.loss"]) == 0
        out = capsys.readouterr().out
        expected = {"id": "a1", "name": "n" * 100, "state": "crashed", "start": START, "summary.loss": "NaN"}
        assert json.loads(out, parse_constant=pytest.fail) == [expected]
        assert main(["ls", "--json", "--state", "running"]) == 0
        assert json.loads(capsys.readouterr().out) == []

    def test_the_servers_name(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """A run without a name is shown under the one that the server gave it."""
        offline_run("a1", host=wandb_server.url)
        main(["sync"])
        wandb_server.run("a1").display_name = "bright-sun-7"
        offline_run("b2", host=wandb_server.url)
        main(["sync"])
        server = json.loads((CACHE / "digits/b2/server.json").read_text())
        (CACHE / "digits/b2/server.json").write_text(json.dumps({**server, "display_name": "bright-sun-8"}))
        capsys.readouterr()
        assert main(["ls"]) == 0
        assert "bright-sun-8" in capsys.readouterr().out
        assert main(["show", "bright-sun-8", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["id"] == "b2"

    def test_on_a_very_narrow_terminal(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What one needs most is shown in 40 columns."""
        monkeypatch.setenv("COLUMNS", "40")
        monkeypatch.setenv("NO_COLOR", "1")
        offline_run("3kq9x0ab", name="a name that is far too long for a narrow terminal")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert main(["ls"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["ID", "NAME", "STATE", "UNSENT"]
        assert max(map(len, lines)) <= 40

    def test_what_has_no_value_is_last(self) -> None:
        """Numbers come before texts, and what has neither last, in both directions."""
        rows: list[dict[str, Any]] = [{"x": None}, {"x": "b"}, {"x": 2}, {"x": 1}]
        assert [row["x"] for row in in_order(rows, "x", high_first=False)] == [1, 2, "b", None]
        assert [row["x"] for row in in_order(rows, "x", high_first=True)] == ["b", 2, 1, None]


class TestShow:
    @pytest.mark.parametrize("wanted", [[], ["b2"], ["b"], ["p/b"], ["second"], ["seco"], ["wandb_cache/p/b2"]])
    def test_which_run(self, wanted: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """By path, id, name, how one of them begins; the newest where none is named."""
        make_run(CACHE, id="a1", name="b is the first")
        make_run(CACHE, id="b2", name="second", start=START + 1)
        assert main(["show", *wanted]) == 0
        assert "run      b2\n" in capsys.readouterr().out

    def test_an_id_goes_before_a_name(self, capsys: pytest.CaptureFixture[str]) -> None:
        """No name hides a run's id; what fits several is an error with their folders."""
        make_run(CACHE, id="a1", name="b2")
        make_run(CACHE, id="b2")
        make_run(CACHE, id="b3")
        assert main(["show", "b2"]) == 0
        assert "run      b2\n" in capsys.readouterr().out
        assert main(["show", "b"]) == 1
        said = capsys.readouterr().err
        assert f"b fits several runs: give one of {CACHE / 'p/b2'}, {CACHE / 'p/b3'}" in said

    def test_the_last_value_is_the_last(self, capsys: pytest.CaptureFixture[str]) -> None:
        """However many points there are: a curve of thousands ends where the run ended."""
        events = [{"metrics": {"loss": (number * 7919) % 1000}, "t": START + number} for number in range(5_001)]
        make_run(CACHE, [*events, {"metrics": {"loss": 123.456}, "t": START + 6_000}], id="a1")
        assert main(["show", "--metric", "loss"]) == 0
        assert "loss  last 123.456\n" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("values", "line"),
        [
            ([5.0], "x  last 5 (step 0)"),
            ([3, 3, 3], "x  last 3 at all 3 points"),
            ([float("nan")], "x  last nan, 1 not finite"),
            ([1, float("inf")], "x  last inf, 1 not finite"),
            ([10**400], "x  last inf, 1 not finite"),
        ],
    )
    def test_flat(self, values: list[float], line: str, capsys: pytest.CaptureFixture[str]) -> None:
        """What a chart would show nothing of is one line."""
        make_run(CACHE, [{"metrics": {"x": value}, "t": START} for value in values], id="a1")
        assert main(["show", "--metric", "x"]) == 0
        assert capsys.readouterr().out == f"{line}\n"

    def test_patterns(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`--metric` takes names and patterns, each metric once; a name with a star in it is that name."""
        metrics = {"loss": 1, "val/loss": 2, "val/acc": 3, "a*": 4, "ab": 5}
        make_run(CACHE, [{"metrics": metrics, "t": START}], id="a1")
        assert main(["show", "--metric", "val/*", "--metric", "*loss"]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["val/loss", "val/acc", "loss"]
        assert main(["show", "--metric", "a*"]) == 0
        assert capsys.readouterr().out.split()[0] == "a*"
        assert main(["show", "--metric", "test/*"]) == 1
        assert "no numbers under the metric 'test/*'" in capsys.readouterr().err

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One object: who the run is, config, summary; with `--metric` its rows."""
        offline_run("a1", rows=2, config={"lr": 0.1})
        assert main(["show", "--json", "--metric", "loss"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["id"], told["state"], told["config"]) == ("a1", "offline", {"lr": 0.1})
        assert told["history"] == [{"_step": 0, "loss": 1.0}, {"_step": 1, "loss": 0.5}]
        assert main(["show", "--json"]) == 0
        assert "history" not in json.loads(capsys.readouterr().out)

    @pytest.mark.parametrize("room", [40, 80, 200])
    def test_width(self, room: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """No line of charts is wider than the terminal; where there is room two stand side by side."""
        monkeypatch.setenv("COLUMNS", str(room))
        rows = [{"metrics": {"loss": n, "acc": -n, "日本語": n % 3}, "t": START} for n in range(30)]
        make_run(CACHE, rows, id="a1")
        assert main(["show", "--metric", "*"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(columns, lines)) <= room
        assert any("loss  last 29" in line and "acc  last -29" in line for line in lines) == (room == 200)


def test_layout() -> None:
    """Two charts a row only if each keeps 60 columns; one alone does not leave half of it empty."""
    assert [layout(room, 3) for room in (40, 121, 122, 400)] == [(1, 40), (1, 120), (2, 60), (2, 120)]
    assert layout(200, 1) == (1, 120)


def test_beside() -> None:
    """Blocks of different heights, wide characters in them, keep their places."""
    assert beside([["日本", "c"], ["x"]], 5) == ["日本   x", "c"]


def test_one_point_thinned() -> None:
    """What needs no thinning is left as it is."""
    assert thinned([(0.0, 1.0)], 10) == [(0.0, 1.0)]
    assert series([]) == {}


class TestVerify:
    def test_repair_is_named_where_it_helps(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Half a line at the end costs itself, and needs no repair; a broken run.json does."""
        torn = make_run(CACHE, [{"metrics": {"x": 1}, "t": START}], id="a1")
        with next(torn.path.glob("journal-*.jsonl")).open("ab") as journal:
            journal.write(b'{"metrics": {"x"')
        assert main(["verify"]) == 1
        out = capsys.readouterr().out
        assert "half a line" in out
        assert "repair" not in out
        (torn.path / "run.json").write_text("{")
        assert main(["verify"]) == 1
        assert f"see `wandb-logging repair {torn.path}`" in capsys.readouterr().out
