"""`run.config`: a dict of the present config. A key that is set in it is set in the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from wandb_logging._errors import LogError


class Config(dict[str, Any]):
    """The present config of a run. A key that is set, as an item or by `update`, is set in the run's config.

    A change inside a nested mapping or list is not noticed: set the whole value instead. Keys cannot be removed.

    Args:
        values: the config at first.
        write: called with the keys and values that are set.
    """

    def __init__(self, values: Mapping[str, Any], write: Callable[[Mapping[str, Any]], object]) -> None:
        super().__init__(values)
        self._write = write

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def update(self, other: Any = (), /, **values: Any) -> None:
        """Set several keys."""
        given = dict(other, **values)
        self._write(given)
        super().update(given)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is set if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, other: Any) -> Config:  # type: ignore[override, misc]  # noqa: PYI034  as dict's
        self.update(other)
        return self

    def _stays(self, *_: object) -> NoReturn:
        raise LogError("a key of a run's config cannot be taken out; set it to another value")

    __delitem__ = pop = popitem = clear = _stays

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """Copying or pickling the config gives a plain dict."""
        return dict, (dict(self),)
