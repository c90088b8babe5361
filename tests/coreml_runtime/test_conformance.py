"""Runs a fixed sample of coremltools' own op tests; ``make conformance`` runs all of them."""

import os
import re
import subprocess
import sys
from pathlib import Path

SHARE = "0.002"
PACKAGE = "coremltools.converters.mil.mil.ops.tests"


def test_a_sample_of_coremltools_own_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "tests.coreml_runtime.conformance"]
    command += ["-o", "addopts=", "-p", "no:cacheprovider", "-W", "ignore", "-q", "--tb=short"]
    command += ["--show-capture=no", "--pyargs", PACKAGE]
    environment = os.environ | {"CONFORMANCE_SHARE": SHARE, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-6000:]
    counts = re.search(r"(\d+) predictions, (\d+) comparisons", result.stdout)
    assert counts is not None and min(map(int, counts.groups())) >= 15, result.stdout[-2000:]
