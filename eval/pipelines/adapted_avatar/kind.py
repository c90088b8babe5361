"""Assembled avatar models as evaluations know them: avatars, and diffusers' own pipeline."""

from __future__ import annotations

import numpy as np

from avatar.model import Networks, draw, encode
from eval.cases import Cases, RunCase
from eval.pipelines.avatar.cases import AvatarCases
from eval.pipelines.avatar.kind import AvatarKind
from eval.pipelines.avatar.model import AvatarModel, restyled
from eval.pipelines.kind import WholeRuns, anchor_row
from eval.reference import Reference
from eval.schema import Row, Where

Array = np.ndarray


class AdaptedAvatarModel(AvatarModel):
    """As `AvatarModel`; the last identity token is 1 for somebody, and 0 for nobody."""

    def identity(self, tokens: Array) -> Array:
        return tokens[:, :-1]


class AdaptedAvatarKind(AvatarKind):
    """Avatars of a model that `python -m avatar assemble` made."""

    name = "adapted_avatar"
    make = AdaptedAvatarModel

    def prepare(self, cases: Cases, reference: Reference, batch: tuple[RunCase, ...]) -> None:
        super().prepare(cases, reference, batch)
        if cases.runs[0] in batch and self._anchored(reference):
            reference.anchor()

    def rows(self, runs: WholeRuns) -> list[Row]:
        """What all avatars have, and the example run against diffusers' own pipeline."""
        found, reference = super().rows(runs), runs.references[0]
        if not self._anchored(reference) or (expected := reference.anchor()) is None:
            return found
        where = Where(detail="the example run", seed=0)
        return [*found, anchor_row(runs, expected, _example(runs), where)]

    @property
    def _most_calls(self) -> int:
        # Networks of this size take seconds a call.
        return self.request.mode.prompt_calls

    def _can_be_judged(self, cases: AvatarCases) -> bool:
        return False  # the judge knows our own drawings, whatever a team calls its styles

    def _anchored(self, reference: Reference) -> bool:
        return "image" not in self.request.skip and reference.quantized is None


def _example(runs: WholeRuns) -> Array:
    """The artifact's picture of the pipeline's example run, (1,3,H,W)."""
    reference, model = runs.references[0], runs.model()
    assert isinstance(model, AvatarModel) and isinstance(reference.model, AvatarModel)
    example = reference.pipeline.example_run(0)
    inputs = restyled(example, reference.model.constants.styles, model.constants.styles)
    table, networks = model.table(model.steps[0]), Networks.of(model.runners)
    tokens = encode(networks, inputs["selfies"], inputs["selfie_mask"], guided=table.guided)
    fresh = inputs.get("noises", ())
    return draw(networks, tokens, inputs["style"], inputs["noise"], table, fresh=fresh)
