"""The key that a run is sent with leaves in no request, whoever wrote what is sent."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.started import printed
from tests.surroundings import without
from wandb_logging import Html, Table, new_run, sync
from wandb_logging._server.client import Client
from wandb_logging.testing import LocalServer

# It has no key, and so does not know what it must not tell.
EARLIER = """
import logging, sys
import wandb_logging as wl
key = sys.argv[1]
run = wl.new_run("p", run_id="r", mode="offline", quiet=True, mask_secrets=False, host=sys.argv[2], name=key,
                 notes=f"with {key}", group=key, tags=["t", key],
                 config={"a": key, key: 1, "deep": [{"k": f"x{key}x"}]})
handler = wl.WandbHandler(run=run)
logging.getLogger(key).addHandler(handler)
logging.getLogger(key).warning("text %s", key, extra={"metrics": {key: 1, "text": f"y{key}"}})
run.log({"n": 1, "html": wl.Html("<p>no key</p>")})
run.define_metric(key)
run.summary["best"] = key
run.log_output(f"printed {key}\\n")
run.alert("title", f"alert {key}")
run.name = f"later {key}"
run.finish()
"""


@pytest.mark.not_quick
@pytest.mark.parametrize("gzip", [True, False])
def test_what_an_earlier_process_wrote(gzip: bool, wandb_server: LocalServer, tmp_path: Path) -> None:
    """Config, names, notes, rows, text, summary, alerts and the files that each run has."""
    if not gzip:
        wandb_server.features = wandb_server.features - {"FILESTREAM_GZIP"}
    key = wandb_server.api_key
    printed(EARLIER, key, wandb_server.url, cwd=tmp_path, env={**without("WANDB_"), "HOME": str(tmp_path)})
    (report,) = sync(tmp_path / "wandb_cache")
    assert report.ok, report
    run = wandb_server.run("r")
    assert len(run.history) == 2
    secret = (key.encode(), base64.b64encode(f"api:{key}".encode()))
    told = [
        (request.operation or request.path, request.body[max(0, at - 60) : at + 60])
        for request in wandb_server.requests
        for form in secret
        if (at := request.body.find(form)) >= 0
    ]
    assert told == []
    assert "***" in run.config["a"]
    assert {"output.log", "config.yaml", "wandb-metadata.json"} <= set(run.files)
    for name, content in run.files.items():
        assert key.encode() not in content, name


def test_a_client_knows_its_own_key_alone() -> None:
    """Another one is not its business."""
    key = "k" * 40
    client = Client("http://127.0.0.1:9", key)
    assert client.mask(f"a {key} b") == "a *** b"
    assert client.mask("x" * 40) == "x" * 40
    assert Client("http://127.0.0.1:9", None).mask(key) == key
    client.close()


def test_what_the_run_writes_as_files_of_text(wandb_server: LocalServer) -> None:
    """Tables, pages and charts with the key in them are masked before they are on the disk; other files go as given."""
    key = wandb_server.api_key
    Path("mine.html").write_text(f"<b>{key}</b>")
    with new_run("p", mode="online", run_id="r", quiet=True) as run:
        run.log({"rows": Table(columns=["a"], data=[[key], [f"x{key}x"]]), "page": Html(f"<b>{key}</b>")})
        run.summary["rows"] = Table(columns=[key], data=[[1]])
        run.save("mine.html")
    assert run.dir is not None
    kept = {path.name for path in run.dir.rglob("*") if path.is_file() and key.encode() in path.read_bytes()}
    sent = {name for name, content in wandb_server.run("r").files.items() if key.encode() in content}
    assert (kept, sent) == ({"mine.html"}, {"mine.html"})
    assert run.stats()["masked"] == 3
