from __future__ import annotations

import math
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pytest
from hypothesis import given, strategies as st

from wandb_logging._reading import frames

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(max_size=4)
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from("abcd"), SCALARS, max_size=4).map(lambda row: {"_step": 0, **row}), max_size=8
)

NAMES = st.sampled_from(["a", "b", "c.d", "c", "\udc00", "é", "_timestamp"])
VALUES = st.recursive(
    SCALARS | st.just(math.nan) | st.just("\ud83d"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["d", "_type"]), inner, max_size=2),
    max_leaves=4,
)


class _Asked:
    """A table that counts how often it is asked for all its names."""

    def __init__(self, table: Any) -> None:
        self.times = 0
        self._table = table

    @property
    def column_names(self) -> Any:
        self.times += 1
        return self._table.column_names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


def test_ten_thousand_metrics_are_not_looked_through_ten_thousand_times() -> None:
    """A piece that lacks a column is joined to others in one look at its names."""
    wide = {f"m{number}": [number] for number in range(10_000)}
    table = _Asked(pa.table(wide))
    joined = frames.joined(pa, [table, pa.table({"other": [1]})])
    assert (joined.num_rows, joined.num_columns) == (2, 10_001)
    assert joined.column("m9999").to_pylist() == [9999, None]
    assert table.times == 1


class TestFlat:
    def test_nested_names_are_joined_by_dots(self) -> None:
        """As W&B's exports have them; media stay whole, as JSON."""
        row = {"a": 1, "val": {"acc": {"top1": 0.5}}, "h": {"_type": "histogram", "bins": [1, 2]}, "l": [1, 2], "e": {}}
        assert frames.flat(row) == {
            "a": 1,
            "val.acc.top1": 0.5,
            "h": '{"_type":"histogram","bins":[1,2]}',
            "l": "[1,2]",
            "e": "{}",
        }


class TestColumns:
    @given(st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=6))
    def test_they_are_the_flat_rows(self, rows: list[dict[str, Any]]) -> None:
        """Whatever rows hold: their columns hold each value of each flat row, and nothing else."""
        flat = [frames.flat({**row, "_step": at}) for at, row in enumerate(rows)]
        columns = frames.flat_columns(rows, {"_step": range(len(rows))})
        assert list(columns) == list(dict.fromkeys(name for row in flat for name in row))
        found = [dict(zip(columns, values)) for values in zip(*columns.values())]
        assert repr(found) == repr([{name: row.get(name) for name in columns} for row in flat])


class TestArrow:
    @given(ROWS, st.integers(1, 4))
    def test_pieces_make_the_same_table(self, rows: list[dict[str, Any]], size: int) -> None:
        """However many rows a piece has, the table holds each value where it was logged, and null elsewhere."""
        table = frames.table_of(frames.flat_columns(rows[at : at + size]) for at in range(0, len(rows), size))
        assert table.num_rows == len(rows)
        for name in table.column_names:
            kind = table.schema.field(name).type
            for got, row in zip(table.column(name).to_pylist(), rows):
                assert same(got, row.get(name), kind), (name, got, row, kind)

    def test_kinds(self) -> None:
        """Whole numbers stay whole, meet floats as floats, and texts as text."""
        rows: list[dict[str, Any]] = [{"i": 1, "x": 1, "s": 1, "n": float("nan")}, {"i": 2**62, "x": 0.5, "s": "one"}]
        table = frames.to_arrow(rows)
        assert table.schema.names == ["i", "x", "s", "n"]
        assert [str(field.type) for field in table.schema] == ["int64", "double", "string", "double"]
        assert table.column("i").to_pylist() == [1, 2**62]
        assert table.column("s").to_pylist() == ["1", "one"]
        first, second = table.column("n").to_pylist()
        assert math.isnan(first)
        assert second is None

    def test_no_rows(self) -> None:
        """A run that logged nothing is a table without columns."""
        assert frames.to_arrow([]).num_rows == 0


def same(got: Any, logged: Any, kind: Any) -> bool:
    if logged is None or got is None:
        return got is None and logged is None
    if kind == pa.string():
        return isinstance(got, str) and (got == logged or not isinstance(logged, str))
    return bool(got == pytest.approx(logged))


def test_pandas_and_polars() -> None:
    """The same columns in both: missing values are missing, not zero."""
    rows = [{"a": 1.5, "val": {"b": 2}}, {"a": 2.5, "c": "x"}]
    for made, kind in ((frames.to_pandas(rows), pd.DataFrame), (frames.to_polars(rows), pl.DataFrame)):
        assert isinstance(made, kind)
        assert list(made.columns) == ["a", "val.b", "c"]
    assert frames.to_polars(rows)["val.b"].to_list() == [2, None]


def test_what_is_missing_says_how_to_get_it() -> None:
    """Without the package the error says which one, and how it is installed."""
    with pytest.raises(ImportError, match="pip install no_such_package"):
        frames.needed("no_such_package.inner")
