"""Fuzzing: what is read from disk and from the server is changed at random, in its bytes and in its types."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import shutil
import signal
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.robustness.ground import START, MemoryServer, Outcome, drain
from tests.runs import SENT_SO, Clock
from wandb_logging import Artifact, new_run, read_run
from wandb_logging._errors import RequestRejected, WandbLoggingError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import create_run, find_runs
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import seal, unseal
from wandb_logging._reading.outline import outline
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.client import Client
from wandb_logging._server.link import Link
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROWS = 12
PATIENCE = 30  # seconds until a case counts as one that never ends
CONTROL = ("run.json", "server.json", "cursor.json", "order.jsonl")


class _NeverEndsError(BaseException):
    """Not an Exception: nothing in between may take it for a problem of its own."""


class _Server(MemoryServer):
    """One that has no files, alerts or artifacts."""

    def graphql(self, document: str, variables: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        if "name" not in variables and not document.startswith("query ServerFeaturesQuery"):
            raise RequestRejected("HTTP 400: no", 400)
        return super().graphql(document, variables, **options)


# --- changes ------------------------------------------------------------------------------------------


def junk(rng: random.Random) -> Any:
    """A value of any type, harmless or not."""
    deep: Any = 0
    for _ in range(rng.choice((3, 100, 3000))):
        deep = [deep] if rng.random() < 0.5 else {"a": deep}
    wild: list[Any] = [
        *(None, True, False, 0, -1, 7, 2**31, 2**63, 2**64, 10**30, -(10**30), 0.5, 1e308, float("nan"), float("inf")),
        *("", "x", "../x", "/etc/passwd", "a" * 5000, "\0", "\ud800", "ü\u2028", "1", "null"),
        *([], {}, [None], [[]], {"": None}, {"a": {"b": 1}}, [1, "a", None], deep),
    ]
    return rng.choice(wild)


def changed(value: Any, rng: random.Random) -> Any:
    """A copy of a JSON value in which one part, wherever, is another, is gone, or is there twice."""
    tree = [copy.deepcopy(value)]
    parent: Any = tree
    key: Any = 0
    while isinstance(parent[key], (dict, list)) and parent[key] and rng.random() < 0.85:
        parent = parent[key]
        key = rng.choice(list(parent)) if isinstance(parent, dict) else rng.randrange(len(parent))
    if isinstance(parent, dict) and rng.random() < 0.2:
        del parent[key]
    elif isinstance(parent, list) and parent is not tree and rng.random() < 0.2:
        parent.insert(key, parent[key])
    else:
        parent[key] = junk(rng)
    return tree[0]


def written(value: Any) -> bytes:
    """JSON of anything, as another version or another program might have written it."""
    try:
        return json.dumps(value, separators=(",", ":")).encode()
    except RecursionError:
        return b"[" * 5000 + b"]" * 5000


def scrambled(data: bytes, rng: random.Random) -> bytes:
    """Bytes with some of them changed, cut out, repeated or replaced."""
    at = rng.randrange(len(data) + 1)
    length = rng.choice((1, 1, 2, 40, 4096))
    return rng.choice(
        (
            data[:at],
            data[:at] + data[at + length :],
            data[:at] + rng.randbytes(length) + data[at + length :],
            data[:at] + data[at : at + length] * 3 + data[at + length :],
            data[:at] + rng.choice((b"\n", b"\n\n", b"{", b'{"', b"\0" * 64, b'"crc":"', b"}\n{")) + data[at:],
            rng.randbytes(rng.randrange(200)),
            b"",
        )
    )


# --- a run directory ----------------------------------------------------------------------------------


def study(place: Path, *, full: bool, part: tuple[int, int] = (0, 1)) -> Outcome:
    """Readers raise only what they say they raise, always end, and lose nothing that is whole."""
    outcome = Outcome()
    first, step = part
    with _alarm():
        base = _half_sent_run(place / "base")
        for seed in range(first, 1_500 if full else 50, step):
            outcome.check(f"files, seed {seed}", _bounded(_damaged_files, base, place / "case", random.Random(seed)))
        for seed in range(first, 1_500 if full else 50, step):
            outcome.check(f"events, seed {seed}", _bounded(_strange_events, base, place / "case", random.Random(seed)))
        rich = _run_of_everything(place / "rich")
        with LocalServer() as server:
            for seed in range(first, 500 if full else 10, step):
                rng = random.Random(seed)
                outcome.check(f"answers, seed {seed}", _bounded(_strange_answers, rich, place / "case", rng, server))
    return outcome


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def ring(_number: int, _frame: object) -> None:
        raise _NeverEndsError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _bounded(case: Callable[..., Iterator[str]], base: Path, place: Path, *arguments: Any) -> Iterator[str]:
    """A case on a copy of a directory; what it raises, and that it does not end, are problems of it."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(base, place)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield from case(place, *arguments)
    except _NeverEndsError:
        yield "it never ends"
    except Exception:
        yield traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _half_sent_run(place: Path) -> Path:
    """A run of two writers, the first of which was sent; what the server has of it stands beside it."""
    run_dir = create_run(place, RunInfo("r", "p", start=START, config={"lr": 0.1}))
    for first in (0, ROWS // 2):
        writer = run_dir.writer()
        for number in range(first, first + ROWS // 2):
            event = {"metrics": {"n": number, "deep": {"a": 1}}, "t": START + number, "text": "x", "level": "INFO"}
            writer.append(written(event))
        for more in ({"config": {"a": 1}}, {"define": {"name": "n", "summary": ["max"]}}, {"summary": {"s": 1}}):
            writer.append(written({**more, "t": START}))
        writer.close()
        if not first:
            server = _Server()
            drain(run_dir, server)
            (place / "history").write_text("\n".join(server.history))
            (place / "output").write_text("\n".join(server.output))
    return place


def _damaged_files(place: Path, rng: random.Random) -> Iterator[str]:
    run = place / "p" / "r"
    names = sorted(path.name for path in run.iterdir() if path.suffix in {".json", ".jsonl"})
    hit = rng.sample(names, rng.choice((1, 1, 2, len(names))))
    sealed = False  # whether a cursor says with a right checksum what is not so
    for name in hit:
        data = (run / name).read_bytes()
        if name in CONTROL and name.endswith(".json") and rng.random() < 0.6:
            body = unseal(data.rstrip(b"\n"))
            again = written(changed(json.loads(body or data), rng))
            sealed = body is not None and again.endswith(b"}")
            data = seal(again) if sealed else again
        else:
            data = scrambled(data, rng)
        (run / name).write_bytes(data)
    _read_all_ways(place)
    server = _Server()
    server.history = (place / "history").read_text().split("\n")
    server.output = (place / "output").read_text().split("\n")
    try:
        drain(RunDir(run), server)
    except WandbLoggingError:
        return
    if hit == ["cursor.json"] and not sealed:  # what the others say cannot be found out anew
        yield from server.broken
        if [_number_of(line) for line in server.history] != list(range(ROWS)):
            yield f"rows {server.history}"


def _read_all_ways(place: Path) -> None:
    for found in find_runs(place):
        for read in (lambda path=found.path: read_run(path), lambda run=found: outline(run)):
            with contextlib.suppress(WandbLoggingError):
                read()


def _strange_events(place: Path, rng: random.Random) -> Iterator[str]:
    """Lines whose checksum is right, and whose content no version of ours has written."""
    run = place / "p" / "r"
    for name in ("cursor.json", "order.jsonl", "server.json", "journal-0002-0001.jsonl"):
        (run / name).unlink(missing_ok=True)
    events = [
        {
            "metrics": {"n": 0, "deep": {"a": 1}},
            "step": 1,
            "t": START,
            "media": [{"key": "n", "path": "x"}],
            "aside": {},
        },
        {"text": "x", "level": "INFO", "logger": "a", "t": START, "error": True},
        {"output": "x\ry", "t": START},
        {"config": {"a": 1}, "run": {"name": "a", "tags": ["b"]}, "resume": True, "t": START},
        {"define": {"name": "n*", "summary": ["max", "min"], "step_metric": "s"}, "t": START},
        {"summary": {"a": 1}, "t": START},
        {"system": {"cpu": 1.0}, "t": START},
        {"file": {"name": "a", "path": "files/a", "policy": "now"}, "t": START},
        {"artifact": {"name": "a", "type": "b", "folder": "artifacts/0", "aliases": ["x"], "manifest": {}}, "t": START},
        {"use_artifact": {"id": "a", "name": "b"}, "t": START},
        {"alert": {"title": "a", "text": "b", "level": "WARN", "wait": 60}, "t": START},
        {"exit": 0, "t": START},
    ]
    lines = []
    for number in range(ROWS):
        lines.append(seal(written({"metrics": {"n": number}, "t": START})))
        body = written(changed(rng.choice(events), rng))
        if body.endswith(b"}"):
            lines.append(seal(body))
    (run / "journal-0001-0001.jsonl").write_bytes(b"".join(lines))
    _read_all_ways(place)
    server = _Server()
    with contextlib.suppress(WandbLoggingError):
        drain(RunDir(run), server)
    yield from server.broken
    found = [number for number in map(_number_of, server.history) if number is not None]
    if [number for number in range(ROWS) if number not in found]:
        yield f"rows {found}"


def _number_of(line: str) -> int | None:
    with contextlib.suppress(ValueError, TypeError, KeyError):
        number = json.loads(line)["n"]
        return number if type(number) is int else None
    return None


# --- answers of the server ----------------------------------------------------------------------------


class _Liar(requests.Session):
    """A session in which the answer to one request is not what the server said."""

    def __init__(self, number: int, rng: random.Random) -> None:
        super().__init__()
        self._left = number
        self._rng = rng
        self.lied = ""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = super().send(request, **options)
        self._left -= 1
        if self._left == 0:
            content = answer.content
            lie = self._lie(content)
            self.lied = f"{request.method} {request.url}: {content[:300]!r} -> {lie[:300]!r}"
            answer.raw = _Bytes(lie)
            vars(answer).update(_content=False, _content_consumed=False)
        return answer

    def _lie(self, content: bytes) -> bytes:
        try:
            value = json.loads(content)
        except ValueError:
            return scrambled(content, self._rng)
        return scrambled(content, self._rng) if self._rng.random() < 0.2 else written(changed(value, self._rng))


class _Bytes(io.BytesIO):
    """A body as urllib3 gives it."""

    def read1(self, size: int | None = -1, *, decode_content: bool = False) -> bytes:
        del decode_content
        return super().read1(-1 if size is None else size)


def _run_of_everything(place: Path) -> Path:
    source = place.parent / "source.txt"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("some bytes")
    with new_run("p", run_id="r", mode="offline", cache_dir=place, quiet=True, config={"a": 1}) as run:
        for number in range(ROWS):
            run.log({"n": number})
        run.upload_file(source, "a.txt")
        artifact = Artifact("data", "dataset")
        artifact.add_file(source)
        run.log_artifact(artifact)
        run.alert("a", "b")
        run.update_config(b=2)
        run.define_metric("n", summary="max")
    return place


def _same(client: Client) -> Client:
    return client


def _strange_answers(place: Path, rng: random.Random, server: LocalServer) -> Iterator[str]:
    run_dir = RunDir(place / "p" / "r")
    server._store.runs.clear()
    liars = [_Liar(rng.randrange(1, 30), rng) for _ in range(2)]
    for session in [*liars, None, None]:
        clock = Clock()
        # A day is enough for whatever is tried again.
        client = Client(server.url, server.api_key, session=session)
        link = Link(partial(_same, client), clock.pace(), clock)
        sender = Uploader(run_dir, link, SENT_SO, host=server.url)
        try:
            sender.drain(ending=1)
        except WandbLoggingError:
            continue
        finally:
            sender.close()
    lies = [liar.lied for liar in liars]
    found = [line.get("n") for run in server.runs for line in run.history]
    if found != list(range(ROWS)) and not any("LineCount" in lie or "events" in lie for lie in lies):
        yield f"rows {found} after {lies}"
