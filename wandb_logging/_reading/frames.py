"""Makes data frames of rows. pyarrow, pandas and polars are imported only when they are asked for.

Each metric is a column. The names of nested values are joined by dots, as in W&B's own exports. A value that is no
number, text or flag, such as a list or media, becomes JSON text.
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
CHUNK = 20_000  # rows in one piece of a table
_AT_ONCE = 50  # so few rows stay in the processor's cache until the last of their columns is filled
_FLOAT = {float}


def flat(row: Mapping[str, Any]) -> Flat:
    """Flatten a row, so that nothing is nested in it."""
    if _SCALARS.issuperset(map(type, row.values())):
        return dict(row)
    return {name: value if type(value) in _SCALARS else dumps(value).decode() for name, value in leaves(row)}


def flat_rows(lines: Sequence[str], named: Mapping[str, Any]) -> Iterator[list[Flat]]:
    """Read rows from lines of JSON, flat and some at a time. Each row begins with the items of `named`.

    Nearly always nothing is nested in the rows. Then they are parsed together instead of one by one.
    """
    begin = dumps(named).decode()[:-1] + "," * bool(named)
    for at in range(0, len(lines), _AT_ONCE):
        some = lines[at : at + _AT_ONCE]
        text = ",".join([begin + line[1:] for line in some])
        try:
            simple = text.count("{") == len(some) and "[" not in text
            yield fast_loads(f"[{text}]") if simple else _one_by_one(some, named)
        except (TypeError, ValueError):  # orjson is missing, or a value is NaN, which only the other parser accepts
            yield _one_by_one(some, named)


def _one_by_one(lines: Sequence[str], named: Mapping[str, Any]) -> list[Flat]:
    return [{**named, **flat(loads(line))} for line in lines]


def to_arrow(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Make a `pyarrow.Table` of rows."""
    return table_of(some_of(map(flat, rows)))


def table_of(pieces: Iterable[list[Flat]]) -> Any:
    """Make a `pyarrow.Table` of flat rows, which come some at a time."""
    pa = needed("pyarrow")
    return joined([as_table(pa, columns) for columns in column_pieces(pieces)])


def some_of(rows: Iterable[Flat]) -> Iterator[list[Flat]]:
    """Group rows, some at a time."""
    left = iter(rows)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def to_pandas(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Make a `pandas.DataFrame` of rows."""
    return needed("pandas").DataFrame.from_records(list(map(flat, rows)))


def to_polars(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Make a `polars.DataFrame` of rows."""
    return needed("polars").DataFrame(list(map(flat, rows)), infer_schema_length=None, strict=False)


def column_pieces(pieces: Iterable[list[Flat]], size: int = CHUNK) -> Iterator[Columns]:
    """Columns of at least `size` rows at a time; fewer at the end. A row without a value has None."""
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
    """Append rows to columns that hold `count` rows."""
    if not count:
        columns.update((name, array("d")) for name in rows[0])
    names = list(columns)
    if all(map(names.__eq__, map(list, rows))):  # nearly always true, and takes a quarter of the time
        values = list(chain.from_iterable(map(dict.values, rows)))
        for place, name in enumerate(names):
            columns[name] = _longer(columns[name], values[place :: len(names)])
        return
    for name in dict.fromkeys(name for row in rows for name in row):
        columns.setdefault(name, [None] * count)
    for name, column in columns.items():
        columns[name] = _longer(column, [row.get(name) for row in rows])


def _longer(column: Column, values: list[Any]) -> Column:
    """A column with more values. As long as all are floats it is an array, which takes 8 bytes for each."""
    if isinstance(column, list):
        column += values
    elif set(map(type, values)) == _FLOAT:
        column.fromlist(values)
    else:
        column = column.tolist() + values
    return column


def as_table(pa: Any, columns: Columns) -> Any:
    """Make a table of one piece. A column with values of several kinds becomes text."""
    return pa.table({name: _column(pa, values) for name, values in columns.items()})


def joined(tables: list[Any]) -> Any:
    """Join pieces to one table. A column that a piece lacks is null there. Integers become floats if others are."""
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
    return column.cast(kind, safe=False)  # as in Python, an integer beyond 2**53 becomes the nearest float


def _wider(pa: Any, one: Any, other: Any) -> Any:
    """The narrowest type that can hold both."""
    if one is None or one == other or one == pa.null():
        return other
    if other == pa.null():
        return one
    return pa.float64() if {one, other} == {pa.int64(), pa.float64()} else pa.string()


def _column(pa: Any, values: Column) -> Any:
    if isinstance(values, array):  # takes a tenth of the time of `pa.array`
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
    """Import an optional package.

    Raises:
        ImportError: the package is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise ImportError(
            f"{name} is needed for this, and not installed: pip install {name.partition('.')[0]}"
        ) from exc
