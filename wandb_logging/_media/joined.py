"""Tables made of other tables in the same artifact.

`JoinedTable` joins two tables by a key; `PartitionedTable` combines all tables of a folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wandb_logging._artifacts.artifact import Artifact
from wandb_logging._artifacts.keeping import describe
from wandb_logging._errors import LogError
from wandb_logging._events.media_names import safe_key
from wandb_logging._media.base import Media, Place
from wandb_logging._media.table import Table, artifact_name

_END = ".table.json"


class _OfTables(Media):
    folder = "table"

    def __init__(self) -> None:
        super().__init__(b"", f".{self.kind}.json")

    def json(self, key: str, place: Place) -> dict[str, Any]:
        """Log the table as an artifact, with all it needs. Returns where the table is in that artifact."""
        artifact = Artifact(artifact_name(f"run-{place.run_id}-{key}"), "run_table")
        name = f"{safe_key(key)}.{self.kind}.json"
        content = self.into(artifact)
        with artifact.new_file(name) as file:
            json.dump(content, file, sort_keys=True)
        place.log_artifact(artifact)
        client_id = describe(artifact, None)["client_id"]
        return {"_type": self.kind, "artifact_path": f"wandb-client-artifact://{client_id}/{name}"}


class JoinedTable(_OfTables):
    """Two tables of an artifact, which the page shows joined by a key. `Artifact.add` adds both tables with it.

    Args:
        table1: a `Table`, a `PartitionedTable`, or the name of one in the artifact, such as `left.table.json`.
        table2: likewise.
        join_key: the column by which to join, or a pair of columns, one of each table.

    Raises:
        LogError: a table or the key is of another kind.
    """

    kind = "joined-table"

    def __init__(self, table1: Any, table2: Any, join_key: str | Sequence[str]) -> None:
        super().__init__()
        for name, table in (("table1", table1), ("table2", table2)):
            if not isinstance(table, (Table, PartitionedTable)) and not str(_path_of(table)).endswith(_END):
                raise LogError(f"JoinedTable: {name}: expected a Table, or the name of one in the artifact")
        if not isinstance(join_key, str) and len(join_key) != 2:
            raise LogError("JoinedTable: join_key: expected a column, or a list of two")
        self.tables = (table1, table2)
        self.join_key = join_key

    def into(self, artifact: Artifact) -> dict[str, Any]:
        """Add the tables to an artifact, unless they are there. Returns the JSON object for use in that artifact.

        Raises:
            LogError: a named table is not in the artifact.
        """
        names = [self._name_in(artifact, table, number) for number, table in enumerate(self.tables, 1)]
        return {"_type": self.kind, "table1": names[0], "table2": names[1], "join_key": self.join_key}

    def _name_in(self, artifact: Artifact, table: Any, number: int) -> str:
        if isinstance(table, (Table, PartitionedTable)):
            from wandb_logging._media.members import add  # noqa: PLC0415  members imports this class

            return add(artifact, table, f"t{number}_{id(self)}")
        name = _path_of(table)
        if name not in artifact.manifest.entries:
            raise LogError(f"JoinedTable: the artifact has no {name!r}; add the table before")
        return str(name)


def _path_of(table: Any) -> str | None:
    """The name of a table in an artifact, from that name or from an entry of a manifest."""
    return table if isinstance(table, str) else getattr(table, "path", None)


class PartitionedTable(_OfTables):
    """All tables in a folder of an artifact, shown as one.

    Args:
        parts_path: the folder.
    """

    kind = "partitioned-table"

    def __init__(self, parts_path: str) -> None:
        super().__init__()
        self.parts_path = parts_path
        self._parts: Mapping[str, Any] = {}

    def into(self, artifact: Artifact) -> dict[str, Any]:  # noqa: ARG002  its parts are added one by one
        """The JSON object of the table in an artifact."""
        return {"_type": self.kind, "parts_path": self.parts_path}

    def of_parts(self, parts: Mapping[str, Any]) -> PartitionedTable:
        """Take the partial tables, by name. Each is a function that returns the table."""
        self._parts = parts
        return self

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Number and values of each row, one table after the other.

        Raises:
            LogError: the tables do not have the same columns.
        """
        number, columns = 0, None
        for name in sorted(self._parts):
            table = self._parts[name]()
            if columns is not None and columns != table.columns:
                raise LogError(f"{name} has columns {table.columns}, the part before has {columns}")
            columns = table.columns
            for _, row in table.iterrows():
                yield number, row
                number += 1
