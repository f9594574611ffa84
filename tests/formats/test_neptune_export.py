"""What the loaders of neptune-exporter find: their columns, their names of files, a line a value."""

from __future__ import annotations

import decimal
import math
from typing import TYPE_CHECKING, Any

import pytest

import wandb_logging
from tests.runs import START, make_run
from wandb_logging._cli import main
from wandb_logging._formats import neptune_export

if TYPE_CHECKING:
    from pathlib import Path

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

# As neptune-exporter 0.1.0 reads them.
COLUMNS = {
    "project_id": "string", "run_id": "string", "attribute_path": "string", "attribute_type": "string",
    "step": "decimal128(18, 6)", "timestamp": "timestamp[ms, tz=UTC]", "int_value": "int64", "float_value": "double",
    "string_value": "string", "bool_value": "bool", "datetime_value": "timestamp[ms, tz=UTC]",
    "string_set_value": "list<element: string>", "file_value": "struct<path: string>",
    "histogram_value": "struct<type: string, edges: list<element: double>, values: list<element: double>>",
}  # fmt: skip


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of all parts, part 0 first."""
    found = sorted(folder.glob("data/*/*.parquet"), key=lambda path: int(path.stem.rpartition("_")[2]))
    return [line for path in found for line in parquet.read_table(path).to_pylist()]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    events = [
        {"metrics": {"loss": 0.5, "val": {"acc": 1}, "note": "a"}, "step": 0, "t": START},
        {"metrics": {"loss": math.nan, "ok": True}, "step": 7, "t": START + 1.5},
        {"system": {"cpu": 12.5}, "t": START + 2},
        {"text": "hello", "level": "INFO", "t": START + 2},
    ]
    about: dict[str, Any] = {"tags": ["a", "b"], "group": "depth 2", "name": "first", "entity": "team", "notes": "n"}
    make_run(
        tmp_path / "runs", events, id="r1", config={"lr": 0.1, "net": {"depth": 2, "big": 2**70}, "on": True}, **about
    )
    return tmp_path / "runs"


def test_the_files_are_those_of_neptune_exporter(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Columns and their types, and names of files: with a digest, and a number behind it."""
    assert main(["export", str(runs), "--neptune", "-o", str(tmp_path / "out")]) == 0
    (path,) = (tmp_path / "out" / "data").glob("*/*")
    assert path.parent.name.startswith("team_p-")
    assert path.name.startswith("r1-")
    assert path.name.endswith("_part_0.parquet")
    assert {field.name: str(field.type) for field in parquet.read_schema(path)} == COLUMNS
    said = capsys.readouterr().out
    assert "2 rows" in said
    assert "not taken over: 1 line of text" in said


def test_names_with_a_digest() -> None:
    """As neptune-exporter's own function makes them, whose results these are."""
    assert neptune_export.safe_part("org/project") == "org_project-" + neptune_export.safe_part("org/project")[-16:]
    assert neptune_export.safe_part("digits") == "digits-102358cd14af7442"
    assert neptune_export.safe_part("run000") == "run000-248c4479bd2b54f3"


def test_values_by_kind(runs: Path, tmp_path: Path) -> None:
    """Metrics are series with step and time, config and tags are single values, of the type that each has."""
    main(["export", str(runs), "--neptune", "-o", str(tmp_path)])
    found: dict[tuple[str, Any], tuple[str, Any]] = {}
    for line in lines_of(tmp_path):
        value = next((line[name] for name in line if name.endswith("_value") and line[name] is not None), None)
        found[line["attribute_path"], line["step"]] = (line["attribute_type"], value)
        assert (line["project_id"], line["run_id"]) == ("team/p", "r1")
    at = decimal.Decimal
    assert found["loss", at(0)] == ("float_series", 0.5)
    assert math.isnan(found["loss", at(7)][1])
    assert found["val/acc", at(0)] == ("float_series", 1.0)
    assert found["ok", at(7)] == ("float_series", 1.0)
    assert found["note", at(0)] == ("string_series", "a")
    assert found["system/cpu", at(2)] == ("float_series", 12.5)
    assert found["config/lr", None] == ("float", 0.1)
    assert found["config/net.depth", None] == ("int", 2)
    assert found["config/net.big", None] == ("float", 2.0**70)
    assert found["config/on", None] == ("bool", True)
    assert found["sys/tags", None] == ("string_set", ["a", "b"])
    assert found["sys/custom_run_id", None] == ("string", "first (r1)")
    assert found["sys/name", None] == ("string", "depth 2")
    assert found["sys/creation_time", None][1].timestamp() == START
    times = {line["timestamp"].timestamp() for line in lines_of(tmp_path) if line["attribute_path"] == "loss"}
    assert times == {START, START + 1.5}


