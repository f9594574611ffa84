from __future__ import annotations

import os
from pathlib import Path

import pytest

import wandb_logging
from tests.cli.commands import PACKAGE, child
from tests.patience import PATIENCE
from tests.started import printed
from wandb_logging._cli import main, status
from wandb_logging._cli.commands import COMMANDS


class TestUsage:
    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`--version` is the package's."""
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"wandb-logging {wandb_logging.__version__}\n"

    @pytest.mark.parametrize("command", COMMANDS)
    def test_help_has_an_example(self, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Each command's help shows how it is typed."""
        assert main([command, "--help"]) == 0
        assert f"examples:\n  wandb-logging {command}" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "args",
        [
            ["nonsense"],
            ["ls", "--sort", "size"],
            ["ls", "--limit", "x"],
            ["sync", "--timeout", "soon"],
            ["sync", "--timeout", "-1"],
            ["login", "--host", "x"],
        ],
    )
    def test_wrong_usage(self, args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """Wrong usage is exit code 2 and one line that leads to the help."""
        assert main(args) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("wandb-logging: ")
        assert captured.err.count("\n") == 1
        assert "--help`)" in captured.err

    @pytest.mark.parametrize(
        ("typed", "said"),
        [("snyc", "no command 'snyc', did you mean 'sync'?"), ("nonsense", "no command 'nonsense'")],
    )
    def test_a_mistyped_command(self, typed: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
        """The nearest one is named, in place of a list of all."""
        assert main([typed, "--follow"]) == 2
        assert capsys.readouterr().err == f"wandb-logging: there is {said} (see `wandb-logging --help`)\n"

    @pytest.mark.parametrize(("typed", "helps"), [(["show", "--jsn"], "show --help"), (["--jsn"], "--help")])
    def test_an_option_that_there_is_not(
        self, typed: list[str], helps: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The help that is named is that of the command."""
        assert main(typed) == 2
        said = f"wandb-logging: unrecognized arguments: --jsn (see `wandb-logging {helps}`)\n"
        assert capsys.readouterr().err == said

    def test_without_a_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing typed shows the help, and is wrong usage."""
        assert main([]) == 2
        assert "usage: wandb-logging" in capsys.readouterr().out

    def test_help_is_quick(self) -> None:
        """The help waits for none of the heavy imports."""
        code = (
            "import sys; from wandb_logging._cli import main; main(['--help']);"
            "print({'requests', 'plotext', 'tqdm', 'tenacity', 'pythonjsonlogger'} & set(sys.modules))"
        )
        assert printed(code).splitlines()[-1] == "set()"

    def test_only_who_suggests_rules_waits_for_that(self) -> None:
        """A sync takes rules from a file; what finds some in a log would be a tenth of a short one."""
        code = "import sys, wandb_logging._cli.sync; print('wandb_logging._suggesting.suggest' in sys.modules)"
        assert printed(code) == "False\n"

    @pytest.mark.parametrize("args", [[], ["status", "--help"]])
    def test_a_command_is_imported_when_it_is_typed(self, args: list[str]) -> None:
        """The others are not, so that a hundred commands start as quickly as one."""
        code = (
            f"import sys; from wandb_logging._cli import main, commands; main({args});"
            "print({name for name in commands.COMMANDS if f'wandb_logging._cli.{name}' in sys.modules})"
        )
        assert printed(code).splitlines()[-1] == str({*args[:1]})

    def test_a_wrong_setting_is_one_line(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An environment variable with a wrong value is named."""
        monkeypatch.setenv("WANDB_MODE", "onlin")
        assert main(["status"]) == 1
        said = capsys.readouterr().err
        assert said.startswith("wandb-logging: mode='onlin' (from WANDB_MODE): expected auto or online")
        assert said.count("\n") == 1

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ('{"projct": "x"}', "unknown setting 'projct' = 'x'; did you mean 'project'?"),
            ('{"level": "INFO"}', "it is of a handler, and no setting of a run"),
            ('{"version": 1, "handlers": {}}', "settings.json is a whole logging configuration"),
            ('{"text_metrics": [{"lin": "{a}"}]}', "wandb-logging: text_metrics.rules[0] has no key 'lin'"),
        ],
    )
    @pytest.mark.parametrize("typed", [("run", "--", "touch", "started"), ("tail", "--no-follow", "settings.json")])
    def test_a_wrong_file_of_settings(
        self, typed: tuple[str, ...], given: str, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is no fault of ours: one line says what is wrong in it, and nothing is begun."""
        Path("settings.json").write_text(given, encoding="utf-8")
        command, *rest = typed
        assert main([command, "--settings", "settings.json", *rest]) == 1
        captured = capsys.readouterr().err
        assert said in captured
        assert captured.count("\n") == 1
        assert sorted(path.name for path in Path().iterdir()) == ["settings.json"]

    def test_our_own_fault_is_one_line(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Even an error nobody foresaw has no traceback."""
        monkeypatch.setattr(status, "Settings", lambda: 1 / 0)
        assert main(["status"]) == 1
        assert capsys.readouterr().err == (
            "wandb-logging: internal error, please report it: ZeroDivisionError: division by zero\n"
        )

    @pytest.mark.skipif(os.name == "nt", reason="a pipe breaks in another way on Windows")
    def test_broken_pipe(self) -> None:
        """A reader that goes away (`| head`) is no error to talk about."""
        process = child("--help")
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait() in {0, 141}  # 0: all of it was in the pipe before
        process.stderr.close()


def test_python_m() -> None:
    """`python -m wandb_logging` is the same."""
    process = child("--version")
    out, _ = process.communicate()
    assert (process.returncode, out) == (0, f"wandb-logging {wandb_logging.__version__}\n")


@pytest.mark.parametrize(
    "waits", ["", "import threading; threading.Thread(target=lambda: (go.wait(), note())).start()"]
)
def test_who_waits_for_the_end_of_the_process_is_heard(waits: str) -> None:
    """Python is not taken apart at the end, but what others registered for it is called, and their threads end."""
    Path("mine").mkdir()
    Path("mine/sitecustomize.py").write_text(
        "import atexit, threading\n"
        "go = threading.Event()\n"
        "def note(): open('noted', 'a').write('x')\n"
        "def at_exit(): note(); go.set()\n"
        "atexit.register(at_exit)\n"
        "threading._register_atexit(go.set)\n" + waits
    )
    with child("--version", env={"PYTHONPATH": os.pathsep.join(["mine", PACKAGE])}) as process:
        said, complained = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said, complained) == (0, f"wandb-logging {wandb_logging.__version__}\n", "")
    assert Path("noted").read_text() == ("xx" if waits else "x")
