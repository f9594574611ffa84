"""A client as bare as can be: plain `requests`, no rule kept that the caller does not keep."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer, StoredRun

UPSERT = """
    mutation UpsertBucket($input: UpsertBucketInput!) {
      upsertBucket(input: $input) {
        bucket { id name displayName historyLineCount project { name entity { name } } } inserted
      }
    }
"""
CREATE_FILES = """
    mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
      createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
        runID uploadHeaders files { name uploadUrl }
      }
    }
"""
CONFIG = '{"_wandb": {"value": {"t": {}}}, "lr": {"value": 0.1}}'


class Client:
    """Requests to one server; `run` is the id of the run that `stream` feeds."""

    def __init__(self, server: LocalServer, run: str = "r") -> None:
        self.server = server
        self.run = run

    @property
    def stored(self) -> StoredRun:
        return self.server.run(self.run)

    def post(self, path: str, **given: Any) -> requests.Response:
        key = given.pop("key", self.server.api_key)
        return requests.post(self.server.url + path, auth=("api", key), timeout=PATIENCE, **given)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer: `data` and perhaps `errors`."""
        answer: dict[str, Any] = self.post("/graphql", json={"query": query, "variables": variables}).json()
        return answer

    def data(self, query: str, **variables: Any) -> Any:
        """The answer's data; it has no errors."""
        answer = self.graphql(query, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    def upsert(self, **values: Any) -> Any:
        values = {"name": self.run, "modelName": "p", "config": CONFIG, **values}
        return self.data(UPSERT, input=values)["upsertBucket"]

    def path(self) -> str:
        return f"/files/{self.server.entity}/p/{self.run}/file_stream"

    def stream(self, body: Any = None, **chunks: Any) -> requests.Response:
        """A file_stream request: a whole body, or lines as `history=(offset, [row, ...])`."""
        names = {
            "history": "wandb-history.jsonl",
            "events": "wandb-events.jsonl",
            "summary": "wandb-summary.json",
            "output": "output.log",
        }
        files = {
            names[name]: {"offset": offset, "content": lines(content)} for name, (offset, content) in chunks.items()
        }
        return self.post(self.path(), json={"files": files} if body is None else body)

    def upload_url(self, name: str) -> tuple[str, dict[str, str]]:
        """URL and headers for the upload of a file."""
        made = self.data(CREATE_FILES, entity=self.server.entity, project="p", run=self.run, files=[name])[
            "createRunFiles"
        ]
        return made["files"][0]["uploadUrl"], dict(header.split(":") for header in made["uploadHeaders"])

    def rules(self) -> list[str]:
        """The rules broken so far."""
        return [violation.rule for violation in self.server.violations]


def lines(content: list[Any]) -> list[Any]:
    return [item if isinstance(item, str) else json.dumps(item) for item in content]


def row(step: int, **metrics: Any) -> dict[str, Any]:
    return {"_step": step, "_timestamp": 1.7e9 + step, "_runtime": float(step), **metrics}
