"""What goes in one request: lines of all streams, and where they lead; cut from a journal by size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

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
# Lines and bytes folded and packed in one go: beside a program more would hold the interpreter lock for too long.
_PIECE = (100, 2**15)
_PIECE_ALONE = (500, 2**18)
_MOST_KEPT = 2**24  # bytes of a damaged line that are kept: whoever planted more does not get it copied
_MOST_BYTES = protocol.MAX_REQUEST_BYTES - 2**20  # what one piece, or the summary, may add to a batch


@dataclass
class Batch:
    """One request being put together, and where it leads.

    What it holds is masked as it comes in: when it is sent, it is compressed.
    """

    state: fold.State
    mask: Callable[[str], str]
    history: LineBlock | PackedBlock
    output: LineBlock
    samples: LineBlock
    first_line: int = 0  # number at the server of the run's own first output.log line
    edits: dict[int, str] = field(default_factory=dict)  # changed output.log lines, by number at the server
    events: int = 0
    summary: bool = False
    lines: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    aside: list[tuple[str, object]] = field(default_factory=list)

    @classmethod
    def after(cls, state: fold.State, remote: Remote | None, mask: Callable[[str], str], *, gzip: bool) -> Batch:
        """An empty batch of the lines that come after a state.

        Args:
            remote: the run on the server, whose lines before ours are counted.
            mask: makes a line one that may be sent.
            gzip: whether requests are to be compressed where the server offers it.
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

    def add(self, state: fold.State, delta: fold.Delta) -> None:
        self.state = state
        rows, lines, samples = map(self._masked, (delta.rows, delta.lines, delta.samples))
        self.history.add(rows)
        self.output.add(lines)
        self.lines += lines
        self.samples.add(samples)
        self.edits.update((self.first_line + number, self.mask(line)) for number, line in delta.edits.items())
        self.summary |= delta.summary_changed
        self.tasks += map(Task.from_json, delta.tasks)
        self.aside += delta.aside

    def _masked(self, lines: list[str]) -> list[str]:
        """Lines as they may be sent. Nearly always they are so already, which one look at all of them tells."""
        together = "\n".join(lines)
        return lines if self.mask(together) == together else list(map(self.mask, lines))

    def add_damaged(self, lines: list[bytes]) -> None:
        for line in lines:
            self.aside.append((DAMAGED, line[:_MOST_KEPT].decode("utf-8", "replace")))
            self.state.set_aside += 1

    def bodies(self, uploaded: list[str], exit_code: int | None = None) -> list[StreamBody]:
        """The requests: one, and one before it for each range of output.log lines that changed (protocol 4.2)."""
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
        reader: of the journal; its position moves along.
        options: how large a batch may be.
        pace: how to leave the program its share of the interpreter.
        apart: whether no batch may be from two segments: of a run that may yet lose those that nobody has begun to
            send.
    """

    def __init__(self, reader: Reader, options: SendOptions, pace: Pace, *, apart: bool) -> None:
        self._reader = reader
        self._most_lines = options.batch_size
        self._most_bytes = min(options.batch_bytes, _MOST_BYTES)
        self._pace = pace
        self._apart = apart

    def is_anything_there(self) -> bool:
        """Whether there is something to read. The position stays."""
        before = self._reader.position
        chunk = self._reader.read(1, _PIECE[1])
        self._reader.seek(before)
        return bool(chunk.bodies or chunk.damaged)

    def fill(self, batch: Batch, rules: fold.Rules, until: Ends) -> None:
        """Read and fold into an empty batch, up to there; it stays empty when there is nothing new."""
        alone = not self._pace.breath()
        lines, size = _PIECE_ALONE if alone else _PIECE
        # Nobody needs the memory where the program only waits, and fewer requests wait for W&B's rate.
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
            batch.add(*fold.fold(rules, batch.state, chunk.bodies))
            batch.events += len(chunk.bodies)
            batch.add_damaged(chunk.damaged)
            if self._reader.has_passed(until) or fold.without_slow(rules, batch.state):
                return
            before = chunk.position
            self._pace.breathe()

    def _crosses(self, before: Position) -> bool:
        """Whether another segment was begun since."""
        earlier, now = places(before), places(self._reader.position)
        return any(writer in earlier and earlier[writer][0] != now[writer][0] for writer in now)
