"""order.jsonl: what is read next of which writer, where a journal has several; written down before anybody reads it."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Optional, Protocol

from wandb_logging._errors import JournalError, JournalLocked
from wandb_logging._journal import safe_files
from wandb_logging._journal.seal import seal, unseal
from wandb_logging._values.plain import dumps, loads

Taking = tuple[int, int, int]
"""A writer, and the segment and byte up to which it is read next."""

Entry = Optional[Taking]
"""An entry of order.jsonl; None: no such entry."""


class Right(Protocol):
    """The right to send a run and to add to its order.jsonl: a `SendingRight`.

    Attributes:
        term: number of the term for which this process has the right; 0 if it has not.
    """

    term: int

    def check(self) -> None:
        """Make sure that this process still has it.

        Raises:
            JournalLocked: another host has taken it.
        """


class Order:
    """order.jsonl, read and written by the process that has the right to send.

    A process that took this right from another one first adds an entry with its new term. Entries of an earlier term
    behind that are ignored: the other process may add some before it notices that it has lost the right. Each process
    looks whether it still has the right after it has added an entry, and before it sends what the entry says.
    """

    def __init__(self, path: Path, right: Right | None) -> None:
        self._path = path
        self._right = right
        self._entries: list[Entry] | None = None

    @property
    def entries(self) -> list[Entry]:
        """What is there.

        Raises:
            OSError: it cannot be read.
            JournalLocked: another host has taken the right to send.
        """
        if self._entries is None:
            data = _whole_lines(self._path)
            found = safe_files.status(self._path.parent, self._path.name)
            if found is not None and found.st_size > len(data):
                with safe_files.open_to_append(self._path.parent, self._path.name) as file:
                    file.truncate(len(data))  # nobody has acted on half an entry
            if self._term > 1 and _Entries(data).term < self._term:
                self._write([{"writer": 0, "segment": 1, "offset": 0}])
                data = _whole_lines(self._path)
            read = _Entries(data)
            if self._term and read.term > self._term:
                raise JournalLocked(f"{self._path.parent} is being uploaded by another process", "another process")
            self._entries = read.entries
        return self._entries

    def add(self, takings: Sequence[Taking]) -> None:
        """Write down what is read next, all of it at the cost of one fsync.

        Raises:
            JournalError: it cannot be written.
            JournalLocked: another host has taken the right to send.
        """
        entries = self.entries
        self._write([dict(zip(("writer", "segment", "offset"), taking)) for taking in takings])
        entries += takings  # a new file's name is forced with those of the segments: `Reader.sync`

    @property
    def _term(self) -> int:
        return 0 if self._right is None else self._right.term

    def _write(self, entries: list[dict[str, int]]) -> None:
        term = {"term": self._term} if self._term > 1 else {}
        lines = b"".join(seal(dumps({**entry, **term})) for entry in entries)
        try:
            with safe_files.open_to_append(self._path.parent, self._path.name) as file:
                _write_all(file, lines)
                os.fsync(file.fileno())
            if self._right is not None and self._right.term:
                self._right.check()
        except OSError as exc:
            self._entries = None  # what is in the file now is not known: read it again
            raise JournalError(f"{self._path} cannot be written: {exc.strerror or exc}") from exc
        except JournalLocked:
            self._entries = None
            raise


def _write_all(file: BinaryIO, data: bytes) -> None:
    """Write all of it. Where the disk takes a part, the entries that are whole count; the next look cuts off the rest.

    Raises:
        OSError: the disk is full.
    """
    if file.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def order_of(path: Path) -> list[Entry]:
    """The entries of a run directory's order.jsonl; None in place of each that is damaged or of an earlier term.

    Raises:
        OSError: it is there and cannot be read.
    """
    return _Entries(_whole_lines(path / "order.jsonl")).entries


def damaged_in_order(path: Path) -> tuple[int, int]:
    """How many entries of a run directory's order.jsonl are damaged, and how many there are.

    Raises:
        OSError: it is there and cannot be read.
    """
    found = _Entries(_whole_lines(path / "order.jsonl"))
    return found.damaged, len(found.entries)


def _whole_lines(path: Path) -> bytes:
    try:
        data = safe_files.read(path.parent, path.name)
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


class _Entries:
    """The content of order.jsonl.

    Attributes:
        entries: in order; None in place of one that is damaged, only says a new term, or is of an earlier term.
        term: the latest term.
        damaged: number of damaged entries.
    """

    def __init__(self, data: bytes) -> None:
        self.term = self.damaged = 0
        self.entries = [self._entry(unseal(line)) for line in data.split(b"\n")[:-1]]

    def _entry(self, body: bytes | None) -> Entry:
        said = _said(body)
        if said is None:
            self.damaged += 1
            return None
        writer, segment, offset, term = said
        if term < self.term:
            return None
        self.term = term
        return (writer, segment, offset) if writer else None


def _said(body: bytes | None) -> tuple[int, int, int, int] | None:
    """Writer, segment, byte and term of an entry; None if it has not this form, even if its checksum is right."""
    try:
        said = loads(body) if body is not None else None
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    numbers: tuple[Any, Any, Any, Any]
    numbers = (said.get("writer"), said.get("segment"), said.get("offset"), said.get("term", 1))
    return numbers if all(type(number) is int and 0 <= number < 2**63 for number in numbers) else None
