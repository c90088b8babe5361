"""The registry against coremltools' own: names, parameters and what is required."""

import pytest
from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

from coreml_runtime.ops import find_op, registered_ops

# What this room does not run yet. An op that is added has to be taken off this list.
NOT_YET = {
    "affine", "classify", "cond", "conv_quantized", "crop_resize", "dequantize", "gru",
    "list_gather", "list_length", "list_read", "list_scatter", "list_write", "lstm", "make_list",
    "non_maximum_suppression", "quantize", "random_bernoulli", "random_categorical",
    "random_normal", "random_uniform", "read_state", "resample", "rnn", "while_loop",
}  # fmt: skip
# Constants are the plan's business; symbolic ones never reach a package.
NOT_OPS = {"const", "_const_symbolic"}
OPSETS = {6: 5, 7: 6, 8: 7, 9: 8}  # specification version to the number in CoreML5 … CoreML8


def test_every_op_of_coremltools_is_here_or_on_the_list() -> None:
    assert registered_ops() == set(SSAOpRegistry.core_ops) - NOT_YET - NOT_OPS


@pytest.mark.parametrize("name", sorted(registered_ops()))
def test_parameters_are_those_of_every_opset(name: str) -> None:
    for target, op in SSAOpRegistry.core_ops[name].items():
        opset = OPSETS.get(int(getattr(target, "value", target)))
        if opset is None:
            continue
        definition = find_op(name, opset)
        assert definition is not None, f"{name} is missing in opset {opset}"
        declared = op.input_spec.input_types
        assert set(declared) <= set(definition.kinds)
        required = {key for key, kind in declared.items() if not kind.optional}
        assert definition.required == required


def test_an_op_is_unknown_before_its_opset() -> None:
    assert find_op("scaled_dot_product_attention", 7) is None
    assert find_op("scaled_dot_product_attention", 8) is not None
    assert find_op("no_such_op", 9) is None
