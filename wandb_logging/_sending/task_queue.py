"""Does a run's tasks (files, alerts, artifacts) in order, several files at once. What cannot be done is set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from wandb_logging._errors import GraphQLError, NotPossible, RequestRejected, RunNotFound, WandbLoggingError
from wandb_logging._events.run_info import Remote, RunInfo
from wandb_logging._events.task import Task
from wandb_logging._journal.copies import md5_of
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending import standard_files
from wandb_logging._sending.files import RunFiles, ignored
from wandb_logging._sending.tasks import perform
from wandb_logging._sending.upload_pool import AT_ONCE, UploadPool
from wandb_logging._server import protocol
from wandb_logging._server.link import Link

_TOGETHER = 100  # tasks whose upload addresses are asked for in one request
_TRIES = 3  # tries of a task whose answer is no answer of the API
_PAUSE = 2.0  # seconds between two of these tries
_SAVE_APART = 1.0  # seconds between two cursors while files are sent
_HOPELESS = (RequestRejected, NotPossible, RunNotFound, GraphQLError, OSError)


class TaskQueue:
    """The tasks of a run that are yet to be done.

    Args:
        run_dir: the run directory.
        info: identity of the run.
        pool: threads on which tasks are done.
        link: gives the clock and the pace.
        say: called with (kind, text) for what a person should know.
        cursor: has the tasks, and the files that were uploaded before.

    Attributes:
        tasks: tasks to do.
        uploads: MD5 of the uploaded files, by name.
        uploaded: names of uploaded files that the next request announces to the server.
        file_count: number of files uploaded so far, without the standard files that each run has.
    """

    def __init__(  # noqa: PLR0917  each of them belongs to the uploader that makes it
        self,
        run_dir: RunDir,
        info: RunInfo,
        pool: UploadPool,
        link: Link,
        say: Callable[[str, str], object],
        cursor: Cursor,
    ) -> None:
        self.tasks = list(cursor.tasks)
        self.uploads = dict(cursor.uploads)
        self.uploaded = list(cursor.uploaded)
        self.file_count = cursor.file_count
        self._run_dir = run_dir
        self._info = info
        self._pool = pool
        self._pace = link.pace
        self._now = link.now
        self._say = say
        self._captured: set[str] = set()  # standard files that were added since the run was opened
        self._through: list[Task] = []  # tasks that are done, while the cursor on the disk still has them

    @property
    def standard(self) -> list[str]:
        """The standard files that the run's settings ask for; none in the run.json of a version that had none."""
        return list(self._info.standard_files)

    def begin_anew(self) -> None:
        """Forget what was done, for another server."""
        self.tasks.clear()
        self.uploads.clear()
        self.uploaded.clear()
        self.file_count = 0

    def add(self, tasks: Iterable[Task]) -> None:
        """Add tasks that are not there yet."""
        for task in tasks:
            if task not in self.tasks:
                self.tasks.append(task)

    def add_captured(self) -> None:
        """Add tasks for the standard files that were captured since the run was opened, each once."""
        tasks = standard_files.captured_tasks(self._run_dir, self.standard)
        self.add(task for task in tasks if task.name not in self._captured)
        self._captured.update(task.name for task in tasks)

    def forget_captured(self) -> None:
        """Note that the run was opened: its standard files are to be uploaded again."""
        self._captured.clear()

    def perform(self, remote: Remote, refused: Callable[[Task], object], save: Callable[[], object]) -> None:
        """Do all tasks. A task that fails for now stays; one that cannot be done is set aside.

        Args:
            remote: the run on the server.
            refused: called with each task that is set aside.
            save: saves the cursor. It is not called for each of many small files: a file may be sent twice.

        Raises:
            TransportError, HTTPStatusError: a task failed for now.
        """
        files = RunFiles(remote, self.uploads)
        waiting = list(self.tasks)
        saved = self._now()
        for start in range(0, len(waiting), _TOGETHER):
            some = waiting[start : start + _TOGETHER]
            names = [task.name for task in some if self._is_to_be_put(task)]
            self._pool.do(partial(files.expect, names=names))
            for group in _at_once(some):
                for task in self._perform(group, remote, files, refused):
                    self.tasks.remove(task)
                    self._through.append(task)
                    if not task.is_file or self._now() - saved >= _SAVE_APART:
                        save()
                        saved = self._now()

    def let_go(self) -> None:
        """Remove the copies of files that are uploaded, once the cursor on the disk says so."""
        while self._through:
            self._run_dir.files.let_go(self._through.pop().path)

    def _perform(
        self, group: list[Task], remote: Remote, files: RunFiles, refused: Callable[[Task], object]
    ) -> Iterator[Task]:
        """Do a group of tasks at once. Gives each that is done or set aside.

        Raises:
            TransportError, HTTPStatusError: a task failed for now; the others are done.
        """
        works = [partial(self._do, task, remote=remote, files=files) for task in group]
        failed: WandbLoggingError | None = None
        for task, work, outcome in zip(group, works, self._pool.each(works)):
            try:
                uploaded = self._insist(work, outcome)
            except _HOPELESS as exc:
                self._run_dir.set_aside(str(exc), task.to_json())
                self._say(f"task {task.kind}", f"{task} cannot be done: {exc}")
                refused(task)
            except WandbLoggingError as exc:
                failed = failed or exc
                continue
            else:
                self.uploaded += uploaded
                self.file_count += 0 if task.kind == "standard" else len(uploaded)
            yield task
        if failed is not None:
            raise failed

    def _do(self, task: Task, link: Link, *, remote: Remote, files: RunFiles) -> list[str]:
        return [] if task.is_file and self._is_ignored(task) else perform(task, link, remote, self._run_dir, files)

    def _insist(self, work: Callable[[Link], list[str]], outcome: Callable[[], list[str]]) -> list[str]:
        """The result of a task; tried again if the answer was none of the API, for then the server refused nothing."""
        for _ in range(_TRIES - 1):
            try:
                return outcome()
            except protocol.NoAnswerError:  # something on the way, perhaps only for a moment
                self._pace.sleep(_PAUSE)
                (outcome,) = self._pool.each([work])
        return outcome()

    def _is_to_be_put(self, task: Task) -> bool:
        """Whether to ask for an upload address. Asking and not uploading would look like an unfinished upload."""
        if not task.is_file or self._is_ignored(task):
            return False
        known = self.uploads.get(task.name) if task.kind != "media" else None
        try:
            with self._run_dir.files.open(task.path) as file:
                return known is None or md5_of(file) != known
        except OSError:
            return False  # the task will be set aside

    def _is_ignored(self, task: Task) -> bool:
        return ignored(task.name, self._info.ignore_globs)


def _at_once(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    """Tasks in order, in groups that may be done at once: files of different names; any other task is alone."""
    group: list[Task] = []
    for task in tasks:
        if group and (len(group) == AT_ONCE or not task.is_file or task.name in {each.name for each in group}):
            yield group
            group = []
        group.append(task)
        if not task.is_file:
            yield group
            group = []
    if group:
        yield group
