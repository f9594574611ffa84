"""Makes data frames of rows. pyarrow, pandas and polars are imported only when they are asked for.

Each metric is a column. The names of nested values are joined by dots, as in W&B's own exports. A value that is no
number, text or flag, such as a list or media, becomes JSON text.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from wandb_logging._values.nested import leaves
from wandb_logging._values.plain import dumps
from wandb_logging._values.utf8 import with_utf8

Row = Mapping[str, Any]
Flat = dict[str, Any]
_NUMBERS = frozenset({int, float, bool, type(None)})
_LARGEST = 2**63
AT_ONCE = 2_000  # rows; of few, pyarrow looks too often whether pandas has been installed: once for each column
_CHUNK = 20_000  # rows in one piece of a table


def flat(row: Row) -> Flat:
    """Flatten a row, so that nothing is nested in it, and all text can be written as UTF-8."""
    if _NUMBERS.issuperset(map(type, row.values())) and "".join(row).isascii():
        return dict(row)
    return {with_utf8(name): _leaf(value) for name, value in leaves(row)}


def _leaf(value: Any) -> Any:
    if type(value) in _NUMBERS:
        return value
    return with_utf8(value) if type(value) is str else dumps(value).decode()


def to_arrow(rows: Sequence[Row]) -> Any:
    """Make a `pyarrow.Table` of rows."""
    return table_of(rows[at : at + AT_ONCE] for at in range(0, len(rows), AT_ONCE))


def to_pandas(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Make a `pandas.DataFrame` of rows."""
    return needed("pandas").DataFrame.from_records(list(map(flat, rows)))


def to_polars(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Make a `polars.DataFrame` of rows."""
    return needed("polars").DataFrame(list(map(flat, rows)), infer_schema_length=None, strict=False)


def table_of(pieces: Iterable[Sequence[Row]]) -> Any:
    """Make a `pyarrow.Table` of rows, which come some at a time."""
    pa = needed("pyarrow")
    tables = (as_table(pa, some) for some in pieces if some)
    return joined(pa, [joined(pa, some).combine_chunks() for some in _grouped(tables)])


def _grouped(tables: Iterator[Any]) -> Iterator[list[Any]]:
    """Group tables, so that each group has as many rows as a piece of a table."""
    while some := list(islice(tables, _CHUNK // AT_ONCE)):
        yield some


def as_table(pa: Any, rows: Sequence[Row]) -> Any:
    """Make a table of some rows, at least one. A column with values of several kinds becomes text."""
    table = _inferred(pa, rows)
    if table is None:  # a value is nested, or a column has several kinds
        flat_rows = list(map(flat, rows))
        table = _inferred(pa, flat_rows)
        if table is None:
            names = _names(flat_rows)
            table = pa.table({name: _column(pa, [row.get(name) for row in flat_rows]) for name in names})
    return table


def _inferred(pa: Any, rows: Sequence[Row]) -> Any:
    """A table as pyarrow makes it, in a third of the time; None if it fails or has other types than ours."""
    try:
        found = pa.array(rows)
    except (TypeError, ValueError, OverflowError):
        return None
    kinds = {pa.null(), pa.bool_(), pa.int64(), pa.float64(), pa.string()}
    if not kinds.issuperset([field.type for field in found.type]):
        return None
    if _hides_flags(rows, [field.name for field in found.type if field.type != pa.bool_()]):
        return None
    names = list(rows[0]) if len(rows[0]) == found.type.num_fields else _names(rows)
    # Not `Table.from_arrays`: for each array, too, pyarrow would look for pandas.
    return pa.Table.from_batches([pa.RecordBatch.from_struct_array(found)]).select(names)


def _hides_flags(rows: Sequence[Row], names: Sequence[str]) -> bool:
    """Whether some of the columns have flags in them, which pyarrow takes for numbers if others are."""
    if bool not in set(map(type, chain.from_iterable([row.values() for row in rows]))):
        return False
    return any(type(row.get(name)) is bool for row in rows for name in names)


def _names(rows: Iterable[Row]) -> list[str]:
    """The names of the columns, in the order in which they first occur."""
    return list(dict.fromkeys(name for row in rows for name in row))


def joined(pa: Any, tables: Sequence[Any]) -> Any:
    """Join pieces to one table. A column that a piece lacks is null there. Integers become floats if others are."""
    if not tables:
        return pa.table({})
    kinds: dict[str, Any] = {}
    for schema in {table.schema: None for table in tables}:
        for field in schema:
            kinds[field.name] = _wider(pa, kinds.get(field.name), field.type)
    schema = pa.schema(list(kinds.items()))
    return pa.concat_tables([_with_schema(pa, table, schema) for table in tables])


def _with_schema(pa: Any, table: Any, schema: Any) -> Any:
    if table.schema == schema:
        return table
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


def _column(pa: Any, values: list[Any]) -> Any:
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
