"""Runs a plan.

In: a :class:`coreml_runtime.planning.PlannedBlock` and slots that hold its inputs and constants.
Out: the same slots with its results; for a trace, every value in the order of the program.
"""

from .executor import run, run_traced

__all__ = ["run", "run_traced"]
