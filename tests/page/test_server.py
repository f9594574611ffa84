"""The page's server over HTTP: who is let in, what is answered, what is never."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import re
import shutil
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import wandb_logging
from tests.page.pages import DEADLINE, Visitor, served, unpacked
from tests.runs import START, add, make_run, row
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._page import answers, assets, server
from wandb_logging._page.cache import Cache
from wandb_logging._page.live import Poller
from wandb_logging._page.place import Place
from wandb_logging._page.readers import Readers
from wandb_logging._page.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

EVIL = '"><script>alert(1)</script>\x1b[2J\u202e{{7*7}}'


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def visitor(cache: Path, tmp_path: Path) -> Iterator[Visitor]:
    make_run(cache, [row(0), row(1, text="hello", level="INFO", logger="x"), {"exit": 0, "t": START + 2}], id="one")
    with served(cache, tmp_path / "kept") as found:
        yield found


class TestWhoIsLetIn:
    def test_the_token_is_swapped_for_a_cookie(self, visitor: Visitor) -> None:
        """With the token comes the cookie, and an address without it; with the cookie comes the page."""
        status, headers, _ = visitor.ask(f"/?token={visitor.page.place.credentials.token}", cookie=False)
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"].partition(";")[0]
        assert visitor.page.place.credentials.token not in cookie
        status, headers, body = visitor.ask("/", cookie=False, Cookie=cookie)
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"<script defer" in body

    @pytest.mark.parametrize(
        "path", ["/", "/api/runs", "/api/bins", "/api/live", "/api/file", "/assets/main.js", "/none"]
    )
    def test_nothing_without_it(self, visitor: Visitor, path: str) -> None:
        """Without the cookie there is nothing, not even the page's own files."""
        assert visitor.ask(path, cookie=False)[0] == 401
        assert visitor.ask(path, cookie=False, Cookie=f"{visitor.page.place.credentials.name}=x")[0] == 401

    def test_a_wrong_token(self, visitor: Visitor) -> None:
        """A wrong token gives no cookie, and says nothing of the right one."""
        status, headers, body = visitor.ask("/?token=wrong", cookie=False)
        assert status == 401
        assert "set-cookie" not in headers
        assert visitor.page.place.credentials.token.encode() not in body

    def test_tokens_are_long_and_of_one_server(self, visitor: Visitor, cache: Path, tmp_path: Path) -> None:
        """Each server has its own 32 random bytes, twice."""
        with served(cache, tmp_path / "kept") as other:
            secrets = {
                visitor.page.place.credentials.token,
                visitor.page.place.credentials.cookie,
                other.page.place.credentials.token,
                other.page.place.credentials.cookie,
            }
        assert len(secrets) == 4
        assert min(map(len, secrets)) >= 43  # 32 bytes in base64

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""])
    def test_another_name_for_it(self, visitor: Visitor, host: str) -> None:
        """With the cookie and all: under another name it does not answer (DNS rebinding)."""
        assert visitor.ask("/api/runs", Host=host.format(port=visitor.page.place.port))[0] == 421

    def test_other_sites(self, visitor: Visitor) -> None:
        """Neither by script nor by address, with the cookie and all."""
        assert visitor.ask("/api/runs", Origin="http://evil.example")[0] == 403
        assert visitor.ask("/", Sec_Fetch_Site="cross-site")[0] == 403
        assert visitor.ask(f"/?token={visitor.page.place.credentials.token}", Sec_Fetch_Site="same-site")[0] == 403

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW"])
    def test_only_get(self, visitor: Visitor, method: str) -> None:
        """Any other method is refused, and told which one is taken."""
        status, headers, _ = visitor.ask("/api/runs", method=method)
        assert (status, headers["allow"]) == (405, "GET")

    @pytest.mark.parametrize("path", ["/", "/api/runs", "/assets/main.js", "/none", "/api/file?run=1&name=x"])
    def test_headers_of_all_answers(self, visitor: Visitor, path: str) -> None:
        """Each answer has the policy, no answer has a CORS header or says what it runs on."""
        _, headers, _ = visitor.ask(path, Origin=f"http://{visitor.host}")
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert not [name for name in headers if name.startswith("access-control")]
        assert "python" not in headers["server"].lower()

    def test_every_asset_is_ours(self, visitor: Visitor) -> None:
        """Each file that the page names is there, and none has an address of elsewhere but in a comment."""
        found = {name: visitor.ask(f"/assets/{name}") for name in assets.names()}
        assert {status for status, _, _ in found.values()} == {200}
        bodies = {name: body for name, (_, _, body) in found.items()}
        whole = bodies.pop("page.js"), bodies.pop("page.css")
        for name, body in bodies.items():
            assert name.startswith("uplot") or b"://" not in body.replace(b"http://www.w3.org", b"")
            assert body in b"".join(whole) or name in {"matcher.js", "index.html"}
        named = re.findall(rb'(?:href|src)="(/[^"]*)"', visitor.ask("/")[2])
        assert named == [b"/assets/page.css", b"/assets/page.js", b"/api/runs?"]

    @pytest.mark.parametrize(
        "path",
        [
            "/assets/../server.py",
            "/assets/%2e%2e/server.py",
            "/assets//etc/passwd",
            "/assets/",
            "/assets",
            "/../x",
            "/api/../api/runs",
        ],
    )
    def test_no_way_out_of_the_assets(self, visitor: Visitor, path: str) -> None:
        """The page's files are a list of names, and no folder."""
        assert visitor.ask(path)[0] == 404


