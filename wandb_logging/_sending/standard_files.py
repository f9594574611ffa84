"""The files that each run has beside its own (protocol 6.2), made from what is in the run directory.

So they come out the same online, at a sync, and after a crash. What only the process knows, `CAPTURED`, it writes
down when it starts; the others are made of the folded state when the run ends.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from wandb_logging._events.run_info import RunInfo
from wandb_logging._events.task import Task
from wandb_logging._fold.terminal import MAX_LINE_CHARS
from wandb_logging._journal.copies import place_of
from wandb_logging._journal.keeper import Keeper
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending import yaml
from wandb_logging._values.plain import loads
from wandb_logging._values.secrets import Secrets

METADATA = "wandb-metadata.json"
REQUIREMENTS = "requirements.txt"
CONFIG = "config.yaml"
SUMMARY = "wandb-summary.json"
OUTPUT = "output.log"
CAPTURED = (METADATA, REQUIREMENTS)
# Members of the environment object, as `_process.environment` and the official SDK write it: what else stands in that
# file is not the run's, and does not go into the config.
_ENVIRONMENT = frozenset(
    (
        "os",
        "python",
        "startedAt",
        "program",
        "args",
        "root",
        "host",
        "executable",
        "cpu_count",
        "cpu_count_logical",
        "disk",
        "memory",
        "cpu",
        "writerId",
        "git",
        "email",
        "username",
        "codePath",
        "codePathLocal",
        "gpu",
        "gpu_count",
        "gpu_nvidia",
        "cudaVersion",
        "apple",
        "slurm",
        "docker",
        "colab",
        "_partial",
    )
)
_LINE_BYTES = 4 * MAX_LINE_CHARS + 1


def capture_environment(keeper: Keeper, info: RunInfo, secrets: Secrets) -> None:
    """Write down what the process runs on. Takes a while: not for the calling thread.

    Args:
        keeper: keeps it with the run.
        info: who the run is.
        secrets: masks those among the program's arguments.

    Raises:
        OSError: the disk refuses it.
    """
    from wandb_logging._process.environment import environment  # noqa: PLC0415  here on no calling thread

    if METADATA in info.standard_files:
        about = environment(float(info.start), info.program or "", info.writer_id or info.id)
        about = {key: secrets.arguments(value) if key == "args" else value for key, value in about.items()}
        keeper.file((json.dumps(about, indent=2) + "\n").encode(), METADATA)


def capture_requirements(keeper: Keeper, info: RunInfo, _secrets: Secrets) -> None:
    """Write down which packages are installed. As `capture_environment`, and takes longer."""
    from wandb_logging._process.environment import requirements  # noqa: PLC0415  see there

    if REQUIREMENTS in info.standard_files:
        keeper.file(requirements().encode("utf-8", "replace"), REQUIREMENTS)


def captured_environment(run_dir: RunDir) -> dict[str, Any]:
    """The environment object that was captured; empty if none was."""
    with contextlib.suppress(OSError, ValueError):
        about = loads(run_dir.files.read(METADATA))
        if isinstance(about, dict):
            return {key: value for key, value in about.items() if key in _ENVIRONMENT}
    return {}


def captured_tasks(run_dir: RunDir, wanted: Sequence[str]) -> list[Task]:
    """What uploads the captured files that are there."""
    return [_task(name) for name in CAPTURED if name in wanted and run_dir.files.has(name)]


def final_tasks(
    keeper: Keeper, wanted: Sequence[str], config: str, summary: str, label: str | None = None
) -> list[Task]:
    """Make the files of the end; what uploads them.

    Args:
        keeper: keeps them with the run.
        wanted: names of the standard files to make.
        config, summary: JSON texts, as the server has them.
        label: of one of several clients that send the run: behind the name that its output has there.

    Raises:
        OSError: the disk refuses it.
    """
    contents = {CONFIG: yaml.dump(loads(config)).encode(), SUMMARY: summary.encode()}
    tasks = []
    for name, content in contents.items():
        if name in wanted:
            keeper.file(content, name)
            tasks.append(_task(name))
    if OUTPUT in wanted and keeper.run_dir.files.has(OUTPUT):
        tasks.append(_task(OUTPUT, f"output_{label}.log" if label else OUTPUT))
    return tasks


def keep_output(keeper: Keeper, size: int, lines: Sequence[str], edits: Mapping[int, str]) -> int:
    """Add lines that were acknowledged to `output.log` as a file, which has them without time and mark.

    Args:
        keeper: keeps it with the run.
        size: of the file in bytes; what is behind it came before a crash, and comes again.
        lines: those to add.
        edits: lines from before that have another text now, by their place from the end: 1 is the last.

    Returns:
        Its size now.

    Raises:
        OSError: the disk refuses it.
    """
    last = _last_lines(keeper.run_dir, size, max(edits, default=0))
    size -= sum(map(len, last))
    for place, line in edits.items():
        if place <= len(last):
            last[-place] = _text(line)
    return keeper.append(b"".join([*last, _text_of(lines)]), OUTPUT, size)


def _last_lines(run_dir: RunDir, size: int, count: int) -> list[bytes]:
    if not count:
        return []
    start = max(0, size - count * _LINE_BYTES)
    with run_dir.files.open(place_of(OUTPUT)) as file:
        file.seek(start)
        return [line + b"\n" for line in file.read(size - start).split(b"\n")[:-1][-count:]]


def _text(line: str) -> bytes:
    return f"{_content(line)}\n".encode("utf-8", "replace")


def _text_of(lines: Sequence[str]) -> bytes:
    """As `_text`, of many: of what is neither JSON nor an error's it is the rest behind the time."""
    contents = [_content(line) if line[:1] in "{E" else line.partition(" ")[2] for line in lines]
    return "\n".join([*contents, ""]).encode("utf-8", "replace")


def _content(line: str) -> str:
    if line.startswith("{"):
        return str(loads(line)["content"])
    return line.removeprefix("ERROR ").partition(" ")[2]


def _task(name: str, there: str | None = None) -> Task:
    """What uploads one, under another name if it has one there."""
    return Task("standard", {"name": there or name, "path": place_of(name)})
