"""Shared by all resolvers: the store, URLs signed by the server, and registration of resolvers."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_logging.testing._store import Store

Resolver = Callable[..., Any]
_AnyResolver = TypeVar("_AnyResolver", bound=Resolver)

# Returned with every upload URL, and required in every PUT.
UPLOAD_HEADER = ("X-Local-Upload", "signed")


@dataclass(frozen=True)
class Context:
    """The store and the server's address.

    Attributes:
        store: everything the server keeps.
        url: the server's base URL.
        secret: the key that signs storage URLs.
        client_id: which writer of a run in shared mode makes the request; None for one that is not in that mode.
    """

    store: Store
    url: str
    secret: bytes
    client_id: str | None = None

    def signature(self, method: str, path: str) -> str:
        """The signature that `method` on the storage path `path` needs."""
        return hmac.new(self.secret, f"{method} {path}".encode(), hashlib.sha256).hexdigest()

    def signed_url(self, method: str, *parts: str) -> str:
        """A storage URL that allows one method on one object."""
        path = "/storage/" + "/".join(quote(part) for part in parts)
        return f"{self.url}{path}?signature={self.signature(method, path)}"

    @property
    def upload_headers(self) -> list[str]:
        """Headers that every PUT to an upload URL must carry, as the API writes them."""
        return [":".join(UPLOAD_HEADER)]


def connection(items: Sequence[Any], first: int | None = None, after: str | None = None) -> dict[str, Any]:
    """One page of `items`, in GraphQL's connection form; a cursor is the number of the item."""
    start = int(after) + 1 if after else 0
    stop = len(items) if first is None else min(len(items), start + first)
    return {
        "edges": [{"node": item, "cursor": str(number)} for number, item in enumerate(items[start:stop], start)],
        "pageInfo": {"hasNextPage": stop < len(items), "endCursor": str(stop - 1) if stop else None},
        "totalCount": len(items),
    }


def registrar(table: dict[str, Resolver]) -> Callable[[str], Callable[[_AnyResolver], _AnyResolver]]:
    """A decorator that enters a resolver for `"Type.field"` in `table`."""

    def resolves(name: str) -> Callable[[_AnyResolver], _AnyResolver]:
        def register(resolver: _AnyResolver) -> _AnyResolver:
            table[name] = resolver
            return resolver

        return register

    return resolves
