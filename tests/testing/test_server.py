from __future__ import annotations

import builtins
import itertools
import json
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

import wandb_logging.testing
from tests.patience import PATIENCE
from tests.testing.client import CONFIG, UPSERT, Client, row
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEWER = "query Viewer { viewer { entity } }"
CERTIFICATE = Path(__file__).with_name("loopback.pem")
RESUME = """
    query RunResumeStatus($project: String, $entity: String, $name: String!) {
      model(name: $project, entityName: $entity) {
        id name entity { id name }
        bucket(name: $name, missingOk: true) {
          id name displayName summaryMetrics config tags notes
          historyLineCount eventsLineCount logLineCount historyTail eventsTail wandbConfig(keys: ["t"])
        }
      }
    }
"""


class TestLife:
    def test_restart(self, client: Client) -> None:
        """A stopped server refuses connections; started again it has its port and its data."""
        server, url = client.server, client.server.url
        server.stop()
        with pytest.raises(requests.ConnectionError):
            client.stream({})
        server.start()
        assert server.url == url
        assert client.stream({}).status_code == 200

    def test_twice(self, server: LocalServer) -> None:
        """Starting and stopping twice does no harm."""
        url = server.url
        assert server.start().url == url
        server.stop()
        server.stop()

    def test_connections_end_with_it(self, server: LocalServer) -> None:
        """A connection that is kept alive is broken by stopping."""
        with requests.Session() as session:
            session.auth = ("api", server.api_key)
            assert session.post(server.url + "/graphql", json={"query": VIEWER}, timeout=PATIENCE).ok
            server.stop()
            with pytest.raises(requests.ConnectionError):
                session.post(server.url + "/graphql", json={"query": VIEWER}, timeout=PATIENCE)

    def test_no_url_before_start(self) -> None:
        """There is no URL before there is a port."""
        with pytest.raises(RuntimeError, match=r"before start\(\)"):
            _ = LocalServer().url

    def test_tls(self) -> None:
        """With a certificate the server speaks https, and plain http does not disturb it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        with LocalServer(tls=context) as server:
            assert server.url.startswith("https://127.0.0.1:")
            with pytest.raises(requests.ConnectionError):
                requests.get(server.url.replace("https", "http"), timeout=PATIENCE)
            with pytest.raises(requests.exceptions.SSLError):
                requests.get(server.url, timeout=PATIENCE)
            answer = requests.post(
                server.url + "/graphql",
                json={"query": VIEWER},
                auth=("api", server.api_key),
                verify=str(CERTIFICATE),
                timeout=PATIENCE,
            )
            assert answer.status_code == 200

    def test_without_graphql(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where graphql-core is missing, starting says how to get it."""
        real = builtins.__import__

        def missing(name: str, *args: Any, **kwargs: Any) -> Any:
            if name == "graphql":
                raise ImportError(name)
            return real(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", missing)
        with pytest.raises(ImportError, match=r"pip install 'wandb-logging\[testing\]'"):
            LocalServer().start()

    def test_many_clients(self, client: Client) -> None:
        """Clients at the same time do not lose each other's lines."""

        def work(number: int) -> None:
            own = Client(client.server, f"run{number}")
            own.upsert()
            for step in range(5):
                own.stream(history=(step, [row(step)]))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(run.history) for run in client.server.runs[1:]] == [5] * 8
        assert client.rules() == []


class TestKeys:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Basic !"},
            {"Authorization": "Basic /w=="},
            {"Authorization": "Bearer " + "0" * 40},
        ],
        ids=str,
    )
    def test_none(self, server: LocalServer, headers: dict[str, str]) -> None:
        """Without a key, or with something else, the answer is 401 and an error body."""
        answer = requests.post(server.url + "/graphql", json={"query": VIEWER}, headers=headers, timeout=PATIENCE)
        assert (answer.status_code, answer.json()["error"]) == (401, "user is not logged in")

    def test_wrong(self, client: Client) -> None:
        """A wrong key, or another user than `api`, gets 401 everywhere and is no violation."""
        key = client.server.api_key
        assert client.post("/graphql", json={"query": VIEWER}, key="0" * 40).status_code == 401
        assert client.post(client.path(), json={}, key="0" * 40).status_code == 401
        url = client.server.url + "/graphql"
        assert requests.post(url, json={"query": VIEWER}, auth=("user", key), timeout=PATIENCE).status_code == 401
        assert client.rules() == []

    def test_live_change(self, client: Client) -> None:
        """Keys may be added and revoked while clients run."""
        client.server.add_key("1" * 40)
        client.server.revoke_key(client.server.api_key)
        assert client.stream({}).status_code == 401
        assert client.post(client.path(), json={}, key="1" * 40).status_code == 200

    def test_made_up(self) -> None:
        """A key that is made up is one that W&B's own clients take."""
        assert len(LocalServer().api_key) == 40
        assert LocalServer("a" * 41).api_key == "a" * 41


