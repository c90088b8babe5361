"""The models that :func:`coreml_runtime.load` returns: one interface, one class for each kind.

In: a plan or the stages of a pipeline, and the declared features. Out: a ``torch.nn.Module`` that
takes and returns tensors, numpy arrays and PIL images by name.
"""

from .core_ml_model import CoreMLModel
from .pipeline_model import PipelineModel
from .program_model import ProgramModel
from .state import State
from .suppression_model import SuppressionModel

__all__ = ["CoreMLModel", "PipelineModel", "ProgramModel", "State", "SuppressionModel"]
