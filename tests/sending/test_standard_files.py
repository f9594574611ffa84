"""Promises of the files each run has: complete; the same online, at a sync and after a crash; to be switched off."""

from __future__ import annotations

import errno
import importlib.metadata
import json
import logging
import math
import os
import platform
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.contract.twins import read_back, with_time_to_measure
from tests.patience import PATIENCE
from tests.started import printed
from tests.surroundings import without
from wandb_logging import Session, SettingsError, WandbHandler, new_run, sync
from wandb_logging._events.file_names import STANDARD_FILES
from wandb_logging._journal.bounded_copies import BoundedCopies
from wandb_logging._journal.copies import Copies, place_of
from wandb_logging._journal.rundir import RunDir
from wandb_logging._process import metadata as _metadata
from wandb_logging._sending import standard_files, yaml as _yaml
from wandb_logging._settings.settings import Settings
from wandb_logging.testing import LocalServer

yaml = pytest.importorskip("yaml")


def handler(server: LocalServer, **settings: Any) -> WandbHandler:
    keys: dict[str, Any] = {"host": server.url, "api_key": server.api_key, "quiet": True}
    return WandbHandler(project="p", config={"lr": 0.1, "net": {"width": [1, None]}}, **keys, **settings)


def work(handler: WandbHandler) -> None:
    """Something for each of the files."""
    log = logging.getLogger("work")
    log.addHandler(handler)
    log.error("first %s", "ä", extra={"metrics": {"loss": float("nan")}})
    log.warning("two\nlines", extra={"metrics": {"loss": 0.25}})
    handler.run.update_config(later=True)
    handler.close()


OUTPUT = "ERROR:work:first ä\nWARNING:work:two\nlines\n"


def check(server: LocalServer) -> None:
    """What `work` leaves on a server."""
    (run,) = server.runs
    assert run.files.keys() == set(STANDARD_FILES)
    assert set(run.uploaded) == set(STANDARD_FILES)
    assert yaml.safe_load(run.files["config.yaml"]) == json.loads(run.config_json)
    assert run.config == {"lr": 0.1, "net": {"width": [1, None]}, "later": True}
    assert json.loads(run.files["wandb-summary.json"]) == run.summary
    assert run.files["output.log"].decode() == OUTPUT
    about = json.loads(run.files["wandb-metadata.json"])
    assert run.wandb_config["e"] == {about["writerId"]: about}
    assert f"pytest=={importlib.metadata.version('pytest')}\n".encode() in run.files["requirements.txt"]


