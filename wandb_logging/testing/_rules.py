"""The rules of the protocol, as pure functions: no I/O, no clock, no state. Imports nothing of this package.

Each function takes what is stored and what has arrived, and returns what to store next and which rules were broken. The
server stores what it can in spite of a breach, so that a test sees all faults and not only the first.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HISTORY = "wandb-history.jsonl"
EVENTS = "wandb-events.jsonl"
SUMMARY = "wandb-summary.json"
OUTPUT = "output.log"
STREAMS = (HISTORY, EVENTS, SUMMARY, OUTPUT)

MAX_LINE_BYTES = 10 * 1024 * 1024 - 100 * 1024
MAX_REQUEST_BYTES = 10 * 1024 * 1024
# Clients count line lengths before JSON escaping and stop at the line that fills the request.
REQUEST_SLACK_BYTES = 100 * 1024
MAX_CONSOLE_CHARS = 4096

RATE_PER_SECOND = 2.0
RATE_BURST = 10.0

_BODY_MEMBERS = {"files", "uploaded", "preempting", "complete", "exitcode"}
_CONSOLE_PREFIX = re.compile(r"(ERROR )?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} (\[[^\]]*\] )?")
_BAD_IN_RUN_ID = re.compile(r"[:;,#?/']|^\s|\s$")
_BAD_IN_PROJECT = re.compile(r"[/\\#?%:]")


@dataclass(frozen=True)
class Violation:
    """One breach of the protocol.

    Attributes:
        rule: short stable name, e.g. `"gap"`.
        detail: what was seen, for a person.
    """

    rule: str
    detail: str

    def __str__(self) -> str:
        return f"[{self.rule}] {self.detail}"


class Patch(NamedTuple):
    """Lines to put into a stream from `start` on; None marks a line that never came."""

    start: int
    lines: list[str | None]


def apply(stored: list[str | None], patch: Patch) -> None:
    """Put the lines of `patch` into `stored`, in place: the last write of a line wins."""
    stored[patch.start : patch.start + len(patch.lines)] = patch.lines


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def parse(text: str, *, strict: bool = False) -> Any:
    """Parse JSON; bare `NaN` and infinities are allowed unless `strict`, half a surrogate pair never.

    Raises:
        ValueError: the text is not such JSON.
    """
    value = json.loads(text, parse_constant=_no_constant) if strict else json.loads(text)
    if "\\u" in text:
        # A parser that is not Python's replaces a lone surrogate, so the text would not survive the way.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def parse_object(text: str) -> tuple[dict[str, Any], str | None]:
    """The JSON object in `text`, or an empty one and what is wrong."""
    try:
        value = parse(text)
    except ValueError as error:
        return {}, f"not JSON ({error}): {_short(text)}"
    return (value, None) if isinstance(value, dict) else ({}, f"not an object: {_short(text)}")


def _short(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def place(
    name: str, stored: Sequence[str | None], offset: int, content: Sequence[str], *, rewritable: bool = False
) -> tuple[Patch, list[Violation]]:
    """Find the place of `content`, sent for line `offset`, in a stream that holds `stored`.

    Args:
        name: the stream's name, for the messages.
        stored: the lines so far, by offset.
        offset: line number of the first element of `content`.
        content: consecutive lines.
        rewritable: an old line may be replaced (`output.log`).

    Returns:
        What to store, and the breaches: `gap` when lines before `offset` never came, `rewrite` when an offset
        that is taken gets another text.
    """
    missing = max(0, offset - len(stored))
    violations = []
    if missing:
        violations.append(Violation("gap", f"{name}: line {offset} came when {len(stored)} lines were stored"))
    if not rewritable:
        violations += [
            Violation("rewrite", f"{name}: line {number} was {_short(old)}, now {_short(new)}")
            for number, (old, new) in enumerate(zip(stored[offset : offset + len(content)], content), offset)
            if old is not None and old != new
        ]
    return Patch(offset - missing, [*[None] * missing, *content]), violations


def check_lines(name: str, offset: int, content: Sequence[str]) -> Iterator[Violation]:
    """The rules for the lines of every stream: each is a single line, and not too long."""
    for number, line in enumerate(content, offset):
        if "\n" in line:
            yield Violation("newline", f"{name}: line {number} holds a newline: {_short(line)}")
        if name != OUTPUT and _size(line) > MAX_LINE_BYTES:
            yield Violation("line-too-long", f"{name}: line {number} is longer than {MAX_LINE_BYTES} bytes")


def check_history(content: Sequence[str], offset: int, last_step: int | None) -> Iterator[Violation]:
    """Rows are objects with `_step`, `_timestamp` and `_runtime`, and `_step` only grows.

    Args:
        content: rows that were not stored before.
        offset: line number of the first one.
        last_step: `_step` of the row before, if there is one.
    """
    for number, line in enumerate(content, offset):
        row, problem = parse_object(line)
        if problem:
            yield Violation("history-json", f"line {number}: {problem}")
            continue
        step = row.get("_step")
        if not isinstance(step, int) or isinstance(step, bool):
            yield Violation("history-keys", f"line {number}: _step is no integer: {_short(line)}")
        elif last_step is not None and step <= last_step:
            yield Violation("step-order", f"line {number}: _step {step} follows _step {last_step}")
        else:
            last_step = step
        for key in ("_timestamp", "_runtime"):
            if not _is_number(row.get(key)):
                yield Violation("history-keys", f"line {number}: {key} is no number: {_short(line)}")


def step_of(line: str | None) -> int | None:
    """`_step` of a stored row, if it has one."""
    step = parse_object(line)[0].get("_step") if line else None
    return step if isinstance(step, int) else None


def check_events(content: Sequence[str], offset: int) -> Iterator[Violation]:
    """System rows are objects with `_timestamp` and `_runtime`."""
    for number, line in enumerate(content, offset):
        row, problem = parse_object(line)
        if problem:
            yield Violation("events-json", f"line {number}: {problem}")
        elif not all(_is_number(row.get(key)) for key in ("_timestamp", "_runtime")):
            yield Violation("events-keys", f"line {number}: needs numbers _timestamp, _runtime: {_short(line)}")


def check_summary(content: Sequence[str], offset: int) -> Iterator[Violation]:
    """The summary is one object, always at offset 0."""
    if offset != 0:
        yield Violation("summary-offset", f"offset is {offset}, must be 0")
    if len(content) != 1:
        yield Violation("summary-lines", f"{len(content)} lines, must be exactly 1")
    for line in content:
        _, problem = parse_object(line)
        if problem:
            yield Violation("summary-json", problem)


def check_console(content: Sequence[str], offset: int, *, structured: bool) -> Iterator[Violation]:
    """Console lines are plain with a time in front, or JSON with `ts` and `content` if that is on."""
    for number, line in enumerate(content, offset):
        text, problem = (_structured_text if structured else _plain_text)(line)
        if problem:
            yield Violation("console-format", f"line {number}: {problem}")
        # The time and the mark in front do not count: the official client cuts the text before it adds them.
        if len(text) > MAX_CONSOLE_CHARS:
            yield Violation("console-too-long", f"line {number}: {len(text)} characters, {MAX_CONSOLE_CHARS} allowed")


def _structured_text(line: str) -> tuple[str, str | None]:
    value, problem = parse_object(line)
    text = value.get("content")
    if problem or (isinstance(text, str) and isinstance(value.get("ts"), str)):
        return text or "", problem
    return "", f"needs texts ts and content: {_short(line)}"


def _plain_text(line: str) -> tuple[str, str | None]:
    prefix = _CONSOLE_PREFIX.match(line)
    return (line[prefix.end() :], None) if prefix else (line, f"no time in front: {_short(line)}")


class Chunk(NamedTuple):
    """New lines for one stream."""

    offset: int
    content: list[str]


class StreamBody(NamedTuple):
    """A `file_stream` body, checked for shape."""

    files: dict[str, Chunk]
    uploaded: list[str]
    preempting: bool
    exit_code: int | None


def read_body(body: Mapping[str, Any]) -> tuple[StreamBody, list[Violation]]:
    """Check the shape of a `file_stream` body; members of a wrong shape are left out of the result."""
    chunks = {
        name: Chunk(chunk["offset"], chunk["content"])
        for name, chunk in _members(body.get("files"))
        if name in STREAMS and _is_chunk(chunk)
    }
    uploaded, code = body.get("uploaded"), body.get("exitcode")
    return StreamBody(
        files=chunks,
        uploaded=list(uploaded) if isinstance(uploaded, list) and _is_texts(uploaded) else [],
        preempting=body.get("preempting") is True,
        exit_code=code if body.get("complete") is True and type(code) is int else None,
    ), [*_check_members(body), *_check_size(chunks)]


def _check_members(body: Mapping[str, Any]) -> Iterator[Violation]:
    for name in set(body) - _BODY_MEMBERS:
        yield Violation("body", f"unknown member {name!r}")
    for name, chunk in _members(body.get("files")):
        if name not in STREAMS:
            yield Violation("body", f"unknown stream {name!r}")
        elif not _is_chunk(chunk):
            yield Violation("body", f"{name}: needs a line number `offset` and a list of texts `content`")
    for name, right, need in (
        ("files", isinstance(body.get("files", {}), dict), "an object"),
        ("uploaded", _is_texts(body.get("uploaded", [])), "a list of texts"),
        ("preempting", body.get("preempting", True) is True, "true or not there"),
        ("complete", isinstance(body.get("complete", True), bool), "true or not there"),
        ("exitcode", type(body.get("exitcode", 0)) is int, "an integer"),
    ):
        if not right:
            yield Violation("body", f"`{name}` must be {need}, is {_short(repr(body[name]))}")
    if bool(body.get("complete")) != ("exitcode" in body):
        yield Violation("complete", "`complete: true` and `exitcode` come together or not at all")


def _check_size(chunks: Mapping[str, Chunk]) -> Iterator[Violation]:
    size = sum(_size(line) for chunk in chunks.values() for line in chunk.content)
    if size > MAX_REQUEST_BYTES + REQUEST_SLACK_BYTES:
        yield Violation("request-too-long", f"{size} bytes of lines in one request")


def _size(line: str) -> int:
    # Half a surrogate pair is another rule's business.
    return len(line.encode("utf-8", "surrogatepass"))


def _members(value: object) -> Iterator[tuple[str, Any]]:
    return iter(value.items() if isinstance(value, dict) else ())


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_chunk(value: Any) -> bool:
    if not isinstance(value, dict) or not _is_texts(value.get("content")):
        return False
    return type(value.get("offset")) is int and value["offset"] >= 0


def file_name_problem(name: str) -> str | None:
    """What is wrong with a run file's name: it must be relative, with `/`, and stay inside the run."""
    if not name or name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "is not relative"
    if "\\" in name:
        return "has a backslash"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "has an empty part, `.` or `..`"
    return None


