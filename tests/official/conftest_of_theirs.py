"""The fixtures that the official SDK's system tests ask for, over a `LocalServer`, with no word of the SDK's insides.

`python -m tests.official` puts this in the place of the two conftest files in a copy of these tests: so they run alike
with the official SDK and with `compat` as `wandb`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

os.environ["WANDB_ERROR_REPORTING"] = "false"
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"

import wandb

if "wandb_logging" in (wandb.__file__ or ""):
    import insides  # type: ignore[import-not-found]  # which stands beside this there

    insides.stand_in()

from click.testing import CliRunner

from wandb_logging.testing import LocalServer

pytest_plugins = ["tests.fixtures.mock_wandb_log"]
if "wandb_logging" not in (wandb.__file__ or ""):
    pytest_plugins.append("tests.fixtures.emulated_terminal")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not in the file that ONLY names, if there is one."""
    if "ONLY" in os.environ:
        wanted = set(Path(os.environ["ONLY"]).read_text().splitlines())
        chosen = {item for item in items if name_of(item.nodeid) in wanted}
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]


def name_of(nodeid: str) -> str:
    """A test's name, as the report in XML has it."""
    path, _, rest = nodeid.partition("::")
    *classes, name = rest.split("::", rest.partition("[")[0].count("::"))
    return ".".join([path.replace("/", ".").removesuffix(".py"), *classes]) + "::" + name


@pytest.fixture(autouse=True)
def _of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder, a netrc file, and no run that is left over."""
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    if "WANDB_BASE_URL" not in os.environ:
        monkeypatch.setenv("WANDB_BASE_URL", "https://invalid")
    with CliRunner().isolated_filesystem(temp_dir=tmp_path):
        wandb.teardown()
        yield
        wandb.teardown()


# --- the server ---


@pytest.fixture(scope="session")
def the_server() -> Iterator[LocalServer]:
    with LocalServer(features=["ARTIFACT_TAGS"]) as server:  # which W&B's own server has
        yield server


def person(server: LocalServer) -> Iterator[str]:
    """A user with a team of the user's name, which is a key, too: the tests say `Api(api_key=user)`."""
    name, key = f"user_master-{secrets.token_hex(20)}", secrets.token_hex(20)
    server.entities.add(name)
    server._store.entity = name
    server.add_key(name)
    server.add_key(key)
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("WANDB_ENTITY", "WANDB_USERNAME"):
            patch.setenv(variable, name)
        patch.setenv("WANDB_API_KEY", key)  # not the name: whatever is the key is masked wherever it stands
        patch.setenv("WANDB_BASE_URL", server.url)
        yield name


@pytest.fixture
def user(the_server: LocalServer) -> Iterator[str]:
    yield from person(the_server)


@pytest.fixture(scope="module")
def module_user(the_server: LocalServer) -> Iterator[str]:
    yield from person(the_server)


@pytest.fixture
def api(user: str) -> Any:
    return wandb.Api(api_key=user)


@pytest.fixture
def module_api(module_user: str) -> Any:
    return wandb.Api(api_key=module_user)


@pytest.fixture(scope="module")
def make_module_api(module_user: str) -> Callable[[], Any]:
    return lambda: wandb.Api(api_key=module_user)


@pytest.fixture(scope="session")
def wandb_backend_proxy_server(the_server: LocalServer) -> Iterator[Any]:
    from tests.fixtures.wandb_backend_spy import spy_proxy  # type: ignore[import-not-found]  # in their checkout

    port = int(the_server.url.rpartition(":")[2])
    with spy_proxy(target_host="127.0.0.1", target_port=port) as proxy:
        yield proxy


@pytest.fixture
def wandb_backend_spy(user: str, wandb_backend_proxy_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{wandb_backend_proxy_server.port}")
    with wandb_backend_proxy_server.spy() as spy:
        yield spy


# --- small things ---


@pytest.fixture(scope="session")
def wandb_verbose() -> bool:
    return False


@pytest.fixture(scope="session")
def assets_path() -> Callable[[Any], Path]:
    return lambda path: Path(__file__).resolve().parent / "assets" / path


@pytest.fixture
def copy_asset(assets_path: Callable[[Any], Path]) -> Callable[..., Any]:
    def copied(path: Any, target: Any = None) -> Any:
        source = assets_path(path)
        return (shutil.copy if source.is_file() else shutil.copytree)(source, target or path)

    return copied


@pytest.fixture
def dummy_api_key() -> str:
    return "1824812581259009ca9981580f8f8a9012409eee"


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


@pytest.fixture
def git_repo(runner: CliRunner) -> Iterator[SimpleNamespace]:
    with runner.isolated_filesystem():
        Path("README").touch()
        for command in ("init .", "config user.name test", "config user.email t@example.com", "add README"):
            subprocess.run(["git", *command.split()], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["git", "commit", "-q", "-m", "first"], check=True)
        yield SimpleNamespace(root=str(Path.cwd()))


@pytest.fixture
def test_settings() -> Callable[..., Any]:
    def made(more: Any = None) -> Any:
        values = more if isinstance(more, dict) else {} if more is None else vars(more)
        return wandb.Settings(console="off", save_code=False, **values)

    return made


@pytest.fixture
def example_file(tmp_path: Path) -> Path:
    path = tmp_path / "test.txt"
    path.write_text("hello")
    return path


@pytest.fixture
def example_files(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        (folder / f"artifact_{number}.txt").write_text(f"file-{number}")
    return folder


@pytest.fixture
def logged_artifact(user: str, example_files: Path, api: Any) -> Any:
    with wandb.init(entity=user, project="project") as run:
        artifact = wandb.Artifact("test-artifact", "dataset")
        artifact.add_dir(str(example_files))
        run.log_artifact(artifact)
    artifact.wait()
    return api.artifact(f"{user}/project/test-artifact:v0")


@pytest.fixture
def linked_artifact(user: str, logged_artifact: Any, api: Any) -> Any:
    with wandb.init(entity=user, project="other-project") as run:
        run.link_artifact(logged_artifact, "linked-from-portfolio")
    return api.artifact(f"{user}/other-project/linked-from-portfolio:v0")


@pytest.fixture
def override_env_dirs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable, folder in {"CACHE": "my-cache", "DATA": "my-staging", "ARTIFACT": "my-artifacts"}.items():
        monkeypatch.setenv(f"WANDB_{variable}_DIR", str(tmp_path / folder))


@pytest.fixture
def skip_verify_login() -> None:
    """Nothing to skip: the server is there."""


@pytest.fixture
def wandb_caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    return caplog
