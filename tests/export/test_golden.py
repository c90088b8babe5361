from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from components import Case, Recording
from export import golden

ARRAY = st.one_of(
    arrays(np.float32, array_shapes(max_dims=4, max_side=2)),
    arrays(np.int32, array_shapes(max_dims=2, max_side=3)),
)
ARRAYS = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True), ARRAY, min_size=1, max_size=2
)
CASE = st.builds(Case, inputs=ARRAYS, outputs=ARRAYS)


def equal(first: Case, second: Case) -> bool:
    return all(
        a.keys() == b.keys()
        and all(a[k].dtype == b[k].dtype and a[k].tobytes() == b[k].tobytes() for k in a)
        for a, b in ((first.inputs, second.inputs), (first.outputs, second.outputs))
    )


@settings(max_examples=15)
@given(CASE, st.lists(CASE, min_size=1, max_size=11))
def test_reading_gives_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, run: Case, cases: list[Case]
) -> None:
    folder = tmp_path_factory.mktemp("golden")
    recording = Recording(seed=7, run=run, calls={"net": tuple(cases)})
    entry = golden.write(folder, recording)
    assert entry.seed == 7
    (read,) = golden.read(folder / entry.run)
    assert equal(read, run)
    back = golden.read(folder / entry.components["net"])
    assert len(back) == len(cases)
    assert all(equal(a, b) for a, b in zip(back, cases, strict=True))
