"""Rows as data frames. pyarrow, pandas and polars are imported where they are asked for.

A column is a metric. Names of nested values are joined by dots, as W&B's own exports join them. What is no number, text
or flag (lists, media) is JSON text in its column.
"""

from __future__ import annotations

import importlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Union

from wandb_logging._values.nested import leaves
from wandb_logging._values.plain import dumps, fast_loads, loads

Flat = dict[str, Any]
Column = Union["array[float]", list[Any]]
Columns = dict[str, Column]
_SCALARS = frozenset({int, float, str, bool, type(None)})
_LARGEST = 2**63
CHUNK = 20_000  # rows of one piece of a table
_AT_ONCE = 50  # rows that the processor still has at hand when the last of their columns is filled
_FLOAT = {float}


def flat(row: Mapping[str, Any]) -> Flat:
    """A row with nothing nested in it."""
    if _SCALARS.issuperset(map(type, row.values())):
        return dict(row)
    return {name: value if type(value) in _SCALARS else dumps(value).decode() for name, value in leaves(row)}


def flat_rows(lines: Sequence[str], named: Mapping[str, Any]) -> Iterator[list[Flat]]:
    """The rows of lines of JSON, flat and some at a time, each behind what is named.

    As nearly always nothing is nested in them: then they are read together, and not looked at one by one.
    """
    begin = dumps(named).decode()[:-1] + "," * bool(named)
    for at in range(0, len(lines), _AT_ONCE):
        some = lines[at : at + _AT_ONCE]
        text = ",".join([begin + line[1:] for line in some])
        try:
            simple = text.count("{") == len(some) and "[" not in text
            yield fast_loads(f"[{text}]") if simple else _one_by_one(some, named)
        except (TypeError, ValueError):  # there is no orjson, or NaN is in it, which the other reader knows
            yield _one_by_one(some, named)


def _one_by_one(lines: Sequence[str], named: Mapping[str, Any]) -> list[Flat]:
    return [{**named, **flat(loads(line))} for line in lines]


def to_arrow(rows: Iterable[Mapping[str, Any]]) -> Any:
    """A `pyarrow.Table`."""
    return table_of(some_of(map(flat, rows)))


def table_of(pieces: Iterable[list[Flat]]) -> Any:
    """A `pyarrow.Table` of rows that are flat, some at a time."""
    pa = needed("pyarrow")
    return joined([as_table(pa, columns) for columns in column_pieces(pieces)])


def some_of(rows: Iterable[Flat]) -> Iterator[list[Flat]]:
    """Rows, some at a time."""
    left = iter(rows)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def to_pandas(rows: Iterable[Mapping[str, Any]]) -> Any:
    """A `pandas.DataFrame`."""
    return needed("pandas").DataFrame.from_records(list(map(flat, rows)))


def to_polars(rows: Iterable[Mapping[str, Any]]) -> Any:
    """A `polars.DataFrame`."""
    return needed("polars").DataFrame(list(map(flat, rows)), infer_schema_length=None, strict=False)


def column_pieces(pieces: Iterable[list[Flat]], size: int = CHUNK) -> Iterator[Columns]:
    """Columns of so many rows at a time, or some more, None where a row has no value."""
    columns: Columns = {}
    count = 0
    for some in filter(None, pieces):
        _add(columns, some, count)
        count += len(some)
        if count >= size:
            yield columns
            columns, count = {}, 0
    if count:
        yield columns


def _add(columns: Columns, rows: list[Flat], count: int) -> None:
    """Put rows behind the `count` that are there."""
    if not count:
        columns.update((name, array("d")) for name in rows[0])
    names = list(columns)
    if all(map(names.__eq__, map(list, rows))):  # as nearly always: a quarter of the time
        values = list(chain.from_iterable(map(dict.values, rows)))
        for place, name in enumerate(names):
            columns[name] = _longer(columns[name], values[place :: len(names)])
        return
    for name in dict.fromkeys(name for row in rows for name in row):
        columns.setdefault(name, [None] * count)
    for name, column in columns.items():
        columns[name] = _longer(column, [row.get(name) for row in rows])


def _longer(column: Column, values: list[Any]) -> Column:
    """A column with some more values: an array as long as all are floats, so that these take no room but their own."""
    if isinstance(column, list):
        column += values
    elif set(map(type, values)) == _FLOAT:
        column.fromlist(values)
    else:
        column = column.tolist() + values
    return column


def as_table(pa: Any, columns: Columns) -> Any:
    """One piece as a table. A column of several kinds becomes text."""
    return pa.table({name: _column(pa, values) for name, values in columns.items()})


def joined(tables: list[Any]) -> Any:
    """Pieces as one table: columns that one of them lacks are null there, whole numbers become floats beside floats."""
    pa = needed("pyarrow")
    if not tables:
        return pa.table({})
    kinds: dict[str, Any] = {}
    for table in tables:
        for field in table.schema:
            kinds[field.name] = _wider(pa, kinds.get(field.name), field.type)
    schema = pa.schema(list(kinds.items()))
    return pa.concat_tables([_with_schema(pa, table, schema) for table in tables])


def _with_schema(pa: Any, table: Any, schema: Any) -> Any:
    columns = [
        _as_kind(pa, table.column(field.name), field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _as_kind(pa: Any, column: Any, kind: Any) -> Any:
    if column.type == kind:
        return column
    if kind == pa.string():
        return pa.array([_text(value) for value in column.to_pylist()], kind)
    return column.cast(kind, safe=False)  # as Python does: a whole number beyond 2**53 is the nearest float


def _wider(pa: Any, one: Any, other: Any) -> Any:
    """The narrowest kind that holds both."""
    if one is None or one == other or one == pa.null():
        return other
    if other == pa.null():
        return one
    return pa.float64() if {one, other} == {pa.int64(), pa.float64()} else pa.string()


def _column(pa: Any, values: Column) -> Any:
    if isinstance(values, array):  # a tenth of the time that pyarrow takes by itself
        return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(values)])
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    if kinds <= {int, float} and all(-_LARGEST <= value < _LARGEST for value in values if type(value) is int):
        if len(kinds) == 1:
            return pa.array(values, pa.int64() if kinds == {int} else pa.float64())
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else dumps(value).decode()


def needed(name: str) -> Any:
    """A package that is no dependency.

    Raises:
        ImportError: it is not installed; says how to.
    """
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise ImportError(
            f"{name} is needed for this, and not installed: pip install {name.partition('.')[0]}"
        ) from exc
