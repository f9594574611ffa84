"""What becomes which JSON value: held against the json module, numpy and the official SDK's own converter."""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import datetime as dt
import enum
import fractions
import ipaddress
import json
import math
import pathlib
import re
import signal
import subprocess
import sys
import textwrap
import types
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given, strategies as st

from tests.patience import PATIENCE
from wandb_logging._values import plain as _values
from wandb_logging._values.mappings import mapping_of
from wandb_logging._values.plain import LONG, Aside, dumps, dumps_texts, has_long_text, loads, plain

np = pytest.importorskip("numpy")

numbers = st.integers() | st.integers(-(2**80), 2**80) | st.floats()
texts = st.text() | st.text(st.characters(categories=["Cs", "L", "P"]))
scalars = st.none() | st.booleans() | numbers | texts
trees = st.recursive(
    scalars, lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4), max_leaves=20
)
metrics = st.dictionaries(texts, trees, max_size=5)


class Colour(enum.Enum):
    RED = 1


class Size(enum.IntEnum):
    LARGE = 3


class Kind(str, enum.Enum):
    TRAIN = "train"


@dataclasses.dataclass
class Point:
    x: int
    y: Any


class Pair(NamedTuple):
    a: int
    b: int


class Number(float):
    pass


class Name(str):
    __slots__ = ()


class Table(dict):
    pass


class Measured:
    """A number with something about it, as those of pint, mpmath and sympy."""

    def __float__(self) -> float:
        return 1.5


class Counted:
    def __index__(self) -> int:
        return 3


class Several:
    """Has a method for its only element, and several elements."""

    def item(self) -> float:
        raise ValueError("only one element can be converted")

    def tolist(self) -> list[int]:
        return [1, 2]


class Tensor:
    """As those of tinygrad: nothing of numpy's protocols."""

    def __init__(self, values: Any) -> None:
        self._values = np.array(values)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape

    def numpy(self) -> Any:
        return self._values


class Hostile:
    """Raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("do not touch me")

    def __repr__(self) -> str:
        raise RuntimeError("nor look at me")


class Silent:
    """Has nothing but `object`'s text."""


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("even my words fail")


class Failing(collections.abc.Mapping):
    """A mapping one of whose values cannot be read, as one of OmegaConf's that is missing."""

    def __getitem__(self, key: str) -> Any:
        if key == "bad":
            raise Speechless
        return 1

    def __iter__(self) -> Any:
        return iter(["good", "bad"])

    def __len__(self) -> int:
        return 2


