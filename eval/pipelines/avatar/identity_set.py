"""Level `set` where no judge knows the styles: the model's own identity encoder looks.

An avatar is given to the encoder as if it were a selfie. How near its tokens come to those of the
person's selfies says how much of the person the encoder finds in the avatar; a recipe that costs
identity makes it less than in the reference's avatar.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avatar.model import pad_selfies
from avatar.selfies import resize
from components import Arrays
from eval.cases import RunCase
from eval.pipelines.avatar.cases import AvatarCase, AvatarCases
from eval.pipelines.avatar.model import AvatarModel
from eval.pipelines.avatar.set_level import SetLevel, avatars, batch_key
from eval.pipelines.kind import WholeRuns
from eval.reference import RecordedRun, Reference
from eval.schema import Row
from support.images import to_8_bit

TOKENS = "identity.tokens"


class IdentitySet(SetLevel):
    """The cosine of an avatar's and its selfies' tokens, and its drop against the reference.

    The unquantized reference's encoder looks at all avatars.
    """

    def prepare(self, cases: AvatarCases, reference: Reference, batch: tuple[RunCase, ...]) -> None:
        if reference.quantized is None:  # another one's encoder does not look
            self._seen(reference, reference, batch)

    def see(self, reference: Reference, runs: Sequence[RecordedRun]) -> Arrays:
        return {TOKENS: np.concatenate([_tokens(_model(reference), run.picture) for run in runs])}

    @property
    def seen_by(self) -> str:
        return "own-encoder"  # the reference's, by whose key everything else is named

    def rows(self, runs: WholeRuns, batches: Sequence[tuple[RunCase, ...]]) -> list[Row]:
        looking, found = runs.references[0], list[Row]()
        model = _model(looking)
        drawn = tuple(run for batch in batches for run in avatars(batch))
        after = _likenesses(model, drawn, np.concatenate([s[TOKENS] for s in runs.seen if s]))
        for reference in runs.references:
            scope = runs.scope("set", reference=reference)
            seen = [self._seen(looking, reference, batch)[TOKENS] for batch in batches]
            before = _likenesses(model, drawn, np.concatenate(seen))
            lost = before - after
            worst = drawn[int(lost.argmax())].where()
            count = len(drawn)
            found += [
                scope.row("identity", float(after.mean()), count=count),
                scope.row("identity_drop", float(lost.mean()), where=worst, count=count),
            ]
        return found

    def _seen(self, looking: Reference, drew: Reference, batch: tuple[RunCase, ...]) -> Arrays:
        """The tokens of what a reference drew."""
        return self.cache.get(
            f"{looking.key}/identity-{drew.key}-{batch_key(batch)}",
            lambda: self.see(looking, [drew.recorded(run) for run in batch]),
        )


def _model(reference: Reference) -> AvatarModel:
    assert isinstance(reference.model, AvatarModel)
    return reference.model


def _tokens(model: AvatarModel, picture: np.ndarray) -> np.ndarray:
    """The tokens of an avatar (1,3,H,W) as the only selfie; what is no number counts as black."""
    (shown,) = to_8_bit(np.nan_to_num(picture, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1))
    square = _centre(shown.transpose(1, 2, 0))
    selfies, mask = pad_selfies(resize(square, model.selfies.side)[None], model.selfies.places)
    (tokens,) = model.runners["identity_encoder"](
        {"selfies": selfies, "selfie_mask": mask}
    ).values()
    return model.identity(tokens)


def _centre(pixels: np.ndarray) -> np.ndarray:
    """The square in the middle of a picture (H,W,3), as selfies are cut."""
    height, width, _ = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def _likenesses(model: AvatarModel, runs: Sequence[AvatarCase], tokens: np.ndarray) -> np.ndarray:
    """For each run the cosine of its avatar's tokens and its selfies'."""
    selfies = np.concatenate([model.identity(model.tokens(run.selfies)) for run in runs])
    one, other = (array.reshape(len(runs), -1).astype(np.float64) for array in (selfies, tokens))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    likenesses: np.ndarray = (one * other).sum(1) / np.maximum(lengths, np.finfo(np.float64).tiny)
    return likenesses
