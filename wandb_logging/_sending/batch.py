"""Cuts a journal into batches: the lines of all streams for one request, and the state after them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import field

from wandb_logging._dataclass import dataclass
from wandb_logging._events.run_info import Remote
from wandb_logging._events.send_options import SendOptions
from wandb_logging._events.task import Task
from wandb_logging._fold import fold
from wandb_logging._journal.position import Ends, Position, places
from wandb_logging._journal.reader import Reader
from wandb_logging._server import protocol
from wandb_logging._server.body import EVENTS, HISTORY, OUTPUT, SUMMARY, LineBlock, PackedBlock, StreamBody
from wandb_logging._server.link import Pace

DAMAGED = "damaged journal line"  # why it is set aside
# Lines and bytes that are folded in one go: more would keep the interpreter lock from the program for too long.
_PIECE = (100, 2**15)
_PIECE_ALONE = (500, 2**18)  # the same when the program only waits
_MOST_KEPT = 2**24  # bytes of a damaged line that are kept in aside.jsonl
_MOST_BYTES = protocol.MAX_REQUEST_BYTES - 2**20  # the last piece, or the summary, may add so much to a batch


@dataclass
class Batch:
    """The lines of a request that is being filled, and the folded state after them.

    Lines are masked when they are added: later they are compressed.
    """

    state: fold.State
    mask: Callable[[str], str]
    history: LineBlock | PackedBlock
    output: LineBlock
    samples: LineBlock
    first_line: int = 0  # the server's number of this run's first output.log line
    edits: dict[int, str] = field(default_factory=dict)  # changed output.log lines, by the server's numbers
    events: int = 0
    summary: bool = False
    tasks: list[Task] = field(default_factory=list)
    aside: list[tuple[str, object]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @classmethod
    def after(cls, state: fold.State, remote: Remote | None, mask: Callable[[str], str], *, gzip: bool) -> Batch:
        """An empty batch for the lines that come after a state.

        Args:
            state: the folded state before them.
            remote: the run on the server: it may have lines from before this run directory.
            mask: masks the API key in a line.
            gzip: whether to compress requests if the server offers it.
        """
        history, output, events = (remote.history, remote.output, remote.events) if remote else (0, 0, 0)
        number = history + state.rows
        packed = gzip and remote is not None and remote.gzip
        return cls(
            dataclasses.replace(state),
            mask,
            history=PackedBlock(HISTORY, number) if packed else LineBlock(number),
            output=LineBlock(output + state.lines),
            samples=LineBlock(events + state.samples),
            first_line=output,
        )

    @property
    def size(self) -> int:
        return self.history.size + self.output.size + self.samples.size

    @property
    def is_of_end(self) -> bool:
        """Whether the run has ended with this batch, which has no lines besides the summary."""
        counts = (self.history.count, self.output.count, self.samples.count, len(self.edits))
        return self.state.exit is not None and not any(counts)

    def add(self, state: fold.State, delta: fold.Delta, *, beside: bool = False) -> None:
        self.state = state
        rows, lines, samples = map(self._masked, (delta.rows, delta.lines, delta.samples))
        self.history.add(rows, beside=beside)
        self.output.add(lines)
        self.samples.add(samples)
        self.edits.update((self.first_line + number, self.mask(line)) for number, line in delta.edits.items())
        self.summary |= delta.summary_changed
        self.tasks += map(Task.from_json, delta.tasks)
        self.aside += delta.aside
        self.told += delta.told

    def _masked(self, lines: list[str]) -> list[str]:
        """Lines with the API key masked. Nearly always nothing is to be masked: that is found by one look at all."""
        together = "\n".join(lines)
        return lines if self.mask(together) == together else list(map(self.mask, lines))

    def add_damaged(self, lines: list[bytes]) -> None:
        for line in lines:
            self.aside.append((DAMAGED, line[:_MOST_KEPT].decode("utf-8", "replace")))
            self.state.set_aside += 1

    def bodies(self, uploaded: list[str], exit_code: int | None = None) -> list[StreamBody]:
        """The request, and before it one for each range of earlier output.log lines that changed (protocol 4.2)."""
        *earlier, output = self._output_blocks()
        blocks = {HISTORY: self.history, EVENTS: self.samples, OUTPUT: output}
        if self.summary:
            blocks[SUMMARY] = LineBlock(0, [self.mask(fold.summary_line(self.state))])
        edits = [StreamBody({OUTPUT: block}) for block in earlier]
        return [*edits, StreamBody(blocks, list(uploaded), exit_code=exit_code)]

    def _output_blocks(self) -> list[LineBlock]:
        self.output.edit(self.edits)
        blocks = [self.output]
        for number in sorted(self.edits, reverse=True):
            if number < self.output.offset:
                block = LineBlock(number, [self.edits[number]])
                if number + 1 == blocks[0].offset:
                    block.extend(blocks.pop(0))
                blocks.insert(0, block)
        return blocks


class Cutter:
    """Fills batches from a journal.

    Args:
        reader: reads the journal; its position moves along.
        options: how large a batch may be.
        pace: how long to sleep between two pieces, so that the program gets the interpreter.
        apart: whether a batch must come from one segment: needed where the oldest unsent segments may be removed
            (cache_policy: drop_oldest).
    """

    def __init__(self, reader: Reader, options: SendOptions, pace: Pace, *, apart: bool) -> None:
        self._reader = reader
        self._most_lines = options.batch_size
        self._most_bytes = min(options.batch_bytes, _MOST_BYTES)
        self._pace = pace
        self._apart = apart

    def is_anything_there(self) -> bool:
        """Whether there is something to read. The position does not move."""
        before = self._reader.position
        chunk = self._reader.read(1, _PIECE[1])
        self._reader.seek(before)
        return bool(chunk.bodies or chunk.damaged)

    def fill(self, batch: Batch, rules: fold.Rules, until: Ends) -> None:
        """Read and fold events into an empty batch, up to the ends `until`; it stays empty if there is nothing new."""
        alone = not self._pace.breath()
        lines, size = _PIECE_ALONE if alone else _PIECE
        # When the program only waits, batches may be larger: fewer requests have to wait for W&B's rate limit.
        enough = min(2 * self._most_bytes, _MOST_BYTES) if alone else self._most_bytes
        before = self._reader.position
        while batch.events < self._most_lines and batch.size < enough:
            chunk = self._reader.read(min(lines, self._most_lines - batch.events), size)
            if not chunk.bodies and not chunk.damaged:
                return
            too_much = batch.size and batch.size + sum(map(len, chunk.bodies)) > _MOST_BYTES
            if too_much or (batch.events and self._apart and self._crosses(before)):
                self._reader.seek(before)
                return
            batch.add(*fold.fold(rules, batch.state, chunk.bodies), beside=alone)
            batch.events += len(chunk.bodies)
            batch.add_damaged(chunk.damaged)
            if self._reader.has_passed(until) or fold.without_slow(rules, batch.state):
                return
            before = chunk.position
            self._pace.breathe()

    def _crosses(self, before: Position) -> bool:
        """Whether the reader has come to another segment since the position `before`."""
        earlier, now = places(before), places(self._reader.position)
        return any(writer in earlier and earlier[writer][0] != now[writer][0] for writer in now)
