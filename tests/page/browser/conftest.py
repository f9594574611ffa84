"""Chromium, driven by Selenium: only where a session asks for it by `-m browser`, as `nox -s page` does."""

from __future__ import annotations

import base64
import io
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.page.pages import DEADLINE, Visitor, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PICTURES = Path(__file__).parents[3] / "docs" / "images"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="take the pictures of docs/images anew")


@pytest.fixture(autouse=True)
def _asked_for(request: pytest.FixtureRequest) -> None:
    if "browser" not in (request.config.option.markexpr or ""):
        pytest.skip("a browser is started by `nox -s page`")


class Browser:
    """A browser that looks at a page."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get(address)

    def js(self, code: str, *given: Any) -> Any:
        """What a script returns."""
        return self.driver.execute_script(code, *given)

    def until(self, code: str, *given: Any) -> Any:
        """What a script returns once it is true."""
        end = time.monotonic() + DEADLINE
        while not (value := self.js(f"try {{ return {code} }} catch {{ return null }}", *given)):
            assert time.monotonic() < end, f"never: {code}\n{self.text()[:2000]}\n{self.driver.get_log('browser')}"
        return value

    def text(self) -> str:
        return str(self.js("return document.body.innerText"))

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def size(self, width: int, height: int, *, dark: bool = False, mobile: bool = False) -> None:
        """Be a window of this size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})

    def picture(self, path: Path) -> None:
        """Take a picture."""
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        path.parent.mkdir(exist_ok=True)
        with Image.open(io.BytesIO(base64.b64decode(shot["data"]))) as picture:  # a third of the bytes
            picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)

    def requests(self) -> list[str]:
        """The addresses of all requests since this was asked last."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [message for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [message["params"]["request"]["url"] for message in sent]

    def errors(self) -> list[str]:
        """What the console says of errors."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver")
    program, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if program is None or chromium is None:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    flags = (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "hide-scrollbars",
        "window-size=1440,900",
    )
    for flag in flags:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(program))
    driver.set_script_timeout(DEADLINE)
    yield driver
    driver.quit()


@pytest.fixture
def browser(driver: Any) -> Iterator[Browser]:
    """A browser; at the end of each test its console has no error and it asked nobody but the page."""
    found = Browser(driver)
    found.open("about:blank")
    found.errors()
    found.requests()
    found.size(1440, 900)
    yield found
    allowed = ("http://127.0.0.1:", "data:", "blob:", "about:", "file:", "chrome")
    assert [address for address in found.requests() if not address.startswith(allowed)] == []
    assert found.errors() == []


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[[Path], Visitor]]:
    """Serves the runs of a folder and opens the page of them."""
    import contextlib

    with contextlib.ExitStack() as stack:

        def opened(cache: Path) -> Visitor:
            visitor = stack.enter_context(served(cache, tmp_path / "kept"))
            browser.open(f"http://{visitor.host}/?token={visitor.page.place.credentials.token}")
            return visitor

        yield opened
        browser.open("about:blank")


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures go: into the docs if they are asked for."""
    return PICTURES if request.config.getoption("--pictures", default=False) else tmp_path / "images"
