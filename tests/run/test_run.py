"""Promises of `Run`: what a person may do by hand, online and offline."""

from __future__ import annotations

import copy
import errno
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wandb_logging.compat as wandb
from tests.patience import PATIENCE
from wandb_logging import LogError, Run, Session, SettingsError, new_run, read_run, sync
from wandb_logging._journal import locks
from wandb_logging._run import schedule
from wandb_logging.testing import LocalServer


def run_on(server: LocalServer, **settings: Any) -> Run:
    return new_run("p", session=Session(server.api_key, server.url), **{"mode": "online", "quiet": True, **settings})


def values(server: LocalServer, name: str = "x") -> list[Any]:
    return [row[name] for row in server.runs[0].history if name in row]


# --- identity ---


def test_a_run_says_who_it_is(wandb_server: LocalServer) -> None:
    """id, name, project, entity, url, mode, config; the server's words once it has spoken."""
    with run_on(wandb_server, config={"lr": 0.1}) as run:
        assert (len(run.id), run.name, run.project, run.entity, run.url) == (8, run.id, "p", None, None)
        run.log({"x": 1})
        run.flush(PATIENCE)
        assert run.mode == "online"
        assert run.name == wandb_server.runs[0].display_name
        assert run.entity == wandb_server.entity
        assert run.url == f"{wandb_server.url}/{wandb_server.entity}/p/runs/{run.id}"
        assert run.config == {"lr": 0.1}


class Opaque:
    """A value that cannot be looked at."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("not looked at")


class Mute:
    """A key that has no text."""

    def __str__(self) -> str:
        raise RuntimeError("says nothing")

    __repr__ = __str__


class Changing(Mapping[str, Any]):
    """A mapping that changes while it is read, and whose length nobody can tell."""

    def __getitem__(self, key: str) -> Any:
        return 1

    def __iter__(self) -> Iterator[str]:
        yield "a"
        raise RuntimeError("changed size during iteration")

    def __len__(self) -> int:
        raise OSError("nobody knows")


def updated(config: Any) -> Any:
    run = new_run("p", mode="offline")
    run.update_config(config)
    return run


def updated_in_compat(config: Any) -> Any:
    run = wandb.init(project="p", mode="offline")
    run.config.update(config)
    return run


def begun(config: Any) -> Any:
    return new_run("p", mode="offline", config=config)


def begun_in_compat(config: Any) -> Any:
    return wandb.init(project="p", mode="offline", config=config)


@pytest.mark.parametrize("put", [begun, updated, begun_in_compat, updated_in_compat])
@pytest.mark.parametrize(
    ("given", "kept", "aside"),
    [
        ({"a": 1, "bad": Opaque()}, {"a": 1}, "config.bad is set aside: not looked at"),
        ({"a": 1, "bad": {"b": Opaque(), "c": 2}}, {"a": 1, "bad": {"c": 2}}, "config.bad.b is set aside: not looked"),
        (Changing(), {"a": 1}, "config.(the rest) is set aside: changed size"),
        ({"a": 1, "bad": Changing()}, {"a": 1}, "config.bad is set aside: "),
        ({"a": 1, Mute(): 2}, {"a": 1}, "config.(Mute) is set aside: "),
        ({"a": {"b": 1, Mute(): 2}}, {"a": {"b": 1}}, "config.a.(Mute) is set aside: "),
    ],
)
def test_what_raises_in_a_config_costs_only_itself(
    put: Callable[[Any], Any], given: Any, kept: Any, aside: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By every door; what it costs is said by name."""
    with put(given) as run:
        assert dict(run.config) == kept
    assert aside in caplog.text


@pytest.mark.parametrize("put", [begun, updated, begun_in_compat, updated_in_compat])
@pytest.mark.parametrize("deep", [300, 30_000, None])
def test_what_is_nested_without_end_in_a_config_costs_only_itself(put: Callable[[Any], Any], deep: int | None) -> None:
    """However deep, or where a value holds itself."""
    outer: dict[str, Any] = {"here": 1}
    inner = outer
    for _ in range(deep or 0):
        inner["in"] = {}
        inner = inner["in"]
    if deep is None:
        inner["in"] = outer
    with put({"a": 1, "bad": outer}) as run:
        assert run.config["a"] == 1
        assert run.config["bad"]["here"] == 1
    while outer.get("in"):  # taken apart by hand: Python's own way down would be as deep
        outer = outer.pop("in")


