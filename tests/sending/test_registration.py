"""Promises of a run's standing with the server: how it is made, what is told of it later, whose rows are there."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.runs import Clock, make_run, row
from wandb_logging._errors import GraphQLError, JournalError, NotPossible, RequestRejected, ServerUnavailable
from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold.fold import State, first_state
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.registration import Registration
from wandb_logging._sending.run_requests import create_on_server
from wandb_logging._sending.target import AS_IT_WAS, Target
from wandb_logging._server import protocol
from wandb_logging._server.link import Link

HOST = "https://wandb.example"
INFO = RunInfo("r", "p", host=HOST, start=1.7e9, config={"lr": 0.1})
NAMES = {
    protocol.FEATURES: "features",
    protocol.RUN_RESUME_STATUS: "resume",
    protocol.REWIND_RUN: "rewind",
    protocol.UPSERT_BUCKET: "upsert",
    protocol.LINE_COUNT: "count",
}
BUCKET: dict[str, Any] = {
    "id": "storage",
    "name": "r",
    "displayName": "calm-sea-1",
    "project": {"name": "p", "entity": {"name": "team"}},
    "historyLineCount": 0,
}


def wrapped(**config: Any) -> str:
    return json.dumps({key: {"value": value} for key, value in config.items()})


def existing(writers: tuple[str, ...] = ("other",), **more: Any) -> dict[str, Any]:
    """The answer for a run with four rows that another directory made."""
    config = wrapped(lr=0.5, depth=3, _wandb={"t": {}, "e": {writer: {} for writer in writers}})
    bucket = {
        "id": "storage",
        "config": config,
        "wandbConfig": '{"t": 1}',
        "historyLineCount": 4,
        "eventsLineCount": 5,
        "logLineCount": 6,
        "historyTail": json.dumps([json.dumps({"_step": 9, "_runtime": 60})]),
        "tags": ["theirs"],
        "notes": "their note",
        **more,
    }
    return {"model": {"bucket": bucket}}


class Server:
    """A client that answers what it is told to, by operation: a list is taken in turn, an error is raised."""

    def __init__(self, **answers: Any) -> None:
        made = {"upsertBucket": {"bucket": BUCKET}}
        self.answers: dict[str, Any] = {
            "features": {},
            "upsert": made,
            "resume": {"model": None},
            "count": {"model": None},
        }
        self.answers.update(answers)
        self.asked: list[str] = []
        self.upserts: list[dict[str, Any]] = []

    def graphql(self, document: str, variables: dict[str, Any], *, conflict_retries: bool = False) -> Any:
        name = NAMES[document]
        self.asked.append(name)
        if name == "upsert":
            self.upserts.append(dict(variables))
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise copy.copy(answer)
        return answer

    def close(self) -> None:
        pass


def link(server: Server) -> Link:
    clock = Clock()
    return Link(lambda: server, clock.pace(), clock)  # type: ignore[arg-type, return-value]


def config_of(variables: dict[str, Any]) -> dict[str, Any]:
    return {key: item["value"] for key, item in json.loads(variables["config"]).items()}


class TestMade:
    def test_a_new_run(self) -> None:
        """What the server can do is asked, and the run is made; nobody asks for one that may be there."""
        server = Server()
        remote = create_on_server(link(server), INFO, "me")
        assert server.asked == ["features", "upsert"]
        assert (remote.storage_id, remote.entity, remote.display_name) == ("storage", "team", "calm-sea-1")
        assert config_of(server.upserts[0])["lr"] == 0.1
        assert "me" in config_of(server.upserts[0])["_wandb"]["e"]

    def test_features_are_asked_once(self) -> None:
        """Also where several runs go over one link."""
        server = Server(features={"serverInfo": {"features": [{"name": "FILESTREAM_GZIP", "isEnabled": True}]}})
        way = link(server)
        assert [create_on_server(way, INFO, "me").gzip for _ in range(2)] == [True, True]
        assert server.asked == ["features", "upsert", "upsert"]

    @pytest.mark.parametrize("refusal", [GraphQLError("unknown field"), RequestRejected("no", 400)])
    def test_a_server_that_cannot_say(self, refusal: Exception) -> None:
        """An older one counts as one that can do none of it."""
        server = Server(features=refusal)
        remote = create_on_server(link(server), INFO, "me")
        assert (remote.gzip, remote.structured, remote.artifact_tags) == (False, False, False)

    @pytest.mark.parametrize("answer", [{}, {"upsertBucket": None}, {"upsertBucket": {"bucket": []}}])
    def test_an_answer_without_a_run(self, answer: Any) -> None:
        """That is no run that was made."""
        with pytest.raises(protocol.NoAnswerError, match="holds no run"):
            create_on_server(link(Server(upsert=answer)), INFO, "me")


class TestTakenOver:
    def test_lines_come_after_theirs(self) -> None:
        """Our lines, steps and times go on where those of the run end."""
        remote = create_on_server(link(Server(resume=existing())), INFO.but(resume="allow"), "me")
        assert (remote.history, remote.events, remote.output) == (4, 5, 6)
        assert (remote.step, remote.runtime) == (10, 60)

    def test_config_is_both_and_ours_wins(self) -> None:
        """Keys of theirs stay, and those that both have are ours."""
        server = Server(resume=existing())
        create_on_server(link(server), INFO.but(resume="allow"), "me")
        config = config_of(server.upserts[0])
        assert (config["lr"], config["depth"]) == (0.1, 3)
        assert server.upserts[0]["id"] == "storage"

    @pytest.mark.parametrize(
        ("own", "tags", "notes"),
        [({}, ["theirs"], "their note"), ({"tags": ["ours"], "notes": "our note"}, ["ours"], "our note")],
    )
    def test_tags_and_notes(self, own: dict[str, Any], tags: list[str], notes: str) -> None:
        """They are ours if we have some, else theirs."""
        server = Server(resume=existing())
        create_on_server(link(server), INFO.but(resume="allow", **own), "me")
        assert (server.upserts[0]["tags"], server.upserts[0]["notes"]) == (tags, notes)

    def test_must_and_there_is_none(self) -> None:
        """Then nothing is made."""
        server = Server()
        with pytest.raises(NotPossible, match="no run r in project p"):
            create_on_server(link(server), INFO.but(resume="must"), "me")
        assert server.upserts == []

    def test_never_and_there_is_one(self) -> None:
        """Then it is left as it is."""
        server = Server(resume=existing())
        with pytest.raises(NotPossible, match="run r exists in project p"):
            create_on_server(link(server), INFO.but(resume="never"), "me")
        assert server.upserts == []

    def test_never_and_it_is_our_own(self) -> None:
        """A process that died between making it and taking note of that makes it again."""
        server = Server(resume=existing(("other", "me")))
        assert create_on_server(link(server), INFO.but(resume="never"), "me").history == 0

    def test_taken_back(self) -> None:
        """A rewound run goes on behind that step, and is not asked for twice."""
        bucket = {"id": "storage", "config": wrapped(depth=3), "historyLineCount": 3}
        server = Server(rewind={"rewindRun": {"rewoundRun": bucket}})
        info = INFO.but(resume="must", rewind=True, branch_point={"run_id": "r", "step": 2})
        remote = create_on_server(link(server), info, "me")
        assert (remote.history, remote.step) == (3, 3)
        assert server.asked == ["features", "rewind", "upsert"]


class Told:
    """A registration, and what a person was told."""

    def __init__(self, cache: Path, server: Server, target: Target = AS_IT_WAS, resume: str | None = None) -> None:
        self.run_dir = make_run(cache, [row(0)], **INFO.but(writer_id="me", resume=resume).to_json())
        self.words: list[tuple[str, str]] = []
        self.server = server
        say = lambda kind, text: self.words.append((kind, text))  # noqa: E731
        self.registration = Registration(self.run_dir, link(server), HOST, target, say)

    def opened(self, state: State) -> Registration:
        """As it is once the server knows the run and all of that state."""
        self.registration.create()
        self.registration.opened(state)
        self.server.asked.clear()
        self.server.upserts.clear()
        return self.registration


def state(**changed: Any) -> State:
    first = first_state(INFO)
    return State(**{**vars(first), **changed})


class TestOnTheDisk:
    def test_made_is_kept(self, tmp_path: Path) -> None:
        """Another process finds where our lines begin, and makes no run again."""
        told = Told(tmp_path, Server(resume=existing()))
        assert told.registration.remote is None
        assert told.registration.url is None
        told.registration.create()
        again = Registration(RunDir(told.run_dir.path), link(Server()), HOST, AS_IT_WAS, lambda *_: None)
        assert again.remote == told.registration.remote
        assert str(again.url).endswith("/team/p/runs/r")

    def test_the_cursor_of_another_server_is_forgotten(self, tmp_path: Path) -> None:
        """What that one had, this one has not."""
        told = Told(tmp_path, Server())
        told.run_dir.save_cursor(Cursor(position={"writers": {"1": [1, 10]}, "order": 0}, state=vars(state(rows=1))))
        told.registration.create()
        assert RunDir(told.run_dir.path).cursor == Cursor()

    def test_a_refusal_keeps_nothing(self, tmp_path: Path) -> None:
        """A run that could not be made is asked for again as if for the first time."""
        told = Told(tmp_path, Server(upsert=RequestRejected("no", 400)))
        with pytest.raises(RequestRejected):
            told.registration.create()
        assert told.registration.remote is None
        assert not (told.run_dir.path / "server.json").exists()


class TestRowsOfThatIdAreThere:
    """A directory that no server has taken, sent by somebody else than its process."""

    @pytest.mark.parametrize(("writers", "ours"), [(("me",), True), (("other",), False), (("me", "other"), False)])
    def test_a_run_that_is_not_to_go_on(self, tmp_path: Path, writers: tuple[str, ...], *, ours: bool) -> None:
        """What it sent there before is not sent behind itself; behind another's, a person is told."""
        there = {"upsertBucket": {"bucket": {**BUCKET, "historyLineCount": 9}}}
        server = Server(count=existing(writers, historyLineCount=9), upsert=there)
        told = Told(tmp_path, server)
        told.registration.create()
        assert told.registration.remote is not None
        assert told.registration.remote.history == (0 if ours else 9)
        said = "".join(text for _, text in told.words)
        assert ("--as-new" in said) is not ours

    def test_a_run_that_goes_on_is_asked_for_once(self, tmp_path: Path) -> None:
        """What is there is what it goes on with."""
        told = Told(tmp_path, Server(resume=existing()), resume="allow")
        told.registration.create()
        assert "count" not in told.server.asked
        assert told.words == []


