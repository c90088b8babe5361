"""Tests what ``python -m coreml_runtime`` prints, and that errors are one line with exit code 2."""

import shutil
import subprocess
import sys
from pathlib import Path

import coremltools as ct
import numpy as np
import pytest

from coreml_runtime.inspection import Difference, signal_to_noise, summarize
from tests.coreml_runtime import seed_packages


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    return {path.stem: path for path in seed_packages.build(folder)}


def _call(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coreml_runtime", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_summary_by_hand(packages: dict[str, Path]) -> None:
    (network,) = summarize(packages["network"])
    assert network.ios == "16" and network.name == "main"
    assert network.ops["conv"] == network.ops["linear"] == 1
    # conv 4·2·3·3, linear 10·64 with its bias of 10; smaller constants are arguments.
    assert network.parameters == 72 + 640 + 10 and network.bits_per_weight == 16
    assert network.macs == 4 * 8 * 8 * 2 * 9 + 64 * 10 and network.uncounted == 0
    (compressed,) = summarize(packages["compressed"])
    assert compressed.parameters == 8 * 16 + 8 * 8
    stored = 8 * 16 * 4 + 2 * 16 * 32 + 8 * 8 * 8 + 8 * 2 * 32 + 8 * 2 * 8
    assert compressed.stored_bits == stored
    (stateful,) = summarize(packages["stateful"])
    assert [feature.name for feature in stateful.states] == ["cache"]


def test_inspect(packages: dict[str, Path]) -> None:
    result = _call("inspect", packages["network"])
    assert result.returncode == 0, result.stderr
    assert "function main: opset CoreML6, iOS 16 and newer" in result.stdout
    assert "input   x: float" in result.stdout and "16.00 bits per weight" in result.stdout


def test_run_with_and_without_an_input_file(packages: dict[str, Path], tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((1, 2, 8, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    result = _call(
        "run", packages["network"], "--input", f"x={tmp_path / 'x.npy'}", "--out", tmp_path / "o"
    )
    assert result.returncode == 0 and "float" in result.stdout, result.stderr
    (saved,) = (tmp_path / "o").glob("*.npy")
    assert np.load(saved).sum() == pytest.approx(1, abs=0.01)  # a softmax
    result = _call("run", packages["stateful"])
    assert result.returncode == 0 and "random: x" in result.stderr


def test_compare_finds_where_it_goes_wrong(packages: dict[str, Path], tmp_path: Path) -> None:
    worse = Path(shutil.copytree(packages["network"], tmp_path / "worse.mlpackage"))
    weights = next(worse.rglob("weight.bin"))
    linear = np.random.default_rng(0).standard_normal((10, 64)).astype(np.float16).tobytes()
    content = weights.read_bytes()
    assert linear in content
    weights.write_bytes(
        content.replace(linear, linear[: len(linear) // 2] + bytes(len(linear) // 2))
    )
    result = _call("compare", packages["network"], worse)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "below 40 dB; the first" in lines[-1] and "┼" in lines[-1]
    assert float(lines[0].split()[0]) < 40 and "inf dB" in lines[-2]
    same = _call("compare", packages["network"], packages["network"])
    assert "values reach 40 dB" in same.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "nowhere.mlpackage"], "no package folder"),
        (["run", "{network}", "--input", "y=z.npy"], "NAME=FILE with NAME of: x"),
        (["run", "{network}", "--input", "x=nowhere.npy"], "not a readable .npy file"),
        (["run", "{network}", "--function", "other"], "no function 'other'"),
        (["compare", "{network}", "{stateful}"], "expects float"),
    ],
)
def test_errors_are_one_line(packages: dict[str, Path], arguments, message: str) -> None:
    result = _call(*(argument.format(**packages) for argument in arguments))
    assert result.returncode == 2 and message in result.stderr
    assert "Traceback" not in result.stderr


def test_snr_by_hand() -> None:
    import torch

    want = torch.tensor([3.0, 4.0])
    assert signal_to_noise(want, want + torch.tensor([0.05, 0.0])) == pytest.approx(40, abs=0.01)
    assert signal_to_noise(want, want) == float("inf") and np.isnan(signal_to_noise(want, want[:1]))
    assert signal_to_noise(want, torch.tensor([3.0, float("nan")])) == float("-inf")
    assert Difference(name="x", index=0, snr=1.0).name == "x"


def test_old_neural_networks_are_refused_in_one_line(tmp_path: Path) -> None:
    spec = ct.proto.Model_pb2.Model()
    spec.neuralNetwork.SetInParent()
    saved = ct.models.utils._create_mlpackage(spec, None)
    path = tmp_path / "old.mlpackage"
    shutil.copytree(saved, path, copy_function=shutil.copyfile)
    result = _call("run", path)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].endswith("of kind neuralNetwork, not an ML Program")
