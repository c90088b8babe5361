"""The sampling loop of latent diffusion, written once for every scheduler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Predict = Callable[[Any, float], Any]
"""From the UNet's input and a timestep to the guided prediction."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """The constants of a loop with one number of steps, as manifests hold them.

    Attributes:
        prediction: What the UNet predicts, as diffusers calls it.
        guidance: Scale of classifier-free guidance (arXiv 2207.12598); 1 for none.
        timesteps: The UNet's input `timestep` in each call.
        weights: Row `i` has `i + 1` weights, of the first latents and of the guided predictions of
            the calls before call `i`. Their sum is the UNet's input; the last row gives the latents
            after the last call.
        noises: For each row the weights of the noise drawn before it; empty where none is drawn.
        start: Weights of a picture's latents and of noise in the first latents. Without it the
            first latents are the noise.
        steps: Steps that the schedule has, of which a run from a picture does the last ones.
        strength: How far such a run goes back to noise, in (0,1].
    """

    prediction: str
    guidance: float
    timesteps: Sequence[float]
    weights: Sequence[Sequence[float]]
    noises: Sequence[Sequence[float]] = ()
    start: Sequence[float] = ()
    steps: int | None = None
    strength: float | None = None

    @classmethod
    def read(cls, constants: Mapping[str, Any]) -> Table:
        """The table of a manifest's `sampler`, or of an entry of its `also`."""
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in constants.items() if name in names})

    @property
    def guided(self) -> bool:
        """Whether a step calls the UNet twice, with the prompt and without."""
        return self.guidance > 1

    @property
    def draws(self) -> int:
        """How often a run draws noise after the first."""
        return len(self.noises[-1]) if self.noises else 0

    @property
    def length(self) -> int:
        """Steps that the schedule has."""
        return self.steps or len(self.timesteps)

    def first(self, noise: Any, picture: Any = None) -> Any:
        """The first latents, of noise and, where `start` says so, of a picture's latents."""
        return _sum(self.start, (picture, noise)) if self.start else noise

    def sample(self, first: Any, noises: Sequence[Any], predict: Predict) -> Any:
        """Do the loop.

        Args:
            first: The first latents (B,C,h,w), an array or a tensor.
            noises: Noise for each time that the loop draws some, each (B,C,h,w).
            predict: Gives the guided prediction, (B,C,h,w).

        Returns:
            The latents after the last call, (B,C,h,w).
        """
        predictions: list[Any] = []
        for row, timestep in enumerate(self.timesteps):
            latents = self._latents(row, first, predictions, noises)
            predictions.append(predict(latents, timestep))
        return self._latents(len(self.timesteps), first, predictions, noises)

    def _latents(
        self, row: int, first: Any, predictions: Sequence[Any], noises: Sequence[Any]
    ) -> Any:
        latents = _sum(self.weights[row], (first, *predictions))
        drawn = self.noises[row] if self.noises else ()
        return latents + _sum(drawn, noises) if drawn else latents


def _sum(weights: Sequence[float], terms: Sequence[Any]) -> Any:
    """A weighted sum; terms after the last weight are left out."""
    total = weights[0] * terms[0]
    for weight, term in zip(weights[1:], terms[1:], strict=False):
        if weight:
            total = total + weight * term
    return total


def table_of(sampler: Mapping[str, Any], steps: int | None = None) -> Table | None:
    """The table of a manifest's sampler with a number of steps; None where there is none.

    Args:
        sampler: The manifest's `sampler`, as plain values.
        steps: Steps of the schedule; None for the default's.
    """
    tables = (Table.read(entry) for entry in (sampler, *sampler.get("also", ())))
    return next((table for table in tables if steps in (None, table.length)), None)