def check_file_names(names: Sequence[str]) -> Iterator[Violation]:
    """Names for CreateRunFiles."""
    for name in names:
        problem = file_name_problem(name)
        if problem:
            yield Violation("file-name", f"{name!r} {problem}")


def check_names(run_id: str, project: str, tags: Sequence[str]) -> Iterator[Violation]:
    """Run ids, project names and tags that W&B takes."""
    if not run_id or _BAD_IN_RUN_ID.search(run_id):
        yield Violation("run-id", f"{run_id!r} is empty, has spaces around it or one of : ; , # ? / '")
    if not 1 <= len(project) <= 128 or _BAD_IN_PROJECT.search(project):
        yield Violation("project-name", rf"{project!r} is not 1 to 128 characters without / \ # ? % :")
    for tag in tags:
        if not 1 <= len(tag) <= 64:
            yield Violation("tag", f"{tag!r} is not 1 to 64 characters")


def check_config(text: str) -> Iterator[Violation]:
    """Config is `{"key": {"value": ...}}` with `_wandb.value.t`, without which no client resumes the run."""
    config, problem = parse_object(text)
    if problem:
        yield Violation("config-json", problem)
        return
    for key, entry in config.items():
        if not isinstance(entry, dict) or "value" not in entry:
            yield Violation("config-value", f"{key!r} is not wrapped in {{'value': ...}}: {_short(repr(entry))}")
    own = unwrap_config(config).get("_wandb")
    if not isinstance(own, dict) or not isinstance(own.get("t"), dict):
        yield Violation("config-wandb-t", "_wandb.value.t is missing or no object")


def unwrap_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """`{"lr": {"value": 0.1}}` to `{"lr": 0.1}`; entries without a value are left out."""
    return {key: entry["value"] for key, entry in config.items() if isinstance(entry, dict) and "value" in entry}


def spend(tokens: float, elapsed: float) -> tuple[float, bool]:
    """A token bucket: refill for `elapsed` seconds, then take one token.

    Returns:
        The tokens left and whether there was one to take.
    """
    tokens = min(RATE_BURST, tokens + elapsed * RATE_PER_SECOND)
    return (tokens - 1, True) if tokens >= 1 else (tokens, False)
