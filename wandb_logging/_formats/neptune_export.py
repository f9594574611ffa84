"""Writes runs in the on-disk format of neptune-exporter, for its loaders into MLflow, Comet, ZenML and others.

A folder `data` has a folder for each project, with one or more Parquet files for each run: a line for each value. Part
0 gets its name last: if it exists, the run is whole. pyarrow is imported only when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import chain, count
from pathlib import Path
from typing import Any

from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold.state import CLOCK
from wandb_logging._formats.exported import Exported, are_bins, readings
from wandb_logging._journal.names import folder_name
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.frames import flat, needed
from wandb_logging._reading.outline import config_of
from wandb_logging._reading.replay import parts_of
from wandb_logging._values.nested import filled
from wandb_logging._values.plain import as_float, dumps, loads
from wandb_logging._values.utf8 import with_utf8

PART = 2_000_000  # most values in one file: the loaders take a file at a time
_PIECE = 100_000  # most values in memory
_MOST_STEP = 10**12  # steps are decimals with 18 digits, 6 of them after the point

Value = tuple[str, str, Any, Any, str, Any]
"""Path, type, step, time in ms, name of the column, and the value in it."""


def export_neptune(run_dir: RunDir, target: Path, taken: set[Path] | None = None) -> Exported:
    """Write a run into a folder that `neptune-exporter load` takes. Existing files of the run are replaced.

    Args:
        run_dir: the run.
        target: the folder. The files are written to `target/data/PROJECT`.
        taken: files of other runs of this export, to which that of the run is added. A number follows an id that
            another run has.

    Raises:
        JournalError: the run cannot be read.
        OSError: the folder cannot be written.
        ImportError: pyarrow is not installed.
    """
    info = run_dir.info
    project = f"{info.entity}/{info.project}" if info.entity else info.project
    folder = target / "data" / safe_part(project)
    taken = set() if taken is None else taken
    own = _id_of(run_dir, info)
    numbered = (f"{own}-{number}" for number in count(2))
    run_id = next(each for each in chain([own], numbered) if _first_part(folder, each) not in taken)
    taken.add(_first_part(folder, run_id))
    folder.mkdir(parents=True, exist_ok=True)
    done = Exported.begun(_first_part(folder, run_id), run_dir, info)
    parts = _Parts(folder, safe_part(run_id), (project, run_id))
    try:
        for value in _values(run_dir, info, run_id, done):
            parts.put(value)
        parts.finish()
    finally:
        parts.clear()
    return done


def _first_part(folder: Path, run_id: str) -> Path:
    return folder / f"{safe_part(run_id)}_part_0.parquet"


def _id_of(run_dir: RunDir, info: RunInfo) -> str:
    """The run's id; the name of its folder if that is numbered because several runs have the same id."""
    named, number = run_dir.path.name.rpartition(".")[::2]
    return run_dir.path.name if named == folder_name(info.id) and number.isdecimal() else info.id


def safe_part(name: str) -> str:
    """Make a file name of a project or run, as neptune-exporter makes it."""
    letters = "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in name)
    return f"{letters}-{blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"


def _values(run_dir: RunDir, info: RunInfo, run_id: str, done: Exported) -> Iterator[Value]:
    yield from _about(info, _named(info.name, run_id), flat(config_of(run_dir)))
    for _, delta in parts_of(run_dir, info, done.damaged):
        for line in delta.rows:
            row = loads(line)
            done.rows += 1
            if row["_step"] >= _MOST_STEP:
                done.leave("row of a step beyond 10**12")
            else:
                yield from _series(row, row["_timestamp"], row["_step"], done)
        for line in delta.samples:
            sample = loads(line)
            yield from _series(readings(sample), sample["_timestamp"], sample["_runtime"], done)
        done.leave("line of text", len(delta.lines))
        done.leave("file, artifact or alert", len(delta.tasks))


def _named(name: str | None, run_id: str) -> str:
    """What the loaders call the run: its own, for they pass over a run whose name they have loaded already."""
    return f"{name} ({run_id})" if name and name != run_id else run_id


def _about(info: RunInfo, named: str, config: Mapping[str, Any]) -> Iterator[Value]:
    """The values without a step: identity and config of the run."""
    texts = {"sys/custom_run_id": named, "sys/name": info.group, "sys/description": info.notes}
    for path, text in texts.items():
        if text:
            yield path, "string", None, None, "string_value", text
    yield "sys/creation_time", "datetime", None, None, "datetime_value", int(info.start * 1000)
    if info.tags:
        yield "sys/tags", "string_set", None, None, "string_set_value", list(info.tags)
    for name, value in config.items():
        if value is not None:
            kind, given = _single(value)
            yield f"config/{name}", kind, None, None, f"{kind}_value", given


