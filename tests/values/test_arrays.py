"""Arrays that only say how they become one of numpy, masks, and mappings of which a value cannot be read."""

from __future__ import annotations

import collections.abc
import dataclasses
import math
import threading
from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging import Histogram, LogError, WandbHandler, compat, new_run, read_run
from wandb_logging._values.arrays import array
from wandb_logging._values.plain import Aside, dumps, loads, plain

np: Any = pytest.importorskip("numpy")


FLOATS = (
    st.floats(-1e3, 1e3, width=32) | st.integers(-5, 5) | st.floats(width=32, allow_nan=False, allow_infinity=False)
)


class Lazy:
    """As those of dask, h5py, zarr and xarray: a shape, and a way to numpy."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.arange(float(math.prod(self.shape))).reshape(self.shape)


class Bare:
    """As pyarrow's: a way to numpy alone."""

    def __init__(self, *values: Any) -> None:
        self._values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self._values)


class Broken(collections.abc.Mapping):
    """As OmegaConf with a missing value."""

    def __getitem__(self, key: str) -> Any:
        if key == "bad":
            raise KeyError("not found")
        return {"lr": 0.1, "layers": 2}[key]

    def __iter__(self) -> Any:
        return iter(("lr", "bad", "layers"))

    def __len__(self) -> int:
        return 3


@dataclasses.dataclass
class Record:
    lr: float = 0.1
    layers: int = 2

    def __getattribute__(self, name: str) -> Any:
        if name == "bad":
            raise RuntimeError("a property that raises")
        return object.__getattribute__(self, name)


class Keyed:
    """What `dict()` takes."""

    def keys(self) -> Any:
        return Broken().keys()

    def __getitem__(self, key: str) -> Any:
        return Broken()[key]


class Model:
    """As pydantic's, where one computed field raises."""

    def __init__(self) -> None:
        self.lr, self.layers, self._private = 0.1, 2, 1

    def model_dump(self) -> Any:
        raise ValueError("one of them")


class TestLikeArrays:
    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            (Lazy(), 0.0),
            (Lazy(1), 0.0),
            (Lazy(4), [0.0, 1.0, 2.0, 3.0]),
            (Lazy(2, 2), [[0.0, 1.0], [2.0, 3.0]]),
            (Lazy(0), []),
            (Bare(1, 2), [1, 2]),
            (Bare(7), 7),
            (Bare("a", "b"), ["a", "b"]),
        ],
    )
    def test_small_ones(self, value: Any, kept: Any) -> None:
        """A scalar or a list, as those of numpy."""
        assert plain(value) == kept

    @pytest.mark.parametrize("value", [Lazy(33), Lazy(10, 10), Bare(*range(100))])
    def test_large_ones(self, value: Any) -> None:
        """A histogram."""
        assert sum(plain(value)["values"]) == np.asarray(value).size

    def test_of_polars(self) -> None:
        """The real thing."""
        pl = pytest.importorskip("polars")
        assert plain(pl.Series([1.0, 2.0])) == [1.0, 2.0]
        assert plain(pl.Series([3])) == 3
        assert plain(pl.Series(["a", "b"])) == ["a", "b"]
        assert plain(pl.Series(range(100)))["_type"] == "histogram"

    def test_one_that_cannot_be_read(self) -> None:
        """A closed file costs only itself."""

        class Closed(Lazy):
            def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
                raise OSError("file is closed")

        aside: Aside = {}
        assert plain({"a": 1, "b": Closed(3)}, aside=aside) == {"a": 1}
        assert aside == {"b": "file is closed"}


class TestMasks:
    def test_a_scalar(self) -> None:
        """Nobody measured a number: NaN, and null in the config."""
        mean = np.ma.array([1.0, 2.0], mask=True).mean()
        assert math.isnan(plain(mean))
        assert math.isnan(plain(np.ma.array([5.0], mask=[True])))
        assert plain(np.ma.array([5.0], mask=[False])) == 5.0
        assert plain({"a": mean}, of_config=True) == {"a": None}

    def test_a_list(self) -> None:
        """Null where there is no value."""
        assert plain(np.ma.array([1, 2, 3], mask=[0, 1, 0])) == [1, None, 3]

    def test_a_histogram(self) -> None:
        """What is masked is not counted, by us or by hand."""
        values = np.ma.array(np.arange(100.0), mask=np.arange(100) >= 50)
        counted = plain(values)
        assert (sum(counted["values"]), counted["bins"][-1]) == (50, 49.0)
        by_hand = Histogram(values)
        assert (sum(by_hand.histogram), by_hand.bins[-1]) == (50, 49.0)
        with pytest.raises(ValueError, match="without finite numbers"):
            plain(np.ma.array(np.arange(100.0), mask=True))


