"""Promises of what waits beside the streams: done once, in order; set aside if hopeless; none lost to a failure."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from tests.runs import Clock, make_run
from wandb_logging._errors import RequestRejected, ServerUnavailable, TransportError, WandbLoggingError
from wandb_logging._events.run_info import Remote
from wandb_logging._events.task import Task
from wandb_logging._journal.cursor import Cursor
from wandb_logging._sending.task_queue import TaskQueue
from wandb_logging._sending.upload_pool import AT_ONCE
from wandb_logging._server import protocol
from wandb_logging._server.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REMOTE = Remote("id", "team", "p", "r", "r")


class Server:
    """A client whose answers come at once; what has an error here is refused, or away, by file name or alert title."""

    def __init__(self) -> None:
        self.wrong: dict[str, list[WandbLoggingError]] = {}
        self.asked: list[list[str]] = []  # addresses, by request
        self.files: dict[str, list[bytes]] = {}
        self.alerts: list[str] = []
        self.success: Any = {"success": True}

    def mask(self, text: str) -> str:
        return text

    def graphql(self, document: str, variables: Mapping[str, Any], *, conflict_retries: bool = False) -> Any:
        if document == protocol.CREATE_RUN_FILES:
            self.asked.append(list(variables["files"]))
            files = [{"name": name, "uploadUrl": name} for name in variables["files"]]
            return {"createRunFiles": {"files": files, "uploadHeaders": []}}
        self.alerts.append(variables["title"])
        self._fail(variables["title"])
        return {"notifyScriptableRunAlert": self.success}

    def put(self, url: str, source: BinaryIO, headers: Mapping[str, str], part: object = None) -> None:
        self._fail(url)
        source.seek(0)
        self.files.setdefault(url, []).append(source.read())

    def _fail(self, name: str) -> None:
        if self.wrong.get(name):
            raise self.wrong[name].pop(0)

    def close(self) -> None:
        pass


class Here:
    """A pool without a thread."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def do(self, work: Callable[[Link], Any]) -> Any:
        return work(self._link)

    def each(self, works: list[Callable[[Link], Any]]) -> list[Callable[[], Any]]:
        return [self._outcome(work) for work in works]

    def _outcome(self, work: Callable[[Link], Any]) -> Callable[[], Any]:
        try:
            result = work(self._link)
        except (WandbLoggingError, OSError) as exc:
            return partial(_raise, exc)
        return lambda: result


def _raise(error: BaseException) -> None:
    raise error


class Uploader:
    """What has some waiting, and takes note of what it is told."""

    def __init__(self, tmp_path: Path, cursor: Cursor | None = None, **info: Any) -> None:
        self.run_dir = make_run(tmp_path, **info)
        self.server = Server()
        self.clock = Clock()
        self.words: list[tuple[str, str]] = []
        self.refused: list[Task] = []
        self.saves = 0
        link = Link(lambda: self.server, self.clock.pace(), self.clock)  # type: ignore[arg-type, return-value]
        pool: Any = Here(link)
        self.pool = pool
        self.queue = TaskQueue(
            self.run_dir,
            self.run_dir.info,
            pool,
            link,
            lambda *words: self.words.append(words),
            cursor or Cursor(),
        )

    def file(self, name: str, text: str = "text", kind: str = "file") -> Task:
        """A task for a copy that is kept."""
        return Task(kind, {"name": name, "path": self.run_dir.files.keep(text.encode(), name)})

    def perform(self) -> None:
        self.queue.perform(REMOTE, self.refused.append, self.save)

    def save(self) -> None:
        self.saves += 1


def alert(title: str) -> Task:
    return Task("alert", {"title": title, "text": "", "level": "INFO", "wait": 60.0})


@pytest.fixture
def sender(tmp_path: Path) -> Uploader:
    return Uploader(tmp_path)


