"""`Table`: rows and columns, from Python, pandas or polars."""

from __future__ import annotations

import base64
import datetime as dt
import importlib
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from wandb_logging._artifacts.artifact import MAX_NAME, Artifact
from wandb_logging._artifacts.keeping import describe
from wandb_logging._errors import LogError
from wandb_logging._events.media_names import safe_key
from wandb_logging._media.base import Media, Place
from wandb_logging._media.column_types import column_types
from wandb_logging._media.increments import INCREMENTAL, Increment, Increments
from wandb_logging._media.json import AS_IT_IS, json_bytes, whole
from wandb_logging._values.plain import is_a

_DECIMAL = frozenset({"decimal.Decimal"})
_COLUMNS = ("Input", "Output", "Expected")  # the official SDK's default


class Table(Media):
    """A table. It can grow after it was logged: what is logged is the table's content at that moment.

    The table is also logged as an artifact `run-<run id>-<key>` of type run_table, with the media in its cells.

    Args:
        columns: names of the columns. Default: those of a data frame, else Input, Output, Expected.
        data: rows, a data frame (pandas, polars), or an array of two dimensions.
        rows: another name of `data`.
        dataframe: a data frame; `columns` and `data` are ignored then.
        dtype, optional, allow_mixed_types: accepted as by the official SDK, but not used: a column may hold anything.
        log_mode: IMMUTABLE and MUTABLE are the same here: the whole table is logged each time. INCREMENTAL logs only
            the new rows each time, in a version of the artifact `run-<run id>-incr-<key>` that holds all of them. The
            page combines the last 100 increments.

    Attributes:
        columns: names of the columns.
        data: the rows.

    Raises:
        LogError: a row has another length than `columns`, or `log_mode` is none of these.
    """

    kind = "table-file"
    folder = "table"
    MAX_ROWS = 10_000  # in the file beside the row (protocol 5.7); further rows are only counted
    MAX_ARTIFACT_ROWS = 200_000  # in the artifact's file; the official SDK's limit

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
        if log_mode not in {"IMMUTABLE", "MUTABLE", INCREMENTAL}:
            raise LogError(f"log_mode={log_mode!r}: expected IMMUTABLE, MUTABLE or INCREMENTAL")
        given = next((part for part in (dataframe, data, rows) if part is not None), ())
        if hasattr(given, "columns"):
            columns, given = [_name(column) for column in given.columns], _rows_of(given)
        if isinstance(given, (str, bytes)) or isinstance(columns, str) or not isinstance(given, Iterable):
            raise LogError("Table: expected a list of columns and a list of rows")
        self.columns: list[str | int] = list(_COLUMNS if columns is None else columns)
        self.data: list[list[Any]] = []
        self.log_mode = log_mode
        self._increments = Increments() if log_mode == INCREMENTAL else None
        self._filled: set[str | int] = set()
        for row in given:
            self.add_data(*row)

    def add_data(self, *data: Any) -> None:
        """Add a row.

        Raises:
            LogError: the row has another length than `columns`.
        """
        self._check(len(self.data), data)
        self.data.append(list(data))

    def _check(self, number: int, row: Sequence[Any]) -> None:
        if len(row) != len(self.columns):
            raise LogError(f"Table: row {number} has {len(row)} values for {len(self.columns)} columns")

    def add_column(self, name: str, data: Sequence[Any], optional: bool = False) -> None:  # noqa: FBT001, FBT002  the official SDK's
        """Add a column.

        Args:
            name: name of the column.
            data: one value for each row.
            optional: whether the page is told that values may be missing.

        Raises:
            LogError: there is a column of that name, the number of values differs from the number of rows, or the table
                grows by increments, which all have the columns of the first.
        """
        if self._increments is not None:
            raise LogError("Table: one with log_mode='INCREMENTAL' gets no more columns")
        values = list(data)
        if name in self.columns:
            raise LogError(f"Table: there is a column {name!r} already")
        if not self.columns:
            self.data = [[] for _ in values]
        if len(values) != len(self.data):
            raise LogError(f"Table: column {name!r} has {len(values)} values for {len(self.data)} rows")
        self.columns.append(name)
        if not optional:
            self._filled.add(name)
        for row, value in zip(self.data, values):
            row.append(value)

    def add_computed_columns(self, fn: Callable[[int, dict[str | int, Any]], Mapping[str, Any]]) -> None:
        """Add columns computed from the others.

        Args:
            fn: called with the number of a row and its values by column; returns the new values by column.

        Raises:
            LogError: the rows do not all get the same new columns, or there is a column of that name.
        """
        made = [dict(fn(number, dict(zip(self.columns, row)))) for number, row in enumerate(self.data)]
        for name in dict.fromkeys(name for row in made for name in row):
            self.add_column(name, [row[name] for row in made if name in row])

    def get_dataframe(self) -> Any:
        """The table as a data frame of pandas.

        Raises:
            LogError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            raise LogError("Table.get_dataframe needs pandas: pip install pandas") from None
        return pandas.DataFrame.from_records(self.data, columns=self.columns)

    def add_row(self, *row: Any) -> None:
        """Another name of `add_data`."""
        self.add_data(*row)

    def get_column(self, name: str | int, convert_to: str | None = None) -> Any:
        """The values of a column: a list, or an array if `convert_to` is "numpy".

        Raises:
            LogError: there is no such column.
        """
        if name not in self.columns:
            raise LogError(f"Table: there is no column {name!r}")
        place = self.columns.index(name)
        values = [row[place] for row in self.data]
        if convert_to != "numpy":
            return values
        import numpy as np  # noqa: PLC0415  only if requested

        return np.array(values)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Number and values of each row."""
        yield from enumerate(self.data)

    def json(self, key: str, place: Place) -> dict[str, Any]:
        """The JSON object of the table."""
        for number, row in enumerate(self.data):  # anybody may have changed `data`
            self._check(number, row)
        if self._increments is not None:
            keep, log = partial(self._increment_file, key, place), partial(self._increment_artifact, key, place)
            return {**self._size(), **self._increments.next(len(self.data), key, place, keep, log)}
        file = self._file(self.data, key, place)
        artifact = Artifact(artifact_name(f"run-{place.run_id}-{key}"), "run_table")
        beside = self._into_own(artifact, key, self.data, place.log_artifact)
        return {"_type": self.kind, **file, **self._size(), **beside}

    def _increment_file(self, key: str, place: Place, increment: Increment) -> dict[str, Any]:
        return self._file(self.data[increment.rows], key, place)

    def _increment_artifact(self, key: str, place: Place, increment: Increment) -> dict[str, str]:
        artifact = Artifact(artifact_name(f"run-{place.run_id}-incr-{key}"), "wandb-run-incremental-table")
        log = partial(place.log_artifact, incremental=True)
        return self._into_own(artifact, increment.name(key), self.data[increment.rows], log, **increment.json)

    def _file(self, rows: list[list[Any]], key: str, place: Place) -> dict[str, Any]:
        """Keep rows in the file beside the row of metrics. Returns what the JSON object says about that file."""
        content = {"columns": self.columns, "data": rows[: self.MAX_ROWS]}
        return place.put(json_bytes(content), self.folder, key, self._extension)

    def _size(self) -> dict[str, Any]:
        return {"ncols": len(self.columns), "nrows": len(self.data), "log_mode": self.log_mode}

    def _into_own(
        self, artifact: Artifact, key: str, rows: list[list[Any]], log: Callable[[Artifact], object], **more: Any
    ) -> dict[str, str]:
        """Log rows, with the media in them, also as an artifact, because that is what the page shows.

        Returns:
            Where the rows are in that artifact.
        """
        name = f"{safe_key(key)}.table.json"
        content = {**self._content(rows, artifact), **more}
        with artifact.new_file(name, "wb") as file:
            # Written as the official SDK writes it, so that the same table has the same digest.
            file.write(json.dumps(content, sort_keys=True).encode())
        log(artifact)
        ids = describe(artifact, None)
        return {
            "artifact_path": f"wandb-client-artifact://{ids['client_id']}/{name}",
            "_latest_artifact_path": f"wandb-client-artifact://{ids['sequence_client_id']}:latest/{name}",
        }

    def into(self, artifact: Artifact) -> dict[str, Any]:
        """Add the media in the cells to an artifact. Returns the JSON object for use in that artifact."""
        return self._content(self.data, artifact)

    def _content(self, rows: list[list[Any]], artifact: Artifact) -> dict[str, Any]:
        rows = rows[: self.MAX_ARTIFACT_ROWS]
        return {
            "_type": "table",
            "column_types": column_types(self.columns, rows, self._filled),
            "columns": self.columns,
            "data": [[_cell(value, artifact) for value in row] for row in rows],
            "log_mode": self.log_mode,
            "ncols": len(self.columns),
            "nrows": len(rows),
        }