class TestAnswers:
    def test_the_list(self, visitor: Visitor) -> None:
        """A run with what it is, how it stands, and its last values before it was read."""
        run = visitor.run()
        assert (run["info"]["id"], run["state"], run["exit"], run["unsent"], run["config"]) == (
            "one",
            "finished",
            0,
            True,
            {"lr": 0.1},
        )
        assert run["figures"][0][1] == 1

    def test_the_list_of_many(self, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of many runs the list says at once what they are; how the older ones ended it says when it is asked again."""
        monkeypatch.setattr(answers, "_KNOWN", 2)
        monkeypatch.setattr(answers, "_FIRST", 1)
        for at, code in enumerate((0, 1, 0)):
            make_run(cache, [row(at), {"exit": code, "t": START + at}], id=f"r{at}", start=START + at)
        with served(cache, tmp_path / "kept") as visitor:

            def told(**query: object) -> list[tuple[object, ...]]:
                runs = visitor.json("/api/runs", **query)["runs"]
                return [(run["info"]["id"], run["state"], run["unsent"], len(run["figures"])) for run in runs]

            unread = [(f"r{at}", "unread", None, 0) for at in range(2)]
            assert told() == [*unread, ("r2", "finished", True, 1)]
            assert told(r="1-2") == [("r0", "finished", True, 1), ("r1", "crashed", True, 1)]
            assert [state for _, state, *_ in told()] == ["finished", "crashed", "finished"]

    def test_bins(self, visitor: Visitor) -> None:
        """The values of a metric on a grid, exact for a short run at once."""
        run = visitor.run()
        head, found = visitor.bins(r=run["key"], m=0)
        assert head["grids"] == {"0": [1, 0, 2]}
        assert head["complete"]
        assert found[run["key"], 0] == [[0, 1]] * 3

    def test_a_range(self, cache: Path, tmp_path: Path) -> None:
        """Zooming reads the range again: what was one bin becomes each of its points."""
        with served(cache, tmp_path / "kept") as visitor:
            make_run(cache, [row(number) for number in range(5000)], id="long")
            visitor.page.content.runs.scan()
            run = visitor.run("long")
            assert visitor.bins(r=run["key"], m=0)[0]["grids"]["0"] == [32, 0, 157]
            head, found = visitor.bins(r=run["key"], m=0, lo=3000, hi=3100)
        assert head["grids"]["0"] == [1, 3000, 101]
        assert found[run["key"], 0][1] == pytest.approx(range(3000, 3101), abs=0.001)

    @pytest.mark.parametrize(("axis", "first"), [("_runtime", 0.0), ("_timestamp", START), ("0", 0.0)])
    def test_other_axes(self, visitor: Visitor, axis: str, first: float) -> None:
        """Over time, relative time, or another metric, by its number."""
        run = visitor.run()
        head, found = visitor.bins(r=run["key"], m=0, x=axis)
        width, begin, _ = head["grids"]["0"]
        assert width * begin == pytest.approx(first, abs=width)
        values = [value for value in found[run["key"], 0][1] if not math.isnan(value)]
        assert values == [0, 1]

    def test_the_point_that_was_logged(self, visitor: Visitor) -> None:
        """The row nearest to a place, with its own step and value."""
        visitor.run()
        visitor.bins(r=1, m=0)
        found = visitor.json("/api/near", run=1, x="_step", at=0.9, m=0)
        assert (found["row"]["n"], found["row"]["_step"], found["row"]["_timestamp"]) == (1, 1, START + 1)

    def test_text(self, visitor: Visitor) -> None:
        """A line with level, logger and the step it belongs to."""
        (line,) = visitor.json("/api/text", run=1)["lines"]
        assert {key: line[key] for key in ("text", "level", "logger", "step")} == {
            "text": "hello",
            "level": "INFO",
            "logger": "x",
            "step": 2,
        }
        assert visitor.json("/api/text", run=1, level=30)["lines"] == []
        assert visitor.json("/api/text", run=1, q="HELL")["total"] == 1

    def test_text_that_is_json(self, cache: Path, tmp_path: Path) -> None:
        """Message and fields, without what stands beside them; and only the lines that have some fields."""
        said = [
            {"text": json.dumps({"levelname": "INFO", "name": "x", "message": f"hi {fold}", "fold": fold}), "t": START}
            for fold in (3, 31)
        ]
        make_run(cache, [*said, {"exit": 0, "t": START}])
        with served(cache, tmp_path / "kept") as visitor:
            visitor.run()
            shown = [visitor.json("/api/text", run=1, q=words)["lines"] for words in ("", "fold=3")]
        assert [[line["text"] for line in lines] for lines in shown] == [
            ["hi 3 fold=3", "hi 31 fold=31"],
            ["hi 3 fold=3"],
        ]

    def test_csv_of_a_run_that_was_cut(self, cache: Path, tmp_path: Path) -> None:
        """Where rows are gone that were there, a download does not end as if it were whole."""
        run_dir = make_run(cache, map(row, range(50)))
        with served(cache, tmp_path / "kept") as visitor:
            visitor.json("/api/runs")
            visitor.ask("/api/bins?r=1&m=0&x=_step&n=64")
            whole = visitor.ask("/api/csv?r=1&m=0")[2]
            assert whole.count(b"\n") == 51
            (run_dir.path / "journal-0001-0001.jsonl").unlink()
            with pytest.raises(http.client.IncompleteRead):
                visitor.ask("/api/csv?r=1&m=0")

    def test_csv(self, visitor: Visitor) -> None:
        """Each logged value on a line; a name that a spreadsheet would compute is only a name."""
        visitor.run()
        status, headers, body = visitor.ask("/api/csv?r=1&m=0")
        assert status == 200
        assert body.decode().split("\r\n")[:3] == ["run,name,step,time,n", f"one,,0,{START},0", f"one,,1,{START + 1},1"]
        assert headers["content-disposition"] == 'attachment; filename="n.csv"'
        assert "charts.csv" in visitor.ask("/api/csv?r=1&m=0,0")[1]["content-disposition"]

    def test_it_is_packed_for_who_can(self, visitor: Visitor) -> None:
        """With gzip the same comes in less."""
        plain, packed = visitor.ask("/assets/uplot.js"), visitor.ask("/assets/uplot.js", Accept_Encoding="gzip")
        assert packed[1]["content-encoding"] == "gzip"
        assert unpacked(packed[2]) == plain[2]
        assert len(packed[2]) < len(plain[2]) / 2

    @pytest.mark.parametrize(
        "path",
        [
            "/api/bins?r=1-100000&m=0", "/api/bins?r=x", "/api/bins?r=1&m=0&lo=x", "/api/bins?r=1&m=0&lo=nan&hi=1",
            "/api/bins?r=1&n=x", "/api/run", "/api/run?run=99", "/api/text?run=1&from=x", "/api/near?run=1,2",
            "/api/file?run=1", "/api/file?run=1&name=../run.json", "/api/bins?r=" + "1," * 9000, "/" + "a" * 40_000,
            "/api/bins?r=-1", "/api/bins?m=1-9999&r=1",
        ],
    )  # fmt: skip
    def test_nonsense_is_refused(self, visitor: Visitor, path: str) -> None:
        """Too much, too long or no sense: a status, a word, and the server goes on."""
        assert 400 <= visitor.ask(path)[0] < 500
        assert visitor.ask("/api/runs")[0] == 200

    def test_as_many_bins_as_there_may_be(self, visitor: Visitor) -> None:
        """Who asks for a million bins gets no more than the server gives."""
        visitor.run()
        assert visitor.bins(r=1, m=0, n=10**9)[0]["grids"]["0"][2] <= 2000
        status, _, words = visitor.ask("/api/bins?n=1e9&r=1")
        assert (status, words) == (400, b"The query makes no sense.\n")

    def test_a_fault_of_ours_is_told(self, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
        """What goes wrong in the server is an answer with words, and the next request is as any."""

        def wrong(_: object) -> None:
            raise KeyError("gone")

        monkeypatch.setitem(visitor.page.content.answers.routes, "/api/run", wrong)
        status, _, words = visitor.ask("/api/run?run=1")
        assert (status, words) == (500, b"This server made a mistake: KeyError: 'gone'\n")
        assert visitor.ask("/api/runs")[0] == 200


class TestFiles:
    def test_media_as_they_were_kept(self, cache: Path, tmp_path: Path) -> None:
        """A file that the journal names comes with its type; HTML in a sandbox; others are downloaded."""
        run = wandb_logging.new_run("p", run_id="m", mode="offline", cache_dir=cache, quiet=True, git_commit="f00d")
        run.log({"page": wandb_logging.Html(f"<p>{EVIL}</p>")})
        (tmp_path / "model.bin").write_bytes(b"\0\1")
        run.save(tmp_path / "model.bin", base_path=tmp_path)
        run.finish()
        with served(cache, tmp_path / "kept") as visitor:
            key = visitor.run()["key"]
            details = visitor.json("/api/run", run=key)
            name = details["media"]["page"][0][1]["path"]
            status, headers, body = visitor.ask(f"/api/file?run={key}&name={name}")
            assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
            assert EVIL[:20].encode() in body
            assert ("model.bin" in details["files"], details["git"]["commit"]) == (True, "f00d")
            _, headers, body = visitor.ask(f"/api/file?run={key}&name=model.bin")
            assert headers["content-disposition"] == 'attachment; filename="model.bin"'
            assert body == b"\0\1"
            assert visitor.ask(f"/api/file?run={key}&name=run.json")[0] == 404  # it is there, and no journal names it

    @pytest.mark.parametrize("path", ["../../secret", "/etc/passwd", "files/link", "run.json/../../../secret"])
    def test_a_journal_that_lies(self, cache: Path, tmp_path: Path, path: str) -> None:
        """A journal that names what is not in its run directory gets nothing of it."""
        run_dir = make_run(cache, [row(0), {"file": {"name": "x.txt", "path": path}, "t": START}])
        (cache / "secret").write_text("secret")
        (run_dir.path / "files").mkdir()
        (run_dir.path / "files" / "link").symlink_to(cache / "secret")
        with served(cache, tmp_path / "kept") as visitor:
            status, _, body = visitor.ask("/api/file?run=1&name=x.txt")
        assert status == 404
        assert b"secret" not in body


class TestBadRuns:
    def test_a_number_beyond_all_floats(self, cache: Path, tmp_path: Path) -> None:
        """As an imported run may have it, in its last row, too: it is not drawn, and the list is there."""
        huge = {"metrics": {"n": 10**400, "m": -(10**400), "ok": 5}, "step": 10**400, "t": START + 1}
        make_run(cache, [row(0), huge, {"config": {"c": 10**400}, "t": START + 2}], id="huge")
        make_run(cache, [row(0), row(1)], id="good")
        with served(cache, tmp_path / "kept") as visitor:
            keys = {run["info"]["id"]: run["key"] for run in visitor.json("/api/runs")["runs"]}
            names = visitor.json("/api/runs")["metrics"]
            _, found = visitor.bins(r=f"{keys['huge']},{keys['good']}", m=f"0-{len(names) - 1}")
            said = visitor.ask(f"/api/csv?r={keys['huge']}&m=0-{len(names) - 1}")
        assert found[keys["good"], names.index("n")][1] == [0, 1]
        assert found[keys["huge"], names.index("ok")][1] == [5]
        assert said[0] == 200

    def test_each_is_told_of_and_none_stops_the_others(self, cache: Path, tmp_path: Path) -> None:
        """Half a run.json, a newer format, damaged lines, no journal: the rest is shown."""
        good = make_run(cache, [row(at) for at in range(5)], id="good")
        newer, broken = make_run(cache, [row(0)], id="newer"), make_run(cache, [row(0)], id="broken")
        empty, hurt = make_run(cache, id="empty"), make_run(cache, [row(at) for at in range(5)], id="hurt")
        (newer.path / "run.json").write_text(json.dumps({**good.info.to_json(), "format": 99}))
        (broken.path / "run.json").write_text('{"format": 1, "id": "bro')
        shutil.rmtree(empty.path / "files", ignore_errors=True)
        journal = next(hurt.path.glob("journal-*.jsonl"))
        lines = journal.read_bytes().split(b"\n")
        lines[2] = lines[2].replace(b'"n":2', b'"n":9')
        journal.write_bytes(b"\n".join(lines) + b'{"metrics":{"n"')
        with served(cache, tmp_path / "kept") as visitor:
            keys = {run["info"].get("id", run["path"]): run for run in visitor.json("/api/runs")["runs"]}
            states = {name.rpartition("/")[2]: run["state"] for name, run in keys.items()}
            head, found = visitor.bins(r=",".join(str(run["key"]) for run in keys.values()), m=0)
            damaged = visitor.json("/api/run", run=keys["hurt"]["key"])["damaged"]
        assert states == {
            "good": "crashed",
            "newer": "unreadable",
            "broken": "unreadable",
            "empty": "crashed",
            "hurt": "crashed",
        }
        assert found[keys["good"]["key"], 0][1] == [0, 1, 2, 3, 4]
        assert found[keys["hurt"]["key"], 0][1] == [0, 1, 3, 4]
        assert damaged >= 1
        assert head["complete"]

    @pytest.mark.not_quick
    def test_ten_thousand_metrics_and_long_names(self, cache: Path, tmp_path: Path) -> None:
        """Metrics in their thousands, and names of 10 kB with anything in them, come through whole."""
        name = EVIL + "x" * 10_000
        events = [
            {"metrics": {name: 1.5, **{f"m{number}": number for number in range(10_000)}}, "t": START + at}
            for at in range(3)
        ]
        make_run(cache, events)
        with served(cache, tmp_path / "kept") as visitor:
            visitor.bins(r=1, m=0)
            told = visitor.json("/api/runs")
            number = told["metrics"].index(name)
            assert (len(told["runs"][0]["figures"]), told["runs"][0]["untold"]) == (10_001, 0)
            assert visitor.bins(r=1, m=number)[1][1, number][1] == [1.5] * 3

    def test_more_metrics_than_the_page_lists(
        self, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a run with more metrics than its share of what all runs may have the first are told, and how many not."""
        monkeypatch.setattr(answers, "_FIGURES", 40)
        monkeypatch.setattr(answers, "_FEWEST_FIGURES", 5)
        for count, told in ((1, 30), (2, 20), (3, 13)):
            make_run(cache / str(count), [{"metrics": {f"m{number}": 1 for number in range(30)}, "t": START}])
            with served(cache, tmp_path / "kept") as visitor:
                visitor.bins(r=f"1-{count}", m=0)
                runs = visitor.json("/api/runs")["runs"]
                assert {(len(run["figures"]), run["untold"]) for run in runs} == {(told, 30 - told)}

    def test_a_run_that_goes_away(self, visitor: Visitor, cache: Path) -> None:
        """A run removed while it is shown is gone from the list with the next look, and nothing fails."""
        visitor.bins(r=1, m=0)
        shutil.rmtree(cache / "p" / "one")
        assert visitor.ask("/api/text?run=1")[0] in {200, 404}
        assert visitor.ask("/api/near?run=1&m=0&at=1")[0] in {200, 404}
        assert visitor.page.content.runs.scan() == {1}
        assert visitor.json("/api/runs")["runs"] == []

    def test_the_only_run_goes_away(self, cache: Path, tmp_path: Path) -> None:
        """So is one that the page was opened on by itself."""
        run = make_run(cache, [{"metrics": {"loss": 1}, "t": START}]).path
        with served(run, tmp_path / "kept") as visitor:
            assert [found["path"] for found in visitor.json("/api/runs")["runs"]] == ["."]
            shutil.rmtree(run)
            assert visitor.page.content.runs.scan() == {1}
            assert visitor.json("/api/runs")["runs"] == []

    def test_none(self, tmp_path: Path) -> None:
        """No folder and no runs is an empty list."""
        with served(tmp_path / "none", tmp_path / "kept") as visitor:
            assert visitor.json("/api/runs")["runs"] == []


class TestOpening:
    def test_the_page_comes_before_the_runs(self, cache: Path, tmp_path: Path) -> None:
        """Who opens the page has its program, and its token's cookie, while what reads runs is still imported."""
        make_run(cache, [row(0)], id="one")
        with served(cache, tmp_path / "kept") as visitor:
            with visitor.page._making:  # as whoever imports it has it
                entered = visitor.ask(f"/?token={visitor.page.place.credentials.token}", cookie=False)[0]
                assert (entered, visitor.ask("/")[0], visitor.ask("/assets/page.js")[0]) == (303, 200, 200)
            assert len(visitor.json("/api/runs")["runs"]) == 1

    def test_what_a_page_will_ask_for_is_got_ready(self, visitor: Visitor) -> None:
        """The runs are found and read as soon as the page itself is asked for."""
        visitor.page.expect()
        (run,) = visitor.page.content.runs.by_key.values()
        assert run.readings["_step"].state.rows == 2

    def test_to_be_read_is_no_news(self, cache: Path, tmp_path: Path) -> None:
        """A run that was read for a page that comes has not changed; with its next row it has."""
        run_dir = make_run(cache, [row(0), {"exit": 0, "t": START + 1}], id="one")
        told: list[set[int]] = []
        runs = Runs(cache, Cache(tmp_path / "kept"), told.append)
        poller = Poller(runs, told.append)
        runs.begin()
        poller.know(runs.by_key.values())
        runs.want(runs.by_key.values(), "_step")
        poller.tick(0.0)
        assert told == []
        writer = run_dir.writer()
        add(writer, [row(1)])
        poller.tick(1.0)
        assert told == [{1}]
        writer.close()


class TestLive:
    @pytest.mark.slow
    def test_a_row_is_told_of_and_there(self, cache: Path, tmp_path: Path) -> None:
        """While a program logs, the page is told which run changed, and what it asks for then has the new row."""
        run_dir = make_run(cache, [row(0)], id="live")
        writer = run_dir.writer()
        with served(cache, tmp_path / "kept") as visitor:
            key = visitor.run()["key"]
            visitor.bins(r=key, m=0)
            stream = Stream(visitor)
            add(writer, [row(1)])
            while visitor.bins(r=key, m=0)[1][key, 0][1] != [0, 1]:
                assert key in stream.next()["runs"]
            make_run(cache, [row(5)], id="new")
            while not (told := stream.next())["list"]:
                pass
            assert visitor.run("new")["key"] in told["runs"]
            assert told["left"] == 0
            stream.close()
        writer.close()

    def test_a_word_now_and_then(self, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without news the server says that it is there: silence means that the connection is dead."""
        monkeypatch.setattr(server, "_HEARTBEAT", 0.01)
        stream = Stream(visitor)
        told = threading.Timer(0.5, visitor.page.content.hub.tell, [{1}])
        told.start()
        assert stream.next()["runs"] == [1]
        assert stream.beats > 1
        stream.close()
        told.join()

    def test_a_closed_page_answers_nobody(self, cache: Path, tmp_path: Path) -> None:
        """Not on connections that are open either: another server may be at its address by then."""
        with served(cache, tmp_path / "kept") as visitor:
            connection = http.client.HTTPConnection("127.0.0.1", visitor.page.place.port, timeout=DEADLINE)
            connection.request("GET", "/", headers={"Cookie": visitor.cookie})
            assert connection.getresponse().read()
        connection.request("GET", "/", headers={"Cookie": visitor.cookie})
        with pytest.raises(ConnectionError):
            connection.getresponse()

    def test_an_open_row_is_shown_and_counts_once(self, cache: Path, tmp_path: Path) -> None:
        """A row under construction is in the chart already, and not twice when it is complete."""
        writer = create_run(cache, RunInfo(id="open", project="p", start=START)).writer()
        add(writer, [row(0, step=0), row(7, step=1)])
        with served(cache, tmp_path / "kept") as visitor:
            key = visitor.run()["key"]
            assert visitor.bins(r=key, m=0)[1][key, 0][1] == [0, 7]
            add(writer, [{"metrics": {"k": 3}, "step": 1, "t": START + 8}, row(9, step=2)])
            run = visitor.page.content.runs.by_key[key]
            visitor.page.content.runs.look(run)
            assert visitor.bins(r=key, m=0)[1][key, 0][1] == [0, 7, 9]
            figures = {visitor.page.content.runs.names[item[0]]: item[4] for item in visitor.run()["figures"]}
            assert figures == {"n": 3, "k": 1}
            writer.close()

    def test_rows_of_another_process_do_not_wait(self, cache: Path, tmp_path: Path) -> None:
        """A row whose step waits for the first process is in the chart at once, and once when it has it."""
        run_dir = create_run(cache, RunInfo(id="two", project="p", start=START))
        first, second = run_dir.writer(), run_dir.writer()
        with served(cache, tmp_path / "kept") as visitor:
            add(first, [row(0, step=0)])
            add(second, [{**row(5, step=0), "by": 2}])
            key = visitor.run()["key"]
            visitor.bins(r=key)
            names = visitor.page.content.runs.names

            def shown() -> dict[str, list[float]]:
                visitor.page.content.runs.look(visitor.page.content.runs.by_key[key])
                visitor.run()
                found = visitor.bins(r=key, m=f"0-{len(names) - 1}")[1]
                return {names[metric]: columns[1] for (_, metric), columns in found.items()}

            assert shown() == {"n": [0], "n/l:w2": [5], "step/l:w2": [0]}
            add(second, [{**row(6, step=1), "by": 2}])
            assert shown()["n/l:w2"] == [5, 6]
            add(first, [row(1, step=7)])
            assert shown()["n"][-1] == 1
            figures = {names[item[0]]: item[4] for item in visitor.run()["figures"]}
            assert figures == {"n": 2, "n/l:w2": 2, "step/l:w2": 2}
        first.close()
        second.close()

    @pytest.mark.not_quick
    def test_a_slow_disk_keeps_nobody_waiting(self, cache: Path, tmp_path: Path) -> None:
        """While one run is read from a disk that hangs, the list and the charts of the others come."""
        make_run(cache, [row(1)], id="slow")
        make_run(cache, [row(2)], id="quick")
        with served(cache, tmp_path / "kept") as visitor:
            slow, quick = visitor.run("slow")["key"], visitor.run("quick")["key"]
            visitor.bins(r=f"{slow},{quick}")
            visitor.run()
            begun, goes_on = threading.Event(), threading.Event()

            def hang() -> None:
                with visitor.page.content.runs.by_key[slow].lock:  # as `read_on` has it while it reads
                    begun.set()
                    goes_on.wait(DEADLINE)

            thread = threading.Thread(target=hang)
            thread.start()
            begun.wait(DEADLINE)
            assert (visitor.run("slow")["exact"], visitor.run("quick")["exact"]) == (False, True)
            assert set(visitor.bins(r=f"{slow},{quick}", m=0)[1]) == {(quick, 0)}
            goes_on.set()
            thread.join()
            assert visitor.run("slow")["exact"]
            assert set(visitor.bins(r=f"{slow},{quick}", m=0)[1]) == {(slow, 0), (quick, 0)}

    def test_no_more_listeners_than_there_is_room(self, visitor: Visitor) -> None:
        """A page too many is told so, and the others stay."""
        streams = [Stream(visitor) for _ in range(16)]
        assert visitor.ask("/api/live")[0] == 503
        for stream in streams:
            stream.close()


class Stream:
    """A browser that listens."""

    def __init__(self, visitor: Visitor) -> None:
        self._socket = socket.create_connection(("127.0.0.1", visitor.page.place.port), timeout=DEADLINE)
        self._socket.sendall(
            f"GET /api/live HTTP/1.1\r\nHost: {visitor.host}\r\nCookie: {visitor.cookie}\r\n\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        self.beats = 0
        assert b"200" in self._file.readline()
        while not self._file.readline().startswith(b"retry"):
            pass

    def next(self) -> dict[str, Any]:
        """The next news."""
        while True:
            line = self._file.readline()
            assert line, "the server ended"
            if line == b"event: beat\n":
                self.beats += 1
                self._file.readline()
            elif line.startswith(b"data: "):
                found: dict[str, Any] = json.loads(line[6:])
                return found

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class TestTheServer:
    def test_a_port_in_use(self, cache: Path, tmp_path: Path) -> None:
        """A port that was asked for and is taken is an error; by default the next is taken."""
        with served(cache, tmp_path / "kept") as visitor, pytest.raises(OSError, match="in use"):
            Place(port=visitor.page.place.port)

    def test_those_who_have_no_cookie_keep_nobody_out(self, visitor: Visitor) -> None:
        """All places taken by connections that send nothing, or a byte now and then: who has the cookie comes in."""
        place = ("127.0.0.1", visitor.page.place.port)
        friend = http.client.HTTPConnection(*place, timeout=DEADLINE)
        friend.request("GET", "/api/runs", headers={"Host": visitor.host, "Cookie": visitor.cookie})
        assert friend.getresponse().read()
        others = [socket.create_connection(place, timeout=DEADLINE) for _ in range(server._CONNECTIONS + 5)]
        for other in others[1:]:
            with contextlib.suppress(OSError):  # it had to go already
                other.sendall(b"GET / HTTP/1.1\r\nHost")
        assert visitor.ask("/api/runs")[0] == 200
        friend.request("GET", "/api/runs", headers={"Host": visitor.host, "Cookie": visitor.cookie})  # has stayed
        assert friend.getresponse().status == 200
        friend.close()
        assert others[0].recv(1) == b""
        for other in others:
            other.close()

    @pytest.mark.parametrize(
        "request_",
        [b"\x16\x03\x01 what is this\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
         b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/7.0\r\n\r\n", b"GET / <b> HTTP/1.1\r\n\r\n"],
    )  # fmt: skip
    def test_what_is_no_request(self, visitor: Visitor, request_: bytes) -> None:
        """It is refused in a word, nothing of it is said back, and a refusal with headers has the policy."""
        with socket.create_connection(("127.0.0.1", visitor.page.place.port), timeout=DEADLINE) as connection:
            connection.sendall(request_)
            with connection.makefile("rb") as file:
                answer = file.read()
        assert b"<" not in answer
        if answer.startswith(b"HTTP/"):
            assert answer.partition(b" ")[2][:1] in b"45"
            assert b"Content-Security-Policy: default-src 'none'" in answer
            assert b"nosniff" in answer

    @pytest.mark.parametrize(
        "first",
        ["GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example", "GET http://evil.example/ HTTP/1.1\r\nHost: {host}"],
    )
    def test_two_names(self, visitor: Visitor, first: str) -> None:
        """A request that names the server twice, by its own name and by another, is refused."""
        with socket.create_connection(("127.0.0.1", visitor.page.place.port), timeout=DEADLINE) as connection:
            connection.sendall(f"{first.format(host=visitor.host)}\r\nCookie: {visitor.cookie}\r\n\r\n".encode())
            with connection.makefile("rb") as file:
                assert file.readline().split()[1] in {b"400", b"421"}

    @pytest.mark.not_quick
    def test_a_thousand_connections(self, visitor: Visitor) -> None:
        """More connections than there is room for are closed, and it answers on."""
        sockets = [
            socket.create_connection(("127.0.0.1", visitor.page.place.port), timeout=DEADLINE) for _ in range(100)
        ]
        for item in sockets:
            item.close()
        answered = threading.Event()

        def ask() -> None:
            while True:
                try:
                    if visitor.ask("/api/runs")[0] == 200:
                        break
                except OSError:
                    continue
            answered.set()

        threading.Thread(target=ask, daemon=True).start()
        assert answered.wait(DEADLINE)

    def test_nothing_in_a_run_is_written(self, visitor: Visitor, cache: Path) -> None:
        """However it is looked at, a run directory stays as it was."""
        before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
        visitor.bins(r=1, m=0)
        visitor.json("/api/text", run=1)
        visitor.json("/api/run", run=1)
        visitor.page.content.runs.look(visitor.page.content.runs.by_key[1])
        assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="only some Linux share the processor by sessions")
def test_processes_that_read_stand_behind(tmp_path: Path) -> None:
    """They are sessions of their own: also a system that gives each session an equal share puts them behind others."""
    done = threading.Event()
    readers = Readers(tmp_path, lambda _key, _axis: done.set(), most=1)
    readers.ask((tmp_path / "none", "_step"), 1)
    assert done.wait(DEADLINE)
    (process,) = readers._processes
    shown = Path(f"/proc/{process.pid}/autogroup").read_text("ascii")
    readers.close()
    assert shown.split()[-2:] == ["nice", "10"]
