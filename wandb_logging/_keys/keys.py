"""API keys: their form, where to find them, and which server each is for. No key appears in a message or a `repr`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import field
from urllib.parse import urlsplit

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import AuthError, SettingsError
from wandb_logging._keys import netrc
from wandb_logging._settings.settings import SETTINGS, from_environment

LOGIN = "user"  # the official client writes this login; W&B does not read it (protocol 2.3)
_JWT = r"[\w-]+\.[\w-]+\.[\w-]+"
_SIGNS = r"[\w-]+"
_VISIBLE = r"[!-~]*"


def key_problem(key: str) -> str | None:
    """What is wrong with the form of an API key, as a sentence without the key; None if nothing is (protocol 2.1).

    Only ASCII passes, because a key has to fit into a header. The official client accepts any letter.
    """
    if not key:
        return "API key is empty."
    if key != key.strip():
        return "API key cannot start or end with whitespace."
    if re.fullmatch(_JWT, key, re.ASCII):
        return None
    before, dash, after = key.partition("-")
    secret = after if dash else before
    if not (re.fullmatch(_SIGNS, secret, re.ASCII) and re.fullmatch(_VISIBLE, before)):
        return "API key may only contain the letters A-Z, digits and underscores."
    if len(secret) < 40:
        return f"API key must have 40+ characters, has {len(secret)}."
    return None


@dataclass(frozen=True)
class Session:
    """An API key and the server it is for, as `login` returns it and `new_run` takes it.

    Args:
        api_key: the key; never part of the `repr`.
        host: address of the W&B API. Default: WANDB_BASE_URL, else W&B's own cloud.

    Raises:
        SettingsError: the key does not have the form of an API key, or `host` is no address.
    """

    api_key: str = field(repr=False)
    host: str | None = None

    def __post_init__(self) -> None:
        key: object = self.api_key
        problem = key_problem(key) if isinstance(key, str) else "API key is not a string."
        if problem:
            raise SettingsError(f"api_key: {problem}")
        if self.host is not None:
            # object.__setattr__ is how a frozen dataclass normalises its own values.
            object.__setattr__(self, "host", resolve_host(self.host))


@dataclass(frozen=True)
class Key:
    """An API key that was found.

    Attributes:
        key: the key; never part of the `repr`.
        source: where it was found, in words for a person: "WANDB_API_KEY", "netrc ~/.netrc".
    """

    key: str = field(repr=False)
    source: str

    @property
    def problem(self) -> str | None:
        """What is wrong with the form of this key (`key_problem`); None if nothing is."""
        return key_problem(self.key)

    @property
    def is_given(self) -> bool:
        """Whether this program was given the key: then none that a login saves takes its place."""
        return self.source in (SETTING, KEY_VARIABLE)

    def checked(self) -> str:
        """The key.

        Raises:
            AuthError: it is malformed. A mistyped key is reported instead of using another in its place.
        """
        if self.problem:
            cure = f"Correct {self.source}." if self.is_given else None
            raise AuthError(f"the key from {self.source} is malformed: {self.problem}", cure=cure)
        return self.key


KEY_VARIABLE = SETTINGS["api_key"].env or ""
SETTING = "the setting api_key"

# Sessions of this process by host. If netrc cannot be written, a key given to `login` still counts (protocol 2.2).
_sessions: dict[str, Session] = {}


def resolve_host(host: str | None) -> str:
    """The API address for `host`; None means WANDB_BASE_URL, else W&B's own cloud.

    Raises:
        SettingsError: `host` is no address.
    """
    return str(from_environment("host") if host is None else SETTINGS["host"].keep("host", host))


def remember(session: Session) -> None:
    """Let `find_key` find this session's key in this process."""
    _sessions[resolve_host(session.host)] = session


def forget(host: str) -> None:
    """Undo `remember`."""
    _sessions.pop(host, None)


def find_key(
    host: str, explicit: str | None = None, *, on_problem: Callable[[str], object] | None = None
) -> Key | None:
    """The API key for a host; the first of: given, logged in within this process, WANDB_API_KEY, netrc.

    Args:
        host: address of the API.
        explicit: the setting `api_key`. If it equals WANDB_API_KEY, the key counts as found there.
        on_problem: called with a sentence if the netrc file exists but cannot be read.

    Raises:
        Nothing. The key may be malformed: see `Key.problem`.
    """
    return next(find_keys(host, explicit, on_problem=on_problem), None)


def find_keys(host: str, explicit: str | None, *, on_problem: Callable[[str], object] | None = None) -> Iterator[Key]:
    """All API keys for a host, in the order of `find_key`. If the server refuses one, the next may be accepted."""
    environment = SETTINGS["api_key"].unset()
    if explicit and explicit != environment:
        yield Key(explicit, SETTING)
    if host in _sessions:
        yield Key(_sessions[host].api_key, "login in this process")
    if environment:
        yield Key(environment, KEY_VARIABLE)
    path = netrc.usual_path()
    key, problem = netrc.read(path, machine_of(host))
    if problem and on_problem is not None:
        on_problem(problem)
    if key:
        yield Key(key, f"netrc {netrc.shown(path)}")


def machine_of(host: str) -> str:
    """The netrc machine name of an API address: host and port, so that keys of several servers can coexist.

    A host that is no address is returned unchanged: a run directory from somebody else may name anything as its host.
    """
    try:
        return urlsplit(host).netloc.rpartition("@")[2]
    except ValueError:
        return host
