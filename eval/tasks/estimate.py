"""How long an evaluation takes, estimated before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from eval.tasks.workspace import Workspace

AS_SLOW = {"coreml_runtime": 3.0}
"""Seconds of a call in a runtime in units of PyTorch's, where they are not about the same."""


def estimated_seconds(workspace: Workspace, runtimes: Sequence[Sequence[str]]) -> float:
    """Seconds from one measured call of each component in PyTorch, and the number of calls.

    What is read from files and compared is left out, so it takes longer.

    Args:
        workspace: Has the cases.
        runtimes: For each artifact the names of its runtimes.
    """
    seconds = {name: workspace.work(name).seconds for name in workspace.reference.components}
    whole, alone = _calls(workspace)
    ran = sum(seconds[name] * count for name, count in whole.items())
    called = sum(seconds[name] * count for name, count in alone.items())
    references = {each for index in range(len(runtimes)) for each in workspace.references(index)}
    total = ran * len(references)
    for names in runtimes:
        for name in names:
            slow = AS_SLOW.get(name, 1.0)
            total += slow * (ran + called)
            if workspace.timed:
                # A cold call, and warm ones beside as many in PyTorch.
                warm = workspace.request.mode.warm_calls
                total += sum(seconds.values()) * (slow * (1 + warm) + warm)
    return total


def _calls(workspace: Workspace) -> tuple[Counter[str], Counter[str]]:
    """Calls of each component in whole runs, and those that it is tried on by itself."""
    model, cases = workspace.reference.model, workspace.cases
    whole, alone = Counter[str](), Counter[str]()
    for run in cases.runs:
        whole.update(model.call_counts(run))
    for run in cases.spread:
        alone.update(model.call_counts(run))
    if cases.most_calls:
        alone = Counter({name: min(count, cases.most_calls) for name, count in alone.items()})
    return whole, alone
