"""A disk on which each write and each fsync takes a second, as a shared one can be, with several writers of one run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.surroundings import without
from wandb_logging import sync
from wandb_logging._keys.keys import Session
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler"),
]

SECONDS = 1.0
WRITERS, ROWS = 3, 3

# Stands before the C library: what goes to a file below a folder waits.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void wait_for(int fd) {
    const char *below = getenv("SLOW_BELOW");
    char link[64], path[4096];
    struct timespec rest = {1, 0};
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0 || below == NULL) return;
    path[size] = 0;
    if (strncmp(path, below, strlen(below)) == 0) nanosleep(&rest, NULL);
}

ssize_t write(int fd, const void *data, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    wait_for(fd);
    return real(fd, data, size);
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    wait_for(fd);
    return real(fd);
}
"""

WRITER = """
import json, sys, time
from wandb_logging import new_run
place, number, rows, patience = sys.argv[1], *map(int, sys.argv[2:])
run = new_run("p", run_id="r", resume="allow", cache_dir=place, quiet=True, recover=False, close_timeout=patience)
calls = []
for i in range(rows):
    began = time.monotonic()
    run.log({"n": 100 * number + i})
    calls.append(time.monotonic() - began)
report = run.finish(0)
print(json.dumps({"calls": calls, "left": report.remaining, "error": report.error}))
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shim")
    (folder / "slow.c").write_text(SHIM)
    library = folder / "slow.so"
    command = ["cc", "-shared", "-fPIC", "-o", str(library), str(folder / "slow.c"), "-ldl"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("the C compiler makes no shared library here")
    return library


def written(shim: Path, place: Path, server: LocalServer, close_timeout: int) -> list[dict[str, Any]]:
    """What each writer says of its calls and its end."""
    environment = {**without("WANDB_"), **server.env(), "LD_PRELOAD": str(shim), "SLOW_BELOW": str(place)}
    arguments = [(str(place), str(number), str(ROWS), str(close_timeout)) for number in range(WRITERS)]
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, *each], env=environment, stdout=pipe, stderr=pipe, text=True)
        for each in arguments
    ]
    ends = [process.communicate(timeout=PATIENCE) for process in running]
    assert [process.returncode for process in running] == [0] * WRITERS, ends
    return [json.loads(said) for said, _ in ends]


def rows(server: LocalServer) -> list[int]:
    return sorted(int(row["n"]) for row in server.run("r").history)


EXPECTED = sorted(100 * number + i for number in range(WRITERS) for i in range(ROWS))


def test_a_call_takes_as_long_as_a_write(shim: Path, tmp_path: Path) -> None:
    """And no longer, though the sending writes and waits for the disk at the same time. All of it is sent."""
    with LocalServer() as server:
        told = written(shim, tmp_path, server, close_timeout=int(PATIENCE))
        calls = sorted(seconds for each in told for seconds in each["calls"])
        assert calls[0] > 0.9 * SECONDS  # the disk was slow indeed
        assert calls[len(calls) // 2] < 1.9 * SECONDS  # one of them may have waited for a busy machine
        assert [each["error"] for each in told] == [None] * WRITERS
        assert rows(server) == EXPECTED
        assert server.run("r").state == "finished"


def test_an_end_that_has_no_time(shim: Path, tmp_path: Path) -> None:
    """What is not sent within `close_timeout` is on the disk, and `sync` sends it."""
    with LocalServer() as server:
        began = time.monotonic()
        told = written(shim, tmp_path, server, close_timeout=1)
        assert time.monotonic() - began < PATIENCE
        assert any(each["left"] for each in told)
        (report,) = sync(tmp_path, session=Session(server.api_key, server.url))
        assert report.error is None
        assert rows(server) == EXPECTED
        assert server.run("r").state == "finished"
