"""The way from a question to its answer: a key, retries, and one page after the other."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging._errors import AuthError
from wandb_logging._keys.keys import find_keys, resolve_host
from wandb_logging._server.fetch import digest_of, fetch
from wandb_logging._server.link import Link, Pace
from wandb_logging._server.protocol import dig

if TYPE_CHECKING:
    from wandb_logging._server.client import Client

PAGE = 50
_TRIES = 3  # of one file: a person waits for it


class Server:
    """A server, as `Api` asks it.

    Args:
        host: its address. Default: WANDB_BASE_URL, else W&B's own cloud.
        api_key: the key. Default: the one that runs are sent with.
        timeout: seconds to connect, and between two bytes of an answer.
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
        """Opens a way to the server for the length of a `with` block; requests are repeated while that can help."""
        link = Link(self._connect, Pace())
        try:
            yield link
        finally:
            link.close()

    def ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one question.

        Raises:
            AuthError, TransportError, HTTPStatusError, GraphQLError: there is none.
        """
        with self.link() as link:
            return link.graphql(document, variables)

    def pages(
        self, document: str, variables: Mapping[str, Any], *path: str, page: int = PAGE
    ) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
        """All nodes below a path of the answer, each with the answer it came in. Pages are asked for as needed.

        Raises:
            AuthError, TransportError, HTTPStatusError, GraphQLError: a page could not be had.
        """
        after: str | None = None
        while True:
            answer = self.ask(document, {**variables, "after": after, "first": page})
            found = dig(answer, *path) or {}
            for edge in found.get("edges") or []:
                yield edge["node"], answer
            after = dig(found, "pageInfo", "endCursor")
            if not dig(found, "pageInfo", "hasNextPage") or after is None:
                return

    def fetch(self, url: str, target: Path, most: int, md5: str | None) -> None:
        """Put what is at an address in the place of a file, as `_server.fetch`.

        Raises:
            TransportError, HTTPStatusError: it could not be fetched, or is not what was announced.
            OSError: it cannot be written.
        """
        with self.link() as link:
            link.call(lambda client: fetch(client, url, target, most, digest_of(md5)), attempts=_TRIES)


def json_mapping(text: object) -> dict[str, Any]:
    """A mapping that the server gives as a JSON text; empty if it is none."""
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
