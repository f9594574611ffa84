"""Rows that need no thought are written as the long way would write them, to the digit."""

from __future__ import annotations

import dataclasses
import decimal
import enum
import fractions
import json
import math
import warnings
from collections import Counter, OrderedDict, defaultdict
from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging._records.quick import _of_numbers, is_ready, quick_row as _quick_row
from wandb_logging._values.mappings import MAX_DEPTH
from wandb_logging._values.plain import EXACT, dumps, plain
from wandb_logging._values.secrets import Secrets

orjson: Any = pytest.importorskip("orjson")
np: Any = pytest.importorskip("numpy")

SCALARS = ("float16", "float32", "float64", "longdouble", "int8", "int32", "int64", "uint8", "uint64", "bool_")


class Colour(enum.IntEnum):
    RED = 1


class Share(float, enum.Enum):
    HALF = 0.5


class Bare(enum.IntEnum):
    __slots__ = ()
    ONE = 1


class Number(float):
    pass


class Count(int):
    pass


class BareNumber(float):
    """Without room for attributes; a sum with it is a float."""

    __slots__ = ()


class BareCount(int):
    __slots__ = ()


class BareText(str):
    """A text that can be added to a number."""

    __slots__ = ()

    def __radd__(self, other: Any) -> Any:
        return other


@dataclasses.dataclass
class Nothing:
    """No number, and adds like one. orjson writes dataclasses of itself."""

    __slots__ = ()

    def __radd__(self, other: Any) -> Any:
        return other


class Object:
    pass


def quick_row(metrics: Any, secrets: Secrets | None) -> Any:
    """The row; None if it needs thought."""
    try:
        return _quick_row(metrics, secrets)
    except Exception:
        return None


def same(one: bytes, other: bytes) -> bool:
    """Whether two lines of JSON say the same, NaN and all digits included."""
    return repr(json.loads(one)) == repr(json.loads(other))


def is_quick(value: Any) -> bool:
    """Whether a value needs no thought; then it has to come out as it would with it."""
    row = quick_row({"a": 1.5, "b": value}, None)
    nested = quick_row({"a": 1.5, "b": {"c": value}}, None)
    assert (row is None) is (nested is None)
    if row is None:
        return False
    assert same(orjson.dumps(row, None, EXACT), dumps(plain({"a": 1.5, "b": value})))
    return True


@st.composite
def scalars(draw: Any) -> Any:
    """A scalar of numpy, or an array that holds one."""
    kind = getattr(np, draw(st.sampled_from(SCALARS)))
    with np.errstate(all="ignore"):
        number = kind(draw(st.floats(width=16)) if issubclass(kind, np.floating) else draw(st.integers(0, 100)))
    return draw(st.sampled_from([number, np.array(number), np.array([number]), np.array([[number]])]))


@st.composite
def numbers32(draw: Any) -> Any:
    """A number of numpy's with digits that are none of a double's."""
    return np.float32(draw(st.floats(width=32)))


leaves = (
    scalars()
    | numbers32()
    | st.floats()
    | st.floats().map(np.float64)
    | st.integers(-(2**63), 2**64 - 1)
    | st.booleans()
    | st.none()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from([Number(0.1), Number("nan"), Count(7), [], Colour.RED, decimal.Decimal("0.1")])
)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
rows = st.dictionaries(
    names, st.recursive(leaves, lambda below: st.dictionaries(names, below, min_size=1, max_size=3), max_leaves=8)
)