def text_as_sent(text: str) -> str:
    """What a strict JSON reader makes of a text: pairs of surrogates joined, others replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def as_sent(value: Any) -> Any:
    """An independent statement of protocol 5.4 for what is JSON already."""
    if isinstance(value, dict):
        return {text_as_sent(key): as_sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_sent(item) for item in value]
    if isinstance(value, str):
        return text_as_sent(value)
    if type(value) is int and not -(2**63) <= value < 2**64:
        return float(value)
    return value


def text_of(value: Any) -> str:
    """A form in which NaN equals NaN, and 1 is not 1.0."""
    return json.dumps(value, sort_keys=True)


def converted(value: Any) -> Any:
    aside: Aside = {}
    tree = plain({"v": value}, aside=aside)
    assert aside == {}
    return loads(dumps(tree))["v"]


class TestLines:
    @given(metrics)
    def test_what_is_json_already_stays_what_it_is(self, tree: Any) -> None:
        """Any tree of JSON values is read back as it was; big integers as floats, lone surrogates replaced."""
        aside: Aside = {}
        line = dumps(plain(tree, aside=aside))
        assert text_of(json.loads(line)) == text_of(as_sent(tree))
        assert aside == {}

    @given(metrics)
    def test_without_orjson_a_line_means_the_same(self, tree: Any) -> None:
        """Both writers and both readers agree, so that it does not matter who has orjson."""
        ready = plain(tree)
        fast = dumps(ready)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_values, "fast_dumps", None)
            patch.setattr(_values, "fast_loads", None)
            slow = dumps(ready)
            assert text_of(loads(fast)) == text_of(loads(slow))
        assert text_of(loads(fast)) == text_of(loads(slow))

    def test_a_program_without_the_interpreters_lock_stays_without(self) -> None:
        """On a free-threaded Python, where to import orjson would turn the lock on, json does the work."""
        pytest.importorskip("orjson")
        code = """
            import sys
            sys._is_gil_enabled = lambda: False
            import wandb_logging._run.handler
            from wandb_logging._values.plain import dumps, loads
            assert loads(dumps({"a": [1.5, None]})) == {"a": [1.5, None]} and "orjson" not in sys.modules
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=PATIENCE)

    @pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals that can wait")
    @pytest.mark.not_quick
    def test_ctrl_c_while_orjson_is_imported(self) -> None:
        """It interrupts the program as ever: orjson would end the process with a segmentation fault."""
        pytest.importorskip("orjson")
        code = """
            import os, signal, sys
            class Person:
                def find_spec(self, name, path=None, target=None):
                    if name == "orjson.orjson":
                        asked.append(name)
                    elif asked:  # what its own code imports
                        os.kill(os.getpid(), signal.SIGINT)
            asked = []
            import wandb_logging._values.zlib, collections, datetime, enum, uuid, json, contextlib, functools, pathlib
            del sys.modules["uuid"]
            sys.meta_path.insert(0, Person())
            try:
                import wandb_logging._values.plain
            except KeyboardInterrupt:
                print("stopped")
        """
        command = [sys.executable, "-c", textwrap.dedent(code)]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stdout.split()) == (0, [b"stopped"])

    def test_numbers_that_are_none_are_bare_words(self) -> None:
        """NaN and infinities are the bare words that W&B reads, not null."""
        line = dumps(plain({"a": math.nan, "b": math.inf, "c": [-math.inf], "d": None}))
        assert line == b'{"a":NaN,"b":Infinity,"c":[-Infinity],"d":null}'

    @pytest.mark.parametrize("text", [b"", b"{", b"nul", b'"\xff"', b"[" * 100_000, b"1" * 5_000])
    def test_what_is_no_json_is_a_value_error(self, text: Any) -> None:
        """Whatever stands in a file, reading it raises nothing but ValueError (and a long number is one)."""
        with contextlib.suppress(ValueError):
            loads(text)

    def test_big_integers_do_not_end_at_the_largest_float(self) -> None:
        assert converted(10**400) == math.inf
        assert converted(-(10**400)) == -math.inf


