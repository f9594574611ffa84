"""`Table`: rows and columns, from Python, pandas or polars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._media._base import Media, Place
from wandb_logging._media._json import json_bytes

_COLUMNS = ("Input", "Output", "Expected")  # the official SDK's


class Table(Media):
    """A table. It can grow after it was logged: what is logged is what is in it then.

    Args:
        columns: names of the columns. Default: those of a data frame, else Input, Output, Expected.
        data: rows, or a data frame (pandas, polars), or an array of two dimensions.
        rows: another name of `data`.
        dataframe: a data frame; `columns` and `data` are ignored then.
        dtype, optional, allow_mixed_types: of the official SDK, taken and not used: a column may hold anything.
        log_mode: IMMUTABLE or MUTABLE; INCREMENTAL is not supported.

    Attributes:
        columns: names of the columns.
        data: the rows.

    Raises:
        LogError: a row has another length than `columns`, or `log_mode` is another one.
    """

    kind = "table-file"
    folder = "table"
    MAX_ROWS = 10_000  # that are shown (protocol 5.7); the others are only counted

    def __init__(  # noqa: PLR0917  the official SDK's signature
        self,
        columns: Sequence[str | int] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,  # noqa: ARG002
        optional: bool | list[bool] = True,  # noqa: ARG002, FBT001, FBT002
        allow_mixed_types: bool = True,  # noqa: ARG002, FBT001, FBT002
        log_mode: str = "IMMUTABLE",
    ) -> None:
        super().__init__(b"", ".table.json")
        if log_mode not in {"IMMUTABLE", "MUTABLE"}:
            raise LogError(f"log_mode={log_mode!r}: expected IMMUTABLE or MUTABLE")
        given = next((part for part in (dataframe, data, rows) if part is not None), ())
        if hasattr(given, "columns"):
            columns, given = [_name(column) for column in given.columns], _rows_of(given)
        if isinstance(given, (str, bytes)) or isinstance(columns, str) or not isinstance(given, Iterable):
            raise LogError("Table: expected a list of columns and a list of rows")
        self.columns: list[str | int] = list(_COLUMNS if columns is None else columns)
        self.data: list[list[Any]] = []
        self.log_mode = log_mode
        for row in given:
            self.add_data(*row)

    def add_data(self, *data: Any) -> None:
        """Add a row.

        Raises:
            LogError: it has another length than `columns`.
        """
        if len(data) != len(self.columns):
            raise LogError(f"Table: row {len(self.data)} has {len(data)} values for {len(self.columns)} columns")
        self.data.append(list(data))

    def add_column(self, name: str, data: Sequence[Any]) -> None:
        """Add a column.

        Raises:
            LogError: there is one of that name, or it has another length than the table.
        """
        values = list(data)
        if name in self.columns:
            raise LogError(f"Table: there is a column {name!r} already")
        if not self.columns:
            self.data = [[] for _ in values]
        if len(values) != len(self.data):
            raise LogError(f"Table: column {name!r} has {len(values)} values for {len(self.data)} rows")
        self.columns.append(name)
        for row, value in zip(self.data, values):
            row.append(value)

    def json(self, key: str, place: Place) -> dict[str, Any]:
        """The JSON object of it."""
        content = {"columns": self.columns, "data": self.data[: self.MAX_ROWS]}
        file = place.put(json_bytes(content), self.folder, key, self._extension)
        about = {"ncols": len(self.columns), "nrows": len(self.data), "log_mode": self.log_mode}
        return {"_type": self.kind, **file, **about}


def _name(column: Any) -> str | int:
    return column if isinstance(column, (str, int)) else str(column)


def _rows_of(frame: Any) -> Iterable[Sequence[Any]]:
    if callable(getattr(frame, "rows", None)):  # polars
        return frame.rows()  # type: ignore[no-any-return]
    # pandas: by position, for two columns may have one name; as lists, for those hold Python's own values
    return zip(*(frame.iloc[:, i].tolist() for i in range(len(frame.columns))))
