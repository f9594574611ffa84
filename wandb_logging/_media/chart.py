"""Charts that the web page draws from a table. The table goes into the row, how to draw it into the run's config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from wandb_logging._dataclass import dataclass

if TYPE_CHECKING:
    from wandb_logging._media.table import Table


@dataclass(frozen=True)
class Chart:
    """A table drawn by one of the page's Vega specifications.

    Attributes:
        table: the rows.
        spec: name of the specification, such as wandb/line/v0.
        fields: field of the specification -> column of the table.
        strings: texts of the chart, such as its title.
        apart: whether the page puts the table into a section of its own.
    """

    table: Table
    spec: str
    fields: Mapping[str, Any]
    strings: Mapping[str, Any] = field(default_factory=dict)
    apart: bool = False

    kind: ClassVar[str] = "visualize"

    def row_key(self, key: str) -> str:
        """The name of the table in the row."""
        return f"Custom Chart Tables/{key}_table" if self.apart else f"{key}_table"

    def panel(self, key: str) -> dict[str, Any]:
        """How the page draws the chart, for `_wandb.visualize` in the config."""
        return vega(self.spec, self.fields, self.strings, self.row_key(key))


def vega(spec: str, fields: Mapping[str, Any], strings: Mapping[str, Any], table: str) -> dict[str, Any]:
    """How the page draws a table by a Vega specification, for `_wandb.visualize` in the config.

    Args:
        spec, fields, strings: as the attributes of `Chart`.
        table: the name of the table in the row.
    """
    asked: list[dict[str, Any]] = [{"name": name, "fields": []} for name in ("id", "name", "_defaultColorIndex")]
    key = {"name": "tableKey", "value": table}
    asked.append({"name": "summaryTable", "args": [key], "fields": []})
    runs = {"name": "runSets", "args": [{"name": "runSets", "value": "${runSets}"}], "fields": asked}
    return {
        "panel_type": "Vega2",
        "panel_config": {
            "panelDefId": spec,
            "fieldSettings": dict(fields),
            "stringSettings": dict(strings),
            "transform": {"name": "tableWithLeafColNames"},
            "userQuery": {"queryFields": [runs]},
        },
    }


@dataclass(frozen=True)
class Visualized:
    """A table drawn by a panel of an older kind.

    Attributes:
        table: the rows.
        id: name of the panel.
    """

    table: Table
    id: str

    kind: ClassVar[str] = "viz"

    def row_key(self, key: str) -> str:
        """The name of the table in the row."""
        return key

    def panel(self, key: str) -> dict[str, Any]:
        """How the page draws the table, for `_wandb.viz` in the config."""
        return {"id": self.id, "historyFieldSettings": {"x-axis": "_step", "key": key}}
