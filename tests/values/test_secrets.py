"""Masking: what is taken for a secret, what is not, and that none reaches the disk or the server."""

from __future__ import annotations

import argparse
import base64
import json
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from tests.patience import PATIENCE
from wandb_logging import Html, Settings, SettingsError, WandbHandler, new_run, read_run
from wandb_logging._values.secret_names import MASK
from wandb_logging._values.secrets import _MARK, _OTHERS, _WORDS, SHORTEST, Secrets, _shapes

if TYPE_CHECKING:
    from wandb_logging import Run
    from wandb_logging.testing import LocalServer

KEY = "0123456789abcdef0123456789abcdef01234567"
RANDOM = "q7w8e9r0t1y2u3i4o5p6"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"

# What the texts are made of in which secrets are looked for.
PARTS = [
    *(mark for marks in (*_WORDS, *_OTHERS) for mark in marks),
    *(
        "PRIVATE KEY-----",
        "-----END ",
        "v1_",
        "b-",
        "ant-",
        "user",
        "pass",
        "@",
        ":",
        "/",
        " ",
        "\n",
        "-",
        "_",
        ".",
        "é",
    ),
    *("A" * 16, "a1" * 18, "0" * 40, RANDOM, JWT),
]


def masked(name: str, value: object, **options: Any) -> Any:
    return Secrets(lambda _name: None, **options).tree({name: value})[name]


def offline(**settings: Any) -> Run:
    return new_run("p", mode="offline", quiet=True, **settings)


def everything_below(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file())


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            *(
                "api_key",
                "apikey",
                "apiKey",
                "API-KEY",
                "OPENAI_API_KEY",
                "api_key_2",
                "wandb.api_key",
                "s3/secret_key",
            ),
            *("password", "db_password", "dbPassword", "passwd", "pwd", "passphrase", "secret", "client_secret"),
            *("aws_secret_access_key", "private_key", "Authorization", "secrets"),
        ],
    )
    def test_a_text_of_such_a_name_is_a_secret(self, name: str) -> None:
        """Whatever it says."""
        assert masked(name, "x") == MASK
        assert masked(name, ["x", "y"]) == [MASK, MASK]

    @pytest.mark.parametrize("name", ["token", "hf_token", "authToken", "auth", "cookie", "credentials"])
    def test_of_such_a_name_what_nobody_would_type(self, name: str) -> None:
        """Tokenizers have tokens, too."""
        assert masked(name, RANDOM) == MASK
        assert masked(name, "Bearer " + RANDOM) == MASK
        for text in ("</s>", "<|start_header_id|>", "[PAD]", "basic", "internationalization", "a b c d e f g h 1 2 3"):
            assert masked(name, text) == text

    @pytest.mark.parametrize(
        "name",
        [
            *(
                "tokenizer",
                "max_tokens_name",
                "token_type",
                "eos_token_id",
                "tokens",
                "password_policy",
                "secret_santa",
            ),
            *("key", "keys", "monkey", "key_size", "api_key_file", "sort_key", "author", "authors", "bypass", "loss"),
        ],
    )
    def test_of_these_none(self, name: str) -> None:
        """Only the end of a name says what it names, and only whole words."""
        assert masked(name, RANDOM) == RANDOM

    @pytest.mark.parametrize("name", ["PWD", "env.PWD", "pwd", "argument --pwd"])
    @pytest.mark.parametrize("folder", ["/home", "/srv/a b/c-d.e", "~/runs", r"C:\Users\me", "./x"])
    def test_the_working_directory_is_none(self, name: str, folder: str) -> None:
        """It is in every environment under the name that elsewhere says password."""
        assert masked(name, folder) == folder
        assert masked(name, "hunter2") == MASK
        assert masked("db_pwd", folder) == MASK

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            *(("OLDPWD", "/srv/a b"), ("GPG_TTY", "/dev/pts/0"), ("SSH_AUTH_SOCK", "/tmp/ssh-aB3dE5fG7h/agent.4711")),
            *(
                ("SSH_CONNECTION", "10.0.0.1 51234 10.0.0.2 22"),
                ("TOKENIZERS_PARALLELISM", "false"),
                ("KEYBOARD", "us"),
            ),
            *(("XAUTHORITY", "/srv/me/.Xauthority"), ("PASSWORD_STORE_DIR", "/srv/me/.pass1"), ("AUTHOR", RANDOM)),
            *(("use_password", "true"), ("NO_PASSWORD", "1"), ("api_key", "None"), ("secret", "off"), ("KEY", "a")),
            *(("GIT_ASKPASS", "/usr/bin/askpass1234"), ("forward_pass", "eager"), ("cache_key", "v1-" + RANDOM)),
        ],
    )
    def test_what_an_environment_has_besides_is_none(self, name: str, text: str) -> None:
        """Folders, terminals, switches."""
        assert masked(name, text) == text

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            *(("PGPASSWORD", "hunter2"), ("MYSQL_PWD", "hunter2"), ("RABBITMQ_PASSWORD", "on the hill")),
            *(("SMTP_PASS", RANDOM), ("KAGGLE_KEY", KEY), ("AZURE_STORAGE_KEY", "ab1/" * 8 + "==")),
        ],
    )
    def test_what_it_has_that_is_one(self, name: str, text: str) -> None:
        """Under names of other programs."""
        assert masked(name, text) == MASK

    @pytest.mark.parametrize("path", ["/etc/keys/service-account1.json", "~/.config/gcloud/credentials_2.json"])
    def test_nor_is_the_file_that_holds_one(self, path: str) -> None:
        """GOOGLE_APPLICATION_CREDENTIALS names a file."""
        assert masked("GOOGLE_APPLICATION_CREDENTIALS", path) == path

    @given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()))
    def test_no_number_is_one(self, number: object) -> None:
        """`max_tokens: 512`, and `use_secret: true`."""
        assert masked("password", number) is number

    def test_names_of_ones_own(self) -> None:
        """secret_names are globs, in whatever case, of the last part of a name or of all of it."""
        tree = {"main_DSN": "a", "db": {"user": "b", "port": "c"}}
        found = Secrets(lambda _name: None, names=["*_dsn", "db.user"]).tree(tree)
        assert found == {"main_DSN": MASK, "db": {"user": MASK, "port": "c"}}


