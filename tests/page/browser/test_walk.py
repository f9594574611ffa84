"""Each thing that the page has, used as a person does: with a mouse, keys, over minutes while programs log."""

from __future__ import annotations

import itertools
import json
import logging
import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

import wandb_logging
from tests.page.browser.test_page import CARD, DRAWN, LINES
from tests.page.demo import training
from tests.page.pages import DEADLINE
from tests.runs import START, add, make_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.page.browser.conftest import Browser
    from tests.page.pages import Visitor

    Show = Callable[[Path], Visitor]

pytestmark = pytest.mark.browser


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def new(cache: Path, run_id: str, **settings: Any) -> wandb_logging.Run:
    return wandb_logging.new_run("p", run_id=run_id, mode="offline", cache_dir=cache, quiet=True, **settings)


@pytest.fixture
def busy(cache: Path) -> Iterator[Callable[[], None]]:
    """A run that goes on beside what is looked at; each call logs a row."""
    run, rows = new(cache, "busy"), itertools.count()
    yield lambda: run.log({"m": next(rows)})
    run.finish()


def seen(browser: Browser, busy: Callable[[], None], times: int = 3) -> None:
    """Have the page take news of another run, some times."""
    for _ in range(times):
        before = browser.js("return wl.runs.list.find((run) => run.info.id === 'busy').version")
        busy()
        browser.until("wl.runs.list.find((run) => run.info.id === 'busy').version > arguments[0]", before)


def saved_files(browser: Browser, tmp_path: Path) -> Path:
    """The folder into which the browser saves files from now on."""
    folder = tmp_path / "saved"
    folder.mkdir()
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    return folder


