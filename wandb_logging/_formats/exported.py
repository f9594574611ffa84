"""What came of writing a run for another program: how much was written, and what had no place there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.replay import beginning


@dataclass
class Exported:
    """The result of writing one run.

    Attributes:
        path: the file or folder that was written.
        rows: number of rows.
        files: number of files of the run.
        left_out: number of things for which the format has no place, by kind.
    """

    path: Path
    rows: int = 0
    files: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    @classmethod
    def begun(cls, path: Path, run_dir: RunDir, info: RunInfo) -> Exported:
        """The result before anything is written: rows that are on the server alone are left out of it."""
        done = cls(path)
        done.leave("row that is on the server alone", beginning(run_dir, info)[0].rows)
        return done

    def damaged(self, lines: int) -> None:
        """Count lines of the journal that cannot be read."""
        self.leave("damaged line", lines)

    def leave(self, kind: str, count: int = 1) -> None:
        """Count something for which the format has no place."""
        if count:
            self.left_out[kind] += count

    def leave_value(self, value: object) -> None:
        """Count a value for which the format has no place: by its type, of media as W&B names it."""
        self.leave(str(value.get("_type", "object")) if isinstance(value, dict) else type(value).__name__)


def readings(sample: Mapping[str, Any]) -> dict[str, Any]:
    """The system metrics of a sample, in a section of their own: `system/cpu`."""
    return {name.replace(".", "/", 1): value for name, value in sample.items() if name.startswith("system.")}


def are_bins(histogram: Mapping[str, Any]) -> bool:
    """Whether a logged histogram has numbers for its edges and counts, one edge more than counts."""
    edges, counts = histogram.get("bins"), histogram.get("values")
    return _are_numbers(edges) and _are_numbers(counts) and len(edges or ()) == len(counts or ()) + 1


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(each, (int, float)) for each in values)
