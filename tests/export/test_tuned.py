"""Tuned checkpoints exported: the artifact's weights are the tuned ones, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from distillation.stages.tunable_tensors import Tunable
from export.exporter import Request, export
from export.formats import Options
from quantization import (
    FLOAT16,
    LookUp,
    PackedTensor,
    QuantizedPipeline,
    Recipe,
    apply,
    open_quantized,
    write_quantized,
)
from quantization.schemes import pack
from tests.export.test_recipes import (
    NEW,
    check_coreml,
    check_onnx,
    coreml_weights,
    onnx_weights,
    recipe_file,
)
from tests.exports import Exports


@pytest.fixture(scope="module")
def tuned(exports: Exports, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that can be tuned is moved at random, by some per cent."""
    folder, checkpoint = tmp_path_factory.mktemp("tuned"), exports.checkpoint("avatar")
    recipe = Recipe.read(recipe_file(folder, NEW))
    quantized = apply(checkpoint, recipe)
    states = {}
    torch.manual_seed(0)
    for name in quantized.pipeline.names:
        tunable = Tunable(quantized.pipeline.component(name).module, quantized.packed(name))
        with torch.no_grad():
            for parameter in tunable.parameters():
                parameter += 0.03 * torch.randn(parameter.shape)
        states[name] = tunable.repacked()
    write_quantized(
        QuantizedPipeline(checkpoint, recipe, states.__getitem__), folder / "checkpoint"
    )
    return folder / "checkpoint"


def firsts(tensor: PackedTensor) -> np.ndarray:
    """A palette's packed indices, each the first one of its number in its table."""
    form = tensor.form
    assert isinstance(form, LookUp)
    first = [[int(np.flatnonzero(row == entry)[0]) for entry in row] for row in form.table]
    numbers = np.array(first, np.uint8).reshape(-1)[form.flat_indices()]
    return pack(numbers, form.bits)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format_", "options"),
    [("coreml", Options(target="ios18")), ("onnx", Options(ort="none"))],
)
def test_an_artifact_holds_the_tuned_weights(
    tuned: Path, tmp_path: Path, format_: str, options: Options
) -> None:
    export(Request(checkpoint=tuned, format=format_, out=tmp_path / "out", options=options))
    for name in ("identity_encoder", "denoiser", "decoder"):
        state = open_quantized(tuned).packed(name)
        packed = {key: t for key, t in state.items() if t.scheme != FLOAT16}
        if format_ == "coreml":
            found = coreml_weights(tmp_path / "out" / f"{name}.mlpackage")
            for key, tensor in packed.items():
                made = found[f"p_module_{key.replace('.', '_')}_cast_fp16"]
                if isinstance(tensor.form, LookUp):
                    # Of entries that have become equal the converter takes the first.
                    tensor = replace(tensor, arrays={**tensor.arrays, "indices": firsts(tensor)})
                check_coreml(tensor, made)
            continue
        file = tmp_path / "out" / f"{name}.onnx"
        stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(file).graph.initializer}
        values = onnx_weights(file)
        for key, tensor in packed.items():
            check_onnx(key, tensor, stored, values)
        bias = "layers.0.bias"
        if name == "decoder":
            np.testing.assert_array_equal(stored[bias], state[bias].dense())
