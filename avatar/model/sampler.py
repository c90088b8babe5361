"""The sampling loop for every runtime, and its constants."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from diffusers import ConfigMixin, SchedulerMixin
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray

from avatar.errors import SamplerError, StepsError

Array = NDArray[np.float32]
Denoise = Callable[[Array, Array, Array, NDArray[np.int32]], Array]
"""The denoiser: (latents, timestep, identity_tokens, style) to a prediction."""


@dataclass(frozen=True, kw_only=True)
class SamplerTable:
    """The constants of a sampler, as every manifest holds them.

    Attributes:
        prediction: "velocity": the denoiser predicts `noise - clean` of a rectified flow.
        guidance: 1 means one call of the denoiser a step, any other value two.
        timesteps: The timestep of each step.
        sigmas: The noise level before each step, and after the last, which is 0.
    """

    prediction: str
    guidance: float
    timesteps: tuple[float, ...]
    sigmas: tuple[float, ...]

    @property
    def guided(self) -> bool:
        """Whether a step also calls the denoiser with null tokens (arXiv 2207.12598)."""
        return self.guidance != 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], steps: int | None = None) -> SamplerTable:
        """The inverse of `to_dict`: `SamplerTable.from_dict(table.to_dict()) == table`.

        `values` may also be what `Sampler.constants` gives; then `steps` chooses one of its tables.

        Raises:
            StepsError: No table has that number of steps.
            SamplerError: Any of the tables is incomplete or malformed.
        """
        try:
            default, *also = map(cls._read, (values, *values.get("also", ())))
        except KeyError as error:
            raise SamplerError(f"a table of the sampler's constants has no {error}") from None
        except (AttributeError, TypeError, ValueError) as error:
            raise SamplerError(f"the sampler's constants are malformed: {error}") from None
        tables = {len(known.timesteps): known for known in (*also, default)}
        chosen = default if steps is None else tables.get(steps)
        if chosen is None:
            known = ", ".join(map(str, sorted(tables)))
            raise StepsError(f"the model was not made for {steps} steps, but for {known}")
        return chosen

    @classmethod
    def _read(cls, values: Mapping[str, Any]) -> SamplerTable:
        made = cls(
            prediction=values["prediction"],
            guidance=_number(values["guidance"]),
            timesteps=tuple(map(_number, values["timesteps"])),
            sigmas=tuple(map(_number, values["sigmas"])),
        )
        if not made.timesteps or len(made.sigmas) != len(made.timesteps) + 1:
            held = f"{len(made.timesteps)} timesteps and {len(made.sigmas)} sigmas"
            raise ValueError(f"{held}, expected one sigma more than timesteps")
        return made


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
        raise TypeError(f"{repr(value)[:60]} is no finite number")
    return float(value)


MOST_STEPS = 1000
"""Steps of the finest table that makes sense: timesteps are numbers up to 1000."""

FARTHER = 200.0
"""Added to the timestep for each unit of noise level that a call crosses beyond `jump`."""


class Sampler(SchedulerMixin, ConfigMixin):
    """The sampler's settings, as a checkpoint holds them.

    Noise levels fall evenly from 1 to 0, and are then moved towards 1 by `shift`:
    sigma' = shift·sigma / (1 + (shift - 1)·sigma) (Stable Diffusion 3, arXiv 2403.03206, section
    5.3.2).
    """

    @register_to_config
    def __init__(
        self,
        steps: int = 12,
        guidance: float = 1.5,
        shift: float = 1.0,
        also: tuple[int, ...] = (),
        jump: float = 1.0,
    ) -> None:
        """Take the settings.

        Args:
            steps: Default number of steps.
            guidance: As `SamplerTable.guidance`.
            shift: See the class.
            also: Other numbers of steps that the same weights were trained for.
            jump: Most of the noise level, in (0,1], that a call at timestep 1000·sigma crosses. A
                call that crosses more has a timestep that is larger by `FARTHER` times the excess.
        """
        numbers = (steps, *also)
        if not all(type(count) is int and 1 <= count <= MOST_STEPS for count in numbers):
            raise ValueError(
                f"steps are {steps} and {also}, expected at least 1 and at most {MOST_STEPS}"
            )
        if not 0 < jump <= 1:
            raise ValueError(f"jump is {jump}, expected more than 0 and at most 1")
        if not math.isfinite(guidance):
            raise ValueError(f"guidance is {guidance}, expected a finite number")
        if not 0 < shift < math.inf:
            raise ValueError(f"shift is {shift}, expected a finite number above 0")

    def constants(self) -> dict[str, Any]:
        """Plain values for a manifest: the default table and, under "also", the other tables."""
        default, *also = (table.to_dict() for table in self.tables())
        return {**default, **({"also": also} if also else {})}

    def tables(self) -> list[SamplerTable]:
        """The default table, then those of the other numbers of steps."""
        return [self.table(steps) for steps in (self.config["steps"], *self.config["also"])]

    def table(self, steps: int | None = None) -> SamplerTable:
        """The constants for a number of steps, by default the checkpoint's own."""
        shift = self.config["shift"]
        even = np.linspace(1.0, 0.0, (steps or self.config["steps"]) + 1)
        sigmas = [float(np.float32(shift * s / (1 + (shift - 1) * s))) for s in even]
        beyond = [max(0.0, s - end - self.config["jump"]) for s, end in pairwise(sigmas)]
        times = [1000 * s + FARTHER * more for s, more in zip(sigmas, beyond, strict=False)]
        return SamplerTable(
            prediction="velocity",
            guidance=float(self.config["guidance"]),
            timesteps=tuple(float(np.float32(time)) for time in times),
            sigmas=tuple(sigmas),
        )


def noise_of(seed: int, shape: tuple[int, ...]) -> Array:
    """The noise of a seed, float32: the numbers of `torch.randn` on the CPU, in every runtime."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).numpy()


def sample(
    denoise: Denoise,
    noise: Array,
    identity_tokens: Array,
    null_tokens: Array,
    style: int | NDArray[np.int32],
    table: SamplerTable,
    on_step: Callable[[int, Array], None] | None = None,
) -> Array:
    """Latents of avatars, by Euler steps along the rectified flow (arXiv 2209.03003, section 2).

    Arrays are only added and multiplied by Python floats, so PyTorch tensors work too, with
    gradients.

    Args:
        denoise: The denoiser.
        noise: Starting latents (b,C,32,32) float32; b is 1 for every exported denoiser.
        identity_tokens: Tokens of the person, (b,8,D).
        null_tokens: Tokens of nobody, (b,8,D); used only with guidance.
        style: Style index, one for all or (b,).
        table: The sampler's constants.
        on_step: Called with the step's index and the latents after each step.

    Returns:
        Latents (b,C,32,32) float32.
    """
    latents = noise
    style_index = np.broadcast_to(np.asarray(style, np.int32), len(noise)).copy()
    levels = zip(table.timesteps, table.sigmas, table.sigmas[1:], strict=False)
    for index, (timestep, sigma, next_sigma) in enumerate(levels):
        time = np.array([timestep], np.float32)
        prediction = denoise(latents, time, identity_tokens, style_index)
        if table.guided:
            unconditioned = denoise(latents, time, null_tokens, style_index)
            prediction = unconditioned + table.guidance * (prediction - unconditioned)
        latents = latents + (next_sigma - sigma) * prediction
        if on_step:
            on_step(index, latents)
    return latents
