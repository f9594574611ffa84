"""Registers a run with the server: makes it there or goes on with it, opens it again, and sends changes of it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from wandb_logging._errors import GraphQLError, JournalError, RequestRejected, RunNotFound
from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold import fold
from wandb_logging._journal.metadata import captured_environment, git_of
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.run_requests import by_storage_id, create_on_server, upsert_run
from wandb_logging._sending.target import AS_IT_WAS, Target, aimed, rename
from wandb_logging._server import protocol
from wandb_logging._server.link import Link
from wandb_logging._wording import counted


class Registration:
    """A run and what the server knows of it.

    Args:
        run_dir: the run directory.
        link: the connection to the server.
        host: address of the server. Default: the one that the run was made for.
        target: changes to the run's identity on the server.
        say: called with (kind, text) for what a person should know.

    Attributes:
        info: identity of the run on the server, with what the server said of it.
        target: as given, until the server knows it.
        remote: the run as the server knows it; None until it does.
        is_open: whether the server takes the run for one that is running.

    Raises:
        JournalError: the run directory is not usable.
    """

    def __init__(
        self, run_dir: RunDir, link: Link, host: str | None, target: Target, say: Callable[[str, str], object]
    ) -> None:
        self.target = target
        self.info, self._instead = aimed(run_dir.info, host, target)
        self.remote = self.info.server
        self.is_open = False
        self._run_dir = run_dir
        self._link = link
        self._say = say
        self._is_later = host is not None  # the run's own process sends to where its settings say
        self._environment = captured_environment(run_dir)
        self._there = 0  # rows that the server had when the run was opened again
        self._told: tuple[str | None, dict[str, Any]] = None, {}  # config and identity as the server has them

    @property
    def rules(self) -> fold.Rules:
        """The rules of the fold for this run on this server."""
        return fold.rules_of(self.info, structured=self.remote is not None and self.remote.structured)

    def leave_out_slow(self, state: fold.State) -> None:
        """Have rules for text that are slow again and again be off after this state.

        The run directory says so before anything of it is sent: the journal always folds to the same lines.
        """
        rules = fold.without_slow(self.rules, state)
        if rules is not None:
            given = self.info.text_metrics or {}
            then = [*given.get("then", ()), {"events": state.events, "rules": rules}]
            self.info = self.info.but(text_metrics={**given, "then": then})
            self._run_dir.save_info(self._run_dir.info.but(text_metrics=self.info.text_metrics))
            self._say(
                "slow rule", "text_metrics: a rule takes long again and again, and is off now; the text says which"
            )

    @property
    def url(self) -> str | None:
        """Address of the run's page; None until the server knows the run."""
        if self.remote is None:
            return None
        app = self.info.app_url or protocol.app_url(self.info.host or "")
        return protocol.run_url(app, self.remote.entity, self.remote.project, self.remote.name)

    @property
    def share(self) -> str:
        """Names the project, whose rate limit this run shares with others."""
        return f"{self.info.host} {self.info.project}"

    def config_json(self, state: fold.State) -> str:
        """The run's config in the server's form."""
        named = None if self.info.is_secondary else self._writer_id
        return protocol.config_json(state.config, named, state.metrics, self._environment)

    def create(self) -> None:
        """Make the run on the server, or go on with the one that is there."""
        there, writers = self._there_before()
        remote = create_on_server(self._link, self.info, self._writer_id, self._environment)
        if writers == {self._writer_id}:  # it was sent before, and nobody knows of that here any more: not behind it
            remote = dataclasses.replace(remote, history=0)
        elif there:
            self._say("behind others", self._behind(there))
        remote = dataclasses.replace(remote, instead=self._instead)
        # On the disk before the first line is sent: from now on these offsets are what our lines are counted from.
        # Asked again, the server would count our own lines as somebody's before us.
        self._run_dir.forget_cursor()  # if another server had the run before, it is that one's
        self._run_dir.save_server(remote)
        self.target = AS_IT_WAS
        self.info, self.remote = self.info.but(server=remote), remote

    def _there_before(self) -> tuple[int, set[str]]:
        """Rows of a run of that id on the server, and who wrote them, where a run begins that is not to go on there.

        Asked by who sends a directory later: there may be another one of that id, or server.json is lost.
        """
        if not self._is_later or self.info.resume is not None or self.info.rewind:
            return 0, set()
        return self._ask({"project": self.info.project, "entity": self.info.entity, "name": self.info.id})

    def _behind(self, there: int) -> str:
        path = shlex.quote(str(self._run_dir.path))
        rows = counted(there, "row of a run", "rows of a run")
        return (
            f"the server had {rows} {self.info.id} not from {self._run_dir.path}: the rows of this one "
            f"come behind them. `wandb-logging sync --as-new {path}` sends them as a run of their own"
        )

    def rename(self) -> None:
        """Give the run on the server the name that a person asked for (`sync --name`)."""
        if self.remote is None or self.target.name is None:
            return
        rename(self._link, self.remote, self.target.name)
        self.remote = dataclasses.replace(self.remote, display_name=self.target.name, instead=self._instead)
        self.target = AS_IT_WAS
        self._run_dir.save_server(self.remote)

    def reopen(self, state: fold.State, lines_left: int) -> None:
        """Tell the server that the run goes on.

        Args:
            state: the folded state.
            lines_left: number of lines in the journal that are not folded yet.

        Raises:
            JournalError: another directory has gone on with the run.
        """
        assert self.remote is not None
        there, writers = self._rows_and_writers()
        most = self.remote.history + state.rows + lines_left + 1
        # A full disk or a power cut can lose rows here that were sent. Then nobody else stands in the run's config.
        if there > most and writers != {self._writer_id}:
            raise JournalError(
                f"the server has {there} rows of run {self.remote.name}, where this directory can make {most} at "
                f"most: the run went on elsewhere. To go on from there, start with resume: allow and another "
                f"cache_dir; `wandb-logging sync --as-new` with this directory sends it as a new run"
            )
        self._there = there
        variables = protocol.upsert_variables(
            self._identity(state),
            config=self.config_json(state),
            git=git_of(self._environment),
            storage_id=self.remote.storage_id,
            changed=self._run_now(state),
        )
        self._upsert(variables)

    def check_owner(self, state: fold.State, unsure: int) -> None:
        """Make sure that nobody else has added rows to the run: ours would overwrite them.

        Args:
            state: the folded state.
            unsure: number of rows that were sent and not acknowledged; the server may have them or not.

        Raises:
            JournalError: somebody has added rows.
        """
        assert self.remote is not None
        there, _ = self._rows_and_writers()
        mine = max(self.remote.history + state.rows + unsure, self._there)
        if there > mine:
            raise JournalError(
                f"run {self.remote.name} has {there} rows on the server, {there - mine} of them from another run "
                f"directory: it went on elsewhere. Rows from here would overwrite them; "
                f"`wandb-logging sync --as-new {shlex.quote(str(self._run_dir.path))}` sends these as a new run"
            )

    def _rows_and_writers(self) -> tuple[int, set[str]]:
        """Number of rows on the server, and the writers in its config; 0 and none if the server does not say."""
        assert self.remote is not None
        remote = self.remote
        return self._ask({"project": remote.project, "entity": remote.entity, "name": remote.name})

    def _ask(self, run: dict[str, Any]) -> tuple[int, set[str]]:
        if self.info.client_id is not None:
            return 0, set()  # in shared mode the rows of others are in nobody's way
        try:
            return protocol.rows_and_writers(self._link.graphql(protocol.LINE_COUNT, run))
        except (GraphQLError, RequestRejected, RunNotFound):
            return 0, set()  # no reason to send nothing

    def opened(self, state: fold.State) -> None:
        """Note that the server knows this state, and that the run is running."""
        self._told = self.config_json(state), self._run_now(state)
        self.is_open = True

    def told(self) -> dict[str, Any]:
        """What the server knows, for `go_on` of the process that sends the run next."""
        config, run = self._told
        return {"config": _digest(config or ""), "run": run, "there": self._there}

    def go_on(self, state: fold.State, told: Mapping[str, Any]) -> None:
        """Go on with a run that is open: the process that sent it a moment ago has left it to this one.

        Args:
            state: the folded state.
            told: what that process got from `told`.
        """
        config = self.config_json(state)
        self._there = told["there"]
        self._told = config if _digest(config) == told["config"] else None, dict(told["run"])
        self.is_open = True

    def push(self, state: fold.State) -> None:
        """Send what changed of config, name, notes, tags, group and job type since it was last sent."""
        if self.remote is None or not self.is_open:
            return
        config, (told_config, told_run) = self.config_json(state), self._told
        run = self._run_now(state)
        changed = {key: value for key, value in run.items() if told_run.get(key) != value}
        if config == told_config and not changed:
            return
        variables = protocol.upsert_variables(
            self._identity(state),
            config=config if config != told_config else None,
            storage_id=self.remote.storage_id if changed else None,
            changed=run if changed else None,
            first=False,
        )
        try:
            self._upsert(variables)
        except protocol.NoAnswerError:
            raise  # tried again: nobody has refused it
        except (RequestRejected, GraphQLError) as exc:
            # Neither the rows nor the end of the run have to wait for a name that the server does not like.
            self._say("update", f"the server does not take the run's new config or name: {exc}")
        self._told = config, run

    def _upsert(self, variables: dict[str, Any]) -> None:
        assert self.remote is not None
        if self.info.is_secondary:  # the primary one may have ended the run, or will
            variables = by_storage_id(variables, self.remote.storage_id)
        upsert_run(self._link, variables)

    @property
    def _writer_id(self) -> str:
        return self.info.writer_id or self.info.id

    def _identity(self, state: fold.State) -> RunInfo:
        """The present identity of the run, with entity, project and id as the server spells them."""
        assert self.remote is not None
        names = {"id": self.remote.name, "entity": self.remote.entity, "project": self.remote.project}
        return self.info.changed({**self._run_now(state), **names})

    def _run_now(self, state: fold.State) -> dict[str, Any]:
        """The program's changes of name, notes, tags, group and job type, except those that a person has overruled."""
        return {key: self._instead.get(key, value) for key, value in state.run.items()}


def _digest(text: str) -> str:
    import hashlib  # noqa: PLC0415  it loads OpenSSL, which the first request needs, and no import of the handler

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