def test_a_histogram(tmp_path: Path) -> None:
    """Its edges and counts."""
    run = wandb_logging.new_run("p", mode="offline", cache_dir=tmp_path / "runs", quiet=True)
    run.log({"h": wandb_logging.Histogram([1, 1, 2], num_bins=2)})
    run.finish()
    main(["export", str(tmp_path / "runs"), "--neptune", "-o", str(tmp_path)])
    (line,) = [line for line in lines_of(tmp_path) if line["attribute_path"] == "h"]
    assert line["histogram_value"] == {"type": "COUNTING", "edges": [1.0, 1.5, 2.0], "values": [2.0, 1.0]}


def test_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run has several files; of an earlier export with more of them none is left, and none is half there."""
    monkeypatch.setattr(neptune_export, "PART", 50)
    monkeypatch.setattr(neptune_export, "_PIECE", 20)
    run_dir = make_run(tmp_path / "runs", [{"metrics": {"n": at}, "t": START + at} for at in range(200)], id="long")
    done = neptune_export.export_neptune(run_dir, tmp_path)
    names = sorted(path.name.rpartition("_")[2] for path in done.path.parent.iterdir())
    assert names == ["0.parquet", "1.parquet", "2.parquet", "3.parquet"]
    assert [line["float_value"] for line in lines_of(tmp_path) if line["attribute_path"] == "n"] == list(range(200))
    monkeypatch.setattr(neptune_export, "PART", 10_000)
    neptune_export.export_neptune(run_dir, tmp_path)
    assert [path.name for path in done.path.parent.iterdir()] == [done.path.name]


def test_an_export_that_fails_over_an_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part 0 says that all is there where parts of two exports are."""
    monkeypatch.setattr(neptune_export, "PART", 50)
    monkeypatch.setattr(neptune_export, "_PIECE", 20)
    run_dir = make_run(tmp_path / "runs", [{"metrics": {"n": at}, "t": START + at} for at in range(80)], id="long")
    done = neptune_export.export_neptune(run_dir, tmp_path)
    in_the_way = done.path.with_name(done.path.name.replace("part_0", "part_1"))
    in_the_way.unlink()
    in_the_way.mkdir()
    with pytest.raises(OSError, match="part_1"):
        neptune_export.export_neptune(run_dir, tmp_path)
    assert [path.name for path in done.path.parent.iterdir()] == [in_the_way.name]


def test_two_runs_of_one_id(tmp_path: Path, runs: Path) -> None:
    """The folder of the second tells them apart, as it does on disk; a step that has no place is counted."""
    run = wandb_logging.new_run("p", entity="team", run_id="r1", mode="offline", cache_dir=runs, quiet=True)
    run.log({"m": 1}, step=10**12)
    run.finish()
    assert main(["export", str(runs), "--neptune", "-o", str(tmp_path)]) == 0
    assert {line["run_id"] for line in lines_of(tmp_path)} == {"r1", "r1.2"}


def test_runs_of_one_name(tmp_path: Path) -> None:
    """They are called different things, for the loaders pass over a run of whose name there is one already."""
    for run_id, name in (("r1", "baseline"), ("r2", "baseline"), ("r3", None), ("r4", "r4")):
        about: dict[str, Any] = {"id": run_id, **({"name": name} if name else {})}
        make_run(tmp_path / "runs", [{"metrics": {"n": 1}, "t": START}], **about)
    assert main(["export", str(tmp_path / "runs"), "--neptune", "-o", str(tmp_path)]) == 0
    called = [line["string_value"] for line in lines_of(tmp_path) if line["attribute_path"] == "sys/custom_run_id"]
    assert sorted(called) == ["baseline (r1)", "baseline (r2)", "r3", "r4"]


def test_runs_of_one_id_in_two_folders(tmp_path: Path) -> None:
    """A copy that kept its id does not take the place of the run."""
    for number, place in enumerate(("runs", "edited")):
        make_run(tmp_path / place, [{"metrics": {"n": number}, "t": START}], id="same", start=START + number)
    for _again in range(2):
        places = [str(tmp_path / "runs"), str(tmp_path / "edited")]
        assert main(["export", *places, "--neptune", "-o", str(tmp_path)]) == 0
        lines = [line for line in lines_of(tmp_path) if line["attribute_path"] == "n"]
        assert {line["run_id"]: line["float_value"] for line in lines} == {"same": 0.0, "same-2": 1.0}
