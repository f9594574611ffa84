"""The calls of the operating system that change a run's files, watched: to fail one of them, or to die at it."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = ("write", "fsync", "open", "replace", "mkdir", "truncate", "unlink")

_WRITING = set("wax")


@contextlib.contextmanager
def watched(around: Callable[..., Any]) -> Iterator[None]:
    """Have each call, of `os` or of a file object, made by `around(kind, call, *arguments)`."""

    class File(io.FileIO):
        def write(self, data: Any) -> int:
            return around("write", super().write, data)

    def open_file(path: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if "b" not in mode or not _WRITING & set(mode):
            return real_open(path, mode, *args, **options)
        return io.BufferedWriter(around("open", File, path, mode.replace("b", "")))

    def through(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: around(kind, real, *args, **options)

    real_open = io.open
    with contextlib.ExitStack() as stack:
        for kind in KINDS:
            stack.enter_context(mock.patch.object(os, kind, through(kind, getattr(os, kind))))
        stack.enter_context(mock.patch.object(io, "open", open_file))
        yield
