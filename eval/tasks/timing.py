"""What the reference costs, in the same evaluation as the artifacts."""

from __future__ import annotations

from functools import partial

from components import Runner
from components.reference import runner
from eval.levels import speed
from eval.schema import REFERENCE_RUNTIME, Cost
from eval.tasks.workspace import Workspace


def time_reference(workspace: Workspace) -> list[Cost]:
    """The costs of PyTorch: of each component and, where the mode times them, of whole runs."""
    reference, mode, found = workspace.reference, workspace.request.mode, []
    for name in reference.components:
        weights, work = reference.components.facts(name).weights, workspace.work(name)
        if workspace.large:
            reference.components.forget()  # another copy is loaded, to be timed
        cost, _ = speed.time_component(
            "",
            REFERENCE_RUNTIME,
            name,
            partial(_load, workspace, name),
            workspace.calls[name][0].inputs,
            calls=mode.warm_calls,
            file_bytes=0,
            weight_bytes=4 * weights,
            work=work,
        )
        found.append(cost)
    if mode.timed_sets:
        runs, make = workspace.cases.timed, reference.fresh_model
        found.append(speed.time_runs("", REFERENCE_RUNTIME, make, runs, mode.timed_sets))
    return found


def _load(workspace: Workspace, name: str) -> Runner:
    return runner(workspace.reference.pipeline.component(name))