@pytest.mark.parametrize("name", ["name", "notes", "tags", "group", "job_type"])
@pytest.mark.parametrize("value", [5, b"x", object(), [5]])
@pytest.mark.parametrize("compat", [False, True])
def test_a_description_that_is_none_is_refused_by_name(name: str, value: Any, compat: bool) -> None:
    """As where it is a setting: the sentence says which, and what is right."""
    if compat and name in {"group", "job_type"}:
        pytest.skip("the official SDK cannot set it, nor can compat")
    run: Any = wandb.init(project="p", mode="offline") if compat else new_run("p", mode="offline", quiet=True)
    with pytest.raises(SettingsError, match=rf"^{name}=.* expected "):
        setattr(run, name, value)
    run.finish()


@pytest.mark.parametrize(
    "init", [lambda: wandb.init(project="p", mode="offline"), lambda: new_run("p", mode="offline")]
)
def test_a_text_is_one_tag(init: Callable[[], Any]) -> None:
    """Not one for each of its letters."""
    with init() as run:
        run.tags = "abc"
        assert run.tags == ("abc",)


def test_settings_reach_the_server(wandb_server: LocalServer) -> None:
    """name, notes, tags, group, job_type, run_id."""
    run_on(wandb_server, name="n", notes="text", tags=["a"], group="g", job_type="train", run_id="my-id").finish()
    (run,) = wandb_server.runs
    assert (run.id, run.display_name, run.notes, run.tags, run.group, run.job_type) == (
        "my-id",
        "n",
        "text",
        ["a"],
        "g",
        "train",
    )


def test_a_wrong_setting_raises() -> None:
    """new_run checks like the handler."""
    with pytest.raises(SettingsError, match="late_step"):
        new_run("p", late_stepz="shift")  # type: ignore[call-arg]


# --- rows, config, files ---


def test_log_config_and_files_arrive(wandb_server: LocalServer, tmp_path: Path) -> None:
    """log, update_config, upload_file, upload_files, finish."""
    (tmp_path / "model.bin").write_bytes(b"\0" * 1000)
    Path("sub").mkdir()
    Path("sub/notes.txt").write_text("hello")
    run = run_on(wandb_server, config={"a": 1, "keep": True})
    run.log({"x": 1})
    run.log({"x": 2}, step=10)
    run.update_config({"a": 2}, b={"c": 3})
    run.upload_file(tmp_path / "model.bin")
    run.upload_files(["sub/notes.txt"])
    report = run.finish()
    assert (report.ok, report.rows, report.files, report.finished, report.exit_code) == (True, 2, 2, True, 0)
    (stored,) = wandb_server.runs
    assert [row["_step"] for row in stored.history] == [0, 10]
    assert stored.config == {"a": 2, "keep": True, "b": {"c": 3}}
    assert run.config == stored.config
    assert stored.files["model.bin"] == b"\0" * 1000
    assert stored.files["sub/notes.txt"] == b"hello"
    assert {"model.bin", "sub/notes.txt"} <= set(stored.uploaded)


def test_what_is_set_in_the_config_is_set_in_the_run(wandb_server: LocalServer) -> None:
    """As an item, by `update` and its like; a copy is one's own."""
    with run_on(wandb_server, config={"a": 1, "deep": {"b": 1}}) as run:
        run.config["lr"] = 0.1
        run.config.update({"c": [1]}, d=2)
        assert run.config.setdefault("e", 5) == run.config.setdefault("e", 6) == 5
        run.config |= {"f": 7}
        run.config = {"g": 8}
        mine = copy.deepcopy(run.config)
        mine["h"] = 9
        assert type(pickle.loads(pickle.dumps(run.config))) is dict
        for take_out in (run.config.pop, run.config.__delitem__):
            with pytest.raises(LogError, match="cannot be taken out"):
                take_out("a")
        expected = {"a": 1, "deep": {"b": 1}, "lr": 0.1, "c": [1], "d": 2, "e": 5, "f": 7, "g": 8}
        assert run.config == expected
    assert wandb_server.runs[0].config == expected


