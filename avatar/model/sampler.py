"""The sampling loop for every runtime, and its constants."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
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
        sigmas: The noise level before each step, and after the last, which is 0 or nearly.
        downs: The noise level that each step goes to before fresh noise is added, from 0 to below
            1; empty where no step adds any.
        noises: What each step's fresh noise is multiplied by, at least 0; 0 where a step adds none.
    """

    prediction: str
    guidance: float
    timesteps: tuple[float, ...]
    sigmas: tuple[float, ...]
    downs: tuple[float, ...] = ()
    noises: tuple[float, ...] = ()

    @property
    def guided(self) -> bool:
        """Whether a step also calls the denoiser with null tokens (arXiv 2207.12598)."""
        return self.guidance != 1.0

    @property
    def draws(self) -> int:
        """How often a run draws fresh noise."""
        return sum(noise > 0 for noise in self.noises)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; lists of fresh noise only where there are any."""
        absent = () if self.downs else ("downs", "noises")
        return {name: value for name, value in asdict(self).items() if name not in absent}

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
            downs=tuple(map(_number, values.get("downs", ()))),
            noises=tuple(map(_number, values.get("noises", ()))),
        )
        made._require_lengths()
        return made

    def _require_lengths(self) -> None:
        """Raise `ValueError` unless all lists are of the lengths that the loop needs."""
        steps = len(self.timesteps)
        if not steps or len(self.sigmas) != steps + 1:
            held = f"{steps} timesteps and {len(self.sigmas)} sigmas"
            raise ValueError(f"{held}, expected one sigma more than timesteps")
        if (len(self.downs), len(self.noises)) not in ((0, 0), (steps, steps)):
            held = f"{len(self.downs)} downs and {len(self.noises)} noises"
            raise ValueError(f"{held}, expected none or {steps} of both, as there are timesteps")
        if any(noise < 0 for noise in self.noises) or any(not 0 <= s < 1 for s in self.downs):
            raise ValueError("expected noises from 0, and downs from 0 to below 1")


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
    return next(noises_of(seed, shape))


def noises_of(seed: int, shape: tuple[int, ...]) -> Iterator[Array]:
    """All noise of a seed's run: the first, which is `noise_of`'s, then fresh noise without end.

    One generator of the seed draws one after the other.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield torch.randn(shape, generator=generator).numpy()


def sample(
    denoise: Denoise,
    noise: Array,
    identity_tokens: Array,
    null_tokens: Array,
    style: int | NDArray[np.int32],
    table: SamplerTable,
    on_step: Callable[[int, Array], None] | None = None,
    fresh: Iterable[Array] = (),
) -> Array:
    """Latents of avatars, by Euler steps along the rectified flow (arXiv 2209.03003, section 2).

    A step that adds fresh noise goes to a lower level first, and the noise lifts it to the next
    level (ancestral sampling, arXiv 2206.00364, appendix C; with `downs` of 0 it is that of latent
    consistency models, arXiv 2310.04378).

    Arrays are only added and multiplied by Python floats, so PyTorch tensors work too, with
    gradients.

    Args:
        denoise: The denoiser.
        noise: Starting latents (b,C,h,w) float32; b is 1 for every exported denoiser.
        identity_tokens: Tokens of the person, (b,T,D).
        null_tokens: Tokens of nobody, (b,T,D); used only with guidance.
        style: Style index, one for all or (b,).
        table: The sampler's constants.
        on_step: Called with the step's index and the latents after each step.
        fresh: Noise (b,C,h,w) for each time that the table draws some, in order; for a seed's run
            what `noises_of` gives after the first.

    Returns:
        Latents (b,C,h,w) float32.
    """
    latents, drawn = noise, iter(fresh)
    style_index = np.broadcast_to(np.asarray(style, np.int32), len(noise)).copy()
    levels = zip(table.timesteps, table.sigmas, table.sigmas[1:], strict=False)
    for index, (timestep, sigma, next_sigma) in enumerate(levels):
        time = np.array([timestep], np.float32)
        prediction = denoise(latents, time, identity_tokens, style_index)
        if table.guided:
            unconditioned = denoise(latents, time, null_tokens, style_index)
            prediction = unconditioned + table.guidance * (prediction - unconditioned)
        down = table.downs[index] if table.downs else next_sigma
        latents = latents + (down - sigma) * prediction
        if table.noises and table.noises[index] > 0:
            lift = _next(drawn)
            latents = latents * ((1 - next_sigma) / (1 - down)) + table.noises[index] * lift
        if on_step:
            on_step(index, latents)
    return latents


def _next(drawn: Iterator[Array]) -> Array:
    noise = next(drawn, None)
    if noise is None:
        raise ValueError("this sampler's table draws fresh noise, and too little was given")
    return noise
