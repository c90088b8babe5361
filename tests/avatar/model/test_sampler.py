"""The sampling loop against closed forms, the noise against MT19937 and Box-Muller."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avatar.errors import SamplerError, StepsError
from avatar.model import Sampler, SamplerTable, noise_of, noises_of, sample

SHAPE = (1, 2, 4, 4)


def mersenne_normal(seed: int, count: int) -> np.ndarray:
    """`torch.randn` on CPU, from its definition: MT19937 and Box-Muller in blocks of 16."""
    state = np.random.RandomState(seed & 0xFFFFFFFF)
    words = state.randint(0, 2**32, size=count, dtype=np.uint64)
    uniform = ((words & 0xFFFFFF) * 2.0**-24).astype(np.float32).reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - uniform[:, 0].astype(np.float64)))
    angle = 2 * np.pi * uniform[:, 1].astype(np.float64)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)


@pytest.mark.parametrize("seed", [0, 1, 7, 2**31, 2**32, 2**32 + 5, 2**63, 2**64 - 1])
def test_noise_follows_the_published_generators(seed: int) -> None:
    noise = noise_of(seed, (1, 8, 32, 32))
    assert noise.dtype == np.float32
    np.testing.assert_allclose(noise.ravel(), mersenne_normal(seed, noise.size), atol=2e-6)


@given(st.integers(1, 40), st.floats(0.2, 5))
def test_tables_fall_from_one_to_zero(steps: int, shift: float) -> None:
    table = Sampler(steps=steps, shift=shift).table()
    assert len(table.timesteps) == steps and len(table.sigmas) == steps + 1
    assert table.sigmas[0] == 1 and table.sigmas[-1] == 0
    assert all(a > b for a, b in zip(table.sigmas, table.sigmas[1:], strict=False))
    np.testing.assert_allclose(table.timesteps, 1000 * np.array(table.sigmas[:-1]), rtol=1e-6)
    assert SamplerTable.from_dict(table.to_dict()) == table


def test_a_sampler_of_several_numbers_of_steps_gives_each_its_table() -> None:
    sampler = Sampler(steps=2, guidance=1.0, also=(1, 4))
    constants = sampler.constants()
    assert SamplerTable.from_dict(constants) == sampler.table()
    for steps in (1, 2, 4):
        assert SamplerTable.from_dict(constants, steps) == sampler.table(steps)
    with pytest.raises(StepsError, match="not made for 3 steps, but for 1, 2, 4"):
        SamplerTable.from_dict(constants, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timesteps": "12"}, "'1' is no finite number"),
        ({"guidance": True}, "True is no finite number"),
        ({"sigmas": [1.0, math.inf, 0.0]}, "inf is no finite number"),
        ({"sigmas": [1.0]}, "expected one sigma more than timesteps"),
        ({"timesteps": [], "sigmas": [0.0]}, "0 timesteps and 1 sigmas"),
        ({"downs": [0.0, 0.0]}, "2 downs and 0 noises, expected none or 2 of both"),
        ({"downs": [0.0, 1.0], "noises": [0.0, 0.0]}, "downs from 0 to below 1"),
        ({"downs": [0.0, 0.0], "noises": [-1.0, 0.0]}, "noises from 0"),
        ({"also": None}, "malformed"),
        ({"also": [{}]}, "has no 'prediction'"),
        ({"also": ["x"]}, "malformed"),
    ],
)
def test_malformed_constants_are_refused_in_one_line(
    change: dict[str, object], message: str
) -> None:
    constants = {**Sampler(steps=2).constants(), **change}
    with pytest.raises(SamplerError, match=message) as error:
        SamplerTable.from_dict(constants)
    assert "\n" not in str(error.value)
    assert "also" not in Sampler().constants(), "a teacher has one table"


def test_a_call_that_crosses_more_than_jump_has_a_larger_timestep() -> None:
    sampler = Sampler(steps=2, guidance=1.0, also=(1, 4), jump=0.5)
    assert sampler.table(1).timesteps == (1100,)
    assert sampler.table(2).timesteps == (1000, 500)
    assert sampler.table(4).timesteps == (1000, 750, 500, 250)
    assert sampler.table(1).sigmas == (1, 0), "the noise is what it is"
    for jump in (0, 1.5):
        with pytest.raises(ValueError, match="jump"):
            Sampler(jump=jump)


@pytest.mark.parametrize("steps", [1, 2, 4, 12])
def test_a_straight_flow_is_followed_exactly(steps: int) -> None:
    """Where the velocity is noise - clean everywhere, any number of steps ends at clean."""
    noise, clean = noise_of(3, SHAPE), noise_of(4, SHAPE)
    tokens = np.zeros((1, 8, 4), np.float32)
    ended = sample(
        lambda *_: noise - clean, noise, tokens, tokens, 0, Sampler(steps=steps, guidance=1).table()
    )
    np.testing.assert_allclose(ended, clean, atol=1e-5)


def test_guidance_moves_away_from_the_unconditioned_side() -> None:
    """The velocity here is the token's value: guidance 3 between 0 and 1 must give 3."""
    noise = np.zeros(SHAPE, np.float32)
    person, null = np.ones((1, 8, 4), np.float32), np.zeros((1, 8, 4), np.float32)
    calls: list[tuple[float, int]] = []

    def denoise(
        latents: np.ndarray, timestep: np.ndarray, tokens: np.ndarray, style: np.ndarray
    ) -> np.ndarray:
        assert timestep.dtype == np.float32 and style.dtype == np.int32
        calls.append((float(timestep[0]), int(style[0])))
        return np.full_like(latents, tokens.mean())

    ended = sample(denoise, noise, person, null, 5, Sampler(steps=2, guidance=3).table())
    np.testing.assert_allclose(ended, -3.0, rtol=1e-6)
    assert calls == [(1000.0, 5), (1000.0, 5), (500.0, 5), (500.0, 5)]


