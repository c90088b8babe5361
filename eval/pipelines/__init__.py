"""The kinds of pipelines that can be evaluated, one folder each.

A checkpoint's pipeline comes in; out comes its `Kind`: the cases, how a run joins the components,
and the levels that only this kind has.
"""

from __future__ import annotations

from importlib import import_module

from components import PipelineComponents
from eval.errors import SubjectError
from eval.pipelines.kind import Kind, WholeRuns

KINDS = {
    "components.pipelines.adapted_avatar:AdaptedAvatarComponents": (
        "eval.pipelines.adapted_avatar.kind:AdaptedAvatarKind"
    ),
    "components.pipelines.avatar:AvatarComponents": "eval.pipelines.avatar.kind:AvatarKind",
    "components.diffusion.latent_diffusion:LatentDiffusion": (
        "eval.pipelines.latent_diffusion.kind:LatentDiffusionKind"
    ),
}
"""For each class, or base of classes, of `PipelineComponents` its kind; imported when needed."""


def kind_of(pipeline: PipelineComponents) -> type[Kind]:
    """The kind of a pipeline.

    Raises:
        SubjectError: It has none.
    """
    for base in type(pipeline).__mro__:
        if found := KINDS.get(f"{base.__module__}:{base.__qualname__}"):
            module, _, name = found.partition(":")
            kind: type[Kind] = getattr(import_module(module), name)
            return kind
    raise SubjectError(
        f"{pipeline.checkpoint}: nothing is known of evaluating a {type(pipeline).__name__}; "
        f"expected one of {', '.join(name.partition(':')[2] for name in KINDS)}"
    )


__all__ = ["KINDS", "Kind", "WholeRuns", "kind_of"]
