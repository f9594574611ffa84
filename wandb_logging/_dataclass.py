"""A `dataclass` decorator like the standard library's, but faster to apply.

With the standard library's decorator, a third of the time that importing this package takes would go into its classes.

The standard library compiles up to six methods of each class when its module is imported, and a program calls few of
them. Here `__init__` is compiled when the first object of the class is made, and all classes share the other methods.
The other functions of `dataclasses`, such as `fields` and `replace`, accept these classes as dataclasses.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from typing import TYPE_CHECKING, Any

__all__ = ["compile_all", "dataclass"]


class _Factory:
    """Stands in signatures for a default that a factory makes for each object. Shown as the standard library does."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()


def _dataclass(cls: type | None = None, *, frozen: bool = False, eq: bool = True, repr: bool = True) -> Any:  # noqa: A002
    if cls is None:
        return lambda cls: _dataclass(cls, frozen=frozen, eq=eq, repr=repr)
    methods: dict[str, Any] = {"__init__": _Init(cls, frozen=frozen)}
    if repr:
        methods["__repr__"] = _repr
    if eq:
        methods.update(__eq__=_equals, __hash__=_hash if frozen else None)
    if frozen:
        methods.update(__setattr__=_no_assignment, __delattr__=_no_deletion)
    for name in methods.keys() - vars(cls).keys():
        setattr(cls, name, methods[name])
    return dataclasses.dataclass(init=False, repr=False, eq=False)(cls)


class _Init:
    """Stands in for `__init__` until its first call compiles it. Two threads may do so at once: the result is equal."""

    def __init__(self, cls: type, *, frozen: bool) -> None:
        self._cls, self._frozen = cls, frozen
        _made.append(self)

    def __get__(self, of: object, _: type | None = None) -> Any:
        init = self.compile()
        return init if of is None else init.__get__(of)

    def compile(self) -> Any:
        """Put the compiled `__init__` into this one's place."""
        init = _compiled(self._cls, frozen=self._frozen)
        self._cls.__init__ = init  # type: ignore[misc]  # from now on
        return init

    @property
    def is_needed(self) -> bool:
        """Whether the class still has this."""
        return vars(self._cls).get("__init__") is self


_made: list[_Init] = []  # since `compile_all`


def compile_all() -> None:
    """Compile now what else would be with the first object of each class, as in a program's first logging call."""
    waiting = [init for init in _made if init.is_needed]
    _made.clear()
    for init in waiting:
        init.compile()


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
