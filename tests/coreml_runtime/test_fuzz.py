"""Tries 500 mutants of packages in another process; ``make conformance`` tries 10,000."""

import subprocess
import sys


def test_mutants_run_or_are_refused() -> None:
    command = [sys.executable, "-m", "tests.coreml_runtime.fuzz", "--count", "500"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert result.returncode == 0, f"{result.stdout[-2000:]}\n{result.stderr[-4000:]}"
    assert "500 mutants:" in result.stdout
    refused = ("PackageError", "ProgramError", "WeightsError", "ran")
    assert all(kind in result.stdout for kind in refused), result.stdout
