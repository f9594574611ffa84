"""`login` and `logout`: how a key gets from a person into netrc. Only this module ever asks a person anything."""

from __future__ import annotations

import getpass
import sys
import warnings
from pathlib import Path

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import AuthError, SettingsError
from wandb_logging._keys import keys, netrc
from wandb_logging._keys.keys import KEY_VARIABLE, Key, Session
from wandb_logging._server import protocol
from wandb_logging._settings.settings import from_environment
from wandb_logging._values.terminal_text import clean

_TRIES = 3


@dataclass(frozen=True)
class Login:
    """The result of logging in.

    Attributes:
        session: key and host.
        source: where the key was found, in words for a person.
        saved: the netrc file that the key was written to; None if it was stored there or elsewhere before.
        unsaved: why the key could not be written to netrc; None if nothing went wrong.
        entity: the key's own team or user; None if the server was not asked.
    """

    session: Session
    source: str
    saved: Path | None = None
    unsaved: str | None = None
    entity: str | None = None


def login(
    host: str | None = None,
    key: str | None = None,
    *,
    relogin: bool = False,
    verify: bool = False,
    timeout: float = 10.0,
) -> Session:
    """Find an API key, or ask the person at the terminal for it (without echo), and save it to netrc.

    Args:
        host: address of the W&B API. Default: WANDB_BASE_URL, else W&B's own cloud.
        key: the key, if the caller has it; then nobody is asked. Default: the key that is found (in this process,
            WANDB_API_KEY, netrc), else the answer to the prompt.
        relogin: ask even though a key is found.
        verify: ask the server whether it accepts the key, before anything is saved.
        timeout: seconds that the server may take to accept a connection, and between two bytes of its answer.

    Raises:
        SettingsError: the key does not have the form of an API key; or there is no key, and no terminal to ask at.
        AuthError: the server does not accept the key (`verify`).
        TransportError, HTTPStatusError, GraphQLError: the server could not be asked (`verify`).
        KeyboardInterrupt: Ctrl-C at the prompt. Nothing has been saved.
    """
    done = log_in(host, key, relogin=relogin, verify=verify, timeout=timeout)
    if done.unsaved:
        _say(f"The key counts in this process only: {done.unsaved}")
    return done.session


def logout(host: str | None = None) -> bool:
    """Remove the API key of a host from netrc, and forget the key of this process.

    A key in WANDB_API_KEY stays, because that variable is not ours to unset.

    Args:
        host: address of the W&B API. Default: WANDB_BASE_URL, else W&B's own cloud.

    Returns:
        Whether netrc had a key for the host.

    Raises:
        SettingsError: the netrc file cannot be read, understood or changed.
    """
    address = keys.resolve_host(host)
    keys.forget(address)
    return netrc.remove(netrc.usual_path(), keys.machine_of(address))


def log_in(host: str | None, key: str | None, *, relogin: bool, verify: bool, timeout: float) -> Login:
    """Do the work of `login` and return everything worth telling. Prints nothing but the prompt."""
    address = keys.resolve_host(host)
    found = Key(key.strip(), "the key given") if key is not None else None
    if found is None and not relogin:
        found = keys.find_key(address, on_problem=_say)
        if found is not None and found.problem and found.source != KEY_VARIABLE and _can_ask():
            _say(f"{found.source}: {found.problem}")
            found = None
    fresh = key is not None or found is None
    if found is None:
        found = Key(_ask(address), "the prompt")
    session = _session(found, address)
    entity = check_key(session, timeout) if verify else None
    saved, unsaved = _save(session) if fresh else (None, None)
    return Login(session, found.source, saved, unsaved, entity)


def _session(found: Key, host: str) -> Session:
    if found.problem:
        raise SettingsError(f"{found.source}: {found.problem}")
    return Session(found.key, host)


def _save(session: Session) -> tuple[Path | None, str | None]:
    """Keep a key for this process and save it for later ones. Returns the netrc file, or why the key is not saved."""
    keys.remember(session)
    path = netrc.usual_path()
    try:
        netrc.write(path, keys.machine_of(keys.resolve_host(session.host)), keys.LOGIN, session.api_key)
    except SettingsError as exc:
        return None, str(exc)
    return path, None


def check_key(session: Session, timeout: float) -> str:
    """Ask the server whose key this is. Returns the key's own team or user.

    Raises:
        AuthError: the key is nobody's; the message says what to do.
        TransportError, HTTPStatusError, GraphQLError: the server could not be asked.
    """
    from wandb_logging._server.client import Client  # noqa: PLC0415  imports requests, which is most of the import time

    host = keys.resolve_host(session.host)
    client = Client(host, session.api_key, timeout=timeout)
    try:
        data = client.graphql(protocol.VIEWER, {})
    except AuthError as exc:
        raise AuthError(f"{host} does not accept the key ({exc}); {how_to_get_one(host)}", exc.status) from exc
    finally:
        client.close()
    viewer = data.get("viewer")
    if not isinstance(viewer, dict):  # the server answers 200 all the same (protocol 2.5)
        raise AuthError(f"{host} does not know the key; {how_to_get_one(host)}")
    return str(viewer.get("entity") or "")


def how_to_get_one(host: str) -> str:
    """Tell a person without a valid key what to do."""
    return f"copy yours from {authorize_url(host)} and run `wandb-logging login --relogin`"


def authorize_url(host: str) -> str:
    """The page that shows a person their API key (protocol 2.4)."""
    app = from_environment("app_url") or protocol.app_url(host)
    return f"{app}/authorize"


# --- the prompt -----------------------------------------------------------------------------------------


def _say(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{clean(text)}\n")
        sys.stderr.flush()


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _ask(host: str) -> str:
    """Let a person type or paste a key, and return it in the right form.

    Raises:
        SettingsError: there is nobody to ask, or three tries gave no valid key.
    """
    if not _can_ask():
        raise SettingsError(
            f"no API key for {host}, and no terminal to ask for it: set {KEY_VARIABLE} to the key from "
            f"{authorize_url(host)}"
        )
    _say(f"Your API key for {host} is at {authorize_url(host)}")
    problem: str | None = None
    for _ in range(_TRIES):
        key = _typed("API key (not shown): ")
        problem = keys.key_problem(key)
        if problem is None:
            return key
        _say(problem)
    raise SettingsError(f"no valid API key after {_TRIES} tries: {problem}")


def _typed(prompt: str) -> str:
    """Read one line from the terminal without echo.

    Raises:
        SettingsError: the terminal cannot hide the input, or ended it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt).strip()
        except getpass.GetPassWarning:
            raise SettingsError(f"this terminal would show the key as you type it: set {KEY_VARIABLE}") from None
        except KeyboardInterrupt:
            _say("")  # what follows begins on a new line
            raise
        except EOFError:
            _say("")
            raise SettingsError("no API key given") from None
