"""Repeats requests as long as that can help: the only room that retries."""

from __future__ import annotations

import contextlib
import copy
import shlex
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import (
    AuthError,
    JournalError,
    RunNotFound,
    ServerUnavailable,
    SettingsError,
    TLSError,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._server.protocol import NoAnswerError, belongs_to
from wandb_logging._settings.settings import DEFAULT_HOST

if TYPE_CHECKING:
    from pathlib import Path

    # At run time a client comes from `connect`: `requests` is most of the import time, and only sending needs it.
    from wandb_logging._server.allowance import Allowance
    from wandb_logging._server.client import Client

_APART = 1.0  # least seconds between a failed try and the next one
_SHORT = 0.001  # a wait of fewer seconds is left out
_RETRY_FOR = 60.0  # seconds for which a request is tried before it fails; the next drain tries again


class OutOfTime(TransportError):
    """`Pace.out_of_time` said to stop while there is more to send; nothing is wrong with the server."""


@dataclass
class Pace:
    """How the uploader waits.

    Attributes:
        sleep: waits so many seconds, or less when there is a reason to hurry.
        out_of_time: whether to stop trying now.
        breath: gives the seconds to sleep between two pieces of work, so that the program gets the interpreter; 0 when
            the program has ended, or only waits for us.
    """

    sleep: Callable[[float], None] = time.sleep
    out_of_time: Callable[[], bool] = lambda: False
    breath: Callable[[], float] = lambda: 0.0

    def breathe(self) -> None:
        """Leave the interpreter to the program for a moment."""
        seconds = self.breath()
        if seconds:
            time.sleep(seconds)


class Link:
    """The connection of one run to its server, with retries. Used by one thread at a time.

    Args:
        connect: makes the client to use; called again after the key was refused. Raises AuthError without a key.
        pace: how to wait.
        now: monotonic clock in seconds.

    Attributes:
        now, pace: as given.
        last_request: when the server last answered, by `now`.
        trouble: why the latest try failed; None once one succeeded.
        features: names of the server's features; None until it was asked.
        client_id: as `Client.client_id`.
        allowance: the rate limit that all senders of the project share; None: without regard to others.
    """

    def __init__(self, connect: Callable[[], Client], pace: Pace, now: Callable[[], float] = time.monotonic) -> None:
        self.pace = pace
        self.last_request = now()
        self.trouble: WandbLoggingError | None = None
        self.features: set[str] | None = None
        self.client_id: str | None = None
        self.allowance: Allowance | None = None
        self._connect = connect
        self._client: Client | None = None
        self.now = now
        self._once = False
        self._not_before = now()  # no request before this time: the server has asked for it, or a try has just failed

    def graphql(self, document: str, variables: Mapping[str, Any], *, conflict_retries: bool = False) -> dict[str, Any]:
        """As `Client.graphql`, repeated while that can help."""
        result: dict[str, Any] = self.call(
            lambda client: client.graphql(document, variables, conflict_retries=conflict_retries)
        )
        return result

    def put(
        self,
        url: str,
        source: Path | BinaryIO,
        headers: Mapping[str, str],
        part: tuple[int, int] | None = None,
        *,
        attempts: int | None = None,
    ) -> str:
        """As `Client.put`, repeated while that can help. At a storage elsewhere it is no request of the project's."""
        tag: str = self.call(lambda client: client.put(url, source, headers, part), attempts, at=url)
        return tag

    def call(
        self, request: Callable[[Client], Any], attempts: int | None = None, size: int = 0, at: str | None = None
    ) -> Any:
        """Make a request, again and again while that can help (protocol 1.2).

        Args:
            request: makes the request with a client.
            attempts: most tries; default: for up to a minute.
            size: bytes of the request, for the project's rate limit.
            at: address of the request; default: the API's. Only what goes there counts for that limit.

        Raises:
            TransportError, HTTPStatusError, GraphQLError: the last failure.
        """
        client = self._connected()
        attempts = 1 if self._once else attempts
        until = self.now() + _RETRY_FOR
        # Imported here: tenacity takes time to import, and only sending needs it.
        from wandb_logging._server.retry import repeated  # noqa: PLC0415

        try:
            result = repeated(
                partial(self._try, request, client, size, at),
                worth=_worth_retrying,
                enough=lambda: self.now() >= until or self.pace.out_of_time(),
                attempts=attempts,
                sleep=self.pace.sleep,
            )
        except WandbLoggingError as exc:
            _let_go(exc)
            if isinstance(exc, AuthError):
                self.close()  # the next call asks for a key again
            raise
        self.last_request = self.now()
        return result

    def mask(self, text: str) -> str:
        """A text with the API key that is used masked.

        Raises:
            AuthError: there is no key.
        """
        return self._connected().mask(text)

    def _connected(self) -> Client:
        if self._client is None:
            self._client = self._connect()
        return self._client

    @contextlib.contextmanager
    def trying_once(self) -> Iterator[None]:
        """Inside the `with` a request is tried once, because the caller has something else to look after."""
        self._once = True
        try:
            yield
        finally:
            self._once = False

    def _try(self, request: Callable[[Client], Any], client: Client, size: int, at: str | None) -> Any:
        self._wait_for_leave()
        if self._shares_limit() and (at is None or _is_at(at, client.host)):
            self._wait_for_turn(size)
        client.client_id = self.client_id  # a client may be used for several runs, one after the other
        try:
            result = request(client)
        except WandbLoggingError as exc:
            self.trouble = copy.copy(exc)  # a copy has no traceback, which would keep the frames alive
            if _worth_retrying(exc):
                self._not_before = self.now() + (getattr(exc, "retry_after", None) or _APART)
            _let_go(exc)
            raise
        self.trouble = None
        return result

    def beside(self) -> Link:
        """Another link to the same server, with connections of its own, for another thread."""
        return Link(self._connect, self.pace, self.now)

    def _wait_for_leave(self) -> None:
        """After a failure, wait as long as the server asked for, and a second in any case.

        A caller without time gets the same failure again, and no request is made.
        """
        while (left := self._not_before - self.now()) > 0 and self.trouble is not None:
            if self._once or self.pace.out_of_time():
                raise copy.copy(self.trouble)
            self.pace.sleep(left)

    def _shares_limit(self) -> bool:
        """Whether others have to be waited for; not on a clock of a test."""
        return self.allowance is not None and self.now is time.monotonic

    def _wait_for_turn(self, size: int) -> None:
        """Wait for a turn among all senders of the project; not without time for that: then it may be refused."""
        assert self.allowance is not None
        seconds = self.allowance.take(size)
        if not self._once:
            self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Wait before a request, but no longer than there is time. `Pace.sleep` may end earlier."""
        until = self.now() + seconds
        while (left := until - self.now()) > _SHORT and not self.pace.out_of_time():
            self.pace.sleep(left)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _is_at(url: str, host: str) -> bool:
    """Whether an address is the API's own; also where it is none, which the request will say."""
    try:
        return url.startswith("/") or belongs_to(url, host)
    except ValueError:
        return True


def _let_go(error: BaseException | None) -> None:
    """Clear the frames of an error's traceback: through them, tenacity and urllib3 keep each failed body in memory."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, (TransportError, ServerUnavailable)) and not isinstance(error, TLSError)


def explain(error: WandbLoggingError, host: str, *, live: bool = True, on_disk: bool = True) -> str:
    """One line for a person: what is wrong with reaching the server, and what to do about it.

    Args:
        error: how the latest try ended.
        host: the server that was tried.
        live: whether the caller goes on trying, as a run does and `sync` does not.
        on_disk: whether the rows are on the disk; else they are in memory.
    """
    if isinstance(error, OutOfTime):
        return str(error)
    kept = "Rows are kept on disk" if on_disk else "Rows wait in memory"
    if _worth_retrying(error):
        then = "; trying again." if live else ". Sync again later; `wandb-logging doctor` looks for the cause."
        return f"{host} cannot be reached ({error}). {kept}{then}"
    if isinstance(error, JournalError):
        return f"{error}. {kept}."
    if isinstance(error, SettingsError):  # rules of another version, in run.json: nobody has asked the server
        return f"{_sentence(error)} {kept}. `wandb-logging sync --rules FILE` gives it rules."
    return f"{host}: {_sentence(error)} {kept}. {_advice(error, host, live=live)}"


def _sentence(error: WandbLoggingError) -> str:
    text = str(error)
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _advice(error: WandbLoggingError, host: str, *, live: bool) -> str:
    if isinstance(error, AuthError):
        if error.cure is not None:
            return error.cure
        again = "" if error.status is None else " --relogin"  # else the key that is there would be found
        login = f"wandb-logging login{again}" + ("" if host == DEFAULT_HOST else f" --host {shlex.quote(host)}")
        return f"Set a key with `{login}`" + (
            "; it is picked up while the program runs." if live else ", then sync again."
        )
    if isinstance(error, TLSError):
        return "Set REQUESTS_CA_BUNDLE to the file of your CA."
    if isinstance(error, RunNotFound):
        return "Check entity and project."
    if isinstance(error, NoAnswerError) or 300 <= (getattr(error, "status", None) or 0) < 400:
        again = "; it is tried again." if live else ", then sync again."
        return f"Check host, and whether a proxy or the login of this network answers in its place{again}"
    return "The run is refused: check entity, project and settings."