class TestDone:
    def test_each_once(self, sender: Uploader) -> None:
        """Also one that comes twice at once."""
        task = sender.file("a.txt")
        sender.queue.add([task, task])
        sender.queue.add([task])
        assert sender.queue.tasks == [task]

    def test_in_order_and_once(self, sender: Uploader) -> None:
        """What is added again while it waits is done once, and nothing waits afterwards."""
        tasks = [alert("a"), sender.file("x.txt"), alert("b")]
        sender.queue.add(tasks)
        sender.queue.add(tasks[:2])
        sender.perform()
        sender.perform()
        assert sender.server.alerts == ["a", "b"]
        assert sender.server.files == {"x.txt": [b"text"]}
        assert sender.queue.tasks == []

    def test_what_the_next_request_announces(self, sender: Uploader) -> None:
        """Files that were put, by name; alerts are none. A file that each run has does not count as the program's."""
        sender.queue.add([sender.file("x.txt"), sender.file("output.log", kind="standard"), alert("a")])
        sender.perform()
        assert sender.queue.uploaded == ["x.txt", "output.log"]
        assert sender.queue.file_count == 1

    def test_a_cursor_goes_on(self, tmp_path: Path) -> None:
        """Another process does what waited, and knows what was uploaded."""
        digest = hashlib.md5(b"text", usedforsecurity=False).hexdigest()
        cursor = Cursor(tasks=(alert("a"),), uploads={"x.txt": digest}, uploaded=("y.txt",), file_count=2)
        sender = Uploader(tmp_path, cursor)
        sender.queue.add([sender.file("x.txt")])
        sender.perform()
        assert (sender.server.alerts, sender.server.files) == (["a"], {})
        assert (sender.queue.uploaded, sender.queue.file_count) == (["y.txt"], 2)

    def test_another_server_knows_nothing(self, sender: Uploader) -> None:
        """The same file goes there, too."""
        for _ in range(2):
            sender.queue.add([sender.file("x.txt")])
            sender.perform()
            sender.queue.begin_anew()
        assert len(sender.server.files["x.txt"]) == 2
        assert sender.queue.file_count == 0

    def test_other_bytes_of_one_name(self, sender: Uploader) -> None:
        """They go; the same bytes once more do not."""
        for text in ("1", "1", "2"):
            sender.queue.add([sender.file("x.txt", text)])
            sender.perform()
        assert sender.server.files["x.txt"] == [b"1", b"2"]


class TestAskedFor:
    def test_many_in_one_request(self, sender: Uploader) -> None:
        """A hundred addresses a request."""
        sender.queue.add([sender.file(f"{number}.txt") for number in range(120)])
        sender.perform()
        assert [len(names) for names in sender.server.asked] == [100, 20]
        assert len(sender.server.files) == 120

    def test_nothing_that_will_not_be_put(self, tmp_path: Path) -> None:
        """No address is asked for a file that is there, is ignored or is gone: that would look like half an upload."""
        sender = Uploader(tmp_path, ignore_globs=["*.tmp"])
        sender.queue.add([sender.file("there.txt")])
        sender.perform()
        sender.server.asked.clear()
        gone = Task("file", {"name": "gone.txt", "path": "files/saved/none/gone.txt"})
        known = Cursor(uploads={"there.txt": sender.queue.uploads["there.txt"], "gone.txt": "0" * 32})
        again = Uploader(tmp_path / "again", known, ignore_globs=["*.tmp"])
        again.queue.add([again.file("there.txt"), again.file("x.tmp"), gone, again.file("y.txt"), again.file("z.txt")])
        again.perform()
        assert again.server.asked == [["y.txt", "z.txt"]]
        assert again.refused == [gone]


class TestHopeless:
    def test_it_is_set_aside_and_the_rest_goes_on(self, sender: Uploader) -> None:
        """It is kept in aside.jsonl with the reason, a person is told, and who asked is told which."""
        sender.server.wrong["bad"] = [RequestRejected("not allowed", 403)]
        sender.queue.add([alert("bad"), alert("good")])
        sender.perform()
        assert sender.server.alerts == ["bad", "good"]
        assert sender.refused == [alert("bad")]
        ((kind, text),) = sender.words
        assert kind == "task alert"
        assert "not allowed" in text
        (line,) = (sender.run_dir.path / "aside.jsonl").read_text().splitlines()
        assert json.loads(line)["what"] == alert("bad").to_json()

    @pytest.mark.parametrize(
        "what",
        [
            Task("hologram", {"name": "x"}),  # of a version to come
            Task("file", {}),
            Task("file", {"name": "x", "path": "../../outside"}),
            Task("alert", {"title": 3, "wait": "long"}),
        ],
    )
    def test_what_another_wrote(self, sender: Uploader, what: Task) -> None:
        """A task that makes no sense never stops the others."""
        sender.queue.add([what, alert("good")])
        sender.perform()
        assert (sender.refused, sender.server.alerts, sender.queue.tasks) == ([what], ["good"], [])

    def test_a_server_that_says_no(self, sender: Uploader) -> None:
        """An alert that it did not take is not a success."""
        sender.server.success = {"success": False}
        sender.queue.add([alert("a")])
        sender.perform()
        assert sender.refused == [alert("a")]

    def test_an_alert_that_nobody_takes(self, sender: Uploader) -> None:
        """After three tries of a server that is busy it is given up: rows and the end do not wait for it."""
        sender.server.wrong["a"] = [ServerUnavailable("busy", 503) for _ in range(9)]
        sender.queue.add([alert("a"), alert("b")])
        sender.perform()
        assert sender.server.alerts == ["a", "a", "a", "b"]
        assert sender.refused == [alert("a")]


