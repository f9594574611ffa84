"""The page in a real browser: what it draws, how it follows, what it withstands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import wandb_logging
from tests.page.demo import hostile, rich, training
from tests.page.pages import Visitor
from wandb_logging._page.export import export

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.page.browser.conftest import Browser

    Show = Callable[[Path], Visitor]

pytestmark = pytest.mark.browser

CARD = "[...document.querySelectorAll('.card')].find((card) => card.dataset.metric === arguments[0])?.card"
DRAWN = f"({CARD})?.plot && ({CARD})"
LINES = f"({CARD}).ready.drawn"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def four(cache: Path) -> Path:
    """Four runs that have ended, one of them badly."""
    for number in range(4):
        training(cache, number, 300).finish(number == 2)
    return cache


class TestDrawing:
    def test_each_metric_of_each_run(self, browser: Browser, show: Show, four: Path) -> None:
        """A chart of each metric with a line of each run, which goes where the numbers are."""
        show(four)
        browser.until(DRAWN, "train/loss")
        assert browser.js("return document.querySelectorAll('.card').length") == 5
        assert len(browser.js(f"return {LINES}.map((one) => one.name)", "train/loss")) == 4
        first = browser.js(f"return {LINES}.map((one) => one.shown[0])", "train/loss")
        assert all(2 < value < 3 for value in first)
        pixels = browser.js(
            f"const c = ({CARD}).plot.ctx; const d = c.getImageData(0, 0, c.canvas.width, c.canvas.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n",
            "train/loss",
        )
        assert pixels > 500

    def test_the_cookie_stays_and_the_token_goes(self, browser: Browser, show: Show, four: Path) -> None:
        """The address has no token any more, no script can read the cookie, and loading again works."""
        visitor = show(four)
        browser.until(DRAWN, "train/loss")
        assert browser.js("return location.search + document.cookie") == ""
        browser.open(f"http://{visitor.host}/")
        browser.until(DRAWN, "train/loss")

    def test_what_a_screen_reader_says(self, browser: Browser, show: Show, four: Path) -> None:
        """Each control and chart has a name, that of a chart has its lines' last values; the list tells the states."""
        show(four)
        browser.until(DRAWN, "train/loss")
        said = browser.until(f"/last values/.test(({CARD}).body.ariaLabel) && ({CARD}).body.ariaLabel", "train/loss")
        values = [float(part.rsplit(" ", 1)[1]) for part in said.partition("last values: ")[2].split(", ")]
        last = browser.js(f"return {LINES}.map((one) => one.shown.findLast(Number.isFinite))", "train/loss")
        assert values == pytest.approx(last, rel=1e-4)
        nameless = "[...document.querySelectorAll('button, input, select, [role=img]')].filter((node) => !(node.ariaLabel || node.labels?.length || node.textContent.trim() || node.title)).map((node) => node.outerHTML)"
        assert browser.js(f"return {nameless}") == []
        assert browser.js("return document.querySelector('.run .state').ariaLabel").startswith("finished")

    def test_spikes_stay(self, browser: Browser, show: Show, cache: Path) -> None:
        """Of a long run each point that stands out is in its chart, as it was logged."""
        run = wandb_logging.new_run("p", mode="offline", cache_dir=cache, quiet=True)
        for step in range(30_000):
            run.log({"m": 100.0 if step in {7000, 15_001, 29_000} else (step % 7) / 7})
        run.finish()
        show(cache)
        browser.until(f"({DRAWN}) && {LINES}[0].exact", "m")
        assert browser.js(f"return {LINES}[0].high.filter((value) => value === 100).length", "m") == 3
        assert browser.js(f"return wl.curves.spikes({LINES}[0]).length", "m") == 3

    @pytest.mark.parametrize("axis", ["_runtime", "_timestamp", "train/lr"])
    def test_other_axes(self, browser: Browser, show: Show, four: Path, axis: str) -> None:
        """Over time, relative time, or another metric."""
        show(four)
        browser.until(DRAWN, "train/loss")
        browser.js("wl.view.set({x: arguments[0]})", axis)
        wanted = axis if axis.startswith("_") else "/"
        browser.until(
            f"({DRAWN}) && (arguments[1] === '/' ? /^\\d+$/.test(({CARD}).axis) : ({CARD}).axis === arguments[1])",
            "train/loss",
            wanted,
        )
        assert browser.js(f"return {LINES}.length", "train/loss") == 4

    def test_smoothing_log_and_clipping(self, browser: Browser, show: Show, four: Path) -> None:
        """Smoothed lines move less, with the raw ones behind; a log axis is one; without outliers the range is smaller."""
        show(four)
        browser.until(DRAWN, "train/grad_norm")
        moved = f"return {LINES}[0].shown.reduce((sum, value, at, all) => sum + (at ? Math.abs(value - all[at - 1]) : 0), 0)"
        before = browser.js(moved, "train/grad_norm")
        whole = browser.js(f"return ({CARD}).ready.range", "train/grad_norm")
        browser.js("wl.view.set({smooth: 0.9, log: true, clip: true})")
        assert browser.js(moved, "train/grad_norm") < before / 3
        assert browser.js(f"return ({CARD}).plot.scales.y.distr", "train/grad_norm") == 3
        low, high = browser.js(f"return ({CARD}).ready.range", "train/grad_norm")
        assert high - low < whole[1] - whole[0]

    def test_zoom(self, browser: Browser, show: Show, four: Path) -> None:
        """Drawing a range over a chart zooms all of them, a double click goes back, and it is in the address."""
        from selenium.webdriver import ActionChains

        show(four)
        card = browser.until(f"({DRAWN}).plot.over", "train/loss")
        ActionChains(browser.driver).move_to_element_with_offset(card, -60, 0).click_and_hold().move_by_offset(
            80, 0
        ).release().perform()
        browser.until("wl.view.now.zoom")
        low, high = browser.js("return wl.view.now.zoom")
        assert 0 < low < high < 300
        browser.until(f"({CARD}).data.first * ({CARD}).data.width >= Math.floor(arguments[1]) - 1", "val/loss", low)
        assert "zoom" in browser.js("return location.hash")
        browser.keys("0")
        browser.until("wl.view.now.zoom === null")
        browser.until(f"({CARD}).data.first === 0", "train/loss")

    def test_the_logged_point(self, browser: Browser, show: Show, four: Path) -> None:
        """The cursor on a line shows its run, its value there, and the point that was logged."""
        from selenium.webdriver import ActionChains

        show(four)
        over = browser.until(f"({DRAWN}).plot.over", "train/loss")
        ActionChains(browser.driver).move_to_element_with_offset(over, 10, 20).perform()
        words = browser.until("document.querySelector('.tip-logged')?.textContent")
        assert words.startswith("logged 0.")
        assert "at step" in words
        assert "lr=" in browser.js("return document.querySelector('.tip').innerText")


