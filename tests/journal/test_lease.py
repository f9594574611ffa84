from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from wandb_logging._journal import presence
from wandb_logging._journal.lease import SILENT, Life, Sign, apart, judge, length
from wandb_logging._journal.presence import Holder, age_of

ages = st.none() | st.floats(-1e9, 1e9)
signs = st.builds(
    Sign,
    locked=st.none() | st.booleans(),
    near=st.booleans(),
    ended=st.booleans(),
    lease=st.none() | st.floats(1, 1e4),
    age=ages,
)


class TestJudging:
    @given(signs)
    def test_what_cannot_be_known_is_never_gone(self, sign: Sign) -> None:
        """Gone is only who said so, whose lock would be seen and is free, or who is silent for longer than it said."""
        if judge(sign) is Life.GONE:
            assert not sign.locked
            said_so, lock_is_free = sign.ended, sign.near and sign.locked is False
            silent = sign.age is not None and sign.age > (sign.lease or SILENT)
            assert said_so or lock_is_free or silent

    @given(signs)
    def test_who_holds_a_lock_lives(self, sign: Sign) -> None:
        """However long it is silent: it may be frozen."""
        assert (judge(sign) is Life.LIVES) >= (sign.locked is True)

    @given(signs, st.floats(0, 1e6))
    def test_time_alone_brings_nobody_back(self, sign: Sign, later: float) -> None:
        """Who is gone stays so as long as nothing of it is seen."""
        if judge(sign) is Life.GONE and sign.age is not None:
            after = Sign(sign.locked, sign.near, sign.ended, sign.lease, sign.age + later)
            assert judge(after) is Life.GONE

    @pytest.mark.parametrize(
        ("sign", "life"),
        [
            (Sign(locked=False, near=True), Life.GONE),  # killed, on this host
            (Sign(locked=False, near=True, lease=60, age=1), Life.GONE),
            (Sign(locked=False, near=False, lease=60, age=59), Life.LIVES),  # on another, whose locks are not seen
            (Sign(locked=False, near=False, lease=60, age=61), Life.GONE),
            (Sign(locked=False, near=False, lease=60, age=-3600), Life.LIVES),
            (Sign(locked=False, near=False, lease=60), Life.UNKNOWN),  # the disk cannot be asked for the time
            (Sign(locked=False, near=False, age=3600), Life.UNKNOWN),  # a forked child: nobody renews for it
            (Sign(locked=False, near=False, age=SILENT + 1), Life.GONE),
            (Sign(locked=None, near=True), Life.UNKNOWN),  # no locks there, and a version that says no more
            (Sign(locked=None, near=True, lease=60, age=61), Life.GONE),
            (Sign(locked=True, near=False, lease=60, age=1e6), Life.LIVES),
        ],
    )
    def test_the_cases(self, sign: Sign, life: Life) -> None:
        """One by one."""
        assert judge(sign) is life

    @given(st.floats(1, 1e4), st.floats(0.1, 1e4))
    def test_it_outlasts_a_request_between_two_renewals(self, heartbeat: float, timeout: float) -> None:
        """The thread that renews may be in one request, and asleep for a heartbeat before."""
        assert length(heartbeat, timeout) - apart(length(heartbeat, timeout)) > heartbeat + timeout * 0.5


class TestWhoHoldsAFile:
    def test_what_is_said_is_read(self, tmp_path: Path) -> None:
        """As JSON, and back."""
        holder = Holder.here(tmp_path, 60.0)
        assert Holder.from_json(holder.to_json()) == holder
        assert holder.is_near(tmp_path)
        assert (holder.pid, holder.device) == (os.getpid(), tmp_path.stat().st_dev)

    @pytest.mark.parametrize("other", [{"host": "x"}, {"boot": "x"}, {"device": -5}])
    def test_its_locks_are_seen_here_only_of_this_host_start_and_mount(
        self, tmp_path: Path, other: dict[str, object]
    ) -> None:
        """A machine of the same name, the same machine before it was started anew, and another mount are elsewhere."""
        said = {**Holder.here(tmp_path, 60.0).to_json(), **other}
        assert not Holder.from_json(said).is_near(tmp_path)

    def test_a_version_before_said_its_host(self, tmp_path: Path) -> None:
        """Then that decides; of one that says nothing, the lock."""
        assert not Holder.from_json({"pid": 1, "host": "another"}).is_near(tmp_path)
        assert Holder.from_json({}).is_near(tmp_path)

    @given(st.dictionaries(st.sampled_from(["pid", "host", "boot", "device", "lease", "ended"]), st.none() | st.text()))
    def test_nonsense_is_nobody(self, said: dict[str, object]) -> None:
        """What is of the wrong form is left out."""
        texts = {name: said[name] or "" for name in ("host", "boot") if name in said}
        assert Holder.from_json(said) == Holder(**texts)  # type: ignore[arg-type]


class TestTheClockOfTheDisk:
    def test_it_is_not_ours(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An age is between two times that the disk noted, whatever this host takes for the time."""
        presence._clocks.clear()
        monkeypatch.setattr("time.time", lambda: 0.0)
        file = tmp_path / "file"
        file.touch()
        os.utime(file, (file.stat().st_mtime - 50, file.stat().st_mtime - 50))
        age = age_of(tmp_path, "file")
        assert age is not None
        assert 50 <= age < 50 + 60
        assert not list(tmp_path.glob("clock*"))

    def test_where_nothing_can_be_written_nobody_knows(self, tmp_path: Path) -> None:
        """Then there is no age."""
        presence._clocks.clear()
        assert age_of(tmp_path / "away", "file") is None
