"""The kinds of pipelines that can be evaluated, one folder each.

The class of a pipeline comes in, as `model_index.json` and manifests name it; out comes a `Kind`:
its cases, how a run joins its components, and the levels that only it has.
"""

from __future__ import annotations

from importlib import import_module

from components.registry import PIPELINES
from eval.errors import SubjectError
from eval.pipelines.kind import Kind, WholeRuns

KINDS = {"AvatarPipeline": "eval.pipelines.avatar.kind:AvatarKind"}
"""For each class the module and class of its kind; the others are latent diffusion."""
_OTHERS = "eval.pipelines.latent_diffusion.kind:LatentDiffusionKind"


def kind_of(pipeline: str) -> type[Kind]:
    """The kind of a class of pipelines.

    Raises:
        SubjectError: Nothing is known of the class.
    """
    if pipeline not in PIPELINES:
        known = ", ".join(sorted(PIPELINES))
        raise SubjectError(f"cannot evaluate a {pipeline[:60]!r}; known pipelines: {known}")
    module, _, name = KINDS.get(pipeline, _OTHERS).partition(":")
    kind: type[Kind] = getattr(import_module(module), name)
    return kind


__all__ = ["KINDS", "Kind", "WholeRuns", "kind_of"]
