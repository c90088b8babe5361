"""Real packages for the tests: torch modules and MIL programs, converted by coremltools."""

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

# Every op is converted for each opset and at both precisions. Converting is what these tests
# spend their time on, so all six pairs are tried only where COREML_RUNTIME_PAIRS=all asks for it.
ALL_PAIRS = [(target, bits) for target in ("iOS16", "iOS17", "iOS18") for bits in ("fp32", "fp16")]
QUICK_PAIRS = [("iOS16", "fp16"), ("iOS17", "fp32"), ("iOS18", "fp16")]
CONFIGURATIONS = ALL_PAIRS if os.environ.get("COREML_RUNTIME_PAIRS") == "all" else QUICK_PAIRS


@pytest.fixture(params=CONFIGURATIONS, ids=["-".join(pair) for pair in CONFIGURATIONS])
def configuration(request: pytest.FixtureRequest) -> tuple[str, str]:
    """(deployment target, compute precision)."""
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
    """Signal to noise in dB of a value against its reference; inf where they are equal."""

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
    """A torch module (by way of torch.export) or a MIL program as a package on disk."""
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
                exported[id(model)] = (model, program)  # the module is kept, so its id stays its
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
    """Convert a module, run it here, and compare every output with what torch gives.

    fp32 has to reach 80 dB, fp16 ``fp16_db``: one rounding to fp16 costs about 70 dB, a short
    chain of them stays above 50.
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
    """Calls an implementation of the registry by MIL's names, as a plan would."""

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
        """The names of the parameters an op takes."""
        definition = find_op(name, opset)
        return set(definition.kinds) if definition else set()


@pytest.fixture(scope="session")
def run_op() -> RunOp:
    """Runs one op of the registry on tensors and Python values."""
    return RunOp()
