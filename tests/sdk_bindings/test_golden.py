"""The golden vectors in the tree agree with the code, and with independent implementations."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from safetensors.numpy import load_file
from scipy.ndimage import map_coordinates

from avatar.model import Array, SamplerTable, noise_of, sample
from avatar.selfies import RULES
from sdk_bindings.languages import GOLDEN
from sdk_bindings.vectors import write_golden
from sdk_bindings.vectors.aligned import TEMPLATE
from sdk_bindings.vectors.png_files import wide_profile
from sdk_bindings.vectors.prepared import colours
from sdk_bindings.vectors.sampler import toy

LARGEST = 1_500_000
"""The largest size of the folder in bytes. It is committed, and is part of every package."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    write_golden(folder, (GOLDEN / "README.md").read_text(encoding="utf-8"))
    return folder


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def near(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal but for the last digits of numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(near(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(near, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-6
    return bool(one == other)


def pixels(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def test_they_are_what_the_laws_give_now(fresh: Path) -> None:
    """Machines differ in last bits and in compression, so this compares numbers and pixels."""
    assert files(GOLDEN) == files(fresh), "run: python -m sdk_bindings golden"
    for path in sorted(files(GOLDEN)):
        ours, theirs = GOLDEN / path, fresh / path
        if path.endswith(".json"):
            assert near(json.loads(ours.read_text()), json.loads(theirs.read_text())), path
        elif path.endswith(".png"):
            assert np.array_equal(pixels(ours), pixels(theirs)), path
        elif path.endswith(".safetensors"):
            tensors, others = load_file(ours), load_file(theirs)
            assert tensors.keys() == others.keys()
            for name, tensor in tensors.items():
                assert tensor.dtype == others[name].dtype
                rounding = 1 / 2048 if tensor.dtype == np.float16 else 1e-6
                np.testing.assert_allclose(tensor, others[name], rtol=0, atol=rounding)
        else:
            assert ours.read_bytes() == theirs.read_bytes(), path


def test_they_are_small() -> None:
    assert sum((GOLDEN / path).stat().st_size for path in files(GOLDEN)) < LARGEST


def test_the_readme_names_every_file() -> None:
    text = (GOLDEN / "README.md").read_text(encoding="utf-8")
    for path in files(GOLDEN) - {"README.md"}:
        folder, _, name = path.rpartition("/")
        assert f"`{folder}/*.png`" in text if folder else f"`{name}`" in text


def words(seed: int, count: int) -> NDArray[np.uint32]:
    """Return the outputs of MT19937. NumPy's legacy generator starts as PyTorch's does."""
    legacy = np.random.RandomState(seed % 2**32)
    return legacy.randint(0, 2**32, size=count, dtype=np.uint32)


def by_hand(seed: int, count: int) -> NDArray[np.float64]:
    """Return the noise in double precision, by Box-Muller in blocks of sixteen."""
    return box_muller(words(seed, count))


def box_muller(drawn: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return normal numbers from words of a multiple of 16."""
    uniform = ((drawn & 0xFFFFFF) * 2.0**-24).reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log1p(-uniform[:, 0]))
    angle = 2 * np.pi * uniform[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()


def test_noise_follows_its_law_for_every_seed() -> None:
    tensors = load_file(GOLDEN / "noise.safetensors")
    seeds = {int(name.removeprefix("seed_")) for name in tensors if name.startswith("seed_")}
    assert len(seeds) == 56 and {0, 1, 2**31, 2**32, 2**63, 2**64 - 1} <= seeds
    assert max(seed.bit_length() for seed in seeds) == 64
    for seed in seeds:
        expected = by_hand(seed, 1024)
        np.testing.assert_allclose(tensors[f"seed_{seed}"], expected, rtol=0, atol=2e-6)
    for name in tensors.keys() - {f"seed_{seed}" for seed in seeds}:
        whole = tensors[name].ravel()
        assert tensors[name].shape == (1, 8, 32, 32) and tensors[name].dtype == np.float32
        expected = by_hand(int(name.removeprefix("whole_")), whole.size)
        np.testing.assert_allclose(whole, expected, rtol=0, atol=2e-6)


def test_noise_goes_on_by_the_same_law_whatever_the_sizes() -> None:
    """Of a size that no 16 divides the last 16 values are drawn once more."""
    tensors = load_file(GOLDEN / "streams.safetensors")
    sizes = {tensor.size % 16 for tensor in tensors.values()}
    assert 0 in sizes and len(sizes) > 2
    for seed in {int(name.partition(".")[0]) for name in tensors}:
        rest = words(seed, 10_000)
        for index in range(sum(name.startswith(f"{seed}.") for name in tensors)):
            drawn = tensors[f"{seed}.{index}"].ravel()
            whole, last = drawn.size // 16 * 16, rest[drawn.size :][:16]
            expected = np.concatenate([box_muller(rest[:whole]), np.zeros(drawn.size - whole)])
            if whole < drawn.size:
                expected[-16:] = box_muller(last)
            np.testing.assert_allclose(drawn, expected, rtol=0, atol=2e-6)
            rest = rest[drawn.size + (16 if whole < drawn.size else 0) :]


def test_pictures_are_prepared_as_the_house_says() -> None:
    """Area averages and EXIF orientations agree with an independent computation."""
    tensors = load_file(GOLDEN / "prepared.safetensors")
    landscape = colours(301, 217)[:, 42:259].astype(np.float64) / 255
    # Area averaging with fractions is a mean over a grid fine enough to hold both.
    fine = landscape.repeat(128, axis=0)[: 217 * 128].reshape(128, 217, 217, 3).mean(axis=1)
    both = fine.repeat(128, axis=1).reshape(128, 128, 217, 3).mean(axis=2).transpose(2, 0, 1)
    np.testing.assert_allclose(tensors["landscape"], both[:, 1::4], rtol=0, atol=1e-3)
    exact = colours(128, 128).transpose(2, 0, 1)[:, 1::4] / 255
    np.testing.assert_allclose(tensors["as-it-is"], exact, rtol=0, atol=1e-3)
    for turned in ("orientation-2", "orientation-6"):
        assert not np.allclose(tensors[turned], tensors["orientation-1"], atol=0.05)
    np.testing.assert_array_equal(tensors["orientation-2"][:, :, ::-1], tensors["orientation-1"])


def test_the_embedded_profile_changes_colours_as_its_numbers_say() -> None:
    opened = ImageCms.ImageCmsProfile(BytesIO(wide_profile()))
    assert ImageCms.getProfileDescription(opened).strip() == "wide"
    # Display P3's red, at gamma 2.2, lies outside sRGB; its grey is grey, a little darker or not.
    colour = np.array([[[255, 0, 0], [128, 128, 128], [200, 120, 40]]], np.uint8)
    image = Image.fromarray(colour)
    seen = np.asarray(ImageCms.profileToProfile(image, opened, ImageCms.createProfile("sRGB")))
    p3_to_srgb = np.array(
        [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]
    )
    linear = (colour / 255) ** (round(2.2 * 256) / 256) @ p3_to_srgb.T
    clipped = linear.clip(0, 1)
    expected = np.where(clipped > 0.0031308, 1.055 * clipped ** (1 / 2.4) - 0.055, 12.92 * clipped)
    np.testing.assert_allclose(seen / 255, expected, rtol=0, atol=2.5 / 255)


def test_crops_are_aligned_as_two_libraries_do_it() -> None:
    """NumPy solves for the similarity, and SciPy samples the picture."""
    tensors = load_file(GOLDEN / "aligned.safetensors")
    for case in json.loads((GOLDEN / "aligned.json").read_text())["cases"]:
        with Image.open(GOLDEN / case["file"]) as image:
            upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB")) / 255
        size, (x, y) = case["size"], np.array(case["landmarks"]).T
        # (u, v) = (c·x - s·y + p, s·x + c·y + q) for the unknown c, s, p, q.
        one, zero = np.ones(5), np.zeros(5)
        rows = np.vstack([np.array([x, -y, one, zero]).T, np.array([y, x, zero, one]).T])
        wanted = ((np.array(TEMPLATE) + 0.5) * size / 112).T.ravel()
        c, s, p, q = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        count = int(np.ceil(1 / np.hypot(c, s)))
        v, u = (np.mgrid[: size * count, : size * count] + 0.5) / count
        back = np.linalg.inv([[c, -s], [s, c]]) @ np.stack([u - p, v - q]).reshape(2, -1) - 0.5
        channels = [
            map_coordinates(upright[..., i], back[::-1], order=1, mode="grid-constant")
            for i in range(3)
        ]
        expected = np.array(channels).reshape(3, size, count, size, count).mean(axis=(2, 4))
        np.testing.assert_allclose(tensors[case["name"]], expected, rtol=0, atol=1e-4)


def test_rule_cases_are_of_the_limits_in_force_and_break_every_rule() -> None:
    cases = json.loads((GOLDEN / "rules.json").read_text())["cases"]
    refused = {refusal["rule"] for case in cases for refusal in case["refusals"]}
    assert refused == {rule.name for rule in RULES}
    assert {case["name"] for case in cases if not case["refusals"]} == {"good", "good with faces"}


def test_the_toy_denoiser_is_guided_in_one_table_and_not_in_another() -> None:
    cases = json.loads((GOLDEN / "sampler.json").read_text())["cases"]
    assert {case["guidance"] for case in cases} == {1.0, 1.5, -0.5, 2.0}
    assert {len(case["timesteps"]) for case in cases} == {1, 2, 4, 7}


def test_cases_without_fresh_noise_are_what_the_models_own_loop_gives() -> None:
    tensors = load_file(GOLDEN / "sampler.safetensors")
    cases = json.loads((GOLDEN / "sampler.json").read_text())["cases"]
    plain = [case for case in cases if "downs" not in case]
    assert len(plain) == 6 and len(cases) > 9

    def denoise(latents: Array, time: Array, tokens: Array, style: NDArray[np.int32]) -> Array:
        return toy(latents, float(time[0]), tokens, int(style[0])).astype(np.float32)

    for case in plain:
        noise = noise_of(case["seed"], tuple(case["latents"]))
        tokens = (tensors["identity_tokens"], tensors["null_tokens"])
        table = SamplerTable.from_dict(case)
        latents = sample(denoise, noise, *tokens, case["style"], table)
        np.testing.assert_allclose(latents, tensors[case["name"]], rtol=0, atol=1e-5)


def test_fresh_noise_after_a_step_to_0_mixes_clean_latents_and_noise() -> None:
    """As latent consistency models do (arXiv 2310.04378, algorithm 3): clean·(1 - s) + s·noise at
    level s, and v = noise - clean. One generator draws all noise."""
    cases = json.loads((GOLDEN / "sampler.json").read_text())["cases"]
    (case,) = (case for case in cases if case["name"] == "fresh-from-0")
    tensors = load_file(GOLDEN / "sampler.safetensors")
    generator = torch.Generator().manual_seed(case["seed"])
    latents = torch.randn(case["latents"], generator=generator).numpy()
    for timestep, level, below in zip(
        case["timesteps"], case["sigmas"], case["sigmas"][1:], strict=False
    ):
        velocity = toy(latents, timestep, tensors["identity_tokens"], case["style"])
        clean = latents - level * velocity
        fresh = torch.randn(case["latents"], generator=generator).numpy() if below else 0
        latents = (1 - below) * clean + below * fresh
    np.testing.assert_allclose(latents, tensors[case["name"]], rtol=0, atol=1e-5)


def test_previews_are_sums_over_channels() -> None:
    tensors = load_file(GOLDEN / "preview.safetensors")
    rgb = tensors["latents"][0].transpose(1, 2, 0) @ tensors["matrix"] + tensors["offset"]
    assert (rgb < 0).any() and (rgb > 1).any()
    expected = (rgb.clip(0, 1) * 255 + 0.5).astype(np.uint8).astype(int)
    assert abs(expected - tensors["pixels"].astype(int)).max() <= 1
