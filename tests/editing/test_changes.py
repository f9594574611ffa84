from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging import LogError
from wandb_logging._editing.changes import Drop, Editor, Rename


def edited(row: dict[str, Any], *, rename: list[str] | None = None, drop: list[str] | None = None) -> dict[str, Any]:
    return Editor([*map(Rename.of, rename or [])], [*map(Drop.of, drop or [])]).row({"_step": 5, **row})


class TestRename:
    @pytest.mark.parametrize(
        ("change", "row", "after"),
        [
            ("a=b", {"a": 1, "c": 2}, {"b": 1, "c": 2}),
            ("train/*=fit/*", {"train/loss": 1, "val/loss": 2}, {"fit/loss": 1, "val/loss": 2}),
            ("val.acc=acc", {"val": {"acc": 1, "n": 2}}, {"val": {"n": 2}, "acc": 1}),
            ("val.acc=acc", {"val": {"acc": 1}}, {"acc": 1}),
            ("acc=val.acc", {"acc": 1, "val": {"n": 2}}, {"val": {"n": 2, "acc": 1}}),
            ("val.*=eval.*", {"val": {"acc": 1, "n": 2}}, {"eval": {"acc": 1, "n": 2}}),
            ("a.b=c", {"a.b": 1}, {"c": 1}),
            ("a=b=c", {"a=b": 1}, {"c": 1}),
            ("*=x/*", {"a": 1, "b": {"c": 2}}, {"x/a": 1, "x/b": {"c": 2}}),
            (
                "img=sample",
                {"img": {"_type": "image-file", "path": "p"}},
                {"sample": {"_type": "image-file", "path": "p"}},
            ),
        ],
    )
    def test_names(self, change: str, row: dict[str, Any], after: dict[str, Any]) -> None:
        """One metric, all that begin alike, nested ones, media as a whole."""
        assert edited(row, rename=[change]) == after

    def test_two_at_once_may_change_places(self) -> None:
        """Changes go by the names before."""
        assert edited({"a": 1, "b": 2}, rename=["a=b", "b=a"]) == {"a": 2, "b": 1}

    def test_a_name_that_is_taken(self) -> None:
        """Two metrics of one row under one name would lose a value: that is refused."""
        with pytest.raises(LogError, match="step 5 has two metrics that would both be b"):
            edited({"a": 1, "b": 2}, rename=["a=b"])

    @pytest.mark.parametrize("wrong", ["", "a", "=b", "a=", "a*=b", "a=b*", "a*b=c", "a=_step", "a=_wandb"])
    def test_what_is_none(self, wrong: str) -> None:
        """Half a change, a star on one side, names that are W&B's own."""
        with pytest.raises(ValueError, match="not"):
            Rename.of(wrong)

    def test_definitions_and_summary_go_along(self) -> None:
        """What was said of a metric is said of its new name, globs too; a metric that is gone has none."""
        editor = Editor([Rename.of("train/*=fit/*"), Rename.of("epoch=ep")], [Drop.of("debug")])
        assert editor.rest({"define": {"name": "train/*", "step_metric": "epoch"}, "t": 1}) == {
            "define": {"name": "fit/*", "step_metric": "ep"},
            "t": 1,
        }
        assert editor.rest({"define": {"name": "debug"}, "t": 1}) == {}
        assert editor.rest({"summary": {"train/best": 1, "debug": 2}, "t": 1}) == {"summary": {"fit/best": 1}, "t": 1}


class TestDrop:
    @pytest.mark.parametrize(
        ("change", "left"),
        [
            ("a", {"b": 2, "c": {"d": 3}}),
            ("c.d", {"a": 1, "b": 2}),
            ("c.*", {"a": 1, "b": 2}),
            ("a@5", {"b": 2, "c": {"d": 3}}),
            ("a@5:5", {"b": 2, "c": {"d": 3}}),
            ("a@:5", {"b": 2, "c": {"d": 3}}),
            ("a@5:", {"b": 2, "c": {"d": 3}}),
            ("a@6:", {"a": 1, "b": 2, "c": {"d": 3}}),
            ("a@:4", {"a": 1, "b": 2, "c": {"d": 3}}),
            ("@:", {}),
            ("@4", {"a": 1, "b": 2, "c": {"d": 3}}),
        ],
    )
    def test_points(self, change: str, left: dict[str, Any]) -> None:
        """Of one metric or all, at a step or from one to another, both included."""
        assert edited({"a": 1, "b": 2, "c": {"d": 3}}, drop=[change]) == left

    def test_a_name_with_an_at(self) -> None:
        """What is behind an @ and no range belongs to the name: recall@k is one."""
        assert edited({"recall@k": 1, "b": 2}, drop=["recall@k"]) == {"b": 2}
        assert edited({"recall@10": 1, "b": 2}, drop=["recall@10@5"]) == {"b": 2}

    def test_the_wrong_way_round(self) -> None:
        """A range that ends before it begins is a slip."""
        with pytest.raises(ValueError, match="after the last"):
            Drop.of("a@9:3")

    def test_what_met_nothing_is_told(self) -> None:
        """A change with a misspelled name would make a copy that is no other."""
        editor = Editor([Rename.of("lss=loss"), Rename.of("a=z")], [Drop.of("b@99"), Drop.of("c")])
        editor.row({"_step": 1, "a": 1, "b": 2, "c": 3})
        assert editor.unused == [Rename.of("lss=loss"), Drop.of("b@99")]
        assert (editor.renamed, editor.dropped) == (1, 1)


NAMES = st.sampled_from(["a", "b", "c/d", "e"])


@given(st.dictionaries(NAMES, st.integers()), st.permutations(["a", "b", "c/d", "e"]))
def test_renaming_and_back(row: dict[str, int], order: list[str]) -> None:
    """Any change of names, and the same backwards, is the row that was."""
    names = ["a", "b", "c/d", "e"]
    there = [f"{old}={new}" for old, new in zip(names, order)]
    back = [f"{new}={old}" for old, new in zip(names, order)]
    assert edited({**edited(row, rename=there)}, rename=back) == row
