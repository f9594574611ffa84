"""Promises of arrays and tensors of any package: they are what the same numbers in a numpy array are.

numpy is among the packages, so that it is always tried. The others are tried where they are installed: `nox -s arrays`
installs them.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from tests.started import printed
from wandb_logging import Audio, Histogram, Image, LogError, Object3D, Table, WandbHandler, new_run, read_run

np = pytest.importorskip("numpy")

# What these packages warn of when they are imported is theirs to mend.
pytestmark = pytest.mark.filterwarnings("ignore")

PIXELS = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


def _numpy(values: Any, dtype: str) -> Any:
    return np.array(values, dtype=dtype)


def _torch(values: Any, dtype: str) -> Any:
    torch = pytest.importorskip("torch")
    return torch.tensor(np.array(values).tolist(), dtype=getattr(torch, dtype))


def _jax(values: Any, dtype: str) -> Any:
    numpy = pytest.importorskip("jax.numpy")
    return numpy.array(values).astype(dtype)


def _tensorflow(values: Any, dtype: str) -> Any:
    tensorflow = pytest.importorskip("tensorflow")
    return tensorflow.cast(tensorflow.constant(np.array(values)), dtype)


def _variable(values: Any, dtype: str) -> Any:
    made = _tensorflow(values, dtype)
    return sys.modules["tensorflow"].Variable(made)


MAKES = {"numpy": _numpy, "torch": _torch, "jax": _jax, "tensorflow": _tensorflow, "tensorflow variable": _variable}
EXACT = [(name, dtype) for name in MAKES for dtype in ("float32", "float16", "int32", "uint8", "bool")]
BFLOAT = [(name, "bfloat16") for name in MAKES if name != "numpy"]  # numpy has none of its own


def marked(cases: list[Any]) -> list[Any]:
    """The cases that need another package than numpy, marked so."""
    names = [case if isinstance(case, str) else case[0] for case in cases]
    marks = [() if name == "numpy" else pytest.mark.arrays for name in names]
    return [pytest.param(*((case,) if isinstance(case, str) else case), marks=mark) for case, mark in zip(cases, marks)]


packages = pytest.mark.parametrize("package", marked(list(MAKES)))
types = pytest.mark.parametrize(("package", "dtype"), marked(EXACT + BFLOAT))


def logged(value: Any) -> Any:
    """What a value is in the row, in the config and in the summary set by hand."""
    with new_run("p", mode="offline", quiet=True, config={"x": value}) as run:
        run.log({"x": value})
        run.summary["y"] = value
        assert run.stats()["set_aside"] == 0
    assert run.dir is not None
    data = read_run(run.dir)
    in_config = json.dumps(data.rows[0]["x"]).replace("NaN", "null")  # a config holds none
    assert json.dumps(data.config["x"]) == in_config
    assert json.dumps(data.summary["y"]) == json.dumps(data.rows[0]["x"])
    return data.rows[0]["x"]


def same(value: Any, expected: Any) -> bool:
    """Whether both are the same JSON: NaN is NaN, and True is not 1."""
    return json.dumps(value) == json.dumps(expected)


class TestValues:
    @types
    @pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)], ids=str)
    def test_one_element_is_a_number(self, package: str, dtype: str, shape: Any) -> None:
        """Whatever its shape is."""
        value = {"bool": True}.get(dtype, 7 if "int" in dtype else 1.5)
        assert same(logged(MAKES[package](np.full(shape, value), dtype)), value)

    @types
    def test_few_are_a_list(self, package: str, dtype: str) -> None:
        """Up to 32 elements, nested as they are."""
        expected = np.arange(32).reshape(4, 8).astype("float32" if dtype == "bfloat16" else dtype)
        assert same(logged(MAKES[package](expected, dtype)), expected.tolist())

    @types
    def test_many_are_a_histogram(self, package: str, dtype: str) -> None:
        """The one that numpy makes of the same numbers."""
        values = np.arange(40).reshape(5, 8) % 7
        counts, edges = np.histogram((values != 0).astype("u1") if dtype == "bool" else values.astype("f4"), 32)
        shown = logged(MAKES[package](values, dtype))
        assert shown["_type"] == "histogram"
        assert shown["values"] == counts.tolist()
        assert shown["bins"] == pytest.approx(edges)

    @packages
    def test_what_is_not_finite(self, package: str) -> None:
        """It arrives as it is; a histogram leaves it out."""
        nan, inf = float("nan"), float("inf")
        assert same(logged(MAKES[package](nan, "float32")), nan)
        assert same(logged(MAKES[package]([inf, -inf], "float32")), [inf, -inf])
        assert sum(logged(MAKES[package]([nan, inf, *range(40)], "float32"))["values"]) == 40

    @packages
    def test_none_at_all(self, package: str) -> None:
        assert same(logged(MAKES[package](np.zeros((0,)), "float32")), [])

    @packages
    def test_within_other_values(self, package: str) -> None:
        """In mappings, lists and tuples, and as the step."""
        make = MAKES[package]
        log = logging.getLogger("arrays")
        handler = WandbHandler(project="p", mode="offline", quiet=True)
        log.addHandler(handler)
        metrics = {"a": {"b": [make(1.5, "float32"), (make([1, 2], "int32"),)]}}
        log.error("x", extra={"metrics": metrics, "step": make(3, "int32")})
        handler.close()
        assert handler.run.dir is not None
        (row,) = read_run(handler.run.dir).rows
        assert same((row["a"], row["_step"]), ({"b": [1.5, [[1, 2]]]}, 3))

    @pytest.mark.parametrize(("package", "change"), marked([("numpy", "fill"), ("torch", "fill_")]))
    def test_what_is_changed_later_stays_as_it_was(self, package: str, change: str) -> None:
        """A tensor that is changed in place after the call."""
        value = MAKES[package]([1.0, 2.0], "float32")
        with new_run("p", mode="offline", quiet=True) as run:
            run.log({"x": value})
            getattr(value, change)(0)
        assert run.dir is not None
        assert read_run(run.dir).rows[0]["x"] == [1.0, 2.0]


class TestMedia:
    def bytes_of(self, value: Any) -> bytes:
        content = value._source
        assert isinstance(content, bytes)
        return content

    @types
    def test_image(self, package: str, dtype: str) -> None:
        """The picture of the same pixels; channels come first in torch."""
        pytest.importorskip("PIL")
        pixels = PIXELS.astype("bool") if dtype == "bool" else PIXELS
        given = pixels.transpose(2, 0, 1) if package == "torch" else pixels
        assert self.bytes_of(Image(MAKES[package](given, dtype))) == self.bytes_of(Image(pixels))

    @types
    def test_grey_image(self, package: str, dtype: str) -> None:
        """Of two dimensions."""
        pytest.importorskip("PIL")
        pixels = PIXELS[..., 0].astype("bool") if dtype == "bool" else PIXELS[..., 0]
        assert self.bytes_of(Image(MAKES[package](pixels, dtype))) == self.bytes_of(Image(pixels))

    @packages
    def test_image_of_another_shape(self, package: str) -> None:
        pytest.importorskip("PIL")
        with pytest.raises(LogError, match="height x width"):
            Image(MAKES[package](np.zeros((5, 5, 5)), "float32"))

    @types
    def test_histogram(self, package: str, dtype: str) -> None:
        """Counts and edges are those of numpy."""
        values = np.arange(12) % (2 if dtype == "bool" else 5)
        made = Histogram(MAKES[package](values.reshape(3, 4), dtype), num_bins=4)
        counts, edges = np.histogram(values, 4)
        assert (made.histogram, made.bins) == (counts.tolist(), edges.tolist())

    @packages
    def test_sound_and_points(self, package: str) -> None:
        """Samples and points are those of a numpy array."""
        make = MAKES[package]
        samples, points = np.linspace(-1, 1, 16, dtype="f4"), np.arange(6, dtype="f4").reshape(2, 3)
        sound = Audio(make(samples, "float32"), sample_rate=8)
        assert self.bytes_of(sound) == self.bytes_of(Audio(samples, sample_rate=8))
        assert sound.duration == 2
        assert self.bytes_of(Object3D(make(points, "float32"))) == b"[[0.0,1.0,2.0],[3.0,4.0,5.0]]"

    @packages
    def test_table(self, package: str) -> None:
        """Rows, and cells, which stay whole however long they are."""
        make = MAKES[package]
        with new_run("p", mode="offline", quiet=True) as run:
            run.log({"rows": Table(columns=["a", "b"], data=make([[1, 2], [3, 4]], "int32"))})
            run.log({"cells": Table(columns=["a", "b"], data=[[make(1.5, "float32"), make(np.arange(40), "int32")]])})
        assert run.dir is not None
        rows, cells = (json.loads(file.read_bytes()) for file in kept(run.dir))
        assert rows["data"] == [[1, 2], [3, 4]]
        assert cells["data"] == [[1.5, list(range(40))]]


def kept(run_dir: Any) -> list[Any]:
    """The media files of a run, in the order of its rows."""
    shas = [value["sha256"] for row in read_run(run_dir).rows for value in row.values() if isinstance(value, dict)]
    return [next((run_dir / "files" / "media").glob(f"{sha}*")) for sha in shas]


@pytest.mark.arrays
class TestTorch:
    def test_out_of_the_graph(self) -> None:
        """A loss is logged as it is, with its gradient and all; so is a parameter."""
        torch = pytest.importorskip("torch")
        parameter = torch.nn.Parameter(torch.ones(2))
        assert logged((parameter * 2).sum()) == 4.0
        assert logged(parameter) == [1.0, 1.0]
        assert sum(logged(torch.ones(40, requires_grad=True))["values"]) == 40
        assert sum(Histogram(parameter).histogram) == 2

    def test_what_is_no_tensor(self) -> None:
        """Something else of the package is set aside; in the config it goes by its text."""
        torch = pytest.importorskip("torch")
        device = torch.device("cpu")
        with new_run("p", mode="offline", quiet=True, config={"device": device, "type": torch.float32}) as run:
            run.log({"a": 1, "device": device})
        assert run.dir is not None
        data = read_run(run.dir)
        assert data.config == {"device": "cpu", "type": "torch.float32"}
        assert "device" not in data.rows[0]
        assert data.rows[0]["a"] == 1


@pytest.mark.arrays
def test_text_of_tensorflow() -> None:
    """Its texts are bytes."""
    tensorflow = pytest.importorskip("tensorflow")
    assert logged(tensorflow.constant("ü")) == "ü"
    assert logged(tensorflow.constant(["a", "b"])) == ["a", "b"]


def test_none_of_them_is_imported() -> None:
    """Whoever does not use them does not wait for them."""
    code = """
        import sys, wandb_logging
        with wandb_logging.new_run("p", mode="offline", quiet=True, config={"a": 1}) as run:
            run.log({"loss": 1, "odd": float("nan"), "list": [1, (2,)], "set": {1}})
        print({"numpy", "torch", "jax", "jaxlib", "tensorflow"} & set(sys.modules))
    """
    assert printed(code).strip() == "set()"