class TestToldLater:
    def test_nothing_changed(self, tmp_path: Path) -> None:
        """Then nothing is told."""
        told = Told(tmp_path, Server())
        told.opened(state()).push(state(rows=9))
        assert told.server.asked == []

    def test_before_the_run_is_open(self, tmp_path: Path) -> None:
        """Nothing is told of a run that the server does not know."""
        told = Told(tmp_path, Server())
        told.registration.push(state(config={"lr": 9}))
        assert told.server.asked == []

    def test_config_alone(self, tmp_path: Path) -> None:
        """It goes whole and once, and leaves name, notes and tags as a person may have set them there."""
        told = Told(tmp_path, Server())
        registration, now = told.opened(state()), state(config={"lr": 0.1, "batch": 8})
        registration.push(now)
        registration.push(now)
        (sent,) = told.server.upserts
        assert config_of(sent)["batch"] == 8
        assert [sent[key] for key in ("displayName", "notes", "tags", "groupName", "jobType")] == [None] * 5

    def test_names_alone(self, tmp_path: Path) -> None:
        """What the program changed goes, tags that it took away included; config stays as it is."""
        told = Told(tmp_path, Server())
        told.opened(state()).push(state(run={"name": "new", "tags": []}))
        (sent,) = told.server.upserts
        assert (sent["displayName"], sent["tags"], sent["config"]) == ("new", [], None)

    @pytest.mark.parametrize("refusal", [RequestRejected("too long", 400), GraphQLError("bad name")])
    def test_refused(self, tmp_path: Path, refusal: Exception) -> None:
        """A person is told, rows go on, and the server is not asked the same again."""
        told = Told(tmp_path, Server())
        registration = told.opened(state())
        told.server.answers["upsert"] = refusal
        for _ in range(2):
            registration.push(state(run={"name": "new"}))
        assert told.server.asked == ["upsert"]
        ((kind, text),) = told.words
        assert kind == "update"
        assert str(refusal) in text

    @pytest.mark.parametrize("answer", [{}, ServerUnavailable("busy", 503)])
    def test_not_now(self, tmp_path: Path, answer: Any) -> None:
        """What nobody has refused is told again."""
        told = Told(tmp_path, Server())
        registration = told.opened(state())
        works = told.server.answers["upsert"]
        told.server.answers["upsert"] = answer
        with pytest.raises((protocol.NoAnswerError, ServerUnavailable)):
            registration.push(state(run={"name": "new"}))
        told.server.answers["upsert"] = works
        told.server.upserts.clear()
        registration.push(state(run={"name": "new"}))
        assert told.server.upserts[0]["displayName"] == "new"
        assert told.words == []

    def test_a_persons_name_stays(self, tmp_path: Path) -> None:
        """Who sends a run under another name keeps it, whatever the program calls the run later."""
        told = Told(tmp_path, Server(), Target(name="mine"))
        registration = told.opened(state())
        registration.push(state(run={"name": "the program's", "notes": "new"}))
        (sent,) = told.server.upserts
        assert (sent["displayName"], sent["notes"]) == ("mine", "new")


