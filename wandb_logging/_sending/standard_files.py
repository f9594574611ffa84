"""Makes the standard files that each run has (protocol 6.2), from what is in the run directory.

So they are the same online, after a sync, and after a crash. The files in `CAPTURED`, which only the run's own process
can make, are made when it starts; the others are made from the folded state when the run ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from wandb_logging._events.file_names import CAPTURED, CONFIG, METADATA, OUTPUT, REQUIREMENTS, SUMMARY
from wandb_logging._events.run_info import RunInfo
from wandb_logging._events.task import Task
from wandb_logging._fold.terminal import MAX_LINE_CHARS
from wandb_logging._journal.bounded_copies import BoundedCopies
from wandb_logging._journal.copies import place_of
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending import yaml
from wandb_logging._settings.settings import Settings
from wandb_logging._values.plain import loads
from wandb_logging._values.secrets import Secrets

_LINE_BYTES = 4 * MAX_LINE_CHARS + 1


def capture_environment(
    copies: BoundedCopies, info: RunInfo, secrets: Secrets, settings: Settings, _breath: Callable[[], float]
) -> None:
    """Make the file about the machine and program. It takes a while: not for the thread that logs.

    Args:
        copies: writes it.
        info: identity of the run.
        secrets: masks secrets among the program's arguments, and in what is said of the git repository.
        settings: say what of the git repository is wanted.

    Raises:
        OSError: the disk refuses it.
    """
    from wandb_logging._process.metadata import environment  # noqa: PLC0415  here on no calling thread
    from wandb_logging._process.repository import state  # noqa: PLC0415  as above

    if METADATA in info.standard_files:
        about = environment(float(info.start), info.program or "", info.writer_id or info.id)
        about = {key: secrets.arguments(value) if key == "args" else value for key, value in about.items()}
        git = secrets.tree(state(settings), "git")
        if git:
            about["git"] = git
        copies.file((json.dumps(about, indent=2) + "\n").encode(), METADATA)


def capture_requirements(
    copies: BoundedCopies, info: RunInfo, _secrets: Secrets, _settings: Settings, breath: Callable[[], float]
) -> None:
    """Make the file of the installed packages. It takes longer than `capture_environment`.

    Args:
        copies: writes it.
        info: identity of the run.
        breath: gives the seconds to sleep now and then, so that the program gets the interpreter.
    """
    from wandb_logging._process.metadata import requirements  # noqa: PLC0415  see there

    if REQUIREMENTS in info.standard_files:
        copies.file(requirements(breath).encode("utf-8", "replace"), REQUIREMENTS)


def captured_tasks(run_dir: RunDir, wanted: Sequence[str]) -> list[Task]:
    """The tasks that upload those captured files that exist."""
    return [_task(name) for name in CAPTURED if name in wanted and run_dir.files.has(name)]


def final_tasks(
    copies: BoundedCopies, wanted: Sequence[str], config: str, summary: str, label: str | None
) -> list[Task]:
    """Make the files of the end. Returns the tasks that upload them.

    Args:
        copies: writes them.
        wanted: names of the standard files to make.
        config, summary: JSON texts in the server's form.
        label: label of one of several clients that send the run; it is put into the name of its output.log.

    Raises:
        OSError: the disk refuses it.
    """
    contents = {CONFIG: yaml.dump(loads(config)).encode(), SUMMARY: summary.encode()}
    tasks = []
    for name, content in contents.items():
        if name in wanted:
            copies.file(content, name)
            tasks.append(_task(name))
    if OUTPUT in wanted and copies.run_dir.files.has(OUTPUT):
        tasks.append(_task(OUTPUT, f"output_{label}.log" if label else OUTPUT))
    return tasks


def keep_output(copies: BoundedCopies, size: int, parts: Iterable[Sequence[str]], edits: Mapping[int, str]) -> int:
    """Add acknowledged lines to the copy of output.log, without their times and marks.

    Args:
        copies: writes it.
        size: bytes of the file that count; later bytes were written before a crash, and are written again.
        parts: the lines to add, some at a time.
        edits: earlier lines whose text has changed, by their place from the end: 1 is the last line.

    Returns:
        The size of the file now.

    Raises:
        OSError: the disk refuses it.
    """
    last = _last_lines(copies.run_dir, size, max(edits, default=0))
    size -= sum(map(len, last))
    for place, line in edits.items():
        if place <= len(last):
            last[-place] = _text(line)
    return copies.append(b"".join([*last, *map(_text_of, parts)]), OUTPUT, size)


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
    """The task that uploads a standard file, perhaps under another name on the server."""
    return Task("standard", {"name": there or name, "path": place_of(name)})
