"""Recipes: what they say, that they survive a round trip, and how misfits are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from components import Component
from quantization.errors import MisfitError, QuantizationError, RecipeError, SchemeError
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16, INT8, Palette


def component(width: int = 8) -> Component:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(8, width, 3), nn.GroupNorm(2, width), nn.Linear(width, 4))
    return Component(name="net", module=module, inputs=(), outputs=())


def recipe(**values: Any) -> Recipe:
    text = json.dumps({"schema_version": 1, "pipeline": "P", **values})
    return Recipe.parse(text.encode())


def test_parse_inverts_dump_and_names_are_sorted() -> None:
    made = Recipe(
        pipeline="P",
        weights={
            "net.2.weight": (INT8, (4, 8)),
            "net.0.weight": (Palette(bits=3, group=4), (8, 8, 3, 3)),
        },
        patterns=(("*", Palette(bits=4)), ("net.*", FLOAT16)),
        activations={"net.2": INT8},
    )
    assert Recipe.parse(made.dump()) == made
    lines = made.dump().decode().splitlines()
    assert '    "net.0.weight": {"scheme": "palette-3/4", "shape": [8, 8, 3, 3]},' in lines
    assert lines.index('    ["*", "palette-4"],') + 1 == lines.index('    ["net.*", "float16"]')
    assert made.digest == Recipe.parse(made.dump()).digest


def test_names_come_before_patterns_and_the_first_that_fits_decides() -> None:
    made = recipe(
        weights={"net.2.weight": {"scheme": "int8", "shape": [4, 8]}},
        patterns=[["net.0.*", "int4/16"], ["net.*", "palette-2"], ["*", "palette-8"]],
    )
    # 8 input channels do not divide into blocks of 16: the next pattern decides.
    assert made.schemes(component()) == {"0.weight": Palette(bits=2), "2.weight": INT8}
    assert recipe().schemes(component()) == {"0.weight": FLOAT16, "2.weight": FLOAT16}


def test_it_survives_fine_tuning() -> None:
    made = recipe(weights={"net.0.weight": {"scheme": "palette-4", "shape": [8, 8, 3, 3]}})
    tuned = component()
    nn.init.normal_(tuned.module[0].weight)  # type: ignore[index]
    assert made.schemes(tuned) == made.schemes(component())


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ({"net.0.weight": ("int8", [9, 8, 3, 3])}, MisfitError, r"has shape \[8, 8, 3, 3\]"),
        ({"net.7.weight": ("int8", [8, 8])}, MisfitError, "net.7.weight is not there"),
        ({"net.1.weight": ("int8", [8])}, MisfitError, "no weight of a convolution"),
        ({"net.2.weight": ("int4/3", [4, 8])}, SchemeError, "8 input channels do not divide"),
        ({"net.2.weight": ("palette-4/3", [4, 8])}, SchemeError, "4 output channels"),
    ],
)
def test_what_does_not_fit_the_model_is_named(
    values: dict[str, tuple[str, list[int]]], error: type[Exception], says: str
) -> None:
    weights = {name: {"scheme": s, "shape": shape} for name, (s, shape) in values.items()}
    with pytest.raises(error, match=says):
        recipe(weights=weights).schemes(component())


def test_int8_layers_need_int8_weights() -> None:
    with pytest.raises(SchemeError, match="so its weight must be int8, not float16"):
        recipe(activations={"net.2": "int8"}).schemes(component())
    with pytest.raises(MisfitError, match=r"no layer net\.9"):
        recipe(activations={"net.9": "int8"}).schemes(component())
    with pytest.raises(SchemeError, match="activations can be int8, not palette-4"):
        recipe(activations={"net.2": "palette-4"})


def test_another_pipelines_recipe_is_refused() -> None:
    with pytest.raises(MisfitError, match="is for a P, the checkpoint is a Q"):
        recipe().require_pipeline("Q", ("net",))
    stray = recipe(weights={"other.weight": {"scheme": "int8", "shape": [1, 1]}})
    with pytest.raises(MisfitError, match=r"names other\.weight, but components are net"):
        stray.require_pipeline("P", ("net",))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"not json", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "version None"),
        (b'{"schema_version": 2}', "version 2, expected 1"),
        (b'{"schema_version": 1}', "malformed: 'pipeline'"),
        (b'{"schema_version": 1, "pipeline": "P", "bits": 4}', "unknown field 'bits'"),
        (b'{"schema_version": 1, "pipeline": "P", "weights": {"a": 1}}', "malformed"),
        (b'{"schema_version": 1, "pipeline": "P", "weights": []}', "malformed"),
        (b'{"schema_version": 1, "pipeline": "P", "patterns": [["*"]]}', "malformed"),
        (b'{"schema_version":1,"pipeline":"P","patterns":[["*","x"]]}', "no scheme is named 'x'"),
    ],
)
def test_a_broken_recipe_is_one_clear_line(data: bytes, says: str) -> None:
    with pytest.raises(QuantizationError, match=says) as caught:
        Recipe.parse(data)
    assert isinstance(caught.value, RecipeError | SchemeError)
    assert "\n" not in str(caught.value)
