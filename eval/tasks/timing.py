"""What the reference costs, in the same evaluation as the artifacts."""

from __future__ import annotations

from functools import partial

from components import Runner
from components.reference import runner
from eval.levels import speed
from eval.schema import REFERENCE_RUNTIME, Cost
from eval.tasks.workspace import Workspace


def time_reference(workspace: Workspace) -> list[Cost]:
    """The costs of PyTorch: of each component and, where the mode times sets, of a set."""
    reference, mode, found = workspace.reference, workspace.request.mode, []
    for name, component in reference.components.items():
        weights = sum(value.numel() for value in component.module.state_dict().values())
        cost, _ = speed.time_component(
            "",
            REFERENCE_RUNTIME,
            name,
            partial(_load, workspace, name),
            workspace.calls[name][0].inputs,
            calls=mode.warm_calls,
            file_bytes=0,
            weight_bytes=4 * weights,
            work=workspace.work(name),
        )
        found.append(cost)
    if mode.timed_sets:
        run, shape = workspace.cases.judged[0], reference.latent_shape
        make = reference.fresh_model
        found.append(speed.time_set("", REFERENCE_RUNTIME, make, run, shape, mode.timed_sets))
    return found


def _load(workspace: Workspace, name: str) -> Runner:
    return runner(workspace.reference.pipeline.component(name))