def artifact_name(name: str) -> str:
    """A valid artifact name, made as the official SDK makes it. Different names give different results."""
    safe = re.sub(r"[^a-zA-Z0-9_.-]+", "", name)
    if safe == name and len(name) <= MAX_NAME:
        return name
    suffix = base64.urlsafe_b64encode(zlib.crc32(name.encode("utf-8", "replace")).to_bytes(4, "big"))
    return f"{safe[: MAX_NAME - 7]}-{suffix.decode().rstrip('=')}"


def _cell(value: Any, artifact: Artifact) -> Any:
    """A cell in the form used in artifacts: media become files beside the table, times milliseconds since 1970."""
    if type(value) in AS_IT_IS:
        return None if value != value else value
    return _thought_over(value, artifact)


def _thought_over(value: Any, artifact: Artifact) -> Any:
    if isinstance(value, Media):
        return value.into(artifact)
    if isinstance(value, Mapping):
        return {str(key): _cell(item, artifact) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cell(item, artifact) for item in value]
    if isinstance(value, (float, dt.date)) and value != value:  # NaN, or pandas' value for a missing time
        return None
    if isinstance(value, dt.date):
        moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
        return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)).timestamp() * 1000)
    return float(value) if is_a(type(value), _DECIMAL) else whole(value)


def _name(column: Any) -> str | int:
    return column if isinstance(column, (str, int)) else str(column)


def _rows_of(frame: Any) -> Iterable[Sequence[Any]]:
    if callable(getattr(frame, "rows", None)):  # polars
        return frame.rows()  # type: ignore[no-any-return]
    # pandas: by position, because two columns may share a name; as lists, because those hold Python's own values
    return zip(*(frame.iloc[:, i].tolist() for i in range(len(frame.columns))))