def test_without_guidance_a_step_is_one_call_and_each_is_reported() -> None:
    calls: list[int] = []
    tokens = np.zeros((1, 8, 4), np.float32)
    sample(
        lambda latents, *_: latents * 0,
        noise_of(0, SHAPE),
        tokens,
        tokens,
        0,
        Sampler(steps=3, guidance=1).table(),
        on_step=lambda index, latents: calls.append(index),
    )
    assert calls == [0, 1, 2]


def test_a_sampler_takes_at_least_one_step() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Sampler(steps=0)


FRESH = SamplerTable(
    prediction="velocity",
    guidance=1.0,
    timesteps=(0.0, 1.0, 2.0),
    sigmas=(1.0, 0.6, 0.3, 0.1),
    downs=(0.0, 0.3, 0.05),
    noises=(0.5, 0.0, 0.02),
)


def test_the_noises_of_a_seed_come_from_one_generator() -> None:
    generator = torch.Generator().manual_seed(9)
    stream = noises_of(9, SHAPE)
    for _ in range(3):
        assert np.array_equal(next(stream), torch.randn(SHAPE, generator=generator).numpy())
    assert np.array_equal(noise_of(9, SHAPE), next(noises_of(9, SHAPE)))


def test_fresh_noise_keeps_the_variance_of_known_pictures() -> None:
    """Where the clean picture is known, latents stay `(1 - s)·clean + noise` of one deviation."""
    clean = 3.0
    stream = noises_of(0, (1, 1, 400, 400))

    def denoise(latents: np.ndarray, time: np.ndarray, *_: object) -> np.ndarray:
        sigma = FRESH.sigmas[int(time[0])]
        return (latents - clean) / np.float32(sigma)  # (1 - s)·clean + s·noise, minus clean, by s

    seen: list[np.ndarray] = []
    tokens = np.zeros((1, 1, 1), np.float32)
    sample(denoise, next(stream), tokens, tokens, 0, FRESH, lambda _, x: seen.append(x), stream)
    for latents, sigma in zip(seen, FRESH.sigmas[1:], strict=True):
        assert latents.mean() == pytest.approx((1 - sigma) * clean, abs=0.01)
    # The first step goes to the picture itself, and 0.5 of fresh noise is all that is on it.
    assert seen[0].std() == pytest.approx(0.5, rel=0.01)
    # The second adds none: half the level, half the noise.
    assert seen[1].std() == pytest.approx(0.25, rel=0.01)
    # The third: to 0.05 of 0.3, times (1 - 0.1)/(1 - 0.05), and noise of its own beside it.
    left = 0.25 * (0.05 / 0.3) * (0.9 / 0.95)
    assert seen[2].std() == pytest.approx(math.hypot(left, 0.02), rel=0.01)
    assert all(latents.dtype == np.float32 for latents in seen)


def test_a_table_with_fresh_noise_is_read_as_it_was_written_and_needs_noise() -> None:
    assert FRESH.draws == 2 and SamplerTable.from_dict(FRESH.to_dict()) == FRESH
    assert "downs" not in Sampler().table().to_dict()
    tokens = np.zeros((1, 1, 1), np.float32)
    with pytest.raises(ValueError, match="draws fresh noise"):
        sample(lambda x, *_: x, noise_of(0, SHAPE), tokens, tokens, 0, FRESH)
