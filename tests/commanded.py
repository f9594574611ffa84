"""Programs of one run that do what they are told: a line on stdin is a command, and each is answered by one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable


# Writes the run `many`. Its arguments are its number, which stands in its rows, and its settings.
WRITER = """
import json, sys
from wandb_logging import new_run
number = int(sys.argv[1])
run = new_run("p", run_id="many", resume="allow", **json.loads(sys.argv[2]))
print("there", flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == "log":
        for i in range(int(rest[0]), int(rest[1])):
            run.log({"who": number, "i": i})
        answer = "logged"
    elif word == "flush":
        report = run.flush(200)
        answer = f"{report.rows} {report.remaining} {report.ok}"
    elif word == "stats":
        answer = f"{run.queue_length} {run.stats()['acknowledged']}"
    elif word == "finish":
        report = run.finish(int(rest[0]), 200)
        answer = f"{report.rows} {report.remaining} {report.finished} {report.exit_code}"
    elif word == "exit":
        print("bye", flush=True)
        sys.exit(int(rest[0]))
    print(answer, flush=True)
"""


class Commanded:
    """A program that has been started, with pipes of text."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def answer(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, command: str) -> None:
        """Have it do something, without waiting for it."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command: str) -> str:
        """Have it do something; what it answers."""
        self.tell(command)
        return self.answer()


def leave_none(started: Iterable[Commanded]) -> None:
    """Kill those that still live, and close the pipes of all."""
    for program in started:
        program.process.kill()
        with program.process:
            pass


def rows(run: Any) -> list[tuple[int, int]]:
    """Who logged which number, of all rows of the run."""
    return sorted((line["who"], line["i"]) for line in run.history)


def all_of(*counts: int) -> list[tuple[int, int]]:
    """What `rows` gives where each has logged so many."""
    return [(who, i) for who, count in enumerate(counts) for i in range(count)]