class TestRuns:
    def test_filter_hide_group(self, browser: Browser, show: Show, four: Path) -> None:
        """A pattern leaves runs, a box hides one everywhere, a config key makes groups."""
        show(four)
        browser.until(DRAWN, "train/loss")
        browser.js("wl.view.set({filter: '#[01]$'})")
        browser.until(f"({DRAWN}) && {LINES}.length === 2", "train/loss")
        assert "2 of 4" in browser.text()
        browser.js("wl.view.set({filter: ''})")
        browser.until("document.querySelectorAll('.run input').length === 4")
        browser.js("document.querySelector('.run input').click()")
        browser.until(f"({DRAWN}) && {LINES}.length === 3", "train/loss")
        browser.js("wl.view.set({hidden: [], group: 'model.depth'})")
        browser.until(f"({DRAWN}) && {LINES}.some((one) => one.name === 'model.depth: 2 (2)')", "train/loss")

    def test_a_pattern_that_would_take_for_ever(self, browser: Browser, show: Show, four: Path) -> None:
        """A pattern that takes too long is ended and told of, and so is one that is none; the page goes on."""
        training(four, 9, 3, name="a" * 200 + "!").finish()
        show(four)
        browser.until(DRAWN, "train/loss")
        browser.js("wl.view.set({filter: '((a+)+)+$'})")
        browser.until("document.querySelector('.trouble').textContent.includes('too long')")
        browser.js("wl.view.set({filter: '(['})")
        browser.until("/Filter:.*regular expression/i.test(document.querySelector('.trouble').textContent)")
        browser.js("wl.view.set({filter: ''})")
        browser.until("document.querySelector('.trouble').textContent === ''")

    def test_keyboard(self, browser: Browser, show: Show, four: Path) -> None:
        """Everything on the list can be done by keys, and ? says which."""
        show(four)
        browser.until(DRAWN, "train/loss")
        browser.keys("/")
        assert browser.js("return document.activeElement.type") == "search"
        browser.keys("\ue00c")
        browser.keys("j", "j", "x")
        browser.until("wl.view.now.hidden.length === 1")
        assert browser.js("return wl.view.now.hidden[0]").endswith("run002")
        browser.keys("k", "\ue007")
        browser.until("wl.view.now.run.endsWith('run003')")
        browser.keys("l")
        browser.until("wl.view.now.log")
        browser.keys("2")
        browser.until("document.querySelector('table tbody tr')")
        browser.keys("?")
        browser.until("document.querySelector('dialog[open] kbd')")
        browser.keys("\ue00c")
        browser.until("!document.querySelector('dialog[open]')")

    def test_the_table_sorts(self, browser: Browser, show: Show, four: Path) -> None:
        """By any column, up and down; what a run has not is last."""
        show(four)
        browser.js("wl.view.set({tab: 'table', sort: 'c learning_rate'})")
        rates = "[...document.querySelectorAll('tbody tr')].map((row) => row.innerText.match(/lr=([\\d.]+)/)[1])"
        browser.until(f"{rates}.length === 4")
        assert browser.js(f"return {rates}") == ["0.003", "0.01", "0.03", "0.1"]
        browser.js("document.querySelector('th[aria-sort] button').click()")
        assert browser.until(f"{rates}[0] === '0.1' && {rates}") == ["0.1", "0.03", "0.01", "0.003"]
        browser.until("document.querySelector('thead').innerText.includes('train/loss')")

    def test_the_view_is_in_the_address(self, browser: Browser, show: Show, four: Path) -> None:
        """Who opens an address sees what its sender saw; one that makes no sense is the page as it is."""
        visitor = show(four)
        browser.until(DRAWN, "train/loss")
        browser.js("wl.view.set({filter: '#1', smooth: 0.5, log: true})")
        address = browser.js("return location.href")
        browser.open("about:blank")
        browser.open(address)
        browser.until(f"({DRAWN}) && {LINES}.length === 1 && ({CARD}).log", "train/loss")
        browser.open("about:blank")
        browser.open(f"http://{visitor.host}/#zoom=[1]&tab=5&hidden={{}}&smooth=%22a%22&x=1&__proto__={{%22a%22:1}}")
        browser.until(f"({DRAWN}) && {LINES}.length === 4", "train/loss")

    @pytest.mark.parametrize(
        ("tab", "shown"), [("table", "tbody tr"), ("run", "main table tbody tr"), ("config", "table")]
    )
    def test_a_view_without_charts(self, browser: Browser, show: Show, four: Path, tab: str, shown: str) -> None:
        """An address that opens on another tab than the charts has all runs read, and their figures shown."""
        visitor = show(four)
        browser.open("about:blank")
        browser.open(f"http://{visitor.host}/#tab=%22{tab}%22")
        browser.until("wl.runs.list.length === 4 && wl.runs.list.every((run) => run.exact && run.figures.size === 5)")
        browser.until("document.querySelector('.live').textContent === 'live'")
        browser.until(f"document.querySelector({shown!r})")
        assert browser.js("return wl.view.now.tab") == tab

    def test_two_browsers_and_one_that_is_left_open(self, browser: Browser, show: Show, cache: Path) -> None:
        """Two windows follow the same run; one that was in the background has it all when it is looked at again."""
        run = training(cache, 0, 50)
        visitor = show(cache)
        browser.until(DRAWN, "train/loss")
        first = browser.driver.current_window_handle
        browser.driver.switch_to.new_window("window")
        browser.open(f"http://{visitor.host}/")
        browser.until(DRAWN, "train/loss")
        for value in (3.5, 4.5):
            run.log({"train/loss": value})
            browser.until(f"{LINES}[0].high.at(-1) === arguments[1]", "train/loss", value)
        browser.driver.close()
        browser.driver.switch_to.window(first)
        browser.until(f"{LINES}[0].high.at(-1) === arguments[1]", "train/loss", 4.5)
        run.finish()

    def test_a_run_that_is_removed_while_it_is_shown(self, browser: Browser, show: Show, four: Path) -> None:
        """It leaves the list and the charts, and the others stay."""
        show(four)
        browser.until(f"({DRAWN}) && {LINES}.length === 4", "train/loss")
        shutil.rmtree(four / "digits" / "run001")
        browser.until("document.querySelectorAll('.run').length === 3")
        browser.until(f"({DRAWN}) && {LINES}.length === 3", "train/loss")

    def test_a_run_that_changes_while_it_is_shown(
        self, browser: Browser, show: Show, four: Path, tmp_path: Path
    ) -> None:
        """Cut, replaced by another, unreadable for a while: its line and its state are what is there now."""
        show(four)
        run = "wl.runs.list.find((run) => run.path.endsWith('run001'))"
        one = f"{LINES}.find((one) => one.name.endsWith('#1'))"
        last = f"({CARD}).ready.xs[{one}?.shown.findLastIndex((value) => value !== null)]"
        browser.until(f"({DRAWN}) && {last} > 290", "train/loss")
        (journal,) = (four / "digits" / "run001").glob("journal-*.jsonl")
        journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:100]))
        browser.until(f"{run}.state === 'crashed' && {run}.rows < 110 && {last} < 110", "train/loss")
        shutil.rmtree(journal.parent)
        training(four, 1, 200).finish()
        browser.until(f"{run}.state === 'finished' && {run}.rows === 200 && Math.abs({last} - 200) < 10", "train/loss")
        journal.rename(tmp_path / "aside")
        journal.mkdir()
        browser.until(f"{run}.state === 'unreadable' && {LINES}.length === 3", "train/loss")
        assert "is no regular file" in browser.js("return document.querySelector('.run .warn').title")
        journal.rmdir()
        (tmp_path / "aside").rename(journal)
        browser.until(f"{run}.state === 'finished' && Math.abs({last} - 200) < 10", "train/loss")


