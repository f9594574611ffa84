"""The properties that describe a run: names, address, config. Setting one puts an event into the journal."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from wandb_logging._errors import LogError
from wandb_logging._fold.state import without_ours
from wandb_logging._report import Report
from wandb_logging._run.background import Background
from wandb_logging._run.start import Journal
from wandb_logging._settings.settings import Settings


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


class Described:
    """The properties of a `Run` that describe it."""

    settings: Settings
    _background: Background
    _journal: Journal
    _changed: dict[str, Any]
    _config: dict[str, Any]

    if TYPE_CHECKING:

        def flush(self, timeout: float | None = None) -> Report: ...
        def update_config(self, mapping: Any = None, **values: Any) -> None: ...

        @property
        def _goes_on(self) -> bool: ...

    @property
    def id(self) -> str:
        """Id of the run in its project."""
        return self._journal.info.id

    @property
    def start_time(self) -> float:
        """When the run began, seconds since 1970."""
        return float(self._journal.info.start)

    @property
    def mode(self) -> str:
        """The mode of the run: online, offline or disabled."""
        return self._background.mode

    @property
    def stopped(self) -> bool:
        """Whether the server asked the run to stop."""
        return self._background.stopped

    @property
    def name(self) -> str:
        """The name that people see: the server's once it is known, else the setting, else the id. Can be set."""
        here = self.settings.name or self._journal.info.name  # that of a run that goes on
        return self._changed.get("name") or self._background.name or here or self.id

    @name.setter
    def name(self, name: str) -> None:
        self._change("name", name)

    @property
    def notes(self) -> str | None:
        """A longer description. Can be set. A resumed run has its earlier notes once the server has been asked."""
        given: str | None = self._changed.get("notes", self.settings.notes)
        if given is not None:
            return given
        uploader = self._background.uploader
        before: str | None = uploader.state.run.get("notes") or self._journal.info.notes
        return before or (uploader.remote.notes if uploader.remote else None)

    @notes.setter
    def notes(self, notes: str) -> None:
        self._change("notes", notes)

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of the run. Can be set, and added to: `run.tags += ("v2",)`.

        A run that is resumed online has its earlier tags. For them this waits for the server, at most `close_timeout`.
        """
        if "tags" in self._changed or self.settings.tags:
            return tuple(self._changed.get("tags", self.settings.tags))
        uploader = self._background.uploader
        resumes = self.settings.resume in {"allow", "must"} and self.mode == "online" and self._goes_on
        if resumes and uploader.remote is None:
            self._background.append_change("run", {})  # the server is asked only when there is something to send
            self.flush(self.settings.close_timeout)
        before = uploader.state.run.get("tags") or self._journal.info.tags
        return tuple(before or (uploader.remote.tags if uploader.remote else ()))

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        given: Any = tags
        several = isinstance(given, Iterable) and not isinstance(given, str)
        self._change("tags", tuple(given) if several else given)

    @property
    def group(self) -> str | None:
        """The group of runs that this one belongs to. Can be set."""
        group: str | None = self._changed.get("group", self.settings.group)
        return group

    @group.setter
    def group(self, group: str) -> None:
        self._change("group", group)

    @property
    def job_type(self) -> str | None:
        """The kind of job, such as train or eval. Can be set."""
        job_type: str | None = self._changed.get("job_type", self.settings.job_type)
        return job_type

    @job_type.setter
    def job_type(self, job_type: str) -> None:
        self._change("job_type", job_type)

    def _change(self, key: str, value: Any) -> None:
        value = getattr(self.settings.but(**{key: value}), key)  # raises a SettingsError for a wrong value
        self._background.append_change("run", {key: value})
        self._changed[key] = value

    @property
    def project(self) -> str:
        """Project of the run."""
        remote = self._background.remote
        return remote.project if remote else self.settings.project

    @property
    def entity(self) -> str | None:
        """Team or user; None as long as neither the settings nor the server name one."""
        remote = self._background.remote
        return remote.entity if remote else self.settings.entity

    @property
    def url(self) -> str | None:
        """Address of the run's page; None while the server does not know the run."""
        return self._background.url

    @property
    def dir(self) -> Path | None:
        """The run directory; None if the run is disabled or no directory can be written."""
        return self._journal.run_dir.path if self._journal.run_dir.on_disk else None

    @property
    def config(self) -> Config:
        """The present config. For a resumed run it includes the server's config once the server has been asked.

        `run.config["lr"] = 0.1` sets a key, as `update_config` does.
        """
        remote = self._background.remote
        before = without_ours(remote.config) if remote else {}
        return Config({**before, **self._earlier_config, **self._config}, self.update_config)

    @config.setter
    def config(self, values: Mapping[str, Any]) -> None:
        self.update_config(values)

    @functools.cached_property
    def _earlier_config(self) -> dict[str, Any]:
        """The earlier config of a run that goes on. It is read only on demand, because the journal may be long."""
        return self._journal.earlier_config()

    @property
    def resumed(self) -> bool:
        """Whether this run continues an existing one; False as long as that is not known."""
        remote = self._background.remote
        return self._journal.continued or bool(remote and remote.config)