class TestNotNow:
    def test_it_waits_with_all_behind_it(self, sender: Uploader) -> None:
        """What was done before it or beside it is done, and the next time goes on with the rest."""
        tasks = [sender.file(name) for name in ("1.txt", "2.txt", "3.txt")] + [alert("a"), sender.file("4.txt")]
        sender.server.wrong["2.txt"] = [TransportError("refused") for _ in range(2)]  # as often as one address is tried
        sender.queue.add(tasks)
        with pytest.raises(TransportError):
            sender.perform()
        assert sender.queue.tasks == [tasks[1], *tasks[3:]]
        assert sender.server.alerts == []
        sender.perform()
        names = ("1.txt", "2.txt", "3.txt", "4.txt")
        assert {name: len(sent) for name, sent in sender.server.files.items()} == dict.fromkeys(names, 1)
        assert (sender.server.alerts, sender.refused, sender.words) == (["a"], [], [])

    def test_files_of_one_name_go_one_after_the_other(self, sender: Uploader) -> None:
        """What is there in the end is the latest."""
        kept = [
            (name, sender.file(text, text).what["path"])
            for name, text in (("1.txt", "a"), ("2.txt", "b"), ("1.txt", "c"))
        ]
        sender.queue.add(Task("file", {"name": name, "path": path}) for name, path in kept)
        together: list[int] = []
        each = sender.pool.each

        def counted(works: Any) -> Any:
            together.append(len(works))
            return each(works)

        sender.pool.each = counted
        sender.perform()
        assert together == [2, 1]
        assert sender.server.files["1.txt"] == [b"a", b"c"]

    def test_an_answer_without_sense(self, sender: Uploader) -> None:
        """It is tried three times with two seconds between: something on the way may have answered in its place."""
        sender.server.success = {}
        sender.queue.add([alert("a")])
        sender.perform()
        assert sender.server.alerts == ["a"] * 3
        assert sender.clock.slept == [2.0, 2.0]
        assert sender.refused == [alert("a")]


class TestKept:
    def test_not_after_each_small_file(self, sender: Uploader) -> None:
        """A file may go twice: the cursor is kept once a second of them, and after all that must not."""
        sender.queue.add([*(sender.file(f"{number}.txt") for number in range(5)), alert("a"), alert("b")])
        sender.perform()
        assert sender.saves == 2

    def test_once_a_second(self, sender: Uploader) -> None:
        """While files take long, little is sent again after a crash: at most what goes at once."""
        put = sender.server.put

        def slow(url: str, source: BinaryIO, headers: Mapping[str, str], part: object = None) -> None:
            sender.clock.time += 0.6
            put(url, source, headers)

        sender.server.put = slow  # type: ignore[method-assign]
        sender.queue.add(sender.file(f"{number}.txt") for number in range(3 * AT_ONCE))
        sender.perform()
        assert sender.saves == 3

    def test_copies_stay_until_the_cursor_knows(self, sender: Uploader) -> None:
        """A copy that nobody else needs goes when the disk knows that it was uploaded, not before."""
        once, saved = sender.run_dir.path / "files" / "once" / "x.txt", sender.file("y.txt")
        once.parent.mkdir(parents=True)
        once.write_bytes(b"text")
        sender.queue.add([Task("file", {"name": "x.txt", "path": "files/once/x.txt"}), saved])
        sender.perform()
        assert once.exists()
        sender.queue.let_go()
        assert not once.exists()
        assert (sender.run_dir.path / saved.path).exists()
