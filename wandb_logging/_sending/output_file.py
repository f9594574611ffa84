"""The copy of output.log that is uploaded as a file: each acknowledged batch is added to it."""

from __future__ import annotations

from collections.abc import Callable

from wandb_logging._events.file_names import OUTPUT
from wandb_logging._journal.bounded_copies import BoundedCopies
from wandb_logging._sending import standard_files
from wandb_logging._sending.batch import Batch


class OutputFile:
    """The copy of output.log in the run directory.

    Args:
        copies: writes it.
        size: bytes of it that belong to acknowledged lines.
        say: called with (kind, text) if the disk refuses it.
        wanted: whether there is to be such a file.

    Attributes:
        size: as given; grows with each batch.
    """

    def __init__(self, copies: BoundedCopies, size: int, say: Callable[[str, str], object], *, wanted: bool) -> None:
        self.size = size
        self._copies = copies
        self._wanted = wanted
        self._say = say

    def keep(self, batch: Batch) -> None:
        """Add the lines of a batch. Call it before the cursor is saved, which has the size."""
        if not (batch.output.count or batch.edits) or not self._wanted:
            return
        end = batch.output.offset
        batch.output.edit(batch.edits)
        edits = {end - number: line for number, line in batch.edits.items() if number < end}
        try:
            self.size = standard_files.keep_output(self._copies, self.size, batch.output.parts(), edits)
        except OSError as exc:
            self._say("output", f"{self._copies.run_dir.path}: cannot keep {OUTPUT} ({exc.strerror})")