class TestShapes:
    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("wandb_v1_" + RANDOM, MASK),
            ("AKIAIOSFODNN7EXAMPLE", MASK),
            ("ghp_" + "a1" * 18, MASK),
            ("github_pat_" + "a1" * 20, MASK),
            ("glpat-" + RANDOM, MASK),
            ("xoxb-123456789012-abcdef", MASK),
            ("hf_" + "aB" * 17, MASK),
            ("sk-ant-api03-" + RANDOM, MASK),
            ("sk-" + "a1" * 24, MASK),
            ("AIza" + "b" * 35, MASK),
            (JWT, MASK),
            (f"Authorization: Bearer {RANDOM}", f"Authorization: Bearer {MASK}"),
            ("AccountName=a;AccountKey=" + "ab1/" * 8 + "==;x=y", f"AccountName=a;AccountKey={MASK};x=y"),
            ("postgres://u:p@h/db", f"postgres://u:{MASK}@h/db"),
            ("https://:x@h", f"https://:{MASK}@h"),
            ("a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- z", f"a {MASK} z"),
            ("-----BEGIN PRIVATE KEY-----\nMII, cut", MASK),
        ],
    )
    def test_what_looks_so_is_masked_in_its_place(self, text: str, left: str) -> None:
        """The rest of the text stays, wherever in the tree it is."""
        assert masked("x", text) == left
        assert masked("x", {"y": ["before " + text]}) == {"y": ["before " + left]}

    @pytest.mark.parametrize(
        "text",
        [
            *(KEY, "sk-learn-random-forest-classifier", "ssh://git@github.com/a/b", "https://h:8080/a:b@c", "AKIA"),
            *("https://api.wandb.ai", "eyJust.an.ordinary.word", "-----BEGIN CERTIFICATE-----", "hf_hub", "12:30@noon"),
        ],
    )
    def test_what_only_comes_near(self, text: str) -> None:
        """A commit's hash, names of models, addresses."""
        assert masked("x", text) == text

    @pytest.mark.parametrize(
        "text", ["-eyJ" * 50_000, "-----BEGIN " * 20_000, "://a:b" * 40_000, "1a" * 100_000, "Bearer " * 30_000]
    )
    def test_a_long_text_takes_no_time(self, text: str) -> None:
        """Time grows with its length, not with the square of it: that would take minutes here."""
        assert masked("token", text + "!") == text + "!"

    @given(st.lists(st.sampled_from(PARTS), max_size=8).map("".join))
    def test_only_texts_with_a_mark_are_looked_at(self, text: str) -> None:
        """Which costs nothing: whatever has the shape of a secret has such a mark."""
        assert _MARK.search(text) or not _shapes().search(text)

    @pytest.mark.parametrize("mark", [mark for marks in (*_WORDS, *_OTHERS) for mark in marks])
    def test_each_mark_is_of_a_shape(self, mark: str) -> None:
        """With what may follow it."""
        follows = ("A" * 16, "a1" * 20, "b-" + "a1" * 9, "1_" + RANDOM, "PRIVATE KEY-----", f"u:{RANDOM}@h", JWT[3:])
        assert any(_shapes().search(mark + rest) for rest in follows)

    def test_off(self) -> None:
        """mask_secrets: false leaves names and shapes alone."""
        assert masked("password", JWT, enabled=False) == JWT