class TestTheSame:
    @given(rows)
    def test_as_the_long_way_writes_it(self, metrics: Any) -> None:
        """Or it is left to the long way."""
        row = quick_row(metrics, None)
        if row is not None:
            assert same(orjson.dumps(row, None, EXACT), dumps(plain(metrics)))

    @given(rows)
    def test_what_passes_holds_no_secret(self, metrics: Any) -> None:
        secrets = Secrets(lambda _name: None)
        row = quick_row(metrics, secrets)
        if row is not None:
            tree = plain(metrics)
            assert repr(secrets.tree(tree)) == repr(tree)

    @pytest.mark.parametrize("number", [0.1, 1e-7, 1e22, 1 / 3, 5e-324, 1.79e308, -0.0, math.nan, math.inf])
    @pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.float16, np.longdouble, Number])
    def test_every_digit_of_every_kind_of_float(self, number: Any, kind: Any) -> None:
        """A float32 of 0.1 is 0.10000000149011612, not 0.1."""
        with np.errstate(all="ignore"):
            assert is_quick(kind(number))

    @pytest.mark.parametrize(
        "value", [1, True, None, "x", "x" * 1000, Count(7), np.int64(-5), np.uint64(2**64 - 1), np.True_]
    )
    def test_what_else_needs_no_thought(self, value: Any) -> None:
        assert is_quick(value)

    @pytest.mark.parametrize(
        "value",
        [
            Colour.RED,
            [1],
            (1,),
            object(),
            {},
            "x" * 2**19,
            1j,
            b"x",
            decimal.Decimal(1),
            np.array(["x"]),
            np.array([1, math.nan]),
            np.array([[math.nan] * 50]),
            np.array([1, 2], object),
            np.array([1.0], object).repeat(2),
            np.array([1, 2], np.longdouble),
            np.array([-1.7e308, 1.7e308] * 50),
            np.datetime64("2026-01-01"),
            np.complex64(1),
            np.ma.masked,
            np.ma.array([1.0], mask=[True]),
            np.ma.array([1.0], mask=[False]),
            float,
        ],
    )
    def test_what_needs_thought(self, value: Any) -> None:
        assert not is_quick(value)

    @pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "u8", "?"])
    @pytest.mark.parametrize("shape", [(0,), (1, 1), (2,), (4, 8), (33,), (10, 100)])
    def test_arrays_of_numbers(self, kind: str, shape: tuple[int, ...]) -> None:
        """Short ones are lists, longer ones histograms."""
        numbers = np.random.default_rng(7).random(shape) * 2
        assert is_quick(numbers.astype(kind))
        assert is_quick(np.asfortranarray(numbers.astype(kind)))
        assert is_quick(numbers.astype(kind)[::2])

    @pytest.mark.parametrize("kind", [dict, OrderedDict, Counter, lambda of: defaultdict(float, of)])
    def test_dicts_of_the_standard_library(self, kind: Any) -> None:
        """Whose items are what `[]` gives."""
        assert quick_row(kind({"a": 1, "b": kind({"c": 2})}), None) == {"a": 1, "b": {"c": 2}}

    def test_a_dict_of_the_users(self) -> None:
        class Doubled(dict):
            def __getitem__(self, key: Any) -> Any:
                return 2 * super().__getitem__(key)

        assert quick_row(Doubled(a=1), None) is None

    def test_scalars_of_torch(self) -> None:
        torch: Any = pytest.importorskip("torch")
        for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool):
            assert is_quick(torch.tensor(1, dtype=dtype))
        assert is_quick(torch.tensor([0.1], requires_grad=True))
        assert is_quick(torch.tensor(math.nan))
        assert is_quick(torch.nn.Parameter(torch.tensor(0.1)))
        assert not is_quick(torch.tensor([1.0, 2.0]))
        assert not is_quick(torch.tensor(1j))


def numbers_at_once(metrics: dict[str, Any]) -> bool:
    """Whether a dict is taken for numbers, where numbers are expected; then it has to be written as the long way would.

    Or refused: then the long way writes it.
    """
    numbers = dict.fromkeys(metrics, 1.0)
    assert not metrics or quick_row(numbers, None) == numbers  # so that numbers are expected
    assert is_ready(numbers, len(numbers))
    if not is_ready(metrics, len(metrics)):
        return False
    try:
        line = orjson.dumps(metrics, None, EXACT)
    except TypeError:
        return False
    assert same(line, dumps(plain(metrics)))
    return True


