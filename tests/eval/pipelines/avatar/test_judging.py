from __future__ import annotations

import torch

from avatar.judge import Judge
from eval.pipelines.avatar import judging


def test_a_judges_name_is_that_of_its_numbers_and_statistics() -> None:
    torch.manual_seed(0)
    judge = Judge(widths=(4, 4, 4, 4, 4, 4), feature_width=8).eval()
    name = judging.digest(judge)
    assert judging.digest(judge) == name
    statistics = next(value for key, value in judge.state_dict().items() if "running_mean" in key)
    statistics += 1
    other = judging.digest(judge)
    assert other != name
    with torch.no_grad():
        judge.gain += 1
    assert judging.digest(judge) not in (name, other)
