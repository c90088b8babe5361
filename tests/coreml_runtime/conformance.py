"""A pytest plug-in that runs coremltools' own tests with this runtime.

It is used as ``pytest -p tests.coreml_runtime.conformance --pyargs
coremltools.converters.mil.mil.ops.tests``, or with
``coremltools.converters.mil.frontend.torch.test.test_torch_ops`` for those of the torch front end;
the tests come from the installed wheel. On systems
other than macOS those tests convert programs but compare no values. With the runtime behind
``predict`` and their switch for macOS turned on, they compare.

The environment variable ``CONFORMANCE_SHARE`` is the share of the tests to run, 1 by default; the
same tests are selected every time.
"""

import hashlib
import importlib.util
import os
import re
from pathlib import Path
from typing import Any

# coremltools reads these once, at import. 16-bit programs, the default, are compared within 0.5
# only; 32-bit programs within 1e-4, so those are run too.
os.environ.setdefault("PYMIL_TEST_TARGETS", "mlprogram")
os.environ.setdefault("INCLUDE_MIL_FP32_UNIT_TESTS", "1")

import coremltools._deps
import numpy as np
import pytest
import torch

from coreml_runtime import coremltools_plugin
from coreml_runtime.coremltools_plugin import ModelProxy

KNOWN = Path(__file__).parents[2] / "docs" / "coreml_conformance.md"


class Counter:
    """Counts predictions, and the comparisons that use a value which the runtime computed."""

    def __init__(self) -> None:
        self.predictions = 0
        self.comparisons = 0
        self.least = 0.0
        self._made: dict[int, Any] = {}

    def watch_predictions(self) -> None:
        predict = ModelProxy.predict

        def watched(proxy: ModelProxy, *args: Any, **options: Any) -> dict[str, Any]:
            made = predict(proxy, *args, **options)
            self.predictions += 1
            for value in made.values():
                self._made[id(value)] = value  # keeping it alive keeps its id unique
            return made

        ModelProxy.predict = watched  # type: ignore[method-assign]

    @staticmethod
    def skip_neural_networks() -> None:
        """Skip tests that convert to a neural network although the environment says otherwise."""
        begin = ModelProxy.__init__

        def watched(proxy: ModelProxy, *args: Any) -> None:
            try:
                begin(proxy, *args)
            except RuntimeError as error:
                if "model of kind neuralNetwork" in str(error):
                    pytest.skip("a neural network, not an ML Program")
                raise

        ModelProxy.__init__ = watched  # type: ignore[method-assign]

    def watch_comparisons(self) -> None:
        compare = np.testing.assert_allclose

        def watched(
            actual: Any, desired: Any, rtol: float = 1e-7, atol: float = 0.0, **options: Any
        ) -> None:
            if id(actual) in self._made:
                rtol, atol = max(rtol, self.least), max(atol, self.least)
                self.comparisons += 1
            compare(actual, desired, rtol=rtol, atol=atol, **options)

        np.testing.assert_allclose = watched

    def begin(self, least: float) -> None:
        self._made.clear()
        self.least = least


COUNTER = Counter()


def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(1)
    coremltools._deps._IS_MACOS = True
    coremltools_plugin.install()
    COUNTER.skip_neural_networks()
    COUNTER.watch_predictions()
    COUNTER.watch_comparisons()


def own_name(item: pytest.Item) -> str:
    """Return the name of a test without the folder in which coremltools is installed."""
    return f"{item.path.parent.name}/{item.path.name}::{item.nodeid.partition('::')[2]}"


def is_sampled(name: str, share: float) -> bool:
    """Return whether a test is in the sample, which a hash of its name decides."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def expected_failures() -> dict[str, str]:
    """Return name patterns and reasons from the table in ``docs/coreml_conformance.md``."""
    rows = [line.split("|") for line in KNOWN.read_text(encoding="utf-8").splitlines()]
    cells = [[cell.strip() for cell in row] for row in rows if len(row) == 4]
    return {row[1].strip("`"): row[2] for row in cells if "::" in row[1]}


def matches(name: str, pattern: str) -> bool:
    """Return whether a name matches a pattern, in which ``…`` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), name, re.DOTALL) is not None


def lacks_torchvision(name: str) -> bool:
    """Return whether a test takes its expected values from torchvision, which is not installed."""
    needs = "test_torch_ops.py::TestNms::" in name
    return needs and importlib.util.find_spec("torchvision") is None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share = float(os.environ.get("CONFORMANCE_SHARE", "1"))
    kept = [item for item in items if is_sampled(own_name(item), share)]
    ids = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in ids])
    items[:] = kept
    known = expected_failures()
    for item in items:
        if lacks_torchvision(own_name(item)):
            item.add_marker(pytest.mark.skip(reason="torchvision is not installed"))
        for pattern, reason in known.items():
            if matches(own_name(item), pattern):
                item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


def in_half_precision(parameters: dict[str, Any]) -> bool:
    """Return whether a test of a 32-bit program has 16-bit values in it.

    coremltools does not run those at 32 bits by default. Its bound of 1e-4 is out of reach of
    16-bit values, so the bound here is 5e-3. (A recurrent network with 64 inputs over eight steps,
    each rounded to 16 bits, reached 3.3e-3.)
    """
    flat = str([value for name, value in parameters.items() if name != "backend"])
    return "float16" in flat or "fp16" in flat


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Seed random numbers with the name of the test, so that they do not depend on other tests."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    COUNTER.begin(5e-3 if in_half_precision(parameters) else 0.0)
    seed = int.from_bytes(hashlib.sha256(own_name(item).encode()).digest()[:4], "big")
    np.random.seed(seed)
    torch.manual_seed(seed)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(
        f"{COUNTER.predictions} predictions, {COUNTER.comparisons} comparisons of their values"
    )