class TestUpsert:
    def test_new(self, server: LocalServer) -> None:
        """A new run is made with its project; the server fills in entity and name."""
        bucket = {
            "id": "UnVuOnYxOnI6cDpsb2NhbC10ZWFt",
            "name": "r",
            "displayName": "brave-river-1",
            "historyLineCount": 0,
            "project": {"name": "p", "entity": {"name": "local-team"}},
        }
        assert Client(server).upsert() == {"bucket": bucket, "inserted": True}
        assert server.run("r").storage_id == bucket["id"]

    def test_null_leaves_unchanged(self, client: Client) -> None:
        """A null input leaves its field as it was; another value replaces it."""
        client.upsert(notes="n", tags=["a"], groupName="g", displayName="name", jobType="t", host="h", jobProgram="x")
        answer = client.upsert(notes=None, tags=None, groupName=None, displayName=None, config=None, jobType="u")
        run = client.stored
        assert (run.notes, run.tags, run.group, run.display_name) == ("n", ["a"], "g", "name")
        assert (run.job_type, run.host, run.program, run.config_json) == ("u", "h", "x", CONFIG)
        assert answer["inserted"] is False

    def test_by_storage_id(self, client: Client) -> None:
        """A run is also found by its storage id."""
        client.upsert(name=None, id=client.stored.storage_id, notes="n")
        assert ([run.id for run in client.server.runs], client.stored.notes) == (["r"], "n")

    def test_inputs_are_kept(self, client: Client) -> None:
        """The inputs are kept as they came, nulls and all."""
        client.upsert(notes=None, tags=["a"])
        expected = {"name": "r", "modelName": "p", "config": CONFIG, "notes": None, "tags": ["a"]}
        assert client.stored.upserts[1] == expected

    def test_unknown_entity(self, client: Client) -> None:
        """An entity that does not exist gets 404, until it is added."""
        values = {"name": "r", "entityName": "others", "modelName": "p"}
        body = {"query": UPSERT, "variables": {"input": values}}
        answer = client.post("/graphql", json=body)
        assert (answer.status_code, client.rules()) == (404, [])
        assert "entity others not found" in answer.json()["errors"][0]["message"]
        client.server.entities.add("others")
        assert client.post("/graphql", json=body).status_code == 200
        assert client.server.run("r", entity="others").path == "others/p/r"


class TestStream:
    def test_answer(self, client: Client) -> None:
        """The answer has the exit code and says when to stop."""
        assert client.stream({}).json() == {"exitcode": None, "limits": {}}
        client.server.stop_run("r")
        assert client.stream({"complete": True, "exitcode": 3}).json() == {
            "exitcode": 3,
            "limits": {},
            "stopped": True,
        }

    @pytest.mark.parametrize(("code", "state"), [(0, "finished"), (1, "failed"), (255, "failed")])
    def test_state(self, client: Client, code: int, state: str) -> None:
        """The exit code decides what became of the run."""
        assert client.stored.state == "running"
        client.stream({"complete": True, "exitcode": code})
        assert (client.stored.state, client.stored.exit_code) == (state, code)

    def test_heartbeats(self, client: Client) -> None:
        """Empty bodies are counted, and `preempting` is remembered."""
        client.stream({})
        client.stream({"preempting": True})
        client.stream({})
        assert (client.stored.heartbeats, client.stored.preempting) == (2, True)

    def test_lines(self, client: Client) -> None:
        """Lines are there as sent and parsed."""
        client.stream(history=(0, [row(0)]), events=(0, [row(0, cpu=1)]))
        assert client.stored.history_lines == [json.dumps(row(0))]
        assert client.stored.events_lines == [json.dumps(row(0, cpu=1))]
        assert client.stored.events == [row(0, cpu=1)]


