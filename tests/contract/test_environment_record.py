"""The environment in a `.wandb` file, beside the official SDK's own message and protobuf's own JSON of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from wandb_logging._formats import wandb_environment
from wandb_logging._formats.protobuf import BrokenMessage

pytestmark = pytest.mark.contract

internal = pytest.importorskip("wandb.proto.wandb_internal_pb2")
json_format = pytest.importorskip("google.protobuf.json_format")


@pytest.fixture
def full() -> Any:
    """A message of which each member is set, those of inner messages, too; lists and mappings have two entries."""
    return _filled(internal.EnvironmentRecord(), itertools.count(1_700_000_000))


def _filled(message: Any, numbers: itertools.count[int]) -> Any:
    for member in (each for each in message.DESCRIPTOR.fields if each.name[0] != "_"):  # else of the transport's
        value = getattr(message, member.name)
        if member.name == "started_at":
            value.FromJsonString("2026-11-29T01:02:03.004005Z")
        elif hasattr(value, "GetEntryClass"):
            for key in "ab":
                if member.message_type.fields_by_name["value"].message_type:
                    _filled(value[key], numbers)
                else:
                    value[key] = f"text {next(numbers)}"
        elif hasattr(value, "add"):
            _filled(value.add(), numbers), _filled(value.add(), numbers)
        elif hasattr(value, "extend"):
            value.extend([f"text {next(numbers)}", ""])
        elif member.message_type:
            _filled(value, numbers)
        else:
            setattr(message, member.name, f"text {next(numbers)}" if isinstance(value, str) else next(numbers))
    return message


class TestRead:
    def test_each_member_is_read_as_protobuf_has_it(self, full: Any) -> None:
        """What is read of a message is protobuf's own JSON of it, which the official SDK puts into the file."""
        assert wandb_environment.read(full.SerializeToString()) == json_format.MessageToDict(full)

    def test_what_is_no_message(self) -> None:
        """Bytes that are none are told as such."""
        with pytest.raises(BrokenMessage):
            wandb_environment.read(b"\x0a\xff")

    def test_members_of_later_versions(self) -> None:
        """Members that are not known do no harm."""
        assert wandb_environment.read(b"\xc0\x3e\x01" + wandb_environment.written({"os": "Linux"})) == {"os": "Linux"}


class TestWritten:
    def test_the_official_message_has_each_member(self, full: Any) -> None:
        """What is written of JSON is read by the official SDK's message, but for the start, which is written apart."""
        about = json_format.MessageToDict(full)
        found = internal.EnvironmentRecord.FromString(wandb_environment.written(about))
        del about["startedAt"]
        assert json_format.MessageToDict(found) == about

    @pytest.mark.parametrize(
        "about", [{"os": 3, "args": "x", "disk": [1], "memory": "much", "cpu_count": "2", "gpu_nvidia": [7]}, {}]
    )
    def test_what_has_another_form_is_left_out(self, about: dict[str, Any]) -> None:
        """A file that somebody has changed by hand makes no broken record."""
        assert wandb_environment.written(about) == b""