class TestLive:
    def test_a_row_becomes_a_point(self, browser: Browser, show: Show, cache: Path) -> None:
        """What a program logs is on the page without anybody doing anything, and so is a new run."""
        run = training(cache, 0, 50)
        show(cache)
        browser.until(DRAWN, "train/loss")
        assert "running" in browser.js("return document.querySelector('.run').className")
        for value in (3.5, 4.5):
            run.log({"train/loss": value})
            browser.until(f"{LINES}[0].high.at(-1) === arguments[1]", "train/loss", value)
        run.finish()
        browser.until("document.querySelector('.run').className.includes('finished')")
        training(cache, 1, 20).finish()
        browser.until(f"{LINES}.length === 2", "train/loss")


class TestOneRun:
    def test_everything_beside_numbers(self, browser: Browser, show: Show, cache: Path) -> None:
        """Facts, config, summary, media, tables and alerts of a run are there."""
        rich(cache).finish()
        show(cache)
        browser.js("wl.view.set({tab: 'run'})")
        browser.until("document.querySelector('.media td')")
        browser.until("document.body.innerText.includes('train/loss')")  # once its rows are read
        words = browser.text()
        for part in ("run007", "model.depth", "train/loss", "<b>bold</b>", "loss went up", "histogram"):
            assert part in words
        heads = "[...document.querySelectorAll('.figures thead th')].map(head => getComputedStyle(head).textAlign)"
        assert browser.js(f"return {heads}")[1:] == ["right"] * 4  # above their numbers
        assert browser.js("return document.querySelector('iframe').getAttribute('sandbox')") == ""
        browser.driver.get_log("browser")  # Chromium says that it ran no script in there

    def test_a_metric_without_a_number_says_so(self, browser: Browser, show: Show, cache: Path) -> None:
        """How many of its values are not finite comes first: it is what there is no room to leave out."""
        rich(cache).finish()
        show(cache)
        words = browser.until("[...document.querySelectorAll('.note')].find(note => note.textContent.includes('not'))")
        assert words.text.startswith("1 not finite")

    def test_text_by_level_and_to_its_step(self, browser: Browser, show: Show, cache: Path) -> None:
        """Lines with their colours, by level, and from a line to its step in the charts."""
        rich(cache).finish()
        show(cache)
        browser.js("wl.view.set({tab: 'text'})")
        browser.until("document.querySelectorAll('.line').length === 3")
        assert browser.js("return document.querySelector('[style*=\"--good\"]').textContent") == "accuracy"
        browser.js(
            "const s = document.querySelector('.bar select'); s.value = '40'; s.dispatchEvent(new Event('change'))"
        )
        browser.until("document.querySelectorAll('.line').length === 1")
        browser.js("document.querySelector('.line .step').click()")
        browser.until("wl.view.now.tab === 'charts' && wl.view.now.zoom[0] < 400 && wl.view.now.zoom[1] > 400")


