"""Makes a run's connections to the server, with the first API key found that the server has not refused."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wandb_logging._errors import AuthError
from wandb_logging._keys.keys import find_keys
from wandb_logging._process.notices import Notices
from wandb_logging._settings.settings import Settings
from wandb_logging._values.secrets import Secrets

if TYPE_CHECKING:
    from wandb_logging._server.client import Client

_UNAUTHORIZED = 401  # `http` would be imported with the handler


class Connection:
    """Makes the clients of a `Link`, with an API key.

    Args:
        settings: settings of the run.
        secrets: is given each key that is used, to mask it.
        notices: is given what is wrong with a netrc file.
    """

    def __init__(self, settings: Settings, secrets: Secrets, notices: Notices) -> None:
        self._settings = settings
        self._secrets = secrets
        self._notices = notices
        self._key: str | None = None
        self._refused: set[str] = set()

    def connect(self, timeout: float | None = None) -> Client:
        """A client with the first key that the server has not refused.

        Args:
            timeout: seconds for the client's requests. Default: as in the settings.

        Raises:
            AuthError: there is no such key, or it is malformed.
        """
        from wandb_logging._server.client import Client  # noqa: PLC0415  requests: most of the import time

        host, settings = self._settings.host, self._settings
        wrong = AuthError("no API key was found")
        for key in find_keys(host, settings.api_key, on_problem=partial(self._notices.add, "netrc")):
            self._secrets.know(key.key)  # the key may have come into netrc after the start
            if key.checked() not in self._refused:
                self._key = key.key
                return Client(host, key.key, timeout=timeout or settings.request_timeout)
            said = f"the key from {key.source} was refused, and there is no other"
            wrong = AuthError(said, _UNAUTHORIZED)
        raise wrong

    def refuse(self) -> None:
        """Note that the server refused the key of the latest client: the next one takes another key."""
        if self._key is not None:
            self._refused.add(self._key)