def _single(value: Any) -> tuple[str, Any]:
    """The kind of a value without a step, and the value converted to it."""
    if type(value) is int and not -(2**63) <= value < 2**63:
        return "float", as_float(value)
    return (_KINDS[type(value)], value) if type(value) in _KINDS else ("string", dumps(value).decode())


_KINDS: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "string"}


def _series(row: Mapping[str, Any], time: float, step: float, done: Exported) -> Iterator[Value]:
    """The values of a row. Each is a point of a series."""
    moment = int(time * 1000)
    for key, value in filled(row, "/"):
        if key in CLOCK:
            continue
        name = with_utf8(key)
        if isinstance(value, (int, float)):
            yield name, "float_series", step, moment, "float_value", as_float(value)
        elif isinstance(value, str):
            yield name, "string_series", step, moment, "string_value", with_utf8(value)
        elif isinstance(value, dict) and value.get("_type") == "histogram" and are_bins(value):
            edges, counts = ([*map(as_float, value[each])] for each in ("bins", "values"))
            kept = {"type": "COUNTING", "edges": edges, "values": counts}
            yield name, "histogram_series", step, moment, "histogram_value", kept
        else:
            done.leave_value(value)


class _Parts:
    """Writes the files of a run. They have temporary names until all are whole."""

    def __init__(self, folder: Path, name: str, ids: tuple[str, str]) -> None:
        self._pa, self._parquet = needed("pyarrow"), needed("pyarrow.parquet")
        self._folder = folder
        self._name = name
        self._ids = ids
        self._schema = _schema(self._pa)
        self._piece: list[Value] = []
        self._writer: Any = None
        self._paths: list[Path] = []
        self._left = 0

    def put(self, value: Value) -> None:
        """Add a value."""
        self._piece.append(value)
        if len(self._piece) >= _PIECE:
            self._write()

    def finish(self) -> None:
        """Remove the files of an earlier export, and give the new ones their names: part 0 last."""
        self._write()
        self._close()
        for path in sorted(self._folder.glob(f"{self._name}_part_*.parquet")):  # part 0 first: it says all is whole
            path.unlink()
        for path in reversed(self._paths):
            path.replace(path.with_suffix(""))
        self._paths = []

    def clear(self) -> None:
        """Remove files that still have temporary names."""
        self._close()
        for path in self._paths:
            path.unlink()

    def _write(self) -> None:
        if self._left <= 0 or self._writer is None:
            self._close()
            self._paths.append(self._folder / f"{self._name}_part_{len(self._paths)}.parquet.tmp")
            self._writer = self._parquet.ParquetWriter(self._paths[-1], self._schema, compression="snappy")
            self._left = PART
        self._writer.write_table(self._table())
        self._left -= len(self._piece)
        self._piece = []

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _table(self) -> Any:
        pa, size = self._pa, len(self._piece)
        paths, kinds, steps, times, names, values = zip(*self._piece) if self._piece else ((),) * 6
        columns: dict[str, Any] = {
            "project_id": [self._ids[0]] * size,
            "run_id": [self._ids[1]] * size,
            "attribute_path": paths,
            "attribute_type": kinds,
            "step": pa.array(steps, pa.float64()).cast(self._schema.field("step").type, safe=False),
            "timestamp": times,
        }
        used = set(names)
        for field in self._schema:
            if field.name in used:
                columns[field.name] = [value if name == field.name else None for name, value in zip(names, values)]
            elif field.name not in columns:
                columns[field.name] = pa.nulls(size, field.type)
        arrays = [_array(pa, columns[field.name], field.type) for field in self._schema]
        return pa.Table.from_arrays(arrays, schema=self._schema)


def _array(pa: Any, values: Any, kind: Any) -> Any:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _schema(pa: Any) -> Any:
    """The columns of neptune-exporter's files."""
    moment = pa.timestamp("ms", tz="UTC")
    histogram = [("type", pa.string()), ("edges", pa.list_(pa.float64())), ("values", pa.list_(pa.float64()))]
    return pa.schema([
        ("project_id", pa.string()), ("run_id", pa.string()),
        ("attribute_path", pa.string()), ("attribute_type", pa.string()),
        ("step", pa.decimal128(18, 6)), ("timestamp", moment),
        ("int_value", pa.int64()), ("float_value", pa.float64()), ("string_value", pa.string()),
        ("bool_value", pa.bool_()), ("datetime_value", moment), ("string_set_value", pa.list_(pa.string())),
        ("file_value", pa.struct([("path", pa.string())])), ("histogram_value", pa.struct(histogram)),
    ])  # fmt: skip
