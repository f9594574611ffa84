"""order.jsonl: what it promises of entries that are none, and of a disk that takes a part of what is written."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from wandb_logging._errors import JournalError
from wandb_logging._journal import safe_files
from wandb_logging._journal.order import Order, damaged_in_order, order_of
from wandb_logging._journal.seal import seal

if TYPE_CHECKING:
    from pathlib import Path

TAKINGS = [(writer, 1, 100 * writer) for writer in range(1, 8)]


@pytest.mark.parametrize(
    "body",
    [
        b"[1]",
        b"5",
        b"null",
        b"{}",
        b'{"writer":1}',
        b'{"writer":"1","segment":1,"offset":0}',
        b"{not json}",
        b'{"writer":1,"segment":1,"offset":-1}',
        b'{"writer":1,"segment":1,"offset":0,"term":"x"}',
        b'{"writer":1,"segment":1,"offset":1' + b"0" * 400 + b"}",
    ],
)
def test_an_entry_of_the_order_that_is_none(body: bytes, tmp_path: Path) -> None:
    """Counts as damaged, with a checksum that is right, too."""
    good = b'{"writer":1,"segment":1,"offset":9}'
    (tmp_path / "order.jsonl").write_bytes(seal(body) + seal(good))
    assert damaged_in_order(tmp_path) == (1, 2)
    assert order_of(tmp_path) == [None, (1, 1, 9)]


class TestADiskThatIsFull:
    @pytest.mark.parametrize("taken", range(0, 370, 13))
    def test_it_takes_a_part(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
        """Whoever adds hears of it. What is whole counts, and the rest can be added behind it once there is room."""
        order = Order(tmp_path / "order.jsonl", None)
        monkeypatch.setattr(safe_files, "open_to_append", _with_room_for(taken))
        with pytest.raises(JournalError, match=r"order\.jsonl cannot be written: No space"):
            order.add(TAKINGS)
        monkeypatch.undo()
        whole = order.entries
        assert whole == TAKINGS[: len(whole)]
        order.add(TAKINGS[len(whole) :])
        assert order_of(tmp_path) == order.entries == TAKINGS
        assert damaged_in_order(tmp_path) == (0, len(TAKINGS))


def _with_room_for(size: int) -> object:
    """`safe_files.open_to_append` of a disk that takes no more than so many bytes."""
    opened = safe_files.open_to_append

    def open_(root: Path, name: str) -> BinaryIO:
        file = opened(root, name)
        return _Full(file, size)  # type: ignore[return-value]

    return open_


class _Full:
    """A file on such a disk."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: bytes) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data[: self._room])

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fileno(self) -> int:
        return self._file.fileno()