class TestTime:
    @pytest.mark.parametrize(
        "text",
        [
            "Bearer" + " " * 100_000 + "1a",
            "Bearer " * 20_000,
            "1" * 200_000,
            "a" * 200_000,
            "-----BEGIN " * 20_000,
            "-----BEGIN PRIVATE KEY-----" * 8_000,
            "://a:" * 40_000,
            "://" + "a:" * 100_000,
            "eyJaaaaaaaa." * 20_000,
            "sk-proj-" * 25_000,
            "ghp_" * 50_000,
            "/a" * 100_000,
        ],
        ids=lambda text: text[:12],
    )
    @pytest.mark.parametrize("name", ["auth_token", "note"])
    def test_long_texts_take_no_longer_than_they_are(self, name: str, text: str) -> None:
        """A pattern that goes back for each character would take a minute for any of these."""
        began = time.process_time()
        masked(name, text)
        assert time.process_time() - began < 5


class TestKeysThatAreKnown:
    @given(before=st.text(max_size=30), after=st.text(max_size=30), enabled=st.booleans())
    def test_wherever_they_are(self, before: str, after: str, *, enabled: bool) -> None:
        """Also with masking off, and as a request's header has them."""
        secrets = Secrets(lambda _name: None, enabled=enabled)
        secrets.know(KEY)
        for key in (KEY, base64.b64encode(b"api:" + KEY.encode()).decode()):
            text = f"{before}{key}{after}"
            for found in (
                secrets.text(text),
                secrets.tree([text])[0],
                json.loads(secrets.line(json.dumps(text).encode())),
            ):
                assert key not in found

    def test_one_with_quotes_in_it_is_found_in_json(self) -> None:
        """As JSON writes it."""
        key = 'lo"cal\\' + "-" + KEY
        secrets = Secrets(lambda _name: None)
        secrets.know(key)
        assert json.loads(secrets.line(json.dumps({"a": f"x{key}y"}).encode())) == {"a": f"x{MASK}y"}

    @given(
        st.lists(st.text(st.sampled_from('09afghQZXJKYVWUGHPBM_"\\'), min_size=SHORTEST, max_size=40), max_size=3),
        st.lists(st.integers(0, 5) | st.sampled_from(["QZXJKYVWUGHPBM", "loss", "09"]), max_size=6),
    )
    def test_keys_of_any_letters(self, keys: list[str], parts: list[int | str]) -> None:
        """As one would mask them by hand: each key, then the form in which it is sent."""
        secrets = Secrets(lambda _name: None)
        for key in keys:
            secrets.know(key)
        forms = [form for key in keys for form in (key, base64.b64encode(f"api:{key}".encode()).decode())]
        text = " ".join(part if isinstance(part, str) else "".join(forms[part : part + 1]) for part in parts)
        line, expected = json.dumps({"a": text}), json.dumps({"a": text})
        for form in forms:
            expected = expected.replace(json.dumps(form)[1:-1], MASK)
        masked = secrets.line(line.encode()).decode()
        assert (masked == line) is (expected == line)
        assert not any(json.dumps(form)[1:-1] in masked for form in forms)

    def test_a_short_one_is_none(self) -> None:
        """What is as short as a number must not be searched for in JSON."""
        secrets = Secrets(lambda _name: None)
        secrets.know("1" * (SHORTEST - 1))
        assert secrets.line(b'{"a":' + b"1" * (SHORTEST - 1) + b"}") == b'{"a":' + b"1" * (SHORTEST - 1) + b"}"


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "left"),
        [
            (["--lr", "0.1", "--api-key", "x", "y"], ["--lr", "0.1", "--api-key", MASK, "y"]),
            (["--password=x=y", "--name=z"], [f"--password={MASK}", "--name=z"]),
            (["--token", RANDOM, "--eos-token", "</s>"], ["--token", MASK, "--eos-token", "</s>"]),
            (["--use-secret", "--verbose"], ["--use-secret", "--verbose"]),
            (["ghp_" + "a1" * 18, "data.csv"], [MASK, "data.csv"]),
            (["db.password=x"], ["db.password=***"]),
        ],
    )
    def test_of_the_program(self, arguments: list[str], left: list[str]) -> None:
        """By the name of the option before, or of the same word."""
        assert Secrets(lambda _name: None).arguments(arguments) == left


