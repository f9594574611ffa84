"""Each rule of the protocol can be broken, and is then named; what keeps it is not."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.patience import PATIENCE
from tests.testing.client import CONFIG, CREATE_FILES, row

if TYPE_CHECKING:
    from tests.testing.client import Client
    from wandb_logging.testing import LocalServer

TIME = "2026-01-02T03:04:05.123456"


class TestOffsets:
    def test_contiguous_lines(self, client: Client) -> None:
        """Lines that follow each other are stored in order and break nothing."""
        client.stream(history=(0, [row(0), row(1)]))
        client.stream(history=(2, [row(5)]))
        assert [item["_step"] for item in client.stored.history] == [0, 1, 5]
        assert client.rules() == []

    @pytest.mark.parametrize("stream", ["history", "events", "output"])
    def test_gap(self, client: Client, stream: str) -> None:
        """Lines that come too far on are stored there, and the gap is named."""
        line = f"{TIME} x" if stream == "output" else row(0)
        client.stream(**{stream: (2, [line])})
        assert client.rules() == ["gap"]
        assert len(getattr(client.stored, stream)) == 1
        assert "line 2 came when 0 lines were stored" in str(client.server.violations[0])

    def test_gap_filled_later(self, client: Client) -> None:
        """Lines that never came may still come."""
        client.stream(history=(1, [row(1)]))
        client.stream(history=(0, [row(0)]))
        assert client.rules() == ["gap"]
        assert [item["_step"] for item in client.stored.history] == [0, 1]

    @pytest.mark.not_quick
    @pytest.mark.parametrize("stream", ["history", "events"])
    def test_identical_repeat(self, client: Client, stream: str) -> None:
        """Sending the same lines again is harmless."""
        for _ in range(2):
            client.stream(**{stream: (0, [row(0), row(1)])})
        assert (client.rules(), len(getattr(client.stored, stream))) == ([], 2)

    def test_overlapping_repeat(self, client: Client) -> None:
        """A repeat may bring new lines with it."""
        client.stream(history=(0, [row(0), row(1)]))
        client.stream(history=(1, [row(1), row(2)]))
        assert (client.rules(), len(client.stored.history)) == ([], 3)

    @pytest.mark.parametrize("stream", ["history", "events"])
    def test_rewrite(self, client: Client, stream: str) -> None:
        """Another text for an old offset is stored, and named."""
        client.stream(**{stream: (0, [row(0, a=1)])})
        client.stream(**{stream: (0, [row(0, a=2)])})
        assert client.rules() == ["rewrite"]
        assert getattr(client.stored, stream)[0]["a"] == 2

    def test_console_may_rewrite(self, client: Client) -> None:
        """Console lines may be sent again with another text."""
        client.stream(output=(0, [f"{TIME} 10 %", f"{TIME} next"]))
        client.stream(output=(0, [f"{TIME} 20 %"]))
        assert (client.rules(), client.stored.output) == ([], [f"{TIME} 20 %", f"{TIME} next"])


class TestHistory:
    def test_numbers_that_are_not_finite(self, client: Client) -> None:
        """Bare `NaN` and infinities are fine inside a line."""
        client.stream(history=(0, [row(0, a=float("nan"), b=float("inf"))]))
        assert client.rules() == []

    @pytest.mark.parametrize("line", ["{", "[1]", "1", '"text"', '{"a": "\\ud800"}'])
    def test_no_object(self, client: Client, line: str) -> None:
        """A row is a JSON object in whole characters; another line is kept, but not as a row."""
        client.stream(history=(0, [line]))
        assert (client.rules(), client.stored.history_lines) == (["history-json"], [line])
        assert len(client.stored.history) == 0

    @pytest.mark.parametrize("key", ["_step", "_timestamp", "_runtime"])
    @pytest.mark.parametrize("value", [None, "1", True])
    def test_keys(self, client: Client, key: str, value: Any) -> None:
        """A row has a number for each of the three keys."""
        client.stream(history=(0, [{**row(0), key: value}]))
        assert client.rules() == ["history-keys"]

    def test_step_is_an_integer(self, client: Client) -> None:
        """A step is a whole number."""
        client.stream(history=(0, [{**row(0), "_step": 0.5}]))
        assert client.rules() == ["history-keys"]

    @pytest.mark.parametrize("step", [0, 1])
    def test_step_order(self, client: Client, step: int) -> None:
        """Steps only grow, within a request and across requests."""
        client.stream(history=(0, [row(1)]))
        client.stream(history=(1, [row(step), row(2), row(2)]))
        assert client.rules() == ["step-order", "step-order"]

    def test_steps_restart_with_a_run_that_does_not_resume(self, client: Client) -> None:
        """When a finished run is started again without its storage id, steps may begin at 0."""
        client.stream(history=(0, [row(7)]))
        client.stream({"complete": True, "exitcode": 0})
        client.upsert()
        client.stream(history=(1, [row(0)]))
        assert client.rules() == []

    def test_steps_go_on_with_a_run_that_resumes(self, client: Client) -> None:
        """When it is started with its storage id, they go on."""
        client.stream(history=(0, [row(7)]))
        client.stream({"complete": True, "exitcode": 0})
        client.upsert(id=client.stored.storage_id)
        client.stream(history=(1, [row(0)]))
        assert client.rules() == ["step-order"]


class TestOtherStreams:
    def test_events(self, client: Client) -> None:
        """System rows are objects with their time."""
        client.stream(events=(0, ["{", {"_timestamp": 1}, {"_timestamp": 1, "_runtime": 2}]))
        assert client.rules() == ["events-json", "events-keys"]

    def test_summary(self, client: Client) -> None:
        """The last summary replaces the one before."""
        client.stream(summary=(0, [{"a": 1, "b": 1}]))
        client.stream(summary=(0, [{"a": float("nan")}]))
        assert (client.rules(), [*client.stored.summary]) == ([], ["a"])

    @pytest.mark.parametrize(
        ("chunk", "rule"),
        [((1, [{}]), "summary-offset"), ((0, [{}, {}]), "summary-lines"), ((0, ["["]), "summary-json")],
    )
    def test_wrong_summary(self, client: Client, chunk: Any, rule: str) -> None:
        """A summary is one object at offset 0; another one is not stored."""
        client.stream(summary=chunk)
        assert (client.rules(), client.stored.summary) == ([rule], {})

    @pytest.mark.parametrize("line", ["text", "2026-01-02 03:04:05 text", f"WARN {TIME} text", ""])
    def test_console_format(self, client: Client, line: str) -> None:
        """A plain console line begins with its time."""
        client.stream(output=(0, [line]))
        assert client.rules() == ["console-format"]

    @pytest.mark.parametrize("prefix", ["", "ERROR "])
    def test_console_length(self, client: Client, prefix: str) -> None:
        """A console line has at most 4096 characters after its time."""
        client.stream(output=(0, [f"{prefix}{TIME} {'ü' * 4096}"]))
        assert client.rules() == []
        client.stream(output=(1, [f"{prefix}{TIME} {'ü' * 4097}"]))
        assert client.rules() == ["console-too-long"]

    @pytest.mark.parametrize(
        ("line", "rules"),
        [
            ({"ts": TIME, "content": "text", "level": "error"}, []),
            ({"ts": TIME, "content": "x" * 4097}, ["console-too-long"]),
            ({"ts": TIME}, ["console-format"]),
            ({"content": "text"}, ["console-format"]),
            (f"{TIME} text", ["console-format"]),
        ],
    )
    def test_structured_console(self, client: Client, line: Any, rules: list[str]) -> None:
        """With the feature on, a console line is JSON with a time and a text."""
        client.server.features.add("STRUCTURED_CONSOLE_LOGS")
        client.stream(output=(0, [line]))
        assert client.rules() == rules

    def test_newline(self, client: Client) -> None:
        """A line is one line."""
        client.stream(output=(0, [f"{TIME} one\ntwo"]))
        assert client.rules() == ["newline"]

    def test_line_length(self, client: Client) -> None:
        """A row has at most 10 MiB less 100 KiB, in UTF-8."""
        client.stream(history=(0, [row(0, text="x" * 10_383_360)]))
        assert client.rules() == ["line-too-long"]

    def test_request_length(self, client: Client) -> None:
        """The lines of a request have at most 10 MiB together."""
        client.stream(history=(0, [row(step, text="x" * 3_000_000) for step in range(4)]))
        assert client.rules() == ["request-too-long"]


class TestBody:
    @pytest.mark.parametrize("body", [b"{", b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff", b'{"a": Infinity}'])
    def test_strict_json(self, client: Client, body: bytes) -> None:
        """The body is strict JSON, whatever is in its lines."""
        answer = client.post(client.path(), data=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, client.rules()) == (400, ["strict-json"])

    @pytest.mark.parametrize(
        "body",
        [
            {"dropped": 1},
            {"files": []},
            {"files": {"other.log": {"offset": 0, "content": []}}},
            {"files": {"output.log": {"offset": -1, "content": []}}},
            {"files": {"output.log": {"offset": "0", "content": []}}},
            {"files": {"output.log": {"content": []}}},
            {"files": {"output.log": {"offset": 0, "content": "text"}}},
            {"files": {"output.log": {"offset": 0, "content": [{}]}}},
            {"files": {"output.log": []}},
            {"uploaded": "name"},
            {"uploaded": [1]},
            {"preempting": False},
            {"complete": "yes", "exitcode": 0},
            {"complete": True, "exitcode": True},
            {"complete": True, "exitcode": "0"},
        ],
        ids=str,
    )
    def test_members(self, client: Client, body: Any) -> None:
        """Members have their names and types."""
        client.stream(body)
        assert client.rules() == ["body"]

    def test_no_object(self, client: Client) -> None:
        """The body is an object."""
        assert client.stream([1]).status_code == 400
        assert client.rules() == ["body"]

    @pytest.mark.parametrize("body", [{"complete": True}, {"exitcode": 0}, {"complete": False, "exitcode": 0}])
    def test_complete(self, client: Client, body: Any) -> None:
        """`complete` and `exitcode` come together."""
        client.stream(body)
        assert (client.rules(), client.stored.state) == (["complete"], "running")

    def test_after_complete(self, client: Client) -> None:
        """Nothing comes after the last request but the very same one."""
        last = {"complete": True, "exitcode": 0}
        client.stream(last)
        client.stream(last)
        assert client.rules() == []
        client.stream({})
        assert client.rules() == ["after-complete"]

    def test_after_complete_and_upsert(self, client: Client) -> None:
        """A run that is started again may send again."""
        client.stream({"complete": True, "exitcode": 1})
        client.upsert()
        client.stream({})
        assert (client.rules(), client.stored.state, client.stored.exit_code) == ([], "running", None)

    def test_gzip(self, client: Client) -> None:
        """A gzip body needs the feature; without it the server fails."""
        body, headers = gzip.compress(b"{}"), {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        assert client.post(client.path(), data=body, headers=headers).status_code == 500
        assert client.rules() == ["gzip"]
        client.server.features.add("FILESTREAM_GZIP")
        assert client.post(client.path(), data=body, headers=headers).status_code == 200
        assert client.rules() == ["gzip"]
        assert client.server.requests[-1].body == b"{}"

    def test_broken_gzip(self, client: Client) -> None:
        """A body that says gzip and is none is refused."""
        client.server.features.add("FILESTREAM_GZIP")
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        assert client.post(client.path(), data=b"{}", headers=headers).status_code == 400
        assert client.rules() == ["body"]

    def test_chunked_body(self, client: Client) -> None:
        """A body says how long it is."""
        headers = {"Content-Type": "application/json"}
        assert client.post(client.path(), data=iter([b"{}"]), headers=headers).status_code == 400
        assert client.rules() == ["body"]

    def test_content_type(self, client: Client) -> None:
        """A JSON body says that it is one."""
        client.post(client.path(), data=b"{}")
        assert client.rules() == ["content-type"]

    def test_unknown_run(self, client: Client) -> None:
        """A run that was never created gets 404."""
        client.run = "other"
        assert client.stream({}).status_code == 404
        assert client.rules() == ["unknown-run"]

    def test_rate(self, client: Client) -> None:
        """Twelve requests at once are too many, where that is checked."""
        for _ in range(12):
            client.stream({})
        assert client.rules() == []
        client.server.check_rate = True
        for _ in range(12):
            client.stream({})
        assert set(client.rules()) == {"rate"}

    def test_unknown_path(self, client: Client) -> None:
        """Nothing else is on this server, but the official client's telemetry may knock."""
        assert client.post("/sdk/otel/v1/metrics", data=b"x").status_code == 404
        assert client.rules() == []
        assert client.post("/other").status_code == 404
        assert client.rules() == ["unknown-path"]


