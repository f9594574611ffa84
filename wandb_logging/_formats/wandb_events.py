"""Translates the records of a `.wandb` file to the identity and the journal's events of a run of ours. Pure.

A row keeps its step, time and runtime: folded again, it is the row that the official SDK would send. Records for which
our journal has no event are counted by kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, ClassVar

from wandb_logging._events.event import Event
from wandb_logging._events.metrics import AGGREGATES
from wandb_logging._fold.state import CLOCK
from wandb_logging._fold.summary import merged
from wandb_logging._formats.wandb_records import Item, Record
from wandb_logging._values.plain import dumps, loads

_SILENT = frozenset({"header", "footer", "final", "telemetry", "output"})  # not kept by our runs
_OWN = CLOCK | {"_wandb"}


class Translator:
    """Translates records, which are given in their order.

    Attributes:
        time: time of the latest event, seconds since 1970.
        info: identity of the run, as in run.json; empty until the record of the run has come.
        paths: files that belong to the run, relative to the folder `files` beside the log.
        environment: what the run's file about machine and program says; empty if no record does.
        rows: number of rows so far.
        left_out: number of records that could not be translated, by kind.
        ended: whether the run said how it ended.
    """

    def __init__(self) -> None:
        self.info: dict[str, Any] = {}
        self.paths: list[str] = []
        self.environment: dict[str, Any] = {}
        self.rows = 0
        self.left_out: Counter[str] = Counter()
        self.ended = False
        self._start = self.time = 0.0
        self._config: dict[str, Any] = {}
        self._summary: dict[tuple[str, ...], bytes] = {}
        self._logged: dict[str, Any] = {}
        self._ahead: set[str] = set()  # keys of the summary that may belong to a row that has not come yet
        self._taken_out: set[str] = set()  # keys of the summary of which something was removed
        self._next = 0  # the step of a row that does not say one

    def events(self, record: Record) -> Iterator[bytes]:
        """Translate a record to events.

        Raises:
            ValueError, RecursionError: a value in the record is no JSON, or nested too deeply.
        """
        if record.kind == "run":
            self._run(record)
        elif not self.info:
            self.left_out[record.kind] += record.kind not in _SILENT  # the run is not named yet: wandb sync drops it
        elif record.kind in self._TAKERS:
            yield from self._TAKERS[record.kind](self, record)
        elif record.kind not in _SILENT:
            self.left_out[record.kind] += 1

    def end(self) -> Iterator[bytes]:
        """The events after the last record: the values of the summary that do not follow from the rows."""
        summary = self._summary_now()
        changed = {key: summary[key] for key in summary if key not in _OWN and self._is_news(key, summary[key])}
        changed.update(dict.fromkeys(self._taken_out - summary.keys() - _OWN))
        self._summary, self._taken_out = {}, set()
        if changed:
            yield self._event(summary=changed)

    def _summary_now(self) -> dict[str, Any]:
        """The summary so far. It is only looked at here: with each row come its values, which nobody needs before."""
        items = list(self._summary.items())
        try:
            return _tree(items)[0]
        except (ValueError, RecursionError):
            whole = [item for item in items if _is_json(item[1])]
            self.left_out["summary value that is no JSON"] += len(items) - len(whole)
            return _tree(whole)[0]

    def _is_news(self, key: str, value: Any) -> bool:
        """Whether a summary value does not follow from the rows. An object does, if its row has come."""
        if isinstance(value, dict):
            return key in self._ahead or key in self._taken_out or key not in self._logged
        logged = self._logged.get(key, _MISSING)
        return bool(logged != value) and not (logged != logged and value != value)  # NaN is NaN

    def _event(self, time: float | None = None, **members: Any) -> bytes:
        self.time = self.time if time is None else time
        return dumps(Event(self.time, **members).to_json())

    def _run(self, record: Record) -> None:
        if self.info:
            return  # repeated when a run is resumed online, with what the server had
        self._start = self.time = record.time or 0.0
        self._config = _tree(record.items)[0]
        self._config.pop("_wandb", None)
        facts = {name: value for name, value in record.facts.items() if value not in ("", [])}
        self.info = {"config": dict(self._config), "start": self._start, "mode": "offline", **facts}

    def _history(self, record: Record) -> Iterator[bytes]:
        values = dict(record.items)
        step = loads(values.pop(("_step",), b"null"))
        runtime = loads(values.pop(("_runtime",), b"null"))
        values.pop(("_wandb",), None)
        row, text = _tree(list(values.items()))
        self._logged.update(row)
        self._ahead.clear()
        if isinstance(runtime, (int, float)) and runtime == runtime:  # it is not NaN
            self.time = self._start + max(runtime, 0.0)
        self.rows += 1
        step = record.facts.get("step") if step is None else step
        # Where the row before had the step before it is left out. So rows of a run that goes on where another ended are
        # counted on from there, as `wandb sync` does.
        more = b',"step":%d,"commit":true' % step if type(step) is int and step != self._next else b""
        self._next = 1 + (max(self._next, step) if type(step) is int else self._next)
        yield b'{"metrics":%b%b,"t":%b}' % (text, more, dumps(self.time))

    def _stats(self, record: Record) -> Iterator[bytes]:
        yield self._event(record.time, system=_tree(record.items)[0])

    def _output_raw(self, record: Record) -> Iterator[bytes]:
        yield self._event(record.time, output=record.facts["line"], error=bool(record.facts["error"]))

    def _output_logger(self, record: Record) -> Iterator[bytes]:
        yield self._event(text=record.facts["line"], level="INFO")

    def _config_change(self, record: Record) -> Iterator[bytes]:
        keys = {path[0] for path, _ in record.items}
        for item in record.items:
            self._config = merged(self._config, _tree([item])[0])  # as `wandb sync`: what the server has is merged
        if record.removed:
            self.left_out["config key that was removed"] += len(record.removed)
        changed = {key: self._config[key] for key in sorted(keys - {"_wandb"})}
        if changed:
            yield self._event(config=changed)

    def _summary_change(self, record: Record) -> Iterator[bytes]:
        self._ahead |= {path[0] for path, raw in record.items if self._summary.get(path) != raw}
        self._summary.update(record.items)
        for path in record.removed:
            self._taken_out.add(path[0])
            for each in [each for each in self._summary if each[: len(path)] == path]:
                del self._summary[each]
        return iter(())

    def _metric(self, record: Record) -> Iterator[bytes]:
        facts = dict(record.facts)
        wanted = facts.pop("summary", ())
        known = [name for name in wanted if name in AGGREGATES]  # `copy` is what a summary is without being asked
        facts.update({"summary": known} if known else {})
        self.left_out["best value of a metric in the summary"] += "best" in wanted
        if not facts.pop("expanded", False) and facts.get("name"):  # ours expands globs itself
            yield self._event(define=facts)

    def _files(self, record: Record) -> Iterator[bytes]:
        self.paths += record.facts["paths"]
        return iter(())

    def _environment(self, record: Record) -> Iterator[bytes]:
        self.environment.update(record.facts)  # one record says what the program knows, a later one what the machine is
        return iter(())

    def _alert(self, record: Record) -> Iterator[bytes]:
        yield self._event(alert={"title": "", "text": "", "level": "INFO", **record.facts})

    def _exit(self, record: Record) -> Iterator[bytes]:
        yield from self.end()
        self.ended = True
        runtime = max(0, record.facts["runtime"])
        yield self._event(max(self.time, self._start + runtime), exit=record.facts["exit_code"])

    _TAKERS: ClassVar = {
        "history": _history,
        "stats": _stats,
        "output_raw": _output_raw,
        "output_logger": _output_logger,
        "config": _config_change,
        "summary": _summary_change,
        "metric": _metric,
        "files": _files,
        "environment": _environment,
        "alert": _alert,
        "exit": _exit,
    }


_MISSING = object()


def _is_json(raw: bytes) -> bool:
    try:
        loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _tree(items: list[Item]) -> tuple[dict[str, Any], bytes]:
    """Put values at their paths into one object. Returns the object, and its JSON."""
    form = _form(tuple([path for path, _ in items]))
    if form is not None:
        # Parsing all values together, and keeping their JSON as it is, takes a tenth of the time.
        text = form % tuple([raw for _, raw in items])
        flat: dict[str, Any] = loads(text)
        return flat, text if b"\n" not in text else dumps(flat)
    tree: dict[str, Any] = {}
    _merge(tree, items)
    return tree, dumps(tree)


@lru_cache(maxsize=1000)
def _form(paths: tuple[tuple[str, ...], ...]) -> bytes | None:
    """A JSON template with a place for each path's value; None if a path is nested or occurs twice."""
    if max(map(len, paths), default=1) != 1 or len(set(paths)) < len(paths):
        return None
    return b"{%b}" % b",".join([dumps(path[0]).replace(b"%", b"%%") + b":%b" for path in paths])


def _merge(tree: dict[str, Any], items: list[Item]) -> None:
    for path, raw in items:
        inner = tree
        for key in path[:-1]:
            below = inner.get(key)
            if not isinstance(below, dict):
                below = inner[key] = {}
            inner = below
        inner[path[-1]] = loads(raw)