class TestARun:
    def test_config_metrics_and_summary_are_masked_and_counted(self, wandb_server: LocalServer) -> None:
        """Neither the run directory nor the server has them; each name is told once, no value is."""
        config = {"lr": 0.1, "password": "hunter22", "net": {"tokenizer": "bert", "max_tokens": 512}}
        run = new_run("p", mode="online", config=config)
        run.update_config(argparse.Namespace(api_key="hunter22"))
        run.log({"loss": 0.5, "password": "hunter22"})
        run.log({"loss": 0.5, "deep": {"password": "hunter22", "when": None}})
        run.summary["secret"] = "hunter22"
        run.finish()
        (there,) = wandb_server.runs
        assert run.dir is not None
        assert b"hunter22" not in everything_below(run.dir)
        assert {key: value for key, value in there.config.items() if key != "_wandb"} == {
            "lr": 0.1,
            "password": MASK,
            "api_key": MASK,
            "net": {"tokenizer": "bert", "max_tokens": 512},
        }
        assert [(row["loss"], row.get("password"), row.get("deep")) for row in there.history] == [
            (0.5, MASK, None),
            (0.5, None, {"password": MASK, "when": None}),
        ]
        assert there.summary["secret"] == MASK
        assert run.stats()["masked"] == 5

    def test_the_program_reads_its_config_as_it_is(self) -> None:
        """What is masked is what leaves the program."""
        with offline(config={"password": "hunter22"}) as run:
            run.update_config(api_key="x")
            assert run.config == {"password": "hunter22", "api_key": "x"}

    def test_each_name_is_told_once(self, caplog: pytest.LogCaptureFixture) -> None:
        """By name, and in the end how often; never the value."""
        with offline(config={"password": "hunter22"}) as run:
            for _ in range(3):
                run.log({"note": JWT})
        said = [record.getMessage() for record in caplog.records if "masked" in record.getMessage()]
        assert sorted(text.split()[0] for text in said[:-1]) == ["config.password", "note"]
        assert said[-1] == "masked in all: note (3), config.password (1)"
        assert "hunter22" not in caplog.text
        assert JWT not in caplog.text

    def test_records_are_masked_as_rows_by_hand_are(self) -> None:
        """Metrics in extra, a dict as the message, and values that take the slow way."""
        handler = WandbHandler(project="p", mode="offline", quiet=True, dict_message=True)
        log = logging.getLogger("train")
        log.setLevel(logging.INFO)
        log.addHandler(handler)
        log.info("x", extra={"metrics": {"password": "hunter22"}})
        log.info({"password": "hunter22", "i": 1})
        log.info("x", extra={"metrics": {"password": "hunter22", "path": Path("a"), "big": 2**70}})
        path = handler.run.dir
        handler.close()
        assert path is not None
        assert [row["password"] for row in read_run(path).rows] == [MASK] * 3
        assert handler.stats()["masked"] == 3

    @pytest.mark.parametrize("mask", [True, False])
    def test_the_key_is_in_nothing_whatever_is_logged(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, mask: bool
    ) -> None:
        """A program may print its own key: text, captured output, tracebacks, config, notes, alerts, names."""
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        sent = base64.b64encode(b"api:" + KEY.encode()).decode()
        settings = {"capture_output": True, "alert_level": "ERROR", "mask_secrets": mask}
        with offline(config={"x": KEY, "y": [f"a{KEY}b"]}, **settings) as run:
            handler = WandbHandler(run=run)
            log = logging.getLogger("train")
            log.addHandler(handler)
            print("key:", KEY)
            log.error("with %s and %s", KEY, sent)
            try:
                raise RuntimeError(KEY)
            except RuntimeError:
                log.exception("failed", extra={"metrics": {"text": KEY, "slow": {1, 2}, "deep": [KEY]}})
            log.error("x", extra={"metrics": {"n": 1}, "step": KEY})
            run.log({"text": KEY, "bad": object()})
            run.update_config(z=KEY)
            run.notes = f"notes {KEY}"
            run.summary["s"] = KEY
            run.alert("title", KEY)
            run.define_metric(f"m{KEY}")
            handler.close()
        assert run.dir is not None
        written = everything_below(run.dir)
        assert KEY.encode() not in written
        assert sent.encode() not in written
        assert f"with {MASK} and {MASK}" in "".join(read_run(run.dir).lines)
        assert [record for record in caplog.records if "wandb_logging" in record.name and KEY in record.message] == []

    @pytest.mark.parametrize(
        "given",
        [
            {"notes": f"train.py --wandb-key {KEY}"},
            *({key: KEY} for key in ("name", "group", "job_type", "entity")),
            {"tags": [KEY]},
            {"config": {KEY: 1, "deep": {KEY: [KEY]}}},
            {"define_metrics": [{"name": KEY, "step_metric": KEY}]},
            {"late_step_metric": KEY},
            {"ignore_globs": [KEY]},
        ],
        ids=lambda given: next(iter(given)),
    )
    def test_a_key_in_what_a_run_begins_with(self, given: Any) -> None:
        """Whatever of it is kept: run.json is what the server is told first."""
        with offline(api_key=KEY, **given) as run:
            run.log({"a": 1})
        assert run.dir is not None
        assert KEY.encode() not in everything_below(run.dir)
        assert len(read_run(run.dir).rows) == 1

    def test_a_key_as_a_name(self) -> None:
        """Of a metric, logger or level, and in a run that goes on in its directory."""
        run = offline(api_key=KEY, run_id="r")
        logger = logging.getLogger(KEY)
        handler = WandbHandler(run=run)
        logger.addHandler(handler)
        logging.addLevelName(35, KEY)
        logger.log(35, "m", extra={"metrics": {KEY: 1.0}})
        logger.log(35, "m", extra={"metrics": {KEY: "text", "deep": {KEY: 2}}})
        run.log({KEY: 1.0})
        run.log({"media": Html("<p>"), f"a{KEY}": Html("<p>")})
        run.summary[KEY] = 1
        logger.removeHandler(handler)
        run.finish()
        with offline(api_key=KEY, run_id="r", resume="allow", notes=KEY, config={KEY: 2}) as again:
            again.log({KEY: 2})
        assert run.dir is not None
        assert again.dir == run.dir
        assert KEY.encode() not in everything_below(run.dir)

    @pytest.mark.not_quick
    def test_the_arguments_of_the_program(self) -> None:
        """In wandb-metadata.json."""
        code = "from wandb_logging import new_run\nnew_run('p', mode='offline', quiet=True, run_id='r')"
        subprocess.run(
            [sys.executable, "-c", code, "--password", "hunter22", "--lr", "3"], check=True, timeout=PATIENCE
        )
        about = json.loads(next(Path("wandb_cache/p/r").rglob("*wandb-metadata.json*")).read_text())
        assert about["args"] == ["--password", MASK, "--lr", "3"]

    def test_off(self) -> None:
        """mask_secrets: false."""
        with offline(config={"password": "hunter22"}, mask_secrets=False) as run:
            run.log({"token": RANDOM})
        assert run.dir is not None
        assert (read_run(run.dir).config["password"], read_run(run.dir).rows[0]["token"]) == ("hunter22", RANDOM)
        assert run.stats()["masked"] == 0

    def test_names_of_ones_own(self) -> None:
        """secret_names."""
        with offline(config={"main_dsn": "x"}, secret_names=["*_dsn"]) as run:
            pass
        assert run.dir is not None
        assert read_run(run.dir).config["main_dsn"] == MASK