class TestWhileOthersLog:
    def test_a_menu_closes(self, browser: Browser, show: Show, cache: Path) -> None:
        """By Escape, which leaves the keyboard at its place, and by a click on something else; not by one in it."""
        from selenium.webdriver import ActionChains

        training(cache, 0, 50).finish()
        show(cache)
        browser.until(DRAWN, "train/loss")
        menu, is_open = (
            "document.querySelector('#tools details.menu')",
            "document.querySelectorAll('details[open]').length",
        )
        browser.js(f"{menu}.firstChild.focus()")
        browser.keys("\ue007")
        browser.until(f"{is_open} === 1")
        browser.keys("\ue00c")
        browser.until(f"{is_open} === 0 && document.activeElement === {menu}.firstChild")
        browser.js(f"{menu}.open = true")
        inside = browser.js(f"return {menu}.querySelector('.menu-list')")
        ActionChains(browser.driver).move_to_element_with_offset(
            inside, -inside.size["width"] // 2 + 1, 0
        ).click().perform()
        assert browser.js(f"return {is_open}") == 1
        ActionChains(browser.driver).move_to_element(
            browser.js("return document.querySelector('h3')")
        ).click().perform()
        browser.until(f"{is_open} === 0")

    def test_the_focus_stays(self, browser: Browser, show: Show, cache: Path, busy: Callable[[], None]) -> None:
        """News of a run take the keyboard's place neither in the list of runs nor in the table."""
        busy()
        training(cache, 1, 30).finish()
        show(cache)
        browser.until("document.querySelectorAll('.run').length === 2")
        browser.js("document.querySelectorAll('.run input')[0].focus()")
        seen(browser, busy)
        assert browser.js("return document.activeElement.getAttribute('aria-label')").startswith("Show ")
        browser.keys(" ")
        browser.until("wl.view.now.hidden.length === 1")
        assert browser.js("return document.activeElement.type") == "checkbox"
        browser.js("wl.view.set({tab: 'table', hidden: []})")
        browser.until("document.querySelectorAll('tbody tr').length === 2")
        browser.js("document.querySelectorAll('th .sort')[3].focus()")
        seen(browser, busy)
        browser.keys("\ue007")
        browser.until("wl.view.now.sort === 'rows'")
        assert browser.js("return document.activeElement.textContent") == "rows ↑"

    def test_what_plays_and_what_is_read_stays(
        self, browser: Browser, show: Show, cache: Path, busy: Callable[[], None]
    ) -> None:
        """A report in its frame is loaded once, a slider stays where it was put, a selection in the text is kept."""
        busy()
        run = new(cache, "media")
        logger, handler = logging.getLogger("walk"), wandb_logging.WandbHandler(run=run)
        logger.addHandler(handler)
        for step in range(3):
            run.log({"report": wandb_logging.Html(f"<h1>Report {step}</h1>")})
            logger.warning("line %d", step)
        logger.removeHandler(handler)
        run.finish()
        visitor = show(cache)
        path = browser.until("wl.runs.list.find((run) => run.info.id === 'media').path")
        browser.js("wl.view.set({tab: 'run', run: arguments[0]})", path)
        browser.until("document.querySelector('iframe')")
        slider = "document.querySelector('.media input')"
        browser.js(f"{slider}.value = 1; {slider}.dispatchEvent(new Event('input'))")
        browser.until("document.querySelector('.media .note').textContent === 'step 1'")
        browser.js("document.querySelector('iframe').scrollIntoView()")
        browser.driver.switch_to.frame(0)
        browser.until("document.querySelector('h1').textContent === 'Report 1'")
        browser.driver.switch_to.default_content()
        browser.requests()
        seen(browser, busy)
        assert browser.js(f"return {slider}.value") == "1"
        assert [address for address in browser.requests() if "/api/file" in address] == []
        browser.js("wl.view.set({tab: 'text'})")
        browser.until("document.querySelectorAll('.line').length === 3")
        browser.js("getSelection().selectAllChildren(document.querySelectorAll('.line .said')[1])")
        seen(browser, busy)
        assert "line 1" in browser.js("return String(getSelection())")
        assert visitor.page.content.hub.some.is_set()

    def test_a_row_of_another_process(self, browser: Browser, show: Show, cache: Path) -> None:
        """What a forked child or a second program logs at steps of its own is in the charts at once."""
        run = new(cache, "shared")
        run.log({"loss": 1.0}, step=0)
        assert run.dir is not None
        from wandb_logging._journal.rundir import RunDir

        other = RunDir(run.dir).writer()
        show(cache)
        browser.until(DRAWN, "loss")
        for step, value in enumerate((5.0, 7.0)):
            add(other, [{"metrics": {"loss": value}, "step": step, "by": 2, "t": 1e9 + 1e9}])
            browser.until(f"({DRAWN}) && {LINES}[0].high.includes(arguments[1])", "loss/l:w2", value)
        other.close()
        run.finish()


