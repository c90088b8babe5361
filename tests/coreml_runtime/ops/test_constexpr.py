"""Decompresses weights that coremltools compressed; its own decompression is the reference."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools.optimize.coreml as cto
import numpy as np
import pytest
import torch
from torch import nn

import coreml_runtime


class Small(nn.Module):
    """A convolution and a linear layer whose packed indices fill odd numbers of bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3)
        self.dense = nn.Linear(64, 24)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(torch.relu(self.conv(x)).flatten(1))


def _every(config: Any) -> Any:
    return cto.OptimizationConfig(global_config=config)


def _palettes(bits: int, **options: Any) -> Callable[[Any], Any]:
    config = cto.OpPalettizerConfig(mode="uniform", nbits=bits, weight_threshold=10, **options)
    return lambda model: cto.palettize_weights(model, _every(config))


def _linear(**options: Any) -> Callable[[Any], Any]:
    config = cto.OpLinearQuantizerConfig(weight_threshold=10, **options)
    return lambda model: cto.linear_quantize_weights(model, _every(config))


def _pruned(model: Any) -> Any:
    config = cto.OpThresholdPrunerConfig(threshold=0.09, weight_threshold=10)
    return cto.prune_weights(model, _every(config))


def _joint(then: Callable[..., Any], config: Any) -> Callable[[Any], Any]:
    return lambda model: then(_pruned(model), _every(config), joint_compression=True)


COMPRESSIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "palette 1 bit": ("iOS16", _palettes(1)),
    "palette 2 bits": ("iOS16", _palettes(2)),
    "palette 4 bits": ("iOS16", _palettes(4)),
    "palette 6 bits": ("iOS16", _palettes(6)),
    "palette 8 bits": ("iOS16", _palettes(8)),
    "linear int8": ("iOS16", _linear(mode="linear_symmetric", dtype="int8")),
    "linear uint8": ("iOS16", _linear(mode="linear", dtype="uint8")),
    "sparse": ("iOS16", _pruned),
    "palette 3 bits": ("iOS18", _palettes(3)),
    "palette 6 bits, iOS 18": ("iOS18", _palettes(6)),
    "palettes of groups": (
        "iOS18",
        _palettes(4, granularity="per_grouped_channel", group_size=4),
    ),
    "scaled palettes": ("iOS18", _palettes(4, enable_per_channel_scale=True)),
    "int4 in blocks": (
        "iOS18",
        _linear(mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=8),
    ),
    "uint4 with offset": ("iOS18", _linear(mode="linear", dtype="uint4")),
    "sparse, iOS 18": ("iOS18", _pruned),
    "sparse palette": (
        "iOS18",
        _joint(
            cto.palettize_weights,
            cto.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=10),
        ),
    ),
    "sparse int8": (
        "iOS18",
        _joint(
            cto.linear_quantize_weights,
            cto.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=10),
        ),
    ),
}


@pytest.fixture(scope="module")
def dense(convert) -> dict[str, Any]:
    torch.manual_seed(0)
    module, x = Small(), (torch.randn(1, 8, 4, 4),)
    targets = ("iOS16", "iOS18")
    return {t: ct.models.MLModel(str(convert(module, x, t, "fp16"))) for t in targets}


def _save(model: Any, path: Path) -> Path:
    model.save(str(path))
    return path


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_decompression_is_coremltools_own(dense: dict[str, Any], tmp_path: Path, name: str) -> None:
    target, compress = COMPRESSIONS[name]
    compressed = compress(dense[target])
    ours = coreml_runtime.load(_save(compressed, tmp_path / "compressed.mlpackage"))
    plain = _save(cto.decompress_weights(compressed), tmp_path / "plain.mlpackage")
    reference = coreml_runtime.load(plain)
    spec = str(compressed.get_spec().mlProgram)
    assert "constexpr_" in spec and "constexpr_" not in str(reference)
    x = {"x": np.random.default_rng(0).normal(size=(1, 8, 4, 4)).astype(np.float32)}
    (want,), (value,) = reference.predict(x).values(), ours.predict(x).values()
    assert np.isfinite(value).all() and np.abs(value).max() > 0
    # coremltools multiplies in fp16; here it is fp32, then rounded. They differ by one unit in the
    # last place.
    assert np.allclose(value, want, rtol=2e-3, atol=2e-3 * np.abs(want).max())


def test_palette_of_vectors_follows_the_documentation(run_op) -> None:
    """The examples are cases 2.1 and 2.2 of ``constexpr_lut_to_dense`` in the iOS 18 opset."""
    indices = torch.tensor([[[0, 0], [1, 0]], [[1, 1], [0, 0]]], dtype=torch.uint8)
    lut = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape(1, 1, 1, 2, 3)
    rows = run_op("constexpr_lut_to_dense", indices=indices, lut=lut, vector_axis=1)
    assert rows[0].tolist() == [[1, 1], [2, 2], [3, 3], [4, 1], [5, 2], [6, 3]]
    columns = run_op("constexpr_lut_to_dense", indices=indices, lut=lut, vector_axis=2)
    assert columns[0].tolist() == [[1, 2, 3, 1, 2, 3], [4, 5, 6, 1, 2, 3]]


def test_palettes_of_groups_follow_the_documentation(run_op) -> None:
    """The example is case 1 of the same op: two palettes over the rows."""
    indices = torch.tensor([[2, 3], [3, 0], [1, 0], [3, 0], [2, 1], [0, 3]], dtype=torch.uint8)
    lut = torch.tensor([1.0, 5.0, 9.0, 13.0, 2.0, 10.0, 18.0, 26.0]).reshape(2, 1, 4, 1)
    value = run_op("constexpr_lut_to_dense", indices=indices, lut=lut)
    assert value.tolist() == [[9, 13], [13, 1], [5, 1], [26, 2], [18, 10], [2, 26]]


def test_affine_along_an_axis(run_op) -> None:
    data = torch.tensor([[1, 2], [3, 4]], dtype=torch.int8)
    value = run_op(
        "constexpr_affine_dequantize", quantized_data=data, zero_point=torch.tensor([1, -1]),
        scale=torch.tensor([0.5, 2.0]), axis=0,
    )  # fmt: skip
    assert value.tolist() == [[0.0, 0.5], [8.0, 10.0]]


def test_wrong_sizes_are_refused(run_op) -> None:
    lut = torch.zeros(4)
    with pytest.raises(ValueError, match="bytes of indices"):
        run_op(
            "constexpr_lut_to_dense", opset=6, indices=torch.zeros(3, dtype=torch.uint8), lut=lut,
            shape=(5,),
        )  # fmt: skip
    with pytest.raises(ValueError, match="set bits"):
        run_op(
            "constexpr_sparse_to_dense", nonzero_data=torch.ones(3),
            mask=torch.tensor([1, 0, 1], dtype=torch.uint8),
        )  # fmt: skip