class TestSettings:
    @pytest.mark.parametrize("name", ["host", "app_url"])
    @pytest.mark.parametrize("user", [KEY, f"user:{KEY}", f"user:{KEY}@x"])
    def test_an_address_has_no_key_in_it(self, name: str, user: str) -> None:
        """It would be in run.json and in every message about the server: refused, and not repeated."""
        with pytest.raises(SettingsError, match="without a user or key") as error:
            Settings.of({name: f"https://{user}@api.wandb.ai"})
        assert KEY not in str(error.value)

    @pytest.mark.parametrize("name", ["apikey", "wandb_key", "token", "password", "hosts"])
    def test_a_wrong_setting_is_told_without_its_secret(self, name: str) -> None:
        """The key under a name that is none."""
        with pytest.raises(SettingsError) as error:
            Settings.of({name: f"https://user:{KEY}@h" if name == "hosts" else KEY})
        assert KEY not in str(error.value)


def test_a_key_that_is_a_name_is_not_told() -> None:
    """Whoever hears what was masked does not read it there."""
    told: list[str] = []
    secrets = Secrets(told.append)
    secrets.know(KEY)
    secrets.tree({KEY: {KEY: KEY}, "password": KEY}, "config")
    secrets.arguments([f"--{KEY}", KEY, f"{KEY}={KEY}"])
    assert told
    assert KEY not in "".join(told)