class TestHostile:
    def test_names_are_names(self, browser: Browser, show: Show, cache: Path) -> None:
        """Nothing in names, config, metrics, text or media runs, loads or breaks out, on any tab."""
        hostile(cache)
        training(cache, 1, 20).finish()
        show(cache)
        browser.until(DRAWN, "train/loss")
        for tab in ("charts", "table", "run", "text", "config", "system"):
            browser.js(
                "wl.view.set({tab: arguments[0], run: wl.runs.list.find((run) => run.info.id === 'evil').path})", tab
            )
            browser.until("document.querySelector('main').innerText.length > 20")
            browser.js("return new Promise((done) => setTimeout(done, 300))")
            assert browser.js("return window.hit") is None
            assert (
                browser.js("return [...document.querySelectorAll('main script, main img, main svg [onload]')].length")
                == 0
            )
            assert browser.js("return ({}).x") is None
        browser.driver.get_log("browser")  # Chromium says what the frame's sandbox kept from running

    def test_html_keeps_its_styles_in_an_exported_file(self, browser: Browser, cache: Path, tmp_path: Path) -> None:
        """What was logged as HTML looks in the file as it does in the page, and still runs nothing."""
        run = wandb_logging.new_run("p", run_id="styled", mode="offline", cache_dir=cache, quiet=True)
        html = (
            "<style>h1 {color: rgb(1, 2, 3)}</style><h1>x</h1><p style='color: rgb(4, 5, 6)'><script>top.hit=1</script>"
        )
        run.log({"report": wandb_logging.Html(html)})
        run.finish()
        export(cache, tmp_path / "kept", tmp_path / "runs.html")
        browser.open((tmp_path / "runs.html").as_uri() + "#tab=%22run%22")
        browser.until("document.querySelector('iframe')")
        browser.driver.switch_to.frame(0)
        browser.until("document.querySelector('p')")
        colours = browser.js("return ['h1', 'p'].map((name) => getComputedStyle(document.querySelector(name)).color)")
        browser.driver.switch_to.default_content()
        assert colours == ["rgb(1, 2, 3)", "rgb(4, 5, 6)"]
        assert browser.js("return window.hit") is None
        browser.errors()  # the browser says there that the script was not run

    def test_and_in_an_exported_file(self, browser: Browser, cache: Path, tmp_path: Path) -> None:
        """As in the page: the file ends no script early, and runs nothing but its own."""
        hostile(cache)
        export(cache, tmp_path / "kept", tmp_path / "runs.html")
        browser.open((tmp_path / "runs.html").as_uri())
        browser.until("document.querySelectorAll('.card .uplot').length > 1")
        browser.js("wl.view.set({tab: 'text'})")
        browser.until("document.querySelector('.line')")
        assert browser.js("return window.hit") is None
        browser.driver.get_log("browser")


