from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.fold.test_told import EVENTS
from tests.runs import START, add, make_run, row
from wandb_logging import read_run, read_runs
from wandb_logging._cli import main
from wandb_logging._formats.tables import export
from wandb_logging._reading.frames import flat
from wandb_logging._values.plain import loads

CLOCK = {"_step": 0, "_timestamp": 0.0, "_runtime": 0.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs, one with a metric that the other lacks."""
    make_run(tmp_path / "one", [row(number) for number in range(3)])
    make_run(tmp_path / "two", [{"metrics": {"n": 9, "val": {"acc": 0.5}, "text": 'a,"b"\nc'}, "t": START}])
    return tmp_path


class TestTables:
    def test_csv_has_every_row_and_column(self, folder: Path) -> None:
        """A reader of CSV gets each row of each run, under the columns of all of them."""
        assert main(["export", str(folder), "-o", str(folder / "all.csv")]) == 0
        with (folder / "all.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [line["n"] for line in rows] == ["0", "1", "2", "9"]
        assert [line["val.acc"] for line in rows] == ["", "", "", "0.5"]
        assert rows[3]["text"] == 'a,"b"\nc'
        assert {line["run"] for line in rows} == {data.info["id"] for data in read_runs(folder)}

    def test_jsonl_is_the_rows(self, folder: Path) -> None:
        """JSON lines hold the rows as `read_run` gives them, with their run."""
        export_to = folder / "rows.jsonl"
        assert main(["export", str(folder / "one"), "-o", str(export_to)]) == 0
        (data,) = read_runs(folder / "one")
        lines = [json.loads(line) for line in export_to.read_text().splitlines()]
        assert lines == [{"project": data.info["project"], "run": data.info["id"], **each} for each in data.rows]

    def test_long_has_a_line_a_value(self, folder: Path) -> None:
        """Long tables have run, metric, step, time and value, and no clock among the metrics."""
        assert main(["export", str(folder / "two"), "-o", str(folder / "long.csv"), "--long"]) == 0
        with (folder / "long.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [(line["metric"], line["value"], line["step"]) for line in rows] == [
            ("n", "9", "0"),
            ("val.acc", "0.5", "0"),
            ("text", 'a,"b"\nc', "0"),
        ]

    def test_parquet_is_the_same_table(self, folder: Path) -> None:
        """What pyarrow reads from the Parquet file is what `to_arrow` gives."""
        parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
        assert main(["export", str(folder / "two"), "-o", str(folder / "two.parquet")]) == 0
        table = parquet.read_table(folder / "two.parquet")
        (data,) = read_runs(folder / "two")
        assert table.drop(["project", "run"]).to_pylist() == data.to_arrow().to_pylist()

    def test_parquet_of_rows_of_all_kinds(self, tmp_path: Path) -> None:
        """Rows that are read together with their neighbours are those that are read alone, whatever is among them."""
        parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
        odd = [{"n": float("nan")}, {"l": [1, 2]}, {"v": {"a": 1}}, {"s": "{[\n"}, {"n": True}, {"n": "x"}, {}]
        rows = [row(number) for number in range(300)]
        rows[60:60] = [{"metrics": metrics, "t": START} for metrics in odd]
        make_run(tmp_path / "odd", rows)
        assert main(["export", str(tmp_path / "odd"), "-o", str(tmp_path / "odd.parquet")]) == 0
        table = parquet.read_table(tmp_path / "odd.parquet")
        (data,) = read_runs(tmp_path / "odd")
        assert table.drop(["project", "run"]).equals(data.to_arrow())
        assert (table["n"][0].as_py(), table["s"][63].as_py(), table["l"][61].as_py()) == ("0", "{[\n", "[1,2]")

    def test_half_a_character(self, tmp_path: Path) -> None:
        """Text that UTF-8 cannot have, as runs of the official SDK may hold it, is replaced and stops no export."""
        metrics = {"s": "a\ud83d", "n\udc00": 1, "l": ["\ud83d"]}
        make_run(tmp_path / "odd", [{"metrics": metrics, "t": START}])
        (data,) = read_runs(tmp_path / "odd")
        for frame in (data.to_pandas(), data.to_polars()):
            assert list(frame.columns)[:3] == ["s", "n\ufffd", "l"]
            assert frame["s"][0] == "a\ufffd"
        for form in ("csv", "jsonl", "parquet"):
            assert main(["export", str(tmp_path / "odd"), "-o", str(tmp_path / f"odd.{form}")]) == 0
        lines = list(csv.reader((tmp_path / "odd.csv").read_text("utf-8").splitlines()))
        assert [line[2:5] for line in lines] == [["s", "n\ufffd", "l"], ["a\ufffd", "1", '["\\ud83d"]']]
        assert main(["export", str(tmp_path / "odd"), "--neptune", "-o", str(tmp_path / "neptune")]) == 0

    @pytest.mark.not_quick
    def test_a_pipe_gets_the_same_bytes(self, folder: Path) -> None:
        """Without a file a table goes to stdout, as the file has it, and nothing else does."""
        for form in ("csv", "jsonl"):
            target = folder / f"all.{form}"
            assert main(["export", str(folder), "-o", str(target)]) == 0
            command = [sys.executable, "-m", "wandb_logging", "export", str(folder), f"--{form}"]
            assert subprocess.run(command, capture_output=True, check=True).stdout == target.read_bytes()

    @pytest.mark.parametrize("more", [[], ["--long"]])
    def test_a_run_without_rows_is_a_table(self, more: list[str], tmp_path: Path) -> None:
        """It has the columns that every table has, with their types, so that readers of CSV and Parquet take it."""
        make_run(tmp_path / "none", [])
        make_run(tmp_path / "some", [row(1)])
        made = {}
        for name in ("none", "some"):
            for form in ("csv", "parquet"):
                made[name, form] = target = tmp_path / f"{name}.{form}"
                assert main(["export", str(tmp_path / name), "-o", str(target), *more]) == 0
        pandas, parquet = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
        frame, full = (pandas.read_csv(made[name, "csv"]) for name in ("none", "some"))
        assert (len(frame), list(frame.columns)) == (0, [name for name in full.columns if name != "n"])
        table, full = (parquet.read_table(made[name, "parquet"]) for name in ("none", "some"))
        assert table.num_rows == 0
        kinds = {field.name: field.type for field in full.schema if field.name not in {"n", "value"}}
        assert {field.name: field.type for field in table.schema if field.name != "value"} == kinds

    def test_config_beside_it(self, folder: Path) -> None:
        """`--config` writes who the runs are and what they were set to."""
        code = main(["export", str(folder), "-o", str(folder / "a.csv"), "--config", str(folder / "c.jsonl")])
        assert code == 0
        lines = [json.loads(line) for line in (folder / "c.jsonl").read_text().splitlines()]
        assert [line["config"] for line in lines] == [data.config for data in read_runs(folder)]


class TestErrors:
    def test_what_was_there_stays_when_it_fails(self, folder: Path) -> None:
        """A file is replaced whole or not at all, and nothing half-written is left beside it."""
        (broken,) = (folder / "two").rglob("run.json")
        target = folder / "all.csv"
        target.write_text("before")
        broken.write_text("{}")
        for asked in ([folder / "one", broken.parent], [folder / "two"]):  # named itself; none there can be read
            assert main(["export", *map(str, asked), "-o", str(target)]) == 1
            assert target.read_text() == "before"
        assert [path.name for path in folder.iterdir() if path.is_file()] == ["all.csv"]

    @pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
    def test_one_bad_run_of_a_folder_stops_no_other(
        self, form: str, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The runs of a folder that can be read are written, each other one is named once, and the exit code is 1."""
        if form == "parquet":
            pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
        (whole,) = (folder / "one").rglob("run.json")
        assert main(["export", str(whole.parent), "-o", str(folder / f"alone.{form}")]) == 0
        (broken,) = (folder / "two").rglob("run.json")
        broken.write_text("{}")
        unreadable = make_run(folder / "three", [row(1)])
        (journal,) = unreadable.path.glob("journal-*.jsonl")
        journal.unlink()
        journal.mkdir()
        capsys.readouterr()
        config = folder / "config.jsonl"
        assert main(["export", str(folder), "-o", str(folder / f"all.{form}"), "--config", str(config)]) == 1
        assert (folder / f"all.{form}").read_bytes() == (folder / f"alone.{form}").read_bytes()
        assert [json.loads(line)["id"] for line in config.read_text().splitlines()] == [whole.parent.name]
        out, err = capsys.readouterr()
        assert "3 lines of 1 run" in out
        assert sorted(map(str, (broken, journal))) == sorted(
            re.findall(r"^wandb-logging: (\S+?):? ", err, re.MULTILINE)
        )

    @pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "tensorboard", "wandb", "neptune"])
    def test_a_damaged_line_is_told(self, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The rows of all other lines are written, and it is said, once, that one is missing."""
        if form in {"parquet", "neptune"}:
            pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
        run_dir = make_run(tmp_path / "runs", [row(number) for number in range(5)])
        (journal,) = run_dir.path.glob("journal-*.jsonl")
        journal.write_bytes(journal.read_bytes().replace(b'"n":2', b'"n":7'))
        assert main(["export", str(run_dir.path), f"--{form}", "-o", str(tmp_path / "to")]) == 0
        out, err = capsys.readouterr()
        assert out.count("4 lines") + out.count("4 rows") == 1
        assert (out + err).count("1 damaged line") == 1

    @pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
    def test_what_is_no_file_is_written_to_and_stays(self, folder: Path) -> None:
        """Who runs it as root would else have a file in place of `/dev/null`."""
        pipe = folder / "pipe.csv"
        os.mkfifo(pipe)
        with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as read:
            assert main(["export", str(folder), "-o", str(pipe)]) == 0
            assert pipe.is_fifo()
            assert read.read().startswith("project,run,")

    @pytest.mark.parametrize("output", ["-", "/dev/stdout"])
    def test_standard_output_by_name(self, output: str, folder: Path, capfdbinary: Any) -> None:
        """The table alone, also where that is a file."""
        assert main(["export", str(folder), "-o", output, "--csv"]) == 0
        named = capfdbinary.readouterr().out
        assert main(["export", str(folder), "--csv"]) == 0
        assert named == capfdbinary.readouterr().out
        assert not Path("-").exists()

    @pytest.mark.not_quick
    def test_a_pipe_is_told_what_is_wrong(self, folder: Path) -> None:
        """A run that cannot be read is named on stderr, in one line, also where the table goes to stdout."""
        (broken,) = (folder / "two").rglob("run.json")
        broken.write_text('{"format": 99}')
        for form in ("csv", "jsonl"):
            command = [sys.executable, "-m", "wandb_logging", "export", str(folder), f"--{form}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 1
            (line,) = done.stderr.splitlines()
            assert "has format 99" in line

    def test_a_folder_that_is_not_there(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The file that was asked for is named, not the one beside it."""
        target = folder / "nowhere" / "a.csv"
        assert main(["export", str(folder), "-o", str(target)]) == 1
        assert capsys.readouterr().err == f"wandb-logging: {target}: No such file or directory\n"

    def test_an_ending_that_says_nothing(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A name without a known ending needs --format, and the message says so."""
        assert main(["export", str(folder), "-o", str(folder / "table")]) == 2
        assert "give --format csv or jsonl or parquet" in capsys.readouterr().err
        assert main(["export", str(folder), "-o", str(folder / "table"), "--format", "csv"]) == 0

    def test_what_does_not_go_together(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Neither file nor form, Parquet without a file, --long of what is no table: each is said."""
        for options, words in [
            ([], "say where to"),
            (["--parquet"], "-o FILE.parquet"),
            (["--wandb", "--long"], "--long is of tables"),
        ]:
            assert main(["export", str(folder), *options]) == 2
            assert words in capsys.readouterr().err

    def test_no_runs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """An empty folder is an error that names it."""
        (tmp_path / "empty").mkdir()
        assert main(["export", str(tmp_path / "empty"), "-o", str(tmp_path / "a.csv")]) == 1
        assert "no runs in" in capsys.readouterr().err


@pytest.mark.not_quick
@settings(max_examples=25)
@given(st.lists(EVENTS, max_size=12), st.lists(EVENTS, max_size=6), st.integers(0, 2000))
def test_tables_are_what_the_fold_gives(first: list[dict[str, Any]], other: list[dict[str, Any]], hurt: int) -> None:
    """Whatever was logged, by two processes and with a byte lost: tables hold the rows that are sent."""
    with tempfile.TemporaryDirectory() as place:
        run_dir = make_run(Path(place), [{**event, "t": START + at} for at, event in enumerate(first)], project="p")
        writer = run_dir.writer()
        add(writer, [{**event, "t": START + at, "by": 2} for at, event in enumerate(other)])
        writer.close()
        for journal in run_dir.path.glob("journal-*.jsonl"):
            data = journal.read_bytes()
            journal.write_bytes(data[:hurt] + data[hurt + 1 :])
        named = {"project": "p", "run": run_dir.info.id}
        expected = [{**named, **flat(row)} for row in read_run(run_dir.path).rows]
        made = {}
        for form in ("csv", "jsonl"):
            into = io.BytesIO()
            assert export([run_dir], into, form) == len(expected)
            made[form] = into.getvalue().decode()
    assert repr([*map(loads, made["jsonl"].splitlines())]) == repr(expected)
    names = list(dict.fromkeys(name for row in expected or [{**named, **CLOCK}] for name in row))
    texts = [[str(value) if (value := row.get(name)) is not None else "" for name in names] for row in expected]
    assert list(csv.reader(io.StringIO(made["csv"], newline=""))) == [names, *texts]


def test_a_metric_of_the_name_of_a_column(tmp_path: Path) -> None:
    """A metric called `run` stands in that column, and where a row lacks it there stands the run."""
    run_dir = make_run(tmp_path, [{"metrics": {"run": 7, "n": 1}, "t": START}, row(2)], id="me")
    into = io.BytesIO()
    export([run_dir], into, "csv")
    lines = [line.split(",")[:3] for line in into.getvalue().decode().splitlines()]
    assert lines == [["project", "run", "n"], ["p", "7", "1"], ["p", "me", "2"]]


def test_memory_does_not_hold_the_rows(tmp_path: Path) -> None:
    """An export reads as it writes: the number of lines is that of the rows, however often it is looked at."""
    run_dir = make_run(tmp_path, [row(number) for number in range(2000)])
    assert export([run_dir], tmp_path / "a.jsonl", "jsonl") == 2000 == len(read_run(run_dir.path).rows)
