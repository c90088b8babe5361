"""Runs fixed samples of coremltools' own tests; ``make conformance`` runs all of them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

# Each suite, the share of it that takes about a minute, and the least number of predictions and of
# comparisons with them in that share.
SUITES = [
    ("coremltools.converters.mil.mil.ops.tests", "0.002", 15),
    ("coremltools.converters.mil.frontend.torch.test.test_torch_ops", "0.005", 60),
]


@pytest.mark.parametrize(("suite", "share", "least"), SUITES, ids=["ops", "torch front end"])
def test_a_sample_of_coremltools_own_tests(suite: str, share: str, least: int) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "tests.coreml_runtime.conformance"]
    command += ["-o", "addopts=", "-p", "no:cacheprovider", "-W", "ignore", "-q", "--tb=short"]
    command += ["--show-capture=no", "--pyargs", suite]
    environment = os.environ | {"CONFORMANCE_SHARE": share, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-6000:]
    counts = re.search(r"(\d+) predictions, (\d+) comparisons", result.stdout)
    assert counts is not None and min(map(int, counts.groups())) >= least, result.stdout[-2000:]