class TestValuesThatRaise:
    @pytest.mark.parametrize("given", [Broken(), Keyed(), Model()], ids=lambda given: type(given).__name__)
    def test_one_costs_only_itself_in_every_config(self, given: Any) -> None:
        """By every safe_files."""
        options: dict[str, Any] = {"project": "p", "mode": "offline"}
        by_hand = new_run(config=given, **options, quiet=True)
        handler = WandbHandler(config=given, **options, quiet=True)
        ours = compat.init(config=given, **options)
        later = new_run(**options, quiet=True)
        later.update_config(given)
        for run in (by_hand, handler.run, ours, later):
            assert {key: run.config[key] for key in run.config} == {"lr": 0.1, "layers": 2}
            run.finish()
        handler.close()

    def test_in_rows_and_summary(self) -> None:
        """At any depth, beside media or not, and the value is named."""
        run = new_run("p", mode="offline", quiet=True)
        run.log(Broken())
        run.log({"train": Broken(), "n": 1, "h": Histogram([1, 2])})
        run.summary.update({"s": Broken()})
        assert run.stats()["set_aside"] == 3
        run.finish()
        assert run.dir is not None
        rows = [{key: value for key, value in row.items() if key[0] != "_"} for row in read_run(run.dir).rows]
        assert rows[0] == {"lr": 0.1, "layers": 2}
        assert (rows[1]["train"], rows[1]["n"]) == ({"lr": 0.1, "layers": 2}, 1)
        assert read_run(run.dir).summary["s"] == {"lr": 0.1, "layers": 2}

    @pytest.mark.not_quick
    def test_a_dict_that_another_thread_changes(self) -> None:
        """It is the one of some moment, whole."""
        values: dict[str, Any] = {f"k{number}": "text" for number in range(50)}
        ends = threading.Event()

        def change() -> None:
            number = 0
            while not ends.is_set():
                number += 1
                values[f"x{number % 97}"] = {"deep": "v"}
                values.pop(f"x{number * 7 % 97}", None)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            run = new_run("p", mode="offline", quiet=True)
            for _ in range(500):
                run.log(values)
        finally:
            ends.set()
            thread.join()
        run.finish()
        assert run.dir is not None
        assert all(row["k0"] == row["k49"] == "text" for row in read_run(run.dir).rows)
        assert (run.stats()["set_aside"], len(read_run(run.dir).rows)) == (0, 500)

    def test_what_is_not_what_it_should_be_still_raises(self) -> None:
        """A person calls, and is told."""
        with new_run("p", mode="offline", quiet=True) as run, pytest.raises(LogError):
            run.log([1])  # type: ignore[arg-type]


def test_a_long_text_is_written_without_orjson() -> None:
    """Which ends the process where it cannot have eight bytes for each character."""
    tree = {"a": "x\n" * 2**18, "b": [{"c": "y" * 2**20}], "d": float("nan")}
    line = dumps(tree)
    assert b"NaN" in line
    assert loads(line)["a"] == tree["a"]


@given(
    st.lists(FLOATS, min_size=33, max_size=80),
    st.sampled_from(["f2", "f4", "f8", ">f8", "i8"]),
    st.sampled_from([0.0, 1.0, 1e6]),
    st.sampled_from([1.0, 1e-12, 1e-40]),
)
def test_a_histogram_is_numpys(numbers: Any, kind: Any, shift: Any, scale: Any) -> None:
    """To the count and to the digit, wherever the values lie and however close together."""
    with np.errstate(all="ignore"):
        values = (np.array(numbers) * scale + shift).astype(kind)
        values = values[np.isfinite(values)]
        try:
            counts, edges = np.histogram(values, bins=32)
        except (ValueError, MemoryError):
            return
        if len(values) > 32:
            assert array(values) == {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}