class TestWhatIsThere:
    def test_online(self, wandb_server: LocalServer) -> None:
        """All of them, made of what the server has."""
        work(handler(wandb_server))
        check(wandb_server)
        assert wandb_server.runs[0].state == "finished"

    @pytest.mark.parametrize("features", [[], ["STRUCTURED_CONSOLE_LOGS"]])
    def test_synced(self, features: list[str]) -> None:
        """The same from an offline run, whichever form the server wants text in."""
        with LocalServer(features=features) as server:
            offline = handler(server, mode="offline")
            work(offline)
            assert offline.run.dir is not None
            sync(offline.run.dir, session=Session(server.api_key, server.url))
            check(server)
            assert server.violations == []

    @pytest.mark.not_quick
    def test_after_a_crash(self, wandb_server: LocalServer, tmp_path: Path) -> None:
        """The same of a process that was killed: what only it knew it had written down."""
        code = f"""
            import logging, os, signal, wandb_logging
            handler = wandb_logging.WandbHandler(project="p", mode="offline", cache_dir={str(tmp_path / "cache")!r})
            log = logging.getLogger("work")
            log.addHandler(handler)
            log.error("first", extra={{"metrics": {{"loss": 1}}}})
            handler.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        """
        if sys.platform == "win32":
            pytest.skip("no SIGKILL on Windows")
        subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True)
        sync(tmp_path / "cache", session=Session(wandb_server.api_key, wandb_server.url))
        (run,) = wandb_server.runs
        assert run.state == "failed"
        assert run.files.keys() == set(STANDARD_FILES)
        assert run.files["output.log"] == b"ERROR:work:first\n"

    def test_soon(self, wandb_server: LocalServer) -> None:
        """What the process runs on is there soon after the start, the others at the end."""
        with new_run("p", session=Session(wandb_server.api_key, wandb_server.url), quiet=True) as run:
            run.log({"loss": 1})
            assert run.flush(PATIENCE).ok
            run.flush(PATIENCE)
            assert set(wandb_server.runs[0].files) == {"wandb-metadata.json", "requirements.txt"}

    def test_not_in_the_calling_thread(self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """The first record does not wait for it."""
        threads = set()

        def requirements(_: object) -> str:
            threads.add(threading.get_ident())
            return ""

        monkeypatch.setattr(_metadata, "requirements", requirements)
        work(handler(wandb_server))
        assert threads
        assert threading.get_ident() not in threads

    def test_the_end_does_not_pause_for_the_program(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Packages are read with pauses for the program, and without once it only waits for its run's end."""
        until = time.monotonic() + PATIENCE

        def requirements(breath: Callable[[], float]) -> str:
            pauses.append(breath())
            begun.set()
            while breath() and time.monotonic() < until:
                pass
            pauses.append(breath())
            return ""

        pauses, begun = list[float](), threading.Event()
        monkeypatch.setattr(_metadata, "requirements", requirements)
        run = new_run("p", mode="offline", quiet=True)
        assert begun.wait(PATIENCE)
        run.finish()
        assert pauses[0] > 0
        assert pauses[1] == 0

    def test_packages_are_read_without_a_pause(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where no time is given to the program, none is slept."""
        slept = list[float]()
        monkeypatch.setattr(time, "sleep", slept.append)
        _metadata.requirements(lambda: 0.0)
        assert slept == []
        _metadata.requirements(lambda: 0.25)
        assert set(slept) == {0.25}

    def test_no_text(self, wandb_server: LocalServer) -> None:
        """Without text there is no output.log."""
        with new_run("p", session=Session(wandb_server.api_key, wandb_server.url), quiet=True) as run:
            run.log({"loss": 1})
        assert set(wandb_server.runs[0].files) == set(STANDARD_FILES) - {"output.log"}

    def test_not_counted(self, wandb_server: LocalServer) -> None:
        """A report counts the program's own files."""
        run = new_run("p", session=Session(wandb_server.api_key, wandb_server.url), quiet=True)
        run.log({"loss": 1})
        assert run.finish().files == 0

    def test_storage_refuses(self, wandb_server: LocalServer) -> None:
        """A storage that takes none of them neither costs rows nor the end, and sets nothing of the program's aside."""
        wandb_server.fail_always(status=400, where="storage")
        run = new_run("p", session=Session(wandb_server.api_key, wandb_server.url), quiet=True)
        run.log({"loss": 1})
        report = run.finish()
        assert (report.finished, report.rows, report.set_aside) == (True, 1, 0)

    def test_full_disk(self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """A disk that refuses them costs them only."""

        def full(*_: object) -> str:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Copies, "keep", full)
        monkeypatch.setattr(Copies, "append", full)
        run = new_run("p", session=Session(wandb_server.api_key, wandb_server.url), quiet=True, mode="offline")
        run.log({"loss": 1})
        logging.getLogger("work").addHandler(WandbHandler(run=run))
        logging.getLogger("work").error("text")
        run.finish()
        assert run.dir is not None
        (report,) = sync(run.dir, session=Session(wandb_server.api_key, wandb_server.url))
        assert (report.finished, report.rows, report.lines, wandb_server.runs[0].files) == (True, 1, 1, {})

    def test_no_run_directory(self, wandb_server: LocalServer) -> None:
        """Nor are there any without a run directory."""
        Path("file").write_text("no folder")
        work(handler(wandb_server, cache_dir="file/cache"))
        (run,) = wandb_server.runs
        assert (run.files, run.state, len(run.history)) == ({}, "finished", 2)


class TestSetting:
    @pytest.mark.parametrize(
        ("setting", "expected"),
        [(False, set()), (["config.yaml", "output.log"], {"config.yaml", "output.log"}), ([], set())],
    )
    def test_switched_off(self, wandb_server: LocalServer, setting: Any, expected: set[str]) -> None:
        """Each can be switched off."""
        work(handler(wandb_server, standard_files=setting))
        assert set(wandb_server.runs[0].files) == expected
        assert next(iter(wandb_server.runs[0].wandb_config["e"].values())).keys() == {"writerId"}

    @pytest.mark.parametrize("setting", ["config.yml", ["config.yml"], 3])
    def test_wrong(self, setting: Any) -> None:
        """Another name is an error that lists the right ones."""
        with pytest.raises(SettingsError, match=r"config\.yaml, wandb-metadata\.json"):
            Settings(standard_files=setting)


class TestOutput:
    @given(st.data())
    def test_edits(self, data: st.DataObject) -> None:
        """Lines that change later have their last text in the file, whatever a crash repeats."""
        text = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\n"), max_size=5)
        with tempfile.TemporaryDirectory() as folder:
            run_dir = RunDir(Path(folder))
            expected: list[str] = []
            size = 0
            for _ in range(data.draw(st.integers(0, 5))):
                new = data.draw(st.lists(text, max_size=4))
                edits = data.draw(st.dictionaries(st.integers(1, len(expected)), text)) if expected else {}
                for place, line in edits.items():
                    expected[-place] = line
                expected += new
                stamped = {place: f"2026-01-02T03:04:05.000000 {line}" for place, line in edits.items()}
                lines = [f"ERROR 2026-01-02T03:04:05.000000 {line}" for line in new]
                if data.draw(st.booleans()):
                    standard_files.keep_output(
                        BoundedCopies(run_dir), size, [[*lines, "2026-01-02T03:04:05.000000 lost"]], {}
                    )
                size = standard_files.keep_output(BoundedCopies(run_dir), size, [lines], stamped)
            kept = Path(folder) / place_of("output.log")
            assert (kept.read_bytes().decode() if expected or kept.exists() else "") == "".join(
                f"{line}\n" for line in expected
            )

    @pytest.mark.not_quick
    def test_progress_bar(self, wandb_server: LocalServer) -> None:
        """Captured output reads as the terminal showed it at the end."""
        code = """
            import os, sys, wandb_logging
            with wandb_logging.new_run("p", capture_output=True, quiet=True) as run:
                print("before")
                for number in range(3):
                    sys.stderr.write(f"\\r{number} of 3")
                    sys.stderr.flush()
                    run.flush(300)
                print()
                print("after")
        """
        printed(code, env={**os.environ, **wandb_server.env()})
        assert wandb_server.runs[0].files["output.log"].decode().split("\n")[:2] == ["before", "2 of 3"]


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(blacklist_categories=["Cs"]))
    | st.sampled_from(["yes", "1", "1e5", "0x1f", "2020-01-01", "null", "~", "-", "a: b", "# c", " a", "a ", "=", "<<"])
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


class TestYAML:
    @given(st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"]), max_size=8), _TREES, max_size=5))
    def test_round_trip(self, tree: dict[str, Any]) -> None:
        """PyYAML reads back what was written."""
        assert repr(yaml.safe_load(_yaml.dump(tree))) == repr(_sorted(tree))

    def test_long_key(self) -> None:
        """A key beyond what YAML takes as a simple one is written as a complex one."""
        tree = {"k" * 1500: {"a": [1]}, "l" * 1500: 2}
        assert yaml.safe_load(_yaml.dump(tree)) == tree

    def test_style(self) -> None:
        """It reads like the official SDK's."""
        tree = {"lr": {"value": 1e-05}, "l": {"value": [1, None, {"a": 2, "b": []}]}, "s": {"value": "a: b"}, "3": {}}
        assert _yaml.dump(tree) == textwrap.dedent("""\
            "3": {}
            l:
                value:
                    - 1
                    - null
                    - a: 2
                      b: []
            lr:
                value: 1.0e-05
            s:
                value: "a: b"
        """)

    @pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
    def test_not_finite(self, value: float) -> None:
        """Non-finite numbers are numbers."""
        assert repr(yaml.safe_load(_yaml.dump({"a": value}))) == repr({"a": value})


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


class TestEnvironment:
    def test_content(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the official SDK says of where a run runs, under its names (protocol 6.3)."""
        monkeypatch.setattr(sys, "argv", ["train.py", "--x", "1"])
        about = _metadata.environment(1_700_000_000.25, "train.py", "w")
        assert about["startedAt"] == "2023-11-14T22:13:20.250000Z"
        assert (about["args"], about["writerId"], about["executable"]) == (["--x", "1"], "w", sys.executable)
        assert about["program"] == str(Path.cwd() / "train.py")
        assert about["root"] == str(Path.cwd())
        assert about["cpu_count_logical"] == os.cpu_count()
        assert 1 <= about["cpu_count"] <= about["cpu_count_logical"]
        (disk,) = about["disk"].values()
        assert int(disk["total"]) >= int(disk["used"]) > 0

    def test_what_cannot_be_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a system does not tell is left out."""

        def refuse(*_: object) -> Any:
            raise OSError("not here")

        monkeypatch.setattr(socket, "gethostname", refuse)
        monkeypatch.setattr(Path, "cwd", refuse)
        monkeypatch.setattr(_metadata, "_cpuinfo", str)
        monkeypatch.setattr(platform, "processor", str)
        about = _metadata.environment(0.0, "", "w")
        assert {"host", "root", "disk", "program", "cpu"}.isdisjoint(about)
        assert about["cpu_count"] == os.cpu_count()

    def test_cores(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two threads of one core are one core; a second socket has its own."""
        entry = "processor\t: {}\nmodel name\t: Fast\nphysical id\t: {}\nsiblings\t: 4\ncore id\t\t: {}\nflags\t: a\n\n"
        places = [(0, 0), (0, 1), (0, 0), (0, 1), (1, 0)]
        info = "".join(entry.format(number, *place) for number, place in enumerate(places))
        monkeypatch.setattr(_metadata, "_cpuinfo", lambda: info)
        about = _metadata.environment(0.0, "", "w")
        assert (about["cpu_count"], about["cpu"]) == (3, {"model": "Fast"})

    def test_requirements(self) -> None:
        """Each installed package once, sorted, as pip would take it."""
        lines = _metadata.requirements(lambda: 0.0).splitlines()
        names = [line.split("==")[0] for line in lines]
        assert names == sorted(set(names), key=str.lower)
        assert f"hypothesis=={importlib.metadata.version('hypothesis')}" in lines

    def test_broken_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A package without a name is left out."""
        for name in ("broken.dist-info", "empty.dist-info"):
            Path("packages", name).mkdir(parents=True)
        Path("packages", "broken.dist-info", "METADATA").write_text(
            "Metadata-Version: 2.1\n\nName: in the description\n"
        )
        monkeypatch.setattr(sys, "path", ["packages", "not there"])
        assert _metadata.requirements(lambda: 0.0) == ""

    def test_another_version_is_told_of(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process may install packages between two runs, as a notebook does."""
        monkeypatch.setattr(sys, "path", ["packages"])
        about = Path("packages", "one.egg-info", "PKG-INFO")
        about.parent.mkdir(parents=True)
        about.write_bytes(b"Name: one\r\nVersion: 1.0 \r\n\r\nVersion: of the description\r\n")
        assert _metadata.requirements(lambda: 0.0) == _metadata.requirements(lambda: 0.0) == "one==1.0\n"
        about.write_bytes(b"Name: one\nVersion: 1.10\n")
        assert _metadata.requirements(lambda: 0.0) == "one==1.10\n"
        about.unlink()
        assert _metadata.requirements(lambda: 0.0) == ""

    @pytest.mark.parametrize("size", [10, 2000, 2040, 2048, 5000])
    def test_a_version_far_down(self, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Name and version are found wherever they are."""
        monkeypatch.setattr(sys, "path", ["packages"])
        about = Path("packages", "one.dist-info", "METADATA")
        about.parent.mkdir(parents=True)
        about.write_text(f"Name: one\nSummary: {'s' * size}\nVersion: 1.23.456\n\nName: in the description\n")
        assert _metadata.requirements(lambda: 0.0) == "one==1.23.456\n"

    def test_requirements_are_what_importlib_finds(self) -> None:
        """By another way, because theirs imports, and this is done on a thread of ours."""
        theirs = {f"{each.metadata['Name']}=={each.version}" for each in importlib.metadata.distributions()}
        assert set(_metadata.requirements(lambda: 0.0).splitlines()) == theirs

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is said in other words")
    def test_the_system_is_what_platform_says(self) -> None:
        """By another way, because theirs starts a process."""
        assert _metadata._system() == platform.platform(aliased=True)


@pytest.mark.contract
class TestAsTheOfficialSDK:
    def test_metadata(self, tmp_path: Path) -> None:
        """The metadata say what the official SDK's say, with the same values, for the same process."""
        pytest.importorskip("wandb")
        code = """
            import wandb, wandb_logging
            for module in (wandb, wandb_logging):
                start = module.init if module is wandb else module.new_run
                with start(project="p", config={"a": [1, {"b": None}], "c": "x: y"}) as run:
                    run.log({"x": 1})
        """

        def attempt(number: int) -> dict[str, Any]:
            """What the server has of the official SDK's run, and of both."""
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "train.py").write_text(textwrap.dedent(code))
            with LocalServer() as server:
                own = {"WANDB_DIR": str(folder), "WANDB_SILENT": "true", **server.env()}
                command = [sys.executable, str(folder / "train.py"), "--x", "1"]
                environment = {**without("WANDB_"), **own}
                done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
                assert done.returncode == 0, done.stderr
                theirs, ours = server.runs
                return {**read_back(theirs, folder), "both": (theirs.files, ours.files)}

        theirs, ours = with_time_to_measure(attempt)["both"]
        # The code's own path is only given where code is saved; the times and the writer are each run's own.
        left_out = {"codePath", "codePathLocal", "startedAt", "writerId", "disk", "git", "email", "gpu"}
        about = [
            {key: value for key, value in json.loads(files["wandb-metadata.json"]).items() if key not in left_out}
            for files in (theirs, ours)
        ]
        assert about[0] == about[1]
        config = [yaml.safe_load(files["config.yaml"]) for files in (theirs, ours)]
        assert [{key: tree[key] for key in ("a", "c")} for tree in config] == [
            {"a": {"value": [1, {"b": None}]}, "c": {"value": "x: y"}}
        ] * 2
        assert set(ours["requirements.txt"].split()) == set(theirs["requirements.txt"].split())
        assert ours.keys() == theirs.keys() - {"output.log"}