class TestResume:
    def ask(self, client: Client, name: str, project: str = "p") -> Any:
        return client.data(RESUME, project=project, entity="local-team", name=name)["model"]

    def test_status(self, client: Client) -> None:
        """A run that existed gives its counts and tails, as JSON in JSON."""
        old = client.server.create_run(
            "old",
            "p",
            config={"lr": 1},
            summary={"loss": 2},
            history=[{"loss": 3}, {"loss": 2}],
            events=[row(0)],
            output=["a", "b", "c"],
            tags=["t"],
            notes="n",
        )
        bucket = self.ask(client, "old")["bucket"]
        counts = [bucket[name] for name in ("historyLineCount", "eventsLineCount", "logLineCount")]
        assert counts == [2, 1, 3]
        assert [json.loads(line) for line in json.loads(bucket["historyTail"])] == old.history
        assert [json.loads(line) for line in json.loads(bucket["eventsTail"])] == old.events
        assert (json.loads(bucket["summaryMetrics"]), json.loads(bucket["wandbConfig"])) == ({"loss": 2}, {"t": {}})
        assert json.loads(bucket["config"]) == {"lr": {"value": 1}, "_wandb": {"value": {"t": {}}}}
        assert (bucket["tags"], bucket["notes"]) == (["t"], "n")

    def test_missing(self, client: Client) -> None:
        """A run or a project that does not exist is null."""
        assert self.ask(client, "nobody")["bucket"] is None
        assert self.ask(client, "r", project="none") is None
        assert client.rules() == []

    def test_create_run(self, server: LocalServer) -> None:
        """A seeded run is finished, unless asked otherwise, and its rows have what rows need."""
        run = server.create_run(history=[{"loss": 1}, {"loss": 0, "_step": 7}])
        assert [item["_step"] for item in run.history] == [0, 7]
        assert (run.state, run.exit_code, run.project) == ("finished", 0, "uncategorized")
        assert server.create_run("failed", exit_code=1).state == "failed"
        running = server.create_run("running", exit_code=None, entity="others", wandb_config={})
        assert (running.state, running.wandb_config) == ("running", {})
        assert "others" in server.entities

    def test_rewind(self, client: Client) -> None:
        """Rewinding keeps the rows up to a step; the next one follows it. Events and text begin anew."""
        said = "2026-11-29T21:00:00.000000 a line"

        def event(value: int) -> dict[str, Any]:
            return {"_timestamp": 1.0, "_runtime": 1.0, "a": value}

        client.stream(history=(0, [row(step) for step in range(5)]), events=(0, [event(1)]), output=(0, [said]))
        query = """
            mutation RewindRun($metric: String!) {
              rewindRun(input: {runName: "r", projectName: "p", metricName: $metric, metricValue: 2}) {
                rewoundRun { historyLineCount }
              }
            }
        """
        assert "errors" in client.graphql(query, metric="loss")
        assert client.data(query, metric="_step")["rewindRun"]["rewoundRun"]["historyLineCount"] == 3
        client.stream(history=(3, [row(3, other=1)]), events=(0, [event(2)]))
        assert (client.rules(), len(client.stored.history)) == ([], 4)
        assert (client.stored.events, client.stored.output) == ([event(2)], [])