class TestExport:
    def test_a_file_that_opens_anywhere(self, browser: Browser, four: Path, tmp_path: Path) -> None:
        """The exported file shows the same without a server: charts, table, text."""
        export(four, tmp_path / "kept", tmp_path / "runs.html")
        browser.open((tmp_path / "runs.html").as_uri())
        browser.until(f"({DRAWN}) && {LINES}.length === 4", "train/loss")
        browser.js("wl.view.set({tab: 'table'})")
        browser.until("document.querySelectorAll('tbody tr').length === 4")
        assert "exported" in browser.text()

    def test_in_a_notebook(self, browser: Browser, cache: Path, tmp_path: Path) -> None:
        """What a notebook is given for a run draws its charts as wide as the cell becomes; none of it gets out of there."""
        run = training(cache, 0, 50, name='</iframe><script>top.hit=1</script>" onload="top.hit=1')
        run.log({"html": wandb_logging.Html("<script>top.hit=1</script>")})
        (tmp_path / "cell.html").write_text(
            f"<!doctype html><div style='width: 150px'>{run._repr_html_()}</div>", "utf-8"
        )
        run.finish()
        browser.open((tmp_path / "cell.html").as_uri())
        browser.driver.switch_to.frame(0)
        browser.until(f"({DRAWN}) && {LINES}.length === 1", "train/loss")
        browser.driver.switch_to.default_content()
        browser.js("document.querySelector('div').style.width = '700px'")  # JupyterLab lays a cell out when it is there
        browser.driver.switch_to.frame(0)
        browser.until(f"({CARD}).plot.width > 250", "train/loss")
        assert browser.js("return document.querySelector('.where').textContent").endswith(", running, unsent")
        browser.js("wl.view.set({tab: 'run'})")
        browser.until("document.querySelector('.run-title').textContent.includes('</iframe>')")
        browser.driver.switch_to.default_content()
        assert browser.js("return [window.hit ?? null, document.querySelectorAll('iframe').length]") == [None, 1]
        browser.driver.get_log("browser")  # Chromium says what the frame's sandbox kept from running

    def test_svg_of_a_chart(self, browser: Browser, show: Show, four: Path) -> None:
        """The drawing of a chart is SVG with a line of each run, and the name as text."""
        show(four)
        browser.until(DRAWN, "train/loss")
        text = browser.js(f"return wl.save.image([{CARD}])", "train/loss")
        assert text.count("<polyline") == 4
        assert ">train/loss</text>" in text
        shown = browser.js(
            "const d = new DOMParser().parseFromString(arguments[0], 'image/svg+xml'); return d.querySelectorAll('parsererror').length",
            text,
        )
        assert shown == 0


