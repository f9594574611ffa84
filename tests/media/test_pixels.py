"""What an array of numbers is as a picture, and that a picture is found under the name of its metric."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from wandb_logging import Image, Video, new_run
from wandb_logging._events.media_names import safe_key
from wandb_logging._media.pixels import pixels
from wandb_logging.testing import LocalServer

np: Any = pytest.importorskip("numpy")


class TestPixels:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (np.array([0.0, 0.5, 1.0]), [0, 128, 255]),
            (np.array([0.0, 0.5, 1.0], "f2"), [0, 128, 255]),
            (np.array([-1.0, 0.0, 1.0]), [0, 128, 255]),
            (np.array([False, True]), [0, 255]),
            (np.array([0.0, 0.5, 1.0000001]), [0, 128, 255]),
            (np.array([-1e-9, 0.5, 1.0]), [0, 128, 255]),
            (np.array([-1.02, 0.0, 1.02]), [0, 128, 255]),
            (np.array([0.5, np.inf, -np.inf]), [128, 255, 0]),
            (np.array([np.inf]), [255]),
            (np.zeros((0, 3)), []),
            (np.array([0.0, 254.9, 255.0]), [0, 254, 255]),
            (np.array([-5.0, 300.0, 7.0]), [0, 255, 7]),
            (np.array([np.nan, 0.5]), [0, 128]),
            (np.array([np.nan, np.inf, -np.inf, 7.0]), [0, 255, 0, 7]),
            (np.array([0.0, 0.0]), [0, 0]),
            (np.array([0, 1, 255], "u1"), [0, 1, 255]),
        ],
    )
    def test_values(self, given: Any, expected: Any) -> None:
        """Floats of networks, 0 to 1 or -1 to 1 or a little over, are not black; those of cameras, 0 to 255, stay."""
        assert pixels(given).tolist() == expected

    def test_an_image_and_a_video_are_not_black(self) -> None:
        """Both are made of them."""
        pillow = pytest.importorskip("PIL.Image")
        run = new_run("p", mode="offline", quiet=True)
        run.log({"im": Image(np.linspace(0, 1, 64).reshape(8, 8)), "v": Video(np.ones((2, 3, 4, 4)))})
        run.finish()
        assert run.dir is not None
        pictures = [path for path in run.dir.rglob("*") if path.suffix in {".png", ".gif"}]
        assert len(pictures) == 2
        for path in pictures:
            assert pillow.open(io.BytesIO(path.read_bytes())).convert("L").getextrema()[1] > 250


class TestKeys:
    @given(st.text(st.characters() | st.sampled_from("/.\\\0")))
    @example("val//image")
    @example("test///x")
    @example("../../x")
    @example("caf\udce9")
    def test_a_name_is_a_path_below(self, key: str) -> None:
        """No part of a folder is empty, or leads out; all of it can be written."""
        *folders, last = safe_key(key).split("/")
        assert "" not in folders
        assert not {".", ".."} & {*folders, last}
        safe_key(key).encode()
        assert "\0" not in safe_key(key)

    def test_what_a_row_shows_is_there(self, wandb_server: LocalServer) -> None:
        """Under any key a program may make of prefix and name."""
        pytest.importorskip("PIL")
        keys = [
            "val//image",
            "test///x",
            "val/image/",
            "/a",
            "a?b#c%20d",
            "a b\\c",
            "caf\udce9",
            "x" * 200,
            "..",
            "a\nb",
        ]
        run = new_run("p")
        for number, key in enumerate(keys):
            run.log({key: Image(np.full((2, 2), number, "u1"))})
        run.finish()
        (there,) = wandb_server.runs
        shown = [value["path"] for row in there.history for value in row.values() if isinstance(value, dict)]
        assert len(shown) == len(keys)
        assert [path for path in shown if path not in there.files] == []
        assert wandb_server.violations == []
