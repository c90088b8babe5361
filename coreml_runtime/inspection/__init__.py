"""What the command line reports: what a package contains, and how two of them differ.

In: the path of a package, or two loaded models. Out: one summary for each function, or the signal
to noise of each value.
"""

from .comparison import Difference, compare, signal_to_noise
from .random_inputs import random_inputs
from .summary import FunctionSummary, summarize

__all__ = [
    "Difference",
    "FunctionSummary",
    "compare",
    "random_inputs",
    "signal_to_noise",
    "summarize",
]
