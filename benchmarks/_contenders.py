"""Who is measured: programs that log rows, each as its own documentation says. All but the first few are optional."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import logging
import logging.handlers
import os
import queue
import struct
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = Mapping[str, float]

OURS = "wandb-logging"
OFFLINE = "wandb-logging, offline"
KINDEST = "wandb-logging, offline, without text"
SDK = "official SDK"
STOCK = "QueueHandler"
FLOOR = "floor: a logging call with that"
FLOOR_RUN = "floor: that with its time, then read, checked, packed, posted"


@dataclass(frozen=True)
class Contender:
    """A logger of rows.

    Attributes:
        log: one row.
        finish: returns when all rows are where they belong.
        logger: what `log` goes through, if it is of the standard library's.
        media: the module with its tables and images, if there is one.
    """

    log: Callable[[Row], object]
    finish: Callable[[], object]
    logger: logging.Logger = field(default_factory=lambda: logging.Logger("none"))
    media: Any = None


def logger_of(handler: logging.Handler) -> logging.Logger:
    """A logger with that handler and no parent."""
    logger = logging.Logger("train")
    logger.addHandler(handler)
    return logger


def _through_logging(handler: logging.Handler, finish: Callable[[], object], media: Any = None) -> Contender:
    logger = logger_of(handler)
    return Contender(lambda row: logger.info("epoch", extra={"metrics": row}), finish, logger, media)


def ours(directory: Path, mode: str = "online", interval: float = 15.0, *, console: bool = True) -> Contender:
    """This package, with its default settings: the text of the records goes along, though the others send rows only."""
    package = importlib.import_module("wandb_logging")
    handler = package.WandbHandler(
        project="bench", mode=mode, cache_dir=str(directory), quiet=True, console=console, flush_interval=interval
    )
    return _through_logging(handler, handler.close, package)


def _offline(directory: Path) -> Contender:
    return ours(directory, mode="offline")


def _kindest(directory: Path) -> Contender:
    return ours(directory, mode="offline", console=False)


def _sdk(directory: Path) -> Contender:
    wandb = importlib.import_module("wandb")
    run = wandb.init(
        project="bench",
        dir=str(directory),
        mode=os.environ.get("WANDB_MODE", "online"),
        settings=wandb.Settings(console="off", x_disable_stats=True, x_save_requirements=False, disable_git=True),
    )
    return Contender(run.log, run.finish, media=wandb)


def _trackio(directory: Path) -> Contender:
    os.environ["TRACKIO_DIR"] = str(directory)
    trackio = importlib.import_module("trackio")
    trackio.init(project="bench", auto_log_gpu=False, auto_log_cpu=False)
    return Contender(trackio.log, trackio.finish)


def _tensorboardx(directory: Path) -> Contender:
    writer = importlib.import_module("tensorboardX").SummaryWriter(str(directory))
    steps = iter(range(10**9))

    def log(row: Row) -> None:
        step = next(steps)
        for name, value in row.items():
            writer.add_scalar(name, value, step)

    return Contender(log, writer.close)


def _mlflow(directory: Path) -> Contender:
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    mlflow = importlib.import_module("mlflow")
    mlflow.set_tracking_uri(directory.as_uri())
    mlflow.set_experiment("bench")
    mlflow.start_run()
    steps = iter(range(10**9))
    return Contender(lambda row: mlflow.log_metrics(row, step=next(steps)), mlflow.end_run)


def stock(_directory: Path | None = None) -> Contender:
    """The standard library's way to log without waiting; its listener has nobody to give records to."""
    records: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records)
    listener.start()
    return _through_logging(logging.handlers.QueueHandler(records), listener.stop)


def _file(directory: Path) -> Contender:
    handler = logging.FileHandler(directory / "log.jsonl")
    handler.setFormatter(importlib.import_module("pythonjsonlogger.json").JsonFormatter())
    return _through_logging(handler, handler.close)


