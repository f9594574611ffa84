"""Turns a row of metrics with media into a row of JSON values, and keeps the media's files in the run directory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._events.media_names import STEP
from wandb_logging._media.base import Earlier, Keep, Label, LogArtifact, Place, Value, nothing_earlier
from wandb_logging._media.chart import Chart, Visualized
from wandb_logging._values.mappings import MAX_DEPTH
from wandb_logging._values.plain import Aside, reason

_CHARTS = (Chart, Visualized)
_ELSEWHERE = object()  # the value of a chart, whose table is at the top of the row
_NUMBERS = frozenset({float, int, str, bool, type(None)})
_MEDIA_OF_OTHERS = frozenset({"pandas", "polars", "plotly", "matplotlib", "PIL"})  # packages that have some


class Placing:
    """Replaces the media in metrics by their JSON values and keeps their files.

    Args:
        keep: copies a file into the run directory.
        log_artifact: logs an artifact to the run, for tables.
        label: writes into the run's config what the page has to know.
        strict: whether an invalid value raises an error, because a person calls. Otherwise the value is set aside, as
            any value is that the disk refuses.
        step: the part of the file names that stands for the step. With "summary", files are named after the dotted
            path of a value; in a row, after its innermost key alone.
        run_id: id of the run.
        earlier: key -> what a continued run had logged under this key before, for tables that grow by increments.
    """

    def __init__(
        self,
        keep: Keep,
        log_artifact: LogArtifact,
        label: Label,
        *,
        strict: bool = False,
        step: str = STEP,
        run_id: str = "",
        earlier: Earlier = nothing_earlier,
    ) -> None:
        self._place = partial(Place, keep, log_artifact, label, step=step, run_id=run_id, earlier=earlier)
        self._strict = strict
        self._whole_path = step != STEP

    def __call__(self, metrics: Mapping[Any, Any], aside: Aside) -> tuple[Mapping[Any, Any], list[dict[str, str]]]:
        """The metrics with only such values as `_values.plain` takes, and the member `media` of their event.

        Args:
            metrics: the metrics, which are not changed. Without media in it, the same dict is returned.
            aside: receives path -> reason for each value that is left out.

        Raises:
            LogError: a value is invalid, if `strict`.
        """
        place = self._place()
        placed = self._mapping(metrics, "", aside, place, 0)
        if place.charts:
            placed = {**placed, **self._mapping(_tables(place), "", aside, place, 0)}
        return placed, place.files

    def _mapping(self, metrics: Mapping[Any, Any], path: str, aside: Aside, place: Place, depth: int) -> Any:
        changed: dict[Any, Any] = {}
        gone: list[Any] = []
        # A dict is copied in one step: another thread may be adding to it. In other mappings each value may raise.
        values: dict[Any, Any] = dict(metrics) if type(metrics) is dict else {}
        for key in list(values or metrics):
            name = path
            try:
                name = f"{path}.{key}" if path else str(key)
                value = values[key] if key in values else values.setdefault(key, metrics[key])
                if type(value) in _NUMBERS:
                    continue
                placed = self._value(key, value, name, aside, place, depth)
            except Exception as exc:
                if self._strict and isinstance(exc, LogError):
                    raise LogError(f"{name}: {exc}") from exc
                aside[name] = reason(exc)
                gone.append(key)
            else:
                if placed is _ELSEWHERE:
                    gone.append(key)
                elif placed is not value:
                    changed[key] = placed
        if not changed and not gone:
            return metrics if type(metrics) is dict else values
        return {key: changed.get(key, value) for key, value in values.items() if key not in gone}

    def _value(  # noqa: PLR0917  the arguments of `_mapping`
        self, key: object, value: Any, name: str, aside: Aside, place: Place, depth: int
    ) -> Any:
        if isinstance(value, _CHARTS):
            place.charts[name] = value
            return _ELSEWHERE
        if not isinstance(value, Mapping):
            return _placed(value, name if self._whole_path else str(key), place)
        return self._mapping(value, name, aside, place, depth + 1) if depth < MAX_DEPTH else value


def _tables(place: Place) -> dict[str, Any]:
    """The tables of charts by their names in the row. The page is also told how to draw them."""
    for name, chart in place.charts.items():
        place.label(chart.kind, name, chart.panel(name))
    return {chart.row_key(name): chart.table for name, chart in place.charts.items()}


def _placed(value: Any, key: str, place: Place) -> Any:
    """The JSON value of media; any other value unchanged."""
    if isinstance(value, (list, tuple)):
        kinds = {type(item) for item in value}
        if not any(issubclass(kind, Value) or _package_of(kind) in _MEDIA_OF_OTHERS for kind in kinds):
            return value
        items = [item if (media := _as_media(item)) is None else media for item in value]
        kinds = {type(item) for item in items}
        kind = kinds.pop()
        if not kinds and issubclass(kind, Value):
            return kind.together(items, key, place)
        return [_placed(item, key, place) for item in items]
    media = _as_media(value)
    return value if media is None else media.json(key, place)


def _as_media(value: Any) -> Value | None:
    """The media object for a value: the value itself, or one of the kind that takes it; None if it is no media."""
    if isinstance(value, Value):
        return value
    package = _package_of(type(value))
    if package in {"pandas", "polars"} and type(value).__name__ == "DataFrame":
        from wandb_logging._media.table import Table  # noqa: PLC0415  like Pillow and numpy, only if needed

        return Table(dataframe=value)
    if package == "plotly" and hasattr(value, "to_plotly_json"):
        from wandb_logging._media.plotly import Plotly  # noqa: PLC0415

        return Plotly(value)
    if package == "matplotlib" or (package == "PIL" and hasattr(value, "getbands")) or _is_pyplot(value):
        from wandb_logging._media.image import Image  # noqa: PLC0415

        return Image(value)
    return None


def _package_of(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _is_pyplot(value: Any) -> bool:
    """Whether the value is the module `matplotlib.pyplot`, which stands for its current figure."""
    return isinstance(value, ModuleType) and value.__name__ == "matplotlib.pyplot"
