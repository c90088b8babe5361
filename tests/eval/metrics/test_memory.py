"""How much memory a process has, and has to itself."""

import subprocess
import sys

import pytest

from eval.metrics import memory

HELD = 200 << 20
FORKED = f"""
import os
from eval.metrics import memory
held = b"x" * {HELD}
if os.fork() == 0:
    print(memory.resident(), memory.shared(), flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not tell")
def test_what_is_forked_is_shared() -> None:
    """The child holds what the parent made, and nothing of it is its own."""
    told = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True
    )
    resident, shared = map(int, told.stdout.split())
    assert resident >= HELD
    assert HELD <= shared <= resident


def test_the_peak_is_forgotten_but_the_largest_is_not() -> None:
    before = memory.largest()
    held = b"x" * HELD
    assert memory.largest() >= max(before, len(held))
    del held
    if memory.reset():
        assert memory.peak() < memory.largest()
    assert memory.largest() >= HELD