def _null(_directory: Path) -> Contender:
    return _through_logging(logging.NullHandler(), lambda: None)


def floor(directory: Path) -> Contender:
    """The least that can be done to have a row on the disk: JSON, checksum, write. No logging, no lock, no check."""
    dumps = importlib.import_module("orjson").dumps
    file = os.open(directory / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    write, crc32 = os.write, zlib.crc32

    def log(row: Row) -> None:
        body = dumps({"metrics": row})
        write(file, b'%b,"crc":"%08x"}\n' % (body[:-1], crc32(body)))

    return Contender(log, lambda: os.close(file))


class _LeastHandler(logging.Handler):
    """`floor` as the handler of a logger: what a journalled call cannot be below."""

    def __init__(self, log: Callable[[Row], object]) -> None:
        super().__init__()
        self._log = log

    def handle(self, record: logging.LogRecord) -> Any:
        self._log(record.__dict__["metrics"])


def logging_floor(directory: Path, read: Callable[[Mapping[str, Any]], Row] | None = None) -> Contender:
    """`floor`, through a logger.

    Args:
        directory: of its file.
        read: makes numbers of a row; default: they are numbers.
    """
    least = floor(directory)
    log = least.log if read is None else lambda row: least.log(read(row))
    return _through_logging(_LeastHandler(log), least.finish, _LeastMedia(directory))


class _LeastMedia:
    """The least that an image needs: a PNG file, by zlib at its fastest, which is not to pack; its name is its hash."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def Image(self, pixels: Any) -> dict[str, Any]:  # noqa: N802  as the others' are called
        """The value of a row for a picture of 8-bit RGB pixels, whose file is written."""
        height, width, _ = pixels.shape
        rows = importlib.import_module("numpy").zeros((height, 1 + 3 * width), "u1")  # before each its filter: none
        rows[:, 1:] = pixels.reshape(height, -1)
        chunks = {
            b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
            b"IDAT": zlib.compress(rows, 0),
            b"IEND": b"",
        }
        content = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
            for kind, data in chunks.items()
        )
        digest = hashlib.sha256(content).hexdigest()
        (self._directory / f"{digest}.png").write_bytes(content)
        return {"_type": "image-file", "path": f"{digest}.png", "sha256": digest, "width": width, "height": height}


def _floor_run(directory: Path) -> Contender:
    """A run that does no more than it has to: a logger that writes as `floor` does, and the sending afterwards."""
    dumps, path = importlib.import_module("orjson").dumps, directory / "floor"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    write, crc32, now = os.write, zlib.crc32, time.time

    def log(row: Row) -> None:
        body = dumps({"metrics": row, "t": now()})
        write(file, b'%b,"crc":"%08x"}\n' % (body[:-1], crc32(body)))

    def finish() -> None:
        os.close(file)
        importlib.import_module("benchmarks._floor").send(str(path), os.environ["WANDB_BASE_URL"])

    return _through_logging(_LeastHandler(log), finish)


MAKERS: dict[str, Callable[[Path], Contender]] = {
    OURS: ours,
    OFFLINE: _offline,
    KINDEST: _kindest,
    SDK: _sdk,
    "trackio": _trackio,
    "tensorboardX": _tensorboardx,
    "mlflow, file store": _mlflow,
    STOCK: stock,
    "FileHandler, python-json-logger": _file,
    "NullHandler": _null,
    "floor: JSON, CRC, write": floor,
    FLOOR: logging_floor,
    FLOOR_RUN: _floor_run,
}
NEEDS = {SDK: "wandb", "trackio": "trackio", "tensorboardX": "tensorboardX", "mlflow, file store": "mlflow"}
SLOWER = {"mlflow, file store": 100, "tensorboardX": 20}  # so many times fewer rows: a round takes seconds otherwise


def missing() -> list[str]:
    """Contenders that are not installed."""
    return [name for name, module in NEEDS.items() if importlib.util.find_spec(module) is None]