class TestNumbers:
    """A row of numbers is known without looking at the type of each."""

    @given(st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False) | st.booleans(), max_size=12))
    def test_are_seen_at_once(self, metrics: Any) -> None:
        assert numbers_at_once(metrics) or not math.isfinite(sum(metrics.values()))

    @given(st.dictionaries(names, leaves | st.sampled_from([Share.HALF, BareNumber(0.5), BareCount(3)]), max_size=4))
    def test_nothing_else_is_written_as_one(self, metrics: Any) -> None:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            numbers_at_once(metrics)

    @pytest.mark.parametrize("first", [{}, {"a": 1}, {"a": 0.5, "b": 2}])
    @pytest.mark.parametrize(
        "value",
        [
            Colour.RED,
            Bare.ONE,
            Share.HALF,
            BareText("x"),
            Nothing(),
            decimal.Decimal(1),
            fractions.Fraction(1, 2),
            1j,
            "x",
            None,
            math.nan,
            -math.inf,
            np.float64(0.5),
            np.float32(0.5),
            np.True_,
            [],
            {},
        ],
        ids=repr,
    )
    def test_what_is_none(self, first: Any, value: Any) -> None:
        """However it came into its dict, and wherever in it it is."""
        replaced = {**first, "x": 0.5}
        replaced["x"] = value
        updated = dict(first)
        updated.update(x=value)
        early, late, again = Object(), Object(), Object()
        rows = [vars(early), replaced, updated, {**first, "x": value}, dict.fromkeys([*first, "x"], value)]
        for thing in (early, late, again):
            for name, number in first.items():
                setattr(thing, name, number)
        again.x = 0.5  # type: ignore[attr-defined]
        rows.append(vars(again))
        for thing in (early, late, again):
            thing.x = value  # type: ignore[attr-defined]
        rows.append(vars(late))
        grown = Object()
        grown.x = 0.5  # type: ignore[attr-defined]
        rows.append(vars(grown))
        grown.x = value  # type: ignore[attr-defined]
        rows[-1].update({f"more {i}": 0.5 for i in range(40)})
        for row in rows:
            assert row["x"] is value
            assert not numbers_at_once(row)
            assert not numbers_at_once(dict(row))
            assert not numbers_at_once(row.copy())
            assert not numbers_at_once({"x": row["x"], **row, "y": 0.5})

    def test_other_types_are_not_added_up(self) -> None:
        """Where they are not new: numpy could warn."""
        half = np.float16(60_000)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(3):
                assert quick_row({f"half {i}": half for i in range(77)}, None)
                assert not is_ready({f"half {i}": half for i in range(77)}, 77)

    def test_after_another_row_as_large_numbers_are_expected_again(self) -> None:
        numbers = {f"number {i}": i / 2 for i in range(78)}
        for other in ("x", None, np.float32(1), [1], {"a": 1}):
            assert quick_row(numbers, None) == numbers
            assert is_ready(numbers, 78)
            assert not is_ready({**numbers, "number 7": other}, 78)
            assert not is_ready(numbers, 78)

    def test_places_that_are_remembered(self) -> None:
        """Are not all there ever were."""
        for number in range(3000):
            assert quick_row({f"name {number}": {"b": 1}}, None)
        assert len(_of_numbers) <= 1024


