"""A page served in the background, and somebody who asks it over HTTP, header by header."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import struct
import threading
import zlib
from array import array
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from wandb_logging._page.place import Place
from wandb_logging._page.server import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE = 120.0


class Visitor:
    """Somebody who asks a page, with the cookie unless told otherwise."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.host = f"127.0.0.1:{page.place.port}"
        self.cookie = f"{page.place.credentials.name}={page.place.credentials.cookie}"

    def ask(
        self, path: str, *, method: str = "GET", cookie: bool = True, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.page.place.port, timeout=DEADLINE)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            sent = {"Host": self.host, **({"Cookie": self.cookie} if cookie else {}), **headers}
            for name, value in sent.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, path: str, **query: Any) -> Any:
        """The JSON that is answered."""
        status, _, body = self.ask(f"{path}?{urlencode(query)}")
        assert status == 200, body
        return json.loads(body)

    def bins(self, **query: Any) -> tuple[dict[str, Any], dict[tuple[int, int], list[list[float]]]]:
        """The head of some bins, and by run and metric their lowest, mean and highest values."""
        status, _, body = self.ask(f"/api/bins?{urlencode(query)}")
        assert status == 200, body
        (size,) = struct.unpack("<I", body[:4])
        head, planes = json.loads(body[4 : 4 + size]), body[4 + size :]
        rough, steps = planes[: 3 * head["floats"]], planes[3 * head["floats"] :]
        count, half = head["floats"], len(steps) // 2
        whole = [rough[at] << 24 | rough[count + at] << 16 | rough[2 * count + at] << 8 for at in range(count)]
        floats = iter(array("f", array("I", whole).tobytes()))
        fine = iter([steps[at] << 8 | steps[half + at] for at in range(half)])
        found: dict[tuple[int, int], list[list[float]]] = {}
        for run, metric, _, length, exact, low, high in head["series"]:
            some: Iterator[float] = floats if low is None else (_value(step, low, high) for step in fine)
            columns = [list(islice(some, length)) for _ in range(3 if exact else 1)]
            found[run, metric] = columns if exact else columns * 3
        assert next(floats, None) is next(fine, None) is None
        return head, found

    def run(self, path_end: str = "") -> dict[str, Any]:
        """What is listed of the run whose path ends so."""
        found: dict[str, Any] = next(run for run in self.json("/api/runs")["runs"] if run["path"].endswith(path_end))
        return found


@contextlib.contextmanager
def served(root: Path, cache: Path, **options: Any) -> Iterator[Visitor]:
    """A page of the runs at or below a folder."""
    page = Page(root, cache, Place(port=0, **options))
    thread = threading.Thread(target=page.serve, daemon=True)
    thread.start()
    try:
        yield Visitor(page)
    finally:
        page.close()
        thread.join(DEADLINE)


def _value(step: int, low: float, high: float) -> float:
    """The value that a step stands for."""
    return math.nan if step == 65535 else low + step / 65534 * (high - low)


def unpacked(body: bytes) -> bytes:
    """What was sent with gzip."""
    return zlib.decompress(body, 31)
