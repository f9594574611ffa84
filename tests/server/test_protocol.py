from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging._errors import (
    AuthError,
    GraphQLError,
    HTTPStatusError,
    RequestRejected,
    RunNotFound,
    ServerUnavailable,
)
from wandb_logging._events.run_info import Remote, RunInfo
from wandb_logging._server import protocol

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class TestErrorAnswers:
    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b'{"error": "text"}', "text"),
            (b'{"error": {"message": "text"}}', "text"),
            (b'{"errors": ["one", {"message": "two"}]}', "one; two"),
            (b'{"errors": [null, 5, {"message": 6}]}', ""),
            (b"<html>bad gateway</html>", ""),
            (b"[1]", ""),
            (b"\xff\xfe", ""),
            (b"[" * 100_000, ""),
        ],
    )
    def test_the_servers_own_words(self, body: bytes, words: str) -> None:
        """Both shapes of W&B's error bodies are understood; anything else has no words (protocol 1.1)."""
        assert protocol.error_message(body) == words

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (307, RequestRejected),
            (400, RequestRejected),
            (401, AuthError),
            (403, AuthError),
            (404, RunNotFound),
            (408, ServerUnavailable),
            (409, RequestRejected),
            (410, RunNotFound),
            (413, RequestRejected),
            (418, ServerUnavailable),
            (422, RequestRejected),
            (425, ServerUnavailable),
            (429, ServerUnavailable),
            (500, ServerUnavailable),
            (501, RequestRejected),
            (502, ServerUnavailable),
            (503, ServerUnavailable),
            (504, ServerUnavailable),
            (600, ServerUnavailable),
        ],
    )
    def test_status(self, status: int, kind: type[HTTPStatusError]) -> None:
        """Each status is the error that the official client's retry rules ask for (protocol 1.2)."""
        error = protocol.status_error(status, b'{"error": "why"}', {}, 0.0)
        assert type(error) is kind
        assert error.status == status
        assert str(error).startswith(f"HTTP {status}: why")

    def test_a_conflict_is_retried_for_one_request_only(self) -> None:
        """409 may pass for UpsertBucket alone."""
        assert type(protocol.status_error(409, b"", {}, 0.0, conflict_retries=True)) is ServerUnavailable

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            (None, None),
            ("", None),
            ("soon", None),
            ("nan", None),
            ("-5", None),
            ("0", None),
            ("0.01", 1.0),
            ("1.5", 1.5),
            ("1e9", 3600.0),
            ("inf", 3600.0),
            (formatdate(1_000_060, usegmt=True), 60.0),
            (formatdate(900_000, usegmt=True), None),
            ("Mon, 99 Foo 20x6 00:00:00 GMT", None),
        ],
    )
    def test_retry_after(self, value: str | None, seconds: float | None) -> None:
        """A number of seconds or a date; nonsense is as if there were none, and nothing waits for hours."""
        assert protocol.retry_after(value, 1_000_000.0) == seconds

    @pytest.mark.parametrize(
        ("sent", "seconds"),
        [
            ("Fri, 02 Jan 1970 00:00:20 GMT", 10.0),
            ("Fri, 02 Jan 1970 00:00:40 GMT", None),
            (None, 30.0),
            ("soon", 30.0),
        ],
    )
    def test_a_retry_after_date_is_by_the_servers_clock(self, sent: str | None, seconds: float | None) -> None:
        """A machine whose clock is wrong by a day waits as long as the server meant."""
        until = "Fri, 02 Jan 1970 00:00:30 GMT"
        assert protocol.retry_after(until, 86_400.0, sent) == seconds

    @given(st.text())
    def test_any_retry_after(self, value: str) -> None:
        """No header raises."""
        seconds = protocol.retry_after(value, 0.0)
        assert seconds is None or 1 <= seconds <= 3600

    @pytest.mark.parametrize(
        ("remaining", "reset", "wait"),
        [("0", "7", 7.0), ("0", "1000", 60.0), ("3", "7", 0.0), ("0", "-1", 0.0), ("x", "7", 0.0), ("nan", "nan", 0.0)],
    )
    def test_rate_limit(self, remaining: str, reset: str, wait: float) -> None:
        """With the quota used up the next request waits for its reset, within reason (protocol 1.3)."""
        headers = {"RateLimit-Remaining": remaining, "RateLimit-Reset": reset}
        assert protocol.rate_limit_wait(headers) == wait
        assert protocol.rate_limit_wait({"RateLimit-Remaining": "0"}) == 0.0


