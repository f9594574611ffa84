"""The program's output on its way to ours: pipes and pieces, and how long to wait for more. POSIX only."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import select
import selectors
import time

from wandb_logging._dataclass import dataclass

PIECE = 2**18  # most bytes of one read
_PIPE_BYTES = 2**20
_F_SETPIPE_SZ = 1031  # of Linux; `fcntl` has it since Python 3.10
_GATHER = 0.002  # seconds between two reads of a busy stream, so that each read returns more
_BUSY = 2  # pieces that come right behind each other before a stream counts as busy


@dataclass
class Pipe:
    """The program's stdout or stderr: where we read it, and where we pass it on."""

    source: int
    target: int
    error: bool
    wide: bool = False  # the pipe holds much, so it need not be read at once
    unread: bool = False  # nobody reads any more what we pass on
    unwritten: OSError | None = None  # why a part of it is not where it should be

    def __post_init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")


class Gathered:
    """Waits for output. While pieces come right behind each other it waits a little longer, so that each holds more.

    Args:
        wide: whether the pipes hold so much that the program need not wait meanwhile.
        after: pieces that come right behind each other before it waits; 0 if nobody waits for the first ones either.
    """

    def __init__(self, *, wide: bool, after: int = _BUSY) -> None:
        self._wide = wide
        self._after = after
        self._busy = 0

    def wait(self, selector: selectors.BaseSelector) -> list[tuple[selectors.SelectorKey, int]]:
        """The streams that can be read now, or soon."""
        ready = selector.select(0)
        if not ready:
            self._busy = 0
            ready = selector.select(0.1)
        self._busy += 1
        if ready and self._wide and self._busy > self._after:
            time.sleep(_GATHER)
        return ready


def leave_to_others(pipe: Pipe) -> None:
    """Have a process of its own pass on what is still to come, until nobody writes it any more.

    Else the next write of a process that the program left running would end that process.
    """
    os.set_blocking(pipe.source, True)
    with contextlib.suppress(OSError):  # there is no `cat`, or no process left
        to_stdin, to_stdout = ((os.POSIX_SPAWN_DUP2, fd, end) for fd, end in ((pipe.source, 0), (pipe.target, 1)))
        nothing = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        # A process group of its own: no key at the terminal is meant for it.
        os.posix_spawnp("cat", ["cat"], os.environ, file_actions=[to_stdin, to_stdout, nothing], setpgroup=0)


def widen(pipe: int) -> bool:
    """Enlarge a pipe, so that the program need not wait while we are busy. Returns whether the system allowed it."""
    try:
        fcntl.fcntl(pipe, getattr(fcntl, "F_SETPIPE_SZ", _F_SETPIPE_SZ), _PIPE_BYTES)
    except OSError:  # not Linux, or a user who has too many large pipes
        return False
    return True


def read(fd: int) -> bytes:
    """Read one piece of what is there; nothing at the end of the stream."""
    while True:
        try:
            return os.read(fd, PIECE)
        except BlockingIOError:  # a terminal that is not to keep us when we write to it
            select.select([fd], [], [])
        except OSError:  # Linux reports a terminal that nobody has open any more in this way
            return b""


def write_some(fd: int, data: bytes) -> int:
    """Write what there is room for. Returns how many bytes need not be written any more: all, if nobody reads them."""
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0
    except OSError:
        return len(data)


def write(fd: int, data: bytes) -> None:
    """Write all of the data.

    Raises:
        BrokenPipeError: nobody reads it any more.
        OSError: it cannot be written.
    """
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:  # somebody else who has this stream open set it so
            select.select([], [fd], [])