class TestCharts:
    def test_a_run_that_goes_far(self, browser: Browser, show: Show, cache: Path) -> None:
        """One run with steps up to a million million leaves the charts of others as they are."""
        training(cache, 0, 100).finish()
        far = new(cache, "far")
        for step in (0, 10**12):
            far.log({"far": 1.0}, step=step)
        far.finish()
        show(cache)
        browser.until(f"({DRAWN}) && {LINES}[0].shown.length === 100", "train/loss")

    def test_numbers_of_any_size(self, browser: Browser, show: Show, cache: Path) -> None:
        """Huge, tiny, negative, constant, close to each other: each has an axis with numbers, log or not."""
        run = new(cache, "sizes")
        for step in range(100):
            run.log({
                "huge": 1e300 * (step + 1), "tiny": 1e-30 * (step + 1), "negative": -step, "constant": 3.0,
                "close": 1.7e9 + step / 100, "zero": 0.0, "small": 0.01 + step * 1e-5,
                "widest": 1e308 * (step % 3 - 1), "whole": 10**18 + step,
            })  # fmt: skip
        run.finish()
        show(cache)
        for log in (False, True):
            browser.js("wl.view.set({log: arguments[0]})", log)
            for name in ("huge", "tiny", "constant", "close", "small", *(["whole"] if log else ["widest"])):
                browser.until(f"({DRAWN}) && ({CARD}).drawnLog === arguments[1]", name, log)
                ticks = browser.js(f"return ({CARD}).plot.axes[1]._values", name)
                assert len(ticks) >= 2, (name, log)
                assert len({tick for tick in ticks if tick}) == len([tick for tick in ticks if tick])
        low, high = browser.js(f"const one = {LINES}[0]; return [one.low[0], one.high.at(-1)]", "close")
        assert high - low == pytest.approx(0.99, abs=0.01)
        assert "no value above zero" in browser.until(f"({CARD}).note.textContent", "negative")

    def test_pinned_and_standing_out(self, browser: Browser, show: Show, cache: Path) -> None:
        """A pinned chart is first, also for who opens the address; a run under the cursor stands out in each chart."""
        from selenium.webdriver import ActionChains

        for number in range(3):
            training(cache, number, 50).finish()
        visitor = show(cache)
        browser.until(DRAWN, "val/loss")
        browser.js(f"({CARD}).pin.click()", "val/loss")
        browser.until("document.querySelector('section').getAttribute('aria-label') === 'pinned'")
        address = browser.js("return location.href")
        browser.open("about:blank")
        browser.open(address)
        browser.until("document.querySelector('section').getAttribute('aria-label') === 'pinned'")
        assert visitor.host in address
        browser.until(DRAWN, "train/loss")
        name = browser.js("return document.querySelectorAll('.run-name')[1]")
        ActionChains(browser.driver).move_to_element(name).perform()
        browser.until(f"({CARD}).plot.series.slice(1).filter((one) => one.alpha < 1).length === 2", "train/loss")

    def test_system_metrics(self, browser: Browser, show: Show, cache: Path) -> None:
        """They have a tab of their own, over the time since the start."""
        run = new(cache, "sampled", system_metrics=True, system_interval=0.1)
        run.log({"m": 1})
        browser_sees = "document.querySelectorAll('.card .uplot').length"
        show(cache)
        browser.js("wl.view.set({tab: 'system'})")
        browser.until(f"{browser_sees} > 1")
        assert all(
            name.startswith("system.")
            for name in browser.js("return [...document.querySelectorAll('.card h3')].map((one) => one.textContent)")
        )
        assert browser.js("return document.querySelector('select[aria-label=\"x axis\"]').offsetParent") is None
        run.finish()

    def test_saved_as_files(self, browser: Browser, show: Show, cache: Path, tmp_path: Path) -> None:
        """A chart, or all, comes as CSV with each logged value, as PNG and as SVG."""
        run = new(cache, "saved")
        for step in range(7):
            run.log({"loss": step / 2})
        run.finish()
        show(cache)
        folder = saved_files(browser, tmp_path)
        browser.until(DRAWN, "loss")
        for kind in ("CSV", "PNG", "SVG"):
            browser.js(
                f"[...({CARD}).node.querySelectorAll('.menu-list button')].find((one) => one.textContent === arguments[1]).click()",
                "loss",
                kind,
            )
            browser.until("true")
        files = {kind: folder / f"loss.{kind}" for kind in ("csv", "png", "svg")}
        while not all(path.exists() and path.stat().st_size for path in files.values()):
            browser.js("return new Promise((done) => setTimeout(done, 50))")
        lines = files["csv"].read_text("utf-8").splitlines()
        assert [float(line.rsplit(",", 1)[1]) for line in lines[1:]] == [step / 2 for step in range(7)]
        assert files["png"].read_bytes().startswith(b"\x89PNG")
        assert files["svg"].read_text("utf-8").count("<polyline") == 1

    def test_odd_names_and_few_points_as_pictures(
        self, browser: Browser, show: Show, cache: Path, tmp_path: Path
    ) -> None:
        """A name with bytes that no picture can hold, a line of one point, values far apart: files that open, and show it."""
        run = new(cache, "odd")
        for value in (-1e308, 0.0, 1e308):
            run.log({"far": value})
        run.log({"red \x1b[31m\x00 <b>": 1.0})
        run.finish()
        show(cache)
        folder = saved_files(browser, tmp_path)
        browser.until("document.querySelectorAll('.card .uplot').length === 2")
        for kind in ("PNG", "SVG"):
            browser.js(
                "[...document.querySelectorAll('#tools .menu-list button')].find((one) => one.textContent === arguments[0]).click()",
                kind,
            )
        while len(saved := [path for path in folder.iterdir() if path.suffix in {".png", ".svg"}]) < 2:
            browser.js("return new Promise((done) => setTimeout(done, 50))")
        picture, drawing = sorted(saved, key=lambda path: path.suffix)
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert "Infinity" not in drawing.read_text("utf-8")
        root = ET.fromstring(drawing.read_text("utf-8"))
        assert len(root.findall(".//{http://www.w3.org/2000/svg}circle")) == 1

    def test_time_of_day(self, browser: Browser, show: Show, cache: Path) -> None:
        """Over time the axis has times on one line, as far as they differ, whatever the span."""
        for name, seconds in (("minutes", 400), ("days", 400_000), ("months", 4e7)):
            make_run(cache, [{"metrics": {name: at}, "t": START + at * seconds / 60} for at in range(60)], id=name)
        show(cache)
        browser.js("wl.view.set({x: '_timestamp'})")
        for name, form in (("minutes", r"\d\d:\d\d"), ("days", r"\d\d-\d\d"), ("months", r"\d{4}-\d\d")):
            browser.until(f"({DRAWN}) && ({CARD}).drawnAxis === '_timestamp'", name)
            ticks = browser.js(f"return ({CARD}).plot.axes[0]._values", name)
            assert len(ticks) >= 2
            assert all(re.fullmatch(form, tick) for tick in ticks if tick), ticks

    def test_a_hundred_charts_as_one_picture(self, browser: Browser, show: Show, cache: Path, tmp_path: Path) -> None:
        """All charts in one picture, which is no longer than any browser can make it: none of them is left out."""
        run = new(cache, "many")
        for step in range(3):
            run.log({f"m{number}": step for number in range(100)})
        run.finish()
        show(cache)
        folder = saved_files(browser, tmp_path)
        browser.until(DRAWN, "m0")
        for kind in ("PNG", "SVG"):
            browser.js(
                "[...document.querySelectorAll('.menu-list button')].find((one) => one.textContent === arguments[0]).click()",
                kind,
            )
        while not all((folder / f"charts.{kind}").exists() for kind in ("png", "svg")):
            browser.js("return new Promise((done) => setTimeout(done, 50))")
        assert (folder / "charts.svg").read_text("utf-8").count("<polyline") == 100
        with Image.open(folder / "charts.png") as picture:
            width, height = picture.size
        assert width / height == pytest.approx(6 * 640 / (17 * 360), abs=0.001)  # six beside each other, in 17 rows
        assert 2**25 < width * height <= 2**26