class TestAnswers:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            b'{"data": null}',
            b'{"data": {"a": 1}, "errors": ["no"]}',
            b'{"data": {"a',
            b"[" * 100_000,
        ],
    )
    def test_no_graphql(self, body: bytes) -> None:
        """Whatever is not a GraphQL answer without errors is a GraphQLError, also with partial data."""
        with pytest.raises(GraphQLError):
            protocol.graphql_data(body)

    def test_graphql(self) -> None:
        """`data` is what an answer is for."""
        assert protocol.graphql_data(b'{"data": {"a": 1}}') == {"a": 1}
        assert protocol.graphql_data(b'{"data": {"a": 1}, "errors": []}') == {"a": 1}

    @given(anything)
    def test_wherever_a_value_is_of_another_type(self, value: Any) -> None:
        """Nulls and wrong types anywhere in an answer never raise anything but our own errors."""
        text = json.dumps(value)
        keys = ("id", "tags", "notes", "summaryMetrics", "config", "historyLineCount", "historyTail", "wandbConfig")
        info = RunInfo("r", "p")
        for key in keys:
            bucket = {"wandbConfig": '{"t": {}}', key: value}
            for answer in (bucket, {"wandbConfig": '{"t": {}}', key: text}, value):
                before = protocol.resumed({"model": {"bucket": answer}})
                if isinstance(answer, dict):
                    assert json.dumps(vars(protocol.remote(answer, info, before, set())))
        for features in (value, {"features": value}, {"features": [value]}, {"features": [{"name": value}]}):
            protocol.features({"serverInfo": features})
        for files in (value, [value], [{"name": "a", "uploadUrl": value}]):
            try:
                urls, headers = protocol.upload_targets(
                    {"createRunFiles": {"files": files, "uploadHeaders": value}}, ["a"]
                )
            except GraphQLError:
                continue
            assert all(isinstance(part, str) for part in [*urls.values(), *headers.values()])
        assert isinstance(protocol.asks_to_stop(text.encode()), bool)

    def test_resumed(self) -> None:
        """What a resumed run takes over, from an answer in the protocol's words (3.5)."""
        bucket = {
            "id": "storage",
            "summaryMetrics": '{"loss": 0.5, "_step": 3, "_runtime": 4.0, "_wandb": {"runtime": 9}}',
            "config": '{"lr": {"value": 0.1}, "odd": {"desc": null}, "_wandb": {"value": {"t": {}, "viz": 1}}}',
            "tags": ["a"],
            "notes": "n",
            "historyLineCount": 4,
            "eventsLineCount": 2,
            "logLineCount": 7,
            "historyTail": json.dumps([json.dumps({"_step": 11, "_runtime": 5.5})]),
            "eventsTail": json.dumps([json.dumps({"_runtime": 6.5})]),
            "wandbConfig": '{"t": {}}',
        }
        before = protocol.resumed({"model": {"bucket": bucket}})
        assert before is not None
        assert (before.storage_id, before.history, before.events, before.output) == ("storage", 4, 2, 7)
        assert (before.step, before.runtime) == (12, 9.0)
        assert before.config == {"lr": 0.1, "odd": None, "_wandb": {"t": {}, "viz": 1}}
        assert (before.tags, before.notes) == (["a"], "n")
        fresh = {**bucket, "historyLineCount": 0, "historyTail": "[]"}
        again = protocol.resumed({"model": {"bucket": fresh}})
        assert again is not None
        assert again.step == 3  # the summary's, and one more only where there are rows

    @pytest.mark.parametrize(
        "data",
        [{}, {"model": None}, {"model": {"bucket": None}}, {"model": {"bucket": {"wandbConfig": "{}"}}}],
    )
    def test_a_run_that_does_not_exist(self, data: dict[str, Any]) -> None:
        """No run, or one that never started (without `_wandb.t`), is none."""
        assert protocol.resumed(data) is None


class TestWhereTheKeyMayGo:
    @pytest.mark.parametrize(
        ("url", "ours"),
        [
            ("https://api.wandb.ai/graphql", True),
            ("https://api.wandb.ai:443/graphql", True),
            ("https://API.wandb.ai/graphql", True),
            ("http://api.wandb.ai/graphql", False),
            ("https://api.wandb.ai:8443/graphql", False),
            ("https://api.wandb.ai.evil.example/graphql", False),
            ("https://api.wandb.ai@evil.example/graphql", False),
            ("https://evil.example/https://api.wandb.ai/graphql", False),
            ("", False),
        ],
    )
    def test_only_to_the_api(self, url: str, *, ours: bool) -> None:
        """Scheme, host and port must be the API's own (protocol 1)."""
        assert protocol.belongs_to(url, "https://api.wandb.ai") is ours

    def test_a_server_below_a_path(self) -> None:
        """A server that lives below a path gets the key there only."""
        assert protocol.belongs_to("https://x.example/wandb/graphql", "https://x.example/wandb")
        assert not protocol.belongs_to("https://x.example/wandb-evil/graphql", "https://x.example/wandb")
        assert not protocol.belongs_to("https://x.example/other", "https://x.example/wandb")


class TestAddresses:
    @pytest.mark.parametrize(
        ("host", "app"),
        [
            ("https://api.wandb.ai", "https://wandb.ai"),
            ("https://api.wandb.test", "https://app.wandb.test"),
            ("https://api.corp.example", "https://app.corp.example"),
            ("http://localhost:8080", "http://localhost:8080"),
        ],
    )
    def test_app_url(self, host: str, app: str) -> None:
        """Pages for people (protocol 2.4)."""
        assert protocol.app_url(host) == app

    def test_names_are_quoted(self) -> None:
        """No name of an entity, project or run can change the path it stands in."""
        assert protocol.stream_path("a/b", "p p", "c?d#e") == "/files/a%2Fb/p%20p/c%3Fd%23e/file_stream"
        assert protocol.run_url("https://x", "e e", "p/p", "r=+&$@/") == "https://x/e%20e/p%2Fp/runs/r=+&$@%2F"


def test_a_run_is_read_back_as_it_was_kept() -> None:
    """What the server said of a run, in server.json."""
    remote = Remote("s", "e", "p", "r", "d", history=3, config={"a": 1})
    assert Remote(**json.loads(json.dumps(vars(remote)))) == remote
