"""Makes data frames of rows. pyarrow, pandas and polars are imported only when they are asked for.

Each metric is a column. The names of nested values are joined by dots, as in W&B's own exports. A value that is no
number, text or flag, such as a list or media, becomes JSON text.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from wandb_logging._values.nested import leaves
from wandb_logging._values.plain import dumps
from wandb_logging._values.utf8 import with_utf8

Row = Mapping[str, Any]
Flat = dict[str, Any]
_NUMBERS = frozenset({int, float, bool, type(None)})
Columns = dict[str, Sequence[Any]]
_NOTHING: Columns = {}
_LARGEST = 2**63
_AT_ONCE = 2_000  # rows that are made columns of
_CHUNK = 20_000  # least rows in one piece of a table, but the last


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
    pieces = (rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE))
    return table_of(map(flat_columns, pieces))


def to_pandas(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Make a `pandas.DataFrame` of rows."""
    return needed("pandas").DataFrame.from_records(list(map(flat, rows)))


def to_polars(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Make a `polars.DataFrame` of rows."""
    return needed("polars").DataFrame(list(map(flat, rows)), infer_schema_length=None, strict=False)


def columns_of(rows: Sequence[Mapping[str, Any]], beside: Mapping[str, Sequence[Any]]) -> Columns:
    """The values of some rows by name; None where a row lacks it. Names are in the order in which they first occur.

    Args:
        rows: at least one.
        beside: columns of what stands beside the rows. They come after the names of the first row.
    """
    if len(set(map(tuple, rows))) == 1:  # as nearly always
        return {**dict(zip(rows[0], zip(*[row.values() for row in rows]))), **beside}
    names = dict.fromkeys((*rows[0], *beside, *chain.from_iterable(rows)))
    return {name: beside[name] if name in beside else [row.get(name) for row in rows] for name in names}


def flat_columns(rows: Sequence[Row], beside: Mapping[str, Sequence[Any]] = _NOTHING) -> Columns:
    """The columns of some rows, made flat. Arguments as of `columns_of`; beside the rows are numbers."""
    columns = columns_of(rows, beside)
    others = {name: values for name, values in columns.items() if not _are_numbers(values)}
    if dict in set(map(type, chain.from_iterable(others.values()))) or not "".join(columns).isascii():
        return columns_of([*map(flat, rows)], beside)
    return {**columns, **{name: [*map(_leaf, values)] for name, values in others.items()}}


def _are_numbers(values: Iterable[Any]) -> bool:
    """Whether no value is text or holds others. To add them up takes a third of the time of looking at their types."""
    try:
        sum(values)
    except (TypeError, OverflowError):  # None, and a whole number that is too large for a float, are no others either
        return _NUMBERS.issuperset(map(type, values))
    return True


def table_of(pieces: Iterable[Columns]) -> Any:
    """Make a `pyarrow.Table` of flat columns, which come some rows at a time."""
    pa = needed("pyarrow")
    tables = (as_table(pa, columns) for columns in pieces)
    return joined(pa, [joined(pa, some).combine_chunks() for some in _grouped(tables)])


def _grouped(tables: Iterable[Any]) -> Iterator[list[Any]]:
    """Group tables, so that each group has about as many rows as a piece of a table."""
    some: list[Any] = []
    for table in tables:
        some.append(table)
        if sum(map(len, some)) >= _CHUNK:
            yield some
            some = []
    if some:
        yield some


def as_table(pa: Any, columns: Columns) -> Any:
    """Make a table of flat columns. One with values of several kinds becomes text."""
    return pa.table({name: _column(pa, values) for name, values in columns.items()})


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
    at = {name: number for number, name in enumerate(table.column_names)}
    columns = [
        _as_kind(pa, table.column(at[field.name]), field.type)
        if field.name in at
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


def _column(pa: Any, values: Sequence[Any]) -> Any:
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {float}:
        return pa.array(values, pa.float64())
    if kinds <= {int, float} and all(-_LARGEST <= value < _LARGEST for value in values if type(value) is int):
        if kinds == {int}:
            return pa.array(values, pa.int64())
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