class TestUpsert:
    @pytest.mark.parametrize(
        ("config", "rule"),
        [
            ("{", "config-json"),
            ("[]", "config-json"),
            ('{"_wandb": {"value": {"t": {}}}, "lr": 0.1}', "config-value"),
            ('{"_wandb": {"value": {"t": {}}}, "lr": {"desc": null}}', "config-value"),
            ('{"lr": {"value": 0.1}}', "config-wandb-t"),
            ('{"_wandb": {"value": {"t": 1}}}', "config-wandb-t"),
            ('{"_wandb": {"value": 1}}', "config-wandb-t"),
        ],
    )
    def test_config(self, client: Client, config: str, rule: str) -> None:
        """Config wraps each value and has `_wandb.value.t`."""
        client.upsert(config=config)
        assert client.rules() == [rule]
        assert isinstance(client.stored.config, dict)

    def test_summary(self, client: Client) -> None:
        """A summary may come with UpsertBucket; one that is no object is not stored."""
        client.upsert(summaryMetrics='{"best": 1}')
        client.upsert(summaryMetrics="1")
        assert (client.rules(), client.stored.summary) == (["summary-json"], {"best": 1})

    @pytest.mark.parametrize("run_id", ["a/b", "a:b", "a;b", "a,b", "a#b", "a?b", "a'b", " a", "a "])
    def test_run_id(self, client: Client, run_id: str) -> None:
        """Run ids lack what would break their URLs."""
        client.upsert(name=run_id)
        assert client.rules() == ["run-id"]

    @pytest.mark.parametrize("project", ["a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "x" * 129])
    def test_project(self, client: Client, project: str) -> None:
        """So do project names."""
        client.upsert(modelName=project)
        assert client.rules() == ["project-name"]

    @pytest.mark.parametrize("tag", ["", "x" * 65])
    def test_tag(self, client: Client, tag: str) -> None:
        """Tags have 1 to 64 characters."""
        client.upsert(tags=["fine", tag])
        assert client.rules() == ["tag"]

    def test_unknown_storage_id(self, client: Client) -> None:
        """A storage id is one that the server gave."""
        answer = client.graphql('mutation { upsertBucket(input: {id: "x"}) { inserted } }')
        assert "not found" in answer["errors"][0]["message"]
        assert client.rules() == ["unknown-run"]


class TestFiles:
    def test_upload(self, client: Client) -> None:
        """A file that is put as asked is stored, and may be announced."""
        url, headers = client.upload_url("media/a b.png")
        assert requests.put(url, data=b"bytes", headers=headers, timeout=PATIENCE).status_code == 200
        client.stream({"uploaded": ["media/a b.png"]})
        assert (client.rules(), client.stored.files) == ([], {"media/a b.png": b"bytes"})
        assert client.stored.uploaded == ["media/a b.png"]

    @pytest.mark.parametrize("name", ["", "/a", "C:/a", "..", "../a", "a/../b", "a//b", "./a", "a/", "a\\b"])
    def test_name(self, client: Client, name: str) -> None:
        """A file's name is relative, with slashes, and stays inside the run."""
        names = {"entity": client.server.entity, "project": "p", "run": "r", "files": [name]}
        assert "errors" in client.graphql(CREATE_FILES, **names)
        assert client.rules() == ["file-name"]

    def test_announced_too_early(self, client: Client) -> None:
        """Only files whose bytes came are announced."""
        client.stream({"uploaded": ["never.txt"]})
        assert client.rules() == ["uploaded"]

    def test_key_on_upload(self, client: Client) -> None:
        """An upload with the key is refused: a signed URL must not see it."""
        url, headers = client.upload_url("a")
        answer = requests.put(url, data=b"x", headers=headers, auth=("api", client.server.api_key), timeout=PATIENCE)
        assert (answer.status_code, client.rules(), client.stored.files) == (400, ["put-authorization"], {})

    def test_upload_header(self, client: Client) -> None:
        """An upload carries the headers that came with its URL."""
        url, _ = client.upload_url("a")
        assert requests.put(url, data=b"x", timeout=PATIENCE).status_code == 400
        assert client.rules() == ["put-headers"]

    def test_upload_content_type(self, client: Client) -> None:
        """An upload has no content type of its own."""
        url, headers = client.upload_url("a")
        headers["Content-Type"] = "text/plain"
        assert requests.put(url, data=b"x", headers=headers, timeout=PATIENCE).status_code == 400
        assert client.rules() == ["put-content-type"]

    def test_upload_length(self, client: Client) -> None:
        """An upload says how long it is."""
        url, headers = client.upload_url("a")
        assert requests.put(url, data=iter([b"x"]), headers=headers, timeout=PATIENCE).status_code == 411
        assert client.rules() == ["put-length"]

    def test_signature(self, client: Client) -> None:
        """A URL that was changed is refused."""
        url, headers = client.upload_url("a")
        for changed in (url.replace("/a?", "/b?"), url.split("?")[0], url + "0"):
            assert requests.put(changed, data=b"x", headers=headers, timeout=PATIENCE).status_code == 403
        assert client.rules() == ["signature"] * 3

    def test_signature_of_another_method(self, client: Client) -> None:
        """A URL for an upload does not download."""
        url, _ = client.upload_url("a")
        assert requests.get(url, timeout=PATIENCE).status_code == 403
        assert client.rules() == ["signature"]


class TestGraphQL:
    def test_unknown_operation(self, client: Client) -> None:
        """A query that W&B has and this server has not is named as such."""
        assert "errors" in client.graphql("query Sweeps { sweeps { id } }")
        assert client.rules() == ["unknown-operation"]

    @pytest.mark.parametrize(
        "query",
        [
            "query {",
            "query { viewer { shoeSize } }",
            "query Q($name: Int) { project(name: $name) { id } }",
            "query Q($name: String!) { project(name: $name) { id } }",
            "mutation { upsertBucket(input: {nme: 1}) { inserted } }",
        ],
    )
    def test_wrong_document(self, client: Client, query: str) -> None:
        """Unknown fields, wrong types and missing variables are GraphQL errors."""
        assert "errors" in client.graphql(query)
        assert client.rules() == ["graphql"]

    def test_wrong_request(self, client: Client) -> None:
        """A request has a document, and variables that are an object."""
        assert client.post("/graphql", json={"query": 1}).status_code == 400
        assert client.post("/graphql", json={"query": "{ viewer { id } }", "variables": []}).status_code == 400
        assert client.rules() == ["graphql", "graphql"]

    @pytest.mark.parametrize("body", ["[]", "{}", "{", '{"query": NaN}'])
    def test_no_request(self, client: Client, body: str) -> None:
        """A body is an object with a query, in strict JSON."""
        headers = {"Content-Type": "application/json"}
        assert client.post("/graphql", data=body, headers=headers).status_code == 400
        assert client.rules() == ["strict-json"]


def test_violation_says_where(client: Client) -> None:
    """A violation reads as a sentence: rule, run, and what was seen."""
    client.stream(history=(3, [row(0)]))
    expected = "[gap] local-team/p/r: wandb-history.jsonl: line 3 came when 0 lines were stored"
    assert [str(violation) for violation in client.server.violations] == [expected]


def test_unknown_run_in_graphql(client: Client) -> None:
    """GraphQL for a run that was never created is an error as well."""
    answer = client.graphql(CREATE_FILES, entity="local-team", project="p", run="other", files=["a"])
    assert "not found" in answer["errors"][0]["message"]
    assert client.rules() == ["unknown-run"]


def test_config_is_kept_whole(client: Client, server: LocalServer) -> None:
    """What a client sends is there to compare, raw and parsed."""
    assert (client.stored.config_json, client.stored.config) == (CONFIG, {"lr": 0.1})
    assert client.stored.wandb_config == {"t": {}}
    assert json.loads(server.requests[0].body)["variables"]["input"] == client.stored.upserts[0]
