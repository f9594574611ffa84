"""What sending a run came to: the answer of `flush`, `finish`, `upload_cached_logs` and `sync`."""

from __future__ import annotations

from pathlib import Path

from wandb_logging._dataclass import dataclass


@dataclass(frozen=True)
class Report:
    """Where a run stands on its way to the server.

    Attributes:
        run_id, project: which run.
        entity: team or user; None while the server has not been asked.
        url: address of the run's page; None while the server has not been asked.
        path: the run directory; None if there is none (disabled, or nothing could be written).
        rows, lines, files: history rows, text lines and files the server has acknowledged.
        remaining: journal lines that it has not.
        estimated: whether `remaining` is but an estimate, of a journal with gigabytes that there was no time to count.
        waiting: files, artifacts and alerts that it has not.
        set_aside: values and lines that cannot be sent; they are kept in the run directory.
        finished: whether the server has been told how the run ended; of a part (`label`), whether it has all of it.
        exit_code: how it ended; None while it has not.
        error: why `remaining` is not 0, or that lines were lost, in words for a person; None if nothing went wrong.
        label: of a process that sends its own part of a run (`transport: shared`), if another one tells how the run
            ended: the name of the part; else None.
        sender: the living process that is sending it meanwhile, such as "pid 4711 on node1"; of `sync` only.
        writer: the process on another host that may be gone, or may still log; of `sync`, which does not end the run.
        retry_in: seconds after which `sync` sends or ends it if nobody hears of the `sender` or `writer` until then;
            None if it is certain that one lives.
    """

    run_id: str
    project: str
    entity: str | None = None
    url: str | None = None
    path: Path | None = None
    rows: int = 0
    lines: int = 0
    files: int = 0
    remaining: int = 0
    waiting: int = 0
    set_aside: int = 0
    finished: bool = False
    exit_code: int | None = None
    error: str | None = None
    sender: str | None = None
    estimated: bool = False
    label: str | None = None
    writer: str | None = None
    retry_in: float | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is on the server: lines, files, and how the run ended if it has."""
        untold = self.exit_code is not None and not self.finished
        nothing_left = self.remaining == 0 and self.waiting == 0 and not untold
        return self.error is None and nothing_left and self.sender is None
