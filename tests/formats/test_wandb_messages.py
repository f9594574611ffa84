from __future__ import annotations

from datetime import datetime, timezone

from hypothesis import example, given, strategies as st

from wandb_logging._formats import protobuf
from wandb_logging._formats.wandb_messages import timestamp


@given(st.floats(0, 4e9))
@example(1794954350.8709195)
@example(1794494910.6478875)
def test_times_are_rounded_as_datetime_does(time: float) -> None:
    """A time that was rounded elsewhere, as in `wandb-metadata.json`, is the same one in a `.wandb` file."""
    parts = dict(protobuf.fields(timestamp(time)))
    seconds, nanos = (protobuf.signed(parts.get(number, 0)) for number in (1, 2))
    moment = datetime.fromtimestamp(time, timezone.utc)
    assert (seconds, nanos) == (int(moment.replace(microsecond=0).timestamp()), 1000 * moment.microsecond)
