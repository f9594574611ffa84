"""A list of what is alive."""

from __future__ import annotations

import gc

from hypothesis import given, strategies as st

from tests.started import printed
from wandb_logging._values.alive import Alive


class Thing:
    """Something that can be referred to weakly."""


@given(st.lists(st.tuples(st.sampled_from(["add", "discard", "forget"]), st.integers(0, 3)), max_size=20))
def test_it_holds_what_was_added_and_lives(steps: list[tuple[str, int]]) -> None:
    """In the order in which they were added: not what was discarded, nor what nobody else keeps."""
    alive: Alive[Thing] = Alive()
    kept: dict[int, Thing] = {}
    expected: list[int] = []
    for step, number in steps:
        if step == "add" and number not in kept:
            kept[number] = Thing()
            alive.add(kept[number])
            expected.append(number)
        elif step == "discard" and number in kept:
            alive.discard(kept[number])
            expected = [other for other in expected if other != number]
        elif step == "forget" and number in kept:
            del kept[number]
            gc.collect()
            expected = [other for other in expected if other != number]
        assert alive.all() == [kept[other] for other in expected]


def test_garbage_that_is_collected_while_it_is_looked_at() -> None:
    """Before Python 3.12 that may happen wherever an object is made: a copy of the list held what was freed."""
    said = printed("""
        import gc
        from wandb_logging._values.alive import Alive

        class Thing: pass

        alive, kept = Alive(), [Thing() for _ in range(50)]
        for one in kept:
            alive.add(one)
        gc.set_threshold(1)
        for _ in range(2000):
            one = Thing()
            one.itself = one
            alive.add(one)
            del one
            assert [reference() for reference in alive.references()][:50] == kept
        gc.collect()
        print(alive.all() == kept)
    """)
    assert said == "True\n"
