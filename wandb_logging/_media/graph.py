"""`Graph`: the layers of a model."""

from __future__ import annotations

from typing import Any

from wandb_logging._media.base import Media, Place
from wandb_logging._media.json import json_bytes


class Graph(Media):
    """Layers of a model and the connections between them. What is logged is the graph's content at that moment.

    Args:
        format: where the model comes from, such as keras or torch. The page draws the graph accordingly.

    Attributes:
        nodes: a mapping for each layer, with id, name, class_name and so on.
        edges: pairs of ids.
    """

    kind = "graph-file"
    folder = "graph"

    def __init__(self, format: str = "keras") -> None:  # noqa: A002  the official SDK's name
        super().__init__(b"", ".graph.json")
        self.format = format
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[tuple[Any, Any]] = []

    def json(self, key: str, place: Place) -> dict[str, Any]:
        """The JSON object of the graph."""
        self._source = json_bytes({"format": self.format, "nodes": self.nodes, "edges": self.edges})
        return super().json(key, place)

    def add_node(self, node: dict[str, Any] | None = None, **about: Any) -> dict[str, Any]:
        """Add a layer, with what is known about it."""
        self.nodes.append({**(node or {}), **about})
        return self.nodes[-1]

    def add_edge(self, from_node: dict[str, Any], to_node: dict[str, Any]) -> tuple[Any, Any]:
        """Say that one layer leads to another."""
        self.edges.append((from_node["id"], to_node["id"]))
        return self.edges[-1]
