"""A file from the server onto the disk: as large as announced, with the digest announced, in its place as a whole."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from wandb_logging._errors import TransportError

if TYPE_CHECKING:
    from wandb_logging._server.client import Client

_MD5_BYTES = 16


def fetch(client: Client, url: str, target: Path, most: int, md5: bytes | None) -> None:
    """Put what is at an address in the place of a file. Until all of it is there and right, nothing changes there.

    Meanwhile it is in a file beside it, of a name that nobody can know: in a folder that others can write to nobody
    has a link there.

    Args:
        client: makes the request.
        url: the address.
        target: the file.
        most: bytes that it may have.
        md5: what it has to be; None is not compared.

    Raises:
        TransportError, HTTPStatusError: it could not be fetched, has more bytes or another MD5.
        OSError: it cannot be written.
    """
    digest = hashlib.md5(usedforsecurity=False)
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:

            def take(block: bytes) -> None:
                digest.update(block)
                file.write(block)

            client.get(url, take, most)
        if md5 is not None and digest.digest() != md5:
            raise TransportError(f"{target.name} is not what the server announced: it arrived damaged, or has changed")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def digest_of(md5: str | None) -> bytes | None:
    """The bytes of an MD5 in base64 or hex; None if it is none."""
    text = md5 or ""
    try:
        found = bytes.fromhex(text) if len(text) == 2 * _MD5_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return found if len(found) == _MD5_BYTES else None