@pytest.mark.not_quick
def test_a_changed_config_goes_when_it_has_been_quiet(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name and definitions likewise: long before the next send, whole, several changes in one (protocol 3.1)."""
    monkeypatch.setattr(schedule, "QUIET", 0.3)
    with run_on(wandb_server, flush_interval=3600, heartbeat_interval=3600, config={"a": 1}) as run:
        run.log({"x": 1})
        assert run.flush(PATIENCE).ok
        run.update_config(b=2)
        run.update_config(c=3)
        wandb_server.wait_for(lambda: wandb_server.runs[0].config == {"a": 1, "b": 2, "c": 3})
        run.name = "new"
        run.define_metric("x", summary="min")
        wandb_server.wait_for(lambda: wandb_server.runs[0].display_name == "new")
        assert [item["1"] for item in wandb_server.runs[0].wandb_config["m"]] == ["x"]
        assert len(wandb_server.runs[0].upserts) == 3


def test_the_last_line_has_the_name_that_the_run_has_then(
    wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Under the old one nobody finds it."""
    with run_on(wandb_server, name="old") as run:
        run.log({"x": 1})
        run.name = "new"
    assert wandb_server.runs[0].display_name == "new"
    assert caplog.records[-1].getMessage() == f"run new finished: {run.url}"


def test_a_run_that_goes_on_has_the_name_it_was_given(
    wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The last one, also in the line with its address; and without a server that of its beginning."""
    with run_on(wandb_server, run_id="r", name="old") as run:
        run.log({"x": 1})
        run.name = "new"
    caplog.clear()
    with run_on(wandb_server, run_id="r", resume="must") as run:
        run.log({"x": 2})
        assert run.flush(PATIENCE).ok
        assert run.name == "new"
    assert caplog.records[0].getMessage() == f"run new: {run.url}"
    for name in ("first", None):
        with new_run("p", run_id="o", mode="offline", resume="allow", name=name) as run:
            assert run.name == "first"


def test_a_file_is_what_it_was_when_it_was_added(wandb_server: LocalServer) -> None:
    """It is copied before upload_file returns."""
    Path("a.txt").write_text("then")
    run = run_on(wandb_server)
    run.upload_file("a.txt", "kept/a.txt")
    Path("a.txt").write_text("later")
    run.finish()
    assert wandb_server.runs[0].files["kept/a.txt"] == b"then"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../b", "", "C:/x", "a\0b", "..\\x"])
def test_a_file_name_stays_inside_the_run(name: str) -> None:
    """Absolute, `..`, drives and NUL are refused."""
    Path("a.txt").write_text("x")
    with new_run("p", mode="offline", quiet=True) as run, pytest.raises(LogError):
        run.upload_file("a.txt", name)


def test_a_missing_file_is_said_at_once() -> None:
    """The method that was called raises."""
    with new_run("p", mode="offline", quiet=True) as run, pytest.raises(LogError, match=r"nowhere\.txt"):
        run.upload_file("nowhere.txt")


@pytest.mark.parametrize("metrics", [5, "loss", [("loss", 1)], None])
def test_metrics_must_be_a_mapping(metrics: Any) -> None:
    """Called on purpose, log raises."""
    with new_run("p", mode="offline", quiet=True) as run, pytest.raises(LogError, match="mapping"):
        run.log(metrics)


@pytest.mark.parametrize("step", [1.5, "3", True])
def test_a_step_must_be_a_whole_number(step: Any) -> None:
    """Called on purpose, log raises."""
    with new_run("p", mode="offline", quiet=True) as run, pytest.raises(LogError, match="whole number"):
        run.log({"x": 1}, step=step)


@pytest.mark.parametrize("code", ["x", 1.5, None, [1]])
def test_an_exit_code_must_be_a_whole_number(code: Any) -> None:
    """Called on purpose, finish raises, and the run goes on."""
    with new_run("p", mode="offline") as run:
        with pytest.raises(LogError, match="exit_code: expected a whole number"):
            run.finish(code)
        run.log({"x": 1})


def test_flags_and_scalars_are_exit_codes(wandb_server: LocalServer) -> None:
    for code in (True, np.int64(3)):
        new_run("p", name=str(int(code))).finish(code)
    assert [(run.display_name, run.exit_code) for run in wandb_server.runs] == [("1", 1), ("3", 3)]


def test_a_finished_run_takes_nothing_more() -> None:
    """And finishing twice is one end."""
    run = new_run("p", mode="offline", quiet=True)
    first = run.finish(exit_code=4)
    assert run.finish() == first
    with pytest.raises(LogError, match="finished"):
        run.log({"x": 1})
    assert run.dir is not None
    assert read_run(run.dir).exit_code == 4


@pytest.mark.parametrize("fails", [True, False])
def test_a_with_block_finishes_the_run(wandb_server: LocalServer, fails: bool) -> None:
    """Exit code 1 when an exception leaves it."""

    def block() -> None:
        with run_on(wandb_server) as run:
            run.log({"x": 1})
            if fails:
                raise RuntimeError("oops")

    if fails:
        with pytest.raises(RuntimeError):
            block()
    else:
        block()
    (stored,) = wandb_server.runs
    assert (stored.exit_code, stored.state) == ((1, "failed") if fails else (0, "finished"))


# --- online, offline, auto-sync ---


def test_turning_offline_mode_on_and_off_loses_and_repeats_nothing(wandb_server: LocalServer) -> None:
    """enable_offline_mode, disable_offline_mode: one journal, one way."""
    run = run_on(wandb_server)
    for i in range(10):
        run.log({"x": i})
    run.flush(PATIENCE)
    run.enable_offline_mode()
    for i in range(10, 20):
        run.log({"x": i})
    assert run.flush().remaining == run.queue_length == 10
    assert values(wandb_server) == list(range(10))
    assert run.mode == "offline"
    run.disable_offline_mode()
    for i in range(20, 30):
        run.log({"x": i})
    assert run.finish().ok
    assert values(wandb_server) == list(range(30))


def test_offline_mode_with_an_interval_syncs_in_the_background(wandb_server: LocalServer) -> None:
    """enable_offline_mode(flush_interval=...)."""
    run = new_run("p", session=Session(wandb_server.api_key, wandb_server.url), mode="offline", quiet=True)
    run.log({"x": 1})
    assert wandb_server.runs == []
    run.enable_offline_mode(flush_interval=0.01)
    wandb_server.wait_for(lambda: bool(wandb_server.runs) and values(wandb_server) == [1])
    run.log({"x": 2})
    wandb_server.wait_for(lambda: values(wandb_server) == [1, 2])
    run.finish()


def test_cached_logs_can_be_uploaded_at_any_time(wandb_server: LocalServer) -> None:
    """upload_cached_logs sends what waits and stays offline."""
    run = new_run("p", session=Session(wandb_server.api_key, wandb_server.url), mode="offline", quiet=True)
    run.log({"x": 1})
    report = run.upload_cached_logs(timeout=PATIENCE)
    assert (report.ok, report.remaining, values(wandb_server)) == (True, 0, [1])
    run.log({"x": 2})
    assert run.queue_length == 1
    run.finish()
    assert values(wandb_server) == [1]
    (report,) = sync(run.dir or "", session=Session(wandb_server.api_key))
    assert report.ok
    assert values(wandb_server) == [1, 2]


def test_a_batch_is_at_most_so_large(wandb_server: LocalServer) -> None:
    """batch_size lines a request."""
    run = run_on(wandb_server, batch_size=7, mode="offline", console=False, standard_files=False)
    for i in range(20):
        run.log({"x": i})
    run.upload_cached_logs(10)
    posts = [request for request in wandb_server.requests if request.path.endswith("file_stream")]
    assert len(posts) == 3
    run.finish()


@pytest.mark.slow
def test_whoever_flushes_all_the_time_keeps_the_servers_pace(wandb_server: LocalServer) -> None:
    """2 requests a second and run after 10 at once, by the server's clock: a flush waits for its turn."""
    wandb_server.check_rate = True
    run = run_on(wandb_server, flush_interval=0, console=False, standard_files=False)
    for i in range(12):
        run.log({"x": i})
        assert run.flush().remaining == 0
    assert run.finish().ok
    assert values(wandb_server) == list(range(12))
    assert wandb_server.violations == []


@pytest.mark.not_quick
def test_a_dead_server_costs_close_timeout_and_no_row() -> None:
    """Finish gives up in time, says what is left, and sync brings it later."""
    with LocalServer() as server:
        run = run_on(server, close_timeout=0.3)
        server.stop()
        run.log({"x": 1})
        report = run.finish()
    assert (report.ok, report.remaining, report.finished) == (False, 2, False)
    assert report.error is not None
    assert "cannot be reached" in report.error


def test_a_refused_key_keeps_journalling_and_a_new_one_is_taken_up(
    wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """401: one clear line; `wandb-logging login` (a netrc entry) while the program runs is enough."""
    from wandb_logging import login

    wandb_server.revoke_key(wandb_server.api_key)
    with new_run("p", host=wandb_server.url, api_key="b" * 40, mode="online") as run:
        run.log({"x": 1})
        report = run.flush(PATIENCE)
        assert report.remaining == 1
        assert "login" in (report.error or "")
        wandb_server.add_key("c" * 40)
        login(host=wandb_server.url, key="c" * 40)
        run.log({"x": 2})
        assert run.flush(PATIENCE).ok
    assert values(wandb_server) == [1, 2]
    lines = [record.getMessage() for record in caplog.records if "HTTP 401" in record.getMessage()]
    assert len(lines) == 1


def test_a_malformed_key_is_one_clear_line(wandb_server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """It is not sent anywhere; journalling goes on."""
    run = new_run("p", host=wandb_server.url, api_key="short", mode="online")
    run.log({"x": 1})
    report = run.finish(timeout=PATIENCE)
    assert report.remaining == 2
    assert "40+ characters" in (report.error or "")
    assert "Correct the setting api_key." in (report.error or "")  # no login would take its place
    assert wandb_server.requests == []
    assert not any("short" in record.getMessage() for record in caplog.records)


def test_the_server_may_ask_the_run_to_stop(wandb_server: LocalServer) -> None:
    """run.stopped and the callback on_stop, which may finish the run."""
    called: list[Run] = []
    done = threading.Event()

    def on_stop(run: Run) -> None:
        called.append(run)
        run.log({"last": 1})
        run.finish(exit_code=9)
        done.set()

    run = run_on(wandb_server, on_stop=on_stop)
    run.log({"x": 1})
    run.flush(PATIENCE)
    assert called == []
    wandb_server.stop_run(run.id)
    run.log({"x": 2})
    run.flush(PATIENCE)
    assert done.wait(PATIENCE)
    assert run.stopped
    assert called == [run]
    wandb_server.wait_for(lambda: wandb_server.runs[0].exit_code == 9)
    assert values(wandb_server, "last") == [1]


def test_where_nothing_can_be_locked_rows_are_only_written(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On a file system whose locks fail two could send at once: nobody does, and one line says what to do."""

    def refuse(_fd: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_lock", refuse)
    run = new_run("p", mode="online")
    run.log({"loss": 1.0})
    run.finish()
    assert run.dir is not None
    assert caplog.messages[0] == (
        f"{run.dir} cannot be locked (No locks available), and without a lock two could send it at once: rows are only "
        f"written. Set cache_dir to a disk that has locks"
    )
    assert wandb_server.requests == []
    assert len(read_run(run.dir).rows) == 1


@pytest.mark.not_quick
def test_a_heartbeat_says_that_the_run_is_alive(wandb_server: LocalServer) -> None:
    """After heartbeat_interval without a request."""
    run = run_on(wandb_server, heartbeat_interval=1, flush_interval=0.05)
    run.log({"x": 1})
    wandb_server.wait_for(lambda: bool(wandb_server.runs) and wandb_server.runs[0].heartbeats > 0)
    run.finish()


def test_gzip_is_used_when_the_server_offers_it(wandb_server: LocalServer) -> None:
    """Fewer bytes, the same rows."""
    wandb_server.features.add("FILESTREAM_GZIP")
    with run_on(wandb_server) as run:
        for i in range(500):
            run.log({"x": i})
    assert values(wandb_server) == list(range(500))
    assert any(request.headers.get("Content-Encoding") == "gzip" for request in wandb_server.requests)


def test_structured_lines_when_the_server_offers_them(wandb_server: LocalServer) -> None:
    """STRUCTURED_CONSOLE_LOGS: one JSON object a line, level for errors only."""
    import json
    import logging

    from wandb_logging import WandbHandler

    wandb_server.features.add("STRUCTURED_CONSOLE_LOGS")
    handler = WandbHandler(project="p", mode="online", quiet=True)
    log = logging.getLogger("train")
    log.addHandler(handler)
    log.warning("careful")
    log.error("bad")
    handler.close()
    lines = [json.loads(line) for line in wandb_server.runs[0].output]
    assert [(line["content"], line.get("level")) for line in lines] == [
        ("WARNING:train:careful", None),
        ("ERROR:train:bad", "error"),
    ]


def test_disabled_does_nothing() -> None:
    """Every method works, nothing is made."""
    with new_run("p", mode="disabled") as run:
        run.log({"x": 1})
        run.update_config(a=1)
        assert run.flush().ok
        assert run.dir is None
    assert not Path("wandb_cache").exists()


def test_two_runs_of_one_id_do_not_share_a_directory() -> None:
    """Without resume the second begins anew, beside the first, which has ended."""
    first = new_run("p", run_id="same", mode="offline", quiet=True)
    first.finish()
    second = new_run("p", run_id="same", mode="offline", quiet=True)
    assert first.id == second.id
    assert first.dir != second.dir
    second.finish()


def test_the_files_of_a_beginning_are_told_together(wandb_server: LocalServer) -> None:
    """What describes the machine and its packages are two files, sent one after the other and told in one request."""
    run = new_run("p")
    run.log({"loss": 0.5})
    run.flush()
    posts = [request.json() for request in wandb_server.requests if request.path.endswith("file_stream")]
    run.finish()
    assert [post["uploaded"] for post in posts if post.get("uploaded")] == [["wandb-metadata.json", "requirements.txt"]]