class TestTableAndConfig:
    def test_columns(self, browser: Browser, show: Show, cache: Path) -> None:
        """Last, lowest and highest values are columns that can be chosen, and the choice is in the address."""
        for number in range(2):
            training(cache, number, 50).finish()
        show(cache)
        browser.until("wl.runs.list.length === 2 && wl.runs.list.every((run) => run.exact)")
        columns = ["last train/loss", "low train/loss", "high train/loss", "c learning_rate"]
        browser.js("wl.view.set({tab: 'table', columns: arguments[0], sort: '-high train/loss'})", columns)
        heads = browser.until(
            "document.querySelectorAll('tbody tr').length === 2 && [...document.querySelectorAll('thead th')].map((one) => one.innerText)"
        )
        assert heads == ["name", "learning_rate", "train/loss last", "train/loss min", "train/loss max ↓"]
        cells = browser.js(
            "return [...document.querySelectorAll('tbody tr')].map((row) => [...row.cells].slice(2).map((one) => Number(one.innerText)))"
        )
        assert all(low <= last <= high for last, low, high in cells)
        assert cells[0][2] >= cells[1][2]
        assert "columns" in browser.js("return location.hash")

    def test_differences(self, browser: Browser, show: Show, cache: Path) -> None:
        """What runs differ in, side by side; names that JavaScript has for itself are names like any."""
        for number in range(2):
            config = {"constructor": number, "__proto__": {"x": number}, "toString": 1, "same": {"a": [1]}}
            new(cache, f"r{number}", config=json.loads(json.dumps(config))).finish()
        new(cache, "none").finish()
        show(cache)
        browser.js("wl.view.set({tab: 'config', hidden: ['p/none']})")
        keys = "[...document.querySelectorAll('tbody th')].map((one) => one.innerText)"
        assert browser.until(f"{keys}.length && {keys}") == ["__proto__.x", "constructor"]
        browser.js("wl.view.set({hidden: []})")
        browser.until(f"{keys}.length === 4")
        assert "undefined" not in browser.text()
        assert "4 of 4 keys differ in the 3 runs" in browser.text()


