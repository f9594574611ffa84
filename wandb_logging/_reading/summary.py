"""`run.summary`: the summary of a run, which is read from its journal and written to it."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from wandb_logging._errors import JournalError
from wandb_logging._fold import fold
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.replay import state_at
from wandb_logging._values.reentrant import new_lock, of_child

LONGEST = 1.0  # most seconds that a caller waits while the journal is read; the next call reads on


class Summary(MutableMapping[str, Any]):
    """The summary of a run: the last value of each metric, or its aggregates if `define_metric` asked for some.

    `run.summary["best"] = 0.9` sets a value by hand. It stays until the metric is logged again, and replaces the
    aggregates that were defined for it. `run.summary.best` is the same value. A nested mapping is a `Part`: a value
    set in it is set in the run.

    Args:
        read: returns the present summary, as far as it can be read in a moment.
        write: called with the changes; None as a value removes the key.
        read_whole: returns the present summary, however long that takes. Default: `read`.
    """

    _read: Callable[[], dict[str, Any]]
    _read_whole: Callable[[], dict[str, Any]]
    _write: Callable[[dict[str, Any]], None]

    def __init__(
        self,
        read: Callable[[], dict[str, Any]],
        write: Callable[[dict[str, Any]], None],
        read_whole: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        vars(self).update(_read=read, _write=write, _read_whole=read_whole or read)

    def __getitem__(self, key: str) -> Any:
        value = self._read()[key]
        return Part(self, (key,), value) if isinstance(value, dict) else value

    def __setitem__(self, key: str, value: Any) -> None:
        self._write({key: value})

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._write({key: None})

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the summary has no {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __repr__(self) -> str:
        return repr(self._read())

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """Copying or pickling the summary gives a dict of its present values."""
        return dict, (copy.deepcopy(self._read()),)

    def update(self, other: Any = (), /, **values: Any) -> None:
        """Set several values, in one step."""
        self._write(dict(other, **values))


class Part(dict[str, Any]):
    """A nested mapping in a summary. A value that is set in it is set in the summary, too.

    A list in it is a copy: to change an item of a list, set the whole list.

    Args:
        summary: the summary.
        path: the keys that lead to this part.
        values: the values in this part.
    """

    def __init__(self, summary: Summary, path: tuple[str, ...], values: Mapping[str, Any]) -> None:
        super().__init__(values)
        vars(self).update(_summary=summary, _path=path)

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return Part(vars(self)["_summary"], (*vars(self)["_path"], key), value) if isinstance(value, dict) else value

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key."""
        try:
            return self[key]
        except KeyError:
            return default

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._change(lambda now: now.pop(key, None))

    def update(self, other: Any = (), /, **values: Any) -> None:
        """Set several values, in one step."""
        given = dict(other, **values)
        super().update(given)
        self._change(lambda now: now.update(given))

    def __ior__(self, other: Any) -> Part:  # type: ignore[override, misc]  # noqa: PYI034  as dict's
        self.update(other)
        return self

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is set if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key and return its value."""
        value = super().pop(key, *default)
        self._change(lambda now: now.pop(key, None))
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the last key and return it with its value."""
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove all values."""
        super().clear()
        self._change(lambda now: now.clear())

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the summary has no {'.'.join((*vars(self)['_path'], name))!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)  # a copy or pickle is a plain dict

    def _change(self, change: Callable[[dict[str, Any]], object]) -> None:
        summary, (first, *rest) = vars(self)["_summary"], vars(self)["_path"]
        now = vars(summary)["_read_whole"]().get(first)  # it has to be complete: keys missing from it would be removed
        whole = now = copy.deepcopy(dict(now)) if isinstance(now, dict) else {}
        for key in rest:
            now = now.setdefault(key, {})
        change(now)
        summary[first] = whole


class Follower:
    """Follows a journal to give the present summary and step. Each look reads on from where the last one stopped.

    A journal may be gigabytes long, so a look reads for a limited time only.

    Attributes:
        behind: whether the last look left something unread.
    """

    def __init__(self, run_dir: RunDir) -> None:
        self._run_dir = run_dir
        self._lock = new_lock()
        self._begun: object = None
        self.behind = False

    def after_fork_in_child(self) -> None:
        """In a forked child, begin anew, because another thread of the parent may have been reading."""
        self._lock = of_child(self._lock)
        self._begun = None
        self.behind = False

    def summary(self, longest: float = LONGEST) -> dict[str, Any]:
        """The summary of what the journal holds now, including an open row.

        Args:
            longest: most seconds to read. The result is the summary of what was read by then.
        """
        with self._lock:
            rules = self._read_on(longest)
            state, _ = fold.finish(rules, self._state)
            return fold.summary(state)

    def step(self, longest: float = LONGEST) -> int:
        """The step of the open row or else of the next one. If `behind`, the true step may be higher."""
        with self._lock:
            self._read_on(longest)
            return self._state.step

    def lowest(self, known: int) -> Callable[[], int]:
        """A function that returns the least step the journal leads to. While `behind`, each call reads another piece.

        Args:
            known: the result of the latest `step`.
        """

        def tell() -> int:
            nonlocal known
            if self.behind:
                with contextlib.suppress(JournalError, OSError):  # the directory is away
                    known = self.step(0)
            return known

        return tell

    def _read_on(self, longest: float) -> fold.Rules:
        until = time.monotonic() + longest
        info = self._run_dir.info
        rules = fold.rules_of(info, structured=False)
        begun = (info.server, self._run_dir.generation)
        if self._begun != begun:  # the server has answered since, or the directory was made again
            self._begun = begun
            self._state, self._position = state_at(self._run_dir.cursor, info)  # has all that was acknowledged
        reader = self._run_dir.reader(self._position, record_order=False)
        try:
            self.behind = False
            while (chunk := reader.read()).bodies or chunk.damaged:
                self._state, _ = fold.fold(rules, self._state, chunk.bodies)
                self._position = chunk.position
                if time.monotonic() >= until:
                    self.behind = self._run_dir.lines_after_in_time(self._position, 0).number > 0
                    break
        finally:
            reader.close()
        return rules
