"""Promises of `compat.install`: software that says `import wandb` finds this package, here and in child processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from wandb_logging.testing import LocalServer

OFFICIAL = Path(sys.prefix)


def python(source: str, *arguments: str, site: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own; without `site` there is no official SDK, only what it is given."""
    code = textwrap.dedent(source)
    flags = [] if site else ["-S", "-E"]  # nor what PYTHONPATH names
    return subprocess.run(
        [sys.executable, *flags, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=300
    )


# Everything that is installed, without what is named wandb: as if the official SDK were not there.
WITHOUT_OFFICIAL = """
    import sys, pathlib
    from importlib.machinery import PathFinder
    from importlib.metadata import MetadataPathFinder

    def _not_official(find):
        def found(name, *rest, **more):
            spec = find(name, *rest, **more)
            theirs = name.partition(".")[0] == "wandb" and spec is not None and "_as_wandb" not in str(spec.origin)
            return None if theirs else spec
        return found
    PathFinder.find_spec = _not_official(PathFinder.find_spec)
"""

SHAPE = """
    import importlib.metadata, importlib.util
    assert importlib.util.find_spec("wandb") is not None
    assert importlib.metadata.version("wandb") == "0.31.0"
    assert [d.version for d in importlib.metadata.distributions(name="wandb")][0] == "0.31.0"
    import wandb, wandb_logging.compat
    assert wandb is wandb_logging.compat
    assert wandb.__version__ == "0.31.0"
    from wandb.sdk.lib import RunDisabled
    from wandb.sdk.lib.config_util import ConfigError
    from wandb.sdk.wandb_run import Run
    from wandb.wandb_run import Run as Other
    import wandb.sdk.data_types.image as image
    assert Run is Other is wandb.Run and image.Image is wandb.Image
    assert importlib.util.find_spec("wandb.sdk.wandb_run") is not None
    assert importlib.util.find_spec("wandb.nonsense") is None
    assert importlib.util.find_spec("wandb") is not None
"""


def test_import_wandb_finds_us() -> None:
    """With its modules and its metadata; before that there is no such module."""
    source = (
        WITHOUT_OFFICIAL
        + """
    assert importlib.util.find_spec("wandb") is None if (importlib := __import__("importlib.util")) else None
    import wandb_logging.compat
    assert wandb_logging.compat.install() is None
    wandb_logging.compat.install()
    """
    )
    done = python(textwrap.dedent(source) + textwrap.dedent(SHAPE))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("how", ["subprocess", "spawn"])
def test_so_do_child_processes(how: str, tmp_path: Path) -> None:
    """Those that are started as programs, and those of `multiprocessing`."""
    (tmp_path / "child.py").write_text(textwrap.dedent(SHAPE))
    program = tmp_path / "parent.py"
    program.write_text(
        textwrap.dedent(
            """
            import sys, subprocess, multiprocessing, runpy
            import wandb_logging.compat

            def child(path):
                runpy.run_path(path)

            if __name__ == "__main__":
                how, path = sys.argv[1:]
                wandb_logging.compat.install(over=True)
                if how == "subprocess":
                    subprocess.run([sys.executable, path], check=True)
                else:
                    process = multiprocessing.get_context("spawn").Process(target=child, args=(path,))
                    process.start(); process.join()
                    assert process.exitcode == 0
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(program), how, str(tmp_path / "child.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def test_a_program_that_cannot_be_changed(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder first on PYTHONPATH is enough."""
    from wandb_logging.compat._install import FOLDER

    monkeypatch.setenv("PYTHONPATH", FOLDER)
    done = python(
        SHAPE
        + """
    with wandb.init(project="p"):
        wandb.log({"x": 1})
    """
    )
    assert done.returncode == 0, done.stderr
    assert wandb_server.runs[0].history[0]["x"] == 1


def test_never_over_the_official_sdk_unasked() -> None:
    """Installed, or imported already: an error says where it is; nothing changes."""
    pytest.importorskip("wandb")
    done = python("""
        import os, sys
        import wandb_logging.compat as compat
        path, inherited = sys.path[:], os.environ.get("PYTHONPATH", "")
        try:
            compat.install()
        except compat.Error as error:
            assert "the official SDK is installed, at " in str(error) and "over=True" in str(error), error
        else:
            raise AssertionError
        assert sys.path == path and os.environ.get("PYTHONPATH", "") == inherited
        import wandb
        assert wandb is not compat
        try:
            compat.install()
        except compat.Error as error:
            assert "imported already" in str(error), error
        compat.install(over=True)
        import wandb
        import wandb.sdk.wandb_run
        assert wandb is compat and wandb.sdk.wandb_run.Run is compat.Run
        compat.uninstall()
        assert sys.path == path and os.environ.get("PYTHONPATH", "") == inherited
        import wandb
        assert wandb is not compat
    """)
    assert done.returncode == 0, done.stderr


def test_a_folder_of_run_files_is_no_sdk(tmp_path: Path) -> None:
    """The official SDK leaves folders named wandb in working directories: they are found as namespaces."""
    from wandb_logging.compat._install import found_elsewhere

    (tmp_path / "wandb").mkdir()
    assert found_elsewhere([str(tmp_path)]) is None
    (tmp_path / "wandb" / "__init__.py").touch()
    found = found_elsewhere([str(tmp_path)])
    assert found is not None
    assert found.origin == str(tmp_path / "wandb" / "__init__.py")


def test_another_environment_keeps_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that has inherited the path, and has not this package, imports the wandb that it has."""
    from wandb_logging.compat._install import FOLDER

    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "__init__.py").write_text("mine = True\nfrom wandb.sub import name\n")
    (tmp_path / "wandb" / "sub.py").write_text("name = 1\n")
    done = python(
        f"""
        import sys
        sys.path[:] = [{FOLDER!r}, {str(tmp_path)!r}, *(part for part in sys.path if "site-packages" not in part)]
        import wandb, wandb.sub
        assert wandb.mine and wandb.sub.name == 1
        del sys.modules["wandb"], sys.modules["wandb.sub"]
        sys.path.remove({str(tmp_path)!r})
        try:
            import wandb
        except ImportError as error:
            assert "wandb_logging" in str(error), error
        else:
            raise AssertionError
    """,
        site=False,
    )
    assert done.returncode == 0, done.stderr


def test_importing_it_is_light() -> None:
    """Nothing of it comes with `import wandb_logging`; and it brings neither media nor what sends."""
    done = python("""
        import sys
        import wandb_logging, wandb_logging.testing
        assert not [name for name in sys.modules if name.startswith("wandb_logging.compat")]
        import wandb_logging.compat
        wandb_logging.compat.install(over=True)
        late = [name for name in sys.modules if name.startswith(("wandb_logging._media.", "wandb_logging._artifacts"))]
        late += sorted({"requests", "urllib3", "yaml", "numpy", "torch", "tenacity"} & set(sys.modules))
        assert late == [], late
    """)
    assert done.returncode == 0, done.stderr
