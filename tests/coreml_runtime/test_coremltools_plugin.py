"""Tests that coremltools with the plug-in works as its documentation shows for a Mac."""

import asyncio
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import types

from coreml_runtime import coremltools_plugin

logging.getLogger("coremltools").setLevel(logging.ERROR)


@pytest.fixture(autouse=True)
def _plugin() -> Iterator[None]:
    coremltools_plugin.install()
    yield
    coremltools_plugin.uninstall()


WEIGHT = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)


def _layers():
    @mb.program(input_specs=[mb.TensorSpec(shape=(2, 4))], opset_version=ct.target.iOS17)
    def program(x):
        y = mb.linear(x=x, weight=WEIGHT, name="first")
        y = mb.relu(x=y, name="middle")
        return mb.linear(x=y, weight=WEIGHT.T.copy(), name="last")

    return program


def _counter():
    spec = {"shape": (3,), "dtype": types.fp16}

    @mb.program(
        input_specs=[mb.TensorSpec(**spec), mb.StateTensorSpec(**spec)],
        opset_version=ct.target.iOS18,
    )
    def program(x, total):
        new = mb.add(x=mb.read_state(input=total), y=x)
        return mb.coreml_update_state(state=total, value=new)

    return program


def _convert(program, target=ct.target.iOS17, precision=ct.precision.FLOAT32):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ct.convert(
            program, minimum_deployment_target=target, compute_precision=precision,
            compute_units=ct.ComputeUnit.CPU_ONLY,
        )  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("plugin") / "layers.mlpackage")
    _convert(_layers()).save(path)
    return path


X = np.random.default_rng(1).standard_normal((2, 4)).astype(np.float32)
Y = np.maximum(X @ WEIGHT.T, 0) @ WEIGHT


def test_predict(saved: str) -> None:
    model = ct.models.MLModel(saved)
    for x in (X, X.astype(np.float64), X.tolist(), torch.from_numpy(X)):
        (value,) = model.predict({"x": x}).values()
        assert value.dtype == np.float32 and np.allclose(value, Y, atol=1e-5)
    assert model.load_duration_in_nano_seconds > 0
    assert model.last_predict_duration_in_nano_seconds > 0


def test_batches(saved: str) -> None:
    results = ct.models.MLModel(saved).predict([{"x": X}, {"x": 2 * X}, {"x": -X}])
    for factor, result in zip((1, 2, -1), results, strict=True):
        want = np.maximum(factor * X @ WEIGHT.T, 0) @ WEIGHT
        assert np.allclose(result["last"], want, atol=1e-5)


def test_wrong_inputs_are_errors_as_on_a_mac(saved: str) -> None:
    model = ct.models.MLModel(saved)
    with pytest.raises(KeyError, match="does not match any of the model input name"):
        model.predict({"z": X})
    with pytest.raises(RuntimeError, match=r"float32 of shape \(2, 4\)"):
        model.predict({"x": X[:1]})


def test_a_spec_and_its_weights(saved: str) -> None:
    model = ct.models.MLModel(saved, skip_model_load=True)
    again = ct.models.MLModel(model.get_spec(), weights_dir=model.weights_dir)
    assert np.allclose(again.predict({"x": X})["last"], Y, atol=1e-5)


def test_states(tmp_path: Path) -> None:
    model = _convert(_counter(), ct.target.iOS18, ct.precision.FLOAT16)
    state = model.make_state()
    for turn in (1, 2):
        (value,) = model.predict({"x": np.ones(3)}, state).values()
        assert value.tolist() == [turn] * 3
    assert state.read_state("total").tolist() == [2] * 3
    state.write_state("total", np.full(3, 7, np.float16))
    (value,) = model.predict({"x": np.ones(3)}, state=state).values()
    assert value.tolist() == [8] * 3
    with pytest.raises(RuntimeError, match="no state 'sum'"):
        state.read_state("sum")
    with pytest.raises(RuntimeError, match="has states"):
        model.predict({"x": np.ones(3)})


def test_compiled_models_and_assets(saved: str, tmp_path: Path) -> None:
    compiled = ct.models.utils.compile_model(saved, str(tmp_path / "layers.mlmodelc"))
    assert np.allclose(ct.models.CompiledMLModel(compiled).predict({"x": X})["last"], Y, atol=1e-5)
    model = ct.models.MLModel(saved)
    path = model.get_compiled_model_path()
    asset = ct.models.model.MLModelAsset.from_path(path)
    assert np.allclose(
        ct.models.CompiledMLModel.from_asset(asset).predict({"x": X})["last"], Y, atol=1e-5
    )
    weights = next(Path(saved).rglob("weight.bin")).read_bytes()
    asset = ct.models.model.MLModelAsset.from_memory(
        next(Path(saved).rglob("*.mlmodel")).read_bytes(), {"weights/weight.bin": weights}
    )
    assert np.allclose(
        ct.models.CompiledMLModel.from_asset(asset).predict({"x": X})["last"], Y, atol=1e-5
    )


