"""What all tests share: they run without a network, and repeatably."""

from __future__ import annotations

import os

from hypothesis import settings

# Nothing here may ask a model hub; without these a mistyped path would be taken for a hub's name.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples on every run: a failure in one place can be had in another. No deadline,
# because the machine may be busy.
settings.register_profile("project", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("project")
