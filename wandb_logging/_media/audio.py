"""`Audio`: sound from a file or from samples."""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Sequence
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._journal.copies import Source
from wandb_logging._media.base import Media, Place, existing_file
from wandb_logging._values.arrays import as_numpy


class Audio(Media):
    """Sound.

    Args:
        data_or_path: a file, or samples: an array or list of one dimension, or of two with a column for each channel.
            Samples are floats from -1 to 1, or 16-bit integers. They need numpy and are written as 16-bit WAV.
        sample_rate: samples per second; required for samples.
        caption: text below the sound.

    Attributes:
        duration: length in seconds; None for a file, which is not examined.

    Raises:
        LogError: there is no such file, there is no sample rate, or the samples have another shape.
    """

    kind = "audio-file"
    folder = "audio"

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        self.sample_rate = sample_rate
        self.duration: float | None = None
        if isinstance(data_or_path, (str, os.PathLike)):
            file = existing_file(data_or_path)
            source: Source = file
            extension = file.suffix
        elif not isinstance(sample_rate, int) or sample_rate <= 0:
            raise LogError(f"sample_rate={sample_rate!r}: expected samples per second, a whole number")
        else:
            samples = _samples(data_or_path)
            source, extension = _wav(samples, sample_rate), ".wav"
            self.duration = len(samples) / sample_rate
        super().__init__(source, extension, caption)

    @classmethod
    def together(cls, items: Sequence[Any], key: str, place: Place) -> dict[str, Any]:
        """The JSON object of several sounds."""
        texts = ["" if item.caption is None else item.caption for item in items]
        return {
            "_type": "audio",
            "count": len(items),
            "audio": [item.json(key, place) for item in items],
            "sampleRates": [item.sample_rate for item in items],
            "durations": [item.duration for item in items],
            **({"captions": texts} if any(item.caption is not None for item in items) else {}),
        }


def _samples(samples: Any) -> Any:
    """Convert samples to 16-bit integers, with a column for each channel."""
    try:
        import numpy as np  # noqa: PLC0415  only if such a value comes
    except ImportError as exc:
        raise LogError("Audio from samples needs numpy: pip install wandb-logging[media]") from exc
    array = np.asarray(as_numpy(samples) if hasattr(samples, "shape") else samples)
    if array.ndim not in {1, 2} or array.dtype.kind not in "fi":
        raise LogError(f"Audio: expected samples of one or two dimensions, got shape {array.shape} of {array.dtype}")
    if array.dtype.kind == "f":
        # Convert to 32 bits and drop the lower half, as libsndfile does, which the official SDK uses.
        array = np.clip(np.floor(np.rint(array.astype(float) * 2**31) / 2**16), -(2**15), 2**15 - 1)
    elif array.dtype != np.int16:
        raise LogError(f"Audio: expected floats from -1 to 1 or 16-bit integers, got {array.dtype}")
    return array.astype("<i2")


def _wav(samples: Any, sample_rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes(samples.tobytes())
    return file.getvalue()
