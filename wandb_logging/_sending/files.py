"""Uploads the files of a run to the addresses that the server gives (protocol 6.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import BinaryIO, NamedTuple

from wandb_logging._errors import AuthError, GraphQLError, NotPossible, RequestRejected, RunNotFound
from wandb_logging._events.run_info import Remote
from wandb_logging._server import protocol
from wandb_logging._server.link import Link

_ADDRESSES = 3  # upload addresses to ask for, one after the other, before a file is given up
_TRIES = 2  # tries of each address


class _Address(NamedTuple):
    """The upload address of a file, and the headers that the PUT needs."""

    url: str
    headers: Mapping[str, str]


def ignored(name: str, globs: Iterable[str]) -> bool:
    """Whether `ignore_globs` keep a file from being uploaded. A * matches no slash, as in Go's filepath.Match."""
    parts = name.split("/")
    patterns = (glob.split("/") for glob in globs)
    return any(len(pattern) == len(parts) and all(map(fnmatchcase, parts, pattern)) for pattern in patterns)


class RunFiles:
    """Uploads files of one run.

    Args:
        remote: the run on the server.
        uploads: MD5 of the uploaded files, by name; each upload is added.
    """

    def __init__(self, remote: Remote, uploads: dict[str, str]) -> None:
        self.uploads = uploads
        self._remote = remote
        self._expected: dict[str, _Address] = {}

    def expect(self, link: Link, names: Iterable[str]) -> None:
        """Ask for the addresses of several files in one request. Otherwise `put` asks for each of them.

        Raises:
            AuthError, TransportError, ServerUnavailable: as `put`.
        """
        wanted = list(dict.fromkeys(names))
        try:
            self._expected = self._ask(link, wanted) if len(wanted) > 1 else {}
        except (RequestRejected, RunNotFound, GraphQLError):
            self._expected = {}  # perhaps for the sake of one of them

    def put(self, link: Link, name: str, source: BinaryIO) -> None:
        """Upload one file.

        Args:
            link: the connection to the server.
            name: the file's name in the run.
            source: the open file; it is not closed.

        Raises:
            OSError: the file cannot be read.
            RequestRejected, NotPossible: the server does not take it.
            TransportError, HTTPStatusError, GraphQLError: see `_errors`.
        """
        address = self._expected.pop(name, None)
        if address is not None:
            try:
                self._put(link, address, source)
            except (AuthError, RequestRejected, RunNotFound):
                pass  # others went first: it may have expired
            else:
                return
        refused: NotPossible | RequestRejected = NotPossible("the server gave no address to upload it to")
        for _ in range(_ADDRESSES):
            # A new address for each try: signed ones expire.
            address = self._ask(link, [name]).get(name)
            if address is None:
                break
            try:
                self._put(link, address, source)
            except AuthError as exc:
                # Said by the storage, not by the API: the address has expired, the key is not in question.
                refused = RequestRejected(str(exc), exc.status)
            else:
                return
        raise refused

    def _ask(self, link: Link, names: list[str]) -> dict[str, _Address]:
        remote = self._remote
        variables = {"entity": remote.entity, "project": remote.project, "run": remote.name, "files": names}
        urls, headers = protocol.upload_targets(link.graphql(protocol.CREATE_RUN_FILES, variables), names)
        return {name: _Address(url, headers) for name, url in urls.items()}

    @staticmethod
    def _put(link: Link, address: _Address, source: BinaryIO) -> None:
        link.put(address.url, source, address.headers, attempts=_TRIES)