class TestOneRun:
    def test_pictures_files_artifacts(self, browser: Browser, show: Show, cache: Path, tmp_path: Path) -> None:
        """A picture, a GIF, a file to download, an artifact, an alert; nothing where there is nothing."""
        pil = pytest.importorskip("PIL.Image")
        gif = tmp_path / "film.gif"
        frames = [pil.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
        frames[0].save(gif, save_all=True, append_images=frames[1:])
        run = new(cache, "all")
        run.log({"picture": wandb_logging.Image(frames[0], caption="a <b>"), "film": wandb_logging.Video(str(gif))})
        (tmp_path / "notes.txt").write_text("hello")
        run.upload_file(tmp_path / "notes.txt")
        artifact = wandb_logging.Artifact("weights", "model")
        artifact.add_file(str(tmp_path / "notes.txt"))
        run.log_artifact(artifact)
        run.alert("done", "well", level="ERROR")
        run.finish()
        show(cache)
        browser.js("wl.view.set({tab: 'run'})")
        browser.until("document.querySelectorAll('.media img').length === 2")
        browser.until("[...document.querySelectorAll('.media img')].every((one) => one.naturalWidth === 8)")
        words = browser.text()
        for part in ("a <b>", "notes.txt", "logged weights", "ERROR done"):
            assert part in words
        assert "histogram" not in words

    def test_a_table_with_what_is_no_json(self, browser: Browser, show: Show, cache: Path) -> None:
        """NaN and infinities in a logged table are cells like any; so are texts that hold these words."""
        run = new(cache, "cells")
        run.log({"t": wandb_logging.Table(["a", "b"], [[math.nan, 'NaN, "Infinity" \\'], [-math.inf, 2.5]])})
        run.finish()
        show(cache)
        browser.js("wl.view.set({tab: 'run'})")
        browser.until("document.querySelectorAll('.media td').length === 4")
        cells = browser.js("return [...document.querySelectorAll('.media td')].map((one) => one.textContent)")
        assert cells == ["NaN", 'NaN, "Infinity" \\', "-Infinity", "2.5"]

    def test_json_that_was_cut(self, browser: Browser, show: Show, cache: Path) -> None:
        """A file that ends within a text is refused at once, and does not stop the page."""
        new(cache, "cut").finish()
        show(cache)
        browser.until("wl.base")
        cut = "try { wl.base.loose('[NaN, \"' + 'a'.repeat(1000)) } catch (error) { return error.name }"
        assert browser.js(cut) == "SyntaxError"

    def test_colours_of_a_terminal(self, browser: Browser, show: Show, cache: Path) -> None:
        """Colours by number, of 256 and by red, green and blue, grounds and strokes; nothing of it is HTML."""
        run = new(cache, "colours")
        run.log_output("\x1b[1;34mbold\x1b[0m \x1b[38;5;208morange\x1b[39m \x1b[38;2;1;2;3;41mrgb\x1b[m plain\n")
        run.log_output('{"event": "<b>json</b>", "n": 1}\n')
        run.finish()
        show(cache)
        browser.js("wl.view.set({tab: 'text'})")
        browser.until("document.querySelectorAll('.line').length === 2")
        spans = browser.js(
            "return [...document.querySelectorAll('.line .said span')].map((one) => [one.textContent, one.className, one.style.color, one.style.background])"
        )
        assert spans == [
            ["bold", "a-bold", "var(--accent)", ""],
            ["orange", "", "rgb(255, 135, 0)", ""],
            ["rgb", "a-ground", "rgb(1, 2, 3)", "var(--bad)"],
        ]
        assert "<b>json</b> n=1" in browser.text()  # a line of JSON is told as a person reads it

    def test_a_run_that_cannot_be_read(self, browser: Browser, show: Show, cache: Path) -> None:
        """Of a newer format, half copied, damaged: each is in the list with words, and the others are shown."""
        training(cache, 0, 50).finish()
        for name in ("newer", "half", "damaged"):
            run = new(cache, name)
            for step in range(300):
                run.log({"m": step})
            run.finish()
            assert run.dir is not None
            about, journal = run.dir / "run.json", next(run.dir.glob("journal-*.jsonl"))
            if name == "newer":
                about.write_text(json.dumps({**json.loads(about.read_text("utf-8")), "format": 99}), "utf-8")
            elif name == "half":
                about.write_bytes(about.read_bytes()[:40])
            else:
                journal.write_bytes(journal.read_bytes().replace(b'"m"', b'"n"', 5)[:-30])
        show(cache)
        browser.until("document.querySelectorAll('.run .warn').length === 3")
        facts = browser.js("return [...document.querySelectorAll('.run .warn')].map((one) => one.title).join('\\n')")
        for words in ("has format 99", "no readable run.json", "damaged lines"):
            assert words in facts
        browser.until(DRAWN, "train/loss")
        browser.js("wl.view.set({tab: 'run', run: wl.runs.list.find((run) => run.path.includes('half')).path})")
        browser.until(
            "document.querySelector('.trouble:not(:empty)')?.offsetHeight && document.querySelector('.run-title')"
        )
        assert "reading" not in browser.js("return document.querySelector('dl').innerText")


class TestForDays:
    def test_a_week(self, browser: Browser, show: Show, cache: Path, busy: Callable[[], None]) -> None:
        """A tab that has taken thousands of news holds no more than one that has taken some."""
        busy()
        training(cache, 1, 200).finish()
        show(cache)
        browser.until(DRAWN, "m")

        def news(times: int) -> None:
            keys = browser.js("return wl.runs.list.map((run) => run.key)")
            browser.driver.execute_async_script(
                "const [times, keys, done] = arguments; let left = times;"
                "const next = () => { if (!left--) return done(); wl.base.emit('news', { runs: keys, list: left % 50 === 0 });"
                "for (const tab of ['table', 'run', 'text', 'config', 'charts']) if (left % 20 === 0) wl.view.set({ tab });"
                "setTimeout(next, 1) }; next()",
                times,
                keys,
            )  # fmt: skip
            browser.until(DRAWN, "m")

        def held() -> tuple[float, int]:
            browser.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
            found = browser.driver.execute_cdp_cmd("Memory.getDOMCounters", {})
            heap = browser.driver.execute_cdp_cmd("Runtime.getHeapUsage", {})["usedSize"]
            return heap / 1e6, found["nodes"]

        news(500)
        heap, nodes = held()
        news(2000)
        end = time.monotonic() + DEADLINE
        while (now := held())[0] > heap * 1.3 + 2 or now[1] > nodes * 1.3 + 500:
            assert time.monotonic() < end, f"{heap:.1f} MB and {nodes} nodes before, {now} then"
