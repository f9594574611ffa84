"""What sends one run, from where its cursor is on: the reading position, and the objects that have parts of it."""

from __future__ import annotations

from wandb_logging._dataclass import dataclass
from wandb_logging._events.file_names import OUTPUT
from wandb_logging._events.send_options import SendOptions
from wandb_logging._fold import fold
from wandb_logging._journal.bounded_copies import BoundedCopies
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.position import Position
from wandb_logging._journal.reader import Reader
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.batch import Cutter
from wandb_logging._sending.known_end import KnownEnd
from wandb_logging._sending.output_file import OutputFile
from wandb_logging._sending.ports import Ports
from wandb_logging._sending.registration import Registration
from wandb_logging._sending.task_queue import TaskQueue
from wandb_logging._sending.upload_pool import UploadPool
from wandb_logging._server.link import Link
from wandb_logging._server.stream import Stream


@dataclass
class Opened:
    """A run directory that is being sent.

    Attributes:
        registration: makes the run on the server, and knows what the server says of it.
        position: the reading position at the last acknowledgement.
        reader, cutter: read the journal, and cut it into batches.
        queue: files, artifacts and alerts that are to be sent.
        copies: makes the copies of the run's files.
        output: output.log as a file.
        stream: posts the batches; None before the first.
        looked: when the server was last asked how many rows it has, by the link's clock.
        unsure: number of rows that were sent and not acknowledged.
        known_end: the end that the server knows already: nothing is to be sent then.
        is_closed: whether the journal was closed: then the directory is opened anew.
    """

    registration: Registration
    position: Position | None
    reader: Reader
    cutter: Cutter
    queue: TaskQueue
    copies: BoundedCopies
    output: OutputFile
    stream: Stream | None = None
    looked: float | None = None
    unsure: int = 0
    known_end: KnownEnd | None = None
    is_closed: bool = False

    @classmethod
    def at(
        cls,
        cursor: Cursor,
        run_dir: RunDir,
        registration: Registration,
        *,
        link: Link,
        pool: UploadPool,
        options: SendOptions,
        ports: Ports,
    ) -> Opened:
        """A run directory, from where a cursor is on."""
        info, reader = registration.info, run_dir.reader(cursor.position)
        queue = TaskQueue(run_dir, info, pool, link, ports.say, cursor)
        copies = ports.copies or BoundedCopies(run_dir)
        return cls(
            registration,
            cursor.position,
            reader,
            cutter=Cutter(reader, options, link.pace, apart=info.cache_policy == "drop_oldest"),
            queue=queue,
            copies=copies,
            output=OutputFile(copies, cursor.output_size, ports.say, wanted=OUTPUT in queue.standard),
        )

    def begin_anew(self, position: Position | None) -> None:
        """Go back to the start, at a position: the run was just made on the server, which has nothing of it."""
        self.position = position
        self.reader.seek(position)
        self.queue.begin_anew()
        self.output.size = 0

    def rewind(self) -> None:
        """Go back to the position up to which lines are acknowledged."""
        self.reader.seek(self.position)

    def cursor(self, state: fold.State, *, complete: bool) -> Cursor:
        """The cursor to save."""
        return Cursor(
            position=self.position,
            state=state.to_json(),
            tasks=tuple(self.queue.tasks),
            uploaded=tuple(self.queue.uploaded),
            file_count=self.queue.file_count,
            uploads=self.queue.uploads,
            output_size=self.output.size,
            complete=complete,
        )

    def close(self) -> None:
        """Close the journal."""
        self.reader.close()
        self.is_closed = True
