from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from tests.patience import PATIENCE, wait_until

if os.name == "nt":
    pytest.skip("run needs a POSIX system", allow_module_level=True)

import fcntl
import termios

from tests.supervise.programs import PACKAGE, InTerminal, command, environment, python, ran, started
from wandb_logging import RunData, read_runs
from wandb_logging.testing import LocalServer


def the_run() -> RunData:
    (run,) = read_runs("wandb_cache")
    return run


def _held(pipe: int) -> int:
    """How many bytes wait in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def _is_there(program: int) -> bool:
    """Whether a process has not ended, or nobody has asked how it ended."""
    try:
        os.kill(program, 0)
    except ProcessLookupError:
        return False
    return True


def texts(run: RunData) -> list[str]:
    """The lines of the Logs tab without their time."""
    return [re.sub(r"^(ERROR )?\S+ ", r"\1", line) for line in run.lines]


class TestPassingOn:
    def test_output_and_exit_code_are_the_programs(self) -> None:
        """Stdout and stderr come out where they went, byte for byte, and the exit code is the program's."""
        done = ran("sh", "-c", r"printf 'a\000b\377'; printf 'err\n' >&2; exit 7")
        assert (done.stdout, done.returncode) == (b"a\x00b\xff", 7)
        assert done.stderr.startswith(b"err\n")
        assert the_run().exit_code == 7

    def test_what_is_piped_in_is_the_programs(self) -> None:
        """The program reads our stdin."""
        assert ran("cat", data=b"one\ntwo").stdout == b"one\ntwo"

    def test_stdout_and_stderr_in_one_file_keep_their_order(self) -> None:
        """After `2>&1` what came first is first, in the file and in the run, however fast it was written."""
        code = "import os\nfor i in range(1000): os.write(1 + i % 2, b'%d\\n' % i)"
        wanted = [str(i) for i in range(1000)]
        with Path("log").open("wb") as log:
            line = [*command(), *python(code)]
            subprocess.run(line, env=environment(), stdout=log, stderr=log, timeout=PATIENCE, check=True)
        assert Path("log").read_text().splitlines()[:1000] == wanted
        assert texts(the_run()) == wanted

    def test_text_is_the_logs_tab(self) -> None:
        """Each line is in the run, those of stderr marked, a letter cut between two writes whole."""
        ran(*python("import os, time; os.write(1, b'gr\\xc3'); os.write(1, b'\\xbcn\\n'); os.write(2, b'bad\\n')"))
        assert sorted(texts(the_run())) == ["ERROR bad", "grün"]

    def test_it_begins_before_its_run_does(self) -> None:
        """What it logs and ends with at once is in the run, though the run takes longer to begin than the program."""
        code = "import logging; logging.warning('x', extra={'metrics': {'i': 1}}); raise SystemExit(3)"
        done = ran(*python(code), options=("--name", "quick", "--tag", "a"))
        run = the_run()
        assert (done.returncode, run.exit_code, run.name, run.info["tags"]) == (3, 3, "quick", ["a"])
        assert [row["i"] for row in run.rows] == [1]

    def test_it_does_not_wait_for_its_run(self) -> None:
        """What it prints meanwhile is kept, though a pipe holds less, and shown and in the run when that is there."""
        Path("slow").mkdir()
        Path("slow/psutil.py").write_text(
            "import pathlib, time\n"
            f"until = time.monotonic() + {PATIENCE}\n"
            "while not pathlib.Path('written').exists() and time.monotonic() < until: time.sleep(0.01)\n"
            "raise ImportError('none')\n"
        )
        Path("settings.json").write_text('{"system_metrics": true}')
        lines = [f"line {i:05} {'x' * 80}" for i in range(5000)]
        code = "for i in range(5000): print(f'line {i:05}', 80 * 'x')\nprint(flush=True)\nopen('written', 'w').close()"
        program = [*command("--settings", "settings.json"), *python(code)]
        env = {**environment(), "PYTHONPATH": os.pathsep.join([str(Path("slow").absolute()), PACKAGE])}
        done = subprocess.run(program, env=env, capture_output=True, timeout=2 * PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode().split("\n")[:5000] == lines
        assert texts(the_run())[:5000] == lines

    def test_many_small_pieces_are_taken_together(self) -> None:
        """A program that flushes each line is not a journal line for each; every line is shown and in the run."""
        done = ran(*python("for i in range(20000): print('line', i, flush=True)"))
        lines = [f"line {i}" for i in range(20000)]
        assert done.stdout.decode().splitlines() == lines
        assert texts(the_run()) == lines
        (run_dir,) = Path("wandb_cache/p").iterdir()
        journal = sum(file.read_bytes().count(b"\n") for file in run_dir.glob("journal-*"))
        assert journal < 5000

    @pytest.mark.skipif(sys.platform != "linux", reason="others have one size")
    def test_much_fits_into_its_pipe(self) -> None:
        """It need not wait for us: what fits into its pipe is more than the usual 64 KiB."""
        code = "import fcntl; print(fcntl.fcntl(1, 1032), fcntl.fcntl(2, 1032))"
        done = ran(*python(code))
        assert min(map(int, done.stdout.split())) > 2**16

    def test_a_program_waits_for_little(self) -> None:
        """Before it starts, settings are checked; what a run needs is imported beside it, or where it is asked for."""
        code = """
            import sys
            before = set(sys.modules)  # such as what measures the coverage of these tests
            from wandb_logging._cli.entry import parser
            parser(["run"])
            print(*sys.modules.keys() - before)
        """
        loaded = set(
            subprocess.run(
                python(textwrap.dedent(code)), env=environment(), capture_output=True, check=True, text=True
            ).stdout.split()
        )
        assert "wandb_logging._settings.settings" in loaded
        later = {"logging", "decimal", "difflib", "shutil", "textwrap", "bz2"}
        later |= {"wandb_logging._run.run", "wandb_logging._mining.rules"}
        assert loaded & later == set()

    def test_without_a_run_the_program_goes_on(self) -> None:
        """Where its run cannot begin, the program is not kept from its work, and its exit code is its own."""
        Path("broken").mkdir()
        Path("broken/psutil.py").write_text("raise RuntimeError('no such thing')")
        Path("settings.json").write_text('{"system_metrics": true}')
        path = os.pathsep.join([str(Path("broken").absolute()), environment()["PYTHONPATH"]])
        program = [*command("--settings", "settings.json"), "sh", "-c", "echo work; exit 4"]
        env = {**environment(), "PYTHONPATH": path}
        done = subprocess.run(program, env=env, capture_output=True, timeout=PATIENCE, check=False)
        assert (done.stdout, done.returncode) == (b"work\n", 4)
        assert b"no such thing" in done.stderr
        assert b"in no run" in done.stderr

    def test_ctrl_c_while_the_rest_is_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It ends the wait for a server that does not answer, as is offered then; the exit code is the program's."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
            monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
            program = [*command("--mode", "online"), "sh", "-c", "exit 4"]
            with subprocess.Popen(program, env=environment(), stderr=subprocess.PIPE) as process:
                assert process.stderr is not None
                while b"Ctrl-C leaves it in" not in process.stderr.readline():
                    assert process.poll() is None
                process.send_signal(signal.SIGINT)
                assert process.wait(PATIENCE) == 4, process.stderr.read()

    def test_a_program_that_is_not_there(self) -> None:
        """A name that is no program is said, with the exit code of a shell, and the run has failed."""
        done = ran("no-such-program-at-all")
        assert done.returncode == 127
        assert b"no-such-program-at-all" in done.stderr
        assert the_run().exit_code == 127

    @pytest.mark.parametrize(
        ("typed", "code", "said"),
        [
            ("train.py", 127, "train.py: No such file or directory; for the file that is here: `python train.py`\n"),
            ("./solver", 126, "./solver: Permission denied; for the file that is here: `chmod +x ./solver`\n"),
            ("python train.py", 127, "; a command has no quotes around it: its words are separate\n"),
        ],
    )
    def test_what_was_meant_by_a_name_that_is_no_program(self, typed: str, code: int, said: str) -> None:
        """A script that is here, a file that is no program yet, a command in quotes."""
        for name in ("train.py", "solver"):
            Path(name).write_text("print(1)\n")
        done = ran(typed)
        assert done.returncode == code
        assert said in done.stderr.decode()

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
    def test_output_that_cannot_be_written_is_said(self) -> None:
        """The program goes on, and its output is in the run; the exit code says that a part is missing elsewhere."""
        program = [*command(), "sh", "-c", "echo one; echo two"]
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                program, env=environment(), stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE, check=False
            )
        assert done.returncode == 1
        assert b"stdout: No space left on device" in done.stderr
        assert (the_run().exit_code, texts(the_run())) == (0, ["one", "two"])

    @pytest.mark.skipif(sys.platform != "linux", reason="others do not say how much a pipe takes")
    def test_a_stdout_that_does_not_wait(self) -> None:
        """Another program that has our stdout open may have set it so: nothing is lost."""
        ours, theirs = os.pipe()
        os.set_blocking(theirs, False)
        with os.fdopen(ours, "rb") as read:
            with subprocess.Popen(
                [*command(), *python("print(2_000_000 * 'x')")],
                env=environment(),
                stdout=theirs,
                stderr=subprocess.PIPE,
            ) as process:
                os.close(theirs)
                wait_until(lambda: _held(ours) == fcntl.fcntl(ours, 1032))  # it is full
                assert len(read.read()) == 2_000_001
            assert process.returncode == 0

    @pytest.mark.parametrize("name", ["./script", "script"])
    def test_a_script_that_names_no_interpreter(self, name: str) -> None:
        """A shell takes it, as it does where `nohup`, `env` or a shell starts such a script."""
        Path("script").write_text('echo "$1"; exit 5')
        Path("script").chmod(0o755)
        os.environ["PATH"] = os.pathsep.join([str(Path.cwd()), os.environ["PATH"]])
        done = ran(name, "a b")
        assert (done.stdout, done.returncode) == (b"a b\n", 5), done.stderr

    @pytest.mark.skipif(sys.platform != "linux", reason="others do not tell what a program was started with")
    def test_what_it_is_started_with(self) -> None:
        """A signal that was ignored still is, SIGCHLD too; and without a locale it has none that Python made up."""
        env = {name: value for name, value in environment().items() if name[:3] != "LC_" and name != "LANG"}

        def started(*by: str) -> bytes:
            line = ["env", "-u", "LC_CTYPE", *by, "cat", "/proc/self/status", "/proc/self/environ"]
            code = (
                "import os, signal\n"
                "for name in ('SIGPIPE', 'SIGXFSZ'): signal.signal(getattr(signal, name), signal.SIG_DFL)\n"
                f"signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp('env', {line!r})"
            )
            done = subprocess.run(python(code), env=env, capture_output=True, timeout=PATIENCE, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout

        bare, run = started(), started(*command())
        of_bare, of_run = (int(re.findall(rb"SigIgn:\t(\w+)\n", seen)[0], 16) for seen in (bare, run))
        assert of_run == of_bare  # more than SIGCHLD, where who started us ignores others
        assert of_run & 1 << (signal.SIGCHLD - 1)
        assert b"\0LC_CTYPE=" not in run

    def test_where_nothing_is_left_for_a_run_the_program_goes_on(self) -> None:
        """Without a file descriptor to spare it is run as it would be without us."""
        line = shlex.join([*command(), "sh", "-c", "echo work; exit 4"])
        program = ["sh", "-c", f"ulimit -n 8; exec {line}"]
        done = subprocess.run(program, env=environment(), capture_output=True, timeout=PATIENCE, check=False)
        assert (done.stdout, done.returncode) == (b"work\n", 4), done.stderr
        assert b"in no run" in done.stderr

    def test_in_a_folder_that_was_removed(self) -> None:
        """The program is run there, as it would be without us."""
        line = shlex.join([*command(), "sh", "-c", "echo work; exit 4"])
        program = ["sh", "-c", f"mkdir gone; cd gone; rmdir ../gone; exec {line}"]
        done = subprocess.run(program, env=environment(), capture_output=True, timeout=PATIENCE, check=False)
        assert (done.stdout, done.returncode) == (b"work\n", 4), done.stderr

    def test_a_program_without_a_name(self) -> None:
        """An empty name, as of a variable that is not set, is a wrong usage, and no run."""
        done = ran("")
        assert done.returncode == 2
        assert b"no command" in done.stderr

    def test_no_program(self) -> None:
        """Nothing behind the two dashes is a wrong usage, and no run."""
        done = ran()
        assert (done.returncode, b"no command" in done.stderr) == (2, True)
        assert not Path("wandb_cache").exists()

    def test_wrong_settings_start_nothing(self) -> None:
        """A setting that is wrong is said before the program does anything."""
        done = ran("touch", "started", options=("--run-id", "a/b"))
        assert (done.returncode, Path("started").exists()) == (1, False)
        assert b"run_id" in done.stderr

    def test_what_it_leaves_running_is_left(self) -> None:
        """A program that ends is over, though something it has started holds its stdout."""
        with started("sh", "-c", "sleep 1000 & echo $!; exit 3") as process:
            assert process.stdout is not None
            left = int(process.stdout.readline())
            assert process.wait(PATIENCE) == 3
            os.kill(left, signal.SIGKILL)
            assert process.stdout.read() == b""  # as without us, who reads it waits for that

    def test_what_it_leaves_running_may_write_on(self) -> None:
        """Whoever is tired of what comes of that ends us, with the program's exit code."""
        code = "(while sleep 0.05; do echo more; done) & echo $! $$; exit 3"
        with started("sh", "-c", code) as process:
            assert process.stdout is not None
            left, program = map(int, process.stdout.readline().split())
            wait_until(lambda: not _is_there(program))
            for _ in range(5):  # when these are shown, we have seen its end
                assert process.stdout.readline() == b"more\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 3
            os.kill(left, signal.SIGKILL)
        assert the_run().exit_code == 3


class TestMetrics:
    def test_nobody_reads_on(self) -> None:
        """`run -- yes | head` ends, as `yes | head` does: the program is told at its next line."""
        with subprocess.Popen(
            [*command(), "yes"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"y\n"
            process.stdout.close()
            assert process.wait(PATIENCE) == 128 + signal.SIGPIPE

    @pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
    def test_streams_that_are_closed(self, closed: str) -> None:
        """A shell may have closed any of them; the program runs, and its exit code is ours."""
        line = f"{shlex.join([*command(), 'sh', '-c', 'echo said; exit 3'])} {closed}"
        done = subprocess.run(["sh", "-c", line], env=environment(), capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 3, done.stderr
        assert [line.rpartition(" ")[2] for line in the_run().lines] == ["said"]

    def test_rules_find_metrics_in_what_is_printed(self) -> None:
        """Lines that a rule fits are rows."""
        Path("rules.yaml").write_text('- line: "iter {step}: loss {loss}"\n')
        ran("printf", r"iter 1: loss 0.5\niter 2: loss 0.25\nend\n", options=("--rules", "rules.yaml"))
        assert [(row["_step"], row["loss"]) for row in the_run().rows] == [(1, 0.5), (2, 0.25)]

    @pytest.mark.parametrize("form", ["list", "mapping"])
    def test_rules_of_an_option_replace_those_of_the_settings(self, form: str) -> None:
        """Whether the file has them alone, or beside other keys of `text_metrics`."""
        Path("rules.yaml").write_text('- line: "iter {step}: loss {loss}"\n')
        own = [{"line": "acc {acc}"}]
        Path("settings.json").write_text(json.dumps({"text_metrics": own if form == "list" else {"rules": own}}))
        done = ran(
            "printf", r"iter 1: loss 0.5\nacc 0.75\n", options=("--settings", "settings.json", "--rules", "rules.yaml")
        )
        assert done.returncode == 0, done.stderr
        (row,) = the_run().rows
        assert {name for name in row if name[0] != "_"} == {"loss"}

    def test_what_stands_beside_the_rules_counts_as_well(self) -> None:
        """A file with all of `text_metrics`: the numbers of a Python program's logging calls are exact."""
        rules = {"args": True, "rules": [{"line": "iter {step}: loss {loss}"}]}
        Path("rules.json").write_text(json.dumps({"text_metrics": rules}))
        code = "import logging; logging.warning('epoch %d acc %.2f', 3, 1 / 3); print('iter 1: loss 0.5')"
        done = ran(*python(code), options=("--rules", "rules.json"))
        assert done.returncode == 0, done.stderr
        rows = [{name: value for name, value in row.items() if name in {"acc", "loss"}} for row in the_run().rows]
        assert sorted(rows, key=str) == [{"acc": 1 / 3}, {"loss": 0.5}]

    def test_metrics_of_a_python_program_are_rows(self) -> None:
        """What is logged with extra= is in the same run, the program's handlers are its own, and text comes once."""
        code = (
            "import logging; logging.basicConfig(format='%(message)s', level='INFO')\n"
            "for i in range(3): logging.info('epoch %d', i, extra={'metrics': {'i': i}})\n"
            "assert len(logging.getLogger().handlers) == 1"
        )
        done = ran(*python(code))
        assert done.returncode == 0, done.stderr
        run = the_run()
        assert [row["i"] for row in run.rows] == [0, 1, 2]
        assert texts(run) == ["ERROR epoch 0", "ERROR epoch 1", "ERROR epoch 2"]

    def test_logging_that_is_set_up_again(self) -> None:
        """`dictConfig` and `logging.shutdown` close a program's handlers: nothing of ours is in its log for that."""
        code = (
            "import logging, logging.config\n"
            "config = {'version': 1, 'handlers': {'h': {'class': 'logging.StreamHandler'}}}\n"
            "config['root'] = {'handlers': ['h'], 'level': 'DEBUG'}\n"
            "for i in range(3):\n"
            "    logging.config.dictConfig(config)\n"
            "    logging.info('said', extra={'metrics': {'i': i}})\n"
            "logging.shutdown()\n"
            "logging.info('said', extra={'metrics': {'i': 3}})"
        )
        done = ran(*python(code))
        lines = done.stderr.splitlines()
        assert [line for line in lines if not line.startswith(b"wandb_logging: ")] == 4 * [b"said"]
        run = the_run()
        assert ([row["i"] for row in run.rows], run.exit_code) == ([0, 1, 2, 3], 0)

    def test_records_that_another_process_hands_over(self) -> None:
        """A worker's rows are there once, as its own, where it hands its records to the main process' loggers."""
        Path("workers.py").write_text(
            "import logging, logging.handlers, multiprocessing, sys\n"
            "def work(queue, quiet):\n"
            "    logger = logging.getLogger('quiet' if quiet else None)\n"
            "    logger.propagate = not quiet\n"
            "    logger.handlers[:] = [logging.handlers.QueueHandler(queue)]\n"
            "    logger.warning('x', extra={'metrics': {'quiet' if quiet else 'worker': 1}})\n"
            "if __name__ == '__main__':\n"
            "    logging.warning('x', extra={'metrics': {'main': 1}})\n"
            "    begin = multiprocessing.get_context('fork')\n"
            "    for quiet in (False, True):\n"
            "        queue = begin.Queue()\n"
            "        worker = begin.Process(target=work, args=(queue, quiet))\n"
            "        worker.start()\n"
            "        record = queue.get()\n"
            "        worker.join()\n"
            "        logging.getLogger(record.name).handle(record)\n"
        )
        done = ran(sys.executable, "workers.py")
        assert done.returncode == 0, done.stderr
        logged = sorted(name for row in the_run().rows for name in row if not name.startswith("_"))
        assert logged == ["main", "quiet", "worker"]

    def test_metrics_where_other_libraries_put_them(self) -> None:
        """Loguru has them in `extra`, structlog's `wrap_for_formatter` in the message, a filter of a handler late."""
        code = (
            "import logging; logging.basicConfig()\n"
            "logging.warning('x', extra={'extra': {'metrics': {'loguru': 1}}})\n"
            "logging.warning({'event': 'x', 'metrics': {'structlog': 1}})\n"
            "class Adds(logging.Filter):\n"
            "    def filter(self, record): record.metrics = {'filter': 1}; return True\n"
            "logging.getLogger().handlers[0].addFilter(Adds())\n"
            "logging.warning('x')\n"
        )
        done = ran(*python(code))
        assert done.returncode == 0, done.stderr
        assert [name for row in the_run().rows for name in row if name[0] != "_"] == ["loguru", "structlog", "filter"]

    def test_those_of_a_run_that_other_hosts_write_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With `transport: shared` the program's rows are in the directory of its host's part, under its label."""
        monkeypatch.setenv("WANDB_TRANSPORT", "shared")
        monkeypatch.setenv("WANDB_RUN_ID", "one")
        monkeypatch.setenv("WANDB_X_LABEL", "node7")
        done = ran(*python("import logging; logging.warning('x', extra={'metrics': {'i': 1}})"))
        assert done.returncode == 0, done.stderr
        assert [row["i/l:node7"] for row in the_run().rows] == [1]

    @pytest.mark.parametrize(("ranks", "name"), [("zero", "i"), ("all", "i/l:1")])
    def test_those_of_a_rank(self, monkeypatch: pytest.MonkeyPatch, ranks: str, name: str) -> None:
        """Where each rank of a launch is started by `run`, the program is the rank that `run` is, and no other one."""
        for variable, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "a"}.items():
            monkeypatch.setenv(variable, value)
        Path("settings.json").write_text(json.dumps({"ranks": ranks}))
        code = "import logging; logging.warning('x', extra={'metrics': {'i': 1}})"
        done = ran(*python(code), options=("--settings", "settings.json"))
        assert done.returncode == 0, done.stderr
        run = the_run()
        assert ([row[name] for row in run.rows], run.exit_code) == ([1], 0)

    def test_a_program_does_not_wait_for_a_run_that_is_on_no_disk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where no file can be made, as in a folder that may only be read, the program goes on at once."""
        monkeypatch.setenv("WANDB_DIR", "/dev/null")
        done = ran(*python("import logging; logging.warning('x', extra={'metrics': {'i': 1}}); print('done')"))
        assert (done.returncode, done.stdout) == (0, b"done\n"), done.stderr
        assert b"has not begun" not in done.stderr

    def test_those_of_a_rank_within_it(self) -> None:
        """Where the program is a launcher, a rank whose rows wait on disk ends its directory itself, with its code."""
        code = "import logging, sys; logging.warning('x', extra={'metrics': {'i': 1}}); sys.exit(3)"
        rank = ("RANK=1", "LOCAL_RANK=1", "WORLD_SIZE=2", "TORCHELASTIC_RUN_ID=a")
        ran("sh", "-c", 'env "$@"; exit 0', "sh", *rank, *python(code))
        found = [(len(run.rows), run.exit_code) for run in read_runs("wandb_cache")]
        assert sorted(found) == [(0, 0), (1, 3)]

    def test_those_of_its_children_too(self) -> None:
        """A Python program that it starts is one more writer; loggers that do not propagate are left alone."""
        inner = "import logging; logging.warning('x', extra={'metrics': {'inner': 1}})"
        code = (
            "import logging, subprocess, sys; log = logging.getLogger('quiet'); log.propagate = False\n"
            "log.warning('x', extra={'metrics': {'quiet': 1}}); logging.warning('x', extra={'metrics': {'outer': 1}})\n"
            f"subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
        )
        done = ran(*python(code))
        assert done.returncode == 0, done.stderr
        logged = {name for row in the_run().rows for name in row if not name.startswith("_")}
        assert logged == {"outer", "inner"}

    def test_a_program_is_not_disturbed(self) -> None:
        """Neither if it has a module `logging` of its own, nor if this package cannot be imported in its Python."""
        Path("broken/wandb_logging").mkdir(parents=True)
        Path("broken/wandb_logging/__init__.py").write_text("raise TypeError('too old')")
        Path("own").mkdir()
        Path("own/logging.py").write_text("mine = 1")
        inner = "import sys; sys.path.insert(0, 'broken'); import logging; "
        inner += "logging.warning('x', extra={'metrics': {'i': 1}}); print('done')"
        Path("own/main.py").write_text(
            "import logging, subprocess, sys; print(logging.mine, flush=True)\n"
            f"subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
        )
        done = ran(sys.executable, "-B", "own/main.py")
        assert (done.returncode, done.stdout) == (0, b"1\ndone\n"), done.stderr
        assert b"cannot import wandb_logging, TypeError: too old: what it logs as metrics is not in" in done.stderr

    def test_a_python_of_any_age_can_read_what_is_put_on_its_path(self) -> None:
        """An old one would complain at each start, and leave out the program's own `sitecustomize`."""
        tree = ast.parse((Path(PACKAGE) / "wandb_logging/_supervise/child/sitecustomize.py").read_text())
        new = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Nonlocal, ast.YieldFrom)
        for node in ast.walk(tree):
            assert not isinstance(node, new), ast.dump(node)
            assert not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
            if isinstance(node, ast.FunctionDef):
                of_python_3 = [node.returns, *node.args.kwonlyargs, *(arg.annotation for arg in node.args.args)]
                assert not any(of_python_3), node.name

    @pytest.mark.parametrize("name", ["python2.7", "python3.6"])
    def test_an_old_python(self, name: str) -> None:
        """It runs as it would without us, its own `sitecustomize` included."""
        interpreter = shutil.which(name)
        if interpreter is None or subprocess.run([interpreter, "-c", ""], check=False).returncode != 0:
            pytest.skip(f"there is no {name}")
        Path("mine").mkdir()
        Path("mine/sitecustomize.py").write_text("mine = 1")
        path = os.pathsep.join([PACKAGE, str(Path("mine").absolute())])
        env = {**environment(), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        code = "import logging, sitecustomize; logging.warning('hello %d', sitecustomize.mine)"
        program = [*command(), interpreter, "-c", code]
        done = subprocess.run(program, env=env, capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0
        assert done.stderr.startswith(b"WARNING:root:hello 1\n")

    def test_settings_for_records_are_the_programs_too(self, wandb_server: LocalServer) -> None:
        """What the file of settings says of arguments, messages, steps and alerts holds for what the program logs."""
        settings = {"text_metrics": {"args": True}, "dict_message": True, "step_key": "at", "alert_level": "ERROR"}
        Path("settings.json").write_text(json.dumps(settings))
        code = (
            "import logging\n"
            "logging.basicConfig(level='INFO')\n"
            "logging.info('prose'); logging.info('epoch %d loss %.1f', 1, 0.25); logging.info({'acc': 0.5})\n"
            "logging.info('x', extra={'metrics': {'m': 1}, 'at': 7}); logging.error('bad')\n"
        )
        done = ran(*python(code), options=("--settings", "settings.json", "--mode", "online"))
        assert done.returncode == 0, done.stderr
        (run,) = wandb_server.runs
        rows = [
            {name: value for name, value in row.items() if name in {"_step", "loss", "acc", "m"}} for row in run.history
        ]
        assert rows == [{"_step": 0, "loss": 0.25}, {"_step": 1, "acc": 0.5}, {"_step": 7, "m": 1}]
        assert [alert["text"] for alert in run.alerts] == ["bad"]

    def test_fields_of_its_records_are_there_if_asked_for(self) -> None:
        """With `text_format: json` the text of records is in the run beside what is printed, and rules see it."""
        settings = {"text_format": "json", "text_metrics": [{"json": True, "only": ["took"]}]}
        Path("settings.json").write_text(json.dumps(settings))
        code = "import logging; logging.warning('hi', extra={'user': 'bo', 'took': 1.5})"
        done = ran(*python(code), options=("--settings", "settings.json", "--mode", "offline"))
        assert done.returncode == 0, done.stderr
        (run,) = read_runs("wandb_cache")
        lines = [line.partition(" ")[2] for line in run.lines]
        (fields,) = (json.loads(line) for line in lines if line.startswith("{"))
        assert {name: fields[name] for name in ("message", "user", "took")} == {
            "message": "hi",
            "user": "bo",
            "took": 1.5,
        }
        assert [row["took"] for row in run.rows] == [1.5]
        assert any("WARNING:root:hi" in line for line in lines)

    def test_runs_that_it_begins_as_wandb_go_where_its_own_goes(self) -> None:
        """Project and mode are those that were typed, where the program says nothing else."""
        code = (
            "import wandb\n"
            "for given in {}, {'project': 'its own', 'name': 'b'}:\n"
            "    with wandb.init(**given) as run: run.log({'a': 1})"
        )
        os.environ["WANDB_API_KEY"] = "0" * 40
        done = ran(*python(code), options=("--as-wandb", "--project", "typed"))
        assert done.returncode == 0, done.stderr
        runs = read_runs("wandb_cache")
        assert sorted((run.info["project"], len(run.rows)) for run in runs) == [
            ("its own", 1),
            ("typed", 0),
            ("typed", 1),
        ]
        assert {run.info["mode"] for run in runs} == {"offline"}

    def test_what_it_imports_is_its_own(self) -> None:
        """The `sitecustomize` that ours hides is imported, and an empty part of PYTHONPATH is the working directory."""
        for name, text in {
            "mine/sitecustomize.py": "import os; os.environ['SEEN'] = 'yes'; mine = 1",
            "beside.py": "mine = 2",
            "some/main.py": "import beside, os, sitecustomize as its; print(os.environ['SEEN'], its.mine, beside.mine)",
        }.items():
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(text)
        env = {**environment(), "PYTHONPATH": os.pathsep.join([PACKAGE, str(Path("mine").absolute()), ""])}
        program = [*command(), sys.executable, "some/main.py"]
        done = subprocess.run(program, env=env, capture_output=True, timeout=PATIENCE, check=False)
        assert done.stdout == b"yes 1 2\n", done.stderr

    def test_event_files_that_it_writes(self) -> None:
        """What TensorBoard writers put into a named folder is in the run, to the last value."""
        pytest.importorskip("tensorboardX", reason="tensorboardX writes the files: the extra test has it")
        code = (
            "from tensorboardX import SummaryWriter\n"
            "with SummaryWriter('runs/a') as writer:\n"
            "    for i in range(3): writer.add_scalar('loss', i / 2, i)"
        )
        done = ran(*python(code), options=("--tensorboard", "runs"))
        assert done.returncode == 0, done.stderr
        assert [(row["global_step"], row["a/loss"]) for row in the_run().rows] == [(0, 0.0), (1, 0.5), (2, 1.0)]


class TestSignals:
    @pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGXCPU", "SIGRTMIN"])
    def test_they_reach_the_program(self, name: str) -> None:
        """A signal that is sent to us is the program's to answer, and how it ends is how the run ends."""
        if not hasattr(signal, name):
            pytest.skip("the system has no such signal")
        number = getattr(signal, name)
        code = (
            "import signal, sys, time\n"
            f"signal.signal({int(number)}, lambda *_: sys.exit(5)); print('ready', flush=True); time.sleep(1000)"
        )
        process = started(*python(code))
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
        assert (process.returncode, the_run().exit_code) == (5, 5)

    def test_stop_and_continue(self) -> None:
        """SIGTSTP, as from a batch system, stops the program and us; SIGCONT has both go on."""
        code = (
            "import os, signal\n"
            "signal.signal(signal.SIGCONT, lambda *_: os.write(1, b'goes on\\n'))\n"
            "print('ready', flush=True); input()"
        )
        process = subprocess.Popen(
            # A job as a shell has them: what has no parent in its session cannot be stopped.
            [
                *python("import os, sys; os.setpgrp(); os.execv(sys.argv[1], sys.argv[1:])"),
                *command(),
                *python(code),
            ],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTSTP)
        wait_until(lambda: os.waitpid(process.pid, os.WUNTRACED | os.WNOHANG)[0] == process.pid)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == b"goes on\n"
        process.communicate(b"\n", timeout=PATIENCE)
        assert (process.returncode, the_run().exit_code) == (0, 0)

    @pytest.mark.parametrize("name", ["INT", "TERM"])
    def test_one_that_comes_before_the_program(self, name: str) -> None:
        """Between our start and the program's, a signal ends it as it would have ended right behind that."""
        code = (
            "import os, signal; from wandb_logging._supervise.program import Program\n"
            "program = Program(['echo', 'begun'])\n"
            f"os.kill(program._pid, signal.SIG{name})\n"
            "with program.begun({}): print(program.run(lambda text, error: None))"
        )
        done = subprocess.run(python(code), env=environment(), capture_output=True, timeout=PATIENCE, check=False)
        assert done.stdout.decode().split() == [str(128 + getattr(signal, f"SIG{name}"))], done.stderr

    @pytest.mark.parametrize("name", ["PIPE", "XFSZ"])
    def test_what_python_ignores_ends_the_program(self, name: str) -> None:
        """A program does not inherit from us that a signal is ignored: too large a file ends it, as without us."""
        number = getattr(signal, f"SIG{name}")
        assert ran("sh", "-c", f"kill -{name} $$").returncode == 128 + number

    def test_killed_is_137(self) -> None:
        """A program that the kernel kills has failed with 137, and everything until then is there."""
        done = ran("sh", "-c", "echo before; kill -9 $$")
        run = the_run()
        assert (done.returncode, run.exit_code, texts(run)) == (137, 137, ["before"])

    def test_a_program_that_is_killed_loses_no_line(self) -> None:
        """All that it had written is shown and in the run, to the last line, however fast it wrote."""
        code = (
            "import os, signal\n"
            "for i in range(20000): os.write(1, b'line %d\\n' % i)\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        done = ran(*python(code))
        wanted = [f"line {i}" for i in range(20000)]
        assert done.returncode == 137
        assert done.stdout.decode().splitlines() == wanted
        assert texts(the_run()) == wanted

    def test_when_we_are_killed_what_was_shown_is_kept(self) -> None:
        """A line that came out is in the run directory, though a SIGKILL took us right behind it."""
        with started(*python("for i in range(10**9): print(i, flush=True)")) as process:
            assert process.stdout is not None
            seen = [process.stdout.readline() for _ in range(500)]
            process.kill()
            seen += process.stdout.read().splitlines(keepends=True)
        whole = [line.decode().strip() for line in seen if line.endswith(b"\n")]
        assert texts(the_run())[: len(whole)] == whole


class TestInATerminal:
    def test_the_program_sees_a_terminal_of_the_same_size(self) -> None:
        """Where we stand in a terminal, so does the program; what it shows comes out."""
        sees = "os.isatty(0), os.isatty(1), os.isatty(2), *os.get_terminal_size()"
        program = InTerminal(*python(f"import os; print({sees}); print('\\x1b[31mred')"))
        assert program.end() == 0
        assert b"True True True 80 24\r\n" in program.seen
        assert b"\x1b[31mred" in program.seen
        assert "\x1b[31mred" in texts(the_run())

    def test_what_is_typed_is_the_programs(self) -> None:
        """Keys go to the program one by one: it may read them without an Enter."""
        code = "import sys, tty; tty.setraw(0); print('go', flush=True); print(repr(sys.stdin.read(1)), end='\\r\\n')"
        program = InTerminal(*python(code))
        program.read_until(b"go")
        program.type(b"\x1a")
        assert program.end() == 0
        assert b"'\\x1a'" in program.seen

    def test_what_is_typed_before_it_begins(self) -> None:
        """As by a script that feeds a terminal: lines and the end of the input, Ctrl-D, are there when it reads."""
        terminal = InTerminal("cat")
        terminal.type(b"early\rand\x04\x04")
        assert terminal.end() == 0
        assert b"early\r\nand" in terminal.seen

    def test_much_is_typed_while_it_only_writes(self) -> None:
        """Neither waits for the other: what was pasted reaches the program once it reads, all of it."""
        code = (
            "import os, select, sys, tty\n"
            "tty.setraw(0); print('ready', flush=True); select.select([0], [], [])\n"
            "for i in range(5000): print('line', i, 'x' * 60)\n"
            "sys.stdout.flush(); left = 200_000\n"
            "while left: left -= len(os.read(0, 65536))\n"
            "print('read all', flush=True)"
        )
        program = InTerminal(*python(code))
        program.read_until(b"ready")
        pasting = threading.Thread(target=program.paste, args=(b"y" * 200_000,), daemon=True)
        pasting.start()
        program.read_until(b"read all")
        pasting.join()
        assert program.end() == 0
        assert program.seen.count(b"line ") == 5000

    def test_ctrl_c(self) -> None:
        """Ctrl-C is typed in the program's terminal: it is interrupted, once, the run says so; we end as it does."""
        program = InTerminal(*python("import time; print('ready', flush=True); time.sleep(1000)"))
        program.read_until(b"ready")
        program.type(b"\x03")
        assert program.end() == -signal.SIGINT
        assert program.seen.count(b"KeyboardInterrupt") == 1
        assert the_run().exit_code == 130

    def test_ctrl_c_ends_a_script(self) -> None:
        """A shell's loop of runs ends with the one that is interrupted, as a loop of the programs would."""
        # The word is put together as it is printed: since 3.13 the traceback shows the text of `-c`, and so its words.
        inner = shlex.join([*command(), *python("import time; print('be' + 'gun', flush=True); time.sleep(1000)")])
        program = InTerminal("bash", "--norc", "-c", f"for i in 1 2; do {inner}; done; echo over", bare=True)
        program.read_until(b"begun")
        program.type(b"\x03")
        assert program.end() == -signal.SIGINT
        assert (program.seen.count(b"begun"), b"over" in program.seen) == (1, False)

    def test_ctrl_z_stops_a_script(self) -> None:
        """The whole job is stopped, as without us, so that the shell has its prompt; `fg` has all of it go on."""
        inner = shlex.join([*command(), *python("print('begun', flush=True); input(); print('went on')")])
        Path("script.sh").write_text(f"{inner}\necho script $?\n")
        program = InTerminal(
            "bash", "--norc", "-c", "set -m; sh script.sh; echo status $?; fg; echo over $?", bare=True
        )
        program.read_until(b"begun")
        program.type(b"\x1a")
        program.read_until(b"status 148")
        program.type(b"\n")
        program.read_until(b"over 0")
        assert b"went on\r\n" in program.seen
        assert b"script 0" in program.seen
        assert program.end() == 0

    def test_one_that_was_stopped_from_elsewhere(self) -> None:
        """After `kill -STOP`, which leaves the terminal to the shell, and `fg` the keys are the program's again."""
        code = (
            "import os, tty\n"
            "tty.setraw(0); os.write(1, b'ready')\n"
            "for _ in range(2): os.write(1, b'key %s over' % os.read(0, 1))"
        )
        program = InTerminal(*python(code))
        before = program.modes()
        program.read_until(b"ready")
        program.type(b"f")
        program.read_until(b"key f over")
        os.kill(program.pid, signal.SIGSTOP)
        program.wait_until_stopped()
        termios.tcsetattr(program.fd, termios.TCSANOW, before)
        os.kill(program.pid, signal.SIGCONT)
        wait_until(lambda: program.modes() != before)
        program.type(b"k")
        program.read_until(b"key k over")
        assert program.end() == 0

    @pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it is looked for there")
    def test_what_it_leaves_running_at_a_terminal(self) -> None:
        """It is not hung up on: the terminal that the program was given ends, and the user's does not."""
        inner = shlex.join([*command(), "sh", "-c", "sleep 1000 & echo pid $!"])
        program = InTerminal("bash", "--norc", "-c", f"{inner}; echo over; read", bare=True)
        program.read_until(b"over")
        found = re.search(rb"pid (\d+)", program.seen)
        assert found is not None
        left = int(found[1])
        state = Path(f"/proc/{left}/stat").read_text().rpartition(")")[2].split()[0]
        os.kill(left, signal.SIGKILL)
        assert state != "Z"
        program.type(b"\n")
        assert program.end() == 0

    def test_a_pager_behind_it(self) -> None:
        """What reads our stdout has the keys and the modes of the terminal to itself, as behind any command."""
        Path("pager.py").write_text(
            "import os, sys, tty\n"
            "keys = os.open('/dev/tty', os.O_RDWR)\n"
            "print(sys.stdin.readline(), end='', flush=True)\n"
            "tty.setcbreak(keys); print('shown', flush=True)\n"
            "print(b''.join(os.read(keys, 1) for _ in range(9)))\n"
        )
        code = "import os, time; print('one', flush=True); os.close(1); time.sleep(1000)"
        line = f"{shlex.join([*command(), *python(code)])} | {shlex.join([sys.executable, 'pager.py'])}"
        program = InTerminal("bash", "--norc", "-c", line, bare=True)
        program.read_until(b"shown")
        for key in b"123456789":
            program.type(bytes([key]))
        program.read_until(b"b'123456789'\r\n")
        assert b"one\r\n" in program.seen
        program.type(b"\x03")
        program.end()

    def test_a_progress_bar_is_one_line(self) -> None:
        """A line that is written again and again is in the Logs tab as it stood at last."""
        program = InTerminal("sh", "-c", r"printf '10%%\r50%%\r100%%\n'")
        assert program.end() == 0
        assert texts(the_run()) == ["100%"]

    def test_a_window_that_changes_its_size(self) -> None:
        """The program is told as it would be, and sees the new size."""
        code = (
            "import os, signal\n"
            "signal.signal(signal.SIGWINCH, lambda *_: print(*os.get_terminal_size(), 'now', flush=True))\n"
            "print('ready', flush=True); input()"
        )
        program = InTerminal(*python(code))
        program.read_until(b"ready")
        program.resize(columns=123, lines=45)
        program.read_until(b"123 45 now")
        program.type(b"\n")
        assert program.end() == 0

    def test_ctrl_z_and_on(self) -> None:
        """Ctrl-Z stops the program, and us with it, so that a shell has its prompt; both go on together."""
        code = "import time; print('ready', flush=True); input(); print('went on', flush=True)"
        program = InTerminal(*python(code))
        program.read_until(b"ready")
        program.type(b"\x1a")
        program.wait_until_stopped()
        os.kill(program.pid, signal.SIGCONT)
        program.type(b"\n")
        program.read_until(b"went on")
        assert program.end() == 0

    def test_a_job_in_the_background(self) -> None:
        """Behind `&` it runs and shows what it writes; it leaves the terminal to the shell."""
        shell = f"set -m; {shlex.join([*command(), 'sh', '-c', 'echo one; sleep 0.3; echo two'])} & wait; echo over $?"
        program = InTerminal("bash", "--norc", "-c", shell, bare=True)
        before = program.modes()
        program.read_until(b"over 0")
        assert b"two" in program.seen
        assert b"Stopped" not in program.seen
        assert program.end() == 0
        assert program.left == before

    def test_a_full_screen_program(self) -> None:
        """One that draws all over the screen shows what it draws, gets its keys, and leaves the terminal as it was."""
        code = (
            "import curses\n"
            "def main(screen):\n"
            "    for i in range(5): screen.addstr(i, i, f'frame {i} loss 0.{i}')\n"
            "    screen.refresh(); key = screen.getkey(); screen.addstr(7, 0, f'key {key}'); screen.refresh()\n"
            "curses.wrapper(main)"
        )
        os.environ["TERM"] = "xterm"
        program = InTerminal(*python(code))
        before = program.modes()
        program.read_until(b"frame 4")
        assert program.modes() != before  # raw, while the program has it
        program.type(b"x")
        program.read_until(b"key x")
        assert program.end() == 0
        assert program.left == before
        assert re.search(rb" is saved: .*\r\n", program.seen)  # written when the terminal was as before
        assert b"\x1b[?1049h" in program.seen
        assert b"\x1b[?1049l" in program.seen
        assert the_run().rows == []

    @pytest.mark.parametrize(
        ("name", "keys"), [("vim", b":q!\r"), ("vi", b":q!\r"), ("less", b"q"), ("top", b"q"), ("nano", b"\x18")]
    )
    def test_real_ones(self, name: str, keys: bytes) -> None:
        """An editor, a pager, a monitor: they come up, take their keys and end, with nothing of ours between."""
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
        os.environ["TERM"] = "xterm"
        Path("text.txt").write_text("".join(f"line number {i}\n" for i in range(200)))
        program = InTerminal(name, *([] if name == "top" else ["text.txt"]))
        program.resize(columns=80, lines=24)
        program.read_until(b"load average" if name == "top" else b"line number 9")
        program.type(keys)
        assert program.end() == 0

    def test_tqdm(self) -> None:
        """A bar is drawn as in a terminal; in the Logs tab it is one line, and a rule finds each of its states."""
        Path("rules.yaml").write_text('- {has: "it/s", pairs: "="}\n')
        code = (
            "import tqdm\n"
            "bar = tqdm.tqdm(range(4), mininterval=0, ncols=70, disable=False)\n"
            "for i in bar: bar.set_postfix(loss=f'{1 / (i + 1):.2f}')"
        )
        program = InTerminal(*python(code), options=("--rules", "rules.yaml"))
        assert program.end() == 0
        run = the_run()
        assert program.seen.count(b"\r") > 4
        assert [line for line in texts(run) if "100%" in line] == [line for line in texts(run) if "it/s" in line]
        assert [row["loss"] for row in run.rows if "loss" in row][-1] == 0.25


class TestProcesses:
    def test_one_that_forks(self) -> None:
        """What a forked child writes is in the run, too, and the exit code is the parent's."""
        code = (
            "import os, sys\n"
            "child = os.fork()\n"
            "os.write(1, b'child\\n' if child == 0 else b'parent\\n')\n"  # in one piece each
            "os.waitpid(child, 0) if child else None\n"
            "sys.exit(9 if child == 0 else 2)"
        )
        done = ran(*python(code))
        assert (done.returncode, sorted(texts(the_run()))) == (2, ["child", "parent"])

    @pytest.mark.parametrize("keeps", [True, False])
    def test_one_that_becomes_a_daemon(self, keeps: bool) -> None:
        """The command is over when the program is; what lives on in the background can go on writing, and is seen."""
        code = (
            "import os, sys, time\n"
            "print('begins', flush=True)\n"
            "if os.fork(): os._exit(0)\n"
            "os.setsid()\n"
            "if os.fork(): os._exit(0)\n"
            f"[os.close(fd) for fd in (0, 1, 2) if not {keeps}]\n"
            "while not os.path.exists('go'): time.sleep(0.01)\n"
            f"if {keeps}: os.write(1, b'later\\n'), os.write(2, b'too\\n')\n"
            "open('gone', 'w').close()"
        )
        with Path("out").open("wb") as out, Path("error").open("wb") as error:
            program = [*command(), *python(code)]
            done = subprocess.run(program, env=environment(), stdout=out, stderr=error, timeout=PATIENCE, check=False)
        assert (done.returncode, the_run().exit_code, texts(the_run())) == (0, 0, ["begins"])
        Path("go").touch()
        wait_until(Path("gone").exists)
        if keeps:
            wait_until(lambda: Path("out").read_text() == "begins\nlater\n")
            wait_until(lambda: "too\n" in Path("error").read_text())
