"""A page that is left open: the network goes and comes back, the machine sleeps, the server is another one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

import wandb_logging
from tests.page.browser.test_page import CARD, DRAWN, LINES
from tests.page.pages import DEADLINE, served
from wandb_logging._page.place import Place
from wandb_logging._page.server import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.page.browser.conftest import Browser
    from tests.page.pages import Visitor

    Show = Callable[[Path], Visitor]

pytestmark = pytest.mark.browser
SAYS = "document.querySelector('.live').textContent"
LAST = f"({DRAWN}) && {LINES}[0].shown.at(-1) === arguments[1]"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def log(cache: Path) -> Iterator[Callable[[float], None]]:
    """Logs a row of a run that goes on."""
    run = wandb_logging.new_run("p", run_id="live", mode="offline", cache_dir=cache, quiet=True)
    run.log({"m": 0.0})
    yield lambda value: run.log({"m": value})
    run.finish()


def no_network(browser: Browser, *, is_so: bool) -> None:
    conditions = {"offline": is_so, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)


def test_a_cut(browser: Browser, show: Show, cache: Path, log: Callable[[float], None]) -> None:
    """What was logged while there was no network is there when it is back, though no more is logged."""
    show(cache)
    browser.until(LAST, "m", 0.0)
    browser.driver.execute_cdp_cmd("Network.enable", {})
    no_network(browser, is_so=True)
    log(5.0)
    browser.until(f"{SAYS} === 'no connection to the server'")
    no_network(browser, is_so=False)
    browser.until(LAST, "m", 5.0)
    browser.until(f"{SAYS} === 'live'")
    log(6.0)
    browser.until(LAST, "m", 6.0)
    assert all("ERR_INTERNET_DISCONNECTED" in error for error in browser.errors())


def test_the_clock_jumps(browser: Browser, show: Show, cache: Path, log: Callable[[float], None]) -> None:
    """After a sleep the page connects anew, for the old connection may be dead and not look it; rows come as before."""
    show(cache)
    browser.until(f"{SAYS} === 'live'")
    browser.requests()
    browser.js(
        "const now = Date.now; Date.now = () => now() + 3600e3; document.dispatchEvent(new Event('visibilitychange'))"
    )
    browser.until(f"{SAYS} === 'live'")
    asked: list[str] = []
    while not any("/api/live" in address for address in asked):
        asked += browser.requests()
    log(7.0)
    browser.until(LAST, "m", 7.0)


def test_another_server(browser: Browser, cache: Path, tmp_path: Path, log: Callable[[float], None]) -> None:
    """A server that was started again is not taken for none: the page says what to open, and shows what it had."""
    with served(cache, tmp_path / "kept") as visitor:
        browser.open(visitor.page.place.address)
        browser.until(LAST, "m", 0.0)
    browser.until(f"{SAYS} === 'no connection to the server'")
    log(1.0)
    page = Page(cache, tmp_path / "kept", Place(port=visitor.page.place.port))
    thread = threading.Thread(target=page.serve, daemon=True)
    thread.start()
    try:
        browser.until(f"{SAYS}.includes('open the address that it printed')")
        assert browser.js(f"return ({CARD}).plot !== null", "m")
        browser.errors()  # of each question that was not answered
        browser.open(page.place.address)
        browser.until(LAST, "m", 1.0)
        browser.open("about:blank")
    finally:
        page.close()
        thread.join(DEADLINE)


def test_many_pages(browser: Browser, show: Show, cache: Path, log: Callable[[float], None]) -> None:
    """A page for which there is no room says so, and is live as soon as another one is closed."""
    visitor = show(cache)
    browser.until(f"{SAYS} === 'live'")
    room = visitor.page._server.listeners
    browser.open("about:blank")
    taken = 0
    while room.acquire(blocking=True, timeout=1):
        taken += 1
    browser.open(visitor.page.place.address)
    browser.until(f"{SAYS} === 'not live: too many pages are open'")
    for _ in range(taken):
        room.release()
    browser.until(f"{SAYS} === 'live'")
    log(3.0)
    browser.until(LAST, "m", 3.0)
    assert all("503" in error for error in browser.errors())


@pytest.mark.slow
def test_a_week_of_news(browser: Browser, show: Show, cache: Path, log: Callable[[float], None]) -> None:
    """Thousands of news leave nothing behind: as many nodes and listeners as before, and no more memory to speak of."""

    def held() -> dict[str, Any]:
        for _ in range(2):
            browser.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        found = browser.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return {item["name"]: item["value"] for item in found}

    browser.driver.execute_cdp_cmd("Performance.enable", {})
    visitor = show(cache)
    browser.until(LAST, "m", 0.0)

    def news(count: int) -> None:
        before = browser.js("return window.told || 0")
        browser.js("if (!('told' in window)) { window.told = 0; wl.base.on('news', () => { window.told++; }); }")
        for at in range(1, count + 1):
            visitor.page.content.hub.tell({0, 1} if at % 50 == 0 else {1})
            if at % 25 == 0:
                log(float(at))
                browser.until("window.told > arguments[0]", before)
                before = browser.js("return window.told")
        browser.until(LAST, "m", float(count))

    news(500)
    first = held()
    news(5000)
    then = held()
    assert then["Nodes"] <= first["Nodes"] * 1.1
    assert then["JSEventListeners"] <= first["JSEventListeners"] * 1.1
    assert then["JSHeapUsedSize"] <= first["JSHeapUsedSize"] + 2e6
