"""A PNG file made of pixels is the same picture to Pillow, and hardly larger than Pillow's own.

What has repetitions is left to Pillow.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging import Image, new_run
from wandb_logging._media.png import Way, png, way_of

np: Any = pytest.importorskip("numpy")
pillow: Any = pytest.importorskip("PIL.Image")
draw: Any = pytest.importorskip("PIL.ImageDraw")


def _noise(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(7).integers(0, 256, shape, dtype="u1")


def _photograph(height: int, width: int) -> Any:
    """Smooth, with the noise of a sensor."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([128 + 60 * np.sin(x / 23 + y / 40), 128 + 80 * np.cos(y / 31), (x + y) / 2 % 255], -1)
    return np.clip(smooth + np.random.default_rng(7).normal(0, 6, smooth.shape), 0, 255).astype("u1")


def _page(height: int, width: int) -> Any:
    """Lines of text, which come again and again."""
    page = pillow.new("RGB", (width, height), "white")
    for at in range(0, height, 11):
        draw.Draw(page).text((3, at), f"epoch {at} loss 0.25 accuracy 0.9 and so on", fill="black")
    return np.asarray(page)


def _by_pillow(pixels: Any) -> bytes:
    file = io.BytesIO()
    pillow.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def one_file(image: Image) -> bytes:
    """The bytes that are uploaded of an image."""
    with new_run("p", mode="offline", quiet=True) as run:
        run.log({"x": image})
    assert run.dir is not None
    (path,) = run.dir.rglob("*.png")
    return path.read_bytes()


def _shown(content: bytes) -> Any:
    with pillow.open(io.BytesIO(content)) as picture:
        picture.load()
        return np.asarray(picture)


_OURS = Way.PACKED, Way.STORED


@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.sampled_from([None, 3, 4]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.sampled_from(_OURS),
)
def test_the_same_picture(size: tuple[int, int], channels: int | None, even: bool, seed: int, way: Way) -> None:
    """Whatever its size, its channels, what it shows, and how it is packed."""
    shape = size if channels is None else (*size, channels)
    pixels = np.random.default_rng(seed).integers(0, 3 if even else 256, shape, dtype="u1")
    assert (_shown(png(pixels, way)) == pixels).all()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("way", _OURS)
def test_large_ones(turned: bool, way: Way) -> None:
    """One that is filtered in several parts, and one whose rows do not lie one behind the other in memory."""
    pixels = _photograph(700, 300)
    pixels = pixels.transpose(1, 0, 2) if turned else pixels
    assert (_shown(png(pixels, way)) == pixels).all()


@pytest.mark.parametrize(
    ("pixels", "way"),
    [
        (_noise((128, 128, 3)), Way.STORED),
        (_photograph(256, 256), Way.PACKED),
        (_photograph(256, 256)[..., 0], Way.PACKED),
        (np.concatenate([_photograph(128, 256), _noise((128, 256, 3))]), Way.PACKED),
    ],
)
def test_bytes(pixels: Any, way: Way) -> None:
    """Of photographs and noise hardly more than of Pillow. Noise, which that makes no smaller, is not packed."""
    assert way_of(pixels) is way
    assert len(png(pixels, way)) <= 1.02 * len(_by_pillow(pixels))
    assert (_shown(one_file(Image(pixels))) == pixels).all()


@pytest.mark.parametrize(
    "pixels",
    [
        _page(256, 256),
        np.concatenate([_photograph(128, 256), _page(128, 256)]),
        np.zeros((300, 300, 4), "u1"),
        np.tile(_noise((200, 50, 3)), (1, 5, 1)),
        _noise((40, 40, 3)),
    ],
)
def test_repetitions(pixels: Any) -> None:
    """Pages, also with a photograph, what is plain or tiled, and what is small are byte for byte as Pillow has them."""
    assert way_of(pixels) is Way.BY_PILLOW
    assert one_file(Image(pixels)) == _by_pillow(pixels)


@pytest.mark.parametrize(("mode", "expected"), [(None, "RGB"), ("RGB", "RGB"), ("L", "L"), ("P", "P")])
def test_mode(mode: str | None, expected: str) -> None:
    """An array is a picture of the mode that was asked for."""
    image = Image(_noise((128, 200, 3)), mode=mode)
    assert (image.image.mode, image.size, image.image.size) == (expected, (200, 128), (200, 128))
