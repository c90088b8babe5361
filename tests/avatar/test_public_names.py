"""The public names of this room's doors, as text: whoever adds or removes one changes this file."""

from __future__ import annotations

from importlib import import_module

import pytest

PUBLIC = {
    "avatar.model": """
        Array AvatarPipeline Decoder Denoise Denoiser IdentityEncoder LATENT_SIZE
        LatentEncoder Model Networks Runner Sampler SamplerTable Sketch Tokens draw encode
        noise_of noises_of pad_selfies sample
    """,
    "avatar.selfies": """
        Detector Face MAX_SELFIES Photo RULES Refusal Rule SELFIE_SIZE check_header detector
        difference find_faces measures measures_table nearest open_upright prepare_selfie
        read_photo read_photos read_selfie read_selfies refusal_lines refusals_of resize
        rules_for rules_from_dicts rules_to_dicts stack_photos to_srgb
    """,
    "avatar.people": """
        ATTRIBUTES DISTRIBUTIONS DesignerStyle EYE_COLORS HAIR_COLORS Identity PersonRecord
        SELFIE_SEEDS SHAPE_ATTRIBUTES SKIN_TONES STYLES can_draw draw draw_options
        drawn_labels merged_classes read_shards sample_identity style_named write_shards
    """,
    "avatar.judge": """
        AvatarTable CLASS_COUNTS Judge Judgement KINDS SIZE Scorer Scores attributes_right
        contrasts diversity frechet_distance judge_images load_judge retrieval same_person
    """,
}


@pytest.mark.parametrize("door", PUBLIC)
def test_a_door_lists_its_public_names_and_has_them(door: str) -> None:
    module = import_module(door)
    assert sorted(module.__all__) == sorted(PUBLIC[door].split())
    assert all(hasattr(module, name) for name in module.__all__)
