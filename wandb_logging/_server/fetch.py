"""Downloads a file, and puts it in its place as a whole once its size and MD5 are right."""

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
    """Download an address to a file. The file changes only when all bytes are there and right.

    Until then they are in a temporary file beside it. Nobody can guess its name, and so nobody can have planted a link
    there, if others can write to the folder.

    Args:
        client: makes the request.
        url: the address.
        target: path of the file.
        most: bytes that it may have.
        md5: its MD5; None: not compared.

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
    """The bytes of an MD5 that is given in base64 or hex; None if the text is no MD5."""
    text = md5 or ""
    try:
        found = bytes.fromhex(text) if len(text) == 2 * _MD5_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return found if len(found) == _MD5_BYTES else None
