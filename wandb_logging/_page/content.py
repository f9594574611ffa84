"""What is behind the page's server: the runs, the answers about them, and who is told of changes.

The server begins without it: importing this takes longer than to send the page itself.
"""

from __future__ import annotations

import threading
from pathlib import Path

from wandb_logging._page.answers import Answers
from wandb_logging._page.cache import Cache
from wandb_logging._page.live import Hub, Poller
from wandb_logging._page.runs import Runs

_EXPECTED = 100  # most runs that are got ready before the page asks for any: of more, its list would come later


class Content:
    """What the page shows.

    Args:
        root: folder that holds the runs.
        cache: folder where readings are kept.
    """

    def __init__(self, root: Path, cache: Path) -> None:
        self.hub = Hub()
        kept = Cache(cache)
        kept.prune()
        self.runs = Runs(root, kept, self.hub.tell)
        self.answers = Answers(self.runs)
        self.poller = Poller(self.runs, self.hub.tell)

    def watch(self, stop: threading.Event) -> None:
        """Look for runs, then for changes while somebody waits for news, until `stop` is set."""
        self.runs.begin()
        self.poller.run(self.hub.some, stop)

    def expect(self) -> None:
        """Get ready for a browser that just came: have something to draw of the runs that it will show."""
        self.runs.begin()
        runs = list(self.runs.by_key.values())
        if len(runs) <= _EXPECTED:
            self.poller.know(runs)
            self.runs.want(runs, "_step")

    def close(self) -> None:
        """End the processes that read, and have those look around who wait for news."""
        self.runs.close()
        self.hub.tell(set())
