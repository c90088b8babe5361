"""Compares the registry with that of coremltools: names, parameters, required parameters."""

import pytest
from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

from coreml_runtime.ops import find_op, registered_ops

# The planner handles constants and control flow; symbolic constants never reach a package.
NOT_OPS = {"const", "_const_symbolic", "cond", "while_loop"}
# coremltools writes this for its own coreml_update_state, before a read_state.
WRITTEN = {"write_state"}
# From the specification version to the number in CoreML5 to CoreML9.
OPSETS = {6: 5, 7: 6, 8: 7, 9: 8, 10: 9}


def test_every_op_of_coremltools_is_here() -> None:
    assert registered_ops() - WRITTEN == set(SSAOpRegistry.core_ops) - NOT_OPS


@pytest.mark.parametrize("name", sorted(registered_ops() - WRITTEN))
def test_parameters_are_those_of_every_opset(name: str) -> None:
    for target, op in SSAOpRegistry.core_ops[name].items():
        opset = OPSETS.get(int(getattr(target, "value", target)))
        if opset is None:  # iOS 13 and 14 have neural networks only
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