class TestConversions:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (Colour.RED, "RED"),
            (Size.LARGE, "LARGE"),
            (Kind.TRAIN, "TRAIN"),
            (Number(1.5), 1.5),
            (Name("x"), "x"),
            (Table(a=1), {"a": 1}),
            (collections.OrderedDict(a=1), {"a": 1}),
            (types.MappingProxyType({"a": 1}), {"a": 1}),
            (collections.ChainMap({"a": 1}), {"a": 1}),
            (collections.deque([1]), [1]),
            (range(2), [0, 1]),
            ((1, (2,)), [1, [2]]),
            (Pair(1, 2), [1, 2]),
            ({"a": 1, "b": 2}.values(), [1, 2]),
            (Measured(), 1.5),
            (Counted(), 3),
            (Several(), [1, 2]),
            ({3, 1, 2}, [1, 2, 3]),
            (frozenset({"b", "a"}), ["a", "b"]),
            (b"bytes", "bytes"),
            (b"\xff", "\ufffd"),
            (bytearray(b"ba"), "ba"),
            (memoryview(b"mv"), "mv"),
            (pathlib.PurePosixPath("a/b"), "a/b"),
            (dt.date(2020, 1, 2), "2020-01-02"),
            (dt.datetime(2020, 1, 2, 3, 4, 5, 6), "2020-01-02T03:04:05.000006"),  # noqa: DTZ001  naive on purpose
            (dt.time(1, 2), "01:02:00"),
            (dt.timedelta(seconds=1.5), "PT1.5S"),
            (Decimal("1.5"), "1.5"),
            (Decimal("NaN"), "NaN"),
            (fractions.Fraction(1, 2), "1/2"),
            (1 + 2j, "1+2j"),
            (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (Point(1, Point(2, None)), {"x": 1, "y": {"x": 2, "y": None}}),
            (types.SimpleNamespace(a=1), {"a": 1}),
            (argparse.Namespace(a=1), {"a": 1}),
            (len, "builtins.len"),
            (int, "builtins.int"),
            ("a\ud800b", "a\ufffdb"),
            ("\ud83d\ude00", "\U0001f600"),
            ({0: 0.5, True: 1, 1.5: 2, None: 3, np.int64(7): 4}, {"0": 0.5, "true": 1, "1.5": 2, "None": 3, "7": 4}),
            # As the official SDK 0.31.0 writes them.
            ({(0, 1): 1, ("a b", True, None, 1.5): 2, (): 3}, {"0,1": 1, "a b,true,None,1.5": 2, "": 3}),
            ({(1, (2, "c")): 1, (Kind.TRAIN, b"x"): 2}, {"1,2,c": 1, "train,x": 2}),
            ({math.inf: 1, -math.inf: 2, (math.nan,): 3}, {"inf": 1, "-inf": 2, "nan": 3}),
        ],
    )
    def test_has_the_json_value(self, value: Any, expected: Any) -> None:
        """Protocol 5.4, and what is like it; the name of an Enum also where it is an int or a str."""
        assert text_of(converted(value)) == text_of(expected)

    @pytest.mark.parametrize("value", [object(), iter([1]), ..., slice(1), re.compile("x")])
    def test_what_has_none_is_set_aside_by_name(self, value: Any) -> None:
        """The rest of the row is kept; the reason names the value."""
        aside: Aside = {}
        assert plain({"a": {"bad": value, "good": 1}}, aside=aside) == {"a": {"good": 1}}
        assert list(aside) == ["a.bad"]

    def test_in_a_list_its_place_stays(self) -> None:
        """A list keeps its length; one reason stands for all that are wrong in it."""
        aside: Aside = {}
        assert plain({"a": [1, object(), 3, object()]}, aside=aside) == {"a": [1, None, 3, None]}
        assert aside == {"a[1]": "no JSON value for object (and 1 more of this list)"}

    def test_what_contains_itself(self) -> None:
        """A cycle is cut where it closes."""
        loop: dict[str, Any] = {"a": 1}
        loop["self"] = [loop]
        aside: Aside = {}
        assert plain({"m": loop}, aside=aside) == {"m": {"a": 1, "self": [None]}}
        assert aside == {"m.self[0]": "contains itself"}

    def test_the_same_object_twice_is_no_cycle(self) -> None:
        shared = [1]
        assert plain({"a": shared, "b": [shared, shared]}) == {"a": [1], "b": [[1], [1]]}

    def test_nesting_ends_somewhere(self) -> None:
        deep: Any = 1
        for _ in range(1000):
            deep = [deep]
        aside: Aside = {}
        tree = plain({"deep": deep, "good": 1}, aside=aside)
        assert tree["good"] == 1
        assert "deep" in aside.popitem()[1]

    @pytest.mark.parametrize("key", [1, 1.5, None, True, (1,), b"x", np.int64(1)])
    def test_names_at_the_top_are_strings(self, key: Any) -> None:
        """Only below the top may a number be a name, as in the official SDK."""
        aside: Aside = {}
        assert plain({key: 1, "a": 2}, aside=aside) == {"a": 2}
        assert aside == {str(key): "a metric name must be a string"}

    @pytest.mark.parametrize("key", [frozenset({1}), object(), (object(),)])
    def test_names_below_are_strings_numbers_or_tuples(self, key: Any) -> None:
        aside: Aside = {}
        assert plain({"a": {key: 1, "b": 2}}, aside=aside) == {"a": {"b": 2}}
        assert len(aside) == 1

    def test_names_of_other_string_types(self) -> None:
        """An Enum that is a text, too: to the dict itself `Kind.TRAIN` and `"train"` are one key."""
        assert plain({Name("a"): 1, np.str_("b"): 2, Kind.TRAIN: 3}) == {"a": 1, "b": 2, "train": 3}


