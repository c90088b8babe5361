"""The tasks of an evaluation: records that any process, or another machine, can perform.

A task comes in, with what the tasks of one process share; out come findings that can be sent to
another process. Importing the records needs no PyTorch; performing a task imports what it needs.
"""

from __future__ import annotations

from eval.tasks.artifact_runtime import ArtifactRuntime
from eval.tasks.environment import EVALUATED_BY, describe_environment
from eval.tasks.group import TaskGroup
from eval.tasks.outcomes import Crash, Overview
from eval.tasks.records import (
    CombineRuns,
    EvaluateComponent,
    EvaluateRuns,
    OpenArtifacts,
    RecordReference,
    Task,
    TimeReference,
)

__all__ = [
    "EVALUATED_BY",
    "ArtifactRuntime",
    "CombineRuns",
    "Crash",
    "EvaluateComponent",
    "EvaluateRuns",
    "OpenArtifacts",
    "Overview",
    "RecordReference",
    "Task",
    "TaskGroup",
    "TimeReference",
    "describe_environment",
]
