"""Files of a run, put where the server says (protocol 6.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wandb_logging import _protocol
from wandb_logging._errors import AuthError, RequestRejected
from wandb_logging._link import Link
from wandb_logging._protocol import Remote

if TYPE_CHECKING:
    from wandb_logging._client import Client

_ADDRESSES = 3  # upload addresses asked for, one after the other, before a file is given up
_TRIES = 2  # of one address


def ignored(name: str, globs: Iterable[str]) -> bool:
    """Whether a file of that name is not to be uploaded. As in Go's filepath.Match, a * does not match a slash."""
    parts = name.split("/")
    patterns = (glob.split("/") for glob in globs)
    return any(len(pattern) == len(parts) and all(map(fnmatchcase, parts, pattern)) for pattern in patterns)


def put_file(link: Link, remote: Remote, name: str, source: Path) -> None:
    """Upload one file.

    Args:
        name: its name in the run.
        source: its bytes.

    Raises:
        OSError: the file cannot be read.
        RequestRejected: the server does not take it.
        TransportError, HTTPStatusError, GraphQLError: see `_errors`.
    """
    variables = {"entity": remote.entity, "project": remote.project, "run": remote.name, "files": [name]}
    refused = RequestRejected("the server gave no address to upload it to", 400)
    for _ in range(_ADDRESSES):
        # A new address for each try: signed ones expire.
        data = link.graphql(_protocol.CREATE_RUN_FILES, variables)
        urls, headers = _protocol.upload_targets(data, [name])
        url = urls.get(name)
        if url is None:
            break
        try:
            link.call(partial(_put, url=url, source=source, headers=headers), attempts=_TRIES)
        except AuthError as exc:
            # Said by the storage, not by the API: the address has expired, the key is not in question.
            refused = RequestRejected(str(exc), exc.status)
        else:
            return
    raise refused


def _put(client: Client, url: str, source: Path, headers: Mapping[str, str]) -> None:
    client.put(url, source, headers)