class TestConfig:
    """What is different in the config, where the official SDK takes the text of what it does not know."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (re.compile("x"), "re.compile('x')"),
            ([{"deep": slice(1)}, ipaddress.ip_address("127.0.0.1")], [{}, "127.0.0.1"]),
            (dt.timedelta(seconds=1.5), "0:00:01.500000"),
            ({"nan": math.nan, "inf": math.inf, "list": [math.nan, np.float32("nan")]}, None),
        ],
    )
    def test_texts(self, value: Any, expected: Any) -> None:
        """Of what has a text of its own; NaN is nothing that a config may hold."""
        tree = plain({"v": value}, of_config=True)["v"]
        assert tree == ({"nan": None, "inf": math.inf, "list": [None, None]} if expected is None else expected)

    def test_an_object_without_a_text_of_its_own(self) -> None:
        """It shows its type and address: fastai has its Learner in the config, and the official SDK shows it so."""
        silent = Silent()
        assert plain({"v": [silent]}, of_config=True) == {"v": [object.__repr__(silent)]}

    def test_what_cannot_be_shown_is_set_aside(self) -> None:
        """The official SDK raises, and has nothing of the whole config."""
        aside: Aside = {}
        assert plain({"v": object(), "lr": 1}, aside=aside, of_config=True) == {"lr": 1}
        assert list(aside) == ["v"]


class TestHostileValues:
    def test_an_object_that_raises_costs_only_itself(self) -> None:
        aside: Aside = {}
        assert plain({"a": Hostile(), "b": 1}, aside=aside) == {"b": 1}
        assert aside == {"a": "do not touch me"}

    def test_a_key_that_raises_costs_only_itself(self) -> None:
        class Key:
            def __str__(self) -> str:
                raise Speechless

        aside: Aside = {}
        assert plain({"m": {Key(): 1, "b": 2}}, aside=aside) == {"m": {"b": 2}}
        assert list(aside) == ["m.(Key)"]

    def test_a_mapping_that_raises_costs_only_the_value(self) -> None:
        """An OmegaConf value that is missing raises when it is read."""
        aside: Aside = {}
        assert plain({"m": Failing()}, aside=aside) == {"m": {"good": 1}}
        assert aside == {"m.bad": "Speechless"}

    def test_a_mock_is_no_model(self) -> None:
        """A mock answers to every name; that does not make it a mapping without an end."""
        from unittest.mock import MagicMock

        aside: Aside = {}
        assert plain({"a": MagicMock(), "b": 1}, aside=aside)["b"] == 1


class TestMappings:
    def test_what_people_keep_settings_in(self) -> None:
        """Namespaces, dataclasses, attrs and pydantic models, and what has keys."""

        class Keyed:  # as ml_collections.ConfigDict
            def keys(self) -> list[str]:
                return ["k"]

            def __getitem__(self, key: str) -> int:
                return 1

        for value, expected in [
            (argparse.Namespace(a=1), {"a": 1}),
            (Point(1, 2), {"x": 1, "y": 2}),
            (Keyed(), {"k": 1}),
            ({"a": 1}, {"a": 1}),
        ]:
            assert mapping_of(value) == expected

    def test_pydantic(self) -> None:
        pydantic = pytest.importorskip("pydantic")
        model = pydantic.create_model("Model", lr=(float, 0.1), inner=(dict, {"a": 1}))()
        assert mapping_of(model) == {"lr": 0.1, "inner": {"a": 1}}
        assert converted(model) == {"lr": 0.1, "inner": {"a": 1}}

    @pytest.mark.parametrize("value", [1, "text", [1], object, Point, None])
    def test_anything_else_comes_back(self, value: Any) -> None:
        assert mapping_of(value) is value


class TestArrays:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (np.float32(0.1), float(np.float32(0.1))),
            (np.float64("nan"), math.nan),
            (np.float16(1.5), 1.5),
            (np.longdouble(1.5), 1.5),
            (np.int8(-3), -3),
            (np.uint64(2**64 - 1), 2**64 - 1),
            (np.bool_(True), True),  # noqa: FBT003
            (np.str_("s"), "s"),
            (np.bytes_(b"b"), "b"),
            (np.complex64(1), "1+0j"),
            (np.datetime64("2020-01-02"), "2020-01-02"),
            (np.timedelta64(5, "s"), "PT5S"),
            (np.array(5.0), 5.0),
            (np.array([5]), 5),
            (np.array([[[5]]]), 5),
            (np.array([]), []),
            (np.array([1.5, math.nan]), [1.5, math.nan]),
            (np.eye(2), [[1.0, 0.0], [0.0, 1.0]]),
            (np.arange(32), list(range(32))),
            (np.array([True, False]), [True, False]),
            (np.array(["a", "b"]), ["a", "b"]),
            (np.array([1, None], dtype=object), [1, None]),
            (np.array(["2020-01-02"] * 2, dtype="M8[D]"), ["2020-01-02"] * 2),
            (np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, None]),
            (np.array([(1, 2.0)], dtype=[("x", int), ("y", float)]), [1, 2.0]),
        ],
        ids=repr,
    )
    def test_small_ones_are_scalars_and_lists(self, value: Any, expected: Any) -> None:
        """One element is a number, up to 32 are a list, of whatever shape."""
        assert text_of(converted(value)) == text_of(expected)

    @pytest.mark.parametrize(
        "array",
        [
            np.arange(33),
            np.linspace(-3, 5, 1000),
            np.linspace(-3, 5, 1000, dtype="f4"),
            np.arange(40).reshape(4, 10),
            np.ones(33),
            np.array([1, 2, 2] * 20, dtype="u1"),
        ],
        ids=lambda array: f"{array.dtype}{array.shape}",
    )
    def test_large_ones_are_numpys_histogram(self, array: Any) -> None:
        counts, edges = np.histogram(array, bins=32)
        assert converted(array) == {"_type": "histogram", "values": counts.tolist(), "bins": edges.tolist()}

    def test_a_histogram_leaves_out_what_is_not_finite(self) -> None:
        """The official SDK raises here; the finite values are worth a histogram."""
        array = np.arange(100.0)
        spoilt = np.concatenate([array, [math.nan, math.inf, -math.inf]])
        assert converted(spoilt) == converted(array)

    @pytest.mark.parametrize("values", [2.5, [2.5], [1.0, 2.0], np.arange(40.0)], ids=str)
    def test_a_tensor_that_numpy_knows_nothing_of(self, values: Any) -> None:
        assert converted(Tensor(values)) == converted(np.array(values))

    def test_an_array_of_objects(self) -> None:
        """A row of a DataFrame whose columns have several types is one; None is no number."""
        array = np.arange(40.0)
        assert converted(np.array([*array, None], object)) == converted(array)
        assert converted(np.array([*array, Decimal(0)], object)) == converted(np.array([*array, 0.0]))

    def test_an_array_within_an_array(self) -> None:
        holder = np.empty(1, object)
        holder[0] = np.arange(2)
        assert converted(holder) == [0, 1]

    def test_scalars_of_pyarrow(self) -> None:
        """What `pyarrow.compute` computes is one of these."""
        pyarrow = pytest.importorskip("pyarrow")
        for value in (1.5, 3, "x", None, True, [1, None], {"a": [1.5]}):
            assert plain({"v": pyarrow.scalar(value)}) == {"v": value}

    def test_a_missing_value_of_pandas(self) -> None:
        pandas = pytest.importorskip("pandas")
        assert plain({"v": pandas.NA, "of": pandas.Series([None], dtype="Int64")}) == {"v": None, "of": None}
        series = pandas.Series([1, None] * 20, dtype="Int64")
        assert converted(series) == converted(np.array([1] * 20 + [None] * 20, object))

    def test_a_histogram_of_booleans_counts_them(self) -> None:
        histogram = converted(np.array([True, False, False] * 20))
        assert (histogram["values"][0], histogram["values"][-1], sum(histogram["values"])) == (40, 20, 60)

    @pytest.mark.parametrize(
        ("array", "why"),
        [
            (np.full(40, math.nan), "an array without finite numbers has no histogram"),
            (np.array(["a"] * 40), "an array of <U1 has no histogram"),
            (np.array([None] * 40), "an array without finite numbers has no histogram"),
            (np.array(["1"] * 40, object), "an array with texts has no histogram"),
            (np.zeros(40, complex), "an array of complex128 has no histogram"),
            (np.zeros(40, "M8[s]"), "an array of datetime64[s] has no histogram"),
        ],
        ids=lambda value: str(getattr(value, "dtype", "")),
    )
    def test_without_a_histogram_it_is_set_aside(self, array: Any, why: Any) -> None:
        aside: Aside = {}
        assert plain({"a": array, "b": 1}, aside=aside) == {"b": 1}
        assert aside == {"a": why}

    # Thousandths: numpy refuses a range too small to be cut into bins.
    @given(st.lists(st.integers(-(10**9), 10**9).map(lambda number: number / 1000), min_size=33, max_size=80))
    def test_without_numpy_a_tensor_has_the_same_histogram(self, values: Any) -> None:
        """Counts may differ only where a value lies on an edge to the last bit."""

        class Tensor:
            shape = (len(values),)

            def tolist(self) -> list[float]:
                return values

            def __array__(self, *_: Any, **__: Any) -> Any:
                return np.array(values)

        known = converted(Tensor())
        with pytest.MonkeyPatch.context() as patch:
            patch.delitem(sys.modules, "numpy")
            own = converted(Tensor())
        assert own["bins"] == pytest.approx(known["bins"], rel=1e-6, abs=1e-9)
        assert sum(own["values"]) == sum(known["values"])
        moved = sum(abs(a - b) for a, b in zip(own["values"], known["values"]))
        width = known["bins"][1] - known["bins"][0]
        low = known["bins"][0]
        on_edge = sum(abs((value - low) / width - round((value - low) / width)) < 1e-6 for value in values)
        assert moved <= 2 * on_edge


# Where the official SDK has no value, or another on purpose. Everything else that it can write, we write so.
DIFFERENT = {
    "Colour": "protocol 5.4 has the name; 0.31.0 writes with pydantic-core, which has the value",
    "Size": "as Colour",
    "Kind": "as Colour",
}


@pytest.mark.contract
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
class TestOfficialSDK:
    def theirs(self, value: Any) -> Any:
        util = pytest.importorskip("wandb.util")
        return json.loads(util.json_dumps_safer_history({"v": value}))["v"]

    @given(st.timedeltas())
    def test_any_duration_means_the_same(self, value: dt.timedelta) -> None:
        assert converted(value) == self.theirs(value)

    @given(metrics)
    def test_any_json_tree_means_the_same(self, tree: Any) -> None:
        """The line we send parses to what the official SDK's parses to, where its reader takes big integers."""
        assert text_of(converted(tree)) == text_of(as_sent(self.theirs(tree)))

    @pytest.mark.parametrize(
        "value",
        [
            Number(1.5),
            Name("x"),
            Table(a=1),
            (1, (2,)),
            Pair(1, 2),
            {1, 2},
            b"bytes",
            pathlib.Path("a/b"),
            dt.date(2020, 1, 2),
            dt.datetime(2020, 1, 2, 3, 4, 5, 6),  # noqa: DTZ001  naive on purpose
            dt.time(1, 2),
            1 + 2j,
            uuid.UUID(int=1),
            Point(1, [2]),
            len,
            int,
            {"a": {0: 1, 1.5: 2, True: 3}},
            np.float32(0.1),
            np.longdouble(1.5),
            np.int8(-3),
            np.bool_(True),  # noqa: FBT003
            np.complex64(1),
            np.datetime64("2020-01-02"),
            np.array(5.0),
            np.array([[5]]),
            np.arange(32),
            np.arange(33),
            np.linspace(0, 1, 100, dtype="f4"),
            np.array([True, False] * 20),
            np.array(["a", "b"]),
            np.eye(2),
            Colour.RED,
            Size.LARGE,
            Kind.TRAIN,
            dt.timedelta(seconds=1.5),
            Decimal("1.5"),
            fractions.Fraction(1, 2),
            np.timedelta64(5, "s"),
        ],
        ids=lambda value: f"{type(value).__name__}-{value}"[:40],
    )
    def test_other_values_mean_the_same(self, value: Any) -> None:
        """Each conversion gives what the official SDK's gives; the exceptions are listed with their reasons."""
        same = text_of(converted(value)) == text_of(self.theirs(value))
        assert same is not (type(value).__name__ in DIFFERENT)


@pytest.mark.parametrize("kept", ["x", "x" * (LONG + 1)])
def test_a_long_text_is_found_at_any_depth(kept: str) -> None:
    """What could be read of a journal can be nested deeper than functions of Python may call each other."""
    tree: Any = kept
    for _ in range(50_000):
        tree = {"a": [tree]}
    assert has_long_text(tree) == (len(kept) > LONG)
    while tree != kept:  # taken apart by hand: Python's own way down would be as deep
        tree = tree["a"][0]


@given(st.lists(texts | st.just('{"x":null}'), max_size=6), st.booleans())
def test_texts_are_written_as_json_writes_them(lines: list[str], one_is_long: bool) -> None:
    """A list of texts is read again as what json writes of it, whatever is in them and however long they are."""
    lines += ["x" * (LONG + 1)] * one_is_long
    assert json.loads(dumps_texts(lines)) == json.loads(json.dumps(lines))
