"""Values of many types in history, summary and config: what the official SDK puts there, and what we do.

Both run the same script against a server of their own. What differs is listed with its reason; all of it has to differ.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.test_official_sdk import script
from tests.contract.twins import differences
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.contract
pytest.importorskip("numpy")

SCRIPT = """
    import dataclasses, datetime as dt, enum, uuid, warnings
    from decimal import Decimal
    from fractions import Fraction
    import numpy as np

    class Colour(enum.Enum):
        RED = 1

    class Size(enum.IntEnum):
        LARGE = 3

    class Kind(str, enum.Enum):
        TRAIN = "train"

    class Flag(enum.Flag):
        A = 1

    @dataclasses.dataclass
    class Point:
        x: int

    class Device:
        def __repr__(self):
            return "device(0)"

    class Silent:
        pass

    values = {
        "enum": Colour.RED, "int enum": Size.LARGE, "str enum": Kind.TRAIN, "flag": Flag.A,
        "timedelta": dt.timedelta(days=2, seconds=90.5), "timedelta64": np.timedelta64(5, "s"),
        "decimal": Decimal("1.50"), "fraction": Fraction(1, 2), "complex": 1 + 2j,
        "date": dt.date(2020, 1, 2), "datetime": dt.datetime(2020, 1, 2, 3), "time": dt.time(1, 2),
        "path": pathlib.Path("a/b"), "uuid": uuid.UUID(int=1), "bytes": b"x", "dataclass": Point(1),
        "set": {1}, "tuple": (1, (2,)), "range": range(3), "slice": slice(1, 2),
        "array": np.arange(3), "one": np.array([5]), "large": np.arange(40.0), "float32": np.float32(0.1),
        "nan": float("nan"), "nan32": np.float32("nan"), "inf": float("inf"), "big": 10**30,
        "function": len, "class": int, "list": [Decimal("1.5"), b"x", np.float32(1.5), np.arange(2)],
        "nested": {"a": {"d": Decimal(1), "n": None}}, "numbered": {"a": {0: 1}},
        "nested enum": {"a": {"e": Colour.RED}}, "listed enum": [Size.LARGE],
        "object": object(), "silent": Silent(), "device": Device(), "listed device": [{"a": Device()}],
    }
    with wandb.init(project="p", id="r") as run:
        for name, value in values.items():
            for put in (run.log, run.summary.update, run.config.update):
                try:
                    put({f"set {name}" if put == run.summary.update else name: value})
                except TypeError:
                    pass
"""

SDK_VALUE = "protocol 5.4 says the name, and so does the official SDK in the config; in a row it writes the value"
NUMBERS = "a number in a text is no use to anybody"
REFUSED = "the official SDK fails: it is no JSON, it says"
REST = "the official SDK has no value for it and raises; here the rest of the list goes"
MORE = "a histogram is the same everywhere here; the official SDK has it in rows only"
DIFFERENT = {
    "history": {
        **dict.fromkeys(["enum", "int enum", "str enum", "flag", "nested enum", "listed enum"], SDK_VALUE),
        "range": REFUSED,
        "listed device": REST,
    },
    # The last of a row's values, and what is set by hand.
    "summary": {
        **dict.fromkeys(["enum", "int enum", "str enum", "flag", "nested enum", "listed enum"], SDK_VALUE),
        "set listed enum": SDK_VALUE,
        "range": REFUSED,
        "set range": REFUSED,
        "listed device": REST,
        "set listed device": REST,
        "set numbered": "the official SDK fails where a name is a number",
        "set large": MORE,
        "set nan": "the official SDK takes it away; NaN is what a loss may come to",
        "set nan32": "as nan",
    },
    "config": {
        "one": NUMBERS,
        "large": MORE,
        "slice": "its start, step and stop: nobody's setting",
        "silent": "its text is an address in memory",
    },
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each server has: history as one row, summary, config."""

    def left(wandb: str) -> dict[str, Any]:
        folder: Path = tmp_path_factory.mktemp("run")
        with LocalServer() as server:
            script(server, folder, SCRIPT, wandb=wandb)
            assert server.violations == []
            run = server.run("r")
            row = {name: value for row in run.history for name, value in row.items()}
            return {"history": row, "summary": run.summary, "config": run.config}

    with ThreadPoolExecutor() as pool:
        theirs, ours = pool.map(left, ["wandb", "wandb_logging.compat"])
    return theirs, ours


@pytest.mark.parametrize("door", DIFFERENT)
def test_each_value_is_the_same(door: str, both: Any) -> None:
    """Whichever way it goes, but for what is listed; and nothing is listed in vain."""
    theirs, ours = ({name: value for name, value in side[door].items() if name[0] != "_"} for side in both)
    assert {path.split("/")[0] for path in differences(theirs, ours)} == set(DIFFERENT[door])
