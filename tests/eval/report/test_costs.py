from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from eval import Cost
from eval.report import costs
from eval.schema import RUN
from tests.eval.schema.test_report import REPORT


def test_a_line_for_each_component_and_one_for_a_set_beside_pytorch() -> None:
    component = Cost(
        artifact="a",
        runtime="onnx",
        component="decoder",
        load=0.125,
        cold=0.5,
        warm=(0.25, 0.3, 0.2),
        ratio=0.75,
        peak_bytes=None,
        file_bytes=2_500_000,
        gmac=3.5,
        moved_bytes=27_012_000,
    )
    of_set = replace(component, component=RUN, avatars=4, gmac=None, moved_bytes=None, file_bytes=0)
    shown = costs.table(replace(REPORT, costs=(component, of_set)))
    console = Console(file=(stream := io.StringIO()), width=150)
    console.print(shown)
    lines = stream.getvalue().splitlines()
    (first,) = (line for line in lines if "decoder" in line)
    (second,) = (line for line in lines if "set of 4" in line)
    for word in ("0.12", "0.500", "0.250", "0.75", "2.50 MB", "3.50", "27.01 MB"):
        assert word in first
    assert "0.12" not in second and "0.250" in second