class TestQueries:
    def test_viewer(self, client: Client) -> None:
        """The viewer has the default entity."""
        assert client.data(VIEWER) == {"viewer": {"entity": "local-team"}}

    def test_features(self, client: Client) -> None:
        """Features can be switched while clients run."""
        query = "query ServerFeaturesQuery { serverInfo { features { name isEnabled } } }"
        assert client.data(query) == {"serverInfo": {"features": []}}
        client.server.features = {"FILESTREAM_GZIP"}
        expected = [{"name": "FILESTREAM_GZIP", "isEnabled": True}]
        assert client.data(query) == {"serverInfo": {"features": expected}}

    def test_stopped(self, client: Client) -> None:
        """A stop request can be asked for with GraphQL, and made."""
        query = 'query RunStoppedStatus { project(name: "p", entityName: "local-team") { run(name: "r") { stopped } } }'
        assert client.data(query)["project"]["run"]["stopped"] is False
        stop = "mutation StopRun($id: ID!) { stopRun(input: {id: $id}) { success } }"
        assert client.data(stop, id=client.stored.storage_id)["stopRun"]["success"] is True
        assert client.data(stop, id="other")["stopRun"]["success"] is False
        assert client.data(query)["project"]["run"]["stopped"] is True

    def test_alert(self, client: Client) -> None:
        """An alert is kept with the run."""
        query = """
            mutation NotifyScriptableRunAlert {
              notifyScriptableRunAlert(input: {entityName: "local-team", projectName: "p", runName: "r",
                title: "t", text: "x", severity: ERROR, waitDuration: 60000}) { success }
            }
        """
        client.data(query)
        expected = {"title": "t", "text": "x", "severity": "ERROR", "waitDuration": 60000}
        assert client.stored.alerts == [expected]

    def test_mark_uploaded(self, client: Client) -> None:
        """Files may be announced with GraphQL instead."""
        url, headers = client.upload_url("a")
        requests.put(url, data=b"x", headers=headers, timeout=PATIENCE)
        query = """
            mutation MarkRunFilesUploaded($files: [String!]!) {
              markRunFilesUploaded(input: {entityName: "local-team", projectName: "p", runName: "r", files: $files}) {
                success
              }
            }
        """
        client.data(query, files=["a"])
        assert (client.stored.uploaded, client.rules()) == (["a"], [])
        client.data(query, files=["b"])
        assert client.rules() == ["uploaded"]

    def test_download(self, client: Client) -> None:
        """A stored file can be downloaded from the URL that a query gives; one that never came is not found."""
        url, headers = client.upload_url("a b")
        requests.put(url, data=b"bytes", headers=headers, timeout=PATIENCE)
        query = """
            query RunFiles($names: [String]) {
              project(name: "p", entityName: "local-team") {
                run(name: "r") { fileCount files(names: $names) { edges { node { name directUrl sizeBytes md5 } } } }
              }
            }
        """
        run = client.data(query, names=["a b"])["project"]["run"]
        (edge,) = run["files"]["edges"]
        assert (edge["node"]["sizeBytes"], edge["node"]["md5"]) == (5, "SzpiGLs+OnMD6KFxpg/Pkg==")
        answer = requests.get(edge["node"]["directUrl"], timeout=PATIENCE)
        assert (answer.content, requests.head(edge["node"]["directUrl"], timeout=PATIENCE).status_code) == (
            b"bytes",
            200,
        )
        client.stored.files.clear()
        assert requests.get(edge["node"]["directUrl"], timeout=PATIENCE).status_code == 404

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({}, ["a", "b", "r"]),
            ({"state": "failed"}, ["b"]),
            ({"displayName": "x"}, ["a"]),
            ({"tags": "t"}, ["b"]),
            ({"config.lr": 2}, ["b"]),
            ({"group": "g", "state": "finished"}, ["a"]),
            ({"config.lr.value": {"$gt": 1.5}}, ["b"]),
            ({"config.net.width": 3}, ["a"]),
            ({"config.lr": {"$exists": True}}, ["b", "r"]),
            ({"summary_metrics.loss": {"$lte": 1}}, ["a"]),
            ({"$and": [{"state": "finished"}, {"$or": [{"group": "g"}, {"config.lr": {"$gte": 2}}]}]}, ["a"]),
            ({"tags": {"$in": ["t", "u"]}}, ["b"]),
            ({"tags": {"$nin": ["t", "u"]}}, ["a", "r"]),
            ({"displayName": {"$regex": "^x"}}, ["a"]),
            ({"state": {"$ne": "failed"}, "group": {"$ne": None}}, ["a"]),
            ({"config.net": {"$lt": 3}}, []),
        ],
        ids=str,
    )
    def test_filters(self, client: Client, filters: Any, found: list[str]) -> None:
        """Runs are filtered by what tests ask for."""
        net = {"net": {"width": 3}}
        client.server.create_run("a", "p", display_name="x", group="g", config=net, summary={"loss": 1})
        client.server.create_run("b", "p", tags=["t"], exit_code=1, config={"lr": 2}, summary={"loss": 2})
        query = """
            query Runs($filters: JSONString, $order: String) {
              project(name: "p", entityName: "local-team") {
                runCount(filters: $filters)
                runs(filters: $filters, order: $order, first: 50) { edges { node { name } } }
              }
            }
        """
        project = client.data(query, filters=json.dumps(filters))["project"]
        assert sorted(edge["node"]["name"] for edge in project["runs"]["edges"]) == found
        assert project["runCount"] == len(found)
        assert "errors" in client.graphql(query, filters='{"loss": 1}')
        assert "errors" in client.graphql(query, filters='{"state": {"$near": 1}}')
        assert "errors" in client.graphql(query, order="loss")
        ordered = client.data(query, order="-summary_metrics.loss")["project"]["runs"]["edges"]
        assert [edge["node"]["name"] for edge in ordered] == ["b", "a", "r"]

    def test_sampled_history(self, client: Client) -> None:
        """Numbers that are not finite become texts where an answer must be JSON."""
        rows = [row(0, a=float("nan"), b=1), row(1, a=float("inf"), b=[-float("inf")])]
        client.stream(history=(0, rows))
        query = """
            query RunSampledHistory($specs: [JSONString!]!) {
              project(name: "p", entityName: "local-team") { run(name: "r") { sampledHistory(specs: $specs) } }
            }
        """
        sampled = client.data(query, specs=['{"keys": ["a", "b"]}'])["project"]["run"]["sampledHistory"]
        assert sampled == [[{"a": "NaN", "b": 1}, {"a": "Infinity", "b": ["-Infinity"]}]]

    def test_pages(self, client: Client) -> None:
        """Long lists come in pages that lead to each other."""
        for number in range(5):
            client.server.create_run(f"run{number}", "q")
        query = """
            query Runs($after: String) {
              project(name: "q") {
                runs(first: 2, after: $after) { edges { node { name } } pageInfo { endCursor hasNextPage } }
              }
            }
        """
        assert list(pages(client, query)) == [["run0", "run1"], ["run2", "run3"], ["run4"]]