class TestWhoseRowsAreThere:
    @pytest.mark.parametrize(
        ("there", "writers", "ours"),
        [
            (0, (), True),
            (8, ("other",), True),
            (9, ("other",), False),
            (9, (), False),
            (9, ("me", "other"), False),
            (9, ("me",), True),
        ],
    )
    def test_opened_again(self, tmp_path: Path, there: int, writers: tuple[str, ...], *, ours: bool) -> None:
        """More rows than this directory can have made are somebody's who went on elsewhere, or ours if nobody did."""
        told = Told(tmp_path, Server(count=existing(writers, historyLineCount=there)))
        registration = told.opened(state())
        if ours:
            registration.reopen(state(rows=5), lines_left=2)
            registration.check_owner(state(rows=5), unsure=2)
        else:
            with pytest.raises(JournalError, match="has 9 rows of run r, where this directory can make 8"):
                registration.reopen(state(rows=5), lines_left=2)
            assert told.server.asked == ["count"]  # their config is not overwritten

    @pytest.mark.parametrize(("there", "ours"), [(5, True), (7, True), (8, False)])
    def test_between_two_requests(self, tmp_path: Path, there: int, *, ours: bool) -> None:
        """Rows that were sent and not acknowledged may be there; one more is somebody else's."""
        told = Told(tmp_path, Server(count=existing(("me",), historyLineCount=there)))
        registration = told.opened(state())
        if ours:
            registration.check_owner(state(rows=5), unsure=2)
        else:
            with pytest.raises(JournalError, match="1 of them from another run directory"):
                registration.check_owner(state(rows=5), unsure=2)

    @pytest.mark.parametrize("answer", [GraphQLError("?"), RequestRejected("no", 400), {"model": None}])
    def test_a_server_that_does_not_say(self, tmp_path: Path, answer: Any) -> None:
        """Is no reason to send nothing."""
        told = Told(tmp_path, Server(count=answer))
        told.opened(state()).check_owner(state(rows=5), unsure=0)
        assert told.server.asked == ["count"]
