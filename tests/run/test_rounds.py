"""Rounds and what begins a run, made by hand: no thread, no waiting."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wandb_logging._errors import RunNotFound
from wandb_logging._journal.late import LateRunDir
from wandb_logging._journal.quota import BoundedWriter
from wandb_logging._process.notices import Notices
from wandb_logging._reading.read import read_run
from wandb_logging._records.encoding import now, row_event
from wandb_logging._run.delivery import Delivery
from wandb_logging._run.rounds import Rounds
from wandb_logging._run.samples import Samples
from wandb_logging._run.save import SavedFiles
from wandb_logging._run.start import ALONE, Journal, Membership, chosen_mode, open_journal
from wandb_logging._settings.settings import Settings
from wandb_logging._values.secrets import Secrets
from wandb_logging.testing import LocalServer


@dataclass
class Asker:
    """Stands where the listener does: somebody waits for each round, for as long as it takes."""

    asked: bool = True
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        time.sleep(min(seconds, 1.0))  # a server that failed is left alone for a second

    def out_of_time(self) -> bool:
        return len(self.slept) > 2


def journal_of(settings: Settings, mode: str, membership: Membership = ALONE) -> Journal:
    secrets = Secrets(lambda _name: None)
    return open_journal(settings, mode, dict(settings.config), secrets, lambda: False, ExitStack(), membership)


def rounds_of(settings: Settings, delivery: Delivery, **ports: Any) -> Rounds:
    notices, secrets = Notices(), Secrets(lambda _name: None)
    journal = journal_of(settings, "online")
    if delivery.sends:
        journal.run_dir.lock_upload()
    samples, saved = Samples([], lambda _metrics: None, notices), SavedFiles(lambda *_: None, lambda *_: None)
    on_stop = ports.get("on_stop", lambda: None)
    return Rounds(settings, delivery, journal, Asker(), samples, saved, notices, secrets, on_stop)


def log(rounds: Rounds, **metrics: float) -> None:
    event = row_event(metrics, None, now(), lambda *_: None, None, commit=None, secrets=None)
    rounds._journal.writer.append(event)


@pytest.fixture
def settings(wandb_server: LocalServer) -> Settings:
    return Settings.of({"project": "p", "run_id": "abc", "system_metrics": False})


class TestRounds:
    def test_online_each_sends(self, settings: Settings, wandb_server: LocalServer) -> None:
        """A row that was there when the round began is on the server when it is over."""
        rounds = rounds_of(settings, Delivery.ONLINE)
        for number in range(3):
            log(rounds, a=number)
            rounds.make()
            assert [row["a"] for row in wandb_server.run("abc").history] == list(range(number + 1))
        rounds.release()

    def test_the_first_round_asks_for_the_addresses_of_its_files_together(
        self, settings: Settings, wandb_server: LocalServer
    ) -> None:
        """What is said of the machine is uploaded with the list of packages, which takes longer to make."""
        rounds = rounds_of(settings, Delivery.ONLINE)
        log(rounds, loss=1)
        rounds.make()
        (run,) = wandb_server.runs
        assert run.files.keys() == {"wandb-metadata.json", "requirements.txt"}
        assert [request.operation for request in wandb_server.requests].count("CreateRunFiles") == 1
        rounds.release()

    def test_who_is_left_a_run_waits_for_more_to_send(self, settings: Settings, wandb_server: LocalServer) -> None:
        """Its first round is made when one is due, and what has come by then goes with it; if it is asked, at once."""
        settings = settings.but(run_id="left", resume="allow")
        first = rounds_of(settings, Delivery.ONLINE)
        log(first, loss=1)
        first.make()
        second = rounds_of(settings, Delivery.BY_ANOTHER)
        first.uploader.hand_over()
        first.release()
        second._journal.run_dir.lock_upload()
        second.delivery = Delivery.ONLINE
        second.begin()
        before = len(wandb_server.requests)
        log(second, loss=2)
        second._asker.asked = False  # type: ignore[misc]
        second.make()
        assert len(wandb_server.requests) == before
        second._asker.asked = True  # type: ignore[misc]
        second.make()
        assert [row["loss"] for row in wandb_server.run("left").history] == [1, 2]
        second.release()

    def test_once_is_one_round(self, settings: Settings, wandb_server: LocalServer) -> None:
        """The next one only looks after the disk."""
        rounds = rounds_of(settings, Delivery.ONCE)
        log(rounds, a=1)
        rounds.make()
        log(rounds, a=2)
        rounds.make()
        assert [row["a"] for row in wandb_server.run("abc").history] == [1]
        assert rounds.delivery is Delivery.ON_DISK
        rounds.release()

    def test_on_disk_makes_no_request(self, settings: Settings, wandb_server: LocalServer) -> None:
        """Not even to ask whether the server is there."""
        rounds = rounds_of(settings, Delivery.ON_DISK)
        log(rounds, a=1)
        rounds.make()
        assert wandb_server.requests == []
        rounds.release()

    @pytest.mark.slow
    def test_what_goes_wrong_is_said_and_not_raised(
        self, settings: Settings, wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The rows wait, and the next round that can send them does."""
        rounds = rounds_of(settings, Delivery.ONLINE)
        log(rounds, a=1)
        wandb_server.fail_always(status=503)
        with caplog.at_level(logging.INFO, "wandb_logging"):
            rounds.make()
        assert "cannot be reached" in str(rounds.error)
        assert "cannot be reached" in caplog.text
        wandb_server.clear_faults()
        rounds._asker.slept.clear()  # type: ignore[attr-defined]
        rounds.make()
        assert str(rounds.error) == "None"
        assert [row["a"] for row in wandb_server.run("abc").history] == [1]
        rounds.release()

    def test_a_run_that_is_not_there_is_not_asked_for_again(self, settings: Settings) -> None:
        """Only somebody who asks by hand has it tried once more."""
        rounds = rounds_of(settings, Delivery.ONLINE)
        rounds._fail(RunNotFound("no such project", 404))
        assert rounds.delivery is Delivery.REFUSED
        rounds.release()

    def test_a_signals_wish_is_fulfilled_by_the_round_after_it(self, settings: Settings) -> None:
        """One that comes while a round is made waits for the next."""
        rounds = rounds_of(settings, Delivery.ON_DISK)
        rounds.wish.make()
        rounds.make()
        left = [rounds.wish.is_there]
        rounds._look_after_disk = rounds.wish.make  # type: ignore[method-assign]  # a signal within the round
        rounds.make()
        left.append(rounds.wish.is_there)
        assert left == [False, True]
        rounds.release()

    def test_a_fault_of_ours_is_told_and_costs_no_row(
        self, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The listener goes on."""
        rounds = rounds_of(settings, Delivery.ON_DISK)
        rounds._look_after_disk = lambda: 1 / 0  # type: ignore[method-assign, assignment]
        with caplog.at_level(logging.INFO, "wandb_logging"):
            rounds.make()
        assert "internal error" in caplog.text
        assert "ZeroDivisionError" in caplog.text
        rounds.release()


class TestBeginning:
    def test_auto_is_online_with_a_key_and_offline_without(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Any other mode is what it says."""
        assert chosen_mode(Settings.of({"project": "p"})) == "offline"
        monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
        assert chosen_mode(Settings.of({"project": "p"})) == "online"
        assert chosen_mode(Settings.of({"project": "p", "mode": "disabled"})) == "disabled"

    def test_a_new_run_has_a_directory_with_its_identity(self) -> None:
        """Who it is, before the first event."""
        journal = journal_of(Settings.of({"project": "p", "run_id": "abc", "name": "n"}), "offline")
        assert journal.run_dir.path == Path.cwd() / "wandb_cache" / "p" / "abc"
        assert (journal.run_dir.info.id, journal.run_dir.info.name) == ("abc", "n")
        assert (journal.continued, journal.joined) == (False, False)
        journal.writer.close()

    def test_beside_a_living_writer_it_joins(self) -> None:
        """In the same directory, with a journal of its own."""
        settings = Settings.of({"project": "p", "run_id": "abc", "resume": "allow"})
        first = journal_of(settings, "offline")
        second = journal_of(settings, "offline")
        assert second.run_dir.path == first.run_dir.path
        assert (second.continued, second.joined) == (True, True)
        assert second.writer.number != first.writer.number
        first.writer.close()
        second.writer.close()

    def test_after_its_end_it_goes_on(self) -> None:
        """The journal says so with its first event."""
        settings = Settings.of({"project": "p", "run_id": "abc", "resume": "allow"})
        journal_of(settings, "offline").writer.close()
        second = journal_of(settings, "offline")
        assert (second.continued, second.joined) == (True, False)
        assert b'"resume":true' in (second.run_dir.path / "journal-0002-0001.jsonl").read_bytes()
        second.writer.close()

    def test_without_a_directory_it_is_in_memory_and_says_why(self) -> None:
        """The folder is a file."""
        Path("file").touch()
        journal = journal_of(Settings.of({"project": "p", "cache_dir": "file/c"}), "online")
        assert isinstance(journal.run_dir, LateRunDir)
        assert (journal.run_dir.on_disk, journal.writer.number) == (False, 0)
        assert journal.notice is not None
        assert "sent from memory" in journal.notice.text

    def test_a_bound_makes_a_bounded_writer(self) -> None:
        """A run that began without one keeps its oldest rows: who sent it took no care of them."""
        settings = Settings.of({"project": "p", "run_id": "abc", "resume": "allow"})
        journal_of(settings, "offline").writer.close()
        bounded = settings.but(max_cache_bytes=2**20, cache_policy="drop_oldest")
        writer = journal_of(bounded, "offline").writer
        assert isinstance(writer, BoundedWriter)
        assert writer._policy == "drop_newest"
        writer.close()


def test_who_helps_does_not_begin_again_what_has_ended(tmp_path: Path) -> None:
    """A worker of a pool may come while the run's process ends it: the run stays ended, and has the worker's rows."""
    settings = Settings(project="p", run_id="r", mode="offline", cache_dir=tmp_path, resume="allow")
    begun = journal_of(settings, "offline")
    begun.writer.append(row_event({"n": 0}, None, now(), lambda *_: None, None))
    begun.writer.leave(0)
    begun.writer.append(b'{"exit":0,"t":2000000000.0}')
    helper = journal_of(settings, "offline", Membership(helps=True))
    helper.writer.append(row_event({"n": 1}, None, now(), lambda *_: None, None))
    begun.writer.close()
    helper.writer.close()
    assert helper.run_dir.path == begun.run_dir.path
    run = read_run(begun.run_dir.path)
    assert [row["n"] for row in run.rows] == [0, 1]
    assert run.exit_code == 0
