"""What the room and its sub-rooms offer is written down here, so that a change of it is seen."""

from __future__ import annotations

from importlib import import_module

import pytest

NAMES = {
    "quantization": """
        BudgetError COREML_TARGETS FLOAT16 Form INT8 Int8Layers LayerScales LookUp MisfitError
        PackedError PackedState PackedTensor Plain QuantizationError QuantizedPipeline Recipe
        RecipeError Scaled Scheme SchemeError Target WeightError apply computing_in_int8
        is_quantized load open_quantized parse quantizable quantize require_available sizes
        write_quantized
    """,
    "quantization.fitting": "fp16_codes int4_blocks int8_channels palettize palettize_groups",
    "quantization.schemes": """
        ArrayLayout Arrays FLOAT16 Float16 Form INT8 Int4 Int8 LookUp PALETTE_BITS PackedState
        PackedTensor Palette Plain SCHEMES Scaled Scheme Shape candidates nearest pack parse
        quantize require_available unpack
    """,
    "quantization.activations": """
        CONVOLUTIONS Int8Layers LayerScales MagnitudeHistogram calibrate computing_in_int8 rounded
    """,
    "quantization.planning": """
        ActivationPlan ActivationPlanner LEAST_PSNR LEAST_SSIM PipelineRuns Plan PlanSettings
        Planner Quality QualityMeter
    """,
}


@pytest.mark.parametrize("name", NAMES)
def test_public_names(name: str) -> None:
    module = import_module(name)
    assert sorted(module.__all__) == sorted(NAMES[name].split())
    assert all(hasattr(module, public) for public in module.__all__)
