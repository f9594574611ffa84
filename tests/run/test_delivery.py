"""What becomes of rows: the answers of each state, and how one becomes another."""

from __future__ import annotations

import pytest

from wandb_logging._run.delivery import Delivery


@pytest.mark.parametrize(
    ("delivery", "has_rounds", "sends", "is_meant_to_send"),
    [
        (Delivery.DISABLED, False, False, False),
        (Delivery.BY_PARENT, False, False, False),
        (Delivery.ON_DISK, True, False, False),
        (Delivery.ONCE, True, True, False),
        (Delivery.ONLINE, True, True, True),
        (Delivery.REFUSED, True, False, True),
    ],
)
def test_what_each_means(delivery: Delivery, has_rounds: bool, sends: bool, is_meant_to_send: bool) -> None:
    """All six, with nothing left out."""
    assert (delivery.has_rounds, delivery.sends, delivery.is_meant_to_send) == (has_rounds, sends, is_meant_to_send)


def test_once_is_once() -> None:
    """After a round that sent, rows are only written again."""
    assert Delivery.ON_DISK.once() is Delivery.ONCE
    assert Delivery.ONCE.after_sending() is Delivery.ON_DISK


def test_asking_by_hand_takes_back_a_refusal() -> None:
    """Somebody may have made the project meanwhile."""
    assert Delivery.REFUSED.once() is Delivery.ONLINE


def test_a_refusal_stops_what_would_be_refused_again() -> None:
    """And changes nothing where nothing was to be sent."""
    assert Delivery.ONLINE.after_sending(refused=True) is Delivery.REFUSED
    assert Delivery.ONLINE.after_sending() is Delivery.ONLINE
    assert Delivery.ON_DISK.after_sending(refused=True) is Delivery.ON_DISK
