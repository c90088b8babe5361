"""The public names of this room's doors, as text: whoever adds or removes one changes this file."""

from __future__ import annotations

from importlib import import_module

import pytest

PUBLIC = {
    "distillation.data": """
        CLASS_COUNTS Drawing HELD_OUT MadeUpPeople OwnFolder OwnPeople PairSampler Person PngDrawing
        TrainingData augment first_selfies open_own_people read_folder sample_selfies split
        unreadable
    """,
    "distillation.training": """
        Batch RECORD_FILE Record Run Schedule Task read_record share step_rng
    """,
    "distillation.stages": """
        Tuned held_out_psnr train_autoencoder train_identity train_judge train_smaller train_student
        train_teacher tune
    """,
    "distillation.report": """
        AvatarGenerator Entry NETWORKS Report Target avatar_table ceiling_table judge_ceiling
        judge_drawings make_report network_size read_ceiling read_report report_tables targets worst
        write_ceiling write_page write_report
    """,
}


@pytest.mark.parametrize("door", PUBLIC)
def test_a_door_lists_its_public_names_and_has_them(door: str) -> None:
    module = import_module(door)
    assert sorted(module.__all__) == sorted(PUBLIC[door].split())
    assert all(hasattr(module, name) for name in module.__all__)
