"""Fixtures that convert torch modules and MIL programs to packages and compare their results."""

import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import coreml_runtime
from coreml_runtime.ops import find_op
from coreml_runtime.planning.argument_conversion import CONVERTERS
from export.coreml.aliases import drop_aliases

logging.getLogger("coremltools").setLevel(logging.ERROR)
ct = pytest.importorskip("coremltools")

Convert = Callable[..., Path]
Snr = Callable[[Any, Any], float]

# Ops differ between opsets and precisions. These tests spend most of their time converting, so all
# six pairs are tried only with COREML_RUNTIME_PAIRS=all.
ALL_PAIRS = [(target, bits) for target in ("iOS16", "iOS17", "iOS18") for bits in ("fp32", "fp16")]
QUICK_PAIRS = [("iOS16", "fp16"), ("iOS17", "fp32"), ("iOS18", "fp16")]
CONFIGURATIONS = ALL_PAIRS if os.environ.get("COREML_RUNTIME_PAIRS") == "all" else QUICK_PAIRS


@pytest.fixture(params=CONFIGURATIONS, ids=["-".join(pair) for pair in CONFIGURATIONS])
def configuration(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return (deployment target, compute precision)."""
    pair: tuple[str, str] = request.param
    return pair


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def snr() -> Snr:
    """Return a function that measures signal to noise in dB; inf where both are equal."""

    def measure(reference: Any, value: Any) -> float:
        want = torch.as_tensor(reference).detach().double()
        have = torch.as_tensor(value).detach().double()
        assert want.shape == have.shape, f"{tuple(have.shape)} instead of {tuple(want.shape)}"
        same = (want == have) | (want.isnan() & have.isnan())
        noise = torch.where(same, torch.zeros_like(want), want - have).square().sum()
        signal = torch.where(same & ~want.isfinite(), torch.zeros_like(want), want).square().sum()
        return float(10 * torch.log10(signal / noise)) if noise > 0 else float("inf")

    return measure


@pytest.fixture(scope="session")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Return a function that converts a torch module or a MIL program to a package on disk."""
    exported: dict[int, tuple[object, Any]] = {}

    def make(
        model: Any,
        args: tuple[torch.Tensor, ...] = (),
        target: str = "iOS16",
        precision: str = "fp32",
        **options: Any,
    ) -> Path:
        folder = tmp_path_factory.mktemp("package")
        if isinstance(model, torch.nn.Module):
            if id(model) not in exported:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    program = torch.export.export(model.eval(), args).run_decompositions({})
                    drop_aliases(program)  # coremltools 9.0 does not know the op
                exported[id(model)] = (model, program)  # keeping it alive keeps its id unique
            source = exported[id(model)][1]
        else:
            source = model
        precisions = {"fp32": ct.precision.FLOAT32, "fp16": ct.precision.FLOAT16}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = ct.convert(
                source,
                minimum_deployment_target=getattr(ct.target, target),
                compute_precision=precisions[precision],
                skip_model_load=True,
                **options,
            )
        path = folder / "model.mlpackage"
        shutil.copytree(made.package_path, path, copy_function=shutil.copyfile)
        return path

    return make


@pytest.fixture(scope="session")
def check_module(convert: Convert, snr: Snr) -> Callable[..., None]:
    """Return a function that converts a module, runs it, and compares its outputs with torch's.

    fp32 has to reach 80 dB, fp16 ``fp16_db``: one rounding to fp16 leaves about 70 dB, and a short
    chain of them stays above 50 dB.
    """

    def check(
        module: torch.nn.Module,
        args: Sequence[torch.Tensor],
        configuration: tuple[str, str],
        fp16_db: float = 50.0,
        **options: Any,
    ) -> coreml_runtime.CoreMLModel:
        target, precision = configuration
        path = convert(module, tuple(args), target, precision, **options)
        model = coreml_runtime.load(path)
        given = {feature.name: arg.numpy() for feature, arg in zip(model.inputs, args, strict=True)}
        with torch.no_grad():
            reference = module(*args)
        wanted = reference if isinstance(reference, tuple) else (reference,)
        results = model.predict(given)
        least = 80.0 if precision == "fp32" else fp16_db
        for feature, want in zip(model.outputs, wanted, strict=True):
            value = np.asarray(results[feature.name])
            reached = snr(want, value)
            assert reached >= least, f"{feature.name}: {reached:.1f} dB"
        return model

    return check


class RunOp:
    """Calls a function of the registry by the names of its parameters, as a plan does."""

    def __call__(self, name: str, opset: int = 8, **arguments: Any) -> Any:
        definition = find_op(name, opset)
        assert definition is not None, f"no op {name}"
        given = {key: self._bound(definition.kinds[key], arg) for key, arg in arguments.items()}
        assert definition.required <= given.keys()
        if definition.needs_device:
            given["device"] = torch.device("cpu")
        return definition.run(**given)

    @staticmethod
    def _bound(kind: Any, argument: Any) -> Any:
        return argument if kind not in CONVERTERS else CONVERTERS[kind](argument)

    @staticmethod
    def parameters(name: str, opset: int = 8) -> set[str]:
        """Return the names of the parameters that an op takes."""
        definition = find_op(name, opset)
        return set(definition.kinds) if definition else set()


@pytest.fixture(scope="session")
def run_op() -> RunOp:
    """Return a function that runs one op of the registry on tensors and Python values."""
    return RunOp()
