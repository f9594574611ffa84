from __future__ import annotations

import pytest

from tests.started import printed

pytest_plugins = ["pytester"]

TESTS = """
    import os, urllib.request, pytest

    def test_points_here(wandb_server, tmp_path):
        assert os.environ["WANDB_BASE_URL"] == wandb_server.url
        assert os.environ["WANDB_API_KEY"] == wandb_server.api_key
        assert "WANDB_PROJECT" not in os.environ
        assert os.environ["NETRC"].startswith(str(tmp_path))

    def break_a_rule(server):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(server.url + "/nowhere")

    def test_breaks_a_rule(wandb_server):
        break_a_rule(wandb_server)

    def test_is_allowed_all(wandb_server):
        wandb_server.allow_violations()
        break_a_rule(wandb_server)

    def test_is_allowed_one(wandb_server):
        wandb_server.allow_violations("unknown-path")
        break_a_rule(wandb_server)

    def test_is_allowed_another(wandb_server):
        wandb_server.allow_violations("gap")
        break_a_rule(wandb_server)
"""


@pytest.fixture
def plugged(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of its own that has the plugin, installed or not."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("WANDB_PROJECT", "of the person who runs the tests")
    return pytester


@pytest.mark.not_quick
def test_fixture(plugged: pytest.Pytester) -> None:
    """The fixture points the environment at a server, and fails a test that breaks a rule it did not announce."""
    plugged.makepyfile(TESTS)
    result = plugged.runpytest_subprocess("-p", "wandb_logging.testing.plugin")
    result.assert_outcomes(passed=5, errors=2)
    result.stdout.fnmatch_lines(["*the W&B protocol was broken:", "*unknown-path*GET /nowhere"])


def test_loading_is_light() -> None:
    """Loading the plugin imports neither the server nor what it needs."""
    code = (
        "import sys, pytest, wandb_logging; before = set(sys.modules); import wandb_logging.testing.plugin; "
        "print([n for n in set(sys.modules) - before if n.split('.')[0] in ('graphql', 'http', 'ssl', 'requests')])"
    )
    assert printed(code).strip() == "[]"
