"""One rewrite: `aten.alias` is dropped from an exported program.

    before  alias(x) -> op
    after   x -> op

`torch.export` writes it where a view equals its base (causal masks of CLIP's text encoder);
coremltools does not know it. Nothing else is touched.
"""

from __future__ import annotations

from typing import Any

import torch

ALIAS = torch.ops.aten.alias.default


def drop_aliases(program: Any) -> int:
    """Drop the aliases of an `ExportedProgram`, in place; an alias that is itself an output stays.

    Returns:
        The number of aliases that were dropped.
    """
    graph = program.graph
    (output,) = (node for node in graph.nodes if node.op == "output")
    dropped = 0
    for node in list(graph.nodes):
        if node.target is ALIAS and output not in node.users:
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
            dropped += 1
    return dropped
