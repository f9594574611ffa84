from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the benchmarks ask POSIX what processes have used")

from benchmarks import _page
from benchmarks.__main__ import SUBJECTS
from benchmarks._measure import Plot, Result
from benchmarks.guard import is_worse
from tests.patience import PATIENCE
from tests.started import printed_by

ROOT = Path(__file__).parent.parent
RECORDED = {
    "instructions floats, Python 3.11": 1.0,
    "instructions floats, Python 3.12": 2.0,
    "instructions mixed, Python 3.11": 5.0,
    "clock floats, Python 3.11": 8.0,
}


class TestTheBenchmarks:
    @pytest.mark.parametrize("subject", [name for name in SUBJECTS if name != "profile"])
    def test_each_subject_runs_and_has_figures(self, subject: str) -> None:
        """Of a size that measures nothing: that a change of the package breaks no benchmark is noticed here."""
        # What coverage measures holds a lock of its own at times, which a forked child would wait for.
        env = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"}
        said = printed_by("-m", "benchmarks", "--tiny", "--only", subject, cwd=ROOT, env=env)
        rows = said.partition(f"\n{subject}:")[2].splitlines()[1:]
        assert [row for row in rows if "  |  " in row], said

    def test_they_begin_in_any_folder(self, tmp_path: Path) -> None:
        """The processes that they start find this folder, too, wherever a person stands."""
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom benchmarks._sink import sink\n"
        code += "if __name__ == '__main__':\n    with sink() as target:\n        print(target.take_counts())\n"
        (tmp_path / "program.py").write_text(code)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "program.py"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        assert "'rows': 0" in done.stdout

    @pytest.mark.parametrize("subject", SUBJECTS)
    def test_each_subject_has_its_place_on_the_page(self, subject: str) -> None:
        """`--write` finds where to put what it found."""
        page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
        assert page.count(f"<!-- {subject}: written by `python -m benchmarks --write` -->") == 1
        assert page.count(f"<!-- end of {subject} -->") == 1


class TestThePage:
    def test_what_was_found_goes_between_its_marks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The subject's table and picture are replaced; the words around it and the other subjects stay."""
        pytest.importorskip("matplotlib")
        page = tmp_path / "performance.md"
        page.write_text(
            "before\n<!-- call: written by `python -m benchmarks --write` -->\nold\n<!-- end of call -->\nafter\n"
        )
        monkeypatch.setattr(_page, "PAGE", page)
        monkeypatch.setattr(_page, "PICTURES", tmp_path / "performance")
        found: list[Result | Plot] = [
            Result("a call", 0.5, 1.0),
            Plot("p", "P", "x", "y", {"a": ([1, 10], [2.0, 3.0])}, log="x"),
        ]
        _page.write("call", found, "here")
        text = page.read_text()
        assert text.startswith("before\n")
        assert text.endswith("<!-- end of call -->\nafter\n")
        assert "| a call | ≤ 1 x | 0.5 x | reached |  |" in text
        assert "old" not in text
        assert (tmp_path / "performance" / "p.svg").read_text().startswith("<?xml")

    @pytest.mark.parametrize(
        ("result", "mark"),
        [
            (Result("at most", 1.0, 1.0), "reached"),
            (Result("at most", 1.1, 1.0), "**missed**"),
            (Result("at least", 8.0, 8, at_least=True), "reached"),
            (Result("at least", 7.9, 8, at_least=True), "**missed**"),
            (Result("no goal", 7.9, None), ""),
        ],
    )
    def test_a_goal_is_reached_or_missed(self, result: Result, mark: str) -> None:
        """The table says which."""
        assert _page.cells(result)[3] == mark


class TestTheGuard:
    @pytest.mark.parametrize(
        ("ratio", "way", "worse"),
        [
            (1.25, "instructions floats, Python 3.11", False),
            (1.26, "instructions floats, Python 3.11", True),
            (
                2.4,
                "instructions floats, Python 3.99",
                False,
            ),  # not on record: the largest of its kind is what it may be
            (2.6, "instructions floats, Python 3.99", True),
            (9.9, "clock floats, Python 3.11", False),
        ],
    )
    def test_a_quarter_more_than_recorded_is_too_much(self, ratio: float, way: str, worse: bool) -> None:
        """Against the ratio of the same kind and Python; there is room for noise, not for a dearer call."""
        assert is_worse(ratio, RECORDED, way) is worse
