"""The chunks of a component joined to one runner, which takes and returns what the whole does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from components import Arrays, Runner
from components.component import check_inputs
from export.entries import ChunkedEntry
from export.manifest import Manifest


def joined(manifest: Manifest, whole: ChunkedEntry, load: Callable[[str], Runner]) -> Runner:
    """Load all chunks of a component, and join them.

    Args:
        manifest: Lists the chunks.
        whole: The component that was cut.
        load: Returns the runner of a chunk, by its name.
    """
    chunks = [(entry.inputs, load(entry.name)) for entry in manifest.parts(whole.name)]

    def call(inputs: Arrays) -> dict[str, np.ndarray]:
        check_inputs(whole.inputs, inputs)
        values = dict(inputs)
        for specs, runner in chunks:
            values.update(runner({spec.name: values[spec.name] for spec in specs}))
        return {spec.name: values[spec.name] for spec in whole.outputs}

    return call
