"""Promises about what a program and all that it has started use: the sums, whoever comes and goes meanwhile."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from hypothesis import given, strategies as st

from wandb_logging._process.usage import ProcessTree, Reading, spent

pytest.importorskip("psutil")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="run needs a POSIX system")

BUSY = """
import os, subprocess, sys
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

WORK = "import time\\nwhile time.process_time() < 0.25: pass\\n"

def say(*what):
    print(*what, flush=True)
    input()

def start(code):
    return subprocess.Popen([sys.executable, "-Sc", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

def taken():
    return sum(t.ru_utime + t.ru_stime for t in (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)))
"""


@contextmanager
def started(code: str) -> Iterator[subprocess.Popen[str]]:
    """A program that says something by `say`, and goes on when it gets a line."""
    source = BUSY + textwrap.dedent(code)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-Sc", source], **pipes) as program:
        try:
            yield program
        finally:
            program.kill()


def said(program: subprocess.Popen[str]) -> list[str]:
    """The next words of the program."""
    assert program.stdout is not None
    return program.stdout.readline().split()


def go_on(program: subprocess.Popen[str]) -> None:
    """Let the program go on."""
    assert program.stdin is not None
    program.stdin.write("\n")
    program.stdin.flush()


@pytest.mark.not_quick
class TestProcessTree:
    def test_processor_time_of_children_that_come_and_go(self) -> None:
        """All that they took is in the sum once: of one seen before, of one never seen, and of their children."""
        code = """
        old = start(WORK + "print(flush=True); input(); t = time.process_time()\\n"
                    "while time.process_time() < t + 0.25: pass")
        old.stdout.readline()
        say(taken())
        subprocess.run([sys.executable, "-Sc", WORK + "import subprocess, sys\\n"
                        f"subprocess.run([sys.executable, '-Sc', {WORK!r}])"])
        old.communicate(b"\\n")
        say(taken())
        """
        with started(code) as program:
            before = float(said(program)[0]) + 0.25  # what the old one took, for which nobody has waited yet
            tree = ProcessTree(program.pid)
            outer = time.monotonic()
            assert tree.look().percent is None
            inner = time.monotonic()
            go_on(program)
            took = float(said(program)[0]) - before
            within = time.monotonic() - inner
            percent = tree.look().percent
            around = time.monotonic() - outer
        assert percent is not None
        # The kernel's clock of a process ticks a hundred times a second; the old one took its start besides.
        assert percent / 100 * within < took + 0.1
        assert percent / 100 * around > took - 0.15
        assert took > 0.4

    def test_one_whose_parent_has_ended_stays(self) -> None:
        """Also when another process is its parent by then; and it is looked for no more when it has ended."""
        code = """
        child = start("import subprocess, sys\\n"
                      "deep = subprocess.Popen([sys.executable, '-Sc', 'import os; os.read(0, 1)'])\\n"
                      "print(deep.pid, flush=True); sys.stdin.read(1)")
        deep = int(child.stdout.readline())
        say(child.pid, deep)
        child.kill()
        os.waitpid(child.pid, 0)
        say()
        child.stdin.close()
        child.stdout.read()  # to the end, when the deep one has ended as well
        say()
        """
        with started(code) as program:
            child, deep = map(int, said(program))
            tree = ProcessTree(program.pid)
            assert tree.look().pids == {program.pid, child, deep}
            go_on(program)
            said(program)
            usage = tree.look()
            assert usage.pids == {program.pid, deep}
            assert usage.threads == 2
            go_on(program)
            said(program)
            assert program.pid in tree.look().pids

    def test_a_program_that_has_ended(self) -> None:
        """It uses nothing, and that is no error, also if it was over before the first look."""
        with started("say()") as program:
            tree = ProcessTree(program.pid)
            assert tree.look().rss > 0
            program.kill()
            program.wait()
        assert tree.look()[:3] == (0, 0, 0.0)
        assert ProcessTree(program.pid).look() == (0, 0, None, frozenset())


class Process(NamedTuple):
    """What a process is known by."""

    pid: int


class Machine:
    """Processes as a kernel keeps them: who has waited for a child has its time, with that of its children."""

    def __init__(self) -> None:
        self.readings = {Process(1): Reading(0, 0.0, 0.0)}
        self.ended: set[Process] = set()
        self.total = 0.0
        self._pids = itertools.count(2)

    def do(self, what: str, whose: int, seconds: int) -> None:
        """Have one of the processes do something."""
        process = sorted(self.readings)[whose % len(self.readings)]
        reading = self.readings[process]
        children = [child for child, about in self.readings.items() if about.parent == process.pid]
        if process in self.ended:
            return
        if what == "work":
            self.readings[process] = reading._replace(own=reading.own + seconds)
            self.total += seconds
        elif what == "fork":
            self.readings[Process(next(self._pids))] = Reading(process.pid, 0.0, 0.0)
        elif what == "end" and process.pid != 1 and not children:
            self.ended.add(process)
        elif what == "wait":
            for child in self.ended.intersection(children):
                self.ended.remove(child)
                about = self.readings.pop(child)
                reading = reading._replace(reaped=reading.reaped + about.own + about.reaped)
            self.readings[process] = reading


doings = st.tuples(st.sampled_from(["work", "fork", "end", "wait", "look"]), st.integers(0, 9), st.integers(1, 9))


@given(st.lists(doings, max_size=40))
def test_no_time_is_lost_and_none_counts_twice(doings: list[tuple[str, int, int]]) -> None:
    """Where each process waits for its children, the sum over all looks is what they have taken, however one looks."""
    machine, summed = Machine(), 0.0
    before = dict(machine.readings)
    for what, whose, seconds in [*doings, ("look", 0, 0)]:
        if what == "look":
            now = dict(machine.readings)
            summed += spent(before, now)
            before = now
        else:
            machine.do(what, whose, seconds)
    assert summed == machine.total
