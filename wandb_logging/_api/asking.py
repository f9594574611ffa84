"""Asks the server: with a key, with retries, and for lists."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._errors import AuthError, GraphQLError
from wandb_logging._keys.keys import find_keys, resolve_host
from wandb_logging._server.fetch import digest_of, fetch
from wandb_logging._server.link import Link, Pace
from wandb_logging._server.pages import PAGE, Pages
from wandb_logging._server.protocol import CREATE_RUN_FILES, upload_targets

if TYPE_CHECKING:
    from wandb_logging._server.client import Client

_TRIES = 3  # attempts for one file; there are few because a person waits


class Server:
    """The server that `Api` asks.

    Args:
        host: address of the W&B API. Default: WANDB_BASE_URL, else W&B's own cloud.
        api_key: the API key. Default: the one with which runs are sent.
        timeout: most seconds to connect, and between two bytes of an answer.
    """

    def __init__(self, host: str | None, api_key: str | None, timeout: float) -> None:
        self.host = resolve_host(host)
        self._api_key = api_key
        self._timeout = timeout

    def _connect(self) -> Client:
        from wandb_logging._server.client import Client  # noqa: PLC0415  requests: most of the import time

        key = next(find_keys(self.host, self._api_key), None)
        if key is None:
            raise AuthError(f"no API key was found for {self.host}: run `wandb-logging login`")
        return Client(self.host, key.key, timeout=self._timeout)

    @contextlib.contextmanager
    def link(self) -> Iterator[Link]:
        """Open a connection to the server for a `with` block. Failed requests are repeated while that can help."""
        link = Link(self._connect, Pace())
        try:
            yield link
        finally:
            link.close()

    def ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Ask one question, and return the answer.

        Raises:
            AuthError, TransportError, HTTPStatusError, GraphQLError: the server gave no answer.
        """
        with self.link() as link:
            return link.graphql(document, variables)

    def pages(
        self, document: str, variables: Mapping[str, Any], *path: str, page: int = PAGE, after: str | None = None
    ) -> Pages:
        """The edges of a list at a path of the answer, as `Pages`."""
        return Pages(self.link, document, variables, *path, page=page, after=after)

    def fetch(self, url: str, target: Path, most: int, md5: str | None) -> None:
        """Download what is at an address into a file, as `_server.fetch` does. The file is replaced if it exists.

        Raises:
            TransportError, HTTPStatusError: the download failed, or is not what was announced.
            OSError: the file cannot be written.
        """
        with self.link() as link:
            link.call(lambda client: fetch(client, url, target, most, digest_of(md5)), attempts=_TRIES)

    def upload(self, name: str, source: Path, run: Mapping[str, str]) -> None:
        """Upload a file of a run.

        Args:
            name: name in the run.
            source: the file.
            run: entity, project and run.

        Raises:
            GraphQLError: the server gave no address for it.
            AuthError, TransportError, HTTPStatusError: the upload failed.
            OSError: the file cannot be read.
        """
        with self.link() as link:
            answer = link.graphql(CREATE_RUN_FILES, {**run, "files": [name]})
            addresses, headers = upload_targets(answer, [name])
            if name not in addresses:
                raise GraphQLError(f"the server gave no address to upload {name!r} to")
            link.put(addresses[name], source, headers, attempts=_TRIES)


def json_mapping(text: object) -> dict[str, Any]:
    """Read a mapping that the server gives as JSON text. Returns an empty one if the text is no mapping."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
