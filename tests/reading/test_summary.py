"""What people read and set on a run while it goes: summary, config, name, tags; late steps that raise."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from wandb_logging import LogError, SettingsError, WandbHandler, new_run, read_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging import Run

OWN = {"_step", "_timestamp", "_runtime", "_wandb"}


@pytest.fixture
def run() -> Iterator[Run]:
    with new_run("p", mode="offline", quiet=True) as run:
        yield run


def own_part(summary: Any) -> dict[str, Any]:
    return {key: value for key, value in dict(summary).items() if key not in OWN}


class TestSummary:
    def test_what_was_just_logged_is_there(self, run: Any) -> None:
        """Also a row whose step is still open for more."""
        run.log({"loss": 1, "v": {"a": 2}})
        assert run.summary["loss"] == 1
        run.log({"loss": 2}, step=5)
        assert (run.summary["loss"], run.summary.loss, run.summary["_step"]) == (2, 2, 5)
        assert run.summary.get("nothing") is None
        assert own_part(run.summary) == {"loss": 2, "v": {"a": 2}}

    def test_what_is_set_is_there(self, run: Any) -> None:
        """By key, by attribute, several at once; and it is in the journal."""
        run.summary["best"] = 1
        run.summary.last = 2
        run.summary.update({"a": 3}, b=[4])
        del run.summary["best"]
        assert own_part(run.summary) == {"last": 2, "a": 3, "b": [4]}
        assert own_part(read_run(run.dir).summary) == {"last": 2, "a": 3, "b": [4]}
        del run.summary.last
        assert "last" not in run.summary
        assert repr(run.summary) == "{'a': 3, 'b': [4]}"
        assert len(run.summary) == 2

    def test_what_is_not_there(self, run: Any) -> None:
        with pytest.raises(KeyError):
            run.summary["nothing"]
        with pytest.raises(KeyError):
            del run.summary["nothing"]
        with pytest.raises(AttributeError, match="the summary has no 'nothing'"):
            run.summary.nothing  # noqa: B018  it is the access that raises

    def test_aggregates_are_shown(self, run: Any) -> None:
        run.define_metric("loss", summary="min,mean")
        for loss in (1, 3):
            run.log({"loss": loss})
        assert run.summary["loss"] == {"min": 1, "mean": 2}

    def test_what_cannot_be_sent_is_set_aside(self, run: Any) -> None:
        run.summary.update({"good": 1, "bad": object()})
        assert own_part(run.summary) == {"good": 1}
        assert run.stats()["set_aside"] == 1

    def test_many_rows_are_read_once(self, run: Any) -> None:
        """A second look reads on from the first."""
        begun: list[Any] = []
        reader = run._follower._run_dir.reader

        def watched(position: Any, **more: Any) -> Any:
            begun.append(position)
            return reader(position, **more)

        run._follower._run_dir.reader = watched
        run.log({"a": 1})
        assert run.summary["a"] == 1
        run.log({"a": 2})
        assert run.summary["a"] == 2
        assert begun[0] is None
        assert begun[1]["writers"]

    @pytest.mark.parametrize("mode", ["disabled", "offline"])
    def test_without_a_directory_it_holds_what_was_set(self, mode: Any, tmp_path: Any) -> None:
        """Disabled, or where nothing can be written."""
        file = tmp_path / "file"
        file.touch()
        with new_run("p", mode=mode, cache_dir=file, quiet=True) as run:
            run.summary["best"] = 1
            run.summary["gone"] = 1
            del run.summary["gone"]
            assert own_part(run.summary) == {"best": 1}

    def test_on_the_server(self, wandb_server: Any) -> None:
        with new_run("p", host=wandb_server.url, api_key=wandb_server.api_key, mode="online", quiet=True) as run:
            run.log({"a": 1})
            run.summary["best"] = 7
        assert own_part(wandb_server.run(run.id).summary) == {"a": 1, "best": 7}


class TestConfig:
    def test_from_what_people_keep_settings_in(self, run: Any) -> None:
        @dataclasses.dataclass
        class Options:
            depth: int = 3

        run.update_config(argparse.Namespace(lr=0.1, net=Options()))
        run.update_config(Options(), extra=(1, 2))
        assert run.config == {"lr": 0.1, "net": {"depth": 3}, "depth": 3, "extra": [1, 2]}
        assert read_run(run.dir).config == run.config

    @pytest.mark.parametrize("wrong", [5, "text", [("a", 1)], object()])
    def test_from_nothing_else(self, run: Any, wrong: Any) -> None:
        with pytest.raises(LogError, match="config: expected a mapping, namespace, dataclass or model, got "):
            run.update_config(wrong)

    def test_what_cannot_be_sent_is_set_aside(self) -> None:
        """Also of the config that the run begins with; the rest is there."""
        with new_run("p", mode="offline", config={"lr": 1, "bad": object()}, quiet=True) as run:
            assert run.config == {"lr": 1}
            run.update_config({"deep": {"bad": object(), "good": 1}})
            assert run.config == {"lr": 1, "deep": {"good": 1}}
            assert run.stats()["set_aside"] == 2


class TestIdentity:
    def test_it_can_change(self, run: Any) -> None:
        """And is in the journal then."""
        run.name, run.notes, run.group, run.job_type = "new", "more", "g", "eval"
        run.tags = ["a"]
        run.tags += ("b",)
        assert (run.name, run.notes, run.group, run.job_type, run.tags) == ("new", "more", "g", "eval", ("a", "b"))
        info = read_run(run.dir).info
        assert [info[key] for key in ("name", "notes", "group", "job_type", "tags")] == [
            *("new", "more", "g", "eval"),
            ["a", "b"],
        ]

    def test_on_the_server(self, wandb_server: Any) -> None:
        """What changes while it runs, after it was made there."""
        with new_run("p", host=wandb_server.url, api_key=wandb_server.api_key, mode="online", quiet=True) as run:
            run.log({"a": 1})
            run.flush(PATIENCE)
            run.name, run.notes, run.group, run.job_type = "new", "more", "g", "eval"
            run.tags += ("b",)
            assert run.name == "new"
        stored = wandb_server.run(run.id)
        assert (stored.display_name, stored.notes, stored.group, stored.job_type) == ("new", "more", "g", "eval")
        assert list(stored.tags) == ["b"]

    @pytest.mark.parametrize(("key", "wrong"), [("tags", [""]), ("name", " "), ("notes", 5), ("group", 5)])
    def test_what_is_wrong_is_said(self, run: Any, key: Any, wrong: Any) -> None:
        """By the settings, which know what is right."""
        with pytest.raises(SettingsError, match=f"{key}="):
            setattr(run, key, wrong)


class TestLateSteps:
    @pytest.mark.parametrize("late_steps", ["drop", "error"])
    def test_online_one_line_says_what_is_set_aside(self, late_steps: Any, wandb_server: Any, caplog: Any) -> None:
        """And where it is kept."""
        server = {"host": wandb_server.url, "api_key": wandb_server.api_key, "mode": "online", "quiet": True}
        with new_run("p", late_steps=late_steps, **server) as run:
            handler = WandbHandler(run=run)
            for step in (5, 4, 3):
                handler.handle(logging.makeLogRecord({"levelno": 20, "metrics": {"a": step}, "step": step}))
        assert [row["a"] for row in wandb_server.run(run.id).history] == [5]
        said = [record.getMessage() for record in caplog.records if "set aside" in record.getMessage()]
        assert len(said) == 1
        assert f"step 4 is lower than the current step 5 (late_steps: {late_steps})" in said[0]
        assert run.dir
        assert (run.dir / "aside.jsonl").read_text().count("\n") == 2

    def test_run_log_raises(self) -> None:
        """With late_steps: error the caller is told; nothing of that call is logged."""
        with new_run("p", mode="offline", late_steps="error", quiet=True) as run:
            run.log({"a": 1}, step=5)
            with pytest.raises(LogError, match="step 4 is lower than the current step 5"):
                run.log({"a": 2}, step=4)
            run.log({"a": 3}, step=5)
        assert run.dir
        assert [(row["_step"], row["a"]) for row in read_run(run.dir).rows] == [(5, 3)]

    def test_a_logging_call_does_not(self, caplog: Any) -> None:
        """The row is set aside, and one line says so."""
        with new_run("p", mode="offline", late_steps="error", quiet=True) as run:
            log = logging.getLogger("late")
            log.setLevel(logging.INFO)
            log.addHandler(WandbHandler(run=run))
            for step in (5, 4, 3):
                log.info("x", extra={"metrics": {"a": step}, "step": step})
            with pytest.raises(LogError):
                run.log({"a": 2}, step=4)
        assert run.dir
        assert [(row["_step"], row["a"]) for row in read_run(run.dir).rows] == [(5, 5)]
        said = [record.getMessage() for record in caplog.records if "is set aside" in record.getMessage()]
        assert said == ["step 4 is lower than the current step 5 (late_steps: error): the row is set aside"]