class TestSize:
    def test_two_hundred_runs_and_a_hundred_charts(self, browser: Browser, show: Show, cache: Path) -> None:
        """A hundred charts of two hundred runs can be looked at: what is in sight is drawn, the rest waits."""
        from selenium.webdriver import ActionChains

        for number in range(200):
            training(cache, number, 12, metrics=95, flush_interval=3600).finish()
        show(cache)
        browser.until(f"({DRAWN}) && {LINES}.length === 200", "layers/0/norm")
        plots = browser.js("return document.querySelectorAll('.card .uplot').length")
        assert plots < 30
        browser.until("wl.runs.list.every((run) => run.state === 'finished')")
        browser.until(f"document.querySelectorAll('.u-cursor-pt').length <= {plots}")  # and not one of each line
        name = browser.js("return document.querySelector('.run-name')")
        ActionChains(browser.driver).move_to_element(name).perform()
        browser.until("document.querySelectorAll('.raised').length > 4")  # the run stands out over what was drawn
        title = browser.js("return document.querySelector('#top strong')")
        ActionChains(browser.driver).move_to_element(title).perform()
        browser.until("!document.querySelector('.raised')")
        browser.js("window.scrollTo(0, document.body.scrollHeight)")
        browser.until(f"({DRAWN}) && {LINES}.length === 200", "val/loss")
        longest = browser.js(
            "return new Promise((done) => { const t = performance.now(); wl.charts.redrawAll(); requestAnimationFrame(() => done(performance.now() - t)); })"
        )
        assert longest < 10_000  # under load; measured alone it is a few hundred milliseconds

    def test_ten_thousand_metrics(self, browser: Browser, show: Show, cache: Path) -> None:
        """Each of them is found by its name; the first charts are laid out, and a later section when it is opened."""
        run = wandb_logging.new_run("p", mode="offline", cache_dir=cache, quiet=True)
        for step in range(2):
            run.log({f"layer{at // 100:02}/w{at % 100}": step + at for at in range(10_000)})
        run.finish()
        show(cache)
        browser.until("document.querySelectorAll('section').length === 100")
        assert browser.js("return document.querySelectorAll('.card').length") == 600
        browser.js("[...document.querySelectorAll('.section-head')].at(-1).click()")
        browser.until("document.querySelectorAll('section:last-of-type .card').length === 60")
        browser.js("[...document.querySelectorAll('.section-head')].at(-1).click()")
        browser.until("document.querySelectorAll('section:last-of-type .card').length === 0")
        browser.js("wl.view.set({metrics: 'layer99/w73$'})")
        browser.until("document.querySelectorAll('section').length === 1")
        browser.js("document.querySelector('.section-head').click()")  # it was closed by hand
        browser.until(f"({DRAWN}) && {LINES}[0].shown.includes(9974)", "layer99/w73")