def test_bisect_model_checks_its_halves(saved: str, tmp_path: Path, caplog) -> None:
    ct.models.utils.bisect_model(
        saved, str(tmp_path), merge_chunks_to_pipeline=True, check_output_correctness=True
    )
    pipeline = ct.models.MLModel(str(tmp_path / "layers_chunked_pipeline.mlpackage"))
    assert np.allclose(pipeline.predict({"x": X})["last"], Y, atol=1e-5)


def test_calibration_sees_every_sample(saved: str) -> None:
    """Without the plug-in, coremltools 9.0 keeps the range of the last sample (its issue 2724)."""
    from coremltools.optimize.coreml.experimental import _post_training_quantization as quantization

    samples = [{"x": 3 * X}, {"x": -5 * X}, {"x": 0.1 * X}]
    model = ct.models.MLModel(saved)
    stats = quantization._get_activation_calibration_stats(model, samples)
    every = np.concatenate([sample["x"] for sample in samples])
    first = np.concatenate([sample["x"] @ WEIGHT.T for sample in samples])
    for name, values in {"x": every, "first": first, "middle": np.maximum(first, 0)}.items():
        assert stats[name]["rmin"] == pytest.approx(values.min(), abs=1e-4), name
        assert stats[name]["rmax"] == pytest.approx(values.max(), abs=1e-4), name


def test_activations_are_quantized_and_run(saved: str) -> None:
    model = ct.models.MLModel(saved)
    config = ct.optimize.coreml.OptimizationConfig(
        global_config=ct.optimize.coreml.experimental.OpActivationLinearQuantizerConfig(
            mode="linear_symmetric"
        )
    )
    small = ct.optimize.coreml.experimental.linear_quantize_activations(
        model, config, [{"x": X}, {"x": 0.01 * X}]
    )
    kinds = {op.op_type for op in small._mil_program.functions["main"].operations}
    assert {"quantize", "dequantize"} <= kinds
    (value,) = small.predict({"x": X}).values()
    assert 0 < np.abs(value - Y).max() < 0.05 * np.abs(Y).max()


def test_inspector(saved: str) -> None:
    from coremltools.models.ml_program.experimental.debugging_utils import MLModelInspector

    async def inspect() -> dict[str, np.ndarray]:
        inspector = MLModelInspector(ct.models.MLModel(saved))
        return {name: value async for name, value in inspector.inspect(inputs={"x": X})}

    values = asyncio.run(inspect())
    assert np.allclose(values["middle"], np.maximum(X @ WEIGHT.T, 0), atol=1e-5)


def test_validator_and_comparator(saved: str) -> None:
    from coremltools.models.ml_program.experimental.debugging_utils import (
        MLModelComparator,
        MLModelValidator,
    )

    model = ct.models.MLModel(saved)

    async def check() -> tuple[list[str], list[str]]:
        large = await MLModelValidator(model).find_failing_ops(
            {"x": X}, lambda op, value: bool(np.abs(value).max() < 1e-6)
        )
        other = ct.models.MLModel(saved)
        different = await MLModelComparator(model, other).find_failing_ops(
            {"x": X}, lambda op, one, two: bool(np.allclose(one, two))
        )
        return [op.type for op in large], [op.type for op in different]

    wrong, different = asyncio.run(check())
    assert wrong and not different


def test_a_neural_network_is_still_not_runnable() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        @mb.program(input_specs=[mb.TensorSpec(shape=(2,))], opset_version=ct.target.iOS14)
        def program(x):
            return mb.relu(x=x)

        model = ct.convert(program, convert_to="neuralnetwork")
    with pytest.raises(RuntimeError, match=r"cannot|no package|neuralNetwork"):
        model.predict({"x": np.ones(2)})


def test_uninstall_restores_coremltools(saved: str) -> None:
    import sys

    kept = ct.models.MLModel(saved)
    coremltools_plugin.install()  # the second call replaces nothing
    coremltools_plugin.uninstall()
    assert "coremltools.libcoremlpython" not in sys.modules
    assert not ct.models.utils._is_macos() or sys.platform == "darwin"
    assert np.allclose(kept.predict({"x": X})["last"], Y, atol=1e-5), "loaded models keep working"
    if sys.platform != "darwin":
        with pytest.raises(Exception, match="only supported on macOS"):
            ct.models.MLModel(saved).predict({"x": X})
