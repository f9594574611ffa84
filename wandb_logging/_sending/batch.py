"""What one drain of the journal sends at a time: lines of all streams, and where they lead. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wandb_logging._fold import fold
from wandb_logging._server.body import EVENTS, HISTORY, OUTPUT, SUMMARY, LineBlock, PackedBlock, StreamBody

DAMAGED = "damaged journal line"  # why it is set aside


@dataclass
class Batch:
    """One request being put together, and where it leads."""

    state: fold.State
    history: LineBlock | PackedBlock
    output: LineBlock
    samples: LineBlock
    first_line: int = 0  # number at the server of the run's own first output.log line
    edits: dict[int, str] = field(default_factory=dict)  # changed output.log lines, by number at the server
    events: int = 0
    summary: bool = False
    lines: list[str] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    aside: list[tuple[str, object]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return self.history.size + self.output.size + self.samples.size

    def add(self, state: fold.State, delta: fold.Delta) -> None:
        self.state = state
        self.history.add(delta.rows)
        self.output.add(delta.lines)
        self.lines += delta.lines
        self.samples.add(delta.samples)
        self.edits.update((self.first_line + number, line) for number, line in delta.edits.items())
        self.summary |= delta.summary_changed
        self.tasks += delta.tasks
        self.aside += delta.aside

    def add_damaged(self, lines: list[bytes]) -> None:
        for line in lines:
            self.aside.append((DAMAGED, line.decode("utf-8", "replace")))
            self.state.set_aside += 1

    def bodies(self, uploaded: list[str], exit_code: int | None = None) -> list[StreamBody]:
        """The requests: one, and one before it for each range of output.log lines that changed (protocol 4.2)."""
        *earlier, output = self._output_blocks()
        blocks = {HISTORY: self.history, EVENTS: self.samples, OUTPUT: output}
        if self.summary:
            blocks[SUMMARY] = LineBlock(0, [fold.summary_line(self.state)])
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
