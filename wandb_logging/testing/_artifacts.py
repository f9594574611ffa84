"""Artifacts: collections, versions, manifests, and the bytes behind them."""
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class StoredArtifact:
    id: str
@dataclass
class Artifacts:
    pass
