"""Compares sampling at coordinates with torch's grid_sample; boxes are computed by hand."""

import pytest
import torch
from torch.nn import functional as F

IMAGE = torch.arange(1.0, 17).reshape(1, 1, 4, 4)


@pytest.mark.parametrize("sampling", ["bilinear", "nearest"])
@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize(
    ("padding", "torchs"),
    [("constant", "zeros"), ("border", "border"), ("reflection", "reflection"),
     ("symmetric", "reflection")],
)  # fmt: skip
def test_resample_is_grid_sample(run_op, padding, torchs, align, sampling) -> None:
    """torch reflects about centres with aligned corners and about edges without."""
    if torchs == "reflection" and align == (padding == "symmetric"):
        pytest.skip("torch has no such combination")
    torch.manual_seed(0)
    x, places = torch.randn(2, 3, 5, 6), 2.5 * torch.randn(2, 4, 7, 2)
    got = run_op(
        "resample", x=x, coordinates=places, sampling_mode=sampling, padding_mode=padding,
        padding_value=0.0, coordinates_mode="normalized_minus_one_to_one", align_corners=align,
    )  # fmt: skip
    want = F.grid_sample(x, places, mode=sampling, padding_mode=torchs, align_corners=align)
    assert torch.allclose(got, want, atol=1e-4)


def test_coordinates_in_other_units(run_op) -> None:
    x = torch.randn(1, 1, 3, 5)
    pixels = torch.tensor([[[[0.5, 1.25], [4.0, 2.0]]]])
    unit = pixels / torch.tensor([4.0, 2.0])
    same = [
        run_op(
            "resample", x=x, coordinates=places, sampling_mode="bilinear", padding_mode="border",
            padding_value=0.0, coordinates_mode=mode, align_corners=True,
        )
        for mode, places in (
            ("unnormalized", pixels), ("normalized_zero_to_one", unit),
            ("normalized_minus_one_to_one", 2 * unit - 1),
        )
    ]  # fmt: skip
    assert torch.allclose(same[0], same[1]) and torch.allclose(same[0], same[2], atol=1e-5)


def test_affine_without_change(run_op) -> None:
    same = run_op(
        "affine", x=IMAGE, transform_matrix=torch.tensor([[1.0, 0, 0, 0, 1, 0]]), output_height=4,
        output_width=4, sampling_mode="bilinear", padding_mode="constant", padding_value=0.0,
        coordinates_mode="normalized_minus_one_to_one", align_corners=True,
    )  # fmt: skip
    assert torch.allclose(same, IMAGE, atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "box"),
    [("CORNERS_HEIGHT_FIRST", [1, 0, 2, 3]), ("CORNERS_WIDTH_FIRST", [0, 1, 3, 2]),
     ("CENTER_SIZE_HEIGHT_FIRST", [1.5, 1.5, 1, 3]),
     ("CENTER_SIZE_WIDTH_FIRST", [1.5, 1.5, 3, 1])],
)  # fmt: skip
def test_boxes_in_every_order(run_op, mode: str, box: list) -> None:
    crop = run_op(
        "crop_resize", x=IMAGE, boxes=torch.tensor([box]).float(), target_height=2, target_width=4,
        box_coordinate_mode=mode, sampling_mode="ALIGN_CORNERS",
    )  # fmt: skip
    assert torch.equal(crop, IMAGE[:, :, 1:3])


def test_coordinates_outside_the_image_are_padding(run_op) -> None:
    roi = torch.tensor([0.0, 2, 2, 5, 3]).reshape(1, 1, 5, 1, 1)
    crop = run_op(
        "crop_resize", opset=6, x=IMAGE, roi=roi, target_height=4, target_width=2,
        sampling_mode="STRICT_ALIGN_CORNERS", pad_value=-1.0,
    )  # fmt: skip
    assert crop[0, 0, 0].tolist() == [[11, 12], [15, 16], [-1, -1], [-1, -1]]
