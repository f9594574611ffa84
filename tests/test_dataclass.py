"""Our `dataclass` is the standard library's, whatever is asked of its classes; only that it compiles later."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
import threading
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given, strategies as st

from wandb_logging._dataclass import _MANY, dataclass as ours

if TYPE_CHECKING:
    from collections.abc import Callable

Decorator = Any


def family(dataclass: Decorator) -> dict[str, type]:
    """Classes of each kind, made by one decorator or the other."""

    @dataclass(frozen=True)
    class Point:
        """Has what fields can have."""

        x: int
        y: float = 2.5
        tags: list[str] = field(default_factory=list)
        secret: str = field(default="s", repr=False)
        note: str = field(default="", compare=False)
        kind: ClassVar[str] = "point"

    @dataclass(frozen=True)
    class Deep(Point):
        """Inherits fields, and gives one another default."""

        y: float = 3.5
        z: int = 7

    class Subclass(Point):
        """Is no dataclass itself."""

    @dataclass
    class Open:
        """Can be changed, checks itself, and has fields that nobody gives."""

        name: str
        count: int = field(default=3, init=False)
        seen: list[str] = field(default_factory=list, init=False)
        later: int = field(init=False)

        def __post_init__(self) -> None:
            if not self.name:
                raise ValueError("no name")
            self.later = len(self.name)

    @dataclass(frozen=True)
    class Empty:
        """Has nothing."""

    @dataclass(frozen=True, eq=False)
    class Itself:
        """Is equal to itself alone."""

        x: int = 0

    @dataclass(repr=False)
    class Own:
        """Has methods of its own."""

        x: int = 0

        def __repr__(self) -> str:
            return f"<{self.x}>"

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    return {cls.__name__: cls for cls in (Point, Deep, Subclass, Open, Empty, Itself, Own)}


THEIRS = family(dataclasses.dataclass)
NAMES = sorted(THEIRS)


def outcome(call: Callable[[], object]) -> object:
    """What a call gives, or how it fails."""
    try:
        return call()
    except Exception as exc:
        return type(exc), str(exc)


def state_of(cls: Any, given: list[Any], words: dict[str, Any]) -> object:
    """What is in an object made so."""
    return vars(cls(*given, **words))


VALUES = st.one_of(st.integers(-2, 2), st.text("ab", max_size=2), st.floats(allow_nan=True))
ARGUMENTS = st.lists(VALUES, max_size=4)
WORDS = st.dictionaries(st.sampled_from(["x", "y", "z", "tags", "secret", "note", "name", "count", "odd"]), VALUES)


@given(st.sampled_from(NAMES), ARGUMENTS, WORDS)
def test_it_takes_the_same_arguments(name: str, given: list[Any], words: dict[str, Any]) -> None:
    """By position and by name; what is missing, unknown or given twice fails in the same words."""
    mine, their = (outcome(partial(state_of, of[name], given, words)) for of in (family(ours), THEIRS))
    assert repr(mine) == repr(their)


def asked_of(cls: Any, one: list[int], two: list[int], question: Callable[[Any, Any, Any], object]) -> object:
    """What a class says of two of its objects."""
    return question(cls, cls(*one), cls(*two))


def made(cls: Any) -> Any:
    """An object of a class, with as little said as it takes."""
    needed = {"Open": ("n",), "Point": (1,), "Deep": (1,), "Subclass": (1,)}
    return cls(*needed.get(cls.__name__, ()))


@given(st.sampled_from(NAMES), *[st.lists(st.integers(0, 1), max_size=3)] * 2)
def test_equality_hash_and_repr_are_the_same(name: str, one: list[int], two: list[int]) -> None:
    """Also where the class says it has none, and against objects of other classes."""
    asked: list[Callable[[Any, Any, Any], object]] = [
        lambda _, a, b: a == b,
        lambda _, a, b: a != b,
        lambda _, a, b: hash(a) == hash(b),
        lambda cls, a, _: a == cls,
        lambda _, a, __: repr(a).replace(repr(id(a)), ""),
    ]
    for question in asked:
        answers = [outcome(partial(asked_of, of[name], one, two, question)) for of in (family(ours), THEIRS)]
        said = [str(answer).partition(" at 0x")[0] for answer in answers]
        assert said[0] == said[1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attribute", ["x", "name", "odd"])
def test_what_is_frozen_stays(name: str, attribute: str) -> None:
    """It can be neither changed nor added to nor taken from."""
    changes: list[Callable[[Any], object]] = [lambda of: setattr(of, attribute, 1), lambda of: delattr(of, attribute)]
    for change in changes:
        mine, their = made(family(ours)[name]), made(THEIRS[name])
        assert str(outcome(partial(change, mine))) == str(outcome(partial(change, their)))
        assert vars(mine) == vars(their)


@pytest.mark.parametrize("name", NAMES)
def test_dataclasses_takes_it_for_its_own(name: str) -> None:
    """`fields`, `asdict`, `replace` and `signature` say of it what they say of theirs."""
    mine, their = family(ours)[name], THEIRS[name]
    said = [
        (
            inspect.signature(cls),
            [(item.name, item.type, item.init, item.repr, item.compare) for item in dataclasses.fields(cls)],
            dataclasses.asdict(made(cls)),
            vars(dataclasses.replace(made(cls), **{"name": "m"} if name == "Open" else {})),
            getattr(cls, "__match_args__", None) if sys.version_info >= (3, 10) else None,
            inspect.getdoc(cls),
        )
        for cls in (mine, their)
    ]
    assert str(said[0]) == str(said[1])
    assert dataclasses.is_dataclass(mine)


def test_a_dataclass_of_theirs_can_inherit_from_it() -> None:
    """As a program may do with our public ones."""
    more = dataclasses.make_dataclass("More", [("b", int, 5)], bases=(family(ours)["Open"],))
    assert vars(more("n", 6)) == {"name": "n", "seen": [], "later": 1, "b": 6}


def test_each_object_has_a_list_of_its_own() -> None:
    """A factory is called for each."""
    point = family(ours)["Point"]
    one, two = point(1), point(1)
    one.tags.append("a")
    assert (one.tags, two.tags) == (["a"], [])


@ours(frozen=True)
class Kept:
    """Can be found by pickle."""

    x: int
    y: list[int] = field(default_factory=list)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda of: pickle.loads(pickle.dumps(of))])
def test_it_can_be_copied_and_pickled(again: Callable[[Kept], Kept]) -> None:
    """To an equal object."""
    assert again(Kept(1, [2])) == Kept(1, [2])


def make_one(cls: Any, together: threading.Barrier, found: list[object]) -> None:
    """At the same time as others."""
    together.wait()
    found.append(cls(1, z=2))


def test_threads_that_make_the_first_at_once_make_the_same() -> None:
    """None of them sees a class that is half done."""
    for _ in range(20):
        point: Any = family(ours)["Deep"]
        together = threading.Barrier(4)
        found: list[object] = []
        threads = [threading.Thread(target=make_one, args=(point, together, found)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [point(1, z=2)] * 4


def test_only_what_is_made_often_is_compiled() -> None:
    """That is what it is for: few objects never pay for it."""
    cls: Any = family(ours)["Point"]
    objects = []
    for _ in range(_MANY):
        assert not inspect.isfunction(vars(cls)["__init__"])
        objects.append(cls(1, secret="t"))
    objects.append(cls(1, secret="t"))
    assert inspect.isfunction(vars(cls)["__init__"])
    assert [vars(one) for one in objects] == [vars(THEIRS["Point"](1, secret="t"))] * (_MANY + 1)


def test_what_a_program_puts_in_its_place_stays() -> None:
    """Objects are made by that, however many there are."""
    cls: Any = family(ours)["Point"]
    cls(1)
    cls.__init__ = own = lambda self: None
    assert [vars(cls()) for _ in range(2 * _MANY)] == [{}] * 2 * _MANY
    assert vars(cls)["__init__"] is own


def test_a_subclass_may_call_it() -> None:
    """By `super`, as one that has an `__init__` of its own does."""

    class More(family(ours)["Open"]):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            super().__init__(name + "!")

    assert [vars(More("n")) for _ in range(_MANY + 2)] == [{"name": "n!", "seen": [], "later": 2}] * (_MANY + 2)
