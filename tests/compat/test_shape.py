"""The modules of the official SDK: all can be imported, and what is not covered says so when it is used."""

from __future__ import annotations

import contextlib
import importlib
import operator
import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import wandb_logging.compat as wandb
from tests.server.test_pages import Book
from wandb_logging import WandbLoggingError
from wandb_logging.compat import _refused
from wandb_logging.compat._finder import homes_in, load
from wandb_logging.compat._listing import Counted, Listing
from wandb_logging.compat._names import refused_in
from wandb_logging.compat._refused import NotCovered
from wandb_logging.compat._shape import HOMES, MODULES
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator


def at_home(name: str) -> set[str]:
    """The names of a module that are covered; they may need a framework."""
    return set(homes_in(module(name).__name__))


def module(name: str) -> Any:
    return importlib.import_module(f"wandb_logging.compat.{name}")


def test_all_modules_can_be_imported() -> None:
    """With what is in them; what is in none of them is an ImportError, as programs that look for a version expect."""
    for name, names in refused_in().items():
        found = module(name)
        assert all(hasattr(found, each) for each in names - at_home(name)), name
    with pytest.raises(ImportError):
        module("sdk.nonsense")
    with pytest.raises(AttributeError):
        _ = module("sdk.lib").nonsense


def test_what_is_covered_is_where_the_table_says() -> None:
    """Each name has its home, but where a framework is not installed."""
    for homes in (*MODULES.values(), HOMES):
        for name, home in homes.items():
            with contextlib.suppress(ModuleNotFoundError):
                load(home, name)


def test_a_module_does_not_take_the_place_of_what_has_its_name() -> None:
    """`import wandb.plot.line` leaves the function `wandb.plot.line` where it is, and the module has it, too."""
    for name in MODULES:
        for child in MODULES[name].keys() & {each[len(name) + 1 :] for each in refused_in() if each.startswith(name)}:
            there = getattr(module(name), child)
            assert isinstance(module(f"{name}.{child}"), ModuleType)
            assert getattr(module(name), child) is there
    for chart in ("line", "bar", "scatter", "histogram", "pr_curve"):
        assert getattr(module(f"plot.{chart}"), chart) is getattr(wandb.plot, chart)


@pytest.mark.not_quick
def test_what_is_refused_says_its_whole_name() -> None:
    """Called or looked into: each of the listed names that has no home here, but errors, which can be caught."""
    with pytest.raises(NotCovered, match=r"wandb\.sdk\.launch\.launch is not covered"):
        module("sdk.launch").launch("uri")
    for place, name, found in placeholders():
        for use in (called, operator.attrgetter("anything")):
            with pytest.raises(NotCovered, match=re.escape(f"wandb.{place}.{name}")):
                use(found)


def called(found: Any) -> object:
    return found()


def placeholders() -> Iterator[tuple[str, str, Any]]:
    """What stands for the listed names that are refused: module, name, placeholder."""
    for place, listed in refused_in().items():
        for name in sorted(listed - at_home(place)):
            found = getattr(module(place), name)
            if isinstance(found, _refused._Refusing):
                yield place, name, found
            else:  # an error of theirs, a module of that name, or what lies in ours
                assert isinstance(found, ModuleType) or issubclass(found, Exception), (place, name)


def test_errors_that_never_come_can_be_caught() -> None:
    """As in `except wandb.errors.WandbCoreNotAvailableError`."""
    assert issubclass(module("errors").WandbCoreNotAvailableError, WandbLoggingError)


@pytest.mark.parametrize(
    ("name", "variable"),
    [("API_KEY", "WANDB_API_KEY"), ("DISABLE_SSL", "WANDB_INSECURE_DISABLE_SSL"), ("IGNORE", "WANDB_IGNORE_GLOBS")],
)
def test_names_of_environment_variables(name: str, variable: str) -> None:
    """What programs set and read through `wandb.env`."""
    assert getattr(module("env"), name) == variable


def test_a_listing_asks_for_what_is_wanted() -> None:
    """By number, in a loop, for its length; each page once; an item that is None is left out."""
    book = Book(5)
    listing: Listing[int] = Listing(book.pages(), lambda edge: edge["node"])
    assert (listing[1], book.asked, listing.cursor, listing.more) == (1, [0], "2", True)
    assert bool(listing)
    assert [next(listing), listing.next()] == [0, 1]
    assert (listing[:3], book.asked) == ([0, 1, 2], [0, 2])
    assert (list(listing), len(listing), listing[-1], listing[1:3]) == ([0, 1, 2, 3, 4], 5, 4, [1, 2])
    assert book.asked == [0, 2, 4]
    with pytest.raises(IndexError):
        _ = listing[5]
    assert list(Listing(book.pages(), lambda edge: edge["node"] if edge["node"] % 2 else None)) == [1, 3]


def test_a_counted_listing_asks_for_one_page_to_tell_its_length() -> None:
    book = Book(5)
    counted: Counted[int] = Counted(book.pages(), lambda edge: edge["node"])
    assert (len(counted), book.asked) == (5, [0])


def test_a_config_that_does_not_change() -> None:
    """As items and as attributes; who sets something in the copy is told where to."""
    with wandb.init(mode="offline", config={"lr": 0.1}) as run:
        static = run.config_static
        assert (static["lr"], static.lr, dict(static)) == (0.1, 0.1, {"lr": 0.1})
        with pytest.raises(AttributeError, match=r"run\.config"):
            static.lr = 1
        with pytest.raises(AttributeError, match="no 'nothing'"):
            _ = static.nothing


def test_texts_for_the_logs_tab(wandb_server: LocalServer) -> None:
    """A newline is added; after the end it is harmless."""
    with wandb.init(project="p", settings=wandb.Settings(console="off")) as run:
        run.write_logs("by hand")
    run.write_logs("too late")
    lines = wandb_server.run(run.id).output
    assert [line.partition(" ")[2] for line in lines if "by hand" in line or "late" in line] == ["by hand"]


def test_a_finished_run_says_that_it_is() -> None:
    """What would do nothing any more."""
    with wandb.init(mode="offline") as run:
        pass
    for use in (run.mark_preempting, run.status, run.log_code):
        with pytest.raises(wandb.UsageError, match="finished"):
            use()


def test_a_key_that_is_a_teams_name_can_be_asked_about() -> None:
    """What a question is about is not masked."""
    name = "team-" + "a1" * 15
    with LocalServer() as server, pytest.MonkeyPatch.context() as patch:
        server.entities.add(name)
        server.add_key(name)
        for variable, value in {"WANDB_API_KEY": name, "WANDB_BASE_URL": server.url}.items():
            patch.setenv(variable, value)
        with pytest.raises(ValueError, match="Could not find project p"):  # and not that its name is masked
            list(wandb.Api().runs(f"{name}/p"))
        asked = [request for request in server.requests if getattr(request, "operation", None) == "Runs"]
        assert asked
        assert asked[-1].json()["variables"]["entity"] == name