class TestPictures:
    @pytest.mark.parametrize(
        ("name", "size", "dark", "change"),
        [
            ("page", (1360, 720), False, {"smooth": 0.6, "metrics": "^(train|val)"}),
            ("page-dark", (1360, 720), True, {"group": "model.depth", "metrics": "^(train|val)"}),
            ("page-table", (1360, 330), False, {"tab": "table"}),
            ("page-run", (1360, 720), False, {"tab": "run"}),
            ("page-phone", (390, 700), False, {"metrics": "^(train|val)"}),
        ],
    )
    def test_pictures(  # noqa: PLR0917
        self,
        browser: Browser,
        show: Show,
        cache: Path,
        pictures: Path,
        name: str,
        size: tuple[int, int],
        dark: bool,
        change: dict[str, object],
    ) -> None:
        """The page fits its window, light and dark, wide and on a phone: nothing sticks out on the side."""
        for number in range(6):
            training(cache, number).finish(number == 2)
        rich(cache).finish()
        browser.size(*size, dark=dark, mobile=size[0] < 500)
        show(cache)
        browser.js("wl.view.set(JSON.parse(arguments[0]))", json.dumps(change))
        browser.until(
            "wl.runs.list.length === 7 && wl.runs.list.every((run) => run.exact)"
            if "tab" in change
            else "document.querySelectorAll('.card .uplot').length > 1 && wl.runs.list.every((run) => run.exact)"
        )
        browser.js("return new Promise((done) => setTimeout(done, 800))")
        assert browser.js("return document.documentElement.scrollWidth <= innerWidth")
        browser.js(
            "document.querySelector('.where').textContent = 'wandb_cache'; document.querySelectorAll('main h2')[2]?.scrollIntoView()"
        )
        browser.picture(pictures / f"{name}.png")
        browser.driver.get_log("browser")