def pages(client: Client, query: str) -> Iterator[list[str]]:
    after, more = None, True
    while more:
        runs = client.data(query, after=after)["project"]["runs"]
        yield [edge["node"]["name"] for edge in runs["edges"]]
        after, more = runs["pageInfo"]["endCursor"], runs["pageInfo"]["hasNextPage"]


class TestLookingIn:
    def test_run(self, client: Client) -> None:
        """A run is found by its id; who looks for another is told which there are."""
        assert client.server.run("r", "p", "local-team") is client.server.runs[0]
        with pytest.raises(KeyError, match="no run q/r; runs here: local-team/p/r"):
            client.server.run("r", "q")
        with pytest.raises(KeyError, match="none"), LocalServer() as empty:
            empty.run("r")

    def test_delete_run(self, client: Client) -> None:
        """A deleted run is gone for its client."""
        client.server.delete_run("r")
        assert client.stream({}).status_code == 404

    def test_requests(self, client: Client) -> None:
        """Requests are recorded with their operation, status and body."""
        client.stream({})
        upsert, stream = client.server.requests
        assert (upsert.method, upsert.path, upsert.operation, upsert.status) == (
            "POST",
            "/graphql",
            "UpsertBucket",
            200,
        )
        assert (stream.path, stream.operation, stream.json()) == (client.path(), None, {})
        assert stream.time > upsert.time
        assert stream.headers["Content-Type"] == "application/json"

    def test_anonymous_operation(self, client: Client) -> None:
        """A document without a name has no operation; a given name wins over the document's."""
        client.graphql("{ viewer { id } }")
        two = "query A { viewer { id } } query B { viewer { id } }"
        client.post("/graphql", json={"query": two, "operationName": "B"})
        assert [item.operation for item in client.server.requests[-2:]] == [None, "B"]
        assert client.rules() == []

    def test_env(self, server: LocalServer) -> None:
        """The environment has what a client needs."""
        expected = {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": server.api_key, "WANDB_ERROR_REPORTING": "false"}
        assert server.env() == expected

    def test_short_forms(self, client: Client) -> None:
        """A run shows itself in one line."""
        assert repr(client.stored) == "<StoredRun local-team/p/r running, 0 rows>"


class TestWaiting:
    def test_until_a_request(self, server: LocalServer) -> None:
        """Waiting ends with the request that makes it so, also for a run that does not exist yet."""
        client = Client(server)
        thread = threading.Thread(target=lambda: (client.upsert(), client.stream(history=(0, [row(0)]))))
        thread.start()
        assert server.wait_for(lambda: server.run("r").history) == [row(0)]
        thread.join()

    def test_until_something_else(self, server: LocalServer) -> None:
        """Waiting also ends when something outside the server makes it so."""
        asked = itertools.count()
        assert server.wait_for(lambda: next(asked) > 1)

    def test_too_long(self, client: Client) -> None:
        """Who waited in vain is told what came."""
        client.stream(history=(1, [row(0)]))
        with pytest.raises(TimeoutError) as caught:
            client.server.wait_for(lambda: False, timeout=0.01)
        for part in ("1 x UpsertBucket 200", "POST /files/local-team/p/r/file_stream 200", "1 rows", "[gap]"):
            assert part in str(caught.value)


def test_fault_of_our_own(client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An error inside the server is a violation too, so that no client's retry hides it."""
    monkeypatch.setattr(client.server._store, "stream", None)
    with pytest.raises(requests.ConnectionError):
        client.stream({})
    assert client.rules() == ["server-error"]
    assert "TypeError" in capsys.readouterr().err


def test_exported_names() -> None:
    """What `__all__` names is there, and nothing else is."""
    for name in wandb_logging.testing.__all__:
        assert getattr(wandb_logging.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = wandb_logging.testing.Other


def test_half_a_request_is_none(server: LocalServer) -> None:
    """A client that is killed while it sends broke no rule, and nothing of its request counts."""
    import socket

    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as connection:
        head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b'{"que')
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert server.requests == []
    assert server.violations == []