class TestAgain:
    def test_other_types_under_the_same_names(self) -> None:
        """Nothing is remembered of a name but that it is innocent."""
        for value in (0.1, np.float32(0.1), "x", math.nan, 1, None, {"c": 1}, np.array(0.1), 0.1):
            assert is_quick(value)
        assert not is_quick([1])
        assert is_quick(0.1)

    def test_the_row_is_a_copy(self) -> None:
        """What becomes of the program's own dicts afterwards, or on another thread, is nothing to it."""
        metrics = {"a": 1.0, "b": {"c": "x"}}
        row = quick_row(metrics, None)
        metrics["b"]["c"] = "y"  # type: ignore[index]
        assert row == {"a": 1.0, "b": {"c": "x"}}

    def test_it_changes_nothing(self) -> None:
        metrics = {"a": math.nan, "b": {"c": np.float32(1)}}
        quick_row(metrics, None)
        assert type(metrics["a"]) is float
        assert type(metrics["b"]["c"]) is np.float32  # type: ignore[index]

    def test_nested_in_itself(self) -> None:
        metrics: dict[str, Any] = {}
        metrics["a"] = metrics
        assert quick_row(metrics, None) is None

    @pytest.mark.parametrize("depth", [1, MAX_DEPTH, MAX_DEPTH + 1, 5000])
    def test_depth(self, depth: int) -> None:
        metrics: Any = {"a": 1}
        for _ in range(depth - 1):
            metrics = {"a": metrics}
        assert (quick_row(metrics, None) is None) is (depth > MAX_DEPTH)


class TestSecrets:
    @pytest.mark.parametrize(
        "metrics",
        [
            {"password": "x"},
            {"a": {"api_key": "x"}},
            {"api": {"key": "x"}},  # as `api.key` it is one
            {"token": "abcdefgh12345678"},
            {"url": "http://me:pass@host"},
            {"note": "AKIA" + "A1" * 8},
            {"mine": "x"},
            {"note": "here it is: " + "k" * 40},
        ],
    )
    def test_what_may_be_masked_needs_thought(self, metrics: Any) -> None:
        """Also where the same name was innocent before, or a number."""
        secrets = Secrets(lambda _name: None, names=["mine"])
        secrets.know("k" * 40)
        assert quick_row(metrics, secrets) is None
        assert quick_row({"note": "x", "key": "x", "url": "http://host/"}, secrets) is not None
        assert quick_row(metrics, secrets) is None
        assert secrets.count == 0

    def test_masking_switched_off(self) -> None:
        """Then only keys that are known are looked for."""
        secrets = Secrets(lambda _name: None, enabled=False)
        secrets.know("k" * 40)
        assert quick_row({"password": "x"}, secrets) == {"password": "x"}
        assert quick_row({"note": "k" * 40}, secrets) is None

    def test_many_names(self) -> None:
        """Those that are remembered are not all there ever were."""
        secrets = Secrets(lambda _name: None)
        for number in range(10_000):
            assert quick_row({f"name{number}": "x"}, secrets)
        assert len(secrets._innocent) <= 4096

    def test_a_key_that_becomes_known_later(self) -> None:
        """Also where the text with it was let pass before."""
        secrets = Secrets(lambda _name: None)
        row = {"note": "here it is: " + "k" * 40}
        assert quick_row(row, secrets) == row
        secrets.know("k" * 40)
        assert quick_row(row, secrets) is None

    def test_many_texts(self) -> None:
        """Those that are remembered are not all there ever were, and none is long."""
        secrets = Secrets(lambda _name: None)
        for number in range(3000):
            assert quick_row({"note": f"text {number}"}, secrets)
        assert quick_row({"note": "long " * 1000}, secrets)
        assert len(secrets._shapeless) <= 1024
        assert max(map(len, secrets._shapeless)) <= 256


@given(st.lists(scalars() | numbers32() | st.floats().map(np.float64), min_size=1, max_size=6), st.booleans())
def test_rows_of_one_type(values: Any, alike: Any) -> None:
    """How a type is read is looked up once for many values: the numbers are the same, also where types take turns."""
    if alike:
        with np.errstate(all="ignore"):
            values = [np.float32(np.ravel(value)[0]) for value in values]
    metrics = {str(place): value for place, value in enumerate(values)}
    row = quick_row(metrics, None)
    if row is not None:
        assert same(orjson.dumps(row, None, EXACT), dumps(plain(metrics)))
