"""A `dataclass` decorator like the standard library's, but faster to apply.

With the standard library's decorator, a third of the time that importing this package takes would go into its classes:
it compiles up to six methods of each, and a program calls few of them. Here all classes share their methods. Only a
class of which many objects are made gets an `__init__` of its own, and one whose signature somebody asks for.
The other functions of `dataclasses`, such as `fields` and `replace`, accept these classes as dataclasses.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from functools import partial
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

_MANY = 100  # objects: what they take more without a compiled `__init__` is what it takes to compile one


class _Factory:
    """Stands in signatures for a default that a factory makes for each object. Shown as the standard library does."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()


def _dataclass(cls: type | None = None, *, frozen: bool = False, eq: bool = True, repr: bool = True) -> Any:  # noqa: A002
    if cls is None:
        return lambda cls: _dataclass(cls, frozen=frozen, eq=eq, repr=repr)
    _find_fields(cls)
    methods: dict[str, Any] = {"__init__": _Init(cls, frozen=frozen)}
    if repr:
        methods["__repr__"] = _repr
    if eq:
        methods.update(__eq__=_equals, __hash__=_hash if frozen else None)
    if frozen:
        methods.update(__setattr__=_no_assignment, __delattr__=_no_deletion)
    for name in methods.keys() - vars(cls).keys():
        setattr(cls, name, methods[name])
    return cls


def _find_fields(cls: Any) -> None:
    """Have the standard library find the fields of a class.

    Half of what it takes for that are two regular expressions for each annotation that is a text: they find a ClassVar
    and an InitVar. It is shown texts only where the first may be, and none of our classes has the second.
    """
    written: dict[str, str] = vars(cls).get("__annotations__", {})
    cls.__annotations__ = {name: kind if "ClassVar" in kind else object for name, kind in written.items()}
    dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
    cls.__annotations__ = written
    for field in fields(cls):
        field.type = written.get(field.name, field.type)


class _Init:
    """Stands in for the `__init__` of a class, until there are many objects of it: then one is compiled."""

    def __init__(self, cls: Any, *, frozen: bool) -> None:
        self._cls, self._frozen = cls, frozen
        self._asked = 0
        self._taken: tuple[str, ...] | None = None  # names of the arguments; None until the first object is made
        self._needed: set[str] = set()  # those without a default
        self._set: list[Field[Any]] = []  # the fields that `__init__` sets

    def __get__(self, of: object, _: type | None = None) -> Any:
        self._asked += 1
        if of is None or isinstance(of, type) or self._asked > _MANY:  # `inspect.signature` asks for the class's own
            return self._compile().__get__(of, self._cls)
        return partial(self._fill, of)

    def _compile(self) -> Any:
        """Put the compiled `__init__` into this one's place. Two threads may do so at once: the result is equal."""
        init = self._cls.__init__ = _compiled(self._cls, frozen=self._frozen)
        return init

    def _fill(self, of: Any, /, *given: Any, **named: Any) -> None:
        """Do for one object what the compiled `__init__` does."""
        taken = self._names() if self._taken is None else self._taken
        values = {**dict(zip(taken, given)), **named}
        if len(values) < len(given) + len(named) or not self._needed <= values.keys() <= {*taken}:
            self._compile()(of, *given, **named)  # says what is wrong
            return
        put = object.__setattr__ if self._frozen else setattr
        for field in self._set:
            if field.name in values:
                value = values[field.name]
            else:
                value = field.default if field.default_factory is MISSING else field.default_factory()
            put(of, field.name, value)
        if hasattr(of, "__post_init__"):
            of.__post_init__()

    def _names(self) -> tuple[str, ...]:
        known = fields(self._cls)
        self._set = [field for field in known if field.init or field.default_factory is not MISSING]
        self._needed = {field.name for field in known if field.init and _default(field) is MISSING}
        self._taken = tuple([field.name for field in known if field.init])
        return self._taken


def _compiled(cls: Any, *, frozen: bool) -> Any:
    """Compile the `__init__` that one would write by hand."""
    known = fields(cls)
    taken = [field for field in known if field.init]
    body = [_line(field, frozen=frozen) for field in known if field.init or _default(field) is _FACTORY]
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    names = ", ".join(["self", *(field.name for field in taken)])
    scope = {"_set": object.__setattr__, "_FACTORY": _FACTORY, "_fields": {field.name: field for field in known}}
    text = "\n ".join([f"def __init__({names}):", *(body or ["pass"])])
    # Compiled first: `exec` of a text makes CPython forget that a KeyboardInterrupt is on its way to end the program,
    # which then ends with 1, and not by SIGINT.
    exec(compile(text, "<string>", "exec"), scope)  # noqa: S102  our own names alone
    init: Any = scope["__init__"]
    init.__defaults__ = tuple(default for field in taken if (default := _default(field)) is not MISSING)
    init.__annotations__ = {**{field.name: field.type for field in taken}, "return": None}
    init.__module__, init.__qualname__ = cls.__module__, f"{cls.__qualname__}.__init__"
    return init


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else _FACTORY


def _line(field: Field[Any], *, frozen: bool) -> str:
    """The line of `__init__` that sets a field. A frozen class refuses a plain assignment, so it is set otherwise."""
    name = field.name
    value = f"_fields[{name!r}].default_factory()" if _default(field) is _FACTORY else name
    if value != name and field.init:
        value = f"{value} if {name} is _FACTORY else {name}"
    return f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}"


def _repr(self: Any) -> str:
    shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)
    return f"{type(self).__qualname__}({shown})"


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, field.name) for field in fields(self) if field.compare])


def _equals(self: Any, other: object) -> Any:
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _no_assignment(self: Any, name: str, value: object) -> None:
    if _is_fixed(self, name):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _no_deletion(self: Any, name: str) -> None:
    if _is_fixed(self, name):
        raise FrozenInstanceError(f"cannot delete field {name!r}")
    object.__delattr__(self, name)


def _is_fixed(of: Any, name: str) -> bool:
    """Whether an attribute is read-only. A plain subclass of a frozen dataclass may set attributes of its own."""
    return "__dataclass_fields__" in vars(type(of)) or any(field.name == name for field in fields(of))


if TYPE_CHECKING:  # type checkers know the standard library's decorator
    from dataclasses import dataclass
else:
    dataclass = _dataclass
