"""Every key of a handler entry: what it takes, what it refuses and how it says so, where its default comes from."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import logging
import logging.config
import math
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from wandb_logging import Settings, SettingsError, WandbHandler
from wandb_logging._events.file_names import STANDARD_FILES
from wandb_logging._events.metrics import Metric
from wandb_logging._settings import hints as _hints, schema as _schema
from wandb_logging._settings.settings import SETTINGS

KEYS = list(SETTINGS)

RIGHT: dict[str, list[tuple[Any, Any]]] = {
    "project": [("digits", "digits"), ("a b.c", "a b.c"), ("x" * 128, "x" * 128)],
    "entity": [("team", "team")],
    "name": [("my run", "my run")],
    "run_id": [("a1-b_2", "a1-b_2")],
    "notes": [("two\nlines", "two\nlines")],
    "tags": [(["a", "b", "a"], ("a", "b")), (("x" * 64,), ("x" * 64,)), ([], ()), ("a, b", ("a, b",))],
    "group": [("g", "g")],
    "job_type": [("train", "train")],
    "config": [({"a": {"b": 1}}, {"a": {"b": 1}}), ({1: 2}, {"1": 2}), (argparse.Namespace(lr=1), {"lr": 1})],
    "mode": [
        ("auto", "auto"),
        ("online", "online"),
        ("offline", "offline"),
        ("disabled", "disabled"),
        ("OFFLINE", "offline"),
        ("dryrun", "offline"),
    ],
    "cache_dir": [("runs", Path("runs")), (Path("/x"), Path("/x"))],
    "flush_interval": [(0, 0.0), (2.5, 2.5), (math.inf, threading.TIMEOUT_MAX)],
    "heartbeat_interval": [(30, 30.0)],
    "host": [("https://wandb.example/", "https://wandb.example"), ("http://127.0.0.1:80/x", "http://127.0.0.1:80/x")],
    "app_url": [("https://wandb.example", "https://wandb.example")],
    "api_key": [("k" * 40, "k" * 40)],
    "resume": [("allow", "allow"), ("must", "must"), ("never", "never"), ("auto", "auto")],
    "metrics_key": [("wandb", "wandb")],
    "step_key": [("epoch", "epoch")],
    "dict_message": [(True, True)],
    "dict_args": [(True, True)],
    "late_steps": [("shift", "shift"), ("Shift", "shift"), ("error", "error"), ("drop", "drop")],
    "late_step_metric": [("epoch", "epoch")],
    "define_metrics": [
        ([], ()),
        ([{"name": "val/*", "step_metric": "epoch"}], (Metric("val/*", "epoch", step_sync=True),)),
        ([Metric("a")], (Metric("a"),)),
    ],
    "console": [(True, True), (False, False), ("WARNING", 30), (10, 10), (0, True), ("NOTSET", True)],
    "fsync": [("interval", "interval"), ("always", "always"), ("never", "never")],
    "close_timeout": [(0, 0.0), (math.inf, threading.TIMEOUT_MAX)],
    "request_timeout": [(0.1, 0.1)],
    "batch_size": [(1, 1)],
    "batch_bytes": [(1024, 1024)],
    "segment_bytes": [(4096, 4096)],
    "memory_bytes": [(1024, 1024)],
    "gzip": [(False, False)],
    "standard_files": [(True, STANDARD_FILES), (False, ()), ("output.log", ("output.log",))],
    "signals": [("SIGTERM", ("SIGTERM",)), (["SIGINT", "SIGINT"], ("SIGINT",))],
    "secret_names": [("*_dsn", ("*_dsn",))],
    "exit_hooks": [(False, False)],
    "quiet": [(True, True)],
}

WRONG: dict[str, list[Any]] = {
    "project": [" ", 5, "a/b", "a:b", "x" * 129, ".hidden", ".."],
    "entity": [" ", 5],
    "name": [" ", 5],
    "run_id": [" a", "a/b", "a:b", "x" * 65, "..", "a\\b", "a\0b", 'a"b'],
    "notes": [" ", 5],
    "tags": [[1], [""], ["x" * 65], {"a"}, 5],
    "group": [" ", 5],
    "job_type": [" ", 5],
    "config": [5, "text", [1], [("a", 1)]],
    "mode": ["on", 5, True, ["online"]],
    "cache_dir": [5],
    "flush_interval": [-1, "15", True, math.nan, [1]],
    "heartbeat_interval": [0, "30"],
    "host": [
        *("wandb.ai", "ftp://x", "https://", "https://wandb.ai", 5),
        *("http://[::1", "http://h:99999", "http://h:x", "http://h/a b", "http://:80", "http://h?x"),
    ],
    "app_url": ["wandb.ai", 5],
    "api_key": [" ", 5, ["k"]],
    "resume": ["yes", True],
    "metrics_key": [" ", 5, *vars(logging.makeLogRecord({})), "message", "asctime", "taskName"],
    "step_key": [" ", 5, "name", "metrics"],
    "dict_message": ["yes", 1],
    "dict_args": ["yes", 1],
    "late_steps": ["shfit", True],
    "late_step_metric": [5, " "],
    "define_metrics": [
        5,
        "loss",
        ["loss"],
        {"name": "loss"},
        [{}],
        [{"name": "a*b"}],
        [{"name": "a", "sumary": "min"}],
        [{"name": "a", "summary": "best"}],
        [{"name": "a", "hidden": "yes"}],
    ],
    "console": ["LOUD", -1, 1.5, []],
    "fsync": ["sometimes", False],
    "close_timeout": [-1, "10", math.nan],
    "request_timeout": [0, "30"],
    "batch_size": [0, 1.5, True, "10"],
    "batch_bytes": [1023],
    "segment_bytes": [4095],
    "memory_bytes": [0],
    "gzip": [1, "no"],
    "standard_files": ["secrets.txt", [5], 5],
    "signals": ["SIGKILL", ["TERM"], True],
    "exit_hooks": [0, "no"],
    "quiet": [1, "no"],
}


def pairs(table: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(key, value, id=f"{key}-{i}") for key, values in table.items() for i, value in enumerate(values)
    ]


simple = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
anything = simple | st.lists(simple | st.lists(simple)) | st.dictionaries(st.text(), simple)


class TestKeys:
    def test_the_keys_the_issue_names(self) -> None:
        """They are fixed: dictConfig files hold them."""
        fixed = """project entity name run_id notes tags group job_type config mode cache_dir flush_interval host
            api_key resume metrics_key step_key console fsync close_timeout"""
        assert set(fixed.split()) <= set(KEYS)

    @pytest.mark.parametrize(("key", "pair"), pairs(RIGHT))
    def test_takes(self, key: Any, pair: Any) -> None:
        value, kept = pair
        assert getattr(Settings.of({key: value}), key) == kept

    @pytest.mark.parametrize(("key", "value"), pairs(WRONG))
    def test_refuses(self, key: Any, value: Any) -> None:
        """A wrong value is a SettingsError, and a ValueError, that names the key and what is right."""
        with pytest.raises(SettingsError) as caught:
            Settings.of({key: value})
        assert isinstance(caught.value, ValueError)
        text = str(caught.value)
        assert text.startswith(f"{key}=")
        assert len(text.partition(": expected ")[2]) > 3
        assert key == "api_key" or repr(value) in text

    @pytest.mark.parametrize("key", KEYS)
    @given(value=anything)
    def test_any_value_is_taken_or_refused(self, key: Any, value: Any) -> None:
        """Nothing else is ever raised."""
        try:
            made = Settings.of({key: value})
        except SettingsError:
            return
        assert made == Settings.of({key: getattr(made, key)})

    @pytest.mark.parametrize(
        ("key", "near"),
        [
            ("projct", "project"),
            ("flush_intervall", "flush_interval"),
            ("jobtype", "job_type"),
            ("cachedir", "cache_dir"),
            ("Mode", "mode"),
            ("base_url", "host"),
            ("base-url", "host"),
            ("dir", "cache_dir"),
            ("id", "run_id"),
            ("run_name", "name"),
            ("team", "entity"),
            ("silent", "quiet"),
            ("offline", "mode"),
            ("dryrun", "mode"),
        ],
    )
    def test_an_unknown_key_finds_the_nearest(self, key: Any, near: Any) -> None:
        with pytest.raises(SettingsError, match=f"unknown setting '{key}' = 1; did you mean '{near}'"):
            Settings.of({key: 1})

    @pytest.mark.parametrize("key", ["lr", "learning_rate", "epochs", "optimizer", "Hidden_Size"])
    def test_what_belongs_into_the_config(self, key: Any) -> None:
        """With what to write."""
        with pytest.raises(SettingsError, match=f"belongs into 'config': config: {{{key}: 0.1}}"):
            Settings.of({key: 0.1})

    def test_any_slip_of_a_finger_finds_the_setting(self) -> None:
        """A letter left out, doubled, swapped with the next or mistaken, anywhere in any name."""
        for key in KEYS:
            slips = {
                slip
                for at in range(len(key))
                for slip in (
                    key[:at] + key[at + 1 :],
                    key[:at] + key[at] + key[at:],
                    key[:at] + key[at + 1 : at + 2] + key[at] + key[at + 2 :],
                    key[:at] + "x" + key[at + 1 :],
                )
            }
            for slip in slips - set(KEYS) - set(_hints._CALLED) - _hints._HYPERPARAMETERS:
                assert f"{key!r}" in _hints.unknown(slip, "1", KEYS)

    @pytest.mark.not_quick
    def test_no_setting_of_the_official_sdk_is_taken_for_a_value_of_the_program(self) -> None:
        """Nor for a setting that only looks alike, as `recover` does to `save_code`."""
        wandb = pytest.importorskip("wandb")
        theirs = {*wandb.Settings.model_fields, *inspect.signature(wandb.init).parameters} - set(KEYS)
        said = {name: _hints.unknown(name, "1", KEYS) for name in theirs}
        assert [name for name, text in said.items() if "of your program" in text] == []
        meant = {name: near for name in theirs if (near := _hints.nearest(name, KEYS)) and "did you mean" in said[name]}
        alike = {name: near for name, near in meant.items() if name not in _hints._CALLED}
        assert all(near.split("_")[0].rstrip("s") in name for name, near in alike.items()), alike

    @pytest.mark.parametrize("name", ["save_code", "verify", "strict", "reinit", "http_proxy", "filename", "log_level"])
    def test_what_looks_like_nothing_is_taken_for_nothing(self, name: str) -> None:
        """No setting is named where none does what is wanted."""
        assert "did you mean" not in _hints.unknown(name, "1", KEYS)

    @pytest.mark.parametrize("name", ["settings", "kwargs"])
    def test_settings_in_a_mapping_of_their_own(self, name: str) -> None:
        """They stand beside the class, as those of any handler do; it is not the run's config that was meant."""
        with pytest.raises(SettingsError, match="a setting stands beside the class of the handler"):
            Settings.of({name: {"project": "digits"}})

    def test_every_hint_leads_to_a_setting(self) -> None:
        """And stands for none that there is."""
        assert set(_hints._CALLED.values()) <= set(KEYS)
        assert not {*_hints._CALLED, *_hints._WITHOUT, *_hints._OF_THE_SDK} & set(KEYS)
        assert not set(_hints._CALLED) & set(_hints._WITHOUT)
        assert not _hints._HYPERPARAMETERS & set(KEYS)

    def test_a_tilde_is_the_home(self) -> None:
        assert Settings(cache_dir="~/runs").cache_dir == Path.home() / "runs"

    def test_an_unknown_key_far_from_all(self) -> None:
        with pytest.raises(SettingsError, match="known keys: project, entity"):
            Settings.of({"zzzzzzzz": 1})

    @pytest.mark.parametrize("empty", ["", None])
    @pytest.mark.parametrize("key", KEYS)
    def test_empty_means_not_given(self, key: Any, empty: Any) -> None:
        """Argument parsers have such defaults: it is what it would be without."""
        assert Settings.of({key: empty}) == Settings(**{key: empty}) == Settings()
        given: Any = {"mode": "disabled"} if key == "mode" else {"mode": "disabled", key: empty}
        assert WandbHandler(**given).settings == WandbHandler(mode="disabled").settings

    def test_empty_leaves_it_to_the_environment(self, monkeypatch: Any) -> None:
        monkeypatch.setenv("WANDB_ENTITY", "team")
        assert Settings.of({"entity": ""}).entity == Settings.of({"entity": None}).entity == "team"
        assert Settings.of({"entity": "other"}).but(entity="").entity is None

    @given(value=st.text(st.characters(), min_size=1, max_size=8))
    @example(value="caf\udce9")
    @example(value="\ud83d\ude00")
    @pytest.mark.parametrize("key", ["name", "notes", "group", "job_type", "tags", "project", "run_id", "entity"])
    def test_a_text_can_be_written_or_is_refused(self, key: Any, value: Any) -> None:
        """Names of files may hold bytes that are no UTF-8: what only people read has a sign in their place."""
        try:
            kept = getattr(Settings.of({key: [value] if key == "tags" else value}), key)
        except SettingsError:
            assert key in {"project", "run_id", "entity"} or not value.strip()
            return
        text = kept[0] if key == "tags" else kept
        assert text.encode()
        assert value.isascii() is False or text == value

    def test_near_values(self) -> None:
        with pytest.raises(SettingsError, match="did you mean offline"):
            Settings(mode="ofline")  # type: ignore[arg-type]

    def test_frozen(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            Settings().project = "x"  # type: ignore[misc]

    def test_changed_copies_are_checked(self) -> None:
        assert Settings().but(project="x").project == "x"
        with pytest.raises(SettingsError):
            Settings().but(project="a/b")

    def test_what_the_caller_keeps_can_change(self) -> None:
        """The settings hold copies."""
        config: dict[str, Any] = {"net": {"layers": [1]}}
        settings = Settings(config=config)
        config["net"]["layers"].append(2)
        config["more"] = 1
        assert settings.config == {"net": {"layers": [1]}}


class TestSecrets:
    KEY = "s3cret" * 8

    def test_the_key_is_not_in_the_repr(self) -> None:
        assert self.KEY not in repr(Settings(api_key=self.KEY))

    def test_a_value_that_has_no_text(self) -> None:
        """Its type stands in the error, which is a SettingsError all the same."""
        mute = type("Mute", (), {"__repr__": lambda _self: 1 / 0})()
        for wrong in ({"config": mute}, {"no_such": mute}):
            with pytest.raises(SettingsError, match=r"\(Mute\)"):
                Settings.of({"project": "p", **wrong})

    @pytest.mark.parametrize("given", [{"api_key": [KEY]}, {"api_kye": KEY}, {"key": KEY}, {"apikey": KEY}])
    def test_nor_in_what_is_said_about_it(self, given: Any) -> None:
        """Not even when its name is misspelled."""
        with pytest.raises(SettingsError) as caught:
            Settings.of(given)
        assert self.KEY not in str(caught.value)
        assert "***" in str(caught.value)


class TestEnvironment:
    @pytest.mark.parametrize(
        ("variable", "text", "key", "value"),
        [
            ("WANDB_PROJECT", "p", "project", "p"),
            ("WANDB_ENTITY", "e", "entity", "e"),
            ("WANDB_NAME", "n", "name", "n"),
            ("WANDB_RUN_ID", "r", "run_id", "r"),
            ("WANDB_NOTES", "n", "notes", "n"),
            ("WANDB_TAGS", "a, b,,c ", "tags", ("a", "b", "c")),
            ("WANDB_RUN_GROUP", "g", "group", "g"),
            ("WANDB_JOB_TYPE", "j", "job_type", "j"),
            ("WANDB_MODE", "offline", "mode", "offline"),
            ("WANDB_MODE", "dryrun", "mode", "offline"),
            ("WANDB_MODE", "run", "mode", "online"),
            ("WANDB_DIR", "/x", "cache_dir", Path("/x/wandb_cache")),
            ("WANDB_BASE_URL", "http://h:1/", "host", "http://h:1"),
            ("WANDB_APP_URL", "http://h:1/", "app_url", "http://h:1"),
            ("WANDB_API_KEY", "k" * 40, "api_key", "k" * 40),
            ("WANDB_RESUME", "must", "resume", "must"),
            ("WANDB_CONSOLE", "off", "console", False),
            ("WANDB_CONSOLE", "wrap", "console", True),
            ("WANDB_HTTP_TIMEOUT", "3.5", "request_timeout", 3.5),
            ("WANDB_SILENT", "true", "quiet", True),
            ("WANDB_SILENT", "0", "quiet", False),
        ],
    )
    def test_a_variable_is_the_default(self, variable: Any, text: Any, key: Any, value: Any, monkeypatch: Any) -> None:
        """Protocol 2.6; what is given wins."""
        monkeypatch.setenv(variable, text)
        assert getattr(Settings(), key) == value
        given, kept = RIGHT[key][0]
        assert getattr(Settings.of({key: given}), key) == kept

    @pytest.mark.parametrize("text", ["", " ", "\n"])
    @pytest.mark.parametrize("variable", ["WANDB_PROJECT", "WANDB_TAGS", "WANDB_MODE", "WANDB_SILENT", "WANDB_API_KEY"])
    def test_an_empty_one_is_none(self, variable: Any, text: Any, monkeypatch: Any) -> None:
        """Nor is one that a script made of an empty file."""
        monkeypatch.setenv(variable, text)
        assert Settings() == Settings()
        assert Settings().project == "uncategorized"

    @pytest.mark.parametrize(
        ("variable", "text", "said"),
        [
            ("WANDB_SILENT", "maybe", "WANDB_SILENT='maybe': expected true or false"),
            ("WANDB_HTTP_TIMEOUT", "long", "WANDB_HTTP_TIMEOUT='long': expected a number"),
            ("WANDB_MODE", "on", r"mode='on' \(from WANDB_MODE\): expected auto or online"),
            ("WANDB_PROJECT", "a/b", r"project='a/b' \(from WANDB_PROJECT\): expected at most 128"),
        ],
    )
    def test_a_wrong_one_is_named(self, variable: Any, text: Any, said: Any, monkeypatch: Any) -> None:
        """Nobody looks for it in the configuration, where it is not."""
        monkeypatch.setenv(variable, text)
        with pytest.raises(SettingsError, match=said):
            Settings()


class TestDictConfig:
    def configured(self, **entry: Any) -> WandbHandler:
        handler = {"class": "wandb_logging.WandbHandler", "mode": "disabled", **entry}
        logging.config.dictConfig({"version": 1, "handlers": {"wandb": handler}, "shared": {"lr": [0.1, 0.2]}})
        return next(found for found in logging._handlers.values() if isinstance(found, WandbHandler))  # type: ignore[attr-defined]

    def test_references_inside_the_config_are_resolved(self) -> None:
        """`ext://` and `cfg://` at any depth, which dictConfig resolves only where it is asked by key."""
        config = {"pi": "ext://math.pi", "deep": {"list": ["ext://math.e", {"lr": "cfg://shared.lr[1]"}]}}
        kept = self.configured(config=config).settings.config
        assert kept == {"pi": math.pi, "deep": {"list": [math.e, {"lr": 0.2}]}}
        assert type(kept["deep"]) is dict
        assert type(kept["deep"]["list"]) is list

    def test_references_inside_the_definitions_too(self) -> None:
        """And a list in a definition is a list, not dictConfig's own kind of one."""
        definition = {"name": "val/*", "summary": ["min", "max"], "hidden": "ext://wandb_logging._values.plain.json"}
        with pytest.raises(ValueError, match="Unable to configure handler") as caught:
            self.configured(define_metrics=[definition])
        assert "hidden: true or false, not <module 'json'" in str(caught.value.__cause__)
        handler = self.configured(define_metrics=[{"name": "val/*", "summary": ["min", "max"]}])
        assert handler.settings.define_metrics == (Metric("val/*", summary=("min", "max")),)

    def test_a_wrong_key_is_told_through_dict_config(self) -> None:
        """It makes a ValueError of every handler's error; ours is its cause, and no half-made handler is left."""
        with pytest.raises(ValueError, match="'wandb'") as caught:
            self.configured(projct="x")
        assert isinstance(caught.value.__cause__, SettingsError)
        assert "did you mean 'project'" in str(caught.value.__cause__)
        assert not [found for found in (ref() for ref in logging._handlerList) if isinstance(found, WandbHandler)]  # type: ignore[attr-defined]


class TestLastWords:
    def program(self, code: str) -> str:
        entry = "{'class': 'wandb_logging.WandbHandler', 'projct': 'x'}"
        code = f"import logging.config, wandb_logging\nentry = {entry}\n{code}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=600)
        return done.stderr

    CONFIGURE = "logging.config.dictConfig({'version': 1, 'handlers': {'wandb': entry}})"

    @pytest.mark.not_quick
    def test_the_last_line_says_what_is_wrong(self) -> None:
        """Which `dictConfig` says twenty lines above its own error."""
        last = self.program(self.CONFIGURE).splitlines()[-1]
        assert last == "wandb_logging: unknown setting 'projct' = 'x'; did you mean 'project'?"

    @pytest.mark.not_quick
    def test_once(self) -> None:
        """Where it is the last line anyway, or the program goes on, nothing is added."""
        direct = self.program("wandb_logging.WandbHandler(projct='x')").splitlines()
        assert direct[-1].endswith("did you mean 'project'?")
        assert "did you mean" not in direct[-2]
        other = self.program(f"try: {self.CONFIGURE}\nexcept ValueError: pass\nraise KeyError('mine')")
        assert other.splitlines()[-1] == "KeyError: 'mine'"


class TestSchema:
    schema: dict[str, Any] = _schema.json_schema()

    def test_it_has_every_key(self) -> None:
        handler_keys = {"class", "level", "formatter", "filters"}
        assert self.schema["properties"].keys() == {*KEYS, *handler_keys}

    @pytest.mark.parametrize("key", KEYS)
    def test_each_key_says_what_it_is_and_what_it_is_by_default(self, key: Any) -> None:
        """Editors show both."""
        entry = self.schema["properties"][key]
        assert entry["description"]
        if "default" in entry:
            assert Settings.of({key: entry["default"]}) == Settings()

    def test_it_takes_what_the_handler_takes(self) -> None:
        """Judged by another's validator: the issue's example, and a value for each key."""
        jsonschema = pytest.importorskip("jsonschema")
        jsonschema.Draft202012Validator.check_schema(self.schema)
        validator = jsonschema.Draft202012Validator(self.schema)
        example = {
            "class": "wandb_logging.WandbHandler",
            "project": "digits",
            "entity": "my-team",
            "mode": "auto",
            "cache_dir": "wandb_cache",
            "flush_interval": 15,
            "config": {"learning_rate": 0.01},
            "define_metrics": [{"name": "val/*", "step_metric": "epoch", "summary": "max"}],
        }
        validator.validate(example)
        for wrong in ({"projct": "x"}, {"mode": "on"}, {"flush_interval": "15"}, {"define_metrics": [{"name": "a*b"}]}):
            with pytest.raises(jsonschema.ValidationError):
                validator.validate({**example, **wrong})


class TestTransport:
    @pytest.mark.parametrize(
        ("more", "expected"),
        [
            ({}, "expected run_id"),
            ({"run_id": "a", "ranks": "group"}, "not ranks='group'"),
            ({"run_id": "a", "fork_from": "b?_step=3"}, "neither resume_from nor fork_from"),
        ],
    )
    def test_what_it_does_not_go_with(self, more: dict[str, Any], expected: str) -> None:
        """One run that all write needs its id in all of them, and cannot be taken back by one."""
        with pytest.raises(SettingsError, match=f"transport='shared': .*{re.escape(expected)}"):
            Settings.of({"transport": "shared", **more})

    def test_what_it_goes_with(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The id may be in the environment, and so may it."""
        monkeypatch.setenv("WANDB_RUN_ID", "a")
        monkeypatch.setenv("WANDB_TRANSPORT", "shared")
        assert (Settings(ranks="all").transport, Settings(transport="disk").transport) == ("shared", "disk")
